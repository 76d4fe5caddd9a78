"""Subscriptions to the events of devices: made, renewed, made again when they are lost.

A subscription renews before half its time, and is made anew when the device does not know it any more, when a
notification is missing (SEQ), or when it could not be renewed in time. Failures are repeated after a growing
pause: a device that has gone silent costs next to nothing. Source: UDA 1.1 4.1
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

from cwmp_client.http_line import LineFailure, Reply
from proxier.control_point.callbacks import CallbackServer
from proxier.control_point.device import ProxiedDevice, ProxiedService
from proxier.control_point.documents import describe
from proxier.control_point.lines import Lines, origin_of
from proxier.rounds import Rounds
from translation.actions import Service, StateChange

ASKED_SECONDS: Final = 1800
UNSAID_SECONDS: Final = 300
"""Where the device does not say how long it grants: the shortest seen in the field."""
LONGEST_SECONDS: Final = 86400
SHORTEST_PAUSE: Final = 1.0
"""Seconds between two requests for one subscription, however short the device grants it."""
LONGEST_REQUEST: Final = 15.0
"""Seconds for one SUBSCRIBE."""
LONGEST_GOODBYE: Final = 2.0
"""Seconds for all UNSUBSCRIBEs at the end."""
FIRST_EVENT_SECONDS: Final = 10.0
"""A device that has sent nothing by then may never do."""
STEADY_SECONDS: Final = 60.0
"""A subscription lost sooner counts as one more failure."""
DOUBT_SECONDS: Final = 30.0
"""For so long a subscription is taken to be known to a device that has confirmed it."""
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 300.0
MOST_EARLY: Final = 8
"""Notifications that may come before the answer to SUBSCRIBE."""
LAST_SEQ: Final = 0xFFFFFFFF

_ASKED: Final = f"Second-{ASKED_SECONDS}"
_TIMEOUT = re.compile(r"second-(\d{1,10}|infinite)", re.IGNORECASE)
_LOGGER = logging.getLogger(__name__)

Changed = Callable[[str, StateChange], bool]
"""Takes a device's UDN and a change; False when it cannot be kept, so that everything must be read anew."""
Doubted = Callable[[str], None]
"""Takes the UDN of a device that did not answer."""


class _Refused(Exception):
    """The device answered, and not as wished."""


class _NoAnswer(Exception):
    """The device did not answer."""


class Subscription:
    """The events of one service of one device."""

    def __init__(self, owner: Eventing, device: ProxiedDevice, service: ProxiedService) -> None:
        self.address = device.address
        self.live = False
        """Whether the first notification has come, and none is known to be missing."""
        self._owner = owner
        self._device = device
        self._service = service
        self._path = ""
        self._sid = ""
        self._last_seq: int | None = None
        self._began = self._ends = self._confirmed = 0.0
        self._failures = 0
        self._is_first_request = True
        self._early: list[tuple[str, int | None, Mapping[str, str]]] = []
        self._lost = ""
        self._said = ""
        self._silence: asyncio.TimerHandle | None = None
        self._is_wanted = True
        self._rounds = Rounds(self._keep)

    def begin(self) -> None:
        """Subscribe, and keep the subscription until `stop`."""
        self._rounds.begin()

    def stop(self) -> None:
        """Keep the subscription no longer; the device may be told so by `unsubscribe`."""
        self._is_wanted = False
        self._rounds.stop()
        self._end()
        self._owner.callbacks.close_path(self._path)

    async def stopped(self) -> None:
        """Stop, and wait for the end of a request that is under way."""
        self.stop()
        await self._rounds.close()

    def is_to(self, device: ProxiedDevice, service: ProxiedService) -> bool:
        """Whether it is to this service at this address."""
        return (device.address, service.event_url) == (self.address, self._service.event_url)

    def renew(self) -> None:
        """Renew at once: the device may have restarted."""
        self._rounds.begin()

    def doubt(self) -> None:
        """Renew unless that was done just now: the device says that it is there, and not since when."""
        if asyncio.get_running_loop().time() > self._confirmed + DOUBT_SECONDS:
            self.renew()

    def notified(self, sid: str, seq: int | None, variables: Mapping[str, str]) -> bool:
        """Take a notification; False when the SID is unknown, or nobody wants it any more.

        One may have been on its way while its device was dropped.
        """
        if not self._is_wanted:
            return False
        if not self._sid:
            if len(self._early) < MOST_EARLY:
                self._early.append((sid, seq, variables))
            return True
        if sid != self._sid:
            return False
        if not self._lost:
            self._take(seq, variables)
        return True

    async def unsubscribe(self) -> None:
        """Tell the device that its events are no longer wanted."""
        sid, self._sid = self._sid, ""
        if sid:
            with suppress(_Refused, _NoAnswer):
                await self._request("UNSUBSCRIBE", {"SID": sid})

    def _take(self, seq: int | None, variables: Mapping[str, str]) -> None:
        expected = 0 if self._last_seq is None else 1 if self._last_seq == LAST_SEQ else self._last_seq + 1
        if seq is None:
            seq = expected
        if seq == self._last_seq:
            return
        if seq != expected:
            self._lose(f"notification {expected} is missing")
            return
        self._last_seq = seq
        self.live = True
        self._said = ""
        change = StateChange(self._service.service, variables, complete=seq == 0)
        if not self._owner.changed(self._device.udn, change):
            self._lose("more notifications than can be handled")

    def _lose(self, reason: str) -> None:
        self.live = False
        self._lost = reason
        self._rounds.begin()

    async def _keep(self) -> float:
        """Subscribe or renew; see `Rounds`."""
        if self._sid:
            return await self._renew() or self._lapse()
        self._began = asyncio.get_running_loop().time()
        try:
            return await self._subscribe()
        except (_Refused, _NoAnswer) as error:
            self._say(f"cannot be had: {error}")
            self._failures += 1
            self._sid = ""
            return self._pause()

    async def _subscribe(self) -> float:
        """Subscribe; returns after how many seconds to renew."""
        self._owner.callbacks.close_path(self._path)
        self._sid, self._last_seq, self._lost, self.live = "", None, "", False
        self._early.clear()
        try:
            self._path, url = self._owner.callbacks.open_path(self)
        except OSError as error:
            raise _NoAnswer(describe(error)) from None
        headers = {"CALLBACK": f"<{url}>", "NT": "upnp:event", "TIMEOUT": _ASKED}
        answer = await self._request("SUBSCRIBE", headers)
        self._sid = answer.first(b"sid").strip()
        if not self._sid:
            raise _Refused("the answer to SUBSCRIBE has no SID")
        for sid, seq, variables in self._early:
            self.notified(sid, seq, variables)
        self._early.clear()
        self._silence = asyncio.get_running_loop().call_later(FIRST_EVENT_SECONDS, self._note_silence)
        return self._grant(answer)

    async def _renew(self) -> float:
        """Renew; returns after how many seconds to do so again, 0: it has ended."""
        if self._lost:
            self._say(f"is made anew: {self._lost}")
            await self.unsubscribe()
            return 0
        try:
            return self._grant(await self._request("SUBSCRIBE", {"SID": self._sid, "TIMEOUT": _ASKED}))
        except _NoAnswer as error:
            self._say(f"cannot be renewed: {error}")
            left = self._ends - asyncio.get_running_loop().time()
            return max(FIRST_PAUSE, left / 2) if left > 0 else 0
        except _Refused as refusal:
            _LOGGER.debug("%s: subscription to %s is gone: %s", self._device, self._service, refusal)
            return 0

    def _grant(self, answer: Reply) -> float:
        granted = _granted(answer.first(b"timeout"))
        self._ends = asyncio.get_running_loop().time() + granted
        return _before_half(granted)

    def _lapse(self) -> float:
        """It is no more; returns after how many seconds to make it anew."""
        self._end()
        self._sid = ""
        held = asyncio.get_running_loop().time() - self._began
        self._failures = 0 if held > STEADY_SECONDS else self._failures + 1
        return 0 if self._failures <= 1 else self._pause()

    def _end(self) -> None:
        self.live = False
        if self._silence is not None:
            self._silence.cancel()

    def _pause(self) -> float:
        return float(min(FIRST_PAUSE * 2 ** min(self._failures - 1, 9), LONGEST_PAUSE))

    async def _request(self, method: str, headers: Mapping[str, str]) -> Reply:
        """Send a request; returns the answer."""
        lines = self._owner.lines
        exchange = lines.over_either if self._takes_the_kept_line() else lines.over_own
        try:
            async with asyncio.timeout(LONGEST_REQUEST):
                reply = await exchange(method, self._service.event_url, headers)
        except TimeoutError:
            self._owner.doubted(self._device.udn)
            raise _NoAnswer(f"no answer to {method} within {LONGEST_REQUEST:g} s") from None
        except LineFailure as failure:
            self._owner.doubted(self._device.udn)
            raise _NoAnswer(str(failure)) from None
        if reply.status != HTTPStatus.OK:
            raise _Refused(f"{method} is answered with HTTP {reply.status}")
        self._confirmed = asyncio.get_running_loop().time()
        return reply

    def _takes_the_kept_line(self) -> bool:
        """Whether to go over the line of the action calls.

        A call may occupy it for long, but the first request comes when there are hardly any.
        """
        is_first, self._is_first_request = self._is_first_request, False
        return is_first and origin_of(self._service.event_url) == origin_of(self._service.control_url)

    def _note_silence(self) -> None:
        if not self.live:
            self._say("was accepted, but no first event comes: its state has to be polled")

    def _say(self, what: str) -> None:
        if what != self._said:
            self._said = what
            _LOGGER.warning("%s: subscription to %s %s", self._device, self._service, what)


class Eventing:
    """The subscriptions of all devices; leaving this context unsubscribes."""

    def __init__(
        self,
        lines: Lines,
        callbacks: CallbackServer,
        changed: Changed,
        doubted: Doubted,
    ) -> None:
        self.lines = lines
        self.callbacks = callbacks
        self.changed = changed
        self.doubted = doubted
        self._running: dict[tuple[str, Service], Subscription] = {}
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        running = self._running.values()
        await asyncio.gather(*(subscription.stopped() for subscription in running))
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_GOODBYE):
                await asyncio.gather(*(subscription.unsubscribe() for subscription in running))

    def follow(self, device: ProxiedDevice) -> None:
        """Subscribe to all services of a device, in place of what there was of it; none at the end.

        To its configuration first: what the others stand for depends on what its data model has.
        """
        self.drop(device.udn)
        for service in sorted(device.services.values(), key=lambda each: each.service is not Service.CMS):
            if service.event_url and not self._closed:
                subscription = Subscription(self, device, service)
                self._running[device.udn, service.service] = subscription
                subscription.begin()

    def is_following(self, device: ProxiedDevice) -> bool:
        """Whether there are subscriptions to all services of a device as it is now."""
        return all(
            (device.udn, entry.service) in self._running
            and self._running[device.udn, entry.service].is_to(device, entry)
            for entry in device.services.values()
            if entry.event_url
        )

    def drop(self, udn: str) -> None:
        """Forget a device's subscriptions; the device is gone, so it is not told."""
        for service in Service:
            subscription = self._running.pop((udn, service), None)
            if subscription is not None:
                subscription.stop()

    async def release(self, udn: str) -> None:
        """End a device's subscriptions; the device is told that nobody wants its events."""
        running = [self._running.get((udn, service)) for service in Service]
        self.drop(udn)
        await asyncio.gather(*(subscription.unsubscribe() for subscription in filter(None, running)))

    def renew(self, udn: str) -> None:
        """Renew a device's subscriptions at once, since it may have lost them."""
        for service in Service:
            if (udn, service) in self._running:
                self._running[udn, service].renew()

    def doubt(self, udn: str) -> None:
        """A device without BOOTID sends ssdp:alive: if it has just started, it knows no subscriptions."""
        for service in Service:
            if (udn, service) in self._running:
                self._running[udn, service].doubt()

    def live(self, udn: str, service: Service) -> bool:
        """Whether the events of a service arrive."""
        return (udn, service) in self._running and self._running[udn, service].live


def _granted(timeout: str) -> float:
    """For how many seconds a subscription is granted; one without end is renewed all the same."""
    said = _TIMEOUT.fullmatch(timeout.strip())
    if said is None:
        return UNSAID_SECONDS
    if said[1].lower() == "infinite":
        return ASKED_SECONDS
    return min(int(said[1]), LONGEST_SECONDS)


def _before_half(granted: float) -> float:
    return max(SHORTEST_PAUSE, granted * random.uniform(0.4, 0.49))  # noqa: S311 - only spreads the load
