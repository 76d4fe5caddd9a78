"""What happened to each device, and whether the ACS was told of it as the event table says.

An Inform counts as surely delivered when the device went on with the session, and as perhaps delivered when
the ACS has answered it: the device may have read the answer and found the connection closed after that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cwmp_client.messages import EventCode, EventStruct
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_transcript import Exchange
from tests.proxier.ledger import Ledger, Telling

WATCHED, UPNP_WATCHED = "Device.Time.NTPServer1", "/BBF/Time/NTPServer1"

NOTICED_WITHIN = timedelta(seconds=15)
"""Of two things that happened, the earlier has its own Inform if that came so much later than it happened."""


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Book:
    """What happened to one device, and when."""

    boots: list[datetime] = field(default_factory=list)
    resets: list[datetime] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    """The values that the device itself gave to the watched parameter, each unlike all others.

    Only the last one has to be told: changes merge, one before the ACS asked for notification is no event, a
    reboot discards them, and a device that loses events shows them with its next one.
    """
    scheduled: dict[str, datetime] = field(default_factory=dict)
    """The CommandKeys of the ScheduleInforms that were answered well, and when."""
    knocks: int = 0
    """Connection requests that were accepted."""

    def last_change_told(self, told: Sequence[Telling]) -> bool:
        """Whether the ACS knows, perhaps without the device's knowing that it does, what the value is."""
        return any(
            telling.received.parameters.get(WATCHED) == self.changes[-1]
            for telling in told
            if telling.confirmed or telling.received.answered
        )


class Books:
    """The books of all devices, and what is wrong with them in the end."""

    def __init__(self, acs: EmbeddedAcs) -> None:
        self._ledger = Ledger(acs)
        self._books: dict[str, Book] = defaultdict(Book)
        self._sent_schedules: Counter[str] = Counter()
        self._acs = acs
        acs.on_exchange(self._note)

    def of(self, device_id: str) -> Book:
        return self._books[device_id]

    def unaware(self) -> list[str]:
        """The devices of whose last change the ACS has not heard."""
        return [
            device_id
            for device_id, book in self._books.items()
            if not book.last_change_told(self._ledger.of(device_id))
        ]

    def delivered(self) -> int:
        """How many events were surely delivered."""
        return sum(
            len(telling.events)
            for device_id in self._books
            for telling in self._ledger.of(device_id)
            if telling.confirmed
        )

    def wrongs(self, periodic_interval: float, duration: float) -> Iterator[str]:
        """Everything that is wrong, once no device has anything left to tell."""
        for device_id, book in sorted(self._books.items()):
            told = self._ledger.of(device_id)
            found = [
                *_boots(EventCode.BOOTSTRAP, book.resets, told),
                *_boots(EventCode.BOOT, book.boots, told),
                *_changes(book, told),
                *_schedules(book, told, self._sent_schedules),
                *_at_most(EventCode.CONNECTION_REQUEST, book.knocks, told),
                *_at_most(EventCode.PERIODIC, int(duration / periodic_interval) + 1, told),
            ]
            yield from (f"{device_id}: {wrong}" for wrong in found)

    def _note(self, exchange: Exchange) -> None:
        if exchange.name == "ScheduleInform":
            self._sent_schedules[exchange.text.rpartition("'")[0].rpartition("'")[2]] += 1
        elif exchange.name == "connection request" and exchange.text.endswith(("200", "204")):
            url = exchange.text.rpartition(" ")[0]
            for device_id, device in self._acs.devices.items():
                if device.parameters.get("Device.ManagementServer.ConnectionRequestURL") == url:
                    self._books[device_id].knocks += 1


def _sure(told: Sequence[Telling], code: str) -> list[datetime]:
    return [telling.received.at for telling in told if telling.confirmed and code in telling.received.events]


def _perhaps(told: Sequence[Telling], code: str) -> list[datetime]:
    return [
        telling.received.at
        for telling in told
        if (telling.confirmed or telling.received.answered) and code in telling.received.events
    ]


def _boots(code: str, happened: Sequence[datetime], told: Sequence[Telling]) -> Iterator[str]:
    """Each has an Inform after it, and no Inform comes without one that no earlier Inform told of."""
    if happened and not any(at > happened[-1] for at in _perhaps(told, code)):
        yield f"{code} of {happened[-1]:%H:%M:%S.%f} was not delivered"
    waiting = list(happened)
    for at in _sure(told, code):
        if not waiting or waiting[0] > at:
            yield f"{code} at {at:%H:%M:%S.%f} tells of nothing new"
            continue
        waiting = [each for each in waiting[1:] if each > at - NOTICED_WITHIN]


def _changes(book: Book, told: Sequence[Telling]) -> Iterator[str]:
    """No value is told twice, nor an older one after a newer one; the last one is told."""
    order = {value: number for number, value in enumerate(book.changes)}
    last = -1
    for telling in told:
        value = telling.received.parameters.get(WATCHED, "")
        if (EventCode.VALUE_CHANGE in telling.received.events) is not bool(value):
            at = f"{telling.received.at:%H:%M:%S.%f}"
            yield f"{EventCode.VALUE_CHANGE} and the value {value!r} at {at} do not go together"
        if value in order and telling.confirmed:
            if order[value] <= last:
                yield f"{value} at {telling.received.at:%H:%M:%S.%f} was told before"
            last = max(last, order[value])
    if not book.last_change_told(told):
        yield f"{book.changes[-1]} was not told"


def _schedules(book: Book, told: Sequence[Telling], sent: Counter[str]) -> Iterator[str]:
    """Each is told of, and not more often than it was asked for."""
    for key, at in book.scheduled.items():
        event = EventStruct(EventCode.M_SCHEDULE_INFORM, key)
        cleared = any(reset > at for reset in book.resets)
        answered = [t for t in told if event in t.events and (t.confirmed or t.received.answered)]
        if not answered and not cleared:
            yield f"{event.event_code} {key} of {at:%H:%M:%S.%f} was not delivered"
    times = Counter(
        event.command_key
        for telling in told
        if telling.confirmed
        for event in telling.events
        if event.event_code == EventCode.M_SCHEDULE_INFORM
    )
    for key, count in times.items():
        if count > sent[key]:
            yield f"M ScheduleInform {key} was delivered {count} times, and asked for {sent[key]} times"


def _at_most(code: str, most: int, told: Sequence[Telling]) -> Iterator[str]:
    count = len(_sure(told, code))
    if count > most:
        yield f"{code} was delivered {count} times, and there was cause for {most}"
