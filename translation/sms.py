"""What a Proxied Device's SoftwareManagement service is asked, each as a plan.

As in `bms`, `ActionError` and `DeviceUnreachable` pass, since whoever asks has to tell a refusal from
silence; what is merely good to know is done without where the device refuses it. Deployment unit 0 and
execution unit 0 are the firmware.

Source: SMS, TR-330 4.7
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

from translation.actions import ActionCall, ActionError, DeviceUnreachable, Plan, Service, StateChange, invoke
from translation.bms import ids_in, number

FIRMWARE = 0
"""The ID of the firmware, as deployment unit and as execution unit. Source: TR-330 4.7"""

OPERATION_IDS = "OperationIDs"

MAX_IDS = 256
"""Units or operations of one device that are taken note of."""

MAX_UNITS = 64
"""Units that are looked at; each costs an action."""

MAX_TEXT = 1024
"""Characters of a text that are kept."""

DU_INFO = "GetDUInfo"

NOTHING: Mapping[str, str] = MappingProxyType({})
"""No variables."""


class Action(StrEnum):
    """What an operation does. Source: SMS, A_ARG_TYPE_Action"""

    INSTALL = "Install"
    UPDATE = "Update"
    UNINSTALL = "Uninstall"
    START = "Start"
    STOP = "Stop"


ON_UNITS = frozenset({Action.INSTALL, Action.UPDATE, Action.UNINSTALL})
"""The actions that are about deployment units."""

NOT_OVER = frozenset({"Requested", "InProgress"})
"""The states of an operation that is under way. Source: SMS, A_ARG_TYPE_OperationState"""


OVER = frozenset({"Completed", "Error"})
"""The states of one that is not. Source: SMS, A_ARG_TYPE_OperationState"""


class OperationInfo(Struct, frozen=True):
    """What a device says of one operation. Source: SMS, GetOperationInfo"""

    state: str
    action: str
    targets: tuple[int, ...]
    error: str
    additional_info: str = ""

    @property
    def unit(self) -> int | None:
        """What it is about: the first of its targets. Source: TR-330 4.7.1.3"""
        return self.targets[0] if self.targets else None

    @property
    def is_over(self) -> bool:
        """Whether it has come to an end, now that OperationIDs does not list it."""
        return self.state not in NOT_OVER

    @property
    def is_over_though_listed(self) -> bool:
        """Whether it has come to an end, and OperationIDs lists it all the same."""
        return self.state in OVER


class DeploymentUnit(Struct, frozen=True):
    """What is installed; what the device does not tell is empty. Source: SMS, GetDUInfo"""

    id: int
    name: str = ""
    version: str = ""
    state: str = ""
    uri: str = ""


class ExecutionUnit(Struct, frozen=True):
    """What runs, or could; `failed` as in ErrorEUIDs. Source: SMS, GetEUInfo"""

    id: int
    name: str = ""
    version: str = ""
    requested: str = ""
    running: str = ""
    failed: bool = False


# ------------------------------------------------------------------ operations


def begin(action: str, **arguments: str) -> Plan[int]:
    """Ask for an operation; returns its OperationID. Dependencies are never handled, as that may be refused.

    Source: TR-330 4.7.1.1
    """
    call = ActionCall(Service.SMS, action, {**arguments, "HandleDependencies": "0"})
    answer = yield from invoke(call)
    operation_id = number(answer.values.get("OperationID", ""))
    if operation_id is None:
        raise DeviceUnreachable(f"{action} was answered without an OperationID")
    return operation_id


def operation_ids() -> Plan[frozenset[int]]:
    """The operations that are under way."""
    answer = yield from invoke(ActionCall(Service.SMS, "GetOperationIDs"))
    if OPERATION_IDS not in answer.values:
        raise DeviceUnreachable("GetOperationIDs was answered without OperationIDs")
    return some_ids(answer.values[OPERATION_IDS])


def poll() -> Plan[StateChange]:
    """What an OperationIDs event would tell, for a device whose events do not arrive.

    Source: TR-330 4.7.1.3
    """
    ids = yield from operation_ids()
    return StateChange(Service.SMS, {OPERATION_IDS: ",".join(map(str, sorted(ids)))})


def operation_info(operation_id: int) -> Plan[OperationInfo]:
    """What the device says of an operation."""
    answer = yield from invoke(
        ActionCall(Service.SMS, "GetOperationInfo", {"OperationID": str(operation_id)})
    )
    values = answer.values
    if not values.keys() & {"OperationState", "ErrorDescription"}:
        raise DeviceUnreachable("GetOperationInfo was answered without anything that can be used")
    targets = (number(each) for each in values.get("TargetedIDs", "").split(",")[:MAX_IDS])
    return OperationInfo(
        values.get("OperationState", "")[:MAX_TEXT],
        values.get("Action", "")[:MAX_TEXT],
        tuple(each for each in targets if each is not None),
        values.get("ErrorDescription", "")[:MAX_TEXT],
        values.get("AdditionalInfo", "")[:MAX_TEXT],
    )


# ------------------------------------------------------------------ units


def deployment_units(
    offered: Collection[str], told: Mapping[str, str] = NOTHING
) -> Plan[tuple[DeploymentUnit, ...]]:
    """All units but the firmware. `told` are variables as an event has told them just now."""
    return (yield from units_of((yield from _listed_now("DUIDs", told)), offered))


def units_of(ids: Iterable[int] | None, offered: Collection[str]) -> Plan[tuple[DeploymentUnit, ...]]:
    """What the device tells of some units, the firmware left out."""
    units = []
    for unit_id in _some(ids):
        unit = yield from deployment_unit(unit_id, offered)
        units.append(unit)
    return tuple(units)


def deployment_unit(unit_id: int, offered: Collection[str]) -> Plan[DeploymentUnit]:
    """What the device tells of a unit, which may be no more than that it is there."""
    if DU_INFO not in offered:
        return DeploymentUnit(unit_id)
    try:
        answer = yield from invoke(ActionCall(Service.SMS, DU_INFO, {"DUID": str(unit_id)}))
    except ActionError:
        return DeploymentUnit(unit_id)
    names = ("DUName", "DUVersion", "DUState", "DUURI")
    return DeploymentUnit(unit_id, *(answer.values.get(name, "")[:MAX_TEXT] for name in names))


def execution_units(
    offered: Collection[str], told: Mapping[str, str] = NOTHING
) -> Plan[tuple[ExecutionUnit, ...]]:
    """All execution units but the firmware. `told` is as for `deployment_units`."""
    units = []
    ids = _some((yield from _listed_now("EUIDs", told)))
    failed = (yield from _failed_now(told)) if ids else frozenset()
    for unit_id in ids:
        unit = ExecutionUnit(unit_id)
        if "GetEUInfo" in offered:
            try:
                answer = yield from invoke(ActionCall(Service.SMS, "GetEUInfo", {"EUID": str(unit_id)}))
            except ActionError:
                continue  # it is gone by now
            said = {name: text[:MAX_TEXT] for name, text in answer.values.items()}
            unit = ExecutionUnit(
                unit_id,
                said.get("EUName", ""),
                said.get("EUVersion", ""),
                said.get("EURequestedState", ""),
                said.get("EURunningState") or said.get("EUExecutionState", ""),
                failed=unit_id in failed,
            )
        units.append(unit)
    return tuple(units)


def _listed_now(variable: str, told: Mapping[str, str]) -> Plan[frozenset[int] | None]:
    if told.get(variable):
        return some_ids(told[variable])
    # Some first events leave all variables empty, and no later one tells what has not changed.
    return (yield from listed(variable))


def _failed_now(told: Mapping[str, str]) -> Plan[frozenset[int]]:
    if told.get("EUIDs") and "ErrorEUIDs" in told:
        return some_ids(told["ErrorEUIDs"])  # where units are told, that none has failed is told too
    return (yield from listed("ErrorEUIDs")) or frozenset()


def listed(variable: str) -> Plan[frozenset[int] | None]:
    """The IDs in one of the lists; None where the device does not tell."""
    try:
        answer = yield from invoke(ActionCall(Service.SMS, f"Get{variable}"))
    except ActionError:
        return None
    return some_ids(answer.values[variable]) if variable in answer.values else None


def _some(ids: Iterable[int] | None) -> list[int]:
    return sorted(each for each in ids or () if each != FIRMWARE)[:MAX_UNITS]


def some_ids(text: str) -> frozenset[int]:
    """The IDs in a comma list in no order, of very many the lowest."""
    return frozenset(sorted(ids_in(text))[:MAX_IDS])
