"""The simulated device before a control point that others wrote: GUPnP, as Linux distributions have it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from proxier.demo.device import SimulatedDevice
from tests.proxier.demo.test_device_ssdp import unique

PYTHON = shutil.which("python3", path="/usr/bin") or ""
NTP = "/BBF/Time/NTPServer1"

CONTROL_POINT = """
import sys, gi
gi.require_version("GUPnP", "1.6")
gi.require_version("GSSDP", "1.6")
from gi.repository import GLib, GSSDP, GUPnP
udn, service_type = sys.argv[1:]
def listening(tries=20):
    try:
        return GUPnP.Context.new_full("lo", None, 0, GSSDP.UDAVersion.VERSION_1_1)
    except GLib.Error:  # it throws dice for a port, and somebody may be there
        if not tries: raise
        return listening(tries - 1)
context = listening()
point = GUPnP.ControlPoint.new(context, service_type)
kept = []
def say(*words): print(*words, flush=True)
def introspected(proxy, result):
    introspection = proxy.introspect_finish(result)
    say("actions", len(introspection.list_actions()))
    for variable in introspection.list_state_variables():
        if variable.send_events:
            proxy.add_notify(variable.name, str, lambda _, name, value, *__: say("event", name, value), None)
    proxy.connect("subscription-lost", lambda _, error: say("lost", error))
    proxy.set_subscribed(True)
    names, values = ["StartingNode", "SearchDepth"], ["/BBF/", "0"]
    action = GUPnP.ServiceProxyAction.new_from_list("GetInstances", names, values)
    proxy.call_action_async(action, None, called)
def called(proxy, result):
    action = proxy.call_action_finish(result)
    say("result", action.get_result_list(["Result"], [str])[1][0])
def available(_, proxy):
    if proxy.get_udn() == udn:
        kept.append(proxy)
        say("found", proxy.get_location())
        proxy.introspect_async(None, introspected)
def unavailable(_, proxy):
    if proxy.get_udn() == udn: say("gone")
point.connect("service-proxy-available", available)
point.connect("service-proxy-unavailable", unavailable)
point.set_active(True)
GLib.MainLoop().run()
"""


@pytest.fixture(scope="module", autouse=True)
def _gupnp() -> None:
    probe = "import gi; gi.require_version('GUPnP', '1.6')"
    if not PYTHON or subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode:
        pytest.skip("GUPnP for Python is not here (Debian: python3-gi gir1.2-gupnp-1.6)")


class ControlPoint:
    def __init__(self, lines: asyncio.StreamReader) -> None:
        self._lines = lines
        self._passed_over: list[str] = []

    async def says(self, start: str) -> str:
        """The next line with this start; the others wait for their turn."""
        for line in self._passed_over:
            if line.startswith(start):
                self._passed_over.remove(line)
                return line
        async with asyncio.timeout(10):
            while line := (await self._lines.readline()).decode().strip():
                if line.startswith(start):
                    return line
                self._passed_over.append(line)
        raise EOFError(start)


@asynccontextmanager
async def control_point(device: SimulatedDevice, service: str) -> AsyncIterator[ControlPoint]:
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        "-c",
        CONTROL_POINT,
        device.udn,
        f"urn:schemas-upnp-org:service:{service}:2",
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield ControlPoint(process.stdout)
    finally:
        process.kill()
        await process.communicate()


async def test_found_called_subscribed_and_gone() -> None:
    async with SimulatedDevice(serial=unique()) as device:
        device.cms.event_on_change.add(NTP)
        async with control_point(device, "ConfigurationManagement") as point:
            assert await point.says("found") == f"found {device.location}"
            assert await point.says("actions") == "actions 17"
            assert "/BBF/Hosts/Host/0/" in await point.says("result")
            await point.says("event ConfigurationUpdate")
            device.change(NTP, "other.example")
            assert f" {device.cms.version}," in await point.says("event ConfigurationUpdate")
            await device.byebye()
            await point.says("gone")
        assert device.refusals == []
