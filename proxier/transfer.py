"""Moves a log from a device to the ACS: one HTTP GET poured into one HTTP PUT, a piece at a time.

The file is fetched from the device itself and from nowhere else, whatever its LogURL says, without following
it anywhere, and up to a limit. Nobody knows beforehand how a server wants to be convinced: so where there are
credentials, a HEAD learns the challenge and tries them, and the file goes out once, with the right
Authorization. A server that challenges nothing but PUT is answered when it does.

Source: TR-330 4.4.2, TR-069 A.4.1.5
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from cwmp_client.authentication import Credentials
from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.transport import AcsSettings, SessionFailed, Tls
from proxier.file_session import PIECE_BYTES, cause_of, file_session
from translation.operations import Transfer

MAX_FILE_BYTES = 256 * 2**20
"""What goes on longer than this is no log."""

LONGEST_SECONDS = 3600
"""A transfer has this long. Source: TR-069 3.4, which gives each an hour"""

MAX_AT_ONCE = 4
"""Transfers at once, of all devices together: they share one uplink."""

_OK = range(200, 300)
_UNAUTHORIZED = 401


class FileTransfers:
    """All transfers of a process.

    Args:
        settings: how the ACS's servers are spoken to.
        tls: what is shown to them, and trusted of them.
    """

    def __init__(self, settings: AcsSettings, tls: Tls) -> None:
        self._settings = settings
        self._tls = tls
        self._places = asyncio.Semaphore(MAX_AT_ONCE)

    async def upload(self, transfer: Transfer, location: str) -> None:
        """Carry out the transfer of a device whose description is at `location`.

        Raises:
            CwmpFault: 9011 when the device does not give the file or the server does not take it, 9012 when
                the server does not accept the credentials.
        """
        source = _source(transfer.source, location)
        try:
            async with self._places, asyncio.timeout(LONGEST_SECONDS), self._session() as session:
                await _Upload(session, self._settings, self._tls, transfer, source).run()
        except TimeoutError as error:
            raise _failure(f"the transfer took longer than {LONGEST_SECONDS} s") from error

    def _session(self) -> aiohttp.ClientSession:
        return file_session(self._settings.request_timeout_seconds)


class _Upload:
    """One transfer."""

    def __init__(
        self, session: aiohttp.ClientSession, settings: AcsSettings, tls: Tls, transfer: Transfer, source: URL
    ) -> None:
        self._session = session
        self._seconds = settings.request_timeout_seconds
        self._source = source
        self._target = _target(transfer.target)
        self._is_tls = self._target.scheme == "https"
        self._allow_basic = self._is_tls or settings.allow_basic_without_tls
        self._credentials = Credentials(transfer.username, transfer.password)
        self._has_credentials = bool(transfer.username)
        self._tls = tls

    async def run(self) -> None:
        if self._has_credentials:
            await self._introduce()
        if await self._put() == _UNAUTHORIZED and await self._put() == _UNAUTHORIZED:
            raise _not_authorized("the server does not accept the credentials")

    async def _introduce(self) -> None:
        """Learn how the server wants to be convinced, and whether it is; if HEAD fails, PUT will tell why."""
        for _ in range(2):
            try:
                async with self._request("HEAD") as response:
                    if response.status != _UNAUTHORIZED:
                        return
                    self._take_challenge(response)
            except CwmpFault as fault:
                if fault.code == FaultCode.SERVER_AUTHENTICATION:
                    raise
                return
        raise _not_authorized("the server does not accept the credentials")

    async def _put(self) -> int:
        """Send the file; returns the status, which is one of success, or 401 with its challenge taken up."""
        async with self._file() as file, self._request("PUT", file) as response:
            if response.status == _UNAUTHORIZED:
                self._take_challenge(response)
            elif response.status not in _OK:
                raise _failure(f"the server answers {response.status} {response.reason}")
            elif not file.is_sent:
                raise _failure("the server answered before it had the file")
            return response.status

    @asynccontextmanager
    async def _request(self, method: str, file: _File | None = None) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {}
        if authorization := self._credentials.authorization(
            method, self._target.raw_path_qs, allow_basic=self._allow_basic
        ):
            headers["Authorization"] = authorization
        if file:
            headers |= file.headers
        try:
            async with self._session.request(
                method,
                self._target,
                headers=headers,
                data=file.pieces() if file else None,
                ssl=self._tls.context() if self._is_tls else True,
                allow_redirects=False,
            ) as response:
                yield response
        except (aiohttp.ClientError, OSError, ValueError, SessionFailed) as error:
            if file and file.failure:
                raise file.failure from error
            raise _failure(cause_of(error, self._target, self._seconds)) from error

    @asynccontextmanager
    async def _file(self) -> AsyncIterator[_File]:
        """The device's file, opened."""
        try:
            as_it_is = {"Accept-Encoding": "identity"}
            async with self._session.get(self._source, headers=as_it_is, allow_redirects=False) as response:
                if response.status not in _OK:
                    raise _failure(f"the device answers {response.status} {response.reason} for its log")
                yield _File(response, lambda error: cause_of(error, self._source, self._seconds))
        except (aiohttp.ClientError, OSError) as error:
            raise _failure(cause_of(error, self._source, self._seconds)) from error

    def _take_challenge(self, response: aiohttp.ClientResponse) -> None:
        headers = response.headers.getall("WWW-Authenticate", [])
        if reason := self._credentials.take(headers, allow_basic=self._allow_basic):
            raise _not_authorized(reason)


class _File:
    """What a device sends, in pieces that can be had once."""

    def __init__(self, response: aiohttp.ClientResponse, cause: Callable[[Exception], str]) -> None:
        self._response = response
        self._cause = cause
        self._sent = 0
        self._ended = False
        self._length = response.content_length
        self.failure: CwmpFault | None = None
        if self._length is not None and self._length > MAX_FILE_BYTES:
            raise _failure(f"the log is longer than {MAX_FILE_BYTES} bytes")

    @property
    def headers(self) -> dict[str, str]:
        """What is to be said of it."""
        headers = {"Content-Type": "application/octet-stream"}
        if self._length is not None:
            headers["Content-Length"] = str(self._length)
        if encoding := self._response.headers.get("Content-Encoding"):
            headers["Content-Encoding"] = encoding
        return headers

    @property
    def is_sent(self) -> bool:
        """Whether all of it has been handed on."""
        return self._ended or self._sent == self._length

    async def pieces(self) -> AsyncIterator[bytes]:
        """What it consists of; why it broke off is kept in `failure`."""
        try:
            async for piece in self._response.content.iter_chunked(PIECE_BYTES):
                self._sent += len(piece)
                if self._sent > MAX_FILE_BYTES:
                    raise _failure(f"the log is longer than {MAX_FILE_BYTES} bytes")
                yield piece
        except CwmpFault as fault:
            self.failure = fault
            raise
        except (aiohttp.ClientError, OSError) as error:
            self.failure = _failure(self._cause(error))
            raise self.failure from error
        self._ended = True


def _source(log_url: str, location: str) -> URL:
    """The URL of a log, at the device's own address."""
    try:
        url, device = URL(urljoin(location, log_url), encoded=True), URL(location, encoded=True)
        is_its_own = url.scheme == "http" and bool(url.host) and url.host == device.host
    except ValueError as error:
        raise _failure(f"the device's LogURL is none: {error}") from error
    if not is_its_own:
        raise _failure(f"the device's LogURL does not point at the device: {log_url[:100]}")
    return url.with_user(None)


def _target(url: str) -> URL:
    try:
        return URL(url, encoded=True)
    except ValueError as error:
        raise _failure(f"not a URL that can be used: {error}") from error


def _failure(text: str) -> CwmpFault:
    return CwmpFault(FaultCode.UPLOAD_FAILURE, text)


def _not_authorized(text: str) -> CwmpFault:
    return CwmpFault(FaultCode.SERVER_AUTHENTICATION, text)
