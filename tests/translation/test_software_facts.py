from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest

from tests.translation.driving import values
from translation.actions import ActionCall, ActionError, ActionResult, DeviceUnreachable, Plan
from translation.sms import DeploymentUnit, OperationInfo
from translation.software_facts import (
    Ended,
    Facts,
    Found,
    Inventory,
    Subject,
    has_changed,
    image,
    look_at,
    read_facts,
    survey,
    take_inventory,
)

FIRMWARE = Subject("Update", 0)
APP = Subject("Update", 2)
INSTALL = Subject("Install")
UNINSTALL = Subject("Uninstall", 2)
ALL = frozenset({"GetDUInfo", "GetValues", "GetSupportedDataModels"})
REFUSED = ActionError(703)


class Device:
    """Answers by name, and by the first argument where that has an entry of its own."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[str] = []

    def run(self, plan: Plan[Any]) -> Any:
        answer: Any = None
        error: Exception | None = None
        try:
            while True:
                call = plan.throw(error) if error else plan.send(answer)
                assert isinstance(call, ActionCall)
                answer, error = self._answer(call)
        except StopIteration as done:
            return done.value

    def _answer(self, call: ActionCall) -> tuple[ActionResult | None, Exception | None]:
        argument = next(iter(call.arguments.values()), "")
        self.calls.append(f"{call.name} {argument}".strip() if "<" not in argument else call.name)
        answer = self.answers[call.name]
        if callable(answer):
            answer = answer(argument)
        return (None, answer) if isinstance(answer, Exception) else (ActionResult(answer), None)


def parameters(**by_path: str) -> Callable[[str], Any]:
    """GetValues of a device that has these, by paths with `_` in the place of `/`."""
    paths = {"/" + path.replace("_", "/"): value for path, value in by_path.items()}

    def answer(document: str) -> Any:
        found = {path: value for path, value in paths.items() if f">{path}<" in document}
        return values(found) if found else REFUSED

    return answer


def unit(version: str, uri: str = "") -> dict[str, str]:
    return {"DUName": "app", "DUVersion": version, "DUState": "Installed", "DUURI": uri}


# ------------------------------------------------------------------ the version of the firmware

MODELS = {
    "SupportedDataModels": '<cms:SupportedDataModels xmlns:cms="urn:schemas-upnp-org:dm:cms"><SubTree>'
    "<URI>urn:broadband-forum-org:tr-181-2-0</URI><Location>/Other/BBF/</Location></SubTree>"
    "</cms:SupportedDataModels>"
}


@pytest.mark.parametrize(
    ("offered", "answers", "version", "told_by"),
    [
        (ALL, {"GetDUInfo": unit("1.0")}, "1.0", "GetDUInfo"),
        (
            ALL,
            {"GetDUInfo": REFUSED, "GetValues": parameters(UPnP_DM_Software_DU_0_Version="1.1")},
            "1.1",
            "/UPnP/DM/Software/DU/0/Version",
        ),
        (
            ALL,
            {"GetDUInfo": unit(""), "GetValues": parameters(Other_BBF_DeviceInfo_SoftwareVersion="1.2")},
            "1.2",
            "/Other/BBF/DeviceInfo/SoftwareVersion",
        ),
        (
            ALL - {"GetSupportedDataModels", "GetDUInfo"},
            {"GetValues": parameters(BBF_DeviceInfo_SoftwareVersion="1.3")},
            "1.3",
            "/BBF/DeviceInfo/SoftwareVersion",
        ),
        (
            ALL - {"GetDUInfo"},
            {
                "GetSupportedDataModels": REFUSED,
                "GetValues": parameters(UPnP_DM_DeviceInfo_SoftwareVersion="1.4"),
            },
            "1.4",
            "/UPnP/DM/DeviceInfo/SoftwareVersion",
        ),
        (ALL, {"GetDUInfo": REFUSED, "GetValues": REFUSED}, "", ""),
        (ALL, {"GetDUInfo": REFUSED, "GetValues": {"ParameterValueList": "no XML"}}, "", ""),
        ({"GetDUInfo"}, {"GetDUInfo": REFUSED}, "", ""),
    ],
)
def test_where_the_version_stands(
    offered: Collection[str], answers: dict[str, Any], version: str, told_by: str
) -> None:
    device = Device(**{"GetSupportedDataModels": MODELS, **answers})
    assert device.run(read_facts(FIRMWARE, offered)) == Facts(version, told_by)


def test_the_version_is_read_again_where_it_was_read_before() -> None:
    before = Facts("1.0", "/BBF/DeviceInfo/SoftwareVersion")
    device = Device(GetDUInfo=unit("9.9"), GetValues=parameters(BBF_DeviceInfo_SoftwareVersion="1.1"))
    after = device.run(read_facts(FIRMWARE, ALL, before))
    assert after == Facts("1.1", "/BBF/DeviceInfo/SoftwareVersion")
    assert device.calls == ["GetValues"]


def test_a_silent_device_is_not_one_that_refuses() -> None:
    with pytest.raises(DeviceUnreachable):
        Device(GetDUInfo=DeviceUnreachable("no answer")).run(read_facts(FIRMWARE, ALL))


def test_the_image_of_the_firmware() -> None:
    model = parameters(UPnP_DM_Software_DU_0_URI="http://a/model", UPnP_DM_Software_DU_0_Size="12345")
    assert Device(GetDUInfo=unit("1", "http://a/b"), GetValues=model).run(image(ALL)) == ("http://a/b", 12345)
    assert Device(GetDUInfo=REFUSED, GetValues=model).run(image(ALL)) == ("http://a/model", 12345)
    assert Device(GetDUInfo=REFUSED, GetValues=REFUSED).run(image(ALL)) == ("", 0)
    assert Device(GetDUInfo=unit("1", "http://a/b")).run(image({"GetDUInfo"})) == ("http://a/b", 0)
    assert Device().run(image(())) == ("", 0)


# ------------------------------------------------------------------ what has changed


@pytest.mark.parametrize(
    ("subject", "before", "after", "changed"),
    [
        (FIRMWARE, Facts("1", "x"), Facts("2", "x"), True),
        (FIRMWARE, Facts("1", "x"), Facts("1", "x"), False),
        (FIRMWARE, Facts("1", "x"), Facts("2", "y"), None),
        (FIRMWARE, Facts("", ""), Facts("2", "y"), None),
        (FIRMWARE, Facts("1", "x"), Facts("", "x"), None),
        (APP, Facts("1", "x"), Facts("2", "x"), True),
        (INSTALL, Facts(units=frozenset({0})), Facts(units=frozenset({0, 4})), True),
        (INSTALL, Facts(units=frozenset({0})), Facts(units=frozenset({0})), False),
        (INSTALL, Facts(), Facts(units=frozenset({0})), None),
        (Subject("Install", 4), Facts(units=frozenset({0, 4})), Facts(units=frozenset({0, 4})), True),
        (Subject("Install", 4), Facts(units=frozenset({0, 4})), Facts(units=frozenset({0})), False),
        (UNINSTALL, Facts(units=frozenset({0, 2})), Facts(units=frozenset({0})), True),
        (UNINSTALL, Facts(units=frozenset({0, 2})), Facts(units=frozenset({0, 2})), False),
        (UNINSTALL, Facts(units=frozenset({0, 2})), Facts(), None),
    ],
)
def test_what_tells_a_change(subject: Subject, before: Facts, after: Facts, changed: bool | None) -> None:
    assert has_changed(subject, before, after) is changed


def test_facts_of_units() -> None:
    device = Device(GetDUIDs={"DUIDs": "0,2,4"}, GetEUIDs={"EUIDs": "0,7"}, GetDUInfo=unit("1.0"))
    before = Facts(units=frozenset({0, 2}))
    ids, running = frozenset({0, 2, 4}), frozenset({0, 7})
    new = DeploymentUnit(4, "app", "1.0", "Installed")
    assert device.run(read_facts(INSTALL, ALL, before)) == Facts("", "", ids, running, new)
    assert device.run(read_facts(INSTALL, ALL)) == Facts("", "", ids, running)
    gone = device.run(read_facts(Subject("Uninstall", 9), ALL, before))
    assert gone == Facts("", "", ids, running)
    app = device.run(read_facts(APP, ALL))
    assert app == Facts("1.0", "GetDUInfo", unit=DeploymentUnit(2, "app", "1.0", "Installed"))
    silent = Device(GetDUIDs=REFUSED, GetEUIDs=REFUSED)
    assert silent.run(read_facts(INSTALL, ALL)) == Facts()


def test_an_inventory() -> None:
    device = Device(GetDUIDs={"DUIDs": "0,2"}, GetEUIDs={"EUIDs": "0,7"}, GetDUInfo=unit("1.0"))
    inventory = device.run(take_inventory(ALL))
    app = DeploymentUnit(2, "app", "1.0", "Installed")
    ids, running = frozenset({0, 2}), frozenset({0, 7})
    assert inventory == Inventory(ids, running, (app,))
    assert inventory.facts(APP) == Facts("1.0", "GetDUInfo", unit=app)
    assert inventory.facts(UNINSTALL) == Facts("", "", ids, running, app)
    assert inventory.facts(INSTALL) == Facts("", "", ids, running)


# ------------------------------------------------------------------ what goes on


def info(action: str = "Update", targets: str = "0", state: str = "InProgress") -> dict[str, str]:
    return {"OperationState": state, "Action": action, "TargetedIDs": targets}


def test_a_survey_asks_about_what_is_not_known() -> None:
    infos = {"5": info(), "6": info("Start", "7"), "7": REFUSED, "8": info("Update", "")}
    device = Device(
        GetOperationIDs={"OperationIDs": "4,5,6"}, GetOperationInfo=infos.get, GetDUInfo=unit("1.0")
    )
    found = device.run(survey({4}, {7, 8}, ALL))
    assert found.operations == {4, 5, 6}
    assert found.asked == {5, 6, 7, 8}
    (update,) = found.found
    assert update == Found(5, OperationInfo("InProgress", "Update", (0,), ""), Facts("1.0", "GetDUInfo"))


def test_a_survey_finds_out_something_else_too() -> None:
    device = Device(GetOperationIDs={"OperationIDs": ""}, GetDUInfo=unit("1.0"))
    assert device.run(survey((), (), ALL, read_facts(FIRMWARE, ALL))).also == Facts("1.0", "GetDUInfo")


@pytest.mark.parametrize(
    ("ids", "told", "ask_first", "restarted", "called", "ended"),
    [
        ("7", info(), True, False, ["GetOperationIDs"], None),
        ("", info(), True, False, ["GetOperationIDs", "GetOperationInfo 7"], None),
        ("7", info(), False, True, ["GetOperationInfo 7"], None),
        ("", info(state="Completed"), False, False, ["GetOperationInfo 7"], "Completed"),
        ("", info("Stop", state="Completed"), False, False, ["GetOperationInfo 7"], "Completed"),
        ("", info("Stop"), False, True, ["GetOperationInfo 7", "GetDUInfo 0"], ""),
        ("", info(targets="3"), False, True, ["GetOperationInfo 7", "GetDUInfo 0"], ""),
        ("", REFUSED, False, False, ["GetOperationInfo 7", "GetDUInfo 0"], ""),
    ],
)
def test_a_look_at_an_operation(
    ids: str, told: Any, ask_first: bool, restarted: bool, called: list[str], ended: str | None
) -> None:
    device = Device(GetOperationIDs={"OperationIDs": ids}, GetOperationInfo=told, GetDUInfo=unit("2.0"))
    before = Facts("1.0", "GetDUInfo")
    plan = look_at(7, FIRMWARE, before, ALL, ask_first=ask_first, restarted=restarted, by_others=False)
    seen = device.run(plan)
    assert device.calls == called
    if ended is None:
        assert seen is None
    elif ended:
        assert seen.info.state == ended
        assert seen.after == before
    else:
        assert seen == Ended(None, Facts("2.0", "GetDUInfo"))


def test_the_end_of_somebody_elses_update_tells_where_its_image_came_from() -> None:
    device = Device(GetOperationInfo=info(state="Completed"), GetDUInfo=unit("2.0", "http://a/b"))
    plan = look_at(7, FIRMWARE, Facts(), {"GetDUInfo"}, ask_first=False, restarted=False, by_others=True)
    assert device.run(plan).image_url == "http://a/b"


def test_the_end_of_an_installation_tells_what_was_installed() -> None:
    device = Device(
        GetOperationInfo=info("Install", "4", "Completed"),
        GetDUIDs={"DUIDs": "0,4"},
        GetEUIDs={"EUIDs": "0,9"},
        GetDUInfo=unit("1.0"),
    )
    before = Facts(units=frozenset({0}), execution_units=frozenset({0}))
    plan = look_at(7, INSTALL, before, ALL, ask_first=False, restarted=False, by_others=False)
    ended = device.run(plan)
    assert ended.after.unit == DeploymentUnit(4, "app", "1.0", "Installed")
    assert ended.after.execution_units == {0, 9}
