"""Row 10: what it costs to save events."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from proxier.store import Store
from tests.bench.measuring import in_turns, written_by
from tests.bench.sizes import Sizes
from tests.bench.table import Line, Unit

BURST = 100


def outbox(number: int) -> dict[str, Any]:
    """A record with one event in it, as an endpoint saves it."""
    return {
        "events": [["4 VALUE CHANGE", ""]],
        "requests": [],
        "changes": [["Device.X_Bench.Value", str(number), "string"]],
        "scheduled": [],
        "acs_url": "http://acs.example:7547/",
        "connection_request_url": "http://192.0.2.1:7547/AAAAAAAAAAAAAAAAAAAAAAAA",
    }


class BareDatabase:
    """The same row by sqlite3, one commit each, in one worker thread."""

    def __init__(self, path: Path) -> None:
        self._worker = ThreadPoolExecutor(1)
        self._path = path

    async def open(self) -> None:
        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(self._path, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(
                "CREATE TABLE records (device_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
                " PRIMARY KEY (device_id, key)) WITHOUT ROWID"
            )
            return connection

        self._connection = await self._do(connect)

    async def save(self, device_id: str, key: str, value: Any) -> None:
        def commit() -> None:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(
                "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (device_id, key, json.dumps(value)),
            )
            self._connection.execute("COMMIT")

        await self._do(commit)

    async def close(self) -> None:
        await self._do(self._connection.close)
        self._worker.shutdown()

    async def _do(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


@asynccontextmanager
async def databases() -> AsyncIterator[tuple[Store, BareDatabase]]:
    with tempfile.TemporaryDirectory(prefix="proxier-bench-") as folder:
        async with await Store.open(f"sqlite:///{folder}/proxier.db") as store:
            bare = BareDatabase(Path(folder, "bare.db"))
            await bare.open()
            yield store, bare
            await bare.close()


async def storing(sizes: Sizes) -> AsyncIterator[Line]:
    numbers = count()
    async with databases() as (store, bare):

        async def save_one_by_one() -> None:
            for _ in range(sizes.saves):
                await store.save("one", {"outbox": outbox(next(numbers))})

        async def commit_one_by_one() -> None:
            for _ in range(sizes.saves):
                await bare.save("one", "outbox", outbox(next(numbers)))

        async def save_burst() -> None:
            async with asyncio.TaskGroup() as tasks:
                for device in range(BURST):
                    tasks.create_task(store.save(f"device {device}", {"outbox": outbox(next(numbers))}))

        async def commit_burst() -> None:
            async with asyncio.TaskGroup() as tasks:
                for device in range(BURST):
                    tasks.create_task(bare.save(f"device {device}", "outbox", outbox(next(numbers))))

        one = await in_turns(save_one_by_one, commit_one_by_one, rounds=sizes.rounds, units=sizes.saves)
        yield Line(
            row="10",
            what="saving one event",
            product=one.product,
            yardstick=one.yardstick,
            figure=one.ratio,
            reach=2.5,
        )
        ours = await written_by(save_one_by_one) / sizes.saves
        theirs = await written_by(commit_one_by_one) / sizes.saves
        yield Line(
            row="10",
            what="bytes written for one event",
            product=ours,
            yardstick=theirs,
            unit=Unit.BYTES,
            figure=ours / theirs,
            reach=1.2,
        )
        await save_burst()
        await commit_burst()
        ours, theirs = await written_by(save_burst), await written_by(commit_burst)
        yield Line(
            row="10",
            what=f"bytes written for a burst of {BURST}, beside as many commits",
            product=ours,
            yardstick=theirs,
            unit=Unit.BYTES,
            figure=ours / theirs,
            reach=0.2,
        )
