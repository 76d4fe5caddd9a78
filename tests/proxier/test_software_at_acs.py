"""What an ACS does to a device's software and hears of it, through the whole program."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cwmp_client.messages import (
    AutonomousTransferComplete,
    CancelTransfer,
    ChangeDUState,
    Download,
    DownloadResponse,
    DUStateChangeComplete,
    GetAllQueuedTransfers,
    GetAllQueuedTransfersResponse,
    InstallOpStruct,
    TransferComplete,
    UninstallOpStruct,
)
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsFault
from proxier.demo.device import SimulatedDevice
from proxier.demo.device_units import Outcome
from tests.proxier.at_acs import Managed, managed

pytestmark = pytest.mark.usefixtures("own_group")

URL = "http://192.0.2.80/firmware.bin"
FIRMWARE = "1 Firmware Upgrade Image"
SOFTWARE_VERSION = "Device.DeviceInfo.SoftwareVersion"
POLICY = "Device.ManagementServer.AutonomousTransferCompletePolicy."
MODULES = "Device.SoftwareModules."
VALUE_CHANGE = "4 VALUE CHANGE"
TOLD = ("7 TRANSFER COMPLETE", "M Download key")
UPDATE = {"DUID": "0", "NewDUURI": URL, "HandleDependencies": "0"}


@asynccontextmanager
async def updated(acs: EmbeddedAcs, folder: Path, outcome: Outcome, **options: Any) -> AsyncIterator[Managed]:
    """A device whose next operations have this outcome."""
    async with SimulatedDevice(serial="SW", **options) as device, managed(acs, folder, device) as known:
        device.sms.outcome = outcome
        yield known


async def download(known: Managed, key: str = "key", url: str = URL, **changes: Any) -> None:
    answer = await known.acs.request(Download(key, FIRMWARE, url, **changes))
    assert isinstance(answer, DownloadResponse)
    assert answer.status == 1


async def queued(known: Managed) -> list[tuple[str, int]]:
    answer = await known.acs.request(GetAllQueuedTransfers())
    assert isinstance(answer, GetAllQueuedTransfersResponse)
    return [(each.command_key, each.state) for each in answer.transfer_list]


async def called(device: SimulatedDevice, action: str) -> None:
    await device.until(lambda: device.count(action) > 0)


async def all_ended(device: SimulatedDevice) -> None:
    await device.until(lambda: all(each.ended for each in device.sms.operations.values()))


async def events(known: Managed) -> list[tuple[str, ...]]:
    """What the ACS was told; a new version of the firmware is a change of a value too."""
    told = [tuple(each for each in inform if each != VALUE_CHANGE) for inform in await known.events()]
    return [inform for inform in told if inform]


# ------------------------------------------------------------------ Download


@pytest.mark.parametrize("eventing", [True, False])
async def test_an_update(acs: EmbeddedAcs, tmp_path: Path, eventing: bool) -> None:
    async with updated(acs, tmp_path, Outcome(), eventing=eventing) as known:
        assert {"Download", "ChangeDUState", "GetAllQueuedTransfers"} <= await known.methods()
        await download(known)
        told = await known.acs.wait_request(TransferComplete, timeout=10)
        assert (told.command_key, told.fault_struct.fault_code) == ("key", 0)
        assert await events(known) == [TOLD]
        assert await queued(known) == []
        assert known.device.count("Update") == 1


@pytest.mark.parametrize("rolls_back", [False, True])
async def test_an_update_that_restarts_the_device(acs: EmbeddedAcs, tmp_path: Path, rolls_back: bool) -> None:
    outcome = Outcome(reboots=True, rolls_back=rolls_back)
    async with updated(acs, tmp_path, outcome) as known:
        await download(known)
        told = await known.acs.wait_request(TransferComplete, timeout=10)
        assert (told.fault_struct.fault_code == 0) is not rolls_back
        told_of = [event for inform in await events(known) for event in inform]
        assert sorted(told_of) == sorted(["1 BOOT", *TOLD])


async def test_downloads_wait_for_each_other_and_can_be_cancelled(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with updated(acs, tmp_path, Outcome(seconds=3.0)) as known:
        for key in ("a", "b", "c"):
            await download(known, key)
        await called(known.device, "Update")
        known.device.sms.outcome = Outcome()
        assert await queued(known) == [("a", 2), ("b", 1), ("c", 1)]
        await known.acs.request(CancelTransfer("b"))
        with pytest.raises(AcsFault, match="9021"):
            await known.acs.request(CancelTransfer("a"))
        for key in ("a", "c"):
            told = await known.acs.wait_request(TransferComplete, timeout=10)
            assert (told.command_key, told.fault_struct.fault_code) == (key, 0)
        assert await queued(known) == []


@pytest.mark.parametrize(
    ("file_type", "url", "code"),
    [
        ("3 Vendor Configuration File", URL, 9010),
        (FIRMWARE, "ftp://192.0.2.80/firmware.bin", 9013),
        (FIRMWARE, "http://user@192.0.2.80/firmware.bin", 9003),
    ],
)
async def test_a_download_that_is_refused(
    acs: EmbeddedAcs, tmp_path: Path, file_type: str, url: str, code: int
) -> None:
    async with updated(acs, tmp_path, Outcome()) as known:
        with pytest.raises(AcsFault, match=str(code)):
            await known.acs.request(Download("key", file_type, url))
        assert await events(known) == []


async def test_a_device_without_software_management_refuses(acs: EmbeddedAcs, tmp_path: Path) -> None:
    without = frozenset({"SoftwareManagement"})
    async with updated(acs, tmp_path, Outcome(), without_services=without) as known:
        methods = await known.methods()
        assert "Download" in methods
        assert "ChangeDUState" not in methods
        with pytest.raises(AcsFault, match="9001"):
            await known.acs.request(Download("key", FIRMWARE, URL))
        with pytest.raises(AcsFault, match="9000"):
            await known.acs.request(ChangeDUState((UninstallOpStruct(""),), "key"))
        assert not [name for name in await known.names("Device.") if MODULES in name or POLICY in name]


# ------------------------------------------------------------------ updates by others


async def test_an_update_by_somebody_else(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with updated(acs, tmp_path, Outcome(seconds=0.2)) as known:
        known.device.invoke_as_another("Update", **UPDATE)
        told = await known.acs.wait_request(AutonomousTransferComplete, timeout=10)
        assert (told.transfer_url, told.is_download, told.file_type) == (URL, True, FIRMWARE)
        assert await events(known) == [("10 AUTONOMOUS TRANSFER COMPLETE",)]


async def test_the_policy_that_the_acs_sets_holds_over_a_restart(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="SW") as device:
        async with managed(acs, tmp_path, device) as known:
            await known.set({f"{POLICY}ResultTypeFilter": "Failure"})
            assert (await known.below(POLICY))["ResultTypeFilter"] == "Failure"
        async with managed(acs, tmp_path, device) as known:
            assert (await known.below(POLICY))["ResultTypeFilter"] == "Failure"
            for error in ("Error_None", "Error_DiskFull"):
                device.sms.outcome = Outcome(seconds=0.2, error=error)
                device.invoke_as_another("Update", **UPDATE)
                await all_ended(device)
            told = await known.acs.wait_request(AutonomousTransferComplete, timeout=10)
            assert told.fault_struct.fault_code == 9010
            assert await events(known) == [("10 AUTONOMOUS TRANSFER COMPLETE",)]


# ------------------------------------------------------------------ applications


async def test_an_application_is_installed_started_stopped_and_taken_away(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    async with updated(acs, tmp_path, Outcome()) as known:
        await known.acs.request(ChangeDUState((InstallOpStruct("http://192.0.2.80/app.pkg"),), "one"))
        (installed,) = (await known.acs.wait_request(DUStateChangeComplete, timeout=10)).results
        assert installed.current_state == "Installed"
        (unit,) = installed.execution_unit_ref_list.split(",")
        for wanted, action in (("Active", "Start"), ("Idle", "Stop")):
            await known.set({f"{unit}.RequestedState": wanted})
            await called(known.device, action)
            await all_ended(known.device)
            assert (await known.below(f"{unit}."))["Status"] == wanted
        await known.acs.request(ChangeDUState((UninstallOpStruct(installed.uuid),), "two"))
        (gone,) = (await known.acs.wait_request(DUStateChangeComplete, timeout=10)).results
        assert (gone.uuid, gone.current_state) == (installed.uuid, "Uninstalled")
        assert await events(known) == [
            ("11 DU STATE CHANGE COMPLETE", f"M ChangeDUState {key}") for key in ("one", "two")
        ]
        assert (await known.below(MODULES))["DeploymentUnitNumberOfEntries"] == "1"
