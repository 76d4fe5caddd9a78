"""`proxier simulate`: one simulated device, to try the proxier or another control point with."""

from __future__ import annotations

import argparse
import asyncio
import signal

from proxier import log
from proxier.demo.device import SimulatedDevice
from proxier.errors import ProxierError
from proxier.settings import LogSettings


def simulate(arguments: argparse.Namespace) -> int:
    """Be a ManageableDevice:2 until stopped by a signal."""
    log.configure(LogSettings())
    try:
        asyncio.run(
            _simulate(SimulatedDevice(host=arguments.host, port=arguments.port, serial=arguments.serial))
        )
    except OSError as error:
        raise ProxierError(
            f"no device can be simulated at {arguments.host}: {error.strerror or error}"
        ) from error
    return 0


async def _simulate(device: SimulatedDevice) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with device:
        print(device.location, flush=True)
        await stopped.wait()
