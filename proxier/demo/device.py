"""A simulated UPnP ManageableDevice: as strict as the standard, and able to misbehave when told to.

It shares no code with the control point that it judges.

    async with SimulatedDevice(serial="0001") as device:
        device.change("/BBF/Time/NTPServer1", "other.example")
        await device.until(lambda: device.count("GetValues") > 0)

Source: UDA 1.1; ManageableDevice:2
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from proxier.demo.device_bms import BasicManagement
from proxier.demo.device_cms import ConfigurationManagement, timestamp
from proxier.demo.device_control import Arguments, Call
from proxier.demo.device_gena import EventSource
from proxier.demo.device_history import History
from proxier.demo.device_http import HttpServer
from proxier.demo.device_life import Background
from proxier.demo.device_misbehaviour import (
    OTHER_REQUESTS,
    Answer,
    Drop,
    Hang,
    Misbehaviour,
    Misbehaviours,
    Refuse,
)
from proxier.demo.device_model import CLOCKS, UP_TIMES, factory_tree
from proxier.demo.device_profile import DeviceProfile
from proxier.demo.device_scpd import offered_services
from proxier.demo.device_services import SERVICE_TABLES
from proxier.demo.device_sms import SoftwareManagement
from proxier.demo.device_ssdp import Ssdp, announced
from proxier.demo.device_tree import Tree

ABOUT_TO_REBOOT, ABOUT_TO_RESET = "AboutToReboot", "AboutToBaselineReset"


class SimulatedDevice(DeviceProfile):
    """The device; its options are those of `DeviceProfile`. As a context manager it is switched on.

    Attributes:
        actions: (name, arguments) of each action called with good arguments, in the order of the calls.
        refusals: (name, code) of each call that the device itself refused: a UPnP error, or an HTTP status.
        cms, bms, sms: the three services.
        history: all that happened, with its time.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.actions: list[tuple[str, dict[str, str]]] = []
        self.refusals: list[tuple[str, int]] = []
        self.history = History(self.serial)
        self.offered = offered_services(self)
        self.booted_at = datetime.now(UTC)
        self._misbehaviours = Misbehaviours()
        self._background = Background()
        self._after_answer: list[Coroutine[Any, Any, None]] = []
        self._server: HttpServer | None = None
        self._started = False
        self._ssdp = Ssdp(self, announced(self, self.offered.values()))
        self.events = {table.name: self._event_source(table.name) for table in SERVICE_TABLES}
        self.cms = ConfigurationManagement(self, self._factory_tree, self.events["ConfigurationManagement"])
        self.bms = BasicManagement(self, self.events["BasicManagement"], self)
        self.sms = SoftwareManagement(self, self.events["SoftwareManagement"], self, self.cms)
        self.calls: Mapping[str, Call] = {**self.cms.actions, **self.bms.actions, **self.sms.actions}

    async def __aenter__(self) -> Self:
        await self.power_on()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for background in (self._background, self.bms.diagnostics.background, self.sms.background):
                await background.close()
        finally:
            if self.is_on:
                await self.byebye()
                await self.power_off()

    @property
    def is_on(self) -> bool:
        """Whether it has power."""
        return self._server is not None

    @property
    def base_url(self) -> str:
        """Where the HTTP server is, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    @property
    def location(self) -> str:
        """The URL of the description."""
        return f"{self.base_url}/description.xml"

    @property
    def values(self) -> Tree:
        """All values of the data model, by UPnP path."""
        return self.cms.tree

    def count(self, action: str) -> int:
        """How often an action was called."""
        return sum(name == action for name, _ in self.actions)

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Waits until something holds, looking again whenever something happens at the device.

        Raises:
            TimeoutError: it did not hold in this time.
        """
        await self.history.until(condition, seconds)

    def change(self, path: str, value: str) -> None:
        """Changes one value, read-only ones too.

        Raises:
            KeyError: there is no such parameter.
        """
        self.cms.change({path: value})

    def add_row(self, table: str, values: Mapping[str, str] | None = None) -> str:
        """Adds a row to a table; returns its path."""
        return self.cms.add_row(table, values)

    def remove_row(self, row: str) -> None:
        """Removes a row."""
        self.cms.remove_row(row)

    def invoke_as_another(self, action: str, **arguments: str) -> Arguments:
        """Calls an action as another control point would; that is not noted in `actions`.

        Raises:
            UpnpError: the device refuses.
        """
        results = self.calls[action](arguments)
        self.answered()
        return results

    async def power_on(self, port: int | None = None) -> None:
        """Starts, at another port if one is given; the BOOTID is higher than before."""
        if self._server:
            return
        if self._started:
            self.boot_id += 1
        self._started = True
        self.booted_at = datetime.now(UTC)
        self.bms.power_on()
        self.sms.power_on()
        self._server = HttpServer(self, self, self._misbehaviours)
        self.port = await self._server.start(self.port if port is None else port)
        await self._ssdp.open(self.location)
        self.history.add("power on")
        if self.byebye_first:
            await self.byebye()
        await self.alive()

    async def power_off(self) -> None:
        """Vanishes without a word; subscriptions, tests and operations are forgotten."""
        if self._server is None:
            return
        self._ssdp.close()
        await self._server.stop()
        self._server = None
        await self.forget_subscriptions()
        self.bms.power_off()
        self.sms.power_off()
        self.cms.apply()
        self.history.add("power off")

    async def power_cut(self, seconds: float | None = None) -> None:
        """Loses its power and gets it back after some seconds: no byebye."""
        await self.power_off()
        await asyncio.sleep(self.reboot_seconds if seconds is None else seconds)
        await self.power_on()

    async def reboot(self, seconds: float | None = None, *, returns: bool = True) -> None:
        """Says goodbye, goes off, and comes back after some seconds, unless it never `returns`."""
        await self.byebye([ABOUT_TO_REBOOT])
        await self.power_off()
        if returns:
            await asyncio.sleep(self.reboot_seconds if seconds is None else seconds)
            await self.power_on()

    async def baseline_reset(self, seconds: float | None = None) -> None:
        """Becomes what it was when it left the factory, with a reboot if the profile says so."""
        await self.byebye([ABOUT_TO_RESET, ABOUT_TO_REBOOT] if self.reset_reboots else [ABOUT_TO_RESET])
        if self.reset_reboots:
            await self.power_off()
        else:
            await self.forget_subscriptions()
            self.boot_id += 1
        self.cms.reset()
        self.sms.reset()
        self.history.add("baseline reset")
        if self.reset_reboots:
            await asyncio.sleep(self.reboot_seconds if seconds is None else seconds)
            await self.power_on()
        else:
            await self.alive()

    async def byebye(self, about_to: Iterable[str] = ()) -> None:
        """Sends byebye, with an announcement if it is about to do something; nothing else changes."""
        self.history.add("byebye")
        await self._ssdp.byebye(about_to)

    async def alive(self) -> None:
        """Sends alive; BOOTID is what it is."""
        self.history.add("alive")
        await self._ssdp.alive()

    async def update(self) -> None:
        """Sends ssdp:update: a new BOOTID that is no restart."""
        self.history.add("update")
        await self._ssdp.update()

    def fail(self, action: str, code: int, description: str = "", times: int | None = 1) -> None:
        """Refuses an action the next times (None: always) with a UPnPError."""
        self._plan(action, Refuse(code, description), times)

    def hang(self, request: str, seconds: float | None = None, times: int | None = 1) -> None:
        """Does not answer a request for some seconds, or (None) not at all."""
        self._plan(request, Hang(seconds), times)

    def drop(self, request: str, *, carried_out: bool = False, times: int | None = 1) -> None:
        """Cuts the connection instead of answering, before or after an action is carried out."""
        self._plan(request, Drop(carried_out), times)

    def answer(self, request: str, status: int = 200, body: bytes = b"", times: int | None = 1) -> None:
        """Answers something else."""
        self._plan(request, Answer(status, body), times)

    def behave(self) -> None:
        """Ends all that was planned to go wrong."""
        self._misbehaviours.end()

    def lose_events(self, count: int = 1) -> None:
        """Loses the next events of each subscription on their way: a gap in SEQ."""
        for source in self.events.values():
            for subscription in source.subscriptions.values():
                subscription.lose += count

    async def forget_subscriptions(self) -> None:
        """Forgets all subscribers; their renewals are answered 412."""
        for source in self.events.values():
            await source.close()

    def _plan(self, request: str, misbehaviour: Misbehaviour, times: int | None) -> None:
        if request not in self.calls and request not in OTHER_REQUESTS:
            raise ValueError(f"the device knows no request {request}")
        self._misbehaviours.plan(request, misbehaviour, times)

    def called(self, action: str, arguments: Arguments) -> None:
        """Notes a call that came in."""
        self.actions.append((action, dict(arguments)))
        self.history.add(f"action {action}")

    def refused(self, action: str, code: int) -> None:
        """Notes a refusal of the device's own."""
        self.refusals.append((action, code))
        self.history.add(f"refused {action} {code}")

    def answered(self) -> None:
        """Begins what an action caused, now that its answer is out."""
        self.history.wake()
        for work in self._after_answer:
            self.start(work)
        self._after_answer.clear()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts work that outlives the power."""
        self._background.start(work)

    def after_answer(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts work as soon as the answer to the present action is out."""
        self._after_answer.append(work)

    def note(self, what: str) -> None:
        """Adds to the history."""
        self.history.add(what)

    async def serve_log(self, request: web.Request) -> web.StreamResponse:
        """Answers a GET of a log."""
        return await self.bms.logs.serve(request)

    def _event_source(self, name: str) -> EventSource:
        service = self.offered.get(name)
        moderated = {"ConfigurationUpdate": self.moderation}
        evented = service.evented if service else frozenset()
        return EventSource(name, self, self.history, evented=evented, moderated=moderated)

    def _factory_tree(self) -> Tree:
        live = dict.fromkeys(UP_TIMES, self._up_time) | dict.fromkeys(CLOCKS, timestamp)
        return factory_tree(self, live)

    def _up_time(self) -> str:
        return str(int((datetime.now(UTC) - self.booted_at).total_seconds()))
