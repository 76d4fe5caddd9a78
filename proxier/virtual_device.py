"""One Proxied Device's live CWMP face: its sources, its endpoint, and what one has to know of the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from yarl import URL

from cwmp_client.acs import AcsClient
from cwmp_client.endpoint import Endpoint
from cwmp_client.faults import CwmpFault
from cwmp_client.management_server import ManagementServer, ManagementServerDefaults
from cwmp_client.messages import CpeRequest, DeviceIdStruct, EventCode, EventStruct
from cwmp_client.outbox import RECORD as OUTBOX
from cwmp_client.wake import Wake
from proxier.configuration_changes import RETRY_SECONDS, ConfigurationChanges
from proxier.control_point import ControlPoint, ProxiedDevice
from proxier.data_models import DataModels
from proxier.device_commands import Report, report
from proxier.device_operations import DeviceOperations
from proxier.device_settings import cms_settings
from proxier.device_tree import TreeRow, tree_rows
from proxier.fallback_parameters import INFORM_NAMES, FallbackParameters, proxier_info
from proxier.identity import DATA_MODEL
from proxier.operations import Ports
from proxier.physical_device import PhysicalDevice
from proxier.proxied_parameters import ProxiedParameters
from proxier.relay import Relay
from proxier.rounds import Rounds
from proxier.settings import DeviceSettings, FirmwareSettings
from proxier.store import Instance, Store, StoreError, VirtualDeviceRecord
from proxier.transfer import FileTransfers
from translation.actions import AboutTo, Service, StateChange
from translation.data_model import DataModel
from translation.operations import NO_MARKS, BootMarks, Transfer

logger = logging.getLogger(__name__)

NOTE_INTERVAL = timedelta(minutes=1)

FIRST_EVENT_SECONDS = 1.0
"""How long the first look at a new device waits for its events to begin, so that nothing is read twice."""


class House(Struct, frozen=True):
    """What all virtual devices of a proxier share."""

    store: Store
    acs: AcsClient
    files: FileTransfers
    relay: Relay
    defaults: ManagementServerDefaults
    proxier: DeviceIdStruct
    search_interval_seconds: float
    data_models: DataModels
    firmware: FirmwareSettings
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
        self.record = self._saved = record
        self._house = house
        self._device = PhysicalDevice(record.device_id, record.udn, control_point)
        self._is_new = OUTBOX not in kept.records
        """Whether the ACS was never told of it."""
        self._met = Wake()
        self._awaited: frozenset[Service] = frozenset()
        """The services whose events are to begin."""
        self._heard = Wake()
        """All events have begun."""
        journal = house.store.journal(record.device_id)
        self.management_server = ManagementServer(house.defaults, kept.records)
        self._proxied = ProxiedParameters(
            record.device_id,
            self._device.drive,
            journal,
            frozenset(),
            inform_names=INFORM_NAMES,
            settings=cms_settings(record, house.devices),
            data_model=self._data_model(record.model_name),
            records=kept.records,
            instances=kept.instances,
        )
        self._operations = DeviceOperations(
            record.device_id,
            Ports(journal, self._save_report, self._device.drive, self._transfer, renew=self._renew),
            own_names=self._proxied.known_nodes,
            tells_of=self._device.tells_of,
            firmware=house.firmware,
            records=kept.records,
        )
        self._fallback = FallbackParameters(record, self._proxied, kept.records)
        self.endpoint = Endpoint(
            DeviceIdStruct(record.manufacturer, record.oui, record.product_class, record.serial_number),
            self.management_server,
            [proxier_info(house.proxier), self._proxied, *self._operations.sources, self._fallback],
            journal=journal,
            records=kept.records,
            acs=house.acs,
            methods=self._operations.methods,
            transfers=self._operations.transfers,
            online=False,
        )
        self._polls = Rounds(self._poll)
        self._configuration = ConfigurationChanges(
            self._device, self._proxied, self._fallback, self.endpoint, self._polls.hasten
        )
        self.endpoint.after_each_session(self._settle)
        self.endpoint.after_each_session(self._note_session)
        if not self._is_new:
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
        return self._device.faces

    def is_here_as(self, udn: str) -> bool:
        """Whether the device is on the LAN now under this UDN."""
        return self._device.here_as(udn) is not None

    def report(self) -> Report:
        """What `proxier devices` says of it."""
        record, last = self.record, self.endpoint.last_session
        if last:
            record = replace(record, last_session=last.ended, last_session_outcome=last.outcome)
        return report(
            record,
            online=self.endpoint.online,
            pending_events=[event.event_code for event in self.endpoint.waiting],
            connection_request_url=self.management_server.connection_request_url,
        )

    def tree(self) -> list[TreeRow]:
        """What the ACS sees of it, as far as that is known without asking the device."""
        parameters = self.endpoint.parameters
        return tree_rows(parameters.known or self._proxied.known_nodes(), parameters.notification)

    async def appeared(self, device: ProxiedDevice) -> None:
        """The device is on the LAN: for the first time, again, or with another description."""
        before = self._device.here_as(device.udn)
        await self._take(device)
        if before is None:
            await self._let_happen(self._operations.returned(await self._marks(device)))
        elif before.boot_id != device.boot_id:
            await self._let_happen(self._operations.marked(await self._marks(device)))
        await self._be_online()

    async def restarted(self, device: ProxiedDevice, about_to: frozenset[AboutTo]) -> None:
        """The device is on the LAN after a restart, or after a byebye that announced one."""
        is_news = self._device.restart(device.udn)
        await self._take(device)
        marks = await self._marks(device)
        if is_news:
            await self._let_happen(self._operations.restarted(marks, about_to))
        else:
            await self._let_happen(self._operations.returned(marks))
        await self._be_online()

    async def left(self, udn: str, reason: str, about_to: frozenset[AboutTo]) -> None:
        """The device is not on the LAN any more under this UDN; its byebye may have announced something."""
        if not self._device.leave(udn):
            return
        self._proxied.events_lost()
        if not self._device.is_here:
            logger.info("%s is offline: %s", self.record.device_id, reason)
            self.endpoint.online = False
            await self._note(last_seen=datetime.now(UTC))
        if about_to or not self._device.is_here:
            await self._let_happen(self._operations.left(about_to))

    async def changed(self, udn: str, change: StateChange) -> None:
        """Evented variables of the device changed; those of a service that is not used mean nothing."""
        if not self._device.is_provided_by(udn, change.service):
            return
        if change.service is Service.CMS:
            await self._configuration.notice(change)
        await self._let_happen(self._operations.changed(change))
        await self._let_happen(self._tell_of_services())
        if change.complete:
            self._await_events(self._awaited - {change.service})

    async def add_udn(self, udn: str) -> None:
        """The device has this UDN too. Source: TR-330 4.1.1"""
        await self.save_record(other_udns=(*self.record.other_udns, udn))

    async def save_record(self, **facts: Any) -> None:
        """Change what the database says of it.

        Raises:
            StoreError: it could not be saved.
        """
        self.record = self._saved = await self._house.store.save_device(replace(self.record, **facts))

    async def _note(self, **facts: Any) -> None:
        """Change what the database says of it: at once, or with the next change if that fails.

        Times alone are saved once a minute, as flash wears out.
        """
        record, saved = replace(self.record, **facts), self._saved
        is_known = record == replace(
            saved, last_seen=record.last_seen, last_session=saved.last_session and record.last_session
        )
        if is_known and not _is_later(record, saved):
            self.record = record
            return
        try:
            await self.save_record(**facts)
        except StoreError as error:
            self.record = record
            logger.warning("%s: its record cannot be saved now: %s", self, error)

    async def run(self, start_delay_seconds: float) -> None:
        """Hold sessions with the ACS, go on with operations, poll a device without events; until cancelled.

        The sessions of a new device begin after the first look at it, so that its first Inform is complete.
        That look is taken when its events have begun, if they do: what changes from then on, they tell.
        """
        await self._operations.start(self.endpoint.parameters.notified)
        try:
            await self._met.wait()
            await self._heard.wait(FIRST_EVENT_SECONDS)
            if self._is_new:
                await self._look_first()
                self._is_new = False
            self._polls.begin(self._until_poll)
            await self.endpoint.run(start_delay_seconds)
        finally:
            await self._polls.close()
            await self._operations.close()

    async def _let_happen(self, what: Awaitable[None]) -> None:
        """Let the operations hear of something, and stay with the device if that cannot be saved."""
        try:
            await what
        except StoreError as error:
            logger.warning("%s: what happened to it cannot be saved: %s", self, error)

    async def _transfer(self, transfer: Transfer) -> str | None:
        """Returns where the device gets the file, if that is what it was about."""
        if transfer.target:
            await self._house.files.upload(transfer, self._device.reached(Service.BMS).location)
            return None
        address = self._device.reached(Service.SMS).address
        return await self._house.relay.offer(transfer, self.record.device_id, address)

    async def _renew(self, url: str, transfer: Transfer) -> None:
        """Hand on a file to the device where it was last, as it may not wait until it is found again."""
        address = URL(self.record.location).host or ""
        await self._house.relay.renew(url, transfer, self.record.device_id, address)

    async def _save_report(
        self, events: Sequence[EventStruct], requests: Sequence[CpeRequest], records: Mapping[str, Any]
    ) -> None:
        """See `SaveReport`; all that a reboot or a reset makes void goes in the same transaction."""
        codes = {event.event_code for event in events}
        await self._tell_of_services()
        if EventCode.BOOT in codes:
            records = {**records, **self._operations.rebooted()}
        if EventCode.BOOTSTRAP in codes:
            forgotten = {**self._proxied.baseline_reset(), **self._fallback.factory_reset()}
            await self.endpoint.factory_reset(*events, requests=requests, records={**records, **forgotten})
        elif EventCode.BOOT in codes:
            await self.endpoint.rebooted(*events, requests=requests, records=records)
        else:
            await self.endpoint.add_events(*events, requests=requests, records=records)

    async def _tell_of_services(self) -> None:
        """Tell the ACS what it wants to be told of the parameters that stand for services."""
        if changed := self._operations.changed_values():
            await self.endpoint.value_changed(*changed)

    async def _take(self, device: ProxiedDevice) -> None:
        if not self._device.is_here:
            logger.info("%s is online at %s", self.record.device_id, device.location)
        self._device.appear(device)
        self._proxied.actions = self._device.actions(Service.CMS)
        self._proxied.data_model = self._data_model(device.model_name)
        self._fallback.describe(device)
        await self._note(
            location=device.location,
            services=self._device.services,
            model_name=device.model_name,
            mac=device.mac,
            last_seen=datetime.now(UTC),
        )
        await self._let_happen(self._operations.offer(self._device.actions))

    async def _be_online(self) -> None:
        """Look what there is now that it is known whether the device has restarted."""
        self._await_events(self._device.telling)
        if not self._is_new:
            await self._look()
        self.endpoint.online = True
        self._met.set()

    def _await_events(self, services: frozenset[Service]) -> None:
        self._awaited = services
        if not services:
            self._heard.set()

    async def _look_first(self) -> None:
        """Look at a new device; one that has just left is looked at when it is back, others twice at most."""
        if not await self._look():
            await asyncio.sleep(RETRY_SECONDS)
            while not self._device.is_here:
                self._met.clear()
                await self._met.wait()
            await self._look()

    async def _look(self) -> bool:
        """Read what the device has, as far as it is not known; False if it cannot be asked."""
        try:
            await self.endpoint.parameters.nodes()
        except (CwmpFault, StoreError) as error:
            logger.warning("%s: its data model cannot be read now: %s", self, error)
            return False
        return True

    async def _marks(self, device: ProxiedDevice) -> BootMarks:
        return await self._device.marks(device, self._proxied)

    def _data_model(self, model_name: str) -> DataModel | None:
        return self._house.data_models.of(self.record.oui, self.record.product_class, model_name)

    async def _poll(self) -> float:
        """Ask a device for what no event tells; see `Rounds`."""
        await self._configuration.keep_up()
        await self._let_happen(self._operations.poll())
        for face in self._device.faces:
            if self._device.must_be_asked_for_marks(face):
                await self._poll_marks(face)
        return self._until_poll

    @property
    def _until_poll(self) -> float:
        interval = self._house.search_interval_seconds
        return min(RETRY_SECONDS, interval) if self._configuration.is_behind else interval

    async def _poll_marks(self, device: ProxiedDevice) -> None:
        """See whether a device has restarted of which nothing would tell."""
        marks = await self._marks(device)
        if marks != NO_MARKS:
            await self._let_happen(self._operations.returned(marks))

    async def _note_session(self) -> None:
        if last := self.endpoint.last_session:
            await self._note(last_session=last.ended, last_session_outcome=last.outcome)

    async def _settle(self) -> None:
        """Begin what was put off until the session is over."""
        await self._operations.session_ended()
        await self._configuration.settle()


def _is_later(record: VirtualDeviceRecord, saved: VirtualDeviceRecord) -> bool:
    """Whether a record has times that are worth saving, if nothing else of it has changed."""
    times = ((record.last_seen, saved.last_seen), (record.last_session, saved.last_session))
    return any(new and old and new - old > NOTE_INTERVAL for new, old in times)
