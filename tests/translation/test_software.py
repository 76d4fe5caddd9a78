"""Updates of the firmware from the Download to the TransferComplete, step by step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import (
    AutonomousTransferComplete,
    Download,
    FaultStruct,
    TransferComplete,
)
from tests.translation.bench import START, Answer, Bench, Script, carry_out
from translation.actions import AboutTo, ActionError, DeviceUnreachable, Service, StateChange
from translation.files import RelayMode
from translation.firmware import begin_download
from translation.operations import (
    Changed,
    Done,
    Failed,
    Left,
    Returned,
    Run,
    SessionEnded,
    Started,
    Transfer,
    WakeAt,
    WasReset,
    Woke,
)
from translation.software import Software
from translation.software_facts import Facts, Survey
from translation.software_operation import Stage
from translation.software_state import Work
from translation.units import KnownUnit, KnownUnits

URL = "http://acs.example/image.bin"
OFFERED = frozenset({"Update", "GetOperationIDs", "GetOperationInfo", "GetDUInfo"})
SILENT = DeviceUnreachable("no answer")
FORGOTTEN = ActionError(707, "Invalid Operation")

NOTHING: Answer = {"OperationIDs": ""}
OURS: Answer = {"OperationIDs": "7"}


def version(text: str) -> Answer:
    return {"DUName": "firmware", "DUVersion": text, "DUState": "Installed", "DUURI": "http://a/b"}


def info(
    error: str = "Error_None", state: str = "Completed", text: str = "", target: str = "0"
) -> dict[str, str]:
    return {
        "OperationState": state,
        "TargetedIDs": target,
        "Action": "Update",
        "ErrorDescription": error,
        "AdditionalInfo": text,
    }


QUIET: Script = {"GetOperationIDs": NOTHING, "GetDUInfo": version("1.0"), "Update": {"OperationID": "7"}}


def listed(*ids: int, complete: bool = False) -> Changed:
    return Changed(StateChange(Service.SMS, {"OperationIDs": ",".join(map(str, ids))}, complete))


def download(key: str = "key", *, relay: RelayMode = RelayMode.AUTO, **changes: Any) -> Any:
    request = Download(key, "1 Firmware Upgrade Image", URL, **changes)
    return begin_download(request, OFFERED, relay, number=f"n-{key}", queued=0, now=START)


def asked(*jobs: Any, **options: Any) -> Bench[Software]:
    """A device for which the ACS has asked for something."""
    return Bench(Software(OFFERED, time_out_seconds=600, queue=jobs or (download(),), **options))


def updating(*jobs: Any) -> Bench[Software]:
    """The device has taken the first Update, at START."""
    bench = asked(*jobs)
    assert bench.run(SessionEnded(), QUIET) == ["GetOperationIDs", "GetDUInfo", "Update"]
    return bench


def survey_of(software: str, *operations: int) -> Survey:
    """What a survey brings before an Update."""
    return Survey(frozenset(operations), frozenset(operations), also=Facts(software, "GetDUInfo"))


def told(bench: Bench[Software], key: str = "key", which: int = -1) -> TransferComplete:
    report = bench.reports[which]
    assert [(each.event_code, each.command_key) for each in report.events] == [
        ("7 TRANSFER COMPLETE", ""),
        ("M Download", key),
    ]
    (request,) = report.requests
    assert isinstance(request, TransferComplete)
    assert request.command_key == key
    return request


def failed(bench: Bench[Software]) -> tuple[int, str]:
    assert len(bench.reports) == 1
    fault = told(bench).fault_struct
    assert bench.here.queue == ()
    return int(fault.fault_code), fault.fault_string


def is_idle(bench: Bench[Software]) -> bool:
    here = bench.here
    return not (here.queue or here.own or here.others or here.work or here.seen.unknown)


# ------------------------------------------------------------------ how it goes well


def test_an_update_by_events() -> None:
    bench = updating()
    assert bench.calls[-1].arguments == {"DUID": "0", "NewDUURI": URL, "HandleDependencies": "0"}
    bench.happen(listed(7))
    bench.now += timedelta(seconds=90)
    assert bench.run(listed(), {"GetOperationInfo": info()}) == ["GetOperationInfo"]
    assert told(bench) == TransferComplete(
        "key", FaultStruct(), "2026-03-01T12:00:00Z", "2026-03-01T12:01:30Z"
    )
    assert len(bench.reports) == 1
    assert is_idle(bench)


def test_an_update_by_polling() -> None:
    bench = updating()
    waits: list[float] = []
    while len(waits) < 8:
        waits.append(bench.wait().total_seconds())
        still = {"GetOperationIDs": OURS, "GetOperationInfo": info(state="InProgress")}
        assert bench.run(Woke(), still)[0] == "GetOperationIDs"
    assert waits == [1, 1, 2, 4, 8, 16, 30, 30]
    bench.wait()
    script = {"GetOperationIDs": NOTHING, "GetOperationInfo": info()}
    assert bench.run(Woke(), script) == ["GetOperationIDs", "GetOperationInfo"]
    assert told(bench).complete_time == "2026-03-01T12:02:02Z"
    assert is_idle(bench)


def test_events_that_overtake_the_answer() -> None:
    bench = asked()
    bench.happen(SessionEnded())
    (call,) = bench.happen(Done(survey_of("1.0")))
    assert bench.here.own
    assert bench.here.own.stage is Stage.CALLING
    bench.now += timedelta(seconds=2)
    assert bench.happen(listed(7)) == ()
    bench.now += timedelta(seconds=3)
    assert bench.happen(listed()) == ()
    bench.now += timedelta(seconds=4)
    assert isinstance(call, Run)
    assert bench.run(Done(7), {"GetOperationInfo": info()}) == ["GetOperationInfo"]
    assert told(bench).start_time == "2026-03-01T12:00:02Z"
    assert told(bench).complete_time == "2026-03-01T12:00:05Z"
    assert is_idle(bench)


def test_an_event_of_the_time_before_the_call_comes_late() -> None:
    bench = updating()
    assert bench.run(listed(), {"GetOperationInfo": info(state="InProgress")}) == ["GetOperationInfo"]
    bench.happen(listed(7))
    bench.now += timedelta(seconds=90)
    bench.run(listed(), {"GetOperationInfo": info()})
    assert told(bench).fault_struct == FaultStruct()
    assert told(bench).complete_time == "2026-03-01T12:01:30Z"


@pytest.mark.parametrize("events", [True, False])
def test_a_restart_that_forgets_the_operation(events: bool) -> None:
    bench = updating()
    bench.happen(Left(frozenset({AboutTo.REBOOT})))
    bench.wait()
    bench.run(Woke(), {"GetOperationIDs": SILENT})
    bench.now = START + timedelta(minutes=2)
    script = {"GetOperationInfo": FORGOTTEN, "GetDUInfo": version("2.0")}
    returned = Returned(restarted=True)
    if not events:
        assert bench.run(returned, script) == ["GetOperationInfo", "GetDUInfo"]
    else:
        bench.happen(returned)
        bench.now += timedelta(seconds=5)
        bench.happen(listed(complete=True))
        assert bench.run(Failed(SILENT), script) == ["GetOperationInfo", "GetDUInfo"]
    assert told(bench) == TransferComplete(
        "key", FaultStruct(), "2026-03-01T12:00:00Z", "2026-03-01T12:02:00Z"
    )


def test_a_restart_that_the_operation_outlives() -> None:
    bench = updating()
    bench.happen(Left(frozenset({AboutTo.REBOOT})))
    bench.now += timedelta(minutes=2)
    still = {"GetOperationInfo": info(state="InProgress")}
    assert bench.run(Returned(restarted=True), still) == ["GetOperationInfo"]
    bench.now += timedelta(minutes=1)
    bench.run(listed(7), still)
    bench.now += timedelta(minutes=1)
    bench.run(listed(), {"GetOperationInfo": info()})
    assert told(bench).fault_struct.fault_code == 0
    assert told(bench).complete_time == "2026-03-01T12:04:00Z"


def test_after_a_restart_another_operation_may_have_the_same_id() -> None:
    bench = updating()
    another = {**info(state="InProgress"), "Action": "Start"}
    script = {"GetOperationInfo": another, "GetDUInfo": version("2.0")}
    bench.run(Returned(restarted=True), script)
    assert told(bench).fault_struct.fault_code == 0


# ------------------------------------------------------------------ how it goes wrong


TABLE_3 = [
    ("Error_ConcurrentAccess", 9001),
    ("Error_MissingDependency", 9001),
    ("Error_Network", 9015),
    ("Error_CorruptedFile", 9018),
    ("Error_DiskFull", 9010),
    ("Error_Other", 9001),
    ("Error_other", 9001),
    ("what is this", 9001),
]


@pytest.mark.parametrize(("error", "code"), TABLE_3)
@pytest.mark.parametrize("text", ["because", ""])
def test_an_update_that_fails(error: str, code: int, text: str) -> None:
    bench = updating(download(relay=RelayMode.NEVER))
    bench.now += timedelta(seconds=1)
    bench.run(listed(), {"GetOperationInfo": info(error, "Error", text)})
    assert failed(bench) == (code, text or error)
    assert told(bench).complete_time == "2026-03-01T12:00:01Z"


def test_without_a_state_the_error_decides() -> None:
    bench = updating()
    bench.run(listed(), {"GetOperationInfo": info(state="")})
    assert told(bench).fault_struct == FaultStruct()


def test_an_error_without_a_name() -> None:
    bench = updating()
    bench.run(listed(), {"GetOperationInfo": info("Error_None", "Error", "x" * 300)})
    assert failed(bench) == (9001, "x" * 256)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        *((each, 9001) for each in (701, 702, 704, 705, 710)),
        *((each, 9001) for each in (401, 402, 501, 603, 703, 899, 12345)),
        (606, 9002),
    ],
)
def test_an_update_that_is_refused(code: int, fault: int) -> None:
    bench = asked()
    bench.run(SessionEnded(), {**QUIET, "Update": ActionError(code, "No")})
    assert failed(bench) == (fault, f"the device refused: UPnP error {code} No")
    assert told(bench).start_time == told(bench).complete_time == "0001-01-01T00:00:00Z"
    assert is_idle(bench)


def test_a_roll_back() -> None:
    bench = updating()
    bench.happen(Left(frozenset({AboutTo.REBOOT})))
    bench.now += timedelta(minutes=2)
    script = {"GetOperationInfo": FORGOTTEN, "GetDUInfo": version("1.0")}
    bench.run(Returned(restarted=True), script)
    code, text = failed(bench)
    assert code == 9010
    assert "rolled back" in text
    assert "1.0" in text
    assert told(bench).complete_time == "2026-03-01T12:02:00Z"


def test_a_device_that_never_comes_back() -> None:
    bench = updating()
    bench.happen(Left(frozenset({AboutTo.REBOOT})))
    while not bench.reports:
        bench.wait()
        bench.run(Woke(), {"GetOperationIDs": SILENT})
    assert bench.now == START + timedelta(seconds=600)
    assert failed(bench) == (9010, "the device has not come back in time")


def test_an_operation_that_never_ends() -> None:
    bench = updating()
    while not bench.reports:
        bench.wait()
        bench.run(Woke(), {"GetOperationIDs": OURS, "GetOperationInfo": info(state="InProgress")})
    assert bench.now == START + timedelta(seconds=600)
    assert failed(bench) == (9010, "the device has not ended the operation in time")
    # Its OperationID is known: it is no update of somebody else.
    assert bench.run(listed(7), {}) == []


def test_a_device_that_does_not_tell_what_it_runs() -> None:
    bench = asked()
    bench.run(SessionEnded(), {**QUIET, "GetDUInfo": ActionError(602)})
    bench.run(Returned(restarted=True), {"GetOperationInfo": FORGOTTEN, "GetDUInfo": version("2.0")})
    assert failed(bench)[0] == 9010


def test_a_device_that_does_not_tell_what_it_runs_right_after_its_restart() -> None:
    bench = updating()
    not_yet = {"GetOperationInfo": FORGOTTEN, "GetDUInfo": ActionError(501, "Action Failed")}
    bench.now += timedelta(minutes=2)
    bench.run(Returned(restarted=True), not_yet)
    assert bench.reports == []
    assert bench.wait() == timedelta(seconds=5)
    bench.run(Woke(), {"GetOperationInfo": FORGOTTEN, "GetDUInfo": version("2.0")})
    assert told(bench).fault_struct == FaultStruct()
    assert told(bench).complete_time == "2026-03-01T12:02:00Z"


@pytest.mark.parametrize(("state", "code"), [("Completed", 0), ("Error", 9018)])
def test_an_operation_that_stays_listed_though_it_is_over(state: str, code: int) -> None:
    bench = updating()
    error = "Error_CorruptedFile" if code else "Error_None"
    bench.happen(listed(7))
    while not bench.reports:
        bench.wait()
        bench.run(Woke(), {"GetOperationIDs": OURS, "GetOperationInfo": info(error, state)})
    assert told(bench).fault_struct.fault_code == code
    assert bench.now < START + timedelta(minutes=2)
    assert bench.run(listed(7), {}) == []


def test_an_operation_that_is_forgotten_without_a_restart() -> None:
    """The device may be about to restart, so it is asked a few times more."""
    bench = updating()
    script = {"GetOperationInfo": FORGOTTEN, "GetDUInfo": version("1.0")}
    bench.run(listed(), script)
    waits = []
    while not bench.reports:
        waits.append(bench.wait().total_seconds())
        bench.run(Woke(), script)
    assert waits == [5, 10, 20, 40]
    assert failed(bench)[0] == 9010


def test_an_operation_that_is_forgotten_before_the_restart() -> None:
    bench = updating()
    bench.run(listed(), {"GetOperationInfo": FORGOTTEN, "GetDUInfo": version("1.0")})
    bench.wait()
    bench.run(Returned(restarted=True), {"GetOperationInfo": FORGOTTEN, "GetDUInfo": version("2.0")})
    assert told(bench).fault_struct.fault_code == 0


# ------------------------------------------------------------------ when it begins


def test_nothing_happens_before_the_session_is_over() -> None:
    bench = asked()
    for happening in (Woke(), Returned(restarted=False), Left(), listed()):
        assert bench.run(happening, {}) == []


def test_a_delay_is_waited_out() -> None:
    bench = asked(download(delay_seconds=3600))
    assert bench.run(SessionEnded(), {}) == []
    assert bench.wait() == timedelta(hours=1)
    assert bench.run(Woke(), QUIET)[-1] == "Update"


def test_a_device_that_is_away_is_waited_for_and_in_the_end_given_up() -> None:
    bench = asked()
    bench.run(SessionEnded(), {"GetOperationIDs": SILENT})
    waits = []
    while not bench.reports:
        waits.append(bench.wait().total_seconds())
        bench.run(Woke(), {"GetOperationIDs": SILENT})
    assert waits[:7] == [5, 10, 20, 40, 60, 60, 60]
    assert bench.now >= START + timedelta(hours=1)
    assert failed(bench) == (9010, "the device could not be asked: no answer")


def test_a_device_that_is_back_is_asked_at_once() -> None:
    bench = asked()
    bench.run(SessionEnded(), {"GetOperationIDs": SILENT})
    assert bench.run(Returned(restarted=False), QUIET)[-1] == "Update"


def test_downloads_are_done_one_after_the_other() -> None:
    bench = updating(download("a"), download("b"), download("c"))
    assert [each.state for each in bench.here.requested()] == [2, 1, 1]
    for number, key in enumerate("abc", 7):
        assert len(bench.here.requested()) == 10 - number
        after = {**QUIET, "GetOperationInfo": info(), "Update": {"OperationID": str(number + 1)}}
        bench.run(listed(), after)
        assert told(bench, key, number - 7).fault_struct.fault_code == 0
    assert bench.names.count("Update") == 3
    assert is_idle(bench)


def test_a_later_download_without_a_delay_goes_first() -> None:
    bench = asked(download("a", delay_seconds=3600), download("b"))
    bench.run(SessionEnded(), QUIET)
    bench.run(listed(), {"GetOperationInfo": info()})
    told(bench, "b")
    assert [each.command_key for each in bench.here.requested()] == ["a"]


# ------------------------------------------------------------------ cancelling


def test_what_waits_can_be_cancelled_and_is_not_reported() -> None:
    bench = updating(download("a"), download("b"), download("b"))
    bench.here = bench.here.without("b")
    assert [each.command_key for each in bench.here.requested()] == ["a"]
    assert bench.here.without("unknown") == bench.here
    bench.run(listed(), {**QUIET, "GetOperationInfo": info()})
    assert len(bench.reports) == 1


def test_what_is_under_way_cannot_be_cancelled() -> None:
    bench = updating()
    with pytest.raises(CwmpFault) as fault:
        bench.here.without("key")
    assert fault.value.code == 9021


def test_what_is_cancelled_while_the_device_is_surveyed_is_not_called() -> None:
    bench = asked()
    bench.happen(SessionEnded())
    bench.here = bench.here.without("key")
    assert bench.happen(Done(survey_of("1.0"))) == ()
    assert is_idle(bench)


# ------------------------------------------------------------------ the relay


def test_a_file_that_takes_a_login_is_relayed() -> None:
    bench = asked(download(username="u", password="p"))
    bench.happen(SessionEnded())
    (transfer,) = bench.happen(Done(survey_of("1.0")))
    assert transfer == Transfer(URL, "", "u", "p")
    assert bench.run(Done("http://192.0.2.1:5000/x/image.bin"), QUIET) == ["Update"]
    assert bench.calls[-1].arguments["NewDUURI"] == "http://192.0.2.1:5000/x/image.bin"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CwmpFault(9012, "wrong password"), 9012),
        (CwmpFault(9015, "no answer"), 9015),
        (CwmpFault(9016, "404 Not Found"), 9016),
        (CwmpFault(9013, "not in a TransferComplete"), 9010),
        (DeviceUnreachable("?"), 9010),
    ],
)
def test_a_file_that_cannot_be_had(error: Any, code: int) -> None:
    bench = asked(download(relay=RelayMode.ALWAYS))
    bench.happen(SessionEnded())
    bench.happen(Done(survey_of("1.0")))
    bench.run(Failed(error), {})
    assert failed(bench)[0] == code
    assert "Update" not in bench.names


def test_a_file_that_the_device_cannot_reach_is_relayed_then() -> None:
    bench = updating()
    bench.happen(listed(7))
    network = {**QUIET, "GetOperationInfo": info("Error_Network", "Error")}
    assert bench.run(listed(), network) == ["GetOperationInfo", "GetOperationIDs", "GetDUInfo"]
    assert bench.reports == []
    bench.run(Done("http://192.0.2.1:5000/x/image.bin"), {**QUIET, "Update": {"OperationID": "8"}})
    assert bench.names.count("Update") == 2
    bench.run(listed(), network)
    assert failed(bench)[0] == 9015
    assert bench.names.count("Update") == 2


# ------------------------------------------------------------------ killed, and answers that are lost


def after_kill(bench: Bench[Software], script: Script, *, boots: bool = False) -> list[str]:
    bench.happen(Started())
    assert bench.wait() == timedelta(seconds=5)
    assert bench.run(Woke(), {"GetOperationIDs": SILENT}) == ["GetOperationIDs"]
    return bench.run(Returned(restarted=boots), script)


def test_killed_before_the_session_is_over() -> None:
    bench = asked()
    assert after_kill(bench, QUIET) == ["GetOperationIDs", "GetDUInfo", "Update"]


def test_killed_during_the_survey() -> None:
    bench = asked()
    bench.happen(SessionEnded())
    assert after_kill(bench, QUIET) == ["GetOperationIDs", "GetDUInfo", "Update"]


def test_killed_while_the_file_is_made_ready() -> None:
    bench = asked(download(relay=RelayMode.ALWAYS))
    bench.happen(SessionEnded())
    bench.happen(Done(survey_of("1.0")))
    assert after_kill(bench, QUIET) == ["GetOperationIDs", "GetDUInfo"]
    assert bench.here.own
    assert bench.here.own.stage is Stage.RELAYING


def calling() -> Bench[Software]:
    bench = asked()
    bench.happen(SessionEnded())
    bench.happen(Done(survey_of("1.0", 3)))
    assert bench.here.own
    assert bench.here.own.stage is Stage.CALLING
    return bench


FOUND: Script = {
    "GetOperationIDs": {"OperationIDs": "3,7"},
    "GetOperationInfo": info(state="InProgress"),
    "GetDUInfo": version("1.0"),
}


def test_killed_during_the_call_and_the_operation_is_there() -> None:
    bench = calling()
    called = after_kill(bench, FOUND)
    assert called == ["GetOperationIDs", "GetOperationInfo", "GetDUInfo", "GetDUInfo"]
    assert bench.calls[-3].arguments == {"OperationID": "7"}
    bench.now += timedelta(seconds=10)
    bench.run(listed(3), {"GetOperationInfo": info()})
    assert told(bench).fault_struct.fault_code == 0


def test_killed_during_the_call_and_the_operation_began_with_it() -> None:
    bench = calling()
    bench.now += timedelta(minutes=10)
    after_kill(bench, FOUND)
    bench.now = START + timedelta(minutes=20)
    bench.run(listed(3), {"GetOperationInfo": info()})
    assert told(bench).start_time == "2026-03-01T12:00:00Z"
    assert told(bench).complete_time == "2026-03-01T12:20:00Z"


def test_killed_during_the_call_and_the_operation_is_not_there() -> None:
    bench = calling()
    script: Script = {"GetOperationIDs": {"OperationIDs": "3"}, "GetDUInfo": version("1.0")}
    assert after_kill(bench, script) == ["GetOperationIDs", "GetDUInfo"]
    assert failed(bench)[0] == 9002
    assert told(bench).start_time == "0001-01-01T00:00:00Z"
    assert "Update" not in bench.names


def test_killed_during_the_call_and_the_update_is_done_already() -> None:
    bench = calling()
    script: Script = {"GetOperationIDs": NOTHING, "GetDUInfo": version("2.0")}
    after_kill(bench, script, boots=True)
    assert told(bench).fault_struct.fault_code == 0
    assert told(bench).start_time == "2026-03-01T12:00:00Z"


def test_an_answer_that_is_lost_is_searched_for() -> None:
    bench = asked()
    assert bench.run(SessionEnded(), {**QUIET, "Update": SILENT})[-1] == "Update"
    assert bench.wait() == timedelta(seconds=5)
    bench.run(Woke(), {**FOUND, "GetOperationIDs": OURS})
    assert bench.here.own
    assert bench.here.own.operation_id == 7
    assert bench.names.count("Update") == 1


def test_a_call_that_the_device_takes_long_after_it_got_no_answer() -> None:
    bench = asked()
    bench.run(SessionEnded(), {**QUIET, "Update": SILENT})
    for seconds in (5, 5):
        assert bench.wait() == timedelta(seconds=seconds)
        bench.run(Woke(), QUIET)
    assert bench.reports == []
    bench.run(listed(7), {**FOUND, "GetOperationIDs": OURS})
    bench.run(listed(), {"GetOperationInfo": info()})
    assert told(bench).fault_struct == FaultStruct()
    assert len(bench.reports) == 1
    assert bench.names.count("Update") == 1


def test_a_call_that_never_reached_the_device() -> None:
    bench = asked()
    bench.run(SessionEnded(), {**QUIET, "Update": SILENT})
    waits = []
    while not bench.reports:
        waits.append(bench.wait().total_seconds())
        bench.run(Woke(), QUIET)
    assert waits == [5, 5, 10, 20, 40]
    assert failed(bench)[0] == 9002
    assert bench.names.count("Update") == 1


def test_a_search_that_finds_very_many_operations_goes_on_until_all_are_known() -> None:
    bench = calling()
    ids = ",".join(map(str, range(100, 150)))
    script: Script = {
        "GetOperationIDs": {"OperationIDs": ids},
        "GetOperationInfo": {**info(), "Action": "Start"},
        "GetDUInfo": version("1.0"),
    }
    called = after_kill(bench, script)
    assert called.count("GetOperationInfo") == 50
    assert failed(bench)[0] == 9002


def test_a_device_that_is_not_found_again_after_a_kill() -> None:
    bench = calling()
    bench.now += timedelta(days=1)
    bench.happen(Started())
    began = bench.now
    while not bench.reports:
        bench.wait()
        bench.run(Woke(), {"GetOperationIDs": SILENT})
    assert bench.now - began == timedelta(minutes=5)
    assert failed(bench)[0] == 9010


def test_killed_while_the_operation_goes_on() -> None:
    bench = updating()
    bench.happen(Started())
    assert bench.wait() == timedelta(seconds=5)
    assert bench.run(Woke(), {"GetOperationIDs": OURS}) == ["GetOperationIDs"]
    bench.run(listed(), {"GetOperationInfo": info()})
    assert told(bench).fault_struct.fault_code == 0


def test_a_start_with_nothing_to_do_changes_nothing() -> None:
    bench = Bench(Software(OFFERED))
    assert bench.happen(Started()) == ()
    assert bench.here == Software(OFFERED)


# ------------------------------------------------------------------ updates of somebody else


def theirs(bench: Bench[Software]) -> AutonomousTransferComplete:
    report = bench.reports[-1]
    assert [each.event_code for each in report.events] == ["10 AUTONOMOUS TRANSFER COMPLETE"]
    (request,) = report.requests
    assert isinstance(request, AutonomousTransferComplete)
    return request


STRANGE: Script = {
    "GetOperationIDs": {"OperationIDs": "9"},
    "GetOperationInfo": info(state="InProgress"),
    "GetDUInfo": version("1.0"),
}


def test_an_update_that_another_control_point_has_asked_for() -> None:
    bench = Bench(Software(OFFERED))
    assert bench.run(listed(9), STRANGE) == ["GetOperationIDs", "GetOperationInfo", "GetDUInfo"]
    assert [each.command_key for each in bench.here.autonomous()] == [""]
    bench.now += timedelta(seconds=30)
    assert bench.run(listed(), {"GetOperationInfo": info(), "GetDUInfo": version("2.0")})
    assert theirs(bench) == AutonomousTransferComplete(
        announce_url="",
        transfer_url="http://a/b",
        is_download=True,
        file_type="1 Firmware Upgrade Image",
        file_size=0,
        target_file_name="",
        fault_struct=FaultStruct(),
        start_time="2026-03-01T12:00:00Z",
        complete_time="2026-03-01T12:00:30Z",
    )
    assert len(bench.reports) == 1
    assert is_idle(bench)


def test_their_update_that_ends_in_a_restart() -> None:
    bench = Bench(Software(OFFERED))
    bench.run(listed(9), STRANGE)
    bench.happen(Left(frozenset({AboutTo.REBOOT})))
    bench.now += timedelta(minutes=3)
    bench.run(Returned(restarted=True), {"GetOperationInfo": FORGOTTEN, "GetDUInfo": version("2.0")})
    assert theirs(bench).fault_struct.fault_code == 0
    assert theirs(bench).complete_time == "2026-03-01T12:03:00Z"


def test_their_update_that_fails() -> None:
    bench = Bench(Software(OFFERED))
    bench.run(listed(9), STRANGE)
    bench.run(listed(), {"GetOperationInfo": info("Error_DiskFull", "Error", "full"), "GetDUInfo": SILENT})
    assert bench.reports == []
    bench.run(
        Returned(restarted=False), {**STRANGE, "GetOperationInfo": info("Error_DiskFull", "Error", "full")}
    )
    assert theirs(bench).fault_struct == FaultStruct(9010, "full")


def test_their_update_that_is_over_before_it_was_asked_about() -> None:
    bench = Bench(Software(OFFERED))
    bench.happen(listed(9))
    bench.now += timedelta(seconds=2)
    bench.happen(listed())
    bench.now += timedelta(seconds=2)
    bench.run(Failed(SILENT), {})
    bench.wait()
    bench.run(Woke(), {**STRANGE, "GetOperationIDs": NOTHING, "GetOperationInfo": info()})
    assert theirs(bench).start_time == "2026-03-01T12:00:00Z"
    assert theirs(bench).complete_time == "2026-03-01T12:00:02Z"


def test_what_is_none_of_our_business_is_asked_about_once() -> None:
    bench = Bench(Software(OFFERED))
    strange = {**STRANGE, "GetOperationInfo": {**info(), "Action": "Stop"}}
    assert bench.run(listed(9), strange) == ["GetOperationIDs", "GetOperationInfo"]
    assert bench.run(listed(9), {}) == []
    assert bench.run(listed(), {}) == []
    assert (bench.reports, is_idle(bench)) == ([], True)


def test_of_very_many_operations_not_all_are_watched() -> None:
    bench = Bench(Software(OFFERED))
    for first in range(0, 1000, 100):
        ids = range(first, first + 100)
        listing = {**STRANGE, "GetOperationIDs": {"OperationIDs": ",".join(map(str, ids))}}
        bench.run(listed(*ids), listing)
        bench.wait()
        bench.run(Woke(), listing)
    assert len(bench.here.others) == 32


def test_each_of_very_many_operations_is_asked_about_once() -> None:
    bench = Bench(Software(OFFERED))
    ids = range(200)
    listing: Script = {
        "GetOperationIDs": {"OperationIDs": ",".join(map(str, ids))},
        "GetOperationInfo": {**info(state="InProgress"), "Action": "Start"},
    }
    pending = bench.happen(listed(*ids))
    for _ in range(2 * len(ids)):
        for command in pending:
            if isinstance(command, WakeAt):
                bench.now = command.time
                pending = bench.happen(Woke())
                continue
            assert isinstance(command, Run)
            outcome, calls = carry_out(command.plan, listing)
            bench.calls += calls
            pending = bench.happen(outcome)
    assert bench.names.count("GetOperationInfo") == len(ids)
    assert bench.now == START + timedelta(seconds=len(ids) // 16)


def test_a_download_waits_for_an_update_of_somebody_else() -> None:
    bench = asked()
    bench.run(SessionEnded(), STRANGE)
    assert "Update" not in bench.names
    bench.now += timedelta(seconds=30)
    bench.run(listed(), {**QUIET, "GetOperationInfo": info()})
    theirs(bench)
    assert bench.names[-1] == "Update"


def test_the_policy_decides_what_the_acs_hears() -> None:
    bench = Bench(Software(OFFERED, policy={"AutonomousTransferCompletePolicy.Enable": "false"}))
    bench.run(listed(9), STRANGE)
    bench.run(listed(), {"GetOperationInfo": info(), "GetDUInfo": version("2.0")})
    assert (bench.reports, is_idle(bench)) == ([], True)


# ------------------------------------------------------------------ other things that happen


def test_a_factory_reset_takes_away_what_the_acs_has_set_and_asked_for() -> None:
    bench = updating(download("a"), download("b"))
    policy = {"AutonomousTransferCompletePolicy.Enable": "false"}
    bench.here = replace(bench.here, policy=policy, units=KnownUnits((KnownUnit(2),)))
    assert bench.run(WasReset(), {}) == []
    assert is_idle(bench)
    assert (bench.here.policy, bench.here.units) == ({}, KnownUnits())
    # What the device still does was asked for by the ACS, and is no update of somebody else.
    assert bench.run(listed(7), {}) == []
    assert bench.run(listed(), {}) == []
    assert bench.reports == []


def test_a_factory_reset_during_the_call() -> None:
    bench = calling()
    assert bench.happen(WasReset()) == ()
    assert bench.run(Done(7), {}) == []
    assert is_idle(bench)


@pytest.mark.parametrize(
    "change",
    [
        StateChange(Service.BMS, {"OperationIDs": "9"}),
        StateChange(Service.SMS, {"DUIDs": "0,1"}),
    ],
)
def test_other_events_mean_nothing(change: StateChange) -> None:
    bench = updating()
    before = bench.here
    assert bench.happen(Changed(change)) == ()
    assert bench.here == before


def test_outcomes_of_nothing_mean_nothing() -> None:
    for work in ("", "transfer", "call", "look"):
        for outcome in (Done(7), Failed(SILENT)):
            bench = Bench(Software(OFFERED, work=Work(work), work_for="9"))
            assert bench.here.key == "software"
            assert bench.happen(outcome) == ()
            assert bench.here == Software(OFFERED, work_for="9")


def test_the_password_is_not_shown() -> None:
    bench = asked(download(username="u", password="secret"))
    bench.happen(SessionEnded())
    bench.happen(Done(survey_of("1.0")))
    assert "secret" not in repr(bench.here)
