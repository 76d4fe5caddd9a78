"""What a device must still tell its ACS: events, requests, changed values; and who that ACS is.

All of it is one record of the journal, so that what belongs together is saved together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cwmp_client import soap
from cwmp_client.device_log import DeviceLog
from cwmp_client.events import EventQueue, Retention, rule_of
from cwmp_client.messages import CpeRequest, EventCode, EventStruct, Inform, ParameterValueStruct
from cwmp_client.parameters import Journal

logger = logging.getLogger(__name__)

RECORD = "outbox"
"""The name of the record in the journal."""


class Carried(NamedTuple):
    """What one session carries to the ACS."""

    events: tuple[EventStruct, ...]
    requests: tuple[CpeRequest, ...]
    changes: Mapping[str, ParameterValueStruct]


class _Saved(NamedTuple):
    """A record of the outbox, read."""

    events: EventQueue
    requests: list[CpeRequest]
    changes: dict[str, ParameterValueStruct]
    scheduled: list[tuple[float, str]]
    acs_url: str | None
    connection_request_url: str | None


class Outbox:
    """The outbox of one device. What is changed here is lost in a power cut until `save` has returned.

    Args:
        journal: where it is saved.
        records: what was saved before; a damaged outbox counts as none.
        log: for what is wrong with that.
    """

    def __init__(
        self, journal: Journal, records: Mapping[str, Any], log: logging.Logger | DeviceLog = logger
    ) -> None:
        self._journal = journal
        self._saved: Any = records.get(RECORD) or {}
        self._saving = asyncio.Lock()
        try:
            saved = _read(self._saved)
        except (AttributeError, TypeError, ValueError) as error:
            log.warning("the record %r is damaged, and left out: %s", RECORD, error)
            saved = _read({})
        self._events = saved.events
        self._requests = saved.requests
        self._drop_undeliverable()
        self._changes = saved.changes
        self._carried_changes: dict[str, ParameterValueStruct] = {}
        self._scheduled = saved.scheduled
        self.acs_url: str | None = saved.acs_url
        """The ACS that has been, or is to be, told `0 BOOTSTRAP`; None for a new device."""
        self.connection_request_url: str | None = saved.connection_request_url
        """The ConnectionRequestURL that the ACS knows, or is to be told."""

    @property
    def waiting(self) -> tuple[EventStruct, ...]:
        """The events not yet delivered."""
        return self._events.waiting

    @property
    def scheduled(self) -> Sequence[tuple[float, str]]:
        """The ScheduleInforms still to come: when (seconds since 1970), and the CommandKey."""
        return self._scheduled

    def add(self, events: Iterable[EventStruct], requests: Iterable[CpeRequest] = ()) -> bool:
        """Add events and their requests; returns whether there is one that was not waiting already."""
        events = tuple(events)
        before = self._events.waiting
        if any(event.event_code == EventCode.BOOTSTRAP for event in events):
            self._requests.clear()
            self._changes.clear()
            self._carried_changes.clear()
        self._events.add(events)
        self._requests.extend(requests)
        return self._events.waiting != before

    def note_change(self, value: ParameterValueStruct) -> None:
        """Mention a new value in the next Inform; that alone opens no session."""
        self._changes[value.name] = value

    def schedule_inform(self, due: float, command_key: str) -> None:
        """Keep a ScheduleInform until it is due."""
        self._scheduled = sorted([*self._scheduled, (due, command_key)])

    def take_due(self, now: float) -> bool:
        """Turn what is due of the ScheduleInforms into events; returns whether there was any."""
        keys = [key for due, key in self._scheduled if due <= now]
        self._scheduled = self._scheduled[len(keys) :]
        for key in keys:
            self.add((EventStruct(EventCode.SCHEDULED), EventStruct(EventCode.M_SCHEDULE_INFORM, key)))
        return bool(keys)

    def meet(self, url: str) -> bool:
        """Take note of who the ACS is; a new one is to be told `0 BOOTSTRAP`. Returns whether it is new."""
        if url == self.acs_url:
            return False
        self.acs_url = url
        self.add((EventStruct(EventCode.BOOTSTRAP),))
        return True

    def open_session(self) -> Carried:
        """What a session that opens now carries."""
        if self._changes and not any(event.event_code == EventCode.VALUE_CHANGE for event in self.waiting):
            self._events.add((EventStruct(EventCode.VALUE_CHANGE),))
        events = self._events.open_session()
        # What belongs to an event that the Inform has no room for is told in the next session, with it.
        if any(event.event_code == EventCode.VALUE_CHANGE for event in events):
            self._carried_changes, self._changes = self._changes, {}
        requests = tuple(request for request in self._requests if self._events.tells_of(request))
        return Carried(events, requests, self._carried_changes)

    def inform_delivered(self, inform: Inform) -> None:
        """The InformResponse is there."""
        self._carried_changes = {}
        self._events.forget_delivered(inform)

    def request_answered(self, request: CpeRequest) -> None:
        """A request has its answer, be it a fault."""
        if request in self._requests:
            self._requests.remove(request)
        self._events.forget_delivered(request, self._requests)

    def close_session(self) -> None:
        """The session is over, well or not: what was not delivered waits again, if it may."""
        self._changes = {**self._carried_changes, **self._changes}
        self._carried_changes = {}
        self._events.close_session()
        self._drop_undeliverable()

    def reboot(self) -> None:
        """The device has rebooted: discard what does not survive that."""
        self._events.reboot()
        if not any(event.event_code == EventCode.VALUE_CHANGE for event in self.waiting):
            self._changes.clear()

    def factory_reset(self, url: str) -> None:
        """Discard everything; the ACS is to be told `0 BOOTSTRAP`."""
        self._scheduled = []
        self.acs_url = None
        self.meet(url)

    async def save(self, records: Mapping[str, Any] | None = None) -> None:
        """Save the outbox, and other records of the device with it; writes nothing when nothing changed."""
        async with self._saving:
            record = self._to_record()
            changed = dict(records or {})
            if record != self._saved:
                changed[RECORD] = record
            if changed:
                await self._journal.save(changed)
                self._saved = record

    def _drop_undeliverable(self) -> None:
        """Drop events whose request is not there: no session could ever deliver them."""
        deliverable = {Inform, *map(type, self._requests)}
        lost = [event for event in self.waiting if rule_of(event.event_code).delivered_by not in deliverable]
        if lost:
            logger.warning("events without a request that delivers them are dropped: %s", lost)
            self._events = EventQueue(event for event in self.waiting if event not in lost)

    def _to_record(self) -> dict[str, Any]:
        return {
            "events": [event for event in self._events.to_record() if _is_kept(event[0])],
            "requests": [_write_request(request) for request in self._requests],
            "changes": [list(value) for value in {**self._carried_changes, **self._changes}.values()],
            "scheduled": [list(scheduled) for scheduled in self._scheduled],
            "acs_url": self.acs_url,
            "connection_request_url": self.connection_request_url,
        }


def _is_kept(event_code: str) -> bool:
    return rule_of(event_code).retention is not Retention.MUST_NOT_RETRY


def _read(record: Any) -> _Saved:
    return _Saved(
        EventQueue.from_record(record.get("events", [])),
        _read_requests(record.get("requests", [])),
        {name: ParameterValueStruct(name, *rest) for name, *rest in record.get("changes", [])},
        [(due, key) for due, key in record.get("scheduled", [])],
        record.get("acs_url"),
        record.get("connection_request_url"),
    )


def _write_request(request: CpeRequest) -> str:
    return soap.encode(request, namespace=soap.NAMESPACES["1.4"], header=soap.Header()).decode()


def _read_requests(record: Iterable[str]) -> list[CpeRequest]:
    requests: list[CpeRequest] = []
    for envelope in record:
        try:
            message = soap.decode(envelope.encode()).message
        except soap.SoapError as error:
            logger.warning("a saved request cannot be read and is dropped: %s", error)
            continue
        if isinstance(message, CpeRequest):
            requests.append(message)
        else:
            logger.warning("a saved request cannot be read and is dropped: %s", message)
    return requests
