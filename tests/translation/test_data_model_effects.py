"""What a data model changes in the plans: checks apart, which cost no action."""

from __future__ import annotations

import pytest

from cwmp_client.messages import ParameterValueStruct
from tests.translation.data_models import model, read_document
from tests.translation.driving import (
    CMS_ACTIONS,
    ROW_PATHS,
    VERSIONS,
    Exchange,
    asked_values,
    drive,
    instances,
    known_device,
    refusal,
    value_list,
    values,
)
from translation import changes, cms, reading
from translation.actions import DeviceUnreachable, Service, StateChange
from translation.known import VALUES, KnownTree
from translation.model import SupportedModel
from translation.tree import Entry

PORT_MAPPING = "/BBF/NAT/PortMapping/7/"
NTP, NTP_PATH = "Device.Time.NTPServer1", "/BBF/Time/NTPServer1"
ACTIVE, ACTIVE_PATH = "Device.Hosts.HostNumberOfEntries", "/BBF/Hosts/HostNumberOfEntries"

DATA_MODEL = read_document(
    model(
        """
        <object name="Time.">
          <parameter name="NTPServer1" access="readWrite">
            <syntax><string><pathRef refType="weak"/></string></syntax></parameter>
        </object>
        <object name="Hosts.">
          <parameter name="HostNumberOfEntries" access="readOnly" activeNotify="forceEnabled"/>
        </object>
        <object name="NAT.PortMapping.{i}." access="readWrite">
          <parameter name="Enable" access="readWrite">
            <syntax><boolean/><default type="object" value="false"/></syntax></parameter>
          <parameter name="InternalPort" access="readWrite"><syntax>
            <unsignedInt><range minInclusive="1"/></unsignedInt><default type="object" value="80"/>
          </syntax></parameter>
          <parameter name="NotAtThisDevice" access="readWrite">
            <syntax><string/><default type="object" value="x"/></syntax></parameter>
        </object>
        """
    )
)

CREATED = Exchange("CreateInstance", {"InstanceIdentifier": PORT_MAPPING, "Status": "ChangesApplied"})
DEFAULTS = {
    "ParameterValueList": value_list({PORT_MAPPING + "Enable": "0", PORT_MAPPING + "InternalPort": "80"})
}


def defined_device(**options: object) -> KnownTree:
    return known_device(data_model=DATA_MODEL, **options)  # type: ignore[arg-type]  # handed through


@pytest.mark.parametrize(("status", "expected"), [("ChangesApplied", 0), ("ChangesCommitted", 1)])
def test_a_new_row_gets_the_defaults_of_the_data_model_by_one_call(status: str, expected: int) -> None:
    added = drive(
        cms.add_object(defined_device(), "Device.NAT.PortMapping."),
        CREATED,
        Exchange("SetValues", {"Status": status}, DEFAULTS),
    )
    assert added == (8, expected)


@pytest.mark.parametrize("trouble", [refusal(705), DeviceUnreachable("gone")])
def test_a_row_whose_defaults_are_refused_is_there_nevertheless(trouble: Exception) -> None:
    known = defined_device()
    added = drive(
        cms.add_object(known, "Device.NAT.PortMapping."), CREATED, Exchange("SetValues", trouble, DEFAULTS)
    )
    assert added == (8, 0)
    assert known.tree.object("Device.NAT.PortMapping.8.")


def test_without_set_values_the_device_has_its_own_defaults() -> None:
    known = defined_device(actions=CMS_ACTIONS - {"SetValues"})
    assert drive(cms.add_object(known, "Device.NAT.PortMapping."), CREATED) == (8, 0)


def test_a_device_that_tells_no_attributes_has_the_types_and_access_of_the_data_model() -> None:
    known = KnownTree(CMS_ACTIONS, data_model=DATA_MODEL)
    known.learn_model(SupportedModel.of((), ["/BBF/NAT/PortMapping/#/InternalPort"]), VERSIONS)
    known.learn_rows({"/BBF/NAT/PortMapping/": {0}})
    drive(reading.describe(known), Exchange("GetAttributes", refusal(401)))
    assert list(known.tree.entries(CMS_ACTIONS, known.deletable))[-3:] == [
        Entry("Device.NAT.PortMapping.", writable=True),
        Entry("Device.NAT.PortMapping.1.", writable=True),
        Entry("Device.NAT.PortMapping.1.InternalPort", writable=True, type="unsignedInt"),
    ]


def test_what_is_always_active_is_known_and_watched_without_being_asked_for() -> None:
    known = defined_device()
    assert known.event_on_change[ACTIVE]
    drive(reading.read_first_values(known), Exchange("GetValues", values({ACTIVE_PATH: "2"})))
    changed = drive(
        changes.configuration_changed(
            known, StateChange(Service.CMS, {"ConfigurationUpdate": "8,x"}), subscribed=True
        ),
        Exchange("GetInstances", instances(*ROW_PATHS)),
        Exchange("GetValues", values({ACTIVE_PATH: "3"}), asked_values(ACTIVE_PATH)),
    )
    assert changed.parameters == (ParameterValueStruct(ACTIVE, "3", "unsignedInt"),)
    known.learn_notifications({ACTIVE: 0})
    assert known.values[ACTIVE].value == "3"


def test_a_reference_that_the_acs_has_set_does_not_come_back_as_a_change() -> None:
    known = defined_device()
    known.learn_notifications({NTP: 2})
    drive(
        cms.set_parameter_values(known, [ParameterValueStruct(NTP, "Device.Hosts.Host.4.")]),
        Exchange(
            "SetValues",
            {"Status": "ChangesApplied"},
            {"ParameterValueList": value_list({NTP_PATH: "/BBF/Hosts/Host/3/"})},
        ),
    )
    assert known.take_changes()[VALUES] == {NTP: ["Device.Hosts.Host.4", "string"]}
    known.learn_value(ParameterValueStruct(ACTIVE, "2", "unsignedInt"))
    meaning = drive(
        changes.configuration_changed(
            known, StateChange(Service.CMS, {"ConfigurationUpdate": "8,x"}), subscribed=True
        ),
        Exchange("GetInstances", instances(*ROW_PATHS)),
        Exchange("GetValues", values({NTP_PATH: "/BBF/Hosts/Host/3/", ACTIVE_PATH: "2"})),
    )
    assert meaning.parameters == ()


def test_a_data_model_can_come_and_go_while_the_device_is_known() -> None:
    known = KnownTree(CMS_ACTIONS)
    known.learn_model(SupportedModel.of((), ["/BBF/NAT/PortMapping/#/InternalPort"]), VERSIONS)
    known.learn_rows({"/BBF/NAT/PortMapping/": {0}})
    types = []
    for data_model in (DATA_MODEL, DATA_MODEL, None):
        known.data_model = data_model
        parameter = known.tree.parameter("Device.NAT.PortMapping.1.InternalPort")
        assert parameter
        types.append(parameter.attributes.type)
    assert types == ["unsignedInt", "unsignedInt", "string"]
