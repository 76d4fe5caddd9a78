from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import ParameterValueStruct
from proxier.demo.device import SimulatedDevice
from proxier.demo.device_tree import Leaf
from proxier.plans import drive
from proxier.proxied_parameters import ProxiedParameters
from tests.proxier.demo.device_client import DeviceClient, Refused, client_of
from translation.actions import (
    ActionCall,
    ActionError,
    ActionResult,
    DeviceUnreachable,
    Plan,
    Service,
    StateChange,
)
from translation.model import Attributes
from translation.paths import Instance

R = TypeVar("R")

INFORM_NAMES = ("Device.DeviceInfo.SoftwareVersion", "Device.DeviceInfo.ProvisioningCode")
ENABLE, SERVER = "Device.Time.Enable", "Device.Time.NTPServer1"
SERVER_PATH = "/BBF/Time/NTPServer1"
MAPPINGS, MAPPINGS_PATH = "Device.NAT.PortMapping.", "/BBF/NAT/PortMapping/"


class Kept:
    """A journal that is a dictionary; it takes nothing but what JSON can hold."""

    def __init__(self) -> None:
        self.records: dict[str, Any] = {}
        self.instances: dict[tuple[str, int], int | None] = {}
        self.broken = False

    async def save(self, records: Mapping[str, Any], instances: Iterable[Instance] = ()) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise OSError("the disk is full")
        self.records |= json.loads(json.dumps(records))
        self.instances |= {(table, number): own for table, number, own in instances}


class House:
    """A simulated device, what was called there, and the parameters that it has through the proxier."""

    def __init__(self, device: SimulatedDevice, client: DeviceClient) -> None:
        self.device = device
        self.client = client
        self.calls: Counter[str] = Counter()
        self.kept = Kept()
        self.plans = asyncio.Lock()
        self.parameters = self.restarted()

    def restarted(self) -> ProxiedParameters:
        """The parameters after a restart of the proxier."""
        actions = self.device.offered["ConfigurationManagement"].actions
        return ProxiedParameters(
            "the lamp",
            self.drive,
            self.kept,
            frozenset(actions),
            inform_names=INFORM_NAMES,
            records=self.kept.records,
            instances=[(table, number, own) for (table, number), own in self.kept.instances.items()],
        )

    async def drive(self, plan: Plan[R], /) -> R:
        async with self.plans:
            return await drive(plan, self.invoke)

    async def invoke(self, call: ActionCall) -> ActionResult:
        self.calls[call.name] += 1
        if not self.device.is_on:
            raise DeviceUnreachable("nobody answers")
        try:
            return ActionResult(await self.client.call(call.name, **call.arguments))
        except Refused as refused:
            raise ActionError(refused.code) from refused

    def called(self) -> Counter[str]:
        calls, self.calls = self.calls, Counter()
        return calls

    async def subscribe(self) -> None:
        """What the control point does: the first event has all variables."""
        variables = {}
        for name in ("ConfigurationUpdate", "SupportedDataModelsUpdate", "SupportedParametersUpdate"):
            variables[name] = (await self.client.call(f"Get{name}"))["StateVariableValue"]
        await self.parameters.notice(StateChange(Service.CMS, variables, complete=True))
        await self.parameters.told(self.kept.save)
        self.called()

    async def event(self) -> tuple[ParameterValueStruct, ...]:
        answer = await self.client.call("GetConfigurationUpdate")
        change = StateChange(Service.CMS, {"ConfigurationUpdate": answer["StateVariableValue"]})
        return (await self.parameters.notice(change)).parameters


@asynccontextmanager
async def house_of(device: SimulatedDevice) -> AsyncIterator[House]:
    async with device, client_of(device) as client:
        yield House(device, client)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with house_of(SimulatedDevice(advertise=False)) as house:
        await house.parameters.nodes()
        await house.subscribe()
        yield house


def value(name: str, text: str, schema: str = "string") -> ParameterValueStruct:
    return ParameterValueStruct(name, text, schema)


async def test_first_contact_takes_few_calls_and_the_second_look_none() -> None:
    async with house_of(SimulatedDevice(advertise=False)) as house:
        nodes = await house.parameters.nodes()
        assert house.called().total() <= 8
        await house.subscribe()
        assert await house.parameters.nodes() is nodes
        assert not house.called()
        assert (nodes[MAPPINGS].writable, nodes[MAPPINGS].type) == (True, "")
        assert (nodes[ENABLE].writable, nodes[ENABLE].type) == (True, "boolean")
        assert not nodes["Device.DeviceInfo.SoftwareVersion"].writable


async def test_a_row_that_proves_to_stay_is_told_so_although_the_tree_is_shared(house: House) -> None:
    row, path = f"{MAPPINGS}1.", f"{MAPPINGS_PATH}0/"
    assert house.parameters.known_nodes()[row].writable
    asked = {path: f"{MAPPINGS_PATH}#/"}
    house.parameters._known.learn_attributes(asked, {path.rstrip("/"): Attributes(writable=False)})
    assert not house.parameters.known_nodes()[row].writable
    other = house.restarted()
    other._known.learn_attributes(asked, {path.rstrip("/"): Attributes(writable=True)})
    assert other.known_nodes()[row].writable
    assert not house.parameters.known_nodes()[row].writable


async def test_values_take_one_call_however_many(house: House) -> None:
    nodes = await house.parameters.nodes()
    names = [name for name, node in nodes.items() if node.type]
    by_name = await house.parameters.values(names)
    assert [each.name for each in by_name] == names
    assert house.called() == {"GetValues": 1}
    assert [each.name for each in await house.parameters.values(["Device."])] == names
    assert house.called() == {"GetValues": 1}
    assert {name: nodes[name].type for name in names} == {each.name: each.type for each in by_name}


async def test_every_value_of_a_large_tree() -> None:
    async with house_of(SimulatedDevice(advertise=False, extra_parameters=1000, greatest_read=300)) as house:
        nodes = await house.parameters.nodes()
        house.called()
        values = await house.parameters.values(["Device."])
        assert [each.name for each in values] == [name for name, node in nodes.items() if node.type]
        assert house.called()["GetValues"] < 20


async def test_values_are_set_by_one_call(house: House) -> None:
    setting = [value(SERVER, "a.example"), value(ENABLE, "false", "boolean")]
    assert await house.parameters.check(setting) == []
    applied = await house.parameters.set(setting)
    assert house.called() == {"SetValues": 1}
    assert applied.status == 0
    assert house.device.values[SERVER_PATH] == "a.example"
    assert house.device.values["/BBF/Time/Enable"] == "0"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (value("Device.Time.Nothing", "x"), 9005),
        (value("Device.Time.", "x"), 9005),
        (value("Device.Time.Status", "x"), 9008),
        (value(ENABLE, "true", "string"), 9006),
        (value(ENABLE, "perhaps", "boolean"), 9007),
        (value(SERVER, "\x00"), 9007),
        (value("Device.X_00005E_Samples.Counter", "3000000000", "int"), 9007),
    ],
)
async def test_what_cannot_be_set_is_named_without_a_call(
    house: House, wrong: ParameterValueStruct, code: int
) -> None:
    await house.parameters.nodes()
    faults = await house.parameters.check([value(SERVER, "fine"), wrong])
    assert [(fault.name, fault.code) for fault in faults] == [(wrong.name, code)]
    assert not house.called()


async def test_a_device_out_of_reach_has_the_names_that_it_had(house: House) -> None:
    before = await house.parameters.nodes()
    await house.device.power_off()
    assert await house.parameters.nodes() == before


async def test_what_the_device_refuses_is_a_fault(house: House) -> None:
    house.device.fail("SetValues", 705)
    with pytest.raises(CwmpFault) as caught:
        await house.parameters.set([value(SERVER, "x")])
    assert [(each.name, each.code) for each in caught.value.parameters] == [(SERVER, 9007)]


async def test_a_device_that_does_not_answer_is_named(house: House) -> None:
    await house.device.power_off()
    with pytest.raises(CwmpFault) as caught:
        await house.parameters.values([SERVER])
    assert (caught.value.code, caught.value.text) == (9002, "the lamp: nobody answers")
    assert house.parameters.cached("Device.DeviceInfo.SoftwareVersion") == value(
        "Device.DeviceInfo.SoftwareVersion", "1.0.0"
    )


async def test_a_name_that_the_device_has_not_any_more_has_the_rows_read_again(house: House) -> None:
    name = f"{MAPPINGS}1.Description"
    house.device.remove_row(f"{MAPPINGS_PATH}0/")
    with pytest.raises(CwmpFault) as caught:
        await house.parameters.values([name])
    assert caught.value.code == 9005
    assert name not in await house.parameters.nodes()


async def test_rows_are_added_and_deleted_and_numbers_never_used_again(house: House) -> None:
    before = await house.parameters.nodes()
    assert await house.parameters.add(MAPPINGS) == (2, 0)
    assert house.called() == {"CreateInstance": 1}
    assert house.kept.instances[MAPPINGS, 2] == 1
    after = await house.parameters.nodes()
    assert after is not before
    assert after[f"{MAPPINGS}2."].writable
    assert await house.parameters.delete(f"{MAPPINGS}2.") == 0
    assert house.called() == {"DeleteInstance": 1}
    assert house.kept.instances[MAPPINGS, 2] is None
    assert (await house.parameters.add(MAPPINGS))[0] == 3


async def test_numbers_after_restarts_and_behind_our_back() -> None:
    async with house_of(SimulatedDevice(advertise=False, reuse_instances=True)) as house:
        await house.parameters.nodes()
        assert await house.parameters.add(MAPPINGS) == (2, 0)
        house.device.remove_row(f"{MAPPINGS_PATH}1/")
        await house.parameters.nodes()
        house.parameters = house.restarted()
        house.device.add_row(MAPPINGS_PATH)
        nodes = await house.parameters.nodes()
        rows = [
            name for name in nodes if name.startswith(MAPPINGS) and name.count(".") == 4 and name[-1] == "."
        ]
        assert rows == [f"{MAPPINGS}1.", f"{MAPPINGS}3."]


async def test_a_change_at_the_device_is_told_and_our_own_is_not(house: House) -> None:
    await house.parameters.watch({SERVER: 2, ENABLE: 1})
    assert house.called() == {"SetAttributes": 1}
    await house.parameters.settled()
    await house.parameters.set([value(SERVER, "ours")])
    assert await house.event() == ()
    house.device.change(SERVER_PATH, "theirs")
    assert await house.event() == (value(SERVER, "theirs"),)
    assert house.kept.records["cms.values"][SERVER] == ["ntp.example", "string"]
    await house.parameters.set([value(ENABLE, "true", "boolean")])
    await house.parameters.nodes()
    assert house.kept.records["cms.values"][SERVER] == ["ntp.example", "string"]
    await house.parameters.told(house.kept.save)
    assert house.kept.records["cms.values"][SERVER] == ["theirs", "string"]
    house.device.change("/BBF/Time/Enable", "0")
    await house.parameters.watch({SERVER: 0})
    assert house.parameters.cached(SERVER) is None
    assert await house.event() == (value(ENABLE, "false", "boolean"),)


async def test_what_has_event_on_change_already_is_known_after_one_call(house: House) -> None:
    house.device.cms.event_on_change.add(SERVER_PATH)
    names = [SERVER, ENABLE, *INFORM_NAMES]
    assert await house.parameters.reporting(names) == [SERVER]
    assert house.called() == {"GetAttributes": 1}
    await house.parameters.watch({SERVER: 1})
    assert await house.parameters.reporting([ENABLE]) == []
    assert not house.called()
    await house.parameters.settled()
    house.device.change(SERVER_PATH, "theirs")
    assert await house.event() == (value(SERVER, "theirs"),)


async def test_what_every_inform_tells_is_watched_although_the_acs_is_not_interested(house: House) -> None:
    software = INFORM_NAMES[0]
    await house.parameters.watch({software: 2, SERVER: 2})
    await house.parameters.watch({software: 0, SERVER: 0})
    house.device.change("/BBF/DeviceInfo/SoftwareVersion", "2.0")
    assert await house.event() == (value(software, "2.0"),)
    assert SERVER_PATH not in house.device.cms.event_on_change


async def test_a_watched_parameter_that_was_away_is_watched_again(house: House) -> None:
    await house.parameters.watch({SERVER: 2})
    await house.parameters.settled()
    leaf = house.device.values.leaf(SERVER_PATH)
    house.device.cms.remove_parameter(SERVER_PATH)
    house.device.cms.event_on_change.discard(SERVER_PATH)
    await house.subscribe()
    assert house.parameters.cached(SERVER) is None
    house.device.cms.add_parameter(SERVER_PATH, leaf)
    await house.subscribe()
    house.device.change(SERVER_PATH, "theirs")
    assert await house.event() == (value(SERVER, "theirs"),)


async def test_a_change_while_the_proxier_was_away_is_told(house: House) -> None:
    await house.parameters.watch({SERVER: 2})
    await house.parameters.settled()
    house.device.change(SERVER_PATH, "meanwhile")
    house.parameters = house.restarted()
    assert house.parameters.cached(SERVER) == value(SERVER, "ntp.example")
    assert (await house.parameters.poll()).parameters == (value(SERVER, "meanwhile"),)


async def test_what_was_found_but_not_told_is_found_again_after_a_restart(house: House) -> None:
    await house.parameters.watch({SERVER: 2})
    await house.parameters.settled()
    house.device.change(SERVER_PATH, "new")
    assert await house.event() == (value(SERVER, "new"),)
    house.parameters = house.restarted()
    await house.parameters.nodes()
    assert (await house.parameters.poll()).parameters == (value(SERVER, "new"),)


async def test_rows_that_come_and_go_are_seen_after_their_event(house: House) -> None:
    house.device.add_row("/BBF/Hosts/Host/", {"HostName": "new"})
    await house.event()
    house.called()
    nodes = await house.parameters.nodes()
    assert "Device.Hosts.Host.3.HostName" in nodes
    assert not house.called()


async def test_without_events_rows_are_asked_for_by_one_call(house: House) -> None:
    house.parameters.events_lost()
    house.device.add_row("/BBF/Hosts/Host/")
    assert "Device.Hosts.Host.3.HostName" in await house.parameters.nodes()
    assert house.called()["GetInstances"] == 1
    await house.parameters.nodes()
    assert house.called() == {"GetInstances": 1}


async def test_a_new_parameter_of_the_device_is_seen_after_its_event(house: House) -> None:
    house.device.cms.add_parameter("/BBF/Time/NTPServer3", Leaf(writable=True))
    answer = await house.client.call("GetSupportedParametersUpdate")
    change = StateChange(Service.CMS, {"SupportedParametersUpdate": answer["StateVariableValue"]})
    await house.parameters.notice(change)
    house.called()
    assert (await house.parameters.nodes())["Device.Time.NTPServer3"].writable
    assert not house.called()


@pytest.mark.parametrize(
    ("action", "writable"),
    [("SetValues", {MAPPINGS}), ("CreateInstance", {ENABLE}), ("DeleteInstance", {ENABLE, MAPPINGS})],
)
async def test_what_the_scpd_lacks_is_not_writable(action: str, writable: set[str]) -> None:
    device = SimulatedDevice(advertise=False, without_actions=frozenset({action}))
    async with house_of(device) as house:
        nodes = await house.parameters.nodes()
        assert {name for name in (ENABLE, MAPPINGS) if nodes[name].writable} == writable
        assert nodes[f"{MAPPINGS}1."].writable is (action != "DeleteInstance")


async def test_actions_may_change(house: House) -> None:
    house.parameters.actions -= {"SetValues"}
    assert not (await house.parameters.nodes())[ENABLE].writable


async def test_after_a_reset_nothing_is_watched(house: House) -> None:
    await house.parameters.watch({SERVER: 2})
    assert house.parameters.baseline_reset()["cms.notifications"] == {}
    house.called()
    await house.parameters.nodes()
    assert house.called() == {"GetInstances": 1, "GetAttributes": 1}


async def test_numbers_are_saved_before_anyone_is_told_of_them() -> None:
    async with house_of(SimulatedDevice(advertise=False)) as house:
        house.kept.broken = True
        for _ in range(2):
            with pytest.raises(OSError, match="disk"):
                await house.parameters.nodes()
        house.kept.broken = False
        first, second = await asyncio.gather(house.parameters.nodes(), house.parameters.nodes())
        assert first is second
        assert house.kept.instances["Device.Hosts.Host.", 2] == 1
        assert "cms.model" in house.kept.records
