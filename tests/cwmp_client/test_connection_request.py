from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from cwmp_client import connection_request
from cwmp_client.authentication import Credentials
from cwmp_client.connection_request import ConnectionRequestListener, TokenBucket
from tests.cwmp_client.acs_double import raw_client


class Device:
    """A device that counts its connection requests."""

    def __init__(self) -> None:
        self.credentials: tuple[str, str] | None = ("acs", "secret")
        self.refusal = ""
        self.requested = asyncio.Queue[None]()

    def connection_request_credentials(self) -> tuple[str, str] | None:
        return self.credentials

    def connection_request_refusal(self) -> str:
        return self.refusal

    def connection_requested(self) -> None:
        self.requested.put_nowait(None)


@pytest.fixture
async def listener() -> AsyncIterator[ConnectionRequestListener]:
    listener = ConnectionRequestListener(burst=3, refill_seconds=60)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.close()


@pytest.fixture
def device(listener: ConnectionRequestListener) -> Device:
    device = Device()
    listener.add("abc", device)
    return device


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(
    http: aiohttp.ClientSession, url: str, username: str = "acs", password: str = "secret", **request: object
) -> int:
    """A connection request as an ACS makes it: first without credentials, then with."""
    async with http.get(url) as challenged:
        if challenged.status != 401:
            return challenged.status
        credentials = Credentials(username, password)
        credentials.take(challenged.headers.getall("WWW-Authenticate"), allow_basic=False)
    authorization = credentials.authorization("GET", URL(url).raw_path, allow_basic=False)
    async with http.get(url, headers={"Authorization": authorization}, **request) as answered:  # type: ignore[arg-type]  # whatever a test adds
        assert await answered.read() == b""
        return answered.status


async def url_of(listener: ConnectionRequestListener) -> str:
    return await listener.url("abc", "http://127.0.0.1:1/")


class TestListener:
    async def test_digest_then_200_then_the_session(
        self, listener: ConnectionRequestListener, device: Device, http: aiohttp.ClientSession
    ) -> None:
        assert await ask(http, await url_of(listener)) == 200
        async with asyncio.timeout(5):
            await device.requested.get()

    @pytest.mark.usefixtures("device")
    async def test_query_and_body_do_not_count(
        self, listener: ConnectionRequestListener, http: aiohttp.ClientSession
    ) -> None:
        assert await ask(http, await url_of(listener), data=b"x" * 1_000_000, params={"a": "b"}) == 200

    @pytest.mark.parametrize(("username", "password"), [("acs", "wrong"), ("wrong", "secret")])
    async def test_wrong_credentials_are_401_and_cost_no_token(
        self,
        listener: ConnectionRequestListener,
        device: Device,
        http: aiohttp.ClientSession,
        username: str,
        password: str,
    ) -> None:
        for _ in range(5):
            assert await ask(http, await url_of(listener), username, password) == 401
        assert await ask(http, await url_of(listener)) == 200
        assert device.requested.qsize() == 1

    @pytest.mark.usefixtures("device")
    async def test_basic_is_refused(
        self, listener: ConnectionRequestListener, http: aiohttp.ClientSession
    ) -> None:
        headers = {"Authorization": "Basic YWNzOnNlY3JldA=="}
        async with http.get(await url_of(listener), headers=headers) as answered:
            assert answered.status == 401
            assert answered.headers["WWW-Authenticate"].startswith("Digest ")

    @pytest.mark.usefixtures("device")
    async def test_a_used_nonce_is_stale(
        self, listener: ConnectionRequestListener, http: aiohttp.ClientSession
    ) -> None:
        url = await url_of(listener)
        async with http.get(url) as challenged:
            credentials = Credentials("acs", "secret")
            credentials.take(challenged.headers.getall("WWW-Authenticate"), allow_basic=False)
        headers = {"Authorization": credentials.authorization("GET", "/abc", allow_basic=False)}
        async with http.get(url, headers=headers) as first, http.get(url, headers=headers) as second:
            assert (first.status, second.status) == (200, 401)
            assert "stale=true" in second.headers["WWW-Authenticate"]

    async def test_too_many_are_503(
        self, listener: ConnectionRequestListener, device: Device, http: aiohttp.ClientSession
    ) -> None:
        other = Device()
        listener.add("def", other)
        url = await url_of(listener)
        assert [await ask(http, url) for _ in range(5)] == [200, 200, 200, 503, 503]
        assert await ask(http, url.replace("abc", "def")) == 200
        assert device.requested.qsize() == 3

    async def test_offline_or_in_a_session_is_503(
        self, listener: ConnectionRequestListener, device: Device, http: aiohttp.ClientSession
    ) -> None:
        device.refusal = "the device is offline"
        assert await ask(http, await url_of(listener)) == 503
        assert device.requested.empty()

    async def test_disabled_unknown_and_removed_are_404(
        self, listener: ConnectionRequestListener, device: Device, http: aiohttp.ClientSession
    ) -> None:
        url = await url_of(listener)
        assert await ask(http, url + "d") == 404
        assert await ask(http, url[:-3]) == 404
        device.credentials = None
        assert await ask(http, url) == 404
        device.credentials = ("acs", "secret")
        listener.remove("abc")
        listener.remove("abc")
        assert await ask(http, url) == 404

    @pytest.mark.usefixtures("device")
    async def test_only_get(self, listener: ConnectionRequestListener, http: aiohttp.ClientSession) -> None:
        async with http.post(await url_of(listener)) as answered:
            assert answered.status == 405

    @pytest.mark.usefixtures("device")
    @pytest.mark.parametrize(
        "request_bytes",
        [
            b"\x00\xff\r\n\r\n",
            b"GET /abc HTTP/9.9\r\n\r\n",
            b'GET /abc HTTP/1.1\r\nAuthorization: Digest username="\xff", uri="/abc", nonce=x\r\n\r\n',
            b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
            b"GET /abc HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
            b"GET /abc HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"GET http://[/abc HTTP/1.1\r\n\r\n",
        ],
        ids=["binary", "version", "stray bytes", "long path", "many headers", "length", "url"],
    )
    async def test_nonsense_is_answered_or_dropped_and_nothing_else_suffers(
        self,
        listener: ConnectionRequestListener,
        http: aiohttp.ClientSession,
        request_bytes: bytes,
    ) -> None:
        async with raw_client(listener.port) as (reader, writer), asyncio.timeout(5):
            writer.write(request_bytes)
            assert (await reader.read(12))[9:] in {b"", b"400", b"401"}
        assert await ask(http, await url_of(listener)) == 200

    async def test_idle_connections_are_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection_request, "CONNECTION_SECONDS", 0.05)
        listener = ConnectionRequestListener()
        await listener.start()
        try:
            for head in (b"", b"GET /abc HT"):
                async with raw_client(listener.port) as (reader, writer), asyncio.timeout(5):
                    writer.write(head)
                    assert await reader.read() == b""
        finally:
            await listener.close()

    async def test_too_many_connections_are_dropped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection_request, "MAX_CONNECTIONS", 1)
        listener = ConnectionRequestListener()
        await listener.start()
        try:
            async with raw_client(listener.port) as (_, first), asyncio.timeout(5):
                first.write(b"GET / ")
                async with raw_client(listener.port) as (reader, _):
                    assert await reader.read() == b""
        finally:
            await listener.close()

    async def test_a_taken_port_is_an_error(self, listener: ConnectionRequestListener) -> None:
        with pytest.raises(OSError, match="in use"):
            await ConnectionRequestListener(port=listener.port).start()

    async def test_close_may_come_first_and_twice(self) -> None:
        listener = ConnectionRequestListener()
        await listener.close()
        await listener.start()
        await listener.close()
        await listener.close()


class TestUrl:
    @pytest.mark.parametrize(
        ("host", "acs_url", "public_url", "expected"),
        [
            ("127.0.0.1", "http://acs.example/", "", "http://127.0.0.1:7547/abc"),
            ("::1", "http://acs.example/", "", "http://[::1]:7547/abc"),
            ("0.0.0.0", "http://127.0.0.1:9/", "", "http://127.0.0.1:7547/abc"),
            ("0.0.0.0", "http://acs.invalid/", "http://me.example:1/cr/", "http://me.example:1/cr/abc"),
        ],
    )
    async def test_names_the_address_that_the_acs_can_reach(
        self, host: str, acs_url: str, public_url: str, expected: str
    ) -> None:
        listener = ConnectionRequestListener(host, 7547)
        assert await listener.url("abc", acs_url, public_url) == expected

    @pytest.mark.parametrize("acs_url", ["http://acs.invalid/", "http://255.255.255.255/"])
    async def test_no_way_to_the_acs_is_an_error(self, acs_url: str) -> None:
        with pytest.raises(OSError):  # noqa: PT011 - the words are the system's
            await ConnectionRequestListener("0.0.0.0").url("abc", acs_url)


def test_a_bucket_fills_again() -> None:
    bucket = TokenBucket(2, 10.0)
    assert [bucket.take(now) for now in (100, 100, 100, 109, 110, 111, 1000, 1000, 1000)] == [
        True,
        True,
        False,
        False,
        True,
        False,
        True,
        True,
        False,
    ]
