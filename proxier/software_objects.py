"""The parameters that stand for a device's SoftwareManagement: its units, and what the ACS wants to be told.

The tables of units are read from the device when the ACS reads them, unless its events say that nothing has
changed. A new RequestedState becomes a job of `Software`; it is done when the session is over, so its Status
is 1. The policies are part of `Software`, and kept with it. An object that the device's own data model has is
the device's affair, and left out here whole.

Source: TR-181 2.17, SoftwareModules and ManagementServer; TR-330 4.7.1.3; SMS
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cwmp_client.faults import CwmpFault, FaultCode, ParameterFault
from cwmp_client.messages import ParameterValueStruct
from cwmp_client.parameters import Applied, Journal, Node, shared, with_objects_above
from proxier.operations import Operations
from proxier.proxied_parameters import Drive
from proxier.service_source import ServiceSource
from translation.actions import ActionError, DeviceUnreachable, Service, StateChange
from translation.autonomous import CHANGES, MANAGEMENT_SERVER, POLICY, TRANSFERS, policy_parameters
from translation.firmware import WINDOW
from translation.records import record_of, value_of
from translation.service_parameters import ServiceParameter
from translation.sms import NOTHING, Action, DeploymentUnit, ExecutionUnit, deployment_units, execution_units
from translation.software import Software
from translation.software_modules import Switch
from translation.units import (
    EXECUTION_UNITS,
    SOFTWARE_MODULES,
    SWITCHES,
    execution_unit_parameters,
    unit_parameters,
)

RECORD = "software_objects"
"""The journal's record of what the device offers, and of its units."""

TRUSTED_SECONDS = 60
"""How long the lists of units are taken for true at a device that sends no events."""

logger = logging.getLogger(__name__)


class _Known(Struct, frozen=True):
    """What the device offers, and its units as they were last read."""

    actions: frozenset[str] = frozenset()
    """Of SoftwareManagement."""
    units: tuple[DeploymentUnit, ...] = ()
    execution_units: tuple[ExecutionUnit, ...] = ()


@lru_cache(maxsize=32)
def _one_for_all(known: _Known) -> _Known:
    """The one for all devices that offer and have the same: equal devices come together."""
    return known


@lru_cache(maxsize=32)
def _united(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """The one for all devices that offer the same."""
    return one | other


class SoftwareObjects(ServiceSource):
    """A `ParameterSource` of what a device's SoftwareManagement service makes possible.

    Args:
        device: names the device in the log.
        operations: keeps the `Software`.
        drive: carries out plans at the device.
        journal: where what is known of the device is saved.
        own_names: the names of the device's own data model, as far as they are known.
        tells: whether the device's events of SoftwareManagement arrive.
        records: what the journal holds for the device.
        time_out_seconds: for an operation at the device.
        now: the clock.
    """

    def __init__(  # noqa: PLR0913 - the virtual device hands each part over once
        self,
        device: str,
        operations: Operations,
        drive: Drive,
        journal: Journal,
        *,
        own_names: Callable[[], Collection[str]],
        tells: Callable[[], bool],
        records: Mapping[str, Any],
        time_out_seconds: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._device = device
        self._now = now
        self._operations = operations
        self._drive = drive
        self._journal = journal
        self._own_names = own_names
        self._tells = tells
        self._time_out_seconds = time_out_seconds
        record = records.get(RECORD)
        self._known = _one_for_all(value_of(_Known, record) if record else _Known())
        self._read_at: float | None = None
        self._read_with: Software | None = None
        self._nodes: Mapping[str, Node] = {}
        self._reading = asyncio.Lock()

    # -------------------------------------------------------------- what happens to the device

    @property
    def software(self) -> Software:
        """What is kept of the device's software."""
        kept = self._operations["software"]
        return kept if isinstance(kept, Software) else Software(time_out_seconds=self._time_out_seconds)

    @property
    def actions(self) -> frozenset[str]:
        """The actions of SoftwareManagement that the device offers, or offered when it was last seen."""
        return self._known.actions

    async def offer(self, actions: frozenset[str], cms_actions: frozenset[str]) -> None:
        """The device is there, and offers these actions of SoftwareManagement and ConfigurationManagement."""
        await self._keep(replace(self._known, actions=actions))
        offered = _united(actions, cms_actions)

        def after() -> Software:
            return replace(self.software, offered=offered, time_out_seconds=self._time_out_seconds)

        if actions and (after() != self.software or self._operations["software"] is None):
            await self._operations.change(after)

    async def changed(self, change: StateChange) -> None:
        """Evented variables changed: the units are read when somebody asks for them, or watches them.

        When events begin they are read at once, so that no RPC of the first session has to do it.
        """
        if change.service is Service.SMS:
            await self.restarted()
            if change.complete:
                await self.refresh(change.variables)

    async def restarted(self) -> None:
        """The device may have other units now."""
        self._read_at = None
        if any(name.startswith(SOFTWARE_MODULES) for name in self._watched):
            await self.refresh()

    async def refresh(self, told: Mapping[str, str] = NOTHING) -> None:
        """Read the units, unless they are known; what the device does not tell now is as it was.

        `told` are variables as an event has told them just now; they need not be asked for.
        """
        async with self._reading:
            if not self._has_units or self._is_fresh:
                return
            self._read_at = time.monotonic()  # what changes meanwhile is read again
            self._read_with = self.software
            try:
                units = await self._drive(deployment_units(self.actions, told))
                running = await self._drive(execution_units(self.actions, told))
            except (ActionError, DeviceUnreachable) as error:
                self._read_at = None
                logger.info("%s: its units cannot be listed now: %s", self._device, error)
            else:
                await self._keep(replace(self._known, units=units, execution_units=running))

    async def _keep(self, known: _Known) -> None:
        if known == self._known:
            return
        before, self._known = self._known, _one_for_all(known)
        try:
            await self._journal.save({RECORD: record_of(known)})
        except BaseException:
            self._known = before if self._known == known else self._known
            raise

    # -------------------------------------------------------------- ParameterSource

    async def nodes(self) -> Mapping[str, Node]:
        """See `ParameterSource`."""
        await self.refresh()
        nodes = with_objects_above({each.name: Node(each.writable, each.type) for each in self._parameters()})
        if nodes != self._nodes:
            self._nodes = shared(nodes)
        return self._nodes

    async def values(self, paths: Sequence[str]) -> Sequence[ParameterValueStruct]:
        """See `ParameterSource`.

        Raises:
            CwmpFault: 9005 for a parameter of a unit that is gone by now.
        """
        if any(path.startswith(SOFTWARE_MODULES) or SOFTWARE_MODULES.startswith(path) for path in paths):
            await self.refresh()
        there = {each.name: each for each in self._parameters() if each.type}
        found: dict[str, ServiceParameter] = {}
        for path in paths:
            if path.endswith("."):
                found.update((name, each) for name, each in there.items() if name.startswith(path))
            elif path in there:
                found[path] = there[path]
            else:
                raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, f"{path} is gone")
        return [ParameterValueStruct(name, each.value, each.type) for name, each in found.items()]

    async def check(self, values: Sequence[ParameterValueStruct]) -> Sequence[ParameterFault]:
        """See `ParameterSource`."""
        faults = []
        for name, value, _ in values:
            try:
                self._canonical(name, value)
            except ValueError as error:
                faults.append(ParameterFault(name, FaultCode.INVALID_PARAMETER_VALUE, str(error)))
        return faults

    async def set(self, values: Sequence[ParameterValueStruct]) -> Applied:
        """See `ParameterSource`."""
        software = self.software
        switches = [each for each in values if each.name.startswith(EXECUTION_UNITS)]
        policy = {
            name.removeprefix(MANAGEMENT_SERVER): self._canonical(name, value)
            for name, value, _ in values
            if name.startswith(MANAGEMENT_SERVER)
        }
        if policy:
            software = replace(software, policy={**software.policy, **policy})
        for name, value, _ in switches:
            software = software.with_switch(_switch(name, value, self._now()))
        records = self._operations.adopt(software)
        self.changed_values()
        return Applied(status=1 if switches else 0, records=records)

    # -------------------------------------------------------------- what there is

    @property
    def _has_units(self) -> bool:
        return "GetDUIDs" in self.actions and SOFTWARE_MODULES not in self._own_names()

    @property
    def _is_fresh(self) -> bool:
        if self._read_at is None:
            return False
        if self._tells():
            return True
        return self._read_with == self.software and time.monotonic() < self._read_at + TRUSTED_SECONDS

    def _parameters(self, path: str = "") -> Iterator[ServiceParameter]:
        del path
        if not self.actions:
            return
        software = self.software
        own = self._own_names()
        theirs = tuple(name for each in (TRANSFERS, CHANGES) if (name := MANAGEMENT_SERVER + each) in own)
        for parameter in policy_parameters(software.policy):
            if not parameter.name.startswith(theirs):
                yield parameter
        if self._has_units:
            switchable = {Action.START, Action.STOP} <= self.actions
            yield from unit_parameters(self._known.units, software.units)
            running = self._known.execution_units
            yield from execution_unit_parameters(running, software.switches, switchable=switchable)

    def _canonical(self, name: str, value: str) -> str:
        if name.startswith(EXECUTION_UNITS):
            if value not in SWITCHES:
                raise ValueError(f"only {' and '.join(SWITCHES)} can be set")
            return value
        relative = name.removeprefix(MANAGEMENT_SERVER)
        return next(each for each in POLICY if each.name == relative).canonical(value)


def _switch(name: str, value: str, now: datetime) -> Switch:
    """What is to be done for a new RequestedState."""
    unit = int(name.removeprefix(EXECUTION_UNITS).partition(".")[0])
    return Switch(secrets.token_hex(8), SWITCHES[value], unit, now, now + WINDOW)
