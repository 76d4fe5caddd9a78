"""The way to the ACSs: sessions over HTTP(S), with authentication, cookies, redirects and compression.

Source: TR-069 3.4
"""

from __future__ import annotations

import asyncio
import gzip
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from email.utils import mktime_tz, parsedate_tz
from functools import lru_cache

from yarl import URL

from cwmp_client import trace
from cwmp_client.authentication import Credentials, parse_challenges
from cwmp_client.http_line import Reply
from cwmp_client.messages import Concealing
from cwmp_client.trace import SessionObserver
from cwmp_client.transport import AcsSettings, LineTransport, SessionFailed, Tls, Transport

__all__ = ["AcsClient", "AcsSession", "AcsSettings", "AcsTarget", "SessionFailed"]

MAX_REDIRECTS = 5
"""In a row. Source: TR-069 3.4.2"""

MAX_CHALLENGES = 2
"""How many 401 one request may get: the challenge, and another one when its nonce is said to be stale."""

MAX_COOKIE_BYTES = 8192
"""For all cookies together; an ACS may count on 512. Source: TR-069 3.4.2"""

IDLE_SECONDS = 5.0
"""How long a connection that an ACS left open waits for another session."""

_AGE = re.compile("-?[0-9]{1,20}", re.ASCII)

OK, NO_CONTENT, FOUND, TEMPORARY_REDIRECT, UNAUTHORIZED = 200, 204, 302, 307, 401
UNSUPPORTED_MEDIA_TYPE = 415


class AcsTarget(Concealing, frozen=True):
    """Which ACS, as whom; `compression` is the device's HTTPCompression."""

    url: str
    username: str = ""
    password: str = ""
    compression: str = "Disabled"


class AcsSession:
    """The HTTP side of one session: credentials, cookies and redirects hold until its end."""

    def __init__(self, transport: Transport, target: AcsTarget, *, allow_basic_without_tls: bool) -> None:
        self._transport = transport
        self._url = _url(target.url)
        self._compress = target.compression == "GZIP"
        self._allow_basic_without_tls = allow_basic_without_tls
        self._credentials = Credentials(target.username, target.password)
        self._cookies: dict[str, str] = {}

    async def post(self, body: bytes) -> bytes:
        """POST an envelope, or nothing; returns the body of the 200 or 204.

        Raises:
            SessionFailed: the answer is anything else, or none.
        """
        trace.envelope(body, sent=True)
        challenges = redirects = 0
        while True:
            reply = await self._transport.post(self._url, self._headers(body), self._encoded(body))
            self._keep_cookies(reply)
            if any(word.lower() == "close" for word in reply.all(b"connection")):
                self._credentials.forget()
            if reply.status in {OK, NO_CONTENT}:
                trace.envelope(reply.body, sent=False)
                return reply.body
            if reply.status == UNAUTHORIZED:
                challenges += 1
                self._take_challenge(reply, challenges)
            elif reply.status in {FOUND, TEMPORARY_REDIRECT}:
                # Whoever we are sent on to may challenge us just as whoever sends us on did.
                redirects, challenges = redirects + 1, 0
                self._follow(reply, redirects)
            elif reply.status == UNSUPPORTED_MEDIA_TYPE and body and self._compress:
                # An ACS that cannot read what is compressed could else never switch it off: RFC 9110 15.5.16.
                self._compress = False
            else:
                raise SessionFailed(f"HTTP status {reply.status}", reply.status)

    @property
    def _allow_basic(self) -> bool:
        return self._url.scheme == "https" or self._allow_basic_without_tls

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {}
        if body:
            # What holds no envelope has neither. Source: TR-069 3.4.1
            headers["Content-Type"] = "text/xml; charset=utf-8"
            headers["SOAPAction"] = ""
        if self._compress:
            headers["Accept-Encoding"] = "gzip"
            if body:
                headers["Content-Encoding"] = "gzip"
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        authorization = self._credentials.authorization(
            "POST", self._url.raw_path_qs, allow_basic=self._allow_basic
        )
        if authorization:
            headers["Authorization"] = authorization
        return headers

    def _encoded(self, body: bytes) -> bytes:
        return gzip.compress(body, mtime=0) if body and self._compress else body

    def _take_challenge(self, reply: Reply, number: int) -> None:
        headers = reply.all(b"www-authenticate")
        stale = any(
            challenge.parameters.get("stale", "").lower() == "true"
            for header in headers
            for challenge in parse_challenges(header)
        )
        if number > MAX_CHALLENGES or (number == MAX_CHALLENGES and not stale):
            raise SessionFailed("the ACS refuses Username and Password", UNAUTHORIZED)
        if reason := self._credentials.take(headers, allow_basic=self._allow_basic):
            raise SessionFailed(reason, UNAUTHORIZED)

    def _follow(self, reply: Reply, number: int) -> None:
        if number > MAX_REDIRECTS:
            raise SessionFailed(f"more than {MAX_REDIRECTS} redirects", reply.status)
        locations = reply.all(b"location")
        if not locations:
            raise SessionFailed("a redirect without a Location", reply.status)
        new = _url(locations[0], base=self._url)
        if self._url.scheme == "https" and new.scheme != "https":
            raise SessionFailed("a redirect from https to http is not followed", reply.status)
        if new.origin() != self._url.origin():
            self._credentials.forget()
        self._url = new

    def _keep_cookies(self, reply: Reply) -> None:
        """Keep every cookie until the session ends, whatever its path, unless it is taken back."""
        for header in reply.all(b"set-cookie"):
            cookie, *attributes = (part.strip() for part in header.split(";"))
            name, separator, value = cookie.partition("=")
            if not separator or not name:
                continue
            self._cookies.pop(name, None)
            size = sum(len(key) + len(kept) + 3 for key, kept in self._cookies.items())
            if not _is_taken_back(attributes, reply) and size + len(cookie) <= MAX_COOKIE_BYTES:
                self._cookies[name] = value


class AcsClient:
    """Opens the sessions of all devices of a process.

    Args:
        settings: how every ACS is spoken to.
        make_transport: for another HTTP client.
    """

    def __init__(self, settings: AcsSettings, make_transport: Callable[[], Transport] | None = None) -> None:
        tls = Tls(settings)
        self._settings = settings
        self._make_transport = make_transport or (lambda: LineTransport(settings, tls))
        self._idle: dict[Transport, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.places = asyncio.Semaphore(settings.max_sessions)
        """Whoever opens a session takes a place first, so that no more than `max_sessions` are open."""
        self.observers: list[SessionObserver] = []
        """They are told of the sessions of all devices."""

    @property
    def session_timeout_seconds(self) -> int | None:
        """What an ACS is asked to wait for us."""
        return self._settings.session_timeout_seconds

    @asynccontextmanager
    async def session(self, target: AcsTarget) -> AsyncIterator[AcsSession]:
        """A session, over one connection that no other session uses at the same time."""
        transport = self._take_transport()
        try:
            yield AcsSession(
                transport, target, allow_basic_without_tls=self._settings.allow_basic_without_tls
            )
        except BaseException:
            await transport.close()
            raise
        if self._settings.reuse_connections:
            self._idle[transport] = asyncio.get_running_loop().call_later(
                IDLE_SECONDS, self._expire, transport
            )
        else:
            await transport.close()

    async def close(self) -> None:
        """Close the connections that wait for another session."""
        for transport, timer in list(self._idle.items()):
            timer.cancel()
            await transport.close()
        self._idle.clear()
        if self._closing:
            await asyncio.wait(self._closing)

    def _take_transport(self) -> Transport:
        if not self._idle:
            return self._make_transport()
        transport, timer = self._idle.popitem()
        timer.cancel()
        return transport

    def _expire(self, transport: Transport) -> None:
        del self._idle[transport]
        closing = asyncio.get_running_loop().create_task(transport.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


@lru_cache(maxsize=16)
def _url(text: str, base: URL | None = None) -> URL:
    try:
        url = base.join(URL(text)) if base is not None else URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise SessionFailed(f"not an http or https URL: {text}")
    return url


def _is_taken_back(attributes: Sequence[str], reply: Reply) -> bool:
    """Whether the attributes of a cookie say that it is over as it comes. Source: RFC 6265 5.3"""
    words = {name.strip().lower(): value.strip() for name, _, value in (a.partition("=") for a in attributes)}
    if _AGE.fullmatch(words.get("max-age", "")):
        return int(words["max-age"]) <= 0
    # The ACS's own clock is the one that it reckons by; ours may not be set.
    now = next(filter(None, map(_seconds_of, reply.all(b"date"))), time.time())
    expires = _seconds_of(words.get("expires", ""))
    return expires is not None and expires <= now


def _seconds_of(date: str) -> float | None:
    """A date of HTTP in seconds since 1970; None when it is none."""
    try:
        parts = parsedate_tz(date)
        return mktime_tz(parts) if parts is not None else None
    except (OverflowError, ValueError):
        return None
