"""The data model that a device supports: which parameters and tables there may be, and their attributes.

It is the same for all devices of one kind, immutable and hashable, so that a house full of equal sensors
shares one. What one device has of it is a `Tree`.

Source: TR-330 4.3, CMS 2.3
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Self
from weakref import WeakValueDictionary

from msgspec import Struct, field
from msgspec.structs import replace

from translation.data_model import UNKNOWN, ActiveNotify, DataModel, ObjectDefinition, ParameterDefinition
from translation.datatypes import STRING
from translation.paths import (
    ANY_INSTANCE,
    MAX_PATH_LENGTH,
    ROOT,
    Parts,
    Prefixes,
    SubTree,
    UpnpPath,
    parse_all,
)


class Attributes(NamedTuple):
    """What a device says of a node: its type by XML Schema, Access, EventOnChange. Source: CMS 2.3.2"""

    type: str = ""
    """Empty: the device does not say."""
    writable: bool | None = None
    """None: the device does not say."""
    event_on_change: bool = False

    def completed(self, definition: ParameterDefinition) -> Attributes:
        """The attributes of a parameter, with the word of a data model where the device is silent."""
        return Attributes(
            self.type or definition.type or STRING,
            definition.writable if self.writable is None else self.writable,
            self.event_on_change,
        )


UNDESCRIBED = Attributes()
"""What is taken for the attributes of a node before the device has told them, or if it does not."""


MAX_NUMBER_LENGTH = 10
"""Digits of an instance number."""


class StructureNode(NamedTuple):
    """A structure path, and its attributes as soon as they are known."""

    path: str
    attributes: Attributes | None = None


class ObjectTemplate(Struct):
    """One object of the CWMP tree, for all rows of the tables above it at once.

    `path` is its UPnP structure path, empty for an object that only CWMP has (`Device.Services.`). `leaves`
    are its parameters by name, `definitions` what a data model says of its parameters, `forced` those that an
    ACS is to hear of without asking. A table has its rows as the child `#`.
    """

    path: str = ""
    attributes: Attributes = UNDESCRIBED
    leaves: dict[str, Attributes] = field(default_factory=dict)
    definitions: Mapping[str, ParameterDefinition] = field(default_factory=dict)
    forced: tuple[str, ...] = ()
    children: dict[str, ObjectTemplate] = field(default_factory=dict)

    @property
    def is_table(self) -> bool:
        """Whether it has rows."""
        return ANY_INSTANCE in self.children


class SupportedModel(Struct, frozen=True, dict=True, weakref=True):
    """What a device supports, in its own order: parameters, tables, and objects listed by themselves.

    `data_model` is what the configuration gives for its kind; it adds no node, and speaks where the device
    is silent.
    """

    subtrees: tuple[SubTree, ...]
    nodes: tuple[StructureNode, ...]
    data_model: DataModel | None = None

    @classmethod
    def of(cls, subtrees: Iterable[SubTree], paths: Iterable[str]) -> Self:
        """The model of what a device listed.

        Its list may have instance numbers in the place of `#`, objects without their slash, duplicates, and
        what is no path at all.
        """
        return cls._of(tuple(subtrees), tuple(paths))

    @classmethod
    @lru_cache(maxsize=8)
    def _of(cls, subtrees: tuple[SubTree, ...], paths: tuple[str, ...]) -> Self:
        """Equal devices come together, at the start of the program or of a house."""
        structures = dict.fromkeys(path.structure for path in parse_all(paths))
        objects = {path.parts[:length] for path in structures for length in range(len(path.parts))}
        nodes: dict[str, Attributes | None] = {}
        for path in structures:
            nodes.update((table, None) for table in _tables(path.parts))
            if path.is_parameter and path.parts not in objects:
                nodes[str(path)] = None
            elif path.parts:
                nodes.setdefault(str(UpnpPath(path.parts)), UNDESCRIBED)  # has no attributes of its own
        return cls(subtrees, tuple(StructureNode(*node) for node in nodes.items()))

    def described(self, attributes: Mapping[str, Attributes]) -> SupportedModel:
        """The same with attributes that were not known before, by structure path."""
        if not attributes:
            return self
        nodes = (StructureNode(path, attributes.get(path, before)) for path, before in self.nodes)
        return replace(self, nodes=tuple(nodes))

    @property
    def undescribed(self) -> frozenset[str]:
        """The structure paths of parameters and tables whose attributes are not known."""
        return frozenset(node.path for node in self.nodes if node.attributes is None)

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """The structure paths of all tables."""
        every = (table for node in self.nodes for table in _tables(UpnpPath.parse(node.path).parts))
        return tuple(dict.fromkeys(every))

    @cached_property
    def root(self) -> ObjectTemplate:
        """The template of `Device.`, with all below it."""
        device = ObjectTemplate()
        prefixes = Prefixes.of(self.subtrees)
        for text, attributes in self.nodes:
            path = UpnpPath.parse(text)
            cwmp = prefixes.to_cwmp(path.parts)
            if len(".".join(cwmp)) + cwmp.count(ANY_INSTANCE) * MAX_NUMBER_LENGTH > MAX_PATH_LENGTH:
                continue
            above = path.parts[:-1] if path.is_parameter else path.parts
            for length in range(len(above) + 1):
                place = prefixes.to_cwmp(above[:length])
                # What lies above a prefix may belong to another model, and then is no part of this path.
                if place == cwmp[: len(place)] and (length or place == ROOT):
                    template = _object_at(device, place)
                    template.path = template.path or str(UpnpPath(above[:length]))
            if path.is_parameter:
                _object_at(device, cwmp[:-1]).leaves.setdefault(cwmp[-1], attributes or UNDESCRIBED)
            else:
                _object_at(device, cwmp).attributes = attributes or UNDESCRIBED
        _complete(device, ".".join((*ROOT, "")), self.data_model.objects if self.data_model else {})
        return device

    def shared(self) -> SupportedModel:
        """The one object for all models that are equal to this, with what was made from it."""
        return _shared.setdefault(self, self)

    def to_record(self) -> Any:
        """The model as JSON."""
        return {
            "subtrees": [list(subtree) for subtree in self.subtrees],
            "nodes": [[node.path, *(node.attributes or ())] for node in self.nodes],
        }

    @classmethod
    def from_record(cls, record: Any) -> Self:
        """The model that `to_record` made this of."""
        return cls(
            tuple(SubTree(*subtree) for subtree in record["subtrees"]),
            tuple(
                StructureNode(path, Attributes(*attributes) if attributes else None)
                for path, *attributes in record["nodes"]
            ),
        )


_FORCED = frozenset({ActiveNotify.FORCE_ENABLED, ActiveNotify.FORCE_DEFAULT_ENABLED})

_shared: WeakValueDictionary[SupportedModel, SupportedModel] = WeakValueDictionary()


def _complete(template: ObjectTemplate, place: str, objects: Mapping[str, ObjectDefinition]) -> None:
    """Put what a data model says where the device is silent, at this CWMP place and below."""
    if definition := objects.get(place):
        template.definitions = definition.parameters
    for leaf, attributes in template.leaves.items():
        template.leaves[leaf] = attributes.completed(template.definitions.get(leaf, UNKNOWN))
    template.forced = tuple(
        leaf
        for leaf, definition in template.definitions.items()
        if leaf in template.leaves and (definition.forced_inform or definition.active_notify in _FORCED)
    )
    if template.is_table:
        rows = objects.get(f"{place}{ANY_INSTANCE}.")
        access = UNKNOWN._replace(writable=rows is not None and rows.writable)
        for each in (template, template.children[ANY_INSTANCE]):
            each.attributes = each.attributes.completed(access)
    for part, child in template.children.items():
        _complete(child, f"{place}{part}.", objects)


def _tables(parts: Parts) -> Iterator[str]:
    return (str(UpnpPath(parts[:index])) for index, part in enumerate(parts) if part == ANY_INSTANCE)


def _object_at(device: ObjectTemplate, place: Parts) -> ObjectTemplate:
    template = device
    for part in place[1:]:
        template = template.children.setdefault(part, ObjectTemplate())
    return template
