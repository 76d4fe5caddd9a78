"""Which source has which part of a request, and what it is then asked to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cwmp_client.datatypes import same_type, syntax_of
from cwmp_client.faults import FaultCode, ParameterFault
from cwmp_client.messages import ParameterValueStruct
from cwmp_client.parameters import Node, ParameterSource, is_object, partial_paths, value_faults


class Claim(NamedTuple):
    """The part of a request that one source answers; `nodes` is all that it has."""

    source: ParameterSource
    nodes: Mapping[str, Node]
    paths: list[str]


class Claiming:
    """Names and partial paths that sources are offered in turn."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.claims: list[Claim] = []
        self.unclaimed = dict.fromkeys(paths)
        """What a further source may have: partial paths always."""
        self._partial = partial_paths(self.unclaimed)
        self._shared: set[str] = set()

    @property
    def unknown(self) -> list[str]:
        """What no source has claimed."""
        return [path for path in self.unclaimed if path not in self._shared]

    def offer(self, source: ParameterSource, nodes: Mapping[str, Node]) -> None:
        """A source that has these nodes claims what it can."""
        if self.unclaimed.keys().isdisjoint(nodes.keys()):
            return
        claimed = [path for path in self.unclaimed if path in nodes]
        self.claims.append(Claim(source, nodes, claimed))
        if not self._partial and len(claimed) == len(self.unclaimed):
            self.unclaimed.clear()
            return
        for path in claimed:
            if path in self._partial:
                self._shared.add(path)
            else:
                del self.unclaimed[path]


async def faults_of(
    claims: Iterable[Claim], named: Mapping[str, ParameterValueStruct]
) -> dict[str, ParameterFault]:
    """What is wrong with new values of claimed parameters, by their names."""
    faults: dict[str, ParameterFault] = {}
    for claim in claims:
        claimed = [named[name] for name in claim.paths]
        faults.update((fault.name, fault) for fault in _node_faults(claimed, claim.nodes))
        sound = [value for value in claimed if value.name not in faults]
        if sound:
            faults.update((fault.name, fault) for fault in await claim.source.check(sound))
    return faults


async def set_all(
    claims: Sequence[Claim], values: Sequence[ParameterValueStruct]
) -> tuple[int, dict[str, Any]]:
    """Set what was checked; returns the Status and records to be saved."""
    named = {value.name: value for value in values}
    status = 0
    records: dict[str, Any] = {}
    for claim in sorted(claims, key=safest_last):
        applied = await claim.source.set([named[name] for name in claim.paths])
        status = max(status, applied.status)
        records.update(applied.records)
    return status, records


def safest_last(claim: Claim) -> bool:
    """What may be refused is done first: what only we hold cannot fail after it."""
    return not claim.source.may_refuse


def writable_at(claims: Iterable[Claim], path: str) -> ParameterSource | None:
    """The source that can add a row to a table, or take a row away."""
    return next((claim.source for claim in claims if claim.nodes[path].writable), None)


def union_of(parts: Sequence[Mapping[str, Node]]) -> Mapping[str, Node]:
    """All nodes of several sources: an earlier one hides a later one, but a writable object is writable."""
    if len(parts) == 1:
        return parts[0]
    union = dict(parts[0])
    for part in parts[1:]:
        for name, node in part.items():
            if name not in union or (is_object(name) and node.writable):
                union[name] = node
    return union


def _node_faults(values: Iterable[ParameterValueStruct], nodes: Mapping[str, Node]) -> list[ParameterFault]:
    faults, sound = [], []
    for value in values:
        node = nodes[value.name]
        if is_object(value.name):
            faults.append(ParameterFault(value.name, FaultCode.INVALID_PARAMETER_NAME, "an object"))
        elif not node.writable:
            faults.append(ParameterFault(value.name, FaultCode.PARAMETER_NOT_WRITABLE))
        elif not same_type(node.type, value.type):
            text = f"{node.type}, not {value.type}"
            faults.append(ParameterFault(value.name, FaultCode.INVALID_PARAMETER_TYPE, text))
        else:
            sound.append(value)
    return faults + value_faults(sound, lambda name: syntax_of(nodes[name].type))
