from __future__ import annotations

from datetime import timedelta

from tests.translation.bench import START
from translation.sightings import Seen, Sightings

LATER = START + timedelta(seconds=5)


def test_operations_come_and_go() -> None:
    seen = Sightings().listed({7, 5}, START).listed({7}, LATER)
    assert seen.rows == (Seen(5, START, LATER), Seen(7, START))
    assert seen.of(5, LATER) == Seen(5, START, LATER)
    assert seen.of(9, LATER) == Seen(9, LATER)
    assert not seen.known
    assert seen.unknown == {5, 7}


def test_what_is_known_and_gone_is_forgotten() -> None:
    seen = Sightings().listed({5, 7}, START).identified({5})
    assert seen.listed({7}, LATER).rows == (Seen(7, START),)
    assert seen.without_unknown().rows == (Seen(5, START, known=True),)


def test_what_is_known_before_it_is_listed() -> None:
    seen = Sightings().with_known(7, START).listed({7}, LATER)
    assert seen.rows == (Seen(7, START, known=True),)


def test_nothing_new_is_the_same() -> None:
    seen = Sightings().listed({7}, START)
    assert seen.listed({7}, LATER) is seen
    assert seen.identified({9}) is seen


def test_of_very_many_operations_those_that_are_gone_are_forgotten_first() -> None:
    seen = Sightings().listed(range(200), START).listed(range(200, 456), START)
    assert len(seen.rows) == 320
    assert {each.operation_id for each in seen.rows if not each.gone} == {*range(200, 456)}
