"""What an operator does with GenieACS, done to a device behind the proxier, and seen at the device."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

import aiohttp

from tests.genieacs.conftest import Home, OpenHome
from tests.genieacs.nbi import AtGenieAcs, GenieAcs
from tests.proxier.running import report_of

MANAGEMENT_SERVER = "Device.ManagementServer."
PORT_MAPPING = "Device.NAT.PortMapping"
CREDENTIALS = ("ConnectionRequestURL", "ConnectionRequestUsername", "ConnectionRequestPassword")


def parameters_of(home: Home) -> set[str]:
    """The parameters that the device itself has, by the names that an ACS knows them by."""
    return {
        re.sub(r"\.(\d+)(?=\.)", lambda number: f".{int(number[1]) + 1}", path.replace("/", "."))
        for path in (f"Device/{path.removeprefix('/BBF/')}" for path in home.device.values)
        if path.startswith("Device/") and not path.startswith("Device//")
    }


async def credentials_of(managed: AtGenieAcs) -> tuple[str, str, str]:
    url, username, password = [await managed.value(MANAGEMENT_SERVER + name) for name in CREDENTIALS]
    return url, username, password


async def connection_request(url: str, username: str, password: str) -> int:
    digest = aiohttp.DigestAuthMiddleware(username, password)
    async with aiohttp.ClientSession(middlewares=[digest]) as http, http.get(url) as response:
        return response.status


async def test_a_device_and_the_gateway_appear(home: Home) -> None:
    document = await home.managed.document()
    assert document["_deviceId"] == {
        "_Manufacturer": home.device.manufacturer,
        "_OUI": home.device.oui,
        "_ProductClass": home.device.product_class,
        "_SerialNumber": home.device.serial,
    }
    table = f"{MANAGEMENT_SERVER}VirtualDevice"
    await home.gateway.task("getParameterValues", parameterNames=[f"{table}.1.SerialNumber"])
    assert await home.gateway.value(f"{table}.1.SerialNumber") == home.device.serial


async def test_a_device_of_an_unusual_name_appears(open_home: OpenHome) -> None:
    async with open_home(product_class="Set-top/Box (ä)") as home:
        assert (await home.managed.connection_request()).status == HTTPStatus.OK


async def test_the_whole_tree_is_refreshed(home: Home) -> None:
    await home.managed.task("refreshObject", objectName="Device")
    assert await home.managed.names() >= parameters_of(home)
    await home.gateway.task("refreshObject", objectName="Device")
    assert f"{MANAGEMENT_SERVER}VirtualDevice.1.SerialNumber" in await home.gateway.names()


async def test_values_are_read(home: Home) -> None:
    home.device.change("/BBF/Time/NTPServer1", "a & b < ü")
    names = ["Device.Time.NTPServer1", "Device.IP.Interface.1.MaxMTUSize", "Device.Time.Enable"]
    await home.managed.task("getParameterValues", parameterNames=names)
    nodes = [await home.managed.node(name) for name in names]
    assert [(node["_value"], node["_type"]) for node in nodes] == [
        ("a & b < ü", "xsd:string"),
        (1500, "xsd:unsignedInt"),
        (True, "xsd:boolean"),
    ]


async def test_values_are_set_at_the_device(home: Home) -> None:
    values = home.device.values
    await home.managed.task("refreshObject", objectName="Device")
    await home.managed.set(
        ("Device.Time.NTPServer1", "ntp.example.net", "xsd:string"),
        ("Device.Time.Enable", False, "xsd:boolean"),
        ("Device.IP.Interface.1.MaxMTUSize", 1400, "xsd:unsignedInt"),
    )
    assert values["/BBF/Time/NTPServer1"] == "ntp.example.net"
    assert values["/BBF/Time/Enable"] == "0"
    assert values["/BBF/IP/Interface/0/MaxMTUSize"] == "1400"
    assert home.device.count("SetValues") == 1


async def test_rows_are_added_and_deleted(home: Home) -> None:
    await home.managed.task("refreshObject", objectName=PORT_MAPPING)
    assert await home.managed.rows(PORT_MAPPING) == [1]
    await home.managed.task(
        "addObject",
        objectName=PORT_MAPPING,
        parameterValues=[["Description", "second"], ["ExternalPort", 81]],
    )
    assert await home.managed.rows(PORT_MAPPING) == [1, 2]
    assert home.device.values["/BBF/NAT/PortMapping/1/Description"] == "second"
    assert home.device.values["/BBF/NAT/PortMapping/1/ExternalPort"] == "81"
    await home.managed.task("deleteObject", objectName=f"{PORT_MAPPING}.1")
    assert await home.managed.rows(PORT_MAPPING) == [2]
    assert "/BBF/NAT/PortMapping/0/Description" not in home.device.values


async def test_a_device_reboots(home: Home) -> None:
    before = (await home.managed.document())["_lastBoot"]
    await home.managed.task("reboot")
    await home.managed.until_changed("_lastBoot", before)
    assert home.device.count("Reboot") == 1
    assert len(home.device.history.times("power on")) == 2


async def test_a_device_is_reset(home: Home) -> None:
    home.device.change("/BBF/Time/NTPServer1", "changed.example")
    before = (await home.managed.document())["_lastBootstrap"]
    await home.managed.task("factoryReset")
    await home.managed.until_changed("_lastBootstrap", before)
    assert home.device.count("BaselineReset") == 1
    assert home.device.values["/BBF/Time/NTPServer1"] == "ntp.example"


async def test_a_firmware_is_downloaded(acs: GenieAcs, home: Home) -> None:
    firmware = b"firmware " * 1000
    home.device.sms.outcome = replace(home.device.sms.outcome, fetch=True, reboots=True, remembers=True)
    async with uploaded(acs, f"firmware-{home.device.serial}.bin", firmware) as name:
        before = (await home.managed.document())["_lastBoot"]
        await home.managed.task("download", fileType="1 Firmware Upgrade Image", fileName=name)
        await home.managed.until_changed("_lastBoot", before)
    [fetched] = home.device.sms.fetched
    assert fetched.sha256 == hashlib.sha256(firmware).hexdigest()


@asynccontextmanager
async def uploaded(acs: GenieAcs, name: str, content: bytes) -> AsyncIterator[str]:
    path = f"/files/{quote(name)}"
    await acs.put(path, content, {"fileType": "1 Firmware Upgrade Image"})
    try:
        yield name
    finally:
        await acs.delete(path)


async def test_a_preset_sets_how_often_a_device_informs(acs: GenieAcs, home: Home) -> None:
    name = f"interval-{home.device.serial}"
    async with preset(acs, name, home.device.serial, {"PeriodicInformInterval": 2}):
        await home.managed.until(lambda: is_interval(home.managed, 2))
        for _ in range(3):  # and nobody asks it to
            last = (await home.managed.document())["_lastInform"]
            await home.managed.until_changed("_lastInform", last)


async def is_interval(managed: AtGenieAcs, seconds: int) -> bool:
    await managed.connection_request()  # a session, in which GenieACS looks at its presets
    return bool(await managed.value(f"{MANAGEMENT_SERVER}PeriodicInformInterval") == seconds)


@asynccontextmanager
async def preset(acs: GenieAcs, name: str, serial: str, values: dict[str, int]) -> AsyncIterator[None]:
    """A preset for one device, heavier than those that GenieACS brings."""
    script = "\n".join(
        f'declare("{MANAGEMENT_SERVER}{each}", {{value: 1}}, {{value: {value}}});'
        for each, value in values.items()
    )
    wanted = {
        "weight": 100,
        "channel": name,
        "events": {},
        "precondition": f'DeviceID.SerialNumber = "{serial}"',
        "configurations": [{"type": "provision", "name": name, "args": []}],
    }
    await acs.put(f"/provisions/{name}", script.encode())
    await acs.put(f"/presets/{name}", json.dumps(wanted).encode())
    try:
        yield
    finally:
        await acs.delete(f"/presets/{name}")
        await acs.delete(f"/provisions/{name}")


async def test_connection_requests_need_the_credentials_that_genieacs_has_set(home: Home) -> None:
    url, username, password = await credentials_of(home.managed)
    assert username == home.managed.id
    assert (await home.managed.connection_request()).status == HTTPStatus.OK
    assert await connection_request(url, username, f"{password}x") == HTTPStatus.UNAUTHORIZED
    last = (await home.managed.document())["_lastInform"]
    assert await connection_request(url, username, password) == HTTPStatus.OK
    await home.managed.until_changed("_lastInform", last)


async def test_a_device_that_left_is_known_to_be_offline(home: Home) -> None:
    await home.device.byebye()
    await report_of(home.settings, home.device, online=False)
    answer = await home.managed.connection_request()
    assert (answer.status, answer.reason) == (HTTPStatus.GATEWAY_TIMEOUT, "Device is offline")
