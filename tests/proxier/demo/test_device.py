from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from proxier.demo.device import SimulatedDevice
from tests.proxier.demo.device_client import DeviceClient, Refused, client_of, listening
from tests.proxier.demo.test_device_ssdp import unique

NTP, NAT = "/BBF/Time/NTPServer1", "/BBF/NAT/PortMapping/"


@pytest.fixture
async def client() -> AsyncIterator[DeviceClient]:
    async with SimulatedDevice(advertise=False) as device, client_of(device) as client:
        yield client


def coming_and_going(device: SimulatedDevice) -> list[str]:
    words = ("power", "alive", "byebye", "baseline")
    return [each.what for each in device.history.happenings if each.what.startswith(words)]


async def test_a_reboot_by_action_begins_after_its_answer(client: DeviceClient) -> None:
    device = client.device
    before = device.boot_id, device.location
    assert await client.call("Reboot") == {"RebootStatus": "RebootNow"}
    await device.until(lambda: len(device.history.times("alive")) == 2)
    assert (device.boot_id, device.location) == (before[0] + 1, before[1])
    assert coming_and_going(device)[2:] == ["byebye", "power off", "power on", "alive"]
    assert (await client.call("GetDeviceStatus"))["DeviceStatus"].startswith("OK,")


async def test_a_reboot_can_be_put_off(client: DeviceClient) -> None:
    client.device.bms.reboot_status = "RebootLater"
    assert await client.call("Reboot") == {"RebootStatus": "RebootLater"}
    assert client.device.is_on


@pytest.mark.parametrize(
    ("reboots", "expected"),
    [
        (True, ["byebye", "power off", "baseline reset", "power on", "alive"]),
        (False, ["byebye", "baseline reset", "alive"]),
    ],
)
async def test_a_baseline_reset(reboots: bool, expected: list[str]) -> None:
    async with SimulatedDevice(advertise=False, reset_reboots=reboots) as device, client_of(device) as client:
        await client.set_values({NTP: "a.example"})
        await client.watch(NTP)
        device.add_row(NAT)
        before = device.boot_id, device.cms.version
        await client.call("BaselineReset")
        await device.until(lambda: len(device.history.times("alive")) == 2)
        assert coming_and_going(device)[2:] == expected
        assert (await client.values(NTP))[NTP] == "ntp.example"
        assert NAT + "1/Enable" not in device.values
        assert (await client.attributes(NTP))["EventOnChange"] == "0"
        assert device.values["/BBF/DeviceInfo/SoftwareVersion"] == "1.0.0"
        assert device.boot_id == before[0] + 1
        assert device.cms.version > before[1]


async def test_a_power_cut_is_silent() -> None:
    async with listening() as group, SimulatedDevice(serial=unique()) as device:
        await device.power_cut()
        messages = await group.collect(device, 24)
        assert {message["NTS"] for message in messages} == {"ssdp:alive"}
        boots = [int(message["BOOTID.UPNP.ORG"]) for message in messages]
        assert boots == [device.boot_id - 1] * 12 + [device.boot_id] * 12


async def test_a_device_can_move(client: DeviceClient) -> None:
    device = client.device
    before = device.location
    await device.power_off()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get("/description.xml")
    await device.power_on(port=0)
    assert device.location != before
    await client.get("/description.xml")


async def test_values_outlive_the_power(client: DeviceClient) -> None:
    await client.set_values({NTP: "b.example"})
    await client.device.power_cut()
    assert (await client.values(NTP))[NTP] == "b.example"


async def test_an_unknown_parameter_cannot_change(client: DeviceClient) -> None:
    with pytest.raises(KeyError):
        client.device.change("/BBF/Nothing", "x")


async def test_planned_failures_end_by_themselves(client: DeviceClient) -> None:
    client.device.fail("GetDeviceStatus", 708, "Later", times=2)
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await client.call("GetDeviceStatus")
        assert refused.value.args == (708, "Later")
    await client.call("GetDeviceStatus")
    assert client.device.count("GetDeviceStatus") == 3
    assert client.device.refusals == []


async def test_without_a_description_the_table_has_one(client: DeviceClient) -> None:
    client.device.fail("GetValues", 709, times=None)
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            await client.values(NTP)
        assert refused.value.args == (709, "Resources Exceeded")
    client.device.behave()
    await client.values(NTP)


@pytest.mark.parametrize("carried_out", [False, True])
async def test_a_connection_is_cut(client: DeviceClient, carried_out: bool) -> None:
    client.device.drop("SetValues", carried_out=carried_out)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.set_values({NTP: "c.example"})
    assert client.device.values[NTP] == ("c.example" if carried_out else "ntp.example")


async def test_a_request_hangs(client: DeviceClient) -> None:
    client.device.hang("description")
    with pytest.raises(TimeoutError):
        async with client.http.get(client.device.location, timeout=aiohttp.ClientTimeout(0.1)):
            pass
    client.device.hang("description", seconds=0.01)
    await client.get("/description.xml")


async def test_something_else_is_answered(client: DeviceClient) -> None:
    client.device.answer("scpd", 200, b"no XML")
    assert await client.get("/scpd/BasicManagement.xml") == b"no XML"
    client.device.answer("log", 404)
    with pytest.raises(aiohttp.ClientResponseError):
        await client.get("/log/system")
    await client.get("/log/system")


def test_only_what_the_device_knows_can_go_wrong() -> None:
    with pytest.raises(ValueError, match="Dance"):
        SimulatedDevice().fail("Dance", 501)


async def test_what_goes_wrong_in_the_background_comes_out() -> None:
    async def breaks() -> None:
        device.note("breaking")
        raise RuntimeError("a mistake of the simulation")

    device = SimulatedDevice(advertise=False)
    await device.power_on()
    device.after_answer(breaks())
    device.invoke_as_another("GetDeviceStatus")
    await device.until(lambda: bool(device.history.times("breaking")))
    with pytest.raises(RuntimeError):
        await device.__aexit__(None, None, None)
