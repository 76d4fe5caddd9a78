"""`kill -9` of the daemon at every point where it could hurt, and what the next start makes of it.

A point is a message of a session. Either the ACS has it and gives no answer any more, or the daemon dies at
about the moment when the answer comes. One daemon has many devices, each at another point.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from cwmp_client.messages import (
    AcsRequest,
    CpeResponse,
    EventCode,
    EventStruct,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    ParameterValueStruct,
    ScheduleInform,
    SetParameterAttributes,
    SetParameterAttributesStruct,
    SetParameterValues,
)
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsDevice, ReceivedInform
from proxier.demo.acs_misbehaviour import Misbehaviour, Status, Turn
from proxier.demo.acs_transcript import Exchange
from proxier.demo.device import SimulatedDevice
from proxier.demo.device_control import Arguments
from proxier.settings import ConnectionRequestSettings, FirmwareSettings
from tests.proxier.daemon_process import READY, Daemon, daemon, write_config
from tests.proxier.ledger import Ledger, Telling
from tests.proxier.running import LOOPBACK, reports, reports_when, settings_for

HOSTS = "Device.Hosts.Host."
WATCHED, UPNP_WATCHED = "Device.Time.NTPServer1", "/BBF/Time/NTPServer1"
SET_BY_ACS, UPNP_SET_BY_ACS = "Device.Time.NTPServer2", "/BBF/Time/NTPServer2"
PARAMETER_KEY = "Device.ManagementServer.ParameterKey"
WATCH = SetParameterAttributes(
    (SetParameterAttributesStruct(WATCHED, notification_change=True, notification=2),)
)
SET = SetParameterValues((ParameterValueStruct(SET_BY_ACS, "set"),), "key")
CONNECTION_REQUESTS = ConnectionRequestSettings(host=LOOPBACK, port=0, username="acs", password="secret")
FIRMWARE = FirmwareSettings()
PATIENCE_SECONDS = 15.0
STEADY_FACTS = ("device_id", "number", "udn", "first_seen", "connection_request_url")

BOOTSTRAP, BOOT = EventStruct(EventCode.BOOTSTRAP), EventStruct(EventCode.BOOT)
CONNECTION_REQUEST = EventStruct(EventCode.CONNECTION_REQUEST)
SCHEDULED = EventStruct(EventCode.SCHEDULED), EventStruct(EventCode.M_SCHEDULE_INFORM, "kill")
VALUE_CHANGE = EventStruct(EventCode.VALUE_CHANGE)

EMPTY = "empty"
"""The empty POST."""

OVER = "over"
"""The point after the last message of a session."""


@dataclass(frozen=True, slots=True)
class Silence(Misbehaviour):
    """Takes a message and gives no answer."""

    ruins = True
    forgets = True
    release: asyncio.Event
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Wait until nobody waits for it any more."""
        del turn
        self.reached.set()
        await self.release.wait()
        return web.Response(status=503)


@dataclass(frozen=True, slots=True)
class Wait(Misbehaviour):
    """Answers when it is told to."""

    release: asyncio.Event
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer when it is told to."""
        response = await turn.proceed()
        self.reached.set()
        await self.release.wait()
        return response


class House:
    """An ACS with devices, and a database that outlives the daemons."""

    def __init__(
        self, acs: EmbeddedAcs, folder: Path, devices: Sequence[SimulatedDevice], firmware: FirmwareSettings
    ) -> None:
        self.acs = acs
        self.ledger = Ledger(acs)
        acs.on_inform(self._tell_credentials)
        self.devices = {f"{device.oui}-{device.product_class}-{device.serial}": device for device in devices}
        silent = tuple(device.location for device in devices if not device.advertise)
        settings = settings_for(
            acs.url, folder, devices, locations=silent, interfaces=() if silent else (LOOPBACK,)
        )
        self.settings = replace(settings, connection_request=CONNECTION_REQUESTS, firmware=firmware)
        self._config = write_config(self.settings, folder)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Daemon]:
        """A daemon that is ready, and finds no fault with itself."""
        async with daemon(self._config) as process:
            await process.line(READY)
            yield process
            assert process.faults == []

    async def managed(self) -> list[AcsDevice]:
        """All devices as the ACS knows them, with no session open."""
        managed = [await self.acs.device(each, timeout=PATIENCE_SECONDS) for each in self.devices]
        for each in managed:
            await each.session_over(timeout=PATIENCE_SECONDS)
        return managed

    async def settled(self) -> list[AcsDevice]:
        """The same, when every device is there and has nothing left to tell."""

        def holds(listed: list[dict[str, Any]]) -> bool:
            return len(listed) == len(self.devices) and all(
                report["online"] and not report["pending_events"] for report in listed
            )

        await reports_when(self.settings, holds, PATIENCE_SECONDS)
        return await self.managed()

    async def facts(self) -> list[dict[str, Any]]:
        """What must never change of the devices."""
        return [{name: report[name] for name in STEADY_FACTS} for report in await reports(self.settings)]

    def _tell_credentials(self, received: ReceivedInform) -> None:
        wanted = self.settings.connection_request
        self.acs.devices[received.device_id].credentials = wanted.username, wanted.password


@asynccontextmanager
async def house(
    acs: EmbeddedAcs, folder: Path, names: Sequence[str], firmware: FirmwareSettings = FIRMWARE
) -> AsyncIterator[House]:
    """One whose devices speak no SSDP, so that nobody else speaks to them."""
    async with AsyncExitStack() as stack:
        devices = [SimulatedDevice(serial=name, advertise=False) for name in names]
        for device in devices:
            await stack.enter_async_context(device)
        yield House(acs, folder, devices, firmware)


class Walk:
    """Each device at another message of its session: the one whose name is its serial number.

    At its message a device gets no answer any more, or one that it can hardly read before it is killed.
    """

    def __init__(self, home: House, requests: Sequence[AcsRequest], *, answers: bool) -> None:
        self._home = home
        self._answers = answers
        self._release = asyncio.Event()
        self._reached: list[asyncio.Event] = []
        self._requests = requests
        self._asking: list[asyncio.Task[CpeResponse]] = []
        self._planned: dict[str, int] = {}
        self.before: dict[str, int] = {}

    def plan(self, event: EventStruct) -> None:
        """Have the next sessions stop; what is to be asked in them is asked of those that have this event."""
        self._planned = self._counts()
        for device_id, device in self._home.devices.items():
            if device.serial != OVER:
                how = Wait(self._release) if self._answers else Silence(self._release)
                self._reached.append(how.reached)
                name = "" if device.serial == EMPTY else device.serial
                self._home.acs.misbehave(how, on=name, device=device_id)
        self._home.acs.on_inform(lambda received: self._ask(received, event))

    async def kill(self, process: Daemon, after_seconds: float) -> None:
        """Wait until all are where they are to be, and kill the daemon."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            for reached in self._reached:
                await reached.wait()
        if self._answers:
            self._release.set()
            await asyncio.sleep(after_seconds)
        process.kill()
        await process.ended()
        self._release.set()
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        self.before = self._counts()

    def wrongs(self, *events: EventStruct) -> dict[str, list[str]]:
        """What is wrong with how these events were told before and after, by device."""
        found = {}
        for device_id, count in self.before.items():
            told = self._home.ledger.of(device_id)
            before, after = told[self._planned[device_id] : count], told[count:]
            found[device_id] = [wrong for each in events if (wrong := verdict(each, before, after))]
        return {device_id: wrongs for device_id, wrongs in found.items() if wrongs}

    def after(self) -> list[Telling]:
        """What was told after the daemon was killed."""
        return [
            telling
            for device_id, count in self.before.items()
            for telling in self._home.ledger.of(device_id)[count:]
        ]

    def _counts(self) -> dict[str, int]:
        """How often each device has informed."""
        return {each: len(self._home.ledger.of(each)) for each in self._home.devices}

    def _ask(self, received: ReceivedInform, event: EventStruct) -> None:
        if event in received.inform.event and not self._release.is_set():
            device = self._home.acs.devices[received.device_id]
            self._asking += [asyncio.create_task(device.request(each)) for each in self._requests]


def verdict(event: EventStruct, before: Sequence[Telling], after: Sequence[Telling]) -> str:
    """What is wrong with how an event was told before and after the daemon was killed; empty if nothing."""
    told = [telling for telling in before if event in telling.events]
    again = sum(event in telling.events for telling in after)
    if any(telling.confirmed for telling in told):
        return f"{event} was delivered and came again" if again else ""
    if not told and not again:
        return f"{event} was not delivered and did not come again"
    return f"{event} came again {again} times" if again > 1 else ""


async def rows(device: AcsDevice) -> tuple[str, ...]:
    response = await device.request(GetParameterNames(HOSTS, next_level=True))
    assert isinstance(response, GetParameterNamesResponse)
    return tuple(name for name, _ in response.parameter_list)


async def value_of(device: AcsDevice, name: str) -> str:
    response = await device.request(GetParameterValues((name,)))
    assert isinstance(response, GetParameterValuesResponse)
    return response.parameter_list[0].value


@pytest.fixture
async def acs() -> AsyncIterator[EmbeddedAcs]:
    """It gives devices no credentials: it could not call those whose first session was cut off."""
    async with EmbeddedAcs(provision=False) as server:
        yield server
        assert server.violations == []


WAYS = pytest.mark.parametrize(
    ("answers", "after_seconds"),
    [(False, 0.0), (True, 0.0), (True, 0.004), (True, 0.02)],
    ids=["before the answer", "at the answer", "soon after it", "later"],
)


@WAYS
async def test_the_first_session(
    acs: EmbeddedAcs, tmp_path: Path, answers: bool, after_seconds: float
) -> None:
    messages = ("Inform", EMPTY, "GetParameterNamesResponse", "GetParameterValuesResponse", OVER)
    async with house(acs, tmp_path, messages) as home:
        walk = Walk(
            home,
            (GetParameterNames(HOSTS, next_level=True), GetParameterValues((WATCHED,))),
            answers=answers,
        )
        walk.plan(BOOTSTRAP)
        async with home.running() as process:
            over = await acs.device(list(home.devices)[-1])
            await over.session_over()
            facts = await home.facts()
            await walk.kill(process, after_seconds)
        async with home.running():
            for device in await home.settled():
                assert await rows(device) == (f"{HOSTS}1.", f"{HOSTS}2.")
            assert await home.facts() == facts
            await home.managed()
        assert walk.wrongs(BOOTSTRAP, BOOT) == {}


@WAYS
async def test_a_session_with_many_events(
    acs: EmbeddedAcs, tmp_path: Path, answers: bool, after_seconds: float
) -> None:
    messages = ("Inform", EMPTY, "GetParameterNamesResponse", "SetParameterValuesResponse", OVER)
    async with house(acs, tmp_path, messages) as home:
        walk = Walk(home, (GetParameterNames(HOSTS, next_level=True), SET), answers=answers)
        async with home.running() as process:
            for device in await home.managed():
                simulated = home.devices[device.device_id]
                readings = simulated.count("GetValues")
                await device.request(WATCH)
                await simulated.until(lambda one=simulated, n=readings: one.count("GetValues") > n)  # type: ignore[misc]
                await value_of(device, WATCHED)  # answered after that reading
                simulated.remove_row("/BBF/Hosts/Host/0/")
                simulated.add_row("/BBF/Hosts/Host/")
                assert await rows(device) == (f"{HOSTS}2.", f"{HOSTS}3.")
            facts = await home.facts()
            managed = await home.settled()
            await asyncio.gather(*(device.request(ScheduleInform(2, "kill")) for device in managed))
            await home.settled()
            for device in managed:
                acs.misbehave(Status(503), on="Inform", device=device.device_id)
            walk.plan(VALUE_CHANGE)
            acs.on_exchange(lambda exchange: change_when_refused(exchange, home, walk))
            over = managed[-1]
            await over.wait_event(EventCode.VALUE_CHANGE)
            await over.session_over()
            await walk.kill(process, after_seconds)
        async with home.running():
            for device in await home.settled():
                assert await rows(device) == (f"{HOSTS}2.", f"{HOSTS}3.")
                if await value_of(device, PARAMETER_KEY) == "key":
                    assert home.devices[device.device_id].values[UPNP_SET_BY_ACS] == "set"
                else:
                    assert device is not over
            assert await home.facts() == facts
            await home.managed()
        assert walk.wrongs(*SCHEDULED, VALUE_CHANGE) == {}
        assert not any(BOOTSTRAP in telling.events for telling in walk.after())


def change_when_refused(exchange: Exchange, home: House, walk: Walk) -> None:
    """While a refused Inform waits to be sent again, there comes another event to go with it."""
    if exchange.name == "503" and not walk.before:
        home.devices[exchange.device_id].change(UPNP_WATCHED, "changed")


async def test_a_connection_request_is_not_kept(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with house(acs, tmp_path, ("Inform", EMPTY, OVER)) as home:
        walk = Walk(home, (), answers=False)
        async with home.running() as process:
            managed = await home.managed()
            walk.plan(CONNECTION_REQUEST)
            assert [await device.connection_request() for device in managed] == [200, 200, 200]
            await managed[-1].wait_event(EventCode.CONNECTION_REQUEST)
            await managed[-1].session_over()
            await walk.kill(process, 0)
        async with home.running():
            for device in await home.settled():
                assert len(home.ledger.of(device.device_id)) == walk.before[device.device_id]
                assert await value_of(device, WATCHED) == "ntp.example"
            await home.managed()


async def test_a_value_that_changes_while_nobody_runs(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with house(acs, tmp_path, ("down",)) as home:
        [simulated] = home.devices.values()
        async with home.running() as process:
            [device] = await home.managed()
            await device.request(WATCH)
            await home.settled()
            process.kill()
            await process.ended()
        simulated.change(UPNP_WATCHED, "changed")
        async with home.running():
            received = await device.wait_event(EventCode.VALUE_CHANGE)
            assert received.parameters[WATCHED] == "changed"
            await home.settled()
        assert device.informs[-1] is received


async def test_a_new_device_at_any_moment(acs: EmbeddedAcs, tmp_path: Path) -> None:
    """Right after its ssdp:alive, while it is looked at, in its first session, after that."""
    moments = (0.001, 0.01, 0.03, 0.06, 0.1, 0.2)
    async with AsyncExitStack() as stack:
        devices = [SimulatedDevice(serial=f"after {moment}") for moment in moments]
        home = House(acs, tmp_path, devices, FIRMWARE)
        for device, moment in zip(devices, moments, strict=True):
            async with home.running() as process:
                switching_on = asyncio.create_task(stack.enter_async_context(device))
                await device.until(lambda one=device: bool(one.history.times("alive")))  # type: ignore[misc]
                await asyncio.sleep(moment)
                process.kill()
                await process.ended()
                await switching_on
        async with home.running():
            await home.settled()
        for device_id in home.devices:
            told = [telling for telling in home.ledger.of(device_id) if BOOTSTRAP in telling.events]
            assert not any(telling.confirmed for telling in told[:-1])
            assert told[-1].received.answered  # and was read, else it would have come again


async def test_the_first_look(acs: EmbeddedAcs, tmp_path: Path) -> None:
    actions = (
        *("GetValues", "GetSupportedDataModels", "GetSupportedParameters"),
        *("GetInstances", "GetAttributes", "SetAttributes"),
    )
    async with house(acs, tmp_path, actions) as home:
        for device in home.devices.values():
            device.hang(device.serial, times=None)
        async with home.running() as process:
            for device in home.devices.values():
                await device.until(lambda one=device: one.count(one.serial) > 0)  # type: ignore[misc]
            process.kill()
            await process.ended()
        for device in home.devices.values():
            device.behave()
        async with home.running():
            for managed in await home.settled():
                assert await rows(managed) == (f"{HOSTS}1.", f"{HOSTS}2.")
                assert [received.events for received in managed.informs[:-1]] == [
                    (EventCode.BOOTSTRAP, EventCode.BOOT)
                ]
            await home.managed()


@pytest.mark.parametrize("carried_out", [False, True])
async def test_set_parameter_values(acs: EmbeddedAcs, tmp_path: Path, carried_out: bool) -> None:
    async with house(acs, tmp_path, ("set",)) as home:
        [simulated] = home.devices.values()
        async with home.running() as process:
            [device] = await home.settled()
            with killing(process, simulated, "SetValues", carried_out=carried_out):
                asking = asyncio.create_task(device.request(SET))
                assert await process.ended() < 0
                asking.cancel()
        assert simulated.values[UPNP_SET_BY_ACS] == ("set" if carried_out else "")
        async with home.running():
            await home.settled()
            assert await value_of(device, PARAMETER_KEY) == ""
            assert await value_of(device, SET_BY_ACS) == simulated.values[UPNP_SET_BY_ACS]
            await device.request(SET)
            assert await value_of(device, PARAMETER_KEY) == "key"
            assert simulated.values[UPNP_SET_BY_ACS] == "set"
            await home.managed()


@contextmanager
def killing(process: Daemon, device: SimulatedDevice, action: str, *, carried_out: bool) -> Iterator[None]:
    """Kill the daemon when it calls an action, before that is done or after it."""
    usual = device.calls

    def call(arguments: Arguments) -> Arguments:
        results = usual[action](arguments) if carried_out else {}
        process.kill()
        return results

    device.calls = {**usual, action: call}
    try:
        yield
    finally:
        device.calls = usual
