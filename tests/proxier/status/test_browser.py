"""The status page of a proxier with devices, in a real browser.

`SCREENSHOT=docs/status.png` makes the picture of the documentation anew (`make screenshot`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from cwmp_client.messages import GetParameterValues
from proxier.control_socket import ask, socket_path
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from proxier.settings import Settings, StatusSettings
from tests.proxier.running import LOOPBACK, free_port, settings_for
from tests.proxier.status.browser import CHROMIUM, Page, page

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; on Debian: apt-get install chromium"),
    pytest.mark.usefixtures("own_group"),
]
CHECKOUT = Path(__file__).parent.parent.parent.parent
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Page]:
    async with page(tmp_path) as opened:
        yield opened


@pytest.fixture
def devices() -> list[SimulatedDevice]:
    return [SimulatedDevice(serial=f"000{number}") for number in (1, 2)]


@pytest.fixture
def settings(acs: EmbeddedAcs, tmp_path: Path, devices: list[SimulatedDevice]) -> Settings:
    settings = settings_for(acs.url, tmp_path, devices, gateway=True)
    return replace(settings, status=StatusSettings(port=free_port()))


def url_of(settings: Settings) -> str:
    return f"http://{LOOPBACK}:{settings.status.port}/"


def shows(device: SimulatedDevice, state: str) -> str:
    """JavaScript that is true if the page shows a device in this state."""
    article = f"document.getElementById('{device.oui}-{device.product_class}-{device.serial}')"
    return f"{article}?.querySelector('.state').textContent === '{state}'"


async def test_devices_appear_and_go_without_a_reload(
    acs: EmbeddedAcs, settings: Settings, devices: list[SimulatedDevice], tab: Page
) -> None:
    lamp, meter = devices
    async with running(settings):
        await tab.open(url_of(settings))
        await tab.evaluate("window.wasHere = true")
        assert await tab.evaluate("document.querySelectorAll('article').length") == 1
        async with meter:
            async with lamp:
                await tab.until(shows(lamp, "online"))
                await tab.until(shows(meter, "online"))
                managed = await acs.device(f"{lamp.oui}-{lamp.product_class}-{lamp.serial}")
                await managed.request(GetParameterValues(("Device.",)))
                await managed.session_over()
                await tab.until("document.body.textContent.includes('CMS.GetValues')")
            await tab.until(shows(lamp, "offline"))
            assert await tab.evaluate(shows(meter, "online"))
            await ask(socket_path(settings.storage.path), "forget", device=lamp.serial)
            await tab.until("document.querySelectorAll('article').length === 2")
        assert await tab.evaluate("window.wasHere") is True
        assert await tab.evaluate("document.getElementById('notice').hidden") is True
        assert tab.complaints == []
    await tab.until("!document.getElementById('notice').hidden")
    assert "the proxier does not answer" in await tab.evaluate(
        "document.getElementById('notice').textContent"
    )


async def test_what_is_open_stays_open_and_all_fits_on_a_phone(
    acs: EmbeddedAcs, settings: Settings, devices: list[SimulatedDevice], tab: Page, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(settings))
        for device in devices:
            await stack.enter_async_context(device)
        managed = [await acs.device(f"{each.oui}-{each.product_class}-{each.serial}") for each in devices]
        for each in managed:
            await each.request(GetParameterValues(("Device.",)))
            await each.session_over()
        await tab.resize(1000, 400)
        await tab.open(url_of(settings))
        await tab.until(shows(devices[0], "online"))
        first = "document.getElementById('00005E-SimulatedDevice-0001-rpcs')"
        await tab.evaluate(
            f"{first}.open = true; {first}.querySelector('summary').focus(); window.old = {first}"
        )
        await tab.until(f"{first} !== window.old")
        assert await tab.evaluate(f"{first}.open") is True
        assert await tab.evaluate(f"document.activeElement === {first}.querySelector('summary')") is True
        picture = await tab.screenshot()
        assert picture.startswith(PNG)
        Path(os.environ.get("SCREENSHOT") or tmp_path / "status.png").write_bytes(picture)
        await tab.resize(360, 640, phone=True)
        await tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert await tab.evaluate("document.documentElement.scrollWidth") <= 360
        assert tab.complaints == []


async def test_the_browser_asks_for_a_password_and_shows_nothing_without(
    settings: Settings, tab: Page
) -> None:
    guarded = replace(settings, status=replace(settings.status, password="hush"))
    async with running(guarded):
        await tab.open(url_of(guarded))
        assert await tab.evaluate("document.querySelectorAll('article').length") == 0
        await tab.open(url_of(guarded).replace("http://", "http://proxier:hush@"))
        await tab.until("document.querySelectorAll('article').length === 1")
        await tab.evaluate("window.old = document.querySelector('main')")
        await tab.until("document.querySelector('main') !== window.old")
        assert await tab.evaluate("document.getElementById('notice').hidden") is True
