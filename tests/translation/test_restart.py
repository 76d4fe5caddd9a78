from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import Reboot
from tests.translation.bench import Bench, Script
from translation.actions import AboutTo, ActionError, DeviceUnreachable, Service, StateChange
from translation.operations import (
    BootMarks,
    Changed,
    Done,
    Failed,
    Happening,
    Left,
    Returned,
    Run,
    SessionEnded,
    Started,
    Woke,
)
from translation.restart import Phase, Restarts, ask_factory_reset, ask_reboot

BOTH = frozenset({"Reboot", "BaselineReset"})
REBOOTING = frozenset({AboutTo.REBOOT})
RESETTING = frozenset({AboutTo.BASELINE_RESET})
SILENT = DeviceUnreachable("no answer")
FIRST = BootMarks(boot_id=5, status_since="T1")
SECOND = BootMarks(boot_id=6, status_since="T2")
WITHOUT_BOOT_ID = BootMarks(status_since="T1", up_time=1000)

BOOTSTRAP, BOOT = ("0 BOOTSTRAP", ""), ("1 BOOT", "")


def m_reboot(key: str) -> tuple[str, str]:
    return ("M Reboot", key)


SAME: Script = {"GetDeviceStatus": {"DeviceStatus": "OK,T1"}}
OTHER: Script = {"GetDeviceStatus": {"DeviceStatus": "OK,T2"}}
NOW: Script = {"Reboot": {"RebootStatus": "RebootNow"}, "BaselineReset": {}, **SAME}
LATER: Script = {"Reboot": {"RebootStatus": "RebootLater"}, **SAME}


def watching(marks: BootMarks = FIRST) -> Bench[Restarts]:
    return Bench(Restarts(marks))


def asked(*keys: str, reset: bool = False, marks: BootMarks = FIRST) -> Bench[Restarts]:
    """A device that the ACS has asked to reboot, or to be reset."""
    bench = watching(marks)
    for key in keys:
        bench.here = ask_reboot(bench.here, Reboot(key), BOTH)
    if reset:
        bench.here = ask_factory_reset(bench.here, BOTH)
    return bench


# ------------------------------------------------------------------ Table 1


@pytest.mark.parametrize(
    ("happenings", "events"),
    [
        # by hand, with the announcement
        ([Left(REBOOTING), Returned(restarted=True, marks=SECOND)], [BOOT]),
        ([Left(REBOOTING), Returned(restarted=False)], [BOOT]),
        ([Returned(restarted=True, about_to=REBOOTING, marks=SECOND)], [BOOT]),  # back before it was missed
        # a reset by hand, without and with a reboot
        ([Left(RESETTING), Returned(restarted=True, marks=SECOND)], [BOOTSTRAP]),
        ([Left(RESETTING | REBOOTING), Returned(restarted=True, marks=SECOND)], [BOOTSTRAP, BOOT]),
        ([Left(RESETTING), Left(REBOOTING), Returned(restarted=True, marks=SECOND)], [BOOTSTRAP, BOOT]),
        # a power cut: no byebye, a new BOOTID
        ([Returned(restarted=True, marks=SECOND)], [BOOT]),
        ([Left(), Returned(restarted=True, marks=SECOND)], [BOOT]),
        # silence alone, and an ordinary byebye
        ([Left(), Returned(restarted=False, marks=FIRST)], []),
        ([Returned(restarted=False, marks=FIRST)], []),
        ([Returned(restarted=False)], []),
        # an announcement holds over a restart of the proxier, and once only
        ([Left(REBOOTING), Started(), Returned(restarted=False)], [BOOT]),
        ([Left(REBOOTING), Returned(restarted=True), Left(), Returned(restarted=False)], [BOOT]),
        # two reboots are two boots
        ([Returned(restarted=True, marks=SECOND), Returned(restarted=True, marks=FIRST)], [BOOT, BOOT]),
    ],
)
def test_restarts_that_the_acs_did_not_ask_for(happenings: list[Happening], events: list[Any]) -> None:
    bench = watching()
    for happening in happenings:
        assert not any(isinstance(each, Run) for each in bench.happen(happening))
    assert bench.events == events
    assert bench.here.phase is Phase.IDLE


def test_events_of_one_restart_are_one_report() -> None:
    bench = watching()
    bench.happen(Returned(restarted=True, about_to=RESETTING | REBOOTING))
    assert len(bench.reports) == 1


@pytest.mark.parametrize(
    ("old", "new", "restarted", "can_tell"),
    [
        (BootMarks(5, "T1", 9), BootMarks(5, "T2", 1), False, True),  # where there is a BOOTID, it decides
        (BootMarks(5), BootMarks(6), True, True),
        (BootMarks(6), BootMarks(5), True, True),
        (BootMarks(5), BootMarks(None, "T1"), False, False),
        (BootMarks(None, "T1"), BootMarks(None, "T2"), True, True),
        (BootMarks(None, "T1"), BootMarks(None, "T1"), False, True),
        (BootMarks(None, "T1"), BootMarks(None, ""), False, False),
        (BootMarks(None, "", 100), BootMarks(None, "", 99), True, True),
        (BootMarks(None, "", 100), BootMarks(None, "", 100), False, True),
        (BootMarks(None, "T1", 100), BootMarks(None, "T2", 500), True, True),
        (BootMarks(), BootMarks(5, "T1", 1), False, False),
    ],
)
def test_what_tells_a_restart(old: BootMarks, new: BootMarks, restarted: bool, can_tell: bool) -> None:
    assert Restarts(old).has_restarted(new) is restarted
    assert Restarts(old).can_tell(new) is can_tell


def test_marks_of_a_run_are_gathered_and_those_of_the_last_one_forgotten() -> None:
    bench = watching(BootMarks(5))
    bench.happen(Returned(restarted=False, marks=BootMarks(status_since="T1")))
    assert bench.here.marks == BootMarks(5, "T1")
    bench.happen(Returned(restarted=True, marks=BootMarks(6)))
    assert bench.here.marks == BootMarks(6)


@pytest.mark.parametrize(
    ("marks", "complete", "status", "events", "since"),
    [
        (WITHOUT_BOOT_ID, True, "OK,T2", [BOOT], "T2"),
        (WITHOUT_BOOT_ID, True, "OK,T1", [], "T1"),
        (WITHOUT_BOOT_ID, False, "Degraded,T2", [], "T2"),
        (WITHOUT_BOOT_ID, True, "OK", [], "T1"),
        (FIRST, True, "OK,T2", [], "T2"),
        (BootMarks(), True, "OK,T2", [], "T2"),
    ],
)
def test_device_status_in_events(
    marks: BootMarks, complete: bool, status: str, events: list[Any], since: str
) -> None:
    bench = watching(marks)
    bench.happen(Changed(StateChange(Service.BMS, {"DeviceStatus": status}, complete)))
    assert bench.events == events
    assert bench.here.marks.status_since == since


@pytest.mark.parametrize(
    "change", [StateChange(Service.CMS, {"DeviceStatus": "OK,T9"}, True), StateChange(Service.BMS, {}, True)]
)
def test_other_events_mean_nothing(change: StateChange) -> None:
    bench = watching(WITHOUT_BOOT_ID)
    before = bench.here
    assert bench.happen(Changed(change)) == ()
    assert bench.here == before


# ------------------------------------------------------------------ one restart, told twice


@pytest.mark.parametrize(
    ("happenings", "seconds", "events"),
    [
        # datagrams of one burst, in the wrong order
        ([Returned(restarted=True, about_to=REBOOTING, marks=SECOND)], 3, [BOOT]),
        ([Returned(restarted=True, marks=SECOND)], 3, [BOOT]),
        ([Returned(restarted=True)], 3, [BOOT]),
        ([Left(REBOOTING), Returned(restarted=False, marks=SECOND)], 3, [BOOT]),
        # another boot: by its marks, by the time, by what it announces
        ([Returned(restarted=True, about_to=REBOOTING, marks=BootMarks(7))], 3, [BOOT, BOOT]),
        ([Returned(restarted=True, about_to=REBOOTING, marks=SECOND)], 10, [BOOT, BOOT]),
        ([Returned(restarted=True, about_to=RESETTING, marks=SECOND)], 3, [BOOT, BOOTSTRAP]),
    ],
)
def test_a_restart_that_is_told_twice(happenings: list[Happening], seconds: int, events: list[Any]) -> None:
    bench = watching()
    bench.happen(Returned(restarted=True, about_to=REBOOTING, marks=SECOND))
    bench.now += timedelta(seconds=seconds)
    for happening in happenings:
        bench.happen(happening)
    assert bench.events == events
    assert not bench.here.about_to


def test_a_reboot_that_the_acs_asked_for_soon_after_a_boot_is_another_one() -> None:
    bench = asked("key", marks=WITHOUT_BOOT_ID)
    bench.happen(Returned(restarted=True))
    bench.run(SessionEnded(), NOW)
    bench.happen(Returned(restarted=True))
    assert bench.events == [BOOT, BOOT, m_reboot("key")]


# ------------------------------------------------------------------ Reboot


def test_a_reboot_of_the_acs() -> None:
    bench = asked("key")
    assert bench.happen(Woke()) == ()
    assert bench.run(SessionEnded(), NOW) == ["Reboot"]
    bench.happen(Left(REBOOTING))
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.events == [BOOT, m_reboot("key")]
    assert len(bench.reports) == 1
    assert bench.here == Restarts(SECOND, reported_at=bench.now, reported=REBOOTING)


def test_several_reboots_of_the_acs_are_one_boot() -> None:
    bench = asked("one", "two")
    bench.run(SessionEnded(), NOW)
    bench.here = ask_reboot(bench.here, Reboot("three"), BOTH)
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.events == [BOOT, m_reboot("one"), m_reboot("two"), m_reboot("three")]
    assert bench.here.phase is Phase.IDLE


def test_a_boot_before_the_call_is_not_the_one_that_was_asked_for() -> None:
    bench = asked("key")
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.events == [BOOT]
    assert bench.run(SessionEnded(), NOW) == ["Reboot"]
    bench.happen(Returned(restarted=True, marks=FIRST))
    assert bench.events == [BOOT, BOOT, m_reboot("key")]


def test_a_device_that_is_back_before_it_has_answered() -> None:
    bench = asked("key")
    bench.happen(SessionEnded())
    bench.happen(Left(REBOOTING))
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.happen(Failed(SILENT)) == ()
    assert bench.happen(Done(result=True)) == ()
    assert bench.events == [BOOT, m_reboot("key")]
    assert bench.here.phase is Phase.IDLE


def test_a_reboot_that_cuts_its_own_answer_off_is_not_called_again() -> None:
    bench = asked("key")
    bench.run(SessionEnded(), {"Reboot": SILENT})
    for _ in range(5):
        assert bench.wait() == timedelta(seconds=20)
        bench.run(Woke(), {"GetDeviceStatus": SILENT})
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.names.count("Reboot") == 1
    assert bench.events == [BOOT, m_reboot("key")]


def test_a_call_that_was_not_heard_is_made_again_up_to_a_limit() -> None:
    bench = asked("key")
    bench.run(SessionEnded(), {"Reboot": SILENT})
    script: Script = {"Reboot": SILENT, **SAME}
    while bench.wake:
        bench.wait()
        bench.run(Woke(), script)
    assert bench.names.count("Reboot") == 5
    assert bench.here == Restarts(FIRST)
    assert bench.events == []


def test_a_device_that_was_away_is_told_when_it_is_back() -> None:
    bench = asked("key")
    bench.run(SessionEnded(), {"Reboot": SILENT})
    bench.happen(Left())
    bench.happen(Returned(restarted=False, marks=FIRST))
    assert bench.wait() == timedelta(seconds=5)
    assert bench.run(Woke(), NOW) == ["Reboot"]
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.events == [BOOT, m_reboot("key")]


@pytest.mark.parametrize("error", [ActionError(602), ActionError(401), CwmpFault(9002)])
def test_a_reboot_that_is_refused_for_good_is_given_up(error: Any) -> None:
    bench = asked("key")
    bench.happen(SessionEnded())
    assert bench.happen(Failed(error)) == ()
    assert bench.here == Restarts(FIRST)
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.events == [BOOT]


def test_a_reboot_that_is_refused_for_now_is_called_again() -> None:
    bench = asked("key")
    bench.run(SessionEnded(), {"Reboot": ActionError(501)})
    assert bench.wait() == timedelta(seconds=5)
    assert bench.run(Woke(), NOW) == ["Reboot"]


@pytest.mark.parametrize(("marks", "events"), [(WITHOUT_BOOT_ID, []), (BootMarks(), [BOOT, m_reboot("key")])])
def test_a_device_that_nobody_saw_restart(marks: BootMarks, events: list[Any]) -> None:
    """Its marks deny the restart, or nothing speaks against its word."""
    bench = asked("key", marks=marks)
    bench.run(SessionEnded(), NOW)
    for _ in range(31):
        if bench.wake:
            bench.wait()
            bench.run(Woke(), NOW)
    assert bench.here.phase is Phase.IDLE
    assert bench.events == events
    assert bench.names.count("Reboot") == 1


def test_a_silent_restart_is_seen_by_asking() -> None:
    bench = asked("key", marks=WITHOUT_BOOT_ID)
    bench.run(SessionEnded(), NOW)
    bench.wait()
    bench.run(Woke(), {"GetDeviceStatus": SILENT})
    bench.wait()
    bench.run(Woke(), OTHER)
    assert bench.events == [BOOT, m_reboot("key")]
    bench.happen(Returned(restarted=False, marks=BootMarks(status_since="T2")))
    bench.happen(Changed(StateChange(Service.BMS, {"DeviceStatus": "OK,T2"}, complete=True)))
    assert bench.events == [BOOT, m_reboot("key")]


def test_a_restart_with_a_boot_id_is_reported_once_though_asking_shows_it_too() -> None:
    bench = asked("key")
    bench.run(SessionEnded(), NOW)
    bench.wait()
    bench.run(Woke(), OTHER)
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.events == [BOOT, m_reboot("key")]


def test_a_device_without_marks_that_goes_and_comes_back_has_done_what_it_confirmed() -> None:
    bench = asked("key", marks=BootMarks())
    bench.run(SessionEnded(), NOW)
    bench.happen(Left())
    bench.happen(Returned(restarted=False))
    assert bench.events == [BOOT, m_reboot("key")]


def test_a_reboot_later_is_waited_for() -> None:
    bench = asked("key", marks=WITHOUT_BOOT_ID)
    bench.run(SessionEnded(), LATER)
    bench.now += timedelta(hours=5)
    bench.run(Woke(), LATER)
    bench.happen(Returned(restarted=True))
    assert bench.events == [BOOT, m_reboot("key")]


def test_a_reboot_later_that_never_comes_is_given_up() -> None:
    bench = asked("key", marks=WITHOUT_BOOT_ID)
    bench.run(SessionEnded(), LATER)
    bench.now += timedelta(days=1, seconds=1)
    bench.run(Woke(), LATER)
    assert bench.here.reboots == ()


def test_a_device_that_never_comes_back_is_given_up() -> None:
    bench = asked("key")
    bench.run(SessionEnded(), NOW)
    bench.happen(Left(REBOOTING))
    bench.now += timedelta(days=1)
    bench.run(Woke(), {"GetDeviceStatus": SILENT})
    assert bench.wake
    bench.now += timedelta(days=1)
    bench.run(Woke(), {"GetDeviceStatus": SILENT})
    assert not bench.here.reboots
    bench.happen(Returned(restarted=True))
    assert bench.events == [BOOT]


def test_a_device_that_is_slow_to_boot_is_waited_for() -> None:
    bench = asked("key")
    bench.run(SessionEnded(), NOW)
    bench.happen(Left())
    bench.now += timedelta(hours=3)
    bench.run(Woke(), {"GetDeviceStatus": SILENT})
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.events == [BOOT, m_reboot("key")]


# ------------------------------------------------------------------ FactoryReset


@pytest.mark.parametrize(
    ("happenings", "events"),
    [
        ([Left(RESETTING), Returned(restarted=True, marks=SECOND)], [BOOTSTRAP]),
        ([Left(RESETTING | REBOOTING), Returned(restarted=True, marks=SECOND)], [BOOTSTRAP, BOOT]),
        ([Left(REBOOTING), Returned(restarted=True, marks=SECOND)], [BOOTSTRAP, BOOT]),
        ([Returned(restarted=True, marks=SECOND)], [BOOTSTRAP, BOOT]),
        ([Left(), Returned(restarted=False, marks=FIRST)], [BOOTSTRAP]),
    ],
)
def test_a_factory_reset_of_the_acs(happenings: list[Happening], events: list[Any]) -> None:
    bench = asked(reset=True)
    assert bench.run(SessionEnded(), NOW) == ["BaselineReset"]
    for happening in happenings:
        bench.happen(happening)
    assert bench.events == events
    assert bench.here.phase is Phase.IDLE
    assert not bench.here.reset


def test_a_reset_that_nothing_shows_is_reported_in_the_end() -> None:
    bench = asked(reset=True)
    bench.run(SessionEnded(), NOW)
    while bench.wake:
        bench.wait()
        bench.run(Woke(), NOW)
    assert bench.events == [BOOTSTRAP]
    assert bench.names.count("BaselineReset") == 1


def test_a_reset_and_a_reboot_in_one_session() -> None:
    bench = asked("key", reset=True)
    assert bench.run(SessionEnded(), NOW) == ["BaselineReset"]
    bench.happen(Left(RESETTING | REBOOTING))
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.events == [BOOTSTRAP, BOOT, m_reboot("key")]
    assert bench.here.phase is Phase.IDLE


def test_a_reset_without_a_reboot_leaves_the_reboot_to_be_done() -> None:
    bench = asked("key", reset=True)
    bench.run(SessionEnded(), NOW)
    bench.happen(Left(RESETTING))
    assert bench.run(Returned(restarted=False), NOW) == ["Reboot"]
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.events == [BOOTSTRAP, BOOT, m_reboot("key")]


def test_a_reset_that_is_asked_for_while_the_device_reboots() -> None:
    bench = asked("key")
    bench.run(SessionEnded(), NOW)
    bench.here = ask_factory_reset(bench.here, BOTH)
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.events == [BOOT, m_reboot("key")]
    assert bench.run(SessionEnded(), NOW) == ["BaselineReset"]


def test_a_refused_reset_leaves_the_reboot_to_be_done() -> None:
    bench = asked("key", reset=True)
    script: Script = {**NOW, "BaselineReset": ActionError(602)}
    assert bench.run(SessionEnded(), script) == ["BaselineReset", "Reboot"]


# ------------------------------------------------------------------ what cannot be done, and restarts of ours


def test_a_device_without_the_action_refuses() -> None:
    with pytest.raises(CwmpFault, match="no action to reboot") as fault:
        ask_reboot(Restarts(), Reboot("key"), {"BaselineReset"})
    assert fault.value.code == 9001
    with pytest.raises(CwmpFault, match="no action to reset") as fault:
        ask_factory_reset(Restarts(), {"Reboot"})
    assert fault.value.code == 9001


def test_no_more_reboots_wait_than_an_inform_has_room_for() -> None:
    bench = asked(*(str(number) for number in range(16)))
    with pytest.raises(CwmpFault) as fault:
        ask_reboot(bench.here, Reboot("key"), BOTH)
    assert fault.value.code == 9004


@pytest.mark.parametrize(
    ("before", "called"),
    [
        ([], ["Reboot"]),
        ([SessionEnded()], ["GetDeviceStatus"]),  # perhaps called: it is looked first
        ([SessionEnded(), Done(result=True)], ["GetDeviceStatus"]),
        ([SessionEnded(), Failed(ActionError(501))], ["Reboot"]),
    ],
)
def test_a_restart_of_the_proxier_at_each_step(before: list[Happening], called: list[str]) -> None:
    bench = asked("key")
    for happening in before:
        bench.happen(happening)
    bench.happen(Started())
    assert bench.wait() == timedelta(seconds=5)
    assert bench.run(Woke(), NOW) == called
    bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.events == [BOOT, m_reboot("key")]


def test_a_device_that_came_back_while_the_proxier_was_away() -> None:
    bench = asked("key")
    bench.run(SessionEnded(), NOW)
    bench.happen(Started())
    restarted = bench.here.has_restarted(SECOND)
    bench.happen(Returned(restarted=restarted, marks=SECOND))
    assert bench.events == [BOOT, m_reboot("key")]


# ------------------------------------------------------------------ any order

HAPPENINGS = st.sampled_from(
    [
        SessionEnded(),
        Woke(),
        Started(),
        Left(),
        Left(REBOOTING),
        Left(RESETTING),
        Returned(restarted=False),
        Returned(restarted=True),
        Returned(restarted=True, about_to=REBOOTING, marks=SECOND),
        Changed(StateChange(Service.BMS, {"DeviceStatus": "OK,T2"}, complete=True)),
        Done(result=True),
        Done(result=False),
        Done(BootMarks(status_since="T1")),
        Failed(SILENT),
        Failed(ActionError(501)),
        Failed(ActionError(602)),
        "reboot",
        "reset",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(HAPPENINGS, st.integers(0, 1000)), max_size=40))
def test_in_any_order_a_boot_is_told_once_for_each_return_and_each_key_once(steps: list[Any]) -> None:
    bench = watching(WITHOUT_BOOT_ID)
    keys = 0
    for what, seconds in steps:
        bench.now += timedelta(seconds=seconds)
        before = len(bench.reports)
        if what == "reboot" and len(bench.here.reboots) < 16:
            keys += 1
            bench.here = ask_reboot(bench.here, Reboot(str(keys)), BOTH)
        elif what == "reset":
            bench.here = ask_factory_reset(bench.here, BOTH)
        elif isinstance(what, Done) and isinstance(what.result, BootMarks) != (
            bench.here.phase is Phase.CALLED
        ):
            pass  # no plan that is under way could have this outcome
        elif not isinstance(what, str):
            commands = bench.happen(what)
            assert sum(isinstance(each, Run) for each in commands) <= 1
        assert len(bench.reports) - before <= 1
        if bench.here.phase is Phase.IDLE:
            assert not bench.here.reboots
            assert not bench.here.reset
    for report in bench.reports:
        codes = [each.event_code for each in report.events]
        assert codes == sorted(codes)
        assert codes
        assert "M Reboot" not in codes or "1 BOOT" in codes
    told = [key for code, key in bench.events if code == "M Reboot"]
    assert len(set(told)) == len(told)

    # Whatever went before: a device that does what it is told ends it.
    bench.run(Started(), {})
    for _ in range(3):
        bench.now += timedelta(minutes=1)
        bench.run(Woke(), NOW)
        bench.happen(Left(REBOOTING))
        bench.happen(Returned(restarted=True, marks=SECOND))
    assert bench.here.phase is Phase.IDLE
