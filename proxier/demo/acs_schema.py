"""The strict judge of envelopes: refuses what the CWMP schemas refuse, and what SOAP 1.1 says beyond them.

Two steps. An XML Schema is written from the tables of `acs_grammar`, and libxml2 validates the message with
it: order, counts, lengths, patterns, numbers, the values behind an xsi:type. What no schema can say is
checked here: the envelope around the message, counts and prefixes of arrays, that a value names its type.

Stricter than the Broadband Forum's schemas in one thing: xsi:type stands only where CWMP needs it.

Source: TR-069 3.5; SOAP 1.1
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from proxier.demo.acs_grammar import (
    NAMESPACES,
    VALUE,
    VALUE_TYPES,
    VARIANTS,
    Array,
    Field,
    FieldType,
    Grammar,
    Simple,
    grammar,
)

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ENC = "http://schemas.xmlsoap.org/soap/encoding/"
XSD = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

_BUILT_IN = frozenset({"boolean", "dateTime", "int", "unsignedInt"})
_ARRAY_TYPE = re.compile(r"([\w.-]+):([\w.-]+)\[(\d{1,9})\]")


@dataclass(frozen=True, slots=True)
class _HeaderElement:
    """How a header element must look: mustUnderstand is one of these, the whole value matches."""

    must_understand: frozenset[str | None]
    value: str
    only_with: str | None = None


_REQUIRED = frozenset({"1"})
_OPTIONAL = frozenset({None, "0"})

_HEADER = {
    "ID": _HeaderElement(_REQUIRED, ".*"),
    "HoldRequests": _HeaderElement(_REQUIRED, r"\s*(0|1|true|false)\s*"),
    "SessionTimeout": _HeaderElement(_OPTIONAL, r"\s*\d{1,9}\s*", only_with="Inform"),
    "SupportedCWMPVersions": _HeaderElement(_OPTIONAL, r"1\.\d+(, ?1\.\d+)*", only_with="Inform"),
    "UseCWMPVersion": _HeaderElement(_REQUIRED, r"1\.\d+", only_with="InformResponse"),
}
"""Source: TR-069 3.5 Table 4"""


def departures(envelope: bytes) -> list[str]:
    """Name every departure of an envelope from SOAP 1.1 and from the schema of its namespace."""
    try:
        root = etree.fromstring(envelope, _parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        return [f"not well-formed: {error}"]
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # the stubs' DocInfo is a stub
        return ["a SOAP message must not hold a DOCTYPE"]
    return list(_envelope_departures(root))


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def _envelope_departures(root: etree._Element) -> Iterator[str]:
    if root.tag != f"{{{SOAP}}}Envelope":
        yield f"the root is {root.tag}, not a SOAP 1.1 Envelope"
        return
    children = _children(root)
    if [child.tag for child in children] not in (
        [f"{{{SOAP}}}Body"],
        [f"{{{SOAP}}}Header", f"{{{SOAP}}}Body"],
    ):
        yield "an Envelope holds a Header, which may be left out, and a Body, and nothing else"
        return
    contents = _children(children[-1])
    if len(contents) != 1:
        yield f"the Body holds {len(contents)} elements: exactly 1 is allowed"
        return
    message = contents[0]
    if message.tag == f"{{{SOAP}}}Fault":
        yield from _soap_fault_departures(message)
        detail = message.find("detail")
        if detail is None or len(detail) != 1:
            return
        message = detail[0]
    namespace, name = _name(message)
    if namespace not in NAMESPACES or name not in grammar(namespace).messages:
        yield f"{message.tag} is no message of CWMP"
        return
    yield from _message_departures(message, grammar(namespace))
    if len(children) == 2:
        for element in _children(children[0]):
            yield from _header_departures(element, namespace, name)


def _soap_fault_departures(fault: etree._Element) -> Iterator[str]:
    names = [str(child.tag) for child in _children(fault)]
    if names not in (
        ["faultcode", "faultstring", "detail"],
        ["faultcode", "faultstring", "faultactor", "detail"],
    ):
        yield f"a SOAP Fault holds faultcode, faultstring and detail, not {names}"
        return
    prefix, _, code = (fault.findtext("faultcode") or "").strip().rpartition(":")
    if code not in {"Client", "Server"}:
        yield f"faultcode is {code!r}, neither Client nor Server"
    if prefix and fault.nsmap.get(prefix) != SOAP:
        yield f"the prefix of faultcode, {prefix!r}, is not the SOAP envelope's"
    if fault.findtext("faultstring") != "CWMP fault":
        yield "faultstring is not 'CWMP fault'"
    detail = fault.find("detail")
    if detail is not None and (len(detail) != 1 or _name(detail[0])[1] != "Fault"):
        yield "the detail of a Fault holds one cwmp:Fault"


def _header_departures(element: etree._Element, namespace: str, message: str) -> Iterator[str]:
    own_namespace, name = _name(element)
    must_understand = element.get(f"{{{SOAP}}}mustUnderstand")
    if own_namespace not in NAMESPACES:
        if must_understand == "1":
            yield f"no ACS understands the header {element.tag}, which must be understood"
        return
    rule = _HEADER.get(name)
    if rule is None or own_namespace != namespace:
        yield f"{element.tag} is no header of {namespace}"
        return
    if must_understand not in rule.must_understand:
        yield f"the header {name} has mustUnderstand={must_understand!r}"
    if len(element) or not re.fullmatch(rule.value, element.text or "", re.DOTALL):
        yield f"the header {name} holds {element.text!r}"
    if rule.only_with not in (None, message):
        yield f"the header {name} belongs to {rule.only_with}, not to {message}"


def _message_departures(message: etree._Element, rules: Grammar) -> Iterator[str]:
    name = _name(message)[1]
    # Namespaces declared further out are in scope, so the message is judged where it stands.
    schema = _schema(rules.namespace)
    if not schema.validate(message):
        for error in schema.error_log:  # type: ignore[attr-defined]  # the stubs know no error_log here
            yield f"{name}: line {error.line}: {error.message}"
    for element in message.iter(etree.Element):
        array_type = element.get(f"{{{ENC}}}arrayType")
        if array_type is not None:
            yield from (
                f"{name}: {fault}" for fault in _array_departures(element, array_type, rules.namespace)
            )
        value_type = element.get(f"{{{XSI}}}type")
        if element.tag == "Value" and _name(_parent(element))[1] == "ParameterValueStruct":
            yield from (f"{name}: {fault}" for fault in _value_departures(element, value_type))
        elif value_type is not None and element.tag != "Operations":
            yield f"{name}: {element.tag} needs no xsi:type"
    code = message.findtext("FaultCode")
    if name == "Fault" and message.find("SetParameterValuesFault") is not None and code != "9003":
        yield f"Fault: SetParameterValuesFault belongs to 9003, not to {code}"


def _array_departures(array: etree._Element, declared: str, namespace: str) -> Iterator[str]:
    match = _ARRAY_TYPE.fullmatch(declared)
    if not match:
        yield f"{array.tag}: arrayType {declared!r} is malformed"
        return
    prefix, member, count = match.groups()
    members = _children(array)
    if int(count) != len(members):
        yield f"{array.tag} declares {count} members and holds {len(members)}"
    if any(element.tag != member for element in members):
        yield f"{array.tag} declares {member} and holds {members[0].tag}"
    if array.nsmap.get(prefix) != (XSD if member == "string" else namespace):
        yield f"{array.tag}: the prefix of arrayType {declared!r} is bound to {array.nsmap.get(prefix)}"


def _value_departures(value: etree._Element, declared: str | None) -> Iterator[str]:
    if declared is None:
        yield "a Value has no xsi:type"
        return
    prefix, _, name = declared.rpartition(":")
    if name not in VALUE_TYPES or value.nsmap.get(prefix or None) not in (XSD, ENC):
        yield f"xsi:type {declared!r} is no CWMP value type"


def _children(element: etree._Element) -> list[etree._Element]:
    return list(element.iterchildren(etree.Element))


def _parent(element: etree._Element) -> etree._Element:
    parent = element.getparent()
    return element if parent is None else parent


def _name(element: etree._Element) -> tuple[str, str]:
    name = etree.QName(element)
    return name.namespace or "", name.localname


# ---- the schema, written from the tables ----

_SOAP_ENCODING = f"""<xs:schema xmlns:xs="{XSD}" targetNamespace="{ENC}">
<xs:attribute name="arrayType" type="xs:string"/>
<xs:simpleType name="base64"><xs:restriction base="xs:base64Binary"/></xs:simpleType>
</xs:schema>"""


class _SoapEncoding(etree.Resolver):
    def resolve(self, system_url: str, public_id: str, context: object) -> object:  # type: ignore[override]  # the stubs leave the context out
        del public_id
        return self.resolve_string(_SOAP_ENCODING, context) if system_url == ENC else None  # type: ignore[call-arg]  # base_url may be left out


@functools.cache
def _schema(namespace: str) -> etree.XMLSchema:
    parser = _parser()
    parser.resolvers.add(_SoapEncoding())
    return etree.XMLSchema(etree.fromstring(schema_text(grammar(namespace)), parser))


def schema_text(rules: Grammar) -> str:
    """Write the XML Schema of one namespace from its tables."""
    lines = [
        f'<xs:schema xmlns:xs="{XSD}" xmlns:soapenc="{ENC}"',
        f' xmlns:tns="{rules.namespace}" targetNamespace="{rules.namespace}">',
        f'<xs:import namespace="{ENC}" schemaLocation="{ENC}"/>',
    ]
    lines += [_simple_type(simple, f' name="{name}"') for name, simple in rules.simple_types.items()]
    base_of = {variant: base for base, variants in VARIANTS.items() for variant in variants}
    lines += [f'<xs:complexType name="{base}" abstract="true"/>' for base in VARIANTS]
    lines += [_struct(name, fields, base_of.get(name), rules) for name, fields in rules.structs.items()]
    for name, fields in rules.messages.items():
        lines.append(f'<xs:element name="{name}"><xs:complexType>{_sequence(fields, rules)}')
        lines.append("</xs:complexType></xs:element>")
    lines.append("</xs:schema>")
    return "\n".join(lines)


def _struct(name: str, fields: tuple[Field, ...], base: str | None, rules: Grammar) -> str:
    content = _sequence(fields, rules)
    if base:
        content = (
            f'<xs:complexContent><xs:extension base="tns:{base}">{content}</xs:extension></xs:complexContent>'
        )
    return f'<xs:complexType name="{name}">{content}</xs:complexType>'


def _sequence(fields: tuple[Field, ...], rules: Grammar) -> str:
    elements = "".join(_element(field.name, field.type, field.least, field.most, rules) for field in fields)
    return f"<xs:sequence>{elements}</xs:sequence>" if elements else ""


def _element(name: str, field_type: FieldType, least: int, most: int | None, rules: Grammar) -> str:
    start = (
        f'<xs:element name="{name}" minOccurs="{least}" maxOccurs="{"unbounded" if most is None else most}"'
    )
    match field_type:
        case str():
            return f'{start} type="{_type_name(field_type)}"/>'
        case Simple():
            return f"{start}>{_simple_type(field_type)}</xs:element>"
        case Array():
            member = _element(
                field_type.member,
                field_type.type or field_type.member,
                field_type.least,
                field_type.most,
                rules,
            )
            return (
                f"{start}><xs:complexType><xs:sequence>{member}</xs:sequence>"
                '<xs:attribute ref="soapenc:arrayType" use="required"/></xs:complexType></xs:element>'
            )


def _type_name(name: str) -> str:
    if name == VALUE:
        return "xs:anySimpleType"
    return f"xs:{name}" if name in _BUILT_IN else f"tns:{name}"


def _simple_type(simple: Simple, name: str = "") -> str:
    base = f'base="xs:{simple.base}"'
    if simple.ranges:
        parts = "".join(
            f'<xs:simpleType><xs:restriction {base}><xs:minInclusive value="{low}"/>'
            f'<xs:maxInclusive value="{high}"/></xs:restriction></xs:simpleType>'
            for low, high in simple.ranges
        )
        return f"<xs:simpleType{name}><xs:union>{parts}</xs:union></xs:simpleType>"
    facets = "".join(f'<xs:pattern value="{pattern}"/>' for pattern in simple.patterns)
    if simple.max_length is not None:
        facets = f'<xs:maxLength value="{simple.max_length}"/>{facets}'
    return f"<xs:simpleType{name}><xs:restriction {base}>{facets}</xs:restriction></xs:simpleType>"
