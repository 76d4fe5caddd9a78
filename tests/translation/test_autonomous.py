from __future__ import annotations

from typing import Any

import pytest

from cwmp_client.messages import AllQueuedTransferStruct, AutonomousTransferComplete
from tests.translation.bench import START
from translation.autonomous import (
    POLICY,
    autonomous_reports,
    policy_parameters,
    queued_transfer,
)
from translation.software_facts import Subject
from translation.software_operation import Ending, Result
from translation.units import KnownUnits

TRANSFERS, CHANGES = "AutonomousTransferCompletePolicy.", "DUStateChangeComplPolicy."
FIRMWARE = Subject("Update", 0)
APP = Subject("Install", 3)


def result(subject: Subject = FIRMWARE, *, fails: bool = False, **changes: Any) -> Result:
    ending = Ending.FAILED if fails else Ending.SUCCEEDED
    error = "Error_DiskFull" if fails else ""
    return Result(subject, ending, "text", error, started=START, completed=START, **changes)


def is_told(what: Result, policy: dict[str, str]) -> bool:
    return bool(autonomous_reports(what, KnownUnits(), policy))


@pytest.mark.parametrize(
    ("name", "value", "success", "failure"),
    [
        ("Enable", "true", True, True),
        ("Enable", "false", False, False),
        ("TransferTypeFilter", "Download", True, True),
        ("TransferTypeFilter", "Both", True, True),
        ("TransferTypeFilter", "Upload", False, False),
        ("ResultTypeFilter", "Both", True, True),
        ("ResultTypeFilter", "Success", True, False),
        ("ResultTypeFilter", "Failure", False, True),
        ("FileTypeFilter", "1 Firmware Upgrade Image", True, True),
        ("FileTypeFilter", "2 Web Content,1 Firmware Upgrade Image", True, True),
        ("FileTypeFilter", "2 Web Content", False, False),
        ("FileTypeFilter", "", False, False),
    ],
)
def test_the_policy_of_transfers(name: str, value: str, success: bool, failure: bool) -> None:
    policy = {TRANSFERS + name: value}
    assert is_told(result(), policy) is success
    assert is_told(result(fails=True), policy) is failure
    assert is_told(result(APP), policy)


@pytest.mark.parametrize(
    ("name", "value", "success", "failure"),
    [
        ("Enable", "false", False, False),
        ("OperationTypeFilter", "Update,Install", True, True),
        ("OperationTypeFilter", "Uninstall", False, False),
        ("OperationTypeFilter", "", False, False),
        ("ResultTypeFilter", "Success", True, False),
        ("ResultTypeFilter", "Failure", False, True),
        ("FaultCodeFilter", "9001,9027", True, True),
        ("FaultCodeFilter", "9001", True, False),
        ("FaultCodeFilter", "", True, False),
    ],
)
def test_the_policy_of_changes(name: str, value: str, success: bool, failure: bool) -> None:
    policy = {CHANGES + name: value}
    assert is_told(result(APP), policy) is success
    assert is_told(result(APP, fails=True), policy) is failure
    assert is_told(result(), policy)


def test_everything_is_told_until_the_acs_wants_less() -> None:
    for subject in (FIRMWARE, APP):
        assert is_told(result(subject), {})
        assert is_told(result(subject, fails=True), {})


def test_where_the_image_came_from() -> None:
    (report,) = autonomous_reports(result(image_url="http://a/b", image_size=5), KnownUnits(), {})
    (request,) = report.requests
    assert isinstance(request, AutonomousTransferComplete)
    assert (request.transfer_url, request.file_size) == ("http://a/b", 5)
    (report,) = autonomous_reports(result(image_url="http://a/" + "x" * 1024), KnownUnits(), {})
    (request,) = report.requests
    assert isinstance(request, AutonomousTransferComplete)
    assert request.transfer_url == ""


def test_how_it_stands_in_the_queue() -> None:
    expected = AllQueuedTransferStruct("", 2, True, "1 Firmware Upgrade Image", 0, "")
    assert queued_transfer() == expected


def test_the_parameters_of_the_policies() -> None:
    policy = {TRANSFERS + "Enable": "false"}
    shown = {each.name: (each.value, each.type, each.writable) for each in policy_parameters(policy)}
    assert shown["Device.ManagementServer.AutonomousTransferCompletePolicy.Enable"] == (
        "false",
        "boolean",
        True,
    )
    assert shown["Device.ManagementServer.DUStateChangeComplPolicy.ResultTypeFilter"] == (
        "Both",
        "string",
        True,
    )
    assert len(shown) == len(POLICY) == 8


@pytest.mark.parametrize(
    ("name", "text", "canonical"),
    [
        (TRANSFERS + "Enable", " 1", "true"),
        (TRANSFERS + "Enable", "False", "false"),
        (TRANSFERS + "Enable", "2", None),
        (TRANSFERS + "ResultTypeFilter", "Both", "Both"),
        (TRANSFERS + "ResultTypeFilter", "both", None),
        (TRANSFERS + "FileTypeFilter", "", ""),
        (TRANSFERS + "FileTypeFilter", "2 Web Content , X 00005E a.b", "2 Web Content,X 00005E a.b"),
        (TRANSFERS + "FileTypeFilter", "6 Stored", None),
        (TRANSFERS + "FileTypeFilter", "2 Web Content," * 100, None),
        (CHANGES + "OperationTypeFilter", "Install,Start", None),
        (CHANGES + "FaultCodeFilter", "9001, 9032", "9001,9032"),
        (CHANGES + "FaultCodeFilter", "9002", None),
    ],
)
def test_what_the_acs_may_set(name: str, text: str, canonical: str | None) -> None:
    parameter = next(each for each in POLICY if each.name == name)
    if canonical is None:
        with pytest.raises(ValueError, match=r"allowed|boolean|longer"):
            parameter.canonical(text)
    else:
        assert parameter.canonical(text) == canonical


def test_every_default_may_be_set() -> None:
    for each in POLICY:
        assert each.canonical(each.default) == each.default
