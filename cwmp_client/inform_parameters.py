"""The table InformParameter: what an ACS wants to read in every Inform of certain events.

Source: TR-181 Device.ManagementServer.InformParameter.{i}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from cwmp_client.datatypes import BOOLEAN, STRING, Syntax
from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import EventCode
from cwmp_client.parameters import ROOT, Node, is_object

TABLE = "Device.ManagementServer.InformParameter."
NUMBER_OF_ENTRIES = "Device.ManagementServer.InformParameterNumberOfEntries"

FORCED_INFORM_PARAMETERS = (
    "Device.RootDataModelVersion",
    "Device.DeviceInfo.HardwareVersion",
    "Device.DeviceInfo.SoftwareVersion",
    "Device.DeviceInfo.ProvisioningCode",
    "Device.ManagementServer.ParameterKey",
    "Device.ManagementServer.ConnectionRequestURL",
    "Device.ManagementServer.AliasBasedAddressing",
)
"""What every Inform of a Device:2 holds. Source: TR-181, forcedInform"""

MAX_ROWS = 64
"""Beyond it AddObject is 9004, for every row may lengthen every Inform; a limit of ours."""

COLUMNS: Mapping[str, tuple[Syntax, str]] = {
    "Enable": (BOOLEAN, "false"),
    "ParameterName": (Syntax(max_length=256), ""),
    "EventList": (STRING, ""),
}
"""The columns, with their syntax and the value in a new row."""

_NAME = re.compile(
    r"Device(?:\.(?:[A-Za-z_][A-Za-z0-9_-]*|[1-9][0-9]*|\*))*\.[A-Za-z_][A-Za-z0-9_-]*", re.ASCII
)


class InformParameters:
    """The rows of the table; numbers of rows are never used again.

    Args:
        record: what `to_record` gave, or None.
    """

    def __init__(self, record: Mapping[str, Any] | None) -> None:
        record = record or {}
        self._next: int = record.get("next", 1)
        self._rows: dict[int, dict[str, str]] = {
            int(row): dict(cells) for row, cells in record.get("rows", {}).items()
        }

    def to_record(self) -> dict[str, Any]:
        """The table as a JSON value."""
        return {"next": self._next, "rows": {str(row): dict(cells) for row, cells in self._rows.items()}}

    def __len__(self) -> int:
        return len(self._rows)

    def nodes(self) -> dict[str, Node]:
        """The nodes of the rows."""
        nodes: dict[str, Node] = {}
        for row in self._rows:
            nodes[f"{TABLE}{row}."] = Node(writable=True)
            for column, (syntax, _) in COLUMNS.items():
                nodes[f"{TABLE}{row}.{column}"] = Node(writable=True, type=syntax.type)
        return nodes

    def syntax(self, name: str) -> Syntax:
        """The syntax of a cell."""
        return COLUMNS[name.rpartition(".")[2]][0]

    def get(self, name: str) -> str | None:
        """The value of a cell; None when there is none of this name."""
        row, _, column = name.removeprefix(TABLE).partition(".")
        return self._rows.get(int(row), {}).get(column) if row.isdecimal() else None

    def refusal(self, name: str, value: str) -> str:
        """Why a well-typed value may not stand in a cell; empty when it may."""
        column = name.rpartition(".")[2]
        if column == "ParameterName" and value:
            if not _NAME.fullmatch(value):
                return "not the name of a parameter, with * for instance numbers"
            if value in FORCED_INFORM_PARAMETERS:
                return "every Inform holds this parameter"
        if column == "EventList" and EventCode.VALUE_CHANGE in _events(value):
            return "4 VALUE CHANGE is not allowed here"
        return ""

    def set(self, name: str, value: str) -> None:
        """Change a cell that is there."""
        row, _, column = name.removeprefix(TABLE).partition(".")
        self._rows[int(row)][column] = value

    def add(self) -> int:
        """Add a row; returns its instance number."""
        if len(self._rows) >= MAX_ROWS:
            raise CwmpFault(FaultCode.RESOURCES_EXCEEDED, f"{TABLE} has {MAX_ROWS} rows")
        row, self._next = self._next, self._next + 1
        self._rows[row] = {column: default for column, (_, default) in COLUMNS.items()}
        return row

    def delete(self, path: str) -> None:
        """Take a row away that is there."""
        del self._rows[int(path.removeprefix(TABLE).rstrip("."))]

    def clear(self) -> None:
        """Take all rows away, as a factory reset does."""
        self._rows.clear()

    def names(self, event_codes: Iterable[str], known: Callable[[], Collection[str]]) -> list[str]:
        """The parameters that an Inform with these events holds besides; `known` gives all names."""
        events = set(event_codes) - {EventCode.VALUE_CHANGE}
        found: dict[str, None] = {}
        for cells in self._rows.values():
            wanted = _events(cells["EventList"])
            if cells["Enable"] != "true" or not events or (wanted and not wanted & events):
                continue
            found.update(dict.fromkeys(_matches(cells["ParameterName"], known)))
        return list(found)


def _events(event_list: str) -> set[str]:
    return {event.strip() for event in event_list.split(",")} - {""}


def _matches(pattern: str, known: Callable[[], Collection[str]]) -> list[str]:
    if "*" not in pattern:
        return [pattern] if pattern.startswith(ROOT) else []
    expression = re.compile(re.escape(pattern).replace(r"\*", "[0-9]+"), re.ASCII)
    return [name for name in known() if not is_object(name) and expression.fullmatch(name)]
