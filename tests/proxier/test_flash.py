"""A gateway's flash wears out: nothing is written when nothing changed, and times once a minute."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from proxier import virtual_device
from proxier.control_socket import ask, socket_path
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from proxier.settings import Settings, StatusSettings
from proxier.store import Store, VirtualDeviceRecord
from tests.proxier.running import LOOPBACK, free_port, report_of, reports, reports_when, settings_for
from tests.proxier.write_ahead import Written, since, written

pytestmark = pytest.mark.usefixtures("own_group")

SEARCHES, SEARCH_INTERVAL = 20, 0.1


@pytest.fixture
def devices() -> list[SimulatedDevice]:
    return [SimulatedDevice(serial=f"flash{number}") for number in range(3)]


@pytest.fixture
def settings(acs: EmbeddedAcs, tmp_path: Path, devices: list[SimulatedDevice]) -> Settings:
    settings = settings_for(acs.url, tmp_path, devices, gateway=True, search_interval=SEARCH_INTERVAL)
    return replace(settings, status=StatusSettings(port=free_port()))


@pytest.fixture
async def quiet(
    acs: EmbeddedAcs, settings: Settings, devices: list[SimulatedDevice]
) -> AsyncIterator[list[SimulatedDevice]]:
    """A proxier whose devices have told the ACS all that there was to tell."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(settings))
        for device in devices:
            await stack.enter_async_context(device)
            managed = await acs.device(f"{device.oui}-{device.product_class}-{device.serial}")
            await managed.session_over()
        await reports_when(
            settings, lambda found: len(found) == 3 and not any(r["pending_events"] for r in found)
        )
        await settled(settings.storage.path)
        yield devices


async def settled(database: Path) -> None:
    """Wait until nothing has been written for half a second."""
    before = None
    async with asyncio.timeout(10):
        while True:
            now = written(database)
            if now == before:
                return
            before = now
            await asyncio.sleep(0.5)  # silence tells nobody that it has begun


async def stored(settings: Settings, device: SimulatedDevice) -> VirtualDeviceRecord:
    async with await Store.open(settings.storage.url) as store:
        [record] = [each for each in await store.devices() if each.udn == device.udn]
        return record


async def test_nothing_is_written_when_nothing_changed(
    settings: Settings, quiet: list[SimulatedDevice]
) -> None:
    before = written(settings.storage.path)
    assert before.commits > 0, "and what is written is seen"
    await asyncio.sleep(SEARCHES * SEARCH_INTERVAL)  # what is to be shown is that nothing happens
    url = f"http://{LOOPBACK}:{settings.status.port}"
    async with aiohttp.ClientSession(url) as client:
        for path in ("/", "/metrics", "/healthz"):
            async with client.get(path) as answer:
                assert answer.status == 200
    for device in quiet:
        await device.alive()
    await reports(settings)
    await ask(socket_path(settings.storage.path), "trace", device=quiet[0].serial)
    await ask(socket_path(settings.storage.path), "tree", device=quiet[0].serial)
    assert since(before, written(settings.storage.path)) == Written(before.salts, 0, 0)


async def test_when_a_device_was_last_seen_is_written_once_a_minute(
    settings: Settings, quiet: list[SimulatedDevice], monkeypatch: pytest.MonkeyPatch
) -> None:
    flapping = quiet[0]
    first = (await stored(settings, flapping)).last_seen
    await flapping.byebye()
    await report_of(settings, flapping, online=False)
    await flapping.alive()
    report = await report_of(settings, flapping)
    assert datetime.fromisoformat(report["last_seen"]) > first
    assert (await stored(settings, flapping)).last_seen == first
    monkeypatch.setattr(virtual_device, "NOTE_INTERVAL", timedelta(0))
    await flapping.byebye()
    await reports_when(settings, lambda found: is_later(found, report["last_seen"]))
    [now] = [each for each in await reports(settings) if each["device_id"] == report["device_id"]]
    assert (await stored(settings, flapping)).last_seen == datetime.fromisoformat(now["last_seen"])


def is_later(found: list[dict[str, Any]], last_seen: str) -> bool:
    return any(each["last_seen"] > last_seen for each in found if not each["online"])


async def test_sessions_that_end_all_the_same_are_noted_once_a_minute(
    acs: EmbeddedAcs, settings: Settings, quiet: list[SimulatedDevice]
) -> None:
    device = quiet[0]
    noted = (await stored(settings, device)).last_session
    assert noted is not None
    managed = await acs.device(f"{device.oui}-{device.product_class}-{device.serial}")
    await managed.connection_request()

    def is_later(found: list[dict[str, Any]]) -> bool:
        [report] = [each for each in found if each["udn"] == device.udn]
        return datetime.fromisoformat(report["last_session"]) > noted

    await reports_when(settings, is_later)
    assert (await stored(settings, device)).last_session == noted
