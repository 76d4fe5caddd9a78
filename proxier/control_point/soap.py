"""SOAP as UPnP uses it: an action call written, its answer read.

Answers are read by local name, since devices disagree about namespaces, and an XML document in an argument
may be escaped text, as the book has it, or live elements. Source: UDA 1.1 3.2; field practice
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import escape  # that of xml.sax would load a parser too
from typing import Final

from lxml import etree

from proxier.control_point.markup import MarkupRefused, child, child_text, local_name, read_markup, text_of
from translation.actions import ActionError, ActionResult

ARGUMENT_INVALID: Final = 600
"""Argument Value Invalid."""
MOST_TAGS: Final = 1_000_000
"""In an answer; 20,000 parameters as live elements are 120,000."""
MOST_COMMON: Final = 16
"""Answers that are kept as they were read: devices of one model say the same."""
SHORTEST_COMMON: Final = 1024
"""Bytes; what is shorter is read as fast as it is looked up."""
LONGEST_COMMON: Final = 65536
"""Bytes, and so a megabyte for all."""
MOST_TAGS_OF_COMMON: Final = 256
"""Live elements would be kept with it, and take thirty times the memory of their bytes."""

_DOCUMENTS: Final = frozenset(
    {
        "ACL",
        "ACLDataPathList",
        "BandwidthTestInfo",
        "BandwidthTestResult",
        "ContentPathList",
        "InstancePathList",
        "NSLookupResult",
        "NodeAttributePathList",
        "NodeAttributeValueList",
        "ParameterInitialValueList",
        "ParameterValueList",
        "StructurePathList",
        "SupportedDataModels",
    }
)
"""Roots of the documents that CMS and BMS carry in arguments."""
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>\s*")


def is_document(value: str) -> bool:
    """Whether an argument's value is an XML document."""
    return value.lstrip().startswith("<")


def write_call(
    service_type: str, action: str, names: Iterable[str], arguments: Mapping[str, str], *, inline: bool
) -> bytes:
    """Write a call: every argument of `names`, in this order; what is not given is empty.

    `inline` puts documents into the arguments as live elements, as some devices want them.

    Raises:
        ActionError: a value has characters that XML has no way to write (600).
    """
    written = []
    for name in names:
        value = arguments.get(name, "")
        if _NOT_XML.search(value):
            raise ActionError(ARGUMENT_INVALID, f"{name} has characters that XML cannot carry")
        if inline and is_document(value):
            written.append(f"<{name}>{_DECLARATION.sub('', value, count=1)}</{name}>")
        else:
            # A bare CR would be read as LF. Source: XML 1.0 2.11
            written.append(f"<{name}>{escape(value, quote=False).replace(chr(13), '&#13;')}</{name}>")
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
        ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{action} xmlns:u="{service_type}">{"".join(written)}</u:{action}>'
        "</s:Body></s:Envelope>\n"
    ).encode()


def read_answer(body: bytes) -> ActionResult:
    """Read the answer to a call.

    Raises:
        ActionError: it is a fault with a UPnPError.
        MarkupRefused: it is no answer that can be read.
    """
    return _read_common(body) if _may_be_common(body) else _read(body)


def _may_be_common(body: bytes) -> bool:
    return SHORTEST_COMMON <= len(body) <= LONGEST_COMMON and body.count(b"<") <= MOST_TAGS_OF_COMMON


def _read(body: bytes) -> ActionResult:
    envelope = read_markup(body, most_tags=MOST_TAGS)
    soap_body = envelope if local_name(envelope) == "Body" else child(envelope, "Body")
    if soap_body is None or len(soap_body) == 0:
        raise MarkupRefused("no SOAP body")
    answer = soap_body[0]
    if local_name(answer) == "Fault":
        raise _fault(answer)
    if local_name(answer) in _DOCUMENTS:
        answer = soap_body
    values: dict[str, str] = {}
    inline: dict[str, etree._Element] = {}
    for argument in answer:
        if len(argument) == 0:
            values[local_name(argument)] = text_of(argument)
        elif local_name(argument[0]) in _DOCUMENTS:
            inline[local_name(argument)] = argument[0]
        else:
            inline[local_name(argument)] = argument
    return ActionResult(values, inline)


_read_common = lru_cache(MOST_COMMON)(_read)


def _fault(fault: etree._Element) -> ActionError | MarkupRefused:
    upnp_error = next((e for e in fault.iter() if local_name(e) == "UPnPError"), None)
    said = child_text(fault, "faultstring")
    if upnp_error is None:
        return MarkupRefused(f"a SOAP fault without a UPnPError: {said[:200]!r}")
    code = child_text(upnp_error, "errorCode")
    if not (code.isascii() and code.isdigit() and len(code) <= 5):
        return MarkupRefused(f"a UPnPError without a code: {code[:20]!r}")
    return ActionError(int(code), child_text(upnp_error, "errorDescription")[:1000])
