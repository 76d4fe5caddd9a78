"""How a line reads what servers send, byte by byte if they like; `test_transport.py` has the failures."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httptools
import pytest
from yarl import URL

from cwmp_client.http_line import (
    Disconnected,
    HttpLine,
    LineFailure,
    NotConnected,
    Reply,
    TooLong,
    TooSlow,
)
from tests.cwmp_client.acs_double import drip, raw_server, read_request

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def line_to(
    talk: Talk, step_seconds: float = 5, total_seconds: float = 5
) -> AsyncIterator[tuple[HttpLine, URL]]:
    line = HttpLine(step_seconds, total_seconds)
    async with raw_server(talk) as port:
        try:
            yield line, URL(f"http://127.0.0.1:{port}/cwmp?a=b%20c")
        finally:
            await line.close()


def answering(*answers: bytes, stay: bool = True, in_pieces_of: int = 0) -> Talk:
    """Says one answer to each request, and then waits for the other side's end, or ends."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await read_request(reader)
            for start in range(0, len(answer), in_pieces_of or len(answer)):
                writer.write(answer[start : start + (in_pieces_of or len(answer))])
                await writer.drain()
                await asyncio.sleep(0)
        if stay:
            await reader.read()

    return talk


def resetting(answer: bytes) -> Talk:
    """Says an answer without reading the whole request, and ends: the other side is told by a reset."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        await asyncio.sleep(0.05)

    return talk


async def ask(answer: bytes, *, stay: bool = True, in_pieces_of: int = 0) -> Reply:
    async with line_to(answering(answer, stay=stay, in_pieces_of=in_pieces_of)) as (line, url):
        return await line.request("GET", url, {}, most_bytes=100_000)


def plain(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


class TestReading:
    @pytest.mark.parametrize(
        ("answer", "stay", "body"),
        [
            (plain(b"all of it"), True, b"all of it"),
            (plain(b""), True, b""),
            (b"HTTP/1.1 204 No Content\r\n\r\n", True, b""),
            (b"HTTP/1.0 200 OK\r\n\r\nto the end", False, b"to the end"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nto the end", False, b"to the end"),
            (
                CHUNKED + b"5;x=y\r\nfirst\r\n7\r\n second\r\n0\r\n\r\n",
                True,
                b"first second",
            ),
            (
                CHUNKED + b"3 \r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
                True,
                b"abc",
            ),
            (b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + plain(b"after it"), True, b"after it"),
            (b"HTTP/1.1 200 OK\nContent-Length: 4\n\nbare", True, b"bare"),
            (b"HTTP/1.1 200\r\nContent-Length: 9\r\n\r\nno reason", True, b"no reason"),
            (plain(gzip.compress(b"packed"), "Content-Encoding: gzip"), True, b"packed"),
            (plain(zlib.compress(b"packed"), "Content-Encoding: Deflate"), True, b"packed"),
            (plain(zlib.compress(b"raw", wbits=-15), "Content-Encoding: deflate"), True, b"raw"),
            (
                plain(gzip.compress(b"one, ") + gzip.compress(b"two"), "Content-Encoding: gzip"),
                True,
                b"one, two",
            ),
            (plain(gzip.compress(b"packed") + bytes(9), "Content-Encoding: gzip"), True, b"packed"),
            (plain(b"as it is", "Content-Encoding: identity"), True, b"as it is"),
            (plain(b"", "Content-Encoding: gzip"), True, b""),
        ],
        ids=[
            "length", "empty", "204", "1.0 to the end", "identity", "chunks", "trailer", "100", "bare LF",
            "no reason", "gzip", "deflate", "raw deflate", "gzip members", "padded gzip",
            "identity encoding", "nothing packed",
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("in_pieces_of", [0, 1], ids=["at once", "byte by byte"])
    async def test_the_end_of_a_body(self, answer: bytes, stay: bool, body: bytes, in_pieces_of: int) -> None:
        assert (await ask(answer, stay=stay, in_pieces_of=in_pieces_of)).body == body

    @pytest.mark.parametrize(
        ("answer", "body"),
        [(b"HTTP/1.0 200 OK\r\n\r\nto the end", b"to the end"), (plain(b"all of it"), b"all of it")],
    )
    async def test_a_server_that_resets_the_connection_after_the_body(
        self, answer: bytes, body: bytes
    ) -> None:
        async with line_to(resetting(answer)) as (line, url):
            assert (await line.request("GET", url, {}, most_bytes=100)).body == body

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.0 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
            CHUNKED + b"1\r\na",
        ],
    )
    async def test_a_server_that_resets_the_connection_before_that(self, answer: bytes) -> None:
        async with line_to(resetting(answer)) as (line, url):
            with pytest.raises(LineFailure, match="is incomplete"):
                await line.request("GET", url, {}, most_bytes=100)

    @pytest.mark.parametrize(
        ("end", "is_kept"),
        [
            (b"\r\n", False),
            (b"Content-Length: 0\r\n\r\n", True),
            (b"Content-Length: 9\r\n\r\n", False),
            (b"Content-Length: 3\r\n\r\nabc", False),
            (b"Transfer-Encoding: chunked\r\n\r\n", False),
            (b"Content-Encoding: gzip\r\n\r\nabc", False),
        ],
    )
    async def test_headers_alone(self, end: bytes, is_kept: bool) -> None:
        async with line_to(answering(b"HTTP/1.1 200 OK\r\nSID: x\r\n" + end)) as (line, url):
            reply = await line.request("SUBSCRIBE", url, {}, most_bytes=0)
            assert (reply.status, reply.first(b"sid"), reply.body) == (200, "x", b"")
            assert line.is_open_to(url) is is_kept

    async def test_a_body_of_many_gzip_members_over_the_limit(self) -> None:
        packed = gzip.compress(bytes(1000)) * 101
        with pytest.raises(TooLong):
            await ask(plain(packed, "Content-Encoding: gzip"))

    async def test_headers(self) -> None:
        reply = await ask(
            b"HTTP/1.1 401 No\r\nSet-Cookie: a=1\r\nX-Empty:\r\nSET-COOKIE: b=\xff\r\n"
            b"Content-Length: 0\r\n\r\n"
        )
        assert reply.status == 401
        assert reply.all(b"set-cookie") == ["a=1", "b=\udcff"]
        assert (reply.first(b"set-cookie"), reply.first(b"x-empty"), reply.first(b"date")) == ("a=1", "", "")

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (plain(gzip.compress(b"") * 300, "Content-Encoding: gzip"), "too many members"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "is incomplete: the connection ended"),
            (CHUNKED + b"4\r\nhalf\r\n", "is incomplete"),
            (b"HTTP/1.1 200 OK\r\nContent-", "is incomplete: the connection ended"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x")[:-4],
                "is incomplete",
            ),
            (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "is not HTTP"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "is not HTTP"),
            (b"SMTP ready\r\n", "is not HTTP"),
            (b"", "closed the connection without an answer"),
        ],
        ids=[
            "members",
            "length",
            "chunks",
            "head",
            "gzip",
            "upgrade",
            "two lengths",
            "another protocol",
            "nothing",
        ],
    )
    async def test_what_is_no_whole_answer(self, answer: bytes, reason: str) -> None:
        with pytest.raises(LineFailure, match=reason):
            await ask(answer, stay=False)

    @pytest.mark.parametrize(
        "endless",
        [
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000,
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100,
            CHUNKED + b"1\r\na\r\n0\r\n" + b"X: y\r\n" * 100,
            b"HTTP/1.1 100 Continue\r\n\r\n" * 10,
        ],
        ids=["one header", "many", "trailers", "interim answers"],
    )
    async def test_headers_without_end(self, endless: bytes) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(endless)
            while not reader.at_eof():
                writer.write(endless[-6:] * 1000 if b"100" not in endless else endless * 100)
                await writer.drain()

        async with line_to(talk) as (line, url):
            with pytest.raises(LineFailure, match="its headers have no end"):
                await line.request("GET", url, {}, most_bytes=100_000)

    @pytest.mark.parametrize("in_chunks", [False, True])
    async def test_a_body_over_the_limit(self, in_chunks: bool) -> None:
        answer = plain(b"ten bytes!")
        if in_chunks:
            answer = CHUNKED + b"" + b"5\r\nfive!\r\n" * 2
        async with line_to(answering(answer)) as (line, url):
            with pytest.raises(TooLong, match="longer than 9 bytes"):
                await line.request("GET", url, {}, most_bytes=9)
            assert not line.is_open_to(url)


class TestRequests:
    async def test_what_is_sent(self) -> None:
        heard: list[tuple[str, bytes]] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(3):
                heard.append(await read_request(reader))
                writer.write(plain(b""))

        async with line_to(talk) as (line, url):
            await line.request("POST", url, {"SOAPAction": ""}, b"<a/>", most_bytes=100_000)
            await line.request("GET", url, {}, most_bytes=100_000)
            await line.request("SUBSCRIBE", url, {"NT": "upnp:event"}, most_bytes=100_000)
        host = f"Host: 127.0.0.1:{url.port}\r\nAccept: */*\r\n"
        assert heard == [
            (
                f"POST /cwmp?a=b%20c HTTP/1.1\r\n{host}SOAPAction: \r\nContent-Length: 4\r\n\r\n",
                b"<a/>",
            ),
            (f"GET /cwmp?a=b%20c HTTP/1.1\r\n{host}\r\n", b""),
            (f"SUBSCRIBE /cwmp?a=b%20c HTTP/1.1\r\n{host}NT: upnp:event\r\nContent-Length: 0\r\n\r\n", b""),
        ]

    @pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\0b"])
    async def test_a_header_cannot_make_another_one(self, value: str) -> None:
        async with line_to(answering(plain(b""))) as (line, url):
            with pytest.raises(NotConnected, match="end of a line"):
                await line.request("GET", url, {"Cookie": value}, most_bytes=100_000)

    async def test_a_long_body_goes_out_whole(self) -> None:
        body = bytes(range(256)) * 20_000

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            _, taken = await read_request(reader)
            writer.write(plain(str(zlib.crc32(taken)).encode()))
            await reader.read()

        async with line_to(talk) as (line, url):
            assert (await line.request("POST", url, {}, body, most_bytes=100_000)).body == str(
                zlib.crc32(body)
            ).encode()

    async def test_a_slow_reader_of_a_long_body_is_not_silent(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(32):
                await asyncio.sleep(0.03)
                await reader.readexactly(2_000_000)
            writer.write(plain(b"taken"))
            await reader.read()

        async with line_to(talk, step_seconds=0.5, total_seconds=20) as (line, url):
            assert (await line.request("POST", url, {}, bytes(64_000_000), most_bytes=10)).body == b"taken"

    async def test_a_server_that_answers_half_of_a_long_body(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.1)
            await reader.read()

        async with line_to(talk) as (line, url):
            reply = await line.request("POST", url, {}, bytes(16_000_000), most_bytes=10)
            assert reply.status == 413
            assert not line.is_open_to(url)

    async def test_a_server_that_takes_no_more_of_a_long_body(self) -> None:
        async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.Event().wait()

        async with line_to(talk, step_seconds=0.2, total_seconds=2) as (line, url), asyncio.timeout(5):
            with pytest.raises(TooSlow):
                await line.request("POST", url, {}, bytes(64_000_000), most_bytes=10)
            assert not line.is_open_to(url)

    async def test_a_server_that_answers_a_long_body_and_takes_no_more_of_it(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.1)
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await asyncio.Event().wait()

        async with line_to(talk) as (line, url), asyncio.timeout(3):
            reply = await line.request("POST", url, {}, bytes(64_000_000), most_bytes=10)
            assert reply.status == 413
            assert not line.is_open_to(url)

    async def test_a_server_that_leaves_in_a_long_body(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()

        async with line_to(talk) as (line, url):
            with pytest.raises(Disconnected):
                await line.request("POST", url, {}, bytes(16_000_000), most_bytes=10)

    async def test_a_server_that_has_left_before_a_long_body(self, caplog: pytest.LogCaptureFixture) -> None:
        loop, line = asyncio.get_running_loop(), HttpLine(5, 5)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            url = URL(f"http://127.0.0.1:{listener.getsockname()[1]}/")
            first = asyncio.create_task(line.request("GET", url, {}, most_bytes=10))
            server, _ = await loop.sock_accept(listener)
            with server:
                await loop.sock_recv(server, 10_000)
                await loop.sock_sendall(server, plain(b"x"))
                await first
                server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with pytest.raises(Disconnected):
                await line.request("POST", url, {}, bytes(16_000_000), most_bytes=10)
        assert not caplog.records


class TestConnection:
    async def test_it_is_kept_and_made_anew_for_another_server(self) -> None:
        async with line_to(answering(plain(b"1"), plain(b"2"))) as (line, url):
            assert not line.is_open_to(url)
            assert (await line.request("GET", url, {}, most_bytes=100_000)).body == b"1"
            assert line.is_open_to(url)
            assert (await line.request("GET", url, {}, most_bytes=100_000)).body == b"2"
            async with raw_server(answering(plain(b"another"))) as port:
                other = url.with_port(port)
                assert not line.is_open_to(other)
                assert (await line.request("GET", other, {}, most_bytes=100_000)).body == b"another"
            assert not line.is_open_to(url)

    @pytest.mark.parametrize("answer", [plain(b"x", "Connection: close"), b"HTTP/1.0 200 OK\r\n\r\nx"])
    async def test_it_is_not_kept_where_the_server_says_so(self, answer: bytes) -> None:
        async with line_to(answering(answer, stay=False)) as (line, url):
            assert (await line.request("GET", url, {}, most_bytes=100_000)).body == b"x"
            assert not line.is_open_to(url)
            assert (await line.request("GET", url, {}, most_bytes=100_000)).body == b"x"

    async def test_what_nobody_has_asked_for_ends_it(self) -> None:
        async with line_to(answering(plain(b"asked") + plain(b"not asked"))) as (line, url):
            assert (await line.request("GET", url, {}, most_bytes=100_000)).body == b"asked"
            assert not line.is_open_to(url)

    async def test_an_answer_has_no_headers_of_the_next_one(self) -> None:
        reply = await ask(plain(b"asked", "X: 1") + plain(b"not asked", "Y: 2"))
        assert [name for name, _ in reply.headers] == [b"x", b"content-length"]

    async def test_a_server_that_ends_a_kept_connection(self) -> None:
        ended = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(plain(b"x"))
            await reader.read(1)  # the second request is not answered
            ended.set()

        async with line_to(talk) as (line, url):
            await line.request("GET", url, {}, most_bytes=100_000)
            with pytest.raises(Disconnected, match=r"without an answer|broke"):
                await line.request("GET", url, {}, most_bytes=100_000)
            assert ended.is_set()

    async def test_silence_and_a_drip(self) -> None:
        async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await reader.read()

        for talk in (drip, silence):
            async with line_to(talk, step_seconds=0.1, total_seconds=0.5) as (line, url):
                with pytest.raises(TooSlow, match="no complete answer"):
                    await line.request("GET", url, {}, most_bytes=100_000)
                assert not line.is_open_to(url)

    async def test_a_request_that_is_given_up_ends_it(self) -> None:
        asked = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            asked.set()
            await reader.read()

        async with line_to(talk) as (line, url):
            request = asyncio.create_task(line.request("GET", url, {}, most_bytes=100_000))
            await asked.wait()
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            assert not line.is_open_to(url)

    async def test_nothing_of_it_waits_for_the_garbage_collector(self) -> None:
        def parsers() -> int:
            return sum(isinstance(each, httptools.HttpResponseParser) for each in gc.get_objects())

        gc.disable()
        try:
            before = parsers()
            async with line_to(answering(plain(b"x"))) as (line, url):
                await line.request("GET", url, {}, most_bytes=100)
                assert parsers() == before + 1
            await asyncio.sleep(0)
            assert parsers() == before
        finally:
            gc.enable()
