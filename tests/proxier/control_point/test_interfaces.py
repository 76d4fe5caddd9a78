from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import subprocess
import sys

import pytest

from proxier.control_point.interfaces import Interface, SsdpNetwork, choose, own_interfaces
from proxier.control_point.ssdp import SEARCH_TARGETS
from tests.proxier.control_point.stand_in import StandIn

LOOPBACK = Interface("lo", "127.0.0.1", multicast=False, default_route=False)
LAN = Interface("br-lan", "192.168.1.1", multicast=True, default_route=False)
GUESTS = Interface("br-guest", "10.0.5.1", multicast=True, default_route=False)
WAN = Interface("wan", "198.51.100.7", multicast=True, default_route=True)
PRIVATE_WAN = Interface("eth0", "192.168.100.2", multicast=True, default_route=True)
PUBLIC = Interface("dmz", "8.8.8.8", multicast=True, default_route=False)
TUNNEL = Interface("tun0", "10.8.0.1", multicast=False, default_route=False)
HOUSE = (LOOPBACK, LAN, GUESTS, WAN, PRIVATE_WAN, PUBLIC, TUNNEL)


@pytest.mark.parametrize(
    ("wanted", "chosen", "missing"),
    [
        ((), ["192.168.1.1", "10.0.5.1"], []),
        (("br-lan",), ["192.168.1.1"], []),
        (("wan", "127.0.0.1"), ["198.51.100.7", "127.0.0.1"], []),
        (("br-lan", "192.168.1.1", "br-lan"), ["192.168.1.1"], []),
        (("br-lan", "wlan9"), ["192.168.1.1"], ["wlan9"]),
    ],
)
def test_the_interfaces_of_the_lan_are_chosen(
    wanted: tuple[str, ...], chosen: list[str], missing: list[str]
) -> None:
    assert choose(wanted, HOUSE) == (chosen, missing)


def test_our_own_interfaces_have_addresses() -> None:
    assert LOOPBACK._replace(number=socket.if_nametoindex("lo")) in own_interfaces()


REMADE = """
import asyncio, socket, subprocess
from proxier.control_point.interfaces import SsdpNetwork

def ip(command):
    subprocess.run(["ip", *command.split()], check=True)

def make():
    ip("link add lan0 type veth peer name lan1")
    ip("link set lan1 up")
    ip("link set lan0 up multicast on")
    ip("addr add 192.168.77.1/24 dev lan0")

def say():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:
        voice.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.168.77.1"))
        voice.sendto(b"hello", ("239.255.255.250", 1900))

async def main():
    heard = asyncio.Queue()
    network = SsdpNetwork(("lan0",), lambda datagram, source: heard.put_nowait(datagram))
    make()
    await network.refresh()
    say()
    assert await asyncio.wait_for(heard.get(), 5) == b"hello"
    ip("link del lan0")
    make()
    await network.refresh()
    say()
    assert await asyncio.wait_for(heard.get(), 5) == b"hello"
    network.close()

asyncio.run(main())
"""


def test_an_interface_that_is_made_anew_is_heard_again() -> None:
    tools = [shutil.which(name) for name in ("unshare", "ip")]
    apart = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    probe = [*apart, "ip", "link", "add", "x0", "type", "veth", "peer", "name", "x1"]
    if not all(tools) or subprocess.run(probe, check=False).returncode:
        pytest.skip("needs a network namespace of its own with a virtual interface")
    subprocess.run([*apart, sys.executable, "-c", REMADE], check=True, timeout=30)


async def test_advertisements_on_an_interface_are_heard_with_their_sender() -> None:
    heard: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()
    network = SsdpNetwork(("lo",), lambda datagram, source: heard.put_nowait((datagram, source)))
    await network.refresh()
    try:
        assert network.addresses == ("127.0.0.1",)
        async with StandIn(address="127.0.0.31") as device, asyncio.timeout(5):
            device.say("ssdp:alive")
            while True:
                datagram, source = await heard.get()
                if device.udn.encode() in datagram:
                    break
            assert source == "127.0.0.31"
    finally:
        network.close()
    assert len(network.addresses) == 0


async def test_every_search_is_sent_twice() -> None:
    heard: list[str] = []
    listener = SsdpNetwork(("127.0.0.1",), lambda datagram, _: heard.append(datagram.decode()))
    searcher = SsdpNetwork(("127.0.0.1",), lambda *_: None)
    await listener.refresh()
    await searcher.refresh()
    try:
        await searcher.search()
        for target in SEARCH_TARGETS:
            assert sum(text.startswith("M-SEARCH") and f"ST:{target}\r\n" in text for text in heard) >= 2
    finally:
        listener.close()
        searcher.close()


async def test_what_cannot_be_searched_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    network = SsdpNetwork(("nowhere0", "192.0.2.77", "lo"), lambda *_: None)
    with caplog.at_level(logging.WARNING):
        await network.refresh()
        await network.refresh()
    network.close()
    (record,) = caplog.records
    assert "nowhere0" in record.getMessage()
    assert "192.0.2.77" in record.getMessage()
