"""The listener for connection requests, one for all devices, guarded by digest authentication.

Source: TR-069 3.2.2
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from typing import Any, Protocol
from urllib.parse import urlsplit

from aiohttp.http_exceptions import HttpProcessingError

# Not of aiohttp.web, which would load the router and all else of a web site too: 1 MB of a gateway's memory.
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server

from cwmp_client.authentication import DigestGuard, Verdict

logger = logging.getLogger(__name__)

REALM = "Connection Request"

CONNECTION_SECONDS = 20.0
"""How long a TCP connection may stay open, idle or busy: a connection request takes two exchanges."""

MAX_CONNECTIONS = 512
MAX_HEADER_BYTES = 8190
MAX_HEADERS = 64
"""What is beyond these limits of ours is refused before it is read."""


class ConnectionRequestTarget(Protocol):
    """A device that an ACS may ask to open a session; `Endpoint` is one."""

    def connection_request_credentials(self) -> tuple[str, str] | None:
        """Username and password; None while connection requests are not enabled."""

    def connection_request_refusal(self) -> str:
        """Why no session can be opened now (offline, in a session); empty when one can."""

    def connection_requested(self) -> None:
        """A session is asked for; called after the answer has been written."""


class TokenBucket:
    """Allows `burst` at once, and one more every `refill_seconds`. `now` is any clock's reading."""

    def __init__(self, burst: int, refill_seconds: float) -> None:
        self._burst = burst
        self._refill_seconds = refill_seconds
        self._tokens = float(burst)
        self._counted_at = 0.0

    def take(self, now: float) -> bool:
        """Take a token; returns whether there was one."""
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) / self._refill_seconds)
        self._counted_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class ConnectionRequestListener:
    """One HTTP server; each device has a random path of its own.

    Args:
        host: address to listen on.
        port: 0 for any free port.
        burst: how many connection requests a device takes at once.
        refill_seconds: how long until it takes one more.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, burst: int = 10, refill_seconds: float = 2.0
    ) -> None:
        self._host = host
        self._port = port
        self._burst = burst
        self._refill_seconds = refill_seconds
        self._guard = DigestGuard(REALM)
        self._devices: dict[str, tuple[ConnectionRequestTarget, TokenBucket]] = {}
        self._http: Server | None = None
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port in use, once started."""
        return self._port

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address or the port cannot be had.
        """
        self._http = Server(
            self._answer,
            access_log=None,
            logger=_HttpLog(logger),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
            lingering_time=0,
        )
        self._server = await asyncio.get_running_loop().create_server(
            self._make_protocol, self._host, self._port
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._server is None or self._http is None:
            return
        self._server.close()
        await self._http.shutdown(timeout=1)
        await self._server.wait_closed()
        self._server = self._http = None

    def add(self, path: str, target: ConnectionRequestTarget) -> None:
        """Take connection requests for a device; `path` has no leading slash."""
        self._devices[f"/{path}"] = (target, TokenBucket(self._burst, self._refill_seconds))

    def remove(self, path: str) -> None:
        """Take no more connection requests for a device: 404."""
        self._devices.pop(f"/{path}", None)

    async def url(self, path: str, acs_url: str, public_url: str = "") -> str:
        """The ConnectionRequestURL of a path.

        Without `public_url`, its host is the address that we listen on, or, when we listen on all of them,
        the one from which the ACS is reached.

        Raises:
            OSError: the ACS has no address, or there is no way to it.
        """
        if public_url:
            return f"{public_url.rstrip('/')}/{path}"
        host = self._host
        if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - it asks whether that is so
            host = await _address_towards(acs_url, socket.AF_INET if host == "0.0.0.0" else socket.AF_UNSPEC)  # noqa: S104 - likewise
        return f"http://[{host}]:{self._port}/{path}" if ":" in host else f"http://{host}:{self._port}/{path}"

    def _make_protocol(self) -> asyncio.Protocol:
        http = self._http
        if http is None or len(http.connections) >= MAX_CONNECTIONS:
            return Refusal()
        protocol = http()
        asyncio.get_running_loop().call_later(CONNECTION_SECONDS, cut_off, protocol)
        return protocol

    async def _answer(self, request: BaseRequest) -> StreamResponse:
        """Answer a request; body and query do not count. Source: TR-069 3.2.2"""
        path = request.rel_url.raw_path
        target, bucket = self._devices.get(path, (None, None))
        credentials = target.connection_request_credentials() if target is not None else None
        if target is None or bucket is None or credentials is None:
            return _response(404)
        if request.method != "GET":
            return _response(405, Allow="GET")
        now = time.monotonic()
        authorization = request.headers.get("Authorization", "")
        verdict = self._guard.judge(authorization, "GET", path, *credentials, now)
        if verdict is not Verdict.ACCEPTED:
            if authorization and verdict is Verdict.REFUSED:
                logger.info("a connection request from %s has wrong credentials", request.remote)
            stale = verdict is Verdict.STALE
            return _response(401, **{"WWW-Authenticate": self._guard.challenge(now, stale=stale)})
        if (refusal := target.connection_request_refusal()) or not bucket.take(now):
            logger.info(
                "a connection request from %s is refused: %s", request.remote, refusal or "too many of them"
            )
            return _response(503)
        response = _response(200)
        await response.prepare(request)
        await response.write_eof()
        target.connection_requested()
        return response


class _HttpLog(logging.LoggerAdapter[logging.Logger]):
    """What is wrong with a request that is not HTTP is not worth a traceback: anybody may send it."""

    def exception(self, msg: object, *args: object, **details: Any) -> None:
        error = details.get("exc_info")
        if isinstance(error, HttpProcessingError):
            self.debug("a request is not HTTP: %s", " ".join(error.message.split()))
        else:
            super().exception(msg, *args, **details)


class Refusal(asyncio.Protocol):
    """Closes a connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        transport.close()


def cut_off(protocol: RequestHandler) -> None:
    """End a connection, also one whose other side does not read: a mere close would wait for it."""
    transport = protocol.transport
    protocol.force_close()
    if transport is not None:
        transport.abort()


def _response(status: int, **headers: str) -> Response:
    return Response(status=status, headers={"Server": "CPE", **headers})


async def _address_towards(url: str, family: socket.AddressFamily) -> str:
    """The local address from which a URL's host is reached; nothing is sent."""
    parts = urlsplit(url)
    addresses = await asyncio.get_running_loop().getaddrinfo(
        parts.hostname or "", parts.port or 7547, family=family, type=socket.SOCK_DGRAM
    )
    for found_family, kind, _, _, address in addresses:
        with socket.socket(found_family, kind) as probe:
            try:
                probe.connect(address)
            except OSError:
                continue
            local: str = probe.getsockname()[0]
            return local.partition("%")[0]
    raise OSError(f"there is no way to {parts.hostname}")
