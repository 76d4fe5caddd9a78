"""A source for values that this program itself holds, computes or keeps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

from cwmp_client.datatypes import STRING, Syntax
from cwmp_client.faults import CwmpFault, FaultCode, ParameterFault
from cwmp_client.messages import ParameterValueStruct
from cwmp_client.parameters import (
    OBJECT,
    Applied,
    Node,
    parameters_at,
    shared,
    value_faults,
    with_objects_above,
)


class LocalParameter(Struct, frozen=True):
    """One parameter: a fixed value, or a function that computes it at each reading.

    A writable one starts with `value` and keeps what the ACS sets.
    """

    value: str | Callable[[], str] = ""
    syntax: Syntax = STRING
    writable: bool = False


class LocalParameters:
    """A `ParameterSource` of local values.

    Objects above the parameters come by themselves; tables that may be empty are named in `objects`. Values
    that an ACS has set are saved in the journal's record `record`, one for each such source of a device.

    Args:
        parameters: by full name, in tree order.
        objects: names of objects that have no parameter (empty tables), ending in a dot.
        record: the name of the journal's record.
        records: what was saved before.
    """

    may_refuse = False

    def __init__(
        self,
        parameters: Mapping[str, LocalParameter],
        *,
        objects: Sequence[str] = (),
        record: str = "local_parameters",
        records: Mapping[str, Any] | None = None,
    ) -> None:
        self._record = record
        self._kept: dict[str, str] = dict((records or {}).get(record) or {})
        self.replace(parameters, objects)

    def replace(self, parameters: Mapping[str, LocalParameter], objects: Sequence[str] = ()) -> None:
        """Exchange the whole content, when rows came or went; values that an ACS has set stay."""
        self._parameters = dict(parameters)
        self._fixed: dict[str, ParameterValueStruct] = {}
        nodes = {
            name: Node(parameter.writable, parameter.syntax.type) for name, parameter in parameters.items()
        }
        self._nodes = shared(with_objects_above(nodes | dict.fromkeys(objects, OBJECT)))

    def factory_reset(self) -> dict[str, Any]:
        """Forget what an ACS has set; returns what is to be saved."""
        self._kept.clear()
        self._fixed.clear()
        return {self._record: None}

    async def nodes(self) -> Mapping[str, Node]:
        """See `ParameterSource`."""
        return self._nodes

    async def values(self, paths: Sequence[str]) -> Sequence[ParameterValueStruct]:
        """See `ParameterSource`."""
        fixed = self._fixed
        return [fixed.get(name) or self._value(name) for name in parameters_at(self._nodes, paths)]

    async def check(self, values: Sequence[ParameterValueStruct]) -> Sequence[ParameterFault]:
        """See `ParameterSource`."""
        return value_faults(values, lambda name: self._parameters[name].syntax)

    async def set(self, values: Sequence[ParameterValueStruct]) -> Applied:
        """See `ParameterSource`."""
        for name, value, _ in values:
            self._kept[name] = self._parameters[name].syntax.canonical(value)
        return Applied(records={self._record: dict(self._kept)})

    async def reporting(self, _names: Sequence[str]) -> Collection[str]:
        """None: whoever changes a local value tells the endpoint."""
        return ()

    async def watch(self, notifications: Mapping[str, int]) -> None:
        """Nothing to do: whoever changes a local value tells the endpoint."""

    async def add(self, table: str) -> tuple[int, int]:
        """No table here can be added to."""
        raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, table)

    async def delete(self, row: str) -> int:
        """No row here can be taken away."""
        raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, row)

    def cached(self, name: str) -> ParameterValueStruct | None:
        """See `ParameterSource`."""
        return self._value(name) if name in self._parameters else None

    def _value(self, name: str) -> ParameterValueStruct:
        parameter = self._parameters[name]
        syntax, text = parameter.syntax, self._kept.get(name)
        if syntax.hidden:
            text = ""
        elif text is None:
            value = parameter.value
            text = value if isinstance(value, str) else value()
        found = ParameterValueStruct(name, text, syntax.type)
        if isinstance(parameter.value, str) and not parameter.writable:
            self._fixed[name] = found
        return found
