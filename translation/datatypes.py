"""The data types of parameters: what a device calls them, and what their values look like on either side.

Values are text on both sides. A device's type names become those of XML Schema, which CWMP uses; a value is
brought into the canonical form of its type, so that equal values are equal texts.

Source: TR-106 3.2, UDA 2.5, XML Schema part 2
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

STRING = "string"
BOOLEAN = "boolean"

DEVICE_TYPES: Mapping[str, str] = {
    "string": STRING,
    "uri": STRING,
    "boolean": BOOLEAN,
    "int": "int",
    "i1": "int",
    "i2": "int",
    "i4": "int",
    "long": "long",
    "i8": "long",
    "unsignedint": "unsignedInt",
    "ui1": "unsignedInt",
    "ui2": "unsignedInt",
    "ui4": "unsignedInt",
    "unsignedlong": "unsignedLong",
    "ui8": "unsignedLong",
    "decimal": "decimal",
    "datetime": "dateTime",
    "datetime.tz": "dateTime",
    "base64": "base64Binary",
    "base64binary": "base64Binary",
    "bin.base64": "base64Binary",
    "hexbinary": "hexBinary",
    "bin.hex": "hexBinary",
}
"""XML Schema type names by what devices say in the Type attribute, in lower case.

Source: TR-106 3.2 for the names of data models, UDA 2.5 for those of UPnP
"""

INTEGERS: Mapping[str, tuple[int, int]] = {
    "int": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsignedLong": (0, 2**64 - 1),
}
"""The least and the greatest value of each integer type. Source: XML Schema part 2, 3.3"""

_BOOLEANS = {"1": "true", "true": "true", "0": "false", "false": "false"}
_TYPE_NAME = re.compile(r"(?:[\w.-]+:)?([A-Za-z][A-Za-z0-9.]*)")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_DATE_TIME = re.compile(
    r"-?[0-9]{4,}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-4]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?"
)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_ILLEGAL_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def schema_type(device_type: str) -> str:
    """The XML Schema type that a device's Type attribute means; a string where it means none.

    Prefixes (`xsd:`) and limits (`string(64)`) do not count.
    """
    name = _TYPE_NAME.match(device_type)
    return DEVICE_TYPES.get(name[1].lower(), STRING) if name else STRING


def _boolean(text: str) -> str | None:
    return _BOOLEANS.get(text.lower())


def _integer(lowest: int, highest: int) -> Callable[[str], str | None]:
    def canonical_integer(text: str) -> str | None:
        if text.isdecimal() and text.isascii() and len(text) < 10 and text[0] != "0":
            return text  # the usual case, at a third of the cost
        if not _INTEGER.fullmatch(text):
            return None
        number = int(text)
        return str(number) if lowest <= number <= highest else None

    return canonical_integer


def _decimal(text: str) -> str | None:
    return text if _DECIMAL.fullmatch(text) else None


def _date_time(text: str) -> str | None:
    return text if _DATE_TIME.fullmatch(text) else None


def _hex_binary(text: str) -> str | None:
    return text.upper() if _HEX.fullmatch(text) else None


def _base64_binary(text: str) -> str | None:
    compact = "".join(text.split())
    return compact if _BASE64.fullmatch(compact) else None


CANONICAL: Mapping[str, Callable[[str], str | None]] = {
    BOOLEAN: _boolean,
    **{name: _integer(lowest, highest) for name, (lowest, highest) in INTEGERS.items()},
    "decimal": _decimal,
    "dateTime": _date_time,
    "hexBinary": _hex_binary,
    "base64Binary": _base64_binary,
}
"""By type: the canonical form of a text, or None where it is no value of the type; strings need none."""


def canonical(text: str, schema: str) -> str | None:
    """The canonical form of a value, None where it is none of its type; booleans are true and false."""
    rule = CANONICAL.get(schema)
    return rule(text) if rule else text


def typed(text: str, schema: str) -> tuple[str, str]:
    """A device's value and its type, fit for CWMP: what does not fit its type goes as a string."""
    rule = CANONICAL.get(schema)
    if rule is None:
        return text, STRING
    value = rule(text)
    return (text, STRING) if value is None else (value, schema)


def for_device(text: str, schema: str) -> str:
    """A value as devices want it written: booleans are 0 and 1. Source: CMS 2.3.1"""
    rule = CANONICAL.get(schema)
    value = rule(text.strip()) if rule else None
    if value is None:
        return text
    return ("1" if value == "true" else "0") if schema == BOOLEAN else value


def fits_xml(text: str) -> bool:
    """Whether a text can be written in an XML document at all."""
    return not _ILLEGAL_IN_XML.search(text)
