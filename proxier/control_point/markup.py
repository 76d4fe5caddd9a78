"""XML from devices: read with bounds, looked at by local name.

Devices disagree about namespaces and append NULs and stray bytes; neighbours may be hostile. So whatever
follows the last tag is cut off, names are compared without their namespace, and documents that are deep or
crowded or bring a DOCTYPE are refused before they cost anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from lxml import etree

DEEPEST: Final = 64
"""Levels of elements."""
TRIMMED: Final = " \t\r\n\0"
"""What is taken off both ends of a text."""
# Readers take turns in one thread, so one parser serves all.
_PARSER: Final = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    huge_tree=False,
    load_dtd=False,
    remove_comments=True,
    remove_pis=True,
)


class MarkupRefused(Exception):
    """A document that is no XML, or XML that nobody needs; the text says what is wrong with it."""


def read_markup(body: bytes, *, most_tags: int) -> etree._Element:
    """Parse a document; `most_tags` bounds the memory that it can take.

    Raises:
        MarkupRefused: it is not well-formed, too deep, too crowded, or has a DOCTYPE.
    """
    document = body[max(body.find(b"<"), 0) : body.rfind(b">") + 1]
    if not document:
        raise MarkupRefused("no XML document")
    if document.count(b"<") > most_tags:
        raise MarkupRefused(f"more than {most_tags} tags")
    if b"<!DOCTYPE" in document:
        raise MarkupRefused("a DOCTYPE, which is not allowed")
    try:
        root = etree.fromstring(document, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MarkupRefused(f"not well-formed XML ({error})") from None
    docinfo: Any = root.getroottree().docinfo  # the stubs do not know of doctype
    if docinfo.doctype:  # in an encoding that hid it from the look at the bytes
        raise MarkupRefused("a DOCTYPE, which is not allowed")
    if _deeper_than(root, DEEPEST):
        raise MarkupRefused(f"elements nested deeper than {DEEPEST}")
    return root


def local_name(element: etree._Element) -> str:
    """The name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """The children of a name, whatever their namespace."""
    return (found for found in element if local_name(found) == name)


def child(element: etree._Element, name: str) -> etree._Element | None:
    """The first child of a name."""
    return next(children(element, name), None)


def text_of(element: etree._Element | None) -> str:
    """The trimmed text of an element; empty for none."""
    return "" if element is None else (element.text or "").strip(TRIMMED)


def child_text(element: etree._Element, name: str) -> str:
    """The trimmed text of the first child of a name; empty where there is none."""
    return text_of(child(element, name))


def _deeper_than(root: etree._Element, limit: int) -> bool:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > limit:
            return True
    return False
