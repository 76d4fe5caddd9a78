from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cwmp_client.messages import (
    UNKNOWN_TIME,
    AutonomousDUStateChangeComplete,
    AutonomousTransferComplete,
    AutonOpResultStruct,
    DeviceIdStruct,
    DUStateChangeComplete,
    EventStruct,
    Fault,
    FaultStruct,
    GetParameterAttributesResponse,
    Inform,
    Message,
    OpResultStruct,
    ParameterAttributeStruct,
    SetParameterValuesFault,
)
from cwmp_client.soap import (
    Header,
    decode,
    encode,
)
from cwmp_client.versions import MINORS, NAMESPACES, agreed_version, said_in, transfer_fault_code
from tests.cwmp_client.schema import errors_of

ONE_0, ONE_1, ONE_2 = MINORS


@pytest.mark.parametrize(
    ("code", "namespace", "upload", "said"),
    [
        (0, ONE_0, False, 0),
        (9012, ONE_0, True, 9012),
        (9015, ONE_0, False, 9010),
        (9020, ONE_0, True, 9011),
        (9800, ONE_0, False, 9010),
        (9015, ONE_1, True, 9015),
        (9020, ONE_1, False, 9020),
        (9027, ONE_2, False, 9010),
        (9800, ONE_2, False, 9800),
    ],
)
def test_transfer_faults_that_a_namespace_lacks_are_general_ones(
    code: int, namespace: str, upload: bool, said: int
) -> None:
    assert transfer_fault_code(code, namespace, upload=upload) == said


def _autonomous_transfer(code: int, *, is_download: bool) -> AutonomousTransferComplete:
    return AutonomousTransferComplete(
        "", "", is_download, "X 00256D a", 0, "", FaultStruct(code), UNKNOWN_TIME, UNKNOWN_TIME
    )


def _result(made: Callable[..., Any], code: int, *more: str) -> Any:
    uuid = "6d3cbe9c-1f9c-4d1a-8f5e-3b9f0c7a2b11"
    return made(uuid, "", "", "Failed", False, "", UNKNOWN_TIME, UNKNOWN_TIME, FaultStruct(code), *more)


SAID: list[tuple[str, Message, Message]] = [
    (ONE_0, Fault(9021), Fault(9002)),
    (ONE_0, Fault(8006), Fault(8002)),
    (ONE_2, Fault(12), Fault(9002)),
    (
        ONE_0,
        Fault(9003, "", (SetParameterValuesFault("A", 9025),)),
        Fault(9003, "", (SetParameterValuesFault("A", 9002),)),
    ),
    (ONE_1, _autonomous_transfer(9013, is_download=True), _autonomous_transfer(9010, is_download=True)),
    (ONE_1, _autonomous_transfer(9013, is_download=False), _autonomous_transfer(9011, is_download=False)),
    (
        ONE_2,
        DUStateChangeComplete((_result(OpResultStruct, 9002), _result(OpResultStruct, 9032)), "k"),
        DUStateChangeComplete((_result(OpResultStruct, 9001), _result(OpResultStruct, 9032)), "k"),
    ),
    (
        ONE_2,
        AutonomousDUStateChangeComplete((_result(AutonOpResultStruct, 9002, "Install"),)),
        AutonomousDUStateChangeComplete((_result(AutonOpResultStruct, 9001, "Install"),)),
    ),
    (
        ONE_1,
        GetParameterAttributesResponse(tuple(ParameterAttributeStruct("A", n) for n in range(7))),
        GetParameterAttributesResponse(
            tuple(ParameterAttributeStruct("A", n) for n in (0, 1, 2, 0, 1, 0, 1))
        ),
    ),
    (
        ONE_2,
        GetParameterAttributesResponse((ParameterAttributeStruct("A", 6),)),
        GetParameterAttributesResponse((ParameterAttributeStruct("A", 6),)),
    ),
    (
        ONE_0,
        Inform(
            DeviceIdStruct("", "00256D", "", ""),
            tuple(
                EventStruct(code)
                for code in (
                    "1 BOOT",
                    "10 AUTONOMOUS TRANSFER COMPLETE",
                    "M Upload",
                    "M ChangeDUState",
                    "14 HEARTBEAT",
                )
            ),
            UNKNOWN_TIME,
            0,
            (),
        ),
        Inform(
            DeviceIdStruct("", "00256D", "", ""),
            (EventStruct("1 BOOT"), EventStruct("M Upload")),
            UNKNOWN_TIME,
            0,
            (),
        ),
    ),
]


@pytest.mark.parametrize(("namespace", "meant", "said"), SAID)
def test_what_a_namespace_cannot_say_is_said_in_its_words(
    namespace: str, meant: Message, said: Message
) -> None:
    assert decode(encode(meant, namespace=namespace, header=Header())).message == said


@pytest.mark.parametrize(("namespace", "meant", "said"), SAID)
def test_what_is_said_in_the_words_of_a_namespace_is_valid(
    namespace: str, meant: Message, said: Message
) -> None:
    assert errors_of(encode(meant, namespace=namespace, header=Header())) == []
    assert said_in(namespace, said) == said


@pytest.mark.parametrize(
    ("informed", "use", "namespace", "agreed"),
    [
        ("1.4", "1.4", ONE_2, "1.4"),
        ("1.4", "1.0", ONE_0, "1.0"),
        ("1.0", "1.2", ONE_0, "1.2"),
        ("1.4", "1.7", ONE_2, None),
        ("1.4", "", ONE_2, "1.3"),
        ("1.4", None, ONE_2, "1.3"),
        ("1.2", None, ONE_2, "1.2"),
        ("1.0", None, ONE_2, "1.2"),
        ("1.4", None, ONE_1, "1.1"),
        ("1.4", None, ONE_0, "1.0"),
        ("1.0", None, ONE_0, "1.0"),
        ("1.4", None, "urn:dslforum-org:cwmp-1-3", "1.3"),
    ],
)
def test_the_version_of_a_session_is_agreed(
    informed: str, use: str | None, namespace: str, agreed: str | None
) -> None:
    assert agreed_version(informed, use, namespace) == agreed


def test_each_version_has_its_namespace() -> None:
    assert [MINORS[namespace] for namespace in NAMESPACES.values()] == [0, 1, 2, 2, 2]
