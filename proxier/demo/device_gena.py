"""Eventing of the simulated device: subscriptions and their NOTIFY messages. Source: UDA 1.1, 4"""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import Mapping
from html import escape
from http import HTTPStatus

import aiohttp
from aiohttp import web
from yarl import URL

from proxier.demo.device_history import History
from proxier.demo.device_profile import STRAY_BYTES, DeviceProfile
from proxier.demo.device_scpd import DECLARATION

NAMESPACE = "urn:schemas-upnp-org:event-1-0"
FIRST_EVENT_DELAY_SECONDS = 0.05
"""After the answer to SUBSCRIBE: GUPnP loses a first event that comes together with it."""
HIGHEST_SEQ = 2**32 - 1
_TIMEOUT = re.compile(r"Second-(\d{1,10}|infinite)", re.IGNORECASE)


def property_set(variables: Mapping[str, str]) -> bytes:
    """The body of a NOTIFY."""
    properties = "".join(
        f"<e:property><{name}>{escape(value, quote=False)}</{name}></e:property>"
        for name, value in variables.items()
    )
    return f'{DECLARATION}<e:propertyset xmlns:e="{NAMESPACE}">{properties}</e:propertyset>'.encode()


class Subscription:
    """One subscriber of one service: its events go out one after another, on a connection of its own."""

    def __init__(self, callbacks: tuple[str, ...], seconds: int, profile: DeviceProfile) -> None:
        self.sid = f"uuid:{uuid.uuid4()}"
        self.callbacks = callbacks
        self.seq = 0
        self.lose = 0
        """How many of the next events get lost on the way; their SEQ is used up all the same."""
        self.ends_at = 0.0
        self._notify_timeout = aiohttp.ClientTimeout(profile.notify_timeout)
        self._trailer = STRAY_BYTES if profile.untidy else b""
        self._queue: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()
        self._sender: asyncio.Task[None] | None = None
        self.renew(seconds)

    def renew(self, seconds: int) -> None:
        """Counts the duration of the subscription from now."""
        self.ends_at = asyncio.get_running_loop().time() + seconds

    def add(self, variables: Mapping[str, str]) -> None:
        """Takes an event to be sent."""
        self._queue.put_nowait(variables)

    def start(self, delay_seconds: float = 0.0) -> None:
        """Begins to send what was added."""
        self._sender = asyncio.create_task(self._send_all(delay_seconds))

    async def sent(self) -> None:
        """Returns when all that was added is delivered, or given up."""
        await self._queue.join()

    async def end(self) -> None:
        """Stops sending, and closes the connection."""
        if self._sender:
            self._sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sender

    async def _send_all(self, delay_seconds: float) -> None:
        await asyncio.sleep(delay_seconds)
        async with aiohttp.ClientSession(timeout=self._notify_timeout) as session:
            while True:
                variables = await self._queue.get()
                seq, self.seq = self.seq, self.seq + 1 if self.seq < HIGHEST_SEQ else 1
                if self.lose:
                    self.lose -= 1
                else:
                    await self._send(session, seq, variables)
                self._queue.task_done()

    async def _send(self, session: aiohttp.ClientSession, seq: int, variables: Mapping[str, str]) -> None:
        headers = {
            "CONTENT-TYPE": 'text/xml; charset="utf-8"',
            "NT": "upnp:event",
            "NTS": "upnp:propchange",
            "SID": self.sid,
            "SEQ": str(seq),
        }
        body = property_set(variables) + self._trailer
        for callback in self.callbacks:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.request("NOTIFY", callback, data=body, headers=headers) as response:
                    await response.read()
                return


class EventSource:
    """The evented variables of one service, and those who subscribed to them.

    `moderated` names variables with the least seconds between two events; the last value is never lost.
    """

    def __init__(
        self,
        service: str,
        profile: DeviceProfile,
        history: History,
        *,
        evented: frozenset[str],
        moderated: Mapping[str, float],
    ) -> None:
        self.service = service
        self.values: dict[str, str] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self._profile = profile
        self._history = history
        self._evented = evented if profile.eventing else frozenset()
        self._moderated = moderated
        self._may_send_at: dict[str, float] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    def set(self, **values: str) -> None:
        """Gives variables their values; those that changed become one event."""
        changed = [name for name, value in values.items() if self.values.get(name) != value]
        self.values.update(values)
        self._history.wake()
        if not self.subscriptions:
            return
        self._send([name for name in changed if name in self._evented and not self._hold_back(name)])

    def _hold_back(self, name: str) -> bool:
        if name not in self._moderated:
            return False
        if name in self._waiting:
            return True
        loop = asyncio.get_running_loop()
        may_send_at = self._may_send_at.get(name, 0.0)
        if loop.time() < may_send_at:
            self._waiting[name] = loop.call_at(may_send_at, self._release, name)
            return True
        self._may_send_at[name] = loop.time() + self._moderated[name]
        return False

    def _release(self, name: str) -> None:
        del self._waiting[name]
        self._may_send_at[name] = asyncio.get_running_loop().time() + self._moderated[name]
        self._send([name])

    def _send(self, names: list[str]) -> None:
        now = asyncio.get_running_loop().time()
        for subscription in self.subscriptions.values():
            if names and subscription.ends_at > now:
                subscription.add({name: self.values[name] for name in names})

    async def _drop_expired(self) -> None:
        now = asyncio.get_running_loop().time()
        expired = [each for each in self.subscriptions.values() if each.ends_at <= now]
        for subscription in expired:
            del self.subscriptions[subscription.sid]
        for subscription in expired:
            await subscription.end()

    async def sent(self) -> None:
        """Returns when all events so far are delivered, or given up."""
        await asyncio.gather(*(subscription.sent() for subscription in list(self.subscriptions.values())))

    async def close(self) -> None:
        """Forgets all subscriptions, without a word to the subscribers."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
        forgotten = list(self.subscriptions.values())
        self.subscriptions.clear()
        for subscription in forgotten:
            await subscription.end()

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        """Answers SUBSCRIBE, for a first time and for a renewal."""
        if "SID" in request.headers:
            return self._renew(request)
        callbacks = _callbacks(request)
        if request.headers.get("NT") != "upnp:event" or not callbacks:
            return web.Response(status=HTTPStatus.PRECONDITION_FAILED)
        await self._drop_expired()
        seconds = self._granted(request)
        subscription = Subscription(callbacks, seconds, self._profile)
        self.subscriptions[subscription.sid] = subscription
        subscription.add({name: self.values[name] for name in sorted(self._evented)})
        self._history.add(f"SUBSCRIBE {self.service}")
        if self._profile.events_overtake_answers:
            subscription.start()
            await subscription.sent()
            return _granting(subscription, seconds)
        response = _granting(subscription, seconds)
        with contextlib.suppress(ConnectionError):  # who subscribed may have hung up
            await response.prepare(request)
            await response.write_eof()
        subscription.start(FIRST_EVENT_DELAY_SECONDS)
        return response

    def _renew(self, request: web.Request) -> web.Response:
        if "NT" in request.headers or "CALLBACK" in request.headers:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        subscription = self.subscriptions.get(request.headers["SID"])
        if subscription is None or subscription.ends_at < asyncio.get_running_loop().time():
            return web.Response(status=HTTPStatus.PRECONDITION_FAILED)
        seconds = self._granted(request)
        subscription.renew(seconds)
        self._history.add(f"renewal {self.service}")
        return _granting(subscription, seconds)

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """Answers UNSUBSCRIBE."""
        subscription = self.subscriptions.pop(request.headers.get("SID", ""), None)
        if subscription is None:
            return web.Response(status=HTTPStatus.PRECONDITION_FAILED)
        await subscription.end()
        self._history.add(f"UNSUBSCRIBE {self.service}")
        return web.Response()

    def _granted(self, request: web.Request) -> int:
        asked = _TIMEOUT.fullmatch(request.headers.get("TIMEOUT", ""))
        if asked is None or asked[1].lower() == "infinite":
            return self._profile.subscription_seconds
        return max(1, min(int(asked[1]), self._profile.subscription_seconds))


def _granting(subscription: Subscription, seconds: int) -> web.Response:
    return web.Response(headers={"SID": subscription.sid, "TIMEOUT": f"Second-{seconds}"})


def _callbacks(request: web.Request) -> tuple[str, ...]:
    """The URLs of CALLBACK; none where one is not at the subscriber's own address (as miniupnpd has it)."""
    callbacks = tuple(re.findall(r"<([^<>]*)>", request.headers.get("CALLBACK", "")))
    for callback in callbacks:
        try:
            url = URL(callback)
        except ValueError:
            return ()
        if url.scheme != "http" or url.host != request.remote:
            return ()
    return callbacks
