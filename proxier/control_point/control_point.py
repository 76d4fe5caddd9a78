"""The control point: one object that finds devices, calls their actions and hears their events."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self

from yarl import URL

from proxier.complaints import Complaints
from proxier.control_point.admission import may_be_admitted
from proxier.control_point.callbacks import CallbackServer
from proxier.control_point.deliveries import Deliveries, Delivery
from proxier.control_point.description import Description, DescriptionReader
from proxier.control_point.device import DeviceListener, ProxiedDevice
from proxier.control_point.discovery import News, Sighting, Tracker
from proxier.control_point.documents import (
    DocumentFetcher,
    DocumentRefused,
    DocumentUnavailable,
    address_of,
    describe,
    url_at,
)
from proxier.control_point.eventing import Eventing
from proxier.control_point.interfaces import SsdpNetwork
from proxier.control_point.invoke import ActionObserver, ControlUrlGone, Invoker
from proxier.control_point.lines import Lines
from proxier.control_point.presence import silence_of
from proxier.control_point.reading import Readings
from proxier.control_point.ssdp import ROOT_DEVICE, Kind, SsdpMessage, may_concern_us, read_message
from proxier.control_point.tasks import Tasks
from proxier.rounds import Rounds
from proxier.settings import UpnpSettings
from translation.actions import (
    AboutTo,
    ActionCall,
    ActionResult,
    DeviceUnreachable,
    Service,
    StateChange,
)

MOST_RESTARTS: Final = 4096
"""Devices known to have restarted whose description could not be read yet."""

_LOGGER = logging.getLogger(__name__)


class ControlPoint:
    """Finds devices, calls their actions, hears their events.

    `async with ControlPoint(settings, listener) as control_point:` opens the sockets and starts the first
    search; leaving it unsubscribes, closes all and waits at most a few seconds. It is made in a running loop.

    Raises:
        CannotHearEvents: on entering, when no events can be received at `callback_host` and `callback_port`.
    """

    def __init__(self, settings: UpnpSettings, listener: DeviceListener) -> None:
        self._search_interval = settings.search_interval
        self._configured = dict.fromkeys(str(URL(location)) for location in settings.locations)
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._complaints = Complaints(_LOGGER, self._loop.time)
        self._tasks = Tasks()
        self._deliveries = Deliveries()
        self._lines = Lines(settings.action_timeout)
        self._invoker = Invoker(self._lines)
        self._callbacks = CallbackServer(settings.callback_host, settings.callback_port)
        self._eventing = Eventing(self._lines, self._callbacks, self._changed, self._doubt)
        self._reader = DescriptionReader(
            DocumentFetcher(self._lines),
            partial(may_be_admitted, allow=settings.allow, deny=settings.deny),
        )
        self._readings = Readings(self._reader, self._settle, self._avoid, self._complaints)
        self._network = SsdpNetwork(settings.interfaces, self._hear)
        self._tracker = Tracker()
        self._timer: asyncio.TimerHandle | None = None
        self._exits = AsyncExitStack()
        self._there: dict[str, ProxiedDevice] = {}
        self._restarts: dict[str, frozenset[AboutTo]] = {}
        self._doubted: set[str] = set()
        self._left_alone: set[str] = set()

    async def __aenter__(self) -> Self:
        async with self._exits as exits:
            await exits.enter_async_context(self._lines)
            await exits.enter_async_context(self._callbacks)
            exits.push_async_callback(self._deliveries.close)
            await exits.enter_async_context(self._eventing)
            exits.push_async_callback(self._readings.close)
            exits.push_async_callback(self._tasks.close)
            exits.callback(self._stop_listening)
            await self._network.refresh()
            self._tasks.start(self._search())
            for location in self._configured:
                url = URL(location)
                rounds = Rounds(partial(self._visit, location, url.host or "", url.port))
                exits.push_async_callback(rounds.close)
                rounds.begin()
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    @property
    def devices(self) -> tuple[ProxiedDevice, ...]:
        """The devices that are there now."""
        return tuple(self._there.values())

    async def invoke(self, device: ProxiedDevice, call: ActionCall) -> ActionResult:
        """Call an action; calls to one device are carried out one after the other, in order.

        The device need not be there any more. The arguments are sent as the SCPD orders them.

        Raises:
            ActionError: the device refused it, or its SCPD does not declare the action (401).
            DeviceUnreachable: there was no answer that can be read within `action_timeout`.
        """
        try:
            return await self._invoker.invoke(device, call)
        except (DeviceUnreachable, ControlUrlGone):
            self._doubt(device.udn)
            raise

    @property
    def action_observers(self) -> list[ActionObserver]:
        """They are told of each call of an action."""
        return self._invoker.observers

    def subscribed(self, udn: str, service: Service) -> bool:
        """Whether a service's events arrive: the subscription lives and its first event has come.

        Where they do not, the service's state has to be polled.
        """
        return self._eventing.live(udn, service)

    def leave_alone(self, udn: str) -> None:
        """The listener does not want a device: subscribe to nothing of it, until it is told of it anew."""
        self._left_alone.add(udn.lower())
        self._tasks.start(self._eventing.release(udn))

    def _hear(self, datagram: bytes, source: str) -> None:
        if not may_concern_us(datagram):
            return
        message = read_message(datagram)
        if message is None or not self._is_plausible(message, source):
            return
        sighting = self._tracker.receive(message, source, self._loop.time())
        if sighting is not None:
            self._note(sighting)
        elif message.kind is Kind.ALIVE and message.boot_id is None and not message.is_answer:
            for device in self._affected(message.udn):
                self._eventing.doubt(device.udn)
        self._set_timer()

    def _is_plausible(self, message: SsdpMessage, source: str) -> bool:
        """Whether a message concerns us, and speaks of nothing but its sender."""
        known = message.udn in self._tracker
        if message.kind is Kind.BYEBYE:
            return message.is_of_device
        if not (message.is_device_management or message.target == ROOT_DEVICE):
            return known and message.kind is Kind.UPDATE
        if known and self._tracker.locations(message.udn).get(message.location) == source:
            return True
        try:
            url_at(message.location, source)
        except DocumentRefused as refused:
            self._complaints.say(f"{message.udn} at {source}", f"not proxied: LOCATION {refused}")
            return False
        return True

    def _set_timer(self) -> None:
        due = self._tracker.next_due()
        if due is not None and (self._timer is None or due < self._timer.when()):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._let_go)

    def _let_go(self) -> None:
        self._timer = None
        for sighting in self._tracker.due(self._loop.time()):
            self._note(sighting)
        self._set_timer()

    def _note(self, sighting: Sighting) -> None:
        udn = sighting.udn
        self._readings.forget(sighting.displaced)
        if sighting.news is News.LEFT:
            self._readings.forget(udn)
            for device in self._affected(udn):
                self._lose(device, sighting.reason, sighting.about_to)
            return
        location, address = next(iter(self._tracker.locations(udn).items()))
        if sighting.news is News.FOUND:
            self._readings.want(udn, location, address, is_there=udn in self._there)
            return
        affected = self._affected(udn)
        if sighting.news is News.UPDATED and all(device.location == location for device in affected):
            for device in affected:
                self._tell(replace(device, boot_id=self._tracker.boot_id(udn)))
            return
        if sighting.news is News.RESTARTED:
            self._restarts[udn] = self._restarts.pop(udn, frozenset()) | sighting.about_to
            if len(self._restarts) > MOST_RESTARTS:
                del self._restarts[next(iter(self._restarts))]
        elif sighting.news is News.RETURNED:
            for device in affected:
                self._eventing.renew(device.udn)
        self._readings.want_again(udn, location, address)

    def _affected(self, udn: str) -> list[ProxiedDevice]:
        """The device itself, or all in its tree that are not announced on their own."""
        return [
            device
            for key, device in self._there.items()
            if key == udn or (device.root_udn.lower() == udn and key not in self._tracker)
        ]

    def _settle(self, description: Description, wait: bool = False) -> None:  # noqa: FBT001, FBT002 - a callback
        """Compare what was read with what is there, and tell the listener.

        `wait`: not of devices with services that may be read soon, since what a device is taken for then
        depends on them.
        """
        subject = f"{description.friendly_name or description.root_udn} at {description.location}"
        for left_out in description.left_out:
            level = logging.INFO if left_out.on_purpose else logging.WARNING
            self._complaints.say(f"{left_out.what} of {subject}", f"not proxied: {left_out.reason}", level)
        if description.devices or description.left_out:
            self._complaints.withdraw(description.location)
        else:
            offered = ", ".join(sorted(set(description.offered))) or "nothing"
            reason = f"not proxied: no Device Management service, it offers {offered[:500]}"
            self._complaints.say(subject, reason, logging.INFO)
        answered_for: set[str] = set()
        for device in description.devices:
            announced = self._announced(device)
            if wait and device.unread:
                continue
            if announced in self._tracker or description.location in self._configured:
                answered_for.add(announced)
                self._take(device, announced)
        for udn in answered_for:
            self._restarts.pop(udn, None)
        still_there = {device.udn.lower() for device in description.devices} | description.unread
        for key, device in list(self._there.items()):
            if device.location == description.location and key not in still_there:
                self._lose(device, "its description does not hold it any more", frozenset())

    def _take(self, device: ProxiedDevice, announced: str) -> None:
        """Take a device that was read; `announced` is the UDN whose messages speak for it."""
        self._tracker.keep(announced)
        locations = self._tracker.locations(announced)
        before = self._there.get(device.udn.lower())
        restart = self._restarts.get(announced)
        in_use = before.location if before else device.location
        if restart is None and in_use != device.location and in_use == next(iter(locations), ""):
            return
        device = replace(
            device,
            boot_id=self._tracker.boot_id(announced),
            server=self._tracker.server(announced),
            other_locations=tuple(url for url in locations if url != device.location),
        )
        self._tell(device, restart)

    def _tell(self, device: ProxiedDevice, restart: frozenset[AboutTo] | None = None) -> None:
        key = device.udn.lower()
        before = self._there.get(key)
        self._there[key] = device
        if restart is not None:
            _LOGGER.info("%s has restarted", device)
            self._eventing.drop(device.udn)
            self._introduce(device, partial(self._listener.restarted, device, restart))
        elif before != device:
            _LOGGER.info("%s is there with %s", device, ", ".join(map(str, device.services.values())))
            self._introduce(device, partial(self._listener.appeared, device))

    def _introduce(self, device: ProxiedDevice, tell: Delivery) -> None:
        """Tell the listener of a device, and subscribe to it unless it is then to be left alone."""
        key = device.udn.lower()

        async def introduce() -> None:
            self._left_alone.discard(key)
            await tell()
            wanted = self._there.get(key) is device and key not in self._left_alone
            if wanted and not self._eventing.is_following(device):
                self._eventing.follow(device)

        self._deliveries.post(key, introduce)

    def _lose(self, device: ProxiedDevice, reason: str, about_to: frozenset[AboutTo]) -> None:
        key = device.udn.lower()
        if self._there.pop(key, None) is None:
            return
        _LOGGER.info("%s has left: %s", device, reason)
        self._left_alone.discard(key)
        self._invoker.forget(device.udn)
        self._eventing.drop(device.udn)
        self._deliveries.post(key, partial(self._listener.left, device.udn, reason, about_to))

    def _announced(self, device: ProxiedDevice) -> str:
        """The UDN whose messages speak for a device: its own, or the root's if it is not announced itself."""
        udn, root_udn = device.udn.lower(), device.root_udn.lower()
        return root_udn if udn not in self._tracker and root_udn in self._tracker else udn

    def _avoid(self, location: str, announced: frozenset[str]) -> None:
        """A location could not be read: read another one of its devices, and see whether they are there."""
        for udn in announced:
            self._tracker.avoid(udn, location)
            other, address = next(iter(self._tracker.locations(udn).items()), (location, ""))
            if other != location:
                self._readings.want(udn, other, address, is_there=False)
        for device in [device for device in self._there.values() if device.location == location]:
            self._doubt(device.udn)

    def _changed(self, udn: str, change: StateChange) -> bool:
        key = udn.lower()
        if self._deliveries.is_behind(key):
            return False
        if key in self._there:
            self._deliveries.post(key, partial(self._listener.changed, udn, change))
        return True

    def _doubt(self, udn: str) -> None:
        """A device did not answer: see whether it is there."""
        key = udn.lower()
        if key in self._there and key not in self._doubted:
            self._doubted.add(key)
            self._tasks.start(self._look_after(key))

    async def _look_after(self, key: str) -> None:
        try:
            device = self._there[key]
            silence = await silence_of(device, self._invoker, self._reader)
            if silence and self._there.get(key) is device and not await self._reached_elsewhere(device):
                announced = self._announced(device)
                about_to = self._tracker.about_to(announced)
                for lost in {d.udn: d for d in (device, *self._affected(announced))}.values():
                    self._lose(lost, silence, about_to)
                self._readings.forget(announced)
                self._tracker.forget(announced)
        finally:
            self._doubted.discard(key)

    async def _reached_elsewhere(self, device: ProxiedDevice) -> bool:
        """Whether a device that does not answer is to be had at another location; then it is taken there."""
        announced = self._announced(device)
        self._tracker.avoid(announced, device.location)
        for location, address in self._tracker.locations(announced).items():
            if location != device.location:
                try:
                    self._settle(await self._reader.read(location, address))
                except (DocumentUnavailable, DocumentRefused) as error:
                    _LOGGER.debug("%s is not at %s either: %s", device, location, error)
        now = self._there.get(device.udn.lower())
        return now is not None and now.location != device.location

    async def _search(self) -> None:
        while True:
            await self._network.refresh()
            await self._network.search()
            await asyncio.sleep(self._search_interval)

    async def _visit(self, location: str, host: str, port: int | None) -> float:
        """Read a configured location, or see whether what was read is still there; see `Rounds`."""
        devices = [device for device in self._there.values() if device.location == location]
        for device in devices:
            self._doubt(device.udn)
        if not devices and not self._readings.is_busy(location):
            try:
                self._readings.want_again(location, location, await address_of(host, port), host)
            except OSError as error:
                self._complaints.say(location, f"not proxied: {describe(error)}")
        return self._search_interval

    def _stop_listening(self) -> None:
        self._network.close()
        if self._timer is not None:
            self._timer.cancel()
