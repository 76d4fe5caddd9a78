"""Where devices send their events: one HTTP server, with a path of its own for each subscription.

Only addresses with a subscription get in, each with a few connections; who connects and sends nothing, as one
server in the field does, is sent away. What is not ours is answered 412 and leaves no trace.
Source: UDA 1.1 4.3
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import secrets
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Final, Protocol, Self, cast

# Not of aiohttp.web, which would load the router and all else of a web site too: 1 MB of a gateway's memory.
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response
from aiohttp.web_server import Server
from lxml import etree

from proxier.control_point.markup import MarkupRefused, local_name, read_markup, text_of
from proxier.errors import ProxierError, why_not_listening
from proxier.own_address import own_address_towards

LARGEST_NOTIFICATION: Final = 1024 * 1024
"""Bytes; the third part of ConfigurationUpdate may hold a list of parameters."""
MOST_TAGS: Final = 20_000
LONGEST_IDLE: Final = 10.0
"""Seconds that a connection may be silent."""
LONGEST_NOTIFICATION: Final = 30.0
"""Seconds from its headers to its last byte."""
CONNECTIONS_PER_ADDRESS: Final = 4
"""And two more for each subscription."""

_PORT_ERRORS: Final = frozenset({errno.EADDRINUSE, errno.EACCES})
_SEQ = re.compile(r"\d{1,10}")
_LOGGER = logging.getLogger(__name__)
_HTTP_LOGGER = logging.getLogger(f"{__name__}.http")
_HTTP_LOGGER.setLevel(logging.CRITICAL)
"""aiohttp logs a traceback for every broken request, and a neighbour could send nothing else."""


class CannotHearEvents(ProxierError):
    """The address or port for events cannot be listened on; the text names the key of the configuration."""


class Subscriber(Protocol):
    """Who is behind a path."""

    address: str
    """The only one that may send to it."""

    def notified(self, sid: str, seq: int | None, variables: Mapping[str, str]) -> bool:
        """Take a notification; False when the SID is unknown."""


class CallbackServer:
    """Receives notifications and hands them to subscribers; used as a context.

    Raises:
        CannotHearEvents: on entering, when it cannot listen.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._subscribers: dict[str, Subscriber] = {}
        self._subscriptions_of: Counter[str] = Counter()
        self._http = Server(
            self._answer,
            access_log=None,
            logger=_HTTP_LOGGER,
            keepalive_timeout=LONGEST_IDLE,
            lingering_time=0,
        )
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        everywhere = "0.0.0.0"  # noqa: S104 - the door knows who may enter
        host = self._host or everywhere
        try:
            self._server = await loop.create_server(lambda: _Door(self), host, self._port)
        except OSError as error:
            key = "port" if error.errno in _PORT_ERRORS else "host"
            raise CannotHearEvents(
                f"upnp.callback_{key}: cannot listen on {host} port {self._port}: {why_not_listening(error)}"
            ) from error
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            self._http.pre_shutdown()
            await self._http.shutdown(timeout=0.5)
            await self._server.wait_closed()

    def open_path(self, subscriber: Subscriber) -> tuple[str, str]:
        """Make a path for a subscriber; returns it, and the URL that its device knows it by.

        Raises:
            OSError: there is no way to the device.
        """
        own_address = self._host or own_address_towards(subscriber.address)
        path = f"/{secrets.token_urlsafe(16)}"
        self._subscribers[path] = subscriber
        self._subscriptions_of[subscriber.address] += 1
        return path, f"http://{own_address}:{self._port}{path}"

    def close_path(self, path: str) -> None:
        """Forget a path."""
        subscriber = self._subscribers.pop(path, None)
        if subscriber is not None:
            self._subscriptions_of[subscriber.address] -= 1
            self._subscriptions_of += Counter()  # drops what has come to zero

    def admit(self, transport: asyncio.Transport) -> None:
        """Let a connection in, or cut it."""
        address = transport.get_extra_info("peername")[0]
        allowed = self._subscriptions_of[address] * 2 + CONNECTIONS_PER_ADDRESS
        if address in self._subscriptions_of and self._connections_of(address, allowed) < allowed:
            protocol = self._http()
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
        else:
            _LOGGER.debug("connection from %s refused", address)
            transport.abort()

    def _connections_of(self, address: str, enough: int) -> int:
        connections = self._http.connections
        if len(connections) < enough:
            return len(connections)
        return sum(1 for c in connections if c.peername is not None and c.peername[0] == address)

    async def _answer(self, request: BaseRequest) -> Response:
        subscriber = self._subscribers.get(request.path)
        if request.method != "NOTIFY":
            return Response(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "NOTIFY"})
        sid = request.headers.get("SID", "").strip()
        if subscriber is None or request.remote != subscriber.address or not sid:
            return Response(status=HTTPStatus.PRECONDITION_FAILED)
        try:
            async with asyncio.timeout(LONGEST_NOTIFICATION):
                variables = read_properties(await _read_body(request))
        except MarkupRefused as refused:
            _LOGGER.warning("a notification from %s has %s", subscriber.address, refused)
            return Response(status=HTTPStatus.BAD_REQUEST)
        seq = request.headers.get("SEQ", "").strip()
        known = subscriber.notified(sid, int(seq) if _SEQ.fullmatch(seq) else None, variables)
        return Response(status=HTTPStatus.OK if known else HTTPStatus.PRECONDITION_FAILED)


class _Door(asyncio.Protocol):
    """Stands at a connection until it is known who comes."""

    def __init__(self, server: CallbackServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._server.admit(cast("asyncio.Transport", transport))


def read_properties(body: bytes) -> dict[str, str]:
    """Read the variables of a notification: one or several in each property, text or live elements.

    Raises:
        MarkupRefused: it is no property set.
    """
    root = read_markup(body, most_tags=MOST_TAGS)
    if local_name(root) != "propertyset":
        raise MarkupRefused(f"no property set, but {local_name(root)[:40]!r}")
    return {local_name(variable): _value(variable) for prop in root for variable in prop}


def _value(variable: etree._Element) -> str:
    if len(variable):
        return str(etree.tostring(variable[0], encoding="unicode", with_tail=False))
    return text_of(variable)


async def _read_body(request: BaseRequest) -> bytes:
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > LARGEST_NOTIFICATION:
            raise MarkupRefused(f"more than {LARGEST_NOTIFICATION} bytes")
    return bytes(body)
