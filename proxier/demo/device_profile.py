"""What kind of device is simulated: everything about it that does not change while it runs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum, auto

NAMESPACE = uuid.UUID("3f0e6a0c-6f2c-5d8e-9a55-7a0d8c0b51d3")
"""Makes a UDN from manufacturer, product class and serial number, the same at every start."""

STRAY_BYTES = b"\0\r\n\x7f"
"""What some stacks send after the end of a document."""


class Documents(Enum):
    """How an XML document stands in the answer of an action."""

    ESCAPED = auto()
    """As text, the way of the book."""
    INLINE = auto()
    """As a live element inside its argument."""
    BARE = auto()
    """As a live element in the place of its argument."""


@dataclass(kw_only=True, eq=False)
class DeviceProfile:
    """The options of a simulated ManageableDevice. Durations are in seconds.

    Attributes:
        host: the address on which the HTTP server listens, and which LOCATION names.
        port: its port; 0 for any free one, which is then kept over reboots.
        interface: the address of the interface on which SSDP is spoken; empty for that of `host`.
        udn: with `uuid:` in front; empty for one made from the identity.
        oui: six upper-case hex digits.
        identity: whether the data model tells OUI, product class and serial number.
        version: of the device and its services, 1 or 2.
        without_services: of `BasicManagement`, `ConfigurationManagement` and `SoftwareManagement`.
        without_actions: actions left out of the SCPDs; a variable that only they refer to goes with them.
        embedded: the ManageableDevice stands inside another root device.
        advertise: whether SSDP is spoken at all.
        max_age: what CACHE-CONTROL says.
        boot_id: the BOOTID of the first start; like the clock it rises from one process to the next.
        config_id: what CONFIGID says of the description.
        boot_headers: whether BOOTID, CONFIGID and SEARCHPORT.UPNP.ORG are sent.
        byebye_first: says byebye before its first alive, as some stacks do.
        announcements_as_list: several Announcement.dm.upnp.org values as one comma list, not as headers.
        eventing: without it no variable is evented, and there is nothing to subscribe to.
        events_overtake_answers: an event arrives before the answer to the request that caused it.
        moderation: the least time between two events of ConfigurationUpdate.
        subscription_seconds: the longest subscription granted.
        notify_timeout: how long a subscriber may take over one NOTIFY.
        documents: how XML documents stand in answers.
        untidy: texts in XML documents stand in white space, and stray bytes follow answers and events.
        instance_base: the number of a table's first row, 0 or 1.
        reuse_instances: a new row gets the lowest free number, not one never used before.
        extra_parameters: parameters of a table beside the ordinary tree, ten in a row, for load.
        greatest_read: more parameters than this in one answer are refused with 709.
        commits_only: writes answer ChangesCommitted, and take effect at `apply()` or a reboot.
        software_version: of the firmware at first.
        log_bytes: size of the system log.
        reboot_seconds: how long a reboot asked for by an action lasts.
        reset_reboots: a BaselineReset reboots the device too.
        test_seconds: how long a test of BasicManagement lasts.
        operation_seconds: how long an operation of SoftwareManagement lasts.
    """

    serial: str = "0001"
    host: str = "127.0.0.1"
    port: int = 0
    interface: str = ""
    udn: str = ""
    oui: str = "00005E"
    product_class: str = "SimulatedDevice"
    manufacturer: str = "Open Proxier"
    model_name: str = "Simulated ManageableDevice"
    friendly_name: str = ""
    identity: bool = True
    version: int = 2
    without_services: AbstractSet[str] = field(default_factory=frozenset)
    without_actions: AbstractSet[str] = field(default_factory=frozenset)
    embedded: bool = False
    advertise: bool = True
    max_age: int = 1800
    boot_id: int = field(default_factory=lambda: int(time.time()))
    config_id: int = 1
    boot_headers: bool = True
    byebye_first: bool = False
    announcements_as_list: bool = False
    eventing: bool = True
    events_overtake_answers: bool = False
    moderation: float = 0.2
    subscription_seconds: int = 1800
    notify_timeout: float = 5.0
    documents: Documents = Documents.ESCAPED
    untidy: bool = False
    instance_base: int = 0
    reuse_instances: bool = False
    extra_parameters: int = 0
    greatest_read: int | None = None
    commits_only: bool = False
    software_version: str = "1.0.0"
    log_bytes: int = 4096
    reboot_seconds: float = 0.05
    reset_reboots: bool = True
    test_seconds: float = 0.03
    operation_seconds: float = 0.03

    def __post_init__(self) -> None:
        self.interface = self.interface or self.host
        self.friendly_name = self.friendly_name or f"{self.model_name} {self.serial}"
        self.udn = self.udn or self._uuid("device")

    @property
    def device_type(self) -> str:
        """The type of the simulated device."""
        return f"urn:schemas-upnp-org:device:ManageableDevice:{self.version}"

    @property
    def root_type(self) -> str:
        """The type of the root device, which is another one when the simulated device is embedded."""
        return "urn:schemas-upnp-org:device:Basic:1" if self.embedded else self.device_type

    @property
    def root_udn(self) -> str:
        """The UDN of the root device."""
        return self._uuid("root") if self.embedded else self.udn

    def _uuid(self, role: str) -> str:
        identity = f"{role}/{self.oui}/{self.product_class}/{self.serial}"
        return f"uuid:{uuid.uuid5(NAMESPACE, identity)}"
