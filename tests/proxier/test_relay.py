"""The relay on loopback sockets: a file server behind it, devices before it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from cwmp_client.authentication import DigestGuard, Verdict
from cwmp_client.faults import CwmpFault
from cwmp_client.transport import AcsSettings, Tls
from proxier.relay import Relay
from tests.cwmp_client.acs_double import serving
from tests.proxier.running import LOOPBACK
from translation.operations import Transfer

MEGABYTE = 2**20
IMAGE = b"an image" * 10_000


class FileServer:
    """Serves an image as it is told."""

    def __init__(self, image: bytes = IMAGE, *, auth: str = "", times: int = 1) -> None:
        self.image = image
        self.auth = auth
        self.times = times
        self.breaks_after = -1
        self.says_length = True
        self.turns_away = ""
        """Whoever has this in the User-Agent."""
        self.redirects: dict[str, str] = {}
        self.statuses: list[int] = []
        self.authorizations: list[str] = []
        self._guard = DigestGuard("files")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        response = await self._respond(request)
        self.statuses.append(response.status)
        return response

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        self.authorizations.append(request.headers.get("Authorization", ""))
        if request.path in self.redirects:
            return web.Response(status=302, headers={"Location": self.redirects[request.path]})
        if request.path == "/none":
            return web.Response(status=404)
        if self.turns_away and self.turns_away in request.headers.get("User-Agent", ""):
            return web.Response(status=403)
        if not self._is_welcome(request):
            challenge = self._guard.challenge(0) if self.auth == "digest" else 'Basic realm="files"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        response = web.StreamResponse()
        if self.says_length:
            response.content_length = len(self.image) * self.times
        await response.prepare(request)
        for number in range(self.times):
            if number == self.breaks_after:
                assert request.transport
                request.transport.abort()
                break
            try:
                await response.write(self.image)
            except ConnectionError:
                break
        return response

    def _is_welcome(self, request: web.BaseRequest) -> bool:
        given = request.headers.get("Authorization", "")
        if self.auth == "digest":
            verdict = self._guard.judge(given, request.method, request.path, "u", "p", 0)
            return verdict is Verdict.ACCEPTED
        return not self.auth or given == "Basic " + base64.b64encode(b"u:p").decode()


@asynccontextmanager
async def relaying(largest: int = 128 * MEGABYTE, seconds: float = 60) -> AsyncIterator[Relay]:
    settings = AcsSettings(request_timeout_seconds=2)
    relay = Relay(settings, Tls(settings), largest=largest, seconds=seconds)
    try:
        yield relay
    finally:
        await relay.close()


@asynccontextmanager
async def device_at(address: str = LOOPBACK) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(local_addr=(address, 0), force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


def source(port: int, path: str = "/a/image.bin", *login: str) -> Transfer:
    return Transfer(f"http://{LOOPBACK}:{port}{path}", "", *login)


async def status_of(url: str, address: str = LOOPBACK, method: str = "GET") -> int:
    async with device_at(address) as device, device.request(method, url) as response:
        await response.read()
        return response.status


async def test_a_device_has_its_file_once() -> None:
    server = FileServer()
    async with serving(server.handle) as port, relaying() as relay, device_at() as device:
        url = await relay.offer(source(port), "device", LOOPBACK)
        assert url.endswith("/image.bin")
        assert str(port) not in url
        async with device.get(url) as response:
            assert await response.read() == IMAGE
            assert response.content_length == len(IMAGE)
        assert await status_of(url) == 404
        assert await status_of(url, "127.0.0.9") == 404


async def test_another_host_is_refused_and_takes_nothing_away() -> None:
    server = FileServer()
    async with serving(server.handle) as port, relaying() as relay:
        url = await relay.offer(source(port), "device", LOOPBACK)
        asked = len(server.statuses)
        assert await status_of(url, "127.0.0.9") == 403
        assert await status_of(url.replace("image", "other")) == 404
        assert await status_of(url.rpartition("/")[0]) == 404
        assert len(server.statuses) == asked
        assert await status_of(url) == 200


async def test_a_look_at_the_head_takes_nothing_away() -> None:
    server = FileServer()
    async with serving(server.handle) as port, relaying() as relay, device_at() as device:
        url = await relay.offer(source(port), "device", LOOPBACK)
        async with device.head(url) as response:
            assert (response.status, response.content_length) == (200, len(IMAGE))
        assert await status_of(url, method="POST") == 405
        assert await status_of(url) == 200


async def test_each_offer_has_a_path_of_its_own_and_replaces_the_one_before() -> None:
    server = FileServer()
    async with serving(server.handle) as port, relaying() as relay:
        first = await relay.offer(source(port), "device", LOOPBACK)
        other = await relay.offer(source(port), "another", LOOPBACK)
        second = await relay.offer(source(port), "device", LOOPBACK)
        assert len({first, second, other}) == 3
        assert [await status_of(url) for url in (first, second, other)] == [404, 200, 200]


async def test_an_offer_that_nobody_takes_ends() -> None:
    server = FileServer()
    async with serving(server.handle) as port, relaying(seconds=0.05) as relay:
        url = await relay.offer(source(port), "device", LOOPBACK)
        async with asyncio.timeout(5):
            while await status_of(url, method="HEAD") != 404:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.02)


async def test_an_offer_that_nobody_takes_ends_whatever_else_is_offered() -> None:
    server = FileServer()
    async with serving(server.handle) as port, relaying(seconds=0.3) as relay:
        url = await relay.offer(source(port), "device", LOOPBACK)
        await relay.offer(source(port), "another", LOOPBACK)
        async with asyncio.timeout(5):
            while await status_of(url, method="HEAD") != 404:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.02)


async def test_an_offer_outlives_the_process_that_made_it() -> None:
    server = FileServer()
    async with serving(server.handle) as port:
        async with relaying() as relay:
            url = await relay.offer(source(port), "device", LOOPBACK)
        async with relaying() as relay:
            await relay.renew(url, source(port), "device", LOOPBACK)
            assert await status_of(url, "127.0.0.9") == 403
            assert await status_of(url) == 200
            assert await status_of(url) == 404
            assert await relay.offer(source(port), "device", LOOPBACK) != url


async def test_an_offer_whose_port_is_taken_is_over() -> None:
    server = FileServer()
    async with serving(server.handle) as port, relaying() as relay, relaying() as other:
        url = await relay.offer(source(port), "device", LOOPBACK)
        await other.renew(url, source(port), "device", LOOPBACK)
        assert await status_of(url) == 200


@pytest.mark.parametrize("auth", ["basic", "digest"])
async def test_the_proxier_logs_in(auth: str) -> None:
    server = FileServer(auth=auth)
    async with serving(server.handle) as port, relaying() as relay, device_at() as device:
        url = await relay.offer(source(port, "/image", "u", "p"), "device", LOOPBACK)
        async with device.get(url) as response:
            assert await response.read() == IMAGE
    assert server.statuses == [401, 200, 401, 200]


@pytest.mark.parametrize(
    ("auth", "path", "login", "code"),
    [
        ("basic", "/image", ("u", "wrong"), 9012),
        ("digest", "/image", ("u", "wrong"), 9012),
        ("basic", "/image", (), 9012),
        ("", "/none", (), 9016),
        ("", "/round", (), 9016),
        ("", "/ftp", (), 9016),
        ("", "/nowhere", (), 9016),
    ],
)
async def test_a_file_that_is_not_to_be_had(auth: str, path: str, login: tuple[str, ...], code: int) -> None:
    server = FileServer(auth=auth)
    server.redirects = {"/round": "/round", "/ftp": "ftp://a.example/b", "/nowhere": "http://["}
    async with serving(server.handle) as port, relaying() as relay:
        with pytest.raises(CwmpFault) as fault:
            await relay.offer(source(port, path, *login), "device", LOOPBACK)
    assert fault.value.code == code
    assert "ACS" not in fault.value.text


async def test_a_file_server_that_is_not_there() -> None:
    async with relaying() as relay:
        with pytest.raises(CwmpFault) as fault:
            await relay.offer(source(9), "device", LOOPBACK)
    assert fault.value.code == 9015


@pytest.mark.parametrize("url", ["http://[::1", "nothing"])
async def test_a_url_that_is_none(url: str) -> None:
    async with relaying() as relay:
        with pytest.raises(CwmpFault) as fault:
            await relay.offer(Transfer(url, ""), "device", LOOPBACK)
    assert fault.value.code == 9015


async def test_redirects_are_followed_and_the_login_stays_at_home() -> None:
    home, elsewhere = FileServer(auth="basic"), FileServer()
    async with serving(home.handle) as port, serving(elsewhere.handle) as other, relaying() as relay:
        home.redirects = {"/start": "next", "/next": f"http://{LOOPBACK}:{other}/image"}
        url = await relay.offer(source(port, "/start", "u", "p"), "device", LOOPBACK)
        assert await status_of(url) == 200
    assert set(elsewhere.authorizations) == {""}


async def test_a_redirect_to_a_server_that_wants_a_login_is_no_reason_to_give_it_ours() -> None:
    home, elsewhere = FileServer(), FileServer(auth="basic")
    async with serving(home.handle) as port, serving(elsewhere.handle) as other, relaying() as relay:
        home.redirects = {"/start": f"http://{LOOPBACK}:{other}/image"}
        with pytest.raises(CwmpFault) as fault:
            await relay.offer(source(port, "/start", "u", "p"), "device", LOOPBACK)
    assert fault.value.code == 9012
    assert elsewhere.authorizations == [""]


async def test_a_file_that_is_too_large() -> None:
    server = FileServer(b"x" * 1000)
    async with serving(server.handle) as port, relaying(largest=999) as relay:
        with pytest.raises(CwmpFault) as fault:
            await relay.offer(source(port), "device", LOOPBACK)
        assert fault.value.code == 9010
        server.says_length = False
        url = await relay.offer(source(port), "device", LOOPBACK)
        with pytest.raises(aiohttp.ClientError):
            await status_of(url)


async def test_a_file_of_unknown_length() -> None:
    server = FileServer()
    server.says_length = False
    async with serving(server.handle) as port, relaying() as relay, device_at() as device:
        url = await relay.offer(source(port), "device", LOOPBACK)
        async with device.get(url) as response:
            assert await response.read() == IMAGE


@pytest.mark.parametrize("says_length", [True, False])
async def test_a_file_that_breaks_off_breaks_off_for_the_device_which_may_try_again(
    says_length: bool,
) -> None:
    server = FileServer(times=8)
    server.says_length = says_length
    async with serving(server.handle) as port, relaying() as relay:
        url = await relay.offer(source(port), "device", LOOPBACK)
        server.breaks_after = 4
        with pytest.raises(aiohttp.ClientError):
            await status_of(url)
        server.breaks_after = -1
        assert await status_of(url) == 200
        assert await status_of(url) == 404


async def test_a_device_that_hangs_up_may_try_again() -> None:
    server = FileServer(times=100)
    async with serving(server.handle) as port, relaying() as relay:
        url = await relay.offer(source(port), "device", LOOPBACK)
        async with device_at() as device:
            response = await device.get(url)
            await response.content.readany()
            assert await status_of(url) == 404, "while it is fetched, nobody else can have it"
            response.close()
        async with asyncio.timeout(5):
            while await status_of(url, method="HEAD") != 200:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.02)
        assert await status_of(url) == 200


async def test_a_file_that_is_gone_when_the_device_asks_for_it() -> None:
    server = FileServer()
    async with serving(server.handle) as port, relaying() as relay:
        url = await relay.offer(source(port), "device", LOOPBACK)
        server.auth = "basic"
        assert await status_of(url) == 502
        server.auth = ""
        assert await status_of(url) == 200


async def test_a_large_image_takes_little_memory() -> None:
    server = FileServer(b"x" * MEGABYTE, times=64)
    digest, size = hashlib.sha256(), 0
    async with serving(server.handle) as port, relaying() as relay, device_at() as device:
        url = await relay.offer(source(port), "device", LOOPBACK)
        tracemalloc.start()
        try:
            async with device.get(url) as response:
                async for piece in response.content.iter_chunked(64 * 1024):
                    digest.update(piece)
                    size += len(piece)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert size == 64 * MEGABYTE
    assert digest.hexdigest() == hashlib.sha256(b"x" * 64 * MEGABYTE).hexdigest()
    assert peak < 10 * MEGABYTE
