"""The Broadband Forum's XML as it comes: data models (DM instances) and device types (DT instances).

A document may import data types, components and models from others; whoever calls this finds those by the
names in `Document.imports`.

The documents are those of the operator's own configuration, and are trusted no further for that: their size
and depth are bounded, and a DOCTYPE is refused.

Source: TR-106 Annexes A and B
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lxml import etree
from msgspec import Struct

MAX_DOCUMENT_SIZE = 32 * 2**20
"""In octets, unpacked; eight times that of TR-181 2.17."""

_NAMESPACE = "urn:broadband-forum-org:cwmp:"
_GZIP = b"\x1f\x8b"


class UnreadableDataModel(Exception):
    """A file is no data model, or one that should not be read; the words go on from its name."""


class Import(NamedTuple):
    """What a document takes from another one: `names` has their names there, by kind and name here."""

    file: str
    spec: str
    names: Mapping[tuple[str, str], str]


class Document(Struct, frozen=True, eq=False):
    """One document; `defined` has its data types, components and models by kind and name."""

    root: etree._Element
    imports: tuple[Import, ...]
    defined: Mapping[tuple[str, str], etree._Element]


def parse(data: bytes) -> Document:
    """Read one document, packed with gzip or not.

    Raises:
        UnreadableDataModel: it is none, or should not be read.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(_unpacked(data), parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableDataModel(f"is no XML: {error.msg}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableDataModel("has a DOCTYPE, which no data model needs")
    name = etree.QName(root)
    if name.localname != "document" or not (name.namespace or "").startswith(_NAMESPACE):
        raise UnreadableDataModel("is no data model or device type of the Broadband Forum")
    imports = (
        Import(
            each.get("file", ""),
            each.get("spec", ""),
            {
                (kind_of(item), item.get("name", "")): item.get("ref", item.get("name", ""))
                for item in children(each)
            },
        )
        for each in children(root, "import")
    )
    defined = {(kind_of(each), each.get("name", "")): each for each in children(root) if each.get("name")}
    return Document(root, tuple(imports), defined)


def kind_of(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return etree.QName(element).localname


def children(element: etree._Element, kind: str = "*") -> Iterator[etree._Element]:
    """The child elements of a kind, or all of them."""
    return element.iterchildren(f"{{*}}{kind}")


def _unpacked(data: bytes) -> bytes:
    if data[:2] == _GZIP:
        try:
            data = zlib.decompressobj(wbits=31).decompress(data, MAX_DOCUMENT_SIZE + 1)
        except zlib.error as error:
            raise UnreadableDataModel(f"is no gzip file: {error}") from error
    if len(data) > MAX_DOCUMENT_SIZE:
        raise UnreadableDataModel("is larger than any data model")
    return data
