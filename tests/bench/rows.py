"""All that can be measured, row by row, each in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.bench.daemons import appearing, memory, scaling, start_up
from tests.bench.events import events
from tests.bench.imports import imports
from tests.bench.neighbourhood import advertisements
from tests.bench.proxied import long_names, long_values, proxied_sessions
from tests.bench.sessions import sessions, sessions_over_tls
from tests.bench.sizes import Sizes
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


def lines_of(rows: Sequence[str], sizes: Sizes) -> list[Line]:
    """Each row in a process of its own: what one leaves on the heap would slow down the next."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as processes:
        return [line for row in rows for line in processes.submit(measure, row, sizes).result()]


def measure(row: str, sizes: Sizes) -> list[Line]:
    logging.basicConfig(level=logging.ERROR)
    return asyncio.run(measured(row, sizes))


async def measured(row: str, sizes: Sizes) -> list[Line]:
    lines: list[Line] = []
    async for line in ROWS[row](sizes):
        lines.append(line)
        say(markdown([line]).splitlines()[-1])
    return lines


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what it has to say goes to standard output
