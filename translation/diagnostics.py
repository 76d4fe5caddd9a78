"""A diagnostic as an operation: Figure 6 of TR-330, with the states of TR-181.

The operation of one object lives as long as the proxier knows the device: it holds what the ACS has set and
the results of the last test. Two things make up where it is. `state` is the DiagnosticsState that the ACS
reads. `phase` is what goes on at the device, which lags behind, since nothing is done before the session is
over: a test that runs while the ACS wants another, or none, is `stale`, and will be cancelled.

The result is asked for when ActiveTestIDs says that the test is over. Events get lost, and not every device
sends them, so the device is asked as well: after a second, then at growing intervals, and at the latest when
the test's own timer ends; what it then still does not tell is asked for a few times more. A device that
restarts has lost the test.

Source: TR-330 4.5, Figure 6; TR-181 2.17, DiagnosticsState
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Self

from msgspec import Struct, field
from msgspec.structs import replace

from cwmp_client.faults import FaultCode, ParameterFault
from cwmp_client.messages import EventCode, EventStruct
from translation.actions import ActionResult, DeviceUnreachable, Service, StateChange
from translation.bms import Progress, cancel_test, ids_in, look_at_test, start_test
from translation.diagnostic_objects import DIAGNOSTICS, ERROR_OTHER, LONGEST_TEST, DiagnosticObject
from translation.operations import (
    Cancelled,
    Changed,
    Done,
    Failed,
    Happening,
    Report,
    Returned,
    Run,
    SessionEnded,
    Started,
    Step,
    WakeAt,
    WasReset,
    Woke,
    retry_wait,
    time_in_record,
    time_of_record,
    worth_another_try,
)
from translation.service_parameters import ServiceParameter

STATE = "DiagnosticsState"
NONE = "None"
REQUESTED = "Requested"
CANCELED = "Canceled"

FIRST_LOOK = timedelta(seconds=1)
"""After the start of a test: its last event may have come before the answer that tells its TestID."""

LONGEST_PAUSE = timedelta(seconds=30)
"""Between two looks at a test that runs."""

FIRST_RETRY = timedelta(seconds=5)
"""After our own start, for which the device has to be found again."""

COMPLETED = Report((EventStruct(EventCode.DIAGNOSTICS_COMPLETE),))


class Phase(StrEnum):
    """What goes on at the device."""

    IDLE = "idle"
    RECORDED = "recorded"
    """A test is to be asked for: after the session, or when it is time to try again."""
    ASKING = "asking"
    ACTIVE = "active"
    """The device has the test; from time to time it is asked how far it is."""
    CANCELLING = "cancelling"


class Diagnostic(Struct, frozen=True):
    """The operation of one diagnostic object of one device; see the head of this module."""

    kind: ClassVar[str] = "diagnostic"

    action: str
    inputs: Mapping[str, str]
    state: str = NONE
    outputs: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[Mapping[str, str]] = ()
    phase: Phase = Phase.IDLE
    stale: bool = False
    """What goes on at the device is not what the ACS wants any more."""
    waits_for_session: bool = False
    """The session in which the ACS wrote has not ended."""
    test_id: int = 0
    failures: int = 0
    asked_at: datetime | None = None
    timer: datetime | None = None
    """When the test should be over."""
    offered: frozenset[str] = frozenset()
    """The actions that the device offered when the test was asked for."""

    @classmethod
    def of(cls, table: DiagnosticObject) -> Self:
        """The diagnostic of an object that the ACS has not touched."""
        return cls(table.action, {each.name: each.default for each in table.inputs})

    @property
    def table(self) -> DiagnosticObject:
        """Its row in the table of diagnostics."""
        return DIAGNOSTICS[self.action]

    @property
    def key(self) -> str:
        """See `Operation`."""
        return f"diagnostic/{self.action}"

    def faults(self, values: Mapping[str, str]) -> list[ParameterFault]:
        """What is wrong with new values, by the name of the parameter within the object."""
        wrong = {}
        inputs = dict(self.inputs)
        for name, text in values.items():
            if name == STATE:
                continue
            try:
                inputs[name] = self.table.input(name).value(text)
            except ValueError as error:
                wrong[name] = str(error)
        wish = values.get(STATE, REQUESTED)
        missing = [each.name for each in self.table.inputs if each.needed and not inputs[each.name]]
        if wish not in {REQUESTED, CANCELED}:
            wrong[STATE] = f"only {REQUESTED} and {CANCELED} can be set"
        elif STATE in values and wish == REQUESTED and missing:
            wrong[STATE] = f"{missing[0]} is empty"
        return [ParameterFault(name, FaultCode.INVALID_PARAMETER_VALUE, text) for name, text in wrong.items()]

    def written(self, values: Mapping[str, str], offered: frozenset[str]) -> Diagnostic:
        """What it is once the ACS has set values in which there are no `faults`.

        A changed input or `Canceled` makes the state None, `Requested` begins a test anew; what that means at
        the device is done when the session has ended. The old results are gone.
        """
        inputs = dict(self.inputs)
        inputs.update((n, self.table.input(n).value(text)) for n, text in values.items() if n != STATE)
        wish = values.get(STATE)
        if wish is None and inputs == self.inputs:
            return self
        state = REQUESTED if wish == REQUESTED else NONE
        at_device = self.phase not in {Phase.IDLE, Phase.RECORDED}
        fresh = Diagnostic(self.action, inputs, state, offered=offered, waits_for_session=True)
        if not at_device:
            return replace(fresh, phase=Phase.RECORDED if state == REQUESTED else Phase.IDLE)
        return replace(fresh, phase=self.phase, stale=True, test_id=self.test_id)

    def parameters(self) -> Iterator[ServiceParameter]:
        """Everything below its object, in the order of TR-181."""
        table = self.table
        yield ServiceParameter(table.path + STATE, self.state, "string", writable=True)
        for each in table.inputs:
            yield ServiceParameter(table.path + each.name, self.inputs[each.name], each.type, writable=True)
        for output in table.outputs:
            value = self.outputs.get(output.name, output.default)
            yield ServiceParameter(table.path + output.name, value, output.type)
        if table.table is None:
            return
        name, columns = table.table.name, table.table.columns
        yield ServiceParameter(f"{table.path}{name}NumberOfEntries", str(len(self.rows)), "unsignedInt")
        yield ServiceParameter(f"{table.path}{name}.")
        for number, row in enumerate(self.rows, 1):
            for column in columns:
                value = row.get(column.name, column.default)
                yield ServiceParameter(f"{table.path}{name}.{number}.{column.name}", value, column.type)

    def step(self, happening: Happening, now: datetime) -> Step:  # noqa: PLR0911 - one for each happening
        """See `Operation`."""
        match happening:
            case Done() | Failed():
                return _answered(self, happening, now)
            case SessionEnded() if self.waits_for_session:
                return _go_on(replace(self, waits_for_session=False), now)
            case Woke():
                return _go_on(self, now)
            case Started():
                return _resume(self, now)
            case Returned():
                return _returned(self, happening, now)
            case Changed(change=change) if _is_over(self, change):
                return _look(self, ask_first=False)
            case WasReset():
                return None, ()
            case Cancelled():
                written = self.written({STATE: CANCELED}, self.offered)
                return _go_on(replace(written, waits_for_session=False), now)
            case _:
                return self, ()

    def to_record(self) -> Mapping[str, Any]:
        """See `Operation`."""
        return {
            "action": self.action,
            "inputs": dict(self.inputs),
            "state": self.state,
            "outputs": dict(self.outputs),
            "rows": [dict(row) for row in self.rows],
            "phase": self.phase.value,
            "stale": self.stale,
            "waits_for_session": self.waits_for_session,
            "test_id": self.test_id,
            "failures": self.failures,
            "asked_at": time_in_record(self.asked_at),
            "timer": time_in_record(self.timer),
            "offered": sorted(self.offered),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """See `Operation`."""
        return cls(
            **{
                **record,
                "inputs": {**cls.of(DIAGNOSTICS[record["action"]]).inputs, **record["inputs"]},
                "rows": tuple(record["rows"]),
                "phase": Phase(record["phase"]),
                "asked_at": time_of_record(record["asked_at"]),
                "timer": time_of_record(record["timer"]),
                "offered": frozenset(record["offered"]),
            }
        )


# ------------------------------------------------------------------ what is done at the device


def _go_on(here: Diagnostic, now: datetime) -> Step:
    """Do what is to be done next, now that it is time for it."""
    if here.waits_for_session:
        return here, ()
    if here.phase is Phase.RECORDED:
        arguments = {name: here.inputs[name] for name in here.table.arguments}
        return replace(here, phase=Phase.ASKING), (Run(start_test(here.action, arguments)),)
    if here.phase is Phase.ACTIVE and here.stale:
        return _cancel(here, now)
    if here.phase is Phase.ACTIVE:
        return _look(here, ask_first=not _is_late(here, now))
    return here, ()


def _look(here: Diagnostic, *, ask_first: bool) -> Step:
    look = look_at_test(here.test_id, here.table.result_action, here.offered, ask_first=ask_first)
    return here, (Run(look),)


def _cancel(here: Diagnostic, now: datetime) -> Step:
    if "CancelTest" not in here.offered:
        return _free(here, now)
    return replace(here, phase=Phase.CANCELLING), (Run(cancel_test(here.test_id)),)


def _free(here: Diagnostic, now: datetime) -> Step:
    """Nothing of ours is at the device any more: turn to what the ACS wants now."""
    phase = Phase.RECORDED if here.state == REQUESTED else Phase.IDLE
    return _go_on(
        replace(here, phase=phase, stale=False, test_id=0, failures=0, asked_at=None, timer=None), now
    )


def _resume(here: Diagnostic, now: datetime) -> Step:
    """After a restart of the proxier, whose sessions are all over; the device is given time to be found."""
    here = replace(here, waits_for_session=False)
    if here.phase is Phase.ASKING:  # whether the device has the test is not known, nor its TestID
        here = replace(here, phase=Phase.RECORDED if here.state == REQUESTED else Phase.IDLE, stale=False)
    elif here.phase is Phase.CANCELLING:
        here = replace(here, phase=Phase.ACTIVE, stale=True)
    return here, () if here.phase is Phase.IDLE else (WakeAt(now + FIRST_RETRY),)


def _returned(here: Diagnostic, returned: Returned, now: datetime) -> Step:
    """The device is back; one that has restarted has no test of ours any more."""
    if returned.restarted and here.phase is Phase.ACTIVE:
        return _free(here, now) if here.stale else _finished(here, ERROR_OTHER)
    return _go_on(here, now)


# ------------------------------------------------------------------ what the device answers


def _answered(here: Diagnostic, outcome: Done | Failed, now: datetime) -> Step:
    """A plan was carried out, or came to nothing."""
    if here.phase is Phase.CANCELLING:
        return _free(here, now)
    if here.phase not in {Phase.ASKING, Phase.ACTIVE}:
        return here, ()
    if isinstance(outcome, Done):
        return (_asked if here.phase is Phase.ASKING else _looked)(here, outcome.result, now)
    if here.stale:
        return _free(here, now) if here.phase is Phase.ASKING else _go_on(here, now)
    return _again_later(here, now) if worth_another_try(outcome.error) else _finished(here, ERROR_OTHER)


def _asked(here: Diagnostic, test_id: int, now: datetime) -> Step:
    """The device has taken the test."""
    timer = now + here.table.duration.of(here.inputs)
    active = replace(here, phase=Phase.ACTIVE, test_id=test_id, failures=0, asked_at=now, timer=timer)
    return _go_on(active, now) if here.stale else (active, (WakeAt(now + FIRST_LOOK),))


def _looked(here: Diagnostic, found: ActionResult | Progress, now: datetime) -> Step:
    """The device has told the result, or how far the test is."""
    if here.stale:
        return _free(here, now) if isinstance(found, ActionResult) else _go_on(here, now)
    if isinstance(found, ActionResult):
        return _read(here, found)
    if found is Progress.CANCELED:
        return _finished(here, ERROR_OTHER)
    if not _is_late(here, now):
        return here, (WakeAt(_next_look(here, now)),)
    if found is Progress.REQUESTED and here.asked_at and now < here.asked_at + LONGEST_TEST:
        # It waits behind other tests (SequenceMode), and its time has not begun.
        timer = now + here.table.duration.of(here.inputs)
        return replace(here, timer=timer), (WakeAt(now + LONGEST_PAUSE),)
    return _again_later(here, now)


def _again_later(here: Diagnostic, now: datetime) -> Step:
    """Once more in a while, unless it was tried often enough; then the test is over for us."""
    failures = here.failures + 1
    wait = retry_wait(failures)
    if wait is not None:
        phase = Phase.RECORDED if here.phase is Phase.ASKING else Phase.ACTIVE
        return replace(here, phase=phase, failures=failures), (WakeAt(now + wait),)
    if here.phase is Phase.ASKING or "CancelTest" not in here.offered:
        return _finished(here, ERROR_OTHER)
    cancelling = replace(here, state=ERROR_OTHER, phase=Phase.CANCELLING, stale=True)
    return cancelling, (COMPLETED, Run(cancel_test(here.test_id)))


def _read(here: Diagnostic, result: ActionResult) -> Step:
    """Keep the result of the test."""
    table = here.table
    outputs = {each.name: each.value(result.values) for each in table.outputs}
    if table.table is None:
        rows: Sequence[Mapping[str, str]] = ()
    else:
        try:
            found = table.table.rows_in(result)
        except DeviceUnreachable:  # the document in it is none
            return _finished(here, ERROR_OTHER)
        rows = [{each.name: each.value(row) for each in table.table.columns} for row in found]
    return _finished(here, table.state_of(result.values.get("Status", "")), outputs, rows)


def _finished(
    here: Diagnostic,
    state: str,
    outputs: Mapping[str, str] | None = None,
    rows: Sequence[Mapping[str, str]] = (),
) -> Step:
    """The test is over, and the ACS has to know."""
    over = Diagnostic(here.action, here.inputs, state, outputs or {}, tuple(rows), offered=here.offered)
    return over, (COMPLETED,)


# ------------------------------------------------------------------ times and events


def _is_over(here: Diagnostic, change: StateChange) -> bool:
    if here.phase is not Phase.ACTIVE or here.stale or change.service is not Service.BMS:
        return False
    active = change.variables.get("ActiveTestIDs")
    return active is not None and here.test_id not in ids_in(active)


def _is_late(here: Diagnostic, now: datetime) -> bool:
    return here.timer is not None and now >= here.timer


def _next_look(here: Diagnostic, now: datetime) -> datetime:
    """After as long again as the test has been running, within limits, and when its timer ends."""
    running = now - (here.asked_at or now)
    look = now + min(max(running, FIRST_LOOK), LONGEST_PAUSE)
    return min(look, here.timer or look)
