"""The proxier itself: which Proxied Device is which virtual device, and who is told what happens to it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain, repeat
from typing import Any

from cwmp_client import trace
from cwmp_client.connection_request import ConnectionRequestListener
from cwmp_client.endpoint import CONNECTION_REQUEST_URL
from cwmp_client.messages import ParameterValueStruct
from cwmp_client.schedule import start_delay
from proxier.complaints import Complaints
from proxier.control_point import ControlPoint, ProxiedDevice
from proxier.control_socket import Command
from proxier.device_commands import Report, device_commands
from proxier.device_tree import TreeRow
from proxier.gateway import Gateway
from proxier.identity import Identity, decide, is_wanted
from proxier.plans import drive
from proxier.settings import Settings
from proxier.store import StoreError, VirtualDeviceRecord
from proxier.virtual_device import House, Kept, VirtualDevice
from translation.actions import AboutTo, DeviceUnreachable, Service, StateChange
from translation.identity import DataModelIdentity, read_identity

IDENTITY_RETRY_SECONDS = (5, 10, 30, 60, 120, 300)
"""Waits before a data model that could not be read is asked again who its device is; the last one repeats."""

PAUSE_AFTER_FAILURE_SECONDS = 10

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
        self._base_url = ""
        self._virtual: dict[str, VirtualDevice] = {}
        self._by_udn: defaultdict[str, list[VirtualDevice]] = defaultdict(list)
        """Those that are, or were, on the LAN under a UDN."""
        self._running: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._left_out: set[str] = set()
        self._complaints = Complaints(logger, asyncio.get_running_loop().time)
        self._registering = asyncio.Lock()

    async def restore(self) -> None:
        """Bring back the virtual devices of the database, offline until they are seen."""
        self._base_url = await self._find_base_url()
        self._tasks.create_task(self._follow_base_url())
        store = self._house.store
        devices = await store.devices()
        records, instances = await store.all_records(), await store.all_instances()
        for device in devices:
            delay = start_delay(len(devices), random.random())  # noqa: S311 - spreads load, guards no secret
            kept = Kept(records.get(device.device_id, {}), instances.get(device.device_id, ()))
            await self._take_in(device, kept, delay)
        if self._gateway:
            await self._register_gateway(self._gateway)

    async def close(self) -> None:
        """End what devices are asked for, while they can still be asked."""
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def commands(self) -> Mapping[str, Command]:
        """What the control socket answers."""
        return device_commands(self._reports, self._tree, self._forget)

    # ------------------------------------------------------------------ DeviceListener

    async def appeared(self, device: ProxiedDevice) -> None:
        """See `DeviceListener`."""
        virtual = await self._virtual_device_of(device)
        if virtual:
            with trace.ForDevice(str(virtual)):
                await virtual.appeared(device)

    async def restarted(self, device: ProxiedDevice, about_to: frozenset[AboutTo]) -> None:
        """See `DeviceListener`."""
        virtual = await self._virtual_device_of(device)
        if virtual:
            with trace.ForDevice(str(virtual)):
                await virtual.restarted(device, about_to)

    async def left(self, udn: str, reason: str, about_to: frozenset[AboutTo]) -> None:
        """See `DeviceListener`."""
        self._left_out.discard(udn)
        if waiting := self._waiting.pop(udn, None):
            waiting.cancel()
        for virtual in tuple(self._by_udn.get(udn, ())):
            with trace.ForDevice(str(virtual)):
                await virtual.left(udn, reason, about_to)

    async def changed(self, udn: str, change: StateChange) -> None:
        """See `DeviceListener`."""
        for virtual in tuple(self._by_udn.get(udn, ())):
            if virtual.is_here_as(udn):
                with trace.ForDevice(str(virtual)):
                    await virtual.changed(udn, change)

    # ------------------------------------------------------------------ which device is which

    async def _virtual_device_of(self, device: ProxiedDevice) -> VirtualDevice | None:
        """The virtual device of a device that is there; None when it has none, or none yet."""
        if waiting := self._waiting.pop(device.udn, None):
            waiting.cancel()
        try:
            return await self._meet(device)
        except (DeviceUnreachable, StoreError) as error:
            self._complaints.say(str(device), f"who it is cannot be told yet, and is asked again: {error}")
            self._waiting[device.udn] = self._tasks.create_task(self._keep_asking(device))
            return None

    async def _meet(self, device: ProxiedDevice) -> VirtualDevice | None:
        """Find out who a device is: once for ever, so what cannot be read yet is not done without."""
        known = self._known(device)
        if known:
            return known
        if Service.CMS in device.unread:
            raise DeviceUnreachable("what its ConfigurationManagement offers is not known yet")
        model = await self._ask_identity(device)
        async with self._registering:
            return self._known(device) or await self._register(device, model)

    async def _keep_asking(self, device: ProxiedDevice) -> None:
        for seconds in chain(IDENTITY_RETRY_SECONDS, repeat(IDENTITY_RETRY_SECONDS[-1])):
            await asyncio.sleep(seconds)
            try:
                virtual = await self._meet(device)
            except (DeviceUnreachable, StoreError):
                continue
            self._waiting.pop(device.udn, None)
            self._complaints.withdraw(str(device))
            if virtual:
                with trace.ForDevice(str(virtual)):
                    await virtual.appeared(device)
            return

    def _known(self, device: ProxiedDevice) -> VirtualDevice | None:
        candidates = self._by_udn.get(device.udn, ())
        return next((virtual for virtual in candidates if virtual.is_behind(device)), None)

    async def _ask_identity(self, device: ProxiedDevice) -> DataModelIdentity:
        if Service.CMS not in device.services:
            return DataModelIdentity()
        actions = device.services[Service.CMS].actions
        return await drive(read_identity(actions), lambda call: self.control_point.invoke(device, call))

    async def _register(self, device: ProxiedDevice, model: DataModelIdentity) -> VirtualDevice | None:
        """Decide who a device is that was never seen; None when it is not to be proxied."""
        identity = decide(device, model, self._settings.identity.oui, self._origin_of)
        upnp = self._settings.upnp
        if not is_wanted(device.udn, identity.device_id, upnp.allow, upnp.deny):
            self._leave_out(device, f"the configuration does not admit {identity.device_id}")
            return None
        if upnp.strict and identity.lacks:
            self._leave_out(device, f"it lacks {' and '.join(identity.lacks)}, and upnp.strict is set")
            return None
        same = self._virtual.get(identity.device_id)
        if same:
            logger.info("%s is the device %s under another UDN", device, identity.device_id)
            await same.add_udn(device.udn)
            self._by_udn[device.udn].append(same)
            return same
        virtual = await self._take_in(_new_record(device, identity), Kept(), 0)
        if identity.lacks:
            lacking = ", ".join(identity.lacks)
            logger.warning(
                "%s is new: virtual device %s, although it lacks %s", device, identity.device_id, lacking
            )
        else:
            logger.info("%s is new: virtual device %s", device, identity.device_id)
        if self._gateway:
            await self._gateway.show(self._records(), changed=True)
        return virtual

    def _origin_of(self, device_id: str) -> str | None:
        holder = self._virtual.get(device_id)
        return holder.record.identity_origin if holder else None

    def _leave_out(self, device: ProxiedDevice, reason: str) -> None:
        self.control_point.leave_alone(device.udn)
        if device.udn not in self._left_out:
            self._left_out.add(device.udn)
            logger.info("%s is left out: %s", device, reason)

    # ------------------------------------------------------------------ live and let go

    async def _take_in(self, record: VirtualDeviceRecord, kept: Kept, delay: float) -> VirtualDevice:
        virtual = VirtualDevice(record, kept, self._house, self.control_point)
        path = virtual.management_server.connection_request_path
        if record.connection_request_path != path:
            await virtual.save_record(connection_request_path=path)
        virtual.management_server.connection_request_url = self._connection_request_url(path)
        self._listener.add(path, virtual.endpoint)
        self._virtual[record.device_id] = virtual
        for udn in (record.udn, *record.other_udns):
            self._by_udn[udn].append(virtual)
        self._running[record.device_id] = self._tasks.create_task(
            _kept_alive(partial(virtual.run, delay), record.device_id), name=record.device_id
        )
        return virtual

    async def _register_gateway(self, gateway: Gateway) -> None:
        path = gateway.management_server.connection_request_path
        gateway.management_server.connection_request_url = self._connection_request_url(path)
        self._listener.add(path, gateway.endpoint)
        await gateway.show(self._records(), changed=False)
        self._tasks.create_task(_kept_alive(gateway.run, gateway.device_id), name=gateway.device_id)

    def _connection_request_url(self, path: str) -> str:
        return self._base_url and self._base_url + path

    async def _find_base_url(self) -> str:
        """What every ConnectionRequestURL begins with; empty as long as there is no way to the ACS."""
        acs_url, public_url = self._settings.acs.url, self._settings.connection_request.public_url
        try:
            base_url = await self._listener.url("", acs_url, public_url)
        except OSError as error:
            self._complaints.say("connection requests", f"no way to {acs_url} yet: {error}")
            return ""
        self._complaints.withdraw("connection requests")
        return base_url

    async def _follow_base_url(self) -> None:
        """Tell the ACS when our own address becomes known, or another one."""
        while True:
            await asyncio.sleep(self._settings.upnp.search_interval)
            base_url = await self._find_base_url()
            if base_url and base_url != self._base_url:
                self._base_url = base_url
                logger.info("connection requests are taken at %s from now on", base_url)
                await self._tell_connection_request_urls()

    async def _tell_connection_request_urls(self) -> None:
        owners: list[VirtualDevice | Gateway] = [*self._virtual.values()]
        for owner in owners + ([self._gateway] if self._gateway else []):
            url = self._connection_request_url(owner.management_server.connection_request_path)
            owner.management_server.connection_request_url = url
            try:
                await owner.endpoint.value_changed(ParameterValueStruct(CONNECTION_REQUEST_URL, url))
            except StoreError as error:
                # The endpoint compares the URLs again at its next start.
                logger.warning("a new ConnectionRequestURL cannot be saved: %s", error)

    def _records(self) -> list[VirtualDeviceRecord]:
        return [virtual.record for virtual in self._virtual.values()]

    async def _reports(self) -> Sequence[Report]:
        return [virtual.report() for virtual in self._virtual.values()]

    async def _tree(self, device_id: str) -> Sequence[TreeRow]:
        return self._virtual[device_id].tree()

    async def _forget(self, device_id: str) -> None:
        """Remove a virtual device; a device that is still there is met again, as a new one."""
        await self._house.store.forget(device_id)
        virtual = self._virtual.pop(device_id)
        for udn in (virtual.record.udn, *virtual.record.other_udns):
            self._by_udn[udn].remove(virtual)
        self._listener.remove(virtual.management_server.connection_request_path)
        task = self._running.pop(device_id)
        task.cancel()
        await asyncio.wait([task])
        await self._house.store.forget(device_id)  # what it has written until it ended
        logger.info("%s is forgotten", device_id)
        if self._gateway:
            await self._gateway.show(self._records(), changed=True)
        for device in virtual.devices:
            self._tasks.create_task(self._meet_again(device))

    async def _meet_again(self, device: ProxiedDevice) -> None:
        await asyncio.sleep(self._settings.upnp.search_interval)
        if device in self.control_point.devices:
            await self.appeared(device)


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
        model_name=device.model_name,
        mac=device.mac,
        location=device.location,
        services=tuple(sorted(str(service) for service in device.services.values())),
        lacks=identity.lacks,
        first_seen=now,
        last_seen=now,
    )


async def _kept_alive(work: Callable[[], Coroutine[Any, Any, None]], device_id: str) -> None:
    """Keep a failure in one device's work, such as a full disk, from ending it or that of the others."""
    while True:
        try:
            with trace.ForDevice(device_id):
                await work()
        except Exception:
            logger.exception("%s is not served for %d s", device_id, PAUSE_AFTER_FAILURE_SECONDS)
            await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)
