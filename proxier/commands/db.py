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


def backup(arguments: argparse.Namespace) -> int:
    """Copy the database to a file, as it is at one moment, whether or not a daemon writes to it."""
    database = load(arguments.config or find_config()).storage.path
    target: Path = arguments.file
    _refuse(database, target)
    try:
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
