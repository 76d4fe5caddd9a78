"""Carries operations through: keeps them, saves every step of theirs, and does what they command.

A step is durable before anything of it is done: first the new value and its reports are written in one
transaction, then plans are driven, files moved and alarms set. An operation that raises is left as it was and
logged; the others of the device never notice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct, field

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import AllQueuedTransferStruct, CpeRequest, EventStruct
from cwmp_client.parameters import Journal
from proxier.proxied_parameters import Drive
from translation.actions import ActionError, DeviceUnreachable
from translation.operations import (
    Cancelled,
    Command,
    Done,
    Failed,
    Happening,
    Operation,
    Report,
    Run,
    Started,
    Transfer,
    WakeAt,
    WasReset,
    Woke,
)

RECORD_PREFIX = "operation/"
"""A record of the journal is called this and the operation's key."""

GRACE_SECONDS = 0.5
"""What work under way gets to end by itself when the proxier stops."""

SAVE_AGAIN_SECONDS = 10
"""The wait after which what could not be saved is tried again."""

LONGEST_SLEEP_SECONDS = 3600
"""How long an alarm trusts the clock it was set by: a gateway may learn the time long after its start."""

logger = logging.getLogger(__name__)


class SaveReport(Protocol):
    """Makes events and requests known to the CWMP endpoint, saved with the records in one transaction."""

    def __call__(
        self, events: Sequence[EventStruct], requests: Sequence[CpeRequest], records: Mapping[str, Any], /
    ) -> Awaitable[None]:
        """Done when all is saved."""


@runtime_checkable
class QueuedTransfer(Protocol):
    """An operation that stands in the queue of transfers that the ACS may ask for."""

    command_key: str

    def queued(self) -> AllQueuedTransferStruct:
        """Itself in that queue."""


async def _nothing(_url: str, _transfer: Transfer) -> None:
    """Hand on no file."""


class Ports(Struct, frozen=True):
    """Who does what operations command, for one device."""

    journal: Journal
    report: SaveReport
    drive: Drive
    transfer: Callable[[Transfer], Awaitable[Any]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    renew: Callable[[str, Transfer], Awaitable[None]] = _nothing
    """Hands a file on once more under the URL that the device was told before our own start."""


class _Kept(Struct, eq=False):
    """An operation with its alarm and the work that it has under way."""

    operation: Operation
    alarm: asyncio.TimerHandle | None = None
    work: asyncio.Task[None] | None = None


class Operations:
    """The operations of one device, by their keys.

    Args:
        device: names the device in the log.
        kinds: the classes whose records are understood.
        ports: who does what is commanded.
        records: what the journal holds for the device; a record that cannot be read is logged and left alone.
    """

    def __init__(
        self, device: str, kinds: Iterable[type[Operation]], ports: Ports, records: Mapping[str, Any]
    ) -> None:
        self._device = device
        self._ports = ports
        self._kept: dict[str, _Kept] = {}
        self._steps = asyncio.Lock()
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        known = {kind.kind: kind for kind in kinds}
        for name, record in records.items():
            if name.startswith(RECORD_PREFIX) and (operation := self._restored(name, record, known)):
                self._kept[operation.key] = _Kept(operation)

    def __getitem__(self, key: str) -> Operation | None:
        """The operation of a key, if there is one."""
        kept = self._kept.get(key)
        return kept.operation if kept else None

    @property
    def all(self) -> tuple[Operation, ...]:
        """All that are not over."""
        return tuple(kept.operation for kept in self._kept.values())

    async def start(self) -> None:
        """Let the kept operations go on from where they were, whether restored or stopped by `close`."""
        self._closed = False
        await self.happen(Started())

    async def close(self) -> None:
        """Stop all work, and begin no more; what is saved goes on at the next start.

        What a device has just been asked gets a moment for its answer: else it would be asked once more.
        """
        self._closed = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_SECONDS)
        for kept in self._kept.values():
            _silence(kept)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -------------------------------------------------------------- what is asked for

    async def begin(self, operation: Operation) -> None:
        """Keep an operation, in the place of one with its key; it is saved when this returns."""
        await self.change(lambda: operation)

    async def change(self, make: Callable[[], Operation]) -> None:
        """Keep what is made of an operation as it is then, with no step of it meanwhile; saved on return.

        Raises:
            Whatever `make` raises, and what the journal raises; then all is as it was.
        """
        async with self._steps:
            operation = make()
            before = self[operation.key]
            records = self.adopt(operation)
            try:
                await self._ports.journal.save(records)
            except BaseException:
                if before is None:
                    del self._kept[operation.key]
                else:
                    self.adopt(before)
                raise

    def adopt(self, operation: Operation) -> Mapping[str, Any]:
        """Keep an operation; its caller saves the records returned before it waits for anything else.

        Work that is under way for an operation of the same key goes on, and its outcome is heard.
        """
        kept = self._kept.setdefault(operation.key, _Kept(operation))
        kept.operation = operation
        return {RECORD_PREFIX + operation.key: _record(operation)}

    async def happen(self, happening: Happening) -> None:
        """Let something happen to all operations; returns when what they make of it is saved."""
        await self._step(list(self._kept.values()), happening)

    async def cancel(self, command_key: str) -> None:
        """Cancel the transfers with this CommandKey. Source: TR-069 A.4.1.9"""
        meant = [kept for kept in self._kept.values() if _command_key(kept.operation) == command_key]
        await self._step(meant, Cancelled())

    def requested(self) -> Sequence[AllQueuedTransferStruct]:
        """The transfers that the ACS asked for and that are not over. Source: TR-069 A.4.1.7"""
        return [each.queued() for each in self.all if isinstance(each, QueuedTransfer)]

    def autonomous(self) -> Sequence[AllQueuedTransferStruct]:
        """The transfers that somebody else asked for; the operations here are all the ACS's own."""
        return ()

    # -------------------------------------------------------------- steps

    async def _step(
        self, concerned: Sequence[_Kept], happening: Happening, work: asyncio.Task[None] | None = None
    ) -> None:
        """One step of some operations; an outcome is heard only if its work is still the operation's."""
        async with self._steps:
            steps = []
            for kept in concerned:
                is_kept = self._kept.get(kept.operation.key) is kept
                if (
                    is_kept
                    and (work is None or kept.work is work)
                    and (step := self._stepped(kept, happening))
                ):
                    steps.append(step)
            was_reset = await self._save(steps)
            for step in steps:
                self._carry_out(step, ended=work)
        if was_reset:
            await self.happen(WasReset())

    def _stepped(self, kept: _Kept, happening: Happening) -> _Step | None:
        before = kept.operation
        try:
            after, commands = before.step(happening, self._ports.now())
            record = _record(after) if after else None
        except Exception:
            logger.exception("%s: a defect in the operation %s", self._device, before.key)
            return None
        changed = after != before
        if after is not None:
            kept.operation = after
        return _Step(kept, before, after, commands, {RECORD_PREFIX + before.key: record} if changed else {})

    async def _save(self, steps: Sequence[_Step]) -> bool:
        """Save what came of a happening; returns whether the device was reset by that."""
        records = {name: record for step in steps for name, record in step.records.items()}
        reports = [each for step in steps for each in step.commands if isinstance(each, Report)]
        resets = [report for report in reports if report.is_of_reset]
        reports = resets or reports  # what else there was to tell is of the time before the reset
        events = [event for report in reports for event in report.events]
        requests = [request for report in reports for request in report.requests]
        try:
            if reports:
                await self._ports.report(events, requests, records)
            elif records:
                await self._ports.journal.save(records)
        except BaseException:
            for step in steps:
                if step.kept.operation is step.after:
                    step.kept.operation = step.before
            raise
        return bool(resets)

    def _carry_out(self, step: _Step, ended: asyncio.Task[None] | None) -> None:
        kept = step.kept
        if kept.work is ended:
            kept.work = None
        if step.after is None:
            _silence(kept)
            if self._kept.get(step.before.key) is kept:
                del self._kept[step.before.key]
            return
        if self._closed:
            return
        for command in step.commands:
            match command:
                case Run(plan=plan):
                    self._work(kept, partial(self._ports.drive, plan))
                case Transfer():
                    self._work(kept, partial(self._ports.transfer, command))
                case WakeAt(time=time):
                    self._wake_at(kept, time)
                case Report():
                    pass

    # -------------------------------------------------------------- work and alarms

    def _work(self, kept: _Kept, work: Callable[[], Awaitable[Any]]) -> None:
        if kept.work:
            kept.work.cancel()
        kept.work = self._spawn(self._see_through(kept, work))

    async def _see_through(self, kept: _Kept, work: Callable[[], Awaitable[Any]]) -> None:
        happening: Happening
        try:
            happening = Done(await work())
        except (ActionError, DeviceUnreachable, CwmpFault) as error:
            logger.info("%s: %s came to nothing: %s", self._device, kept.operation.key, error)
            happening = Failed(error)
        except Exception:
            logger.exception("%s: a defect in the work for %s", self._device, kept.operation.key)
            happening = Failed(CwmpFault(FaultCode.INTERNAL_ERROR, "a defect in the proxier"))
        await self._tell(kept, happening, asyncio.current_task())

    def _wake_at(self, kept: _Kept, time: datetime) -> None:
        if kept.alarm:
            kept.alarm.cancel()
        delay = max(0.0, (time - self._ports.now()).total_seconds())
        if delay > LONGEST_SLEEP_SECONDS:
            kept.alarm = _later(LONGEST_SLEEP_SECONDS, lambda: self._wake_at(kept, time))
        else:
            kept.alarm = _later(delay, lambda: self._spawn(self._tell(kept, Woke())))

    async def _tell(self, kept: _Kept, happening: Happening, work: asyncio.Task[None] | None = None) -> None:
        """Let something happen to one operation, however long it takes until that can be saved."""
        while True:
            try:
                await self._step([kept], happening, work)
            except Exception:
                logger.exception("%s: %s cannot be saved now", self._device, kept.operation.key)
                await asyncio.sleep(SAVE_AGAIN_SECONDS)
            else:
                return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _restored(self, name: str, record: Any, known: Mapping[str, type[Operation]]) -> Operation | None:
        try:
            return known[record["kind"]].from_record(record["state"])
        except Exception:
            logger.exception("%s: the record %s cannot be read, and is left alone", self._device, name)
            return None


class _Step(Struct, frozen=True):
    """What one operation made of a happening."""

    kept: _Kept
    before: Operation
    after: Operation | None
    commands: Sequence[Command] = ()
    records: Mapping[str, Any] = field(default_factory=dict)


def _later(seconds: float, what: Callable[[], object]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, what)


def _record(operation: Operation) -> Mapping[str, Any]:
    return {"kind": operation.kind, "state": operation.to_record()}


def _command_key(operation: Operation) -> str | None:
    return operation.command_key if isinstance(operation, QueuedTransfer) else None


def _silence(kept: _Kept) -> None:
    """Nothing of an operation is to be heard any more."""
    if kept.alarm:
        kept.alarm.cancel()
    if kept.work and kept.work is not asyncio.current_task():
        kept.work.cancel()
