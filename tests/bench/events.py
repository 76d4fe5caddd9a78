"""Row 5: from a UPnP event to the last byte of the Inform that tells of it."""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from yarl import URL

from cwmp_client.http_line import Reply
from cwmp_client.messages import SetParameterAttributesStruct
from proxier.daemon import running
from proxier.demo.device import SimulatedDevice
from proxier.proxier import Proxier
from tests.bench.acs_stub import asking_values
from tests.bench.home import PATIENCE_SECONDS, SEARCH_INTERVAL_SECONDS
from tests.bench.measuring import cpu_of
from tests.bench.sessions import ASKED, SESSION, bare_sessions
from tests.bench.sizes import Sizes
from tests.bench.stubs import Cast, playing
from tests.bench.table import Line, Unit
from tests.proxier.running import settings_for, until

PLAN = "/nothing"
NAME, PATH = "Device.Time.NTPServer1", "/BBF/Time/NTPServer1"


async def events(sizes: Sizes) -> AsyncIterator[Line]:
    cast = Cast(plans={SESSION: asking_values(*ASKED)})
    with tempfile.TemporaryDirectory(prefix="proxier-bench-") as folder:
        async with playing(cast) as stage, simulated() as (location, changes):
            settings = settings_for(
                stage.acs + PLAN,
                Path(folder),
                interfaces=(),
                locations=(location,),
                search_interval=SEARCH_INTERVAL_SECONDS,
            )
            async with (
                running(settings) as proxier,
                bare_sessions(stage.acs + SESSION, 1) as hold_bare,
            ):
                watch = Watch(proxier)
                await watch.begin()
                times = []
                for number in range(sizes.rounds * sizes.events):
                    product = await watch.cpu_until_told(changes, number)
                    times.append((product, await cpu_of(lambda: hold_bare(1))))
    yield Line(
        row="5",
        what="one UPnP event to the Inform's last byte, beside a bare session",
        product=median(a for a, _ in times),
        yardstick=median(b for _, b in times),
        figure=median(a / b for a, b in times),
        reach=2,
    )
    yield Line(
        row="5",
        what="database transactions for that",
        product=median(watch.transactions),
        unit=Unit.COUNT,
        figure=median(watch.transactions),
        reach=1,
        reach_unit="",
    )


class Watch:
    """Looks at the clock when the proxier's first POST of a session is answered, and counts transactions."""

    def __init__(self, proxier: Proxier) -> None:
        self._proxier = proxier
        self.transactions: list[int] = []
        self._commits = 0
        self._told: asyncio.Future[float] | None = None

    async def begin(self) -> None:
        proxier = self._proxier
        await until(lambda: bool(proxier._virtual), PATIENCE_SECONDS)
        [virtual] = proxier._virtual.values()
        self._endpoint = virtual.endpoint
        await until(
            lambda: self._endpoint.last_session is not None and not self._endpoint.in_session,
            PATIENCE_SECONDS,
        )
        await asyncio.sleep(1)  # its events have begun
        watched = SetParameterAttributesStruct(NAME, notification_change=True, notification=2)
        await self._endpoint.parameters.set_parameter_attributes([watched])
        await virtual._settle()
        await self._look_at_posts()
        self._count_transactions()

    async def cpu_until_told(self, changes: Connection, number: int) -> float:
        self._told = asyncio.get_running_loop().create_future()
        self._commits = 0
        begun = time.process_time()
        changes.send((PATH, f"{number}.example"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            ended = await self._told
        await until(lambda: not self._endpoint.in_session and not self._endpoint.waiting)
        await asyncio.sleep(0.05)  # what follows the session
        return ended - begun

    async def _look_at_posts(self) -> None:
        acs = self._endpoint._acs
        make = acs._make_transport

        class Timed:
            def __init__(self, watch: Watch) -> None:
                self._watch = watch
                self._transport = make()

            async def post(self, url: URL, headers: Mapping[str, str], body: bytes) -> Reply:
                reply = await self._transport.post(url, headers, body)
                told = self._watch._told
                if told is not None and not told.done():
                    told.set_result(time.process_time())
                    self._watch.transactions.append(self._watch._commits)
                return reply

            async def close(self) -> None:
                await self._transport.close()

        acs._make_transport = lambda: Timed(self)
        await acs.close()

    def _count_transactions(self) -> None:
        database = self._proxier._house.store._database
        transact = database._transact

        def counting(works: Any) -> Any:
            self._commits += 1
            return transact(works)

        database._transact = counting  # type: ignore[method-assign]


@asynccontextmanager
async def simulated() -> AsyncIterator[tuple[str, Connection]]:
    """A simulated device in a process of its own: its location, and what takes paths and new values."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_simulate, args=(theirs,), daemon=True)
    await asyncio.to_thread(process.start)
    try:
        yield await asyncio.to_thread(ours.recv), ours
    finally:
        process.terminate()
        await asyncio.to_thread(process.join)
        ours.close()


def _simulate(told: Connection) -> None:
    asyncio.run(_change_as_told(told))


async def _change_as_told(told: Connection) -> None:
    others = frozenset({"BasicManagement", "SoftwareManagement"})
    async with SimulatedDevice(advertise=False, moderation=0, without_services=others) as device:
        told.send(device.location)
        while True:
            device.change(*await asyncio.to_thread(told.recv))
