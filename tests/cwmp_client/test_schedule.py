from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwmp_client.messages import INFINITE_TIME, UNKNOWN_TIME
from cwmp_client.schedule import next_periodic_inform, parse_time, retry_bounds, retry_interval, start_delay

FRACTION = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("retry", "low", "high"),
    [
        (1, 5, 10),
        (2, 10, 20),
        (3, 20, 40),
        (4, 40, 80),
        (5, 80, 160),
        (6, 160, 320),
        (7, 320, 640),
        (8, 640, 1280),
        (9, 1280, 2560),
        (10, 2560, 5120),
        (11, 2560, 5120),
        (12, 2560, 5120),
        (10**9, 2560, 5120),
    ],
)
def test_the_retry_intervals_of_the_standard(retry: int, low: float, high: float) -> None:
    assert retry_bounds(retry) == (low, high)


@pytest.mark.parametrize(
    ("retry", "minimum_wait", "multiplier", "bounds"),
    [
        (1, 30, 1000, (30, 30)),
        (10, 30, 1000, (30, 30)),
        (3, 10, 3000, (90, 270)),
        (0, 5, 2000, (5, 10)),
    ],
)
def test_the_retry_intervals_of_an_operator(
    retry: int, minimum_wait: int, multiplier: int, bounds: tuple[float, float]
) -> None:
    assert retry_bounds(retry, minimum_wait, multiplier) == bounds


@given(st.integers(1, 12), FRACTION, st.integers(1, 65535), st.integers(1000, 65535))
def test_a_retry_lies_within_its_bounds(
    retry: int, fraction: float, minimum_wait: int, multiplier: int
) -> None:
    low, high = retry_bounds(retry, minimum_wait, multiplier)

    assert low <= retry_interval(retry, fraction, minimum_wait, multiplier) <= high


def test_two_devices_that_fail_together_do_not_retry_together() -> None:
    assert retry_interval(1, 0.25) == 6.25
    assert retry_interval(1, 0.75) == 8.75


@pytest.mark.parametrize(
    ("now", "interval", "reference", "fraction", "due"),
    [
        (1000, 300, 0, 0.9, 1200),
        (1200, 300, 0, 0.9, 1500),
        (1000, 300, 100, 0, 1300),
        (1000, 300, 5000.5, 0, 1100.5),
        (1000, 300, -50, 0, 1150),
        (1000, 300, None, 0.5, 1050),
        (1000, 300, None, 0, 1200),
        (1000, 1, None, 0.25, 1000.25),
    ],
)
def test_a_periodic_inform_keeps_its_phase(
    now: float, interval: int, reference: float | None, fraction: float, due: float
) -> None:
    assert next_periodic_inform(now, interval, reference, fraction) == due


@given(st.floats(0, 2**33), st.integers(1, 2**32 - 1), st.none() | st.floats(-(2**36), 2**38), FRACTION)
def test_a_periodic_inform_is_due_within_one_interval(
    now: float, interval: int, reference: float | None, fraction: float
) -> None:
    due = next_periodic_inform(now, interval, reference, fraction)

    assert now < due <= now + interval


def test_a_time_too_near_to_tell_apart_is_the_one_after() -> None:
    assert next_periodic_inform(2.0**33, 300, 2.0**33 + 1e-9, 0) > 2.0**33
    assert next_periodic_inform(0.0, 300, 1e-300, 0) == 300


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01T05:30:00.5+05:30", 0.5),
        ("2024-02-29T12:00:00Z", 1709208000),
        (INFINITE_TIME, 253402300799),
        (UNKNOWN_TIME, None),
    ],
)
def test_times_are_read(text: str, time: float | None) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2024-02-30T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2024-01-01",
        "2024-01-01 00:00:00Z",
        "20240101T000000Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:00+15:00",
        "2024-01-01T00:00:00Z\n",
        "-2024-01-01T00:00:00Z",
        "\uff12024-01-01T00:00:00Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"dateTime|out of range|must be"):
        parse_time(text)


def test_many_devices_start_one_after_the_other() -> None:
    assert [start_delay(1000, fraction) for fraction in (0, 0.5)] == [0, 50]
    assert start_delay(1, 0.5) == 0.05
    assert start_delay(1000, 0.5, sessions_per_second=100) == 5
