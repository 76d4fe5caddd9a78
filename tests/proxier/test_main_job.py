"""The main job on real sockets: SSDP, SOAP and GENA to the device, CWMP to the ACS, SQLite between."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from cwmp_client.messages import (
    EventCode,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    ParameterValueStruct,
    SetParameterValues,
    SetParameterValuesResponse,
)
from proxier import virtual_device
from proxier.control_point import presence
from proxier.daemon import running
from proxier.demo import device_gena
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsDevice, AcsFault
from proxier.demo.device import SimulatedDevice
from proxier.settings import Settings
from tests.proxier.managed import NEVER_SECONDS, id_of, known
from tests.proxier.running import report_of, reports_when, settings_for

pytestmark = pytest.mark.usefixtures("own_group")

LOGS = 2
"""Of the simulated device; what they are called and how big they are is read when it comes."""


@pytest.fixture
async def device() -> AsyncIterator[SimulatedDevice]:
    async with SimulatedDevice(serial="main-job") as simulated:
        yield simulated


@pytest.fixture
def settings(acs: EmbeddedAcs, tmp_path: Path, device: SimulatedDevice) -> Settings:
    return settings_for(acs.url, tmp_path, [device])


@pytest.fixture
async def managed(acs: EmbeddedAcs, settings: Settings, device: SimulatedDevice) -> AsyncIterator[AcsDevice]:
    """The device as the ACS knows it, after its first session."""
    async with running(settings):
        at_acs = await acs.device(id_of(device), timeout=10)
        await at_acs.session_over()
        yield at_acs


@asynccontextmanager
async def quiet_device(
    acs: EmbeddedAcs, folder: Path, **options: Any
) -> AsyncIterator[tuple[AcsDevice, SimulatedDevice]]:
    """A device whose actions can be counted: only this proxier knows of it, and its events have begun."""
    async with AsyncExitStack() as stack:
        device = await stack.enter_async_context(SimulatedDevice(serial="quiet", advertise=False, **options))
        settings = settings_for(acs.url, folder, locations=(device.location,), interfaces=())
        await stack.enter_async_context(running(settings))
        managed = await acs.device(id_of(device), timeout=10)
        await known(device)
        await managed.session_over()
        yield managed, device


async def values(managed: AcsDevice, *paths: str) -> dict[str, tuple[str, str]]:
    response = await managed.request(GetParameterValues(paths))
    assert isinstance(response, GetParameterValuesResponse)
    return {value.name: (value.value, value.type) for value in response.parameter_list}


async def names(managed: AcsDevice, path: str, *, next_level: bool) -> dict[str, bool]:
    response = await managed.request(GetParameterNames(path, next_level))
    assert isinstance(response, GetParameterNamesResponse)
    listed = [member.name for member in response.parameter_list]
    assert len(listed) == len(set(listed))
    return dict(response.parameter_list)


async def fault_of(managed: AcsDevice, *parameters: ParameterValueStruct) -> AcsFault:
    with pytest.raises(AcsFault) as caught:
        await managed.request(SetParameterValues(parameters, "key"))
    return caught.value


async def test_a_new_device_informs_with_bootstrap_and_boot(managed: AcsDevice) -> None:
    first = managed.informs[0]
    assert first.events == (EventCode.BOOTSTRAP, EventCode.BOOT)
    assert first.inform.device_id.manufacturer


async def test_it_is_listed_with_its_services(
    managed: AcsDevice, settings: Settings, device: SimulatedDevice
) -> None:
    report = await report_of(settings, device)
    assert report["device_id"] == id_of(device) == managed.device_id
    assert report["services"] == ["BMS:2", "CMS:2", "SMS:2"]
    assert report["location"] == device.location
    assert report["lacks"] == []
    assert report["pending_events"] == []
    assert report["last_session_outcome"] == "success"


async def test_a_new_device_is_asked_nothing_that_its_events_tell(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with quiet_device(acs, tmp_path) as (_, device):
        asked = Counter(name for name, _ in device.actions)
    assert asked["GetSupportedParameters"] == asked["GetAttributes"] == asked["SetAttributes"] == 1
    assert asked["GetInstances"] == 2, "again once the tables are to report"
    assert asked["GetValues"] == 2, "who it is, and what Informs tell"
    assert not asked.keys() & {
        "GetSupportedDataModelsUpdate",
        "GetSupportedParametersUpdate",
        "GetDUIDs",
        "GetEUIDs",
        "GetErrorEUIDs",
        "GetLogURIs",
    }


async def test_a_device_that_accepts_a_subscription_and_sends_no_event_is_read_all_the_same(
    acs: EmbeddedAcs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_gena, "FIRST_EVENT_DELAY_SECONDS", NEVER_SECONDS)
    async with SimulatedDevice(serial="mute", advertise=False) as device:
        settings = settings_for(acs.url, tmp_path, locations=(device.location,), interfaces=())
        async with running(settings):
            managed = await acs.device(id_of(device), timeout=10)
            assert "Device.Time.NTPServer1" in await names(managed, "Device.Time.", next_level=True)
    told = {value.name: value.value for value in managed.informs[0].inform.parameter_list}
    assert told["Device.DeviceInfo.SoftwareVersion"] == device.values["/BBF/DeviceInfo/SoftwareVersion"]


async def test_a_device_that_leaves_before_it_is_looked_at_is_told_of_when_it_is_back(
    acs: EmbeddedAcs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_gena, "FIRST_EVENT_DELAY_SECONDS", NEVER_SECONDS)
    monkeypatch.setattr(virtual_device, "FIRST_EVENT_SECONDS", 0.5)
    monkeypatch.setattr(presence, "PAUSE", 0.05)
    monkeypatch.setattr(virtual_device, "RETRY_SECONDS", 1.0)
    brief, back = (SimulatedDevice(serial="brief") for _ in range(2))
    settings = settings_for(acs.url, tmp_path, [brief])
    async with running(settings):
        async with brief:
            await reports_when(settings, lambda found: [each["online"] for each in found] == [True])
        await reports_when(settings, lambda found: [each["online"] for each in found] == [False])
        async with back:
            managed = await acs.device(id_of(back), timeout=10)
    told = {value.name: value.value for value in managed.informs[0].inform.parameter_list}
    assert told["Device.DeviceInfo.SoftwareVersion"] == back.values["/BBF/DeviceInfo/SoftwareVersion"]


async def test_a_device_that_was_not_told_of_before_a_power_cut_is_looked_at_first(
    acs: EmbeddedAcs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(virtual_device, "FIRST_EVENT_SECONDS", 0.0)
    monkeypatch.setattr("proxier.proxier.start_delay", lambda *_: 0.0)
    async with SimulatedDevice(serial="untold", advertise=False) as device:
        settings = settings_for(acs.url, tmp_path, locations=(device.location,), interfaces=())
        async with running(settings):
            managed = await acs.device(id_of(device), timeout=10)
            await managed.wait_event(EventCode.BOOTSTRAP)
            await managed.session_over()
        with closing(sqlite3.connect(settings.storage.path)) as database:
            database.execute("DELETE FROM records WHERE key NOT LIKE 'operation/%'")
            database.commit()
        async with running(settings):
            received = await managed.wait_event(EventCode.BOOTSTRAP)
    told = {value.name: value.value for value in received.inform.parameter_list}
    assert told["Device.DeviceInfo.SoftwareVersion"] == device.values["/BBF/DeviceInfo/SoftwareVersion"]


async def test_the_whole_tree_costs_one_action_and_the_look_at_the_logs(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    async with quiet_device(acs, tmp_path, extra_parameters=200) as (managed, device):
        before = len(device.actions)
        answer = await values(managed, "Device.")
        called = [name for name, _ in device.actions[before:]]
        assert called == ["GetValues", "GetLogURIs", *["GetLogInfo"] * LOGS]
    assert len(answer) > 200
    assert answer["Device.Time.NTPServer1"] == (device.values["/BBF/Time/NTPServer1"], "string")
    assert answer["Device.DeviceInfo.ProxierInfo.ProxyProtocol"] == ("UPnP-DM", "string")


async def test_the_second_look_at_the_names_costs_nothing(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with quiet_device(acs, tmp_path) as (managed, device):
        first = await names(managed, "Device.", next_level=False)
        before = len(device.actions)
        assert await names(managed, "", next_level=False) == first
        assert len(device.actions) == before


async def test_names_of_the_next_level_have_no_grandchildren(managed: AcsDevice) -> None:
    assert await names(managed, "", next_level=True) == {"Device.": False}
    children = await names(managed, "Device.Hosts.", next_level=True)
    assert children == {"Device.Hosts.HostNumberOfEntries": False, "Device.Hosts.Host.": False}
    rows = await names(managed, "Device.Hosts.Host.", next_level=True)
    assert set(rows) == {"Device.Hosts.Host.1.", "Device.Hosts.Host.2."}


async def test_every_listed_parameter_can_be_read(managed: AcsDevice) -> None:
    listed = await names(managed, "Device.", next_level=False)
    read = await values(managed, "Device.")
    assert set(read) == {name for name in listed if not name.endswith(".")}


@pytest.mark.parametrize(
    ("path", "next_level", "code"),
    [
        ("Device.Nothing.", False, 9005),
        ("Device.Nothing", False, 9005),
        ("Device.Time.NTPServer1", True, 9003),
    ],
)
async def test_names_of_what_is_not_there(managed: AcsDevice, path: str, next_level: bool, code: int) -> None:
    with pytest.raises(AcsFault) as caught:
        await managed.request(GetParameterNames(path, next_level))
    assert caught.value.code == code


async def test_a_value_that_is_set_is_at_the_device_at_once(
    managed: AcsDevice, device: SimulatedDevice
) -> None:
    parameter = ParameterValueStruct("Device.Time.NTPServer1", "a & b < c > d")
    response = await managed.request(SetParameterValues((parameter,), "key-1"))
    assert response == SetParameterValuesResponse(0)
    assert device.values["/BBF/Time/NTPServer1"] == "a & b < c > d"
    assert (await values(managed, "Device.ManagementServer.ParameterKey")).popitem()[1][0] == "key-1"


async def test_what_cannot_be_set_is_named_and_nothing_is_sent(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with quiet_device(acs, tmp_path) as (managed, device):
        before = len(device.actions)
        fault = await fault_of(
            managed,
            ParameterValueStruct("Device.Time.NTPServer1", "good"),
            ParameterValueStruct("Device.Time.Nothing", "x"),
            ParameterValueStruct("Device.DeviceInfo.SerialNumber", "x"),
            ParameterValueStruct("Device.Time.Enable", "maybe", "boolean"),
        )
        assert len(device.actions) == before
    assert fault.code == 9003
    assert {each.parameter_name: each.fault_code for each in fault.parameters} == {
        "Device.Time.Nothing": 9005,
        "Device.DeviceInfo.SerialNumber": 9008,
        "Device.Time.Enable": 9007,
    }


async def test_the_methods_are_the_true_ones(managed: AcsDevice) -> None:
    response = await managed.request(GetRPCMethods())
    assert isinstance(response, GetRPCMethodsResponse)
    assert {"GetParameterNames", "GetParameterValues", "SetParameterValues"} <= set(response.method_list)


async def test_a_device_that_left_is_offline_and_comes_back_without_a_boot(
    managed: AcsDevice, settings: Settings, device: SimulatedDevice
) -> None:
    informs = len(managed.informs)
    await device.byebye()
    await report_of(settings, device, online=False)
    assert await managed.connection_request() == 503
    await device.alive()
    await report_of(settings, device)
    assert await managed.connection_request() == 200
    await managed.wait_event(EventCode.CONNECTION_REQUEST)
    told = {event for inform in managed.informs[informs:] for event in inform.events}
    assert not {EventCode.BOOTSTRAP, EventCode.BOOT} & told


async def test_a_byebye_that_an_alive_follows_loses_nothing(
    managed: AcsDevice, device: SimulatedDevice
) -> None:
    informs = len(managed.informs)
    await device.byebye()
    await device.alive()
    assert await managed.connection_request() == 200
    await managed.wait_event(EventCode.CONNECTION_REQUEST)
    assert [inform.events for inform in managed.informs[informs:]] == [(EventCode.CONNECTION_REQUEST,)]


async def test_a_wrong_password_is_refused(managed: AcsDevice) -> None:
    assert managed.credentials
    assert await managed.connection_request(managed.credentials[0], "wrong") == 401


async def test_a_restart_of_the_proxier_is_no_news(
    acs: EmbeddedAcs, settings: Settings, device: SimulatedDevice
) -> None:
    async with running(settings):
        at_acs = await acs.device(id_of(device), timeout=10)
        await at_acs.session_over()
        rows = await names(at_acs, "Device.Hosts.Host.", next_level=True)
        before = await report_of(settings, device)
        await at_acs.session_over()
    informs = len(at_acs.informs)
    async with running(settings):
        after = await report_of(settings, device)
        assert await names(at_acs, "Device.Hosts.Host.", next_level=True) == rows
    assert all(set(inform.events) == {EventCode.CONNECTION_REQUEST} for inform in at_acs.informs[informs:])
    for field in ("device_id", "number", "udn", "first_seen", "connection_request_url"):
        assert after[field] == before[field]


async def test_the_gateway_lists_its_virtual_devices(
    acs: EmbeddedAcs, tmp_path: Path, device: SimulatedDevice
) -> None:
    settings = settings_for(acs.url, tmp_path, [device], gateway=True)
    async with running(settings):
        await report_of(settings, device)
        gateway = await acs.device("000000-CPEProxier-GATEWAY")
        await gateway.session_over()
        table = await values(gateway, "Device.ManagementServer.VirtualDevice.")
        count = await values(gateway, "Device.ManagementServer.VirtualDeviceNumberOfEntries")
    row = "Device.ManagementServer.VirtualDevice.1."
    assert table[f"{row}ManufacturerOUI"][0] == device.oui
    assert table[f"{row}ProductClass"][0] == device.product_class
    assert table[f"{row}SerialNumber"][0] == device.serial
    assert table[f"{row}ProxyProtocol"][0] == "UPnP-DM"
    assert table[f"{row}DiscoveryProtocol"][0] == "UPnP"
    assert count == {"Device.ManagementServer.VirtualDeviceNumberOfEntries": ("1", "unsignedInt")}
