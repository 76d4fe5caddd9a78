"""Counts what has been committed to a database, from outside: in its write-ahead log.

Source: SQLite, WAL-mode File Format
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

HEADER, FRAME_HEADER = 32, 24


class Written(NamedTuple):
    """Since the log began anew; `salts` tell one beginning from another."""

    salts: bytes
    commits: int
    octets: int


def written(database: Path) -> Written:
    """What is in the log of a database now."""
    log = database.with_name(f"{database.name}-wal").read_bytes()
    if len(log) < HEADER:
        return Written(b"", 0, 0)
    [page_size] = struct.unpack(">I", log[8:12])
    salts, commits, end = log[16:24], 0, HEADER
    while log[end + 8 : end + 16] == salts:
        [pages_after_commit] = struct.unpack(">I", log[end + 4 : end + 8])
        commits += pages_after_commit > 0
        end += FRAME_HEADER + page_size
    return Written(salts, commits, end)


def since(before: Written, after: Written) -> Written:
    """What was written in between."""
    assert after.salts == before.salts, "the log began anew meanwhile"
    return Written(after.salts, after.commits - before.commits, after.octets - before.octets)
