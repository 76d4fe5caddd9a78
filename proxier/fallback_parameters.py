"""What every CPE must have, and a Proxied Device may lack: the last source of a virtual device.

Each value comes from the device's common objects where it has them, else from its description, else from
the record of its identity. ProvisioningCode is kept here for the ACS. docs/data-model.md lists them all.

Source: TR-330 4.3, TR-181 DeviceInfo, TR-069 Annex J
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from cwmp_client.datatypes import UNSIGNED_INT, Syntax
from cwmp_client.local_parameters import LocalParameter, LocalParameters
from cwmp_client.messages import DeviceIdStruct, ParameterValueStruct
from cwmp_client.parameters import Node
from proxier.control_point import ProxiedDevice
from proxier.store import VirtualDeviceRecord
from proxier.supported_data_models import TABLE, supported_data_models
from translation.data_model import DataModel
from translation.paths import SubTree

ROOT_DATA_MODEL_VERSION = "2.17"
"""The version of the TR-181 model whose rules these parameters follow."""

PROXY_PROTOCOL = "UPnP-DM"
"""Source: TR-181 DeviceInfo.ProxierInfo.ProxyProtocol"""

_DEVICE_INFO = "Device.DeviceInfo."
COMMON_OBJECTS = "Device.X_UPNP-ORG_DM.UPnP.DM.DeviceInfo."
_ROOT_VERSION = "Device.RootDataModelVersion"

COMMON: Mapping[str, tuple[str, ...]] = {
    "HardwareVersion": ("PhysicalDevice.HardwareVersion",),
    "SoftwareVersion": ("SoftwareVersion", "OperatingSystem.SoftwareVersion"),
    "ProvisioningCode": ("ProvisioningCode",),
}
"""What of DeviceInfo the common objects tell too, in the order of trust. Source: CMS, common objects"""

FORCED_INFORM = (_ROOT_VERSION, *(_DEVICE_INFO + name for name in COMMON))
"""Parameters of every Inform that a device's own tree may hold. Source: TR-181 2.17, forcedInform"""

INFORM_NAMES = (*FORCED_INFORM, *(COMMON_OBJECTS + name for names in COMMON.values() for name in names))
"""What is read at first contact, so that an Inform need not wait for the device."""

TEXT_64 = Syntax("string", max_length=64)

_TR_181 = re.compile(r"tr-181-(2-[0-9]{1,3})\b")


class OwnParameters(Protocol):
    """What is known of a device's own tree."""

    data_model: DataModel | None

    @property
    def subtrees(self) -> tuple[SubTree, ...]:
        """The data models that it says to have."""

    def has(self, name: str) -> bool:
        """Whether it has an object or a parameter of this CWMP name."""

    def cached(self, name: str) -> ParameterValueStruct | None:
        """The last known value of a parameter."""


class Description(NamedTuple):
    """What a UPnP description says that DeviceInfo asks for."""

    model: str = ""
    text: str = ""
    number: str = ""


@lru_cache(maxsize=4)
def proxier_info(proxier: DeviceIdStruct) -> LocalParameters:
    """Who proxies the device: one source for all devices, as nothing of it can be set.

    Source: TR-181 DeviceInfo.ProxierInfo, TR-069 Annex J
    """
    values = {
        "ManufacturerOUI": proxier.oui,
        "ProductClass": proxier.product_class,
        "SerialNumber": proxier.serial_number,
        "ProxyProtocol": PROXY_PROTOCOL,
    }
    return LocalParameters(
        {f"{_DEVICE_INFO}ProxierInfo.{name}": LocalParameter(value) for name, value in values.items()}
    )


class FallbackParameters(LocalParameters):
    """The source, kept up with what is known of the device.

    Args:
        record: its identity.
        own: its own parameters.
        records: what was saved before.
    """

    def __init__(self, record: VirtualDeviceRecord, own: OwnParameters, records: Mapping[str, Any]) -> None:
        self._device = record
        self._own = own
        self._seen = datetime.now(UTC)
        self._description = Description(record.model_name)
        self._made_from: object = None
        super().__init__({}, records=records)
        self._refresh()
        self._told = self._common_values()

    def describe(self, device: ProxiedDevice) -> None:
        """Take over what a description says."""
        text = device.model_description or device.friendly_name
        self._description = Description(device.model_name, text, device.model_number)
        self._refresh()
        self._told = self._common_values()

    def take_changes(self) -> tuple[ParameterValueStruct, ...]:
        """The parameters that have other values since this was last asked, because common objects have."""
        before, self._told = self._told, self._common_values()
        return tuple(value for name, value in self._told.items() if before.get(name, value) != value)

    async def nodes(self) -> Mapping[str, Node]:
        """See `ParameterSource`."""
        self._refresh()
        return await super().nodes()

    def _refresh(self) -> None:
        """Look what has to be here now; what the device has itself need not be."""
        own_table = self._own.has(TABLE)
        made_from = (self._description, self._own.data_model, self._own.subtrees, own_table)
        if made_from != self._made_from:
            self._made_from = made_from
            models = {} if own_table else supported_data_models(self._own.data_model, self._own.subtrees)
            self.replace({**self._values_of_our_own(), **models})

    def _values_of_our_own(self) -> Mapping[str, LocalParameter]:
        device, description = self._device, self._description
        info = {
            "Manufacturer": LocalParameter(device.manufacturer, TEXT_64),
            "ManufacturerOUI": LocalParameter(device.oui, TEXT_64),
            "ModelName": LocalParameter(description.model[:64], TEXT_64),
            "ModelNumber": LocalParameter(description.number[:64], TEXT_64),
            "Description": LocalParameter(description.text[:256]),
            "ProductClass": LocalParameter(device.product_class, TEXT_64),
            "SerialNumber": LocalParameter(device.serial_number, TEXT_64),
            "HardwareVersion": self._common("HardwareVersion", otherwise=description.number),
            "SoftwareVersion": self._common("SoftwareVersion"),
            "ProvisioningCode": self._common("ProvisioningCode", writable=True),
            "UpTime": LocalParameter(self._up_time, UNSIGNED_INT),
        }
        return {
            _ROOT_VERSION: LocalParameter(self._root_version()),
            **{sys.intern(_DEVICE_INFO + name): parameter for name, parameter in info.items()},
        }

    def _common(self, name: str, *, otherwise: str = "", writable: bool = False) -> LocalParameter:
        def value() -> str:
            known = (self._own.cached(COMMON_OBJECTS + each) for each in COMMON[name])
            return next((each.value[:64] for each in known if each and each.value), otherwise[:64])

        return LocalParameter(value, TEXT_64, writable=writable)

    def _common_values(self) -> Mapping[str, ParameterValueStruct]:
        """The values that are those of common objects, as far as these are known by now."""
        values = {}
        for name, sources in COMMON.items():
            known = any(self._own.cached(COMMON_OBJECTS + each) for each in sources)
            if known and not self._own.has(_DEVICE_INFO + name):
                values[name] = self._value(_DEVICE_INFO + name)
        return values

    def _root_version(self) -> str:
        """The version of the device's root model: by the configuration's data model, else by what it says."""
        if self._own.data_model and self._own.data_model.root_version:
            return self._own.data_model.root_version
        return _said_version(subtree.uri for subtree in self._own.subtrees) or ROOT_DATA_MODEL_VERSION

    def _up_time(self) -> str:
        """At least so long is the device up, as far as we have seen. The device's own UpTime comes first."""
        return str(max(0, int((datetime.now(UTC) - self._seen).total_seconds())))


def _said_version(uris: Iterable[str]) -> str:
    found = (_TR_181.search(uri.lower()) for uri in uris)
    return next((version[1].replace("-", ".") for version in found if version), "")
