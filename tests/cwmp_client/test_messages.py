from __future__ import annotations

from typing import get_args

import pytest
from msgspec.structs import fields

from cwmp_client.faults import CwmpFault, FaultCode, ParameterFault
from cwmp_client.messages import (
    AcsRequest,
    AcsResponse,
    CpeRequest,
    CpeResponse,
    Download,
    EventCode,
    GetRPCMethods,
    InstallOpStruct,
    Message,
    ScheduleDownload,
    UpdateOpStruct,
    Upload,
)
from cwmp_client.soap_schema import ANSWERS, MESSAGES


def test_every_message_has_a_place_in_the_schema_and_nothing_else_has() -> None:
    assert set(get_args(Message)) == set(MESSAGES)


@pytest.mark.parametrize("made", MESSAGES, ids=lambda made: made.__name__)
def test_every_field_is_an_element_in_the_order_of_the_schema(made: type) -> None:
    elements = [field.attribute for field in MESSAGES[made].fields]

    # MaxEnvelopes has a default, so a record cannot have it where the schema has it.
    assert sorted(elements) == sorted(field.name for field in fields(made))
    assert [name for name in elements if name != "max_envelopes"] == [
        field.name for field in fields(made) if field.name != "max_envelopes"
    ]


@pytest.mark.parametrize(
    ("requests", "answers"), [(AcsRequest, CpeResponse), (CpeRequest, AcsResponse)], ids=["ACS", "CPE"]
)
def test_every_request_has_its_answer(requests: object, answers: object) -> None:
    assert [ANSWERS[request] for request in get_args(requests)] == list(get_args(answers))


def test_messages_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Download("", "1 Firmware Upgrade Image", "http://a/").url = "http://b/"  # type: ignore[misc]  # the point
    assert hash(GetRPCMethods()) == hash(GetRPCMethods())


@pytest.mark.parametrize(
    "secretive",
    [
        Download("", "1 Firmware Upgrade Image", "http://a/", "user", "secret"),
        Upload("", "1 Vendor Configuration File", "http://a/", "user", "secret"),
        ScheduleDownload("", "1 Firmware Upgrade Image", "http://a/", "user", "secret", 0, "", ()),
        InstallOpStruct("http://a/", password="secret"),
        UpdateOpStruct(password="secret"),
    ],
    ids=lambda message: type(message).__name__,
)
def test_passwords_are_not_shown(secretive: object) -> None:
    assert "secret" not in repr(secretive)


def test_event_codes_are_text() -> None:
    assert EventCode("0 BOOTSTRAP") is EventCode.BOOTSTRAP
    assert f"{EventCode.M_CHANGE_DU_STATE}" == "M ChangeDUState"


def test_a_fault_carries_what_the_answer_says() -> None:
    parameter = ParameterFault("Device.A", FaultCode.INVALID_PARAMETER_VALUE, "too long")

    fault = CwmpFault(FaultCode.INVALID_ARGUMENTS, "no", (parameter,))

    assert (fault.code, fault.text, fault.parameters) == (9003, "no", (parameter,))
    assert str(fault) == "9003 no"
    assert str(CwmpFault(9800)) == "9800"
