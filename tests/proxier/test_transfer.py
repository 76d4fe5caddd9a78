from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from cwmp_client.authentication import DigestGuard, Verdict
from cwmp_client.faults import CwmpFault
from cwmp_client.transport import AcsSettings, Tls
from proxier import transfer as module
from proxier.transfer import FileTransfers
from tests.cwmp_client.acs_double import raw_server, read_request, serving
from translation.operations import Transfer

MEGABYTE = 2**20
LINE = b"Mar  1 12:00:00 device kernel: all is well\n"


@dataclass
class FileServer:
    """A file server of the operator: takes what is PUT, once it is convinced."""

    guard: DigestGuard | None = None
    basic: bool = False
    guards_head: bool = True
    status: int = 201
    methods: list[str] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    received: int = 0
    digest: str = ""
    keep: bool = True
    now: float = 1000.0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.methods.append(request.method)
        if (refusal := self.refusal(request)) is not None:
            return refusal
        if request.method == "HEAD":
            return web.Response(status=405)
        parts, digest = [], hashlib.sha256()
        async for part in request.content.iter_chunked(MEGABYTE):
            self.received += len(part)
            digest.update(part)
            if self.keep:
                parts.append(part)
        self.files.append(b"".join(parts))
        self.digest = digest.hexdigest()
        self.headers.append(dict(request.headers))
        return web.Response(status=self.status)

    def refusal(self, request: web.BaseRequest) -> web.Response | None:
        if request.method == "HEAD" and not self.guards_head:
            return None
        given = request.headers.get("Authorization", "")
        if self.basic and given != "Basic " + base64.b64encode(b"user:secret").decode():
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="files"'})
        if self.guard:
            verdict = self.guard.judge(given, request.method, request.path, "user", "secret", self.now)
            if verdict is not Verdict.ACCEPTED:
                challenge = self.guard.challenge(self.now, stale=verdict is Verdict.STALE)
                return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        return None


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def log_of(content: bytes, **headers: str) -> Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        del request
        return web.Response(body=content, headers=headers)

    return handle


@asynccontextmanager
async def files(settings: AcsSettings | None = None) -> AsyncIterator[FileTransfers]:
    settings = settings or AcsSettings(request_timeout_seconds=5)
    yield FileTransfers(settings, Tls(settings))


async def upload(
    device: Handler,
    server: FileServer,
    *,
    username: str = "",
    password: str = "",
    settings: AcsSettings | None = None,
) -> None:
    """One upload from a device to a server, both on loopback."""
    async with serving(device) as device_port, serving(server.handle) as port, files(settings) as transfers:
        transfer = Transfer("/log", f"http://127.0.0.1:{port}/up?id=7", username, password)
        await transfers.upload(transfer, f"http://127.0.0.1:{device_port}/description.xml")


async def fault_of(work: Awaitable[None]) -> CwmpFault:
    with pytest.raises(CwmpFault) as fault:
        await work
    return fault.value


# ------------------------------------------------------------------ what goes well


async def test_a_log_goes_from_the_device_to_the_server() -> None:
    server = FileServer()
    await upload(log_of(LINE * 1000), server)
    assert server.methods == ["PUT"]
    assert server.files == [LINE * 1000]
    assert server.headers[0]["Content-Length"] == str(len(LINE) * 1000)


async def test_an_empty_log() -> None:
    server = FileServer()
    await upload(log_of(b""), server)
    assert server.files == [b""]


async def test_a_log_of_unknown_length() -> None:
    async def chunked(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for _ in range(100):
            await response.write(LINE)
        return response

    server = FileServer()
    await upload(chunked, server)
    assert server.files == [LINE * 100]
    assert "Content-Length" not in server.headers[0]


async def test_a_coded_log_is_handed_on_as_it_is() -> None:
    server = FileServer()
    await upload(log_of(b"\x1f\x8b no real gzip", **{"Content-Encoding": "x-odd"}), server)
    assert server.files == [b"\x1f\x8b no real gzip"]
    assert server.headers[0]["Content-Encoding"] == "x-odd"


async def test_fifty_megabytes_take_little_memory() -> None:
    size = 50 * MEGABYTE
    piece = LINE * 1000

    async def long_log(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(size)})
        await response.prepare(request)
        for start in range(0, size, len(piece)):
            await response.write(piece[: min(len(piece), size - start)])
        return response

    server = FileServer(keep=False)
    tracemalloc.start()
    try:
        await upload(long_log, server, username="user", password="secret")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert server.received == size
    expected = hashlib.sha256()
    for start in range(0, size, len(piece)):
        expected.update(piece[: min(len(piece), size - start)])
    assert server.digest == expected.hexdigest()
    assert peak < 10 * MEGABYTE


# ------------------------------------------------------------------ credentials


async def test_digest_sends_the_file_once() -> None:
    server = FileServer(guard=DigestGuard("files"))
    await upload(log_of(LINE), server, username="user", password="secret")
    assert server.methods == ["HEAD", "HEAD", "PUT"]
    assert server.files == [LINE]


async def test_digest_for_put_alone() -> None:
    server = FileServer(guard=DigestGuard("files"), guards_head=False)
    await upload(log_of(LINE), server, username="user", password="secret")
    assert server.methods == ["HEAD", "PUT", "PUT"]
    assert server.files == [LINE]


async def test_a_server_that_wants_no_credentials() -> None:
    server = FileServer()
    await upload(log_of(LINE), server, username="user", password="secret")
    assert server.methods == ["HEAD", "PUT"]
    assert server.files == [LINE]


@pytest.mark.parametrize("guards_head", [True, False])
async def test_a_wrong_password(guards_head: bool) -> None:
    server = FileServer(guard=DigestGuard("files"), guards_head=guards_head)
    fault = await fault_of(upload(log_of(LINE), server, username="user", password="wrong"))
    assert fault.code == 9012
    assert server.files == []


async def test_no_credentials_for_a_server_that_wants_some() -> None:
    server = FileServer(guard=DigestGuard("files"))
    fault = await fault_of(upload(log_of(LINE), server))
    assert fault.code == 9012
    assert server.methods == ["PUT"]


@pytest.mark.parametrize("allowed", [True, False])
async def test_basic_without_tls_only_by_leave(allowed: bool) -> None:
    server = FileServer(basic=True)
    settings = AcsSettings(request_timeout_seconds=5, allow_basic_without_tls=allowed)
    work = upload(log_of(LINE), server, username="user", password="secret", settings=settings)
    if allowed:
        await work
        assert server.files == [LINE]
    else:
        assert (await fault_of(work)).code == 9012
        assert server.files == []


async def test_a_server_that_does_not_know_head() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        if head.startswith("PUT"):
            assert body == LINE
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()

    async with serving(log_of(LINE)) as device_port, raw_server(talk) as port, files() as transfers:
        transfer = Transfer("/log", f"http://127.0.0.1:{port}/", "user", "secret")
        await transfers.upload(transfer, f"http://127.0.0.1:{device_port}/")


async def test_https_with_a_private_authority(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    settings = AcsSettings(request_timeout_seconds=5, ca_file=str(tmp_path / "ca.pem"))
    server = FileServer(basic=True)
    async with serving(log_of(LINE)) as device_port, serving(server.handle, context) as port:
        transfer = Transfer("/log", f"https://localhost:{port}/up", "user", "secret")
        async with files(settings) as transfers:
            await transfers.upload(transfer, f"http://127.0.0.1:{device_port}/")
        assert server.files == [LINE]
        async with files() as transfers:
            fault = await fault_of(transfers.upload(transfer, f"http://127.0.0.1:{device_port}/"))
    assert fault.code == 9011
    assert "certificate" in fault.text


# ------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize("status", [404, 500, 302, 204])
async def test_a_log_that_the_device_does_not_give(status: int) -> None:
    async def refuse(request: web.BaseRequest) -> web.StreamResponse:
        del request
        return web.Response(status=status, headers={"Location": "/other"})

    server = FileServer()
    if status == 204:
        await upload(refuse, server)
        assert server.files == [b""]
        return
    fault = await fault_of(upload(refuse, server))
    assert fault.code == 9011
    assert str(status) in fault.text
    assert server.methods == []


@pytest.mark.parametrize("status", [403, 404, 409, 500, 507, 301])
async def test_an_upload_that_the_server_refuses(status: int) -> None:
    fault = await fault_of(upload(log_of(LINE), FileServer(status=status)))
    assert fault.code == 9011
    assert str(status) in fault.text


async def test_a_refusal_in_mid_file() -> None:
    async def refuse(request: web.BaseRequest) -> web.StreamResponse:
        await request.content.readany()
        return web.Response(status=413)

    async with serving(log_of(LINE * 500_000)) as device_port, serving(refuse) as port, files() as transfers:
        transfer = Transfer("/log", f"http://127.0.0.1:{port}/")
        fault = await fault_of(transfers.upload(transfer, f"http://127.0.0.1:{device_port}/"))
    assert fault.code == 9011


async def test_a_success_in_mid_file_is_none() -> None:
    async def too_soon(request: web.BaseRequest) -> web.StreamResponse:
        await request.content.readany()
        return web.Response(status=200)

    async with (
        serving(log_of(LINE * 500_000)) as device_port,
        serving(too_soon) as port,
        files() as transfers,
    ):
        transfer = Transfer("/log", f"http://127.0.0.1:{port}/")
        fault = await fault_of(transfers.upload(transfer, f"http://127.0.0.1:{device_port}/"))
    assert fault.code == 9011


@pytest.mark.parametrize("told", [True, False])
async def test_a_device_that_breaks_off(told: bool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        length = b"Content-Length: 1000000" if told else b"Transfer-Encoding: chunked"
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n")
        writer.write(b"x" * 1000 if told else b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        await writer.drain()

    server = FileServer()
    async with raw_server(talk) as device_port, serving(server.handle) as port, files() as transfers:
        transfer = Transfer("/log", f"http://127.0.0.1:{port}/")
        fault = await fault_of(transfers.upload(transfer, f"http://127.0.0.1:{device_port}/"))
    assert fault.code == 9011
    assert f"127.0.0.1:{device_port}" in fault.text
    assert server.files == []


async def test_a_device_that_goes_to_sleep() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nzzz")
        await writer.drain()
        await asyncio.Event().wait()

    server = FileServer()
    settings = AcsSettings(request_timeout_seconds=0.1)
    async with raw_server(talk) as device_port, serving(server.handle) as port, files(settings) as transfers:
        transfer = Transfer("/log", f"http://127.0.0.1:{port}/")
        fault = await fault_of(transfers.upload(transfer, f"http://127.0.0.1:{device_port}/"))
    assert fault.code == 9011
    assert f"127.0.0.1:{device_port}" in fault.text


@pytest.mark.parametrize("told", [True, False])
async def test_a_log_without_end(told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 100_000)

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "10000000"} if told else {})
        await response.prepare(request)
        try:
            for _ in range(10_000):
                await response.write(b"x" * 1000)
        except ConnectionError:
            pass
        return response

    server = FileServer()
    fault = await fault_of(upload(endless, server))
    assert fault.code == 9011
    assert "longer than 100000 bytes" in fault.text
    assert server.files == []


async def test_a_transfer_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.1)

    async def trickle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.01)

    fault = await fault_of(upload(trickle, FileServer()))
    assert fault.code == 9011
    assert "longer than" in fault.text


@pytest.mark.parametrize(
    "log_url",
    [
        "http://127.0.0.2:{port}/log",
        "http://localhost:{port}/log",
        "//127.0.0.2/log",
        "https://127.0.0.1:{port}/log",
        "ftp://127.0.0.1/log",
        "file:///etc/passwd",
        "http://127.0.0.1:{port}@127.0.0.2/log",
        "http://127.0.0.1:999999/log",
        "http://[::1/log",
        "javascript:alert(1)",
    ],
)
async def test_a_log_elsewhere_is_not_fetched(log_url: str) -> None:
    asked: list[str] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(body=LINE)

    server = FileServer()
    async with serving(handle) as device_port, serving(server.handle) as port, files() as transfers:
        transfer = Transfer(log_url.format(port=device_port), f"http://127.0.0.1:{port}/")
        fault = await fault_of(transfers.upload(transfer, f"http://127.0.0.1:{device_port}/"))
    assert fault.code == 9011
    assert (asked, server.methods) == ([], [])


@pytest.mark.parametrize(
    "log_url",
    ["log", "/log", "http:///log", "http://127.0.0.1:{port}/log", "http://user@127.0.0.1:{port}/log"],
)
async def test_a_log_at_the_device_in_any_spelling(log_url: str) -> None:
    server = FileServer()
    async with serving(log_of(LINE)) as device_port, serving(server.handle) as port, files() as transfers:
        transfer = Transfer(log_url.format(port=device_port), f"http://127.0.0.1:{port}/")
        await transfers.upload(transfer, f"http://127.0.0.1:{device_port}/description.xml")
    assert server.files == [LINE]


async def test_another_port_of_the_device_will_do() -> None:
    server = FileServer()
    async with serving(log_of(LINE)) as device_port, serving(server.handle) as port, files() as transfers:
        transfer = Transfer(f"http://127.0.0.1:{device_port}/log", f"http://127.0.0.1:{port}/")
        await transfers.upload(transfer, "http://127.0.0.1:1/description.xml")
    assert server.files == [LINE]


async def test_nobody_at_home() -> None:
    async def unused(request: web.BaseRequest) -> web.StreamResponse:
        del request
        return web.Response()

    async with serving(unused) as gone:
        pass
    async with serving(log_of(LINE)) as port, files() as transfers:
        transfer = Transfer("/log", f"http://127.0.0.1:{port}/")
        fault = await fault_of(transfers.upload(transfer, f"http://127.0.0.1:{gone}/"))
        assert (fault.code, f"no connection to 127.0.0.1:{gone}" in fault.text) == (9011, True)
        transfer = Transfer("/log", f"http://127.0.0.1:{gone}/", "user", "secret")
        fault = await fault_of(transfers.upload(transfer, f"http://127.0.0.1:{port}/"))
        assert (fault.code, f"no connection to 127.0.0.1:{gone}" in fault.text) == (9011, True)


async def test_a_server_without_a_url() -> None:
    async with serving(log_of(LINE)) as port, files() as transfers:
        transfer = Transfer("/log", "http://[::1/up")
        fault = await fault_of(transfers.upload(transfer, f"http://127.0.0.1:{port}/"))
    assert fault.code == 9011


async def test_no_more_transfers_at_once_than_the_uplink_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_AT_ONCE", 2)
    at_once = most = 0

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal at_once, most
        del request
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return web.Response(body=LINE)

    server = FileServer()
    async with serving(slow) as device_port, serving(server.handle) as port, files() as transfers:
        transfer = Transfer("/log", f"http://127.0.0.1:{port}/")
        location = f"http://127.0.0.1:{device_port}/"
        await asyncio.gather(*(transfers.upload(transfer, location) for _ in range(6)))
    assert most == 2
    assert server.files == [LINE] * 6
