"""Reboots, resets and power cuts, whoever wants them, and the events that Table 1 makes of them."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from cwmp_client.messages import (
    AcsRequest,
    FactoryReset,
    GetParameterAttributes,
    GetParameterAttributesResponse,
    Reboot,
    SetParameterAttributes,
    SetParameterAttributesStruct,
    Upload,
)
from proxier.control_point import eventing
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsFault
from proxier.demo.device import SimulatedDevice
from tests.proxier.at_acs import Managed, managed
from tests.proxier.running import LOOPBACK

pytestmark = pytest.mark.usefixtures("own_group")

BOOT, BOOTSTRAP = "1 BOOT", "0 BOOTSTRAP"
REBOOTS, RESETS = "AboutToReboot", "AboutToBaselineReset"
NTP_SERVER = "Device.Time.NTPServer1"
PING_HOST = "Device.IP.Diagnostics.IPPing.Host"
PARAMETER_KEY = "Device.ManagementServer.ParameterKey"


def say_byebye(device: SimulatedDevice, port: int, *headers: str, address: str = LOOPBACK) -> None:
    """Multicast it in the name of a device, from its own address or from another one."""
    lines = [
        "NOTIFY * HTTP/1.1",
        "HOST: 239.255.255.250:1900",
        "NTS: ssdp:byebye",
        f"NT: {device.udn}",
        f"USN: {device.udn}",
        *headers,
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(LOOPBACK))
        sender.bind((address, 0))
        sender.sendto("\r\n".join([*lines, "", ""]).encode(), ("239.255.255.250", port))


# ------------------------------------------------------------------ by the ACS


async def test_a_reboot_by_the_acs(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="R1") as device, managed(acs, tmp_path, device) as known:
        await known.acs.request(Reboot("key"))
        await known.told(BOOT)
        assert await known.events() == [(BOOT, "M Reboot key")]
        assert device.count("Reboot") == 1


async def test_a_reboot_while_the_proxier_is_away(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="R2") as device:
        device.bms.reboot_status = "RebootLater"
        async with managed(acs, tmp_path, device) as known:
            await known.acs.request(Reboot("key"))
            await device.until(lambda: device.count("Reboot") == 1)
        await device.reboot()
        async with managed(acs, tmp_path, device):
            await known.told(BOOT)
            assert await known.events() == [(BOOT, "M Reboot key")]
    assert device.count("Reboot") == 1


@pytest.mark.parametrize(
    ("reboots", "as_list", "events"),
    [
        (True, False, [(BOOTSTRAP, BOOT)]),
        (True, True, [(BOOTSTRAP, BOOT)]),
        (False, False, [(BOOTSTRAP,)]),
    ],
)
async def test_a_factory_reset_by_the_acs(
    acs: EmbeddedAcs, tmp_path: Path, reboots: bool, as_list: bool, events: list[tuple[str, ...]]
) -> None:
    async with (
        SimulatedDevice(serial="R3", reset_reboots=reboots, announcements_as_list=as_list) as device,
        managed(acs, tmp_path, device) as known,
    ):
        await known.acs.request(FactoryReset())
        await known.told(BOOTSTRAP)
        assert await known.events() == events
        assert device.count("BaselineReset") == 1


async def test_a_factory_reset_forgets_what_the_acs_has_set(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="R4") as device, managed(acs, tmp_path, device) as known:
        await known.set({NTP_SERVER: "set.example", PING_HOST: "set.example"}, "key")
        watch = SetParameterAttributesStruct(NTP_SERVER, notification_change=True, notification=2)
        await known.acs.request(SetParameterAttributes((watch,)))
        assert await known.values(PARAMETER_KEY, PING_HOST) == {
            PARAMETER_KEY: "key",
            PING_HOST: "set.example",
        }
        assert await notification_of(known) == 2
        await known.acs.request(FactoryReset())
        await known.told(BOOTSTRAP)
        await known.at_ease()
        assert await known.values(PARAMETER_KEY, PING_HOST) == {PARAMETER_KEY: "", PING_HOST: ""}
        assert await notification_of(known) == 0


async def notification_of(known: Managed) -> int:
    response = await known.acs.request(GetParameterAttributes((NTP_SERVER,)))
    assert isinstance(response, GetParameterAttributesResponse)
    return response.parameter_list[0].notification


async def test_what_a_device_cannot_do(acs: EmbeddedAcs, tmp_path: Path) -> None:
    lacks = frozenset({"Reboot", "BaselineReset", "GetLogInfo"})
    async with (
        SimulatedDevice(serial="R5", without_actions=lacks) as device,
        managed(acs, tmp_path, device) as known,
    ):
        methods = await known.methods()
        assert "Reboot" in methods  # every CPE has it
        assert not {"FactoryReset", "Upload"} & methods
        assert await refusal(known, Reboot("key")) == "9001 the device has no action to reboot it"
        assert await refusal(known, FactoryReset()) == "9000 FactoryReset is not supported"
        assert (
            await refusal(known, Upload("key", "4 Vendor Log File 1", "")) == "9000 Upload is not supported"
        )
    async with SimulatedDevice(serial="R6") as device, managed(acs, tmp_path, device) as known:
        assert {"Reboot", "FactoryReset", "Upload"} <= await known.methods()


async def test_a_command_key_that_no_event_could_carry(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="R10") as device, managed(acs, tmp_path, device) as known:
        assert (await refusal(known, Reboot("k" * 33))).startswith("9003 CommandKey")
        assert device.count("Reboot") == 0


async def refusal(known: Managed, request: AcsRequest) -> str:
    with pytest.raises(AcsFault) as fault:
        await known.acs.request(request)
    return str(fault.value)


# ------------------------------------------------------------------ by somebody else


async def test_a_reboot_by_hand(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="R7") as device, managed(acs, tmp_path, device) as known:
        await device.reboot()
        await known.told(BOOT)
        assert await known.events() == [(BOOT,)]


async def test_a_reset_by_hand(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="R8") as device, managed(acs, tmp_path, device) as known:
        await device.baseline_reset()
        await known.told(BOOTSTRAP)
        assert await known.events() == [(BOOTSTRAP, BOOT)]


async def test_a_power_cut(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="R9") as device, managed(acs, tmp_path, device) as known:
        await device.power_cut()
        await known.told(BOOT)
        assert await known.events() == [(BOOT,)]


@pytest.mark.parametrize("eventing", [True, False])
async def test_a_power_cut_of_a_device_without_a_boot_id(
    acs: EmbeddedAcs, tmp_path: Path, eventing: bool
) -> None:
    """The time in DeviceStatus tells: in the first event of a subscription, or when the device is asked."""
    async with (
        SimulatedDevice(
            serial="R11", boot_headers=False, eventing=eventing, subscription_seconds=6
        ) as device,
        managed(acs, tmp_path, device, search_interval=1) as known,
    ):
        await asyncio.sleep(1)  # DeviceStatus counts seconds
        await device.power_cut()
        await known.told(BOOT)
        assert await known.events() == [(BOOT,)]


async def test_a_power_cut_of_a_device_without_a_boot_id_is_seen_when_it_says_that_it_is_there(
    acs: EmbeddedAcs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before its subscriptions are to be renewed: it has forgotten them."""
    monkeypatch.setattr(eventing, "DOUBT_SECONDS", 0.5)
    async with (
        SimulatedDevice(serial="R17", boot_headers=False) as device,
        managed(acs, tmp_path, device) as known,
    ):
        await asyncio.sleep(1)  # DeviceStatus counts seconds
        await device.power_cut()
        await known.told(BOOT)
        assert await known.events() == [(BOOT,)]


async def test_a_new_boot_id_that_was_announced_is_no_boot(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="R12") as device, managed(acs, tmp_path, device) as known:
        await device.update()
        assert await known.events() == []
        await device.alive()
        assert await known.events() == []


async def test_one_physical_device_under_two_udns_boots_once(acs: EmbeddedAcs, tmp_path: Path) -> None:
    second = SimulatedDevice(serial="R13", udn="uuid:6c6f6f70-0000-4000-8000-000000000013", boot_id=7)
    async with (
        SimulatedDevice(serial="R13") as device,
        second,
        managed(acs, tmp_path, device, allow=(device.udn, second.udn)) as known,
    ):
        seconds_events = second.events["BasicManagement"].subscriptions
        await second.until(lambda: bool(seconds_events))
        for _ in range(2):
            await asyncio.gather(device.reboot(), second.reboot())
            await known.told(BOOT)
            await second.until(lambda: bool(seconds_events))
            assert await known.events() == [(BOOT,)]
        assert await known.events() == []


# ------------------------------------------------------------------ what a byebye says


async def test_spellings_of_the_announcement(acs: EmbeddedAcs, tmp_path: Path, own_group: int) -> None:
    spellings = [
        ([f"Announcement.dm.upnp.org: {REBOOTS}"], (BOOT,)),
        ([f"ANNOUNCEMENT.DM.UPNP.ORG:{REBOOTS.upper()}"], (BOOT,)),
        ([f"announcement.dm.upnp.org:   {REBOOTS.lower()}  "], (BOOT,)),
        ([f"Announcement.dm.upnp.org: {RESETS}"], (BOOTSTRAP,)),
        ([f"Announcement.dm.upnp.org: {each}" for each in (RESETS, REBOOTS)], (BOOTSTRAP, BOOT)),
        ([f"Announcement.dm.upnp.org: {REBOOTS},{RESETS}"], (BOOTSTRAP, BOOT)),
        ([f"Announcement.dm.upnp.org: {RESETS} , {REBOOTS}"], (BOOTSTRAP, BOOT)),
    ]
    async with SimulatedDevice(serial="R14") as device, managed(acs, tmp_path, device) as known:
        for headers, events in spellings:
            say_byebye(device, own_group, *headers)
            device.boot_id += 1
            await device.alive()
            await known.told(events[0])
            assert await known.events() == [events], headers


async def test_a_byebye_from_another_address_is_not_believed(
    acs: EmbeddedAcs, tmp_path: Path, own_group: int
) -> None:
    async with SimulatedDevice(serial="R15") as device, managed(acs, tmp_path, device) as known:
        say_byebye(device, own_group, f"Announcement.dm.upnp.org: {REBOOTS}", address="127.0.0.2")
        await device.alive()
        assert await known.events() == []


async def test_a_byebye_that_arrives_too_late_is_no_second_boot(
    acs: EmbeddedAcs, tmp_path: Path, own_group: int
) -> None:
    async with SimulatedDevice(serial="R16") as device, managed(acs, tmp_path, device) as known:
        await device.reboot()
        say_byebye(device, own_group, f"Announcement.dm.upnp.org: {REBOOTS}")
        await device.alive()
        await known.told(BOOT)
        assert await known.events() == [(BOOT,)]
        assert await known.events() == []
