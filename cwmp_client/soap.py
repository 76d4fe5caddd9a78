"""Bytes to messages and back: SOAP 1.1 envelopes in the three CWMP namespaces.

What a message holds is in `soap_schema`, how each kind of content looks in `soap_types`; here are the
envelope, its header, and faults. Only the message itself and the header elements carry a namespace.

Source: TR-069 3.5
"""

from __future__ import annotations

import re

import msgspec
from lxml import etree

from cwmp_client.messages import Fault, Message
from cwmp_client.soap_schema import MESSAGES
from cwmp_client.soap_types import XSI, Element, Number, Struct, Unreadable, escape, qualified_name
from cwmp_client.versions import MINORS, NAMESPACES, said_in

__all__ = [
    "MAX_ENVELOPE_BYTES",
    "NAMESPACES",
    "Envelope",
    "Header",
    "InvalidArguments",
    "SoapError",
    "UnknownMethod",
    "decode",
    "encode",
    "encode_must_understand",
]

MAX_ENVELOPE_BYTES = 4 * 1024 * 1024
"""The largest envelope that `decode` reads; a CPE must take 32 768 bytes. Source: TR-069 3.5"""

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_ENVELOPE, _HEADER, _BODY = (f"{{{_SOAP}}}{name}" for name in ("Envelope", "Header", "Body"))
_NEXT_ACTOR = "http://schemas.xmlsoap.org/soap/actor/next"
_ANY_CWMP = "urn:dslforum-org:cwmp-"
_MAX_ID_LENGTH = 256  # ours: an ID is echoed, and an ACS could send one of megabytes
_CLIENT_FAULTS = frozenset({8003, 9003, 9005, 9006, 9007, 9008})

# GenieACS answers what it does not know with <soap-env:Body:Fault>, which is no XML with namespaces.
_READABLE_PREFIX_BYTES = 65_536
_UNSUPPORTED = re.compile(rb"<(?:[\w.-]{1,64}:)?FaultCode\b[^<>]{0,256}>\s{0,64}8000\s{0,64}</")

_STRUCTS = {made: Struct(made, *row.fields) for made, row in MESSAGES.items()}
_BY_NAME = {made.__name__: struct for made, struct in _STRUCTS.items() if made is not Fault}
# Sessions share a thread, so none waits for this parser; to make one takes a third of the time of parsing.
_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
)
_HEADER_NAMES = frozenset(
    {"ID", "HoldRequests", "SessionTimeout", "SupportedCWMPVersions", "UseCWMPVersion", "NoMoreRequests"}
)


class SoapError(Exception):
    """What was received is no CWMP envelope; the text says why."""


class Header(msgspec.Struct, frozen=True):
    """The header elements of CWMP; `session_timeout` in seconds. Source: TR-069 3.5 Table 4"""

    id: str = ""
    hold_requests: bool = False
    session_timeout: int | None = None
    supported_cwmp_versions: tuple[str, ...] = ()
    use_cwmp_version: str | None = None


class UnknownMethod(msgspec.Struct, frozen=True):
    """A body whose element is no message that we know."""

    name: str


class InvalidArguments(msgspec.Struct, frozen=True):
    """A message that we know, with arguments that cannot be read."""

    name: str
    reason: str


class Envelope(msgspec.Struct, frozen=True):
    """An envelope as it was read.

    `not_understood` names a header element that must be understood and is not known.
    """

    message: Message | UnknownMethod | InvalidArguments
    header: Header
    namespace: str
    not_understood: str = ""


def encode(message: Message, *, namespace: str, header: Header) -> bytes:
    """The envelope of a message, in UTF-8.

    Codes that the namespace does not have are replaced, see `versions.said_in`; text is cut at the schema's
    length. That values are of their types is for those to see to who know the types.

    Raises:
        ValueError: the namespace does not have the message, or the schema has no place for a number or name.
    """
    if MESSAGES[type(message)].since > MINORS[namespace]:
        raise ValueError(f"{namespace} has no {type(message).__name__}")
    message = said_in(namespace, message)
    name = type(message).__name__
    out = [f"<cwmp:{name}>"]
    _STRUCTS[type(message)].write_content(out, message)
    out.append(f"</cwmp:{name}>")
    if isinstance(message, Fault):
        side = "Client" if message.fault_code in _CLIENT_FAULTS else "Server"
        out = [_fault_start(side, "CWMP fault"), "<detail>", *out, "</detail></soap-env:Fault>"]
    return _envelope(out, namespace, header)


def encode_must_understand(name: str, *, namespace: str, header: Header) -> bytes:
    """The fault that answers a request whose header element `name` must be understood and is not.

    It has no detail, since the fault is not of the body. Source: SOAP 1.1 4.4
    """
    start = _fault_start("MustUnderstand", f"{name[:64]} is not understood")
    return _envelope([start, "</soap-env:Fault>"], namespace, header)


def _fault_start(code: str, text: str) -> str:
    return f"<soap-env:Fault><faultcode>soap-env:{code}</faultcode><faultstring>{escape(text)}</faultstring>"


def _envelope(body: list[str], namespace: str, header: Header) -> bytes:
    start = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        f' xmlns:xsi="{XSI}" xmlns:cwmp="{namespace}"><soap-env:Header>'
    )
    middle = "</soap-env:Header><soap-env:Body>"
    end = "</soap-env:Body></soap-env:Envelope>"
    return "".join([start, *_header_elements(header), middle, *body, end]).encode()


def _header_elements(header: Header) -> list[str]:
    elements = []
    if header.id:
        elements.append(_header_element("ID", 1, escape(header.id)))
    if header.hold_requests:
        elements.append(_header_element("HoldRequests", 1, "true"))
    if header.session_timeout is not None:
        elements.append(_header_element("SessionTimeout", 0, str(header.session_timeout)))
    if header.supported_cwmp_versions:
        versions = ",".join(header.supported_cwmp_versions)
        elements.append(_header_element("SupportedCWMPVersions", 0, escape(versions)))
    if header.use_cwmp_version is not None:
        elements.append(_header_element("UseCWMPVersion", 1, escape(header.use_cwmp_version)))
    return elements


def _header_element(name: str, must_understand: int, content: str) -> str:
    return f'<cwmp:{name} soap-env:mustUnderstand="{must_understand}">{content}</cwmp:{name}>'


def decode(body: bytes) -> Envelope:
    """Read an envelope, whatever its prefixes, white space and CWMP namespace.

    XML that cannot be read but holds the fault code 8000 is a `Fault` with that code.

    Raises:
        SoapError: it is too long, not well-formed, has a DOCTYPE, or is no SOAP 1.1 envelope of one message.
    """
    if len(body) > MAX_ENVELOPE_BYTES:
        raise SoapError(f"an envelope of {len(body)} bytes")
    try:
        root = _parse(body)
    except etree.XMLSyntaxError as error:
        if _UNSUPPORTED.search(body[:_READABLE_PREFIX_BYTES]):
            return Envelope(Fault(8000), Header(), "")
        raise SoapError(f"no XML: {error.msg}") from error
    if root.tag != _ENVELOPE:
        raise SoapError(f"{root.tag[:256]} is no SOAP 1.1 envelope")
    messages = [element for part in root if part.tag == _BODY for element in part]
    if len(messages) != 1:
        raise SoapError(f"{len(messages)} messages in one envelope")
    header, not_understood = _read_header(next((part for part in root if part.tag == _HEADER), None))
    message, namespace = _read_message(messages[0])
    return Envelope(message, header, namespace, not_understood)


def _parse(body: bytes) -> Element:
    root = etree.fromstring(body.lstrip(), _PARSER)
    if root.getroottree().docinfo.internalDTD is not None:
        raise SoapError("a DOCTYPE")
    return root


def _read_message(element: Element) -> tuple[Message | UnknownMethod | InvalidArguments, str]:
    namespace, name = qualified_name(element)
    if element.tag == f"{{{_SOAP}}}Fault":
        return _read_fault(element)
    if name not in _BY_NAME or not (namespace or _ANY_CWMP).startswith(_ANY_CWMP):
        return UnknownMethod(name), namespace
    try:
        return _BY_NAME[name].read((element,)), namespace
    except Unreadable as error:
        return InvalidArguments(name, str(error)), namespace


def _read_fault(element: Element) -> tuple[Fault, str]:
    for detail in element.iter("{*}detail"):
        for fault in detail.iter("{*}Fault"):
            try:
                return _STRUCTS[Fault].read((fault,)), etree.QName(fault).namespace or ""
            except Unreadable as error:
                raise SoapError(f"a fault that cannot be read: {error}") from error
    raise SoapError(f"a SOAP fault without a CWMP fault: {element.findtext('{*}faultstring', '')[:256]}")


def _read_header(header: Element | None) -> tuple[Header, str]:
    """The header, and the name of an element in it that has to be understood and is not."""
    not_understood = ""
    found: dict[str, Element] = {}
    for element in header if header is not None else ():
        namespace, name = qualified_name(element)
        if name in _HEADER_NAMES and (namespace or _ANY_CWMP).startswith(_ANY_CWMP):
            found.setdefault(name, element)
        elif _must_understand(element):
            not_understood = not_understood or name
    texts = {name: element.text or "" for name, element in found.items()}
    if len(texts.get("ID", "")) > _MAX_ID_LENGTH:
        raise SoapError("an ID that is too long")
    return (
        Header(
            id=texts.get("ID", ""),
            hold_requests=texts.get("HoldRequests", "").strip().lower() in {"true", "1"},
            session_timeout=_read_timeout(found.get("SessionTimeout")),
            supported_cwmp_versions=tuple(
                version.strip()
                for version in texts.get("SupportedCWMPVersions", "").split(",")
                if version.strip()
            ),
            use_cwmp_version=texts["UseCWMPVersion"].strip() if "UseCWMPVersion" in texts else None,
        ),
        not_understood,
    )


def _read_timeout(element: Element | None) -> int | None:
    if element is None:
        return None
    try:
        return Number(0, 2**32 - 1).read((element,))
    except Unreadable:
        return None  # it need not be understood


def _must_understand(element: Element) -> bool:
    return element.get(f"{{{_SOAP}}}mustUnderstand", "").strip() in {"1", "true"} and element.get(
        f"{{{_SOAP}}}actor", ""
    ) in {"", _NEXT_ACTOR}
