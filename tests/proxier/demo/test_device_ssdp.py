from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import Any

import pytest

from proxier.demo.device import SimulatedDevice
from tests.proxier.demo.device_client import GROUP, listening, search

SERVICES = [
    f"urn:schemas-upnp-org:service:{name}:2"
    for name in ("BasicManagement", "ConfigurationManagement", "SoftwareManagement")
]
DEVICE = "urn:schemas-upnp-org:device:ManageableDevice:2"


def unique() -> str:
    """A serial number that no test running beside this one has."""
    return os.urandom(4).hex()


async def test_alive_announces_everything_twice() -> None:
    async with listening() as group, SimulatedDevice(serial=unique()) as device:
        messages = await group.collect(device, 12)
        assert {message[""] for message in messages} == {"NOTIFY * HTTP/1.1"}
        usns = Counter(message["USN"] for message in messages)
        expected = [device.udn, *(f"{device.udn}::{nt}" for nt in ["upnp:rootdevice", DEVICE, *SERVICES])]
        assert usns == Counter(expected * 2)
        first = messages[0]
        assert first["HOST"] == "239.255.255.250:1900"
        assert first["NTS"] == "ssdp:alive"
        assert first["LOCATION"] == device.location
        assert first["CACHE-CONTROL"] == "max-age=1800"
        assert first["BOOTID.UPNP.ORG"] == str(device.boot_id)
        assert first["CONFIGID.UPNP.ORG"] == "1"
        assert 49152 <= int(first["SEARCHPORT.UPNP.ORG"]) <= 65535


async def test_an_embedded_device_has_a_root_of_its_own() -> None:
    async with listening() as group, SimulatedDevice(serial=unique(), embedded=True) as device:
        messages = await group.collect(device, 16)
        nts = {(message["USN"].split("::")[0], message["NT"]) for message in messages}
        assert len(nts) == 8
        assert (device.root_udn, "upnp:rootdevice") in nts
        assert (device.root_udn, "urn:schemas-upnp-org:device:Basic:1") in nts
        assert (device.udn, DEVICE) in nts


async def test_alive_is_repeated_before_it_expires() -> None:
    async with listening() as group, SimulatedDevice(serial=unique(), max_age=1) as device:
        assert len(await group.collect(device, 24)) == 24


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["AboutToBaselineReset", "AboutToReboot"]),
        ({"announcements_as_list": True}, ["AboutToBaselineReset, AboutToReboot"]),
    ],
)
async def test_byebye_says_what_comes(options: dict[str, Any], expected: list[str]) -> None:
    async with SimulatedDevice(serial=unique(), **options) as device, listening() as group:
        await device.byebye(["AboutToBaselineReset", "AboutToReboot"])
        async with asyncio.timeout(5):
            while True:
                _, headers = await group.heard.get()
                if dict(headers)["USN"] == device.udn:
                    break
        assert ("NTS", "ssdp:byebye") in headers
        assert [value for name, value in headers if name == "ANNOUNCEMENT.DM.UPNP.ORG"] == expected


async def test_update_is_no_restart() -> None:
    async with SimulatedDevice(serial=unique()) as device, listening() as group:
        before = device.boot_id
        await device.update()
        (message, *_) = await group.collect(device, 12)
        assert message["NTS"] == "ssdp:update"
        assert (message["BOOTID.UPNP.ORG"], message["NEXTBOOTID.UPNP.ORG"]) == (str(before), str(before + 1))
        assert device.boot_id == before + 1


async def test_headers_of_a_device_that_is_older_than_uda_1_1() -> None:
    async with listening() as group, SimulatedDevice(serial=unique(), boot_headers=False) as device:
        (message, *_) = await group.collect(device, 12)
        assert not [name for name in message if name.endswith("UPNP.ORG")]


@pytest.mark.parametrize(
    ("target", "count"),
    [
        ("ssdp:all", 6),
        ("upnp:rootdevice", 1),
        (DEVICE, 1),
        ("urn:schemas-upnp-org:device:ManageableDevice:1", 1),
        ("urn:schemas-upnp-org:service:BasicManagement:1", 1),
    ],
)
async def test_searches_are_answered(target: str, count: int) -> None:
    async with SimulatedDevice(serial=unique()) as device, listening(group=False) as searcher:
        searcher.transport.sendto(search(target), GROUP)
        answers = await searcher.collect(device, count)
        assert {answer[""] for answer in answers} == {"HTTP/1.1 200 OK"}
        if target != "ssdp:all":
            assert answers[0]["ST"] == target
            assert answers[0]["USN"] == f"{device.udn}::{target}"
        assert answers[0]["LOCATION"] == device.location
        assert "EXT" in answers[0]
        assert "DATE" in answers[0]


async def test_a_search_for_one_device_sent_to_it_alone() -> None:
    async with (
        listening() as group,
        SimulatedDevice(serial=unique()) as device,
        listening(group=False) as searcher,
    ):
        port = int((await group.collect(device, 1))[0]["SEARCHPORT.UPNP.ORG"])
        searcher.transport.sendto(search(device.udn, MX=""), ("127.0.0.1", port))
        (answer,) = await searcher.collect(device, 1)
        assert answer["USN"] == answer["ST"] == device.udn


SEARCHES_WITHOUT_ANSWER = [
    (DEVICE, {"MAN": "ssdp:discover"}),
    (DEVICE, {"MX": ""}),
    (DEVICE, {"MX": "0"}),
    (DEVICE, {"HOST": ""}),
    ("urn:schemas-upnp-org:device:ManageableDevice:3", {}),
    ("urn:schemas-upnp-org:device:Basic:1", {}),
    ("uuid:somebody-else", {}),
]


async def test_searches_that_get_no_answer() -> None:
    async with SimulatedDevice(serial=unique()) as device, listening(group=False) as searcher:
        for target, changes in SEARCHES_WITHOUT_ANSWER:
            searcher.transport.sendto(search(target, **changes), GROUP)
        searcher.transport.sendto(search(device.udn), GROUP)
        (answer,) = await searcher.collect(device, 1)
        assert answer["ST"] == device.udn
        await asyncio.sleep(1)  # nothing to wait for: what must not come would come within MX
        assert searcher.heard.empty()


async def test_a_device_that_said_goodbye_is_not_found_until_it_is_back() -> None:
    async with SimulatedDevice(serial=unique()) as device, listening(group=False) as searcher:
        await device.byebye()
        searcher.transport.sendto(search(device.udn), GROUP)
        await asyncio.sleep(1)  # as above
        assert searcher.heard.empty()
        await device.alive()
        searcher.transport.sendto(search(device.udn), GROUP)
        assert await searcher.collect(device, 1)


async def test_some_stacks_say_goodbye_before_their_first_hello() -> None:
    async with listening() as group, SimulatedDevice(serial=unique(), byebye_first=True) as device:
        messages = await group.collect(device, 24)
        assert [message["NTS"] for message in messages] == ["ssdp:byebye"] * 12 + ["ssdp:alive"] * 12
