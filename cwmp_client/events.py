"""The events of a CPE: which merge, what delivers each, and what an undelivered one survives.

An event is in the queue from the moment it happened until the answer that delivers it has arrived. While a
session runs, those in its Inform are *carried*: an equal event that happens meanwhile is one more, since the
ACS may have read before it happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from msgspec import Struct

from cwmp_client.messages import (
    AutonomousDUStateChangeComplete,
    AutonomousTransferComplete,
    CpeRequest,
    DUStateChangeComplete,
    EventCode,
    EventStruct,
    Inform,
    Kicked,
    RequestDownload,
    TransferComplete,
)

MAX_EVENTS_PER_INFORM = 64
"""Source: TR-069 A.3.3.1"""


class Retention(Enum):
    """How long an undelivered event is kept. Source: TR-069 3.7.1.5"""

    NEVER_DISCARD = "never discard"
    UNTIL_REBOOT = "retry until reboot"
    MUST_NOT_RETRY = "must not retry"


class EventRule(Struct, frozen=True):
    """One row of the event table.

    A single event is at most once in an Inform; multiple ones each have a CommandKey. `delivered_by` is the
    request whose answer delivers the event.
    """

    multiple: bool
    delivered_by: type[CpeRequest]
    retention: Retention


def _single(delivered_by: type[CpeRequest], retention: Retention) -> EventRule:
    return EventRule(multiple=False, delivered_by=delivered_by, retention=retention)


def _multiple(delivered_by: type[CpeRequest]) -> EventRule:
    return EventRule(multiple=True, delivered_by=delivered_by, retention=Retention.NEVER_DISCARD)


# Unverified, and chosen so that no event is lost which the ACS may wait for: that 5, 9, 13 and 14 are kept
# until a reboot (9 and 5 "may" be retried), and that 12 is never discarded.
EVENT_RULES: Mapping[str, EventRule] = {
    EventCode.BOOTSTRAP: _single(Inform, Retention.NEVER_DISCARD),
    EventCode.BOOT: _single(Inform, Retention.UNTIL_REBOOT),
    EventCode.PERIODIC: _single(Inform, Retention.NEVER_DISCARD),
    EventCode.SCHEDULED: _single(Inform, Retention.NEVER_DISCARD),
    EventCode.VALUE_CHANGE: _single(Inform, Retention.UNTIL_REBOOT),
    EventCode.KICKED: _single(Kicked, Retention.UNTIL_REBOOT),
    EventCode.CONNECTION_REQUEST: _single(Inform, Retention.MUST_NOT_RETRY),
    EventCode.TRANSFER_COMPLETE: _single(TransferComplete, Retention.NEVER_DISCARD),
    EventCode.DIAGNOSTICS_COMPLETE: _single(Inform, Retention.UNTIL_REBOOT),
    EventCode.REQUEST_DOWNLOAD: _single(RequestDownload, Retention.UNTIL_REBOOT),
    EventCode.AUTONOMOUS_TRANSFER_COMPLETE: _single(AutonomousTransferComplete, Retention.NEVER_DISCARD),
    EventCode.DU_STATE_CHANGE_COMPLETE: _single(DUStateChangeComplete, Retention.NEVER_DISCARD),
    EventCode.AUTONOMOUS_DU_STATE_CHANGE_COMPLETE: _single(
        AutonomousDUStateChangeComplete, Retention.NEVER_DISCARD
    ),
    EventCode.WAKEUP: _single(Inform, Retention.UNTIL_REBOOT),
    EventCode.HEARTBEAT: _single(Inform, Retention.UNTIL_REBOOT),
    EventCode.M_REBOOT: _multiple(Inform),
    EventCode.M_SCHEDULE_INFORM: _multiple(Inform),
    EventCode.M_DOWNLOAD: _multiple(TransferComplete),
    EventCode.M_SCHEDULE_DOWNLOAD: _multiple(TransferComplete),
    EventCode.M_UPLOAD: _multiple(TransferComplete),
    EventCode.M_CHANGE_DU_STATE: _multiple(DUStateChangeComplete),
}
"""The event table. Source: TR-069 3.7.1.5 Table 7"""

_VENDOR_METHOD = _multiple(Inform)
_VENDOR_EVENT = _single(Inform, Retention.UNTIL_REBOOT)


def rule_of(event_code: str) -> EventRule:
    """The rule of an event code; those of vendors are delivered by the Inform."""
    rule = EVENT_RULES.get(event_code)
    if rule is None:
        rule = _VENDOR_METHOD if event_code.startswith("M ") else _VENDOR_EVENT
    return rule


class _Waiting(Struct, eq=False):
    event: EventStruct
    rule: EventRule
    carried: bool = False

    def is_delivered_by(self, request: CpeRequest) -> bool:
        key = getattr(request, "command_key", None)
        return self.rule.delivered_by is type(request) and (
            not self.rule.multiple or self.event.command_key == key
        )


class EventQueue:
    """The undelivered events of one device, oldest first."""

    def __init__(self, events: Iterable[EventStruct] = ()) -> None:
        self._waiting: list[_Waiting] = []
        self.add(events)

    @property
    def waiting(self) -> tuple[EventStruct, ...]:
        """All undelivered events, those of a running session included."""
        return tuple(entry.event for entry in self._waiting)

    def add(self, events: Iterable[EventStruct]) -> None:
        """Add events; a single one merges with an equal one that no running session carries.

        `0 BOOTSTRAP` discards all that were there before it. Whoever keeps requests (TransferComplete, …)
        that deliver such events discards them too.

        Source: TR-069 3.7.1.5
        """
        for event in events:
            if event.event_code == EventCode.BOOTSTRAP:
                self._waiting.clear()
            self._append(_Waiting(event, rule_of(event.event_code)))

    def _append(self, new: _Waiting) -> None:
        merges = not new.rule.multiple and any(
            entry.event == new.event and not entry.carried for entry in self._waiting
        )
        if not merges:
            self._waiting.append(new)

    def open_session(self) -> tuple[EventStruct, ...]:
        """The events for the Inform of a session that opens: 64 at most, the rest waits for the next one.

        When there are more, those that must never be discarded come first. `close_session` ends what this
        begins.
        """
        kept = [entry for entry in self._waiting if entry.rule.retention is Retention.NEVER_DISCARD]
        others = [entry for entry in self._waiting if entry.rule.retention is not Retention.NEVER_DISCARD]
        for entry in (kept + others)[:MAX_EVENTS_PER_INFORM]:
            entry.carried = True
        return tuple(entry.event for entry in self._waiting if entry.carried)

    def tells_of(self, request: CpeRequest) -> bool:
        """Whether the Inform of the running session has all the waiting events that a request delivers."""
        return all(entry.carried for entry in self._waiting if entry.is_delivered_by(request))

    def forget_delivered(self, request: CpeRequest, unanswered: Sequence[CpeRequest] = ()) -> None:
        """Forget what the answer to a request delivers.

        For an Inform those are the events that it carried and that no other request delivers. For another
        request: the oldest M event with its CommandKey, and the single event, unless a request of the same
        type is in `unanswered`, which holds all that this device still has to send.

        Source: TR-069 3.7.1.5
        """
        if isinstance(request, Inform):
            self._waiting = [
                entry for entry in self._waiting if not (entry.carried and entry.rule.delivered_by is Inform)
            ]
            return
        delivered = [entry for entry in self._waiting if entry.is_delivered_by(request)]
        gone = [entry for entry in delivered if entry.rule.multiple][:1]
        if not any(type(other) is type(request) for other in unanswered):
            gone += [entry for entry in delivered if not entry.rule.multiple]
        self._waiting = [entry for entry in self._waiting if entry not in gone]

    def close_session(self) -> None:
        """The session is over, well or not: what it carried and did not deliver waits again, if it may."""
        before, self._waiting = self._waiting, []
        for entry in before:
            if entry.carried and entry.rule.retention is Retention.MUST_NOT_RETRY:
                continue
            entry.carried = False
            self._append(entry)

    def reboot(self) -> None:
        """The device has rebooted: forget what need not survive that. Source: TR-069 3.7.1.5"""
        self._waiting = [entry for entry in self._waiting if entry.rule.retention is Retention.NEVER_DISCARD]

    def to_record(self) -> list[list[str]]:
        """The undelivered events as a JSON value."""
        return [[entry.event.event_code, entry.event.command_key] for entry in self._waiting]

    @classmethod
    def from_record(cls, record: Any) -> EventQueue:
        """The queue of a record after a restart of this process: all but what must not be retried.

        Raises:
            ValueError: it is no such record.
        """
        try:
            events = [EventStruct(str(code), str(key)) for code, key in record]
        except TypeError as error:
            raise ValueError(f"no record of events: {error}") from error
        return cls(
            event for event in events if rule_of(event.event_code).retention is not Retention.MUST_NOT_RETRY
        )
