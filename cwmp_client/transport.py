"""HTTP POSTs to an ACS, over aiohttp. Nothing else here knows which HTTP client it is.

Every failure becomes a `SessionFailed` whose text names the cause.
"""

from __future__ import annotations

import io
import ssl
from collections.abc import Mapping, Sequence
from typing import Protocol

import aiohttp
from msgspec import Struct
from yarl import URL

from cwmp_client.soap import MAX_ENVELOPE_BYTES

MAX_REASON_LENGTH = 300

KEEP_ALIVE_SECONDS = 3600.0
"""A CPE does not close the connection while it makes a slow answer. Source: TR-069 3.4.2"""

LARGEST_AT_ONCE = 1024 * 1024
"""Bytes; aiohttp warns of more in one piece, and sends a file in several."""

PATIENCE = 4
"""How many times the time for one step an answer may take as a whole."""


CAUSES: Sequence[tuple[type[Exception], str]] = (
    (
        aiohttp.ClientConnectorCertificateError,
        "the certificate of {where} is refused: {error.certificate_error}",
    ),
    (aiohttp.ClientConnectorDNSError, "the name of {where} cannot be resolved: {error.os_error}"),
    (aiohttp.ClientSSLError, "no TLS with {where}: {error.os_error}"),
    (aiohttp.ClientConnectorError, "no connection to {where}: {error.os_error}"),
    (aiohttp.ConnectionTimeoutError, "no connection to {where} within {seconds:g} s"),
    (TimeoutError, "no complete answer from {where} in time"),
    (aiohttp.ServerDisconnectedError, "{where} closed the connection without an answer"),
    (ConnectionError, "{where} closed the connection without an answer"),
    (aiohttp.ClientOSError, "the connection to {where} broke: {error}"),
    (aiohttp.ClientPayloadError, "the answer of {where} is incomplete: {error}"),
    (aiohttp.ClientResponseError, "the answer of {where} is not HTTP: {error.message}"),
    (aiohttp.InvalidURL, "not a URL that can be used: {error}"),
)
"""What to say of each failure; the first row that fits is taken."""

BROKEN = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError)
"""What a kept connection fails with when the ACS has closed it meanwhile."""


class SessionFailed(Exception):
    """A session came to a bad end; the text is the cause, in one line. `status` is the HTTP status, or 0."""

    def __init__(self, reason: str, status: int = 0) -> None:
        line = " ".join(reason[: 2 * MAX_REASON_LENGTH].split())
        printable = "".join(character if character.isprintable() else "?" for character in line)
        super().__init__(printable[:MAX_REASON_LENGTH])
        self.status = status


class AcsSettings(Struct, frozen=True):
    """How every ACS is spoken to; files are PEM, and an empty name means the system's, or none.

    `request_timeout_seconds` bounds each step: to connect, to wait for an answer, to wait for more of it.
    `session_timeout_seconds` is what we ask an ACS to wait for us, who may be waiting for a slow device.
    `reuse_connections` lets a TCP connection that an ACS left open after a session carry the next session, of
    whichever device; an ACS that ties more than one session to its connection needs it off.
    """

    request_timeout_seconds: float = 30
    session_timeout_seconds: int | None = 60
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""
    allow_basic_without_tls: bool = False
    max_sessions: int = 32
    max_response_bytes: int = MAX_ENVELOPE_BYTES
    reuse_connections: bool = True


class Reply(Struct, frozen=True):
    """An HTTP answer, read to its end; headers as they came, several of one name included."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of all headers of a name, given in lower case."""
        return [value for header, value in self.headers if header.lower() == name]


class Transport(Protocol):
    """One line to an ACS: POSTs one after the other over one TCP connection, made anew when it closed."""

    async def post(self, url: URL, headers: Mapping[str, str], body: bytes) -> Reply:
        """POST and read the answer, whatever its status.

        Raises:
            SessionFailed: there is no answer, or one that is too slow, too long, or not HTTP.
        """

    async def close(self) -> None:
        """Close the connection."""


class Tls:
    """The one TLS context of a process: it takes almost a megabyte, so it is made when first needed."""

    def __init__(self, settings: AcsSettings) -> None:
        self._settings = settings
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or later; the ACS must prove its name.

        Raises:
            SessionFailed: a file of the settings cannot be used.
        """
        if self._context is None:
            try:
                self._context = self._make()
            except (OSError, ValueError) as error:
                raise SessionFailed(f"TLS cannot be set up: {error}") from error
        return self._context

    def _make(self) -> ssl.SSLContext:
        settings = self._settings
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.client_certificate:
            # The empty password keeps OpenSSL from asking for one on a terminal.
            context.load_cert_chain(settings.client_certificate, settings.client_key or None, password="")
        return context


class AiohttpTransport:
    """A `Transport` with an aiohttp session of its own, whose connector holds one connection."""

    def __init__(self, settings: AcsSettings, tls: Tls) -> None:
        self._settings = settings
        self._tls = tls
        self._used = False
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, keepalive_timeout=KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Content-Type", "Accept-Encoding", "User-Agent"),
            timeout=aiohttp.ClientTimeout(
                total=PATIENCE * settings.request_timeout_seconds,
                sock_connect=settings.request_timeout_seconds,
                sock_read=settings.request_timeout_seconds,
            ),
        )

    async def post(self, url: URL, headers: Mapping[str, str], body: bytes) -> Reply:
        """See `Transport`."""
        try:
            try:
                reply = await self._post(url, headers, body)
            except BROKEN as error:
                # The ACS closed the kept connection just as we took it up again: go on in a new one.
                if not self._used or isinstance(error, aiohttp.ClientConnectorError):
                    raise
                self._used = False
                reply = await self._post(url, headers, body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SessionFailed(_cause(error, url, self._settings)) from error
        self._used = True
        return reply

    async def close(self) -> None:
        """See `Transport`."""
        await self._session.close()

    async def _post(self, url: URL, headers: Mapping[str, str], body: bytes) -> Reply:
        context = self._tls.context() if url.scheme == "https" else True
        data = body if len(body) <= LARGEST_AT_ONCE else io.BytesIO(body)
        async with self._session.post(
            url, headers=headers, data=data or None, ssl=context, allow_redirects=False
        ) as response:
            parts, length = [], 0
            async for part in response.content.iter_any():
                parts.append(part)
                length += len(part)
                if length > self._settings.max_response_bytes:
                    response.close()
                    raise SessionFailed(
                        f"the answer is longer than {self._settings.max_response_bytes} bytes"
                    )
            return Reply(response.status, tuple(response.headers.items()), b"".join(parts))


def _cause(error: Exception, url: URL, settings: AcsSettings) -> str:
    for kind, text in CAUSES:
        if isinstance(error, kind):
            return text.format(
                where=f"{url.host}:{url.port}", seconds=settings.request_timeout_seconds, error=error
            )
    return f"{type(error).__name__}: {error}"
