"""All that a device's SoftwareManagement does, for the ACS and for others, as one operation.

`Software` is the one operation of its kind that a device has, and lives as long as the proxier knows the
device. The ACS's jobs stand in a queue: downloads of firmware, changes of units, units to start and to stop.
One of them at a time is carried out: the device is surveyed, the intent is saved, the call is made, and its
end is watched for.

Every OperationID that the device lists is taken note of. What is not ours is asked about; the updates and
installations that another control point has asked for are watched like our own, and reported as autonomous.

One command is under way at a time; what happens meanwhile is noted, and acted on afterwards.

Source: TR-330 4.7
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self, TypeAlias

from msgspec.structs import replace

from cwmp_client.faults import CwmpFault, FaultCode
from translation.actions import ActionError, DeviceUnreachable, Service, StateChange
from translation.autonomous import autonomous_reports
from translation.operations import (
    Changed,
    Done,
    Failed,
    Happening,
    Left,
    Report,
    Returned,
    SessionEnded,
    Started,
    Step,
    WakeAt,
    WasReset,
    Woke,
    retry_wait,
)
from translation.records import record_of, value_of
from translation.sightings import Sightings
from translation.sms import OPERATION_IDS, some_ids
from translation.software_facts import MAX_ASKED, Ended, Facts, Found, Inventory, Subject, Survey
from translation.software_modules import UnitChanges
from translation.software_operation import (
    FIRST_RETRY,
    TIME_AFTER_START,
    Ending,
    Result,
    Stage,
    Watched,
    Wish,
)
from translation.software_state import Job, SoftwareState, Work
from translation.software_work import next_work, times
from translation.units import KnownUnits

LONGEST_PAUSE = timedelta(minutes=1)
"""Between two attempts to ask a device that does not answer."""

PAUSE = timedelta(seconds=1)
"""Between two times of asking a device about very many operations."""

MAX_OTHERS = 32
"""Operations that others have asked for and that are watched at once; those beyond are not reported."""

Error: TypeAlias = ActionError | DeviceUnreachable | CwmpFault


class Software(SoftwareState, frozen=True):
    """See the head of this module."""

    kind: ClassVar[str] = "software"

    @property
    def key(self) -> str:
        """See `Operation`."""
        return "software"

    def step(self, happening: Happening, now: datetime) -> Step:
        """See `Operation`."""
        reports: tuple[Report, ...] = ()
        match happening:
            case Done(result=result):
                here, reports = _done(self, result, now)
            case Failed(error=error):
                here, reports = _failed(self, error, now)
            case _:
                here = _noted(self, happening, now)
        if here == self and not isinstance(happening, Woke):
            return self, ()
        if chosen := next_work(here, now):
            after, command = chosen
            return after, (*reports, command)
        alarm = min(times(here, now), default=None)
        return here, (*reports, WakeAt(alarm)) if alarm else reports

    def to_record(self) -> Mapping[str, Any]:
        """See `Operation`."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """See `Operation`."""
        return value_of(cls, record)


_Told: TypeAlias = tuple[Software, tuple[Report, ...]]

# ------------------------------------------------------------------ what happens


def _noted(here: Software, happening: Happening, now: datetime) -> Software:  # noqa: PLR0911 - one for each happening
    """Take note of what happens."""
    match happening:
        case Started():
            return _resumed(here, now)
        case SessionEnded():
            return replace(here, queue=tuple(_free(job) for job in here.queue))
        case Changed(change=change):
            return _changed(here, change, now)
        case Left():
            return _each_watched(replace(here, seen=here.seen.without_unknown()), Watched.left)
        case Returned():
            return _returned(here, happening, now)
        case WasReset():
            return _reset(here, now)
        case _:
            return here


def _free(job: Job) -> Job:
    return replace(job, waits_for_session=False)


def _each_watched(here: Software, change: Callable[[Watched], Watched]) -> Software:
    return replace(here, own=here.own and change(here.own), others=tuple(map(change, here.others)))


def _resumed(here: Software, now: datetime) -> Software:
    """After a restart of the proxier, whose sessions are all over; the device is given time to be found."""
    if not (here.queue or here.own or here.others or here.seen.unknown):
        return replace(here, work=Work.NONE)
    own = here.own
    if own and (own.stage is Stage.RELAYING or (own.stage is Stage.CALLING and not own.wish.watched)):
        own = None  # it is begun anew
    queue = tuple(replace(_free(job), expires=max(job.expires, now + TIME_AFTER_START)) for job in here.queue)
    idle = replace(here, work=Work.NONE, own=own, queue=queue, failures=0, not_before=now + FIRST_RETRY)
    return _each_watched(idle, lambda each: each.resumed(now))


def _returned(here: Software, returned: Returned, now: datetime) -> Software:
    """The device is there; one that has restarted counts its operations anew."""
    seen = Sightings() if returned.restarted else here.seen
    here = replace(here, seen=seen, failures=0, not_before=None)
    return _each_watched(here, lambda each: each.returned(now, restarted=returned.restarted))


def _reset(here: Software, now: datetime) -> Software:
    """What the ACS has set and asked for is void; what of it the device still does is of no interest."""
    seen = here.seen
    if here.own and here.own.stage is Stage.WATCHING:
        seen = seen.with_known(here.own.operation_id, now)
    return replace(here, policy={}, units=KnownUnits(), queue=(), own=None, seen=seen)


def _changed(here: Software, change: StateChange, now: datetime) -> Software:
    if change.service is not Service.SMS or OPERATION_IDS not in change.variables:
        return here
    return here.listed(some_ids(change.variables[OPERATION_IDS]), now)


# ------------------------------------------------------------------ what work brings


def _done(here: Software, result: Any, now: datetime) -> _Told:
    work, here = here.work, replace(here, work=Work.NONE)
    match work:
        case Work.SURVEY:
            return _surveyed(here, result, now)
        case Work.LOOK:
            return _looked(here, result, now, silent=False)
        case Work.TRANSFER if here.own:
            return replace(here, own=replace(here.own, stage=Stage.CALLING, url=result)), ()
        case Work.CALL if here.own:
            return _called(here, here.own, result, now)
        case _:
            return here, ()


def _failed(here: Software, error: Error, now: datetime) -> _Told:
    work, here = here.work, replace(here, work=Work.NONE)
    match work:
        case Work.SURVEY:
            return _not_surveyed(here, error, now)
        case Work.LOOK:
            return _looked(here, None, now, silent=True)
        case Work.TRANSFER if here.own:
            code = error.code if isinstance(error, CwmpFault) else FaultCode.TRANSFER_FAILURE
            return _conclude(here, here.own.not_fetched(code, getattr(error, "text", str(error))))
        case Work.CALL if here.own:
            return _not_called(here, here.own, error, now)
        case _:
            return here, ()


def _called(here: Software, own: Watched, operation_id: int, now: datetime) -> _Told:
    """The device has taken the call. Source: TR-330 4.7.1.1"""
    if not own.wish.watched:
        return _conclude(here, Result(own.subject, Ending.SUCCEEDED))
    found = own.found(here.seen.of(operation_id, now), now)
    return replace(here, own=found, seen=here.seen.with_known(operation_id, now)), ()


def _not_called(here: Software, own: Watched, error: Error, now: datetime) -> _Told:
    """The device refuses the call, or gives no answer, and may have taken it."""
    if isinstance(error, ActionError):
        return _conclude(here, own.refused(error.code, str(error)))
    if own.wish.watched:
        return replace(here, own=own.went_astray(now)), ()
    return _not_surveyed(replace(here, own=None), error, now)


def _surveyed(here: Software, survey: Survey, now: datetime) -> _Told:
    """What goes on at the device is known: go on with what it was to be known for."""
    not_before = now + PAUSE if len(survey.asked) >= MAX_ASKED else None
    here = replace(here, failures=0, not_before=not_before).listed(survey.operations, now)
    here = replace(here, seen=here.seen.identified(survey.asked))
    own = here.searched
    mine = next((each for each in survey.found if own and own.is_mine(each)), None)
    others = (*here.others, *(_of_others(here, each, now) for each in survey.found if each is not mine))
    here = replace(here, others=others[:MAX_OTHERS])
    if own:
        return _searched(here, own, survey, mine, now)
    job = here.job(here.work_for)
    if job is None or here.own or here.is_blocked(job):
        return here, ()
    return _intend(here, job, survey, now)


def _of_others(here: Software, found: Found, now: datetime) -> Watched:
    """An operation that another control point has asked for. Source: TR-330 4.7.1.3"""
    wish = Wish(Subject(found.info.action, found.info.unit))
    deadline = now + timedelta(seconds=here.time_out_seconds)
    watched = Watched(wish, found.facts, deadline, look_at=now)
    return watched.found(here.seen.of(found.operation_id, now), now)


def _searched(here: Software, own: Watched, survey: Survey, mine: Found | None, now: datetime) -> _Told:
    """The device has an operation of ours, or has none."""
    if mine:
        return replace(here, own=own.found(here.seen.of(mine.operation_id, now), now)), ()
    if survey.operations - survey.asked - own.known - here.known_ids:
        return replace(here, own=replace(own, look_at=now)), ()  # too many to ask about all of them at once
    after = survey.also if isinstance(survey.also, Facts) else Facts()
    return _gone_on(here, own, own.searched(after, now))


def _intend(here: Software, job: Job, survey: Survey, now: datetime) -> _Told:
    """Decide what is called for a job, so that it is saved before it is."""
    found = survey.also
    if isinstance(job, UnitChanges) and isinstance(found, Inventory):
        units = here.units if found.ids is None else here.units.still_there(found.ids)
        planned = job.planned(found, units)
        here, job = replace(here.exchanged(job, planned), units=units), planned
    wish = job.wish
    if wish is None:
        return here.exchanged(job, None), job.reports()
    before = found.facts(wish.subject) if isinstance(found, Inventory) else found or Facts()
    own = Watched(
        wish,
        before,
        deadline=now,
        look_at=now,
        stage=Stage.RELAYING if wish.relayed else Stage.CALLING,
        job=job.number,
        known=survey.operations | here.known_ids,
        url=wish.url,
    )
    return replace(here, own=own), ()


def _not_surveyed(here: Software, error: Error, now: datetime) -> _Told:
    """The device does not answer: it is asked again in a while, or the job is given up."""
    failures = here.failures + 1
    here = replace(here, failures=failures, not_before=now + (retry_wait(failures) or LONGEST_PAUSE))
    if here.searched:
        return _gone_on(here, here.searched, here.searched.later(now, silent=True))
    job = here.job(here.work_for)
    if job is None or job.wish is None or now < job.expires:
        return here, ()
    text = f"the device could not be asked: {error}"
    return _concluded(here, job, Result(job.wish.subject, Ending.NOT_ASKED, text))


def _looked(here: Software, ended: Ended | None, now: datetime, *, silent: bool) -> _Told:
    """The device has told what has become of an operation, or that it goes on, or nothing at all."""
    watched = next((each for each in here.watched if str(each.operation_id) == here.work_for), None)
    if watched is None:
        return here, ()
    then = watched.ended(ended, now) if ended else watched.later(now, silent=silent)
    return _gone_on(here, watched, then)


# ------------------------------------------------------------------ what comes of it


def _gone_on(here: Software, watched: Watched, then: Watched | Result) -> _Told:
    if isinstance(then, Watched):
        return here.with_watched(watched, then), ()
    if watched is here.own:
        return _conclude(here, then)
    return here.with_watched(watched, None), autonomous_reports(then, here.units, here.policy)


def _conclude(here: Software, result: Result) -> _Told:
    """What was done for a job has come to its end."""
    job = here.job(here.own.job) if here.own else None
    here = replace(here, own=None)
    return _concluded(here, job, result) if job else (here, ())


def _concluded(here: Software, job: Job, result: Result) -> _Told:
    after, units = job.concluded(result, here.units)
    if after.wish:
        return replace(here.exchanged(job, after), units=units), ()
    return replace(here.exchanged(job, None), units=units), after.reports()
