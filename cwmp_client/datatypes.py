"""The data types of CWMP parameters: what a value may look like, and how it is written.

Source: TR-106 3.2
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from cwmp_client import schedule

INTEGER_RANGES: Mapping[str, tuple[int, int]] = {
    "int": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsignedLong": (0, 2**64 - 1),
}
"""The integer types with their least and greatest values. Source: XML Schema Part 2"""

_BOOLEANS = {"true": "true", "1": "true", "false": "false", "0": "false"}
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)

_INTEGER_NAMES = frozenset({*INTEGER_RANGES, "integer", "short", "unsignedShort", "byte", "unsignedByte"})
_ANY_TYPE = frozenset({"", "anySimpleType", "anyType"})
_ALIASES = {"base64Binary": "base64"}


class Syntax(Struct, frozen=True):
    """The type of a parameter and the limits of its value.

    `minimum` and `maximum` bound a number, `max_length` a text in characters, `values` lists what is allowed.
    A hidden value is always read as an empty text.
    """

    type: str = "string"
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    values: tuple[str, ...] = ()
    hidden: bool = False

    def canonical(self, text: str) -> str:
        """The value as it is kept and read back: numbers without sign or zeros, booleans as true or false.

        Raises:
            ValueError: the value is not allowed; the text says why.
        """
        if self.type in INTEGER_RANGES:
            return self._integer(text.strip())
        if self.type == "boolean":
            if (boolean := _BOOLEANS.get(text.strip().lower())) is None:
                raise ValueError("not a boolean")
            return boolean
        if self.type == "dateTime":
            text = text.strip()
            schedule.parse_time(text)
            return text
        if self.max_length is not None and len(text) > self.max_length:
            raise ValueError(f"longer than {self.max_length} characters")
        if self.values and text not in self.values:
            raise ValueError(f"not one of {', '.join(self.values)}")
        return text

    def _integer(self, text: str) -> str:
        if not _INTEGER.fullmatch(text):
            raise ValueError("not a whole number")
        number = int(text)
        least, greatest = INTEGER_RANGES[self.type]
        least = least if self.minimum is None else self.minimum
        greatest = greatest if self.maximum is None else self.maximum
        if not least <= number <= greatest:
            raise ValueError(f"not between {least} and {greatest}")
        return str(number)


STRING = Syntax()
BOOLEAN = Syntax("boolean")
UNSIGNED_INT = Syntax("unsignedInt")
DATE_TIME = Syntax("dateTime")


@lru_cache(maxsize=64)
def syntax_of(type_name: str) -> Syntax:
    """The syntax of a parameter of which only the type is known."""
    return Syntax(type_name)


def same_type(declared: str, given: str) -> bool:
    """Whether a value said to be of the type `given` may be set to a parameter of the type `declared`.

    Prefixes do not count, nor does a type that is not said; the integer types stand for each other, since
    many an ACS knows only one of them. What the number may be is another question.
    """
    declared, given = _local(declared), _local(given)
    return (
        declared == given
        or given in _ANY_TYPE
        or declared in _ANY_TYPE
        or (declared in _INTEGER_NAMES and given in _INTEGER_NAMES)
    )


def _local(type_name: str) -> str:
    name = type_name.rpartition(":")[2]
    return _ALIASES.get(name, name)
