"""Paths of a device's data model, and what lies between them and those of CWMP.

A UPnP path is `/BBF/Hosts/Host/0/IPAddress`, a CWMP path `Device.Hosts.Host.1.IPAddress`. Between them lie
the spelling, the place where a device keeps which data model (`Prefixes`), and the numbering of rows
(`InstanceMap`). A *structure path* stands for all rows at once: it has `#` in the place of every number.

Source: CMS 2.3, TR-330 4.6.1
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import NamedTuple, Self, TypeAlias
from weakref import WeakValueDictionary

from msgspec import Struct, field

Parts: TypeAlias = tuple[str, ...]

ANY_INSTANCE = "#"
"""Stands for every instance number in a structure path. Source: CMS 2.3.1"""

MAX_PATH_LENGTH = 256
"""In characters; longer names fit no RPC. Source: TR-069 A.3.2.3"""

MAX_PATH_PARTS = 32
"""More levels than any data model has."""

MAX_INSTANCE_NUMBER = 2**31 - 1
"""Greater UPnP numbers are not taken over, so that numbers to come stay an unsignedInt."""

ROOT: Parts = ("Device",)
"""Where CWMP has the models of the Broadband Forum. Source: TR-181"""

SERVICE_OBJECTS = ("FAPService", "STBService", "StorageService", "VoiceService")
"""Objects that CWMP has below `Device.Services.`, and UPnP at the top. Source: TR-106 3.1, CMS appendix C"""

_NAME = re.compile(r"[^\W\d][\w-]*")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")

_OTHER_MODELS: Parts = ("Device", "X_UPNP-ORG_DM")
_DEFAULT_LOCATION: Parts = ("BBF",)
_MODEL_ROOTS = frozenset({"BBF", "Device", "InternetGatewayDevice"})
_BBF_URIS = ("broadband-forum", "dslforum")


class UpnpPath(Struct, frozen=True):
    """A path in a device's data model; that of a parameter ends without slash. Source: CMS 2.3.1"""

    parts: Parts
    is_parameter: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a path as devices write it: around it may be white space, and the slash at its start may miss.

        Raises:
            ValueError: this is no path.
        """
        stripped = text.strip()
        parts = tuple(part for part in stripped.split("/") if part)
        if len(stripped) > MAX_PATH_LENGTH or len(parts) > MAX_PATH_PARTS:
            raise ValueError("the path is too long")
        if not all(
            part == ANY_INSTANCE or _NAME.fullmatch(part) or _NUMBER.fullmatch(part) for part in parts
        ):
            raise ValueError(f"this is no path: {stripped!r}")
        ends_in_name = bool(parts) and not is_instance(parts[-1])
        return cls(parts, is_parameter=ends_in_name and not stripped.endswith("/"))

    @property
    def structure(self) -> UpnpPath:
        """The same for all rows."""
        parts = tuple(ANY_INSTANCE if is_instance(part) else part for part in self.parts)
        return UpnpPath(parts, is_parameter=self.is_parameter)

    def __str__(self) -> str:
        joined = "/".join(self.parts)
        return f"/{joined}" if self.is_parameter or not joined else f"/{joined}/"


def is_instance(part: str) -> bool:
    """Whether a part of a UPnP path is an instance number, or stands for all of them."""
    return part == ANY_INSTANCE or part.isdecimal()


def parse_all(texts: Iterable[str]) -> Iterator[UpnpPath]:
    """Those of a device's paths that are paths."""
    for text in texts:
        try:
            yield UpnpPath.parse(text)
        except ValueError:
            continue


class SubTree(NamedTuple):
    """Which data model a device has at which place. Source: CMS GetSupportedDataModels"""

    uri: str
    location: str
    url: str = ""
    """Where the data model is described; empty where the device does not say."""


class Prefix(NamedTuple):
    """What lies below one place in UPnP lies below another one in CWMP."""

    upnp: Parts
    cwmp: Parts


class Prefixes(Struct, frozen=True):
    """Where the data models of one device are.

    Of several prefixes that fit a path the longest holds; one always fits. Models of the Broadband Forum are
    below `Device.`, everything else keeps its whole path below `Device.X_UPNP-ORG_DM.`. A device that names
    no model of the Broadband Forum has it at `/BBF/`.

    Source: CMS appendix C
    """

    prefixes: tuple[Prefix, ...]

    @classmethod
    def of(cls, subtrees: Iterable[SubTree]) -> Self:
        """The prefixes of what GetSupportedDataModels said; places that are no path are ignored."""
        roots: dict[Parts, None] = {}
        others: dict[Parts, None] = {(): None}
        for subtree in subtrees:
            for location in parse_all([subtree.location]):
                parts = location.structure.parts
                if any(uri in subtree.uri.lower() for uri in _BBF_URIS):
                    roots[_model_root(parts)] = None
                else:
                    others[parts] = None
        prefixes = []
        for root in roots or [_DEFAULT_LOCATION]:
            prefixes.append(Prefix(root, ROOT))
            prefixes.extend(Prefix((*root, name), (*ROOT, "Services", name)) for name in SERVICE_OBJECTS)
        prefixes.extend(Prefix(parts, _OTHER_MODELS + parts) for parts in others)
        return cls(tuple(sorted(prefixes, key=lambda prefix: len(prefix.upnp), reverse=True)))

    @property
    def roots(self) -> list[UpnpPath]:
        """The UPnP paths of `Device.`."""
        return [UpnpPath(prefix.upnp) for prefix in self.prefixes if prefix.cwmp == ROOT]

    def to_cwmp(self, structure: Parts) -> Parts:
        """The parts of the CWMP path of a structure path; `#` stays."""
        longest = next(each for each in self.prefixes if structure[: len(each.upnp)] == each.upnp)
        return longest.cwmp + structure[len(longest.upnp) :]


def _model_root(location: Parts) -> Parts:
    """Where `Device.` is, if the model of one of its objects is here: `/BBF/` for `/BBF/WiFi/`."""
    ends = [index for index, part in enumerate(location, 1) if part in _MODEL_ROOTS]
    fixed = location.index(ANY_INSTANCE) if ANY_INSTANCE in location else len(location)
    return location[: ends[-1] if ends else fixed]


class Instance(NamedTuple):
    """An instance number that the ACS knows, or has known, of a row of a CWMP table."""

    table: str
    """The table's CWMP path, numbers above it included, ending in a dot."""
    number: int
    upnp_number: int | None
    """The device's own number; None: the row is gone, and its number is not used again."""


Rows: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]
"""Of each table that has rows: its CWMP path, and its rows' CWMP and UPnP numbers in turn."""


class _Numbers(Struct):
    """Of one table: the CWMP numbers of rows by UPnP number, all that were ever used, and their greatest."""

    rows: dict[int, int] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    greatest: int = 0

    def use(self, number: int) -> None:
        self.used.add(number)
        self.greatest = max(self.greatest, number)

    def copy(self) -> _Numbers:
        return _Numbers(dict(self.rows), set(self.used), self.greatest)


class _SharedTables(dict[str, _Numbers]):
    """The tables of all devices that have the same rows; nobody may change it."""

    __slots__ = ("__weakref__",)


_shared: WeakValueDictionary[int, _SharedTables] = WeakValueDictionary()


class InstanceMap:
    """The instance numbers of one device.

    A new row gets the UPnP number plus `offset`, or, if the ACS has known a row by that number before, the
    number after all that were used in its table. A row keeps its number as long as it is there; a row that
    went and came back is a new one. Tables are told apart by their CWMP path, so each row above has tables of
    its own, and they begin anew when that row does.

    Args:
        offset: what is added to UPnP numbers.
        instances: what was saved before.
    """

    def __init__(self, offset: int = 1, instances: Iterable[tuple[str, int, int | None]] = ()) -> None:
        self._offset = offset
        self._tables: dict[str, _Numbers] = {}
        """To be changed only after `_own`."""
        self._changes: dict[tuple[str, int], Instance] = {}
        for table, number, upnp_number in instances:
            numbers = self._tables.setdefault(table, _Numbers())
            numbers.use(number)
            if upnp_number is not None:
                numbers.rows[upnp_number] = number

    def rows(self, table: str) -> list[tuple[int, int]]:
        """The rows of a table that are there: CWMP number and UPnP number, in the order of the former."""
        numbers = self._tables.get(table)
        return (
            sorted((number, upnp_number) for upnp_number, number in numbers.rows.items()) if numbers else []
        )

    def present(self) -> Rows:
        """All rows that are there, as a value: the same for devices that have the same."""
        there = ((table, self.rows(table)) for table in sorted(self._tables) if self._tables[table].rows)
        return tuple((table, tuple(chain.from_iterable(rows))) for table, rows in there)

    def share(self) -> None:
        """Keep these numbers once for all devices that have the same, until they change.

        A house full of equal devices has only one table of each kind.
        """
        if not isinstance(self._tables, _SharedTables):
            key = hash(self.present())
            known = _shared.get(key)
            if known is None or known != self._tables:
                known = _shared[key] = _SharedTables(self._tables)
            self._tables = known

    def update(self, table: str, present: AbstractSet[int]) -> bool:
        """Take note of the UPnP numbers of all rows that a table has; returns whether anything changed."""
        numbers = self._tables.get(table) or _Numbers()
        gone = numbers.rows.keys() - present
        new = present - numbers.rows.keys()
        self._remove(table, gone)
        numbers = self._tables.get(table) or _Numbers()
        # Those that get another number come last, so that they take nobody's.
        for upnp_number in sorted(new, key=lambda number: (not self._is_usual(numbers, number), number)):
            self._add(table, upnp_number)
        return bool(gone or new)

    def add(self, table: str, upnp_number: int) -> int:
        """Take note of a row that was just made, even by a UPnP number known before; returns its number."""
        self.remove(table, upnp_number)
        return self._add(table, upnp_number)

    def remove(self, table: str, upnp_number: int) -> None:
        """Take note that a row is gone, with all tables below it."""
        self._remove(table, {upnp_number})

    def take_changes(self) -> tuple[Instance, ...]:
        """What has changed since this was last asked, to be saved before the ACS is told of it."""
        changes, self._changes = tuple(self._changes.values()), {}
        return changes

    def give_back(self, changes: Iterable[Instance]) -> None:
        """Changes that could not be saved; those since then are newer."""
        self._changes = {(each.table, each.number): each for each in changes} | self._changes

    def _is_usual(self, numbers: _Numbers, upnp_number: int) -> bool:
        """Whether a new row gets its UPnP number plus the offset."""
        number = upnp_number + self._offset
        return 1 <= number <= MAX_INSTANCE_NUMBER and number not in numbers.used

    def _own(self) -> dict[str, _Numbers]:
        """The tables, for a change of them."""
        if isinstance(self._tables, _SharedTables):
            self._tables = {table: numbers.copy() for table, numbers in self._tables.items()}
        return self._tables

    def _add(self, table: str, upnp_number: int) -> int:
        numbers = self._own().setdefault(table, _Numbers())
        usual = self._is_usual(numbers, upnp_number)
        number = upnp_number + self._offset if usual else numbers.greatest + 1
        numbers.use(number)
        numbers.rows[upnp_number] = number
        self._changes[table, number] = Instance(table, number, upnp_number)
        return number

    def _remove(self, table: str, upnp_numbers: AbstractSet[int]) -> None:
        if table not in self._tables or self._tables[table].rows.keys().isdisjoint(upnp_numbers):
            return
        rows = self._own()[table].rows
        gone = {rows.pop(upnp_number) for upnp_number in upnp_numbers & rows.keys()}
        self._changes.update(((table, number), Instance(table, number, None)) for number in gone)
        for nested in [name for name in self._tables if name.startswith(table) and name != table]:
            # What follows is the number of the row that it is below, if it is not another table's name.
            row = nested[len(table) :].partition(".")[0]
            if row.isdecimal() and int(row) in gone:
                below = self._tables.pop(nested)
                self._changes.update(
                    ((nested, number), Instance(nested, number, None)) for number in below.rows.values()
                )
