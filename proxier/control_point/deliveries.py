"""Telling the listener: in order and never twice at once for one device, side by side for several."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from proxier.control_point.tasks import Tasks

MOST_WAITING: Final = 100
"""Deliveries for one device, beyond which what can be learned again later should not be added."""

_LOGGER = logging.getLogger(__name__)

Delivery = Callable[[], Awaitable[None]]


class Deliveries:
    """Queues by key; a task runs for a queue only while there is something in it."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Delivery]] = {}
        self._tasks = Tasks()

    def post(self, key: str, delivery: Delivery) -> None:
        """Deliver after all that was posted for this key before."""
        queue = self._queues.get(key)
        if queue is not None:
            queue.append(delivery)
            return
        self._queues[key] = deque([delivery])
        self._tasks.start(self._deliver(key))

    def is_behind(self, key: str) -> bool:
        """Whether so much waits that no more should be added."""
        return len(self._queues.get(key, ())) >= MOST_WAITING

    async def close(self) -> None:
        """Drop what waits, and cancel what is under way."""
        await self._tasks.close()

    async def _deliver(self, key: str) -> None:
        queue = self._queues[key]
        try:
            while queue:
                try:
                    await queue[0]()
                except Exception:
                    _LOGGER.exception("the listener failed")
                queue.popleft()
        finally:
            del self._queues[key]
