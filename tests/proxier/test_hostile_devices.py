"""Devices that would harm the proxier, or its other devices: one line of the log each, and no more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from cwmp_client.messages import GetParameterValues, GetParameterValuesResponse
from proxier.control_point import documents
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsDevice, AcsFault
from proxier.demo.device import SimulatedDevice
from proxier.settings import Settings
from tests.proxier.control_point import stand_in
from tests.proxier.control_point.stand_in import (
    CMS2,
    CMS_ACTIONS,
    MANAGEABLE,
    Answerer,
    StandIn,
    answer,
    description,
    device,
    service,
)
from tests.proxier.daemon_process import READY, Daemon, daemon, write_config
from tests.proxier.running import report_of, settings_for

MEBIBYTE = 1 << 20
MOST_MEMORY = 48 * MEBIBYTE
"""What hostile devices may cost at their worst: an answer of 16 MiB is read before it is refused."""

BOMB = (
    '<!DOCTYPE root [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {n} "{f"&{m};" * 10}">' for m, n in zip("abcdefgh", "bcdefghi", strict=True))
    + ']><root xmlns="urn:schemas-upnp-org:device-1-0"><device><UDN>&i;</UDN></device></root>'
)
CROWD = "<a/>" * 100_001
DEEP = "<a>" * 5000 + "</a>" * 5000


class Elsewhere(StandIn):
    """Its LOCATION names another host."""

    @property
    def location(self) -> str:
        return "http://192.0.2.1/desc.xml"


class Silent(StandIn):
    """Takes every request and answers none."""

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        del request
        await asyncio.Event().wait()
        raise AssertionError


@dataclass
class Endless(StandIn):
    """Sends a hundred megabytes in answer to requests of one method, to whoever reads them all."""

    method: str = "GET"
    sent: int = 0

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != self.method or request.path == "/desc.xml":
            return await super()._serve(request)
        response = web.StreamResponse()
        with suppress(ConnectionError):
            await response.prepare(request)
            while self.sent < 100 * MEBIBYTE:
                await response.write(b"<a/>" * 16384)
                self.sent += 65536
        return response


def answering(body: str) -> dict[str, Answerer]:
    return dict.fromkeys(CMS_ACTIONS, lambda _: (200, body))


def hostile_devices() -> dict[str, StandIn]:
    """Each with what the log says of it."""
    made: dict[str, Callable[[str], StandIn]] = {
        "has a DOCTYPE, which is not allowed": lambda at: StandIn(at, documents={"/desc.xml": BOMB}),
        "LOCATION http://192.0.2.1/desc.xml points elsewhere": Elsewhere,
        "desc.xml took longer than 1 s": Silent,
        "cms.xml has more than 4194304 bytes": Endless,
        "GetValues: the answer is longer than 16777216 bytes": lambda at: Endless(at, method="POST"),
        "desc.xml has not well-formed XML (Excessive depth": lambda at: StandIn(
            at, documents={"/desc.xml": description(DEEP)}
        ),
        "cms.xml has more than 100000 tags": lambda at: StandIn(at, documents={"/cms.xml": CROWD}),
        "GetValues: HTTP 200 with no XML document": lambda at: StandIn(at, actions=answering("\0\xff")),
        "GetValues: HTTP 200 with a DOCTYPE": lambda at: StandIn(at, actions=answering(BOMB)),
        "GetValues: HTTP 200 with not well-formed XML (Excessive depth": lambda at: StandIn(
            at, actions=answering(answer("GetValues").replace("></u:", f">{DEEP}</u:"))
        ),
    }
    devices = {words: make(f"127.0.0.{number}") for number, (words, make) in enumerate(made.items(), 10)}
    for each in devices.values():
        each.documents.setdefault("/desc.xml", description(device(each.udn, service(CMS2, "cms"))))
    return devices


@asynccontextmanager
async def announced(devices: Sequence[StandIn]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for each in devices:
            await stack.enter_async_context(each)
        for each in devices:
            announce(each)
        yield


def announce(one: StandIn) -> None:
    for target in (one.udn, MANAGEABLE, CMS2):
        one.say("ssdp:alive", target)


@pytest.fixture
def _own_group(own_group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in, "GROUP", ("239.255.255.250", own_group))


@pytest.fixture
async def good() -> AsyncIterator[SimulatedDevice]:
    async with SimulatedDevice(serial="good") as simulated:
        yield simulated


def admitting(acs: EmbeddedAcs, folder: Path, good: SimulatedDevice, bad: Sequence[StandIn]) -> Settings:
    allowed = (good.udn, *(each.udn for each in bad))
    return settings_for(acs.url, folder, allow=allowed, action_timeout=2)


async def managed_by(acs: EmbeddedAcs, good: SimulatedDevice) -> AcsDevice:
    managed = await acs.device(f"{good.oui}-{good.product_class}-{good.serial}", timeout=10)
    await managed.session_over()
    return managed


async def value_of(managed: AcsDevice) -> str:
    response = await managed.request(GetParameterValues(("Device.Time.NTPServer1",)), timeout=3)
    assert isinstance(response, GetParameterValuesResponse)
    [value] = response.parameter_list
    return value.value


async def fault_of(managed: AcsDevice) -> int:
    with pytest.raises(AcsFault) as caught:
        await value_of(managed)
    return caught.value.code


@pytest.mark.usefixtures("_own_group")
async def test_one_line_each_and_the_others_go_on(
    acs: EmbeddedAcs,
    good: SimulatedDevice,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "LONGEST_FETCH", 1.0)
    hostile = hostile_devices()
    settings = admitting(acs, tmp_path, good, list(hostile.values()))

    def lines(about: StandIn) -> list[str]:
        return [
            record.getMessage()
            for record in caplog.records
            if record.levelno >= logging.WARNING
            and (f"//{about.address}:" in record.getMessage() or f"at {about.address}" in record.getMessage())
        ]

    async with running(settings):
        managed = await managed_by(acs, good)
        async with announced(list(hostile.values())):
            async with asyncio.timeout(15):
                turn = 0
                while not all(lines(each) for each in hostile.values()):
                    turn += 1
                    good.change("/BBF/Time/NTPServer1", f"turn {turn}")
                    assert await value_of(managed) == f"turn {turn}"
            for each in hostile.values():
                announce(each)
            assert (await report_of(settings, good))["online"]
            assert await value_of(managed) == f"turn {turn}"
    assert {words: len(lines(each)) for words, each in hostile.items()} == dict.fromkeys(hostile, 1)
    assert {words for words, each in hostile.items() if words not in lines(each)[0]} == set()
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.usefixtures("_own_group")
async def test_a_device_that_turns_hostile_harms_itself_alone(
    acs: EmbeddedAcs, good: SimulatedDevice, tmp_path: Path
) -> None:
    async with SimulatedDevice(serial="turned") as bad:
        settings = settings_for(acs.url, tmp_path, [good, bad], action_timeout=2)
        async with running(settings):
            turned, managed = await managed_by(acs, bad), await managed_by(acs, good)
            bad.hang("GetValues")
            asking = asyncio.create_task(fault_of(turned))
            assert await value_of(managed) == "ntp.example"
            assert not asking.done()
            assert await asking == 9002
            for body in (
                b"\0\xff",
                BOMB.encode(),
                answer("GetValues").replace("></u:", f">{DEEP}</u:").encode(),
            ):
                bad.answer("GetValues", 200, body, times=None)
                assert await fault_of(turned) == 9002
                assert await value_of(managed) == "ntp.example"
                bad.behave()
            assert await value_of(turned) == "ntp.example"


def memory_of(process: Daemon, name: str) -> int:
    """VmRSS, or its peak VmHWM, in bytes. Source: proc(5)"""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


async def test_memory_is_bounded(acs: EmbeddedAcs, good: SimulatedDevice, tmp_path: Path) -> None:
    hostile = hostile_devices()
    config = write_config(admitting(acs, tmp_path, good, list(hostile.values())), tmp_path)
    async with daemon(config) as process:
        await process.line(READY)
        managed = await managed_by(acs, good)
        before = memory_of(process, "VmRSS")
        async with announced(list(hostile.values())):
            for words in hostile:
                if "longer than" not in words:
                    await process.line(words.partition(" (")[0])
            assert await value_of(managed) == "ntp.example"
        assert memory_of(process, "VmHWM") < before + MOST_MEMORY
        assert process.faults == []
