"""The logs of a device: the VendorLogFile table, and the upload of a log as an operation.

A log is known by its LogURI. Its instance number is kept as long as the device lists it, and never used
again. BasicManagement does not tell whether a log survives a reboot: it does when the time of its last change
is the same before and after one. Until that was seen, Persistent is false.

Source: TR-330 4.4
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import (
    UNKNOWN_TIME,
    AllQueuedTransferStruct,
    Concealing,
    EventCode,
    EventStruct,
    FaultStruct,
    TransferComplete,
    Upload,
)
from translation.actions import ActionError, DeviceUnreachable
from translation.bms import LogInfo, log_info
from translation.operations import (
    Cancelled,
    Done,
    Failed,
    Happening,
    Report,
    Returned,
    Run,
    SessionEnded,
    Started,
    Step,
    Transfer,
    WakeAt,
    WasReset,
    Woke,
    retry_wait,
    time_in_record,
    time_of_record,
    worth_another_try,
)
from translation.records import record_of, value_of
from translation.service_parameters import ServiceParameter

LOG_TABLE = "Device.DeviceInfo.VendorLogFile."
LOG_COUNT = "Device.DeviceInfo.VendorLogFileNumberOfEntries"

LOG_ACTIONS = frozenset({"GetLogURIs", "GetLogInfo"})
"""The actions without which a device has no logs for us. Source: TR-330 4.4.1"""

MAX_NAME_LENGTH = 64
"""In characters. Source: TR-181 DeviceInfo.VendorLogFile.{i}.Name"""

MAX_QUEUED_TRANSFERS = 16
"""Source: TR-069 A.4.1.7, which lists no more"""

FIRST_RETRY = timedelta(seconds=5)
"""After our own start, for which the device has to be found again."""

_VENDOR_LOG_FILE = re.compile(r"4 Vendor Log File ([1-9][0-9]{0,8})|2 Vendor Log File")
_REPORTABLE = frozenset({9001, 9002, 9010, 9011, 9012, *range(9014, 9021)})
_NO_TIME = ("", UNKNOWN_TIME)


# ------------------------------------------------------------------ the table


class LogFile(Struct, frozen=True):
    """One row of the table; `max_size` in bytes, 0 when unknown."""

    instance: int
    uri: str
    max_size: int = 0
    last_change: str = ""
    persistent: bool = False

    @property
    def name(self) -> str:
        """Its LogURI, or where that is too long its end and a hash of all."""
        if len(self.uri) <= MAX_NAME_LENGTH:
            return self.uri
        digest = hashlib.sha256(self.uri.encode()).hexdigest()[:16]
        return f"{digest}-{self.uri[-(MAX_NAME_LENGTH - 17) :]}"


class LogFiles(Struct, frozen=True):
    """The logs of a device as they were last read."""

    files: tuple[LogFile, ...] = ()
    next_instance: int = 1
    restarted: bool = False
    """The device has restarted since they were read."""

    def refreshed(self, found: Iterable[LogInfo]) -> LogFiles:
        """What they are, now that the device has told. Source: TR-330 4.4.1"""
        known = {each.uri: each for each in self.files}
        files = []
        instance = self.next_instance
        for info in found:
            old = known.get(info.uri)
            if old is None:
                old = LogFile(instance, info.uri, last_change=info.last_change)
                instance += 1
            survived = self.restarted and info.uri in known and info.last_change == old.last_change
            persistent = old.persistent or (survived and info.last_change not in _NO_TIME)
            is_silent = info == LogInfo(info.uri)  # what it has told before holds
            last = old if is_silent else info
            files.append(LogFile(old.instance, info.uri, last.max_size, last.last_change, persistent))
        return LogFiles(tuple(sorted(files, key=lambda each: each.instance)), instance)

    def after_restart(self) -> LogFiles:
        """What they are, now that the device has restarted."""
        return replace(self, restarted=True)

    def file(self, instance: int | None) -> LogFile | None:
        """The log of an instance number; for None the first one."""
        return next((each for each in self.files if instance in {None, each.instance}), None)

    def parameters(self) -> Iterator[ServiceParameter]:
        """The table and its count, in the order of TR-181."""
        yield ServiceParameter(LOG_COUNT, str(len(self.files)), "unsignedInt")
        yield ServiceParameter(LOG_TABLE)
        for each in self.files:
            row = f"{LOG_TABLE}{each.instance}."
            yield ServiceParameter(row + "Name", each.name, "string")
            yield ServiceParameter(row + "MaximumSize", str(each.max_size), "unsignedInt")
            yield ServiceParameter(row + "Persistent", "true" if each.persistent else "false", "boolean")

    def to_record(self) -> Mapping[str, Any]:
        """Themselves as JSON."""
        return record_of(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The logs that gave the record."""
        return value_of(cls, record)


# ------------------------------------------------------------------ the upload


class Phase(StrEnum):
    """How far an upload is."""

    WAITING = "waiting"
    """For the end of the session, for its delay, or to try again."""
    ASKING = "asking"
    MOVING = "moving"


class LogUpload(Concealing, frozen=True):
    """The upload of one log to the ACS. Source: TR-330 4.4.2"""

    kind: ClassVar[str] = "log upload"

    number: str
    """Tells it from other uploads of the device."""
    command_key: str
    instance: int
    uri: str
    url: str
    due: datetime
    username: str = ""
    password: str = ""
    phase: Phase = Phase.WAITING
    waits_for_session: bool = True
    failures: int = 0
    begun: datetime | None = None

    @property
    def key(self) -> str:
        """See `Operation`."""
        return f"upload/{self.number}"

    def queued(self) -> AllQueuedTransferStruct:
        """Itself in the answer of GetAllQueuedTransfers, where file types are numbered differently.

        Source: TR-069 A.4.1.7
        """
        state = 1 if self.phase is Phase.WAITING else 2
        return AllQueuedTransferStruct(
            self.command_key,
            state,
            is_download=False,
            file_type=f"7 Vendor Log File {self.instance}",
            file_size=0,
            target_file_name="",
        )

    def step(self, happening: Happening, now: datetime) -> Step:  # noqa: PLR0911 - one for each happening
        """See `Operation`."""
        match happening:
            case Done():
                return self._heard(happening.result, now)
            case Failed():
                return self._failed(happening.error, now)
            case SessionEnded() if self.waits_for_session:
                return _go_on(replace(self, waits_for_session=False), now)
            case Woke() | Returned():
                return _go_on(self, now)
            case Started():
                again = max(self.due, now + FIRST_RETRY)
                return replace(self, phase=Phase.WAITING, waits_for_session=False), (WakeAt(again),)
            case Cancelled() | WasReset():
                return None, ()
            case _:
                return self, ()

    def _heard(self, result: object, now: datetime) -> Step:
        if self.phase is Phase.MOVING:
            return self._over(FaultStruct(), now)
        if self.phase is not Phase.ASKING or not isinstance(result, LogInfo):
            return self, ()
        if not result.url:
            return self._over(
                FaultStruct(FaultCode.UPLOAD_FAILURE, "the device tells no URL of the log"), now
            )
        transfer = Transfer(result.url, self.url, self.username, self.password)
        return replace(self, phase=Phase.MOVING, begun=now), (transfer,)

    def _failed(self, error: ActionError | DeviceUnreachable | CwmpFault, now: datetime) -> Step:
        failures = self.failures + 1
        wait = retry_wait(failures)
        if self.phase is Phase.WAITING:
            return self, ()
        if self.phase is Phase.ASKING and worth_another_try(error) and wait:
            return replace(self, phase=Phase.WAITING, failures=failures), (WakeAt(now + wait),)
        code = error.code if isinstance(error, CwmpFault) else FaultCode.UPLOAD_FAILURE
        text = error.text if isinstance(error, CwmpFault) else f"the log cannot be had of the device: {error}"
        return self._over(
            FaultStruct(code if code in _REPORTABLE else FaultCode.UPLOAD_FAILURE, text[:256]), now
        )

    def _over(self, fault: FaultStruct, now: datetime) -> Step:
        """It is done, or has failed, and the ACS has to know. Source: TR-069 A.3.3.2"""
        start_time = _utc(self.begun) if self.begun else UNKNOWN_TIME
        complete_time = UNKNOWN_TIME if fault.fault_code else _utc(now)
        request = TransferComplete(self.command_key, fault, start_time, complete_time)
        events = (
            EventStruct(EventCode.TRANSFER_COMPLETE),
            EventStruct(EventCode.M_UPLOAD, self.command_key),
        )
        return None, (Report(events, (request,)),)

    def to_record(self) -> Mapping[str, Any]:
        """See `Operation`."""
        return {
            **{name: getattr(self, name) for name in ("number", "command_key", "instance", "uri", "url")},
            **{
                name: getattr(self, name)
                for name in ("username", "password", "waits_for_session", "failures")
            },
            "phase": self.phase.value,
            "due": time_in_record(self.due),
            "begun": time_in_record(self.begun),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """See `Operation`."""
        times = {name: time_of_record(record[name]) for name in ("due", "begun")}
        return cls(**{**record, **times, "phase": Phase(record["phase"])})


def _go_on(upload: LogUpload, now: datetime) -> Step:
    """Do what is to be done next, now that it is time for it."""
    if upload.phase is not Phase.WAITING or upload.waits_for_session:
        return upload, ()
    if now < upload.due:
        return upload, (WakeAt(upload.due),)
    return replace(upload, phase=Phase.ASKING), (Run(log_info(upload.uri)),)


def begin_upload(request: Upload, logs: LogFiles, number: str, queued: int, now: datetime) -> LogUpload:
    """The operation that an Upload asks for; `queued` transfers of the device are not over yet.

    Raises:
        CwmpFault: 9011 for anything but a log that is there, 9013 for a URL of another protocol than HTTP,
            9003 for one that is none or has a user in it, 9004 when too many transfers are queued.

    Source: TR-330 4.4.2, TR-069 A.4.1.5
    """
    kind = _VENDOR_LOG_FILE.fullmatch(" ".join(request.file_type.split()))
    if kind is None:
        raise CwmpFault(
            FaultCode.UPLOAD_FAILURE, f"no file of the type {request.file_type!r} can be uploaded"
        )
    log = logs.file(int(kind[1]) if kind[1] else None)
    if log is None:
        raise CwmpFault(FaultCode.UPLOAD_FAILURE, f"the device has no {request.file_type}")
    _check_url(request.url)
    if queued >= MAX_QUEUED_TRANSFERS:
        raise CwmpFault(FaultCode.RESOURCES_EXCEEDED, f"{queued} transfers are queued already")
    return LogUpload(
        number,
        request.command_key,
        log.instance,
        log.uri,
        request.url,
        now + timedelta(seconds=request.delay_seconds),
        request.username,
        request.password,
    )


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        has_user = parts.username is not None or parts.password is not None
        host = parts.hostname if parts.port != 0 else None
    except ValueError as error:
        raise CwmpFault(FaultCode.INVALID_ARGUMENTS, f"this is no URL: {error}") from error
    if parts.scheme not in {"http", "https"}:
        raise CwmpFault(FaultCode.UNSUPPORTED_PROTOCOL, "files go over http and https only")
    if not host or has_user:
        raise CwmpFault(FaultCode.INVALID_ARGUMENTS, "the URL needs a host, and may have no user in it")


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
