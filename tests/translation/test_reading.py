from __future__ import annotations

import json

import pytest

from tests.translation.driving import (
    CMS_ACTIONS,
    COMMON,
    ROW_PATHS,
    TABLES,
    TR_181,
    TYPES,
    Exchange,
    asked_attributes,
    asked_values,
    attributes,
    drive,
    drive_with,
    instances,
    known_device,
    refusal,
    set_events,
    structure,
    supported_data_models,
    values,
)
from translation.actions import ActionCall, ActionResult, DeviceUnreachable
from translation.known import MODEL, VALUES, VERSIONS, CmsSettings, KnownTree
from translation.model import Attributes
from translation.reading import MAX_PIECES, read_first_values, read_model, read_rows, up_to_date

SOFTWARE_VERSION = "Device.DeviceInfo.SoftwareVersion"
LEAVES = [path for path in TYPES if not path.endswith("/")]


def told(each: Attributes) -> dict[str, str]:
    access = "readWrite" if each.writable else "readOnly"
    return {"Type": each.type, "Access": access, "EventOnChange": str(int(each.event_on_change))}


ATTRIBUTES = {
    **{path.replace("#", "0"): told(each) for path, each in TYPES.items()},
    **{path: {"Type": "Instance", "Access": "readWrite"} for path in ROW_PATHS if "NAT" in path},
}
VERSIONS_READ = [
    Exchange("GetSupportedDataModelsUpdate", {"StateVariableValue": "1,2024-05-01T10:00:00Z"}),
    Exchange("GetSupportedParametersUpdate", {"StateVariableValue": " 4 , 2024"}),
]
MODEL_READ = [
    *VERSIONS_READ,
    Exchange("GetSupportedDataModels", supported_data_models(TR_181, COMMON)),
    Exchange("GetSupportedParameters", structure(*LEAVES), {"StartingNode": "/", "SearchDepth": "0"}),
]
ROWS_READ = [Exchange("GetInstances", instances(*ROW_PATHS), {"StartingNode": "/", "SearchDepth": "0"})]
FIRST_CONTACT = [
    *MODEL_READ,
    *ROWS_READ,
    Exchange("GetAttributes", attributes(ATTRIBUTES)),
    Exchange("SetAttributes", {"Status": "ChangesApplied"}, set_events(dict.fromkeys(TABLES, True))),
]


WITH_EVENTS = [*FIRST_CONTACT, *ROWS_READ]
"""What came between the reading of the rows and the asking to report them is found too."""


def names(known: KnownTree) -> list[str]:
    return [entry.name for entry in known.tree.entries(known.actions, known.deletable)]


def test_first_contact_reads_all_in_few_calls_and_has_rows_reported() -> None:
    known = KnownTree(CMS_ACTIONS)
    drive(up_to_date(known, subscribed=True), *WITH_EVENTS)
    entries = {
        entry.name: (entry.writable, entry.type)
        for entry in known.tree.entries(known.actions, known.deletable)
    }
    assert entries["Device.NAT.PortMapping."] == (True, "")
    assert entries["Device.NAT.PortMapping.1."] == (True, "")
    assert entries["Device.Hosts.Host.4."] == (False, "")
    assert entries["Device.NAT.PortMapping.1.InternalPort"] == (True, "unsignedInt")
    assert known.versions == {"SupportedDataModelsUpdate": "1", "SupportedParametersUpdate": "4"}


def test_a_row_that_comes_before_its_table_reports_is_found() -> None:
    known = KnownTree(CMS_ACTIONS)
    new = "/BBF/NAT/PortMapping/5/"
    drive(
        up_to_date(known, subscribed=True),
        *FIRST_CONTACT,
        Exchange("GetInstances", instances(*ROW_PATHS, new)),
        Exchange("GetAttributes", attributes({new: {"Access": "readWrite"}}), asked_attributes(new)),
    )
    assert "Device.NAT.PortMapping.6." in names(known)
    drive(up_to_date(known, subscribed=True))


def test_what_is_known_costs_nothing_while_events_come() -> None:
    known = KnownTree(CMS_ACTIONS)
    drive(up_to_date(known, subscribed=True), *WITH_EVENTS)
    tree = known.tree
    drive(up_to_date(known, subscribed=True))
    assert known.tree is tree


def test_without_events_rows_are_asked_each_time() -> None:
    known = KnownTree(CMS_ACTIONS)
    drive(up_to_date(known, subscribed=False), *FIRST_CONTACT)
    drive(up_to_date(known, subscribed=False), *ROWS_READ)
    drive(up_to_date(known, subscribed=True), *ROWS_READ)
    drive(up_to_date(known, subscribed=True))


@pytest.mark.parametrize("error", [703, 705, 706])
def test_tables_that_cannot_report_are_asked_each_time(error: int) -> None:
    known = KnownTree(CMS_ACTIONS)
    one_by_one = [Exchange("SetAttributes", refusal(error), set_events({table: True})) for table in TABLES]
    refused = [Exchange("SetAttributes", refusal(error)), *one_by_one]
    drive(up_to_date(known, subscribed=True), *FIRST_CONTACT[:-1], *refused)
    drive(up_to_date(known, subscribed=True), *ROWS_READ)


def test_a_device_that_cannot_be_asked_to_report() -> None:
    known = KnownTree(CMS_ACTIONS - {"SetAttributes"})
    drive(up_to_date(known, subscribed=True), *FIRST_CONTACT[:-1])
    drive(up_to_date(known, subscribed=True), *ROWS_READ)


def test_a_device_without_tables_has_no_rows_to_ask_for() -> None:
    known = KnownTree(CMS_ACTIONS)
    drive(
        up_to_date(known, subscribed=True),
        *VERSIONS_READ,
        Exchange("GetSupportedDataModels", supported_data_models(TR_181)),
        Exchange("GetSupportedParameters", structure("/BBF/Time/Enable")),
        Exchange("GetAttributes", attributes({"/BBF/Time/Enable": {"Type": "boolean"}})),
    )
    drive(up_to_date(known, subscribed=True))


def test_values_of_informs_are_read_and_reported() -> None:
    known = KnownTree(CMS_ACTIONS, inform_names=[SOFTWARE_VERSION, "Device.DeviceInfo.Nothing"])
    path = "/BBF/DeviceInfo/SoftwareVersion"
    drive(
        up_to_date(known, subscribed=True),
        *FIRST_CONTACT[:-1],
        Exchange("SetAttributes", {}, set_events(dict.fromkeys([*TABLES, path], True))),
        *ROWS_READ,
        Exchange("GetValues", values({path: "1.2"}), asked_values(path)),
    )
    assert known.values[SOFTWARE_VERSION].value == "1.2"
    assert set(known.take_changes()) == {MODEL, VERSIONS, VALUES}
    drive(read_first_values(known))


def test_values_of_informs_that_are_refused_are_done_without() -> None:
    known = known_device(inform_names=[SOFTWARE_VERSION])
    drive(read_first_values(known), Exchange("GetValues", refusal(708)))
    drive(read_first_values(known), Exchange("GetValues", values({"/BBF/Other": "1"})))
    assert not known.values


@pytest.mark.parametrize("answer", [refusal(401), refusal(501), {"SupportedDataModels": "<!DOCTYPE a>"}])
def test_models_are_where_they_usually_are_when_the_device_does_not_say(
    answer: dict[str, str] | Exception,
) -> None:
    known = KnownTree(CMS_ACTIONS)
    exchanges = list(WITH_EVENTS)
    exchanges[2] = Exchange("GetSupportedDataModels", answer)
    drive(up_to_date(known, subscribed=True), *exchanges)
    assert "Device.Time.Enable" in names(known)


def test_a_device_that_refuses_the_root_is_asked_for_its_models() -> None:
    known = KnownTree(CMS_ACTIONS)
    rows_read = [
        Exchange("GetInstances", refusal(703)),
        Exchange("GetInstances", refusal(703), {"StartingNode": "/BBF/", "SearchDepth": "0"}),
        Exchange("GetInstances", instances(*ROW_PATHS), {"StartingNode": "/UPnP/DM/", "SearchDepth": "0"}),
    ]
    drive(
        up_to_date(known, subscribed=True),
        *MODEL_READ[:-1],
        Exchange("GetSupportedParameters", refusal(701)),
        Exchange("GetSupportedParameters", structure(*LEAVES), {"StartingNode": "/BBF/", "SearchDepth": "0"}),
        Exchange("GetSupportedParameters", refusal(703), {"StartingNode": "/UPnP/DM/", "SearchDepth": "0"}),
        *rows_read,
        *FIRST_CONTACT[-2:],
        *rows_read,
    )
    assert "Device.Hosts.Host.4.HostName" in names(known)


@pytest.mark.parametrize(("at_root", "at_place"), [(703, 703), (703, 708), (708, 708)])
def test_a_device_that_refuses_altogether(at_root: int, at_place: int) -> None:
    known = KnownTree(CMS_ACTIONS)
    places = 2 if at_place == 703 else 1
    with pytest.raises(type(refusal(at_place))):
        drive(
            up_to_date(known, subscribed=True),
            *MODEL_READ[:-1],
            Exchange("GetSupportedParameters", refusal(at_root)),
            *[Exchange("GetSupportedParameters", refusal(at_place))] * places,
        )
    assert known.model is None


def test_a_model_that_is_too_much_is_read_level_by_level() -> None:
    known = KnownTree(CMS_ACTIONS - {"GetAttributes"})
    asked = []

    def answer(call: ActionCall) -> ActionResult:
        if call.name != "GetSupportedParameters":
            return ActionResult(instances() if call.name == "GetInstances" else {})
        place, depth = call.arguments["StartingNode"], int(call.arguments["SearchDepth"])
        asked.append((place, depth))
        below = [path for path in LEAVES if path.startswith(place)]
        if depth:
            level = place.count("/")
            nodes = {
                "/".join(path.split("/")[: level + 1]) + "/" for path in below if path.count("/") > level
            }
            return ActionResult(
                structure(*[path for path in below if path.count("/") <= level], *nodes, "no path!")
            )
        if len(below) > 2:
            raise refusal(709)
        return ActionResult(structure(*below))

    drive_with(read_model(known, subscribed=True), answer)
    assert known.model
    assert {node.path for node in known.model.nodes} == set(TYPES)
    assert len(asked) < 20


def test_a_device_that_gives_its_model_in_crumbs_is_given_up() -> None:
    known = KnownTree(CMS_ACTIONS)
    calls = []

    def answer(call: ActionCall) -> ActionResult:
        if call.name != "GetSupportedParameters":
            return ActionResult({})
        calls.append(call)
        if call.arguments["SearchDepth"] == "0":
            raise refusal(603)
        place = call.arguments["StartingNode"]
        return ActionResult(structure(f"{place}A/", f"{place}B/", place))

    with pytest.raises(DeviceUnreachable):
        drive_with(read_model(known, subscribed=True), answer)
    assert len(calls) <= 2 * MAX_PIECES + 2


def test_rows_that_are_too_much_are_read_table_by_table_and_row_by_row() -> None:
    known = KnownTree(CMS_ACTIONS - {"GetAttributes"})
    rows = ["/BBF/IP/Interface/0/", "/BBF/IP/Interface/1/", "/BBF/IP/Interface/1/IPv4Address/7/", "/BBF/T/4/"]

    def answer(call: ActionCall) -> ActionResult:
        if call.name == "GetSupportedParameters":
            return ActionResult(structure("/BBF/IP/Interface/#/IPv4Address/#/IPAddress", "/BBF/T/#/X"))
        if call.name != "GetInstances":
            return ActionResult({})
        place, depth = call.arguments["StartingNode"], int(call.arguments["SearchDepth"])
        below = [row for row in rows if row.startswith(place) and row != place]
        if depth:
            below = [row for row in below if row.count("/") == place.count("/") + depth]
        if not depth and (len(below) > 1 or place == "/BBF/T/"):
            raise refusal(501)
        return ActionResult(instances(*below))

    drive_with(read_model(known, subscribed=True), answer)
    assert [name for name in names(known) if name.endswith(("IPAddress", "X"))] == [
        "Device.IP.Interface.2.IPv4Address.8.IPAddress",
        "Device.T.5.X",
    ]


def test_attributes_are_asked_in_portions_and_halved_where_they_are_too_much() -> None:
    known = KnownTree(CMS_ACTIONS, settings=CmsSettings(attributes_per_call=6))
    asked = []

    def answer(call: ActionCall) -> ActionResult:
        for exchange in [*FIRST_CONTACT]:
            if exchange.action == call.name and call.name not in {"GetAttributes", "SetAttributes"}:
                assert not isinstance(exchange.answer, Exception)
                return ActionResult(exchange.answer)
        if call.name == "SetAttributes":
            return ActionResult({})
        paths = [path for path in ATTRIBUTES if f">{path}<" in call.arguments["Parameters"]]
        asked.append(call.arguments["Parameters"].count("<NodeAttributePath>"))
        if asked[-1] > 3:
            raise refusal(603)
        return ActionResult(attributes({path: ATTRIBUTES[path] for path in paths}))

    drive_with(up_to_date(known, subscribed=True), answer)
    assert max(asked) == 6
    assert not known.undescribed()
    enable = known.tree.parameter("Device.Time.Enable")
    assert enable
    assert (enable.path, enable.attributes) == ("/BBF/Time/Enable", TYPES["/BBF/Time/Enable"])


def test_nodes_without_attributes_are_found_and_left_out() -> None:
    known = KnownTree(CMS_ACTIONS)
    bad = {"/BBF/Time/Enable", "/BBF/NAT/PortMapping/0/"}

    def answer(call: ActionCall) -> ActionResult:
        for exchange in FIRST_CONTACT:
            if exchange.action == call.name and call.name != "GetAttributes":
                assert not isinstance(exchange.answer, Exception)
                return ActionResult(exchange.answer)
        if any(f">{path}<" in call.arguments["Parameters"] for path in bad):
            raise refusal(703)
        return ActionResult(attributes(ATTRIBUTES))

    drive_with(up_to_date(known, subscribed=True), answer)
    assert not known.undescribed()
    assert known.tree.parameter("Device.NAT.PortMapping.1.Enable")


@pytest.mark.parametrize("answer", [refusal(708), refusal(401), {"NodeAttributeValueList": "<"}])
def test_attributes_that_cannot_be_had_are_asked_for_again(answer: dict[str, str] | Exception) -> None:
    known = KnownTree(CMS_ACTIONS)
    drive(up_to_date(known, subscribed=True), *MODEL_READ, *ROWS_READ, Exchange("GetAttributes", answer))
    assert not any(entry.writable for entry in known.tree.entries(known.actions, known.deletable))
    drive(up_to_date(known, subscribed=True), *ROWS_READ, *WITH_EVENTS[-3:])
    drive(up_to_date(known, subscribed=True))


def test_new_rows_are_described_once() -> None:
    known = known_device()
    new = "/BBF/NAT/PortMapping/5/"
    drive(
        read_rows(known, subscribed=True),
        Exchange("GetInstances", instances(*ROW_PATHS, new)),
        Exchange("GetAttributes", attributes({new: {"Access": "readWrite"}}), asked_attributes(new)),
    )
    assert known.deletable[new]
    drive(read_rows(known, subscribed=True), Exchange("GetInstances", instances(*ROW_PATHS)))
    assert new not in known.deletable
    assert "Device.NAT.PortMapping.6." not in names(known)


def test_a_restart_goes_on_from_what_was_saved() -> None:
    known = KnownTree(CMS_ACTIONS, inform_names=[])
    drive(up_to_date(known, subscribed=True), *WITH_EVENTS)
    records = json.loads(json.dumps(known.take_changes()))
    again = KnownTree(CMS_ACTIONS, records=records, instances=known.instances.take_changes())
    in_order = [TABLES[0], *ROW_PATHS[:2], TABLES[1], ROW_PATHS[2]]
    rows_of_tables = {path: {**ATTRIBUTES.get(path, {}), "EventOnChange": "1"} for path in in_order}
    drive(
        up_to_date(again, subscribed=True),
        *VERSIONS_READ,
        *ROWS_READ,
        Exchange("GetAttributes", attributes(rows_of_tables), asked_attributes(*rows_of_tables)),
    )
    assert names(again) == names(known)
    assert again.model is known.model
    drive(up_to_date(again, subscribed=True))


@pytest.mark.parametrize("told_now", ["2,2025", None])
def test_a_saved_model_that_may_be_another_is_read_again(told_now: str | None) -> None:
    known = KnownTree(CMS_ACTIONS)
    drive(up_to_date(known, subscribed=True), *WITH_EVENTS)
    again = KnownTree(CMS_ACTIONS, records=known.take_changes(), instances=known.instances.take_changes())
    versions = [
        Exchange(exchange.action, {"StateVariableValue": told_now} if told_now else refusal(501))
        for exchange in VERSIONS_READ
    ]
    drive(
        up_to_date(again, subscribed=True),
        *versions,
        *versions,
        *MODEL_READ[2:],
        *WITH_EVENTS[4:],
    )
    assert names(again) == names(known)


def test_all_attributes_may_be_lost() -> None:
    known = known_device(inform_names=[SOFTWARE_VERSION])
    known.learn_notifications({"Device.Time.Enable": 2})
    known.forget_attributes()
    lost: dict[str, dict[str, str]] = {path: {} for path in (*TABLES, "/BBF/DeviceInfo/SoftwareVersion")}
    drive(
        up_to_date(known, subscribed=True),
        *ROWS_READ,
        Exchange(
            "GetAttributes", attributes(lost), asked_attributes(*TABLES, "/BBF/DeviceInfo/SoftwareVersion")
        ),
        Exchange("SetAttributes", {}, set_events(dict.fromkeys(lost, True))),
        *ROWS_READ,
    )
    assert not known.notifications
