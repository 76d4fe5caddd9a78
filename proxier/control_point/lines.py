"""HTTP to devices: one kept line to each host and port, and lines for one exchange.

A general client would repeat writes, follow redirects, and read answers of any size.

Source: UDA 1.1 3.2; field practice
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from yarl import URL

from cwmp_client.http_line import Disconnected, HttpLine, NotConnected, Reply, TooSlow

HEADERS: Final[Mapping[str, str]] = {
    "User-Agent": "Linux/1.0 UPnP/1.1 proxier/1.0",
    "Accept-Encoding": "identity",
}
"""User-Agent is always the same, since descriptions were seen to depend on it. Source: UDA 1.1 1.3.2"""
KEEP_OPEN_SECONDS: Final = 5.0
"""How long the line to a device is kept after an answer: one at rest takes 5 kB of memory."""
PATIENCE_WITH_KEPT: Final = 2.0
"""Seconds for what may as well go over another line: the kept one may be occupied."""
LONGEST_OVER_OWN: Final = 30.0
"""Seconds for an exchange over a line of its own, connecting included."""


class Lines:
    """The lines to all devices; leaving this context closes them.

    Args:
        longest_over_kept: seconds for one exchange over a kept line, connecting included.
    """

    def __init__(self, longest_over_kept: float = LONGEST_OVER_OWN) -> None:
        self.longest_over_kept = longest_over_kept
        self._kept: dict[str, _KeptLine] = {}
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        for kept in list(self._kept.values()):
            await kept.close()

    async def over_kept(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        most_bytes: int = 0,
    ) -> Reply:
        """An exchange over the kept line to the URL's host and port, after those that wait for it already.

        Without `most_bytes` the headers of the answer are all that is read.

        Raises:
            LineFailure: there is no answer, or one that is too slow, too long, or not HTTP.
        """
        self.check_open()
        origin = origin_of(url)
        kept = self._kept.get(origin)
        if kept is None:
            kept = self._kept[origin] = _KeptLine(self, origin)
        return await kept.request(method, URL(url), {**HEADERS, **headers}, body, most_bytes)

    async def over_own(
        self, method: str, url: str, headers: Mapping[str, str], *, most_bytes: int = 0
    ) -> Reply:
        """An exchange over a line of its own; raises as `over_kept`."""
        self.check_open()
        line = HttpLine(LONGEST_OVER_OWN, LONGEST_OVER_OWN)
        try:
            own = {**HEADERS, "Connection": "close", **headers}
            return await line.request(method, URL(url), own, most_bytes=most_bytes)
        finally:
            await line.close()

    async def over_either(
        self, method: str, url: str, headers: Mapping[str, str], *, most_bytes: int = 0
    ) -> Reply:
        """As `over_kept`, or if that line is broken or occupied, `over_own`."""
        with suppress(Disconnected, TooSlow, TimeoutError):
            async with asyncio.timeout(PATIENCE_WITH_KEPT):
                return await self.over_kept(method, url, headers, most_bytes=most_bytes)
        return await self.over_own(method, url, headers, most_bytes=most_bytes)

    def check_open(self) -> None:
        """Raise `NotConnected` when all is to be closed."""
        if self._closed:
            raise NotConnected("the control point has stopped")

    def forget(self, origin: str) -> None:
        """A kept line is closed."""
        self._kept.pop(origin, None)


class _KeptLine:
    """A line whose users take turns; it closes itself when it has been at rest for a while."""

    __slots__ = ("_line", "_lines", "_origin", "_rests_since", "_timer", "_turn", "_users")

    def __init__(self, lines: Lines, origin: str) -> None:
        self._lines = lines
        self._origin = origin
        self._line = HttpLine(lines.longest_over_kept, lines.longest_over_kept)
        self._turn = asyncio.Lock()
        self._users = 0
        self._rests_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def request(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes, most_bytes: int
    ) -> Reply:
        self._users += 1
        try:
            async with self._turn:
                self._lines.check_open()
                return await self._line.request(method, url, headers, body, most_bytes=most_bytes)
        finally:
            self._users -= 1
            self._rest()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._lines.forget(self._origin)
        await self._line.close()

    def _rest(self) -> None:
        loop = asyncio.get_running_loop()
        self._rests_since = loop.time()
        if self._timer is None:
            self._timer = loop.call_at(self._rests_since + KEEP_OPEN_SECONDS, self._look)

    def _look(self) -> None:
        """Close the line, or look again when it may be time to: one timer serves many exchanges."""
        loop, due = asyncio.get_running_loop(), self._rests_since + KEEP_OPEN_SECONDS
        self._timer = None
        if self._users:
            return
        if loop.time() < due:
            self._timer = loop.call_at(due, self._look)
        else:
            self._lines.forget(self._origin)
            self._line.cut()


def origin_of(url: str) -> str:
    """Host and port of an absolute URL, as they are spelt."""
    return url.split("/", 3)[2]
