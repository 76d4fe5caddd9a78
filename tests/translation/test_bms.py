from __future__ import annotations

from collections import UserDict
from typing import Any

import pytest
from lxml import etree

from tests.translation.bench import Script, carry_out
from translation.actions import ActionCall, ActionError, ActionResult, DeviceUnreachable, Service
from translation.bms import (
    LogInfo,
    Progress,
    baseline_reset,
    boot_marks,
    cancel_test,
    comma_list,
    ids_in,
    log_files,
    look_at_test,
    lookups_in,
    number,
    reboot,
    start_test,
    status_since,
)
from translation.operations import BootMarks, Done, Failed

ALL = frozenset({"GetActiveTestIDs", "GetTestInfo", "CancelTest"})
NOT_FINISHED = ActionError(708, "Invalid Test State")
RESULT = {"Status": "Success", "SuccessCount": "3"}


def test_a_test_is_asked_for_and_gives_its_id() -> None:
    outcome, calls = carry_out(start_test("Ping", {"Host": "a.example"}), {"Ping": {"TestID": " 7 "}})
    assert outcome == Done(7)
    assert calls == [ActionCall(Service.BMS, "Ping", {"Host": "a.example"})]


@pytest.mark.parametrize(
    "answer", [{}, {"TestID": ""}, {"TestID": "-1"}, {"TestID": "4294967296"}, {"TestID": "x"}]
)
def test_an_answer_without_an_id_is_none(answer: dict[str, str]) -> None:
    outcome, _ = carry_out(start_test("Ping", {}), {"Ping": answer})
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, DeviceUnreachable)


@pytest.mark.parametrize(
    ("offered", "ask_first", "script", "called", "found"),
    [
        (ALL, True, {"GetActiveTestIDs": {"TestIDs": "9,7"}}, "GetActiveTestIDs", Progress.IN_PROGRESS),
        (
            ALL,
            True,
            {"GetActiveTestIDs": {"TestIDs": "17,77"}, "GetPingResult": RESULT},
            "GetActiveTestIDs GetPingResult",
            ActionResult(RESULT),
        ),
        (
            ALL,
            True,
            {"GetActiveTestIDs": ActionError(602), "GetPingResult": RESULT},
            "GetActiveTestIDs GetPingResult",
            ActionResult(RESULT),
        ),
        (ALL, False, {"GetPingResult": RESULT}, "GetPingResult", ActionResult(RESULT)),
        (frozenset(), True, {"GetPingResult": RESULT}, "GetPingResult", ActionResult(RESULT)),
        (frozenset(), True, {"GetPingResult": NOT_FINISHED}, "GetPingResult", Progress.IN_PROGRESS),
        (frozenset(), True, {"GetPingResult": ActionError(703)}, "GetPingResult", Progress.IN_PROGRESS),
        *(
            (
                ALL,
                False,
                {"GetPingResult": NOT_FINISHED, "GetTestInfo": {"Type": "Ping", "State": said}},
                "GetPingResult GetTestInfo",
                found,
            )
            for said, found in [
                ("Requested", Progress.REQUESTED),
                ("InProgress", Progress.IN_PROGRESS),
                ("Canceled", Progress.CANCELED),
                ("Completed", Progress.COMPLETED),
                ("Whatever", Progress.IN_PROGRESS),
            ]
        ),
    ],
)
def test_a_look_at_a_test(
    offered: frozenset[str], ask_first: bool, script: Script, called: str, found: object
) -> None:
    outcome, calls = carry_out(look_at_test(7, "GetPingResult", offered, ask_first=ask_first), script)
    assert outcome == Done(found)
    assert " ".join(call.name for call in calls) == called
    assert all(call.arguments == {"TestID": "7"} for call in calls if call.name != "GetActiveTestIDs")


@pytest.mark.parametrize("error", [ActionError(706), ActionError(707), DeviceUnreachable("silent")])
def test_what_a_look_cannot_know_passes(error: ActionError | DeviceUnreachable) -> None:
    outcome, _ = carry_out(look_at_test(7, "GetPingResult", ALL, ask_first=False), {"GetPingResult": error})
    assert outcome == Failed(error)


def test_the_other_actions() -> None:
    assert carry_out(cancel_test(7), {"CancelTest": {}})[1] == [
        ActionCall(Service.BMS, "CancelTest", {"TestID": "7"})
    ]
    assert carry_out(reboot(), {"Reboot": {"RebootStatus": "RebootNow"}})[0] == Done(result=True)
    assert carry_out(reboot(), {"Reboot": {"RebootStatus": "RebootLater"}})[0] == Done(result=False)
    assert carry_out(reboot(), {"Reboot": {}})[0] == Done(result=True)
    assert carry_out(baseline_reset(), {"BaselineReset": {}})[0] == Done(result=True)
    status = {"GetDeviceStatus": {"DeviceStatus": "OK,2024-05-01T10:00:00Z"}}
    assert carry_out(boot_marks(), status)[0] == Done(BootMarks(status_since="2024-05-01T10:00:00Z"))


def test_all_logs_are_read_and_one_that_keeps_silent_is_listed() -> None:
    infos = iter(
        [
            {"LogURL": "http://192.0.2.1/a", "MaxSize": "65536", "LastChange": "2024-05-01T10:00:00Z"},
            ActionError(706),
            {"LogURL": "/b", "MaxSize": "a lot"},
        ]
    )

    class Answers(UserDict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            return {"LogURIs": r"urn:a, urn:b\,1,,urn:c,urn:a"} if name == "GetLogURIs" else next(infos)

    outcome, calls = carry_out(log_files(), Answers())
    assert outcome == Done(
        (
            LogInfo("urn:a", "http://192.0.2.1/a", 65536, "2024-05-01T10:00:00Z"),
            LogInfo("urn:b,1"),
            LogInfo("urn:c", "/b"),
        )
    )
    assert [call.arguments.get("LogURI") for call in calls] == [None, "urn:a", "urn:b,1", "urn:c"]


def test_a_device_with_endless_logs_is_asked_for_some() -> None:
    uris = ",".join(f"urn:{number}" for number in range(10_000))
    outcome, calls = carry_out(log_files(), {"GetLogURIs": {"LogURIs": uris}, "GetLogInfo": {}})
    assert len(calls) == 65
    assert isinstance(outcome, Done)
    assert len(outcome.result) == 64


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []),
        ("  ", []),
        ("a", ["a"]),
        (" a , b", ["a", "b"]),
        ("a,,b,", ["a", "", "b", ""]),
        (r"a\,b,c", ["a,b", "c"]),
    ],
)
def test_comma_lists(text: str, items: list[str]) -> None:
    assert comma_list(text) == items


def test_ids_are_a_set_in_no_order_and_junk_is_none() -> None:
    assert ids_in("7,8, 1,2,,x,-4,٣") == {1, 2, 7, 8}
    assert number("٣") is None


@pytest.mark.parametrize(
    ("status", "since"),
    [("OK,2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"), ("OK", ""), ("", ""), ("OK, x ", "x")],
)
def test_the_time_in_device_status(status: str, since: str) -> None:
    assert status_since(status) == since


LOOKUP = (
    "<Result><Status>Success</Status><AnswerType>Authoritative</AnswerType><HostNameReturned>a.example"
    "</HostNameReturned><IPAddresses>192.0.2.5,2001:db8::5</IPAddresses><DNSServerIP>192.0.2.1</DNSServerIP>"
    "<ResponseTime>12</ResponseTime></Result>"
)
ROW = {
    "Status": "Success",
    "AnswerType": "Authoritative",
    "HostNameReturned": "a.example",
    "IPAddresses": "192.0.2.5,2001:db8::5",
    "DNSServerIP": "192.0.2.1",
    "ResponseTime": "12",
}
DOCUMENT = f'<bms:NSLookupResult xmlns:bms="urn:schemas-upnp-org:dm:bms">{LOOKUP * 2}</bms:NSLookupResult>'


@pytest.mark.parametrize(
    "text",
    [
        DOCUMENT,
        '<?xml version="1.0" encoding="UTF-8"?>' + DOCUMENT,
        DOCUMENT.replace("<", "&lt;").replace(">", "&gt;"),
        "\n " + DOCUMENT.replace("><", ">\n <") + "\0\0",
        DOCUMENT.replace(' xmlns:bms="urn:schemas-upnp-org:dm:bms"', ""),
    ],
)
def test_the_result_of_a_lookup_in_its_spellings(text: str) -> None:
    assert list(lookups_in(ActionResult({"Status": "Success", "Result": text}))) == [ROW, ROW]


@pytest.mark.parametrize("name", ["Result", "NSLookupResult"])
def test_the_result_of_a_lookup_as_live_elements(name: str) -> None:
    inline = {name: etree.fromstring(DOCUMENT)}
    assert list(lookups_in(ActionResult({"Status": "Success"}, inline))) == [ROW, ROW]


def test_a_lookup_without_a_result_has_no_rows() -> None:
    assert not lookups_in(ActionResult({"Status": "Error_Other", "Result": " "}))
    assert not lookups_in(ActionResult({"Status": "Error_Other", "AdditionalInfo": ""}))


@pytest.mark.parametrize("text", ["no document", "<!DOCTYPE x [<!ENTITY y 'z'>]><x>&y;</x>"])
def test_a_result_that_is_no_document(text: str) -> None:
    with pytest.raises(DeviceUnreachable):
        lookups_in(ActionResult({"Result": text}))


def test_endless_repetitions_are_cut() -> None:
    text = f"<NSLookupResult>{LOOKUP * 2000}</NSLookupResult>"
    assert len(lookups_in(ActionResult({"Result": text, "Status": ""}))) == 256
