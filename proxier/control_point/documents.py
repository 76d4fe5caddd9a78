"""Documents from devices: fetched with bounds, and only from where they may come from."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Final
from weakref import WeakValueDictionary

from yarl import URL

from cwmp_client.http_line import LineFailure, TooLong
from proxier.control_point.lines import Lines

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
_BUSY: Final = frozenset({408, 425, 429})
"""The statuses of the client's class that say: later. Source: RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4"""


class DocumentUnavailable(Exception):
    """A document that could not be fetched; later it may be there."""


class DocumentMissing(DocumentUnavailable):
    """A document that its host says it does not have; so does many a device for a while after its start."""


class DocumentRefused(Exception):
    """A document, or a URL, that is not what it must be."""


class DocumentFetcher:
    """Fetches descriptions and SCPDs; one for all devices."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._turns = asyncio.Semaphore(MOST_FETCHES)
        self._turns_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def fetch(self, url: str, host: str, alias: str = "") -> tuple[str, bytes]:
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
                    return await self._fetch(url, host, alias)
            except TimeoutError:
                raise DocumentUnavailable(f"{url} took longer than {LONGEST_FETCH:g} s") from None
            except TooLong:
                raise DocumentRefused(f"{url} has more than {LARGEST_DOCUMENT} bytes") from None
            except LineFailure as failure:
                raise DocumentUnavailable(f"{url} cannot be fetched: {failure}") from None

    async def _fetch(self, url: str, host: str, alias: str) -> tuple[str, bytes]:
        for _ in range(MOST_REDIRECTS + 1):
            here = url_at(url, host, alias=alias)
            reply = await self._lines.over_either("GET", here, {}, most_bytes=LARGEST_DOCUMENT)
            if reply.status in {301, 302, 303, 307, 308}:
                url = url_at(reply.first(b"location"), host, here, alias=alias)
                continue
            if reply.status != 200:
                final = 400 <= reply.status < 500 and reply.status not in _BUSY
                unavailable = DocumentMissing if final else DocumentUnavailable
                raise unavailable(f"{here} is answered with HTTP {reply.status}")
            return here, reply.body
        raise DocumentRefused(f"{url} is redirected more than {MOST_REDIRECTS} times")


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


async def address_of(host: str, port: int | None) -> str:
    """The IPv4 address of a host.

    Raises:
        OSError: it has none, or that cannot be found out.
    """
    with suppress(OSError):
        socket.inet_pton(socket.AF_INET, host)
        return host  # else a thread would be asked what is plain to see
    found = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET)
    return str(found[0][4][0])


def describe(error: BaseException) -> str:
    """What an exception of the network says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
