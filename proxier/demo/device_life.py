"""What the services of the simulated device may ask of the device itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol


class Background:
    """Tasks that end by themselves, or with the device; what goes wrong in one comes out at the end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def cancel(self) -> None:
        """Cancels what runs now."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Cancels what still runs.

        Raises:
            Exception: the first failure of any task.
        """
        self.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for failure in (*self._failures, *results):
            if isinstance(failure, Exception):
                raise failure

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            self._failures.append(failure)


class Life(Protocol):
    """The device behind its services."""

    @property
    def base_url(self) -> str:
        """Where its HTTP server is, without a slash at the end."""

    def note(self, what: str) -> None:
        """Adds to the history of the device."""

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts work that outlives the power."""

    def after_answer(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts work as soon as the answer to the present action is out."""

    async def reboot(self, seconds: float | None = None, *, returns: bool = True) -> None:
        """Says goodbye, goes off, and comes back after some seconds, unless it never `returns`."""

    async def baseline_reset(self, seconds: float | None = None) -> None:
        """Becomes what it was when it left the factory."""
