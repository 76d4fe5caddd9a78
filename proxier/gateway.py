"""The proxier's own CWMP device: who it is, and the table of its virtual devices.

Source: TR-330 4.3.1, TR-069 Annex J.2, TR-181 ManagementServer.VirtualDevice
"""

from __future__ import annotations

import platform
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from cwmp_client.acs import AcsClient
from cwmp_client.datatypes import UNSIGNED_INT
from cwmp_client.endpoint import Endpoint
from cwmp_client.local_parameters import LocalParameter, LocalParameters
from cwmp_client.management_server import ManagementServer, ManagementServerDefaults
from cwmp_client.messages import DeviceIdStruct, EventCode, EventStruct, ParameterValueStruct
from proxier import __version__
from proxier.device_commands import Report
from proxier.fallback_parameters import PROXY_PROTOCOL, ROOT_DATA_MODEL_VERSION, TEXT_64
from proxier.settings import IdentitySettings
from proxier.store import GATEWAY, Store, VirtualDeviceRecord
from proxier.supported_data_models import supported_data_models

DISCOVERY_PROTOCOL = "UPnP"
"""Source: TR-181 ManagementServer.VirtualDevice.{i}.DiscoveryProtocol"""

TABLE = "Device.ManagementServer.VirtualDevice."
COUNT = "Device.ManagementServer.VirtualDeviceNumberOfEntries"
_SERIAL = "gateway_serial_number"


async def identify(settings: IdentitySettings, store: Store) -> DeviceIdStruct:
    """Who the proxier is; a serial number that the configuration leaves open is made once and kept."""
    serial = settings.serial_number or await store.meta(_SERIAL)
    if not serial:
        serial = secrets.token_hex(6).upper()
        await store.set_meta(_SERIAL, serial)
    return DeviceIdStruct(settings.manufacturer, settings.oui, settings.product_class, serial)


class Gateway:
    """The proxier as a device of the ACS."""

    def __init__(
        self,
        identity: DeviceIdStruct,
        defaults: ManagementServerDefaults,
        acs: AcsClient,
        store: Store,
        records: Mapping[str, Any],
    ) -> None:
        self.identity = identity
        self._started = datetime.now(UTC)
        self.management_server = ManagementServer(defaults, records)
        self._table = LocalParameters({}, objects=[TABLE])
        self.endpoint = Endpoint(
            identity,
            self.management_server,
            [self._table, LocalParameters(self._device_info(), records=records)],
            journal=store.journal(GATEWAY),
            records=records,
            acs=acs,
        )

    @property
    def device_id(self) -> str:
        """OUI-ProductClass-SerialNumber."""
        return f"{self.identity.oui}-{self.identity.product_class}-{self.identity.serial_number}"

    def report(self) -> Report:
        """What is said of it, in the words of `proxier devices`."""
        last = self.endpoint.last_session
        return {
            "device_id": self.device_id,
            "manufacturer": self.identity.manufacturer,
            "udn": self.device_id,
            "other_udns": [],
            "location": "",
            "services": [],
            "online": True,
            "last_session": last.ended.isoformat() if last else None,
            "last_session_outcome": last.outcome if last else None,
            "pending_events": [event.event_code for event in self.endpoint.waiting],
        }

    async def run(self) -> None:
        """Hold sessions with the ACS until cancelled. A start of the proxier is a boot of this device."""
        await self.endpoint.rebooted(EventStruct(EventCode.BOOT))
        await self.endpoint.parameters.nodes()
        await self.endpoint.run()

    async def show(self, devices: Iterable[VirtualDeviceRecord], *, changed: bool) -> None:
        """Put these devices into the VirtualDevice table; `changed` since the ACS could last read it."""
        rows = sorted(devices, key=lambda record: record.number)
        parameters = {COUNT: LocalParameter(str(len(rows)), UNSIGNED_INT)}
        for record in rows:
            parameters |= {f"{TABLE}{record.number}.{name}": value for name, value in _row(record).items()}
        self._table.replace(parameters, [TABLE])
        if changed:
            await self.endpoint.value_changed(ParameterValueStruct(COUNT, str(len(rows)), "unsignedInt"))

    def _device_info(self) -> Mapping[str, LocalParameter]:
        def up_time() -> str:
            return str(int((datetime.now(UTC) - self._started).total_seconds()))

        info = {
            "Manufacturer": LocalParameter(self.identity.manufacturer, TEXT_64),
            "ManufacturerOUI": LocalParameter(self.identity.oui, TEXT_64),
            "ModelName": LocalParameter("proxier", TEXT_64),
            "Description": LocalParameter("CPE Proxier for UPnP Device Management (TR-330)"),
            "ProductClass": LocalParameter(self.identity.product_class, TEXT_64),
            "SerialNumber": LocalParameter(self.identity.serial_number, TEXT_64),
            "HardwareVersion": LocalParameter(platform.machine()[:64], TEXT_64),
            "SoftwareVersion": LocalParameter(__version__, TEXT_64),
            "ProvisioningCode": LocalParameter("", TEXT_64, writable=True),
            "UpTime": LocalParameter(up_time, UNSIGNED_INT),
        }
        return {
            "Device.RootDataModelVersion": LocalParameter(ROOT_DATA_MODEL_VERSION),
            **{f"Device.DeviceInfo.{name}": parameter for name, parameter in info.items()},
            **supported_data_models(None),
        }


def _row(record: VirtualDeviceRecord) -> Mapping[str, LocalParameter]:
    return {
        "ManufacturerOUI": LocalParameter(record.oui, TEXT_64),
        "ProductClass": LocalParameter(record.product_class, TEXT_64),
        "SerialNumber": LocalParameter(record.serial_number, TEXT_64),
        "Host": LocalParameter(""),
        "ProxyProtocol": LocalParameter(PROXY_PROTOCOL),
        "ProxyProtocolReference": LocalParameter(""),
        "DiscoveryProtocol": LocalParameter(DISCOVERY_PROTOCOL),
        "DiscoveryProtocolReference": LocalParameter(""),
    }
