"""What `proxier run` loads: which modules take the time, and that none is loaded that it does not need."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from statistics import median

from tests.bench.daemons import compiled
from tests.bench.sizes import Sizes
from tests.bench.table import Line

RUN = "import proxier.cli, proxier.commands.run"
PARTS = {
    "aiohttp": r"aiohttp|aiohappyeyeballs|aiosignal|yarl|multidict|propcache|frozenlist|attr",
    "async-upnp-client": r"async_upnp_client|defusedxml|didl_lite|voluptuous",
    "SQLAlchemy": r"sqlalchemy",
    "lxml": r"lxml",
    "the proxier itself": r"proxier|translation|cwmp_client",
}
UNWANTED = re.compile(r"spyne|rich|proxier\.demo|uvloop|aiohttp\.web$")
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


async def imports(sizes: Sizes) -> AsyncIterator[Line]:
    compiled()
    runs = [await _times() for _ in range(sizes.rounds)]
    assert not [name for name in runs[0] if UNWANTED.match(name)]
    for part, pattern in PARTS.items():
        its_own = re.compile(rf"(?:{pattern})(?:\.|$)")
        seconds = median(sum(t for name, t in run.items() if its_own.match(name)) for run in runs)
        yield Line(row="imports", what=f"import time of {part}, by `-X importtime`", product=seconds)
    yield Line(
        row="imports",
        what="import time of all that `proxier run` loads",
        product=median(sum(run.values()) for run in runs),
    )


async def _times() -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "importtime", "-c", RUN, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    return {name: int(spent) / 1e6 for spent, name in _LINE.findall(said.decode())}
