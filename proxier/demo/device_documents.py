"""The XML documents in the arguments of ConfigurationManagement, read strictly and written by the book.

Only the root element has a namespace; its children have none. Source: CMS 2.4 and cms.xsd
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from lxml import etree

from proxier.demo.device_errors import UpnpError

NAMESPACE = "urn:schemas-upnp-org:dm:cms"
INVALID_XML = 702
Fields = Mapping[str, str]


def parse_xml(text: str | bytes) -> etree._Element:
    """Parses a document that came over the network.

    Raises:
        ValueError: it is no XML, or holds a DOCTYPE.
    """
    body = text.encode() if isinstance(text, str) else text
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from error
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # the stubs think that it may be missing
        raise ValueError("a DOCTYPE is not allowed")
    return root


def read_texts(document: str, root: str, child: str) -> list[str]:
    """The texts of a list such as ContentPathList.

    Raises:
        UpnpError: 702, the document is not of this kind.
    """
    return [_text(element) for element in _children(document, root, child)]


def read_records(document: str, root: str, child: str, fields: Iterable[str]) -> list[dict[str, str]]:
    """The records of a list such as ParameterValueList; each field at most once, the first one always.

    Raises:
        UpnpError: 702, the document is not of this kind.
    """
    known = tuple(fields)
    records = []
    for element in _children(document, root, child):
        record = {str(field.tag): _text(field) for field in element}
        if len(record) != len(element) or not record.keys() <= set(known) or known[0] not in record:
            raise UpnpError(INVALID_XML)
        records.append(record)
    return records


def write_texts(root: str, child: str, texts: Iterable[str]) -> str:
    """A list such as InstancePathList."""
    return _document(root, "".join(f"<{child}>{escape(text, quote=False)}</{child}>" for text in texts))


def write_records(root: str, child: str, records: Iterable[Fields]) -> str:
    """A list such as ParameterValueList."""
    rows = (
        "".join(f"<{name}>{escape(text, quote=False)}</{name}>" for name, text in record.items())
        for record in records
    )
    return _document(root, "".join(f"<{child}>{row}</{child}>" for row in rows))


def _document(root: str, content: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><cms:{root} xmlns:cms="{NAMESPACE}"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xsi:schemaLocation="{NAMESPACE} http://www.upnp.org/schemas/dm/cms.xsd">{content}</cms:{root}>'
    )


def _children(document: str, root: str, child: str) -> list[etree._Element]:
    try:
        element = parse_xml(document)
    except ValueError as error:
        raise UpnpError(INVALID_XML) from error
    if element.tag != f"{{{NAMESPACE}}}{root}" or any(each.tag != child for each in element):
        raise UpnpError(INVALID_XML)
    return list(element)


def _text(element: etree._Element) -> str:
    if len(element):
        raise UpnpError(INVALID_XML)
    return element.text or ""
