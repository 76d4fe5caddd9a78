"""Which Proxied Devices become which virtual devices (TR-330 4.1.1, TR-069 Annex J)."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from cwmp_client.messages import EventCode
from proxier.control_socket import ask, socket_path
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from proxier.settings import Settings
from tests.proxier.running import report_of, reports, settings_for, until

pytestmark = pytest.mark.usefixtures("own_group")

OTHER_UDN = "uuid:3c1a9e52-0000-4000-8000-00000000ab01"


async def reports_with(settings: Settings, *devices: SimulatedDevice) -> list[dict[str, Any]]:
    """All reports, once each of these devices is online in one of them."""
    for device in devices:
        await report_of(settings, device)
    return await reports(settings)


async def test_two_udns_of_one_identity_are_one_device(
    acs: EmbeddedAcs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(SimulatedDevice(serial="twice"))
        second = await stack.enter_async_context(SimulatedDevice(serial="twice", udn=OTHER_UDN))
        settings = settings_for(acs.url, tmp_path, [first, second])
        async with running(settings):
            [report] = await reports_with(settings, first, second)
            assert {report["udn"], *report["other_udns"]} == {first.udn, second.udn}
            await first.byebye()
            await until(lambda: any(first.udn in line and "has left" in line for line in caplog.messages))
            [still] = await reports(settings)
            assert still["online"]
            await second.byebye()
            await report_of(settings, first, online=False)
    assert [inform.events for inform in acs.informs].count((EventCode.BOOTSTRAP, EventCode.BOOT)) == 1


async def test_without_an_identity_of_its_own_each_udn_is_a_device(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(SimulatedDevice(serial="same", identity=False))
        second = await stack.enter_async_context(
            SimulatedDevice(serial="same", identity=False, udn=OTHER_UDN)
        )
        settings = settings_for(acs.url, tmp_path, [first, second])
        async with running(settings):
            found = await reports_with(settings, first, second)
    assert len(found) == 2
    assert len({report["serial_number"] for report in found}) == 2
    assert all("an OUI of its own" in report["lacks"] for report in found)
    assert all(report["oui"] == "000000" for report in found)


@pytest.mark.parametrize(
    "options", [{"identity": False}, {"without_actions": frozenset({"Reboot"})}], ids=["identity", "reboot"]
)
async def test_strict_leaves_out_what_annex_j_does_not_admit(
    acs: EmbeddedAcs, tmp_path: Path, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with AsyncExitStack() as stack:
        lacking = await stack.enter_async_context(SimulatedDevice(serial="lacking", **options))
        whole = await stack.enter_async_context(SimulatedDevice(serial="whole"))
        settings = settings_for(acs.url, tmp_path, [lacking, whole], strict=True)
        async with running(settings):
            await report_of(settings, whole)
            await lacking.until(lambda: lacking.count("GetValues") > 0)
            [report] = await reports(settings)
    assert report["udn"] == whole.udn
    assert [record for record in caplog.messages if lacking.udn in record and "left out" in record]


async def test_denied_devices_are_left_out(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        wanted = await stack.enter_async_context(SimulatedDevice(serial="wanted"))
        denied = await stack.enter_async_context(SimulatedDevice(serial="denied"))
        settings = settings_for(acs.url, tmp_path, [wanted, denied], deny=("*-denied",))
        async with running(settings):
            await denied.until(lambda: denied.count("GetValues") > 0)
            [report] = await reports_with(settings, wanted)
            await wanted.until(lambda: bool(wanted.history.times("SUBSCRIBE ConfigurationManagement")))
    assert report["udn"] == wanted.udn
    assert not denied.history.times("SUBSCRIBE ConfigurationManagement")


async def test_an_identity_that_cannot_be_read_at_first_is_asked_again(
    acs: EmbeddedAcs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxier.proxier.IDENTITY_RETRY_SECONDS", (0.2,))
    async with SimulatedDevice(serial="shy", advertise=False) as device:
        device.fail("GetValues", 501, times=2)
        settings = settings_for(acs.url, tmp_path, locations=(device.location,))
        async with running(settings):
            report = await report_of(settings, device)
    assert report["serial_number"] == "shy"
    assert report["lacks"] == []


async def test_a_forgotten_device_that_is_seen_again_is_a_new_one(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="forgotten") as device:
        settings = settings_for(acs.url, tmp_path, [device])
        async with running(settings):
            before = await report_of(settings, device)
            await ask(socket_path(settings.storage.path), "forget", device="forgotten")
            assert await reports(settings) == []
            await device.reboot()
            after = await report_of(settings, device)
    assert after["number"] == before["number"] + 1


async def test_the_same_identity_without_a_product_class_is_two_devices(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(SimulatedDevice(serial="classless"))
        second = await stack.enter_async_context(SimulatedDevice(serial="classless", udn=OTHER_UDN))
        for device in (first, second):
            for place in ("UPnP/DM/DeviceInfo/PhysicalDevice/DeviceID", "BBF/DeviceInfo"):
                device.cms.remove_parameter(f"/{place}/ProductClass")
        settings = settings_for(acs.url, tmp_path, [first, second])
        async with running(settings):
            found = await reports_with(settings, first, second)
    assert len({report["device_id"] for report in found}) == 2
