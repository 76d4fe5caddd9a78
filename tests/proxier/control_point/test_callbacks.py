from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from proxier.control_point import callbacks
from proxier.control_point.callbacks import CallbackServer, read_properties
from proxier.control_point.markup import MarkupRefused
from tests.proxier.control_point.stand_in import properties

DEVICE = "127.0.0.51"


@dataclass
class Recorder:
    address: str = DEVICE
    sid: str = "uuid:1"
    taken: list[tuple[int | None, dict[str, str]]] = field(default_factory=list)

    def notified(self, sid: str, seq: int | None, variables: Mapping[str, str]) -> bool:
        if sid == self.sid:
            self.taken.append((seq, dict(variables)))
        return sid == self.sid


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Recorder, str]]:
    recorder = Recorder()
    async with CallbackServer("", 0) as server:
        _, url = server.open_path(recorder)
        yield recorder, url


async def notify(
    url: str,
    *,
    source: str = DEVICE,
    method: str = "NOTIFY",
    sid: str = "uuid:1",
    seq: str = "0",
    body: str | None = None,
) -> int:
    headers = {"NT": "upnp:event", "NTS": "upnp:propchange", "SID": sid, "SEQ": seq}
    data = io.BytesIO((properties(A="1") if body is None else body).encode())
    connector = aiohttp.TCPConnector(local_addr=(source, 0))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, url, headers=headers, data=data) as response,
    ):
        return response.status


async def test_a_notification_is_taken() -> None:
    async with listening() as (recorder, url):
        assert url.startswith("http://127.0.0.1:")
        assert await notify(url, seq="7") == 200
        assert recorder.taken == [(7, {"A": "1"})]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"sid": "uuid:2"}, 412),
        ({"sid": ""}, 412),
        ({"method": "GET"}, 405),
        ({"body": "<a/>"}, 400),
        ({"body": "<!DOCTYPE a><a/>"}, 400),
        ({"body": ""}, 400),
        ({"body": " " * 1_100_000}, 400),
    ],
)
async def test_what_is_no_notification_is_refused(change: dict[str, str], status: int) -> None:
    async with listening() as (recorder, url):
        assert await notify(url, **change) == status
        assert not recorder.taken


async def test_an_unknown_path_is_refused() -> None:
    async with listening() as (recorder, url):
        assert await notify(url.rpartition("/")[0] + "/other") == 412
        assert not recorder.taken


async def test_a_strange_seq_is_none() -> None:
    async with listening() as (recorder, url):
        assert await notify(url, seq="first") == 200
        assert recorder.taken[0][0] is None


async def test_only_addresses_with_a_subscription_get_in() -> None:
    async with listening() as (recorder, url):
        with pytest.raises(aiohttp.ClientError):
            await notify(url, source="127.0.0.52")
        assert not recorder.taken


async def test_another_devices_path_is_closed_to_a_subscribed_address() -> None:
    recorder, other = Recorder(), Recorder("127.0.0.52")
    async with CallbackServer("", 0) as server:
        _, url = server.open_path(recorder)
        server.open_path(other)
        assert await notify(url, source="127.0.0.52") == 412
        assert not recorder.taken


async def test_a_closed_path_closes_the_door() -> None:
    async with CallbackServer("", 0) as server:
        path, url = server.open_path(Recorder())
        server.close_path(path)
        server.close_path(path)
        with pytest.raises(aiohttp.ClientError):
            await notify(url)


async def test_a_silent_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "LONGEST_IDLE", 0.2)
    async with listening() as (_, url), asyncio.timeout(5):
        port = int(url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(DEVICE, 0))
        assert await reader.read() == b""
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(DEVICE, 0))
        writer.write(b"NOTIFY / HTTP/1.1\r\nHo")
        assert await reader.read() == b""
        writer.close()


async def test_one_address_cannot_take_all_connections() -> None:
    async with listening() as (recorder, url), asyncio.timeout(5):
        port = int(url.split(":")[2].split("/")[0])
        connections = [
            await asyncio.open_connection("127.0.0.1", port, local_addr=(DEVICE, 0)) for _ in range(20)
        ]
        refused = 0
        for reader, _ in connections:
            try:
                async with asyncio.timeout(0.05):
                    await reader.read(1)
                    refused += 1
            except TimeoutError:
                pass
            except ConnectionError:
                refused += 1
        assert refused == 20 - callbacks.CONNECTIONS_PER_ADDRESS - 2
        for _, writer in connections:
            writer.close()
        assert not recorder.taken


async def test_the_end_does_not_wait_for_connections() -> None:
    async with asyncio.timeout(3):
        async with listening() as (_, url):
            port = int(url.split(":")[2].split("/")[0])
            _, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(DEVICE, 0))
            writer.write(b"NOTIFY / HTTP/1.1\r\nContent-Length: 100\r\n\r\n<")
            await writer.drain()
        writer.close()


@pytest.mark.parametrize(
    ("body", "variables"),
    [
        (properties(A="1", B=" 2\n"), {"A": "1", "B": "2"}),
        (
            '<e:propertyset xmlns:e="urn:x"><e:property><A>1</A><B>2</B></e:property></e:propertyset>',
            {"A": "1", "B": "2"},
        ),
        ("<propertyset><property><A/></property></propertyset>", {"A": ""}),
        (properties(A="21,now,<?xml version='1.0'?><x/>"), {"A": "21,now,<?xml version='1.0'?><x/>"}),
        ("<propertyset><property><A><x><y/></x></A></property></propertyset>", {"A": "<x><y/></x>"}),
        ("<propertyset/>", {}),
        (properties(A="1") + "\0\0\0x", {"A": "1"}),
    ],
)
def test_properties_are_read(body: str, variables: dict[str, str]) -> None:
    assert read_properties(body.encode()) == variables


@pytest.mark.parametrize("body", [b"", b"<a/>", b"<propertyset>", b"<!DOCTYPE a><propertyset/>"])
def test_what_is_no_property_set_is_refused(body: bytes) -> None:
    with pytest.raises(MarkupRefused):
        read_properties(body)
