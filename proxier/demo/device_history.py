"""What happened at the simulated device, and when; tests and the demo wait for it instead of sleeping."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

log = logging.getLogger("proxier.demo.device")


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened, such as `alive`, `action Reboot` or `value /BBF/Time/Enable`."""

    at: datetime
    what: str


class History:
    """All that happened, oldest first."""

    def __init__(self, owner: str) -> None:
        self.happenings: list[Happening] = []
        self._owner = owner
        self._news = asyncio.Event()

    def add(self, what: str) -> None:
        """Notes that something happened just now."""
        self.happenings.append(Happening(datetime.now(UTC), what))
        log.info("%s: %s", self._owner, what)
        self.wake()

    def wake(self) -> None:
        """Lets those who wait look again."""
        self._news.set()
        self._news = asyncio.Event()

    def times(self, what: str) -> list[datetime]:
        """When a thing happened."""
        return [happening.at for happening in self.happenings if happening.what == what]

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Waits for a condition, which is looked at again after each happening and each call of an action.

        Raises:
            TimeoutError: it was not met in this time.
        """
        async with asyncio.timeout(seconds):
            while not condition():
                await self._news.wait()
