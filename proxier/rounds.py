"""Work that is done again and again: a task while it is done, a timer in between.

A task that sleeps takes 1.4 kB, one that waits for an event or the time up to 3.5 kB, a timer 0.2 kB; each
of a thousand devices has several such works.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

PAUSE_AFTER_FAILURE_SECONDS: Final = 10.0

_LOGGER = logging.getLogger(__name__)


class Rounds:
    """One such work; what escapes from it is logged, and it is done again later.

    Args:
        work: does what is to be done; returns for how many seconds it is then left alone, 0: not at all.
    """

    __slots__ = ("_again", "_is_stopping", "_task", "_timer", "_work")

    def __init__(self, work: Callable[[], Awaitable[float]]) -> None:
        self._work = work
        self._again = False
        self._is_stopping = False
        self._task: asyncio.Task[float] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float = 0) -> None:
        """Do the work in so many seconds, and then again and again; what is under way is followed by more."""
        if self._task is not None:
            self._again = True
            return
        self._forget_timer()
        if seconds:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.begin)
        else:
            self._task = asyncio.create_task(self._do())
            self._task.add_done_callback(self._go_on)

    def hasten(self, seconds: float) -> None:
        """Do the work in so many seconds if it would have been done later; who works decides for himself."""
        if self._timer is not None and self._timer.when() > asyncio.get_running_loop().time() + seconds:
            self.begin(seconds)

    def stop(self) -> None:
        """Do nothing more, until begun anew."""
        self._forget_timer()
        if self._task is not None:
            self._again, self._is_stopping = False, True
            self._task.cancel()

    async def close(self) -> None:
        """Stop, and wait for the end of what is under way."""
        self.stop()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _do(self) -> float:
        try:
            while True:
                self._again = False
                pause = await self._work()
                if self._is_stopping or (pause and not self._again):
                    return pause
        except Exception:
            _LOGGER.exception("a work failed")
            return PAUSE_AFTER_FAILURE_SECONDS

    def _go_on(self, ended: asyncio.Task[float]) -> None:
        # Not at the end of what is done: it does not run at all if it is cancelled before its first step.
        self._task = None
        was_stopped, self._is_stopping = self._is_stopping, False
        if self._again:
            self._again = False
            self.begin()
        elif not was_stopped:
            self.begin(PAUSE_AFTER_FAILURE_SECONDS if ended.cancelled() else ended.result())

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
