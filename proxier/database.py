"""One SQLite file, one connection to it, one worker thread that owns the connection.

Whatever is asked while a transaction is being committed, or within a moment after it, goes into the next one
together, so that a burst of changes costs one flush of the disk (group commit). What an awaited call has
written is durable.

The schema's version is SQLite's `user_version`; the script `schema/0003_….sql` leads from version 2 to 3.
Scripts may call `content_hash` and `compressed`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any, Self, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError
from sqlalchemy.pool import NullPool

from proxier.errors import ProxierError

T = TypeVar("T")

BUSY_TIMEOUT = 10
"""Seconds to wait for another program, such as one that makes a backup, to let go of the file."""

CACHE_KIB = 256
"""Of the database, kept in this process: what is read again is kept by the system too."""

SHARING_SECONDS = 0.01
"""Between two transactions, so that the next one has company; what comes after a silence does not wait."""


def content_hash(text: str) -> str:
    """The hash that tells one text from all others, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def compressed(text: str) -> bytes:
    """A long text as the database keeps it."""
    return zlib.compress(text.encode())


def decompressed(content: bytes) -> str:
    """The text that `compressed` made this of."""
    return zlib.decompress(content).decode()


class StoreError(ProxierError):
    """The database cannot be opened, read or written; the text says which, and why."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path}: {reason}")


class _Request(Struct, frozen=True):
    """Something to be done in the next transaction, and the one who waits for what it returns."""

    work: Callable[[Connection], Any]
    answer: asyncio.Future[Any]
    asker: int
    """Tells the task that asks from others."""


class Database:
    """An open database."""

    def __init__(self, path: Path, worker: ThreadPoolExecutor, connection: Connection) -> None:
        self._path = path
        self._worker = worker
        self._connection = connection
        self._file = _file_at(path)
        self._waiting: list[_Request] = []
        self._commits: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._last_asker: int | None = None

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open a database; make it, or bring it to this program's schema, where needed.

        Raises:
            StoreError: it cannot be opened, or a newer program has made it.
        """
        worker = ThreadPoolExecutor(1, "database")
        try:
            connection = await asyncio.get_running_loop().run_in_executor(worker, _connect, path)
        except BaseException:
            worker.shutdown()
            raise
        return cls(path, worker, connection)

    async def close(self) -> None:
        """Finish what is being written, and close the file."""
        while self._commits is not None:
            await self._commits
        await asyncio.get_running_loop().run_in_executor(self._worker, self._connection.close)
        self._worker.shutdown()

    async def ask(self, work: Callable[[Connection], T]) -> T:
        """Do something in a transaction, and return what it returned when all is durable.

        `work` runs in the worker thread, and again if it shared a transaction with work that failed.

        Raises:
            StoreError: the database could not do it, and nothing was changed.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(work, answer, id(asyncio.current_task())))
        if self._commits is None:
            self._commits = asyncio.create_task(self._commit_waiting())
        return await answer

    async def check(self) -> None:
        """See whether it still does its work.

        Raises:
            StoreError: it cannot be read; or its file is gone, and all that is written goes with the process.
        """
        await self.ask(lambda connection: connection.exec_driver_sql("SELECT count(*) FROM meta").scalar())
        if _file_at(self._path) != self._file:
            raise StoreError(self._path, "is not the file any more that is being written")

    async def _commit_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            # Who asks again at once, and was alone, is not made to wait for company.
            is_alone = [request.asker for request in self._waiting] == [self._last_asker]
            if not is_alone and (pause := self._not_before - loop.time()) > 0:
                await asyncio.sleep(pause)
            together, self._waiting = self._waiting, []
            self._last_asker = together[0].asker if len(together) == 1 else None
            works = [request.work for request in together]
            outcomes = await loop.run_in_executor(self._worker, self._transact, works)
            self._not_before = loop.time() + SHARING_SECONDS
            for request, outcome in zip(together, outcomes, strict=True):
                if request.answer.done():  # whoever asked was cancelled
                    continue
                if isinstance(outcome, Exception):
                    request.answer.set_exception(outcome)
                else:
                    request.answer.set_result(outcome)
        self._commits = None

    def _transact(self, works: Sequence[Callable[[Connection], Any]]) -> list[Any]:
        """Do all in one transaction; where one fails, each in its own. An outcome may be an exception."""
        try:
            with self._connection.begin():
                return [work(self._connection) for work in works]
        except OperationalError as error:  # a full disk or a locked file would not get better one by one
            return [StoreError(self._path, error.orig)] * len(works)
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked must hear of it
            if len(works) == 1:
                return [StoreError(self._path, error.orig) if isinstance(error, StatementError) else error]
            return [outcome for work in works for outcome in self._transact([work])]


def _file_at(path: Path) -> tuple[int, int] | None:
    """What tells the file of this name from another one; None: there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connect(path: Path) -> Connection:
    try:
        with suppress(FileExistsError):  # the files that SQLite puts beside it get the same mode
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StoreError(path, f"cannot be made: {error.strerror}") from error
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # Left to itself, the driver begins transactions late and ends some on its own.
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT},
        poolclass=NullPool,
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise StoreError(path, error.orig) from error
    try:
        _prepare(path, connection.connection)
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(path, error) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _prepare(path: Path, database: Any) -> None:
    """Set up the driver's connection, and migrate."""
    [version] = database.execute("PRAGMA user_version").fetchone()
    scripts = sorted(resources.files("proxier").joinpath("schema").iterdir(), key=lambda script: script.name)
    if version > len(scripts):
        raise StoreError(
            path,
            f"has schema {version}, made by a newer proxier; this one knows schemas up to {len(scripts)}",
        )
    for function in (content_hash, compressed):
        database.create_function(function.__name__, 1, function, deterministic=True)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    database.execute("PRAGMA synchronous = FULL")  # in WAL mode nothing less flushes every commit
    for number, script in enumerate(scripts[version:], version + 1):
        try:
            database.executescript(
                f"BEGIN IMMEDIATE; {script.read_text()} PRAGMA user_version = {number}; COMMIT;"
            )
        except sqlite3.Error:
            database.rollback()
            raise
