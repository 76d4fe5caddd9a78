from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from proxier.control_point import documents
from proxier.control_point.documents import (
    LARGEST_DOCUMENT,
    DocumentFetcher,
    DocumentMissing,
    DocumentRefused,
    DocumentUnavailable,
    url_at,
)
from proxier.control_point.lines import Lines

HOST = "127.0.0.41"
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(behaviour: Behaviour) -> AsyncIterator[str]:
    """A TCP server that does anything; gives the URL to ask."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await behaviour(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    try:
        yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}/d.xml"
    finally:
        server.close()


def saying(*pieces: bytes) -> Behaviour:
    async def behaviour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return behaviour


async def fetch(url: str, host: str = HOST) -> tuple[str, bytes]:
    async with Lines() as lines:
        return await DocumentFetcher(lines).fetch(url, host)


async def test_a_document_comes_with_its_url() -> None:
    async with served(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<a/>")) as url:
        assert await fetch(url) == (url, b"<a/>")


async def test_http_1_0_without_a_length_is_enough() -> None:
    async with served(saying(b"HTTP/1.0 200 OK\r\n\r\n<a", b"/>")) as url:
        assert (await fetch(url))[1] == b"<a/>"


async def test_more_than_four_mebibytes_are_refused_before_they_are_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"
    async with served(saying(head, b" " * 1024)) as url:
        with pytest.raises(DocumentRefused, match=f"more than {LARGEST_DOCUMENT} bytes"):
            await fetch(url)


async def test_more_than_four_mebibytes_without_a_length_are_refused() -> None:
    sent = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _piece in range(1600):
            writer.write(b" " * 65536)
            await writer.drain()
            sent += 65536

    async with served(flood) as url:
        with pytest.raises(DocumentRefused, match=f"more than {LARGEST_DOCUMENT} bytes"):
            await fetch(url)
    assert sent < 4 * LARGEST_DOCUMENT


async def test_who_never_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LONGEST_FETCH", 0.3)

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with served(drip) as url:
        with pytest.raises(DocumentUnavailable, match=r"longer than 0\.3 s"):
            await fetch(url)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n<a/>",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_a_broken_answer_is_none(answer: bytes) -> None:
    async with served(saying(answer)) as url:
        with pytest.raises(DocumentUnavailable):
            await fetch(url)


async def test_nobody_there() -> None:
    with pytest.raises(DocumentUnavailable, match="cannot be fetched"):
        await fetch(f"http://{HOST}:9/d.xml")


@pytest.mark.parametrize(
    ("status", "missing"),
    [(500, False), (503, False), (429, False), (408, False), (204, False), (404, True), (403, True)],
)
async def test_another_status_may_be_a_better_one_later(status: int, missing: bool) -> None:
    async with served(saying(b"HTTP/1.1 %d Oh\r\nContent-Length: 0\r\n\r\n" % status)) as url:
        with pytest.raises(DocumentUnavailable, match=f"HTTP {status}") as caught:
            await fetch(url)
    assert isinstance(caught.value, DocumentMissing) is missing


async def test_a_redirect_on_the_same_host_is_followed() -> None:
    async with (
        served(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<a/>")) as target,
        served(
            saying(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())
        ) as url,
    ):
        assert await fetch(url) == (target, b"<a/>")


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/", "https://127.0.0.41/", "file:///etc/passwd", ""])
async def test_a_redirect_elsewhere_is_refused(target: str) -> None:
    answer = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
    async with served(saying(answer)) as url:
        with pytest.raises(DocumentRefused):
            await fetch(url)


async def test_one_host_that_never_answers_does_not_keep_another_waiting() -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with served(hang) as silent, Lines() as lines:
        fetcher = DocumentFetcher(lines)
        waiting = [asyncio.create_task(fetcher.fetch(silent, HOST)) for _ in range(100)]
        await asyncio.sleep(0)
        with pytest.raises(DocumentUnavailable, match="cannot be fetched"):
            await fetcher.fetch("http://127.0.0.42:9/d.xml", "127.0.0.42")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


BASE = "http://10.0.0.2:80/dm/d.xml"


@pytest.mark.parametrize(
    ("reference", "base", "expected"),
    [
        ("http://10.0.0.2/d.xml", "", "http://10.0.0.2/d.xml"),
        ("http://10.0.0.2:49152/d.xml?a=b", "", "http://10.0.0.2:49152/d.xml?a=b"),
        ("cms.xml", BASE, "http://10.0.0.2/dm/cms.xml"),
        ("/cms.xml", BASE, "http://10.0.0.2/cms.xml"),
        ("../cms.xml", BASE, "http://10.0.0.2/cms.xml"),
        ("?cms", BASE, "http://10.0.0.2/dm/d.xml?cms"),
        ("//10.0.0.2:8080/cms", BASE, "http://10.0.0.2:8080/cms"),
        ("http://10.0.0.2:8080/cms", BASE, "http://10.0.0.2:8080/cms"),
        ("HTTP://10.0.0.2/cms", BASE, "http://10.0.0.2/cms"),
        ("cms file.xml", BASE, "http://10.0.0.2/dm/cms%20file.xml"),
        ("cms%2Fcontrol", BASE, "http://10.0.0.2/dm/cms%2Fcontrol"),
    ],
)
def test_references_are_joined(reference: str, base: str, expected: str) -> None:
    assert url_at(reference, "10.0.0.2", base) == expected


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "d.xml",
        "http://10.0.0.3/d.xml",
        "http://10.0.0.2@10.0.0.3/d.xml",
        "http://10.0.0.3\\@10.0.0.2/d.xml",
        "http://user:pass@10.0.0.2/d.xml",
        "http://10.0.0.2.example/d.xml",
        "http://0xa000002/d.xml",
        "http://localhost/d.xml",
        "https://10.0.0.2/d.xml",
        "file:///etc/passwd",
        "gopher://10.0.0.2/",
        "http://10.0.0.2:99999/",
        "http://[10.0.0.2/",
        "http://10.0.0.2/" + "a" * 3000,
        "//10.0.0.3/cms",
    ],
)
def test_references_that_point_elsewhere_are_refused(reference: str) -> None:
    with pytest.raises(DocumentRefused):
        url_at(reference, "10.0.0.2")


def test_references_may_name_the_host_by_its_alias() -> None:
    assert url_at("http://10.0.0.2/cms", "Box", alias="10.0.0.2") == "http://10.0.0.2/cms"
    assert url_at("http://box/cms", "Box", alias="10.0.0.2") == "http://box/cms"
    with pytest.raises(DocumentRefused, match="points elsewhere than to Box"):
        url_at("http://10.0.0.3/cms", "Box", alias="10.0.0.2")


def test_a_reference_without_a_place_is_refused_even_with_a_base() -> None:
    with pytest.raises(DocumentRefused, match="points elsewhere"):
        url_at("//10.0.0.3/cms", "10.0.0.2", BASE)
