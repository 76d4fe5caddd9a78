from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from proxier.control_point import Found, search, survey
from proxier.settings import UpnpSettings
from tests.proxier.control_point import stand_in as stand_in_module
from tests.proxier.control_point.stand_in import CMS2, StandIn, description, device, service


class Answering(asyncio.DatagramProtocol):
    """Answers searches for a stand-in, from its address."""

    def __init__(self, stand_in: StandIn, answers_from: str) -> None:
        self._stand_in = stand_in
        self._from = answers_from

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        target = data.decode().partition("\r\nST:")[2].partition("\r\n")[0]
        location, usn = self._stand_in.location, f"{self._stand_in.udn}::{target}"
        text = (
            f"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: {location}\r\n"
            f"ST: {target}\r\nUSN: {usn}\r\n\r\n"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as answering:
            answering.bind((self._from, 0))
            answering.sendto(text.encode(), addr)


@asynccontextmanager
async def answering(stand_in: StandIn, answers_from: str = "") -> AsyncIterator[None]:
    group = socket.inet_aton("239.255.255.250") + socket.inet_aton("127.0.0.1")
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    listening.bind(stand_in_module.GROUP)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Answering(stand_in, answers_from or stand_in.address), sock=listening
    )
    try:
        yield
    finally:
        transport.close()


async def found_of(*stand_ins: StandIn) -> list[Found]:
    settings = UpnpSettings(interfaces=("127.0.0.1",))
    locations = {stand_in.location for stand_in in stand_ins}
    return [entry for entry in await search(settings, 0.7) if entry.location in locations]


async def test_what_answers_is_found_with_what_could_be_proxied() -> None:
    async with StandIn() as one, answering(one):
        assert await found_of(one) == [
            Found(
                udn=one.udn,
                location=one.location,
                address=one.address,
                device_type="urn:schemas-upnp-org:device:ManageableDevice:2",
                friendly_name="A device",
                manufacturer="Example",
                model_name="Model",
                serial_number="1",
                services=("CMS:2", "BMS:2"),
            )
        ]


async def test_what_could_not_be_proxied_has_its_reason() -> None:
    tv = description(device("uuid:tv", service("urn:schemas-upnp-org:service:AVTransport:1", "tv")))
    poor = description(device("uuid:poor", service(CMS2, "cms")))
    async with (
        StandIn(address="127.0.0.4", documents={"/desc.xml": tv}) as screen,
        StandIn(address="127.0.0.5", documents={"/desc.xml": poor, "/cms.xml": "<scpd/>"}) as sensor,
        StandIn(address="127.0.0.6", documents={"/desc.xml": "<html/>"}) as broken,
        StandIn(address="127.0.0.7") as liar,
        answering(screen),
        answering(sensor),
        answering(broken),
        answering(liar, "127.0.0.8"),
    ):
        reasons = {entry.address: entry.reasons for entry in await found_of(screen, sensor, broken, liar)}
    assert reasons == {
        "127.0.0.4": ("no Device Management service",),
        "127.0.0.5": ("CMS:2: its SCPD lacks GetInstances, GetSupportedParameters, GetValues",),
        "127.0.0.6": (f"{broken.location} is no device description",),
        "127.0.0.8": (f"LOCATION {liar.location} points elsewhere than to 127.0.0.8",),
    }


async def test_configured_locations_are_visited_too() -> None:
    async with StandIn() as one:
        settings = UpnpSettings(interfaces=("127.0.0.1",), locations=(one.location,))
        assert one.udn in {entry.udn for entry in await search(settings, 0.1)}


async def test_what_takes_too_long_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "READING_SECONDS", 0.1)
    async with StandIn(held={"/desc.xml"}) as one:
        settings = UpnpSettings(interfaces=("127.0.0.1",), locations=(one.location,))
        (entry,) = [entry for entry in await search(settings, 0.1) if entry.location == one.location]
    assert entry.reasons == ("its description could not be read in time",)
