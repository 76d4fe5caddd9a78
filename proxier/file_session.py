"""How files are fetched and sent: an aiohttp session for one file, and words for what goes wrong.

A file goes through as it comes, and a session with an ACS never does: so this is aiohttp, and that is an
`HttpLine`.
"""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp
from yarl import URL

PIECE_BYTES = 64 * 1024

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


def file_session(seconds_per_step: float) -> aiohttp.ClientSession:
    """A client for one file, of which nothing is kept, and to which nothing is added."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept-Encoding"),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=seconds_per_step, sock_read=seconds_per_step),
        read_bufsize=PIECE_BYTES,
        auto_decompress=False,
    )


def cause_of(error: Exception, url: URL, seconds_per_step: float) -> str:
    """Why there is no file, in one line."""
    where = f"{url.host}:{url.port}"
    for kind, text in CAUSES:
        if isinstance(error, kind):
            return text.format(where=where, seconds=seconds_per_step, error=error)
    return f"{where}: {type(error).__name__}: {error}"
