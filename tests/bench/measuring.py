"""CPU and memory as they are measured here, and rounds in which what is compared takes turns."""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

Work = Callable[[], Awaitable[None]]

KB, MB = 1000, 1_000_000


class Compared(NamedTuple):
    """CPU seconds of one unit of work, medians of all rounds; `ratio` is the median of each round's ratio."""

    product: float
    yardstick: float
    ratio: float


async def cpu_of(work: Work) -> float:
    """CPU seconds, user and system, of this process and all its threads."""
    gc.collect()
    begun = time.process_time()
    await work()
    return time.process_time() - begun


def cpu_of_process(pid: int) -> float:
    """CPU seconds of another process, of the threads that it has now. Source: proc(5), schedstat"""
    spent = (int(each.read_text().split()[0]) for each in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(spent) / 1e9


async def in_turns(product: Work, yardstick: Work, *, rounds: int, units: int = 1) -> Compared:
    """Do both in turns, A B A B, after one round that does not count; a round has so many `units`."""
    await product()
    await yardstick()
    times = [(await cpu_of(product), await cpu_of(yardstick)) for _ in range(rounds)]
    return Compared(
        median(a for a, _ in times) / units,
        median(b for _, b in times) / units,
        median(a / b for a, b in times),
    )


async def written_by(work: Work) -> int:
    """The bytes that this process hands to the system to be written meanwhile. Source: proc(5), wchar"""
    before = bytes_written()
    await work()
    return bytes_written() - before


def bytes_written() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))


async def peak_of(work: Work) -> int:
    """The bytes of memory that this process has more than before, at the most. Source: proc(5), clear_refs"""
    gc.collect()
    before = resident_bytes()
    Path("/proc/self/clear_refs").write_text("5")
    await work()
    return peak_bytes() - before


def resident_bytes(pid: int | str = "self") -> int:
    """The memory that a process has to itself or shares. Source: proc(5), VmRSS"""
    return _status(pid, "VmRSS")


def peak_bytes(pid: int | str = "self") -> int:
    """The most that it ever had. Source: proc(5), VmHWM"""
    return _status(pid, "VmHWM")


def _status(pid: int | str, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
