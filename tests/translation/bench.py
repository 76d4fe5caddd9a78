"""A bench for operations: lets things happen to one, and carries out its plans with canned answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeAlias, TypeVar, cast

from translation.actions import ActionCall, ActionError, ActionResult, DeviceUnreachable, Plan
from translation.operations import Command, Done, Failed, Happening, Operation, Report, Run, WakeAt

O = TypeVar("O", bound=Operation)  # noqa: E741 - the customary name
Answer: TypeAlias = Mapping[str, str] | ActionError | DeviceUnreachable
Script: TypeAlias = Mapping[str, Answer]

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def carry_out(plan: Plan[Any], script: Script) -> tuple[Done | Failed, list[ActionCall]]:
    """Drive a plan: each action is answered as the script says; one that it does not know is a defect."""
    calls = []
    answer: Any = None
    try:
        call = next(plan)
        while True:
            assert isinstance(call, ActionCall)
            calls.append(call)
            answer = script[call.name]
            failed = isinstance(answer, Exception)
            call = plan.throw(answer) if failed else plan.send(ActionResult(answer))
    except StopIteration as done:
        return Done(done.value), calls
    except (ActionError, DeviceUnreachable) as error:
        return Failed(error), calls


class Bench(Generic[O]):
    """One operation and all that it commanded; it is taken through its record at every step."""

    def __init__(self, operation: O) -> None:
        self.operation: O | None = operation
        self.now = START
        self.reports: list[Report] = []
        self.calls: list[ActionCall] = []
        self.wake: datetime | None = None
        self._kind = type(operation)

    @property
    def here(self) -> O:
        assert self.operation is not None
        return self.operation

    @here.setter
    def here(self, operation: O) -> None:
        self.operation = operation

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(each.event_code, each.command_key) for report in self.reports for each in report.events]

    @property
    def names(self) -> list[str]:
        return [call.name for call in self.calls]

    def happen(self, happening: Happening) -> tuple[Command, ...]:
        """One step."""
        record = json.loads(json.dumps(self.here.to_record()))
        restored = self._kind.from_record(record)
        assert restored == self.operation
        after, commands = restored.step(happening, self.now)
        self.operation = cast("O | None", after)
        for command in commands:
            if isinstance(command, Report):
                self.reports.append(command)
            elif isinstance(command, WakeAt):
                self.wake = command.time
        return commands

    def run(self, happening: Happening, script: Script) -> list[str]:
        """One step, and all plans that follow from it; returns the names of the actions called."""
        before = len(self.calls)
        pending: Sequence[Command] = self.happen(happening)
        while runs := [command for command in pending if isinstance(command, Run)]:
            assert len(runs) == 1, "one plan of an operation is under way at a time"
            outcome, calls = carry_out(runs[0].plan, script)
            self.calls += calls
            pending = self.happen(outcome) if self.operation else ()
        return self.names[before:]

    def wait(self) -> timedelta:
        """Let the time pass that the operation wanted to sleep; returns how long that was."""
        assert self.wake is not None
        waited = self.wake - self.now
        self.now, self.wake = self.wake, None
        return waited
