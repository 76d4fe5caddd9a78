from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxier import systemd

PATIENCE_SECONDS = 5.0


@pytest.fixture(params=["{}/no@tify", "@{}"])
def listening(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """What systemd listens on: a path, or a name of the abstract kind."""
    name: str = request.param.format(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        datagrams.setblocking(False)
        yield datagrams


async def hear(listening: socket.socket) -> bytes:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await asyncio.get_running_loop().sock_recv(listening, 100)


async def test_a_watchdog_hears_twice_in_its_time(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    begun = asyncio.get_running_loop().time()
    async with systemd.watchdog():
        assert {await hear(listening) for _ in range(5)} == {b"WATCHDOG=1"}
    assert asyncio.get_running_loop().time() - begun >= 4 * 0.05


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}],
)
async def test_without_a_watchdog_nothing_is_said(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with systemd.watchdog():
        await asyncio.sleep(0)
        systemd.notify("READY=1")
        assert await hear(listening) == b"READY=1"


@pytest.mark.parametrize("name", ["", "relative", "/no/one"])
def test_nobody_need_listen(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    systemd.notify("READY=1")
