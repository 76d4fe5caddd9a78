"""The proxier itself: which Proxied Device is which virtual device, and who is told what happens to it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any

from cwmp_client.connection_request import ConnectionRequestListener
from cwmp_client.schedule import start_delay
from proxier.control_point import ControlPoint, ProxiedDevice
from proxier.control_point.complaints import Complaints
from proxier.control_socket import Command
from proxier.device_commands import Report, device_commands
from proxier.gateway import Gateway
from proxier.identity import DATA_MODEL, Identity, decide, is_wanted
from proxier.plans import drive
from proxier.settings import Settings
from proxier.store import VirtualDeviceRecord
from proxier.virtual_device import House, Kept, VirtualDevice
from translation.actions import AboutTo, DeviceUnreachable, Service, StateChange
from translation.identity import DataModelIdentity, read_identity

IDENTITY_RETRY_SECONDS = (5, 10, 30, 60, 120, 300)
"""Waits before a data model that could not be read is asked again who its device is; the last one repeats."""

logger = logging.getLogger(__name__)


class Proxier:
    """All virtual devices, and the gateway's own endpoint if there is one; it listens to the control point.

    Source: TR-330 3.2, 4.1.1
    """

    def __init__(
        self,
        settings: Settings,
        house: House,
        listener: ConnectionRequestListener,
        gateway: Gateway | None,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.control_point = ControlPoint(settings.upnp, self)
        self._settings = settings
        self._house = house
        self._listener = listener
        self._gateway = gateway
        self._tasks = tasks
        self._virtual: dict[str, VirtualDevice] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._left_out: set[str] = set()
        self._complaints = Complaints(logger, asyncio.get_running_loop().time)
        self._registering = asyncio.Lock()

    async def restore(self) -> None:
        """Bring back the virtual devices of the database, offline until they are seen."""
        records = await self._house.store.devices()
        for record in records:
            delay = start_delay(len(records), random.random())  # noqa: S311 - spreads load, guards no secret
            await self._take_in(record, await self._kept(record.device_id), delay)
        if self._gateway:
            await self._register_gateway(self._gateway)

    def commands(self) -> Mapping[str, Command]:
        """What the control socket answers."""
        return device_commands(self._reports, self._forget)

    # ------------------------------------------------------------------ DeviceListener

    async def appeared(self, device: ProxiedDevice) -> None:
        """See `DeviceListener`."""
        virtual = await self._virtual_device_of(device)
        if virtual:
            await virtual.appeared(device)

    async def restarted(self, device: ProxiedDevice, about_to: frozenset[AboutTo]) -> None:
        """See `DeviceListener`."""
        virtual = await self._virtual_device_of(device)
        if virtual:
            await virtual.restarted(device, about_to)

    async def left(self, udn: str, reason: str, _about_to: frozenset[AboutTo]) -> None:
        """See `DeviceListener`. What it announced matters when it is back."""
        self._left_out.discard(udn)
        if waiting := self._waiting.pop(udn, None):
            waiting.cancel()
        for virtual in tuple(self._virtual.values()):
            await virtual.left(udn, reason)

    async def changed(self, udn: str, change: StateChange) -> None:
        """See `DeviceListener`."""
        for virtual in tuple(self._virtual.values()):
            if virtual.is_here_as(udn):
                await virtual.changed(change)

    # ------------------------------------------------------------------ which device is which

    async def _virtual_device_of(self, device: ProxiedDevice) -> VirtualDevice | None:
        known = self._known(device)
        if known:
            return known
        try:
            model = await self._ask_identity(device)
        except DeviceUnreachable as error:
            self._ask_again(device, error)
            return None
        async with self._registering:
            return self._known(device) or await self._register(device, model)

    def _known(self, device: ProxiedDevice) -> VirtualDevice | None:
        return next((virtual for virtual in self._virtual.values() if virtual.is_behind(device)), None)

    async def _ask_identity(self, device: ProxiedDevice) -> DataModelIdentity:
        if Service.CMS not in device.services:
            return DataModelIdentity()
        actions = device.services[Service.CMS].actions
        return await drive(read_identity(actions), lambda call: self.control_point.invoke(device, call))

    def _ask_again(self, device: ProxiedDevice, error: DeviceUnreachable) -> None:
        """An identity is decided once, so a data model that cannot be read is asked again, not given up."""
        if device.udn in self._waiting:
            return
        self._complaints.say(str(device), f"who it is cannot be read yet, and is asked again: {error}")
        self._waiting[device.udn] = self._tasks.create_task(_guarded(self._keep_asking(device), device.udn))

    async def _keep_asking(self, device: ProxiedDevice) -> None:
        for seconds in chain(IDENTITY_RETRY_SECONDS, repeat(IDENTITY_RETRY_SECONDS[-1])):
            await asyncio.sleep(seconds)
            try:
                model = await self._ask_identity(device)
            except DeviceUnreachable:
                continue
            async with self._registering:
                virtual = self._known(device) or await self._register(device, model)
            self._waiting.pop(device.udn, None)
            self._complaints.withdraw(str(device))
            if virtual:
                await virtual.appeared(device)
            return

    async def _register(self, device: ProxiedDevice, model: DataModelIdentity) -> VirtualDevice | None:
        """Decide who a device is that was never seen; None when it is not to be proxied."""
        identity = decide(device, model, self._settings.identity.oui, self._virtual.__contains__)
        upnp = self._settings.upnp
        if not is_wanted(device.udn, identity.device_id, upnp.allow, upnp.deny):
            self._leave_out(device, f"the configuration does not admit {identity.device_id}")
            return None
        if upnp.strict and identity.lacks:
            self._leave_out(device, f"it lacks {' and '.join(identity.lacks)}, and upnp.strict is set")
            return None
        same = self._virtual.get(identity.device_id)
        if same and identity.origin == same.record.identity_origin == DATA_MODEL:
            logger.info("%s is the device %s under another UDN", device, identity.device_id)
            await same.add_udn(device.udn)
            return same
        if identity.lacks:
            logger.warning(
                "%s: %s is proxied although it lacks %s",
                device,
                identity.device_id,
                ", ".join(identity.lacks),
            )
        record = await self._house.store.save_device(_new_record(device, identity))
        logger.info("%s is new: virtual device %s", device, identity.device_id)
        virtual = await self._take_in(record, Kept(), 0)
        if self._gateway:
            await self._gateway.show(self._records(), changed=True)
        return virtual

    def _leave_out(self, device: ProxiedDevice, reason: str) -> None:
        self.control_point.leave_alone(device.udn)
        if device.udn not in self._left_out:
            self._left_out.add(device.udn)
            logger.info("%s is left out: %s", device, reason)

    # ------------------------------------------------------------------ live and let go

    async def _kept(self, device_id: str) -> Kept:
        store = self._house.store
        return Kept(await store.records(device_id), await store.instances(device_id))

    async def _take_in(self, record: VirtualDeviceRecord, kept: Kept, delay: float) -> VirtualDevice:
        virtual = VirtualDevice(record, kept, self._house, self.control_point)
        path = virtual.management_server.connection_request_path
        virtual.management_server.connection_request_url = await self._connection_request_url(path)
        self._listener.add(path, virtual.endpoint)
        if record.connection_request_path != path:
            await virtual.save_record(connection_request_path=path)
        self._virtual[record.device_id] = virtual
        self._running[record.device_id] = self._tasks.create_task(
            _guarded(virtual.run(delay), record.device_id), name=record.device_id
        )
        return virtual

    async def _register_gateway(self, gateway: Gateway) -> None:
        path = gateway.management_server.connection_request_path
        gateway.management_server.connection_request_url = await self._connection_request_url(path)
        self._listener.add(path, gateway.endpoint)
        await gateway.show(self._records(), changed=False)
        self._tasks.create_task(_guarded(gateway.run(), gateway.device_id), name=gateway.device_id)

    async def _connection_request_url(self, path: str) -> str:
        return await self._listener.url(
            path, self._settings.acs.url, self._settings.connection_request.public_url
        )

    def _records(self) -> list[VirtualDeviceRecord]:
        return [virtual.record for virtual in self._virtual.values()]

    async def _reports(self) -> Sequence[Report]:
        return [virtual.report() for virtual in self._virtual.values()]

    async def _forget(self, device_id: str) -> None:
        virtual = self._virtual.pop(device_id)
        self._listener.remove(virtual.management_server.connection_request_path)
        task = self._running.pop(device_id)
        task.cancel()
        await asyncio.wait([task])
        await self._house.store.forget(device_id)
        logger.info("%s is forgotten", device_id)
        if self._gateway:
            await self._gateway.show(self._records(), changed=True)


def _new_record(device: ProxiedDevice, identity: Identity) -> VirtualDeviceRecord:
    now = datetime.now(UTC)
    return VirtualDeviceRecord(
        device_id=identity.device_id,
        oui=identity.oui,
        product_class=identity.product_class,
        serial_number=identity.serial_number,
        manufacturer=identity.manufacturer,
        identity_origin=identity.origin,
        udn=device.udn,
        mac=device.mac,
        location=device.location,
        services=tuple(sorted(str(service) for service in device.services.values())),
        lacks=identity.lacks,
        first_seen=now,
        last_seen=now,
    )


async def _guarded(work: Coroutine[Any, Any, None], device_id: str) -> None:
    """Keep a defect in one device's work from ending that of the others."""
    try:
        await work
    except Exception:
        logger.exception("%s is not served any more, because of a defect in this program", device_id)
