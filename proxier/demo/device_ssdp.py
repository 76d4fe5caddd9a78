"""SSDP of the simulated device: it announces itself, says goodbye, answers searches. Source: UDA 1.1, 1"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from itertools import chain
from typing import Any

from proxier.demo.device_profile import DeviceProfile
from proxier.demo.device_scpd import OfferedService

GROUP, PORT = "239.255.255.250", 1900
TTL = 2
SEARCH_PORTS = range(49152, 65536)
"""Where SEARCHPORT.UPNP.ORG may lie. Source: UDA 1.1, 1.3.2"""
IP_MULTICAST_ALL = 49
"""From linux/in.h, missing in `socket`. Switched off, a socket hears only the interface it joined on."""
LONGEST_MX = 5
SERVER = "Linux/6.1 UPnP/1.1 proxier-simulate/1.0"
_VERSIONED = re.compile(r"(urn:[^:]+:(?:device|service):[^:]+):(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Announced:
    """One thing to be found: a notification type of one device."""

    nt: str
    udn: str

    @property
    def usn(self) -> str:
        """What USN says."""
        return self.nt if self.nt == self.udn else f"{self.udn}::{self.nt}"

    def found_as(self, target: str) -> Announced | None:
        """What answers a search for `target`, in the version asked for; none if this is not it."""
        if target in {"ssdp:all", self.nt}:
            return self
        wanted, own = _VERSIONED.fullmatch(target), _VERSIONED.fullmatch(self.nt)
        if wanted and own and wanted[1] == own[1] and 1 <= int(wanted[2]) <= int(own[2]):
            return Announced(target, self.udn)
        return None


def announced(profile: DeviceProfile, services: Iterable[OfferedService]) -> list[Announced]:
    """All that a device announces: three for the root, two for an embedded device, one for a service type."""
    things = [
        Announced(nt, profile.root_udn) for nt in ("upnp:rootdevice", profile.root_udn, profile.root_type)
    ]
    if profile.embedded:
        things += [Announced(nt, profile.udn) for nt in (profile.udn, profile.device_type)]
    return things + [Announced(service.service_type, profile.udn) for service in services]


class Ssdp:
    """The two sockets of a device: one hears the group, the other sends, and hears unicast searches."""

    def __init__(self, profile: DeviceProfile, things: list[Announced]) -> None:
        self._profile = profile
        self._things = things
        self._location = ""
        self._transports: list[asyncio.DatagramTransport] = []
        self._search_port = 0
        self._answers: set[asyncio.TimerHandle] = set()
        self._announcing: asyncio.Task[None] | None = None

    async def open(self, location: str) -> None:
        """Opens the sockets, and from now on answers searches with this LOCATION."""
        if not self._profile.advertise:
            return
        self._location = location
        loop = asyncio.get_running_loop()
        sender = _sending_socket(self._profile.interface)
        self._search_port = sender.getsockname()[1]
        for sock, multicast in ((sender, False), (_group_socket(self._profile.interface), True)):
            transport, _ = await loop.create_datagram_endpoint(
                _searches_of(self, multicast=multicast), sock=sock
            )
            self._transports.append(transport)

    def close(self) -> None:
        """Closes the sockets without a word."""
        self._silence()
        for transport in self._transports:
            transport.abort()
        self._transports.clear()

    async def alive(self) -> None:
        """Sends the alive messages, twice, and repeats them before they expire."""
        if not self._transports:
            return
        self._silence()
        await self._burst("ssdp:alive", {})
        self._announcing = asyncio.create_task(self._announce_again())

    async def byebye(self, about_to: Iterable[str] = ()) -> None:
        """Sends the byebye messages, and answers no search until the next alive."""
        self._silence()
        values = [", ".join(about_to)] if self._profile.announcements_as_list else list(about_to)
        extra = [("Announcement.dm.upnp.org", value) for value in values if value]
        await self._burst("ssdp:byebye", {}, extra)

    async def update(self) -> None:
        """Sends ssdp:update: BOOTID becomes another, and that is no reboot."""
        await self._burst("ssdp:update", {"NEXTBOOTID.UPNP.ORG": str(self._profile.boot_id + 1)})
        self._profile.boot_id += 1

    def searched(self, datagram: bytes, address: Any, *, multicast: bool) -> None:
        """Answers a search; what is no search by the book is passed over in silence."""
        search = _parse_search(datagram)
        if search is None or self._announcing is None:
            return
        mx = search.get("mx", "")
        if not re.fullmatch(r"[0-9]{1,9}", mx) or int(mx) < 1:
            if multicast:
                return
            mx = "1"
        longest = 0.9 * min(int(mx), LONGEST_MX)
        loop = asyncio.get_running_loop()
        for thing in filter(None, (thing.found_as(search["st"]) for thing in self._things)):
            delay = random.uniform(0, longest)  # noqa: S311 -- spreads answers, keeps no secret
            answer = self._answer(thing)
            self._answers = {timer for timer in self._answers if timer.when() > loop.time()}
            self._answers.add(loop.call_later(delay, self._transports[0].sendto, answer, address))

    def _silence(self) -> None:
        if self._announcing:
            self._announcing.cancel()
            self._announcing = None
        for timer in self._answers:
            timer.cancel()
        self._answers.clear()

    async def _announce_again(self) -> None:
        while True:
            await asyncio.sleep(self._profile.max_age * random.uniform(0.3, 0.5))  # noqa: S311 -- no secret
            await self._burst("ssdp:alive", {})

    async def _burst(self, nts: str, more: Mapping[str, str], extra: Iterable[tuple[str, str]] = ()) -> None:
        """Each message goes out twice, since datagrams get lost. Source: UDA 1.1, 1.2.2"""
        extra = list(extra)
        for _ in range(2):
            for thing in self._things:
                for transport in self._transports[:1]:
                    transport.sendto(self._notify(thing, nts, more, extra), (GROUP, PORT))
            await asyncio.sleep(0.02)

    def _notify(
        self, thing: Announced, nts: str, more: Mapping[str, str], extra: Iterable[tuple[str, str]]
    ) -> bytes:
        headers = {"HOST": f"{GROUP}:{PORT}", "NT": thing.nt, "NTS": nts, "USN": thing.usn}
        if nts != "ssdp:byebye":
            headers["LOCATION"] = self._location
        if nts == "ssdp:alive":
            headers["CACHE-CONTROL"] = f"max-age={self._profile.max_age}"
            headers["SERVER"] = SERVER
        headers |= self._boot_headers(search_port=nts != "ssdp:byebye")
        return _message("NOTIFY * HTTP/1.1", chain(headers.items(), more.items(), extra))

    def _answer(self, thing: Announced) -> bytes:
        headers = {
            "CACHE-CONTROL": f"max-age={self._profile.max_age}",
            "DATE": formatdate(usegmt=True),
            "EXT": "",
            "LOCATION": self._location,
            "SERVER": SERVER,
            "ST": thing.nt,
            "USN": thing.usn,
        }
        return _message("HTTP/1.1 200 OK", (headers | self._boot_headers(search_port=True)).items())

    def _boot_headers(self, *, search_port: bool) -> dict[str, str]:
        if not self._profile.boot_headers:
            return {}
        headers = {
            "BOOTID.UPNP.ORG": str(self._profile.boot_id),
            "CONFIGID.UPNP.ORG": str(self._profile.config_id),
        }
        if search_port:
            headers["SEARCHPORT.UPNP.ORG"] = str(self._search_port)
        return headers


def _message(start: str, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{start}\r\n{lines}\r\n".encode()


def _parse_search(datagram: bytes) -> dict[str, str] | None:
    """The headers of a search in lower case; nothing if it is not one, or not one by the book."""
    start, *lines = datagram.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    by_the_book = (
        start == "M-SEARCH * HTTP/1.1"
        and headers.get("man") == '"ssdp:discover"'
        and "st" in headers
        and "host" in headers
        and datagram.endswith(b"\r\n\r\n")
    )
    return headers if by_the_book else None


def _searches_of(ssdp: Ssdp, *, multicast: bool) -> type[asyncio.DatagramProtocol]:
    class Searches(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            ssdp.searched(data, addr, multicast=multicast)

    return Searches


def _group_socket(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((GROUP, PORT))
    sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
    membership = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(interface))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    return sock


def _sending_socket(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, TTL)
    for port in random.sample(SEARCH_PORTS, 32):
        try:
            sock.bind((interface, port))
        except OSError:
            continue
        return sock
    raise OSError("no port for unicast searches is free")
