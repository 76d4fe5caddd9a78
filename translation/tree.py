"""What one device has of its data model: every object with its CWMP name and its UPnP path.

Objects are listed depth first, so all below an object follows it without a gap. Parameters are not listed:
they are the leaves of their objects, and both their names are those of the object with the leaf's name after
it. So a tree of 20,000 parameters stays small and is quickly made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import NamedTuple
from weakref import WeakValueDictionary

from translation.actions import DeviceUnreachable
from translation.data_model import UNKNOWN, ActiveNotify, ParameterDefinition
from translation.model import Attributes, ObjectTemplate, SupportedModel
from translation.paths import ANY_INSTANCE, InstanceMap, Rows, UpnpPath, parse_all

MAX_NODES = 250_000
"""Objects and parameters of one device; ten times what a large gateway has."""


MAX_OBJECTS_OF_A_RECENT_TREE = 500
"""A larger one is not kept for another device that may come: it takes some 300 bytes an object."""


class TreeObject(NamedTuple):
    """One object: a table, a row, or a single object.

    `path` is empty for an object that only CWMP has. `upnp_number` is a row's own. In the tree it stands at
    the index `start`, and all below it before the index `end`.
    """

    name: str
    path: str
    template: ObjectTemplate
    upnp_number: int | None
    start: int
    end: int


class Parameter(NamedTuple):
    """One parameter, with both its names."""

    name: str
    path: str
    attributes: Attributes
    definition: ParameterDefinition | None = None


class Entry(NamedTuple):
    """One name as an ACS sees it; `type` is empty for an object."""

    name: str
    writable: bool
    type: str = ""
    active_notify: ActiveNotify = ActiveNotify.NORMAL
    forced_inform: bool = False


class _Found(NamedTuple):
    depth: int
    name: str
    path: str
    template: ObjectTemplate
    upnp_number: int | None = None


class Tree:
    """The objects of one device; immutable."""

    @classmethod
    def shared(cls, model: SupportedModel, instances: InstanceMap) -> Tree:
        """The one tree of all devices that have the same model and the same rows."""
        key = (model, instances.present())
        tree = _shared.get(key)
        if tree is None:
            tree = _shared[key] = cls(model, instances)
            if len(tree._objects) <= MAX_OBJECTS_OF_A_RECENT_TREE:
                _recent.append(tree)
        return tree

    def __init__(self, model: SupportedModel, instances: InstanceMap) -> None:
        found = list(_walk(model, instances))
        self._objects = [
            TreeObject(each.name, each.path, each.template, each.upnp_number, index, end)
            for index, (each, end) in enumerate(zip(found, _ends(found), strict=True))
        ]
        self._by_name = {each.name: each for each in self._objects}
        self.forced = [each.name + leaf for each in self._objects for leaf in each.template.forced]
        """The parameters that an ACS is to hear of without asking, by a data model."""
        self.tables = [each.path for each in self._objects if each.template.is_table]
        """The UPnP paths of all tables."""

    @cached_property
    def _by_path(self) -> Mapping[str, TreeObject]:
        return {each.path: each for each in self._objects if len(each.path) > 1}

    def __iter__(self) -> Iterator[TreeObject]:
        return iter(self._objects)

    def object(self, name: str) -> TreeObject | None:
        """The object of this CWMP name."""
        return self._by_name.get(name)

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of this CWMP name."""
        above, dot, leaf = name.rpartition(".")
        owner = self._by_name.get(above + dot)
        attributes = owner.template.leaves.get(leaf) if owner else None
        if owner is None or attributes is None:
            return None
        return _parameter(owner, leaf, attributes)

    def name_at(self, path: str) -> str | None:
        """The CWMP path, without a dot at its end, of a UPnP path with or without a slash at its end.

        Source: TR-106 3.2.4
        """
        place, _, leaf = path.rpartition("/")
        if owner := self._by_path.get(f"{path.rstrip('/')}/"):
            return owner.name[:-1]
        owner = self._by_path.get(f"{place}/")
        return owner.name + leaf if owner and leaf in owner.template.leaves else None

    def path_of(self, name: str) -> str | None:
        """The UPnP path of a CWMP path with or without a dot at its end."""
        if each := self._by_name.get(f"{name.rstrip('.')}."):
            return each.path or None
        parameter = self.parameter(name)
        return parameter.path if parameter else None

    def below(self, partial_path: str) -> Iterable[TreeObject]:
        """An object and all objects below it, in tree order; none if there is no such object."""
        top = self._by_name.get(partial_path)
        return self._objects[top.start : top.end] if top else ()

    def parameters(self, path: str) -> Iterator[Parameter]:
        """The parameter of a name, or all below a partial path in tree order."""
        if path.endswith("."):
            for each in self.below(path):
                for leaf, attributes in each.template.leaves.items():
                    yield _parameter(each, leaf, attributes)
        elif parameter := self.parameter(path):
            yield parameter

    def parameter_paths(self, path: str) -> list[str]:
        """The UPnP paths of all parameters below a UPnP path."""
        owners = (each for each in self._objects if each.path.startswith(path))
        return [owner.path + leaf for owner in owners for leaf in owner.template.leaves]

    def cover(self, partial_path: str) -> list[str]:
        """The fewest UPnP paths that have all parameters below a CWMP partial path below them."""
        covers: list[str] = []
        below = self.below(partial_path)
        for each in below if any(each.template.leaves for each in below) else ():
            if each.path and not each.path.startswith(tuple(covers)):
                covers.append(each.path)
        return covers

    def entries(self, actions: Collection[str], deletable: Mapping[str, bool | None]) -> Iterator[Entry]:
        """Every name in tree order.

        What no action of the device can do is not writable. `deletable` tells of rows by their UPnP path,
        as far as the device does.

        Source: TR-330 4.3.1
        """
        settable, creatable = "SetValues" in actions, "CreateInstance" in actions
        going = "DeleteInstance" in actions
        for name, path, template, upnp_number, _, _ in self._objects:
            writable = bool(template.attributes.writable)
            if upnp_number is None:
                yield Entry(name, creatable and template.is_table and writable)
            else:
                told = deletable.get(path)
                yield Entry(name, going and (writable if told is None else told))
            for leaf, attributes in template.leaves.items():
                definition = template.definitions.get(leaf, UNKNOWN)
                yield Entry(
                    name + leaf,
                    settable and bool(attributes.writable),
                    attributes.type,
                    definition.active_notify,
                    definition.forced_inform,
                )


_shared: WeakValueDictionary[tuple[SupportedModel, Rows], Tree] = WeakValueDictionary()
# A device is first seen without the attributes of its model: of many equal devices one after the other is.
_recent: deque[Tree] = deque(maxlen=4)


def _parameter(owner: TreeObject, leaf: str, attributes: Attributes) -> Parameter:
    definition = owner.template.definitions.get(leaf)
    return Parameter(owner.name + leaf, owner.path + leaf, attributes, definition)


def present_rows(paths: Iterable[str]) -> dict[str, set[int]]:
    """The UPnP numbers of rows by the UPnP path of their table, as a list of instance paths tells them."""
    present: dict[str, set[int]] = {}
    for path in parse_all(paths):
        for index, part in enumerate(path.parts):
            if part.isdecimal():
                present.setdefault(str(UpnpPath(path.parts[:index])), set()).add(int(part))
    return present


def update_rows(
    model: SupportedModel, instances: InstanceMap, present: Mapping[str, AbstractSet[int]]
) -> bool:
    """Take note of the rows of all tables; returns whether anything changed."""
    changed = False
    for each in _walk(model, instances):
        # The walk looks at a table's rows after this, so new rows are walked, and gone ones are not.
        if each.template.is_table:
            changed |= instances.update(each.name, present.get(each.path, frozenset()))
    return changed


def _walk(model: SupportedModel, instances: InstanceMap) -> Iterator[_Found]:
    size = 0
    for each in _walk_below(_Found(0, "Device.", model.root.path, model.root), instances):
        size += 1 + len(each.template.leaves)
        if size > MAX_NODES:
            raise DeviceUnreachable("it has more objects and parameters than can be kept")
        yield each


def _walk_below(top: _Found, instances: InstanceMap) -> Iterator[_Found]:
    yield top
    depth, name, path, template, _ = top
    for part, child in template.children.items():
        if part == ANY_INSTANCE:
            for number, upnp_number in instances.rows(name):
                row = _Found(depth + 1, f"{name}{number}.", f"{path}{upnp_number}/", child, upnp_number)
                yield from _walk_below(row, instances)
        else:
            # A path with no instance in it is the child's own; it need not lie below that of its parent.
            child_path = f"{path}{part}/" if ANY_INSTANCE in child.path else child.path
            yield from _walk_below(_Found(depth + 1, f"{name}{part}.", child_path, child), instances)


def _ends(found: list[_Found]) -> list[int]:
    """For each object the index after all below it."""
    ends = [len(found)] * len(found)
    open_objects: list[int] = []
    for index, each in enumerate(found):
        while open_objects and found[open_objects[-1]].depth >= each.depth:
            ends[open_objects.pop()] = index
        open_objects.append(index)
    return ends
