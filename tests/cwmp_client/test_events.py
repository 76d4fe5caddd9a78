from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwmp_client.events import EVENT_RULES, EventQueue, Retention, rule_of
from cwmp_client.messages import (
    UNKNOWN_TIME,
    AutonomousDUStateChangeComplete,
    AutonomousTransferComplete,
    CpeRequest,
    DeviceIdStruct,
    DUStateChangeComplete,
    EventCode,
    EventStruct,
    FaultStruct,
    Inform,
    Kicked,
    RequestDownload,
    TransferComplete,
)

BOOTSTRAP = EventStruct(EventCode.BOOTSTRAP)
BOOT = EventStruct(EventCode.BOOT)
PERIODIC = EventStruct(EventCode.PERIODIC)
VALUE_CHANGE = EventStruct(EventCode.VALUE_CHANGE)
CONNECTION_REQUEST = EventStruct(EventCode.CONNECTION_REQUEST)
TRANSFER_COMPLETE = EventStruct(EventCode.TRANSFER_COMPLETE)
INFORM = Inform(DeviceIdStruct("", "00256D", "", ""), (), UNKNOWN_TIME, 0, ())


def transferred(key: str) -> TransferComplete:
    return TransferComplete(key, FaultStruct(), UNKNOWN_TIME, UNKNOWN_TIME)


def queue(*events: EventStruct) -> EventQueue:
    return EventQueue(events)


def waiting(events: EventQueue) -> list[EventStruct]:
    return list(events.waiting)


# ---------------------------------------------------------------- the table


def test_every_event_code_has_its_rule() -> None:
    assert set(EVENT_RULES) == set(EventCode)


@pytest.mark.parametrize("code", EventCode)
def test_events_of_methods_are_multiple_and_never_discarded(code: EventCode) -> None:
    rule = rule_of(code)

    assert rule.multiple == code.startswith("M ")
    assert rule.retention is Retention.NEVER_DISCARD or not rule.multiple
    assert rule.delivered_by in get_args(CpeRequest)


@pytest.mark.parametrize(
    ("delivered_by", "codes"),
    [
        (TransferComplete, {"7 TRANSFER COMPLETE", "M Download", "M ScheduleDownload", "M Upload"}),
        (AutonomousTransferComplete, {"10 AUTONOMOUS TRANSFER COMPLETE"}),
        (DUStateChangeComplete, {"11 DU STATE CHANGE COMPLETE", "M ChangeDUState"}),
        (AutonomousDUStateChangeComplete, {"12 AUTONOMOUS DU STATE CHANGE COMPLETE"}),
        (RequestDownload, {"9 REQUEST DOWNLOAD"}),
        (Kicked, {"5 KICKED"}),
    ],
)
def test_which_request_delivers_what_no_inform_delivers(delivered_by: type, codes: set[str]) -> None:
    assert {code for code, rule in EVENT_RULES.items() if rule.delivered_by is delivered_by} == codes


@pytest.mark.parametrize(
    ("retention", "codes"),
    [
        (Retention.MUST_NOT_RETRY, {"6 CONNECTION REQUEST"}),
        (
            Retention.UNTIL_REBOOT,
            {
                "1 BOOT",
                "4 VALUE CHANGE",
                "5 KICKED",
                "8 DIAGNOSTICS COMPLETE",
                "9 REQUEST DOWNLOAD",
                "13 WAKEUP",
                "14 HEARTBEAT",
            },
        ),
    ],
)
def test_what_may_be_lost(retention: Retention, codes: set[str]) -> None:
    assert {code for code, rule in EVENT_RULES.items() if rule.retention is retention} == codes


def test_events_of_vendors_have_rules_too() -> None:
    assert rule_of("M X_00256D_Do").multiple
    assert not rule_of("X 00256D Something").multiple


# ---------------------------------------------------------------- adding


def test_single_events_merge_and_multiple_ones_do_not() -> None:
    reboot = EventStruct(EventCode.M_REBOOT, "k")

    events = queue(PERIODIC, BOOT, reboot)
    events.add([BOOT, reboot, PERIODIC])

    assert waiting(events) == [PERIODIC, BOOT, reboot, reboot]


def test_bootstrap_discards_what_was_there_before_it() -> None:
    events = queue(TRANSFER_COMPLETE, VALUE_CHANGE)
    events.add([BOOTSTRAP, BOOT])

    assert waiting(events) == [BOOTSTRAP, BOOT]


# ---------------------------------------------------------------- a session


def test_an_inform_that_is_answered_delivers_its_events() -> None:
    events = queue(BOOT, TRANSFER_COMPLETE, EventStruct(EventCode.M_DOWNLOAD, "k"), EventStruct("X 00256D a"))

    assert events.open_session() == events.waiting
    events.forget_delivered(INFORM)
    assert waiting(events) == [TRANSFER_COMPLETE, EventStruct(EventCode.M_DOWNLOAD, "k")]
    events.forget_delivered(transferred("k"))
    assert waiting(events) == []


def test_what_happens_during_a_session_is_not_delivered_by_it() -> None:
    events = queue(VALUE_CHANGE)
    events.open_session()
    events.add([VALUE_CHANGE, VALUE_CHANGE])
    assert waiting(events) == [VALUE_CHANGE, VALUE_CHANGE]

    events.forget_delivered(INFORM)
    events.close_session()

    assert waiting(events) == [VALUE_CHANGE]
    assert events.open_session() == (VALUE_CHANGE,)


def test_a_bootstrap_during_a_session_waits_for_the_next_one() -> None:
    events = queue(BOOTSTRAP, TRANSFER_COMPLETE)
    events.open_session()
    events.add([BOOTSTRAP])
    events.forget_delivered(INFORM)
    events.forget_delivered(transferred(""))
    events.close_session()

    assert waiting(events) == [BOOTSTRAP]


def test_a_session_that_failed_leaves_its_events_but_no_connection_request() -> None:
    events = queue(CONNECTION_REQUEST, PERIODIC, VALUE_CHANGE)
    events.open_session()
    events.add([CONNECTION_REQUEST, VALUE_CHANGE])
    events.close_session()

    assert waiting(events) == [PERIODIC, VALUE_CHANGE, CONNECTION_REQUEST]


def test_each_transfer_is_delivered_by_its_own_request() -> None:
    first, second = EventStruct(EventCode.M_DOWNLOAD, "a"), EventStruct(EventCode.M_UPLOAD, "b")
    events = queue(TRANSFER_COMPLETE, first, second)
    events.open_session()
    events.forget_delivered(INFORM)

    events.forget_delivered(transferred("a"), [transferred("b")])
    assert waiting(events) == [TRANSFER_COMPLETE, second]
    events.forget_delivered(transferred("b"), [INFORM])
    assert waiting(events) == []


def test_transfers_with_one_command_key_are_delivered_one_by_one() -> None:
    download = EventStruct(EventCode.M_DOWNLOAD, "")
    events = queue(TRANSFER_COMPLETE, download, download)

    events.forget_delivered(transferred(""), [transferred("")])
    assert waiting(events) == [TRANSFER_COMPLETE, download]
    events.forget_delivered(transferred(""))
    assert waiting(events) == []


def test_a_request_without_a_command_key_delivers_its_single_event() -> None:
    events = queue(EventStruct(EventCode.REQUEST_DOWNLOAD), TRANSFER_COMPLETE)

    events.forget_delivered(RequestDownload("1 Firmware Upgrade Image"))

    assert waiting(events) == [TRANSFER_COMPLETE]


def test_64_events_go_into_one_inform_and_the_others_into_the_next() -> None:
    reboots = [EventStruct(EventCode.M_REBOOT, str(number)) for number in range(70)]
    events = queue(VALUE_CHANGE, *reboots)

    assert events.open_session() == tuple(reboots[:64])
    events.forget_delivered(INFORM)
    events.close_session()
    assert events.open_session() == (VALUE_CHANGE, *reboots[64:])


# ---------------------------------------------------------------- reboots and restarts


def test_a_request_is_told_of_when_the_inform_has_all_its_events() -> None:
    events = queue(
        *(EventStruct(EventCode.M_DOWNLOAD, str(number)) for number in range(65)), TRANSFER_COMPLETE
    )
    events.open_session()
    assert not events.tells_of(transferred("0"))  # 7 TRANSFER COMPLETE had no room
    alone = queue(EventStruct(EventCode.M_DOWNLOAD, "0"), TRANSFER_COMPLETE)
    alone.open_session()
    assert alone.tells_of(transferred("0"))


def test_a_reboot_of_the_device_keeps_what_must_never_be_discarded() -> None:
    events = EventQueue(EventStruct(code) for code in EventCode)
    events.reboot()

    assert {event.event_code for event in events.waiting} == {
        code for code, rule in EVENT_RULES.items() if rule.retention is Retention.NEVER_DISCARD
    }


def test_a_restart_of_the_process_keeps_all_but_the_connection_request() -> None:
    events = EventQueue(EventStruct(code, "k") for code in EventCode)

    again = EventQueue.from_record(json.loads(json.dumps(events.to_record())))

    assert again.waiting == tuple(
        event for event in events.waiting if event.event_code != CONNECTION_REQUEST.event_code
    )


def test_a_process_that_died_in_a_session_merges_what_happened_meanwhile() -> None:
    events = queue(VALUE_CHANGE)
    events.open_session()
    events.add([VALUE_CHANGE])

    assert EventQueue.from_record(events.to_record()).waiting == (VALUE_CHANGE,)


@pytest.mark.parametrize("record", [None, 7, [1], [["a"]], [["a", "b", "c"]]])
def test_what_is_no_record_is_refused(record: Any) -> None:
    with pytest.raises(ValueError, match=r"record|unpack"):
        EventQueue.from_record(record)


@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.just("add"),
                st.builds(EventStruct, st.sampled_from(list(EventCode)), st.sampled_from(["", "k"])),
            ),
            st.tuples(st.sampled_from(["open", "deliver", "close", "reboot", "restart"]), st.none()),
        ),
        max_size=40,
    )
)
def test_no_event_is_lost_and_none_is_there_twice(steps: list[tuple[str, EventStruct | None]]) -> None:
    events = EventQueue()
    carried: tuple[EventStruct, ...] | None = None
    for step, event in steps:
        before = events.waiting
        if event:
            events.add([event])
            assert event in events.waiting
        elif step == "open" and carried is None:
            carried = events.open_session()
            assert sorted(map(repr, carried)) == sorted(map(repr, before))
        elif step == "deliver" and carried is not None:
            events.forget_delivered(INFORM)
            assert all(gone in carried for gone in set(before) - set(events.waiting))
        elif step == "close":
            events.close_session()
            carried = None
        elif step == "reboot":
            events.reboot()
        elif step == "restart":
            events = EventQueue.from_record(events.to_record())
            carried = None
        lost = {event.event_code for event in set(before) - set(events.waiting)}
        if step in {"close", "restart"}:
            assert lost <= {CONNECTION_REQUEST.event_code}
        if carried is None:
            singles = [event for event in events.waiting if not rule_of(event.event_code).multiple]
            assert len(singles) == len(set(singles))
