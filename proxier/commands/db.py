"""`proxier db`: copies of the database."""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from proxier.errors import ProxierError
from proxier.settings import find_config, load

MAGIC = b"SQLite format 3\0"
"""What a database begins with. Source: SQLite, Database File Format, 1.3.1"""
BESIDE = ("-wal", "-shm", "-journal", ".lock", ".sock")
"""The ends of the names of what belongs to a database that is in use."""


def backup(arguments: argparse.Namespace) -> int:
    """Copy the database to a file, as it is at one moment, whether or not a daemon writes to it."""
    database = load(arguments.config or find_config()).storage.path
    target: Path = arguments.file
    try:
        _refuse(database, target)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.absolute().parent) as folder:
            copy = Path(folder) / target.name
            os.close(os.open(copy, os.O_CREAT | os.O_EXCL, 0o600))  # it holds passwords
            _copy(database, copy)
            _flush(copy)
            copy.replace(target)
        _flush(target.absolute().parent)
    except OSError as error:
        raise ProxierError(f"{target}: cannot be written: {error.strerror}") from error
    except sqlite3.Error as error:
        raise ProxierError(f"{database}: cannot be copied: {error}") from error
    print(f"{database} is copied to {target}, {target.stat().st_size} bytes")
    return 0


def _refuse(database: Path, target: Path) -> None:
    if not database.exists():
        raise ProxierError(f"{database}: there is no database yet")
    if target.exists() and target.samefile(database):
        raise ProxierError(f"{target}: is the database itself")
    beside = {f"{database.resolve()}{end}" for end in BESIDE}
    if target.exists() and (str(target.resolve()) in beside or not _may_be_replaced(target)):
        raise ProxierError(f"{target}: is there, and no copy of a database")


def _may_be_replaced(target: Path) -> bool:
    """Whether it is an older copy, or an empty file that somebody has made for one."""
    if not target.is_file():
        return False
    with target.open("rb") as file:
        return file.read(len(MAGIC)) in {b"", MAGIC}


def _copy(database: Path, copy: Path) -> None:
    """Copy in one step, so that what is written meanwhile is not in it, and does not begin it anew.

    Source: SQLite, Online Backup API
    """
    source = f"file:{quote(str(database))}?mode=rw"  # a database of the WAL kind cannot be opened otherwise
    with closing(sqlite3.connect(source, uri=True)) as original, closing(sqlite3.connect(copy)) as made:
        original.backup(made)


def _flush(path: Path) -> None:
    """See to it that a file, or the names in a folder, outlive a power cut."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
