"""What every CPE must have, and a Proxied Device may lack: the last source of a virtual device.

Each value comes from the device's common objects where it has them, else from its description, else from
the record of its identity. ProvisioningCode is kept here for the ACS.

Source: TR-330 4.3, TR-181 DeviceInfo, TR-069 Annex J
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from cwmp_client.datatypes import UNSIGNED_INT, Syntax
from cwmp_client.local_parameters import LocalParameter, LocalParameters
from cwmp_client.messages import DeviceIdStruct, ParameterValueStruct
from proxier.control_point import ProxiedDevice
from proxier.store import VirtualDeviceRecord

ROOT_DATA_MODEL_VERSION = "2.17"
"""The version of the TR-181 model whose rules these parameters follow."""

PROXY_PROTOCOL = "UPnP-DM"
"""Source: TR-181 DeviceInfo.ProxierInfo.ProxyProtocol"""

_COMMON_OBJECTS = "Device.X_UPNP-ORG_DM.UPnP.DM.DeviceInfo."

FORCED_INFORM = (
    "Device.RootDataModelVersion",
    "Device.DeviceInfo.HardwareVersion",
    "Device.DeviceInfo.SoftwareVersion",
    "Device.DeviceInfo.ProvisioningCode",
)
"""Parameters of every Inform that a device's own tree may hold. Source: TR-181 2.17, forcedInform"""

INFORM_NAMES = (
    *FORCED_INFORM,
    f"{_COMMON_OBJECTS}PhysicalDevice.HardwareVersion",
    f"{_COMMON_OBJECTS}SoftwareVersion",
    f"{_COMMON_OBJECTS}OperatingSystem.SoftwareVersion",
)
"""What is read at first contact, so that an Inform need not wait for the device."""

TEXT_64 = Syntax("string", max_length=64)


class Cache(Protocol):
    """Last known values of a device."""

    def cached(self, name: str) -> ParameterValueStruct | None:
        """The last known value of a parameter."""


def proxier_info(proxier: DeviceIdStruct) -> LocalParameters:
    """Who proxies the device. Source: TR-181 DeviceInfo.ProxierInfo, TR-069 Annex J"""
    values = {
        "ManufacturerOUI": proxier.oui,
        "ProductClass": proxier.product_class,
        "SerialNumber": proxier.serial_number,
        "ProxyProtocol": PROXY_PROTOCOL,
    }
    return LocalParameters(
        {f"Device.DeviceInfo.ProxierInfo.{name}": LocalParameter(value) for name, value in values.items()}
    )


class FallbackParameters:
    """The source, kept up with what is known of the device.

    Args:
        record: its identity.
        cache: its own values.
        records: what was saved before.
    """

    def __init__(self, record: VirtualDeviceRecord, cache: Cache, records: Mapping[str, Any]) -> None:
        self._record = record
        self._cache = cache
        self._seen = datetime.now(UTC)
        self.source = LocalParameters(self._parameters("", "", ""), records=records)

    def describe(self, device: ProxiedDevice) -> None:
        """Take over what a description says."""
        text = device.model_description or device.friendly_name
        self.source.replace(self._parameters(device.model_name, text, device.model_number))

    def _parameters(self, model: str, text: str, hardware: str) -> Mapping[str, LocalParameter]:
        record = self._record
        info = {
            "Manufacturer": LocalParameter(record.manufacturer, TEXT_64),
            "ManufacturerOUI": LocalParameter(record.oui, TEXT_64),
            "ModelName": LocalParameter(model[:64], TEXT_64),
            "Description": LocalParameter(text[:256]),
            "ProductClass": LocalParameter(record.product_class, TEXT_64),
            "SerialNumber": LocalParameter(record.serial_number, TEXT_64),
            "HardwareVersion": self._common("PhysicalDevice.HardwareVersion", otherwise=hardware),
            "SoftwareVersion": self._common("SoftwareVersion", "OperatingSystem.SoftwareVersion"),
            "ProvisioningCode": LocalParameter("", TEXT_64, writable=True),
            "UpTime": LocalParameter(self._up_time, UNSIGNED_INT),
        }
        return {
            "Device.RootDataModelVersion": LocalParameter(ROOT_DATA_MODEL_VERSION),
            **{f"Device.DeviceInfo.{name}": parameter for name, parameter in info.items()},
        }

    def _common(self, *names: str, otherwise: str = "") -> LocalParameter:
        def value() -> str:
            known = (self._cache.cached(_COMMON_OBJECTS + name) for name in names)
            return next((each.value[:64] for each in known if each and each.value), otherwise[:64])

        return LocalParameter(value, TEXT_64)

    def _up_time(self) -> str:
        """At least so long is the device up, as far as we have seen. The device's own UpTime comes first."""
        return str(max(0, int((datetime.now(UTC) - self._seen).total_seconds())))
