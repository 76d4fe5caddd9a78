"""What a data model of the Broadband Forum, or a device type, says of objects and parameters.

It speaks where a device is silent: of types and access, and of what devices do not tell at all, such as
defaults, limits of values and references. It is the same for all devices of one kind, immutable, and small:
equal definitions are one object, and the whole of TR-181 takes about a megabyte.

Places are CWMP paths with `#` for every instance number, as in `Device.NAT.PortMapping.#.`.

Source: TR-330 4.3, TR-106 Annexes A and B
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Self

from msgspec import Struct
from msgspec.structs import replace

from translation.datatypes import BOOLEAN, INTEGERS, canonical
from translation.paths import ANY_INSTANCE

FORMAT = 1
"""The version of `DataModel.to_record`: what another one has written is to be read from its source again."""

VENDOR_PREFIX = "X_"
"""How values begin that a vendor has added to an enumeration. Source: TR-106 3.3"""

_INSTANCE_NUMBER = re.compile(r"\.[0-9]+(?=\.)")
_ENCODED_LENGTHS: Mapping[str, tuple[int, int]] = {"hexBinary": (2, 1), "base64Binary": (4, 3)}
"""Characters, and the octets that they stand for."""

_NULL_VALUES: Mapping[str, str] = {
    BOOLEAN: "false",
    "dateTime": "0001-01-01T00:00:00Z",
    "unsignedInt": "0",
    "unsignedLong": "0",
    "int": "-1",
    "long": "-1",
    "decimal": "-1",
}
"""By type; empty where the type is not listed. Source: TR-106 A.2.3.5"""


class ActiveNotify(StrEnum):
    """Whether an ACS may have active notifications of a parameter. Source: TR-106 A.2.7"""

    NORMAL = "normal"
    FORCE_ENABLED = "forceEnabled"
    FORCE_DEFAULT_ENABLED = "forceDefaultEnabled"
    CAN_DENY = "canDeny"


class Reference(StrEnum):
    """What a value that is a path may point at: a strong one only at what is there. Source: TR-106 A.2.3.6"""

    NONE = ""
    WEAK = "weak"
    STRONG = "strong"


class Limits(NamedTuple):
    """The least and the greatest number or length, both included; None: there is no such limit."""

    least: int | None = None
    greatest: int | None = None

    def hold(self, number: int) -> bool:
        """Whether a number is within the limits."""
        return (self.least is None or self.least <= number) and (
            self.greatest is None or number <= self.greatest
        )

    def __str__(self) -> str:
        if self.least == self.greatest:
            return str(self.least)
        if self.greatest is None:
            return f"{self.least} or more"
        return f"at most {self.greatest}" if self.least is None else f"{self.least} to {self.greatest}"


class ParameterDefinition(NamedTuple):
    """One parameter. Where several limits are given, a value has to be within one of them.

    `item_type`, `values`, `ranges` and `sizes` are those of the items where the value is a list, and then
    `items` limits their number and `list_sizes` the length of all.
    """

    type: str = ""
    """As CWMP names it, a list being a string; empty where only a device type is known, and it is silent."""
    writable: bool = False
    default: str | None = None
    """The value in a new row; None: the device's choice."""
    active_notify: ActiveNotify = ActiveNotify.NORMAL
    forced_inform: bool = False
    hidden: bool = False
    """Whether an ACS may set the value and not read it."""
    reference: Reference = Reference.NONE
    item_type: str = ""
    values: tuple[str, ...] = ()
    """Those that may be set; empty: any."""
    ranges: tuple[Limits, ...] = ()
    sizes: tuple[Limits, ...] = ()
    items: Limits | None = None
    """None: the value is no list."""
    list_sizes: tuple[Limits, ...] = ()

    @property
    def null(self) -> str:
        """What is read instead of a hidden value. Source: TR-106 A.2.3.5"""
        return _NULL_VALUES.get(self.type, "")

    def refusal(self, text: str) -> str:
        """Why a value of the right type may not be set; empty when it may. Source: TR-106 A.2.3.3"""
        if self.items is None:
            return self._refusal_of_item(text)
        if not _within(len(text), self.list_sizes):
            return f"The list has {len(text)} characters, and may have {_either(self.list_sizes)}"
        if "[" in text:
            return ""  # lists within the list have commas of their own
        items = [item.strip() for item in text.split(",")] if text.strip() else []
        if not self.items.hold(len(items)):
            return f"The list has {len(items)} items, and may have {self.items}"
        for item in items:
            if refusal := self._refusal_of_item(item):
                return f"{item!r}: {refusal}"
        return ""

    def _refusal_of_item(self, text: str) -> str:
        value = canonical(text, self.item_type)
        if value is None:
            return f"This is no value of the type {self.item_type}"
        if self.values and value not in self.values and not value.startswith(VENDOR_PREFIX):
            return f"The value may be {', '.join(self.values)}"
        if self.ranges and self.item_type in INTEGERS and not _within(int(value), self.ranges):
            return f"The value may be {_either(self.ranges)}"
        if self.sizes and not _within(_length(value, self.item_type), self.sizes):
            return f"The length may be {_either(self.sizes)}"
        return ""


UNKNOWN = ParameterDefinition()
"""A parameter of which nothing is known but its name."""


class ObjectDefinition(NamedTuple):
    """One object; that of a row tells of its table whether rows can be added."""

    writable: bool
    parameters: Mapping[str, ParameterDefinition]


class ModelSource(NamedTuple):
    """Where a data model comes from: a row of DeviceInfo.SupportedDataModel. Source: TR-181"""

    name: str
    """With its version, as in `Device:2.17`."""
    urn: str
    uuid: str = ""
    features: tuple[str, ...] = ()
    url: str = ""


class DataModel(Struct, frozen=True, eq=False):
    """All that is said of one kind of device. Two are the same only if they are one object."""

    sources: tuple[ModelSource, ...]
    objects: Mapping[str, ObjectDefinition]

    @classmethod
    def united(cls, models: Iterable[DataModel]) -> DataModel:
        """Several data models as one; what more than one of them defines is as the first one says."""
        first, *others = models
        if not others:
            return first
        objects = dict(first.objects)
        for other in others:
            for place, definition in other.objects.items():
                before = objects.get(place)
                objects[place] = (
                    ObjectDefinition(before.writable, {**definition.parameters, **before.parameters})
                    if before
                    else definition
                )
        return cls(tuple(source for model in (first, *others) for source in model.sources), objects)

    def located_at(self, url: str) -> DataModel:
        """The same with the place where an ACS finds its document."""
        return replace(self, sources=tuple(source._replace(url=url) for source in self.sources))

    def parameter(self, name: str) -> ParameterDefinition | None:
        """What is said of the parameter of a CWMP name, which may have instance numbers."""
        above, dot, leaf = _INSTANCE_NUMBER.sub(f".{ANY_INSTANCE}", name).rpartition(".")
        definition = self.objects.get(above + dot)
        return definition.parameters.get(leaf) if definition else None

    @property
    def root_version(self) -> str:
        """The version of the root object, as in `2.17`; empty where there is none."""
        roots = (source.name for source in self.sources if source.name.startswith("Device:"))
        return next((name.partition(":")[2] for name in roots), "")

    def to_record(self) -> Any:
        """The data model as JSON, in which each definition stands once."""
        numbers: dict[ParameterDefinition, int] = {}
        objects = [
            [
                place,
                definition.writable,
                {
                    leaf: numbers.setdefault(parameter, len(numbers))
                    for leaf, parameter in definition.parameters.items()
                },
            ]
            for place, definition in self.objects.items()
        ]
        return {"format": FORMAT, "sources": self.sources, "definitions": list(numbers), "objects": objects}

    @classmethod
    def from_record(cls, record: Any) -> Self:
        """The data model that `to_record` made this of.

        Raises:
            ValueError: another version of `to_record` did.
        """
        if record["format"] != FORMAT:
            raise ValueError(f"a data model of format {record['format']}")
        definitions = [_definition(*each) for each in record["definitions"]]
        names: dict[str, str] = {}
        objects = {
            place: ObjectDefinition(
                writable,
                {names.setdefault(leaf, leaf): definitions[number] for leaf, number in leaves.items()},
            )
            for place, writable, leaves in record["objects"]
        }
        return cls(tuple(_source(*each) for each in record["sources"]), objects)


def _source(name: str, urn: str, uuid: str, features: list[str], url: str) -> ModelSource:
    return ModelSource(name, urn, uuid, tuple(features), url)


def _definition(*record: Any) -> ParameterDefinition:
    plain = ParameterDefinition(*record)
    return plain._replace(
        active_notify=ActiveNotify(plain.active_notify),
        reference=Reference(plain.reference),
        values=tuple(plain.values),
        ranges=tuple(Limits(*each) for each in plain.ranges),
        sizes=tuple(Limits(*each) for each in plain.sizes),
        items=None if plain.items is None else Limits(*plain.items),
        list_sizes=tuple(Limits(*each) for each in plain.list_sizes),
    )


def _within(number: int, limits: tuple[Limits, ...]) -> bool:
    return not limits or any(each.hold(number) for each in limits)


def _either(limits: tuple[Limits, ...]) -> str:
    return " or ".join(map(str, limits))


def _length(text: str, schema: str) -> int:
    """In characters, or, of what is encoded, in octets. Source: TR-106 A.2.3.3"""
    characters, octets = _ENCODED_LENGTHS.get(schema, (1, 1))
    return len(text.rstrip("=") if characters == 4 else text) * octets // characters
