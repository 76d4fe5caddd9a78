"""Rows 6, 7 and 8: the whole daemon, in a process of its own."""

from __future__ import annotations

import asyncio
import compileall
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from yarl import URL

import cwmp_client
import proxier
import translation
from tests.bench.bare import BareAcsClient, BareControlPoint, connected, inform
from tests.bench.device_stub import SERVICES, UDNS, serial_of
from tests.bench.home import SEARCH_INTERVAL_SECONDS
from tests.bench.measuring import cpu_of, cpu_of_process, resident_bytes
from tests.bench.sizes import Sizes
from tests.bench.stubs import Cast, Stage, counted, playing
from tests.bench.table import Line, Unit
from tests.proxier.daemon_process import READY, Daemon, daemon, write_config
from tests.proxier.running import settings_for

PLAN = "/nothing"
IMPORTS = (
    "import aiohttp, lxml.etree, sqlite3, sqlalchemy.dialects.sqlite;"
    "import async_upnp_client.aiohttp, async_upnp_client.client_factory, async_upnp_client.ssdp"
)
"""What a program loads to use these libraries as they are meant: as control point, and with a file."""
PATIENCE_SECONDS = 120.0
CMS = "urn:schemas-upnp-org:service:ConfigurationManagement:2"


async def memory(sizes: Sizes) -> AsyncIterator[Line]:
    async with importing() as imports:
        alone = resident_bytes(imports)
    with_one = await _memory_with(1, sizes)
    yield Line(
        row="6",
        what="resident memory of `proxier run` with one device, beside the imports alone",
        product=with_one,
        yardstick=alone,
        unit=Unit.BYTES,
        figure=(with_one - alone) / 1e6,
        reach=8,
        reach_unit="MB",
    )
    with_many = await _memory_with(sizes.many_devices, sizes)
    each = (with_many - with_one) / (sizes.many_devices - 1)
    yield Line(
        row="6",
        what=f"memory for each further device, at {sizes.many_devices:,}",
        product=with_many,
        unit=Unit.BYTES,
        figure=each / 1e3,
        reach=60,
        reach_unit="kB",
    )


async def _memory_with(devices: int, sizes: Sizes) -> int:
    async with daemon_for(devices) as (stage, start), start() as process:
        await bootstrapped(stage, devices)
        await asyncio.sleep(sizes.settling_seconds)
        return resident_bytes(process.pid)


async def start_up(sizes: Sizes) -> AsyncIterator[Line]:
    devices = sizes.known_devices
    async with daemon_for(devices) as (stage, start):
        async with start() as process:
            await bootstrapped(stage, devices)
            await asyncio.sleep(sizes.settling_seconds)
            await stopped(process)
        times = [(await _cpu_until_ready(start), await _cpu_of_imports()) for _ in range(sizes.rounds)]
    yield Line(
        row="7",
        what=f"start of `proxier run` with {devices} known devices, until ready",
        product=median(a for a, _ in times),
        yardstick=median(b for _, b in times),
        figure=median(a / b for a, b in times),
        reach=1.5,
    )


async def _cpu_until_ready(start: Start) -> float:
    async with start() as process:
        return cpu_of_process(process.pid)


async def _cpu_of_imports() -> float:
    async with importing() as pid:
        return cpu_of_process(pid)


async def appearing(sizes: Sizes) -> AsyncIterator[Line]:
    for services, words in ((SERVICES[1:2], "ConfigurationManagement"), (SERVICES, "all three services")):
        yield await _appearing(sizes.many_devices, services, words, sizes)


async def _appearing(devices: int, services: Sequence[str], words: str, sizes: Sizes) -> Line:
    async with daemon_for(devices, services) as (stage, start):
        async with start() as process:
            at_start = cpu_of_process(process.pid)
            counts = await bootstrapped(stage, devices)
            product = cpu_of_process(process.pid) - at_start
            await asyncio.sleep(sizes.settling_seconds)
            later = await counted(stage)
        yardstick = await _cpu_of_bare_readings(stage, services)
    assert counts["bootstrapped"] == later["bootstraps"] == devices, (counts, later)
    return Line(
        row="8",
        what=f"{devices:,} devices with {words} appear at once, until each has bootstrapped",
        product=product,
        yardstick=yardstick,
        figure=product / yardstick,
        reach=2,
    )


async def scaling(sizes: Sizes) -> AsyncIterator[Line]:
    for devices in sizes.scale:
        async with daemon_for(devices) as (stage, start), start() as process:
            begun, at_start = time.monotonic(), cpu_of_process(process.pid)
            await bootstrapped(stage, devices)
            seconds, cpu = time.monotonic() - begun, cpu_of_process(process.pid) - at_start
            await asyncio.sleep(sizes.settling_seconds)
            resident, before = resident_bytes(process.pid), cpu_of_process(process.pid)
            await asyncio.sleep(sizes.idle_seconds)
            idle = (cpu_of_process(process.pid) - before) / sizes.idle_seconds
        each = f"each of {devices:,}"
        yield Line(row="scaling", what=f"memory with {devices:,}", product=resident, unit=Unit.BYTES)
        yield Line(row="scaling", what=f"CPU until {each} has bootstrapped, by device", product=cpu / devices)
        yield Line(row="scaling", what=f"time until {each} has bootstrapped", product=seconds)
        yield Line(row="scaling", what=f"CPU of a silent hour with {devices:,}", product=idle * 3600)


async def _cpu_of_bare_readings(stage: Stage, services: Sequence[str]) -> float:
    async with connected() as http:
        acs, control_point = BareAcsClient(http, stage.acs + PLAN), BareControlPoint(http)
        places = asyncio.Semaphore(32)

        async def read(number: int, location: str) -> None:
            async with places:
                await control_point.get(location)
                for service in services:
                    await control_point.get(str(URL(location).with_path(f"/scpd/{service}.xml")))
                control = str(URL(location).with_path("/control/ConfigurationManagement"))
                await control_point.call(control, CMS, "GetSupportedDataModels")
                whole = {"StartingNode": "/", "SearchDepth": "0"}
                await control_point.call(control, CMS, "GetSupportedParameters", **whole)
                await control_point.call(control, CMS, "GetInstances", **whole)
                await control_point.values(control, CMS, ["/BBF/DeviceInfo/"])
            await acs.session(inform(serial_of(number), "0 BOOTSTRAP"), _no_question)

        async def read_all() -> None:
            async with asyncio.TaskGroup() as tasks:
                for number, location in enumerate(stage.locations):
                    tasks.create_task(read(number, location))

        return await cpu_of(read_all)


async def _no_question(_: str, request: object) -> bytes:
    raise AssertionError(request)


Start = Callable[[], Any]
"""Starts a daemon; entered when it is ready."""


@asynccontextmanager
async def daemon_for(count: int, services: Sequence[str] = SERVICES) -> AsyncIterator[tuple[Stage, Start]]:
    """Devices with these services, and what starts a daemon that knows where they are."""
    cast = Cast(devices=count, services=services, eventing=True)
    with tempfile.TemporaryDirectory(prefix="proxier-bench-") as folder:
        async with playing(cast) as stage:
            settings = settings_for(
                stage.acs + PLAN,
                Path(folder),
                interfaces=(),
                allow=(UDNS,),
                locations=stage.locations,
                search_interval=SEARCH_INTERVAL_SECONDS,
                callback_host="127.0.0.1",
            )
            config = write_config(settings, Path(folder))
            compiled()

            @asynccontextmanager
            async def start() -> AsyncIterator[Daemon]:
                async with daemon(config) as process:
                    await process.line(READY)
                    yield process
                    assert not process.faults, process.faults[:5]

            yield stage, start


def compiled() -> None:
    """See to it that bytecode is there, as it is where the proxier is installed."""
    for package in (cwmp_client, translation, proxier):
        compileall.compile_dir(package.__path__[0], quiet=1)


@asynccontextmanager
async def importing() -> AsyncIterator[int]:
    """A process that has imported what the daemon is built on, and does no more."""
    script = f"{IMPORTS}; print(flush=True); input()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


async def bootstrapped(stage: Stage, devices: int) -> dict[str, int]:
    """Wait until every device has told the ACS of itself."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            counts = await counted(stage)
            if counts["bootstrapped"] == devices:
                return counts
            await asyncio.sleep(0.1)


async def stopped(process: Daemon) -> None:
    process.send(signal.SIGTERM)
    assert await process.ended() == 0
