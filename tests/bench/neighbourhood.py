"""Row 9: SSDP advertisements, most of which are nobody's business."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from proxier.control_point import ControlPoint, ProxiedDevice
from proxier.settings import UpnpSettings
from tests.bench.device_stub import UDNS, serial_of
from tests.bench.measuring import in_turns
from tests.bench.sizes import Sizes
from tests.bench.stubs import Cast, playing
from tests.bench.table import Line
from tests.proxier.running import LOOPBACK, until
from translation.actions import AboutTo, StateChange

PATIENCE_SECONDS = 60.0


class Listener:
    """Somebody who is told, and does nothing."""

    def __init__(self) -> None:
        self.appearances = 0

    async def appeared(self, _: ProxiedDevice) -> None:
        self.appearances += 1

    async def restarted(self, device: ProxiedDevice, about_to: frozenset[AboutTo]) -> None:
        raise AssertionError(device, about_to)

    async def left(self, udn: str, reason: str, about_to: frozenset[AboutTo]) -> None:
        raise AssertionError(udn, reason, about_to)

    async def changed(self, udn: str, change: StateChange) -> None:
        raise AssertionError(udn, change)


def advertisement(udn: str, target: str, location: str) -> bytes:
    return (
        "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\n"
        f"LOCATION: {location}\r\nNT: {target}\r\nNTS: ssdp:alive\r\n"
        "SERVER: Linux/6.1 UPnP/1.1 Example/1.0\r\n"
        f"USN: {udn}::{target}\r\nBOOTID.UPNP.ORG: 1\r\nCONFIGID.UPNP.ORG: 1\r\n\r\n"
    ).encode()


def chatter(locations: tuple[str, ...], count: int) -> list[tuple[bytes, str]]:
    """Advertisements and their senders; each tenth is one of a Device Management service."""

    def each() -> Iterator[tuple[bytes, str]]:
        for number in range(count):
            device = number // 10 % len(locations)
            location = locations[device]
            kind = "ConfigurationManagement:2" if number % 10 == 0 else "SwitchPower:1"
            target = f"urn:schemas-upnp-org:service:{kind}"
            udn = serial_of(device) if number % 10 == 0 else f"other-{device}"
            yield advertisement(f"uuid:{udn}", target, location), location.split("/")[2].partition(":")[0]

    return list(each())


def parse(datagram: bytes) -> dict[str, str]:
    """The yardstick."""
    headers = {}
    for line in datagram.decode().split("\r\n")[1:]:
        name, _, value = line.partition(":")
        headers[name.upper()] = value.strip()
    return headers


async def advertisements(sizes: Sizes) -> AsyncIterator[Line]:
    listener = Listener()
    async with playing(Cast(devices=sizes.devices)) as stage:
        settings = UpnpSettings(
            interfaces=(LOOPBACK,), search_interval=3600, callback_host=LOOPBACK, allow=(UDNS,)
        )
        async with ControlPoint(settings, listener) as control_point:
            heard = chatter(stage.locations, sizes.advertisements)

            async def hear() -> None:
                for datagram, source in heard:
                    control_point._hear(datagram, source)

            async def read() -> None:
                for datagram, _ in heard:
                    parse(datagram)

            await hear()
            await until(lambda: listener.appearances == len(stage.locations), PATIENCE_SECONDS)
            await asyncio.sleep(0.5)
            found = await in_turns(hear, read, rounds=sizes.rounds)
    yield Line(
        row="9",
        what=f"{sizes.advertisements:,} SSDP advertisements, a tenth of them of Device Management",
        product=found.product,
        yardstick=found.yardstick,
        figure=found.ratio,
        reach=2,
    )
