"""The tests of a real device: rygel, which offers BasicManagement, in a network namespace of its own."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cwmp_client.messages import Reboot
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsFault
from proxier.settings import Settings
from tests.proxier.at_acs import Known
from tests.proxier.running import PATIENCE_SECONDS, reports_when, settings_for
from translation.diagnostic_objects import NSLOOKUP, PING

ADDRESS = "192.168.77.1"
PROGRAMS = ("rygel", "dbus-run-session", "ip", "ping", "nslookup")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]
CLONE_NEWNET = 0x40000000
COMPLETE = "8 DIAGNOSTICS COMPLETE"

SET_UP = (
    "link set lo up",
    "link add lan0 type veth peer name lan1",
    f"address add {ADDRESS}/24 dev lan0",
    "link set lan1 up",
    "link set lan0 up",
    "route add 239.0.0.0/8 dev lan0",
)

CONFIGURATION = """
[general]
ipv6=false
interface=lan0
media-engine=librygel-media-engine-simple.so
[MediaExport]
enabled=true
title=Rygel
diagnostics=true
uris={folder}
[Playbin]
enabled=false
[External]
enabled=false
[MPRIS]
enabled=false
"""

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a network namespace"),
]


@pytest.fixture
def lan() -> Iterator[None]:
    """A network of this thread alone, with one interface that rygel takes for a LAN."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as before:
        if libc.unshare(CLONE_NEWNET):
            pytest.skip(f"no network namespace can be made: {os.strerror(ctypes.get_errno())}")
        try:
            for command in SET_UP:
                subprocess.run(["ip", *command.split()], check=True)
            yield
        finally:
            assert libc.setns(before.fileno(), CLONE_NEWNET) == 0


class NameServer(asyncio.DatagramProtocol):
    """Knows one name, and one address for it. Source: RFC 1035 4.1"""

    NAME = b"\x04host\x07example\x00"

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        end = data.index(0, 12) + 5
        question, asks_for_address = data[12:end], data[end - 4 : end - 2] == b"\x00\x01"
        is_known = question.lower().startswith(self.NAME)
        answers = is_known and asks_for_address
        header = data[:2] + (b"\x85\x80" if is_known else b"\x85\x83") + bytes((0, 1, 0, answers, 0, 0, 0, 0))
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + bytes((192, 0, 2, 5))
        self._transport.sendto(header + question + (record if answers else b""), addr)


@asynccontextmanager
async def name_server() -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(NameServer, (ADDRESS, 53))
    try:
        yield
    finally:
        transport.close()


@asynccontextmanager
async def rygel(folder: Path) -> AsyncIterator[None]:
    """A rygel with a home of its own."""
    kinds = ("CONFIG_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR")
    homes = {f"XDG_{kind}": folder / kind for kind in kinds}
    for home in homes.values():
        home.mkdir(mode=0o700)
    (homes["XDG_CONFIG_HOME"] / "rygel.conf").write_text(CONFIGURATION.format(folder=folder))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "GIO_USE_VFS": "local",
        "GSETTINGS_BACKEND": "memory",
        **{name: str(home) for name, home in homes.items()},
    }
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "dbus-run-session", "--", "rygel", env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@pytest.mark.usefixtures("lan")
async def test_ping_and_lookup(acs: EmbeddedAcs, tmp_path: Path) -> None:
    settings = settings_for(acs.url, tmp_path, interfaces=(ADDRESS,))
    async with name_server(), rygel(tmp_path), running(settings):
        known = Known(await acs.device(await device_id(settings), timeout=PATIENCE_SECONDS))

        await known.ask(PING.path, Host=ADDRESS, NumberOfRepetitions="2", Timeout="1000")
        await known.told(COMPLETE)
        ping = await known.below(PING.path)
        assert ping["DiagnosticsState"] == "Complete"
        assert (ping["SuccessCount"], ping["FailureCount"]) == ("2", "0")

        known.heard = len(known.acs.informs)
        await known.ask(NSLOOKUP.path, HostName="host.example", DNSServer=ADDRESS, Timeout="2000")
        await known.told(COMPLETE)
        lookup = await known.below(NSLOOKUP.path)
        assert (lookup["DiagnosticsState"], lookup["SuccessCount"]) == ("Complete", "1")
        assert lookup["Result.1.Status"] == "Success"
        assert lookup["Result.1.AnswerType"] == "Authoritative"
        assert lookup["Result.1.HostNameReturned"] == "host.example"
        assert lookup["Result.1.IPAddresses"] == "192.0.2.5"
        assert lookup["Result.1.DNSServerIP"] == ADDRESS

        assert not {"FactoryReset", "Upload"} & await known.methods()
        with pytest.raises(AcsFault, match="9001 the device has no action to reboot it"):
            await known.acs.request(Reboot("key"))


async def device_id(settings: Settings) -> str:
    found = await reports_when(settings, bool)
    return str(found[0]["device_id"])
