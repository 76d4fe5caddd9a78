"""The part of docs/performance.md that the bench writes: where and when it was measured, and the table."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.table import Line, markdown

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- make bench writes from here -->", "<!-- to here -->"

_LIBRARIES = ("aiohttp", "httptools", "lxml", "async-upnp-client", "sqlalchemy")


def write(lines: Sequence[Line], seconds: float) -> None:
    """Put the table where the old one stands."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{report(lines, seconds)}\n{END}{after}")


def report(lines: Sequence[Line], seconds: float) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, in {seconds:.0f} s, on {_processor()} with "
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}; "
        f"{platform.python_implementation()} {platform.python_version()}, {libraries}, "
        f"SQLite {sqlite3.sqlite_version}, {ssl.OPENSSL_VERSION}.\n\n"
        f"{markdown(lines)}\n"
    )


def _processor() -> str:
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    return models[0].partition(":")[2].strip() if models else platform.machine()
