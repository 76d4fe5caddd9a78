"""The parameters that stand for SoftwareManagement, and the RPCs of software, on a device in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import (
    ChangeDUState,
    ChangeDUStateResponse,
    Download,
    DownloadResponse,
    InstallOpStruct,
    ParameterValueStruct,
    Upload,
)
from proxier.operations import Operations
from proxier.software_objects import SoftwareObjects
from proxier.software_rpcs import SoftwareRpcs
from tests.cwmp_client.memory_journal import MemoryJournal
from tests.proxier.home import NOON, Home
from translation.actions import DeviceUnreachable, Service, StateChange
from translation.bms import LogInfo
from translation.files import RelayMode
from translation.logs import LogFiles, begin_upload
from translation.operations import SessionEnded
from translation.software import Software

SMS = frozenset(
    {"Install", "Update", "Uninstall", "Start", "Stop", "GetOperationIDs", "GetOperationInfo"}
    | {"GetDUIDs", "GetDUInfo", "GetEUIDs", "GetErrorEUIDs", "GetEUInfo"}
)
POLICY = "Device.ManagementServer.AutonomousTransferCompletePolicy."
UNIT = "Device.SoftwareModules.DeploymentUnit.2."
RUNNING = "Device.SoftwareModules.ExecutionUnit.7."
UNITS: Mapping[str, Any] = {
    "GetDUIDs": {"DUIDs": "0,2"},
    "GetDUInfo": {"DUName": "app", "DUVersion": "1.0", "DUState": "Installed", "DUURI": "http://a/b"},
    "GetEUIDs": {"EUIDs": "0,7"},
    "GetErrorEUIDs": {"ErrorEUIDs": ""},
    "GetEUInfo": {"EUName": "app", "EURequestedState": "Active", "EURunningState": "Running"},
}


@dataclass
class Managed:
    home: Home
    operations: Operations
    objects: SoftwareObjects
    rpcs: SoftwareRpcs

    async def values(self, *paths: str) -> dict[str, str]:
        await self.objects.nodes()
        return {each.name: each.value for each in await self.objects.values(paths)}

    async def set(self, **values: str) -> int:
        given = [ParameterValueStruct(name, value) for name, value in values.items()]
        assert await self.objects.check(given) == []
        applied = await self.objects.set(given)
        await self.home.journal.save(applied.records)
        return applied.status

    @property
    def software(self) -> Software:
        return self.objects.software


@asynccontextmanager
async def managed(
    home: Home | None = None,
    *,
    actions: frozenset[str] | None = SMS,
    own: Collection[str] = (),
    relay: RelayMode = RelayMode.AUTO,
    tells: bool = False,
) -> AsyncIterator[Managed]:
    home = home or Home()
    home.answers = {**UNITS, **home.answers}
    async with home.operations(Software) as operations:
        objects = SoftwareObjects(
            "a device",
            operations,
            home.drive,
            home,
            own_names=lambda: own,
            tells=lambda: tells,
            records=home.journal.records,
            time_out_seconds=60,
            now=lambda: NOON,
        )
        if actions is not None:
            await objects.offer(actions, frozenset({"GetValues"}))
        yield Managed(home, operations, objects, SoftwareRpcs(operations, objects, relay, lambda: NOON))


# ------------------------------------------------------------------ what there is


async def test_what_the_device_offers_appears() -> None:
    async with managed() as device:
        nodes = await device.objects.nodes()
        assert await device.objects.nodes() is nodes
    writable = {name for name, node in nodes.items() if node.writable}
    assert f"{RUNNING}RequestedState" in writable
    assert f"{POLICY}Enable" in writable
    assert len(writable) == 9
    for name in ("Device.SoftwareModules.", "Device.SoftwareModules.DeploymentUnit.", UNIT, RUNNING, POLICY):
        assert not nodes[name].type
    assert nodes[f"{UNIT}UUID"].type == "string"
    assert nodes["Device.SoftwareModules.DeploymentUnitNumberOfEntries"].type == "unsignedInt"


@pytest.mark.parametrize("actions", [frozenset(), None])
async def test_a_device_without_the_service_has_nothing_of_it(actions: frozenset[str] | None) -> None:
    async with managed(actions=actions) as device:
        assert await device.objects.nodes() == {}
        assert device.operations.all == ()


async def test_what_the_device_cannot_do_is_not_writable() -> None:
    async with managed(actions=SMS - {"Start"}) as device:
        nodes = await device.objects.nodes()
    assert not nodes[f"{RUNNING}RequestedState"].writable


async def test_objects_of_the_device_itself_are_left_to_it() -> None:
    async with managed(own=("Device.SoftwareModules.", POLICY)) as device:
        names = set(await device.objects.nodes())
    assert not any(name.startswith(("Device.SoftwareModules.", POLICY)) for name in names)
    assert "Device.ManagementServer.DUStateChangeComplPolicy.Enable" in names


async def test_the_units_of_a_device() -> None:
    async with managed() as device:
        values = await device.values("Device.SoftwareModules.")
        assert values[f"{UNIT}Name"] == "app"
        assert values[f"{RUNNING}Status"] == "Active"
        assert await device.values(f"{UNIT}Version") == {f"{UNIT}Version": "1.0"}
        assert device.objects.cached(f"{UNIT}Version") == ParameterValueStruct(f"{UNIT}Version", "1.0")
        assert device.objects.cached(f"{UNIT}Nothing") is None


async def test_units_are_read_when_they_are_asked_for_and_may_have_changed() -> None:
    async with managed(tells=True) as device:
        await device.values("Device.SoftwareModules.")
        asked = len(device.home.log)
        await device.values("Device.")
        assert len(device.home.log) == asked
        await device.objects.changed(StateChange(Service.BMS, {"LogURIs": ""}))
        await device.values("Device.")
        assert len(device.home.log) == asked
        device.home.answers["GetDUIDs"] = {"DUIDs": "0"}
        await device.objects.changed(StateChange(Service.SMS, {"DUIDs": "0"}))
        assert not [name for name in await device.objects.nodes() if name.startswith(UNIT)]
        await device.objects.restarted()
        device.home.answers["GetDUIDs"] = {"DUIDs": "0,2"}
        assert UNIT in await device.objects.nodes()


@pytest.mark.parametrize(
    ("duids", "euids", "asked"), [("0,2", "0,7", set()), ("", "", {"GetDUIDs", "GetEUIDs", "GetErrorEUIDs"})]
)
async def test_a_first_event_that_lists_no_units_is_not_taken_for_true(
    duids: str, euids: str, asked: set[str]
) -> None:
    async with managed(tells=True) as device:
        told = {"DUIDs": duids, "EUIDs": euids, "ErrorEUIDs": ""}
        await device.objects.changed(StateChange(Service.SMS, told, complete=True))
        names = await device.objects.nodes()
        assert UNIT in names
        assert RUNNING in names
        assert set(device.home.log) & {"GetDUIDs", "GetEUIDs", "GetErrorEUIDs"} == asked


async def test_a_silent_device_has_what_it_had() -> None:
    silence = DeviceUnreachable("no answer")
    home = Home()
    async with managed(home) as device:
        before = await device.values("Device.SoftwareModules.")
    home.answers = {"GetDUInfo": silence, "GetEUIDs": silence}
    async with managed(home, actions=None) as device:
        assert await device.values("Device.SoftwareModules.") == before


async def test_a_unit_that_is_gone() -> None:
    async with managed() as device:
        with pytest.raises(CwmpFault) as fault:
            await device.objects.values(["Device.SoftwareModules.DeploymentUnit.99.Name"])
        assert fault.value.code == 9005
        for change in (device.objects.add(UNIT), device.objects.delete(UNIT)):
            with pytest.raises(CwmpFault) as fault:
                await change
            assert fault.value.code == 9005


async def test_watched_values() -> None:
    async with managed(tells=True) as device:
        await device.objects.nodes()
        await device.objects.watch({f"{UNIT}Version": 2, f"{UNIT}Nothing": 2})
        assert await device.objects.reporting([f"{UNIT}Version"]) == ()
        assert device.objects.changed_values() == []
        device.home.answers["GetDUInfo"] = {**UNITS["GetDUInfo"], "DUVersion": "2.0"}
        await device.objects.changed(StateChange(Service.SMS, {}))
        new = ParameterValueStruct(f"{UNIT}Version", "2.0")
        assert device.objects.changed_values() == [new]
        assert device.objects.changed_values() == []
        await device.objects.watch({f"{UNIT}Version": 0})
        asked = len(device.home.log)
        await device.objects.restarted()
        assert len(device.home.log) == asked
        assert device.objects.changed_values() == []


async def test_a_list_that_cannot_be_saved_is_read_again() -> None:
    async with managed(tells=True) as device:
        device.home.journal.broken = True
        with pytest.raises(OSError, match="disk"):
            await device.objects.nodes()
        assert not device.objects.cached(f"{UNIT}Version")
        device.home.journal.broken = False
        await device.objects.restarted()
        assert UNIT in await device.objects.nodes()


# ------------------------------------------------------------------ what is set


async def test_the_policy_is_set_and_kept() -> None:
    home = Home()
    async with managed(home) as device:
        assert await device.set(**{f"{POLICY}Enable": "0", f"{POLICY}ResultTypeFilter": "Failure"}) == 0
    async with managed(home, actions=None) as device:
        values = await device.values(POLICY)
    assert values[f"{POLICY}Enable"] == "false"
    assert values[f"{POLICY}ResultTypeFilter"] == "Failure"
    assert values[f"{POLICY}TransferTypeFilter"] == "Both"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (f"{POLICY}Enable", "perhaps"),
        (f"{POLICY}ResultTypeFilter", "None"),
        (f"{POLICY}FileTypeFilter", "9 Something"),
        (f"{RUNNING}RequestedState", "Running"),
    ],
)
async def test_what_may_not_be_set(name: str, value: str) -> None:
    async with managed() as device:
        await device.objects.nodes()
        (fault,) = await device.objects.check([ParameterValueStruct(name, value)])
    assert (fault.name, fault.code) == (name, 9007)


@pytest.mark.parametrize(("state", "action"), [("Active", "Start"), ("Idle", "Stop")])
async def test_a_requested_state_is_an_action_after_the_session(state: str, action: str) -> None:
    home = Home()
    home.answers = {"GetOperationIDs": {"OperationIDs": ""}, action: {"OperationID": "1"}}
    async with managed(home) as device:
        await device.objects.nodes()
        assert await device.set(**{f"{RUNNING}RequestedState": state}) == 1
        assert await device.values(f"{RUNNING}RequestedState") == {f"{RUNNING}RequestedState": state}
        assert action not in home.log
        await device.operations.happen(SessionEnded())
        await home.until(lambda: action in home.log)
        await home.until(lambda: not device.software.queue)


async def test_after_an_operation_the_units_of_a_silent_device_are_read_again() -> None:
    home = Home()
    home.answers = {"GetOperationIDs": {"OperationIDs": ""}, "Stop": {"OperationID": "1"}}
    async with managed(home) as device:
        assert (await device.values(f"{RUNNING}RequestedState"))[f"{RUNNING}RequestedState"] == "Active"
        await device.set(**{f"{RUNNING}RequestedState": "Idle"})
        await device.operations.happen(SessionEnded())
        await home.until(lambda: not device.software.queue)
        home.answers["GetEUInfo"] = {"EURequestedState": "Inactive", "EURunningState": "Stopped"}
        assert (await device.values(f"{RUNNING}Status"))[f"{RUNNING}Status"] == "Idle"


# ------------------------------------------------------------------ RPCs


def download(key: str = "key") -> Download:
    return Download(key, "1 Firmware Upgrade Image", "http://acs.example/image")


async def test_a_download_is_saved_before_it_is_answered() -> None:
    home = Home()
    async with managed(home) as device:
        assert await device.rpcs.methods[Download](download()) == DownloadResponse(1)
    async with managed(home, actions=None) as device:
        assert [each.command_key for each in device.rpcs.requested()] == ["key"]


async def test_a_device_that_cannot_be_updated_refuses_downloads() -> None:
    async with managed(actions=frozenset()) as device:
        assert set(device.rpcs.methods) == {Download}
        with pytest.raises(CwmpFault) as fault:
            await device.rpcs.download(download())
    assert fault.value.code == 9001


async def test_changes_of_units_are_queued() -> None:
    request = ChangeDUState((InstallOpStruct("http://acs.example/app"),), "key")
    async with managed() as device:
        assert await device.rpcs.methods[ChangeDUState](request) == ChangeDUStateResponse()
        assert len(device.software.queue) == 1
        assert device.rpcs.requested() == []
        for _ in range(7):
            await device.rpcs.change_du_state(request)
        with pytest.raises(CwmpFault) as fault:
            await device.rpcs.change_du_state(request)
    assert fault.value.code == 9004


async def test_all_transfers_stand_in_one_queue_and_can_be_cancelled() -> None:
    upload = Upload("log", "4 Vendor Log File 1", "http://acs.example/up")
    logs = LogFiles().refreshed([LogInfo("urn:log")])
    async with managed() as device:
        await device.operations.begin(begin_upload(upload, logs, "1", 0, NOON))
        for key in ("a", "b", "a"):
            await device.rpcs.download(download(key))
        assert [each.command_key for each in device.rpcs.requested()] == ["log", "a", "b", "a"]
        assert device.rpcs.autonomous() == []
        for key in ("a", "unknown", "log"):
            await device.rpcs.cancel(key)
        assert [each.command_key for each in device.rpcs.requested()] == ["b"]


async def test_sixteen_transfers_are_the_most() -> None:
    async with managed() as device:
        for number in range(16):
            await device.rpcs.download(download(str(number)))
        with pytest.raises(CwmpFault) as fault:
            await device.rpcs.download(download())
    assert fault.value.code == 9004


async def test_what_cannot_be_saved_is_refused() -> None:
    journal = MemoryJournal()
    async with managed(Home(journal)) as device:
        journal.broken = True
        with pytest.raises(OSError, match="disk"):
            await device.rpcs.download(download())
        assert device.rpcs.requested() == []
