"""Downloads under whatever happens, in whatever order: no second Update, one TransferComplete for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cwmp_client.messages import AutonomousTransferComplete, Download, TransferComplete
from tests.translation.bench import START, Bench
from translation.actions import ActionCall, ActionError, ActionResult, DeviceUnreachable, Service, StateChange
from translation.files import RelayMode
from translation.firmware import begin_download
from translation.operations import (
    Changed,
    Command,
    Done,
    Failed,
    Happening,
    Left,
    Returned,
    Run,
    SessionEnded,
    Started,
    Woke,
)
from translation.software import Software

OFFERED = frozenset({"Update", "GetOperationIDs", "GetOperationInfo", "GetDUInfo"})
KEYS = ("a", "b", "c")


@dataclass
class Device:
    """A device whose firmware can be updated, and everything that can be said against it."""

    version: int = 1
    is_up: bool = True
    next_id: int = 1
    operations: dict[int, str] = field(default_factory=dict)
    updates: int = 0
    updates_of_others: int = 0

    def answer(self, call: ActionCall) -> ActionResult:
        if not self.is_up:
            raise DeviceUnreachable("no answer")
        values: Mapping[str, str] = {}
        match call.name:
            case "Update":
                self.updates += 1
                values = {"OperationID": str(self.begin())}
            case "GetOperationIDs":
                values = {"OperationIDs": ",".join(map(str, self.active))}
            case "GetOperationInfo":
                state = self.operations.get(int(call.arguments["OperationID"]))
                if state is None:
                    raise ActionError(707)
                error = "Error_Other" if state == "Error" else "Error_None"
                values = {
                    "OperationState": state,
                    "Action": "Update",
                    "TargetedIDs": "0",
                    "ErrorDescription": error,
                }
            case "GetDUInfo":
                values = {"DUVersion": str(self.version)}
            case _:
                raise ActionError(401)
        return ActionResult(values)

    @property
    def active(self) -> list[int]:
        return [each for each, state in self.operations.items() if state == "InProgress"]

    def begin(self) -> int:
        if self.active:
            raise ActionError(704)
        self.operations[self.next_id] = "InProgress"
        self.next_id += 1
        return self.next_id - 1

    def end(self, state: str) -> None:
        for each in self.active:
            self.operations[each] = state
            self.version += state == "Completed"

    def restart(self, *, updated: bool) -> None:
        self.version += bool(self.active) and updated
        self.operations.clear()
        self.next_id = 1


class World:
    """The device, the operation, and what is under way between them."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.device = Device()
        jobs = tuple(
            begin_download(
                Download(key, "1 Firmware Upgrade Image", "http://a.example/b"),
                OFFERED,
                RelayMode.NEVER,
                number=key,
                queued=0,
                now=START,
            )
            for key in keys
        )
        self.bench = Bench(Software(OFFERED, time_out_seconds=600, queue=jobs))
        self.run: Run | None = None
        self.restarted = False

    def happen(self, happening: Happening) -> None:
        self._take(self.bench.happen(happening))

    def _take(self, commands: tuple[Command, ...]) -> None:
        runs = [each for each in commands if isinstance(each, Run)]
        assert len(runs) <= 1
        if runs:
            assert self.run is None, "a plan under way is never replaced"
            self.run = runs[0]

    def carry_out(self, calls: int = 1000) -> Happening | None:
        """Drive the plan under way for so many calls; its outcome, if it came to one."""
        assert self.run
        plan, self.run = self.run.plan, None
        answer: Any = None
        error: Exception | None = None
        try:
            for _ in range(calls + 1):
                call = plan.throw(error) if error else plan.send(answer)
                assert isinstance(call, ActionCall)
                answer = error = None
                try:
                    answer = self.device.answer(call)
                except (ActionError, DeviceUnreachable) as failure:
                    error = failure
        except StopIteration as done:
            return Done(done.value)
        except (ActionError, DeviceUnreachable) as failure:
            return Failed(failure)
        return None

    def do(self, deed: str, number: int) -> None:  # noqa: C901, PLR0912 - a case for each deed
        device = self.device
        match deed:
            case "answer" if self.run:
                outcome = self.carry_out()
                assert outcome
                self.happen(outcome)
            case "lose" if self.run:
                self.carry_out()
                self.happen(Failed(DeviceUnreachable("the answer was lost")))
            case "kill":
                if self.run:
                    self.carry_out(number)
                self.run = None
                self.bench.wake = None
                self.happen(Started())
            case "session":
                self.happen(SessionEnded())
            case "wake" if self.bench.wake:
                self.bench.wait()
                self.happen(Woke())
            case "event" if device.is_up:
                ids = ",".join(map(str, device.active))
                self.happen(Changed(StateChange(Service.SMS, {"OperationIDs": ids})))
            case "succeed" if device.is_up:
                device.end("Completed")
            case "fail" if device.is_up:
                device.end("Error")
            case "others" if device.is_up and not device.active:
                device.updates_of_others += 1
                device.begin()
            case "leave":
                device.is_up = False
                self.happen(Left())
            case "restart" | "roll back":
                device.restart(updated=deed == "restart")
                self.restarted = True
                self.come_back()
            case "return":
                self.come_back()
            case _:
                pass  # it cannot be done now

    def come_back(self) -> None:
        self.device.is_up = True
        self.happen(Returned(restarted=self.restarted))
        self.restarted = False

    def settle(self) -> None:
        """The device is there and does what it should, and time passes."""
        self.come_back()
        self.happen(SessionEnded())
        for _ in range(300):
            self.device.end("Completed")
            for deed in ("event", "answer", "answer", "wake"):
                self.do(deed, 0)


DEEDS = st.sampled_from(
    ["answer"] * 6
    + ["wake", "wake", "event", "event", "session", "kill", "kill", "lose"]
    + ["succeed", "fail", "others", "leave", "return", "restart", "roll back"]
)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 3),
    st.lists(st.tuples(DEEDS, st.integers(0, 4)), max_size=40),
)
def test_each_download_is_one_update_at_most_and_one_transfer_complete(
    downloads: int, deeds: list[tuple[str, int]]
) -> None:
    world = World(KEYS[:downloads])
    for deed, number in deeds:
        world.do(deed, number)
    world.settle()
    assert world.device.updates <= downloads
    requests = [request for report in world.bench.reports for request in report.requests]
    told = [each.command_key for each in requests if isinstance(each, TransferComplete)]
    assert sorted(told) == list(KEYS[:downloads])
    others = [each for each in requests if isinstance(each, AutonomousTransferComplete)]
    assert len(others) <= world.device.updates_of_others + downloads
    here = world.bench.here
    assert (here.queue, here.own, here.others, here.work) == ((), None, (), "")
    assert world.bench.now - START < timedelta(days=2)
