"""How a device's tree is written for people: names below their objects, what can be done with them beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from proxier.log import one_line

INDENT = "  "
WIDEST_NAME = 60
"""Characters; what is beside a longer name begins right after it."""

NOTIFICATIONS: Mapping[int, str] = {
    1: "passive",
    2: "active",
    3: "passive lightweight",
    4: "passive, lightweight too",
    5: "active lightweight",
    6: "passive, active lightweight too",
}
"""Source: TR-069 A.3.2.4"""


class _Line(NamedTuple):
    name: str
    type: str
    access: str
    notification: str


def print_tree(rows: Iterable[Sequence[Any]]) -> None:
    """Write a tree, whose rows are name, type, whether it is writable, and notification."""
    lines = [_Line("Name", "Type", "Access", "Notification"), *_lines(list(rows))]
    name_width = min(max(len(line.name) for line in lines), WIDEST_NAME)
    widths = (name_width, *(max(map(len, column)) for column in list(zip(*lines, strict=True))[1:]))
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _lines(rows: Sequence[Sequence[Any]]) -> Iterator[_Line]:
    in_table = Counter(_above(name) for name, *_ in rows if _leaf(name).rstrip(".").isdecimal())
    for name, kind, writable, notification in rows:
        leaf = _leaf(name)
        indented = INDENT * (name.rstrip(".").count(".")) + one_line(leaf)
        if kind:
            access = "read-write" if writable else "read-only"
            yield _Line(indented, kind, access, NOTIFICATIONS.get(notification, ""))
        elif leaf.rstrip(".").isdecimal():
            yield _Line(indented, "", "can be deleted" if writable else "", "")
        else:
            is_table = writable or name in in_table
            count = f"table of {in_table[name]}" if is_table else ""
            yield _Line(indented, count, "can be added to" if writable else "", "")


def _leaf(name: str) -> str:
    """The last part of a name, with the dot of an object."""
    return name[name.rstrip(".").rfind(".") + 1 :]


def _above(name: str) -> str:
    return name[: len(name) - len(_leaf(name))]
