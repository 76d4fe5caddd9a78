"""A device's home for operations: an endpoint, a database and a device, all in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from cwmp_client.messages import CpeRequest, EventStruct
from proxier import plans
from proxier.operations import Operations, Ports
from tests.cwmp_client.memory_journal import MemoryJournal
from translation.actions import ActionCall, ActionResult, Plan
from translation.diagnostics import Diagnostic
from translation.logs import LogUpload
from translation.operations import Transfer
from translation.restart import Restarts

KINDS = (Diagnostic, LogUpload, Restarts)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Home:
    """One device, its endpoint and its database, all in memory; `log` is what happened, in order."""

    def __init__(self, journal: MemoryJournal | None = None) -> None:
        self.log: list[str] = []
        self.journal = journal or MemoryJournal()
        self.answers: dict[str, Any] = {}
        self.reported: list[EventStruct] = []
        self.requests: list[CpeRequest] = []
        self.transfer: Callable[[Transfer], Any] = lambda _: None
        self.clock = NOON
        self.news = asyncio.Event()

    async def save(self, records: Mapping[str, Any]) -> None:
        await self.journal.save(records)
        self.note("save " + " ".join(records))

    async def report(
        self, events: Sequence[EventStruct], requests: Sequence[CpeRequest], records: Mapping[str, Any]
    ) -> None:
        await self.journal.save(records)
        self.reported += events
        self.requests += requests
        self.note("report " + " ".join(records))

    async def drive(self, plan: Plan[Any]) -> Any:
        return await plans.drive(plan, self._invoke)

    async def _invoke(self, call: ActionCall) -> ActionResult:
        self.note(call.name)
        answer = self.answers[call.name]
        if callable(answer):
            answer = await answer()
        if isinstance(answer, Exception):
            raise answer
        return ActionResult(answer)

    async def move(self, transfer: Transfer) -> None:
        self.note(f"transfer {transfer.source}")
        outcome = self.transfer(transfer)
        if outcome is not None:
            await outcome

    def note(self, what: str) -> None:
        self.log.append(what)
        self.news.set()
        self.news = asyncio.Event()

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await self.news.wait()

    @asynccontextmanager
    async def operations(self, *kinds: Any) -> AsyncIterator[Operations]:
        ports = Ports(self, self.report, self.drive, self.move, lambda: self.clock)
        operations = Operations("a device", (*KINDS, *kinds), ports, self.journal.records)
        try:
            yield operations
        finally:
            await operations.close()
