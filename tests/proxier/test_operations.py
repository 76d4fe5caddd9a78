from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import EventStruct, Reboot, Upload
from cwmp_client.rpcs import Transfers
from proxier import operations as module
from proxier.operations import Operations
from tests.cwmp_client.memory_journal import MemoryJournal
from tests.proxier.home import NOON, Home
from translation.actions import (
    AboutTo,
    ActionCall,
    ActionError,
    ActionResult,
    DeviceUnreachable,
    Service,
    StateChange,
    invoke,
)
from translation.bms import LogInfo
from translation.diagnostic_objects import PING, SELF_TEST
from translation.diagnostics import STATE, Diagnostic
from translation.logs import LogFiles, begin_upload
from translation.operations import (
    Changed,
    Command,
    Done,
    Failed,
    Happening,
    Left,
    Report,
    Returned,
    Run,
    SessionEnded,
    Step,
    WakeAt,
    Woke,
)
from translation.restart import Restarts, ask_reboot

EVENT = EventStruct("8 DIAGNOSTICS COMPLETE")
OVER = object()


@dataclass(frozen=True)
class Toy:
    """An operation that remembers what happened to it and does as its script says."""

    kind: ClassVar[str] = "toy"
    scripts: ClassVar[dict[str, Callable[[Happening], Any]]] = {}

    name: str
    heard: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"toy/{self.name}"

    def step(self, happening: Happening, now: datetime) -> Step:
        del now
        commands = self.scripts[self.name](happening)
        if commands is None:
            return self, ()
        over = OVER in commands
        after = None if over else replace(self, heard=(*self.heard, type(happening).__name__))
        return after, tuple(each for each in commands if each is not OVER)

    def to_record(self) -> Mapping[str, Any]:
        return {"name": self.name, "heard": list(self.heard)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Toy:
        return cls(record["name"], tuple(record["heard"]))


@pytest.fixture(autouse=True)
def _scripts() -> None:
    Toy.scripts.clear()


def a_plan(name: str = "Ping") -> Run:
    return Run(invoke(ActionCall(Service.BMS, name)))


def heard(operations: Operations, name: str = "a") -> tuple[str, ...]:
    operation = operations[f"toy/{name}"]
    assert isinstance(operation, Toy)
    return operation.heard


def script(name: str = "a", **by_happening: Sequence[Any]) -> Toy:
    """A toy that commands these things when these happenings come, and hears of no other."""
    Toy.scripts[name] = lambda happening: by_happening.get(type(happening).__name__)
    return Toy(name)


# ------------------------------------------------------------------ keeping


async def test_an_operation_is_kept_and_goes_on_after_a_restart() -> None:
    home = Home()
    toy = script(Started=[], SessionEnded=[])
    async with home.operations(Toy) as operations:
        await operations.begin(toy)
        await operations.happen(SessionEnded())
        assert operations.all == (replace(toy, heard=("SessionEnded",)),)
    async with home.operations(Toy) as operations:
        await operations.start()
        assert heard(operations) == ("SessionEnded", "Started")
    assert list(home.journal.records) == ["operation/toy/a"]


async def test_an_operation_of_the_same_key_replaces_the_other() -> None:
    home = Home()
    toy = script()
    async with home.operations(Toy) as operations:
        await operations.begin(replace(toy, heard=("old",)))
        await operations.begin(toy)
        assert operations.all == (toy,)
        assert operations["toy/b"] is None


class SlowHome(Home):
    """Its disk takes its time when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.writing = asyncio.Event()

    async def save(self, records: Mapping[str, Any]) -> None:
        self.writing.set()
        await self.go_on.wait()
        await super().save(records)


async def test_what_is_asked_for_during_a_step_builds_on_it() -> None:
    home = SlowHome()
    home.answers = {"Ping": {}}
    async with home.operations(Toy) as operations:
        await operations.begin(script(SessionEnded=[a_plan()]))
        home.go_on.clear()
        home.writing.clear()
        step = asyncio.create_task(operations.happen(SessionEnded()))
        await home.writing.wait()
        change = asyncio.create_task(operations.change(lambda: Toy("a", (*heard(operations), "asked for"))))
        home.go_on.set()
        await asyncio.gather(step, change)
        assert heard(operations) == ("SessionEnded", "asked for")
    assert home.journal.records["operation/toy/a"]["state"]["heard"] == ["SessionEnded", "asked for"]


async def test_what_cannot_be_saved_is_not_kept() -> None:
    home = Home()
    async with home.operations(Toy) as operations:
        home.journal.broken = True
        with pytest.raises(OSError, match="disk"):
            await operations.begin(script())
        assert not operations.all
        home.journal.broken = False
        await operations.begin(toy := script())
        home.journal.broken = True
        with pytest.raises(OSError, match="disk"):
            await operations.begin(replace(toy, heard=("lost",)))
        assert operations.all == (toy,)


async def test_what_changes_nothing_writes_nothing() -> None:
    home = Home()
    async with home.operations(Toy) as operations:
        await operations.begin(script())
        writes = len(home.journal.saves)
        for happening in (SessionEnded(), Left(), Woke()):
            await operations.happen(happening)
        assert len(home.journal.saves) == writes


async def test_a_record_that_cannot_be_read_is_logged_and_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad = {
        "operation/one": {"kind": "unheard of", "state": {}},
        "operation/two": {"kind": "diagnostic", "state": {"action": "Dance"}},
        "operation/three": "nonsense",
        "attributes": {},
    }
    home = Home(MemoryJournal(bad))
    async with home.operations(Toy) as operations:
        await operations.begin(script())
        await operations.start()
        assert len(operations.all) == 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 3
    assert home.journal.records.items() >= bad.items()


# ------------------------------------------------------------------ saving before doing


async def test_a_step_is_saved_before_it_is_carried_out() -> None:
    home = Home()
    home.answers["Ping"] = {}
    async with home.operations(Toy) as operations:
        await operations.begin(script(SessionEnded=[a_plan()], Done=[Report((EVENT,)), OVER]))
        await operations.happen(SessionEnded())
        await home.until(lambda: home.reported)
        assert operations.all == ()
    assert home.log == [
        "save operation/toy/a",
        "save operation/toy/a",
        "Ping",
        "report operation/toy/a",
    ]
    assert home.journal.records == {}


async def test_what_happens_to_several_is_one_transaction() -> None:
    home = Home()
    async with home.operations(Toy) as operations:
        for name in "abc":
            await operations.begin(script(name, SessionEnded=[Report((EVENT,))]))
        del home.log[:]
        await operations.happen(SessionEnded())
    assert home.log == ["report operation/toy/a operation/toy/b operation/toy/c"]
    assert home.reported == [EVENT] * 3


async def test_a_reset_of_the_device_makes_void_what_was_before() -> None:
    home = Home()
    reset = Report((EventStruct("0 BOOTSTRAP"), EventStruct("1 BOOT")))
    async with home.operations(Toy) as operations:
        await operations.begin(script("a", Returned=[Report((EVENT,))], WasReset=[OVER]))
        await operations.begin(script("b", Returned=[reset], WasReset=[]))
        await operations.happen(Returned(restarted=True))
        assert home.reported == list(reset.events)
        assert [each.key for each in operations.all] == ["toy/b"]
        assert heard(operations, "b") == ("Returned", "WasReset")
    assert list(home.journal.records) == ["operation/toy/b"]


async def test_after_the_end_nothing_is_begun() -> None:
    home = Home()
    async with home.operations(Toy) as operations:
        await operations.begin(script(SessionEnded=[a_plan(), WakeAt(NOON)]))
        await operations.close()
        await operations.happen(SessionEnded())
        await asyncio.sleep(0)
        assert heard(operations) == ("SessionEnded",)
    assert "Ping" not in home.log


async def test_what_cannot_be_saved_has_not_happened() -> None:
    home = Home()
    async with home.operations(Toy) as operations:
        await operations.begin(script(SessionEnded=[a_plan()]))
        home.journal.broken = True
        with pytest.raises(OSError, match="full"):
            await operations.happen(SessionEnded())
        assert heard(operations) == ()
        assert home.log == ["save operation/toy/a"]


async def test_an_outcome_that_cannot_be_saved_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAVE_AGAIN_SECONDS", 0.01)
    home = Home()

    async def answer() -> Mapping[str, str]:
        home.journal.broken = True
        asyncio.get_running_loop().call_later(0.05, setattr, home.journal, "broken", False)
        return {}

    home.answers["Ping"] = answer
    async with home.operations(Toy) as operations:
        await operations.begin(script(SessionEnded=[a_plan()], Done=[Report((EVENT,)), OVER]))
        await operations.happen(SessionEnded())
        await home.until(lambda: home.reported)
    assert home.reported == [EVENT]
    assert home.log.count("Ping") == 1


async def test_a_defect_of_one_operation_does_not_touch_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Happening) -> Sequence[Command]:
        raise ZeroDivisionError

    home = Home()
    async with home.operations(Toy) as operations:
        for name in "abc":
            await operations.begin(script(name, SessionEnded=[]))
        Toy.scripts["b"] = broken
        await operations.happen(SessionEnded())
        assert [heard(operations, name) for name in "abc"] == [("SessionEnded",), (), ("SessionEnded",)]
    assert "defect" in caplog.text


# ------------------------------------------------------------------ plans, transfers, alarms


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"TestID": "7"}, Done(ActionResult({"TestID": "7"}))),
        (ActionError(501), Failed(ActionError(501))),
        (DeviceUnreachable("gone"), Failed(DeviceUnreachable("gone"))),
        (ValueError("a defect"), Failed(CwmpFault(9002, "a defect in the proxier"))),
    ],
)
async def test_the_outcome_of_a_plan_is_heard(answer: Any, expected: Any) -> None:
    home = Home()
    home.answers["Ping"] = answer
    happened = []

    def listen(happening: Happening) -> Sequence[Command] | None:
        happened.append(happening)
        return [a_plan()] if happening == SessionEnded() else []

    async with home.operations(Toy) as operations:
        Toy.scripts["a"] = listen
        await operations.begin(Toy("a"))
        await operations.happen(SessionEnded())
        await home.until(lambda: len(home.journal.saves) == 3)
    assert [repr(each) for each in happened] == [repr(SessionEnded()), repr(expected)]


async def test_a_new_plan_takes_the_place_of_the_old_one() -> None:
    home = Home()
    never = asyncio.Event()

    async def wait() -> Mapping[str, str]:
        await never.wait()
        return {}

    home.answers = {"Ping": wait, "SelfTest": {}}
    async with home.operations(Toy) as operations:
        await operations.begin(script(SessionEnded=[a_plan()], Woke=[a_plan("SelfTest")], Done=[]))
        await operations.happen(SessionEnded())
        await home.until(lambda: "Ping" in home.log)
        await operations.happen(Woke())
        await home.until(lambda: len(home.journal.saves) == 4)
        assert heard(operations) == ("SessionEnded", "Woke", "Done")
        never.set()
        await asyncio.sleep(0)
        assert heard(operations) == ("SessionEnded", "Woke", "Done")


async def test_an_operation_that_is_over_hears_nothing_more() -> None:
    home = Home()
    stopped = asyncio.Event()

    async def wait() -> Mapping[str, str]:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return {}

    home.answers = {"Ping": wait}
    async with home.operations(Toy) as operations:
        await operations.begin(script(SessionEnded=[a_plan(), WakeAt(NOON)], Left=[OVER], Woke=[OVER]))
        await operations.happen(SessionEnded())
        await home.until(lambda: "Ping" in home.log or not operations.all)
        await operations.happen(Left())
        assert operations.all == ()
        async with asyncio.timeout(5):
            await stopped.wait()
    assert home.journal.records == {}


async def test_an_alarm_rings_and_a_later_wish_replaces_it() -> None:
    home = Home()
    soon = WakeAt(NOON + timedelta(seconds=0.02))
    late = WakeAt(NOON + timedelta(days=30_000))
    async with home.operations(Toy) as operations:
        await operations.begin(script("a", SessionEnded=[soon], Left=[late], Woke=[]))
        await operations.begin(script("b", SessionEnded=[late], Left=[soon], Woke=[]))
        await operations.happen(SessionEnded())
        await operations.happen(Left())
        await home.until(lambda: "Woke" in heard(operations, "b"))
        await asyncio.sleep(0.03)
        assert "Woke" not in heard(operations, "a")


async def test_an_alarm_of_the_past_rings_at_once() -> None:
    home = Home()
    async with home.operations(Toy) as operations:
        await operations.begin(script(SessionEnded=[WakeAt(NOON - timedelta(days=1))], Woke=[]))
        await operations.happen(SessionEnded())
        await home.until(lambda: "Woke" in heard(operations))


async def test_a_long_sleep_looks_at_the_clock_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that starts in 1970 learns the time later."""
    monkeypatch.setattr(module, "LONGEST_SLEEP_SECONDS", 0.01)
    home = Home()
    async with home.operations(Toy) as operations:
        await operations.begin(script(SessionEnded=[WakeAt(NOON + timedelta(days=20_000))], Woke=[]))
        await operations.happen(SessionEnded())
        await asyncio.sleep(0.03)
        assert heard(operations) == ("SessionEnded",)
        home.clock += timedelta(days=20_001)
        await home.until(lambda: "Woke" in heard(operations))


async def test_an_adopted_operation_hears_the_outcome_of_work_under_way() -> None:
    home = Home()
    go = asyncio.Event()

    async def wait() -> Mapping[str, str]:
        await go.wait()
        return {}

    home.answers = {"Ping": wait}
    async with home.operations(Toy) as operations:
        toy = script(SessionEnded=[a_plan()], Done=[])
        await operations.begin(toy)
        await operations.happen(SessionEnded())
        records = operations.adopt(replace(toy, heard=("written",)))
        await home.journal.save(records)
        go.set()
        await home.until(lambda: "Done" in heard(operations))
        assert heard(operations) == ("written", "Done")


# ------------------------------------------------------------------ real operations

RESULT = {
    "Status": "Success",
    "SuccessCount": "4",
    "FailureCount": "0",
    "AverageResponseTime": "2",
    "MinimumResponseTime": "1",
    "MaximumResponseTime": "3",
}
OFFERED = frozenset({"GetActiveTestIDs", "GetTestInfo", "CancelTest"})


def active(ids: str) -> Changed:
    return Changed(StateChange(Service.BMS, {"ActiveTestIDs": ids}))


async def test_two_tests_and_a_reboot_of_one_device_at_once() -> None:
    home = Home()
    home.answers = {
        "Ping": {"TestID": "1"},
        "SelfTest": {"TestID": "2"},
        "GetPingResult": RESULT,
        "GetSelfTestResult": {"Status": "1", "AdditionalInfo": "fine"},
        "Reboot": {"RebootStatus": "RebootNow"},
    }
    async with home.operations(Toy) as operations:
        await operations.begin(Diagnostic.of(PING).written({"Host": "a", STATE: "Requested"}, OFFERED))
        await operations.begin(Diagnostic.of(SELF_TEST).written({STATE: "Requested"}, OFFERED))
        await operations.begin(Restarts())
        await operations.happen(SessionEnded())
        await home.until(lambda: {"Ping", "SelfTest"} <= set(home.log))
        await home.until(lambda: len(home.journal.saves) == 6)
        await operations.happen(active("2"))
        await home.until(lambda: len(home.reported) == 1)
        await operations.happen(active(""))
        await home.until(lambda: len(home.reported) == 2)
        restarts = operations["restarts"]
        assert isinstance(restarts, Restarts)
        await operations.begin(ask_reboot(restarts, Reboot("key"), {"Reboot"}))
        await operations.happen(SessionEnded())
        await home.until(lambda: "Reboot" in home.log)
        await operations.happen(Left(frozenset({AboutTo.REBOOT})))
        await operations.happen(Returned(restarted=True))
    assert [each.event_code for each in home.reported] == [
        "8 DIAGNOSTICS COMPLETE",
        "8 DIAGNOSTICS COMPLETE",
        "1 BOOT",
        "M Reboot",
    ]


async def test_an_upload_in_the_queue_and_cancelled() -> None:
    home = Home()
    home.answers = {"GetLogInfo": {"LogURL": "http://192.0.2.7/log"}}
    stopped = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    home.transfer = lambda _: hang()
    logs = LogFiles().refreshed([LogInfo("urn:log")])
    request = Upload("key", "4 Vendor Log File 1", "http://acs.example/up")
    async with home.operations(Toy) as operations:
        await operations.begin(begin_upload(request, logs, "1", 0, NOON))
        transfers: Transfers = operations
        assert [each.state for each in transfers.requested()] == [1]
        assert transfers.autonomous() == ()
        await operations.happen(SessionEnded())
        await home.until(lambda: "transfer http://192.0.2.7/log" in home.log)
        assert [each.state for each in operations.requested()] == [2]
        await operations.cancel("another")
        assert operations.requested()
        await operations.cancel("key")
        assert not operations.requested()
        async with asyncio.timeout(5):
            await stopped.wait()
    assert home.reported == []
    assert home.journal.records == {}


class Killed(Exception):
    """The power was cut."""


class MortalJournal(MemoryJournal):
    """Writes as often as it is told, then the machine dies: nothing is written any more."""

    def __init__(self, records: Mapping[str, Any] | None, lives: int) -> None:
        super().__init__(records)
        self.lives = lives

    async def save(self, records: Mapping[str, Any]) -> None:
        if self.lives == 0:
            raise Killed
        self.lives -= 1
        await super().save(records)


async def _see_it_through(home: Home, operations: Operations) -> None:
    """A session ends, the device answers and sends its event, and time passes."""
    home.clock += timedelta(hours=1)  # every alarm is one of the past
    for _ in range(3):
        await operations.happen(SessionEnded())
        await operations.happen(active(""))
    await home.until(lambda: _is_over(operations))


def _is_over(operations: Operations) -> bool:
    diagnostic = operations["diagnostic/Ping"]
    return isinstance(diagnostic, Diagnostic) and diagnostic.state == "Complete" and len(operations.all) == 1


@pytest.mark.parametrize("lives", range(1, 12))
async def test_a_power_cut_after_any_write_loses_nothing_and_reports_nothing_twice(
    lives: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("translation.diagnostics.FIRST_LOOK", timedelta())
    monkeypatch.setattr("translation.diagnostics.FIRST_RETRY", timedelta())
    monkeypatch.setattr("translation.logs.FIRST_RETRY", timedelta())
    journal = MortalJournal(None, lives)
    home = Home(journal)
    home.answers = {
        "Ping": {"TestID": "1"},
        "GetActiveTestIDs": {"TestIDs": ""},
        "GetPingResult": RESULT,
        "GetLogInfo": {"LogURL": "http://192.0.2.7/log"},
    }
    logs = LogFiles().refreshed([LogInfo("urn:log")])
    request = Upload("key", "4 Vendor Log File 1", "http://acs.example/up")
    async with home.operations(Toy) as operations:
        await home.journal.save(
            {
                **operations.adopt(Diagnostic.of(PING).written({"Host": "a", STATE: "Requested"}, OFFERED)),
                **operations.adopt(begin_upload(request, logs, "1", 0, NOON)),
            }
        )
        try:
            async with asyncio.timeout(0.2):
                await _see_it_through(home, operations)
        except (Killed, TimeoutError):
            pass

    home.journal = MemoryJournal(journal.records)
    async with home.operations(Toy) as operations:
        await operations.start()
        await _see_it_through(home, operations)
    told = sorted(each.event_code for each in home.reported)
    assert told == ["7 TRANSFER COMPLETE", "8 DIAGNOSTICS COMPLETE", "M Upload"]
    assert len(home.requests) == 1
