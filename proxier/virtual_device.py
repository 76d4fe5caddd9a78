"""One Proxied Device's live CWMP face: its sources, its endpoint, and who may speak to the device when."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from cwmp_client.acs import AcsClient
from cwmp_client.endpoint import Endpoint
from cwmp_client.faults import CwmpFault
from cwmp_client.management_server import ManagementServer, ManagementServerDefaults
from cwmp_client.messages import DeviceIdStruct
from proxier import plans
from proxier.control_point import ControlPoint, ProxiedDevice
from proxier.data_models import DataModels
from proxier.device_commands import Report, report
from proxier.device_settings import cms_settings
from proxier.device_tree import TreeRow, tree_rows
from proxier.fallback_parameters import INFORM_NAMES, FallbackParameters, proxier_info
from proxier.identity import DATA_MODEL
from proxier.proxied_parameters import ProxiedParameters
from proxier.settings import DeviceSettings
from proxier.store import Instance, Store, StoreError, VirtualDeviceRecord
from translation.actions import (
    AboutTo,
    ActionCall,
    ActionResult,
    DeviceUnreachable,
    Plan,
    Service,
    StateChange,
)
from translation.changes import Meaning, events_of_return
from translation.data_model import DataModel

R = TypeVar("R")
logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
"""The wait before what an event told of is asked for again, when the device could not be asked."""

NOTE_INTERVAL = timedelta(minutes=1)

FIRST_EVENT_SECONDS = 1.0
"""How long the first session of a device waits for its events to begin, so that nothing is read twice."""


@dataclass(frozen=True, slots=True)
class House:
    """What all virtual devices of a proxier share."""

    store: Store
    acs: AcsClient
    defaults: ManagementServerDefaults
    proxier: DeviceIdStruct
    search_interval_seconds: float
    data_models: DataModels
    devices: Sequence[DeviceSettings]
    """Settings of single devices."""


class Kept(NamedTuple):
    """What the database holds of one virtual device beside its record."""

    records: Mapping[str, Any] = {}
    instances: Sequence[Instance] = ()


class VirtualDevice:
    """A Virtual CWMP Device: a record, the Proxied Device behind it, and an endpoint.

    One physical device may stand behind it under several UDNs at once.

    Source: TR-330 3.1.1, TR-069 Annex J.2
    """

    def __init__(
        self, record: VirtualDeviceRecord, kept: Kept, house: House, control_point: ControlPoint
    ) -> None:
        self.record = record
        self._control_point = control_point
        self._house = house
        self._here: dict[str, ProxiedDevice] = {}
        self._plans = asyncio.Lock()
        self._met = asyncio.Event()
        self._telling = asyncio.Lock()
        self._is_behind = asyncio.Event()
        self._heard = asyncio.Event()
        journal = house.store.journal(record.device_id)
        self.management_server = ManagementServer(house.defaults, kept.records)
        self._proxied = ProxiedParameters(
            record.device_id,
            self._drive,
            journal,
            frozenset(),
            inform_names=INFORM_NAMES,
            settings=cms_settings(record, house.devices),
            data_model=self._data_model(record.model_name),
            records=kept.records,
            instances=kept.instances,
        )
        self._fallback = FallbackParameters(record, self._proxied, kept.records)
        self.endpoint = Endpoint(
            DeviceIdStruct(record.manufacturer, record.oui, record.product_class, record.serial_number),
            self.management_server,
            [proxier_info(house.proxier), self._proxied, self._fallback],
            journal=journal,
            records=kept.records,
            acs=house.acs,
            online=False,
        )
        self.endpoint.after_each_session(self._settle)
        self.endpoint.after_each_session(self._note_session)
        if kept.records:
            self._met.set()

    def __str__(self) -> str:
        return self.record.device_id

    def is_behind(self, device: ProxiedDevice) -> bool:
        """Whether a device seen on the LAN is this one.

        Without an identity in its data model, the same UUID at another MAC address is another device.

        Source: TR-330 4.1.1
        """
        if device.udn not in (self.record.udn, *self.record.other_udns):
            return False
        elsewhere = self.record.mac and device.mac and self.record.mac != device.mac
        return self.record.identity_origin == DATA_MODEL or not elsewhere

    @property
    def devices(self) -> tuple[ProxiedDevice, ...]:
        """What is on the LAN now."""
        return tuple(self._here.values())

    def is_here_as(self, udn: str) -> bool:
        """Whether the device is on the LAN now under this UDN."""
        return udn in self._here

    def report(self) -> Report:
        """What `proxier devices` says of it."""
        last = self.endpoint.last_session
        record = (
            replace(self.record, last_session=last.ended, last_session_outcome=last.outcome)
            if last
            else self.record
        )
        return report(
            record,
            online=bool(self._here),
            pending_events=[event.event_code for event in self.endpoint.waiting],
            connection_request_url=self.management_server.connection_request_url,
        )

    def tree(self) -> list[TreeRow]:
        """What the ACS sees of it, as far as that is known without asking the device."""
        parameters = self.endpoint.parameters
        return tree_rows(parameters.known or self._proxied.known_nodes(), parameters.notification)

    async def appeared(self, device: ProxiedDevice) -> None:
        """The device is on the LAN: for the first time, again, or with another description."""
        await self._arrive(device, restarted=False, about_to=frozenset())

    async def restarted(self, device: ProxiedDevice, about_to: frozenset[AboutTo]) -> None:
        """The device is on the LAN after a restart, or after a byebye that announced one."""
        boots = {other.boot_id for other in self._here.values()} - {None}
        await self._arrive(device, restarted=device.boot_id not in boots, about_to=about_to)

    async def left(self, udn: str, reason: str) -> None:
        """The device is not on the LAN any more under this UDN."""
        if self._here.pop(udn, None) is None:
            return
        self._proxied.events_lost()
        if not self._here:
            logger.info("%s is offline: %s", self.record.device_id, reason)
            self.endpoint.online = False
            await self._note(last_seen=datetime.now(UTC))

    async def changed(self, change: StateChange) -> None:
        """Evented variables of the device changed."""
        if change.service is not Service.CMS:
            return
        try:
            async with self._telling:
                await self._tell(await self._proxied.notice(change))
            self._heard.set()
        except (CwmpFault, StoreError) as error:
            # The event comes once: what it told of is asked for until it is known.
            logger.info("%s: a change cannot be read now, and is asked for again: %s", self, error)
            self._is_behind.set()

    async def add_udn(self, udn: str) -> None:
        """The device has this UDN too. Source: TR-330 4.1.1"""
        await self.save_record(other_udns=(*self.record.other_udns, udn))

    async def save_record(self, **facts: Any) -> None:
        """Change what the database says of it.

        Raises:
            StoreError: it could not be saved.
        """
        self.record = await self._house.store.save_device(replace(self.record, **facts))

    async def _note(self, **facts: Any) -> None:
        """Change what the database says of it, if not now then with the next change."""
        try:
            await self.save_record(**facts)
        except StoreError as error:
            self.record = replace(self.record, **facts)
            logger.warning("%s: its record cannot be saved now: %s", self, error)

    async def run(self, start_delay_seconds: float) -> None:
        """Hold sessions with the ACS, and poll a device that sends no events; until cancelled.

        The sessions of a new device begin after the first look at it, so that its first Inform is complete,
        and if possible when its events have begun.
        """
        await self._met.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_EVENT_SECONDS):
                await self._heard.wait()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.endpoint.run(start_delay_seconds))
            tasks.create_task(self._poll())

    async def _drive(self, plan: Plan[R]) -> R:
        async with self._plans:
            return await plans.drive(plan, self._invoke)

    async def _invoke(self, call: ActionCall) -> ActionResult:
        for device in self._here.values():
            if call.service in device.services:
                return await self._control_point.invoke(device, call)
        raise DeviceUnreachable(f"{self.record.device_id} is offline")

    async def _arrive(self, device: ProxiedDevice, *, restarted: bool, about_to: frozenset[AboutTo]) -> None:
        if not self._here:
            logger.info("%s is online at %s", self.record.device_id, device.location)
        self._here[device.udn] = device
        self._proxied.actions = self._actions(Service.CMS)
        self._proxied.data_model = self._data_model(device.model_name)
        self._fallback.describe(device)
        services = {str(service) for each in self._here.values() for service in each.services.values()}
        await self._note(
            location=device.location,
            services=tuple(sorted(services)),
            model_name=device.model_name,
            mac=device.mac,
            last_seen=datetime.now(UTC),
        )
        await self._look()
        events = events_of_return(first=False, announced=about_to, restarted=restarted, reboot_key=None)
        if events and self._met.is_set():
            await self.endpoint.add_events(*events)
        self.endpoint.online = True
        if not self._awaits_events():
            self._heard.set()
        self._met.set()

    def _data_model(self, model_name: str) -> DataModel | None:
        return self._house.data_models.of(self.record.oui, self.record.product_class, model_name)

    def _actions(self, service: Service) -> frozenset[str]:
        provided = (
            each.services[service].actions for each in self._here.values() if service in each.services
        )
        return frozenset().union(*provided)

    async def _look(self) -> None:
        if not self._proxied.actions:
            return
        try:
            await self.endpoint.parameters.nodes()
        except CwmpFault as fault:
            logger.warning("%s: its data model cannot be read now: %s", self.record.device_id, fault)

    async def _poll(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._house.search_interval_seconds):
                    await self._is_behind.wait()
                    await asyncio.sleep(RETRY_SECONDS)
            if self._is_behind.is_set() or self._lacks_events():
                await self._poll_configuration()

    def _awaits_events(self) -> bool:
        services = (device.services.get(Service.CMS) for device in self._here.values())
        return any(service is not None and service.event_url for service in services)

    def _lacks_events(self) -> bool:
        return any(
            Service.CMS in device.services and not self._control_point.subscribed(udn, Service.CMS)
            for udn, device in self._here.items()
        )

    async def _poll_configuration(self) -> None:
        if self._lacks_events():
            self._proxied.events_lost()
        try:
            async with self._telling:
                await self._tell(await self._proxied.poll())
        except (CwmpFault, StoreError) as error:
            logger.debug("%s cannot be polled: %s", self, error)
        else:
            self._is_behind.clear()

    async def _tell(self, meaning: Meaning) -> None:
        changed = (*meaning.parameters, *self._fallback.take_changes())
        if changed:
            await self.endpoint.value_changed(*changed)
        if not self.endpoint.in_session:  # else it is done when the session is over
            await self._proxied.settled()

    async def _note_session(self) -> None:
        """Keep how the last session ended: of outcomes that are all the same, one a minute."""
        last, noted = self.endpoint.last_session, self.record
        if last is None:
            return
        is_news = last.outcome != noted.last_session_outcome
        if noted.last_session is None or is_news or last.ended - noted.last_session > NOTE_INTERVAL:
            await self._note(last_session=last.ended, last_session_outcome=last.outcome)

    async def _settle(self) -> None:
        """Read the first values of what the ACS watches since its last session: changes are told by them."""
        if self._telling.locked():  # whoever tells now settles then
            return
        try:
            async with self._telling:
                await self._proxied.settled()
        except CwmpFault as fault:
            logger.info("%s: what is watched cannot be read now: %s", self.record.device_id, fault)
