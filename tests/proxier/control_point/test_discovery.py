from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxier.control_point import discovery
from proxier.control_point.discovery import (
    DEFAULT_MAX_AGE,
    GRACE_SECONDS,
    LONGEST_MAX_AGE,
    MAXIMUM_PLACES,
    News,
    Sighting,
    Tracker,
)
from proxier.control_point.ssdp import Kind, SsdpMessage
from translation.actions import AboutTo

UDN = "uuid:a"
HOME = "192.168.1.2"
REBOOT = frozenset({AboutTo.REBOOT})
RESET = frozenset({AboutTo.BASELINE_RESET})
NONE: frozenset[AboutTo] = frozenset()


def alive(
    *,
    udn: str = UDN,
    address: str = HOME,
    boot: int | None = None,
    config: int | None = None,
    max_age: int | None = 1800,
    path: str = "d.xml",
    is_answer: bool = False,
) -> SsdpMessage:
    location = f"http://{address}/{path}"
    return SsdpMessage(
        Kind.ALIVE,
        udn,
        "upnp:rootdevice",
        location,
        max_age=max_age,
        boot_id=boot,
        config_id=config,
        is_answer=is_answer,
    )


def byebye(about_to: frozenset[AboutTo] = NONE, udn: str = UDN) -> SsdpMessage:
    return SsdpMessage(Kind.BYEBYE, udn, "upnp:rootdevice", about_to=about_to)


def update(boot: int, next_boot: int, address: str = HOME) -> SsdpMessage:
    location = f"http://{address}/d.xml"
    return SsdpMessage(Kind.UPDATE, UDN, "upnp:rootdevice", location, boot_id=boot, next_boot_id=next_boot)


Step = tuple[float, SsdpMessage | None]


def play(*steps: Step, source: str = HOME) -> list[Sighting]:
    """Give a tracker messages, or only the time, and collect its news."""
    tracker = Tracker()
    news = []
    for now, message in steps:
        news += tracker.due(now)
        if message is not None and (sighting := tracker.receive(message, source, now)):
            news.append(sighting)
    return news


def found(about_to: frozenset[AboutTo] | None = None) -> Sighting:
    return Sighting(UDN, News.FOUND) if about_to is None else Sighting(UDN, News.RESTARTED, about_to)


def left(reason: str, about_to: frozenset[AboutTo] = NONE) -> Sighting:
    return Sighting(UDN, News.LEFT, about_to, reason)


BYE = "it said ssdp:byebye"
EXPIRED = "its advertisement expired"
G = GRACE_SECONDS


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([(0, alive()), (1, alive()), (900, alive())], [found()], id="once is news"),
        pytest.param([(0, alive(max_age=60)), (59, None)], [found()], id="there until it expires"),
        pytest.param([(0, alive(max_age=60)), (60, None)], [found(), left(EXPIRED)], id="expiry"),
        pytest.param(
            [(0, alive(max_age=60)), (50, alive(max_age=60)), (109, None)], [found()], id="refreshed"
        ),
        pytest.param(
            [(0, alive(max_age=120)), (50, alive(max_age=60)), (110, None)],
            [found(), left(EXPIRED)],
            id="the last max-age counts",
        ),
        pytest.param([(0, alive(max_age=None)), (DEFAULT_MAX_AGE - 1, None)], [found()], id="no max-age"),
        pytest.param(
            [(0, alive(max_age=10**9)), (LONGEST_MAX_AGE, None)], [found(), left(EXPIRED)], id="silly max-age"
        ),
        pytest.param([(0, alive()), (1, byebye()), (1 + G, None)], [found(), left(BYE)], id="byebye"),
        pytest.param([(0, alive()), (1, byebye()), (0.9 + G, None)], [found()], id="grace"),
        pytest.param(
            [(0, alive()), (1, byebye()), (2, byebye()), (3, byebye()), (1 + G, None)],
            [found(), left(BYE)],
            id="a burst of byebyes counts from the first",
        ),
        pytest.param(
            [(0, alive()), (1, byebye()), (2, alive()), (3, alive()), (9, None)],
            [found(), Sighting(UDN, News.RETURNED)],
            id="byebye and alive at once",
        ),
        pytest.param(
            [(0, alive()), (1, byebye(REBOOT)), (1.5, alive(is_answer=True)), (1 + G, None), (9, alive())],
            [found(), left(BYE, REBOOT), found(REBOOT)],
            id="an answer to a search that the byebye has overtaken",
        ),
        pytest.param(
            [(0, alive()), (1, byebye()), (3, alive(is_answer=True)), (9, None)],
            [found(), Sighting(UDN, News.RETURNED)],
            id="an answer to a search some time after a byebye",
        ),
        pytest.param([(0, byebye()), (1, alive()), (9, None)], [found()], id="byebye before the first alive"),
        pytest.param(
            [(0, alive()), (1, byebye()), (9, None), (20, alive())],
            [found(), left(BYE), found()],
            id="back after a byebye",
        ),
        pytest.param(
            [(0, alive(boot=1)), (5, alive(boot=2)), (6, alive(boot=2))], [found(), found(NONE)], id="BOOTID"
        ),
        pytest.param([(0, alive()), (5, alive(boot=2)), (6, alive())], [found()], id="BOOTID only sometimes"),
        pytest.param(
            [(0, alive(boot=1, max_age=60)), (60, None), (90, alive(boot=2))],
            [found(), left(EXPIRED), found(NONE)],
            id="BOOTID while away",
        ),
        pytest.param(
            [(0, alive(boot=1, max_age=60)), (60, None), (90, alive(boot=1))],
            [found(), left(EXPIRED), found()],
            id="away with the same BOOTID",
        ),
        pytest.param(
            [(0, alive(boot=1)), (5, update(1, 2)), (6, alive(boot=2)), (7, alive(boot=1))],
            [found(), Sighting(UDN, News.UPDATED)],
            id="an update is no restart, not even out of order",
        ),
        pytest.param(
            [(0, alive(boot=1)), (5, update(1, 2)), (6, alive(boot=2)), (7, alive(boot=3))],
            [found(), Sighting(UDN, News.UPDATED), found(NONE)],
            id="a restart after an update",
        ),
        pytest.param(
            [(0, update(1, 2)), (6, alive(boot=2))], [found()], id="an update is the first thing heard"
        ),
        pytest.param(
            [(0, alive(config=1)), (5, alive(config=1)), (6, alive(config=2))],
            [found(), Sighting(UDN, News.RECONFIGURED)],
            id="CONFIGID",
        ),
        pytest.param(
            [
                (0, alive()),
                (1, byebye(REBOOT)),
                (2, byebye(RESET)),
                (1 + G, None),
                (60, alive()),
                (61, alive()),
            ],
            [found(), left(BYE, REBOOT | RESET), found(REBOOT | RESET)],
            id="about to reboot",
        ),
        pytest.param(
            [(0, alive()), (1, byebye(REBOOT)), (2, alive())],
            [found(), found(REBOOT)],
            id="about to reboot, and back before the grace is over",
        ),
        pytest.param(
            [(0, alive()), (1, byebye(REBOOT)), (9, None), (60, byebye()), (61, alive())],
            [found(), left(BYE, REBOOT), found(REBOOT)],
            id="a plain byebye at its start takes nothing back",
        ),
        pytest.param(
            [(0, byebye(RESET)), (9, None), (60, alive()), (90, alive())],
            [found(RESET)],
            id="about to be reset before we ever saw it",
        ),
    ],
)
def test_news(steps: list[Step], expected: list[Sighting]) -> None:
    assert play(*steps) == expected


def test_a_byebye_from_elsewhere_is_ignored() -> None:
    tracker = Tracker()
    tracker.receive(alive(), HOME, 0)
    tracker.receive(byebye(REBOOT), "192.168.1.66", 1)
    assert tracker.due(100) == []
    assert tracker.receive(alive(), HOME, 100) is None


def test_a_device_with_two_addresses_stays_while_one_of_them_does() -> None:
    tracker = Tracker()
    other = "192.168.2.2"
    tracker.receive(alive(), HOME, 0)
    assert tracker.receive(alive(address=other), other, 0) is None
    assert list(tracker.locations(UDN).values()) == [HOME, other]
    tracker.receive(byebye(), HOME, 1)
    assert tracker.due(1 + G) == [Sighting(UDN, News.UPDATED)]
    assert tracker.locations(UDN) == {f"http://{other}/d.xml": other}
    tracker.receive(byebye(), other, 10)
    assert tracker.due(10 + G) == [left(BYE)]


def test_a_location_that_failed_stands_behind_the_others() -> None:
    tracker = Tracker()
    other = "192.168.2.2"
    tracker.receive(alive(), HOME, 0)
    tracker.receive(alive(address=other), other, 0)
    tracker.avoid(UDN, f"http://{HOME}/d.xml")
    assert list(tracker.locations(UDN).values()) == [other, HOME]


def test_a_device_cannot_have_locations_without_end() -> None:
    tracker = Tracker()
    for number in range(100):
        tracker.receive(alive(path=str(number)), HOME, 0)
    assert len(tracker.locations(UDN)) == MAXIMUM_PLACES


def test_what_was_forgotten_is_found_again() -> None:
    tracker = Tracker()
    tracker.receive(alive(boot=1), HOME, 0)
    tracker.forget(UDN)
    assert UDN not in tracker
    assert tracker.due(10_000) == []
    assert tracker.receive(alive(boot=1), HOME, 10_000) == found()


def test_a_flood_displaces_only_what_was_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAXIMUM_CANDIDATES", 50)
    monkeypatch.setattr(discovery, "_SPARE_DEADLINES", 10)
    tracker = Tracker()
    tracker.receive(alive(), HOME, 0)
    tracker.keep(UDN)
    for number in range(1000):
        sighting = tracker.receive(alive(udn=f"uuid:{number}", max_age=LONGEST_MAX_AGE), HOME, 1)
        assert sighting is not None
        assert sighting.displaced == (f"uuid:{number - 50}" if number >= 50 else "")
    assert UDN in tracker
    assert "uuid:999" in tracker
    assert "uuid:949" not in tracker
    assert len(tracker._traces) == 51
    assert len(tracker._deadlines) < 200


def test_a_flood_of_announcements_is_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAXIMUM_DEPARTED", 10)
    tracker = Tracker()
    for number in range(100):
        tracker.receive(byebye(REBOOT, udn=f"uuid:{number}"), HOME, 0)
    assert tracker.receive(alive(udn="uuid:99"), HOME, 1) == Sighting("uuid:99", News.RESTARTED, REBOOT)
    assert tracker.receive(alive(udn="uuid:1"), HOME, 1) == Sighting("uuid:1", News.FOUND)


MESSAGES = st.one_of(
    st.builds(
        alive,
        udn=st.sampled_from(["uuid:a", "uuid:b"]),
        address=st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        boot=st.sampled_from([None, 1, 2]),
        max_age=st.sampled_from([1, 30, 1800]),
    ),
    st.builds(byebye, st.sampled_from([NONE, REBOOT]), st.sampled_from(["uuid:a", "uuid:b"])),
    st.builds(update, st.just(1), st.just(2)),
)


@given(st.lists(st.tuples(st.floats(0, 40), MESSAGES, st.sampled_from(["10.0.0.1", "10.0.0.2"]))))
def test_news_make_sense_in_any_order_of_messages(steps: list[tuple[float, SsdpMessage, str]]) -> None:
    tracker = Tracker()
    there: set[str] = set()
    now = 0.0
    for pause, message, source in steps:
        now += pause
        news = tracker.due(now)
        assert all(s.news in {News.LEFT, News.UPDATED} for s in news)
        sighting = tracker.receive(message, source, now)
        for seen in [*news, *([sighting] if sighting else [])]:
            if seen.news is News.LEFT:
                there.remove(seen.udn)
            elif seen.news in {News.FOUND, News.RESTARTED}:
                assert seen.news is News.RESTARTED or seen.udn not in there
                there.add(seen.udn)
            else:
                assert seen.udn in there
        assert all(udn in tracker for udn in there)
        due = tracker.next_due()
        assert (due is not None and due > now) if there else True
    for seen in tracker.due(now + 2 * LONGEST_MAX_AGE):
        if seen.news is News.LEFT:
            there.remove(seen.udn)
    assert not there
    assert tracker.next_due() is None
