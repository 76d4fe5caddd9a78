"""What one task waits for: an event, or the time that is up."""

from __future__ import annotations

import asyncio


class Wake:
    """An event for one who waits.

    An `asyncio.Event` of Python 3.11 takes 0.8 kB, for a queue of those who wait, and `asyncio.timeout` about
    it cancels the task; both count where each of a thousand devices waits.
    """

    __slots__ = ("_is_set", "_waiter")

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None

    def is_set(self) -> bool:
        """Whether it was set, and not cleared since."""
        return self._is_set

    def set(self) -> None:
        """Wake who waits, or will wait."""
        self._is_set = True
        if self._waiter is not None:
            _end(self._waiter)

    def clear(self) -> None:
        """Let the next one wait."""
        self._is_set = False

    async def wait(self, seconds: float | None = None) -> None:
        """Return when it is set, or after so many seconds."""
        if self._is_set:
            return
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, _end, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()


def _end(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
