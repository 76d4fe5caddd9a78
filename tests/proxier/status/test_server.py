"""The server on loopback, with what it shows made up."""

from __future__ import annotations

import asyncio
import socket
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cwmp_client import trace
from proxier.errors import ProxierError
from proxier.settings import StatusSettings
from proxier.status import server
from proxier.status.metrics import Metrics
from proxier.status.server import NoStatusPage, StatusServer, StatusSource
from tests.proxier.running import LOOPBACK
from tests.proxier.status.seen import report

RIGHT, WRONG = (
    {"Authorization": f"Basic {b64encode(f'proxier:{word}'.encode()).decode()}"} for word in ("hush", "other")
)


class Proxier:
    """Whose page it is."""

    def __init__(self) -> None:
        self.reports = [report()]
        self.metrics = Metrics("1.0")
        self.check: Callable[[], Any] = lambda: None

    @asynccontextmanager
    async def page(self, **settings: Any) -> AsyncIterator[aiohttp.ClientSession]:
        """A client of its page."""

        async def reports() -> Any:
            return self.reports

        async def check() -> None:
            outcome = self.check()
            if outcome is not None:
                await outcome

        source = StatusSource("http://acs/", reports, lambda _: [], check)
        async with (
            StatusServer(StatusSettings(**settings), source, self.metrics) as page,
            aiohttp.ClientSession(f"http://{LOOPBACK}:{page.port}") as client,
        ):
            yield client


@pytest.fixture
def proxier() -> Proxier:
    return Proxier()


async def test_the_page_is_shown_with_strict_headers(proxier: Proxier) -> None:
    async with proxier.page() as client:
        for path, kind in (("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css")):
            async with client.get(path) as answer:
                assert (answer.status, answer.content_type) == (200, kind)
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'; ")
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Cache-Control"] == "no-store"
        async with client.head("/") as answer:
            assert answer.status == 200
        async with client.get("/?x=1") as answer:
            assert "00005E-Lamp-1" in await answer.text()


@pytest.mark.parametrize("path", ["/etc/passwd", "/../page.py", "/page.py", "/__init__.py"])
async def test_there_is_nothing_else(proxier: Proxier, path: str) -> None:
    async with proxier.page() as client, client.get(path) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_can_be_changed(proxier: Proxier, method: str) -> None:
    async with proxier.page() as client, client.request(method, "/") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz"])
async def test_a_name_of_somebody_else_is_refused(proxier: Proxier, path: str) -> None:
    async with (
        proxier.page(names=("proxier.lan",)) as client,
        client.get(path, headers={"Host": "evil.example"}) as refused,
        client.get(path, headers={"Host": "proxier.lan:8080"}) as answer,
    ):
        assert (refused.status, answer.status) == (421, 200)
        assert "Lamp" not in await refused.text()


async def test_a_password_is_asked_for_but_not_for_healthz(
    proxier: Proxier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "WRONG_PASSWORD_DELAY", 0.2)
    async with proxier.page(password="hush") as client:
        for path in ("/", "/metrics", "/page.js", "/other"):
            async with client.get(path) as answer:
                assert answer.status == 401
                assert answer.headers["WWW-Authenticate"].startswith('Basic realm="proxier"')
        begun = time.monotonic()
        async with client.get("/", headers=WRONG) as answer:
            assert answer.status == 401
        assert time.monotonic() - begun >= 0.2
        async with client.get("/", headers=RIGHT) as answer:
            assert answer.status == 200
        async with client.get("/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_what_goes_on_being_wrong_is_logged_once(
    proxier: Proxier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ProxierError("the disk is gone")

    monkeypatch.setattr(server, "WRONG_PASSWORD_DELAY", 0.0)
    healthy = proxier.check
    async with proxier.page(password="hush") as client:
        caplog.clear()
        for _ in range(3):
            await client.get("/", headers=WRONG)
        for check in (broken, broken, healthy, broken):
            proxier.check = check
            await client.get("/healthz")
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "127.0.0.1: does not know the password of the status page",
        "not healthy: the disk is gone",
        "not healthy: the disk is gone",
    ]


async def test_healthz_says_when_it_is_not(proxier: Proxier, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ProxierError("the disk is gone, and so is /srv/secret")

    async with proxier.page() as client:
        proxier.check = broken
        async with client.get("/healthz") as answer:
            assert (answer.status, await answer.text()) == (503, "not healthy; the log says why\n")
        monkeypatch.setattr(server, "LONGEST_CHECK", 0.05)
        proxier.check = lambda: asyncio.Event().wait()
        async with client.get("/healthz") as answer:
            assert answer.status == 503


async def test_metrics_are_in_the_format_of_prometheus(proxier: Proxier) -> None:
    proxier.reports = [report(), report('00005E-"La\\mp"-2', online=False, pending_events=["1 BOOT"])]
    with trace.session("x", [], [proxier.metrics]) as session:
        with trace.AnsweringRpc("GetParameterValues"):
            pass
        with trace.AnsweringRpc("Reboot") as rpc:
            rpc.fault_code = 9002
        session.outcome = "success"
    with trace.session("x", [], [proxier.metrics]) as session:
        session.outcome = "HTTP status 503"
    proxier.metrics.acted("CMS.GetValues", 0.01, False)
    proxier.metrics.acted("CMS.GetValues", 0.01, True)
    async with proxier.page() as client, client.get("/metrics") as answer:
        assert answer.content_type == "text/plain"
        families = text_string_to_metric_families(await answer.text())
        samples = {(s.name, *sorted(s.labels.values())): s.value for f in families for s in f.samples}
    assert samples["proxier_sessions_total", "success"] == 1
    assert samples["proxier_sessions_total", "failure"] == 1
    assert samples["proxier_session_seconds_count",] == 2
    assert samples["proxier_rpcs_total", "0", "GetParameterValues"] == 1
    assert samples["proxier_rpcs_total", "9002", "Reboot"] == 1
    assert samples["proxier_upnp_actions_total", "CMS.GetValues", "failure"] == 1
    assert samples["proxier_upnp_action_seconds_count", "CMS.GetValues"] == 2
    assert samples["proxier_device_online", "00005E-Lamp-1"] == 1
    assert samples["proxier_device_online", '00005E-"La\\mp"-2'] == 0
    assert samples["proxier_device_events_waiting", '00005E-"La\\mp"-2'] == 1
    assert samples["proxier_info", "1.0"] == 1
    assert samples["process_resident_memory_bytes",] > 0


async def test_a_device_that_is_forgotten_is_measured_no_more(proxier: Proxier) -> None:
    async with proxier.page() as client:
        for there in (True, False):
            async with client.get("/metrics") as answer:
                assert ("Lamp" in await answer.text()) is there
            proxier.reports = []


async def test_connections_are_bounded(proxier: Proxier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 3)
    async with proxier.page() as client:
        assert client._base_url is not None
        port = client._base_url.port or 0
        idle = [await asyncio.open_connection(LOOPBACK, port) for _ in range(3)]
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        for _, each in [*idle, (reader, writer)]:
            each.close()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"], ids=["nothing", "half"])
async def test_who_does_not_ask_is_sent_away(
    proxier: Proxier, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(server, "LONGEST_IDLE", 0.1)
    async with proxier.page() as client:
        assert client._base_url is not None
        reader, writer = await asyncio.open_connection(LOOPBACK, client._base_url.port or 0)
        writer.write(said)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


async def test_who_does_not_read_is_sent_away(proxier: Proxier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LONGEST_CONNECTION", 1.0)
    monkeypatch.setattr(server, "LONGEST_IDLE", 0.1)
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 1)
    async with proxier.page() as client:
        assert client._base_url is not None
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            address = (LOOPBACK, client._base_url.port or 0)
            await asyncio.get_running_loop().sock_connect(deaf, address)
            asked = b"GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 4000
            await asyncio.get_running_loop().sock_sendall(deaf, asked)
            status = 0
            async with asyncio.timeout(10):
                while not status:
                    with suppress(aiohttp.ClientError):
                        async with client.get("/healthz") as answer:
                            status = answer.status
            assert status == 200


async def test_what_is_not_http_leaves_no_traceback(
    proxier: Proxier, caplog: pytest.LogCaptureFixture
) -> None:
    async with proxier.page() as client:
        assert client._base_url is not None
        reader, writer = await asyncio.open_connection(LOOPBACK, client._base_url.port or 0)
        writer.write(b"\x16\x03\x01 what?\r\n\r\n")
        async with asyncio.timeout(5):
            assert (await reader.read()).startswith(b"HTTP/1.0 400")
        writer.close()
    assert "Traceback" not in caplog.text


async def test_an_address_that_cannot_be_had_is_told(proxier: Proxier) -> None:
    with pytest.raises(NoStatusPage, match=r"^status: cannot listen on 192\.0\.2\.1 port 0: (Cannot|could)"):
        async with proxier.page(host="192.0.2.1", password="x"):
            pass
    with pytest.raises(NoStatusPage, match=r"^status: cannot listen on no\.invalid port 0: "):
        async with proxier.page(host="no.invalid", password="x"):
            pass


def test_the_files_of_the_page_ask_for_nothing_from_elsewhere() -> None:
    folder = Path(server.__file__).parent
    for name in ("page.css", "page.js"):
        text = (folder / name).read_text()
        assert "://" not in text
        assert "url(" not in text
        assert "innerHTML" not in text
