from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxier.control_point.markup import (
    DEEPEST,
    MarkupRefused,
    child_text,
    children,
    local_name,
    read_markup,
    text_of,
)

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><root>&c;</root>'
)


@pytest.mark.parametrize(
    "body",
    [
        b"<a><b> x </b></a>",
        b"<a><b>\0 x \r\n\0</b></a>".replace(b"\0", b""),
        b"\xef\xbb\xbf<a><b>x</b></a>",
        b"\r\n\r\n  <a><b>x</b></a>\0",
        b"<a><b>x</b></a>\r\n\0\0\x07q",
        b'<?xml version="1.0" encoding="iso-8859-1"?><a><b>x</b></a>',
        b'<p:a xmlns:p="urn:x"><p:b>x</p:b></p:a>',
        b"<a><!-- hi --><?pi pi?><b>x<!-- there --></b></a>",
        b"<a><b><![CDATA[x]]></b></a>",
    ],
)
def test_what_devices_send_is_read(body: bytes) -> None:
    root = read_markup(body, most_tags=100)
    assert local_name(root) == "a"
    assert child_text(root, "b") == "x"
    assert [text_of(found) for found in children(root, "b")] == ["x"]
    assert child_text(root, "c") == ""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no XML document"),
        (b"Not Found", "no XML document"),
        (b"<a><b></a>", "not well-formed"),
        (b"<a>&nbsp;</a>", "not well-formed"),
        (b"<a/><b/>", "not well-formed"),
        (BOMB, "DOCTYPE"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DOCTYPE"),
        (b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4APA-a/+AD4-<x>', "not well-formed"),
        (b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1), "nested deeper"),
        (b"<a>" * 5000 + b"</a>" * 5000, "not well-formed|nested deeper"),
        (b"<a>" + b"<b/>" * 20_000 + b"</a>", "more than 20000 tags"),
    ],
)
def test_what_nobody_needs_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(MarkupRefused, match=reason):
        read_markup(body, most_tags=20_000)


def test_a_hidden_doctype_is_refused() -> None:
    body = b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<a></a>'
    with pytest.raises(MarkupRefused, match="DOCTYPE"):
        read_markup(body, most_tags=10)


def test_the_deepest_allowed_is_allowed() -> None:
    read_markup(b"<a>" * DEEPEST + b"</a>" * DEEPEST, most_tags=1000)


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(MarkupRefused):
        read_markup(body, most_tags=100)
