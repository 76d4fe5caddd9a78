from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwmp_client.messages import (
    AddObject,
    ChangeDUState,
    Download,
    DownloadResponse,
    Fault,
    GetParameterNames,
    GetParameterValues,
    GetRPCMethods,
    InstallOpStruct,
    ParameterValueStruct,
    Reboot,
    SetParameterValues,
    SetParameterValuesFault,
)
from cwmp_client.soap import (
    MAX_ENVELOPE_BYTES,
    Header,
    InvalidArguments,
    SoapError,
    UnknownMethod,
    decode,
    encode,
    encode_must_understand,
)
from cwmp_client.versions import MINORS
from tests.cwmp_client.strategies import message

ONE_0, ONE_1, ONE_2 = MINORS


def envelope(body: str, header: str = "", namespaces: str = "") -> bytes:
    return (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:c="{ONE_2}"'
        f' xmlns:x="http://www.w3.org/2001/XMLSchema-instance" {namespaces}>'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _calling(method: str, content: str) -> str:
    return f"<c:{method}>{content}</c:{method}>"


def _setting(*items: str) -> str:
    structs = "".join(f"<ParameterValueStruct>{item}</ParameterValueStruct>" for item in items)
    return _calling("SetParameterValues", f"<ParameterList>{structs}</ParameterList>")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<c:GetRPCMethods/>", GetRPCMethods()),
        ("<GetRPCMethods xmlns='urn:dslforum-org:cwmp-1-4'/>", GetRPCMethods()),
        ("<GetRPCMethods/>", GetRPCMethods()),
        ("<!-- a --><c:Reboot><?b c?><CommandKey> k <!-- d -->l</CommandKey></c:Reboot>", Reboot(" k l")),
        ("<c:Reboot><c:CommandKey><![CDATA[<&>]]></c:CommandKey></c:Reboot>", Reboot("<&>")),
        (
            _calling(
                "GetParameterNames", "\n<ParameterPath>\nA. </ParameterPath><NextLevel> TRUE </NextLevel>\n"
            ),
            GetParameterNames("A.", next_level=True),
        ),
        (
            "<c:GetParameterNames><ParameterPath/><NextLevel>0</NextLevel><Extra/></c:GetParameterNames>",
            GetParameterNames("", next_level=False),
        ),
        (
            _calling(
                "GetParameterValues", "<ParameterNames><string>A</string><any>B.</any></ParameterNames>"
            ),
            GetParameterValues(("A", "B.")),
        ),
        (
            _setting(
                "<Name>A</Name><Value x:type='q:boolean'> 1 </Value>",
                "<Value x:type='string'> b </Value><Name> B </Name>",
                "<Name>C</Name><Value> c </Value>",
                "<Name>D</Name><Value x:type='e:base64'>AA==</Value>",
            ),
            SetParameterValues(
                (
                    ParameterValueStruct("A", "1", "boolean"),
                    ParameterValueStruct("B", " b ", "string"),
                    ParameterValueStruct("C", " c ", ""),
                    ParameterValueStruct("D", "AA==", "base64Binary"),
                )
            ),
        ),
        (
            "<c:Download><CommandKey/><FileType>2 Web Content</FileType><URL> http://a/ </URL></c:Download>",
            Download("", "2 Web Content", "http://a/"),
        ),
        ("<c:AddObject><ObjectName>A.B.</ObjectName></c:AddObject>", AddObject("A.B.")),
        ("<c:DownloadResponse><Status>1</Status><StartTime/></c:DownloadResponse>", DownloadResponse(1)),
        (
            _calling("ChangeDUState", "<Operations x:type='c:InstallOpStruct'><URL>a</URL></Operations>"),
            ChangeDUState((InstallOpStruct("a"),)),
        ),
        ("<c:SetVouchers/>", UnknownMethod("SetVouchers")),
        ("<Reboot xmlns='urn:example'/>", UnknownMethod("Reboot")),
        ("<c:Fault/>", UnknownMethod("Fault")),
    ],
)
def test_reading_is_tolerant(body: str, expected: object) -> None:
    assert decode(b"\r\n " + envelope(body)).message == expected


@pytest.mark.parametrize(
    ("body", "name", "reason"),
    [
        ("<c:Reboot/>", "Reboot", "CommandKey is missing"),
        (
            "<c:GetParameterNames><ParameterPath/><NextLevel>maybe</NextLevel></c:GetParameterNames>",
            "GetParameterNames",
            "NextLevel",
        ),
        (
            "<c:ScheduleInform><DelaySeconds>-1</DelaySeconds><CommandKey/></c:ScheduleInform>",
            "ScheduleInform",
            "DelaySeconds is '-1'",
        ),
        (
            f"<c:ScheduleInform><DelaySeconds>{'9' * 5000}</DelaySeconds><CommandKey/></c:ScheduleInform>",
            "ScheduleInform",
            "DelaySeconds",
        ),
        (
            _setting("<Name>A</Name>"),
            "SetParameterValues",
            "Value",
        ),
        ("<c:ChangeDUState><Operations/></c:ChangeDUState>", "ChangeDUState", "Operations has no type"),
    ],
)
def test_a_method_with_arguments_that_cannot_be_read_is_still_known(
    body: str, name: str, reason: str
) -> None:
    received = decode(envelope(body)).message

    assert isinstance(received, InvalidArguments)
    assert received.name == name
    assert reason in received.reason


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("<c:ID s:mustUnderstand='1'>5</c:ID><o:ID xmlns:o='urn:o'>6</o:ID>", Header(id="5")),
        ("<ID>5</ID><ID>6</ID>", Header(id="5")),
        ("<c:HoldRequests> 1 </c:HoldRequests>", Header(hold_requests=True)),
        ("<c:HoldRequests>true</c:HoldRequests>", Header(hold_requests=True)),
        ("<c:HoldRequests>no</c:HoldRequests>", Header()),
        ("<c:NoMoreRequests>1</c:NoMoreRequests>", Header()),
        ("<c:SessionTimeout>60</c:SessionTimeout>", Header(session_timeout=60)),
        ("<c:SessionTimeout>soon</c:SessionTimeout>", Header()),
        ("<c:UseCWMPVersion> 1.2 </c:UseCWMPVersion>", Header(use_cwmp_version="1.2")),
        (
            "<c:SupportedCWMPVersions>1.0, 1.1,</c:SupportedCWMPVersions>",
            Header(supported_cwmp_versions=("1.0", "1.1")),
        ),
    ],
)
def test_headers_are_read(header: str, expected: Header) -> None:
    received = decode(envelope("<c:GetRPCMethods/>", header))

    assert received.header == expected
    assert not received.not_understood


@pytest.mark.parametrize(
    ("header", "not_understood"),
    [
        ("<Odd s:mustUnderstand='1'/><More s:mustUnderstand='1'/>", "Odd"),
        ("<o:ID xmlns:o='urn:o' s:mustUnderstand='true'/>", "ID"),
        ("<Odd s:mustUnderstand='1' s:actor='http://schemas.xmlsoap.org/soap/actor/next'/>", "Odd"),
        ("<Odd s:mustUnderstand='1' s:actor='urn:somebody-else'/>", ""),
        ("<Odd s:mustUnderstand='0'/>", ""),
        ("<Odd mustUnderstand='1'/>", ""),
    ],
)
def test_unknown_headers_matter_only_if_they_must_be_understood(header: str, not_understood: str) -> None:
    assert decode(envelope("<c:GetRPCMethods/>", header)).not_understood == not_understood


def test_the_fault_for_a_header_that_is_not_understood() -> None:
    body = encode_must_understand("O<d>d", namespace=ONE_0, header=Header(id="3")).decode()

    assert "<faultcode>soap-env:MustUnderstand</faultcode><faultstring>O&lt;d&gt;d is not" in body
    assert "<detail>" not in body
    assert ">3</cwmp:ID>" in body


def test_a_fault_is_read_whatever_surrounds_it() -> None:
    body = envelope(
        "<s:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><c:Fault>"
        "<FaultCode> 9003 </FaultCode><SetParameterValuesFault><ParameterName>A</ParameterName>"
        "<FaultCode>9005</FaultCode></SetParameterValuesFault></c:Fault></detail></s:Fault>"
    )

    assert decode(body).message == Fault(9003, "", (SetParameterValuesFault("A", 9005),))


GENIEACS_8000 = (
    b'<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"><soap-env:Body>'
    b"<soap-env:Body:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail>"
    b"<cwmp:Fault><FaultCode>8000</FaultCode><FaultString>Method not supported</FaultString></cwmp:Fault>"
    b"</detail></soap-env:Body:Fault></soap-env:Body></soap-env:Envelope>"
)


def test_fault_8000_is_found_in_xml_that_cannot_be_read() -> None:
    received = decode(GENIEACS_8000)

    assert received.message == Fault(8000)
    assert received.header == Header()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no XML"),
        (b"OK", "no XML"),
        (b"\x00\xff" * 50, "no XML"),
        (GENIEACS_8000.replace(b"8000", b"8001"), "no XML"),
        (b"<a" + b" " * 70_000 + GENIEACS_8000, "no XML"),
        (b"<html/>", "html is no SOAP 1.1 envelope"),
        (b'<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Body/></Envelope>', "no SOAP 1.1"),
        (b'<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"/>', "0 messages"),
        (envelope(""), "0 messages"),
        (envelope("<c:GetRPCMethods/><c:GetRPCMethods/>"), "2 messages"),
        (b"<!DOCTYPE a>" + envelope("<c:GetRPCMethods/>"), "DOCTYPE"),
        (
            b'<!DOCTYPE a [<!ENTITY b "c">]>' + envelope("<c:Reboot><CommandKey>&b;</CommandKey></c:Reboot>"),
            "DOCTYPE",
        ),
        (envelope("<a>" * 300 + "</a>" * 300), "no XML"),
        (b" " * (MAX_ENVELOPE_BYTES + 1), "envelope of"),
        (envelope("<c:GetRPCMethods/>", f"<c:ID>{'1' * 300}</c:ID>"), "ID"),
        (envelope("<s:Fault><faultstring>busy</faultstring></s:Fault>"), "without a CWMP fault: busy"),
        (envelope("<s:Fault><detail/></s:Fault>"), "without a CWMP fault"),
        (envelope("<s:Fault><detail><c:Fault/></detail></s:Fault>"), "FaultCode is missing"),
    ],
)
def test_what_is_no_envelope_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(SoapError, match=reason):
        decode(body)


def test_entities_that_grow_are_refused_before_they_grow() -> None:
    entities = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 20))
    body = b'<!DOCTYPE a [<!ENTITY e0 "ha">' + entities + b"]>" + envelope('<a b="&e19;">&e19;</a>')

    with pytest.raises(SoapError):
        decode(body)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_bytes_do_harm(data: st.DataObject) -> None:
    whole = encode(data.draw(message(SetParameterValues)), namespace=ONE_2, header=Header(id="1"))
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    garbled = whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:]

    with contextlib.suppress(SoapError):
        decode(garbled)
