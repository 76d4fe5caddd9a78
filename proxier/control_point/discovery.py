"""Who is there: a tracker of SSDP messages by UDN.

The tracker does no I/O and reads no clock: messages and the time go in, news come out, and `next_due` says
when to call `due`. A device is there as long as one of its places (a location and the address it was
announced from) has neither expired nor said goodbye. A byebye takes effect after `GRACE_SECONDS` only,
since several stacks send one at their start, just before the first alive.

What a device said before it left (its BOOTID, and that it was about to reboot) is remembered until it is
back, also when that byebye was the first thing ever heard of it.

All that hostile neighbours can do is bounded: places must point at the address that sent the message, a
byebye counts only from an address that the device was announced from, and a flood of new UDNs displaces only
devices that have not been taken yet (`keep`). Source: UDA 1.1 1.2; TR-330 4.1.1, 4.2.1
"""

from __future__ import annotations

import heapq
import math
from enum import Enum, auto
from typing import Final

from msgspec import Struct, field

from proxier.control_point.ssdp import Kind, SsdpMessage
from translation.actions import AboutTo

GRACE_SECONDS: Final = 4.0
"""From a byebye until the device counts as gone, unless an alive follows."""
LATE_ANSWER_SECONDS: Final = 1.0
"""From a byebye until an answer to a search counts again: it comes to another socket, and may be older."""
DEFAULT_MAX_AGE: Final = 1800
"""Seconds, where CACHE-CONTROL is missing."""
LONGEST_MAX_AGE: Final = 7 * 86400
"""Seconds."""
MAXIMUM_CANDIDATES: Final = 2048
"""UDNs not taken yet; the oldest is forgotten when another comes."""
MAXIMUM_KEPT: Final = 4096
MAXIMUM_DEPARTED: Final = 4096
MAXIMUM_PLACES: Final = 4
"""Per UDN."""
_SPARE_DEADLINES: Final = 1000
"""Entries of the queue that may be out of date before it is made anew."""


class News(Enum):
    """What happened to a UDN."""

    FOUND = auto()
    """It is there: for the first time, or again."""
    RESTARTED = auto()
    """It is there and has restarted: its BOOTID changed without an update, or it had announced it."""
    UPDATED = auto()
    """Its BOOTID changed by an update, or the place in use is gone and it is still there at another one."""
    RECONFIGURED = auto()
    """Its CONFIGID changed: the description is to be read again."""
    RETURNED = auto()
    """It said byebye and was back at once, as some stacks do at their start: it may have restarted."""
    LEFT = auto()


class Sighting(Struct, frozen=True):
    """News of one UDN (in lower case, as everywhere in the tracker)."""

    udn: str
    news: News
    about_to: frozenset[AboutTo] = frozenset()
    """With `RESTARTED` and `LEFT`: what it announced."""
    reason: str = ""
    """With `LEFT`: why."""
    displaced: str = ""
    """With a first sight: the UDN that was forgotten to make room for it."""


class _Place(Struct):
    address: str
    expires: float
    leaves: float = math.inf

    @property
    def ends(self) -> float:
        return min(self.expires, self.leaves)


class _Trace(Struct):
    places: dict[str, _Place] = field(default_factory=dict)
    boot_id: int | None = None
    former_boot_id: int | None = None
    """The BOOTID before the last update: a message sent before it may arrive after it."""
    config_id: int | None = None
    server: str = ""
    about_to: frozenset[AboutTo] = frozenset()
    deadline: float = math.inf
    """The one entry of the queue that counts for it; entries are not taken out when they are put off."""


class _Departed(Struct, frozen=True):
    boot_id: int | None = None
    about_to: frozenset[AboutTo] = frozenset()


class Tracker:
    """Devices by UDN; see the module."""

    def __init__(self) -> None:
        self._traces: dict[str, _Trace] = {}
        self._candidates: dict[str, None] = {}
        self._departed: dict[str, _Departed] = {}
        self._deadlines: list[tuple[float, str]] = []

    def __contains__(self, udn: str) -> bool:
        return udn in self._traces

    def receive(self, message: SsdpMessage, source: str, now: float) -> Sighting | None:
        """Take a message that `source` sent; `now` in seconds of any clock that never goes back.

        Its location must have been checked to point at `source`.
        """
        if message.kind is Kind.BYEBYE:
            self._byebye(message, source, now)
            return None
        if not message.location:
            return None
        trace = self._traces.get(message.udn)
        if trace is None:
            return self._first_sight(message, source, now)
        if message.is_answer and _left_just_now(trace, source, now):
            return None
        was_leaving = any(p.address == source and p.leaves < math.inf for p in trace.places.values())
        self._refresh(message.udn, trace, message, source, now)
        return self._compare(message.udn, trace, message, was_leaving=was_leaving)

    def due(self, now: float) -> list[Sighting]:
        """Let go of what has ended by now."""
        news = []
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, udn = heapq.heappop(self._deadlines)
            trace = self._traces.get(udn)
            if trace is None or trace.deadline != deadline:
                continue
            trace.deadline = math.inf
            if sighting := self._expire(udn, trace, now):
                news.append(sighting)
        return news

    def next_due(self) -> float | None:
        """When `due` may have something to say; None for never."""
        return self._deadlines[0][0] if self._deadlines else None

    def keep(self, udn: str) -> None:
        """Say that the device has been taken, so that no flood displaces it."""
        trace = self._traces.get(udn)
        if trace is not None and len(self._traces) - len(self._candidates) < MAXIMUM_KEPT:
            self._candidates.pop(udn, None)

    def forget(self, udn: str) -> None:
        """Let go of a device that does not answer; the next message of it is a first sight again."""
        trace = self._traces.pop(udn, None)
        if trace is not None:
            self._candidates.pop(udn, None)
            self._remember_departed(udn, trace)

    def locations(self, udn: str) -> dict[str, str]:
        """The locations of a device, each with the address it was announced from; the oldest first."""
        trace = self._traces.get(udn)
        return {url: place.address for url, place in trace.places.items()} if trace else {}

    def avoid(self, udn: str, location: str) -> None:
        """Put a location that failed behind the others."""
        trace = self._traces.get(udn)
        if trace is not None and location in trace.places:
            trace.places[location] = trace.places.pop(location)

    def boot_id(self, udn: str) -> int | None:
        """Its BOOTID.UPNP.ORG, if it sends one."""
        trace = self._traces.get(udn)
        return trace.boot_id if trace else None

    def server(self, udn: str) -> str:
        """Its SERVER header."""
        trace = self._traces.get(udn)
        return trace.server if trace else ""

    def about_to(self, udn: str) -> frozenset[AboutTo]:
        """What it announced in a byebye since it was last seen."""
        trace = self._traces.get(udn)
        return trace.about_to if trace else frozenset()

    def _first_sight(self, message: SsdpMessage, source: str, now: float) -> Sighting:
        displaced = ""
        if len(self._candidates) >= MAXIMUM_CANDIDATES:
            displaced = next(iter(self._candidates))
            del self._candidates[displaced], self._traces[displaced]
        self._candidates[message.udn] = None
        trace = self._traces[message.udn] = _Trace(boot_id=message.boot_id, config_id=message.config_id)
        self._refresh(message.udn, trace, message, source, now)
        if message.kind is Kind.UPDATE and message.next_boot_id is not None:
            trace.boot_id, trace.former_boot_id = message.next_boot_id, message.boot_id
        before = self._departed.pop(message.udn, _Departed())
        if before.about_to or _differ(before.boot_id, message.boot_id):
            return Sighting(message.udn, News.RESTARTED, before.about_to, displaced=displaced)
        return Sighting(message.udn, News.FOUND, displaced=displaced)

    def _refresh(self, udn: str, trace: _Trace, message: SsdpMessage, source: str, now: float) -> None:
        max_age = (
            DEFAULT_MAX_AGE if message.max_age is None else max(1, min(message.max_age, LONGEST_MAX_AGE))
        )
        expires = now + max_age
        for place in trace.places.values():
            if place.address == source:
                place.leaves = math.inf
        trace.server = message.server or trace.server
        known = trace.places.get(message.location)
        if known is not None:
            known.expires = expires
        elif len(trace.places) < MAXIMUM_PLACES:
            trace.places[message.location] = _Place(source, expires)
        self._schedule(udn, trace)

    def _compare(
        self, udn: str, trace: _Trace, message: SsdpMessage, *, was_leaving: bool
    ) -> Sighting | None:
        if message.kind is Kind.UPDATE:
            if message.next_boot_id in (None, trace.boot_id):
                return None
            trace.former_boot_id, trace.boot_id = trace.boot_id, message.next_boot_id
            return Sighting(udn, News.UPDATED)
        rebooted = _differ(trace.boot_id, message.boot_id) and message.boot_id != trace.former_boot_id
        reconfigured = _differ(trace.config_id, message.config_id)
        if rebooted or trace.boot_id is None:
            trace.boot_id, trace.former_boot_id = message.boot_id, None
        if message.config_id is not None:
            trace.config_id = message.config_id
        if trace.about_to or rebooted:
            about_to, trace.about_to = trace.about_to, frozenset()
            return Sighting(udn, News.RESTARTED, about_to)
        if reconfigured:
            return Sighting(udn, News.RECONFIGURED)
        return Sighting(udn, News.RETURNED) if was_leaving else None

    def _byebye(self, message: SsdpMessage, source: str, now: float) -> None:
        trace = self._traces.get(message.udn)
        if trace is None:
            if message.about_to:
                before = self._departed.get(message.udn, _Departed())
                self._remember(message.udn, _Departed(before.boot_id, before.about_to | message.about_to))
            return
        left = [place for place in trace.places.values() if place.address == source]
        for place in left:
            place.leaves = min(place.leaves, now + GRACE_SECONDS)
        if left:
            trace.about_to |= message.about_to
            self._schedule(message.udn, trace)

    def _expire(self, udn: str, trace: _Trace, now: float) -> Sighting | None:
        in_use = next(iter(trace.places))
        ended = {url: place for url, place in trace.places.items() if place.ends <= now}
        for url in ended:
            del trace.places[url]
        if trace.places:
            self._schedule(udn, trace)
            return Sighting(udn, News.UPDATED) if in_use in ended else None
        said_so = any(place.leaves <= now for place in ended.values())
        self.forget(udn)
        reason = "it said ssdp:byebye" if said_so else "its advertisement expired"
        return Sighting(udn, News.LEFT, trace.about_to, reason)

    def _schedule(self, udn: str, trace: _Trace) -> None:
        ends = min(place.ends for place in trace.places.values())
        if ends >= trace.deadline:
            return
        trace.deadline = ends
        if len(self._deadlines) > 2 * len(self._traces) + _SPARE_DEADLINES:
            self._deadlines = [(t.deadline, u) for u, t in self._traces.items() if u != udn]
            heapq.heapify(self._deadlines)
        heapq.heappush(self._deadlines, (ends, udn))

    def _remember_departed(self, udn: str, trace: _Trace) -> None:
        if trace.about_to or trace.boot_id is not None:
            self._remember(udn, _Departed(trace.boot_id, trace.about_to))

    def _remember(self, udn: str, departed: _Departed) -> None:
        self._departed.pop(udn, None)
        while len(self._departed) >= MAXIMUM_DEPARTED:
            del self._departed[next(iter(self._departed))]
        self._departed[udn] = departed


def _left_just_now(trace: _Trace, source: str, now: float) -> bool:
    return any(
        place.address == source and place.leaves - GRACE_SECONDS > now - LATE_ANSWER_SECONDS
        for place in trace.places.values()
        if place.leaves < math.inf
    )


def _differ(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and before != after
