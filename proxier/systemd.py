"""The few words that systemd wants to hear from a service of `Type=notify`.

Source: sd_notify(3), sd_watchdog_enabled(3)
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MICROSECONDS = 1_000_000


def notify(state: str) -> None:
    """Tell systemd, if it asked to be told; a state is `READY=1`, `STOPPING=1` or `WATCHDOG=1`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram:
        try:
            datagram.sendto(state.encode(), address)
        except OSError:
            # Whoever asked is not there any more; the service runs all the same.
            return


@asynccontextmanager
async def watchdog() -> AsyncIterator[None]:
    """As long as the context lasts, tell systemd that the event loop turns, if it asked to be told."""
    seconds = _watchdog_seconds()
    beating = asyncio.create_task(_beat(seconds / 2)) if seconds else None
    try:
        yield
    finally:
        if beating:
            beating.cancel()


def _watchdog_seconds() -> float:
    """Within how many seconds systemd wants to hear something each time; 0: it wants to hear nothing."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID", "") in {"", str(os.getpid())}
    return int(microseconds) / MICROSECONDS if meant and microseconds.isdecimal() else 0


async def _beat(seconds: float) -> None:
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(seconds)
