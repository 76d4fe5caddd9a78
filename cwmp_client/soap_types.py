"""How each kind of content looks in an envelope: text, numbers, times, structures, arrays.

A kind writes a value as an element and reads it back. Writing joins strings, for that is many times faster
than building a tree, and a tree of parameters is long; therefore escaping looks at a whole column of texts
at once. Writing is strict: what no longer fits the schema is cut where a shorter text still serves
(FaultString), and refused where it does not (a parameter's name). Reading is tolerant.
"""

# ruff: noqa: D102 - what reading and writing mean is said once, in Kind

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec
from lxml import etree

from cwmp_client.messages import UNKNOWN_TIME, ParameterInfoStruct, ParameterValueStruct
from cwmp_client.schedule import parse_time

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for its elements

XSI = "http://www.w3.org/2001/XMLSchema-instance"

_CONTROLS = bytes(byte for byte in range(0x20) if byte not in b"\t\n\r")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_AS_IT_IS = re.compile("[\x00-\x08\x0b-\x1f&<>\ud800-\udfff\ufffe\uffff]")
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))


MAX_NAME_LENGTH = 256
"""The longest name of a parameter or object. Source: TR-069 A.3.2.1"""

_VALUE_TYPES = (
    "string",
    "int",
    "unsignedInt",
    "long",
    "unsignedLong",
    "boolean",
    "dateTime",
    "base64Binary",
    "hexBinary",
    "decimal",
)
_OTHER_TYPE_NAMES = {"base64": "base64Binary"}
# GenieACS understands a type only by the literal prefix xsd.
_VALUE_STARTS = {name: f'</Name><Value xsi:type="xsd:{name}">' for name in _VALUE_TYPES}
_VALUE_STARTS |= {other: _VALUE_STARTS[name] for other, name in _OTHER_TYPE_NAMES.items()}
_WRITABLE_END = "</Name><Writable>true</Writable></ParameterInfoStruct>"
_READ_ONLY_END = "</Name><Writable>false</Writable></ParameterInfoStruct>"


class Unreadable(ValueError):
    """The content of an element is not what the schema says it is."""


def _illegal_characters(text: str) -> int:
    if text.isascii():
        return len(text) - len(text.encode().translate(None, _CONTROLS))
    return len(_ILLEGAL.findall(text))


def escape_all(texts: Sequence[str]) -> Sequence[str]:
    """Texts as XML character data.

    A character that XML 1.0 cannot hold becomes U+FFFD: one odd byte in one value of a device must not
    keep all its other values from the ACS.
    """
    # NUL is illegal itself, so once the texts are clean it can only be the separator.
    joined = "\0".join(texts)
    if _illegal_characters(joined) >= len(texts):
        texts = [_ILLEGAL.sub("\ufffd", text) for text in texts]
        joined = "\0".join(texts)
    found = [pair for pair in _ENTITIES if pair[0] in joined]
    for character, entity in found:
        joined = joined.replace(character, entity)
    return joined.split("\0") if found else texts


def escape(text: str) -> str:
    """A text as XML character data; see `escape_all`."""
    return escape_all((text,))[0] if _NOT_AS_IT_IS.search(text) else text


def local_name(element: Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def qualified_name(element: Element) -> tuple[str, str]:
    """The namespace of an element, empty for none, and its name without it."""
    namespace, _, name = str(element.tag).rpartition("}")
    return namespace[1:], name


def xsi_type(element: Element) -> str:
    """The local name of the type that an element declares; empty if it declares none."""
    return (element.get(f"{{{XSI}}}type") or "").strip().rpartition(":")[2]


class Kind(Protocol):
    """One kind of content."""

    def write(self, out: list[str], element: str, value: Any) -> None:
        """Append a value to `out`, as an element of that name or as several.

        Raises:
            ValueError: the schema has no place for the value.
        """

    def read(self, elements: Sequence[Element]) -> Any:
        """The value of all elements of one name, at least one.

        Raises:
            Unreadable: there is no such value in them.
        """


class Text(msgspec.Struct, frozen=True):
    """Free text, cut where the schema ends it."""

    max_length: int | None = None

    def write(self, out: list[str], element: str, value: str) -> None:
        out.append(f"<{element}>{escape(value[: self.max_length])}</{element}>")

    def read(self, elements: Sequence[Element]) -> str:
        return elements[0].text or ""


class Token(msgspec.Struct, frozen=True):
    """A name, path or code: white space around it means nothing, and a part of it means something else."""

    max_length: int
    pattern: str = ""

    def write(self, out: list[str], element: str, value: str) -> None:
        if len(value) > self.max_length or (self.pattern and not re.fullmatch(self.pattern, value)):
            raise ValueError(f"{element} cannot be {value[: self.max_length]!r}")
        out.append(f"<{element}>{escape(value)}</{element}>")

    def read(self, elements: Sequence[Element]) -> str:
        return (elements[0].text or "").strip()


class Number(msgspec.Struct, frozen=True):
    """An integer between two bounds, both allowed."""

    low: int
    high: int

    def write(self, out: list[str], element: str, value: int) -> None:
        if not self.low <= value <= self.high:
            raise ValueError(f"{element} cannot be {value}")
        out.append(f"<{element}>{value:d}</{element}>")

    def read(self, elements: Sequence[Element]) -> int:
        text = (elements[0].text or "").strip()
        # Twenty digits are more than any type of the schemas has.
        if not re.fullmatch("[+-]?[0-9]{1,20}", text) or not self.low <= int(text) <= self.high:
            raise Unreadable(f"{local_name(elements[0])} is {text[:40]!r}")
        return int(text)


class Boolean(msgspec.Struct, frozen=True):
    """True or false. Written as words, which every ACS reads; 1 and 0 are misread by some."""

    def write(self, out: list[str], element: str, value: bool) -> None:  # noqa: FBT001 - it is the value
        out.append(f"<{element}>{'true' if value else 'false'}</{element}>")

    def read(self, elements: Sequence[Element]) -> bool:
        value = {"true": True, "1": True, "false": False, "0": False}.get(
            (elements[0].text or "").strip().lower()
        )
        if value is None:
            raise Unreadable(f"{local_name(elements[0])} is no boolean")
        return value


class Time(msgspec.Struct, frozen=True):
    """A dateTime as text; what is none is written as the unknown time."""

    def write(self, out: list[str], element: str, value: str) -> None:
        try:
            parse_time(value)
        except ValueError:
            value = UNKNOWN_TIME
        out.append(f"<{element}>{value}</{element}>")

    def read(self, elements: Sequence[Element]) -> str:
        return (elements[0].text or "").strip() or UNKNOWN_TIME


class Field(NamedTuple):
    """One element of a structure, and the attribute of the message that it becomes.

    An optional element is left out when its value is empty. On reading, an element may be missing wherever
    the message has a default, also where the schema demands it.
    """

    attribute: str
    element: str
    kind: Kind
    optional: bool = False


class Struct:
    """Elements in a fixed order."""

    def __init__(self, made: type[Any], *fields: Field) -> None:
        self._made = made
        self._fields = fields
        self._mandatory = _mandatory(made)

    def write(self, out: list[str], element: str, value: Any) -> None:
        out.append(f"<{element}>")
        self.write_content(out, value)
        out.append(f"</{element}>")

    def write_content(self, out: list[str], value: Any) -> None:
        """Append the elements of a structure, without one around them."""
        for attribute, element, kind, optional in self._fields:
            content = getattr(value, attribute)
            if content or not optional:
                kind.write(out, element, content)

    def read(self, elements: Sequence[Element]) -> Any:
        found: dict[str, list[Element]] = {}
        for child in elements[0]:
            found.setdefault(local_name(child), []).append(child)
        contents: dict[str, Any] = {}
        for attribute, element, kind, _ in self._fields:
            if element in found:
                contents[attribute] = kind.read(found[element])
            elif attribute in self._mandatory:
                raise Unreadable(f"{element} is missing from {local_name(elements[0])}")
        return self._made(**contents)


def _mandatory(made: type[Any]) -> frozenset[str]:
    """The attributes without which a structure cannot be made."""
    if not issubclass(made, msgspec.Struct):
        return frozenset(set(made._fields) - set(made._field_defaults))
    return frozenset(each.name for each in msgspec.structs.fields(made) if each.required)


class Repeated(msgspec.Struct, frozen=True):
    """An element that stands once for each item."""

    item: Struct

    def write(self, out: list[str], element: str, value: Sequence[Any]) -> None:
        for item in value:
            self.item.write(out, element, item)

    def read(self, elements: Sequence[Element]) -> tuple[Any, ...]:
        return tuple([self.item.read((element,)) for element in elements])


class RepeatedChoice:
    """An element that stands once for each item, whose xsi:type says which structure it is."""

    def __init__(self, choices: Mapping[type, Struct]) -> None:
        self._by_class = choices
        self._by_name = {made.__name__: struct for made, struct in choices.items()}

    def write(self, out: list[str], element: str, value: Sequence[Any]) -> None:
        for item in value:
            out.append(f'<{element} xsi:type="cwmp:{type(item).__name__}">')
            self._by_class[type(item)].write_content(out, item)
            out.append(f"</{element}>")

    def read(self, elements: Sequence[Element]) -> tuple[Any, ...]:
        return tuple([self._struct(element).read((element,)) for element in elements])

    def _struct(self, element: Element) -> Struct:
        try:
            return self._by_name[xsi_type(element)]
        except KeyError:
            raise Unreadable(f"{local_name(element)} has no type that is known") from None


def _array_start(element: str, item_name: str, count: int) -> str:
    # Items are called like their type; only the schemas' own types are in the CWMP namespace.
    prefix = "xsd" if item_name == "string" else "cwmp"
    return f'<{element} soap-enc:arrayType="{prefix}:{item_name}[{count}]">'


class Array(msgspec.Struct, frozen=True):
    """A SOAP array, cut where the schema ends it. On reading, neither names nor the count of items matter."""

    item_name: str
    item: Kind
    max_items: int | None = None

    def write(self, out: list[str], element: str, value: Sequence[Any]) -> None:
        items = value[: self.max_items]
        out.append(_array_start(element, self.item_name, len(items)))
        for item in items:
            self.item.write(out, self.item_name, item)
        out.append(f"</{element}>")

    def read(self, elements: Sequence[Element]) -> tuple[Any, ...]:
        if isinstance(self.item, Token):  # names: the only items that come by the thousand
            return tuple([(item.text or "").strip() for item in elements[0]])
        read = self.item.read
        return tuple([read((item,)) for item in elements[0]])


def _checked_names(names: Sequence[str]) -> Sequence[str]:
    longest = max(map(len, names), default=0)
    if longest > MAX_NAME_LENGTH:
        raise ValueError(f"a parameter name of {longest} characters")
    return escape_all(names)


class ParameterValues:
    """An array of names, values and types: the one that grows long, written by columns."""

    def write(self, out: list[str], element: str, value: Sequence[ParameterValueStruct]) -> None:
        # Slices of one list are filled and joined faster than ten thousand strings are formatted.
        parts = ["<ParameterValueStruct><Name>", "", "", "", "</Value></ParameterValueStruct>"] * len(value)
        parts[1::5] = _checked_names(list(map(itemgetter(0), value)))
        parts[2::5] = [
            _VALUE_STARTS.get(type_, _VALUE_STARTS["string"]) for type_ in map(itemgetter(2), value)
        ]
        parts[3::5] = escape_all(list(map(itemgetter(1), value)))
        out.append(_array_start(element, "ParameterValueStruct", len(value)))
        out += parts
        out.append(f"</{element}>")

    def read(self, elements: Sequence[Element]) -> tuple[ParameterValueStruct, ...]:
        return tuple([self._read_item(item) for item in elements[0]])

    @staticmethod
    def _read_item(item: Element) -> ParameterValueStruct:
        found = {local_name(child): child for child in item}
        if "Name" not in found or "Value" not in found:
            raise Unreadable("a ParameterValueStruct lacks its Name or its Value")
        name, value = (found["Name"].text or "").strip(), found["Value"]
        type_ = xsi_type(value)
        type_ = _OTHER_TYPE_NAMES.get(type_, type_)
        text = value.text or ""
        return ParameterValueStruct(name, text if type_ in {"", "string"} else text.strip(), type_)


class ParameterInfos(Array, frozen=True):
    """An array of names, each with whether it can be written: long too, and written by columns."""

    def write(self, out: list[str], element: str, value: Sequence[ParameterInfoStruct]) -> None:
        parts = ["<ParameterInfoStruct><Name>", "", ""] * len(value)
        parts[1::3] = _checked_names(list(map(itemgetter(0), value)))
        parts[2::3] = [
            _WRITABLE_END if writable else _READ_ONLY_END for writable in map(itemgetter(1), value)
        ]
        out.append(_array_start(element, self.item_name, len(value)))
        out += parts
        out.append(f"</{element}>")
