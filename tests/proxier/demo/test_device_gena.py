from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from proxier.demo.device import SimulatedDevice
from tests.proxier.demo.device_client import Subscriber, client_of, subscriber_to

CMS, BMS = "ConfigurationManagement", "BasicManagement"
NTP = "/BBF/Time/NTPServer1"
EVERY_CMS_VARIABLE = {
    "ConfigurationUpdate",
    "SupportedDataModelsUpdate",
    "SupportedParametersUpdate",
    "AttributeValuesUpdate",
    "InconsistentStatus",
    "AlarmsEnabled",
}


@pytest.fixture
async def device() -> AsyncIterator[SimulatedDevice]:
    async with SimulatedDevice(advertise=False, moderation=0.1, notify_timeout=0.2) as device:
        yield device


@pytest.fixture
async def subscriber(device: SimulatedDevice) -> AsyncIterator[Subscriber]:
    async with client_of(device) as client, subscriber_to(client) as subscriber:
        yield subscriber


async def test_the_first_event_holds_every_variable(subscriber: Subscriber) -> None:
    sid = await subscriber.subscribe(CMS)
    event = await subscriber.next()
    assert sid.startswith("uuid:")
    assert (event.sid, event.seq) == (sid, 0)
    assert event.variables.keys() == EVERY_CMS_VARIABLE
    assert event.variables["AlarmsEnabled"] == "0"


async def test_changes_follow_in_order_on_one_connection(
    device: SimulatedDevice, subscriber: Subscriber
) -> None:
    await subscriber.subscribe(BMS)
    events = [await subscriber.next()]
    for mode in ("1", "0"):
        device.invoke_as_another("SetSequenceMode", NewSequenceMode=mode)
        events.append(await subscriber.next())
    assert [event.seq for event in events] == [0, 1, 2]
    assert [event.variables for event in events[1:]] == [{"SequenceMode": "1"}, {"SequenceMode": "0"}]
    assert len({event.connection for event in events}) == 1


async def test_moderation_keeps_the_last_value(device: SimulatedDevice, subscriber: Subscriber) -> None:
    await subscriber.client.watch(NTP)
    await subscriber.subscribe(CMS)
    await subscriber.next()
    for number in range(200):
        device.change(NTP, f"server-{number}.example")
    first, last = await subscriber.next(), await subscriber.next()
    versions = [int(event.variables["ConfigurationUpdate"].split(",")[0]) for event in (first, last)]
    assert versions == [device.cms.version - 199, device.cms.version]
    assert (first.seq, last.seq) == (1, 2)
    assert subscriber.events.empty()


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("Second-600", "Second-600"),
        ("Second-90000", "Second-1800"),
        ("Second-infinite", "Second-1800"),
        ("", "Second-1800"),
    ],
)
async def test_the_duration_granted(subscriber: Subscriber, asked: str, granted: str) -> None:
    headers = {"CALLBACK": f"<{subscriber.url}>", "NT": "upnp:event", "TIMEOUT": asked}
    response = await subscriber.request("SUBSCRIBE", CMS, **headers)
    assert response.headers["TIMEOUT"] == granted


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("SUBSCRIBE", {"NT": "upnp:event"}, 412),
        ("SUBSCRIBE", {"CALLBACK": "<{url}>"}, 412),
        ("SUBSCRIBE", {"CALLBACK": "<{url}>", "NT": "upnp:other"}, 412),
        ("SUBSCRIBE", {"CALLBACK": "{url}", "NT": "upnp:event"}, 412),
        ("SUBSCRIBE", {"CALLBACK": "<http://192.0.2.9/>", "NT": "upnp:event"}, 412),
        ("SUBSCRIBE", {"SID": "uuid:nobody"}, 412),
        ("SUBSCRIBE", {"SID": "{sid}", "NT": "upnp:event"}, 400),
        ("SUBSCRIBE", {"SID": "{sid}", "CALLBACK": "<{url}>"}, 400),
        ("SUBSCRIBE", {"SID": "{sid}", "TIMEOUT": "Second-60"}, 200),
        ("UNSUBSCRIBE", {}, 412),
        ("UNSUBSCRIBE", {"SID": "uuid:nobody"}, 412),
        ("UNSUBSCRIBE", {"SID": "{sid}"}, 200),
    ],
)
async def test_preconditions(
    subscriber: Subscriber, method: str, headers: dict[str, str], status: int
) -> None:
    sid = await subscriber.subscribe(CMS)
    filled = {name: value.format(sid=sid, url=subscriber.url) for name, value in headers.items()}
    response = await subscriber.request(method, CMS, **filled)
    assert response.status == status


async def test_no_event_after_unsubscribe(device: SimulatedDevice, subscriber: Subscriber) -> None:
    sid = await subscriber.subscribe(BMS)
    await subscriber.next()
    await subscriber.request("UNSUBSCRIBE", BMS, SID=sid)
    device.bms.set_status("Degraded")
    assert not device.events[BMS].subscriptions
    assert subscriber.events.empty()


async def test_a_silent_subscriber_holds_up_nobody_else(
    device: SimulatedDevice, subscriber: Subscriber
) -> None:
    async with client_of(device) as client, subscriber_to(client) as other:
        other.silent = True
        await other.subscribe(BMS)
        await subscriber.subscribe(BMS)
        await subscriber.next()
        await other.next()
        device.bms.set_status("Degraded")
        assert (await subscriber.next()).variables["DeviceStatus"].startswith("Degraded,")
        assert (await other.next()).seq == 1


async def test_a_lost_event_leaves_a_gap(device: SimulatedDevice, subscriber: Subscriber) -> None:
    await subscriber.subscribe(BMS)
    await subscriber.next()
    device.lose_events(2)
    for word in ("One", "Two", "Three"):
        device.bms.set_status(word)
    event = await subscriber.next()
    assert event.seq == 3
    assert event.variables["DeviceStatus"].startswith("Three,")


async def test_seq_wraps_to_one(device: SimulatedDevice, subscriber: Subscriber) -> None:
    sid = await subscriber.subscribe(BMS)
    await subscriber.next()
    device.events[BMS].subscriptions[sid].seq = 2**32 - 1
    device.bms.set_status("One")
    device.bms.set_status("Two")
    assert [(await subscriber.next()).seq for _ in range(2)] == [2**32 - 1, 1]


async def test_renewal_after_a_restart_is_refused(device: SimulatedDevice, subscriber: Subscriber) -> None:
    sid = await subscriber.subscribe(BMS)
    await device.power_cut()
    response = await subscriber.request("SUBSCRIBE", BMS, SID=sid)
    assert response.status == 412


async def test_a_subscription_ends_when_nobody_renews_it() -> None:
    async with (
        SimulatedDevice(advertise=False, subscription_seconds=1) as device,
        client_of(device) as client,
        subscriber_to(client) as subscriber,
    ):
        sid = await subscriber.subscribe(BMS)
        await subscriber.next()
        device.events[BMS].subscriptions[sid].renew(0)
        device.bms.set_status("Degraded")
        assert (await subscriber.request("SUBSCRIBE", BMS, SID=sid)).status == 412
        await subscriber.subscribe(BMS)
        assert (await subscriber.next()).seq == 0
        assert len(device.events[BMS].subscriptions) == 1


async def test_events_that_overtake_answers() -> None:
    async with (
        SimulatedDevice(advertise=False, events_overtake_answers=True) as device,
        client_of(device) as client,
        subscriber_to(client) as subscriber,
    ):
        await client.watch(NTP)
        await subscriber.subscribe(CMS)
        assert subscriber.events.get_nowait().seq == 0
        await client.set_values({NTP: "z.example"})
        assert subscriber.events.get_nowait().variables.keys() == {"ConfigurationUpdate"}


async def test_a_device_without_eventing() -> None:
    async with (
        SimulatedDevice(advertise=False, eventing=False) as device,
        client_of(device) as client,
        subscriber_to(client) as subscriber,
    ):
        assert b"<eventSubURL></eventSubURL>" in await client.get("/description.xml")
        assert b'sendEvents="yes"' not in await client.get("/scpd/BasicManagement.xml")
        response = await subscriber.request("SUBSCRIBE", CMS, CALLBACK=f"<{subscriber.url}>", NT="upnp:event")
        assert response.status == 404
        device.bms.set_status("Degraded")


async def test_a_callback_that_nobody_listens_to(device: SimulatedDevice, subscriber: Subscriber) -> None:
    subscriber.url = "http://127.0.0.1:9/gone"
    sid = await subscriber.subscribe(BMS)
    device.bms.set_status("Degraded")
    await asyncio.wait_for(device.events[BMS].sent(), 5)
    assert device.events[BMS].subscriptions[sid].seq == 2
