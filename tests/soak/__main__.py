"""`make soak`: a daemon with many devices, and an ACS that does everything an ACS may not do.

SOAK_SECONDS (120), SOAK_DEVICES (50) and SOAK_SEED (a new one each time) choose how long, how many and what.
The exit code is 0 only if every event was delivered as the event table says, no device had two sessions at
once, every message was valid, and the daemon found no fault with itself.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from proxier.control_socket import ControlError
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_transcript import Direction
from proxier.demo.device import SimulatedDevice
from proxier.demo.device_profile import Documents
from proxier.settings import Settings
from tests.cwmp_client import schema
from tests.proxier.daemon_process import READY, Daemon, daemon, write_config
from tests.proxier.running import reports, settings_for
from tests.soak.books import Books
from tests.soak.chaos import REQUEST_TIMEOUT_SECONDS, Chaos

PERIODIC_INTERVAL_SECONDS = 20
SETTLED_WITHIN_SECONDS = 90.0
PROGRESS_SECONDS = 10.0
MOST_SHOWN, LONGEST_SHOWN = 50, 1000
"""Of what is wrong, and characters of each."""


def main() -> int:
    seconds = float(os.environ.get("SOAK_SECONDS", "120"))
    count = int(os.environ.get("SOAK_DEVICES", "50"))
    seed = int(os.environ.get("SOAK_SEED") or random.randrange(1_000_000))
    say(f"{count} devices, {seconds:g} s, SOAK_SEED={seed}")
    with tempfile.TemporaryDirectory(prefix="proxier-soak-") as folder:
        wrongs = asyncio.run(soak(Path(folder), seconds, count, seed))
    for wrong in wrongs[:MOST_SHOWN]:
        say(f"✗ {wrong[:LONGEST_SHOWN]}")
    say(f"✗ {len(wrongs)} wrongs with SOAK_SEED={seed}" if wrongs else "✓ nothing wrong")
    return 1 if wrongs else 0


async def soak(folder: Path, seconds: float, count: int, seed: int) -> list[str]:
    """Everything that is wrong."""
    devices = [_device(number, random.Random(f"{seed} device {number}")) for number in range(1, count + 1)]
    invalid: list[str] = []
    async with AsyncExitStack() as stack:
        acs = await stack.enter_async_context(EmbeddedAcs())
        if schema.is_there():
            acs.on_envelope(lambda direction, body: invalid.extend(_invalid(direction, body)))
        else:
            say("the checker of CWMP schemas is not beside this checkout; the ACS's own has to do")
        settings = _settings(acs, folder, devices)
        books = Books(acs)
        chaos = Chaos(acs, {f"{d.oui}-{d.product_class}-{d.serial}": d for d in devices}, books, seed)
        for device in devices:
            stack.push_async_callback(device.__aexit__, None, None, None)
        process = await stack.enter_async_context(daemon(write_config(settings, folder)))
        await process.line(READY)
        memory = _memory(process)
        say(f"memory of the daemon at its start: {memory} MiB")
        begun = time.monotonic()
        progress = asyncio.create_task(_progress(acs, chaos, process, settings))
        stack.callback(progress.cancel)
        await chaos.rage(seconds)
        say("the ACS behaves from now on")
        wrongs = await _unsettled(settings, books, count)
        duration = time.monotonic() - begun
        say(f"memory of the daemon at its end: {_memory(process)} MiB")
        progress.cancel()
        process.send(signal.SIGTERM)
        if code := await process.ended():
            wrongs.append(f"the daemon ended with {code}")
        wrongs += books.wrongs(PERIODIC_INTERVAL_SECONDS, duration)
        wrongs += [*acs.violations, *invalid, *process.faults]
        if wrongs:
            log = Path(tempfile.gettempdir()) / f"proxier-soak-{seed}.log"
            log.write_text("\n".join(_history(process, acs, devices)))
            say(f"what happened is in {log}")
        return wrongs


def _history(process: Daemon, acs: EmbeddedAcs, devices: Sequence[SimulatedDevice]) -> list[str]:
    """What daemon, ACS and devices have written down, by its time."""
    return sorted(
        [
            *(line.partition("T")[2] for line in process.lines),
            *map(str, acs.transcript),
            *(f"{h.at:%H:%M:%S.%f} {d.serial} {h.what}" for d in devices for h in d.history.happenings),
        ]
    )


def _device(number: int, chance: random.Random) -> SimulatedDevice:
    return SimulatedDevice(
        serial=f"{os.getpid()}-{number}",
        subscription_seconds=20,
        documents=chance.choice([Documents.ESCAPED, Documents.ESCAPED, *Documents]),
        untidy=chance.random() < 0.2,
        byebye_first=chance.random() < 0.2,
        events_overtake_answers=chance.random() < 0.2,
        instance_base=chance.choice([0, 0, 1]),
        announcements_as_list=chance.random() < 0.2,
    )


def _settings(acs: EmbeddedAcs, folder: Path, devices: Sequence[SimulatedDevice]) -> Settings:
    settings = settings_for(acs.url, folder, devices, search_interval=15, action_timeout=3)
    patience = replace(
        settings.acs,
        request_timeout=REQUEST_TIMEOUT_SECONDS,
        periodic_inform_interval=PERIODIC_INTERVAL_SECONDS,
        max_sessions=16,
    )
    return replace(settings, acs=patience)


def _invalid(direction: Direction, body: bytes) -> list[str]:
    if direction is not Direction.FROM_CPE:
        return []
    return [f"{error} in {body.decode(errors='replace')}" for error in schema.errors_of(body)]


async def _unsettled(settings: Settings, books: Books, count: int) -> list[str]:
    """Wait until every device is there and has nothing left to tell; says which are not."""
    deadline = time.monotonic() + SETTLED_WITHIN_SECONDS
    while True:
        listed = await reports(settings)
        left = [r for r in listed if not r["online"] or r["pending_events"]]
        if len(listed) == count and not left and not books.unaware():
            await asyncio.sleep(2)  # for an event that nobody expects
            return []
        if time.monotonic() > deadline:
            found = [f"{r['device_id']}: online {r['online']}, waiting {r['pending_events']}" for r in left]
            return [f"{len(listed)} of {count} devices are listed", *found]
        await asyncio.sleep(0.5)


async def _progress(acs: EmbeddedAcs, chaos: Chaos, process: Daemon, settings: Settings) -> None:
    begun = time.monotonic()
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        try:
            listed: list[dict[str, Any]] = await reports(settings)
        except ControlError as error:
            listed = []
            say(f"the daemon: {error}")
        counts = ", ".join(f"{count} {name}" for name, count in sorted(chaos.counts.items()))
        say(
            f"{time.monotonic() - begun:4.0f} s: {sum(r['online'] for r in listed)} of {len(listed)} online, "
            f"{len(acs.informs)} Informs, {chaos.books.delivered()} events delivered, "
            f"{len(process.lines_with('failed: '))} sessions failed, "
            f"{sum(len(r['pending_events']) for r in listed)} events waiting, "
            f"{len(acs.violations)} violations, {_memory(process)} MiB; {counts}"
        )


def _memory(process: Daemon) -> int:
    """VmRSS in MiB. Source: proc(5)"""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS:"))


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what it has to say goes to standard output


if __name__ == "__main__":
    sys.exit(main())
