"""The RPCs of an ACS that an endpoint answers, and those that its owner adds."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Protocol, TypeAlias

from cwmp_client import trace
from cwmp_client.device_log import DeviceLog
from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import (
    AcsRequest,
    AddObject,
    AllQueuedTransferStruct,
    CancelTransfer,
    CancelTransferResponse,
    CpeResponse,
    DeleteObject,
    Fault,
    GetAllQueuedTransfers,
    GetAllQueuedTransfersResponse,
    GetParameterAttributes,
    GetParameterNames,
    GetParameterValues,
    GetQueuedTransfers,
    GetQueuedTransfersResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    QueuedTransferStruct,
    ScheduleInform,
    ScheduleInformResponse,
    SetParameterAttributes,
    SetParameterValues,
    SetParameterValuesFault,
)
from cwmp_client.outbox import Outbox
from cwmp_client.parameter_rpcs import ParameterRpcs

Method: TypeAlias = Callable[[Any], Awaitable[CpeResponse]]
"""Answers one kind of request; raises `CwmpFault`. Whatever else it raises is logged and answered 9002."""

_Answer: TypeAlias = Callable[[Any, Any], Awaitable[CpeResponse]]
"""A method before it is bound."""

Methods: TypeAlias = Mapping[type[AcsRequest], Method]

MAX_COMMAND_KEY = 32
"""Source: TR-069 A.4.1.2"""

MAX_SCHEDULED_INFORMS = 64
"""Beyond it ScheduleInform is 9004; a limit of ours."""

MAX_FAULT_STRING = 256
"""A fault may quote what the ACS sent, and need not quote all of it; a limit of ours."""

MAX_QUEUED_TRANSFERS = 16
"""Source: TR-069 A.4.1.1 and A.4.1.7"""


class Transfers(Protocol):
    """The queued transfers of a device, of which its owner knows."""

    def requested(self) -> Sequence[AllQueuedTransferStruct]:
        """Those that the ACS asked for and that no TransferComplete has reported yet."""

    def autonomous(self) -> Sequence[AllQueuedTransferStruct]:
        """All others."""

    async def cancel(self, command_key: str) -> None:
        """Cancel the transfers with this CommandKey; CwmpFault 9021 when one of them may not be cancelled."""


class Rpcs:
    """Finds the answer to each request of an ACS.

    Args:
        parameters: answers the parameter RPCs.
        outbox: keeps the ScheduleInforms.
        methods: the owner's; looked at anew for each request, so it may change.
        transfers: the owner's; None for a device that has none.
        log: where the device's lines go.
    """

    def __init__(
        self,
        parameters: ParameterRpcs,
        outbox: Outbox,
        *,
        methods: Methods,
        transfers: Transfers | None,
        log: DeviceLog,
    ) -> None:
        self._outbox = outbox
        self._methods = methods
        self._transfers = transfers
        self._log = log
        self._parameters = parameters

    async def answer(self, request: AcsRequest) -> CpeResponse | Fault:
        """The answer to a request; raises nothing."""
        name = type(request).__name__
        answer: CpeResponse | Fault
        with trace.AnsweringRpc(name) as rpc:
            try:
                answer = await self._method(type(request))(request)
            except CwmpFault as fault:
                answer = _fault(fault)
            except Exception:  # noqa: BLE001 - an RPC that fails by a fault of ours fails alone, as 9002
                self._log.exception("%s failed", name)
                answer = Fault(FaultCode.INTERNAL_ERROR, "Internal error")
            rpc.fault_code = answer.fault_code if isinstance(answer, Fault) else 0
        if self._log.isEnabledFor(logging.DEBUG):
            details = {"rpc": name, "ms": trace.milliseconds(rpc.seconds), "fault": rpc.fault_code}
            self._log.debug("%s answered", name, extra=details)
        return answer

    def _method(self, request: type[AcsRequest]) -> Method:
        if method := self._methods.get(request):
            return method
        if of_parameters := self._OF_PARAMETERS.get(request):
            return partial(of_parameters, self._parameters)
        if own := self._OWN.get(request):
            return partial(own, self)
        raise CwmpFault(FaultCode.METHOD_NOT_SUPPORTED, f"{request.__name__} is not supported")

    async def _get_rpc_methods(self, _request: GetRPCMethods) -> GetRPCMethodsResponse:
        requests = (GetRPCMethods, *self._OF_PARAMETERS, *self._OWN, *self._methods)
        return GetRPCMethodsResponse(tuple(dict.fromkeys(request.__name__ for request in requests)))

    async def _schedule_inform(self, request: ScheduleInform) -> ScheduleInformResponse:
        if request.delay_seconds <= 0:
            raise CwmpFault(FaultCode.INVALID_ARGUMENTS, "DelaySeconds must be positive")
        if len(request.command_key) > MAX_COMMAND_KEY:
            raise CwmpFault(
                FaultCode.INVALID_ARGUMENTS, f"CommandKey is longer than {MAX_COMMAND_KEY} characters"
            )
        if len(self._outbox.scheduled) >= MAX_SCHEDULED_INFORMS:
            raise CwmpFault(FaultCode.RESOURCES_EXCEEDED, f"{MAX_SCHEDULED_INFORMS} Informs are scheduled")
        self._outbox.schedule_inform(time.time() + request.delay_seconds, request.command_key)
        await self._outbox.save()
        return ScheduleInformResponse()

    async def _get_queued_transfers(self, _request: GetQueuedTransfers) -> GetQueuedTransfersResponse:
        transfers = self._transfers.requested() if self._transfers is not None else ()
        return GetQueuedTransfersResponse(
            tuple(
                QueuedTransferStruct(transfer.command_key, transfer.state)
                for transfer in transfers[:MAX_QUEUED_TRANSFERS]
            )
        )

    async def _get_all_queued_transfers(
        self, _request: GetAllQueuedTransfers
    ) -> GetAllQueuedTransfersResponse:
        if self._transfers is None:
            return GetAllQueuedTransfersResponse(())
        transfers = (*self._transfers.requested(), *self._transfers.autonomous())
        return GetAllQueuedTransfersResponse(transfers[:MAX_QUEUED_TRANSFERS])

    async def _cancel_transfer(self, request: CancelTransfer) -> CancelTransferResponse:
        if self._transfers is not None:
            await self._transfers.cancel(request.command_key)
        return CancelTransferResponse()

    # The tables are the class's: with methods bound to each endpoint they would take 1.4 kB of each.
    _OF_PARAMETERS: ClassVar[Mapping[type[AcsRequest], _Answer]] = {
        SetParameterValues: ParameterRpcs.set_parameter_values,
        GetParameterValues: ParameterRpcs.get_parameter_values,
        GetParameterNames: ParameterRpcs.get_parameter_names,
        SetParameterAttributes: ParameterRpcs.set_parameter_attributes,
        GetParameterAttributes: ParameterRpcs.get_parameter_attributes,
        AddObject: ParameterRpcs.add_object,
        DeleteObject: ParameterRpcs.delete_object,
    }
    _OWN: ClassVar[Mapping[type[AcsRequest], _Answer]] = {
        GetRPCMethods: _get_rpc_methods,
        ScheduleInform: _schedule_inform,
        GetQueuedTransfers: _get_queued_transfers,
        GetAllQueuedTransfers: _get_all_queued_transfers,
        CancelTransfer: _cancel_transfer,
    }


def _fault(fault: CwmpFault) -> Fault:
    return Fault(
        fault.code,
        fault.text[:MAX_FAULT_STRING],
        tuple(
            SetParameterValuesFault(culprit.name, culprit.code, culprit.text) for culprit in fault.parameters
        ),
    )
