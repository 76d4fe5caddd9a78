from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwmp_client.messages import (
    UNKNOWN_TIME,
    AddObjectResponse,
    AllQueuedTransferStruct,
    CancelTransfer,
    DeviceIdStruct,
    DownloadResponse,
    EventStruct,
    Fault,
    FaultStruct,
    GetAllQueuedTransfersResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    GetQueuedTransfers,
    GetRPCMethodsResponse,
    Inform,
    InformResponse,
    Message,
    ParameterInfoStruct,
    ParameterValueStruct,
    Reboot,
    SetParameterValues,
    SetParameterValuesFault,
    SetParameterValuesResponse,
    TransferComplete,
)
from cwmp_client.soap import (
    Header,
    decode,
    encode,
)
from cwmp_client.soap_schema import MESSAGES
from cwmp_client.versions import MINORS, said_in
from tests.cwmp_client.schema import errors_of
from tests.cwmp_client.strategies import ILLEGAL, MESSAGE, MESSAGE_CLASSES, PARAMETER_VALUE, message

ONE_0, ONE_1, ONE_2 = MINORS

bounded = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def written(message: Message, namespace: str = ONE_2, header: Header | None = None) -> str:
    return encode(message, namespace=namespace, header=header or Header()).decode()


@pytest.mark.parametrize("made", MESSAGE_CLASSES, ids=lambda made: made.__name__)
@bounded
@given(data=st.data())
def test_what_is_written_is_read_back(made: type, data: st.DataObject) -> None:
    sent = data.draw(message(made))

    received = decode(encode(sent, namespace=ONE_2, header=Header(id="7")))

    assert received.message == sent
    assert received.header == Header(id="7")
    assert received.namespace == ONE_2
    assert not received.not_understood


@pytest.mark.parametrize("namespace", MINORS)
@pytest.mark.parametrize("made", MESSAGE_CLASSES, ids=lambda made: made.__name__)
@bounded
@given(data=st.data())
def test_what_is_written_is_valid(made: type, namespace: str, data: st.DataObject) -> None:
    sent = data.draw(message(made))
    if MESSAGES[made].since > MINORS[namespace]:
        with pytest.raises(ValueError, match=f"has no {made.__name__}"):
            encode(sent, namespace=namespace, header=Header())
        return

    body = encode(sent, namespace=namespace, header=Header(id="1", hold_requests=True))

    assert errors_of(body) == []
    assert decode(body).message == said_in(namespace, sent)


HEADERS = [
    Header(),
    Header(id="1"),
    Header(id=" a<b>&c\r\n "),
    Header(hold_requests=True),
    Header(session_timeout=30),
    Header(supported_cwmp_versions=("1.0", "1.4")),
    Header(use_cwmp_version="1.2"),
    Header("x", hold_requests=True, session_timeout=0, supported_cwmp_versions=("1.4",), use_cwmp_version=""),
]


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_headers_are_read_back_and_valid(header: Header) -> None:
    body = encode(InformResponse(), namespace=ONE_2, header=header)

    assert decode(body).header == header
    assert errors_of(body) == []


@bounded
@given(MESSAGE, st.sampled_from(list(MINORS)))
def test_a_message_is_one_element_in_the_namespace(message: Message, namespace: str) -> None:
    if MESSAGES[type(message)].since <= MINORS[namespace]:
        body = written(message, namespace)

        assert body.count(f'"{namespace}"') == 1
        assert body.count(f"<cwmp:{type(message).__name__}>") == 1


def test_types_have_the_one_prefix_that_every_acs_knows() -> None:
    body = written(GetParameterValuesResponse((ParameterValueStruct("Device.A", "1", "unsignedInt"),)))

    assert '<ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[1]">' in body
    assert '<Name>Device.A</Name><Value xsi:type="xsd:unsignedInt">1</Value>' in body
    assert 'xmlns:xsd="http://www.w3.org/2001/XMLSchema"' in body


@pytest.mark.parametrize(
    ("type_", "written_as"),
    [("base64", "base64Binary"), ("integer", "string"), ('"><evil/>', "string"), ("", "string")],
)
def test_types_that_cwmp_does_not_have_are_replaced(type_: str, written_as: str) -> None:
    body = written(GetParameterValuesResponse((ParameterValueStruct("A", "", type_),)))

    assert f'<Value xsi:type="xsd:{written_as}"></Value>' in body


@pytest.mark.parametrize(
    ("message", "array"),
    [
        (GetParameterValues(("A", "B.")), '"xsd:string[2]"><string>A</string><string>B.</string>'),
        (GetParameterNamesResponse(()), '"cwmp:ParameterInfoStruct[0]"></ParameterList>'),
        (
            GetParameterNamesResponse((ParameterInfoStruct("A.", True), ParameterInfoStruct("A.B", False))),
            '"cwmp:ParameterInfoStruct[2]"><ParameterInfoStruct><Name>A.</Name><Writable>true</Writable>',
        ),
        (GetRPCMethodsResponse(("Reboot",)), '"xsd:string[1]"><string>Reboot</string>'),
    ],
)
def test_arrays_say_what_they_hold(message: Message, array: str) -> None:
    assert f"soap-enc:arrayType={array}" in written(message)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("a&b<c>d]]>", "a&amp;b&lt;c&gt;d]]&gt;"),
        ("line\r\nline\ttab", "line&#13;\nline\ttab"),
        ("\x00\x08\x1f", "\ufffd\ufffd\ufffd"),
        ("ü\ud800\ufffe\uffff", "ü\ufffd\ufffd\ufffd"),
        ("\x7f\x85\U0001f600", "\x7f\x85\U0001f600"),
        ("", ""),
    ],
)
def test_text_is_escaped_and_what_xml_cannot_hold_replaced(text: str, content: str) -> None:
    plain = ParameterValueStruct("B", "plain")

    assert f"<ParameterName>{content}</ParameterName>" in written(
        Fault(9003, "", (SetParameterValuesFault(text, 9005),))
    )
    body = written(GetParameterValuesResponse((plain, ParameterValueStruct("A", text), plain)))
    assert f">{content}</Value>" in body
    assert body.count(">plain</Value>") == 2


@bounded
@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4))
def test_any_text_at_all_reaches_the_other_side(pairs: list[tuple[str, str]]) -> None:
    values = tuple(ParameterValueStruct(f"A{name}B", value) for name, value in pairs)

    received = decode(encode(GetParameterValuesResponse(values), namespace=ONE_2, header=Header())).message

    assert received == GetParameterValuesResponse(
        tuple(
            ParameterValueStruct(ILLEGAL.sub("\ufffd", name), ILLEGAL.sub("\ufffd", value), type_)
            for name, value, type_ in values
        )
    )


LONG = "x" * 2000


@pytest.mark.parametrize(
    ("message", "length"),
    [
        (Fault(9002, LONG), 256),
        (Fault(9003, "", (SetParameterValuesFault("A", 9005, LONG),)), 256),
        (TransferComplete("", FaultStruct(9010, LONG), UNKNOWN_TIME, UNKNOWN_TIME), 256),
        (Reboot(LONG), 32),
        (SetParameterValues((), LONG), 32),
        (Inform(DeviceIdStruct(LONG, "00256D", "", ""), (), UNKNOWN_TIME, 0, ()), 64),
    ],
)
def test_text_is_cut_where_the_schema_ends_it(message: Message, length: int) -> None:
    body = written(message)

    assert "x" * length + "<" in body
    assert "x" * (length + 1) not in body


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (GetParameterValuesResponse((ParameterValueStruct("x" * 257, ""),)), "name of 257"),
        (GetParameterNamesResponse((ParameterInfoStruct("x" * 257, False),)), "name of 257"),
        (GetParameterNames("x" * 257, next_level=True), "ParameterPath"),
        (SetParameterValuesResponse(2), "Status"),
        (AddObjectResponse(0, 0), "InstanceNumber"),
        (Inform(DeviceIdStruct("", "00256d", "", ""), (), UNKNOWN_TIME, 0, ()), "OUI"),
        (
            Inform(DeviceIdStruct("", "00256D", "", ""), (EventStruct("BOOT"),), UNKNOWN_TIME, 0, ()),
            "EventCode",
        ),
    ],
)
def test_what_has_no_place_in_the_schema_is_refused(message: Message, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        encode(message, namespace=ONE_2, header=Header())


@pytest.mark.parametrize(
    "time", ["", "yesterday", "2024-02-30T00:00:00Z", "2024-01-01", "2024-01-01T24:00:00Z"]
)
def test_a_time_that_is_none_is_the_unknown_time(time: str) -> None:
    assert f"<StartTime>{UNKNOWN_TIME}</StartTime>" in written(DownloadResponse(1, time, time))


def test_more_than_64_events_are_cut() -> None:
    inform = Inform(DeviceIdStruct("", "00256D", "", ""), (EventStruct("1 BOOT"),) * 70, UNKNOWN_TIME, 0, ())

    assert "cwmp:EventStruct[64]" in written(inform)


@pytest.mark.parametrize(
    ("code", "side"),
    [
        (9003, "Client"),
        (9005, "Client"),
        (9008, "Client"),
        (9000, "Server"),
        (9021, "Server"),
        (8005, "Server"),
    ],
)
def test_a_fault_says_whose_mistake_it_was(code: int, side: str) -> None:
    body = written(Fault(code, "why"))

    assert f"<faultcode>soap-env:{side}</faultcode><faultstring>CWMP fault</faultstring>" in body
    assert "<FaultString>why</FaultString>" in body
    assert "<FaultString>" not in written(Fault(code))


@bounded
@given(st.lists(PARAMETER_VALUE, min_size=1, max_size=3))
def test_long_lists_are_written_like_short_ones(values: list[ParameterValueStruct]) -> None:
    thousand = GetParameterValuesResponse(tuple(values) * 300)

    assert decode(encode(thousand, namespace=ONE_2, header=Header())).message == thousand


def test_an_answer_of_any_size_is_written() -> None:
    message = GetParameterNamesResponse(
        tuple(ParameterInfoStruct(f"Device.A.{n}.", n % 2 == 0) for n in range(10_000))
    )

    assert decode(encode(message, namespace=ONE_2, header=Header())).message == message


@pytest.mark.parametrize(
    "message",
    [
        GetQueuedTransfers(),
        CancelTransfer("k"),
        GetAllQueuedTransfersResponse((AllQueuedTransferStruct("k", 1, True, "X 00256D a", 0, ""),)),
    ],
)
def test_methods_are_refused_where_they_do_not_exist(message: Message) -> None:
    since = MESSAGES[type(message)].since

    for namespace, minor in MINORS.items():
        if minor >= since:
            assert decode(encode(message, namespace=namespace, header=Header())).namespace == namespace
        else:
            with pytest.raises(ValueError, match="has no"):
                encode(message, namespace=namespace, header=Header())
