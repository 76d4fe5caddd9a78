from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from proxier.control_point import eventing
from proxier.control_point.callbacks import CallbackServer
from proxier.control_point.description import DescriptionReader
from proxier.control_point.device import ProxiedDevice
from proxier.control_point.documents import DocumentFetcher
from proxier.control_point.eventing import LAST_SEQ, Eventing
from proxier.control_point.lines import Lines
from tests.proxier.control_point.stand_in import (
    CMS2,
    Answer,
    Asked,
    StandIn,
    description,
    device,
    never,
    properties,
    service,
)
from translation.actions import Service, StateChange


class Events:
    """What a stand-in's events have become."""

    def __init__(self) -> None:
        self.changes: list[StateChange] = []
        self.doubts: list[str] = []
        self.room = True
        self._news = asyncio.Condition()

    def changed(self, _: str, change: StateChange) -> bool:
        self.changes.append(change)
        self._tell()
        return self.room

    def doubted(self, udn: str) -> None:
        self.doubts.append(udn)
        self._tell()

    def _tell(self) -> None:
        async def notify() -> None:
            async with self._news:
                self._news.notify_all()

        self._task = asyncio.get_running_loop().create_task(notify())

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(condition)


Followed = tuple[Eventing, ProxiedDevice, Events]


@asynccontextmanager
async def followed(stand_in: StandIn) -> AsyncIterator[Followed]:
    """A device with CMS only, subscribed to."""
    events = Events()
    async with stand_in, Lines() as lines, CallbackServer("", 0) as callbacks:
        stand_in.documents["/desc.xml"] = description(device(stand_in.udn, service(CMS2, "cms")))
        reader = DescriptionReader(DocumentFetcher(lines))
        (proxied,) = (await reader.read(stand_in.location, stand_in.address)).devices
        async with Eventing(lines, callbacks, events.changed, events.doubted) as subscriptions:
            subscriptions.follow(proxied)
            yield subscriptions, proxied, events


def versions(events: Events) -> list[tuple[str, bool]]:
    return [(change.variables.get("ConfigurationUpdate", ""), change.complete) for change in events.changes]


def subscribes(stand_in: StandIn) -> list[Asked]:
    return [asked for asked in stand_in.asked if asked.method == "SUBSCRIBE" and "CALLBACK" in asked.headers]


def renewals(stand_in: StandIn) -> list[Asked]:
    return [asked for asked in stand_in.asked if asked.method == "SUBSCRIBE" and "SID" in asked.headers]


async def test_a_subscription_is_made_by_the_book_and_ended() -> None:
    stand_in = StandIn()
    async with followed(stand_in) as (subscriptions, proxied, events):
        await events.until(lambda: bool(events.changes))
        assert versions(events) == [("1,now", True)]
        assert events.changes[0].service is Service.CMS
        assert subscriptions.live(proxied.udn, Service.CMS)
        assert not subscriptions.live(proxied.udn, Service.BMS)
    (asked,) = subscribes(stand_in)
    assert asked.path == "/cms/event"
    assert asked.headers["NT"] == "upnp:event"
    assert asked.headers["TIMEOUT"] == "Second-1800"
    assert asked.headers["CALLBACK"].startswith("<http://127.0.0.1:")
    assert [a.headers["SID"] for a in stand_in.asked if a.method == "UNSUBSCRIBE"] == [stand_in.sid]


async def test_events_are_told_in_order() -> None:
    stand_in = StandIn()
    async with followed(stand_in) as (_, _, events):
        await events.until(lambda: bool(events.changes))
        for seq in (1, 2, 2, 3):
            assert await stand_in.notify(seq, ConfigurationUpdate=str(seq)) == 200
        assert versions(events) == [("1,now", True), ("1", False), ("2", False), ("3", False)]
        assert len(subscribes(stand_in)) == 1


async def test_an_event_that_comes_before_the_answer_is_not_lost() -> None:
    stand_in = StandIn(initial_event=False)

    async def answer_late(asked: Asked) -> Answer:
        url = asked.headers["CALLBACK"].strip("<>")
        assert await stand_in.notify(0, sid="uuid:subscription-1", to=url, ConfigurationUpdate="early") == 200
        assert await stand_in.notify(0, sid="uuid:somebody", to=url, ConfigurationUpdate="wrong") == 200
        return 200, ""

    stand_in.on_subscribe = answer_late
    async with followed(stand_in) as (_, _, events):
        await events.until(lambda: bool(events.changes))
        assert versions(events) == [("early", True)]


async def test_a_missing_event_makes_a_new_subscription() -> None:
    stand_in = StandIn()
    async with followed(stand_in) as (subscriptions, proxied, events):
        await events.until(lambda: bool(events.changes))
        assert await stand_in.notify(2, ConfigurationUpdate="two") == 200
        assert not subscriptions.live(proxied.udn, Service.CMS)
        await events.until(lambda: len(events.changes) == 2)
        assert versions(events) == [("1,now", True), ("1,now", True)]
        assert subscriptions.live(proxied.udn, Service.CMS)
    unsubscribed = [a.headers["SID"] for a in stand_in.asked if a.method == "UNSUBSCRIBE"]
    assert unsubscribed == ["uuid:subscription-1", "uuid:subscription-2"]
    first, second = subscribes(stand_in)
    assert first.headers["CALLBACK"] != second.headers["CALLBACK"]


async def test_a_listener_that_is_behind_gets_everything_anew() -> None:
    stand_in = StandIn()
    async with followed(stand_in) as (_, _, events):
        await events.until(lambda: bool(events.changes))
        events.room = False
        await stand_in.notify(1, ConfigurationUpdate="one")
        events.room = True
        await events.until(lambda: len(events.changes) == 3)
        assert versions(events)[-1] == ("1,now", True)


async def test_the_count_wraps_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventing, "LAST_SEQ", 2)
    stand_in = StandIn()
    async with followed(stand_in) as (_, _, events):
        await events.until(lambda: bool(events.changes))
        for seq in (1, 2, 1, 2):
            await stand_in.notify(seq, ConfigurationUpdate=str(seq))
        assert [version for version, _ in versions(events)] == ["1,now", "1", "2", "1", "2"]
    assert LAST_SEQ == 2**32 - 1


async def test_events_without_a_count_are_taken() -> None:
    stand_in = StandIn(initial_event=False)
    async with followed(stand_in) as (_, _, events):
        await stand_in.until(lambda: bool(stand_in.sid))
        await stand_in.notify(None, ConfigurationUpdate="a")
        await stand_in.notify(None, ConfigurationUpdate="b")
        assert versions(events) == [("a", True), ("b", False)]


async def test_events_of_an_old_subscription_are_refused() -> None:
    stand_in = StandIn()
    async with followed(stand_in) as (_, _, events):
        await events.until(lambda: bool(events.changes))
        url = stand_in.callbacks[stand_in.sid]
        assert await stand_in.notify(1, sid="uuid:old", to=url, ConfigurationUpdate="old") == 412
        assert len(events.changes) == 1


async def test_it_is_renewed_before_half_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventing, "SHORTEST_PAUSE", 0.01)
    stand_in = StandIn(granted="Second-1")
    loop = asyncio.get_running_loop()
    async with followed(stand_in) as (subscriptions, proxied, events):
        await events.until(lambda: bool(events.changes))
        began = loop.time()
        await stand_in.until(lambda: len(renewals(stand_in)) == 2)
        assert loop.time() - began < 1.1
        assert subscriptions.live(proxied.udn, Service.CMS)
    renewal = renewals(stand_in)[0]
    assert renewal.headers["SID"] == stand_in.sid
    assert "NT" not in renewal.headers
    assert "CALLBACK" not in renewal.headers
    assert len(subscribes(stand_in)) == 1


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        ("Second-300", 300),
        ("second-1801 ", 1801),
        ("Second-infinite", 1800),
        ("infinite", 300),
        ("", 300),
        ("Second-9999999999", 86400),
    ],
)
def test_what_is_granted_is_obeyed(timeout: str, seconds: int) -> None:
    assert eventing._granted(timeout) == seconds
    assert 0.4 * seconds <= eventing._before_half(seconds) < 0.5 * seconds


def test_a_tiny_grant_is_no_busy_loop() -> None:
    assert eventing._before_half(0) >= 1


async def test_a_device_that_forgot_the_subscription_gets_a_new_one() -> None:
    stand_in = StandIn()
    async with followed(stand_in) as (subscriptions, proxied, events):
        await events.until(lambda: bool(events.changes))
        stand_in.callbacks.clear()
        subscriptions.renew(proxied.udn)
        await events.until(lambda: len(events.changes) == 2)
        assert len(subscribes(stand_in)) == 2
        assert versions(events)[-1] == ("1,now", True)
        assert not events.doubts


async def test_a_device_that_refuses_is_asked_again_after_a_growing_pause(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(eventing, "FIRST_PAUSE", 0.02)
    times: list[float] = []

    def refuse(_: Asked) -> Answer:
        times.append(asyncio.get_running_loop().time())
        return (503, "") if len(times) < 5 else (200, "")

    stand_in = StandIn(on_subscribe=refuse)
    with caplog.at_level(logging.WARNING):
        async with followed(stand_in) as (_, _, events):
            await events.until(lambda: bool(events.changes))
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert all(later > earlier for earlier, later in pairwise(pauses))
    assert [r.getMessage().partition(" subscription ")[2] for r in caplog.records] == [
        "to CMS:2 cannot be had: SUBSCRIBE is answered with HTTP 503"
    ]
    assert not events.doubts


async def test_a_device_that_is_gone_is_doubted() -> None:
    stand_in = StandIn()
    async with followed(stand_in) as (subscriptions, proxied, events):
        await events.until(lambda: bool(events.changes))
        await stand_in.hang_up()
        subscriptions.renew(proxied.udn)
        await events.until(lambda: bool(events.doubts))
        assert events.doubts == [proxied.udn]


async def test_a_device_that_never_sends_its_first_event_is_known(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(eventing, "FIRST_EVENT_SECONDS", 0.05)
    said = asyncio.Event()

    class Waiter(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            said.set()

    logger = logging.getLogger("proxier.control_point.eventing")
    waiter = Waiter()
    logger.addHandler(waiter)
    try:
        async with followed(StandIn(initial_event=False)) as (subscriptions, proxied, _):
            await asyncio.wait_for(said.wait(), 5)
            assert not subscriptions.live(proxied.udn, Service.CMS)
    finally:
        logger.removeHandler(waiter)
    assert "has to be polled" in caplog.text


async def test_what_is_dropped_is_not_told_and_hears_no_more() -> None:
    stand_in = StandIn()
    async with followed(stand_in) as (subscriptions, proxied, events):
        await events.until(lambda: bool(events.changes))
        subscriptions.drop(proxied.udn)
        assert not subscriptions.live(proxied.udn, Service.CMS)
    assert not [asked for asked in stand_in.asked if asked.method == "UNSUBSCRIBE"]


async def test_a_device_that_does_not_answer_does_not_delay_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventing, "LONGEST_GOODBYE", 0.1)

    async with asyncio.timeout(5):
        async with followed(StandIn(on_unsubscribe=never)) as (_, _, events):
            await events.until(lambda: bool(events.changes))


async def test_a_notification_that_comes_in_while_its_device_is_dropped_begins_nothing() -> None:
    stand_in = StandIn()
    async with followed(stand_in) as (subscriptions, proxied, events):
        await events.until(lambda: bool(events.changes))
        url = urlsplit(stand_in.callbacks[stand_in.sid])
        body = properties(ConfigurationUpdate="late")
        reader, writer = await asyncio.open_connection(
            url.hostname, url.port, local_addr=(stand_in.address, 0)
        )
        writer.write(
            f"NOTIFY {url.path} HTTP/1.1\r\nHOST: {url.netloc}\r\nNT: upnp:event\r\nNTS: upnp:propchange\r\n"
            f"SID: {stand_in.sid}\r\nSEQ: 5\r\n"
            f"CONTENT-LENGTH: {len(body)}\r\n\r\n".encode()
        )
        assert await stand_in.notify(0, ConfigurationUpdate="again") == 200  # by then its headers are read
        subscriptions.drop(proxied.udn)
        writer.write(body.encode())
        assert (await reader.readline()).split()[1] == b"412"
        writer.close()
    assert len(subscribes(stand_in)) == 1
    assert len(events.changes) == 1
