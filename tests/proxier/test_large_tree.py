"""A device with twenty thousand parameters, and one that does not give as much at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cwmp_client.messages import ParameterValueStruct, SetParameterValues
from proxier.control_socket import ask, socket_path
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from proxier.demo.device_model import LOAD_PARAMETERS_IN_A_ROW
from tests.proxier.managed import id_of
from tests.proxier.running import settings_for
from tests.proxier.test_main_job import names, quiet_device, values

PARAMETERS = 20_000
ENTRIES = "Device.X_00005E_Load.Entry."
PATIENCE_SECONDS = 30.0


async def test_a_tree_of_twenty_thousand_parameters(acs: EmbeddedAcs, tmp_path: Path) -> None:
    alone = {"without_services": frozenset({"BasicManagement", "SoftwareManagement"})}
    async with quiet_device(acs, tmp_path, extra_parameters=PARAMETERS, **alone) as (managed, device):
        listed = await names(managed, "Device.", next_level=False)
        before = len(device.actions)
        read = await values(managed, "Device.")
        assert [name for name, _ in device.actions[before:]] == ["GetValues"]
        assert await names(managed, "Device.", next_level=False) == listed
        assert len(device.actions) == before + 1
        last = f"{ENTRIES}{PARAMETERS // LOAD_PARAMETERS_IN_A_ROW}.Value9"
        parameter = ParameterValueStruct(last, "last of all")
        await managed.request(SetParameterValues((parameter,), ""))
        assert (await values(managed, last))[last] == ("last of all", "string")
    assert len(read) > PARAMETERS
    assert set(read) == {name for name in listed if not name.endswith(".")}
    assert listed[last]


@pytest.mark.parametrize("greatest_read", [1000, 37])
async def test_a_device_that_gives_little_at_once_is_read_in_parts(
    acs: EmbeddedAcs, tmp_path: Path, greatest_read: int
) -> None:
    device = SimulatedDevice(serial="small", extra_parameters=2000, greatest_read=greatest_read)
    async with device, running(settings_for(acs.url, tmp_path, [device])):
        managed = await acs.device(id_of(device), timeout=PATIENCE_SECONDS)
        await managed.session_over()
        read = await values(managed, "Device.")
        listed = await names(managed, "Device.", next_level=False)
    assert set(read) == {name for name in listed if not name.endswith(".")}
    assert read[f"{ENTRIES}200.Value9"] == ("value 9", "string")


async def test_the_tree_is_told_at_the_command_line(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="shown", extra_parameters=PARAMETERS) as device:
        settings = settings_for(acs.url, tmp_path, [device])
        async with running(settings):
            managed = await acs.device(id_of(device), timeout=PATIENCE_SECONDS)
            await managed.session_over()
            listed = await names(managed, "Device.", next_level=False)
            shown = await ask(socket_path(settings.storage.path), "tree", device="shown")
    assert {name: writable for name, _, writable, _ in shown["tree"]} == listed
    assert ["Device.DeviceInfo.SoftwareVersion", "string", False, 2] in shown["tree"]
    assert len(json.dumps(shown)) < 3_000_000
