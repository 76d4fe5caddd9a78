"""HTTP POSTs to an ACS; no other module of sessions knows what carries them.

Every failure becomes a `SessionFailed` whose text names the cause.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct
from yarl import URL

from cwmp_client.http_line import Disconnected, HttpLine, LineFailure, Reply
from cwmp_client.soap import MAX_ENVELOPE_BYTES

MAX_REASON_LENGTH = 300

PATIENCE = 4
"""How many times the time for one step an answer may take as a whole."""


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


class LineTransport:
    """A `Transport` with an `HttpLine` of its own."""

    def __init__(self, settings: AcsSettings, tls: Tls) -> None:
        self._tls = tls
        self._most_bytes = settings.max_response_bytes
        step_seconds = settings.request_timeout_seconds
        self._line = HttpLine(step_seconds, PATIENCE * step_seconds)

    async def post(self, url: URL, headers: Mapping[str, str], body: bytes) -> Reply:
        """See `Transport`."""
        was_open = self._line.is_open_to(url)
        try:
            try:
                return await self._post(url, headers, body)
            except Disconnected:
                # The ACS closed the kept connection just as we took it up again: go on in a new one.
                if not was_open:
                    raise
                return await self._post(url, headers, body)
        except LineFailure as failure:
            raise SessionFailed(str(failure)) from failure

    async def close(self) -> None:
        """See `Transport`."""
        await self._line.close()

    async def _post(self, url: URL, headers: Mapping[str, str], body: bytes) -> Reply:
        tls = self._tls.context() if url.scheme == "https" else None
        return await self._line.request("POST", url, headers, body, most_bytes=self._most_bytes, tls=tls)
