"""One operation of a device's SoftwareManagement, from the intent to its end, whoever asked for it.

What the device is before is known before it is called, and saved. If the call gets no answer, or the proxier
is killed over it, the operation is searched for: one of the same kind that was not there before is ours; if
there is none, what was to be changed tells whether it has been. It is never called a second time.

The end is seen when OperationIDs does not list the operation any more, and GetOperationInfo tells how it
ended. A device that has restarted may know nothing of it; then again the change tells.

Source: TR-330 4.7.1, 4.7.1.2
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from cwmp_client.messages import Concealing
from translation.actions import Plan
from translation.operations import RETRIES_AFTER_SECONDS, Transfer
from translation.sightings import Seen
from translation.sms import Action, begin
from translation.software_facts import Ended, Facts, Found, Subject, has_changed, look_at

FIRST_LOOK = timedelta(seconds=1)
"""After the call: the last event may have come before the answer that tells the OperationID."""

LONGEST_PAUSE = timedelta(seconds=30)
"""Between two looks at an operation that goes on."""

FIRST_RETRY = timedelta(seconds=5)
"""After our own start, for which the device has to be found again."""

TIME_AFTER_START = timedelta(minutes=5)
"""What is left at least of the time for an operation after our own start, however long we were away."""

NO_ERROR = "Error_None"
OTHER_ERROR = "Error_Other"
NETWORK_ERROR = "Error_Network"
"""These three: the device found nothing wrong, did not say what, could not get the file.

Source: SMS, A_ARG_TYPE_ErrorDescription
"""

ERROR_STATE = "Error"
"""The state of an operation that failed. Source: SMS, A_ARG_TYPE_OperationState"""

APPLICATION = "Application"
"""Source: SMS, A_ARG_TYPE_DUType"""


class Stage(StrEnum):
    """How far an operation is."""

    RELAYING = "relaying"
    """The file is to be made ready for the device; nothing has been called yet."""
    CALLING = "calling"
    """It is to be called, or has been, and not answered."""
    SEARCHING = "searching"
    """Whether the call has reached the device is not known."""
    WATCHING = "watching"


class Ending(StrEnum):
    """How an operation ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The device says so."""
    REFUSED = "refused"
    """The device did not take the call."""
    NOT_FETCHED = "not fetched"
    """The file could not be made ready for the device."""
    NOT_ASKED = "not asked"
    """The device could not be asked at all."""
    NOT_FOUND = "not found"
    """The call went astray, and the device shows nothing of it."""
    ROLLED_BACK = "rolled back"
    """The device has restarted, and is as it was before."""
    FORGOTTEN = "forgotten"
    """The device knows nothing of it any more, and is as it was before."""
    UNKNOWN = "unknown"
    """The device knows nothing of it any more, and does not tell what it has become."""
    OVERDUE = "overdue"
    """It has not ended in time, or the device has not come back."""


TEXTS: Mapping[Ending, str] = {
    Ending.NOT_FOUND: "the call went astray, and the device shows no trace of it{still}",
    Ending.ROLLED_BACK: "the device has restarted and is as before{still}: the change was rolled back",
    Ending.FORGOTTEN: "the device knows nothing of the operation any more and is as before{still}",
    Ending.UNKNOWN: "the device knows nothing of the operation any more, and does not tell what it runs",
}
"""What is said to the ACS where the device says nothing itself."""

SILENT = "the device has not come back in time"
ENDLESS = "the device has not ended the operation in time"
"""These two: of one that is overdue."""


class Wish(Concealing, frozen=True):
    """What is to be called for the ACS."""

    subject: Subject
    url: str = ""
    username: str = ""
    password: str = ""
    relayed: bool = False
    """The proxier fetches the file, and the device has it from there."""
    watched: bool = True
    """Its end is of interest; otherwise it may also be called again."""

    @property
    def transfer(self) -> Transfer:
        """What makes the file ready for the device."""
        return Transfer(self.url, "", self.username, self.password)

    def call(self, url: str) -> Plan[int]:
        """The call, with the URL by which the device gets the file. Source: TR-330 4.7.1.1"""
        action, unit = self.subject.action, str(self.subject.unit)
        match action:
            case Action.INSTALL:
                return begin(action, DUURI=url, DUType=APPLICATION)
            case Action.UPDATE:
                return begin(action, DUID=unit, NewDUURI=url)
            case Action.UNINSTALL:
                return begin(action, DUID=unit)
            case _:
                return begin(action, EUID=unit)


class Result(Struct, frozen=True):
    """What has become of an operation; times are None where it was never at the device."""

    subject: Subject
    ending: Ending
    text: str = ""
    error: str = ""
    """The ErrorDescription of a failed one."""
    code: int = 0
    """The device's error by which it refused, or the fault for which the file could not be fetched."""
    started: datetime | None = None
    completed: datetime | None = None
    before: Facts = field(default_factory=Facts)
    after: Facts = field(default_factory=Facts)
    image_url: str = ""
    image_size: int = 0

    @property
    def is_success(self) -> bool:
        """Whether it did what was asked for."""
        return self.ending is Ending.SUCCEEDED


class Watched(Struct, frozen=True):
    """One operation that is, or may be, under way at the device; see the head of this module."""

    wish: Wish
    before: Facts
    deadline: datetime
    """When it is given up."""
    look_at: datetime
    """When the device is asked next."""
    stage: Stage = Stage.WATCHING
    job: str = ""
    """The number of the job that it is done for; empty: somebody else has asked for it."""
    known: frozenset[int] = frozenset()
    """The operations of the device that are others, as of the call."""
    url: str = ""
    """By which the device gets the file."""
    operation_id: int = -1
    since: datetime | None = None
    """When it was called, or found."""
    started: datetime | None = None
    """When OperationIDs listed it, as far as is known."""
    gone: datetime | None = None
    """When OperationIDs did not list it any more."""
    away: bool = False
    """The device may have gone away since the call."""
    back: datetime | None = None
    """When the device was back."""
    restarted: bool = False
    failures: int = 0
    """How often the device knew nothing of it, since it was called or found."""

    @property
    def subject(self) -> Subject:
        """What it does, and to what."""
        return self.wish.subject

    # -------------------------------------------------------------- what happens

    def found(self, seen: Seen, now: datetime) -> Watched:
        """The device has it under this OperationID; one that was searched for began when it was called."""
        called = self.started if self.stage is Stage.SEARCHING else None
        return replace(
            self,
            stage=Stage.WATCHING,
            operation_id=seen.operation_id,
            since=now,
            started=min(called or seen.since, seen.since),
            gone=seen.gone,
            failures=0,
            look_at=now if seen.gone else min(now + FIRST_LOOK, self.deadline),
        )

    def called(self, now: datetime, time_out: timedelta) -> Watched:
        """It is called now."""
        return replace(self, since=now, started=now, deadline=now + time_out)

    def looked_at(self) -> Watched:
        """The device is asked about it now; what happens meanwhile lets it be asked again."""
        return replace(self, look_at=self.deadline)

    def went_astray(self, now: datetime) -> Watched:
        """The call got no answer."""
        return replace(self, stage=Stage.SEARCHING, look_at=now + FIRST_RETRY)

    def listed(self, operations: Collection[int], now: datetime) -> Watched:
        """OperationIDs lists these operations."""
        if self.stage is not Stage.WATCHING or self.gone or self.operation_id in operations:
            return self
        return replace(self, gone=now, look_at=now)

    def left(self) -> Watched:
        """The device is away."""
        return replace(self, away=True)

    def returned(self, now: datetime, *, restarted: bool) -> Watched:
        """The device is there; after a restart its OperationIDs begin anew."""
        back = now if restarted or self.away else self.back
        known = frozenset() if restarted else self.known
        return replace(
            self,
            away=False,
            back=back,
            restarted=self.restarted or restarted,
            known=known,
            look_at=now,
        )

    def resumed(self, now: datetime) -> Watched:
        """The proxier has restarted: a call that was under way may have reached the device, or not."""
        deadline = max(self.deadline, now + TIME_AFTER_START)
        here = replace(self, deadline=deadline, look_at=now + FIRST_RETRY, away=True)
        if self.stage in {Stage.CALLING, Stage.SEARCHING}:
            return replace(here, stage=Stage.SEARCHING, failures=len(RETRIES_AFTER_SECONDS))
        return here

    # -------------------------------------------------------------- what is asked, and what comes of it

    def look(self, offered: Collection[str], now: datetime) -> Plan[Ended | None]:
        """Ask the device what has become of it; some leave in OperationIDs what is over."""
        return look_at(
            self.operation_id,
            self.subject,
            self.before,
            offered,
            ask_first=not self.gone and not self.restarted,
            believe=now - (self.since or now) < LONGEST_PAUSE,
            restarted=self.restarted,
            by_others=not self.job,
        )

    def is_mine(self, found: Found) -> bool:
        """Whether an operation that was found may be the one that is searched for."""
        return self.subject.is_of(found.info) and found.operation_id not in self.known

    def later(self, now: datetime, *, silent: bool) -> Watched | Result:
        """It goes on, or the device is silent: look again in a while, unless its time is over."""
        if now >= self.deadline:
            return self._result(Ending.OVERDUE, now, text=SILENT if silent else ENDLESS)
        gone = self.gone if silent else None  # an event of the time before the call may have come late
        if self.look_at <= now:
            return replace(self, gone=gone)
        pause = min(max(now - (self.since or now), FIRST_LOOK), LONGEST_PAUSE)
        return replace(self, gone=gone, look_at=min(now + pause, self.deadline))

    def ended(self, ended: Ended, now: datetime) -> Watched | Result:
        """The device has told what has become of it. Source: TR-330 4.7.1.2, Table 3"""
        info = ended.info
        if info is None:
            return self._forgotten(ended, now)
        if info.state != ERROR_STATE and (info.error == NO_ERROR or (info.state and not info.error)):
            return self._result(Ending.SUCCEEDED, now, ended)
        error = info.error if info.error not in {NO_ERROR, ""} else OTHER_ERROR
        return self._result(Ending.FAILED, now, ended, text=info.additional_info or error, error=error)

    def searched(self, after: Facts, now: datetime) -> Watched | Result:
        """The device does not have it, and this is what it was to change.

        A slow one may still begin it, if neither it nor the proxier has restarted since the call.
        """
        if has_changed(self.subject, self.before, after):
            return self._result(Ending.SUCCEEDED, now, Ended(None, after))
        if not self.restarted and (later := self._once_more(now)):
            return later
        return Result(self.subject, Ending.NOT_FOUND, self._text(Ending.NOT_FOUND), before=self.before)

    def refused(self, code: int, text: str) -> Result:
        """The device does not take the call. Source: TR-330 Table 3"""
        return Result(
            self.subject, Ending.REFUSED, f"the device refused: {text}", code=code, before=self.before
        )

    def not_fetched(self, code: int, text: str) -> Result:
        """The file cannot be made ready for the device."""
        return Result(self.subject, Ending.NOT_FETCHED, text, code=code, before=self.before)

    def _forgotten(self, ended: Ended, now: datetime) -> Watched | Result:
        changed = has_changed(self.subject, self.before, ended.after)
        if changed:
            return self._result(Ending.SUCCEEDED, now, ended)
        if changed is None:
            ending = Ending.UNKNOWN
        else:
            ending = Ending.ROLLED_BACK if self.restarted else Ending.FORGOTTEN
        # It may be about to restart, and be another one after that; or it has, and cannot tell yet.
        may_tell = changed is None and (self.before.version or self.before.units is not None)
        if self.restarted and not may_tell:
            return self._result(ending, now, ended)
        return self._once_more(now) or self._result(ending, now, ended)

    def _once_more(self, now: datetime) -> Watched | None:
        """Look again in a while, if that has not been done often enough."""
        if self.failures >= len(RETRIES_AFTER_SECONDS):
            return None
        pause = timedelta(seconds=RETRIES_AFTER_SECONDS[self.failures])
        return replace(self, failures=self.failures + 1, look_at=min(now + pause, self.deadline))

    def _result(
        self, ending: Ending, now: datetime, ended: Ended | None = None, *, text: str = "", error: str = ""
    ) -> Result:
        ended = ended or Ended(None, self.before)
        return Result(
            self.subject,
            ending,
            text or self._text(ending),
            error,
            started=self.started,
            completed=self._completed(now, is_known=ended.info is not None),
            before=self.before,
            after=ended.after,
            image_url=ended.image_url,
            image_size=ended.image_size,
        )

    def _completed(self, now: datetime, *, is_known: bool) -> datetime:
        """When it left OperationIDs, or if no event told that, when the device was back.

        Source: TR-330 4.7.1.2
        """
        if self.restarted and self.back and not is_known:
            return min(self.back, self.gone or self.back)
        return self.gone or self.back or now

    def _text(self, ending: Ending) -> str:
        still = f", at version {self.before.version}" if self.before.version else ""
        return TEXTS.get(ending, "").format(still=still)
