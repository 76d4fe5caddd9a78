"""`make bench`: what the proxier costs, each time beside a yardstick in the same run.

`make bench ARGS='1 11'` measures these rows only, and leaves docs/performance.md alone. `--quick` does as
little as possible, to see that everything runs.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping

from tests.bench import report
from tests.bench.daemons import appearing, memory, scaling, start_up
from tests.bench.events import events
from tests.bench.imports import imports
from tests.bench.neighbourhood import advertisements
from tests.bench.proxied import long_names, long_values, proxied_sessions
from tests.bench.sessions import sessions, sessions_over_tls
from tests.bench.sizes import FULL, QUICK, Sizes
from tests.bench.storing import storing
from tests.bench.table import Line, markdown

ROWS: Mapping[str, Callable[[Sizes], AsyncIterator[Line]]] = {
    "1": sessions,
    "2": proxied_sessions,
    "3": long_values,
    "4": long_names,
    "5": events,
    "6": memory,
    "7": start_up,
    "8": appearing,
    "9": advertisements,
    "10": storing,
    "11": sessions_over_tls,
    "imports": imports,
    "scaling": scaling,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("rows", nargs="*", help="the numbers of the yardsticks; none: all")
    parser.add_argument("--quick", action="store_true", help="as little as possible")
    chosen = parser.parse_args()
    if unknown := set(chosen.rows) - ROWS.keys():
        parser.error(f"no such rows: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    logging.basicConfig(level=logging.ERROR)
    begun = time.monotonic()
    lines = asyncio.run(measured(chosen.rows or list(ROWS), QUICK if chosen.quick else FULL))
    if not chosen.rows and not chosen.quick:
        report.write(lines, time.monotonic() - begun)


async def measured(rows: list[str], sizes: Sizes) -> list[Line]:
    lines: list[Line] = []
    for row in rows:
        async for line in ROWS[row](sizes):
            lines.append(line)
            say(markdown([line]).splitlines()[-1])
    return lines


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what it has to say goes to standard output


if __name__ == "__main__":
    main()
