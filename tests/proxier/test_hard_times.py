"""What goes on when something that the proxier needs fails for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwmp_client.messages import (
    EventCode,
    SetParameterAttributes,
    SetParameterAttributesStruct,
)
from proxier import configuration_changes
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from proxier.settings import AcsSettings, ConnectionRequestSettings, Settings, StorageSettings, UpnpSettings
from tests.proxier.running import report_of, settings_for

pytestmark = pytest.mark.usefixtures("own_group")

SERVER = "/BBF/Time/NTPServer1"


async def test_an_event_that_comes_while_the_device_cannot_be_asked_is_not_lost(
    acs: EmbeddedAcs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration_changes, "RETRY_SECONDS", 0.1)
    async with SimulatedDevice(serial="busy", advertise=False) as device:
        settings = settings_for(acs.url, tmp_path, locations=(device.location,))
        async with running(settings):
            report = await report_of(settings, device)
            managed = await acs.device(report["device_id"])
            watch = SetParameterAttributesStruct(
                "Device.Time.NTPServer1", notification_change=True, notification=2
            )
            await managed.request(SetParameterAttributes((watch,)))
            await managed.session_over()
            device.fail("GetValues", 501, times=3)
            device.change(SERVER, "changed.example")
            inform = await managed.wait_event(EventCode.VALUE_CHANGE, timeout=10)
    assert inform.parameters["Device.Time.NTPServer1"] == "changed.example"


async def test_it_starts_without_a_way_to_the_acs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with SimulatedDevice(serial="early", advertise=False) as device:
        settings = Settings(
            acs=AcsSettings(url="http://acs.invalid:7547/"),
            connection_request=ConnectionRequestSettings(host="0.0.0.0", port=0),
            upnp=UpnpSettings(locations=(device.location,), search_interval=0.2),
            storage=StorageSettings(url=f"sqlite:///{tmp_path / 'proxier.db'}"),
        )
        async with running(settings):
            report = await report_of(settings, device)
            assert report["connection_request_url"] == ""
            assert [line for line in caplog.messages if "no way to http://acs.invalid:7547/" in line]


async def test_after_a_reset_of_the_device_the_acs_can_watch_it_again(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    watch = SetParameterAttributesStruct("Device.Time.NTPServer1", notification_change=True, notification=2)
    async with SimulatedDevice(serial="reset") as device:
        settings = settings_for(acs.url, tmp_path, [device])
        async with running(settings):
            report = await report_of(settings, device)
            managed = await acs.device(report["device_id"])
            await managed.wait_event(EventCode.BOOTSTRAP)
            await managed.request(SetParameterAttributes((watch,)))
            await device.baseline_reset()
            await managed.wait_event(EventCode.BOOTSTRAP, timeout=10)
            assert SERVER not in device.cms.event_on_change
            read = device.count("GetValues")
            await managed.request(SetParameterAttributes((watch,)))
            assert SERVER in device.cms.event_on_change
            await device.until(lambda: device.count("GetValues") > read)
            device.change(SERVER, "changed.example")
            await managed.wait_event(EventCode.VALUE_CHANGE, timeout=10)
