from __future__ import annotations

from typing import Any

import pytest

from tests.translation.bench import Script, carry_out
from translation.actions import ActionCall, ActionError, DeviceUnreachable, Service, StateChange
from translation.operations import Done, Failed
from translation.sms import (
    DeploymentUnit,
    ExecutionUnit,
    OperationInfo,
    begin,
    deployment_unit,
    deployment_units,
    execution_units,
    operation_ids,
    operation_info,
    poll,
)

REFUSED = ActionError(602, "No")
INFO: dict[str, str] = {
    "OperationState": "Error",
    "TargetedIDs": "0, 4",
    "Action": "Update",
    "ErrorDescription": "Error_Network",
    "AdditionalInfo": "cable",
}


def result(plan: Any, script: Script) -> Any:
    outcome, _ = carry_out(plan, script)
    assert isinstance(outcome, Done)
    return outcome.result


def test_an_operation_is_asked_for_without_its_dependencies() -> None:
    outcome, calls = carry_out(
        begin("Update", DUID="0", NewDUURI="http://a/b"), {"Update": {"OperationID": " 7"}}
    )
    assert outcome == Done(7)
    arguments = {"DUID": "0", "NewDUURI": "http://a/b", "HandleDependencies": "0"}
    assert calls == [ActionCall(Service.SMS, "Update", arguments)]


@pytest.mark.parametrize(
    ("plan", "script"),
    [
        (begin("Update"), {"Update": {}}),
        (begin("Update"), {"Update": {"OperationID": "x"}}),
        (begin("Update"), {"Update": {"OperationID": "4294967296"}}),
        (operation_ids(), {"GetOperationIDs": {}}),
        (operation_info(7), {"GetOperationInfo": {"Action": "Update"}}),
    ],
)
def test_an_answer_that_cannot_be_read_is_none(plan: Any, script: Script) -> None:
    outcome, _ = carry_out(plan, script)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, DeviceUnreachable)


@pytest.mark.parametrize(
    ("text", "ids"),
    [("", set()), ("7", {7}), (" 7 , 12,7", {7, 12}), ("x,-1,3", {3}), (",".join(["1"] * 9999), {1})],
)
def test_operations_under_way(text: str, ids: set[int]) -> None:
    assert result(operation_ids(), {"GetOperationIDs": {"OperationIDs": text}}) == ids


def test_of_very_many_operations_some_are_taken_note_of() -> None:
    script: Script = {"GetOperationIDs": {"OperationIDs": ",".join(map(str, range(5000)))}}
    assert result(operation_ids(), script) == set(range(256))


def test_polling_gives_what_an_event_would() -> None:
    script: Script = {"GetOperationIDs": {"OperationIDs": "12,7"}}
    assert result(poll(), script) == StateChange(Service.SMS, {"OperationIDs": "7,12"})


def test_what_a_device_says_of_an_operation() -> None:
    told = result(operation_info(7), {"GetOperationInfo": INFO})
    assert told == OperationInfo("Error", "Update", (0, 4), "Error_Network", "cable")
    assert (told.unit, told.is_over) == (0, True)
    little = result(operation_info(7), {"GetOperationInfo": {"OperationState": "InProgress"}})
    assert (little.unit, little.is_over) == (None, False)
    long = {**INFO, "AdditionalInfo": "x" * 100_000, "TargetedIDs": "x," * 100_000}
    told = result(operation_info(7), {"GetOperationInfo": long})
    assert (told.targets, len(told.additional_info)) == ((), 1024)


def test_units() -> None:
    script: Script = {
        "GetDUIDs": {"DUIDs": "2,0,5"},
        "GetDUInfo": {"DUName": "app", "DUVersion": "1.0", "DUState": "Installed", "DUURI": "http://a/b"},
    }
    app = DeploymentUnit(2, "app", "1.0", "Installed", "http://a/b")
    units = result(deployment_units({"GetDUInfo"}), script)
    assert units == (app, DeploymentUnit(5, "app", "1.0", "Installed", "http://a/b"))
    assert result(deployment_units(()), script) == (DeploymentUnit(2), DeploymentUnit(5))
    assert result(deployment_units(()), {"GetDUIDs": REFUSED}) == ()
    assert result(deployment_unit(2, {"GetDUInfo"}), {"GetDUInfo": REFUSED}) == DeploymentUnit(2)


def test_each_unit_costs_an_action_so_there_is_a_limit() -> None:
    script: Script = {"GetDUIDs": {"DUIDs": ",".join(map(str, range(500)))}, "GetDUInfo": {}}
    _, calls = carry_out(deployment_units({"GetDUInfo"}), script)
    assert len(calls) == 65


@pytest.mark.parametrize("state", ["EURunningState", "EUExecutionState"])
def test_execution_units(state: str) -> None:
    script: Script = {
        "GetEUIDs": {"EUIDs": "0,3"},
        "GetErrorEUIDs": {"ErrorEUIDs": "3"},
        "GetEUInfo": {"EUName": "app", "EUVersion": "1.0", "EURequestedState": "Active", state: "Running"},
    }
    expected = ExecutionUnit(3, "app", "1.0", "Active", "Running", failed=True)
    assert result(execution_units({"GetEUInfo"}), script) == (expected,)
    assert result(execution_units(()), script) == (ExecutionUnit(3),)
    assert result(execution_units({"GetEUInfo"}), {**script, "GetEUInfo": REFUSED}) == ()
    assert result(execution_units({"GetEUInfo"}), {**script, "GetEUIDs": REFUSED}) == ()
