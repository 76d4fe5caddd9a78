"""`proxier demo`: the main job from beginning to end, on loopback, with real sockets, and told as it happens.

A device is switched on, the proxier finds it over SSDP, an ACS reads its parameters and sets one, the device
obeys; then it says byebye.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from cwmp_client.messages import (
    EventCode,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    ParameterValueStruct,
    SetParameterValues,
)
from proxier.control_socket import ask, socket_path
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsDevice
from proxier.demo.acs_transcript import Exchange
from proxier.demo.device import SimulatedDevice
from proxier.settings import (
    AcsSettings,
    ConnectionRequestSettings,
    Settings,
    StorageSettings,
    UpnpSettings,
)

LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 15.0
PARAMETER = "Device.Time.NTPServer1"
UPNP_PARAMETER = "/BBF/Time/NTPServer1"
NEW_VALUE = "ntp.example.net"


class StepFailed(Exception):
    """A step of the demo did not hold; the text says what was seen instead."""


def play(devices: int) -> bool:
    """Play the main job with so many devices; returns whether every step held."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(_play(devices))
    except (StepFailed, TimeoutError) as error:
        _say(f"✗ {error}")
        return False
    _say("✓ Every step held.")
    return True


async def _play(count: int) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="proxier-demo-")))
        acs = await stack.enter_async_context(EmbeddedAcs())
        acs.on_exchange(_tell)
        run = secrets.token_hex(2).upper()
        devices = [SimulatedDevice(serial=f"{run}-{number}") for number in range(1, count + 1)]
        settings = _settings(acs.url, folder, [device.udn for device in devices])
        _title("The proxier starts, with an ACS at " + acs.url)
        await stack.enter_async_context(running(settings))
        for device in devices:
            _title(f"A device is switched on: {device.udn}")
            await stack.enter_async_context(device)
            _say(f"  its description is at {device.location}")
        for device in devices:
            await _main_job(acs, settings, device)
        if acs.violations:
            raise StepFailed(f"the ACS objects: {acs.violations}")


async def _main_job(acs: EmbeddedAcs, settings: Settings, device: SimulatedDevice) -> None:
    device_id = f"{device.oui}-{device.product_class}-{device.serial}"
    _title(f"The proxier finds it over SSDP: {device_id}")
    listed = await _until(settings, device_id, lambda report: bool(report["online"]))
    _say(f"  proxier devices: {device_id}, {', '.join(listed['services'])}, online")

    _title("It introduces itself to the ACS")
    managed = await acs.device(device_id, timeout=PATIENCE_SECONDS)
    await managed.wait_event(EventCode.BOOTSTRAP, timeout=PATIENCE_SECONDS)

    _title("The ACS asks what there is, reads all of it, and sets one parameter")
    await _read_all(managed, device)
    before = device.values[UPNP_PARAMETER]
    await managed.request(SetParameterValues((ParameterValueStruct(PARAMETER, NEW_VALUE),), "demo"))
    after = device.values[UPNP_PARAMETER]
    if after != NEW_VALUE:
        raise StepFailed(f"the device has {after!r} at {UPNP_PARAMETER}, not {NEW_VALUE!r}")
    _say(f"  at the device, {UPNP_PARAMETER} was {before!r} and is {after!r}")
    await managed.session_over(timeout=PATIENCE_SECONDS)

    _title("The device says byebye")
    await device.byebye()
    await _until(settings, device_id, lambda report: not report["online"])
    status = await managed.connection_request()
    if status != 503:  # HTTP: Service Unavailable
        raise StepFailed(f"a connection request to an offline device was answered {status}, not 503")
    _say(f"  proxier devices: {device_id} is offline, and a connection request is answered {status}")


async def _read_all(managed: AcsDevice, device: SimulatedDevice) -> None:
    names = await managed.request(GetParameterNames("Device.", next_level=False))
    if not isinstance(names, GetParameterNamesResponse) or not names.parameter_list:
        raise StepFailed(f"GetParameterNames was answered {names}")
    actions = len(device.actions)
    values = await managed.request(GetParameterValues(("Device.",)))
    if not isinstance(values, GetParameterValuesResponse) or not values.parameter_list:
        raise StepFailed(f"GetParameterValues was answered {values}")
    asked = device.actions[actions:]
    _say(
        f"  {len(names.parameter_list)} names; {len(values.parameter_list)} values, "
        f"for which the device was asked {', '.join(name for name, _ in asked)}"
    )


def _settings(acs_url: str, folder: Path, udns: Sequence[str]) -> Settings:
    """Settings for these devices alone: others may be simulated on loopback by somebody else."""
    return Settings(
        acs=AcsSettings(url=acs_url),
        connection_request=ConnectionRequestSettings(host=LOOPBACK, port=0),
        upnp=UpnpSettings(interfaces=(LOOPBACK,), allow=tuple(udns)),
        storage=StorageSettings(url=f"sqlite:///{folder / 'proxier.db'}"),
    )


async def _until(
    settings: Settings, device_id: str, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Ask the daemon for its devices until one is as it should be."""
    database = socket_path(settings.storage.path)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                reports: list[dict[str, Any]] = await ask(database, "devices")
                for report in reports:
                    if report["device_id"] == device_id and holds(report):
                        return report
                await asyncio.sleep(0.1)  # the control socket answers questions, and calls nobody
    except TimeoutError:
        raise StepFailed(f"{device_id} is not as it should be after {PATIENCE_SECONDS:.0f} s") from None


def _tell(exchange: Exchange) -> None:
    _say(f"  {exchange}")


def _title(text: str) -> None:
    _say(f"\n● {text}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the demo's transcript is its output
