"""The HTTP server of the status page."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from importlib import resources
from types import TracebackType
from typing import Final, Self

from aiohttp import web
from msgspec import Struct

from cwmp_client.connection_request import Refusal, cut_off
from cwmp_client.trace import SessionTrace
from proxier import __version__
from proxier.complaints import Complaints
from proxier.errors import ProxierError, why_not_listening
from proxier.settings import StatusSettings
from proxier.status.guard import knows_password, means_us
from proxier.status.metrics import CONTENT_TYPE, Metrics
from proxier.status.page import DeviceStatus, Overview, Report, page

MOST_CONNECTIONS: Final = 64
LONGEST_IDLE: Final = 20.0
"""Seconds that a connection may be silent."""
LONGEST_CONNECTION: Final = 60.0
"""Seconds after which a connection gets no more answers; a browser opens another one."""
WRONG_PASSWORD_DELAY: Final = 1.0
"""Seconds: with the bound on connections, few passwords can be tried."""
LONGEST_CHECK: Final = 5.0
"""Seconds for what `/healthz` looks at."""

HEADERS: Final[Mapping[str, str]] = {
    "Server": "proxier",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FILES: Final[Mapping[str, str]] = {"page.css": "text/css", "page.js": "text/javascript"}
_HTML: Final = "text/html"

logger = logging.getLogger(__name__)
_HEALTH = "not healthy"
_HTTP_LOGGER = logging.getLogger(f"{__name__}.http")
_HTTP_LOGGER.setLevel(logging.CRITICAL)
"""aiohttp logs a traceback for every broken request, and anybody may send one."""


class NoStatusPage(ProxierError):
    """The address or port of the status page cannot be listened on."""


class StatusSource(Struct, frozen=True):
    """What the page is made of."""

    acs_url: str
    reports: Callable[[], Awaitable[Sequence[Report]]]
    """What `proxier devices` says, and what the proxier says of itself."""
    sessions: Callable[[str], Sequence[SessionTrace]]
    """The last sessions of a device."""
    check: Callable[[], Awaitable[object]]
    """Raises something if the proxier cannot do its work."""


class StatusServer:
    """Serves the page, `/metrics` and `/healthz`; used as a context.

    Raises:
        NoStatusPage: on entering, when it cannot listen.
    """

    def __init__(self, settings: StatusSettings, source: StatusSource, metrics: Metrics) -> None:
        self.port = settings.port
        self._settings = settings
        self._source = source
        self._metrics = metrics
        self._complaints = Complaints(logger, time.monotonic)
        self._started = datetime.now(UTC)
        self._names = ("localhost", settings.host, *settings.names)
        folder = resources.files("proxier.status")
        self._files = {f"/{name}": (folder.joinpath(name).read_text(), kind) for name, kind in _FILES.items()}
        self._http = web.Server(
            self._answer,
            access_log=None,
            logger=_HTTP_LOGGER,
            keepalive_timeout=LONGEST_IDLE,
            lingering_time=0,
        )
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        host, port = self._settings.host, self._settings.port
        try:
            self._server = await asyncio.get_running_loop().create_server(self._protocol, host, port)
        except OSError as error:
            reason = why_not_listening(error)
            raise NoStatusPage(f"status: cannot listen on {host} port {port}: {reason}") from error
        self.port = self._server.sockets[0].getsockname()[1]
        logger.info("the status page is at http://%s:%d/", f"[{host}]" if ":" in host else host, self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            self._http.pre_shutdown()
            await self._http.shutdown(timeout=0.5)
            await self._server.wait_closed()

    def _protocol(self) -> asyncio.Protocol:
        if len(self._http.connections) >= MOST_CONNECTIONS:
            return Refusal()
        protocol, loop = self._http(), asyncio.get_running_loop()
        loop.call_later(LONGEST_CONNECTION, protocol.close)
        loop.call_later(LONGEST_CONNECTION + LONGEST_IDLE, cut_off, protocol)
        return protocol

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if not means_us(request.headers.getall("Host", []), self._names):
            return _words(HTTPStatus.MISDIRECTED_REQUEST, "This name is not among those of status.names.")
        if request.method not in {"GET", "HEAD"}:
            return _words(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD.", Allow="GET, HEAD")
        if request.path == "/healthz":
            return await self._healthz()
        if not await self._may_look(request):
            challenge = {"WWW-Authenticate": 'Basic realm="proxier", charset="UTF-8"'}
            return _words(HTTPStatus.UNAUTHORIZED, "Username and password, please.", **challenge)
        return await self._show(request.path)

    async def _show(self, path: str) -> web.Response:
        if path == "/":
            return _response(HTTPStatus.OK, await self._page(), _HTML)
        if path == "/metrics":
            exposition = self._metrics.exposition(await self._source.reports())
            return web.Response(body=exposition, headers={**HEADERS, "Content-Type": CONTENT_TYPE})
        if path in self._files:
            return _response(HTTPStatus.OK, *self._files[path])
        return _words(HTTPStatus.NOT_FOUND, "There are /, /metrics and /healthz.")

    async def _may_look(self, request: web.BaseRequest) -> bool:
        settings, authorization = self._settings, request.headers.get("Authorization", "")
        if not settings.password or knows_password(authorization, settings.username, settings.password):
            return True
        if authorization:
            self._complaints.say(request.remote or "", "does not know the password of the status page")
            await asyncio.sleep(WRONG_PASSWORD_DELAY)
        return False

    async def _page(self) -> str:
        reports = await self._source.reports()
        devices = [DeviceStatus(each, self._source.sessions(each["device_id"])) for each in reports]
        overview = Overview(__version__, self._source.acs_url, self._started, devices)
        return page(overview, datetime.now(UTC))

    async def _healthz(self) -> web.Response:
        try:
            async with asyncio.timeout(LONGEST_CHECK):
                await self._source.check()
        except (ProxierError, TimeoutError) as error:
            self._complaints.say(_HEALTH, str(error) or "the database does not answer")
            return _words(HTTPStatus.SERVICE_UNAVAILABLE, "not healthy; the log says why")
        self._complaints.withdraw(_HEALTH)
        return _words(HTTPStatus.OK, "ok")


def _words(status: HTTPStatus, text: str, **headers: str) -> web.Response:
    return _response(status, f"{text}\n", "text/plain", **headers)


def _response(status: HTTPStatus, text: str, content_type: str, **headers: str) -> web.Response:
    return web.Response(
        status=status, text=text, content_type=content_type, charset="utf-8", headers={**HEADERS, **headers}
    )
