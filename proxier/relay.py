"""Hands files of the ACS on to devices that could not get them: one HTTP GET poured into another.

Before a device is told of a file, the proxier tries to get it, so that what is wrong with the URL or the
login is known at once. The device is given a URL of ours, with a path that nobody can guess. Whoever asks for
it from another address is refused; when the device has had all of the file, the path is gone. Nothing is
kept: each piece goes on as it comes, as fast as the device takes it.

Source: TR-330 4.7.1.1, TR-069 A.3.2.8
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp

# Not of aiohttp.web, which would load the router and all else of a web site too: 1 MB of a gateway's memory.
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server
from yarl import URL

from cwmp_client.authentication import Credentials
from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import Concealing
from cwmp_client.transport import AcsSettings, SessionFailed, Tls
from proxier.file_session import PIECE_BYTES, cause_of, file_session
from proxier.own_address import own_address_towards
from proxier.transfer import LONGEST_SECONDS
from translation.operations import Transfer

MAX_REDIRECTS = 5

MAX_AT_ONCE = 32
"""Transfers at once, of all devices together; each takes some 200 kB of memory."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]")

logger = logging.getLogger(__name__)


class _Offer(Concealing, frozen=True):
    """A file that one device may have once."""

    device: str
    address: str
    source: URL
    username: str
    password: str


class Relay:
    """All files that are handed on by a process.

    Args:
        settings: how file servers are spoken to.
        tls: what is shown to them, and trusted of them.
        largest: no file may have more bytes.
        seconds: how long a device may take to ask for its file.
    """

    def __init__(self, settings: AcsSettings, tls: Tls, *, largest: int, seconds: float) -> None:
        self._seconds_per_step = settings.request_timeout_seconds
        self._tls = tls
        self._largest = largest
        self._seconds = seconds
        self._offers: dict[str, _Offer] = {}
        self._fetched_now: set[str] = set()
        self._servers: dict[tuple[str, int], asyncio.Server] = {}
        self._http = Server(self._answer, access_log=None, lingering_time=0)
        self._places = asyncio.Semaphore(MAX_AT_ONCE)

    async def offer(self, transfer: Transfer, device: str, address: str) -> str:
        """Let a device at this address have the source of a transfer; returns the URL by which it gets it.

        The last file that was offered to the same device is not any more.

        Raises:
            CwmpFault: 9015 when the file server does not answer, 9012 when it does not accept the
                credentials, 9016 when it does not give the file, 9010 when the file is too large, 9002 when
                there is no way to the device.
        """
        self._withdraw(device)
        source = _url(transfer.source)
        offer = _Offer(device, address, source, transfer.username, transfer.password)
        async with self._session() as session, self._fetched(session, offer):
            pass
        own_address = _own_address_towards(address)
        port = await self._listen(own_address)
        path = f"/{secrets.token_urlsafe(16)}/{_NOT_IN_A_NAME.sub('_', source.name)[-64:]}"
        self._keep(path, offer)
        return f"http://{own_address}:{port}{path}"

    async def renew(self, url: str, transfer: Transfer, device: str, address: str) -> None:
        """Offer under the URL of an earlier process what the device was told to get there, if that can be."""
        parts = URL(url, encoded=True)
        try:
            await self._listen(parts.host or "", parts.port or 0)
            offer = _Offer(device, address, _url(transfer.source), transfer.username, transfer.password)
        except CwmpFault as fault:
            logger.warning("%s: its file is not to be had any more: %s", device, fault.text)
            return
        self._keep(parts.raw_path, offer)

    async def close(self) -> None:
        """Stop serving."""
        self._offers.clear()
        for server in self._servers.values():
            server.close()
        await self._http.shutdown(timeout=0.5)

    def _keep(self, path: str, offer: _Offer) -> None:
        self._offers[path] = offer
        asyncio.get_running_loop().call_later(self._seconds, self._offers.pop, path, None)

    def _withdraw(self, device: str) -> None:
        for path in [path for path, each in self._offers.items() if each.device == device]:
            del self._offers[path]

    async def _listen(self, own_address: str, port: int = 0) -> int:
        """Listen at the address by which a device sees us, and at no other; returns the port.

        The port 0 is any; another one was chosen by an earlier process.
        """
        server = self._servers.get((own_address, port))
        if server is None:
            try:
                server = await asyncio.get_running_loop().create_server(self._http, own_address, port)
            except OSError as error:
                raise CwmpFault(FaultCode.INTERNAL_ERROR, f"no file can be served: {error}") from error
            self._servers[own_address, port] = server
        own_port: int = server.sockets[0].getsockname()[1]
        return own_port

    # -------------------------------------------------------------- the device's side

    async def _answer(self, request: BaseRequest) -> StreamResponse:
        offer = self._offers.get(request.path)
        if offer is None or request.path in self._fetched_now:
            return Response(status=HTTPStatus.NOT_FOUND)
        if request.remote != offer.address:
            logger.warning("%s asks for the file of %s, and is refused", request.remote, offer.device)
            return Response(status=HTTPStatus.FORBIDDEN)
        if request.method not in {"GET", "HEAD"}:
            return Response(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD"})
        self._fetched_now.add(request.path)
        try:
            async with self._places, asyncio.timeout(LONGEST_SECONDS), self._session() as session:
                return await self._hand_on(request, offer, session)
        except (CwmpFault, TimeoutError) as error:
            logger.warning("%s: its file cannot be had any more: %s", offer.device, error)
            return Response(status=HTTPStatus.BAD_GATEWAY)
        finally:
            self._fetched_now.discard(request.path)

    async def _hand_on(
        self, request: BaseRequest, offer: _Offer, session: aiohttp.ClientSession
    ) -> StreamResponse:
        async with self._fetched(session, offer) as source:
            response = StreamResponse(headers={"Content-Type": "application/octet-stream"})
            response.content_length = source.content_length
            await response.prepare(request)
            if request.method == "GET":
                await self._pour(source, response, request, offer)
            return response

    async def _pour(
        self,
        source: aiohttp.ClientResponse,
        response: StreamResponse,
        request: BaseRequest,
        offer: _Offer,
    ) -> None:
        """Pour the file into the answer, which breaks off where the file does; then it can be had again."""
        is_whole = False
        try:
            async for piece in self._pieces(source):
                await response.write(piece)
            await response.write_eof()
            is_whole = True
        except (aiohttp.ClientError, OSError, CwmpFault) as error:
            logger.warning("%s: its file broke off: %s", offer.device, error)
        finally:
            if is_whole:
                self._offers.pop(request.path, None)
            elif request.transport is not None:
                request.transport.abort()

    async def _pieces(self, source: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        size = 0
        async for piece in source.content.iter_chunked(PIECE_BYTES):
            size += len(piece)
            if size > self._largest:
                raise _too_large(self._largest)
            yield piece

    # -------------------------------------------------------------- the file server's side

    def _session(self) -> aiohttp.ClientSession:
        return file_session(self._seconds_per_step)

    @asynccontextmanager
    async def _fetched(
        self, session: aiohttp.ClientSession, offer: _Offer
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer that has the file, after all redirects and challenges.

        Raises:
            CwmpFault: see `offer`.
        """
        url, credentials = offer.source, Credentials(offer.username, offer.password)
        was_challenged = False
        for _ in range(MAX_REDIRECTS + 2):
            is_at_home = url.origin() == offer.source.origin()
            headers = {"Accept-Encoding": "identity"}
            # Whoever wants a login kept secret gives an https URL with it: the file is as open as its login.
            authorization = credentials.authorization("GET", url.raw_path_qs, allow_basic=True)
            if authorization and is_at_home:
                headers["Authorization"] = authorization
            async with self._got(session, url, headers) as response:
                if response.status in _REDIRECTS:
                    url = _redirected(url, response)
                elif response.status == HTTPStatus.UNAUTHORIZED and is_at_home and not was_challenged:
                    was_challenged = True
                    challenges = response.headers.getall("WWW-Authenticate", [])
                    if reason := credentials.take(challenges, allow_basic=True):
                        raise _not_authorized(reason.replace("the ACS", "the file server"))
                else:
                    self._check(response)
                    yield response
                    return
        raise CwmpFault(FaultCode.CANNOT_ACCESS_FILE, "the file server redirects too often")

    @asynccontextmanager
    async def _got(
        self, session: aiohttp.ClientSession, url: URL, headers: dict[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            context = self._tls.context() if url.scheme == "https" else True
            async with session.get(url, headers=headers, ssl=context, allow_redirects=False) as response:
                yield response
        except (aiohttp.ClientError, OSError, ValueError, SessionFailed) as error:
            raise CwmpFault(
                FaultCode.CANNOT_CONTACT_SERVER, cause_of(error, url, self._seconds_per_step)
            ) from error

    def _check(self, response: aiohttp.ClientResponse) -> None:
        if response.status == HTTPStatus.UNAUTHORIZED:
            raise _not_authorized("the file server does not accept the credentials")
        if response.status != HTTPStatus.OK:
            text = f"the file server answers {response.status} {response.reason}"
            raise CwmpFault(FaultCode.CANNOT_ACCESS_FILE, text)
        if (response.content_length or 0) > self._largest:
            raise _too_large(self._largest)


def _url(text: str) -> URL:
    try:
        url = URL(text, encoded=True)
        url.origin()
    except ValueError as error:
        raise CwmpFault(FaultCode.CANNOT_CONTACT_SERVER, f"this is no URL: {error}") from error
    return url


def _redirected(url: URL, response: aiohttp.ClientResponse) -> URL:
    try:
        new = url.join(URL(response.headers.get("Location", ""), encoded=True))
        is_http = new.scheme in {"http", "https"} and bool(new.host)
    except ValueError:
        is_http, new = False, url
    if not is_http or new == url:
        raise CwmpFault(FaultCode.CANNOT_ACCESS_FILE, "the file server redirects to nowhere")
    return new.with_user(None)


def _not_authorized(text: str) -> CwmpFault:
    return CwmpFault(FaultCode.SERVER_AUTHENTICATION, text)


def _too_large(largest: int) -> CwmpFault:
    return CwmpFault(FaultCode.TRANSFER_FAILURE, f"the file has more than {largest} bytes")


def _own_address_towards(address: str) -> str:
    try:
        return own_address_towards(address)
    except OSError as error:
        raise CwmpFault(FaultCode.INTERNAL_ERROR, f"there is no way to the device: {error}") from error
