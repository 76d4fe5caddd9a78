"""Who owns a parameter: sources, each with a part of a device's tree, and their union."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeVar
from weakref import WeakValueDictionary

from msgspec import Struct, field

from cwmp_client.datatypes import Syntax
from cwmp_client.faults import FaultCode, ParameterFault
from cwmp_client.messages import ParameterValueStruct

V = TypeVar("V")

ROOT = "Device."
"""The root object of a device. Source: TR-181"""


class ActiveNotify(StrEnum):
    """Whether an ACS may have active notifications of a parameter. Source: TR-106 A.2.7"""

    NORMAL = "normal"
    FORCE_ENABLED = "forceEnabled"
    FORCE_DEFAULT_ENABLED = "forceDefaultEnabled"
    CAN_DENY = "canDeny"


class Node(NamedTuple):
    """What is known of a name without asking for its value.

    For a parameter `writable` means that SetParameterValues may set it, for a table that AddObject may add a
    row, for a row that DeleteObject may take it away. `type` is an XML Schema type name without prefix for a
    parameter, and empty for an object. `active_notify`, and `forced_inform`, that every Inform has it, are
    what a data model says of a parameter.
    """

    writable: bool
    type: str = ""
    active_notify: ActiveNotify = ActiveNotify.NORMAL
    forced_inform: bool = False


OBJECT = Node(writable=False)
"""An object that is neither a table to add to nor a row to take away."""


class _Shared(dict[str, V]):
    __slots__ = ("__weakref__",)


_shared: WeakValueDictionary[int, _Shared[Any]] = WeakValueDictionary()


def shared(by_name: Mapping[str, V]) -> Mapping[str, V]:
    """The one mapping for all that are equal to this; nobody may change it.

    A house full of equal devices has only one.
    """
    key = hash(tuple(by_name))
    known = _shared.get(key)
    if known is None or known != by_name or list(known) != list(by_name):
        known = _shared[key] = _Shared(by_name)
    return known


class Applied(Struct, frozen=True):
    """What a source did with new values: the Status, and records to be saved with the ParameterKey."""

    status: int = 0
    records: Mapping[str, Any] = field(default_factory=dict)


class ParameterSource(Protocol):
    """One owner of a part of a device's tree.

    Names are full CWMP paths; those of objects end in a dot. Every method may raise `CwmpFault`.
    """

    may_refuse: bool
    """Whether `set` can fail after `check` found nothing; there is at most one such source, asked first."""

    async def nodes(self) -> Mapping[str, Node]:
        """Every name that this source has now, in tree order, with all objects above.

        The same mapping object is returned while nothing changed, so that what is made from it can be kept.
        """

    async def values(self, paths: Sequence[str]) -> Sequence[ParameterValueStruct]:
        """The values of parameters, and of all below partial paths; each path is among `nodes`."""

    async def check(self, values: Sequence[ParameterValueStruct]) -> Sequence[ParameterFault]:
        """What is wrong with new values, all of them; empty when they can be set.

        Names are among `nodes`, those of writable parameters; values are of the type that is told there.
        """

    async def set(self, values: Sequence[ParameterValueStruct]) -> Applied:
        """Set checked values, all or none."""

    async def reporting(self, names: Sequence[str], /) -> Collection[str]:
        """Those of these parameters whose changes are noticed although no `watch` has asked for it."""

    async def watch(self, notifications: Mapping[str, int]) -> None:
        """See to it that changes of these parameters are noticed (1 to 6) or need not be (0), all or none."""

    async def add(self, table: str) -> tuple[int, int]:
        """Add a row; returns its instance number and the Status."""

    async def delete(self, row: str) -> int:
        """Take a row away; returns the Status."""

    def cached(self, name: str) -> ParameterValueStruct | None:
        """The last known value of a parameter, for an Inform; never waits for a device."""


class Journal(Protocol):
    """Where an endpoint keeps what must survive a power cut: JSON values by name, a set for each device."""

    async def save(self, records: Mapping[str, Any]) -> None:
        """Write all records at once, durable when this returns; None takes a record away."""


def is_object(path: str) -> bool:
    """Whether a path names an object, or all below it."""
    return path.endswith(".")


def is_row(path: str) -> bool:
    """Whether a path names one instance of a table."""
    return is_object(path) and path[:-1].rpartition(".")[2].isdecimal()


def partial_paths(paths: Iterable[str]) -> set[str]:
    """Those that name an object, or all below it."""
    return {path for path in paths if path.endswith(".")}


def parameters_at(nodes: Mapping[str, Node], paths: Iterable[str]) -> list[str]:
    """The parameters that names and partial paths stand for, each once; the unknown stands for nothing."""
    found: dict[str, None] = {}
    for path in paths:
        if is_object(path):
            found.update((name, None) for name in nodes if name.startswith(path) and not is_object(name))
        elif path in nodes:
            found[path] = None
    return list(found)


def with_objects_above(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """These nodes, each after the objects above it; such objects are not writable unless said otherwise."""
    tree: dict[str, Node] = {}
    for name, node in nodes.items():
        end = name.find(".")
        while end != -1:
            tree.setdefault(name[: end + 1], OBJECT)
            end = name.find(".", end + 1)
        tree[name] = node
    return tree


def value_faults(
    values: Iterable[ParameterValueStruct], syntax_of: Callable[[str], Syntax]
) -> list[ParameterFault]:
    """Those of the values that the syntax of their parameter does not allow, as 9007."""
    faults = []
    for name, value, _ in values:
        try:
            syntax_of(name).canonical(value)
        except ValueError as error:
            faults.append(ParameterFault(name, FaultCode.INVALID_PARAMETER_VALUE, str(error)))
    return faults
