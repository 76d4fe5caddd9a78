"""How commands write: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from proxier.log import one_line


def print_json(value: Any) -> None:
    """Write a JSON value."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


LEGIBLE = 10
"""Characters: a column that cannot have so many of its width is left out of a framed table."""


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table, framed where a person looks; devices have a say in it, so no control characters.

    Where the terminal is too narrow, cells are folded and the last columns left out; the first column, which
    other commands want to be told, stays whole.
    """
    safe = [[one_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_framed(headings, safe)
        return
    widths = _widths(headings, safe)
    for row in (headings, *safe):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_framed(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a gateway has little memory, and no one looks
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console()
    first, *others = _widths(headings, rows)
    edge, frame = 1, 3  # of the table, and of each of its columns
    ends = list(accumulate((first, *(min(width, LEGIBLE) for width in others)), lambda a, b: a + b + frame))
    shown = sum(end + frame + edge <= console.width for end in ends) or 1
    console.width = max(console.width, first + frame + edge)
    left_out = ", ".join(headings[shown:])
    table = Table(caption=f"no room for: {left_out}" if left_out else None)
    for number, heading in enumerate(headings[:shown]):
        table.add_column(heading, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row[:shown]))
    console.print(table)


def _widths(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
