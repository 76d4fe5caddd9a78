"""The logs of a device: their table, and how they get to the ACS."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cwmp_client.messages import (
    UNKNOWN_TIME,
    AllQueuedTransferStruct,
    GetAllQueuedTransfers,
    GetAllQueuedTransfersResponse,
    TransferComplete,
    Upload,
    UploadResponse,
)
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsDevice, AcsFault
from proxier.demo.device import SimulatedDevice
from proxier.demo.device_logs import Log
from tests.proxier.at_acs import id_of, managed
from tests.proxier.daemon_process import READY, daemon, write_config
from tests.proxier.running import settings_for

pytestmark = pytest.mark.usefixtures("own_group")

TABLE = "Device.DeviceInfo.VendorLogFile."
COUNT = "Device.DeviceInfo.VendorLogFileNumberOfEntries"
TOLD = ("7 TRANSFER COMPLETE", "M Upload key")
MEGABYTE = 2**20


async def upload(
    known: AcsDevice, file_type: str, url: str, login: tuple[str, str] = ("", ""), delay_seconds: int = 0
) -> None:
    request = Upload("key", file_type, url, *login, delay_seconds)
    assert await known.request(request) == UploadResponse(1, UNKNOWN_TIME, UNKNOWN_TIME)


async def outcome(known: AcsDevice) -> tuple[int, str]:
    """The fault of the next TransferComplete."""
    complete = await known.wait_request(TransferComplete, timeout=20)
    assert complete.command_key == "key"
    fault = complete.fault_struct
    assert (complete.complete_time == UNKNOWN_TIME) is bool(fault.fault_code)
    return fault.fault_code, fault.fault_string


# ------------------------------------------------------------------ the table


async def test_the_table_is_what_the_device_has_now(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="L1") as device, managed(acs, tmp_path, device) as known:
        assert await known.below(TABLE) == {
            "1.Alias": "cpe-1",
            "1.Name": "urn:example:log:system",
            "1.MaximumSize": str(64 * MEGABYTE),
            "1.Persistent": "false",
            "2.Alias": "cpe-2",
            "2.Name": "urn:example:log:events",
            "2.MaximumSize": str(64 * MEGABYTE),
            "2.Persistent": "false",
        }
        device.bms.logs.remove("system")
        device.bms.logs.add(Log("new", 10, max_size=0))
        await known.at_ease()
        columns = ("Alias", "Name", "MaximumSize", "Persistent")
        rows = {f"{TABLE}{row}.{name}" for row in (2, 3) for name in ("", *columns)}
        assert set(await known.names(TABLE)) == {TABLE, *rows}
        assert await known.values(f"{TABLE}3.Name", COUNT) == {
            f"{TABLE}3.Name": "urn:example:log:new",
            COUNT: "2",
        }


async def test_a_log_that_outlives_a_boot_is_persistent(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="L2") as device, managed(acs, tmp_path, device) as known:
        device.bms.logs["system"].last_change = "2024-05-01T10:00:00"
        device.bms.logs["events"].last_change = "2024-05-01T10:00:00"
        await known.below(TABLE)
        await device.reboot()
        await known.told("1 BOOT")
        await known.at_ease()
        rows = await known.below(TABLE)
    assert [rows[f"{row}.Persistent"] for row in (1, 2)] == ["true", "false"]


# ------------------------------------------------------------------ the upload


@pytest.mark.parametrize("file_type", ["4 Vendor Log File 1", "2 Vendor Log File"])
async def test_the_upload_of_a_log(acs: EmbeddedAcs, tmp_path: Path, file_type: str) -> None:
    async with SimulatedDevice(serial="L3") as device, managed(acs, tmp_path, device) as known:
        await upload(known.acs, file_type, acs.upload_url("log"))
        assert await outcome(known.acs) == (0, "")
        assert await known.events() == [TOLD]
    arrived = await acs.upload("log")
    assert arrived.path.read_bytes() == b"".join(device.bms.logs["system"].content())


async def test_what_can_go_wrong(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="L4") as device, managed(acs, tmp_path, device) as known:
        url = acs.upload_url("log")

        device.answer("log", 404)
        await upload(known.acs, "4 Vendor Log File 1", url)
        assert await outcome(known.acs) == (9011, "the device answers 404 Not Found for its log")

        device.fail("GetLogInfo", 706, "No such log", times=None)
        await upload(known.acs, "4 Vendor Log File 1", url)
        refusal = "the log cannot be had of the device: UPnP error 706 No such log"
        assert await outcome(known.acs) == (9011, refusal)
        device.behave()

        acs.files.largest_upload_bytes = 1000
        await upload(known.acs, "4 Vendor Log File 1", url)
        code, text = await outcome(known.acs)
        assert (code, text[:22]) == (9011, "the server answers 413")
        assert await known.events() == [TOLD] * 3
    assert acs.uploads == []


async def test_passwords(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="L5") as device, managed(acs, tmp_path, device, basic=True) as known:
        acs.files.login = ("somebody", "secret")
        for password, code in (("wrong", 9012), ("secret", 0)):
            url = acs.upload_url(password)
            await upload(known.acs, "4 Vendor Log File 1", url, ("somebody", password))
            assert (await outcome(known.acs))[0] == code
    assert [each.name for each in acs.uploads] == ["secret"]


async def test_what_is_no_log_is_refused(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="L6") as device, managed(acs, tmp_path, device) as known:
        for file_type in ("4 Vendor Log File 3", "4 Vendor Log File", "1 Vendor Configuration File", ""):
            with pytest.raises(AcsFault) as fault:
                await known.acs.request(Upload("key", file_type, acs.upload_url("log")))
            assert fault.value.code == 9011
        assert await known.events() == []


async def test_an_upload_waits_for_its_time_over_a_restart_of_the_proxier(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    async with SimulatedDevice(serial="L7") as device:
        async with managed(acs, tmp_path, device) as known:
            await upload(known.acs, "4 Vendor Log File 1", acs.upload_url("log"), delay_seconds=1)
            await known.at_ease()
        async with managed(acs, tmp_path, device):
            queued = await known.acs.request(GetAllQueuedTransfers())
            assert isinstance(queued, GetAllQueuedTransfersResponse)
            assert acs.uploads == []
            assert await outcome(known.acs) == (0, "")
            assert await known.events() == [TOLD]
    waiting = AllQueuedTransferStruct("key", 1, False, "7 Vendor Log File 1", 0, "")
    assert queued.transfer_list == (waiting,)


# ------------------------------------------------------------------ how much memory


def most_memory_of(pid: int) -> int:
    """The most resident memory that a process ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) * 1024


async def test_a_log_of_50_megabytes_takes_no_10_of_memory(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="L8", log_bytes=50 * MEGABYTE, advertise=False) as device:
        settings = settings_for(acs.url, tmp_path, locations=(device.location,), interfaces=())
        async with daemon(write_config(settings, tmp_path)) as process:
            await process.line(READY)
            known = await acs.device(id_of(device), timeout=10)
            await upload(known, "4 Vendor Log File 2", acs.upload_url("small"))
            await outcome(known)
            before = most_memory_of(process.pid)
            await upload(known, "4 Vendor Log File 1", acs.upload_url("big"))
            assert await outcome(known) == (0, "")
            assert most_memory_of(process.pid) - before < 10 * MEGABYTE
    assert (await acs.upload("big")).size_bytes == 50 * MEGABYTE
