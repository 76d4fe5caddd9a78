"""Documents from devices: fetched with bounds, and only from where they may come from."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar
from weakref import WeakValueDictionary

import aiohttp
from yarl import URL

HEADERS: Final[Mapping[str, str]] = {
    "User-Agent": "Linux/1.0 UPnP/1.1 proxier/1.0",
    "Accept-Encoding": "identity",
}
"""User-Agent is always the same, since descriptions were seen to depend on it. Source: UDA 1.1 1.3.2"""
LARGEST_DOCUMENT: Final = 4 * 1024 * 1024
"""Bytes."""
LONGEST_FETCH: Final = 30.0
"""Seconds, from connecting to the last byte."""
LONGEST_URL: Final = 2048
MOST_REDIRECTS: Final = 3
MOST_FETCHES: Final = 64
"""At once."""
MOST_FETCHES_PER_HOST: Final = 8
"""At once, so that a host that never answers keeps nobody else waiting."""
BROKEN: Final = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
"""What a kept connection fails with when the device has closed it meanwhile."""
LONGEST_OVER_KEPT: Final = 2.0
"""Seconds for what may as well go over another connection: the kept one may be occupied."""
_BUSY: Final = frozenset({408, 425, 429})
"""The statuses of the client's class that say: later. Source: RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4"""

R = TypeVar("R")


class DocumentUnavailable(Exception):
    """A document that could not be fetched; later it may be there."""


class DocumentMissing(DocumentUnavailable):
    """A document that its host says it does not have; so does many a device for a while after its start."""


class DocumentRefused(Exception):
    """A document, or a URL, that is not what it must be."""


class DocumentFetcher:
    """Fetches descriptions and SCPDs; one for all devices.

    What is `kept` may come over the connection that `kept_session`, if there is one, holds open.
    """

    def __init__(
        self, session: aiohttp.ClientSession, kept_session: aiohttp.ClientSession | None = None
    ) -> None:
        self._session = session
        self._kept_session = kept_session
        self._turns = asyncio.Semaphore(MOST_FETCHES)
        self._turns_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def fetch(self, url: str, host: str, alias: str = "", *, kept: bool = False) -> tuple[str, bytes]:
        """Fetch a document from `host`; returns the URL that had it after all redirects, and the bytes.

        `alias` is another name or address of the host.

        Raises:
            DocumentMissing: the host has no such document, or gives it to nobody (HTTP 4xx).
            DocumentUnavailable: no answer, no complete one in time, or another status than 200.
            DocumentRefused: too large, or a URL that points elsewhere.
        """
        turns = self._turns_of.setdefault(host, asyncio.Semaphore(MOST_FETCHES_PER_HOST))
        async with turns, self._turns:
            try:
                async with asyncio.timeout(LONGEST_FETCH):
                    fetch = partial(self._fetch, url=url, host=host, alias=alias)
                    if kept and self._kept_session is not None:
                        return await over_kept(self._kept_session, self._session, fetch)
                    return await fetch(self._session)
            except TimeoutError:
                raise DocumentUnavailable(f"{url} took longer than {LONGEST_FETCH:g} s") from None
            except TooLarge as error:
                raise DocumentRefused(f"{url} has {error}") from None
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise DocumentUnavailable(f"{url} cannot be fetched: {describe(error)}") from None

    async def _fetch(
        self, session: aiohttp.ClientSession, url: str, host: str, alias: str
    ) -> tuple[str, bytes]:
        for _ in range(MOST_REDIRECTS + 1):
            here = url_at(url, host, alias=alias)
            async with session.get(here, allow_redirects=False) as response:
                if response.status in {301, 302, 303, 307, 308}:
                    url = url_at(response.headers.get("Location", ""), host, here, alias=alias)
                    continue
                if response.status != 200:
                    final = 400 <= response.status < 500 and response.status not in _BUSY
                    unavailable = DocumentMissing if final else DocumentUnavailable
                    raise unavailable(f"{here} is answered with HTTP {response.status}")
                return here, await read_body(response, LARGEST_DOCUMENT)
        raise DocumentRefused(f"{url} is redirected more than {MOST_REDIRECTS} times")


class TooLarge(ValueError):
    """A body over its limit."""


async def read_body(response: aiohttp.ClientResponse, largest: int) -> bytes:
    """Read a whole body, but no more than `largest` bytes of it.

    Raises:
        TooLarge: there is more.
    """
    if (response.content_length or 0) > largest:
        response.close()
        raise TooLarge(f"more than {largest} bytes")
    pieces = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > largest:
            response.close()
            raise TooLarge(f"more than {largest} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def url_at(reference: str, host: str, base: str = "", *, alias: str = "") -> str:
    """Make a reference an absolute URL, and see to it that it points at `host`, or at its `alias`.

    Raises:
        DocumentRefused: it does not, or is no http URL.
    """
    try:
        url = URL(base).join(URL(reference)) if base else URL(reference)
        port = url.port
    except ValueError:
        raise DocumentRefused(f"{reference[:100]!r} is no URL") from None
    if len(reference) > LONGEST_URL or url.scheme != "http" or not port or url.user is not None:
        raise DocumentRefused(f"{str(url)[:100]} is no plain http URL")
    if url.host != host.lower() and not (alias and url.host == alias.lower()):
        raise DocumentRefused(f"{str(url)[:100]} points elsewhere than to {host}")
    return str(url)


def have_one_origin(url: str, other: str) -> bool:
    """Whether two absolute URLs spell host and port alike."""
    return url.split("/", 3)[2] == other.split("/", 3)[2]


async def over_kept(
    kept: aiohttp.ClientSession,
    other: aiohttp.ClientSession,
    exchange: Callable[[aiohttp.ClientSession], Awaitable[R]],
) -> R:
    """Do an exchange over the kept connection, or over another one if that is broken or occupied."""
    with suppress(*BROKEN, TimeoutError):
        async with asyncio.timeout(LONGEST_OVER_KEPT):
            return await exchange(kept)
    return await exchange(other)


async def address_of(host: str, port: int | None) -> str:
    """The IPv4 address of a host.

    Raises:
        OSError: it has none, or that cannot be found out.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET)
    return str(found[0][4][0])


def open_session(*, keep_open_seconds: float = 0) -> aiohttp.ClientSession:
    """A session that keeps no cookies, uses no proxy and has no time limits of its own.

    It holds no connection open after an answer, or one to each host and port for so long.
    """
    if keep_open_seconds:
        connector = aiohttp.TCPConnector(limit=0, limit_per_host=1, keepalive_timeout=keep_open_seconds)
    else:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
    return aiohttp.ClientSession(
        connector=connector,
        headers=HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
    )


def describe(error: BaseException) -> str:
    """What an exception of the network says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
