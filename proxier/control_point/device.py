"""What the rest of the program knows of a UPnP device: frozen values, small enough to keep a thousand.

A device's services are those of UPnP Device Management only. What an SCPD declares is shared by all services
whose SCPDs are the same, since a house of a thousand equal sensors has only one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from msgspec import Struct

from translation.actions import AboutTo, Service, StateChange

NEWEST_VERSION = 2
"""Of all three services; a newer one is used as this one, which it includes. Source: UDA 1.1 2.7"""

_CMS_REQUIRED = frozenset(
    {
        "GetSupportedDataModels",
        "GetSupportedParameters",
        "GetInstances",
        "GetValues",
        "GetAttributes",
        "GetConfigurationUpdate",
        "GetCurrentConfigurationVersion",
        "GetSupportedDataModelsUpdate",
        "GetSupportedParametersUpdate",
    }
)
_SMS_REQUIRED = frozenset(
    {
        "Install",
        "Update",
        "Uninstall",
        "Start",
        "Stop",
        "GetDUIDs",
        "GetEUIDs",
        "GetActiveEUIDs",
        "GetRunningEUIDs",
        "GetErrorEUIDs",
        "GetOperationIDs",
        "GetOperationInfo",
    }
)

REQUIRED_ACTIONS: Mapping[tuple[Service, int], frozenset[str]] = {
    (Service.CMS, 1): _CMS_REQUIRED,
    (Service.CMS, 2): _CMS_REQUIRED,
    (Service.BMS, 1): frozenset({"GetSequenceMode"}),
    (Service.BMS, 2): frozenset({"GetDeviceStatus"}),
    (Service.SMS, 1): _SMS_REQUIRED,
    (Service.SMS, 2): _SMS_REQUIRED,
}
"""Actions that are not optional in the service templates. Source: CMS:1, CMS:2, BMS:1, BMS:2, SMS:1, SMS:2"""

INDISPENSABLE: Mapping[tuple[Service, int], frozenset[str]] = {
    **REQUIRED_ACTIONS,
    (Service.CMS, 1): frozenset({"GetSupportedParameters", "GetInstances", "GetValues"}),
    (Service.CMS, 2): frozenset({"GetSupportedParameters", "GetInstances", "GetValues"}),
    (Service.SMS, 1): frozenset({"GetOperationIDs", "GetOperationInfo"}),
    (Service.SMS, 2): frozenset({"GetOperationIDs", "GetOperationInfo"}),
}
"""Those of the required actions without which a service is left out: devices in the field lack others."""


class Scpd(Struct, frozen=True, dict=True, weakref=True):
    """What a service description declares: actions with their input arguments in order, evented variables."""

    arguments: Mapping[str, tuple[str, ...]]
    """Names of the input arguments, in the SCPD's order, by action."""
    evented: frozenset[str]

    @cached_property
    def actions(self) -> frozenset[str]:
        """The names of all actions."""
        return frozenset(self.arguments)


class ProxiedService(Struct, frozen=True):
    """One Device Management service of a device; URLs are absolute and point at the device."""

    service: Service
    service_type: str
    version: int
    control_url: str
    event_url: str
    """Empty where the service has no events."""
    scpd: Scpd

    @property
    def actions(self) -> frozenset[str]:
        """The names of the actions that its SCPD declares."""
        return self.scpd.actions

    @property
    def arguments(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the input arguments, in the SCPD's order, by action."""
        return self.scpd.arguments

    @property
    def evented(self) -> frozenset[str]:
        """The names of the evented variables."""
        return self.scpd.evented

    @property
    def missing(self) -> frozenset[str]:
        """The required actions of its version that the SCPD does not declare."""
        return REQUIRED_ACTIONS[self.service, min(self.version, NEWEST_VERSION)] - self.scpd.arguments.keys()

    def __str__(self) -> str:
        return f"{self.service.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class ProxiedDevice:
    """A root or embedded device with at least one Device Management service. Source: TR-330 4.1.1"""

    udn: str
    """As its description spells it, `uuid:` in front."""
    root_udn: str
    """The UDN of the root device; its own where it is the root."""
    location: str
    """The description in use."""
    address: str
    """The IP address that it announced itself from, or that its configured location has."""
    services: Mapping[Service, ProxiedService]
    unread: frozenset[Service] = frozenset()
    """Services that it has too and whose SCPD could not be fetched in several tries; it is tried on."""
    device_type: str = ""
    friendly_name: str = ""
    manufacturer: str = ""
    model_name: str = ""
    model_number: str = ""
    model_description: str = ""
    serial_number: str = ""
    mac: str = ""
    """Twelve upper-case hex digits from the neighbour table; empty where it is unknown, as on loopback."""
    boot_id: int | None = None
    """BOOTID.UPNP.ORG; None where the device does not send it."""
    server: str = field(default="", compare=False)
    """The SERVER header: operating system, UPnP version, product; a hint at its software, nothing more."""
    other_locations: tuple[str, ...] = field(default=(), compare=False)
    """Descriptions at further addresses, known when this one was read: what is fallen back to."""

    def __str__(self) -> str:
        return f"{self.friendly_name or self.model_name or 'device'} ({self.udn} at {self.address})"


class Found(Struct, frozen=True):
    """What one search found: a device, and what of it can be proxied, or why nothing can."""

    udn: str
    """Empty where not even the description could be read."""
    location: str
    address: str
    device_type: str = ""
    friendly_name: str = ""
    manufacturer: str = ""
    model_name: str = ""
    serial_number: str = ""
    services: tuple[str, ...] = ()
    """What could be proxied, as `CMS:2`."""
    reasons: tuple[str, ...] = ()
    """Why nothing, or one of its Device Management services, is left out."""


class DeviceListener(Protocol):
    """Who is told of devices.

    Calls for one device come in order and never two at once; calls for different devices run side by side.
    An exception that escapes is logged and goes no further.
    """

    async def appeared(self, device: ProxiedDevice) -> None:
        """A device is there: new, or back, or there all the time with another description or location."""

    async def restarted(self, device: ProxiedDevice, about_to: frozenset[AboutTo]) -> None:
        """A device is there, and has restarted; told in place of `appeared`.

        `about_to` is what it announced in the byebye before, which may have come before the first `appeared`
        since our own start. It is empty where only BOOTID.UPNP.ORG changed without an ssdp:update.
        """

    async def left(self, udn: str, reason: str, about_to: frozenset[AboutTo]) -> None:
        """A device that was there is gone: byebye, expiry, silence. `about_to` as in `restarted`."""

    async def changed(self, udn: str, change: StateChange) -> None:
        """A device that is there sent an event."""
