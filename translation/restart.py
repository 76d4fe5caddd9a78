"""Restarts of a device, asked for by the ACS or not, and the events that they mean to it.

`Restarts` is the one operation of its kind that a device has, and lives as long as the proxier knows the
device. It remembers what the byebye announced, what tells the present run from others, and what the ACS has
asked for, so that one return of the device gives one report. By Table 1:

- a byebye with AboutToBaselineReset, then alive: `0 BOOTSTRAP`; with AboutToReboot: `1 BOOT`; both with both;
- without such a byebye, a device that is known to have restarted: `1 BOOT`;
- `M Reboot` goes with `1 BOOT`, with the CommandKey of each Reboot of the ACS that the device was told;
- a FactoryReset that the device was told ends with `0 BOOTSTRAP`, announced or not.

An announcement is the device's own word: what it does not name did not happen, though BOOTID changes when
a device comes back. Silence alone is no boot. SSDP comes in bursts, its datagrams in any order, so that a
device may seem to come back twice: what shows the marks of the run that was just reported, and announces
nothing new, is that run.

A call that gets no answer may have been carried out, since a device that reboots answers nobody. So the call
is made again only when the device is there and shows no sign of a restart.

Source: TR-330 4.2.1 Table 1; TR-069 A.3.2.9, A.4.1.6
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Self

from msgspec import Struct
from msgspec.structs import replace

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import EventCode, EventStruct, Reboot
from translation.actions import AboutTo, DeviceUnreachable, Service, StateChange
from translation.bms import baseline_reset, boot_marks, reboot, status_since
from translation.changes import TABLE_1
from translation.operations import (
    NO_MARKS,
    BootMarks,
    Changed,
    Done,
    Failed,
    Happening,
    Left,
    Report,
    Returned,
    Run,
    SessionEnded,
    Started,
    Step,
    WakeAt,
    Woke,
    retry_wait,
    time_in_record,
    time_of_record,
    worth_another_try,
)
from translation.records import record_of

LOOK_EVERY = timedelta(seconds=20)
"""How often a device that should restart is asked whether it has."""

RESTARTS_WITHIN = timedelta(minutes=10)
"""A device that says RebootNow and is still there, unchanged, after this time will not do it any more."""

RESTARTS_LATER_WITHIN = timedelta(days=1)
"""The same for RebootLater, and for a device that is away."""


FIRST_RETRY = timedelta(seconds=5)
"""After our own start, for which the device has to be found again."""

BURST = timedelta(seconds=10)
"""For so long after a restart the datagrams that tell of it may arrive; bursts of 3 s were seen."""

MAX_REBOOTS = 16
"""Reboots of the ACS that may wait for one boot; each is an event of the Inform after it."""

REBOOT = "Reboot"
RESET = "BaselineReset"


class Phase(StrEnum):
    """How far what the ACS has asked for is."""

    IDLE = "idle"
    RECORDED = "recorded"
    """To be called: after the session, or when it is time to try again."""
    CALLING = "calling"
    CALLED = "called"
    """The restart is to be seen; from time to time the device is asked."""


class Restarts(Struct, frozen=True):
    """What is known of a device's restarts; see the head of this module."""

    kind: ClassVar[str] = "restarts"

    marks: BootMarks = NO_MARKS
    about_to: frozenset[AboutTo] = frozenset()
    """What the byebye announced from which the device has not come back."""
    reboots: tuple[str, ...] = ()
    """The CommandKeys of the Reboots that the ACS has asked for."""
    reset: bool = False
    """Whether the ACS has asked for a FactoryReset."""
    phase: Phase = Phase.IDLE
    waits_for_session: bool = False
    action: str = ""
    """What was called last."""
    sure: bool = False
    """The device has confirmed the call."""
    away: bool = False
    """It has been away since the call."""
    until: datetime | None = None
    """When the restart is not waited for any more."""
    failures: int = 0
    reported_at: datetime | None = None
    """When the last restart or reset was reported."""
    reported: frozenset[AboutTo] = frozenset()
    """What it was."""

    @property
    def key(self) -> str:
        """See `Operation`."""
        return "restarts"

    def has_restarted(self, marks: BootMarks) -> bool:
        """Whether a device that shows these marks has restarted since the last ones.

        BOOTID decides where there is one; where there is none, a changed time in DeviceStatus or an UpTime
        that went down.
        """
        old = self.marks
        if old.boot_id is not None and marks.boot_id is not None:
            return old.boot_id != marks.boot_id
        if old.up_time is not None and marks.up_time is not None and marks.up_time < old.up_time:
            return True
        return bool(old.status_since and marks.status_since) and old.status_since != marks.status_since

    def can_tell(self, marks: BootMarks) -> bool:
        """Whether these marks and the last ones have anything in common that tells runs apart."""
        pairs = zip(
            (self.marks.boot_id, self.marks.up_time, self.marks.status_since or None),
            (marks.boot_id, marks.up_time, marks.status_since or None),
            strict=True,
        )
        return any(old is not None and new is not None for old, new in pairs)

    def repeats(self, returned: Returned, now: datetime) -> bool:
        """Whether a return is that of the run which was reported last, told once more."""
        if self.reported_at is None or not self.reported_at <= now < self.reported_at + BURST:
            return False
        is_awaited = self.phase in {Phase.CALLING, Phase.CALLED}
        announced = self.about_to | returned.about_to
        return not is_awaited and announced <= self.reported and not self.has_restarted(returned.marks)

    def step(self, happening: Happening, now: datetime) -> Step:  # noqa: PLR0911 - one for each happening
        """See `Operation`."""
        match happening:
            case Returned():
                return _returned(self, happening, now)
            case Left(about_to=about_to):
                away = self.away or self.phase is not Phase.IDLE
                return replace(self, about_to=self.about_to | about_to, away=away), ()
            case Changed(change=change):
                return _status_changed(self, change, now)
            case Done() | Failed():
                return _answered(self, happening, now)
            case SessionEnded() if self.waits_for_session:
                return _go_on(replace(self, waits_for_session=False))
            case Woke():
                return _go_on(self)
            case Started() if self.phase is not Phase.IDLE:
                return _resume(self, now)
            case _:
                return self, ()

    def to_record(self) -> Mapping[str, Any]:
        """See `Operation`."""
        return {
            "marks": record_of(self.marks),
            "about_to": sorted(self.about_to),
            "reboots": list(self.reboots),
            "reset": self.reset,
            "phase": self.phase.value,
            "waits_for_session": self.waits_for_session,
            "action": self.action,
            "sure": self.sure,
            "away": self.away,
            "until": time_in_record(self.until),
            "failures": self.failures,
            "reported_at": time_in_record(self.reported_at),
            "reported": sorted(self.reported),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """See `Operation`."""
        return cls(
            **{
                **record,
                "marks": BootMarks(**record["marks"]),
                "about_to": frozenset(AboutTo(each) for each in record["about_to"]),
                "reboots": tuple(record["reboots"]),
                "phase": Phase(record["phase"]),
                "until": time_of_record(record["until"]),
                "reported_at": time_of_record(record["reported_at"]),
                "reported": frozenset(AboutTo(each) for each in record["reported"]),
            }
        )


# ------------------------------------------------------------------ what the ACS asks for


def ask_reboot(restarts: Restarts, request: Reboot, offered: Collection[str]) -> Restarts:
    """What it is once the ACS has asked for a reboot. Source: TR-069 A.3.2.9

    Raises:
        CwmpFault: 9001 for a device that cannot be told to reboot.
    """
    if REBOOT not in offered:
        raise CwmpFault(FaultCode.REQUEST_DENIED, "the device has no action to reboot it")
    if len(restarts.reboots) >= MAX_REBOOTS:
        raise CwmpFault(FaultCode.RESOURCES_EXCEEDED, f"{MAX_REBOOTS} reboots are waiting already")
    return _recorded(replace(restarts, reboots=(*restarts.reboots, request.command_key)))


def ask_factory_reset(restarts: Restarts, offered: Collection[str]) -> Restarts:
    """What it is once the ACS has asked for a factory reset. Source: TR-069 A.4.1.6

    Raises:
        CwmpFault: 9001 for a device that cannot be told to reset itself.
    """
    if RESET not in offered:
        raise CwmpFault(FaultCode.REQUEST_DENIED, "the device has no action to reset it")
    return _recorded(replace(restarts, reset=True))


def _recorded(here: Restarts) -> Restarts:
    phase = Phase.RECORDED if here.phase is Phase.IDLE else here.phase
    return replace(here, phase=phase, waits_for_session=True)


# ------------------------------------------------------------------ what is done at the device


def _go_on(here: Restarts) -> Step:
    """Do what is to be done next, now that it is time for it."""
    if here.phase is Phase.CALLED:
        return here, (Run(boot_marks()),)
    if here.phase is not Phase.RECORDED or here.waits_for_session:
        return here, ()
    action, plan = (RESET, baseline_reset()) if here.reset else (REBOOT, reboot())
    calling = replace(here, phase=Phase.CALLING, action=action, sure=False, away=False, until=None)
    return calling, (Run(plan),)


def _next(here: Restarts, *reports: Report) -> Step:
    """Turn to what the ACS has asked for besides."""
    phase = Phase.RECORDED if here.reset or here.reboots else Phase.IDLE
    free = replace(here, phase=phase, action="", sure=False, away=False, until=None, failures=0)
    after, commands = _go_on(free)
    return after, (*reports, *commands)


def _given_up(here: Restarts) -> Step:
    """The device does not do it; CWMP has no words to say so, as the RPC was answered long ago."""
    kept = replace(here, reset=False) if here.action == RESET else replace(here, reboots=())
    return _next(kept)


def _again(here: Restarts, now: datetime) -> Step:
    """Call once more in a while, unless it was tried often enough."""
    failures = here.failures + 1
    wait = retry_wait(failures)
    if wait is None:
        return _given_up(here)
    return replace(here, phase=Phase.RECORDED, failures=failures), (WakeAt(now + wait),)


def _resume(here: Restarts, now: datetime) -> Step:
    """After a restart of the proxier, whose sessions are all over; the device is given time to be found."""
    here = replace(here, waits_for_session=False)
    if here.phase is Phase.CALLING:
        here = replace(here, phase=Phase.CALLED, until=now + RESTARTS_LATER_WITHIN)
    return here, (WakeAt(now + FIRST_RETRY),)


# ------------------------------------------------------------------ what the device answers and shows


def _answered(here: Restarts, outcome: Done | Failed, now: datetime) -> Step:
    """A call was answered, or came to nothing."""
    if here.phase is Phase.CALLED:
        return _looked(here, outcome, now)
    if here.phase is not Phase.CALLING:
        return here, ()
    called = replace(here, phase=Phase.CALLED)
    if isinstance(outcome, Done):
        until = now + (RESTARTS_WITHIN if outcome.result else RESTARTS_LATER_WITHIN)
        return replace(called, sure=True, until=until), (WakeAt(now + LOOK_EVERY),)
    if isinstance(outcome.error, DeviceUnreachable):
        return replace(called, until=now + RESTARTS_LATER_WITHIN), (WakeAt(now + LOOK_EVERY),)
    return _again(here, now) if worth_another_try(outcome.error) else _given_up(here)


def _looked(here: Restarts, outcome: Done | Failed, now: datetime) -> Step:
    """The device, which should restart, was asked whether it has."""
    until = here.until or now
    if isinstance(outcome, Failed) and isinstance(outcome.error, DeviceUnreachable):
        if now >= until + RESTARTS_LATER_WITHIN:
            return _given_up(here)
        return replace(here, away=True), (WakeAt(now + LOOK_EVERY),)
    marks = outcome.result if isinstance(outcome, Done) else NO_MARKS
    restarted = here.has_restarted(marks)
    if not restarted and not here.sure:
        return _again(here, now)
    if now >= until:
        return _overdue(here, marks, now, restarted=restarted)
    if restarted and here.marks.boot_id is None:
        return _back(here, marks, now, restarted=True)
    # Where there is a BOOTID the control point tells of a new one: to report both is one boot too many.
    return here, (WakeAt(now + LOOK_EVERY),)


def _overdue(here: Restarts, marks: BootMarks, now: datetime, *, restarted: bool) -> Step:
    """The device is there, and nobody saw it restart: it did what it confirmed, unless its marks deny it."""
    if here.action == RESET:
        return _back(here, marks, now, restarted=restarted)
    if restarted or not here.can_tell(marks):
        return _back(here, marks, now, restarted=True)
    return _given_up(here)


def _returned(here: Restarts, returned: Returned, now: datetime) -> Step:
    """The device is there."""
    if here.repeats(returned, now):
        returned = Returned(restarted=False, marks=returned.marks)
        here = replace(here, about_to=frozenset())
    here = replace(here, about_to=here.about_to | returned.about_to)
    unknown = here.sure and here.away and not here.can_tell(returned.marks)
    restarted = returned.restarted or (unknown and here.action == REBOOT)
    if restarted or here.about_to or (here.sure and here.away and here.action == RESET):
        return _back(here, returned.marks, now, restarted=restarted)
    here = replace(here, marks=_merged(here.marks, returned.marks))
    if here.phase is Phase.CALLED and not here.sure:
        return _again(here, now)
    return _go_on(here) if here.phase is Phase.RECORDED else (here, ())


def _status_changed(here: Restarts, change: StateChange, now: datetime) -> Step:
    """DeviceStatus has a new time, which in the first event of a subscription is the sign of a restart."""
    if change.service is not Service.BMS:
        return here, ()
    since = status_since(change.variables.get("DeviceStatus", ""))
    marks = replace(here.marks, status_since=since or here.marks.status_since)
    if change.complete and here.marks.boot_id is None and here.has_restarted(marks):
        return _back(here, marks, now, restarted=True)
    return replace(here, marks=marks), ()


def _back(here: Restarts, marks: BootMarks, now: datetime, *, restarted: bool) -> Step:
    """The device is there, and has restarted, or has done what it announced or was told.

    Source: TR-330 4.2.1 Table 1
    """
    did = here.about_to or frozenset({AboutTo.REBOOT} if restarted else ())
    did |= {AboutTo.BASELINE_RESET} if here.action == RESET else set()
    boot = AboutTo.REBOOT in did
    keys = here.reboots if boot and here.action else ()
    events = (
        *(EventStruct(row.event) for row in TABLE_1 if row.announcement in did),
        *(EventStruct(EventCode.M_REBOOT, key) for key in keys),
    )
    after = replace(
        here,
        marks=marks if boot else _merged(here.marks, marks),
        about_to=frozenset(),
        reboots=() if keys else here.reboots,
        reset=here.reset and here.action != RESET,
        reported_at=now,
        reported=did,
    )
    return _next(after, Report(events))


def _merged(old: BootMarks, new: BootMarks) -> BootMarks:
    """What is known of a run that goes on."""
    return BootMarks(
        old.boot_id if new.boot_id is None else new.boot_id,
        new.status_since or old.status_since,
        old.up_time if new.up_time is None else new.up_time,
    )
