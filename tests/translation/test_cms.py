from __future__ import annotations

import pytest

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import ParameterAttributeStruct, ParameterValueStruct
from tests.translation.driving import (
    CMS_ACTIONS,
    Exchange,
    asked_attributes,
    asked_values,
    attributes,
    document,
    drive,
    drive_with,
    known_device,
    refusal,
    set_events,
    value_list,
    values,
)
from translation import cms
from translation.actions import ActionCall, ActionError, ActionResult, DeviceUnreachable
from translation.known import COMMITTED, NOTIFICATIONS, VALUES, CmsSettings, KnownTree

ENABLE, SERVER = "Device.Time.Enable", "Device.Time.NTPServer1"
ENABLE_PATH, SERVER_PATH = "/BBF/Time/Enable", "/BBF/Time/NTPServer1"
PORT, PORT_PATH = "Device.NAT.PortMapping.1.InternalPort", "/BBF/NAT/PortMapping/0/InternalPort"

EVERYTHING = {
    "/UPnP/DM/DeviceInfo/PhysicalDevice/HardwareVersion": "A1",
    "/BBF/NAT/PortMapping/0/InternalPort": "080",
    "/BBF/NAT/PortMapping/0/Enable": "True",
    "/BBF/Hosts/Host/3/HostName": "camera",
    "/BBF/Hosts/Host/3/Active": "perhaps",
    "/BBF/Hosts/Host/0/HostName": "printer",
    "/BBF/Hosts/Host/0/Active": "1",
    "/BBF/Hosts/HostNumberOfEntries": "2",
    "/BBF/Hosts/Host/9/HostName": "not in the tree yet",
    "/BBF/Time/NTPServer1": "ntp.example",
    "/BBF/Time/Enable": "0",
    "/BBF/DeviceInfo/UpTime": "5",
    "/BBF/DeviceInfo/SoftwareVersion": "1.2",
}


def value(name: str, text: str, schema: str = "string") -> ParameterValueStruct:
    return ParameterValueStruct(name, text, schema)


def test_all_values_by_one_call_in_tree_order_with_types() -> None:
    found = drive(
        cms.get_parameter_values(known_device(), ["Device."]),
        Exchange("GetValues", values(EVERYTHING), asked_values("/BBF/", "/UPnP/")),
    )
    assert found == [
        value("Device.DeviceInfo.SoftwareVersion", "1.2"),
        value("Device.DeviceInfo.UpTime", "5", "unsignedInt"),
        value("Device.Time.Enable", "false", "boolean"),
        value("Device.Time.NTPServer1", "ntp.example"),
        value("Device.Hosts.HostNumberOfEntries", "2", "unsignedInt"),
        value("Device.Hosts.Host.1.HostName", "printer"),
        value("Device.Hosts.Host.1.Active", "true", "boolean"),
        value("Device.Hosts.Host.4.HostName", "camera"),
        value("Device.Hosts.Host.4.Active", "perhaps", "string"),
        value("Device.NAT.PortMapping.1.Enable", "true", "boolean"),
        value("Device.NAT.PortMapping.1.InternalPort", "80", "unsignedInt"),
        value("Device.X_UPNP-ORG_DM.UPnP.DM.DeviceInfo.PhysicalDevice.HardwareVersion", "A1"),
    ]


def test_names_and_partial_paths_go_into_one_call() -> None:
    found = drive(
        cms.get_parameter_values(known_device(), [SERVER, "Device.NAT.", ENABLE, SERVER]),
        Exchange(
            "GetValues",
            values({ENABLE_PATH: "1", PORT_PATH: "80"}),
            asked_values(SERVER_PATH, "/BBF/NAT/", ENABLE_PATH),
        ),
    )
    assert found == [
        value(SERVER, ""),
        value(PORT, "80", "unsignedInt"),
        value(ENABLE, "true", "boolean"),
        value(SERVER, ""),
    ]


def test_an_empty_table_costs_nothing() -> None:
    known = known_device()
    known.learn_rows({})
    assert drive(cms.get_parameter_values(known, ["Device.NAT.PortMapping."])) == []


@pytest.mark.parametrize("name", ["Device.Time.Nothing", "Device.Hosts.Host.2.HostName"])
def test_a_name_that_is_gone(name: str) -> None:
    with pytest.raises(CwmpFault) as caught:
        drive(cms.get_parameter_values(known_device(), [ENABLE, name]))
    assert caught.value.code == 9005


@pytest.mark.parametrize("error", [501, 603, 709])
@pytest.mark.parametrize("settings", [CmsSettings(), CmsSettings(values_per_call=1)])
def test_values_that_are_too_much_are_read_in_halves(error: int, settings: CmsSettings) -> None:
    calls = []

    def answer(call: ActionCall) -> ActionResult:
        asked = [
            path for path in (*EVERYTHING, "/BBF/", "/UPnP/") if f">{path}<" in call.arguments["Parameters"]
        ]
        found = [path for path in EVERYTHING if any(path.startswith(each) for each in asked)]
        calls.append(asked)
        if len(found) > 3:
            raise refusal(error)
        return ActionResult(values({path: EVERYTHING[path] for path in found}))

    found = drive_with(cms.get_parameter_values(known_device(settings=settings), ["Device."]), answer)
    assert len(found) == len(EVERYTHING) - 1
    assert len(calls) < 14


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(ActionError):
        drive(
            cms.get_parameter_values(known_device(), [ENABLE, SERVER]),
            Exchange("GetValues", refusal(709)),
            Exchange("GetValues", refusal(709), asked_values(ENABLE_PATH)),
        )


@pytest.mark.parametrize(
    ("status", "expected"), [("ChangesApplied", 0), ("ChangesCommitted", 1), ("", 0), ("Other", 0)]
)
def test_values_are_set_by_one_call_as_the_device_wants_them(status: str, expected: int) -> None:
    written = {ENABLE_PATH: "1", SERVER_PATH: " a &amp; b ", PORT_PATH: "80"}
    told = drive(
        cms.set_parameter_values(
            known_device(),
            [value(ENABLE, "true", "boolean"), value(SERVER, " a & b "), value(PORT, "080", "int")],
        ),
        Exchange("SetValues", {"Status": status}, {"ParameterValueList": value_list(written)}),
    )
    assert told == expected


@pytest.mark.parametrize("answer", [refusal(705), DeviceUnreachable("gone")])
def test_what_is_written_is_known_while_it_is_on_its_way(answer: Exception) -> None:
    known = known_device()
    known.learn_notifications({SERVER: 2})
    plan = cms.set_parameter_values(known, [value(SERVER, " new ")])
    next(plan)
    assert known.pending == {SERVER: "new"}
    with pytest.raises(type(answer)):
        plan.throw(answer)
    assert known.pending == {}
    assert not known.values
    assert not known.committed


def test_what_was_set_is_known_of_watched_parameters() -> None:
    known = known_device()
    known.learn_notifications({SERVER: 1})
    known.take_changes()
    setting = [value(SERVER, "new"), value(ENABLE, "1", "boolean")]
    drive(cms.set_parameter_values(known, setting), Exchange("SetValues", {"Status": "ChangesCommitted"}))
    assert known.committed == {SERVER: "new"}
    assert known.take_changes() == {COMMITTED: {SERVER: "new"}}
    drive(cms.set_parameter_values(known, setting), Exchange("SetValues", {"Status": "ChangesApplied"}))
    assert known.take_changes() == {COMMITTED: {}, VALUES: {SERVER: ["new", "string"]}}


def test_notifications_are_what_the_device_says_unless_the_acs_has_set_them() -> None:
    known = known_device()
    known.learn_notifications({SERVER: 2})
    path = "/BBF/DeviceInfo/UpTime"
    found = drive(
        cms.get_parameter_attributes(known, ["Device.Time.", "Device.DeviceInfo.UpTime"]),
        Exchange(
            "GetAttributes",
            attributes({path: {"EventOnChange": "1"}}),
            asked_attributes(ENABLE_PATH, path),
        ),
    )
    expected = [
        ParameterAttributeStruct(ENABLE, 0),
        ParameterAttributeStruct(SERVER, 2),
        ParameterAttributeStruct("Device.DeviceInfo.UpTime", 1),
    ]
    assert found == expected
    known.event_on_change[ENABLE] = False
    again = drive(cms.get_parameter_attributes(known, ["Device.Time.", "Device.DeviceInfo.UpTime"]))
    assert again == expected


def test_a_device_without_get_attributes_has_no_notifications() -> None:
    known = known_device(actions=CMS_ACTIONS - {"GetAttributes"})
    assert drive(cms.get_parameter_attributes(known, [ENABLE])) == [ParameterAttributeStruct(ENABLE, 0)]


def test_notifications_are_set_by_one_call() -> None:
    known = known_device()
    drive(
        cms.set_parameter_attributes(known, {ENABLE: 2, SERVER: 1}),
        Exchange("SetAttributes", {}, set_events({ENABLE_PATH: True, SERVER_PATH: True})),
    )
    drive(cms.set_parameter_attributes(known, {ENABLE: 1}))
    assert known.take_changes() == {NOTIFICATIONS: {ENABLE: 1, SERVER: 1}}
    drive(
        cms.set_parameter_attributes(known, {ENABLE: 0, SERVER: 2}),
        Exchange("SetAttributes", {}, set_events({ENABLE_PATH: False})),
    )
    assert known.take_changes() == {NOTIFICATIONS: {SERVER: 2}}


def test_notifications_that_are_off_need_no_values() -> None:
    known = known_device(inform_names=[SERVER])
    known.learn_notifications({ENABLE: 2, SERVER: 2})
    for each in (value(ENABLE, "true", "boolean"), value(SERVER, "x")):
        known.learn_value(each)
    known.learn_notifications({ENABLE: 0, SERVER: 0, PORT: 0})
    assert list(known.values) == [SERVER]


@pytest.mark.parametrize("failure", [refusal(706), DeviceUnreachable("gone")])
@pytest.mark.parametrize("setting_back", [{}, refusal(501)])
def test_notifications_are_set_back_when_one_fails(
    failure: Exception, setting_back: dict[str, str] | Exception
) -> None:
    known = known_device(settings=CmsSettings(attributes_per_call=1))
    known.event_on_change[SERVER] = True
    with pytest.raises(type(failure)):
        drive(
            cms.set_parameter_attributes(known, {SERVER: 0, ENABLE: 2}),
            Exchange("SetAttributes", {}, set_events({SERVER_PATH: False})),
            Exchange("SetAttributes", failure, set_events({ENABLE_PATH: True})),
            Exchange("SetAttributes", setting_back, set_events({SERVER_PATH: True})),
        )
    assert not known.take_changes()


def test_a_device_that_cannot_be_asked_to_tell() -> None:
    known = known_device(actions=CMS_ACTIONS - {"SetAttributes"})
    with pytest.raises(CwmpFault) as caught:
        drive(cms.set_parameter_attributes(known, {ENABLE: 2}))
    assert caught.value.code == 9009
    known.event_on_change[SERVER] = True
    drive(cms.set_parameter_attributes(known, {SERVER: 2, ENABLE: 0}))
    assert known.notifications == {SERVER: 2}


CREATION = {
    "MultiInstanceName": "/BBF/NAT/PortMapping/",
    "ChildrenInitialization": document("ParameterInitialValueList", ""),
}


@pytest.mark.parametrize("identifier", ["/BBF/NAT/PortMapping/7/", " /BBF/NAT/PortMapping/7\n", "7", "7/"])
def test_a_row_is_added(identifier: str) -> None:
    known = known_device()
    added = drive(
        cms.add_object(known, "Device.NAT.PortMapping."),
        Exchange(
            "CreateInstance", {"InstanceIdentifier": identifier, "Status": "ChangesCommitted"}, CREATION
        ),
    )
    assert added == (8, 1)
    assert known.deletable["/BBF/NAT/PortMapping/7/"]
    assert known.tree.parameter("Device.NAT.PortMapping.8.Enable")
    assert known.rows_current


def test_a_row_that_has_the_number_of_one_that_went_unnoticed() -> None:
    known = known_device()
    known.learn_notifications({PORT: 2})
    known.learn_value(value(PORT, "80", "unsignedInt"))
    known.take_changes()
    added = drive(
        cms.add_object(known, "Device.NAT.PortMapping."),
        Exchange("CreateInstance", {"InstanceIdentifier": "/BBF/NAT/PortMapping/0/"}),
    )
    assert added == (2, 0)
    assert not known.tree.object("Device.NAT.PortMapping.1.")
    assert known.take_changes() == {NOTIFICATIONS: {}, VALUES: {}}


def test_the_first_row_of_a_table_brings_the_types() -> None:
    known = known_device()
    known.learn_rows({"/BBF/Hosts/Host/": {0}})
    assert known.model
    nodes = tuple(
        node._replace(attributes=None) if node.path.startswith("/BBF/NAT/PortMapping/#") else node
        for node in known.model.nodes
    )
    known.learn_model(type(known.model)(known.model.subtrees, nodes), {})
    known.deletable = {**known.deletable, "/BBF/Hosts/Host/0/": False}
    known.reporting |= {"/BBF/Hosts/Host/": True, "/BBF/NAT/PortMapping/": True}
    leaves = ["/BBF/NAT/PortMapping/1/Enable", "/BBF/NAT/PortMapping/1/InternalPort"]
    drive(
        cms.add_object(known, "Device.NAT.PortMapping."),
        Exchange("CreateInstance", {"InstanceIdentifier": "/BBF/NAT/PortMapping/1/"}),
        Exchange(
            "GetAttributes",
            attributes({leaf: {"Type": "boolean", "Access": "readWrite"} for leaf in leaves}),
            asked_attributes(*leaves),
        ),
    )
    parameter = known.tree.parameter("Device.NAT.PortMapping.2.Enable")
    assert parameter
    assert parameter.attributes == ("boolean", True, False)


@pytest.mark.parametrize("identifier", [None, "", "/BBF/Other/1/", "/BBF/NAT/PortMapping/", "<x/>"])
def test_a_row_that_nobody_knows(identifier: str | None) -> None:
    known = known_device()
    answer = {} if identifier is None else {"InstanceIdentifier": identifier}
    with pytest.raises(DeviceUnreachable):
        drive(cms.add_object(known, "Device.NAT.PortMapping."), Exchange("CreateInstance", answer))
    assert not known.rows_current


def test_a_row_is_deleted() -> None:
    known = known_device()
    known.learn_notifications({"Device.Hosts.Host.1.Active": 2})
    status = drive(
        cms.delete_object(known, "Device.Hosts.Host.1."),
        Exchange(
            "DeleteInstance", {"Status": "ChangesApplied"}, {"InstanceIdentifier": "/BBF/Hosts/Host/0/"}
        ),
    )
    assert status == 0
    assert not known.tree.object("Device.Hosts.Host.1.")
    assert not known.notifications


@pytest.mark.parametrize("name", ["Device.Nowhere.", "Device.Time.", "Device.NAT.PortMapping.9."])
def test_no_such_table_or_row(name: str) -> None:
    known = known_device()
    for plan in (cms.add_object(known, name), cms.delete_object(known, name)):
        with pytest.raises(CwmpFault) as caught:
            drive(plan)
        assert caught.value.code == 9005


def test_values_read_for_the_acs_are_the_first_ones_of_watched_parameters() -> None:
    known = known_device()
    known.learn_notifications({SERVER: 2, ENABLE: 2})
    known.learn_value(value(ENABLE, "true", "boolean"))
    read = Exchange("GetValues", values({SERVER_PATH: "first", ENABLE_PATH: "0"}))
    drive(cms.get_parameter_values(known, ["Device.Time."]), read)
    assert {name: each.value for name, each in known.values.items()} == {ENABLE: "true", SERVER: "first"}


def test_a_tree_of_nothing() -> None:
    assert drive(cms.get_parameter_values(KnownTree(CMS_ACTIONS), ["Device."])) == []
