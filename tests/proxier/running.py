"""Settings for a daemon on loopback in the process of a test, and questions to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from proxier.control_socket import ask, socket_path
from proxier.demo.device import SimulatedDevice
from proxier.settings import (
    AcsSettings,
    ConnectionRequestSettings,
    IdentitySettings,
    Settings,
    StorageSettings,
    UpnpSettings,
)

LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 10.0


def settings_for(
    acs_url: str, folder: Path, devices: Sequence[SimulatedDevice] = (), *, gateway: bool = False, **upnp: Any
) -> Settings:
    """Settings for loopback, for these devices alone: others may be simulated there by somebody else."""
    upnp.setdefault("interfaces", (LOOPBACK,))
    upnp.setdefault("allow", tuple(device.udn for device in devices))
    return Settings(
        acs=AcsSettings(url=acs_url, retry_minimum_wait=1, retry_interval_multiplier=1000),
        identity=IdentitySettings(enable=gateway, serial_number="GATEWAY"),
        connection_request=ConnectionRequestSettings(host=LOOPBACK, port=0),
        upnp=UpnpSettings(**upnp),
        storage=StorageSettings(url=f"sqlite:///{folder / 'proxier.db'}"),
    )


def free_port() -> int:
    """A TCP port that was free just now."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


async def reports(settings: Settings) -> list[dict[str, Any]]:
    """What `proxier devices --json` says."""
    answer: list[dict[str, Any]] = await ask(socket_path(settings.storage.path), "devices")
    return answer


async def until(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds that nobody tells of."""
    async with asyncio.timeout(seconds):
        while True:
            if holds():
                return
            await asyncio.sleep(0.05)


async def reports_when(
    settings: Settings, holds: Callable[[list[dict[str, Any]]], bool], seconds: float = PATIENCE_SECONDS
) -> list[dict[str, Any]]:
    """What is said of all devices, as soon as this holds of it."""
    async with asyncio.timeout(seconds):
        while True:
            found = await reports(settings)
            if holds(found):
                return found
            await asyncio.sleep(0.05)  # the control socket answers questions, and calls nobody


async def report_of(settings: Settings, device: SimulatedDevice, *, online: bool = True) -> dict[str, Any]:
    """What is said of a device, as soon as it is online, or offline."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            for report in await reports(settings):
                if device.udn in (report["udn"], *report["other_udns"]) and report["online"] is online:
                    return report
            await asyncio.sleep(0.05)  # the control socket answers questions, and calls nobody
