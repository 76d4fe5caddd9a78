from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from proxier.control_point import ControlPoint, ProxiedDevice, discovery, documents, lines, presence, reading
from proxier.errors import ProxierError
from proxier.settings import UpnpSettings
from tests.proxier.control_point.stand_in import (
    BMS2,
    CMS2,
    Answer,
    Asked,
    StandIn,
    answer,
    description,
    device,
    never,
    service,
)
from translation.actions import AboutTo, ActionCall, ActionError, DeviceUnreachable, Service, StateChange

LOOPBACK = UpnpSettings(interfaces=("127.0.0.1",), action_timeout=2)
STATUS = ActionCall(Service.BMS, "GetDeviceStatus")
GRACE = 0.3


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "GRACE_SECONDS", GRACE)
    monkeypatch.setattr(reading, "FIRST_RETRY", 0.1)
    monkeypatch.setattr(presence, "PAUSE", 0.05)


class Listener:
    """Remembers what it is told of the devices of this test; others may be about on the loopback."""

    def __init__(self, *stand_ins: StandIn) -> None:
        self.udns = {stand_in.udn for stand_in in stand_ins}
        self.told: list[tuple[str, Any, Any]] = []
        self.devices: dict[str, ProxiedDevice] = {}
        self.unwanted: dict[str, ControlPoint] = {}
        self.calls: dict[str, tuple[ControlPoint, ActionCall]] = {}
        self._news = asyncio.Condition()

    async def appeared(self, device: ProxiedDevice) -> None:
        self.devices[device.udn] = device
        if device.udn in self.calls:
            control_point, call = self.calls[device.udn]
            self._call = asyncio.create_task(control_point.invoke(device, call))
            await asyncio.sleep(0)
        if device.udn in self.unwanted:
            self.unwanted[device.udn].leave_alone(device.udn)
        await self._tell(device.udn, "appeared", None)

    async def restarted(self, device: ProxiedDevice, about_to: frozenset[AboutTo]) -> None:
        self.devices[device.udn] = device
        await self._tell(device.udn, "restarted", about_to)

    async def left(self, udn: str, reason: str, about_to: frozenset[AboutTo]) -> None:
        await self._tell(udn, "left", (reason, about_to))

    async def changed(self, udn: str, change: StateChange) -> None:
        await self._tell(udn, "changed", change)

    def of(self, stand_in: StandIn) -> list[str]:
        """What it was told of a device, without the events."""
        return [what for udn, what, _ in self.told if udn == stand_in.udn and what != "changed"]

    def changes(self, stand_in: StandIn) -> list[StateChange]:
        return [said for udn, what, said in self.told if udn == stand_in.udn and what == "changed"]

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(condition)

    async def until_told(self, stand_in: StandIn, *told: str) -> None:
        await self.until(lambda: self.of(stand_in) == list(told))

    async def _tell(self, udn: str, what: str, said: object) -> None:
        if udn in self.udns:
            async with self._news:
                self.told.append((udn, what, said))
                self._news.notify_all()


@asynccontextmanager
async def running(
    *stand_ins: StandIn, settings: UpnpSettings = LOOPBACK
) -> AsyncIterator[tuple[ControlPoint, Listener]]:
    listener = Listener(*stand_ins)
    async with ControlPoint(settings, listener) as control_point:
        yield control_point, listener


async def test_a_device_appears_works_and_leaves() -> None:
    async with StandIn(
        actions={STATUS.name: lambda _: (200, answer(STATUS.name, {"DeviceStatus": "OK"}))}
    ) as one:
        async with running(one) as (control_point, listener):
            one.alive(bootid_upnp_org="5", server="Test/1 UPnP/1.1 Stand/1")
            await listener.until_told(one, "appeared")
            proxied = listener.devices[one.udn]
            assert (proxied.boot_id, proxied.server) == (5, "Test/1 UPnP/1.1 Stand/1")
            assert proxied in control_point.devices
            assert (await control_point.invoke(proxied, STATUS)).values == {"DeviceStatus": "OK"}
            await listener.until(lambda: len(listener.changes(one)) == 2)
            assert {change.service for change in listener.changes(one)} == {Service.CMS, Service.BMS}
            assert control_point.subscribed(one.udn, Service.CMS)
            one.byebye()
            await listener.until_told(one, "appeared", "left")
            assert listener.told[-1][2] == ("it said ssdp:byebye", frozenset())
            assert not control_point.subscribed(one.udn, Service.CMS)
            assert proxied not in control_point.devices
            one.alive(bootid_upnp_org="5")
            await listener.until_told(one, "appeared", "left", "appeared")
            await listener.until(lambda: len(listener.changes(one)) == 4)
        assert sorted(one.paths("UNSUBSCRIBE")) == ["/bms/event", "/cms/event"]


async def test_what_a_device_of_ours_is_asked_comes_over_one_connection() -> None:
    async with StandIn() as one, running(one) as (control_point, listener):
        one.alive()
        await listener.until(lambda: len(listener.changes(one)) == 2)
        await control_point.invoke(listener.devices[one.udn], STATUS)
        read, *others = one.asked
        assert read.path == "/desc.xml"
        assert sorted(asked.method for asked in others) == ["GET", "GET", "POST", "SUBSCRIBE", "SUBSCRIBE"]
        assert len({asked.peer for asked in others}) == 1


async def test_a_subscription_without_an_answer_keeps_no_call_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "PATIENCE_WITH_KEPT", 0.1)
    async with StandIn(on_subscribe=never) as one, running(one) as (control_point, listener):
        one.alive()
        await one.until(lambda: len(one.paths("SUBSCRIBE")) > 0)
        await control_point.invoke(listener.devices[one.udn], STATUS)
        assert listener.of(one) == ["appeared"]


async def test_a_call_that_takes_long_keeps_no_subscription_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PATIENCE_WITH_KEPT", 0.1)
    async with StandIn(actions={"Reboot": never}) as one, running(one) as (control_point, listener):
        listener.calls[one.udn] = control_point, ActionCall(Service.BMS, "Reboot")
        one.alive()
        await listener.until(lambda: len(listener.changes(one)) == 2, 1)


async def test_an_scpd_without_an_answer_keeps_no_call_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PATIENCE_WITH_KEPT", 0.1)
    async with StandIn() as one, running(one) as (control_point, listener):
        one.alive(bootid_upnp_org="1")
        await listener.until_told(one, "appeared")
        one.held.add("/cms.xml")
        one.asked.clear()
        one.alive(bootid_upnp_org="2")
        await one.until(lambda: "/cms.xml" in one.paths())
        await control_point.invoke(listener.devices[one.udn], STATUS)


async def test_an_advertisement_that_says_nothing_new_costs_no_request() -> None:
    async with StandIn() as one, running(one) as (_, listener):
        one.alive(configid_upnp_org="1")
        await listener.until_told(one, "appeared")
        await listener.until(lambda: len(listener.changes(one)) == 2)
        requests = len(one.asked)
        for _ in range(10):
            one.alive(configid_upnp_org="1")
        one.alive(configid_upnp_org="2")
        await one.until(lambda: len(one.paths()) == 6)
        assert listener.of(one) == ["appeared"]
        assert len(one.asked) == requests + 3


async def test_a_description_that_changed_is_told() -> None:
    async with StandIn() as one, running(one) as (_, listener):
        one.alive(configid_upnp_org="1")
        await listener.until_told(one, "appeared")
        one.documents["/desc.xml"] = description(device(one.udn, service(BMS2, "bms"), name="Renamed"))
        one.alive(configid_upnp_org="2")
        await listener.until_told(one, "appeared", "appeared")
        assert listener.devices[one.udn].friendly_name == "Renamed"
        assert set(listener.devices[one.udn].services) == {Service.BMS}


async def test_a_byebye_that_an_alive_follows_is_no_event_and_loses_nothing() -> None:
    async with StandIn() as one, running(one) as (control_point, listener):
        one.byebye()
        one.alive()
        await listener.until_told(one, "appeared")
        await listener.until(lambda: len(listener.changes(one)) == 2)
        one.callbacks.clear()
        one.byebye()
        one.alive()
        await listener.until(lambda: len(listener.changes(one)) >= 3)
        await asyncio.sleep(2 * GRACE)
        assert listener.of(one) == ["appeared"]
        assert listener.changes(one)[-1].complete
        assert control_point.subscribed(one.udn, Service.CMS)


async def test_a_changed_boot_id_is_a_restart_and_an_update_is_none() -> None:
    async with StandIn() as one, running(one) as (_, listener):
        one.alive(bootid_upnp_org="1")
        await listener.until_told(one, "appeared")
        one.say("ssdp:update", bootid_upnp_org="1", nextbootid_upnp_org="2")
        await listener.until_told(one, "appeared", "appeared")
        assert listener.devices[one.udn].boot_id == 2
        one.alive(bootid_upnp_org="2")
        one.alive(bootid_upnp_org="3")
        await listener.until_told(one, "appeared", "appeared", "restarted")
        assert listener.devices[one.udn].boot_id == 3
        assert listener.told[-1][2] == frozenset()


async def test_what_a_device_announces_is_told_when_it_is_back() -> None:
    both = frozenset({AboutTo.REBOOT, AboutTo.BASELINE_RESET})
    async with StandIn() as one, running(one) as (_, listener):
        one.alive()
        await listener.until_told(one, "appeared")
        one.say("ssdp:byebye", announcement_dm_upnp_org="AboutToBaselineReset")
        one.say("ssdp:byebye", announcement_dm_upnp_org="AboutToReboot")
        await listener.until_told(one, "appeared", "left")
        assert listener.told[-1][2] == ("it said ssdp:byebye", both)
        one.byebye()
        one.alive()
        await listener.until_told(one, "appeared", "left", "restarted")
        assert [said for _, what, said in listener.told if what == "restarted"] == [both]


async def test_what_a_device_announced_before_we_knew_it_is_told() -> None:
    async with StandIn() as one, running(one) as (_, listener):
        one.byebye(announcement_dm_upnp_org="AboutToReboot")
        one.alive()
        await listener.until_told(one, "restarted")
        assert listener.told[0][2] == {AboutTo.REBOOT}


async def test_a_restart_is_told_once_the_device_can_be_read_again() -> None:
    async with StandIn() as one, running(one) as (_, listener):
        one.alive(bootid_upnp_org="1")
        await listener.until_told(one, "appeared")
        described = one.documents.pop("/desc.xml")
        one.alive(bootid_upnp_org="2")
        await one.until(lambda: one.paths().count("/desc.xml") == 3)
        assert listener.of(one) == ["appeared"]
        one.documents["/desc.xml"] = described
        await listener.until_told(one, "appeared", "restarted")


async def test_an_advertisement_that_expires_takes_the_device_with_it() -> None:
    async with StandIn() as one, running(one) as (_, listener):
        one.say("ssdp:alive", cache__control="max-age=1")
        await listener.until_told(one, "appeared")
        await listener.until_told(one, "appeared", "left")
        assert listener.told[-1][2][0] == "its advertisement expired"


async def test_embedded_devices_that_only_their_root_announces() -> None:
    async with StandIn() as one, StandIn() as first, StandIn() as second:
        twins = "".join(device(twin.udn, service(CMS2, "cms")) for twin in (first, second))
        one.documents["/desc.xml"] = description(device(one.udn, embedded=twins))
        async with running(first, second) as (_, listener):
            one.say("ssdp:alive", "upnp:rootdevice", bootid_upnp_org="1")
            await listener.until(lambda: listener.of(first) == listener.of(second) == ["appeared"])
            one.say("ssdp:alive", "upnp:rootdevice", bootid_upnp_org="2")
            await listener.until(
                lambda: listener.of(first) == listener.of(second) == ["appeared", "restarted"]
            )
            one.say("ssdp:byebye", "upnp:rootdevice")
            await listener.until(lambda: listener.of(first)[2:] == listener.of(second)[2:] == ["left"])


async def test_an_embedded_device_that_is_gone_from_the_description_has_left() -> None:
    async with StandIn() as one, StandIn() as inner:
        one.documents["/desc.xml"] = description(
            device(one.udn, embedded=device(inner.udn, service(CMS2, "cms")))
        )
        async with running(inner) as (_, listener):
            one.say("ssdp:alive", "upnp:rootdevice", configid_upnp_org="1")
            await listener.until_told(inner, "appeared")
            one.documents["/desc.xml"] = description(device(one.udn))
            one.say("ssdp:alive", "upnp:rootdevice", configid_upnp_org="2")
            await listener.until_told(inner, "appeared", "left")


async def test_all_udns_of_a_tree_are_read_with_it_once() -> None:
    async with StandIn() as one, StandIn() as inner:
        one.documents["/desc.xml"] = description(
            device(one.udn, embedded=device(inner.udn, service(CMS2, "cms")))
        )
        async with running(inner) as (_, listener):
            one.say("ssdp:alive", "upnp:rootdevice")
            await listener.until_told(inner, "appeared")
            one.say("ssdp:alive", CMS2, udn=inner.udn)
            await listener.until(lambda: len(listener.changes(inner)) == 1)
            assert one.paths() == ["/desc.xml", "/cms.xml"]


async def test_a_device_at_two_addresses_is_one_and_the_other_address_is_fallen_back_to() -> None:
    async with (
        StandIn() as one,
        StandIn(address="127.0.0.3", udn=one.udn) as other,
        running(one) as (control_point, listener),
    ):
        one.alive()
        await listener.until_told(one, "appeared")
        other.alive()
        proxied = listener.devices[one.udn]
        assert proxied.location == one.location
        await one.hang_up()
        with pytest.raises(DeviceUnreachable):
            await control_point.invoke(proxied, STATUS)
        await listener.until_told(one, "appeared", "appeared")
        moved = listener.devices[one.udn]
        assert (moved.location, moved.address) == (other.location, "127.0.0.3")
        assert moved.other_locations == (one.location,)
        await control_point.invoke(moved, STATUS)
        other.byebye()
        one.byebye()
        await listener.until_told(one, "appeared", "appeared", "left")


async def test_a_device_whose_first_address_cannot_be_read_is_read_at_the_other() -> None:
    async with (
        StandIn(documents={"/desc.xml": "gone"}) as one,
        StandIn(address="127.0.0.3", udn=one.udn) as other,
        running(one) as (_, listener),
    ):
        one.alive()
        await one.until(lambda: bool(one.paths()))
        other.alive()
        await listener.until_told(one, "appeared")
        assert listener.devices[one.udn].location == other.location


async def test_a_location_that_points_elsewhere_is_refused_with_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with StandIn() as one, StandIn(address="127.0.0.3") as liar, running(one, liar) as (_, listener):
        for _ in range(3):
            liar.alive()  # its own, to show that it would be taken
        await listener.until_told(liar, "appeared")
    async with StandIn() as one, StandIn(address="127.0.0.3") as liar, running(one, liar) as (_, listener):
        for _ in range(3):
            liar.alive(location=one.location)
            liar.alive(location="http://192.0.2.1/d.xml")
        one.alive()
        await listener.until_told(one, "appeared")
        assert not listener.of(liar)
    assert sum(liar.udn in line and "points elsewhere" in line for line in caplog.messages) <= 6
    assert any(liar.udn in line and one.location in line for line in caplog.messages)


async def test_a_byebye_from_elsewhere_is_ignored() -> None:
    async with StandIn() as one, StandIn(address="127.0.0.3") as liar, running(one) as (_, listener):
        one.alive()
        await listener.until_told(one, "appeared")
        liar.say("ssdp:byebye", udn=one.udn)
        await asyncio.sleep(2 * GRACE)
        assert listener.of(one) == ["appeared"]


BOMB = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><root><device>&b;</device></root>'
ONLY_CMS = description(device("uuid:hostile", service(CMS2, "cms")))
HOSTILE: dict[str, dict[str, str | bytes]] = {
    "an entity bomb": {"/desc.xml": BOMB},
    "a large SCPD": {"/desc.xml": ONLY_CMS, "/cms.xml": b" " * 5_000_000},
    "a deep one": {"/desc.xml": "<root>" * 100 + "</root>" * 100},
    "nothing": {"/desc.xml": ""},
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_device_costs_one_line_and_hurts_nobody(
    hostile: dict[str, str | bytes], caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        StandIn() as good,
        StandIn(address="127.0.0.3", documents=hostile) as bad,
        running(good, bad) as (control_point, listener),
    ):
        bad.alive(configid_upnp_org="1")
        good.alive()
        await listener.until_told(good, "appeared")
        await control_point.invoke(listener.devices[good.udn], STATUS)
        bad.alive(configid_upnp_org="2")
        bad.alive(configid_upnp_org="3")
        await bad.until(lambda: bad.paths().count("/desc.xml") >= 3)
        await control_point.invoke(listener.devices[good.udn], STATUS)
        assert not listener.of(bad)
    lines = [line for line in caplog.messages if "127.0.0.3" in line]
    assert len(lines) == 1, lines


async def test_a_device_that_never_answers_keeps_nobody_waiting(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "LONGEST_FETCH", 0.3)
    async with (
        StandIn() as good,
        StandIn(address="127.0.0.3", held={"/desc.xml"}) as bad,
        running(good, bad) as (_, listener),
    ):
        bad.alive()
        good.alive()
        await listener.until_told(good, "appeared")
        await bad.until(lambda: len(bad.paths()) == 3)
        assert not listener.of(bad)
    (line,) = [line for line in caplog.messages if "127.0.0.3" in line]
    assert "longer than 0.3 s" in line


async def test_a_flood_of_udns_at_one_location_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAXIMUM_CANDIDATES", 10)
    async with (
        StandIn() as good,
        StandIn(documents={"/desc.xml": "no"}) as bad,
        running(good, bad) as (control_point, listener),
    ):
        for number in range(60):
            bad.say("ssdp:alive", "upnp:rootdevice", udn=f"uuid:flood-{number}")
        good.alive()
        await listener.until_told(good, "appeared")
        remembered = control_point._readings._readings
        assert sum(len(each.announced) for each in remembered.values()) <= 11


async def test_a_denied_udn_is_asked_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with StandIn() as good, StandIn(address="127.0.0.3") as bad:
        settings = replace(LOOPBACK, deny=(bad.udn.upper(),))
        with caplog.at_level(logging.INFO):
            async with running(good, bad, settings=settings) as (_, listener):
                bad.alive()
                await bad.until(lambda: bool(bad.asked))
                good.alive()
                await listener.until(lambda: len(listener.changes(good)) == 2)
        assert [asked.path for asked in bad.asked] == ["/desc.xml"]
        assert not listener.of(bad)
    assert [r.levelname for r in caplog.records if bad.udn in r.getMessage()] == ["INFO"]


async def test_a_device_that_the_listener_does_not_want_is_not_subscribed_to() -> None:
    async with StandIn() as one, StandIn(address="127.0.0.3") as other:
        listener = Listener(one, other)
        async with ControlPoint(LOOPBACK, listener) as control_point:
            listener.unwanted = {one.udn: control_point}
            one.alive(configid_upnp_org="1")
            await listener.until_told(one, "appeared")
            other.alive()
            await listener.until(lambda: len(listener.changes(other)) == 2)
            assert not one.paths("SUBSCRIBE")
            listener.unwanted = {}
            one.documents["/desc.xml"] = description(device(one.udn, service(CMS2, "cms"), name="Renamed"))
            one.alive(configid_upnp_org="2")
            await listener.until(lambda: len(listener.changes(one)) == 1)
            assert one.paths("SUBSCRIBE") == ["/cms/event"]


async def test_why_a_device_is_left_out_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    tv = "urn:schemas-upnp-org:service:AVTransport:1"
    async with StandIn() as one, running(one) as (_, _):
        one.documents["/desc.xml"] = description(device(one.udn, service(tv, "tv"), name="A screen"))
        with caplog.at_level(logging.INFO):
            one.say("ssdp:alive", "upnp:rootdevice", configid_upnp_org="1")
            await one.until(lambda: len(one.paths()) == 1)
            one.say("ssdp:alive", "upnp:rootdevice", configid_upnp_org="2")
            await one.until(lambda: len(one.paths()) == 2)
            one.say("ssdp:alive", "upnp:rootdevice", configid_upnp_org="3")
            await one.until(lambda: len(one.paths()) == 3)
    (line,) = [line for line in caplog.messages if "A screen" in line]
    assert f"no Device Management service, it offers {tv}" in line


async def test_a_description_that_fails_is_read_again() -> None:
    async with StandIn(documents={"/desc.xml": "not yet"}) as one, running(one) as (_, listener):
        one.alive()
        await one.until(lambda: one.paths().count("/desc.xml") >= 2)
        one.documents["/desc.xml"] = description(device(one.udn, service(CMS2, "cms")))
        await listener.until_told(one, "appeared")


async def test_a_service_whose_scpd_comes_late_is_added() -> None:
    bad = "http://127.0.0.2:9/gone.xml"
    async with StandIn() as one, running(one) as (_, listener):
        whole = str(one.documents["/desc.xml"])
        one.documents["/desc.xml"] = whole.replace("/cms.xml", bad)
        one.alive()
        await listener.until_told(one, "appeared")
        assert one.paths().count("/desc.xml") == reading.PATIENCE + 1
        assert set(listener.devices[one.udn].services) == {Service.BMS}
        assert listener.devices[one.udn].unread == {Service.CMS}
        one.documents["/desc.xml"] = whole
        await listener.until_told(one, "appeared", "appeared")
        assert set(listener.devices[one.udn].services) == {Service.BMS, Service.CMS}
        assert not listener.devices[one.udn].unread


async def test_a_device_is_told_of_once_an_scpd_that_failed_at_first_is_read() -> None:
    async with StandIn() as one, running(one) as (_, listener):
        described = one.documents.pop("/cms.xml")
        one.alive()
        await one.until(lambda: one.paths().count("/cms.xml") == 2)
        assert not listener.of(one)
        one.documents["/cms.xml"] = described
        await listener.until_told(one, "appeared")
        assert set(listener.devices[one.udn].services) == {Service.BMS, Service.CMS}


async def test_an_scpd_that_is_never_there_is_given_up() -> None:
    async with StandIn() as one, running(one) as (_, listener):
        del one.documents["/cms.xml"]
        one.alive()
        await listener.until_told(one, "appeared")
        assert set(listener.devices[one.udn].services) == {Service.BMS}
        assert not listener.devices[one.udn].unread


async def test_a_device_that_is_there_loses_nothing_by_an_scpd_that_fails_for_a_while() -> None:
    async with StandIn() as one, running(one) as (_, listener):
        one.alive(configid_upnp_org="1")
        await listener.until_told(one, "appeared")
        described = one.documents.pop("/cms.xml")
        one.alive(configid_upnp_org="2")
        await one.until(lambda: one.paths().count("/cms.xml") == 3)
        one.documents["/cms.xml"] = described
        await one.until(lambda: one.paths().count("/cms.xml") == 4)
        one.alive(configid_upnp_org="3")
        await one.until(lambda: one.paths().count("/cms.xml") == 5)
        assert listener.of(one) == ["appeared"]


@pytest.mark.parametrize("refused", ["<html/>", b" " * 5_000_000], ids=["nonsense", "large"])
async def test_an_scpd_that_is_refused_delays_nothing(
    refused: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with StandIn(documents={"/cms.xml": refused}) as one, running(one) as (_, listener):
        one.alive()
        await listener.until_told(one, "appeared")
        assert one.paths() == ["/desc.xml", "/cms.xml", "/bms.xml"]
        assert not listener.devices[one.udn].unread
    assert sum("CMS:2 of" in line for line in caplog.messages) == 1


async def test_a_failed_action_of_a_device_that_is_there_costs_one_question() -> None:
    replies = iter([(200, ""), (200, answer(STATUS.name)), (200, answer(STATUS.name))])
    async with (
        StandIn(actions={STATUS.name: lambda _: next(replies)}) as one,
        running(one) as (control_point, listener),
    ):
        one.alive()
        await listener.until_told(one, "appeared")
        with pytest.raises(DeviceUnreachable):
            await control_point.invoke(listener.devices[one.udn], STATUS)
        await one.until(lambda: len(one.calls(STATUS.name)) == 2)
        assert listener.of(one) == ["appeared"]


@pytest.mark.parametrize("refusal", [(500, "<html>Oops</html>"), (500, ""), (503, "busy"), (200, "what?")])
async def test_a_device_that_answers_badly_is_there(refusal: Answer) -> None:
    settings = replace(LOOPBACK, search_interval=0.1)
    async with StandIn(actions={STATUS.name: lambda _: refusal}) as one:
        settings = replace(settings, locations=(one.location,))
        async with running(one, settings=settings) as (control_point, listener):
            await listener.until_told(one, "appeared")
            with pytest.raises((ActionError, DeviceUnreachable)):
                await control_point.invoke(listener.devices[one.udn], STATUS)
            await one.until(lambda: len(one.calls(STATUS.name)) >= 5)
            assert listener.of(one) == ["appeared"]


async def test_a_device_whose_control_url_is_gone_is_read_anew() -> None:
    async with StandIn(actions={STATUS.name: lambda _: (404, "")}) as one:
        settings = replace(LOOPBACK, locations=(one.location,), search_interval=0.2)
        async with running(one, settings=settings) as (control_point, listener):
            await listener.until_told(one, "appeared")
            with pytest.raises(ActionError):
                await control_point.invoke(listener.devices[one.udn], STATUS)
            await one.until(lambda: one.paths().count("/desc.xml") == 2)
            assert listener.of(one) == ["appeared"]
            moved = service(CMS2, "cms") + service(BMS2, "bms", control="/new")
            one.documents["/desc.xml"] = description(device(one.udn, moved))
            await listener.until_told(one, "appeared", "left", "appeared")
            assert listener.devices[one.udn].services[Service.BMS].control_url == one.url("/new")


async def test_a_device_that_does_not_answer_twice_has_left_and_is_found_again() -> None:
    silent = False

    async def status(_: Asked) -> Answer:
        if silent:
            await asyncio.Event().wait()
        return 200, answer(STATUS.name)

    settings = replace(LOOPBACK, action_timeout=0.1)
    async with (
        StandIn(actions={STATUS.name: status}) as one,
        running(one, settings=settings) as (control_point, listener),
    ):
        one.alive()
        await listener.until_told(one, "appeared")
        silent = True
        with pytest.raises(DeviceUnreachable):
            await control_point.invoke(listener.devices[one.udn], STATUS)
        await listener.until_told(one, "appeared", "left")
        assert len(one.calls(STATUS.name)) == 3
        assert "no answer within" in listener.told[-1][2][0]
        silent = False
        one.alive()
        await listener.until_told(one, "appeared", "left", "appeared")


async def test_a_configured_location_needs_no_ssdp() -> None:
    async with AsyncExitStack() as stand_ins:
        one = await stand_ins.enter_async_context(StandIn())
        settings = replace(LOOPBACK, locations=(one.location,), search_interval=0.2)
        async with running(one, settings=settings) as (control_point, listener):
            await listener.until_told(one, "appeared")
            await control_point.invoke(listener.devices[one.udn], STATUS)
            await one.until(lambda: len(one.calls(STATUS.name)) >= 3)
            await one.hang_up()
            await listener.until_told(one, "appeared", "left")
            await stand_ins.enter_async_context(StandIn(udn=one.udn, port=one.port))
            await listener.until_told(one, "appeared", "left", "appeared")


async def test_a_configured_location_may_have_a_name() -> None:
    async with StandIn(address="127.0.0.1") as one:
        settings = replace(LOOPBACK, locations=(f"http://localhost:{one.port}/desc.xml",))
        async with running(one, settings=settings) as (_, listener):
            await listener.until_told(one, "appeared")
            proxied = listener.devices[one.udn]
            assert proxied.address == "127.0.0.1"
            assert proxied.services[Service.CMS].control_url == f"http://localhost:{one.port}/cms/control"
            await listener.until(lambda: len(listener.changes(one)) == 2)


async def test_a_configured_location_by_name_may_have_urls_with_its_address() -> None:
    async with StandIn(address="127.0.0.1") as one:
        one.documents["/desc.xml"] = description(device(one.udn, service(CMS2, "cms")), one.url("/"))
        settings = replace(LOOPBACK, locations=(f"http://localhost:{one.port}/desc.xml",))
        async with running(one, settings=settings) as (_, listener):
            await listener.until_told(one, "appeared")
            assert listener.devices[one.udn].services[Service.CMS].control_url == one.url("/cms/control")


async def test_a_configured_location_where_nothing_is_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async with StandIn() as one:
        location = one.url("/nothing.xml")
        settings = replace(LOOPBACK, locations=(location,), search_interval=0.05)
        async with running(settings=settings):
            await one.until(lambda: len(one.paths()) == 3)
    assert sum(location in line for line in caplog.messages) == 1


async def test_the_end_comes_at_once_whatever_is_under_way() -> None:

    async with StandIn(actions={STATUS.name: never}) as one, StandIn(documents={"/desc.xml": "no"}) as other:
        async with asyncio.timeout(8), running(one) as (control_point, listener):
            one.alive()
            other.alive()
            await listener.until_told(one, "appeared")
            call = asyncio.create_task(control_point.invoke(listener.devices[one.udn], STATUS))
            await one.until(lambda: bool(one.calls()))
        with pytest.raises(DeviceUnreachable):
            await call
        with pytest.raises(DeviceUnreachable):
            await control_point.invoke(listener.devices[one.udn], STATUS)


async def test_a_callback_address_that_is_not_ours_is_an_error() -> None:
    settings = replace(LOOPBACK, callback_host="192.0.2.77")
    with pytest.raises(
        ProxierError, match=r"upnp\.callback_host: cannot listen on 192\.0\.2\.77 .*(Cannot assign|could not)"
    ):
        async with ControlPoint(settings, Listener()):
            pass


async def test_a_callback_port_that_is_taken_is_an_error() -> None:
    async with StandIn() as one:
        settings = replace(LOOPBACK, callback_host=one.address, callback_port=one.port)
        with pytest.raises(
            ProxierError, match=rf"upnp\.callback_port: .*port {one.port}: Address already in use"
        ):
            async with ControlPoint(settings, Listener()):
                pass
