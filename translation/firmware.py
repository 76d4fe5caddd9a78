"""Updates of a device's firmware that the ACS asks for: what may be asked for, and what it is told.

Source: TR-330 4.7.1.1, 4.7.1.2, Table 3; TR-069 A.3.2.8, A.3.3.2
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Self

from msgspec.structs import replace

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import (
    UNKNOWN_TIME,
    AllQueuedTransferStruct,
    Concealing,
    Download,
    EventCode,
    EventStruct,
    FaultStruct,
    TransferComplete,
)
from translation.errors import OPERATION_ERRORS, UPDATE_ERRORS, fault_code
from translation.files import RelayMode, check_url
from translation.operations import Report
from translation.sms import FIRMWARE, Action
from translation.software_facts import Subject
from translation.software_operation import NETWORK_ERROR, Ending, Result, Wish
from translation.units import KnownUnits

FILE_TYPE = "1 Firmware Upgrade Image"
"""The one type of file that a device takes. Source: TR-330 4.7.1.1"""

MAX_QUEUED_TRANSFERS = 16
"""Source: TR-069 A.4.1.7, which lists no more"""

MAX_COMMAND_KEY = 32
MAX_LENGTH = 256
"""Of URL, Username, Password and the other texts, in characters. Source: TR-069 A.3.2.8"""

WINDOW = timedelta(hours=1)
"""A transfer begins at most so long after its delay. Source: TR-069 A.3.2.8"""

MAX_FAULT_STRING = 256
"""In characters. Source: TR-069 A.3.3.2"""

TRANSFER_FAULTS = frozenset({9001, 9002, 9010, 9011, 9012, *range(9014, 9021)})
"""What a TransferComplete may say. Source: TR-069 A.3.3.2"""

_FAULTS: Mapping[Ending, FaultCode] = {
    Ending.NOT_ASKED: FaultCode.TRANSFER_FAILURE,
    Ending.NOT_FOUND: FaultCode.INTERNAL_ERROR,
    Ending.ROLLED_BACK: FaultCode.TRANSFER_FAILURE,
    Ending.FORGOTTEN: FaultCode.TRANSFER_FAILURE,
    Ending.UNKNOWN: FaultCode.TRANSFER_FAILURE,
    Ending.OVERDUE: FaultCode.TRANSFER_FAILURE,
}
"""What the ends that TR-330 has no row for are to the ACS."""


class FirmwareDownload(Concealing, frozen=True, tag_field="kind", tag="firmware"):
    """A Download of the ACS that no TransferComplete has reported yet."""

    number: str
    """Tells it from other jobs of the device."""
    command_key: str
    url: str
    due: datetime
    expires: datetime
    """When it is given up if the device cannot be asked."""
    username: str = ""
    password: str = ""
    file_size: int = 0
    relay: RelayMode = RelayMode.AUTO
    relayed: bool = False
    waits_for_session: bool = True
    result: Result | None = None

    @property
    def wish(self) -> Wish | None:
        """What is to be called for it, if anything is left. Source: TR-330 4.7.1.1"""
        if self.result:
            return None
        return Wish(
            Subject(Action.UPDATE, FIRMWARE), self.url, self.username, self.password, relayed=self.relayed
        )

    def concluded(self, result: Result, known: KnownUnits) -> tuple[Self, KnownUnits]:
        """What it is once its wish was carried out, or not: only the proxier may be able to get the image."""
        if result.error == NETWORK_ERROR and self.relay is RelayMode.AUTO and not self.relayed:
            return replace(self, relayed=True), known
        return replace(self, result=result), known

    def reports(self) -> tuple[Report, ...]:
        """What the ACS is told in the end. Source: TR-330 4.7.1.2"""
        if self.result is None:
            return ()
        events = (
            EventStruct(EventCode.TRANSFER_COMPLETE),
            EventStruct(EventCode.M_DOWNLOAD, self.command_key),
        )
        fault = transfer_fault(self.result)
        times = (utc(self.result.started), utc(self.result.completed))
        return (Report(events, (TransferComplete(self.command_key, fault, *times),)),)

    def queued(self, *, in_progress: bool) -> AllQueuedTransferStruct:
        """Itself in the answer of GetAllQueuedTransfers. Source: TR-069 A.4.1.7"""
        return AllQueuedTransferStruct(
            self.command_key,
            2 if in_progress else 1,
            is_download=True,
            file_type=FILE_TYPE,
            file_size=self.file_size,
            target_file_name="",
        )


def begin_download(
    request: Download, offered: Collection[str], relay: RelayMode, *, number: str, queued: int, now: datetime
) -> FirmwareDownload:
    """The job that a Download makes; `queued` transfers of the device are not over yet.

    Raises:
        CwmpFault: 9001 for a device whose firmware cannot be updated, 9010 for a file that is no firmware,
            9013 for a URL of another protocol than HTTP, 9003 for one that is none or has a user in it and
            for texts that are too long, 9012 where nobody could log in, 9004 when too many are queued.

    Source: TR-330 4.7.1.1, TR-069 A.3.2.8
    """
    if Action.UPDATE not in offered:
        raise CwmpFault(FaultCode.REQUEST_DENIED, "the device has no action to update its firmware")
    if " ".join(request.file_type.split()) != FILE_TYPE:
        raise CwmpFault(
            FaultCode.TRANSFER_FAILURE, f"a device takes no file of the type {request.file_type[:64]!r}"
        )
    check_url(request.url, MAX_LENGTH)
    _check_lengths(request)
    relayed = relay.relays(request.username)
    if queued >= MAX_QUEUED_TRANSFERS:
        raise CwmpFault(FaultCode.RESOURCES_EXCEEDED, f"{queued} transfers are queued already")
    due = now + timedelta(seconds=request.delay_seconds)
    return FirmwareDownload(
        number,
        request.command_key,
        request.url,
        due,
        due + WINDOW,
        request.username,
        request.password,
        request.file_size,
        relay,
        relayed=relayed,
    )


def _check_lengths(request: Download) -> None:
    texts = {
        "Username": request.username,
        "Password": request.password,
        "TargetFileName": request.target_file_name,
        "SuccessURL": request.success_url,
        "FailureURL": request.failure_url,
    }
    too_long = [name for name, text in texts.items() if len(text) > MAX_LENGTH]
    if len(request.command_key) > MAX_COMMAND_KEY:
        too_long.append("CommandKey")
    if too_long:
        raise CwmpFault(FaultCode.INVALID_ARGUMENTS, f"{' and '.join(too_long)} too long")


def transfer_fault(result: Result) -> FaultStruct:
    """How an update of the firmware ended, as TransferComplete says it. Source: TR-330 Table 3"""
    match result.ending:
        case Ending.SUCCEEDED:
            return FaultStruct()
        case Ending.FAILED:
            code = OPERATION_ERRORS.get(result.error) or FaultCode.REQUEST_DENIED
        case Ending.REFUSED:
            code = UPDATE_ERRORS.get(result.code) or fault_code(result.code)
            code = code if code in TRANSFER_FAULTS else FaultCode.REQUEST_DENIED
        case Ending.NOT_FETCHED:
            is_said = result.code in TRANSFER_FAULTS
            code = FaultCode(result.code) if is_said else FaultCode.TRANSFER_FAILURE
        case _:
            code = _FAULTS[result.ending]
    return FaultStruct(code, result.text[:MAX_FAULT_STRING])


def utc(time: datetime | None) -> str:
    """A time as CWMP wants it, in seconds."""
    return UNKNOWN_TIME if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
