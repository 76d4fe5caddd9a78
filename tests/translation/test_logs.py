from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import AllQueuedTransferStruct, FaultStruct, TransferComplete, Upload
from tests.translation.bench import START, Bench
from translation.actions import ActionError, DeviceUnreachable
from translation.bms import LogInfo
from translation.logs import LogFiles, LogUpload, begin_upload
from translation.operations import (
    Cancelled,
    Done,
    Failed,
    Happening,
    Left,
    Returned,
    SessionEnded,
    Started,
    Transfer,
    WasReset,
    Woke,
)

SYSTEM = LogInfo("urn:log:system", "http://192.0.2.7/system", 65536, "2024-05-01T10:00:00Z")
KERNEL = LogInfo("urn:log:kernel", "http://192.0.2.7/kernel", 0, "")
LOGS = LogFiles().refreshed([SYSTEM, KERNEL])
TOLD = {"GetLogInfo": {"LogURL": "http://192.0.2.7/system", "MaxSize": "65536"}}


def shown(logs: LogFiles) -> dict[str, str]:
    return {each.name.removeprefix("Device.DeviceInfo."): each.value for each in logs.parameters()}


def instances(logs: LogFiles) -> dict[str, int]:
    return {each.uri: each.instance for each in logs.files}


# ------------------------------------------------------------------ the table


def test_the_table() -> None:
    assert shown(LOGS) == {
        "VendorLogFileNumberOfEntries": "2",
        "VendorLogFile.": "",
        "VendorLogFile.1.Name": "urn:log:system",
        "VendorLogFile.1.MaximumSize": "65536",
        "VendorLogFile.1.Persistent": "false",
        "VendorLogFile.2.Name": "urn:log:kernel",
        "VendorLogFile.2.MaximumSize": "0",
        "VendorLogFile.2.Persistent": "false",
    }
    assert shown(LogFiles()) == {"VendorLogFileNumberOfEntries": "0", "VendorLogFile.": ""}
    assert LogFiles.from_record(json.loads(json.dumps(LOGS.to_record()))) == LOGS


def test_rows_keep_their_numbers_and_no_number_comes_again() -> None:
    new = LogInfo("urn:log:new")
    assert instances(LOGS.refreshed([new, KERNEL, SYSTEM])) == {SYSTEM.uri: 1, KERNEL.uri: 2, new.uri: 3}
    without = LOGS.refreshed([SYSTEM])
    assert instances(without) == {SYSTEM.uri: 1}
    assert instances(without.refreshed([KERNEL, SYSTEM])) == {SYSTEM.uri: 1, KERNEL.uri: 3}
    assert instances(LOGS.refreshed([]).refreshed([SYSTEM])) == {SYSTEM.uri: 3}


def test_what_a_log_has_told_holds_while_it_keeps_silent() -> None:
    silent = [LogInfo(SYSTEM.uri), KERNEL]
    assert shown(LOGS.refreshed(silent)) == shown(LOGS)
    assert shown(LOGS.after_restart().refreshed(silent)) == shown(LOGS)


def test_names_are_unique_and_not_too_long() -> None:
    uris = [f"http://192.0.2.7/logs/{'x' * 80}/{end}" for end in ("a", "b")]
    uris += [uri.replace("logs", "more") for uri in uris]
    names = [each.name for each in LogFiles().refreshed(LogInfo(uri) for uri in uris).files]
    assert len(set(names)) == len(set(uris)) == 4
    assert all(len(name) <= 64 for name in names)
    assert names[0].endswith("x/a")


@pytest.mark.parametrize(
    ("before", "after", "persistent"),
    [
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z", True),
        ("2024-05-01T10:00:00Z", "2024-05-01T10:07:00Z", False),
        ("", "", False),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", False),
    ],
)
def test_a_log_is_persistent_when_it_was_seen_to_survive_a_boot(
    before: str, after: str, persistent: bool
) -> None:
    logs = LogFiles().refreshed([LogInfo("urn:a", last_change=before)])
    logs = logs.refreshed([LogInfo("urn:a", last_change=before)])
    assert not logs.files[0].persistent
    logs = logs.after_restart().refreshed([LogInfo("urn:a", last_change=after)])
    assert logs.files[0].persistent is persistent
    logs = logs.refreshed([LogInfo("urn:a", last_change="2025-01-01T00:00:00Z")])
    assert logs.files[0].persistent is persistent


def test_a_log_that_is_new_after_a_boot_has_survived_nothing() -> None:
    logs = LogFiles().after_restart().refreshed([SYSTEM])
    assert not logs.files[0].persistent


# ------------------------------------------------------------------ what may be asked for


def request(
    file_type: str = "4 Vendor Log File 1", url: str = "https://acs.example/up", delay: int = 0
) -> Upload:
    return Upload("key", file_type, url, "u", "p", delay)


@pytest.mark.parametrize(
    ("file_type", "uri"),
    [
        ("4 Vendor Log File 1", SYSTEM.uri),
        ("4 Vendor Log File 2", KERNEL.uri),
        (" 4  Vendor Log File 2 ", KERNEL.uri),
        ("2 Vendor Log File", SYSTEM.uri),
    ],
)
def test_which_log_is_meant(file_type: str, uri: str) -> None:
    assert begin_upload(request(file_type), LOGS, "1", 0, START).uri == uri


@pytest.mark.parametrize(
    ("asked", "logs", "queued", "code"),
    [
        (request("4 Vendor Log File 3"), LOGS, 0, 9011),
        (request("4 Vendor Log File 0"), LOGS, 0, 9011),
        (request("4 Vendor Log File"), LOGS, 0, 9011),
        (request("4 Vendor Log File 99999999999999999999"), LOGS, 0, 9011),
        (request("3 Vendor Configuration File 1"), LOGS, 0, 9011),
        (request("1 Vendor Configuration File"), LOGS, 0, 9011),
        (request("X 00005E log"), LOGS, 0, 9011),
        (request(""), LOGS, 0, 9011),
        (request("2 Vendor Log File"), LogFiles(), 0, 9011),
        (request(url="ftp://acs.example/up"), LOGS, 0, 9013),
        (request(url="acs.example/up"), LOGS, 0, 9013),
        (request(url=""), LOGS, 0, 9013),
        (request(url="http:///up"), LOGS, 0, 9003),
        (request(url="http://u:p@acs.example/up"), LOGS, 0, 9003),
        (request(url="http://[::1/up"), LOGS, 0, 9003),
        (request(url="http://acs.example:99999/up"), LOGS, 0, 9003),
        (request(), LOGS, 16, 9004),
    ],
)
def test_what_is_refused(asked: Upload, logs: LogFiles, queued: int, code: int) -> None:
    with pytest.raises(CwmpFault) as fault:
        begin_upload(asked, logs, "1", queued, START)
    assert fault.value.code == code
    assert fault.value.text


# ------------------------------------------------------------------ the operation


def uploading(delay: int = 0) -> Bench[LogUpload]:
    return Bench(begin_upload(request(delay=delay), LOGS, "1", 0, START))


def transfer_complete(bench: Bench[LogUpload]) -> TransferComplete:
    assert bench.operation is None
    (report,) = bench.reports
    (told,) = report.requests
    assert isinstance(told, TransferComplete)
    assert bench.events == [("7 TRANSFER COMPLETE", ""), ("M Upload", "key")]
    return told


def test_an_upload_that_goes_well() -> None:
    bench = uploading()
    assert bench.calls == []
    commands = bench.happen(SessionEnded())
    assert len(commands) == 1
    info = Done(LogInfo(SYSTEM.uri, SYSTEM.url))
    assert bench.happen(info) == (Transfer(SYSTEM.url, "https://acs.example/up", "u", "p"),)
    bench.now += timedelta(seconds=90)
    bench.happen(Done())
    assert transfer_complete(bench) == TransferComplete(
        "key", FaultStruct(), "2026-03-01T12:00:00Z", "2026-03-01T12:01:30Z"
    )


def test_a_delay_is_waited_out_after_the_session() -> None:
    bench = uploading(delay=3600)
    bench.run(SessionEnded(), {})
    assert bench.wait() == timedelta(hours=1)
    assert bench.run(Woke(), TOLD) == ["GetLogInfo"]
    assert bench.calls[0].arguments == {"LogURI": SYSTEM.uri}


def test_a_delay_that_is_not_over_goes_on() -> None:
    bench = uploading(delay=4294967295)
    assert bench.run(SessionEnded(), {}) == []
    assert bench.run(Woke(), {}) == []
    assert bench.run(Returned(restarted=False), {}) == []
    assert bench.wake == START + timedelta(seconds=4294967295)


def test_nothing_happens_before_the_session_is_over() -> None:
    bench = uploading()
    for happening in (Woke(), Returned(restarted=False), Left()):
        assert bench.happen(happening) == ()


def test_a_silent_device_is_asked_again_and_then_the_upload_fails() -> None:
    bench = uploading()
    bench.run(SessionEnded(), {"GetLogInfo": DeviceUnreachable("no answer")})
    waits = []
    while bench.wake:
        waits.append(bench.wait().total_seconds())
        bench.run(Woke(), {"GetLogInfo": DeviceUnreachable("no answer")})
    assert waits == [5, 10, 20, 40]
    told = transfer_complete(bench)
    assert told.fault_struct.fault_code == 9011
    assert "no answer" in told.fault_struct.fault_string
    assert (told.start_time, told.complete_time) == ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z")


def test_a_device_that_is_back_is_asked_at_once() -> None:
    bench = uploading()
    bench.run(SessionEnded(), {"GetLogInfo": DeviceUnreachable("no answer")})
    assert bench.run(Returned(restarted=True), TOLD) == ["GetLogInfo"]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Failed(ActionError(706, "No such log")), 9011),
        (Done(LogInfo(SYSTEM.uri, "")), 9011),
        (Failed(CwmpFault(9002, "a defect")), 9002),
    ],
)
def test_a_log_that_is_gone(outcome: Happening, code: int) -> None:
    bench = uploading()
    bench.happen(SessionEnded())
    bench.happen(outcome)
    told = transfer_complete(bench)
    assert told.fault_struct.fault_code == code
    assert told.complete_time == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CwmpFault(9011, "404 Not Found"), 9011),
        (CwmpFault(9012, "wrong password"), 9012),
        (CwmpFault(9013, "TransferComplete does not know this one"), 9011),
        (CwmpFault(9010, "x" * 1000), 9010),
        (DeviceUnreachable("connection lost"), 9011),
    ],
)
def test_a_transfer_that_fails(error: Any, code: int) -> None:
    bench = uploading()
    bench.happen(SessionEnded())
    bench.happen(Done(SYSTEM))
    bench.happen(Failed(error))
    told = transfer_complete(bench)
    assert told.fault_struct.fault_code == code
    assert 0 < len(told.fault_struct.fault_string) <= 256
    assert told.start_time == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize("before", [[], [SessionEnded()], [SessionEnded(), Done(SYSTEM)]])
def test_a_restart_of_the_proxier_begins_the_upload_anew(before: list[Happening]) -> None:
    bench = uploading()
    for happening in before:
        bench.happen(happening)
    bench.happen(Started())
    assert bench.wait() == timedelta(seconds=5)
    assert bench.run(Woke(), TOLD) == ["GetLogInfo"]
    bench.happen(Done())
    assert transfer_complete(bench).fault_struct.fault_code == 0


def test_a_restart_of_the_proxier_does_not_shorten_a_delay() -> None:
    bench = uploading(delay=3600)
    bench.happen(Started())
    assert bench.wait() == timedelta(hours=1)


@pytest.mark.parametrize("before", [[], [SessionEnded()], [SessionEnded(), Done(SYSTEM)]])
@pytest.mark.parametrize("end", [Cancelled(), WasReset()])
def test_a_cancelled_upload_is_not_reported(before: list[Happening], end: Happening) -> None:
    bench = uploading()
    for happening in before:
        bench.happen(happening)
    bench.happen(end)
    assert (bench.operation, bench.reports) == (None, [])


def test_outcomes_of_nothing_mean_nothing() -> None:
    bench = uploading()
    for outcome in (Done(), Failed(DeviceUnreachable(""))):
        assert bench.happen(outcome) == ()
        assert bench.operation


def test_how_it_stands_in_the_queue() -> None:
    bench = uploading()
    queued = AllQueuedTransferStruct("key", 1, False, "7 Vendor Log File 1", 0, "")
    assert bench.here.queued() == queued
    bench.happen(SessionEnded())
    assert bench.here.queued().state == 2


def test_the_password_is_not_shown() -> None:
    assert "'p'" not in repr(uploading().here)
