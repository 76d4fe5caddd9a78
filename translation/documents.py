"""The XML documents that the arguments of ConfigurationManagement carry.

What is written follows the book: only the root has a namespace. What is read may be what the devices of the
field send: documents escaped once or twice or not at all, with wrong, missing or undeclared namespaces,
without root, with NUL and stray bytes around them, with entities of HTML, with white space around every text.
Elements are known by their local names; unknown ones are passed over, and of duplicates the first one holds.

All of it is hostile: the size of a document and the number of its entries are bounded here, its depth by the
parser (256 levels), and a DOCTYPE is refused before anything is parsed.

Source: CMS 2.4, cms.xsd
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from html import unescape
from html.entities import name2codepoint
from typing import TypeVar

from lxml import etree

from translation.actions import ActionResult, DeviceUnreachable
from translation.datatypes import schema_type
from translation.model import Attributes
from translation.paths import SubTree

T = TypeVar("T")

NAMESPACE = "urn:schemas-upnp-org:dm:cms"

MAX_DOCUMENT_LENGTH = 16 * 2**20
"""In characters; a tree of 20,000 parameters needs about 4 million."""

MAX_ENTRIES = 100_000
"""Paths, parameters or nodes in one document."""

MOST_COMMON = 8
"""Documents of one kind that are kept as they were read: devices of one model say the same."""

LONGEST_COMMON = 2**16
"""Characters of such a document."""

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_make_parser = partial(
    etree.XMLParser,
    resolve_entities=False,
    no_network=True,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)
_STRICT, _MENDING = _make_parser(), _make_parser(recover=True)
_HTML_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]*);")
_PREFIX = re.compile(r"</?([A-Za-z_][\w.-]*):")
_TAG = re.compile(r"<(/?)[A-Za-z_][^<>]*?(/?)>")
_WRITABLE = frozenset({"readwrite", "rw"})
_TRUE = frozenset({"1", "true", "yes"})


class UnreadableDocument(DeviceUnreachable):
    """A device answered with something that cannot be, or should not be, read."""


def content_path_list(paths: Iterable[str]) -> str:
    """The names that GetValues is asked for."""
    return _paths("ContentPathList", "ContentPath", paths)


def node_attribute_path_list(paths: Iterable[str]) -> str:
    """The names that GetAttributes is asked for."""
    return _paths("NodeAttributePathList", "NodeAttributePath", paths)


def parameter_value_list(values: Iterable[tuple[str, str]]) -> str:
    """What SetValues is to set."""
    return _document(
        "ParameterValueList",
        "".join(
            f"<Parameter><ParameterPath>{_escape(path)}</ParameterPath><Value>{_escape(value)}</Value></Parameter>"
            for path, value in values
        ),
    )


def events_on_change(events: Iterable[tuple[str, bool]]) -> str:
    """What SetAttributes is to set: EventOnChange of each path."""
    return _document(
        "NodeAttributeValueList",
        "".join(
            f"<Node><NodeAttributePath>{_escape(path)}</NodeAttributePath>"
            f"<EventOnChange>{int(event)}</EventOnChange></Node>"
            for path, event in events
        ),
    )


def no_initial_values() -> str:
    """The list for a CreateInstance that leaves all to the device's defaults."""
    return _document("ParameterInitialValueList", "")


def paths_in(result: ActionResult, argument: str, root: str) -> list[str]:
    """The paths of a StructurePathList or an InstancePathList.

    Raises:
        UnreadableDocument: it is too large, or no such document.
    """
    if (text := _common(result, argument)) is not None:
        return list(_paths_of(text, root))
    return list(_paths_below(_list_in(result, argument, root), root))


@lru_cache(MOST_COMMON)
def _paths_of(text: str, root: str) -> tuple[str, ...]:
    return _paths_below(_parse(text), root)


def _paths_below(element: etree._Element | None, root: str) -> tuple[str, ...]:
    if element is None:
        return ()
    return tuple(
        _bounded(each.text.strip() for each in element.iter("{*}" + root.removesuffix("List")) if each.text)
    )


def values_in(result: ActionResult, argument: str = "ParameterValueList") -> dict[str, str]:
    """Values by UPnP path; a slash at the end of the path of a parameter is taken away.

    Raises:
        UnreadableDocument: it is too large, or no such document.
    """
    root = _list_in(result, argument, "ParameterValueList")
    if root is None:
        return {}
    paths = [(element.text or "").strip() for element in root.iter("{*}ParameterPath")]
    texts = [(element.text or "").strip() for element in root.iter("{*}Value")]
    if len(paths) != len(texts):
        paths, texts = _paired(root)
    if len(paths) > MAX_ENTRIES:
        raise UnreadableDocument("the answer has too many values")
    values = dict(zip(paths, texts, strict=True))
    if len(values) != len(paths):  # of duplicates the first one holds, and dict() keeps the last
        values = dict(zip(reversed(paths), reversed(texts), strict=True))
    for path in [path for path in values if path[:1] != "/" or path[-1:] == "/"]:
        values.setdefault("/" + path.strip("/"), values.pop(path))
    return values


def _paired(root: etree._Element) -> tuple[list[str], list[str]]:
    """Paths and values of a list in which not every parameter has both."""
    fields = [children_of(parameter) for parameter in root.iter("{*}Parameter")]
    whole = [each for each in fields if "ParameterPath" in each]
    return [each["ParameterPath"] for each in whole], [each.get("Value", "") for each in whole]


def attributes_in(result: ActionResult) -> Mapping[str, Attributes]:
    """Attributes by UPnP path, which ends in no slash; what is not said of events is no.

    Raises:
        UnreadableDocument: it is too large, or no such document.
    """
    if (text := _common(result, "NodeAttributeValueList")) is not None:
        return _attributes_of(text)
    return _attributes_below(document_in(result, "NodeAttributeValueList", "NodeAttributeValueList"))


@lru_cache(MOST_COMMON)
def _attributes_of(text: str) -> Mapping[str, Attributes]:
    return _attributes_below(_parse(text))


def _attributes_below(root: etree._Element | None) -> Mapping[str, Attributes]:
    attributes: dict[str, Attributes] = {}
    for node in [] if root is None else _bounded(root.iter("{*}Node")):
        fields = children_of(node)
        path = "/" + fields.get("NodeAttributePath", "").strip("/")
        attributes.setdefault(
            path,
            Attributes(
                schema_type(fields["Type"]) if fields.get("Type") else "",
                writable=fields["Access"].lower() in _WRITABLE if fields.get("Access") else None,
                event_on_change=fields.get("EventOnChange", "").lower() in _TRUE,
            ),
        )
    return attributes


def subtrees_in(result: ActionResult) -> tuple[SubTree, ...]:
    """The data models of a device.

    Raises:
        UnreadableDocument: it is too large, or no such document.
    """
    root = document_in(result, "SupportedDataModels", "SupportedDataModels")
    if root is None:
        return ()
    fields = [children_of(element) for element in _bounded(root.iter("{*}SubTree"))]
    return tuple(
        SubTree(each.get("URI", ""), each["Location"], each.get("URL", ""))
        for each in fields
        if "Location" in each
    )


def _paths(root: str, element: str, paths: Iterable[str]) -> str:
    return _document(root, "".join(f"<{element}>{_escape(path)}</{element}>" for path in paths))


def _document(root: str, content: str) -> str:
    return f'{_HEAD}<cms:{root} xmlns:cms="{NAMESPACE}">{content}</cms:{root}>'


def _escape(text: str) -> str:
    if "&" in text or "<" in text or ">" in text or "\r" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return text


def _common(result: ActionResult, argument: str) -> str | None:
    """The text of an argument, if it is one that many a device may say, and not too long to be kept."""
    text = result.values.get(argument)
    return text if text and len(text) <= LONGEST_COMMON and text.strip(" \t\r\n\0") else None


def document_in(result: ActionResult, argument: str, root: str) -> etree._Element | None:
    """The root of a document in an answer; None where the answer is empty."""
    for name in (argument, root):
        if name in result.inline:
            return result.inline[name]
    text = result.values.get(argument)
    if text is None and len(result.values) == 1:
        (text,) = result.values.values()
    return _parse(text) if text and text.strip(" \t\r\n\0") else None


def _list_in(result: ActionResult, argument: str, root: str) -> etree._Element | None:
    """As `document_in`; an answer without the list says nothing, and not that there is nothing."""
    if argument not in result.values and len(result.values) != 1 and not result.inline:
        raise UnreadableDocument(f"the answer lacks {argument}")
    return document_in(result, argument, root)


def _parse(text: str) -> etree._Element:
    if len(text) > MAX_DOCUMENT_LENGTH:
        raise UnreadableDocument("the answer is too long")
    if "<" not in text and "&lt;" in text:
        text = unescape(text)
    text = text[text.find("<") : text.rfind(">") + 1].replace("\0", "")
    if "<!DOCTYPE" in text:
        raise UnreadableDocument("the answer has a DOCTYPE")
    if not text:
        raise UnreadableDocument("the answer holds no document")
    # The encoding that a declaration tells is that of a transport which is behind us: this is text.
    text = _DECLARATION.sub("", text, count=1)
    try:
        return etree.fromstring(text, _STRICT)
    except etree.XMLSyntaxError:
        return _mend(text)


def _mend(text: str) -> etree._Element:
    """What can be had of a document that is no XML, lacks its root, or declares no namespaces.

    One whose end is missing is not read: its last values, or rows, would seem to be gone.
    """
    depth = sum(-1 if closes else not is_empty for closes, is_empty in _TAG.findall(text))
    if depth > 0:
        raise UnreadableDocument("the answer ends too soon")
    known = _HTML_ENTITY.sub(lambda match: _character(match[1]), text)
    prefixes = "".join(f' xmlns:{prefix}="{NAMESPACE}"' for prefix in sorted(set(_PREFIX.findall(known))))
    root = etree.fromstring(f"<mended{prefixes}>{known}</mended>", _MENDING)
    if root is None or not len(root):
        raise UnreadableDocument("the answer is no XML")
    return root


def _character(entity: str) -> str:
    return chr(name2codepoint[entity]) if entity in name2codepoint else f"&amp;{entity};"


def _bounded(entries: Iterable[T]) -> list[T]:
    listed: list[T] = []
    for entry in entries:
        if len(listed) >= MAX_ENTRIES:
            raise UnreadableDocument("the answer has too many entries")
        listed.append(entry)
    return listed


def children_of(element: etree._Element) -> dict[str, str]:
    """The texts of an element's children by local name, the first of each."""
    fields: dict[str, str] = {}
    for child in element.iterchildren("{*}*"):
        fields.setdefault(etree.QName(child).localname, (child.text or "").strip())
    return fields
