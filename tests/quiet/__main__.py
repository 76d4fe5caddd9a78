"""`make quiet`: what a proxier with many devices writes, and says, while nothing happens.

QUIET_SECONDS (600), QUIET_DEVICES (20) and QUIET_PERIODIC (86400, as shipped: seconds between two periodic
Informs) choose how long, how many and how often they inform. All else is as shipped. It says what was
measured, and what that makes in an hour.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from msgspec.structs import replace

from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from proxier.settings import Settings, UpnpSettings
from tests.proxier.daemon_process import READY, Daemon, daemon, write_config
from tests.proxier.running import reports_when, settings_for
from tests.proxier.write_ahead import Written, written

HOUR = 3600
SETTLED_WITHIN_SECONDS = 120.0
SETTLING_SECONDS = 30.0
"""From the last event that the ACS took until measuring begins."""


def main() -> int:
    seconds = int(os.environ.get("QUIET_SECONDS", "600"))
    count = int(os.environ.get("QUIET_DEVICES", "20"))
    periodic = int(os.environ.get("QUIET_PERIODIC", "86400"))
    with tempfile.TemporaryDirectory(prefix="proxier-quiet-") as folder:
        asyncio.run(measure(Path(folder), seconds, count, periodic))
    return 0


async def measure(folder: Path, seconds: int, count: int, periodic: int) -> None:
    devices = [SimulatedDevice(serial=f"{os.getpid()}-{number}") for number in range(count)]
    async with AsyncExitStack() as stack:
        acs = await stack.enter_async_context(EmbeddedAcs())
        settings = _settings(acs, folder, devices, periodic)
        process = await stack.enter_async_context(daemon(write_config(settings, folder)))
        await process.line(READY)
        for device in devices:
            await stack.enter_async_context(device)
        await reports_when(
            settings,
            lambda found: len(found) == count and not any(r["pending_events"] for r in found),
            SETTLED_WITHIN_SECONDS,
        )
        await asyncio.sleep(SETTLING_SECONDS)
        say(f"{count} devices and the proxier itself, {seconds} s, an Inform every {periodic} s")
        await _watch(process, settings.storage.path, seconds)


def _settings(acs: EmbeddedAcs, folder: Path, devices: list[SimulatedDevice], periodic: int) -> Settings:
    settings = settings_for(acs.url, folder, devices, gateway=True)
    return replace(
        settings,
        acs=replace(settings.acs, periodic_inform_interval=periodic),
        upnp=replace(settings.upnp, search_interval=UpnpSettings().search_interval),
    )


async def _watch(process: Daemon, database: Path, seconds: int) -> None:
    tally: Counter[str] = Counter()
    lines, before, at_first = len(process.lines), written(database), _counters(process)
    for _ in range(seconds):
        await asyncio.sleep(1)
        now = written(database)
        last = before if now.salts == before.salts else Written(now.salts, 0, 0)  # the log began anew
        tally["commits"] += now.commits - last.commits
        tally["bytes in the write-ahead log"] += now.octets - last.octets
        before = now
    tally["lines of log"] = len(process.lines) - lines
    tally += Counter({name: value - at_first[name] for name, value in _counters(process).items()})
    for name in ("commits", "bytes in the write-ahead log", "bytes to the disk", "lines of log", "ms of CPU"):
        say(f"{name:30} {tally[name]:10} {round(tally[name] * HOUR / seconds):10} in an hour")
    for line in process.lines[lines:]:
        say(f"  {line}")


def _counters(process: Daemon) -> dict[str, int]:
    """What the kernel counts of a process. Source: proc(5)"""
    folder = Path(f"/proc/{process.pid}")
    io = dict(line.split(": ") for line in (folder / "io").read_text().splitlines())
    user, system = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
    milliseconds = (int(user) + int(system)) * 1000 // os.sysconf("SC_CLK_TCK")
    return {"bytes to the disk": int(io["write_bytes"]), "ms of CPU": milliseconds}


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what it has to say goes to standard output


if __name__ == "__main__":
    sys.exit(main())
