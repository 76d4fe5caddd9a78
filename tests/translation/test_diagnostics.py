from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwmp_client.faults import CwmpFault
from tests.translation.bench import Bench, Script
from translation.actions import ActionError, ActionResult, DeviceUnreachable, Service, StateChange
from translation.bms import Progress
from translation.diagnostic_objects import DIAGNOSTICS, NSLOOKUP, PING, SELF_TEST, TRACEROUTE
from translation.diagnostics import COMPLETED, STATE, Diagnostic, Phase
from translation.operations import (
    Cancelled,
    Changed,
    Done,
    Failed,
    Happening,
    Left,
    Returned,
    Run,
    SessionEnded,
    Started,
    WakeAt,
    WasReset,
    Woke,
)

ALL = frozenset({"GetActiveTestIDs", "GetTestInfo", "CancelTest"})
SILENT = DeviceUnreachable("no answer")
BUSY = ActionError(708, "Invalid Test State")
PINGED = {
    "Status": "Success",
    "AdditionalInfo": "",
    "SuccessCount": "3",
    "FailureCount": "1",
    "AverageResponseTime": "12",
    "MinimumResponseTime": "9",
    "MaximumResponseTime": "17",
}
TAKES: Script = {"Ping": {"TestID": "7"}}
RUNS: Script = {**TAKES, "GetActiveTestIDs": {"TestIDs": "7,3"}, "CancelTest": {}}
ENDS: Script = {**TAKES, "GetActiveTestIDs": {"TestIDs": "3"}, "GetPingResult": PINGED, "CancelTest": {}}


def pinging(host: str = "a.example", offered: frozenset[str] = ALL) -> Bench[Diagnostic]:
    """A ping that the ACS has just asked for."""
    return Bench(Diagnostic.of(PING).written({"Host": host, STATE: "Requested"}, offered))


def active(*test_ids: int) -> Changed:
    ids = ",".join(map(str, test_ids))
    return Changed(StateChange(Service.BMS, {"ActiveTestIDs": ids}))


def shown(diagnostic: Diagnostic) -> dict[str, str]:
    """What the ACS reads, without the path of the object."""
    path = diagnostic.table.path
    return {each.name.removeprefix(path): each.value for each in diagnostic.parameters()}


# ------------------------------------------------------------------ Figure 6


def test_a_test_from_request_to_result() -> None:
    bench = pinging()
    assert shown(bench.here)[STATE] == "Requested"
    assert bench.calls == []
    assert bench.run(SessionEnded(), TAKES) == ["Ping"]
    assert bench.calls[0].arguments == {
        "Host": "a.example",
        "NumberOfRepetitions": "4",
        "Timeout": "5000",
        "DataBlockSize": "32",
        "DSCP": "0",
    }
    assert bench.run(active(7), RUNS) == []
    assert bench.run(active(3), ENDS) == ["GetPingResult"]
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]
    assert shown(bench.here) == {
        STATE: "Complete",
        "Interface": "",
        "Host": "a.example",
        "NumberOfRepetitions": "4",
        "Timeout": "5000",
        "DataBlockSize": "32",
        "DSCP": "0",
        "SuccessCount": "3",
        "FailureCount": "1",
        "AverageResponseTime": "12",
        "MinimumResponseTime": "9",
        "MaximumResponseTime": "17",
    }


def test_without_events_the_device_is_asked_at_growing_intervals() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    waits = []
    for _ in range(6):
        waits.append(bench.wait().total_seconds())
        assert bench.run(Woke(), RUNS) == ["GetActiveTestIDs"]
    waits.append(bench.wait().total_seconds())
    assert waits == [1, 1, 2, 4, 8, 16, 18]  # the last one is when the timer of 50 s ends
    assert bench.run(Woke(), ENDS) == ["GetPingResult"]
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


def test_a_device_that_cannot_list_active_tests_is_asked_for_the_result() -> None:
    bench = pinging(offered=frozenset())
    bench.run(SessionEnded(), TAKES)
    bench.wait()
    assert bench.run(Woke(), {"GetPingResult": BUSY}) == ["GetPingResult"]
    bench.wait()
    assert bench.run(Woke(), {"GetPingResult": PINGED}) == ["GetPingResult"]
    assert bench.here.state == "Complete"


def test_a_test_that_ends_before_its_id_is_known_is_found_by_the_first_look() -> None:
    bench = pinging()
    bench.happen(SessionEnded())
    assert bench.happen(active()) == ()
    bench.happen(Done(7))
    assert bench.wait() == timedelta(seconds=1)
    bench.run(Woke(), ENDS)
    assert bench.here.state == "Complete"


def test_an_event_of_before_the_test_began_does_no_harm() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    busy: Script = {"GetPingResult": BUSY, "GetTestInfo": {"Type": "Ping", "State": "InProgress"}}
    assert bench.run(active(3), busy) == ["GetPingResult", "GetTestInfo"]
    assert bench.events == []
    bench.wait()
    bench.run(Woke(), ENDS)
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


@pytest.mark.parametrize(
    "event",
    [
        Changed(StateChange(Service.CMS, {"ActiveTestIDs": ""})),
        Changed(StateChange(Service.BMS, {"TestIDs": "7"})),
        active(7, 8),
        Left(),
    ],
)
def test_what_is_no_end_of_the_test(event: Happening) -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    assert bench.happen(event) == ()


@pytest.mark.parametrize("error", [SILENT, ActionError(501), ActionError(603), ActionError(703)])
def test_a_request_is_repeated_up_to_a_limit(error: Any) -> None:
    bench = pinging()
    assert bench.run(SessionEnded(), {"Ping": error}) == ["Ping"]
    waits = []
    while bench.wake:
        assert bench.here.state == "Requested"
        waits.append(bench.wait().total_seconds())
        bench.run(Woke(), {"Ping": error})
    assert waits == [5, 10, 20, 40]
    assert bench.names == ["Ping"] * 5
    assert bench.here.state == "Error_Other"
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


@pytest.mark.parametrize("error", [ActionError(402), ActionError(602), ActionError(600)])
def test_a_refusal_for_good_is_not_repeated(error: ActionError) -> None:
    bench = pinging()
    bench.run(SessionEnded(), {"Ping": error})
    assert bench.here.state == "Error_Other"
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


def test_a_defect_of_ours_ends_the_test() -> None:
    bench = pinging()
    bench.happen(SessionEnded())
    bench.happen(Failed(CwmpFault(9002)))
    assert bench.here.state == "Error_Other"


@pytest.mark.parametrize("error", [ActionError(706), ActionError(707)])
def test_a_lost_test_is_an_error(error: ActionError) -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.run(active(), {"GetPingResult": error})
    assert bench.here.state == "Error_Other"
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


def test_a_test_that_someone_else_cancelled_is_an_error() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    script: Script = {"GetPingResult": BUSY, "GetTestInfo": {"Type": "Ping", "State": "Canceled"}}
    bench.run(active(), script)
    assert bench.here.state == "Error_Other"


def test_a_test_that_never_ends_is_given_up_and_cancelled() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    busy: Script = {
        "GetActiveTestIDs": {"TestIDs": "7"},
        "GetPingResult": BUSY,
        "GetTestInfo": {"Type": "Ping", "State": "InProgress"},
        "CancelTest": {},
    }
    for _ in range(30):
        if not bench.wake:
            break
        bench.wait()
        bench.run(Woke(), busy)
    assert bench.names[-1] == "CancelTest"
    assert bench.here.state == "Error_Other"
    assert bench.here.phase is Phase.IDLE
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


def test_the_timer_of_a_test_that_waits_behind_others_begins_anew() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.now += timedelta(minutes=5)
    queued: Script = {"GetPingResult": BUSY, "GetTestInfo": {"Type": "Ping", "State": "Requested"}}
    bench.run(Woke(), queued)
    assert bench.here.failures == 0
    bench.wait()
    bench.run(Woke(), RUNS)
    bench.wait()
    bench.run(Woke(), ENDS)
    assert bench.here.state == "Complete"


def test_a_test_that_waits_for_ever_is_given_up() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.now += timedelta(days=2)
    queued: Script = {
        "GetPingResult": BUSY,
        "GetTestInfo": {"Type": "Ping", "State": "Requested"},
        "CancelTest": {},
    }
    for _ in range(5):
        bench.run(Woke(), queued)
    assert bench.here.state == "Error_Other"


# ------------------------------------------------------------------ the device comes and goes


def test_a_device_that_goes_for_good_ends_the_test_with_an_error() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.happen(Left())
    while bench.wake:
        bench.wait()
        bench.run(Woke(), {"GetActiveTestIDs": SILENT, "GetPingResult": SILENT, "CancelTest": SILENT})
    assert bench.here.state == "Error_Other"
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


def test_a_device_that_is_back_without_a_restart_is_asked_at_once() -> None:
    bench = pinging()
    bench.run(SessionEnded(), {"Ping": SILENT})
    bench.run(Returned(restarted=False), TAKES)
    assert bench.run(Returned(restarted=False), ENDS) == ["GetActiveTestIDs", "GetPingResult"]
    assert bench.here.state == "Complete"


def test_a_restarted_device_has_lost_the_test() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.happen(Returned(restarted=True))
    assert bench.here.state == "Error_Other"
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


def test_a_restart_before_the_test_began_delays_it_only() -> None:
    bench = pinging()
    bench.run(SessionEnded(), {"Ping": SILENT})
    assert bench.run(Returned(restarted=True), TAKES) == ["Ping"]


def test_results_outlive_the_device_and_the_proxier() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.run(active(), ENDS)
    before = shown(bench.here)
    for happening in (Left(), Started(), Returned(restarted=True), Woke(), SessionEnded()):
        assert bench.happen(happening) == ()
    assert shown(bench.here) == before
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


def test_a_factory_reset_of_the_device_forgets_all() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.happen(WasReset())
    assert bench.operation is None
    assert bench.events == []


# ------------------------------------------------------------------ the proxier restarts


@pytest.mark.parametrize(
    ("before", "called"),
    [
        ([], ["Ping"]),  # recorded, the session not over
        ([SessionEnded()], ["Ping"]),  # asked, the answer lost with us
        ([SessionEnded(), Done(7)], ["GetActiveTestIDs", "GetPingResult"]),
        ([SessionEnded(), Done(7), Woke()], ["GetActiveTestIDs", "GetPingResult"]),
        ([SessionEnded(), Failed(SILENT)], ["Ping"]),
    ],
)
def test_a_restart_of_the_proxier_at_each_step(before: list[Happening], called: list[str]) -> None:
    bench = pinging()
    for happening in before:
        bench.happen(happening)
    assert all(isinstance(each, WakeAt) for each in bench.happen(Started()))
    assert bench.wait() == timedelta(seconds=5)
    assert bench.run(Woke(), ENDS) == called
    if bench.here.phase is not Phase.IDLE:
        bench.wait()
        bench.run(Woke(), ENDS)
    assert bench.here.state == "Complete"
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


def test_a_restart_of_the_proxier_while_a_test_is_cancelled() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.here = bench.here.written({STATE: "Canceled"}, ALL)
    bench.happen(SessionEnded())
    assert bench.here.phase is Phase.CANCELLING
    bench.happen(Started())
    assert bench.run(Woke(), RUNS) == ["CancelTest"]
    assert (bench.here.state, bench.here.phase, bench.events) == ("None", Phase.IDLE, [])


def test_a_restart_of_the_proxier_while_a_stale_test_is_asked_for() -> None:
    bench = pinging()
    bench.happen(SessionEnded())
    bench.here = bench.here.written({STATE: "Canceled"}, ALL)
    assert bench.happen(Started()) == ()
    assert (bench.here.state, bench.here.phase) == ("None", Phase.IDLE)


# ------------------------------------------------------------------ what the ACS writes meanwhile


@pytest.mark.parametrize(
    ("values", "state", "called"),
    [
        ({"Host": "b.example"}, "None", ["CancelTest"]),
        ({STATE: "Canceled"}, "None", ["CancelTest"]),
        ({STATE: "Canceled", "Host": "b.example"}, "None", ["CancelTest"]),
        ({STATE: "Requested"}, "Requested", ["CancelTest", "Ping"]),
        ({STATE: "Requested", "Host": "b.example"}, "Requested", ["CancelTest", "Ping"]),
    ],
)
def test_writing_while_the_test_runs(values: dict[str, str], state: str, called: list[str]) -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.here = bench.here.written(values, ALL)
    assert shown(bench.here)[STATE] == state
    assert bench.happen(active(7)) == ()
    assert bench.happen(Woke()) == ()  # nothing is done before the session is over
    assert bench.run(SessionEnded(), RUNS) == called
    assert bench.calls[-len(called)].arguments == {"TestID": "7"}
    assert bench.events == []
    if state == "Requested":
        assert bench.calls[-1].arguments["Host"] == values.get("Host", "a.example")
        bench.run(active(), ENDS)
        assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


def test_writing_the_same_value_changes_nothing() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.run(active(), ENDS)
    assert bench.here.written({"Host": "a.example", "Timeout": "05000"}, ALL) is bench.here


def test_a_changed_input_takes_the_result_away() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.run(active(), ENDS)
    changed = shown(bench.here.written({"Timeout": "1000"}, ALL))
    assert (changed[STATE], changed["Timeout"], changed["SuccessCount"]) == ("None", "1000", "0")


def test_a_request_taken_back_in_the_same_session_never_happens() -> None:
    bench = pinging()
    bench.here = bench.here.written({STATE: "Canceled"}, ALL)
    assert bench.run(SessionEnded(), {}) == []
    assert bench.here.state == "None"


@pytest.mark.parametrize("outcome", [Done(7), Failed(SILENT), Failed(ActionError(402))])
def test_writing_while_the_device_is_asked(outcome: Done | Failed) -> None:
    bench = pinging()
    bench.happen(SessionEnded())
    bench.here = bench.here.written({STATE: "Requested", "Host": "b.example"}, ALL)
    assert bench.happen(outcome) == ()
    expected = ["CancelTest", "Ping"] if isinstance(outcome, Done) else ["Ping"]
    assert bench.run(SessionEnded(), RUNS) == expected
    assert bench.calls[-1].arguments["Host"] == "b.example"


@pytest.mark.parametrize("outcome", [Done(ActionResult(PINGED)), Done(Progress.IN_PROGRESS), Failed(SILENT)])
def test_writing_while_the_result_is_asked_for(outcome: Done | Failed) -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.happen(active())
    bench.here = bench.here.written({STATE: "Canceled"}, ALL)
    bench.happen(outcome)
    bench.run(SessionEnded(), RUNS)
    assert (bench.here.state, bench.here.phase, bench.events) == ("None", Phase.IDLE, [])


@pytest.mark.parametrize("answer", [{}, SILENT, ActionError(706), ActionError(709)])
def test_a_cancel_that_fails_changes_nothing_for_the_acs(answer: Any) -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.here = bench.here.written({STATE: "Requested"}, ALL)
    assert bench.run(SessionEnded(), {**TAKES, "CancelTest": answer}) == ["CancelTest", "Ping"]


def test_a_device_that_cannot_cancel_is_left_alone_with_the_old_test() -> None:
    bench = pinging(offered=frozenset())
    bench.run(SessionEnded(), TAKES)
    bench.here = bench.here.written({STATE: "Requested"}, frozenset())
    assert bench.run(SessionEnded(), TAKES) == ["Ping"]


def test_a_stale_test_goes_with_a_restart_of_the_device() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    bench.here = bench.here.written({STATE: "Requested"}, ALL)
    bench.happen(Returned(restarted=True))
    assert bench.run(SessionEnded(), TAKES) == ["Ping"]
    assert bench.events == []


def test_the_happening_cancelled_acts_at_once() -> None:
    bench = pinging()
    bench.run(SessionEnded(), TAKES)
    assert bench.run(Cancelled(), RUNS) == ["CancelTest"]
    assert (bench.here.state, bench.events) == ("None", [])


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"Host": "a.example", STATE: "Requested"}, []),
        ({STATE: "Canceled"}, []),
        ({STATE: "Requested"}, [STATE]),  # there is no Host yet
        ({STATE: "Complete"}, [STATE]),
        ({STATE: "None"}, [STATE]),
        ({STATE: "requested"}, [STATE]),
        ({"Host": "h" * 300, "DSCP": "64", "Timeout": "0", STATE: ""}, ["Host", "DSCP", "Timeout", STATE]),
        ({"Host": "a", "DSCP": "64", STATE: "Requested"}, ["DSCP"]),
    ],
)
def test_what_cannot_be_written(values: dict[str, str], wrong: list[str]) -> None:
    faults = Diagnostic.of(PING).faults(values)
    assert [fault.name for fault in faults] == wrong
    assert all(fault.code == 9007 and fault.text for fault in faults)


# ------------------------------------------------------------------ the other tests


def result_of(table: str, values: dict[str, str], answer: dict[str, str]) -> Bench[Diagnostic]:
    diagnostic = DIAGNOSTICS[table]
    bench = Bench(Diagnostic.of(diagnostic).written({**values, STATE: "Requested"}, ALL))
    bench.run(SessionEnded(), {diagnostic.action: {"TestID": "1"}})
    bench.run(active(), {diagnostic.result_action: answer})
    return bench


def test_a_traceroute() -> None:
    answer = {"Status": "Error_MaxHopCountExceeded", "ResponseTime": "31", "HopHosts": "192.0.2.1,,b.example"}
    bench = result_of("Traceroute", {"Host": "b.example", "NumberOfTries": "2"}, answer)
    assert bench.calls[0].arguments == {
        "Host": "b.example",
        "Timeout": "5000",
        "DataBlockSize": "38",
        "MaxHopCount": "30",
        "DSCP": "0",
    }
    values = shown(bench.here)
    assert values[STATE] == "Error_MaxHopCountExceeded"
    assert values["ResponseTime"] == "31"
    assert values["RouteHopsNumberOfEntries"] == "3"
    rows = {name: value for name, value in values.items() if name.startswith("RouteHops.")}
    assert rows == {
        "RouteHops.": "",
        **{f"RouteHops.{n}.HostAddress": "" for n in (1, 2, 3)},
        **{f"RouteHops.{n}.ErrorCode": "0" for n in (1, 2, 3)},
        "RouteHops.1.Host": "192.0.2.1",
        "RouteHops.2.Host": "",
        "RouteHops.3.Host": "b.example",
        "RouteHops.1.RTTimes": "",
        "RouteHops.2.RTTimes": "0",
        "RouteHops.3.RTTimes": "31",
    }


def test_a_lookup() -> None:
    row = (
        "<Result><Status>{}</Status><AnswerType>{}</AnswerType><HostNameReturned>b.example</HostNameReturned>"
        "<IPAddresses>{}</IPAddresses><DNSServerIP>192.0.2.1</DNSServerIP><ResponseTime>{}</ResponseTime></Result>"
    )
    text = "".join(
        [
            '<bms:NSLookupResult xmlns:bms="urn:schemas-upnp-org:dm:bms">',
            row.format("Success", "NonAuthoritative", " 192.0.2.5 , 192.0.2.6", "12"),
            row.format("Error_Odd", "Perhaps", ",".join(f"192.0.2.{n}" for n in range(20)), "soon"),
            "</bms:NSLookupResult>",
        ]
    )
    answer = {"Status": "Success", "AdditionalInfo": "", "SuccessCount": "1", "Result": text}
    bench = result_of("NSLookup", {"HostName": "b.example", "NumberOfRepetitions": "2"}, answer)
    assert bench.calls[0].arguments == {
        "HostName": "b.example",
        "DNSServer": "",
        "NumberOfRepetitions": "2",
        "Timeout": "5000",
    }
    values = shown(bench.here)
    assert values[STATE] == "Complete"
    assert values["ResultNumberOfEntries"] == "2"
    assert [
        values[f"Result.1.{name}"] for name in ("Status", "AnswerType", "IPAddresses", "ResponseTime")
    ] == [
        "Success",
        "NonAuthoritative",
        "192.0.2.5,192.0.2.6",
        "12",
    ]
    assert [
        values[f"Result.2.{name}"] for name in ("Status", "AnswerType", "IPAddresses", "ResponseTime")
    ] == [
        "Error_Other",
        "None",
        ",".join(f"192.0.2.{n}" for n in range(10)),
        "0",
    ]


def test_a_lookup_whose_result_is_no_document_is_an_error() -> None:
    bench = result_of("NSLookup", {"HostName": "b"}, {"Status": "Success", "Result": "oops"})
    assert bench.here.state == "Error_Other"
    assert bench.events == [("8 DIAGNOSTICS COMPLETE", "")]


@pytest.mark.parametrize(("status", "state"), [("1", "Complete"), ("0", "Error_Other")])
def test_a_self_test(status: str, state: str) -> None:
    bench = result_of("SelfTest", {}, {"Status": status, "AdditionalInfo": "fan: fine"})
    assert bench.calls[0].arguments == {}
    assert shown(bench.here) == {STATE: state, "Results": "fan: fine"}


def test_an_unresolvable_host() -> None:
    bench = result_of("Ping", {"Host": "nowhere.example"}, {"Status": "Error_CannotResolveHostName"})
    values = shown(bench.here)
    assert (values[STATE], values["SuccessCount"]) == ("Error_CannotResolveHostName", "0")


# ------------------------------------------------------------------ any order

STATES = {"None", "Requested", "Complete", "Error_Other", "Error_Internal", "Error_CannotResolveHostName"}

ANSWERS = st.sampled_from(
    [
        Done(7),
        Done(ActionResult(PINGED)),
        Done(ActionResult({"Status": "Error_Internal"})),
        *(Done(each) for each in Progress),
        Failed(SILENT),
        Failed(BUSY),
        Failed(ActionError(706)),
        Failed(CwmpFault(9002)),
    ]
)
HAPPENINGS = st.sampled_from(
    [
        SessionEnded(),
        Woke(),
        Started(),
        Left(),
        Returned(restarted=False),
        Returned(restarted=True),
        active(),
        active(7),
        Cancelled(),
    ]
)
WRITES = st.sampled_from(
    [{STATE: "Requested"}, {STATE: "Canceled"}, {"Host": "b.example"}, {"Host": "a.example"}]
)


def fitting(operation: Diagnostic, answer: Done | Failed) -> bool:
    """Whether a plan that is under way could have this outcome."""
    if isinstance(answer, Failed) or operation.phase is Phase.CANCELLING:
        return True
    return isinstance(answer.result, int) == (operation.phase is Phase.ASKING)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.one_of(HAPPENINGS, ANSWERS, WRITES), st.integers(0, 100)), max_size=40))
def test_in_any_order_nothing_is_reported_twice_and_every_state_is_a_listed_one(steps: list[Any]) -> None:
    bench = pinging()
    asked = 1
    for what, seconds in steps:
        bench.now += timedelta(seconds=seconds)
        if isinstance(what, dict):
            bench.here = bench.here.written(what, ALL)
            asked += what.get(STATE) == "Requested"
        elif not isinstance(what, Done | Failed) or fitting(bench.here, what):
            commands = bench.happen(what)
            assert sum(isinstance(each, Run) for each in commands) <= 1
        assert bench.here.state in STATES
        assert len(bench.reports) <= asked
        if bench.here.phase is Phase.IDLE:
            assert bench.here.state != "Requested"
            assert not bench.here.stale
    reported = len(bench.reports)

    # Whatever went before: when sessions end and the device answers, the test ends and is reported once.
    was_requested = bench.here.state == "Requested"
    bench.run(Started(), {})
    for _ in range(4):
        bench.now += timedelta(minutes=1)
        bench.run(Woke(), ENDS)
    assert bench.here.phase is Phase.IDLE
    assert len(bench.reports) == reported + was_requested
    if was_requested:
        assert bench.here.state == "Complete"
        assert bench.reports[-1] == COMPLETED


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(WRITES, st.booleans()), max_size=10))
def test_a_silent_device_ends_every_test(writes: list[Any]) -> None:
    bench = pinging()
    for values, ended in writes:
        bench.here = bench.here.written(values, ALL)
        if ended:
            bench.run(SessionEnded(), {"Ping": SILENT, "CancelTest": SILENT})
    bench.run(SessionEnded(), {"Ping": SILENT, "CancelTest": SILENT})
    for _ in range(10):
        if bench.wake:
            bench.wait()
        bench.run(Woke(), {"Ping": SILENT, "CancelTest": SILENT})
    assert bench.here.phase is Phase.IDLE
    assert bench.here.state in {"None", "Error_Other"}


def test_the_tables_name_one_diagnostic_each() -> None:
    assert {Diagnostic.of(table).key for table in (PING, TRACEROUTE, NSLOOKUP, SELF_TEST)} == {
        "diagnostic/Ping",
        "diagnostic/Traceroute",
        "diagnostic/NSLookup",
        "diagnostic/SelfTest",
    }
