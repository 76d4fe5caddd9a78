"""The status page of a whole proxier: what it counts, and what becomes of what devices say."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from cwmp_client.messages import GetParameterValues
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from proxier.settings import StatusSettings
from tests.proxier.running import LOOPBACK, free_port, settings_for

pytestmark = pytest.mark.usefixtures("own_group")


async def test_what_happens_is_counted_and_shown(acs: EmbeddedAcs, tmp_path: Path) -> None:
    device = SimulatedDevice(serial="<b>1", product_class="<script>")
    settings = replace(settings_for(acs.url, tmp_path, [device]), status=StatusSettings(port=free_port()))
    async with running(settings), device, aiohttp.ClientSession() as client:
        managed = await acs.device(f"{device.oui}-{device.product_class}-{device.serial}")
        await managed.request(GetParameterValues(("Device.Time.",)))
        await managed.session_over()
        url = f"http://{LOOPBACK}:{settings.status.port}"
        async with client.get(f"{url}/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
            samples = {(s.name, *sorted(s.labels.values())): s.value for f in families for s in f.samples}
        async with client.get(f"{url}/") as answer:
            page = await answer.text()
        async with client.get(f"{url}/healthz") as answer:
            assert answer.status == 200
    assert samples["proxier_rpcs_total", "0", "GetParameterValues"] == 1
    assert samples["proxier_upnp_actions_total", "CMS.GetValues", "success"] >= 1
    assert samples["proxier_sessions_total", "success"] >= 1
    assert samples["proxier_device_online", "00005E-<script>-<b>1"] == 1
    assert "00005E-&lt;script&gt;-&lt;b&gt;1" in page
    assert "<b>" not in page
