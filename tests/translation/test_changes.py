from __future__ import annotations

import json

import pytest

from cwmp_client.messages import EventCode, ParameterValueStruct
from tests.translation.driving import (
    CMS_ACTIONS,
    ROW_PATHS,
    TR_181,
    Exchange,
    asked_values,
    drive,
    instances,
    known_device,
    refusal,
    structure,
    supported_data_models,
    values,
)
from translation import cms
from translation.actions import AboutTo, ActionError, Service, StateChange
from translation.changes import TABLE_1, configuration_changed, poll
from translation.known import KnownTree
from translation.reading import MODEL_VERSIONS

ENABLE, SERVER = "Device.Time.Enable", "Device.Time.NTPServer1"
ENABLE_PATH, SERVER_PATH = "/BBF/Time/Enable", "/BBF/Time/NTPServer1"
ROWS_READ = Exchange("GetInstances", instances(*ROW_PATHS))
UNCHANGED = {
    "ConfigurationUpdate": "7,2024-05-01T10:00:00",
    "SupportedDataModelsUpdate": "1,2024",
    "SupportedParametersUpdate": "1,2024",
}


def change(**variables: str) -> StateChange:
    return StateChange(Service.CMS, variables)


def first_event() -> StateChange:
    return StateChange(Service.CMS, UNCHANGED, complete=True)


def watching() -> KnownTree:
    known = known_device()
    known.learn_notifications({SERVER: 2, ENABLE: 1})
    known.learn_value(ParameterValueStruct(SERVER, "old"))
    known.learn_value(ParameterValueStruct(ENABLE, "true", "boolean"))
    return known


def read(server: str, enable: str = "1") -> Exchange:
    return Exchange(
        "GetValues",
        values({SERVER_PATH: server, ENABLE_PATH: enable}),
        asked_values(SERVER_PATH, ENABLE_PATH),
    )


def test_what_differs_from_the_last_known_value_has_changed() -> None:
    known = watching()
    meaning = drive(
        configuration_changed(known, change(ConfigurationUpdate="8,2024,<x>"), subscribed=True),
        ROWS_READ,
        read("new"),
    )
    assert meaning.parameters == (ParameterValueStruct(SERVER, "new"),)
    again = drive(
        configuration_changed(known, change(ConfigurationUpdate="9"), subscribed=True),
        ROWS_READ,
        read("new", "true"),
    )
    assert again.parameters == ()
    assert known.versions["ConfigurationUpdate"] == "9"


@pytest.mark.parametrize(
    "nothing",
    [
        change(**UNCHANGED),
        change(InconsistentStatus="1", AlarmsEnabled="0"),
        change(AttributeValuesUpdate="8,2024"),
        StateChange(Service.BMS, {"ActiveTestIDs": ""}, complete=True),
        StateChange(Service.SMS, {"ConfigurationUpdate": "99"}),
    ],
)
def test_what_asks_for_nothing(nothing: StateChange) -> None:
    assert drive(configuration_changed(watching(), nothing, subscribed=True)).parameters == ()


def test_the_first_event_of_a_subscription_has_everything_looked_at() -> None:
    known = watching()
    known.rows_current = known.verified = False
    meaning = drive(
        configuration_changed(known, first_event(), subscribed=True),
        ROWS_READ,
        read("new"),
    )
    assert meaning.parameters == (ParameterValueStruct(SERVER, "new"),)
    assert known.rows_current
    assert known.verified


def test_rows_that_do_not_report_are_not_read_for_an_event() -> None:
    known = known_device(reporting=False)
    known.learn_notifications({SERVER: 2})
    drive(
        configuration_changed(known, change(ConfigurationUpdate="8"), subscribed=True),
        Exchange("GetValues", values({SERVER_PATH: "x"})),
    )
    assert not known.rows_current


@pytest.mark.parametrize("variable", ["SupportedDataModelsUpdate", "SupportedParametersUpdate"])
def test_a_new_version_of_the_model_has_it_read_again(variable: str) -> None:
    known = watching()
    meaning = drive(
        configuration_changed(known, change(**{variable: "2,2024"}), subscribed=True),
        *(
            Exchange(f"Get{other}", {"StateVariableValue": "2,2024"})
            for other in MODEL_VERSIONS
            if other != variable
        ),
        Exchange("GetSupportedDataModels", supported_data_models(TR_181)),
        Exchange("GetSupportedParameters", structure("/BBF/Time/NTPServer1", "/BBF/Time/NTPServer2")),
        Exchange("GetAttributes", refusal(401)),
        Exchange("GetValues", values({SERVER_PATH: "new"}), asked_values(SERVER_PATH)),
    )
    assert meaning.parameters == (ParameterValueStruct(SERVER, "new"),)
    assert known.tree.parameter("Device.Time.NTPServer2")


def test_a_version_that_was_never_told_is_taken_as_it_is() -> None:
    known = watching()
    del known.versions["SupportedParametersUpdate"]
    drive(configuration_changed(known, change(SupportedParametersUpdate="5"), subscribed=True), read("old"))
    assert known.versions["SupportedParametersUpdate"] == "5"


def test_an_event_of_a_device_that_was_never_read_has_it_read() -> None:
    known = KnownTree(CMS_ACTIONS)
    meaning = drive(
        configuration_changed(known, first_event(), subscribed=True),
        Exchange("GetSupportedDataModels", supported_data_models(TR_181)),
        Exchange("GetSupportedParameters", structure("/BBF/Time/NTPServer1")),
        Exchange("GetAttributes", refusal(401)),
    )
    assert meaning.parameters == ()
    assert known.versions["ConfigurationUpdate"] == "7"


def test_what_could_not_be_read_is_read_at_the_next_event() -> None:
    known = watching()
    event = change(ConfigurationUpdate="8")
    with pytest.raises(ActionError):
        drive(
            configuration_changed(known, event, subscribed=True),
            ROWS_READ,
            Exchange("GetValues", refusal(708)),
        )
    meaning = drive(configuration_changed(known, event, subscribed=True), ROWS_READ, read("new"))
    assert meaning.parameters == (ParameterValueStruct(SERVER, "new"),)


def test_a_value_that_the_device_hides_does_not_hide_the_others() -> None:
    known = watching()
    meaning = drive(
        configuration_changed(known, change(ConfigurationUpdate="8"), subscribed=True),
        ROWS_READ,
        Exchange("GetValues", refusal(703)),
        Exchange("GetValues", refusal(703), asked_values(SERVER_PATH)),
        Exchange("GetValues", values({ENABLE_PATH: "0"}), asked_values(ENABLE_PATH)),
    )
    assert meaning.parameters == (ParameterValueStruct(ENABLE, "false", "boolean"),)


def test_what_the_acs_has_set_is_no_change() -> None:
    known = watching()
    setting = [ParameterValueStruct(SERVER, "mine"), ParameterValueStruct(ENABLE, "0", "boolean")]
    drive(cms.set_parameter_values(known, setting), Exchange("SetValues", {"Status": "ChangesApplied"}))
    event = change(ConfigurationUpdate="8")
    assert not drive(
        configuration_changed(known, event, subscribed=True), ROWS_READ, read("mine", "0")
    ).parameters


def test_an_event_that_overtakes_the_answer_to_set_values() -> None:
    known = watching()
    plan = cms.set_parameter_values(known, [ParameterValueStruct(SERVER, "mine")])
    next(plan)
    event = change(ConfigurationUpdate="8")
    assert not drive(configuration_changed(known, event, subscribed=True), ROWS_READ, read("mine")).parameters


def test_what_is_committed_is_no_change_whenever_it_shows() -> None:
    known = watching()
    setting = [ParameterValueStruct(SERVER, "mine")]
    drive(cms.set_parameter_values(known, setting), Exchange("SetValues", {"Status": "ChangesCommitted"}))
    records = json.loads(json.dumps(known.take_changes()))
    assert records["cms.committed"] == {SERVER: "mine"}
    for version, shown in ("8", "old"), ("9", "mine"):
        event = change(ConfigurationUpdate=version)
        assert not drive(
            configuration_changed(known, event, subscribed=True), ROWS_READ, read(shown)
        ).parameters
    assert not known.committed
    event = change(ConfigurationUpdate="10")
    assert drive(configuration_changed(known, event, subscribed=True), ROWS_READ, read("other")).parameters


def test_a_change_at_the_device_after_a_write_is_told() -> None:
    known = watching()
    setting = [ParameterValueStruct(SERVER, "mine")]
    drive(cms.set_parameter_values(known, setting), Exchange("SetValues", {"Status": "ChangesCommitted"}))
    event = change(ConfigurationUpdate="8")
    meaning = drive(configuration_changed(known, event, subscribed=True), ROWS_READ, read("theirs"))
    assert meaning.parameters == (ParameterValueStruct(SERVER, "theirs"),)
    assert not known.committed


def test_a_watched_value_that_was_never_read_counts_as_changed() -> None:
    known = known_device(inform_names=[ENABLE])
    known.learn_notifications({SERVER: 2})
    event = change(ConfigurationUpdate="8")
    meaning = drive(
        configuration_changed(known, event, subscribed=True),
        ROWS_READ,
        Exchange("GetValues", values({SERVER_PATH: "x", ENABLE_PATH: "1"})),
    )
    assert meaning.parameters == (ParameterValueStruct(SERVER, "x"),)


def test_a_watched_value_that_is_read_when_events_begin_is_its_first() -> None:
    known = known_device()
    del known.versions["ConfigurationUpdate"]
    known.learn_notifications({SERVER: 2})
    told = Exchange("GetValues", values({SERVER_PATH: "x"}))
    meaning = drive(configuration_changed(known, first_event(), subscribed=True), ROWS_READ, told)
    assert meaning.parameters == ()
    assert known.values[SERVER].value == "x"


def test_polling_does_what_an_event_would() -> None:
    known = watching()
    told = [
        Exchange("GetCurrentConfigurationVersion", {"StateVariableValue": "7"}),
        Exchange("GetSupportedDataModelsUpdate", {"StateVariableValue": "1,2024"}),
        Exchange("GetSupportedParametersUpdate", refusal(501)),
    ]
    assert drive(poll(known), *told).parameters == ()
    told[0] = Exchange("GetCurrentConfigurationVersion", {"StateVariableValue": "8"})
    assert drive(poll(known), *told, ROWS_READ, read("new")).parameters == (
        ParameterValueStruct(SERVER, "new"),
    )
    assert not known.rows_current


def test_a_device_that_tells_no_version_cannot_be_polled() -> None:
    known = known_device(actions=CMS_ACTIONS - {"GetCurrentConfigurationVersion"})
    assert (
        drive(
            poll(known),
            Exchange("GetSupportedDataModelsUpdate", refusal(501)),
            Exchange("GetSupportedParametersUpdate", refusal(501)),
        ).parameters
        == ()
    )


REBOOT, RESET = AboutTo.REBOOT, AboutTo.BASELINE_RESET


def test_table_1() -> None:
    assert [(row.event, row.announcement or (row.service, row.variable)) for row in TABLE_1] == [
        (EventCode.BOOTSTRAP, RESET),
        (EventCode.BOOT, REBOOT),
        (EventCode.VALUE_CHANGE, (Service.CMS, "ConfigurationUpdate")),
        (EventCode.TRANSFER_COMPLETE, (Service.SMS, "OperationIDs")),
        (EventCode.DIAGNOSTICS_COMPLETE, (Service.BMS, "ActiveTestIDs")),
        (EventCode.AUTONOMOUS_TRANSFER_COMPLETE, (Service.SMS, "OperationIDs")),
    ]
