"""Saying in the log why something is left out: once per cause, and never more than anybody would read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

MOST_REMEMBERED: Final = 4096
MOST_LINES: Final = 200
"""At once; after that, one each `SECONDS_PER_LINE`."""
SECONDS_PER_LINE: Final = 10.0


class Complaints:
    """Remembers what was said last about each subject. `clock` gives seconds and never goes back."""

    def __init__(self, logger: logging.Logger, clock: Callable[[], float]) -> None:
        self._logger = logger
        self._clock = clock
        self._said: dict[str, str] = {}
        self._lines = float(MOST_LINES)
        self._counted_at = clock()

    def say(self, subject: str, reason: str, level: int = logging.WARNING) -> None:
        """Log a reason, unless it is the one that was said last about the subject."""
        if self._said.pop(subject, None) == reason:
            self._said[subject] = reason
            return
        while len(self._said) >= MOST_REMEMBERED:
            del self._said[next(iter(self._said))]
        self._said[subject] = reason
        now = self._clock()
        self._lines = min(MOST_LINES, self._lines + (now - self._counted_at) / SECONDS_PER_LINE)
        self._counted_at = now
        if self._lines >= 1:
            self._lines -= 1
            self._logger.log(level, "%s: %s", subject, reason)

    def withdraw(self, subject: str) -> None:
        """Say it again when it happens again."""
        self._said.pop(subject, None)
