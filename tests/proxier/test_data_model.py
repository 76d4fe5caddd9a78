"""The data model on real sockets: what the device refuses, what RPCs cost, attributes and changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cwmp_client.messages import (
    AcsRequest,
    AddObject,
    AddObjectResponse,
    DeleteObject,
    EventCode,
    GetParameterAttributes,
    GetParameterValues,
    ParameterValueStruct,
    SetParameterAttributes,
    SetParameterAttributesStruct,
    SetParameterValues,
)
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from tests.proxier.managed import (
    MANAGEMENT_SERVER,
    MAPPINGS,
    Managed,
    counted_device,
    id_of,
    managed_device,
    notifying,
    state_of,
)
from tests.proxier.running import report_of, settings_for
from translation.errors import TABLE_2

pytestmark = pytest.mark.usefixtures("own_group")

SERVER, SERVER_PATH = "Device.Time.NTPServer1", "/BBF/Time/NTPServer1"
ZONE, ZONE_PATH = "Device.Time.LocalTimeZone", "/BBF/Time/LocalTimeZone"
LOAD = "Device.X_00005E_Load.Entry."
PARAMETER_KEY = f"{MANAGEMENT_SERVER}ParameterKey"
ENABLED = ParameterValueStruct(f"{MAPPINGS}1.Enable", "false", "boolean")
GATEWAY = "000000-CPEProxier-GATEWAY"


@pytest.fixture
async def managed(acs: EmbeddedAcs, tmp_path: Path) -> AsyncIterator[Managed]:
    async with managed_device(acs, tmp_path) as managed:
        yield managed


@pytest.fixture
async def counted(acs: EmbeddedAcs, tmp_path: Path) -> AsyncIterator[Managed]:
    async with counted_device(acs, tmp_path, extra_parameters=300) as managed:
        yield managed


# ---------------------------------------------------------------- Table 2

FAULTS: Mapping[int, int] = {
    **dict.fromkeys((401, 501, 602, 604, 607, 612, 613, 699, 800, 899), 9001),
    **dict.fromkeys((402, 600, 601, 605, 701, 702), 9003),
    **dict.fromkeys((603, 708, 709), 9004),
    606: 9002,
    703: 9005,
    704: 9006,
    705: 9007,
    706: 9008,
    **dict.fromkeys((707, 900, 42), 9001),  # in no row
}
"""What the ACS gets for an error of the device. Source: TR-330 Table 2"""

REQUESTS: Mapping[str, AcsRequest] = {
    "SetValues": SetParameterValues((ParameterValueStruct(SERVER, "x"),), "new key"),
    "GetValues": GetParameterValues((SERVER,)),
    "GetAttributes": GetParameterAttributes((SERVER,)),
    "SetAttributes": notifying({SERVER: 2}),
    "CreateInstance": AddObject(MAPPINGS, "new key"),
    "DeleteInstance": DeleteObject(f"{MAPPINGS}1.", "new key"),
}
"""An RPC that calls an action."""


def test_every_row_of_table_2_is_tried() -> None:
    assert all({row.first, row.last} <= FAULTS.keys() for row in TABLE_2)


@pytest.mark.parametrize("action", REQUESTS)
async def test_what_the_device_refuses_is_the_fault_of_table_2(managed: Managed, action: str) -> None:
    device, before = managed.device, state_of(managed.device)
    calls = device.count(action)
    for code in FAULTS:
        device.fail(action, code)
    faults = await asyncio.gather(*(managed.fault(REQUESTS[action]) for _ in FAULTS))
    found: dict[int, Any] = {}
    expected: dict[int, Any] = {}
    for code, fault in zip(FAULTS, faults, strict=True):
        named = [(each.parameter_name, each.fault_code) for each in fault.parameters]
        found[code] = (fault.code, named)
        of_one = action == "SetValues" and 9005 <= FAULTS[code] <= 9008
        if of_one:
            expected[code] = (9003, [(SERVER, FAULTS[code])])
        else:
            expected[code] = (9003 if 9006 <= FAULTS[code] <= 9008 else FAULTS[code], [])
    assert found == expected
    assert device.count(action) == calls + len(FAULTS)
    assert state_of(device) == before
    assert await managed.read(PARAMETER_KEY) == {PARAMETER_KEY: ""}


async def test_of_several_parameters_none_is_accused(managed: Managed) -> None:
    managed.device.fail("SetValues", 705)
    both = tuple(ParameterValueStruct(name, "x") for name in (SERVER, ZONE))
    fault = await managed.fault(SetParameterValues(both, ""))
    assert (fault.code, fault.parameters) == (9003, ())


# ---------------------------------------------------------------- costs


async def test_what_rpcs_cost_whatever_the_number_of_names(counted: Managed) -> None:
    everything = await counted.names("Device.", next_level=False)
    assert await counted.cost(counted.names("Device.", next_level=False)) == {}
    assert await counted.cost(counted.names(MAPPINGS)) == {}
    assert await counted.cost(counted.read("Device.")) == {"GetValues": 1}
    parameters = [name for name in everything if not name.endswith(".")]
    assert await counted.cost(counted.read(*parameters)) == {"GetValues": 1}
    entries = [name for name in parameters if name.startswith(LOAD) and not name.endswith(".Alias")]
    assert len(entries) == 300
    assert await counted.cost(counted.write(dict.fromkeys(entries, "x"))) == {"SetValues": 1}
    assert await counted.cost(counted.attributes("Device.")) == {"GetAttributes": 1}
    assert await counted.cost(counted.attributes("Device.", *parameters)) == {}
    assert await counted.cost(counted.acs.request(notifying({LOAD: 1, SERVER: 2}))) == {"SetAttributes": 1}


async def test_what_objects_cost(counted: Managed) -> None:
    assert await counted.cost(counted.add(MAPPINGS)) == {"CreateInstance": 1}
    assert await counted.cost(counted.names(MAPPINGS)) == {}
    assert await counted.cost(counted.delete(f"{MAPPINGS}2.")) == {"DeleteInstance": 1}
    assert await counted.cost(counted.names(MAPPINGS)) == {}


async def test_what_the_proxier_has_itself_costs_nothing(counted: Managed) -> None:
    assert await counted.cost(counted.read(MANAGEMENT_SERVER + "URL", f"{MAPPINGS}1.Alias")) == {}
    assert await counted.cost(counted.write({f"{MAPPINGS}1.Alias": "web"})) == {}
    notifications = {f"{MAPPINGS}1.Alias": 2, f"{MANAGEMENT_SERVER}URL": 1}
    assert await counted.cost(counted.acs.request(notifying(notifications))) == {}
    assert await counted.cost(counted.attributes(*notifications)) == {}


async def test_aliases_cost_nothing_more(counted: Managed) -> None:
    web = f"{MAPPINGS}[web]."
    assert await counted.cost(counted.add(web)) == {"CreateInstance": 1}
    assert await counted.cost(counted.names(web)) == {}
    assert await counted.cost(counted.read(web, f"{MAPPINGS}[cpe-1].Enable")) == {"GetValues": 1}
    assert await counted.cost(counted.write({f"{web}Description": "x", f"{web}Enable": "1"})) == {
        "SetValues": 1
    }
    await counted.write({MANAGEMENT_SERVER + "InstanceMode": "InstanceAlias"})
    assert await counted.cost(counted.names("", next_level=False)) == {}
    assert await counted.cost(counted.read("Device.")) == {"GetValues": 1}
    assert await counted.cost(counted.delete(web)) == {"DeleteInstance": 1}


# ---------------------------------------------------------------- objects and the ParameterKey


async def test_the_parameter_key_changes_with_what_was_done(managed: Managed) -> None:
    assert await managed.add(MAPPINGS, key="added") == 2
    assert await managed.read(PARAMETER_KEY) == {PARAMETER_KEY: "added"}
    assert await managed.delete(f"{MAPPINGS}2.", key="deleted") == 0
    assert await managed.read(PARAMETER_KEY) == {PARAMETER_KEY: "deleted"}
    for request in (
        AddObject("Device.Hosts.Host.", "no"),
        AddObject(f"{MAPPINGS}9.", "no"),
        DeleteObject(f"{MAPPINGS}2.", "no"),
        DeleteObject("Device.Hosts.Host.1.", "no"),
        SetParameterValues((ParameterValueStruct("Device.DeviceInfo.SerialNumber", "x"),), "no"),
    ):
        await managed.fault(request)
    assert await managed.read(PARAMETER_KEY) == {PARAMETER_KEY: "deleted"}


@pytest.mark.parametrize(("commits_only", "status"), [(False, 0), (True, 1)])
async def test_the_status_tells_whether_a_change_is_in_force(
    acs: EmbeddedAcs, tmp_path: Path, commits_only: bool, status: int
) -> None:
    async with managed_device(acs, tmp_path, commits_only=commits_only) as managed:
        assert await managed.write({SERVER: "x"}) == status
        added = await managed.acs.request(AddObject(MAPPINGS, ""))
        assert added == AddObjectResponse(2, status)
        assert await managed.delete(f"{MAPPINGS}2.") == status


# ---------------------------------------------------------------- attributes


async def test_attributes_are_those_of_the_acs_and_survive_a_restart(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    async with SimulatedDevice(serial="attributes") as device:
        settings = settings_for(acs.url, tmp_path, [device])
        wanted = {SERVER: 2, ZONE: 1}
        async with running(settings):
            managed = Managed(await acs.device(id_of(device), timeout=10), device)
            await managed.acs.request(notifying(wanted))
            assert {SERVER_PATH, ZONE_PATH} <= device.cms.event_on_change
            assert wanted.items() <= (await managed.attributes("Device.Time.")).items()
        async with running(settings):
            await report_of(settings, device)
            assert wanted.items() <= (await managed.attributes("Device.Time.")).items()
            await managed.acs.request(notifying({"Device.Time.": 0}))
            assert not {SERVER_PATH, ZONE_PATH} & device.cms.event_on_change
            assert set((await managed.attributes("Device.Time.")).values()) == {0}


async def test_what_is_always_active_stays_so(managed: Managed) -> None:
    version, code = "Device.DeviceInfo.SoftwareVersion", "Device.DeviceInfo.ProvisioningCode"
    for name in (version, code):
        assert (await managed.fault(notifying({SERVER: 2, name: 0}))).code == 9009
    await managed.acs.request(notifying({"Device.DeviceInfo.": 1}))
    found = await managed.attributes("Device.DeviceInfo.", SERVER)
    assert (found[version], found[code], found[SERVER]) == (2, 2, 0)
    assert found["Device.DeviceInfo.ModelName"] == 1


async def test_an_access_list_cannot_be_changed(managed: Managed) -> None:
    change = SetParameterAttributesStruct(SERVER, True, 2, True, ("Subscriber",))
    assert (await managed.fault(SetParameterAttributes((change,)))).code == 9003
    assert (await managed.attributes(SERVER)) == {SERVER: 0}


async def test_a_device_that_cannot_tell_of_changes_rejects_notifications_of_its_own(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    without = frozenset({"SetAttributes"})
    async with managed_device(acs, tmp_path, without_actions=without) as managed:
        assert (await managed.fault(notifying({SERVER: 2}))).code == 9009
        own = {MANAGEMENT_SERVER + "URL": 2, f"{MAPPINGS}1.Alias": 1}
        await managed.acs.request(notifying(own))
        assert await managed.attributes(*own) == own


async def test_what_the_device_tells_of_unasked_is_passive(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with managed_device(acs, tmp_path) as managed:
        managed.device.cms.event_on_change.add(ZONE_PATH)
        async with managed.reading():
            assert await managed.attributes(ZONE, SERVER) == {ZONE: 1, SERVER: 0}
        async with managed.reading():
            managed.device.change(ZONE_PATH, "UTC")
        for _ in range(2):  # the first may be too early by a hair
            assert await managed.read(ZONE) == {ZONE: "UTC"}
            await managed.acs.session_over()
        assert managed.changes() == [{ZONE: "UTC"}]


# ---------------------------------------------------------------- value changes


async def test_a_change_reaches_the_acs_within_a_second(managed: Managed) -> None:
    await managed.notify({SERVER: 2})
    for value in ("one", "two", "three"):
        began = datetime.now(UTC)
        managed.device.change(SERVER_PATH, value)
        inform = await managed.acs.wait_event(EventCode.VALUE_CHANGE)
        assert inform.at - began < timedelta(seconds=1)
        assert inform.parameters[SERVER] == value
        await managed.acs.session_over()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"events_overtake_answers": True},
        {"commits_only": True},
        {"eventing": False},
        {"without_actions": frozenset({"GetConfigurationUpdate"})},
    ],
    ids=["plain", "events overtake", "commits only", "no events", "no event of the configuration"],
)
async def test_what_the_acs_has_set_is_no_news_to_it(
    acs: EmbeddedAcs, tmp_path: Path, options: dict[str, Any]
) -> None:
    async with SimulatedDevice(advertise=False, **options) as device:
        settings = settings_for(
            acs.url, tmp_path, locations=(device.location,), interfaces=(), search_interval=1
        )
        async with running(settings):
            managed = Managed(await acs.device(id_of(device), timeout=10), device)
            await managed.acs.session_over()
            await managed.notify({SERVER: 2, ZONE: 2, MAPPINGS: 2})
            for value in ("a", "b", " c ", "0"):
                await managed.write(
                    {SERVER: value, f"{MAPPINGS}1.Enable": "0", f"{MAPPINGS}1.Description": value}
                )
            await managed.acs.session_over()
            device.change(ZONE_PATH, "UTC")
            await managed.acs.wait_event(EventCode.VALUE_CHANGE)
            assert managed.changes() == [{ZONE: "UTC"}]
            device.change(SERVER_PATH, "theirs")
            await managed.acs.wait_event(EventCode.VALUE_CHANGE)
            assert managed.changes() == [{ZONE: "UTC"}, {SERVER: "theirs"}]


@pytest.mark.parametrize("first", ["write", "read", "nothing"])
async def test_what_was_so_before_it_was_watched_is_no_news(managed: Managed, first: str) -> None:
    """In one session: what the ACS knows it is not told, though its own requests bring events."""
    before: dict[str, list[AcsRequest]] = {
        "write": [SetParameterValues((ParameterValueStruct(SERVER, "ours"), ENABLED), "")],
        "read": [
            AddObject(MAPPINGS),
            GetParameterValues((SERVER,)),
            SetParameterValues((ENABLED,), ""),
        ],
        "nothing": [],
    }
    requests = [*before[first], notifying({SERVER: 2}), AddObject(MAPPINGS), DeleteObject(f"{MAPPINGS}1.")]
    await asyncio.gather(*(managed.acs.request(request) for request in requests))
    await managed.acs.session_over()
    managed.device.change(SERVER_PATH, "theirs")
    await managed.acs.wait_event(EventCode.VALUE_CHANGE)
    assert managed.changes() == [{SERVER: "theirs"}]


@pytest.mark.parametrize(("moderation", "pause"), [(0.0, 0.0), (0.2, 0.0), (0.2, 0.001)])
async def test_two_hundred_changes_at_once_give_one_or_two_informs_and_lose_none(
    acs: EmbeddedAcs, tmp_path: Path, moderation: float, pause: float
) -> None:
    async with managed_device(acs, tmp_path, extra_parameters=200, moderation=moderation) as managed:
        await managed.notify({LOAD: 2})
        paths = [path for path in managed.device.values if "/X_00005E_Load/" in path]
        assert len(paths) == 200
        for path in paths:
            managed.device.change(path, f"new {path}")
            await asyncio.sleep(pause)
        expected = {f"new {path}" for path in paths}
        seen: set[str] = set()
        while not expected <= seen:
            await managed.acs.wait_event(EventCode.VALUE_CHANGE)
            seen |= {value for inform in managed.changes() for value in inform.values()}
        await managed.acs.session_over()
        assert seen == expected
        assert len(managed.changes()) in {1, 2}


async def test_a_passive_change_rides_along(managed: Managed) -> None:
    await managed.notify({SERVER: 1, ZONE: 2})
    managed.device.change(SERVER_PATH, "passive")
    managed.device.change(ZONE_PATH, "UTC")
    await managed.acs.wait_event(EventCode.VALUE_CHANGE)
    assert managed.changes() == [{SERVER: "passive", ZONE: "UTC"}]


async def test_changes_are_told_no_more_often_than_the_throttle_allows(managed: Managed) -> None:
    await managed.notify({SERVER: 2})
    throttle = ParameterValueStruct(
        f"{MANAGEMENT_SERVER}DefaultActiveNotificationThrottle", "1", "unsignedInt"
    )
    await managed.acs.request(SetParameterValues((throttle,), ""))
    await managed.acs.session_over()
    over = datetime.now(UTC)
    managed.device.change(SERVER_PATH, "new")
    inform = await managed.acs.wait_event(EventCode.VALUE_CHANGE)
    assert inform.at - over > timedelta(seconds=0.8)


async def test_the_gateway_tells_of_new_virtual_devices(acs: EmbeddedAcs, tmp_path: Path) -> None:
    count = f"{MANAGEMENT_SERVER}VirtualDeviceNumberOfEntries"
    async with SimulatedDevice(serial="first") as first, SimulatedDevice(serial="second") as second:
        await second.byebye()
        await second.power_off()
        settings = settings_for(acs.url, tmp_path, [first, second], gateway=True)
        async with running(settings):
            await report_of(settings, first)
            gateway = await acs.device(GATEWAY)
            await gateway.request(notifying({count: 2}))
            await gateway.session_over()
            await second.power_on()
            inform = await gateway.wait_event(EventCode.VALUE_CHANGE)
            assert inform.parameters[count] == "2"
