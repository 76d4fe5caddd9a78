"""A proxier in this process, with devices and an ACS in another one."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cwmp_client.endpoint import Endpoint
from proxier.daemon import running
from proxier.proxier import Proxier
from tests.bench.device_stub import UDNS
from tests.bench.stubs import Cast, Stage, counted, playing
from tests.proxier.running import settings_for, until

SEARCH_INTERVAL_SECONDS = 3600.0
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Home:
    """Devices that the ACS knows, each with its endpoint; `held` counts the sessions that have ended."""

    stage: Stage
    proxier: Proxier
    endpoints: Sequence[Endpoint]
    held: asyncio.Semaphore

    async def counts(self) -> dict[str, int]:
        return await counted(self.stage)

    async def hold(self, repeats: int = 1) -> None:
        """Have each device hold so many sessions."""
        for _ in range(repeats):
            for endpoint in self.endpoints:
                endpoint.connection_requested()
            for _ in self.endpoints:
                await self.held.acquire()
        assert all(each.last_session and each.last_session.outcome == "success" for each in self.endpoints)


@asynccontextmanager
async def at_home(cast: Cast, plan: str) -> AsyncIterator[Home]:
    """`plan` is the path of the ACS's URL."""
    with tempfile.TemporaryDirectory(prefix="proxier-bench-") as folder:
        async with playing(cast) as stage:
            settings = settings_for(
                stage.acs + plan,
                Path(folder),
                interfaces=(),
                allow=(UDNS,),
                locations=stage.locations,
                search_interval=SEARCH_INTERVAL_SECONDS,
            )
            async with running(settings) as proxier:
                yield await _settled(stage, proxier)


async def _settled(stage: Stage, proxier: Proxier) -> Home:
    """Wait until each device has held its first session, with `0 BOOTSTRAP`."""
    held = asyncio.Semaphore(0)

    async def count() -> None:
        held.release()

    def settled() -> bool:
        each_known = len(proxier._virtual) == len(stage.locations)
        return each_known and all(
            each.endpoint.last_session and not each.endpoint.waiting and not each.endpoint.in_session
            for each in proxier._virtual.values()
        )

    await until(settled, PATIENCE_SECONDS)
    await asyncio.sleep(1)  # what follows the first session
    endpoints = [each.endpoint for each in proxier._virtual.values()]
    for endpoint in endpoints:
        endpoint.after_each_session(count)
    return Home(stage, proxier, endpoints, held)
