"""What the ACS wants of one device that outlives a call, and the RPCs by which it says so.

The operations are pure, `Operations` carries them through. Here is what holds them and the device together:
what happens to the device becomes their happenings, and what it can do decides which RPCs there are.

Source: TR-330 4.4, 4.5; TR-069 A.3.2.9, A.4.1.5, A.4.1.6
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import (
    AcsRequest,
    FactoryReset,
    FactoryResetResponse,
    ParameterValueStruct,
    Reboot,
    RebootResponse,
    Upload,
    UploadResponse,
)
from cwmp_client.parameters import ParameterSource
from cwmp_client.rpcs import MAX_COMMAND_KEY, Method
from proxier.operations import Operations, Ports
from proxier.service_objects import ServiceObjects
from proxier.settings import FirmwareSettings
from proxier.software_objects import SoftwareObjects
from proxier.software_rpcs import SoftwareRpcs
from translation import sms
from translation.actions import AboutTo, ActionError, DeviceUnreachable, Service, StateChange
from translation.diagnostics import Diagnostic
from translation.files import RelayMode
from translation.logs import LogUpload, begin_upload
from translation.operations import BootMarks, Changed, Left, Operation, Returned, SessionEnded
from translation.restart import RESET, Restarts, ask_factory_reset, ask_reboot
from translation.software import Software

KINDS: tuple[type[Operation], ...] = (Restarts, Diagnostic, LogUpload, Software)
"""Every kind of operation that a device can have."""


class Rpc(NamedTuple):
    """An RPC; one that every CPE has to list is answered 9001 where the device cannot do it."""

    request: type[AcsRequest]
    method: Method
    is_offered: Callable[[], bool] = lambda: True


class DeviceOperations:
    """The operations of one device, and the parameters and RPCs that come with them.

    Args:
        device: its OUI-ProductClass-SerialNumber.
        ports: who does what operations command.
        own_names: the names of the device's own data model, as far as they are known.
        tells_of: whether the device's events of a service arrive, and a variable is among them.
        firmware: the settings of updates.
        records: what the journal holds for the device.
    """

    def __init__(
        self,
        device: str,
        ports: Ports,
        *,
        own_names: Callable[[], Collection[str]],
        tells_of: Callable[[Service, str], bool],
        firmware: FirmwareSettings,
        records: Mapping[str, Any],
    ) -> None:
        self._ports = ports
        self.operations = Operations(device, KINDS, ports, records)
        self._objects = ServiceObjects(
            device,
            self.operations,
            ports.drive,
            ports.journal,
            own_names=own_names,
            tells_of_logs=lambda: tells_of(Service.BMS, "LogURIs"),
            records=records,
        )
        self._tells_of = tells_of
        self._software = SoftwareObjects(
            device,
            self.operations,
            ports.drive,
            ports.journal,
            own_names=own_names,
            tells=lambda: tells_of(Service.SMS, ""),
            records=records,
            time_out_seconds=firmware.time_out,
        )
        self.transfers = SoftwareRpcs(self.operations, self._software, RelayMode(firmware.relay), ports.now)
        """All transfers of the device."""
        self.sources: tuple[ParameterSource, ...] = (self._objects, self._software)
        """The parameters that stand for services, after those of the device's own tree."""
        self._rpcs = (
            Rpc(Reboot, self._reboot),
            Rpc(FactoryReset, self._factory_reset, lambda: RESET in self._objects.actions),
            Rpc(Upload, self._upload, lambda: self._objects.has_logs),
        )
        self.methods: dict[type[AcsRequest], Method] = {}
        """The RPCs that the device has now."""
        self._list_methods()

    async def start(self, notifications: Mapping[str, int]) -> None:
        """Go on with what was under way, and watch what was watched, when the proxier ended."""
        for source in self.sources:
            await source.watch(notifications)
        await self.operations.start()
        if handed_on := self._software.software.handed_on:
            await self._ports.renew(*handed_on)

    async def close(self) -> None:
        """Stop all work; what is saved goes on at the next start."""
        await self.operations.close()

    # ------------------------------------------------------------------ what happens to the device

    async def offer(self, actions: Callable[[Service], frozenset[str]]) -> None:
        """The device is there, and offers these actions."""
        await self._objects.offer(actions(Service.BMS))
        await self._software.offer(actions(Service.SMS), actions(Service.CMS))
        self._list_methods()

    async def returned(self, marks: BootMarks) -> None:
        """The device is there: for the first time since our start, or since it left."""
        restarts = await self._restarts_of_device(marks)
        await self._come_back(Returned(restarts.has_restarted(marks), marks=marks))

    async def restarted(self, marks: BootMarks, about_to: frozenset[AboutTo]) -> None:
        """The device is there after a restart, which it may have announced."""
        if self._restarts is None:
            await self.returned(marks)  # the first that is heard of it tells the endpoint all it has to know
        else:
            await self._come_back(Returned(restarted=True, about_to=about_to, marks=marks))

    async def marked(self, marks: BootMarks) -> None:
        """The device, which was there all the time, shows these marks now."""
        await self._come_back(Returned(restarted=False, marks=marks))

    async def left(self, about_to: frozenset[AboutTo]) -> None:
        """The device is gone, or announced what it is about to do."""
        await self.operations.happen(Left(about_to))

    async def changed(self, change: StateChange) -> None:
        """Evented variables of the device changed."""
        await self._objects.changed(change)
        await self._software.changed(change)
        await self.operations.happen(Changed(change))

    async def poll(self) -> None:
        """Ask a device whose events do not arrive what its software does. Source: TR-330 4.7.1.3"""
        if "GetOperationIDs" not in self._software.actions or self._tells_of(Service.SMS, sms.OPERATION_IDS):
            return
        with suppress(ActionError, DeviceUnreachable):
            change = await self._ports.drive(sms.poll())
            await self.operations.happen(Changed(change))

    async def session_ended(self) -> None:
        """A session with the ACS is over, well or not."""
        await self.operations.happen(SessionEnded())

    # ------------------------------------------------------------------ what the ACS is told

    def changed_values(self) -> Sequence[ParameterValueStruct]:
        """The watched parameters that have other values than when this was last asked."""
        return [*self._objects.changed_values(), *self._software.changed_values()]

    def rebooted(self) -> Mapping[str, Any]:
        """`1 BOOT` is about to be reported; returns what is to be saved with it."""
        return self._objects.restarted()

    # ------------------------------------------------------------------ what the ACS asks for

    async def _reboot(self, request: Reboot) -> RebootResponse:
        _check_command_key(request.command_key)
        await self.operations.change(
            lambda: ask_reboot(self._restarts or Restarts(), request, self._objects.actions)
        )
        return RebootResponse()

    async def _factory_reset(self, _request: FactoryReset) -> FactoryResetResponse:
        await self.operations.change(
            lambda: ask_factory_reset(self._restarts or Restarts(), self._objects.actions)
        )
        return FactoryResetResponse()

    async def _upload(self, request: Upload) -> UploadResponse:
        """Source: TR-330 4.4.2"""
        _check_command_key(request.command_key)
        logs = await self._objects.log_files()
        queued = len(self.transfers.requested())
        upload = begin_upload(request, logs, uuid.uuid4().hex, queued, self._ports.now())
        await self.operations.begin(upload)
        return UploadResponse(status=1)

    # ------------------------------------------------------------------ what is kept

    @property
    def _restarts(self) -> Restarts | None:
        kept = self.operations[Restarts().key]
        return kept if isinstance(kept, Restarts) else None

    async def _restarts_of_device(self, marks: BootMarks) -> Restarts:
        restarts = self._restarts
        if restarts is None:
            restarts = Restarts(marks)
            await self.operations.begin(restarts)
        return restarts

    async def _come_back(self, returned: Returned) -> None:
        restarts = self._restarts
        if restarts and restarts.repeats(returned, self._ports.now()):
            returned = Returned(restarted=False, marks=returned.marks)
        await self._software.restarted()
        await self.operations.happen(returned)

    def _list_methods(self) -> None:
        self.methods.clear()
        self.methods.update({rpc.request: rpc.method for rpc in self._rpcs if rpc.is_offered()})
        self.methods.update(self.transfers.methods)


def _check_command_key(key: str) -> None:
    if len(key) > MAX_COMMAND_KEY:
        raise CwmpFault(
            FaultCode.INVALID_ARGUMENTS, f"CommandKey is longer than {MAX_COMMAND_KEY} characters"
        )
