"""`kill -9` of the daemon at each step of an update: the device is told once, and so is the ACS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from cwmp_client.messages import Download
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsDevice
from proxier.demo.device import SimulatedDevice
from proxier.demo.device_units import Outcome
from proxier.settings import FirmwareSettings
from tests.proxier.test_kill import House, Silence, Wait, house, killing

DOWNLOAD = Download("key", "1 Firmware Upgrade Image", "http://192.0.2.80/firmware.bin")
PATIENCE_SECONDS = 20.0


@pytest.fixture
async def acs() -> AsyncIterator[EmbeddedAcs]:
    async with EmbeddedAcs(provision=False) as server:
        yield server
        assert server.violations == []


@pytest.mark.parametrize("reboots", [False, True], ids=["stays", "reboots"])
@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("action", ["GetOperationIDs", "Update", "GetOperationInfo", "GetDUInfo"])
async def test_killed_at_an_action(
    acs: EmbeddedAcs, tmp_path: Path, action: str, carried_out: bool, reboots: bool
) -> None:
    if action == "GetOperationInfo" and reboots:
        action = "GetDUInfo"  # asked before the update too, as it tells the version
    async with house(acs, tmp_path, ("update",)) as home:
        [simulated] = home.devices.values()
        simulated.sms.outcome = Outcome(reboots=reboots)
        async with home.running() as process:
            [device] = await home.settled()
            with killing(process, simulated, action, carried_out=carried_out):
                asking = asyncio.create_task(device.request(DOWNLOAD))
                assert await process.ended() < 0
                asking.cancel()
        await told_once(home, device, simulated, code=9002 if action == "Update" and not carried_out else 0)


@pytest.mark.parametrize("answers", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("message", ["DownloadResponse", "TransferComplete"])
async def test_killed_at_a_message(acs: EmbeddedAcs, tmp_path: Path, message: str, answers: bool) -> None:
    async with house(acs, tmp_path, ("update",)) as home:
        [simulated] = home.devices.values()
        async with home.running() as process:
            [device] = await home.settled()
            release = asyncio.Event()
            how = Wait(release) if answers else Silence(release)
            acs.misbehave(how, on=message)
            asking = asyncio.create_task(device.request(DOWNLOAD))
            async with asyncio.timeout(PATIENCE_SECONDS):
                await how.reached.wait()
            if answers:
                release.set()
                await device.session_over()
            process.kill()
            await process.ended()
            release.set()
            asking.cancel()
        await told_once(home, device, simulated)


async def test_killed_while_the_device_restarts(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with house(acs, tmp_path, ("update",)) as home:
        [simulated] = home.devices.values()
        simulated.sms.outcome = Outcome(reboots=True)
        async with home.running() as process:
            [device] = await home.settled()
            boots = len(simulated.history.times("power on"))
            await device.request(DOWNLOAD)
            await simulated.until(
                lambda: not simulated.is_on or len(simulated.history.times("power on")) > boots
            )
            process.kill()
            await process.ended()
        await told_once(home, device, simulated)


async def test_killed_before_the_device_has_its_file(acs: EmbeddedAcs, tmp_path: Path) -> None:
    """The device gets it all the same, from where it was told."""
    url = acs.put_file("firmware.bin", b"an image" * 10_000)
    async with house(acs, tmp_path, ("update",), firmware=FirmwareSettings(relay="always")) as home:
        [simulated] = home.devices.values()
        simulated.sms.outcome = Outcome(seconds=5)
        async with home.running() as process:
            [device] = await home.settled()
            await device.request(Download("key", "1 Firmware Upgrade Image", url))
            await simulated.until(lambda: simulated.count("Update") == 1)
            process.kill()
            await process.ended()
        ((_, told),) = [each for each in simulated.actions if each[0] == "Update"]
        async with home.running(), aiohttp.ClientSession() as session:
            await home.settled()
            async with session.get(told["NewDUURI"]) as response:
                assert await response.read() == b"an image" * 10_000
            async with session.get(told["NewDUURI"]) as response:
                assert response.status == 404


async def told_once(home: House, device: AcsDevice, simulated: SimulatedDevice, *, code: int = 0) -> None:
    """After a new start there is one outcome, which the ACS hears until it has answered to it."""
    async with home.running():
        await device.bell.until(
            lambda: device.transfer_completes or None,
            PATIENCE_SECONDS,
            lambda: "no TransferComplete has come",
        )
        await home.settled()
        told = [(each.command_key, each.fault_struct.fault_code) for each in device.transfer_completes]
        assert told == [("key", code)]
        assert simulated.count("Update") <= 1
