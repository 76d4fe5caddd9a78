"""Where to search: the interfaces of this machine, and the SSDP sockets on one of them."""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import logging
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from async_upnp_client.ssdp import SSDP_IP_V4, SSDP_PORT, SSDP_TARGET_V4, get_ssdp_socket

from proxier.control_point.ssdp import searches

_LOGGER = logging.getLogger(__name__)
SECOND_SEARCH_SECONDS: Final = 0.3
"""Between a search and its repetition."""
_ROUTES = Path("/proc/net/route")
_SIOCGIFFLAGS = 0x8913
_SIOCGIFADDR = 0x8915
_IFF_UP = 0x1
_IFF_MULTICAST = 0x1000
_RTF_UP = 0x1
_IP_MULTICAST_ALL = 49
_IFREQ = struct.Struct("16s16s8x")

Heard = Callable[[bytes, str], None]
"""Takes a datagram and the address that sent it."""


class Interface(NamedTuple):
    """One IPv4 interface of this machine."""

    name: str
    address: str
    multicast: bool
    default_route: bool
    number: int = 0
    """The kernel's index of it, which is another one when it is made anew."""


def own_interfaces() -> list[Interface]:
    """Every interface that is up and has an IPv4 address, by its first one. Source: netdevice(7)"""
    gateways = _interfaces_with_default_route()
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for number, name in socket.if_nameindex():
            request = _IFREQ.pack(name.encode(), b"")
            try:
                (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request), 16)
                address = socket.inet_ntoa(fcntl.ioctl(any_socket, _SIOCGIFADDR, request)[20:24])
            except OSError:
                continue
            if flags & _IFF_UP:
                multicast = bool(flags & _IFF_MULTICAST)
                found.append(Interface(name, address, multicast, name in gateways, number))
    return found


def choose(wanted: Sequence[str], interfaces: Iterable[Interface]) -> tuple[list[str], list[str]]:
    """Choose the addresses to search on, and say which of the wanted ones are not there.

    `wanted` are names or addresses; when it is empty, every multicast interface is meant that has a private
    address and no default route: the LAN side of a home gateway.
    """
    known = list(interfaces)
    if not wanted:
        inside = (i for i in known if i.multicast and not i.default_route)
        return [i.address for i in inside if ipaddress.ip_address(i.address).is_private], []
    by_name = {i.name: i.address for i in known}
    chosen: list[str] = []
    missing: list[str] = []
    for name in dict.fromkeys(wanted):
        address = by_name.get(name, name)
        (chosen if _is_address(address) else missing).append(address)
    return list(dict.fromkeys(chosen)), missing


class SsdpSockets:
    """The two sockets of one interface: one hears the group, one sends searches and hears the answers.

    The first is bound to the group, so that it takes no unicast datagram away from another UPnP program on
    port 1900, and hears its own interface only.
    """

    def __init__(self, address: str, number: int, heard: Heard) -> None:
        self.address = address
        self.number = number
        """Of the interface that has joined; a membership ends with its interface. Source: ip(7)"""
        self._heard = heard
        self._transports: list[asyncio.DatagramTransport] = []

    async def open(self) -> None:
        """Join the group and listen.

        Raises:
            OSError: the address is not ours, or cannot multicast.
        """
        _claim(self.address)
        try:
            for bound_to in ((SSDP_IP_V4, SSDP_PORT), (self.address, 0)):
                self._transports.append(await self._listen(bound_to))
        except OSError:
            self.close()
            raise

    def send(self, datagram: bytes) -> None:
        """Send a datagram to the group."""
        self._transports[-1].sendto(datagram, SSDP_TARGET_V4)

    def close(self) -> None:
        """Leave the group."""
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    async def _listen(self, bound_to: tuple[str, int]) -> asyncio.DatagramTransport:
        open_socket, _, _ = get_ssdp_socket((self.address, 0), SSDP_TARGET_V4)
        try:
            open_socket.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            open_socket.bind(bound_to)
            open_socket.setblocking(False)  # noqa: FBT003 - the socket module's own signature
        except OSError:
            open_socket.close()
            raise
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Ear(self._heard), sock=open_socket)
        return transport


class SsdpNetwork:
    """The SSDP sockets of all interfaces that are to be searched; interfaces may come and go."""

    def __init__(self, wanted: Sequence[str], heard: Heard) -> None:
        self._wanted = wanted
        self._heard = heard
        self._sockets: dict[str, SsdpSockets] = {}
        self._said = ""
        self.missing: list[str] = []
        """Where it was to listen and cannot, with reasons."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it listens now."""
        return tuple(self._sockets)

    async def refresh(self) -> None:
        """Listen on every interface that is wanted and there; what is missing is logged once."""
        interfaces = own_interfaces()
        chosen, self.missing = choose(self._wanted, interfaces)
        numbers = {interface.address: interface.number for interface in interfaces}
        for address, sockets in list(self._sockets.items()):
            if address not in chosen or sockets.number != numbers.get(address, 0):
                self._sockets.pop(address).close()
        for address in chosen:
            if address not in self._sockets:
                sockets = SsdpSockets(address, numbers.get(address, 0), self._heard)
                try:
                    await sockets.open()
                except OSError as error:
                    self.missing.append(f"{address} ({error.strerror})")
                else:
                    self._sockets[address] = sockets
        if self.missing:
            self._say(f"cannot search on {', '.join(self.missing)}")
        elif not chosen:
            self._say(
                "no interface to search on: none has a private address, multicast and no default route; "
                "name one in upnp.interfaces"
            )
        else:
            self._say("")

    async def search(self) -> None:
        """Send every search on every interface, twice: a datagram may be lost."""
        datagrams = searches()
        for _ in range(2):
            for sockets in self._sockets.values():
                for datagram in datagrams:
                    sockets.send(datagram)
            await asyncio.sleep(SECOND_SEARCH_SECONDS)

    def close(self) -> None:
        """Close all sockets."""
        for sockets in self._sockets.values():
            sockets.close()
        self._sockets.clear()

    def _say(self, what: str) -> None:
        if what and what != self._said:
            _LOGGER.warning("%s", what)
        self._said = what


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._heard(data, addr[0])

    def error_received(self, exc: Exception) -> None:
        _LOGGER.debug("SSDP socket: %s", exc)


def _interfaces_with_default_route() -> set[str]:
    """Source: proc(5), /proc/net/route"""
    try:
        rows = [line.split() for line in _ROUTES.read_text("ascii").splitlines()[1:]]
    except OSError:
        return set()
    return {
        row[0]
        for row in rows
        if len(row) > 7 and int(row[1], 16) == 0 and int(row[7], 16) == 0 and int(row[3], 16) & _RTF_UP
    }


def _claim(address: str) -> None:
    """Fail for an address that is not ours; the library would fail too, and leave its socket open."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
