"""Envelopes ↔ messages for the embedded ACS, by spyne: a SOAP implementation that shares nothing with ours.

Every message of `acs_grammar` is declared to spyne: requests and their responses as the operations of one
service per CWMP namespace, since a spyne class has one namespace. spyne's soft validation then judges types,
lengths and counts while it reads. What it cannot see (order, unknown elements, arrays), `acs_schema` has
refused before. The values are those of `cwmp_client.messages`; none of the project's own XML code is used.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from cwmp_client import messages
from cwmp_client.messages import Message, ParameterValueStruct
from proxier.demo import acs_spyne as spyne
from proxier.demo.acs_grammar import VALUE, VARIANTS, Array, Field, FieldType, Grammar, Simple, grammar
from proxier.demo.acs_schema import ENC, SOAP, XSD, XSI, departures

_PREFIXES = {"soap-env": SOAP, "soap-enc": ENC, "xsd": XSD, "xsi": XSI}
_DATE_TIME = r"\s*\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?\s*"
_RESPONSE = "Response"


class BadEnvelope(Exception):
    """An envelope that departs from SOAP, from its schema, or from what spyne was told of it."""

    def __init__(self, departures: list[str]) -> None:
        super().__init__("; ".join(departures))
        self.departures = departures


@dataclass(frozen=True, slots=True)
class Header:
    """The header of an envelope; None or False: the element is not there. Source: TR-069 3.5 Table 4"""

    id: str | None = None
    hold_requests: bool = False
    session_timeout: str | None = None
    supported_cwmp_versions: str | None = None
    use_cwmp_version: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message with what stood around it."""

    message: Message
    header: Header
    namespace: str


def read(envelope: bytes) -> Envelope:
    """Read an envelope that both judges accept.

    Of a ChangeDUState, which no CPE sends, the operations are not read.

    Raises:
        BadEnvelope: one of them does not; it holds every departure.
    """
    found = departures(envelope)
    if found:
        raise BadEnvelope(found)
    return read_by_spyne(envelope)


def read_by_spyne(envelope: bytes) -> Envelope:
    """Read an envelope that `acs_schema` has accepted.

    Raises:
        BadEnvelope: spyne does not accept it.
    """
    message = etree.fromstring(envelope).find(f"{{{SOAP}}}Body/*")
    if message is not None and message.tag == f"{{{SOAP}}}Fault":
        message = message.find("detail/*")
    if message is None:
        raise BadEnvelope(["there is no message"])
    try:
        return _declarations(str(etree.QName(message).namespace)).read(envelope)
    except spyne.Fault as fault:
        raise BadEnvelope([f"spyne: {fault.faultstring}"]) from fault


def write(message: Message, namespace: str, header: Header) -> bytes:
    """Write a message as an envelope."""
    return _declarations(namespace).write(message, header)


@functools.cache
def _declarations(namespace: str) -> _Declarations:
    return _Declarations(grammar(namespace))


class _Declarations:
    """What spyne is told of one CWMP namespace."""

    def __init__(self, rules: Grammar) -> None:
        self._rules = rules
        self._namespace = rules.namespace
        self._value = self._model(VALUE, {"type": _attribute(XSI), "text": spyne.XmlText(spyne.Unicode)})
        self._structs: dict[str, Any] = {}
        self._arrays: dict[Array, Any] = {}
        for base, variants in VARIANTS.items():
            self._structs[base] = self._model(base, {})
            for variant in variants:
                self._structs[variant] = self._model(
                    variant, self._members(rules.structs[variant]), self._structs[base]
                )
        self._fault = self._model("Fault", self._members(rules.messages["Fault"]))
        text = {"mustUnderstand": _attribute(SOAP), "text": spyne.XmlText(spyne.Unicode)}
        self._headers = {name: self._model(name, text) for name in _HEADERS}
        operations = {
            name: self._operation(name) for name in rules.messages if name + _RESPONSE in rules.messages
        }
        service = type("Cwmp", (spyne.Service,), operations)
        # What an xsi:type says is text for us: spyne would take it for one of its classes.
        self._reader = spyne.Soap11(validator="soft", parse_xsi_type=False)
        self._writer = spyne.Soap11(polymorphic=True, cleanup_namespaces=False)
        application = spyne.Application(
            [service], tns=rules.namespace, in_protocol=self._reader, out_protocol=self._writer
        )
        # spyne declares only the prefixes that tags need, and arrayType and xsi:type need theirs too.
        prefixes = _PREFIXES | {"cwmp": rules.namespace}
        application.interface.nsmap = prefixes
        application.interface.prefmap = {uri: prefix for prefix, uri in prefixes.items()}
        self._writer.soap_env = "soap-env"
        self._server = spyne.ServerBase(application)
        self._methods = application.interface.service_method_map

    # ---- reading ----

    def read(self, envelope: bytes) -> Envelope:
        context = self._context()
        context.in_string = [envelope]
        self._reader.create_in_document(context)
        root = context.in_document[0]
        header = self._read_header(root.find(f"{{{SOAP}}}Header"))
        name = etree.QName(root.find(f"{{{SOAP}}}Body")[0]).localname
        self._choose(context, name)
        direction = self._reader.RESPONSE if name.endswith(_RESPONSE) else self._reader.REQUEST
        self._reader.decompose_incoming_envelope(context, direction)
        self._reader.deserialize(context, direction)
        if name == "Fault":
            found = self._reader.from_element(context, self._fault, context.in_error.detail[0])
        else:
            found = context.in_object
        return Envelope(self._read_struct(found, name, self._rules.messages[name]), header, self._namespace)

    def _read_header(self, header: etree._Element | None) -> Header:
        texts: dict[str, str] = {}
        for element in header if header is not None else ():
            name = etree.QName(element).localname
            if name in self._headers and etree.QName(element).namespace == self._namespace:
                texts[name] = self._reader.from_element(None, self._headers[name], element).text or ""
        return Header(
            id=texts.get("ID"),
            hold_requests=texts.get("HoldRequests", "0").strip() in {"1", "true"},
            session_timeout=texts.get("SessionTimeout"),
            supported_cwmp_versions=texts.get("SupportedCWMPVersions"),
            use_cwmp_version=texts.get("UseCWMPVersion"),
        )

    def _read_struct(self, found: Any, name: str, fields: tuple[Field, ...]) -> Any:
        if name == "ParameterValueStruct":
            return ParameterValueStruct(
                found.Name, found.Value.text or "", found.Value.type.rpartition(":")[2]
            )
        arguments = {
            _attribute_name(field.name): self._read_field(getattr(found, field.name), field)
            for field in fields
            if getattr(found, field.name) is not None
        }
        return getattr(messages, _CLASS_NAMES.get(name, name))(**arguments)

    def _read_field(self, found: Any, field: Field) -> Any:
        if field.most is None:
            return tuple(self._read_value(each, field.type) for each in found)
        return self._read_value(found, field.type)

    def _read_value(self, found: Any, field_type: FieldType) -> Any:
        if isinstance(field_type, Array):
            member_type = field_type.type or field_type.member
            return tuple(
                self._read_value(member, member_type) for member in getattr(found, field_type.member) or ()
            )
        if isinstance(field_type, str) and field_type in self._rules.structs:
            return self._read_struct(found, field_type, self._rules.structs[field_type])
        return found

    # ---- writing ----

    def write(self, message: Message, header: Header) -> bytes:
        name = type(message).__name__
        fields = self._rules.messages[name]
        context = self._context()
        if name == "Fault":
            detail = etree.Element("detail")
            self._writer.to_parent(
                context, self._fault, self._make(message, name, fields, self._fault), detail, self._namespace
            )
            context.out_error = spyne.Fault("Server", "CWMP fault", detail=detail[0])
            self._writer.serialize(context, self._writer.RESPONSE)
        else:
            self._choose(context, name)
            context.out_object = [self._make_field(message, field) for field in fields]
            self._writer.serialize(
                context, self._writer.RESPONSE if name.endswith(_RESPONSE) else self._writer.REQUEST
            )
        self._write_header(context, header)
        self._writer.create_out_string(context)
        return b"".join(context.out_string)

    def _write_header(self, context: Any, header: Header) -> None:
        element = etree.Element(f"{{{SOAP}}}Header")
        for name, (attribute, must_understand) in _HEADERS.items():
            value = getattr(header, attribute)
            if value is not None and value is not False:
                model = self._headers[name]
                text = "1" if value is True else value
                instance = model(mustUnderstand=must_understand, text=text)
                self._writer.to_parent(context, model, instance, element, self._namespace, name)
        context.out_document.insert(0, element)

    def _make(self, value: Any, name: str, fields: tuple[Field, ...], model: Any) -> Any:
        if name == "ParameterValueStruct":
            prefix = "soap-enc" if value.type == "base64" else "xsd"
            return model(Name=value.name, Value=self._value(type=f"{prefix}:{value.type}", text=value.value))
        return model(**{field.name: self._make_field(value, field) for field in fields})

    def _make_field(self, owner: Any, field: Field) -> Any:
        value = getattr(owner, _attribute_name(field.name))
        if field.least == 0 and not value:
            return None
        if field.most is None:
            return [self._make_value(each, field.type) for each in value]
        return self._make_value(value, field.type)

    def _make_value(self, value: Any, field_type: FieldType) -> Any:
        if isinstance(field_type, Array):
            member_type = field_type.type or field_type.member
            members = [self._make_value(member, member_type) for member in value]
            prefix = "xsd" if field_type.member == "string" else "cwmp"
            array_type = f"{prefix}:{field_type.member}[{len(members)}]"
            return self._array(field_type)(**{"arrayType": array_type, field_type.member: members})
        if isinstance(field_type, str) and (field_type in self._rules.structs or field_type in VARIANTS):
            name = type(value).__name__ if field_type in VARIANTS else field_type
            return self._make(value, name, self._rules.structs[name], self._struct(name))
        return value

    # ---- declaring ----

    def _model(self, name: str, members: Mapping[str, Any], base: Any = spyne.ComplexModel) -> Any:
        attributes = {
            "__namespace__": self._namespace,
            "__type_name__": name,
            "_type_info": spyne.TypeInfo(list(members.items())),
        }
        return spyne.ComplexModelMeta(name, (base,), attributes)

    def _members(self, fields: tuple[Field, ...]) -> dict[str, Any]:
        return {field.name: self._type(field.type, field.least, field.most) for field in fields}

    def _struct(self, name: str) -> Any:
        if name not in self._structs:
            self._structs[name] = self._model(name, self._members(self._rules.structs[name]))
        return self._structs[name]

    def _array(self, array: Array) -> Any:
        if array not in self._arrays:
            member = self._type(array.type or array.member, array.least, array.most)
            # Arrays have no names in CWMP, and spyne wants one of each class.
            name = f"{array.member}Array{len(self._arrays)}"
            self._arrays[array] = self._model(name, {"arrayType": _attribute(ENC), array.member: member})
        return self._arrays[array]

    def _type(self, field_type: FieldType, least: int, most: int | None) -> Any:  # noqa: PLR0911 - a row each
        # Only the element of the message itself is in the CWMP namespace.
        facets: dict[str, Any] = {
            "sub_ns": "",
            "min_occurs": least,
            "max_occurs": "unbounded" if most is None else most,
        }
        if isinstance(field_type, Array):
            return self._array(field_type).customize(**facets)
        if isinstance(field_type, Simple):
            return _simple(field_type, facets)
        if field_type in self._rules.simple_types:
            return _simple(self._rules.simple_types[field_type], facets)
        if field_type in _BUILT_IN:
            return _simple(_BUILT_IN[field_type], facets)
        if field_type == "boolean":
            return spyne.Boolean(nillable=False, **facets)
        if field_type == VALUE:
            return self._value.customize(**facets)
        return self._struct(field_type).customize(**facets)

    def _operation(self, name: str) -> Any:
        request = self._members(self._rules.messages[name])
        response = self._members(self._rules.messages[name + _RESPONSE])

        def operation(*_arguments: Any) -> None:
            """Only declared: spyne reads and writes the messages, and nothing calls this."""

        operation.__name__ = name
        returns = (
            {"_returns": list(response.values()), "_out_variable_names": list(response)} if response else {}
        )
        return spyne.srpc(*request.values(), _args=list(request), **returns)(operation)

    def _context(self) -> Any:
        return spyne.MethodContext(self._server, spyne.MethodContext.SERVER)

    def _choose(self, context: Any, name: str) -> None:
        if name != "Fault":
            operation = name.removesuffix(_RESPONSE)
            context.descriptor = self._methods[f"{{{self._namespace}}}{operation}"][0]


_HEADERS: Mapping[str, tuple[str, str]] = {
    "ID": ("id", "1"),
    "HoldRequests": ("hold_requests", "1"),
    "SessionTimeout": ("session_timeout", "0"),
    "SupportedCWMPVersions": ("supported_cwmp_versions", "0"),
    "UseCWMPVersion": ("use_cwmp_version", "1"),
}
"""Header elements: the attribute of `Header`, and the mustUnderstand they are written with."""

_CLASS_NAMES = {"TransferFaultStruct": "FaultStruct", "DeploymentUnitFaultStruct": "FaultStruct"}
_ATTRIBUTE_NAMES = {"SetParameterValuesFault": "set_parameter_values_faults"}

_BUILT_IN = {
    "dateTime": Simple("string", None, (_DATE_TIME,)),
    "int": Simple("int"),
    "unsignedInt": Simple("unsignedInt"),
}


def _simple(simple: Simple, facets: dict[str, Any]) -> Any:
    if simple.base in {"int", "unsignedInt"}:
        number = spyne.Integer32 if simple.base == "int" else spyne.UnsignedInteger32
        if simple.ranges:
            facets |= {"ge": simple.ranges[0][0], "le": simple.ranges[-1][1]}
        return number(nillable=False, **facets)
    if simple.patterns:
        facets["pattern"] = "|".join(f"(?:{pattern})" for pattern in simple.patterns)
    if simple.max_length is not None:
        facets["max_len"] = simple.max_length
    return spyne.Unicode(**facets)


def _attribute(namespace: str) -> Any:
    return spyne.XmlAttribute(spyne.Unicode(sub_ns=namespace), ns=namespace)


def _attribute_name(element: str) -> str:
    return _ATTRIBUTE_NAMES.get(element) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", element).lower()
