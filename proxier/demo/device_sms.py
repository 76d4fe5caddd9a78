"""SoftwareManagement of the simulated device: deployment units, execution units, and operations on them.

Unit 0 of both kinds is the firmware. Source: SMS 2; SCPD of SoftwareManagement:2; TR-330 4.7
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import urlsplit

import aiohttp

from proxier.demo.device_cms import ConfigurationManagement
from proxier.demo.device_control import Arguments, Call
from proxier.demo.device_errors import UpnpError
from proxier.demo.device_gena import EventSource
from proxier.demo.device_life import Background, Life
from proxier.demo.device_model import SOFTWARE, SOFTWARE_VERSIONS
from proxier.demo.device_profile import DeviceProfile
from proxier.demo.device_units import DeploymentUnit, ExecutionUnit, Fetched, Operation, Outcome

FIRMWARE = 0
INVALID_VALUE = 600
INVALID_URI, DEPENDENCIES_NOT_HANDLED, TRANSITORY = 701, 702, 704
INVALID_UNIT, INVALID_EXECUTION_UNIT, INVALID_OPERATION = 705, 706, 707
URI_NOT_SUPPORTED = 710
ACTIVE = frozenset({"Requested", "InProgress"})
FETCH_TIMEOUT = aiohttp.ClientTimeout(60)
CHUNK_BYTES = 2**16


Effect: TypeAlias = Callable[[Outcome, int], None]
"""What an operation does at its end: told the outcome, and the size of what was fetched."""


class FetchFailed(Exception):
    """A unit could not be fetched; the text says why."""


class SoftwareManagement:
    """The service.

    Attributes:
        outcome: what comes of operations.
        handles_dependencies: whether a call may ask for that.
        units, execution_units, operations: by their IDs.
        fetched: what was fetched so far.
    """

    def __init__(
        self, profile: DeviceProfile, events: EventSource, life: Life, configuration: ConfigurationManagement
    ) -> None:
        self.outcome = Outcome()
        self.handles_dependencies = True
        self.units: dict[int, DeploymentUnit] = {}
        self.execution_units: dict[int, ExecutionUnit] = {}
        self.operations: dict[int, Operation] = {}
        self.fetched: list[Fetched] = []
        self._profile = profile
        self._events = events
        self._life = life
        self._configuration = configuration
        self._rows: dict[int, str] = {}
        self._last_operation = 0
        self._flashed: tuple[Operation, Outcome] | None = None
        self.background = Background()
        self.actions: Mapping[str, Call] = {
            "Install": self._install,
            "Update": self._update,
            "Uninstall": self._uninstall,
            "Start": self._start,
            "Stop": self._stop,
            "GetOperationInfo": self._get_operation_info,
            "GetDUInfo": self._get_du_info,
            "GetEUInfo": self._get_eu_info,
            **{f"Get{name}": self._get(name) for name in _LISTS},
        }
        self.reset()

    def reset(self) -> None:
        """Only the units that came from the factory, and no operation; a newer firmware stays."""
        self.background.cancel()
        self.operations.clear()
        old = self.units.get(FIRMWARE)
        version = old.version if old else self._profile.software_version
        self.units = {
            FIRMWARE: old or DeploymentUnit(FIRMWARE, "firmware", version, "Firmware"),
            1: DeploymentUnit(1, "sample-app", "1.0", "Application", "http://192.0.2.80/sample-app-1.0.pkg"),
        }
        self.execution_units = {
            unit.id: ExecutionUnit(unit.id, unit, "Active", "Running") for unit in self.units.values()
        }
        self._rows.clear()
        self._show()

    def power_off(self) -> None:
        """Operations do not outlive the power, but for one whose outcome `remembers`."""
        self.background.cancel()
        if self._flashed:
            operation, outcome = self._flashed
            self._flashed = None
            if not outcome.rolls_back:
                self.units[FIRMWARE].version = outcome.version
            self._end(operation, "Error_Other" if outcome.rolls_back else "Error_None", outcome.info)
            if outcome.remembers:
                self.operations = {operation.id: operation}
                return
        self.operations.clear()
        self._last_operation = 0

    def power_on(self) -> None:
        """What was under way when the power went is as if it had never begun; what should run, runs."""
        self.units = {unit.id: unit for unit in self.units.values() if unit.state != "Installing"}
        for unit in self.units.values():
            unit.state = "Installed"
        for execution_unit in self.execution_units.values():
            execution_unit.running = "Running" if execution_unit.requested == "Active" else "Stopped"
        self._show()

    def _install(self, arguments: Arguments) -> Arguments:
        uri = _checked_uri(arguments["DUURI"])
        if arguments["DUType"] == "Firmware":
            raise UpnpError(INVALID_VALUE)
        self._check_dependencies(arguments)
        unit_id = max(self.units) + 1
        name = urlsplit(uri).path.rpartition("/")[2] or f"unit-{unit_id}"
        unit = DeploymentUnit(unit_id, name, "1.0", arguments["DUType"], uri, state="Installing")
        self.units[unit_id] = unit

        def installed(outcome: Outcome, size: int) -> None:
            if outcome.error != "Error_None":
                del self.units[unit_id]
                return
            unit.state, unit.size = "Installed", size
            execution_id = max(self.execution_units) + 1
            self.execution_units[execution_id] = ExecutionUnit(execution_id, unit)

        return self._begin("Install", unit_id, uri, installed)

    def _update(self, arguments: Arguments) -> Arguments:
        uri = _checked_uri(arguments["NewDUURI"])
        unit = self._unit(arguments)
        self._check_dependencies(arguments)

        def updated(outcome: Outcome, size: int) -> None:
            if outcome.error != "Error_None":
                return
            unit.uri, unit.size = uri, size
            if unit.id != FIRMWARE or not outcome.reboots:
                unit.version = outcome.version

        return self._begin("Update", unit.id, uri, updated)

    def _uninstall(self, arguments: Arguments) -> Arguments:
        unit = self._unit(arguments)
        if unit.id == FIRMWARE:
            raise UpnpError(INVALID_UNIT)
        self._check_dependencies(arguments)
        unit.state = "Uninstalling"

        def uninstalled(outcome: Outcome, _: int) -> None:
            if outcome.error != "Error_None":
                unit.state = "Installed"
                return
            del self.units[unit.id]
            self.execution_units = {eu.id: eu for eu in self.execution_units.values() if eu.unit is not unit}

        return self._begin("Uninstall", unit.id, "", uninstalled)

    def _start(self, arguments: Arguments) -> Arguments:
        return self._switch("Start", arguments, "Active", ("Starting", "Running"))

    def _stop(self, arguments: Arguments) -> Arguments:
        return self._switch("Stop", arguments, "Inactive", ("Stopping", "Stopped"))

    def _switch(
        self, action: str, arguments: Arguments, requested: str, states: tuple[str, str]
    ) -> Arguments:
        unit = self._execution_unit(arguments)
        if unit.id == FIRMWARE:
            raise UpnpError(INVALID_EXECUTION_UNIT)
        if self._is_busy(unit.id, _ON_EXECUTION_UNITS):
            raise UpnpError(TRANSITORY)
        self._check_dependencies(arguments)
        before = unit.running
        unit.requested, unit.running = requested, states[0]

        def switched(outcome: Outcome, _: int) -> None:
            unit.failed = outcome.error != "Error_None"
            unit.running = before if unit.failed else states[1]

        return self._begin(action, unit.id, "", switched)

    def _begin(self, action: str, target: int, uri: str, effect: Effect) -> Arguments:
        self._last_operation += 1
        operation = Operation(self._last_operation, action, (target,))
        self.operations[operation.id] = operation
        self.background.start(self._run(operation, uri, effect))
        self._life.note(f"operation {operation.id} {action} began")
        self._show()
        return {"OperationID": str(operation.id)}

    async def _run(self, operation: Operation, uri: str, effect: Effect) -> None:
        outcome = self.outcome
        operation.state = "InProgress"
        size = 0
        if outcome.fetch and uri:
            try:
                size = await self._fetch(uri)
            except FetchFailed as failure:
                outcome = replace(outcome, error="Error_Network", info=str(failure))
        await asyncio.sleep(self._profile.operation_seconds if outcome.seconds is None else outcome.seconds)
        effect(outcome, size)
        if (
            outcome.reboots
            and outcome.error == "Error_None"
            and (operation.action, operation.targets) == ("Update", (FIRMWARE,))
        ):
            self._flashed = operation, outcome
            self._life.start(self._life.reboot(returns=outcome.returns))
            return
        self._end(operation, outcome.error, outcome.info)

    def _end(self, operation: Operation, error: str, info: str) -> None:
        operation.state = "Completed" if error == "Error_None" else "Error"
        operation.error, operation.info = error, info
        operation.ended = datetime.now(UTC)
        self._life.note(f"operation {operation.id} {operation.action} ended with {error}")
        self._show()

    async def _fetch(self, uri: str) -> int:
        size, digest = 0, hashlib.sha256()
        status = 0
        try:
            async with aiohttp.ClientSession(timeout=FETCH_TIMEOUT) as session, session.get(uri) as response:
                status = response.status
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    size += len(chunk)
                    digest.update(chunk)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise FetchFailed(str(error) or type(error).__name__) from error
        finally:
            self.fetched.append(Fetched(uri, status, size, digest.hexdigest()))
            self._life.note(f"fetched {uri}")
        if status != HTTPStatus.OK:
            raise FetchFailed(f"HTTP status {status}")
        return size

    def _show(self) -> None:
        """Brings the variables and the data model in line with the units and operations."""
        self._events.set(**{name: ",".join(map(str, ids(self))) for name, ids in _LISTS.items()})
        for unit_id in [unit_id for unit_id in self._rows if unit_id not in self.units]:
            self._configuration.remove_row(self._rows.pop(unit_id))
        for unit in self.units.values():
            values = {"Name": unit.name, "Version": unit.version, "URI": unit.uri, "Size": str(unit.size)}
            if row := self._rows.get(unit.id):
                self._configuration.change({row + name: value for name, value in values.items()})
            else:
                self._rows[unit.id] = self._configuration.add_row(SOFTWARE, values)
        self._configuration.change(dict.fromkeys(SOFTWARE_VERSIONS, self.units[FIRMWARE].version))

    def _check_dependencies(self, arguments: Arguments) -> None:
        if arguments["HandleDependencies"] == "1" and not self.handles_dependencies:
            raise UpnpError(DEPENDENCIES_NOT_HANDLED)

    def _is_busy(self, target: int, actions: frozenset[str]) -> bool:
        return any(
            operation.state in ACTIVE and operation.action in actions and target in operation.targets
            for operation in self.operations.values()
        )

    def _unit(self, arguments: Arguments) -> DeploymentUnit:
        """The unit that an operation is asked for, if it can have one now."""
        unit = self.units.get(int(arguments["DUID"]))
        if unit is None:
            raise UpnpError(INVALID_UNIT)
        if self._is_busy(unit.id, _ON_UNITS):
            raise UpnpError(TRANSITORY)
        return unit

    def _execution_unit(self, arguments: Arguments) -> ExecutionUnit:
        unit = self.execution_units.get(int(arguments["EUID"]))
        if unit is None:
            raise UpnpError(INVALID_EXECUTION_UNIT)
        return unit

    def _get(self, variable: str) -> Call:
        return lambda _: {variable: self._events.values[variable]}

    def _get_operation_info(self, arguments: Arguments) -> Arguments:
        operation = self.operations.get(int(arguments["OperationID"]))
        if operation is None:
            raise UpnpError(INVALID_OPERATION)
        return {
            "OperationState": operation.state,
            "TargetedIDs": ",".join(map(str, operation.targets)),
            "Action": operation.action,
            "ErrorDescription": operation.error,
            "AdditionalInfo": operation.info,
        }

    def _get_du_info(self, arguments: Arguments) -> Arguments:
        unit = self.units.get(int(arguments["DUID"]))
        if unit is None:
            raise UpnpError(INVALID_UNIT)
        return {
            "DUName": unit.name,
            "DUVersion": unit.version,
            "DUType": unit.type,
            "DUState": unit.state,
            "DUURI": unit.uri,
        }

    def _get_eu_info(self, arguments: Arguments) -> Arguments:
        unit = self._execution_unit(arguments)
        return {
            "EUName": unit.unit.name,
            "EUVersion": unit.unit.version,
            "EURequestedState": unit.requested,
            "EUExecutionState" if self._profile.version == 1 else "EURunningState": unit.running,
        }


def _checked_uri(uri: str) -> str:
    parts = urlsplit(uri)
    if not parts.scheme or not parts.netloc:
        raise UpnpError(INVALID_URI)
    if parts.scheme not in {"http", "https"}:
        raise UpnpError(URI_NOT_SUPPORTED)
    return uri


_ON_EXECUTION_UNITS = frozenset({"Start", "Stop"})
_ON_UNITS = frozenset({"Install", "Update", "Uninstall"})

_LISTS: Mapping[str, Callable[[SoftwareManagement], Iterable[int]]] = {
    "OperationIDs": lambda sms: (o.id for o in sms.operations.values() if o.state in ACTIVE),
    "DUIDs": lambda sms: sms.units,
    "EUIDs": lambda sms: sms.execution_units,
    "ActiveEUIDs": lambda sms: (eu.id for eu in sms.execution_units.values() if eu.requested == "Active"),
    "RunningEUIDs": lambda sms: (eu.id for eu in sms.execution_units.values() if eu.running == "Running"),
    "ErrorEUIDs": lambda sms: (eu.id for eu in sms.execution_units.values() if eu.failed),
}
"""What each variable of the service lists."""
