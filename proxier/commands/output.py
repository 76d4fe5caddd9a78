"""How commands write: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from proxier.log import one_line


def print_json(value: Any) -> None:
    """Write a JSON value."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table, framed where a person looks; devices have a say in it, so no control characters."""
    safe = [[one_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_framed(headings, safe)
        return
    widths = [max(map(len, column)) for column in zip(headings, *safe, strict=True)]
    for row in (headings, *safe):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_framed(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a gateway has little memory, and no one looks
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*headings)
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
