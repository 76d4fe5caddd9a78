from __future__ import annotations

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from proxier.control_point.markup import MarkupRefused
from proxier.control_point.soap import read_answer, write_call
from tests.proxier.control_point.stand_in import CMS2, answer, fault
from translation.actions import ActionError

LIST = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<cms:ContentPathList xmlns:cms="urn:schemas-upnp-org:dm:cms">'
    "<ContentPath>/BBF/A&amp;B/</ContentPath></cms:ContentPathList>"
)
S = "http://schemas.xmlsoap.org/soap/envelope/"


def envelope(content: str) -> bytes:
    return f'<s:Envelope xmlns:s="{S}"><s:Body>{content}</s:Body></s:Envelope>'.encode()


def arguments_of(call: bytes) -> list[tuple[str, str]]:
    action = etree.fromstring(call)[0][0]
    return [(str(argument.tag), argument.text or "") for argument in action]


def test_a_call_has_all_arguments_in_order_and_no_others() -> None:
    call = write_call(
        CMS2, "Do", ("One", "Two", "Three"), {"Three": "3", "Four": "4", "One": "1"}, inline=False
    )
    root = etree.fromstring(call)
    assert root.tag == f"{{{S}}}Envelope"
    assert root.get(f"{{{S}}}encodingStyle") == "http://schemas.xmlsoap.org/soap/encoding/"
    assert root[0][0].tag == f"{{{CMS2}}}Do"
    assert arguments_of(call) == [("One", "1"), ("Two", ""), ("Three", "3")]


def test_a_document_is_escaped_text_by_the_book() -> None:
    call = write_call(CMS2, "GetValues", ("Parameters",), {"Parameters": LIST}, inline=False)
    assert arguments_of(call) == [("Parameters", LIST)]
    assert b"&amp;amp;" in call


def test_a_document_is_live_elements_where_the_device_wants_them() -> None:
    call = write_call(CMS2, "GetValues", ("Parameters",), {"Parameters": LIST}, inline=True)
    argument = etree.fromstring(call)[0][0][0]
    assert argument[0].tag == "{urn:schemas-upnp-org:dm:cms}ContentPathList"
    assert argument[0][0].text == "/BBF/A&B/"


def test_equal_answers_are_read_once_unless_that_keeps_many_live_elements() -> None:
    listed = "<ParameterValueList>" + 300 * "<Parameter/>" + "</ParameterValueList>"
    live = envelope(f"<R><A>{listed}</A></R>")
    assert read_answer(live).inline["A"] is not read_answer(live).inline["A"]
    text = envelope(f"<R><A>{escape(listed)}</A></R>")
    assert read_answer(text) is read_answer(text)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff", min_codepoint=32)))
def test_any_text_arrives_as_it_was(text: str) -> None:
    call = write_call(CMS2, "Do", ("A",), {"A": text + "\r\n\t]]>"}, inline=False)
    assert arguments_of(call) == [("A", text + "\r\n\t]]>")]


@pytest.mark.parametrize("text", ["\0", "a\x1b", "\ud800", "\uffff"])
def test_what_xml_cannot_carry_is_an_invalid_argument(text: str) -> None:
    with pytest.raises(ActionError) as caught:
        write_call(CMS2, "Do", ("A",), {"A": text}, inline=False)
    assert caught.value.code == 600


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (answer("Get", {"A": " 1 ", "B": ""}).encode(), {"A": "1", "B": ""}),
        (answer("Get").encode() + b"\0\0x\x07", {}),
        (b"\xef\xbb\xbf\r\n" + answer("Get", {"A": LIST}).encode(), {"A": LIST}),
        (envelope('<x:GetResponse xmlns:x="urn:wrong"><x:A>1</x:A></x:GetResponse>'), {"A": "1"}),
        (envelope("<SomethingElse><A>1</A></SomethingElse>"), {"A": "1"}),
        (b"<Body><GetResponse><A>1</A></GetResponse></Body>", {"A": "1"}),
    ],
)
def test_answers_are_read_by_local_name(body: bytes, values: dict[str, str]) -> None:
    result = read_answer(body)
    assert result.values == values
    assert not result.inline


LIVE = (
    "<cms:InstancePathList xmlns:cms='urn:schemas-upnp-org:dm:cms'>"
    "<InstancePath>/A/</InstancePath></cms:InstancePathList>"
)
TWICE = (
    "<ParameterValueList><c:ParameterValueList xmlns:c='urn:x'><Parameter/></c:ParameterValueList>"
    "</ParameterValueList>"
)


@pytest.mark.parametrize(
    ("content", "name", "root"),
    [
        (f"<R><Result>{LIVE}</Result></R>", "Result", "InstancePathList"),
        (f"<R><x:Result xmlns:x='urn:x'>\n {LIVE} \n</x:Result></R>", "Result", "InstancePathList"),
        (f"<R>{LIVE}</R>", "InstancePathList", "InstancePathList"),
        (LIVE, "InstancePathList", "InstancePathList"),
        (
            "<R><ParameterValueList><Parameter><Value>1</Value></Parameter></ParameterValueList></R>",
            "ParameterValueList",
            "ParameterValueList",
        ),
        (f"<R>{TWICE}</R>", "ParameterValueList", "ParameterValueList"),
        ("<R><Result><Anything><B/></Anything></Result></R>", "Result", "Result"),
    ],
)
def test_live_elements_are_kept_as_documents(content: str, name: str, root: str) -> None:
    result = read_answer(envelope(content))
    assert list(result.inline) == [name]
    document = result.inline[name]
    assert etree.QName(document).localname == root
    assert root == "Result" or etree.QName(document[0]).localname in {"InstancePath", "Parameter"}


@pytest.mark.parametrize(
    "body",
    [
        fault(702, "Invalid XML Argument").encode(),
        fault(702, "Invalid XML Argument").replace(' xmlns="urn:schemas-upnp-org:control-1-0"', "").encode(),
        fault(702, "Invalid XML Argument").replace("detail>", "Detail>").encode(),
        b"\r\n" + fault(702, " Invalid XML Argument\n").encode() + b"\0\0",
    ],
)
def test_a_fault_is_an_action_error(body: bytes) -> None:
    with pytest.raises(ActionError) as caught:
        read_answer(body)
    assert (caught.value.code, caught.value.description) == (702, "Invalid XML Argument")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no XML"),
        (b"<html><body>Not Found</body></html>", "no SOAP body"),
        (envelope(""), "no SOAP body"),
        (envelope("<s:Fault><faultstring>Oh no</faultstring></s:Fault>"), "without a UPnPError: 'Oh no'"),
        (fault(1).replace(">1<", "><").encode(), "without a code"),
        (b"<!DOCTYPE a>" + answer("Get").encode(), "DOCTYPE"),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(MarkupRefused, match=reason):
        read_answer(body)
