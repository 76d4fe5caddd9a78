"""The source for the parameter `Alias` of every row whose device has none itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from cwmp_client.aliases import PARAMETER, Aliases
from cwmp_client.faults import CwmpFault, FaultCode, ParameterFault
from cwmp_client.messages import ParameterValueStruct
from cwmp_client.parameters import Applied, Node, parameters_at, shared, with_objects_above

_NODE = Node(writable=True, type="string")


class AliasParameters:
    """A `ParameterSource` after all others, for it has what their rows lack; `follow` tells it of them.

    Source: TR-330 4.6.8, TR-106 3.6.1
    """

    may_refuse = False

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases
        self._nodes: Mapping[str, Node] = {}

    def follow(self, union: Mapping[str, Node]) -> Mapping[str, Node]:
        """These are the nodes of all other sources; returns them with those of here, each by its row."""
        union = shared(union)
        self._aliases.follow(union)
        rows = dict.fromkeys(self._aliases.rows)
        self._nodes = shared(with_objects_above({row + PARAMETER: _NODE for row in rows}))
        if not rows:
            return union
        nodes: dict[str, Node] = {}
        for name, node in union.items():
            nodes[name] = node
            if name in rows:
                nodes[name + PARAMETER] = _NODE
        return shared(nodes)

    async def nodes(self) -> Mapping[str, Node]:
        """See `ParameterSource`."""
        return self._nodes

    async def values(self, paths: Sequence[str]) -> Sequence[ParameterValueStruct]:
        """See `ParameterSource`."""
        return [value for name in parameters_at(self._nodes, paths) if (value := self.cached(name))]

    async def check(self, values: Sequence[ParameterValueStruct]) -> Sequence[ParameterFault]:
        """See `ParameterSource`."""
        refusals = self._aliases.refusals({_row_of(name): value for name, value, _ in values})
        return [
            ParameterFault(name, FaultCode.INVALID_PARAMETER_VALUE, refusals[_row_of(name)])
            for name, _, _ in values
            if _row_of(name) in refusals
        ]

    async def set(self, values: Sequence[ParameterValueStruct]) -> Applied:
        """See `ParameterSource`. The tree saves what changed here with the ParameterKey."""
        self._aliases.give({_row_of(name): value for name, value, _ in values})
        return Applied()

    async def reporting(self, _names: Sequence[str]) -> Collection[str]:
        """None: only an ACS changes an alias."""
        return ()

    async def watch(self, notifications: Mapping[str, int]) -> None:
        """Nothing to do: only an ACS changes an alias."""

    async def add(self, table: str) -> tuple[int, int]:
        """No table here can be added to."""
        raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, table)

    async def delete(self, row: str) -> int:
        """No row here can be taken away."""
        raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, row)

    def cached(self, name: str) -> ParameterValueStruct | None:
        """See `ParameterSource`."""
        node = self._nodes.get(name)
        alias = self._aliases.alias(_row_of(name)) if node and node.type else None
        return ParameterValueStruct(name, alias) if alias else None


def _row_of(name: str) -> str:
    return name.removesuffix(PARAMETER)
