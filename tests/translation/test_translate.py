from __future__ import annotations

import pytest

from cwmp_client.faults import CwmpFault
from tests.translation.driving import Exchange, drive, refusal
from translation.actions import ActionResult, DeviceUnreachable, Plan
from translation.calls import call
from translation.translate import translate


def plan() -> Plan[ActionResult]:
    return call("GetValues", Parameters="")


def test_a_plan_that_goes_well_returns_what_it_returns() -> None:
    answer = drive(translate(plan(), "the lamp"), Exchange("GetValues", {"ParameterValueList": "x"}))
    assert answer.values == {"ParameterValueList": "x"}


def test_a_refusal_becomes_a_fault() -> None:
    with pytest.raises(CwmpFault) as caught:
        drive(translate(plan(), "the lamp"), Exchange("GetValues", refusal(706)))
    assert (caught.value.code, caught.value.text) == (9003, "The device refused: 706 No")


def test_a_refusal_to_set_names_the_one_parameter() -> None:
    with pytest.raises(CwmpFault) as caught:
        drive(translate(plan(), "the lamp", setting=["Device.A"]), Exchange("GetValues", refusal(706)))
    assert [(each.name, each.code) for each in caught.value.parameters] == [("Device.A", 9008)]


def test_silence_becomes_9002_and_names_the_device() -> None:
    with pytest.raises(CwmpFault) as caught:
        drive(translate(plan(), "the lamp"), Exchange("GetValues", DeviceUnreachable("no route")))
    assert (caught.value.code, caught.value.text) == (9002, "the lamp: no route")
