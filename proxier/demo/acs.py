"""The embedded ACS of the demo and of the tests: the operator's side of CWMP over HTTP, on aiohttp.

    async with EmbeddedAcs() as acs:
        device = await acs.device("00A0B0-Lamp-1")
        response = await device.request(GetParameterValues(("Device.",)))
    assert acs.violations == []

It is a strict peer. Each envelope goes before two judges (`acs_soap`), each step of a session before a third
(`acs_session`); what departs is refused and kept in `violations`. It behaves as badly as it is told to
(`misbehave`). It shares the values of `cwmp_client.messages` with the CPE, and no code that reads or writes
XML.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import aiohttp
from aiohttp import web

from proxier.demo.acs_auth import BasicGuard, DigestGuard, Guard, OpenGuard
from proxier.demo.acs_device import AcsDevice, AcsFault, ReceivedInform, SpoiledAnswer
from proxier.demo.acs_files import FILES, UPLOADS, FileServer, Upload
from proxier.demo.acs_misbehaviour import Misbehaviour, Plans, Turn
from proxier.demo.acs_server import CwmpServer
from proxier.demo.acs_transcript import Direction, Exchange, Record

_LARGEST_ENVELOPE_BYTES = 64 << 20
_CONNECTION_REQUEST_TIMEOUT_SECONDS = 5.0

_Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


class EmbeddedAcs:
    """An ACS on one address, for as long as the `async with` lasts.

    `username` with `password` may open sessions, and whoever else is put into `passwords`. With `provision`,
    a device that bootstraps is given a ConnectionRequestUsername and -Password first of all, as by GenieACS.
    """

    def __init__(  # noqa: PLR0913 - every test wants another one of these keywords
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        username: str | None = None,
        password: str | None = None,
        auth: Literal["none", "basic", "digest"] = "none",
        digest_algorithm: Literal["MD5", "MD5-sess", "SHA-256"] = "MD5",
        tls: ssl.SSLContext | None = None,
        provision: bool = True,
    ) -> None:
        self.passwords = {} if username is None else {username: password or ""}
        self.uploads: list[Upload] = []
        self.random = random.Random(0)  # noqa: S311 - repeatable, not secret
        """Draws the chances of `misbehave`."""
        self.files = FileServer(self._uploaded)
        """Where `put_file` and `upload_url` lead; it may ask for a login, and limit what is uploaded."""
        self._host = host
        self._port = port
        self._tls = tls
        self._record = Record()
        self._plans = Plans(self.random)
        guard = self._guard(auth, digest_algorithm)
        self._cwmp = CwmpServer(self._record, self._plans, guard, self._knock, provision=provision)
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None

    def _guard(self, auth: str, digest_algorithm: str) -> Guard:
        if auth == "basic":
            return BasicGuard(self.passwords)
        if auth == "digest":
            return DigestGuard(self.passwords, lambda text: self._record.complain("", text), digest_algorithm)
        return OpenGuard()

    # ---- its life ----

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        for device in self.devices.values():
            await device.stop()
        self.files.close()

    async def start(self) -> None:
        """Listen; after a `stop`, again on the same port.

        Raises:
            OSError: the address is not to be had.
        """
        application = web.Application(client_max_size=_LARGEST_ENVELOPE_BYTES)
        application.router.add_get(FILES + "{name}", self._transfer(self.files.get))
        application.router.add_put(UPLOADS + "{name}", self._transfer(self.files.put))
        application.router.add_post("/{path:.*}", self._cwmp.post)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls).start()
        self._port = self._runner.addresses[0][1]
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            timeout=aiohttp.ClientTimeout(total=_CONNECTION_REQUEST_TIMEOUT_SECONDS),
        )

    async def stop(self) -> None:
        """Stop listening. Sessions are lost; what is known of devices, and what waits for them, is not."""
        self._cwmp.forget_sessions()
        if self._client:
            await self._client.close()
        if self._runner:
            await self._runner.cleanup()

    # ---- what it saw ----

    @property
    def url(self) -> str:
        """The URL that CPEs open their sessions at."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self._port}/"

    @property
    def devices(self) -> dict[str, AcsDevice]:
        """Every device that has sent an Inform, by `OUI-ProductClass-SerialNumber`."""
        return self._cwmp.devices

    @property
    def informs(self) -> list[ReceivedInform]:
        """Every Inform, in the order of their coming."""
        return self._cwmp.informs

    @property
    def violations(self) -> list[str]:
        """Every departure of a CPE from the schemas and the rules, in words; a test wants none."""
        return self._record.violations

    @property
    def transcript(self) -> list[Exchange]:
        """Every message and what came in place of one, in words for people."""
        return self._record.transcript

    async def device(self, device_id: str, *, timeout: float = 5.0) -> AcsDevice:  # noqa: ASYNC109 - it words the error
        """Wait until a device, named `OUI-ProductClass-SerialNumber`, has sent an Inform that was answered.

        Raises:
            TimeoutError: it has not within `timeout` seconds; the error says who has, and every violation.
        """

        def look() -> AcsDevice | None:
            device = self.devices.get(device_id)
            return device if device and any(received.answered for received in device.informs) else None

        return await self._cwmp.bell.until(
            look,
            timeout,
            lambda: f"no Inform of {device_id}; seen: {sorted(self.devices)}; violations: {self.violations}",
        )

    def on_inform(self, callback: Callable[[ReceivedInform], None]) -> None:
        """Call this with every Inform, before it is answered."""
        self._cwmp.inform_callbacks.append(callback)

    def on_exchange(self, callback: Callable[[Exchange], None]) -> None:
        """Call this with every line of the transcript, as it comes."""
        self._record.exchange_callbacks.append(callback)

    def on_envelope(self, callback: Callable[[Direction, bytes], None]) -> None:
        """Call this with the bytes of every envelope, in both directions."""
        self._record.envelope_callbacks.append(callback)

    # ---- how it is to behave ----

    def speak(
        self,
        *,
        namespaces: Sequence[str] | None = None,
        answer_namespace: str | None = None,
        use_cwmp_version: str | None = None,
    ) -> None:
        """Choose versions: the namespaces it takes (else fault 8006), the one it answers in, UseCWMPVersion.

        None keeps what it has from the start: all of them, that of the Inform, and no such header.
        """
        self._cwmp.namespaces = self._cwmp.namespaces if namespaces is None else namespaces
        self._cwmp.answer_namespace = answer_namespace or self._cwmp.answer_namespace
        self._cwmp.use_cwmp_version = use_cwmp_version or self._cwmp.use_cwmp_version

    def misbehave(
        self,
        how: Misbehaviour,
        *,
        on: str | None = None,
        device: str | None = None,
        times: int | None = 1,
        chance: float = 1.0,
    ) -> None:
        """Do wrong from now on, when a message named `on` comes; what was planned first goes first.

        `""` is the empty POST, `GET` and `PUT` are file transfers, None is anything. `times` None means until
        `behave`. `chance` is drawn from `random`.
        """
        self._plans.add(how, on, device, times, chance)

    def behave(self) -> None:
        """Forget everything that `misbehave` has planned."""
        self._plans.clear()

    # ---- files ----

    def put_file(self, name: str, content: bytes | Path) -> str:
        """Serve a file for download; return its URL."""
        self.files.offer(name, content)
        return self.url.rstrip("/") + FILES + name

    def upload_url(self, name: str) -> str:
        """Return the URL at which a PUT is taken; it turns up in `uploads`."""
        return self.url.rstrip("/") + UPLOADS + name

    async def upload(self, name: str, *, timeout: float = 10.0) -> Upload:  # noqa: ASYNC109 - it words the error
        """Wait for an upload.

        Raises:
            TimeoutError: none of this name is whole after `timeout` seconds.
        """

        def look() -> Upload | None:
            return next((upload for upload in self.uploads if upload.name == name), None)

        return await self._cwmp.bell.until(look, timeout, lambda: f"no upload of {name}")

    def _uploaded(self, upload: Upload) -> None:
        self.uploads.append(upload)
        self._cwmp.bell.ring()

    def _transfer(self, serve: _Serve) -> _Serve:
        async def transfer(request: web.Request) -> web.StreamResponse:
            name = request.match_info["name"]
            self._record.note("", Direction.FROM_CPE, request.method, name)

            async def proceed(*, hold: bool = False) -> web.StreamResponse:
                del hold
                return await serve(request)

            turn = Turn(request, proceed, lambda code, text: web.Response(status=500, text=f"{code} {text}"))
            response = await self._plans.next(request.method, "").answer(turn)
            self._record.note("", Direction.TO_CPE, str(response.status), name)
            return response

        return transfer

    # ---- connection requests ----

    async def _knock(self, url: str, username: str, password: str) -> int:
        if self._client is None or self._client.closed:
            raise ConnectionError("the ACS is stopped")
        statuses: list[int] = []

        async def watch(
            request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            response = await send(request)
            statuses.append(response.status)
            return response

        digest = aiohttp.DigestAuthMiddleware(login=username, password=password)
        try:
            async with self._client.get(url, middlewares=(digest, watch), allow_redirects=False) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ConnectionError(f"no answer at {url}: {error!r}") from error
        if statuses[0] in {200, 204}:
            self._record.complain("", f"{url} takes a connection request without authentication")
        if body and response.status in {200, 204}:
            self._record.complain("", f"{url} answers a connection request with a body")
        self._record.note("", Direction.TO_CPE, "connection request", f"{url} {response.status}")
        return response.status


__all__ = ["AcsDevice", "AcsFault", "EmbeddedAcs", "ReceivedInform", "SpoiledAnswer", "Upload"]
