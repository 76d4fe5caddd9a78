from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from cwmp_client.acs import AcsSettings, AcsTarget
from tests.cwmp_client.acs_double import drip, raw_server, read_request, serving
from tests.cwmp_client.posts import ENVELOPE, failure, post


class TestTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    def server_context(self, authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        return context

    def settings(self, authority: trustme.CA, tmp_path: Path) -> AcsSettings:
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        return AcsSettings(ca_file=str(tmp_path / "ca.pem"))

    async def answer(self, _request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"secure")

    async def test_a_private_authority(self, authority: trustme.CA, tmp_path: Path) -> None:
        async with serving(self.answer, self.server_context(authority)) as port:
            target = AcsTarget(f"https://localhost:{port}/")
            assert await post(self.settings(authority, tmp_path), target, ENVELOPE, b"") == [b"secure"] * 2

    async def test_a_client_certificate(self, authority: trustme.CA, tmp_path: Path) -> None:
        context = self.server_context(authority)
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
        certificate = authority.issue_cert("cpe@example.com")
        certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        plain = self.settings(authority, tmp_path)
        settings = AcsSettings(
            ca_file=plain.ca_file,
            client_certificate=str(tmp_path / "cert.pem"),
            client_key=str(tmp_path / "key.pem"),
        )
        async with serving(self.answer, context) as port:
            target = AcsTarget(f"https://localhost:{port}/")
            assert await post(settings, target, ENVELOPE) == [b"secure"]
            await failure(plain, target)

    async def test_a_wrong_authority_is_refused(self, authority: trustme.CA, tmp_path: Path) -> None:
        async with serving(self.answer, self.server_context(trustme.CA())) as port:
            failed = await failure(
                self.settings(authority, tmp_path), AcsTarget(f"https://localhost:{port}/")
            )
        assert f"the certificate of localhost:{port} is refused" in str(failed)

    async def test_a_wrong_name_is_refused(self, authority: trustme.CA, tmp_path: Path) -> None:
        async with serving(self.answer, self.server_context(authority, "acs.example")) as port:
            failed = await failure(
                self.settings(authority, tmp_path), AcsTarget(f"https://localhost:{port}/")
            )
        assert "is refused" in str(failed)
        assert "localhost" in str(failed)

    async def test_old_tls_is_refused(self, authority: trustme.CA, tmp_path: Path) -> None:
        context = self.server_context(authority)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        async with serving(self.answer, context) as port:
            await failure(self.settings(authority, tmp_path), AcsTarget(f"https://localhost:{port}/"))

    async def test_http_where_tls_is_expected(self, authority: trustme.CA, tmp_path: Path) -> None:
        async with serving(self.answer) as port:
            failed = await failure(
                self.settings(authority, tmp_path), AcsTarget(f"https://localhost:{port}/")
            )
        assert "no TLS with" in str(failed)

    async def test_a_server_that_leaves_in_the_handshake(self) -> None:
        async def leave(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await reader.read(10_000)

        async with raw_server(leave) as port:
            failed = await failure(AcsSettings(), AcsTarget(f"https://localhost:{port}/"))
        assert str(failed) == f"no connection to localhost:{port}: it was closed at once"

    @pytest.mark.parametrize("certificate", ["", "missing.pem"])
    async def test_files_that_cannot_be_used(self, tmp_path: Path, certificate: str) -> None:
        (tmp_path / "ca.pem").write_text("not a certificate")
        ca_file = "" if certificate else str(tmp_path / "ca.pem")
        settings = AcsSettings(ca_file=ca_file, client_certificate=certificate)
        assert "TLS cannot be set up" in str(await failure(settings, AcsTarget("https://localhost:1/")))

    async def test_no_way_back_to_http(self, authority: trustme.CA, tmp_path: Path) -> None:
        async def handle(_request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": "http://localhost/"})

        async with serving(handle, self.server_context(authority)) as port:
            failed = await failure(
                self.settings(authority, tmp_path), AcsTarget(f"https://localhost:{port}/")
            )
        assert "from https to http" in str(failed)

    async def test_basic_over_tls(self, authority: trustme.CA, tmp_path: Path) -> None:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            if "Authorization" in request.headers:
                return web.Response(body=b"in")
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})

        async with serving(handle, self.server_context(authority)) as port:
            target = AcsTarget(f"https://localhost:{port}/", "cpe", "secret")
            assert await post(self.settings(authority, tmp_path), target, ENVELOPE) == [b"in"]


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def saying(answer: bytes, *, wait: bool = True) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()
        if wait:
            await reader.read()

    return talk


async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.transport.abort()


class TestMisbehaviour:
    @pytest.mark.parametrize(
        ("talk", "reason"),
        [
            (saying(b"HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n"), "HTTP status 503"),
            (saying(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), "HTTP status 404"),
            (saying(b"\x00\x01\x02 garbage\r\n\r\n"), "is not HTTP"),
            (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", wait=False), "is incomplete"),
            (
                saying(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
                "is incomplete",
            ),
            (
                saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2001\r\n\r\n" + b"x" * 2001),
                "longer than 2000 bytes",
            ),
            (
                saying(
                    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
                    + gzip.compress(bytes(50_000_000)),
                    wait=False,
                ),
                "longer than 2000 bytes",
            ),
            (saying(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"), "is not HTTP"),
            (saying(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"), "in a way that is not supported"),
            (say_nothing, "no complete answer"),
            (drip, "no complete answer"),
            (hang_up, "closed the connection"),
        ],
        ids=[
            "503",
            "404",
            "garbage",
            "cut short",
            "wrong compression",
            "too long",
            "bomb",
            "long header",
            "401 without a challenge",
            "silence",
            "drip",
            "reset",
        ],
    )
    async def test_is_one_clear_failure(self, talk: Talk, reason: str) -> None:
        settings = AcsSettings(request_timeout_seconds=0.2, max_response_bytes=2000)
        async with raw_server(talk) as port:
            failed = await failure(settings, AcsTarget(f"http://127.0.0.1:{port}/", "cpe", "secret"))
        assert reason in str(failed)

    async def test_nobody_there(self) -> None:
        async with raw_server(say_nothing) as port:
            pass
        assert f"no connection to 127.0.0.1:{port}" in str(
            await failure(AcsSettings(), AcsTarget(f"http://127.0.0.1:{port}/"))
        )

    async def test_no_such_name(self) -> None:
        failed = await failure(AcsSettings(), AcsTarget("http://acs.invalid/"))
        assert "the name of acs.invalid:80 cannot be resolved" in str(failed)

    @pytest.mark.parametrize("url", ["", "acs", "ftp://acs/", "http://", "http://acs:99999/"])
    async def test_no_url(self, url: str) -> None:
        assert "not an http or https URL" in str(await failure(AcsSettings(), AcsTarget(url)))
