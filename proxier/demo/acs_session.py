"""One CWMP session as the ACS sees it, without I/O: what the CPE posted comes in, what to answer goes out.

It answers strictly in the order of TR-069 3.7.1 and names every step of the CPE that departs from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from typing import Protocol

from cwmp_client.messages import (
    AcsRequest,
    AcsResponse,
    AutonomousDUStateChangeComplete,
    AutonomousDUStateChangeCompleteResponse,
    AutonomousTransferComplete,
    AutonomousTransferCompleteResponse,
    CpeRequest,
    CpeResponse,
    DUStateChangeComplete,
    DUStateChangeCompleteResponse,
    EventCode,
    Fault,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Inform,
    InformResponse,
    Kicked,
    KickedResponse,
    Message,
    RequestDownload,
    RequestDownloadResponse,
    TransferComplete,
    TransferCompleteResponse,
)
from proxier.demo.acs_grammar import CWMP_1_0, CWMP_1_1, CWMP_1_2
from proxier.demo.acs_soap import Envelope, Header

ACS_METHODS = (
    "AutonomousDUStateChangeComplete", "AutonomousTransferComplete", "DUStateChangeComplete", "GetRPCMethods",
    "Inform", "Kicked", "RequestDownload", "TransferComplete",
)  # fmt: skip
"""What the ACS answers to GetRPCMethods."""

_NAMESPACE_OF_VERSION = {"1.0": CWMP_1_0, "1.1": CWMP_1_1}
_ids = count(1)


class SessionState(Enum):
    """What became of a session."""

    OPEN = auto()
    OVER = auto()
    FAILED = auto()
    """The CPE was given a reason to take it for unsuccessful."""
    FORGOTTEN = auto()
    """The ACS lost it, and the CPE could not know."""
    REPLACED = auto()
    """The CPE opened another one."""


class Order(Protocol):
    """An RPC that somebody wants of a device."""

    request: AcsRequest

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for the answer."""

    def answered(self, response: CpeResponse | Fault) -> None:
        """Take the answer."""

    def spoiled(self, reason: str) -> None:
        """Take notice that the CPE answered with what is no answer."""


class Orders(Protocol):
    """The RPCs that wait for one device."""

    def take(self) -> Order | None:
        """Take the next one, if there is one."""

    def put_back(self, order: Order) -> None:
        """Put one back to the front, since it got no answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the ACS answers; no message is the empty answer, HTTP 204."""

    message: AcsResponse | AcsRequest | None
    header: Header = field(default_factory=Header)


class AcsSession:
    """A session that an Inform opened; `complain` is told of each departure.

    `excused` means that the CPE may either go on with the session or leave it.
    """

    def __init__(
        self, inform: Inform, namespace: str, orders: Orders, complain: Callable[[str], None]
    ) -> None:
        self._inform = inform
        self._orders = orders
        self._complain = complain
        self._outstanding: tuple[Order, str] | None = None
        self._hold = False
        self._cpe_is_done = False
        self.namespace = namespace
        self.state = SessionState.OPEN
        self.excused = False

    def open(self, header: Header, *, hold: bool, use_cwmp_version: str | None) -> Reply:
        """Answer the Inform."""
        self._hold = hold
        if use_cwmp_version:
            self.namespace = _NAMESPACE_OF_VERSION.get(use_cwmp_version, CWMP_1_2)
        return Reply(
            InformResponse(), Header(id=header.id, hold_requests=hold, use_cwmp_version=use_cwmp_version)
        )

    def receive(self, envelope: Envelope | None) -> Reply:
        """Answer a later POST; None is the empty one."""
        if envelope is None:
            return self._receive_nothing()
        if envelope.namespace != self.namespace:
            self._complain(f"speaks {envelope.namespace} in a session of {self.namespace}")
        if envelope.header.hold_requests:
            self._complain("a CPE must not send HoldRequests")
        message = envelope.message
        if isinstance(message, Inform):
            self._complain("a second Inform in one session")
            return self._end()
        if isinstance(message, CpeRequest):
            return self._receive_request(message, envelope.header)
        if isinstance(message, CpeResponse | Fault):
            return self._receive_response(message, envelope.header)
        self._complain(f"a CPE must not send {type(message).__name__}")
        return self._end()

    def abandon(self, state: SessionState) -> None:
        """Give the session up; an RPC without an answer waits for the next one."""
        if self._outstanding:
            self._orders.put_back(self._outstanding[0])
            self._outstanding = None
        if self.state is SessionState.OPEN:
            self.state = state

    def spoil(self, reason: str) -> None:
        """Give the session up since the CPE posted what cannot be read; so the RPC under way fails too."""
        if self._outstanding:
            self._outstanding[0].spoiled(reason)
            self._outstanding = None
        self.state = SessionState.FAILED

    def _receive_nothing(self) -> Reply:
        if self._outstanding:
            order, _ = self._outstanding
            reason = f"an empty POST where the answer to {type(order.request).__name__} is due"
            self._complain(reason)
            order.spoiled(reason)
            self._outstanding = None
        self._cpe_is_done = self._cpe_is_done or not self._hold
        return self._next()

    def _receive_request(self, request: CpeRequest, header: Header) -> Reply:
        name = type(request).__name__
        if self._outstanding:
            self._complain(f"{name} where the answer to {type(self._outstanding[0].request).__name__} is due")
        if self._hold:
            self._complain(f"{name} while HoldRequests is true")
        if self._cpe_is_done:
            self._complain(f"{name} after the empty POST")
        for departure in _request_departures(request, self._inform):
            self._complain(departure)
        return Reply(_answer(request), Header(id=header.id, hold_requests=self._hold))

    def _receive_response(self, response: CpeResponse | Fault, header: Header) -> Reply:
        name = type(response).__name__
        if self._outstanding is None:
            self._complain(f"{name} without a request")
            return self._next()
        order, request_id = self._outstanding
        self._outstanding = None
        expected = f"{type(order.request).__name__}Response"
        wrong = None
        if header.id != request_id:
            wrong = f"{name} has the ID {header.id!r}, the request had {request_id!r}"
        elif name not in {expected, "Fault"}:
            wrong = f"{name} where {expected} is due"
        if wrong:
            self._complain(wrong)
            order.spoiled(wrong)
        else:
            order.answered(response)
        return self._next()

    def _next(self) -> Reply:
        order = self._orders.take()
        if order is None:
            return self._end() if self._cpe_is_done else self._release()
        request_id = str(next(_ids))
        self._outstanding = (order, request_id)
        return Reply(order.request, Header(id=request_id, hold_requests=self._hold))

    def _release(self) -> Reply:
        self._hold = False
        return Reply(None)

    def _end(self) -> Reply:
        self.state = SessionState.OVER
        return Reply(None)


def _answer(request: CpeRequest) -> AcsResponse:  # noqa: PLR0911 - one return per row of the match
    match request:
        case Inform():
            return InformResponse()
        case TransferComplete():
            return TransferCompleteResponse()
        case AutonomousTransferComplete():
            return AutonomousTransferCompleteResponse()
        case Kicked():
            return KickedResponse(request.next)
        case RequestDownload():
            return RequestDownloadResponse()
        case DUStateChangeComplete():
            return DUStateChangeCompleteResponse()
        case AutonomousDUStateChangeComplete():
            return AutonomousDUStateChangeCompleteResponse()
        case GetRPCMethods():
            return GetRPCMethodsResponse(ACS_METHODS)


# ---- what an Inform and the requests after it must hold ----

_FORCED_PARAMETERS = tuple(
    f"Device.{name}"
    for name in (
        "RootDataModelVersion", "DeviceInfo.HardwareVersion", "DeviceInfo.SoftwareVersion",
        "DeviceInfo.ProvisioningCode", "ManagementServer.ParameterKey",
        "ManagementServer.ConnectionRequestURL", "ManagementServer.AliasBasedAddressing",
    )
)  # fmt: skip
"""What every Inform of a Device:2 holds. Source: TR-181, forcedInform"""

_COMPANIONS = {
    EventCode.M_REBOOT: EventCode.BOOT,
    EventCode.M_SCHEDULE_INFORM: EventCode.SCHEDULED,
    EventCode.M_DOWNLOAD: EventCode.TRANSFER_COMPLETE,
    EventCode.M_SCHEDULE_DOWNLOAD: EventCode.TRANSFER_COMPLETE,
    EventCode.M_UPLOAD: EventCode.TRANSFER_COMPLETE,
    EventCode.M_CHANGE_DU_STATE: EventCode.DU_STATE_CHANGE_COMPLETE,
}
"""The event without which an M event does not come. Source: TR-069 3.7.1.5"""

_MULTIPLE = ("M ", "X ")
"""How codes begin that may come several times in an Inform, with CommandKeys. Source: TR-069 3.7.1.5"""

_EVENT_OF_REQUEST: dict[type[Message], EventCode] = {
    TransferComplete: EventCode.TRANSFER_COMPLETE,
    AutonomousTransferComplete: EventCode.AUTONOMOUS_TRANSFER_COMPLETE,
    DUStateChangeComplete: EventCode.DU_STATE_CHANGE_COMPLETE,
    AutonomousDUStateChangeComplete: EventCode.AUTONOMOUS_DU_STATE_CHANGE_COMPLETE,
    RequestDownload: EventCode.REQUEST_DOWNLOAD,
    Kicked: EventCode.KICKED,
}
"""The event in the session's Inform that announces a request. Source: TR-069 3.7.1.5"""


def inform_departures(inform: Inform) -> Iterator[str]:
    """Name what an Inform lacks or has too much of and no schema sees. Source: TR-069 A.3.3.1, 3.7.1.5"""
    if inform.max_envelopes != 1:
        yield f"MaxEnvelopes is {inform.max_envelopes}"
    codes = [event.event_code for event in inform.event]
    for event in inform.event:
        if event.command_key and not event.event_code.startswith(_MULTIPLE):
            yield f"{event.event_code} has the CommandKey {event.command_key!r}"
    for code in sorted({code for code in codes if codes.count(code) > 1 and not code.startswith(_MULTIPLE)}):
        yield f"{code} comes {codes.count(code)} times"
    for code, companion in _COMPANIONS.items():
        if code in codes and companion not in codes:
            yield f"{code} comes without {companion}"
    names = [parameter.name for parameter in inform.parameter_list]
    if len(set(names)) < len(names):
        yield "a parameter comes twice"
    missing = [name for name in _FORCED_PARAMETERS if name not in names]
    if missing and any(name.startswith("Device.") for name in names):
        yield f"an Inform must hold {', '.join(missing)}"


def _request_departures(request: CpeRequest, inform: Inform) -> Iterator[str]:
    code = _EVENT_OF_REQUEST.get(type(request))
    if code is not None and code not in {event.event_code for event in inform.event}:
        yield f"{type(request).__name__} after an Inform without {code}"
    if isinstance(request, TransferComplete | DUStateChangeComplete) and request.command_key not in {
        event.command_key for event in inform.event if event.event_code.startswith(_MULTIPLE)
    }:
        yield f"{type(request).__name__} for {request.command_key!r}, of which the Inform says nothing"
