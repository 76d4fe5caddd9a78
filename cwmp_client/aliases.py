"""The aliases of rows: names by which an ACS may address them instead of by instance number.

Inside this program a row goes by its number. Here its alias is kept, a path as an ACS writes it is turned
into one of numbers alone (`steps`, `Aliases.rows_in`), and a name of numbers into what an ACS is to read
(`Spelling`).

Source: TR-069 3.6.1, TR-330 4.6.8
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import count
from typing import Any

from cwmp_client.parameters import shared

RECORD = "aliases"
"""The name of the record in the journal."""

PARAMETER = "Alias"
"""The parameter of a row that holds its alias. Source: TR-106 3.6.1"""

MAX_ALIAS = 64
"""In characters. Source: TR-106, data type Alias"""

MADE_HERE = "cpe-"
"""What an alias begins with that no ACS has given. Source: TR-106, data type Alias"""

MAX_NAME = 256
"""In characters; a name that would be longer with aliases in it is told with numbers. Source: TR-069 A.3.2"""

TABLES_WITHOUT = frozenset(
    {
        "Device.ManagementServer.VirtualDevice.",
        "Device.IP.Diagnostics.TraceRoute.RouteHops.",
        "Device.DNS.Diagnostics.NSLookupDiagnostics.Result.",
    }
)
"""Tables that this program itself answers, and whose rows have no alias. Source: TR-181 2.17"""

_STEP = re.compile(r"(\[[^\[\]]*\]|[^.\[\]]+)(?:\.|\Z)")


def has_alias(path: str) -> bool:
    """Whether an ACS has written a path with an alias in it."""
    return "[" in path


def steps(path: str) -> list[str] | None:
    """What stands between the dots of a path, an alias with its brackets; None: this is no path."""
    found = _STEP.findall(path)
    whole = sum(map(len, found)) + len(found) - (not path.endswith("."))
    return found if whole == len(path) else None


def refusal(alias: str) -> str:
    """Why a text cannot be an alias; empty when it can. Source: TR-106, data type Alias"""
    if not alias[:1].isalpha():
        return "an alias starts with a letter"
    if len(alias) > MAX_ALIAS:
        return f"an alias has at most {MAX_ALIAS} characters"
    if not alias.isprintable() or not {"[", "]"}.isdisjoint(alias):
        return "an alias has no brackets, and nothing that cannot be printed"
    return ""


_NONE: frozenset[str] = frozenset()
"""The one that takes no memory of each device."""


class Aliases:
    """The aliases of one device's rows, by the row's path of numbers.

    A row is called `cpe-` and its number until an ACS gives it another alias, so only others are kept. What a
    device itself has in a parameter `Alias` is the row's alias, and is kept as the device last told it. An
    alias goes with its row, whose number is not used again.

    Args:
        record: what was saved before, or None.
    """

    def __init__(self, record: Mapping[str, str] | None) -> None:
        self._kept: dict[str, str] = dict(record or {})
        self._rows: Mapping[str, Mapping[str, None]] = {}
        self._held_by_device = _NONE
        self._by_alias: dict[str, dict[str, str]] = {}
        self._changed = False

    @property
    def rows(self) -> Iterable[str]:
        """The rows whose aliases are held here."""
        for table, rows in self._rows.items():
            if table not in TABLES_WITHOUT:
                yield from (row for row in rows if row not in self._held_by_device)

    @property
    def held_by_device(self) -> Collection[str]:
        """The rows whose aliases the device itself holds."""
        return self._held_by_device

    def held_by_device_in(self, table: str) -> list[str]:
        """The rows of one table whose aliases the device itself holds."""
        return [row for row in self._rows.get(table, ()) if row in self._held_by_device]

    @property
    def untold(self) -> list[str]:
        """The rows whose aliases the device holds, and has not told."""
        return [row for row in self._held_by_device if row not in self._kept]

    def follow(self, names: Collection[str]) -> None:
        """These are all names that the device has now: rows have come, or are gone with their aliases."""
        rows: dict[str, dict[str, None]] = {}
        for name in names:
            if name[-1] == "." and name[-2:-1].isdecimal():
                table, _, number = name[:-1].rpartition(".")
                if number.isdecimal():
                    rows.setdefault(f"{table}.", {})[name] = None
        self._rows = shared(rows)
        held_by_device = (row for table in rows.values() for row in table if row + PARAMETER in names)
        self._held_by_device = frozenset(held_by_device) or _NONE
        self._by_alias.clear()
        gone = [row for row in self._kept if _is_gone(row, names)]
        for row in gone:
            del self._kept[row]
        self._changed |= bool(gone)
        for table in {_table_of(row) for row in self._kept}:
            self._resolve_conflicts(table)

    def alias(self, row: str) -> str | None:
        """The alias of a row; None for one that is not there, or has none that is known."""
        table = _table_of(row)
        if row not in self._rows.get(table, ()) or table in TABLES_WITHOUT:
            return None
        if row in self._held_by_device:
            return self._kept.get(row) or None
        return self._kept.get(row) or _usual(row)

    def rows_in(self, table: str) -> Mapping[str, str]:
        """The rows of a table by their aliases, as far as those are known; none by one that rows share."""
        if table not in self._by_alias:
            found: dict[str, str | None] = {}
            for row in self._rows.get(table, ()):
                if alias := self.alias(row):
                    found[alias] = None if alias in found else row
            self._by_alias[table] = {alias: row for alias, row in found.items() if row}
        return self._by_alias[table]

    def refusals(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Why rows whose aliases are held here cannot be called as wanted, all at once; by row."""
        refused = {row: reason for row, alias in wanted.items() if (reason := refusal(alias))}
        for table in {_table_of(row) for row in wanted}:
            taken: dict[str, str] = {}
            # Those that keep theirs come first, so that those who want one of these are refused.
            for row in sorted(self._rows.get(table, ()), key=wanted.__contains__):
                alias = wanted.get(row) or self.alias(row)
                if alias and taken.setdefault(alias, row) != row:
                    refused.setdefault(row, f"{taken[alias]} has this alias")
        return refused

    def give(self, aliases: Mapping[str, str]) -> None:
        """Rows are called so from now on: as an ACS wants it, or as a device says that holds them itself."""
        for row, alias in aliases.items():
            before = self._kept.pop(row, None)
            if row in self._held_by_device:
                self._kept[row] = "" if refusal(alias) else alias
            elif alias != _usual(row):
                self._kept[row] = alias
            self._changed |= before != self._kept.get(row)
        self._by_alias.clear()

    def forget(self) -> None:
        """Forget all aliases that an ACS has given, as a factory reset does."""
        self._changed |= bool(self._kept)
        self._kept.clear()
        self._by_alias.clear()

    def take_changes(self) -> dict[str, Any]:
        """The record, if it has changed since this was last asked; to be saved before an ACS hears of it."""
        changed, self._changed = self._changed, False
        return {RECORD: dict(self._kept) or None} if changed else {}

    def give_back(self) -> None:
        """What was taken could not be saved."""
        self._changed = True

    def _resolve_conflicts(self, table: str) -> None:
        """Call new rows otherwise whose usual alias an ACS has given to another row."""
        rows = self._rows.get(table, ())
        taken = {self._kept[row] for row in rows if row in self._kept}
        for row in rows:
            if row not in self._kept and row not in self._held_by_device and _usual(row) in taken:
                others = (f"{_usual(row)}-{number}" for number in count(2))
                self._kept[row] = next(name for name in others if name not in taken)
                taken.add(self._kept[row])
                self._changed = True


class Spelling:
    """How names of numbers are written in an answer.

    As far as the request names it a row goes by what the request calls it, beyond that by its number, or by
    its alias where the ACS wants that. The data model says only that the ACS chooses; this is what CPEs do.

    Args:
        aliases: of the device.
        by_alias: whether the ACS wants aliases (InstanceMode is InstanceAlias).
        asked: names and partial paths of the request: as they were sent, by the path of numbers.

    Source: TR-181 ManagementServer.InstanceMode
    """

    def __init__(self, aliases: Aliases, *, by_alias: bool, asked: Mapping[str, str] | None = None) -> None:
        self._aliases = aliases
        self._by_alias = by_alias
        self._asked = dict(asked or {})
        self._partial = {path: sent for path, sent in self._asked.items() if path.endswith(".")}
        self._objects: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """The name as the ACS is to read it."""
        if name in self._asked:
            return self._asked[name]
        above, dot, leaf = name.rpartition(".")
        path = above + dot
        if path not in self._objects:
            self._objects[path] = self._object(path)
        spelled = self._objects[path] + leaf
        return spelled if len(spelled) <= MAX_NAME else name

    def _object(self, path: str) -> str:
        covering = (asked for asked in self._partial if path.startswith(asked))
        asked = max(covering, key=len, default="")
        spelled = self._partial.get(asked, "")
        if not self._by_alias:
            return spelled + path[len(asked) :]
        begin = len(asked)
        while (end := path.find(".", begin)) != -1:
            part, row = path[begin:end], path[: end + 1]
            alias = self._aliases.alias(row) if part.isdecimal() else None
            if alias and self._aliases.rows_in(path[:begin]).get(alias) != row:
                alias = None
            spelled += f"[{alias}]." if alias else f"{part}."
            begin = end + 1
        return spelled


def _table_of(row: str) -> str:
    return row[:-1].rpartition(".")[0] + "."


def _usual(row: str) -> str:
    return MADE_HERE + row[:-1].rpartition(".")[2]


def _is_gone(row: str, names: Collection[str]) -> bool:
    """Whether a row, or one above it, is missing from its table; a table may be out of sight for a while."""
    parts = row[:-1].split(".")
    for index, part in enumerate(parts):
        if part.isdecimal():
            table = ".".join(parts[:index]) + "."
            if f"{table}{part}." not in names:
                return table in names
    return False
