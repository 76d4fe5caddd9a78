from __future__ import annotations

import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.translation.driving import attribute_list, document, path_list, value_list
from translation.actions import ActionResult
from translation.documents import (
    MAX_DOCUMENT_LENGTH,
    MAX_ENTRIES,
    NAMESPACE,
    UnreadableDocument,
    attributes_in,
    content_path_list,
    events_on_change,
    no_initial_values,
    node_attribute_path_list,
    parameter_value_list,
    paths_in,
    subtrees_in,
    values_in,
)
from translation.model import Attributes
from translation.paths import SubTree

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\uffff\ufffe")
)
WORDS = st.text(string.ascii_letters, min_size=1, max_size=8)


def values_of(text: str) -> dict[str, str]:
    return values_in(ActionResult({"ParameterValueList": text}))


def paths_of(text: str) -> list[str]:
    return paths_in(ActionResult({"Result": text}), "Result", "InstancePathList")


@pytest.mark.parametrize(
    ("written", "root", "content"),
    [
        (content_path_list(["/BBF/Time/"]), "ContentPathList", "<ContentPath>/BBF/Time/</ContentPath>"),
        (
            node_attribute_path_list(["/A", "/B/"]),
            "NodeAttributePathList",
            "<NodeAttributePath>/A</NodeAttributePath><NodeAttributePath>/B/</NodeAttributePath>",
        ),
        (
            parameter_value_list([("/A", '<&"> \r')]),
            "ParameterValueList",
            '<Parameter><ParameterPath>/A</ParameterPath><Value>&lt;&amp;"&gt; &#13;</Value></Parameter>',
        ),
        (
            events_on_change([("/A", True), ("/B/", False)]),
            "NodeAttributeValueList",
            (
                "<Node><NodeAttributePath>/A</NodeAttributePath><EventOnChange>1</EventOnChange></Node>"
                "<Node><NodeAttributePath>/B/</NodeAttributePath><EventOnChange>0</EventOnChange></Node>"
            ),
        ),
        (no_initial_values(), "ParameterInitialValueList", ""),
    ],
)
def test_what_is_written_follows_the_book(written: str, root: str, content: str) -> None:
    assert written == document(root, content)
    element = etree.fromstring(written.encode())
    assert element.tag == f"{{{NAMESPACE}}}{root}"
    assert all(
        ":" not in str(each.tag) and "{" not in str(each.tag)
        for each in element.iter("*")
        if each is not element
    )


@given(st.dictionaries(WORDS.map(lambda word: f"/BBF/{word}"), TEXT.map(str.strip)))
def test_values_are_read_as_they_are_written(values: dict[str, str]) -> None:
    assert values_of(parameter_value_list(values.items())) == values


BARE = "<Parameter><ParameterPath>/BBF/A</ParameterPath><Value>1</Value></Parameter>"
BY_THE_BOOK = value_list({"/BBF/A": "1"})


@pytest.mark.parametrize(
    "text",
    [
        BY_THE_BOOK,
        BY_THE_BOOK.replace("UTF-8", "ISO-8859-1"),
        "\n  " + BY_THE_BOOK + "\0\0\x10garbage",
        BY_THE_BOOK.replace("<Value>", "\0<Value>"),
        BY_THE_BOOK.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;"),
        BY_THE_BOOK.replace("/BBF/A", "\n   /BBF/A\t").replace(">1<", ">\r\n1 <"),
        BY_THE_BOOK.replace("/BBF/A", "BBF/A/"),
        BY_THE_BOOK.replace("urn:schemas-upnp-org:dm:cms", "urn:something-else"),
        BY_THE_BOOK.replace("urn:schemas", "urn: schemas"),
        BY_THE_BOOK.replace(' xmlns:cms="urn:schemas-upnp-org:dm:cms"', ""),
        BY_THE_BOOK.replace(
            'cms"><P', 'cms"xsi:schemaLocation="urn:schemas-upnp-org:dm:cms http://www.upnp.org/x.xsd"><P'
        ),
        f'<ParameterValueList xmlns="urn:schemas-upnp-org:dm:cms">{BARE}</ParameterValueList>',
        f"<ParameterValueList>{BARE}</ParameterValueList>",
        BARE.replace("<", "<dm:").replace("<dm:/", "</dm:"),
        BARE,
        f"<cms:ParameterValueList>{BARE}</cms:ParameterValues>",
        f"<!-- so --><cms:ParameterValueList>{BARE}<!-- what --></cms:ParameterValueList>",
        BY_THE_BOOK.replace("<Value>1", "<Unknown><Deep>2</Deep></Unknown><Value><!-- - -->1"),
        BY_THE_BOOK.replace(BARE, BARE + BARE.replace(">1<", ">2<")),
    ],
)
def test_spellings_of_the_field(text: str) -> None:
    assert values_of(text) == {"/BBF/A": "1"}


def test_an_argument_by_another_name_or_inline() -> None:
    root = etree.fromstring(BY_THE_BOOK.encode())
    assert values_in(ActionResult({"Parameters": BY_THE_BOOK})) == {"/BBF/A": "1"}
    assert values_in(ActionResult({}, {"ParameterValueList": root})) == {"/BBF/A": "1"}
    attributes = etree.fromstring(attribute_list({"/A": {"EventOnChange": "1"}}).encode())
    assert attributes_in(ActionResult({"Other": ""}, {"NodeAttributeValueList": attributes}))
    paths = etree.fromstring(path_list("InstancePathList", "/A/0/").encode())
    assert paths_in(ActionResult({}, {"InstancePathList": paths}), "Result", "InstancePathList") == ["/A/0/"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("&auml;&nbsp;&#228;&amp;", "\u00e4\u00a0\u00e4&"),
        ("a&nosuch;b", "a&nosuch;b"),
        ("<![CDATA[<&>]]>", "<&>"),
        ("", ""),
        ("&amp;auml;", "&auml;"),
    ],
)
def test_values_with_entities(written: str, read: str) -> None:
    assert values_of(value_list({"/A": written})) == {"/A": read}


@pytest.mark.parametrize(
    ("parameters", "values"),
    [
        ("<Parameter><ParameterPath>/A</ParameterPath></Parameter>" + BARE, {"/A": "", "/BBF/A": "1"}),
        ("<Parameter><Value>9</Value></Parameter>" + BARE, {"/BBF/A": "1"}),
        ("<Parameter><Value>9</Value><ParameterPath>/A</ParameterPath></Parameter>", {"/A": "9"}),
    ],
)
def test_parameters_without_a_path_or_a_value(parameters: str, values: dict[str, str]) -> None:
    assert values_of(document("ParameterValueList", parameters)) == values


@pytest.mark.parametrize("text", ["", " \0", "<cms:ParameterValueList xmlns:cms='x'/>"])
def test_an_empty_answer_has_nothing(text: str) -> None:
    assert values_of(text) == {}
    assert paths_of(text) == []
    assert subtrees_in(ActionResult({"SupportedDataModels": text})) == ()
    assert attributes_in(ActionResult({"NodeAttributeValueList": text})) == {}


@pytest.mark.parametrize(
    "text",
    [
        "no document",
        "<",
        "<<<>",
        "<a><b></a>",
        '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + BARE.replace("1", "&a;"),
        "<a>" + " " * MAX_DOCUMENT_LENGTH + "</a>",
        document("ParameterValueList", BARE * (MAX_ENTRIES + 1)),
    ],
)
def test_what_is_not_read(text: str) -> None:
    with pytest.raises(UnreadableDocument):
        values_of(text)


@pytest.mark.parametrize("count", range(0, 4 * len(BARE), 7))
def test_of_a_document_that_ends_too_soon_nothing_is_read(count: int) -> None:
    text = document("ParameterValueList", 4 * BARE)
    with pytest.raises(UnreadableDocument):
        values_of(text[: text.index("<P") + count])


def test_an_answer_without_the_document_is_not_an_empty_one() -> None:
    with pytest.raises(UnreadableDocument):
        paths_in(ActionResult({}), "Result", "InstancePathList")
    with pytest.raises(UnreadableDocument):
        values_in(ActionResult({"One": "", "Other": ""}))


def test_what_lies_too_deep_is_not_seen() -> None:
    assert values_of("<a>" * 300 + BARE + "</a>" * 300) == {}


def test_lists_of_paths_are_bounded() -> None:
    with pytest.raises(UnreadableDocument):
        paths_of(path_list("InstancePathList", *["/A/0/"] * (MAX_ENTRIES + 1)))


def test_paths_are_trimmed_and_unknown_elements_passed_over() -> None:
    text = document(
        "InstancePathList", "<InstancePath>\n/A/0/ </InstancePath><Other>/B/</Other><InstancePath/>"
    )
    assert paths_of(text) == ["/A/0/"]


def test_attributes() -> None:
    told = attribute_list(
        {
            "/A": {"Type": "xsd:boolean", "Access": "readWrite", "EventOnChange": "1", "Version": "3"},
            "/B/": {"Access": "READWRITE", "EventOnChange": "true"},
            "/C/0/": {"Type": "Instance", "Access": "readOnly"},
            "/D": {},
        }
    )
    assert attributes_in(ActionResult({"NodeAttributeValueList": told})) == {
        "/A": Attributes("boolean", writable=True, event_on_change=True),
        "/B": Attributes(writable=True, event_on_change=True),
        "/C/0": Attributes("string", writable=False),
        "/D": Attributes(),
    }


def test_data_models() -> None:
    content = (
        "<SubTree><URI> urn:x </URI><Location>\n/BBF/</Location><URL>http://x</URL></SubTree>"
        "<SubTree><Location>/UPnP/DM</Location></SubTree><SubTree><URI>urn:y</URI></SubTree>"
    )
    told = ActionResult({"SupportedDataModels": document("SupportedDataModels", content)})
    assert subtrees_in(told) == (SubTree("urn:x", "/BBF/", "http://x"), SubTree("", "/UPnP/DM"))


@given(st.text(alphabet="<>&;/cms:PVal ue\"='!-[]\0x1#"))
def test_nothing_but_unreadable_comes_of_garbage(text: str) -> None:
    with suppress(UnreadableDocument):
        values_of(text)
