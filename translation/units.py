"""The tables of deployment units and execution units, and what the proxier itself knows of them.

A row has the number that the device has given the unit: it is unique, and 0 is the firmware, which has no
row. The UUID is the one by which the ACS has had the unit installed, else one made from the unit's name. A
device does not tell which execution unit belongs to which deployment unit: that is known of those that came
with an installation.

Source: TR-181 2.17, SoftwareModules; SMS
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Self
from uuid import UUID, uuid5

from msgspec import Struct

from translation.service_parameters import ServiceParameter
from translation.sms import Action, DeploymentUnit, ExecutionUnit

SOFTWARE_MODULES = "Device.SoftwareModules."
UNITS = f"{SOFTWARE_MODULES}DeploymentUnit."
EXECUTION_UNITS = f"{SOFTWARE_MODULES}ExecutionUnit."
REQUESTED_STATE = "RequestedState"

UNIT_NAMES = UUID("b0ff5f6e-5c5b-5c35-9a7e-3d2c6d3f6a41")
"""The name space of UUIDs made from names."""

MAX_VERSION = 32
MAX_NAME = 256
"""In characters. Source: TR-181 SoftwareModules"""

STATUSES = {
    "Installing": "Installing",
    "Unresolved": "Installed",
    "Installed": "Installed",
    "Uninstalling": "Uninstalling",
    "Uninstalled": "Uninstalled",
}
"""DeploymentUnit.Status by DUState. Source: SMS, A_ARG_TYPE_DUState; TR-181"""

RUNNING_STATUSES = {"Running": "Active", "Stopped": "Idle", "Starting": "Starting", "Stopping": "Stopping"}
"""ExecutionUnit.Status by EURunningState. Source: SMS, A_ARG_TYPE_EURunningState; TR-181"""

REQUESTED_STATES = {"Active": "Active", "Inactive": "Idle"}
"""ExecutionUnit.RequestedState by EURequestedState. Source: SMS; TR-181"""

SWITCHES = {"Active": Action.START, "Idle": Action.STOP}
"""What a new RequestedState means to the device. Source: TR-181"""

_SWITCHED: Mapping[str, str] = {action: state for state, action in SWITCHES.items()}


class KnownUnit(Struct, frozen=True):
    """What is known of a deployment unit that was installed for the ACS; no UUID: the ACS gave none."""

    id: int
    uuid: str = ""
    execution_units: frozenset[int] = frozenset()


class KnownUnits(Struct, frozen=True):
    """All that is known of deployment units, and not told by the device."""

    rows: tuple[KnownUnit, ...] = ()

    def uuid(self, unit: DeploymentUnit) -> str:
        """The UUID of a unit."""
        given = next((each.uuid for each in self.rows if each.id == unit.id), "")
        return given or uuid_of_name(unit.name or str(unit.id))

    def execution_units(self, unit_id: int | None) -> frozenset[int]:
        """The execution units that came with a unit."""
        return next((each.execution_units for each in self.rows if each.id == unit_id), frozenset())

    def installed(self, unit: KnownUnit) -> Self:
        """What is known after an installation."""
        others = (each for each in self.rows if each.id != unit.id)
        return type(self)((*others, unit))

    def still_there(self, ids: Collection[int]) -> Self:
        """What is known when these are the units that there are: a number may come again with another one."""
        rows = tuple(each for each in self.rows if each.id in ids)
        return self if rows == self.rows else type(self)(rows)


def uuid_of_name(name: str) -> str:
    """The UUID of a unit of which only the name is known. Source: RFC 4122 4.3"""
    return str(uuid5(UNIT_NAMES, name))


def unit_path(unit_id: int) -> str:
    """A reference to a row. Source: TR-106 3.2.3"""
    return f"{UNITS}{unit_id}"


def execution_unit_paths(ids: Iterable[int]) -> str:
    """References to rows, as a comma list."""
    return ",".join(f"{EXECUTION_UNITS}{each}" for each in sorted(ids))


def unit_parameters(units: Iterable[DeploymentUnit], known: KnownUnits) -> Iterator[ServiceParameter]:
    """The table of deployment units and its count, in the order of TR-181."""
    units = list(units)
    yield ServiceParameter(f"{SOFTWARE_MODULES}DeploymentUnitNumberOfEntries", str(len(units)), "unsignedInt")
    yield ServiceParameter(UNITS)
    for each in units:
        row = f"{UNITS}{each.id}."
        yield ServiceParameter(row + "UUID", known.uuid(each), "string")
        yield ServiceParameter(row + "DUID", str(each.id), "string")
        yield ServiceParameter(row + "Name", each.name[:MAX_NAME], "string")
        yield ServiceParameter(row + "Status", STATUSES.get(each.state, "Installed"), "string")
        resolved = "false" if each.state == "Unresolved" else "true"
        yield ServiceParameter(row + "Resolved", resolved, "boolean")
        yield ServiceParameter(row + "URL", each.uri, "string")
        yield ServiceParameter(row + "Version", each.version[:MAX_VERSION], "string")
        execution_units = execution_unit_paths(known.execution_units(each.id))
        yield ServiceParameter(row + "ExecutionUnitList", execution_units, "string")


def execution_unit_parameters(
    units: Iterable[ExecutionUnit], switches: Mapping[int, str], *, switchable: bool
) -> Iterator[ServiceParameter]:
    """The table of execution units and its count, in the order of TR-181.

    `switches` are the actions that wait for the end of the session: what they ask for is read back already.

    Source: TR-069 A.3.2.1, Status
    """
    units = list(units)
    yield ServiceParameter(f"{SOFTWARE_MODULES}ExecutionUnitNumberOfEntries", str(len(units)), "unsignedInt")
    yield ServiceParameter(EXECUTION_UNITS)
    for each in units:
        row = f"{EXECUTION_UNITS}{each.id}."
        requested = _SWITCHED.get(switches.get(each.id, ""), REQUESTED_STATES.get(each.requested, "Idle"))
        yield ServiceParameter(row + "EUID", str(each.id), "string")
        yield ServiceParameter(row + "Name", each.name[:MAX_NAME], "string")
        yield ServiceParameter(row + "Status", RUNNING_STATUSES.get(each.running, "Idle"), "string")
        yield ServiceParameter(row + REQUESTED_STATE, requested, "string", switchable)
        yield ServiceParameter(row + "ExecutionFaultCode", _execution_fault(each), "string")
        yield ServiceParameter(row + "Version", each.version[:MAX_VERSION], "string")


def _execution_fault(unit: ExecutionUnit) -> str:
    """What went wrong: a unit that is not what it should be failed on its way there."""
    if not unit.failed:
        return "NoFault"
    if unit.requested == "Active":
        return "FailureWhileActive" if unit.running == "Running" else "FailureOnStart"
    return "NoFault" if unit.running == "Stopped" else "FailureOnStop"
