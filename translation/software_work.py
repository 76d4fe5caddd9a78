"""What is to be done next for a device's software: one thing at a time, the most urgent first.

Source: TR-330 4.7.1
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec.structs import replace

from translation.actions import Plan
from translation.operations import Command, Run
from translation.software_facts import Facts, Inventory, read_facts, survey, take_inventory
from translation.software_modules import UnitChanges
from translation.software_operation import Stage
from translation.software_state import SoftwareState, Work

S = TypeVar("S", bound=SoftwareState)


def next_work(here: S, now: datetime) -> tuple[S, Command] | None:
    """What is to be done now, and what it is then; nothing while something is under way."""
    if here.work is not Work.NONE:
        return None
    return _for_own(here, now) or _look(here, now) or _search(here, now) or _survey(here, now)


def times(here: SoftwareState, now: datetime) -> Iterator[datetime]:
    """When there is something to be done that cannot be done now."""
    if here.work is not Work.NONE:
        return
    yield from (each.look_at for each in here.watched)
    if here.searched:
        yield here.searched.look_at
    if _is_anything_to_survey(here, now):
        yield here.not_before or now
    yield from (job.due for job in here.queue if not job.waits_for_session and job.due > now)


def _for_own(here: S, now: datetime) -> tuple[S, Command] | None:
    """Have the file fetched, or call. Source: TR-330 4.7.1.1"""
    own = here.own
    if own and own.stage is Stage.RELAYING:
        return replace(here, work=Work.TRANSFER, work_for=own.job), own.wish.transfer
    if own and own.stage is Stage.CALLING:
        called = own.called(now, timedelta(seconds=here.time_out_seconds))
        return replace(here, work=Work.CALL, work_for=own.job, own=called), Run(own.wish.call(own.url))
    return None


def _look(here: S, now: datetime) -> tuple[S, Command] | None:
    """Ask what has become of an operation, the longest overdue first."""
    due = [each for each in here.watched if each.look_at <= now]
    if not due:
        return None
    watched = min(due, key=lambda each: each.look_at)
    looking = replace(here.with_watched(watched, watched.looked_at()), work=Work.LOOK)
    return replace(looking, work_for=str(watched.operation_id)), Run(watched.look(here.offered, now))


def _search(here: S, now: datetime) -> tuple[S, Command] | None:
    """Look for an operation of ours that may be at the device."""
    own = here.searched
    if own is None or not (own.look_at <= now or _is_news(here, now)):
        return None
    facts = read_facts(own.subject, here.offered, own.before)
    plan = survey(here.known_ids | own.known, here.seen.unknown, here.offered, facts)
    return replace(here, work=Work.SURVEY, work_for=own.job, own=own.looked_at()), Run(plan)


def _survey(here: S, now: datetime) -> tuple[S, Command] | None:
    """See what goes on at the device: before a call, and when it has something new."""
    if not _is_anything_to_survey(here, now) or (here.not_before and here.not_before > now):
        return None
    job = None if here.own else here.next_job(now)
    wish = job.wish if job else None
    also: Plan[Facts] | Plan[Inventory] | None = None
    if isinstance(job, UnitChanges):
        also = take_inventory(here.offered)
    elif wish and wish.subject.is_firmware:
        also = read_facts(wish.subject, here.offered)
    plan = survey(here.known_ids, here.seen.unknown, here.offered, also)
    return replace(here, work=Work.SURVEY, work_for=job.number if job else ""), Run(plan)


def _is_news(here: SoftwareState, now: datetime) -> bool:
    """Whether the device has listed what it was not asked about yet, and is said to answer."""
    return bool(here.seen.unknown) and not (here.not_before and here.not_before > now)


def _is_anything_to_survey(here: SoftwareState, now: datetime) -> bool:
    if here.searched:
        return False
    return bool(here.seen.unknown) or (here.own is None and here.next_job(now) is not None)
