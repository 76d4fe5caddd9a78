from __future__ import annotations

import re

import pytest

from translation.sms import DeploymentUnit, ExecutionUnit
from translation.units import (
    KnownUnit,
    KnownUnits,
    execution_unit_parameters,
    unit_parameters,
    uuid_of_name,
)

UUID = "11111111-2222-3333-4444-555555555555"
APP = DeploymentUnit(2, "app", "1.0", "Installed", "http://a/b")


def shown(parameters: object) -> dict[str, str]:
    prefix = "Device.SoftwareModules."
    return {each.name.removeprefix(prefix): each.value for each in parameters}  # type: ignore[attr-defined]  # they are iterable


def test_the_table_of_deployment_units() -> None:
    known = KnownUnits().installed(KnownUnit(2, UUID, frozenset({9, 7})))
    assert shown(unit_parameters([APP], known)) == {
        "DeploymentUnitNumberOfEntries": "1",
        "DeploymentUnit.": "",
        "DeploymentUnit.2.UUID": UUID,
        "DeploymentUnit.2.DUID": "2",
        "DeploymentUnit.2.Name": "app",
        "DeploymentUnit.2.Status": "Installed",
        "DeploymentUnit.2.Resolved": "true",
        "DeploymentUnit.2.URL": "http://a/b",
        "DeploymentUnit.2.Version": "1.0",
        "DeploymentUnit.2.ExecutionUnitList": "Device.SoftwareModules.ExecutionUnit.7,"
        "Device.SoftwareModules.ExecutionUnit.9",
    }
    assert shown(unit_parameters([], known)) == {"DeploymentUnitNumberOfEntries": "0", "DeploymentUnit.": ""}


@pytest.mark.parametrize(
    ("state", "status", "resolved"),
    [
        ("Installing", "Installing", "true"),
        ("Unresolved", "Installed", "false"),
        ("Uninstalling", "Uninstalling", "true"),
        ("Uninstalled", "Uninstalled", "true"),
        ("", "Installed", "true"),
        ("whatever", "Installed", "true"),
    ],
)
def test_the_states_of_deployment_units(state: str, status: str, resolved: str) -> None:
    row = shown(unit_parameters([DeploymentUnit(2, state=state)], KnownUnits()))
    assert (row["DeploymentUnit.2.Status"], row["DeploymentUnit.2.Resolved"]) == (status, resolved)


def test_texts_are_no_longer_than_the_data_model_allows() -> None:
    row = shown(unit_parameters([DeploymentUnit(2, "n" * 999, "v" * 999)], KnownUnits()))
    assert len(row["DeploymentUnit.2.Name"]) == 256
    assert len(row["DeploymentUnit.2.Version"]) == 32


@pytest.mark.parametrize(
    ("unit", "status", "requested", "fault"),
    [
        (ExecutionUnit(3, "app", "1", "Active", "Running"), "Active", "Active", "NoFault"),
        (ExecutionUnit(3, "app", "1", "Inactive", "Stopped"), "Idle", "Idle", "NoFault"),
        (ExecutionUnit(3, "app", "1", "Active", "Starting"), "Starting", "Active", "NoFault"),
        (ExecutionUnit(3, "app", "1", "Inactive", "Stopping"), "Stopping", "Idle", "NoFault"),
        (ExecutionUnit(3, "app", "1", "Active", "Stopped", True), "Idle", "Active", "FailureOnStart"),
        (ExecutionUnit(3, "app", "1", "Active", "Running", True), "Active", "Active", "FailureWhileActive"),
        (ExecutionUnit(3, "app", "1", "Inactive", "Running", True), "Active", "Idle", "FailureOnStop"),
        (ExecutionUnit(3), "Idle", "Idle", "NoFault"),
    ],
)
def test_the_table_of_execution_units(unit: ExecutionUnit, status: str, requested: str, fault: str) -> None:
    row = shown(execution_unit_parameters([unit], {}, switchable=True))
    assert row["ExecutionUnitNumberOfEntries"] == "1"
    assert row["ExecutionUnit.3.EUID"] == "3"
    told = [row[f"ExecutionUnit.3.{name}"] for name in ("Status", "RequestedState", "ExecutionFaultCode")]
    assert told == [status, requested, fault]


@pytest.mark.parametrize("switchable", [True, False])
def test_what_can_be_written(switchable: bool) -> None:
    parameters = execution_unit_parameters([ExecutionUnit(3)], {}, switchable=switchable)
    writable = [each.name for each in parameters if each.writable]
    assert writable == (["Device.SoftwareModules.ExecutionUnit.3.RequestedState"] if switchable else [])


def test_uuids() -> None:
    known = KnownUnits().installed(KnownUnit(2, UUID)).installed(KnownUnit(4, "", frozenset({5})))
    assert known.uuid(APP) == UUID
    assert known.uuid(DeploymentUnit(3, "app")) == uuid_of_name("app") == known.uuid(DeploymentUnit(9, "app"))
    assert known.uuid(DeploymentUnit(4, "other")) == uuid_of_name("other")
    assert known.uuid(DeploymentUnit(5)) != known.uuid(DeploymentUnit(6))
    assert re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", uuid_of_name("app"))


def test_a_number_that_comes_again_is_another_unit() -> None:
    known = KnownUnits().installed(KnownUnit(2, UUID, frozenset({5})))
    assert known.still_there({2, 3}) is known
    assert known.still_there({3}) == KnownUnits()
    assert known.execution_units(2) == {5}
    assert known.execution_units(None) == frozenset()
