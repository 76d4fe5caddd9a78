"""The parameters of a device that stand for services: diagnostics and logs, as a source of its CWMP endpoint.

What the device's actions allow appears, and only that. An object that the device's own data model has is the
device's affair, and left out here whole. Diagnostics are answered from what the proxier keeps, whether or not
the device is there. The logs are read again when the ACS reads them; while the device is silent, what it said
last is answered. What GetParameterNames lists of them is read again only when it may have changed, or that
RPC would cost actions whatever it is asked for: the device says so by its LogURIs event, and where that does
not come, a minute is as long as the list is trusted. They are read when the device comes, too, or nobody
would learn what of them survives a restart.

Source: TR-330 4.3.2, 4.4.1, 4.5
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from cwmp_client.faults import CwmpFault, FaultCode, ParameterFault
from cwmp_client.messages import ParameterValueStruct
from cwmp_client.parameters import Applied, Journal, Node, shared, with_objects_above
from proxier.operations import Operations
from proxier.proxied_parameters import Drive
from proxier.service_source import ServiceSource
from translation.actions import ActionError, DeviceUnreachable, Service, StateChange
from translation.bms import comma_list, log_files
from translation.diagnostic_objects import DIAGNOSTICS, DiagnosticObject
from translation.diagnostics import Diagnostic
from translation.logs import LOG_ACTIONS, LOG_COUNT, LOG_TABLE, LogFiles
from translation.service_parameters import ServiceParameter

RECORD = "service_objects"
"""The journal's record of what the device offers, and of its logs."""

LOGS_TRUSTED_SECONDS = 60
"""How long a list of logs is taken for true at a device that sends no LogURIs events."""

logger = logging.getLogger(__name__)


class ServiceObjects(ServiceSource):
    """A `ParameterSource` of what a device's BasicManagement service makes possible.

    Args:
        device: names the device in the log.
        operations: keeps the diagnostics.
        drive: carries out plans at the device.
        journal: where the numbers of the logs are saved.
        own_names: the names of the device's own data model, as far as they are known.
        tells_of_logs: whether the device's LogURIs events arrive.
        records: what the journal holds for the device.
    """

    def __init__(
        self,
        device: str,
        operations: Operations,
        drive: Drive,
        journal: Journal,
        *,
        own_names: Callable[[], Collection[str]],
        tells_of_logs: Callable[[], bool],
        records: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self._device = device
        self._operations = operations
        self._drive = drive
        self._journal = journal
        self._own_names = own_names
        self._tells_of_logs = tells_of_logs
        record = records.get(RECORD)
        self._actions = frozenset(record["actions"] if record else ())
        self._logs = LogFiles.from_record(record["logs"]) if record else LogFiles()
        self._logs_read_at: float | None = None
        self._reading_logs = asyncio.Lock()
        self._nodes: Mapping[str, Node] = {}

    # -------------------------------------------------------------- what happens to the device

    @property
    def actions(self) -> frozenset[str]:
        """The actions of BasicManagement that the device offers, or offered when it was last seen."""
        return self._actions

    @property
    def has_logs(self) -> bool:
        """Whether the table of logs is made here, of the logs that the device offers."""
        return self._actions >= LOG_ACTIONS and LOG_TABLE not in self._own_names()

    async def offer(self, actions: frozenset[str]) -> None:
        """The device is there, and offers these actions of BasicManagement."""
        if actions != self._actions:
            before, self._actions = self._actions, actions
            try:
                await self._journal.save(self._records())
            except BaseException:
                self._actions = before
                raise

    async def changed(self, change: StateChange) -> None:
        """Evented variables changed: other logs are read when somebody asks for them, or watches them.

        When events begin they are read at once, so that no RPC of the first session has to do it.
        """
        if change.service is not Service.BMS or "LogURIs" not in change.variables:
            return
        told = change.variables["LogURIs"]
        uris = {uri for uri in comma_list(told) if uri}
        if change.complete and self.has_logs and self._logs_read_at is None:
            await self.log_files(told)
        elif uris != {each.uri for each in self._logs.files}:
            self._logs_read_at = None
            if self.has_logs and any(_is_of_logs(name) for name in self._watched):
                await self.log_files()

    def restarted(self) -> Mapping[str, Any]:
        """The device has restarted; its caller saves what is returned before it waits for anything else.

        Whether its logs survived that will be seen when they are read.
        """
        self._logs_read_at = None
        if not self._logs.files:
            return {}
        self._logs = self._logs.after_restart()
        return self._records()

    async def log_files(self, uris: str = "") -> LogFiles:
        """The logs as the device tells them now, or if it is silent, as it told them last.

        `uris` are LogURIs as an event has told them just now; they need not be asked for.
        """
        async with self._reading_logs:
            try:
                told = await self._drive(log_files(uris))
            except (ActionError, DeviceUnreachable) as error:
                logger.info("%s: its logs cannot be listed now: %s", self._device, error)
            else:
                await self._keep_logs(self._logs.refreshed(told))
            return self._logs

    async def _keep_logs(self, logs: LogFiles) -> None:
        self._logs_read_at = time.monotonic()
        if logs == self._logs:
            return
        before, self._logs = self._logs, logs
        try:
            await self._journal.save(self._records())
        except BaseException:
            self._logs = before if self._logs is logs else self._logs
            raise

    def _records(self) -> Mapping[str, Any]:
        return {RECORD: {"actions": sorted(self._actions), "logs": self._logs.to_record()}}

    # -------------------------------------------------------------- ParameterSource

    async def nodes(self) -> Mapping[str, Node]:
        """See `ParameterSource`."""
        if self.has_logs and not self._logs_are_fresh:
            await self.log_files()
        nodes = with_objects_above({each.name: Node(each.writable, each.type) for each in self._parameters()})
        if nodes != self._nodes:
            self._nodes = shared(nodes)
        return self._nodes

    async def values(self, paths: Sequence[str]) -> Sequence[ParameterValueStruct]:
        """See `ParameterSource`.

        Raises:
            CwmpFault: 9005 for a parameter of a log that is gone by now.
        """
        if self.has_logs and any(_is_of_logs(path) for path in paths):
            await self.log_files()
        there = {each.name: each for each in self._parameters() if each.type}
        found: dict[str, ServiceParameter] = {}
        for path in paths:
            if path.endswith(".") or not path:
                found.update((name, each) for name, each in there.items() if name.startswith(path))
            elif path in there:
                found[path] = there[path]
            else:
                raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, f"{path} is gone")
        return [ParameterValueStruct(name, each.value, each.type) for name, each in found.items()]

    async def check(self, values: Sequence[ParameterValueStruct]) -> Sequence[ParameterFault]:
        """See `ParameterSource`."""
        return [
            replace(fault, name=diagnostic.table.path + fault.name)
            for diagnostic, written in self._written(values)
            for fault in diagnostic.faults(written)
        ]

    async def set(self, values: Sequence[ParameterValueStruct]) -> Applied:
        """See `ParameterSource`.

        A requested test begins when the session is over.

        Source: TR-330 Figure 6
        """
        records: dict[str, Any] = {}
        for diagnostic, written in self._written(values):
            after = diagnostic.written(written, self._actions)
            if after != diagnostic:
                records.update(self._operations.adopt(after))
        self.changed_values()
        return Applied(records=records)

    # -------------------------------------------------------------- what there is

    @property
    def _logs_are_fresh(self) -> bool:
        if self._logs_read_at is None:
            return False
        return self._tells_of_logs() or time.monotonic() < self._logs_read_at + LOGS_TRUSTED_SECONDS

    def _tables(self) -> Iterator[DiagnosticObject]:
        own = self._own_names()
        for table in DIAGNOSTICS.values():
            if self._actions >= table.needs and table.path not in own:
                yield table

    def _parameters(self, path: str = "") -> Iterator[ServiceParameter]:
        """All that meets a path: its part of the tree, and what is above it."""
        if self.has_logs and _is_of_logs(path):
            yield from self._logs.parameters()
        for table in self._tables():
            if _meets(path, table.path):
                yield from self._diagnostic(table).parameters()

    def _diagnostic(self, table: DiagnosticObject) -> Diagnostic:
        untouched = Diagnostic.of(table)
        kept = self._operations[untouched.key]
        return kept if isinstance(kept, Diagnostic) else untouched

    def _written(
        self, values: Sequence[ParameterValueStruct]
    ) -> Iterator[tuple[Diagnostic, Mapping[str, str]]]:
        """The diagnostics that are written to, and what, by the name within the object."""
        for table in self._tables():
            path = table.path
            written = {each.name[len(path) :]: each.value for each in values if each.name.startswith(path)}
            if written:
                yield self._diagnostic(table), written


def _is_of_logs(path: str) -> bool:
    return _meets(path, LOG_TABLE) or _meets(path, LOG_COUNT)


def _meets(one: str, other: str) -> bool:
    """Whether one path is the other, or above or below it."""
    return one.startswith(other) or other.startswith(one)
