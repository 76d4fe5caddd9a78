"""The configuration of the simulated device: a tree of parameters and tables, addressed by UPnP paths.

A *structure path* has `#` for every instance (`/BBF/Hosts/Host/#/IPAddress`); a concrete path has the number.
Everything but a parameter ends with a slash. Source: CMS 2.3
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

PATH = re.compile(r"/(?:(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|#)/)*(?:[A-Za-z_][A-Za-z0-9_]*)?")
_INSTANCE = re.compile(r"/[0-9]+(?=/)")

INTEGERS = {
    "int": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "long": (-(2**63), 2**63 - 1),
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A parameter: `maximum` bounds a number, or the length of anything else."""

    type: str = "string"
    writable: bool = False
    default: str = ""
    allowed: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None

    def has_type(self, text: str) -> bool:
        """Whether a text is of the parameter's type at all."""
        match self.type:
            case "boolean":
                return text in {"0", "1", "true", "false"}
            case "int" | "unsignedInt" | "long":
                lowest, highest = INTEGERS[self.type]
                return bool(re.fullmatch(r"[+-]?[0-9]{1,20}", text)) and lowest <= int(text) <= highest
            case "dateTime":
                return _is_date_time(text)
            case "base64":
                return _is_base64(text)
            case "hexBinary":
                return bool(re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", text))
            case _:
                return True

    def allows(self, text: str) -> bool:
        """Whether a text of the right type is a value that the parameter may have."""
        size = int(text) if self.type in INTEGERS else len(text)
        return (
            (not self.allowed or text in self.allowed)
            and (self.minimum is None or size >= self.minimum)
            and (self.maximum is None or size <= self.maximum)
        )

    def canonical(self, text: str) -> str:
        """The one way in which the device itself writes a value."""
        if self.type == "boolean":
            return {"true": "1", "false": "0"}.get(text, text)
        return str(int(text)) if self.type in INTEGERS else text


@dataclass(frozen=True, slots=True)
class Table:
    """A multi-instance node; `count` is the structure path of its NumberOfEntries."""

    writable: bool = False
    maximum_rows: int = 8
    count: str = ""


def _is_date_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "T" in text


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True


def structure_of(path: str) -> str:
    """The structure path of a concrete path."""
    return _INSTANCE.sub("/#", path)


def parent_of(path: str) -> str:
    """The path of the node that holds this one."""
    return path.rstrip("/").rpartition("/")[0] + "/"


class Tree(Mapping[str, str]):
    """All values by concrete path, and the rows of the tables.

    `live` gives parameters that change all the time, such as a clock: they are read, never stored.
    """

    def __init__(
        self,
        leaves: Mapping[str, Leaf],
        tables: Mapping[str, Table],
        *,
        instance_base: int = 0,
        reuse_instances: bool = False,
        live: Mapping[str, Callable[[], str]] | None = None,
    ) -> None:
        self.leaves: dict[str, Leaf] = {}
        self.tables = dict(tables)
        self._nodes: set[str] = set()
        self._instance_base = instance_base
        self._reuse_instances = reuse_instances
        self._live = live or {}
        self._values: dict[str, str] = {}
        self._rows: dict[str, list[int]] = {}
        self._next_row: dict[str, int] = {}
        self._sorted: list[str] | None = None
        for path, leaf in leaves.items():
            self.add_leaf(path, leaf)

    def __getitem__(self, path: str) -> str:
        live = self._live.get(path)
        return live() if live else self._values[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def leaf(self, path: str) -> Leaf:
        """What a parameter is, by its concrete path."""
        return self.leaves[structure_of(path)]

    def table(self, path: str) -> Table | None:
        """The table at a concrete path, if that is one."""
        return self.tables.get(structure_of(path)) if self.has_node(path) else None

    def is_instance(self, path: str) -> bool:
        """Whether a concrete path is that of a row which is there."""
        number = path[:-1].rpartition("/")[2]
        return number.isdigit() and int(number) in self._rows.get(parent_of(path), ())

    def has_node(self, path: str) -> bool:
        """Whether a concrete path with a slash at its end names a node that is there."""
        rows = (path[: match.end()] + "/" for match in _INSTANCE.finditer(path))
        return structure_of(path) in self._nodes and all(self.is_instance(row) for row in rows)

    def has_structure(self, path: str) -> bool:
        """Whether a structure path is one of this tree."""
        return path in self._nodes or path in self.leaves

    def nodes(self) -> Collection[str]:
        """The structure paths of everything but parameters."""
        return self._nodes

    def below(self, path: str) -> list[str]:
        """The concrete paths of the parameters below a node, sorted."""
        if self._sorted is None:
            self._sorted = sorted(self._values)
        return self._sorted[bisect_left(self._sorted, path) : bisect_left(self._sorted, path + "\U0010ffff")]

    def rows(self, table: str) -> list[str]:
        """The concrete paths of the rows of one table."""
        return [f"{table}{number}/" for number in self._rows.get(table, ())]

    def instances_below(self, path: str) -> list[str]:
        """The concrete paths of all rows below a node, those of nested tables too."""
        return [row for table in sorted(self._rows) if table.startswith(path) for row in self.rows(table)]

    def next_row(self, table: str) -> str:
        """The path that the next row of a table would get."""
        taken = self._rows.get(table, [])
        number = self._next_row.get(table, self._instance_base)
        if self._reuse_instances:
            number = self._instance_base
            while number in taken:
                number += 1
        return f"{table}{number}/"

    def store(self, path: str, value: str) -> None:
        """Sets a value without any check but that the parameter is there."""
        if path not in self._values:
            raise KeyError(path)
        self._values[path] = value

    def add_leaf(self, structure: str, leaf: Leaf) -> None:
        """Adds a parameter to the model; in a table, to each of its rows."""
        self.leaves[structure] = leaf
        node = parent_of(structure)
        while node not in self._nodes:
            self._nodes.add(node)
            node = parent_of(node)
        for parent in self._concrete(parent_of(structure)):
            self._values[parent + structure.rpartition("/")[2]] = leaf.default
        self._sorted = None

    def remove_leaf(self, structure: str) -> None:
        """Takes a parameter out of the model."""
        del self.leaves[structure]
        for path in [path for path in self._values if structure_of(path) == structure]:
            del self._values[path]
        self._sorted = None

    def add_row(self, table: str, values: Mapping[str, str] | None = None) -> str:
        """Adds a row; the values are by the names of its parameters. Returns its path."""
        row = self.next_row(table)
        number = int(row[:-1].rpartition("/")[2])
        self._rows.setdefault(table, []).append(number)
        self._next_row[table] = max(number + 1, self._next_row.get(table, 0))
        start = structure_of(table) + "#/"
        for structure, leaf in self.leaves.items():
            if structure.startswith(start) and "#" not in (name := structure.removeprefix(start)):
                self._values[row + name] = leaf.default
        self._sorted = None
        for name, value in (values or {}).items():
            self.store(row + name, value)
        self._recount(table)
        return row

    def remove_row(self, row: str) -> None:
        """Removes a row with all below it."""
        table, number = parent_of(row), int(row[:-1].rpartition("/")[2])
        self._rows[table].remove(number)
        for path in self.below(row):
            del self._values[path]
        for nested in [path for path in self._rows if path.startswith(row)]:
            del self._rows[nested]
        self._sorted = None
        self._recount(table)

    def count_of(self, table: str) -> str:
        """The concrete path of a table's NumberOfEntries; empty if it has none."""
        count = self.tables[structure_of(table)].count
        return parent_of(table) + count.rpartition("/")[2] if count else ""

    def _recount(self, table: str) -> None:
        if count := self.count_of(table):
            self.store(count, str(len(self._rows[table])))

    def _concrete(self, structure: str) -> Iterable[str]:
        paths = ["/"]
        for name in filter(None, structure.split("/")):
            if name == "#":
                paths = [row for table in paths for row in self.rows(table)]
            else:
                paths = [f"{path}{name}/" for path in paths]
        return paths
