from __future__ import annotations

import logging

import pytest

from proxier.complaints import MOST_LINES, SECONDS_PER_LINE, Complaints

LOGGER = logging.getLogger("complaints")


def test_each_cause_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(LOGGER, lambda: 0.0)
    for subject, reason in (("a", "x"), ("a", "x"), ("b", "x"), ("a", "y"), ("a", "y"), ("a", "x")):
        complaints.say(subject, reason)
    assert caplog.messages == ["a: x", "b: x", "a: y", "a: x"]


def test_what_was_withdrawn_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints(LOGGER, lambda: 0.0)
    complaints.say("a", "x")
    complaints.withdraw("a")
    complaints.say("a", "x")
    assert caplog.messages == ["a: x", "a: x"]


def test_nobody_can_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    complaints = Complaints(LOGGER, lambda: now)
    for number in range(10_000):
        complaints.say(str(number), "x")
    assert len(caplog.messages) == MOST_LINES
    now = 3 * SECONDS_PER_LINE
    for number in range(100):
        complaints.say(str(number), "y")
    assert len(caplog.messages) == MOST_LINES + 3
