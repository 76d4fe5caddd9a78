"""Changes of deployment units that the ACS asks for, and execution units that it starts and stops.

This goes beyond the text of TR-330, which leaves software that is no firmware to a future version.

Source: TR-069 A.4.1.10, A.4.2.3; TR-181 2.17, SoftwareModules; SMS
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import (
    ChangeDUState,
    Concealing,
    DUStateChangeComplete,
    EventCode,
    EventStruct,
    FaultStruct,
    InstallOpStruct,
    OperationStruct,
    OpResultStruct,
    UninstallOpStruct,
    UpdateOpStruct,
)
from translation.errors import OPERATION_ERRORS
from translation.files import RelayMode, check_url
from translation.firmware import MAX_COMMAND_KEY, MAX_FAULT_STRING, WINDOW, utc
from translation.operations import Report
from translation.sms import Action, DeploymentUnit
from translation.software_facts import Inventory, Subject
from translation.software_operation import NETWORK_ERROR, Ending, Result, Wish
from translation.units import (
    MAX_VERSION,
    KnownUnit,
    KnownUnits,
    execution_unit_paths,
    unit_path,
    uuid_of_name,
)

MAX_URL = 1024
"""In characters. Source: TR-069 A.4.1.10"""

MAX_OPERATIONS = 32
"""In one ChangeDUState; a limit of ours."""

MAX_CHANGES = 8
"""ChangeDUStates of one device that may wait; a limit of ours."""

REFUSALS: Mapping[int, FaultCode] = {
    701: FaultCode.INVALID_ARGUMENTS,  # Invalid URI
    704: FaultCode.INVALID_DEPLOYMENT_UNIT_STATE,  # Already in a transitory state
    705: FaultCode.UNKNOWN_DEPLOYMENT_UNIT,  # Invalid DUID
    710: FaultCode.UNSUPPORTED_PROTOCOL,  # NewDUURI not supported
}
"""What the errors of SMS are in DUStateChangeComplete, which knows more codes than TransferComplete."""

ERRORS: Mapping[str, FaultCode | None] = {
    **OPERATION_ERRORS,
    "Error_DiskFull": FaultCode.SYSTEM_RESOURCES_EXCEEDED,
}
"""What an ErrorDescription means in DUStateChangeComplete. Source: TR-330 Table 3, as it stands there"""

UNIT_FAULTS = frozenset({9001, 9003, 9012, 9013, *range(9015, 9019), *range(9022, 9033)})
"""What a DUStateChangeComplete may say. Source: TR-069 A.4.2.3"""

_UUID = re.compile("[A-Fa-f0-9]{8}-([A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}")


class UnitOperation(Concealing, frozen=True):
    """One operation of a ChangeDUState; `unit` is the one that is meant, once that is known."""

    action: str
    url: str = ""
    uuid: str = ""
    version: str = ""
    username: str = ""
    password: str = ""
    environment: str = ""
    unit: int | None = None
    is_planned: bool = False
    relayed: bool = False

    @classmethod
    def of(cls, operation: OperationStruct) -> Self:
        """The operation that the ACS has asked for."""
        match operation:
            case InstallOpStruct(url, uuid, username, password, environment):
                return cls(Action.INSTALL, url, uuid, "", username, password, environment)
            case UpdateOpStruct(uuid, version, url, username, password):
                return cls(Action.UPDATE, url, uuid, version, username, password)
            case UninstallOpStruct(uuid, version, environment):
                return cls(Action.UNINSTALL, "", uuid, version, environment=environment)


class UnitChanges(Struct, frozen=True, tag_field="kind", tag="units"):
    """A ChangeDUState of the ACS that no DUStateChangeComplete has reported yet."""

    number: str
    """Tells it from other jobs of the device."""
    command_key: str
    todo: tuple[UnitOperation, ...]
    due: datetime
    expires: datetime
    """When it is given up if the device cannot be asked."""
    relay: RelayMode = RelayMode.AUTO
    waits_for_session: bool = True
    results: tuple[OpResultStruct, ...] = ()

    @property
    def wish(self) -> Wish | None:
        """What is to be called for it next, if anything is left."""
        if not self.todo:
            return None
        head = self.todo[0]
        subject = Subject(head.action, head.unit)
        return Wish(subject, head.url, head.username, head.password, relayed=head.relayed)

    def planned(self, inventory: Inventory, known: KnownUnits) -> Self:
        """What it is once it is known which units it means; what cannot be done has failed."""
        job = self
        while job.todo and not job.todo[0].is_planned:
            head, rest = job.todo[0], job.todo[1:]
            try:
                job = replace(job, todo=(*_meant(head, inventory, known, self.relay), *rest))
            except CwmpFault as fault:
                failed = _impossible(head, FaultStruct(fault.code, fault.text[:MAX_FAULT_STRING]))
                job = replace(job, todo=rest, results=(*job.results, failed))
        return job

    def concluded(self, result: Result, known: KnownUnits) -> tuple[Self, KnownUnits]:
        """What it is, and what is known of units, once its wish was carried out, or not."""
        head, rest = self.todo[0], self.todo[1:]
        if result.error == NETWORK_ERROR and self.relay is RelayMode.AUTO and not head.relayed:
            return replace(self, todo=(replace(head, relayed=True), *rest)), known
        after = _learned(head, result, known)
        told = op_result(result, after, head.uuid, head.url)
        return replace(self, todo=rest, results=(*self.results, told)), after

    def reports(self) -> tuple[Report, ...]:
        """What the ACS is told in the end. Source: TR-069 A.4.2.3"""
        events = (
            EventStruct(EventCode.DU_STATE_CHANGE_COMPLETE),
            EventStruct(EventCode.M_CHANGE_DU_STATE, self.command_key),
        )
        return (Report(events, (DUStateChangeComplete(self.results, self.command_key),)),)


class Switch(Struct, frozen=True, tag_field="kind", tag="switch"):
    """An execution unit that the ACS wants started or stopped; its Status tells what comes of it.

    Source: TR-181 2.17, ExecutionUnit.RequestedState
    """

    number: str
    action: str
    unit: int
    due: datetime
    expires: datetime
    waits_for_session: bool = True
    is_done: bool = False

    @property
    def wish(self) -> Wish | None:
        """What is to be called for it."""
        return None if self.is_done else Wish(Subject(self.action, self.unit), watched=False)

    def concluded(self, result: Result, known: KnownUnits) -> tuple[Self, KnownUnits]:
        """What it is once its wish was carried out, or refused."""
        del result
        return replace(self, is_done=True), known

    def reports(self) -> tuple[Report, ...]:
        """Nothing."""
        return ()


def begin_changes(
    request: ChangeDUState,
    offered: Collection[str],
    relay: RelayMode,
    *,
    number: str,
    waiting: int,
    now: datetime,
) -> UnitChanges:
    """The job that a ChangeDUState makes; `waiting` ones of the device are not over yet.

    Raises:
        CwmpFault: 9001 for a device that cannot do such a thing and for a request without operations, 9004
            when there are too many.

    Source: TR-069 A.4.1.10
    """
    operations = tuple(UnitOperation.of(each) for each in request.operations)
    missing = sorted({each.action for each in operations} - {*offered})
    if missing or not operations:
        what = f"has no action {' or '.join(missing)}" if missing else "is asked for nothing"
        raise CwmpFault(FaultCode.REQUEST_DENIED, f"the device {what}")
    if len(request.command_key) > MAX_COMMAND_KEY:
        raise CwmpFault(FaultCode.REQUEST_DENIED, f"CommandKey is longer than {MAX_COMMAND_KEY} characters")
    if len(operations) > MAX_OPERATIONS or waiting >= MAX_CHANGES:
        text = f"at most {MAX_OPERATIONS} operations at once, and {MAX_CHANGES} times"
        raise CwmpFault(FaultCode.RESOURCES_EXCEEDED, text)
    return UnitChanges(number, request.command_key, operations, now, now + WINDOW, relay)


# ------------------------------------------------------------------ which units are meant


def _meant(
    operation: UnitOperation, inventory: Inventory, known: KnownUnits, relay: RelayMode
) -> Sequence[UnitOperation]:
    """The same operation for each unit that it means.

    Raises:
        CwmpFault: it cannot be done.
    """
    if operation.uuid and not _UUID.fullmatch(operation.uuid):
        raise CwmpFault(FaultCode.INVALID_UUID, f"{operation.uuid[:64]!r} is no UUID")
    if operation.environment:
        raise CwmpFault(FaultCode.UNKNOWN_EXECUTION_ENVIRONMENT, "the device has no execution environments")
    planned = replace(operation, is_planned=True)
    match operation.action:
        case Action.INSTALL:
            if operation.uuid and _of_uuid(operation, inventory, known):
                raise CwmpFault(FaultCode.DUPLICATE_DEPLOYMENT_UNIT, "a unit of this UUID is installed")
            return [_fetched(planned, relay)]
        case Action.UPDATE:
            units = _to_update(operation, inventory, known)
            return [
                _fetched(replace(planned, unit=each.id, url=operation.url or each.uri), relay)
                for each in units
            ]
        case _:
            return [replace(planned, unit=each.id) for each in _there(operation, inventory, known)]


def _to_update(operation: UnitOperation, inventory: Inventory, known: KnownUnits) -> Sequence[DeploymentUnit]:
    """Source: TR-069 A.4.1.10, UpdateOpStruct"""
    units = _there(operation, inventory, known)
    if operation.uuid and not operation.version and len(units) > 1:
        raise CwmpFault(FaultCode.VERSION_NOT_SPECIFIED, "several versions of the unit are installed")
    return units


def _there(operation: UnitOperation, inventory: Inventory, known: KnownUnits) -> Sequence[DeploymentUnit]:
    """The units that an operation may mean: by UUID, else by URL, else all."""
    if operation.uuid:
        units = _of_uuid(operation, inventory, known)
    else:
        units = [each for each in inventory.units if operation.url in {"", each.uri}]
    if operation.version:
        units = [each for each in units if each.version == operation.version]
    if not units:
        raise CwmpFault(FaultCode.UNKNOWN_DEPLOYMENT_UNIT, "no such unit is installed")
    return units


def _of_uuid(operation: UnitOperation, inventory: Inventory, known: KnownUnits) -> list[DeploymentUnit]:
    return [each for each in inventory.units if known.uuid(each).lower() == operation.uuid.lower()]


def _fetched(operation: UnitOperation, relay: RelayMode) -> UnitOperation:
    check_url(operation.url, MAX_URL)
    return replace(operation, relayed=relay.relays(operation.username))


# ------------------------------------------------------------------ what has become of them


def _learned(operation: UnitOperation, result: Result, known: KnownUnits) -> KnownUnits:
    unit = result.after.unit
    if not result.is_success or operation.action != Action.INSTALL or unit is None:
        return known
    return known.installed(KnownUnit(unit.id, operation.uuid, _new_execution_units(result)))


def _new_execution_units(result: Result) -> frozenset[int]:
    before, after = result.before.execution_units, result.after.execution_units
    return frozenset() if before is None or after is None else after - before


def op_result(result: Result, known: KnownUnits, uuid: str = "", url: str = "") -> OpResultStruct:
    """What has become of a unit, which the ACS has called by `uuid` or had from `url`.

    Source: TR-069 A.4.2.3
    """
    unit = result.after.unit or result.before.unit
    before, after = result.before.execution_units, result.after.execution_units
    match result.subject.action:
        case Action.INSTALL:
            execution_units = _new_execution_units(result)
        case Action.UNINSTALL if before is not None and after is not None:
            execution_units = before - after
        case _:
            execution_units = known.execution_units(result.subject.unit)
    return OpResultStruct(
        uuid or (known.uuid(unit) if unit else uuid_of_name(url)),
        unit_path(unit.id) if unit else "",
        unit.version[:MAX_VERSION] if unit else "",
        _state(result),
        resolved=result.is_success and (unit is None or unit.state != "Unresolved"),
        execution_unit_ref_list=execution_unit_paths(execution_units),
        start_time=utc(result.started),
        complete_time=utc(result.completed),
        fault=unit_fault(result),
    )


def _state(result: Result) -> str:
    """Source: TR-069 A.4.2.3, CurrentState"""
    if result.subject.action == Action.INSTALL:
        return "Installed" if result.is_success else "Failed"
    is_gone = result.subject.action == Action.UNINSTALL and result.is_success
    return "Uninstalled" if is_gone else "Installed"


def unit_fault(result: Result) -> FaultStruct:
    """How an operation on a unit ended, as DUStateChangeComplete says it."""
    match result.ending:
        case Ending.SUCCEEDED:
            return FaultStruct()
        case Ending.FAILED:
            code = ERRORS.get(result.error) or FaultCode.REQUEST_DENIED
        case Ending.REFUSED:
            code = REFUSALS.get(result.code, FaultCode.REQUEST_DENIED)
        case Ending.NOT_FETCHED if result.code in UNIT_FAULTS:
            code = FaultCode(result.code)
        case _:
            code = FaultCode.REQUEST_DENIED
    return FaultStruct(code, result.text[:MAX_FAULT_STRING])


def _impossible(operation: UnitOperation, fault: FaultStruct) -> OpResultStruct:
    """The result of an operation that never came to the device."""
    is_uuid = _UUID.fullmatch(operation.uuid)
    return OpResultStruct(
        operation.uuid if is_uuid else uuid_of_name(operation.url),
        deployment_unit_ref="",
        version=operation.version[:MAX_VERSION],
        current_state="Failed",
        resolved=False,
        execution_unit_ref_list="",
        start_time=utc(None),
        complete_time=utc(None),
        fault=fault,
    )
