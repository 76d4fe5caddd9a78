"""The least HTTP server that serves: requests in turn, bodies of known length, connections kept open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

NO_CONTENT = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Request(NamedTuple):
    method: str
    path: str
    head: bytes
    """All of the head, as it came."""
    body: bytes

    def header(self, name: bytes) -> str:
        """The value of a header, whose name is in the case that our own programs write."""
        return _header(self.head, name).decode()


Answer = Callable[[Request], bytes]


def ok(body: bytes, *, more: str = "") -> bytes:
    """An answer that carries an XML document."""
    return (
        f'HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset="utf-8"\r\n{more}'
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class HttpStub(asyncio.Protocol):
    """One connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._next()) is not None:
            if self._transport is not None:
                self._transport.write(self._answer(request))

    def _next(self) -> Request | None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self._received[: end + 2])
        whole = end + 4 + int(_header(head, b"Content-Length") or 0)
        if len(self._received) < whole:
            return None
        method, path, _ = head[: head.index(b"\r\n")].decode().split(" ")
        body = bytes(self._received[end + 4 : whole])
        del self._received[:whole]
        return Request(method, path, head, body)


def _header(head: bytes, name: bytes) -> bytes:
    begin = head.find(b"\r\n" + name + b": ")
    if begin < 0:
        return b""
    begin += len(name) + 4
    return head[begin : head.index(b"\r\n", begin)]
