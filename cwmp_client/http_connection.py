"""One connection of HTTP/1.1: a request at a time, its answer read to the end, within time and size.

asyncio carries, httptools reads.

Source: RFC 9112
"""

# ruff: noqa: D102 - what asyncio and httptools tell is said in their documentation

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Final, cast

import httptools
from msgspec import Struct

from cwmp_client.content_coding import NotUnpacked, unpacked

MOST_BARE_BYTES: Final = 64 * 1024
"""Bytes in a row that bring nothing of a body: status line, headers, trailers."""

_FIRST_FINAL_STATUS = 200
_PIECE_BYTES = 64 * 1024
_CRUMB_BYTES = 1024  # a part that is shorter would take more memory for itself than for what it holds


class LineFailure(Exception):
    """There is no whole answer; the text says why, in one line."""


class NotConnected(LineFailure):
    """There is no connection, and nothing was sent."""


class Disconnected(LineFailure):
    """The connection ended before the first byte of an answer."""


class TooSlow(LineFailure):
    """The answer did not come in time, or not all of it."""


class TooLong(LineFailure):
    """The answer is longer than it may be."""


class Reply(Struct, frozen=True):
    """An HTTP answer, read to its end; headers in their order, several of one name included.

    The names of headers are in lower case.
    """

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    def all(self, name: bytes) -> list[str]:
        """The values of all headers of a name, given in lower case."""
        return [value.decode("utf-8", "surrogateescape") for header, value in self.headers if header == name]

    def first(self, name: bytes) -> str:
        """The value of the first header of a name, given in lower case; empty if there is none."""
        return next(iter(self.all(name)), "")


class _Received(threading.local):
    """What has just come over a connection; it is read at once, so one buffer serves all of an event loop.

    asyncio's own way is a new one of 256 kB for each time that something comes.
    """

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(_PIECE_BYTES))


_received = _Received()


class HttpConnection(asyncio.BufferedProtocol):
    """A connection, and the answer that is being read from it."""

    def __init__(self, where: str, step_seconds: float) -> None:
        self.ended = asyncio.Event()
        self._where = where
        self._step_seconds = step_seconds
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Reply] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = self._due = 0.0
        self._most_bytes = 0
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._parser = httptools.HttpResponseParser(self)
        # What aiohttp, and through it the whole of Python's world, takes from a server.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._forget_answer()

    @property
    def is_open(self) -> bool:
        """Whether it can carry another request."""
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, head: bytes, body: bytes, most_bytes: int, due: float) -> Reply:
        """Send a request, and wait for its answer, until it is due at the latest."""
        if self._transport is None or self._transport.is_closing():
            raise Disconnected(f"{self._where} closed the connection without an answer")
        self._answer = self._loop.create_future()
        self._heard_at, self._due, self._most_bytes = self._loop.time(), due, most_bytes
        if self._timer is None:
            self._watch()
        try:
            if len(body) <= _PIECE_BYTES:
                self._transport.write(head + body)
            else:
                await self._send(self._transport, self._answer, head, body)
            return await self._answer
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = None
            self._forget_answer()

    async def _send(
        self, transport: asyncio.Transport, answer: asyncio.Future[Reply], head: bytes, body: bytes
    ) -> None:
        """Send a long request no faster than it is taken, so that no second one lies in a buffer."""
        # Who has answered, or has been waited for long enough, may never take the rest.
        answer.add_done_callback(lambda _: self._may_write.set())
        transport.write(head)
        pieces = memoryview(body)
        for start in range(0, len(pieces), _PIECE_BYTES):
            await self._may_write.wait()
            if answer.done():
                self.close()  # an answer to half of a request leaves no place for another one
                return
            transport.write(pieces[start : start + _PIECE_BYTES])
            await asyncio.sleep(0)  # or asyncio could not tell that the other side has left

    def close(self) -> None:
        """Close it without waiting for anything that the other side has not taken yet."""
        if self._transport is not None:
            self._transport.abort()

    def _watch(self) -> None:
        """See whether the answer is late, and look again when it may be.

        One timer serves all answers of a connection: to set and cancel one for each would cost more.
        """
        self._timer = None
        if self._answer is None or self._answer.done():
            return
        due = min(self._heard_at + self._step_seconds, self._due)
        if self._loop.time() >= due:
            self._fail(TooSlow(f"no complete answer from {self._where} in time"))
        else:
            self._timer = self._loop.call_at(due, self._watch)

    def _forget_answer(self) -> None:
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes | bytearray] = []
        self._length = 0
        self._bare_bytes = 0

    # ------------------------------------------------------------------ what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._heard_at = self._loop.time()  # the other side is still taking the request
        self._may_write.set()

    def get_buffer(self, _sizehint: int) -> memoryview:
        return _received.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # nobody has asked
            return
        self._heard_at = self._loop.time()
        length = self._length
        try:
            self._parser.feed_data(_received.buffer[:nbytes])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(LineFailure(f"the answer of {self._where} is not HTTP: {error}"))
        self._bare_bytes = 0 if self._length > length else self._bare_bytes + nbytes
        if self._bare_bytes > MOST_BARE_BYTES:
            self._fail(LineFailure(f"the answer of {self._where} is not HTTP: its headers have no end"))

    def connection_lost(self, error: Exception | None) -> None:
        if self._status and self._has_ended(error) and not self._has_length():
            self._complete()
        elif self._bare_bytes or self._length:
            self._fail(LineFailure(f"the answer of {self._where} is incomplete: the connection ended"))
        elif error is not None:
            self._fail(Disconnected(f"the connection to {self._where} broke: {error}"))
        else:
            self._fail(Disconnected(f"{self._where} closed the connection without an answer"))
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        del self._parser  # it holds us: without a ring nothing waits for the collector
        self._may_write.set()
        self.ended.set()

    # ------------------------------------------------------------------ what httptools tells

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # more than was asked for
            self._forget_answer()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            self._headers = []  # 100 Continue and its like: the answer is still to come
        else:
            self._status = status
            if not self._most_bytes:  # where the body ends, or whether there is one, many say wrong
                self._complete()
                if (b"content-length", b"0") not in self._headers:
                    self.close()
            for name, value in self._headers:
                if name == b"content-length" and int(value) > self._most_bytes:
                    self._fail_for_length()

    def on_body(self, part: bytes) -> None:
        self._length += len(part)
        if self._length > self._most_bytes:
            self._fail_for_length()
        elif len(part) >= _CRUMB_BYTES:
            self._parts.append(part)
        elif self._parts and isinstance(crumbs := self._parts[-1], bytearray) and len(crumbs) < _PIECE_BYTES:
            crumbs += part
        else:
            self._parts.append(bytearray(part))

    def on_message_complete(self) -> None:
        if self._status:
            self._complete()
            if not self._parser.should_keep_alive():
                self.close()

    # ------------------------------------------------------------------ what comes of it

    def _has_length(self) -> bool:
        """Whether anything but the end of the connection marks the end of the body."""
        return any(
            name == b"content-length" or (name == b"transfer-encoding" and value.lower().endswith(b"chunked"))
            for name, value in self._headers
        )

    def _has_ended(self, error: Exception | None) -> bool:
        """Whether the body may have ended with the connection: who has not read all ends with a reset."""
        if isinstance(error, ConnectionResetError) and self._transport is not None:
            return self._length > 0 and self._transport.get_extra_info("sslcontext") is None
        return error is None

    def _complete(self) -> None:
        body = b"".join(self._parts)
        encoding = next((value for name, value in self._headers if name == b"content-encoding"), b"")
        if encoding:
            try:
                body = unpacked(body, encoding, self._most_bytes)
            except NotUnpacked as error:
                self._fail(LineFailure(f"the answer of {self._where} is incomplete: {error}"))
                return
            if len(body) > self._most_bytes:
                self._fail_for_length()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Reply(self._status, self._headers, body))

    def _fail_for_length(self) -> None:
        self._fail(TooLong(f"the answer is longer than {self._most_bytes} bytes"))

    def _fail(self, failure: LineFailure) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(failure)
