"""One tree out of several sources: the parameter RPCs of a device."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cwmp_client import attributes
from cwmp_client.attributes import Attributes
from cwmp_client.datatypes import same_type, syntax_of
from cwmp_client.faults import CwmpFault, FaultCode, ParameterFault
from cwmp_client.management_server import ManagementServer
from cwmp_client.messages import (
    ParameterAttributeStruct,
    ParameterInfoStruct,
    ParameterValueStruct,
    SetParameterAttributesStruct,
)
from cwmp_client.parameters import (
    ROOT,
    Journal,
    Node,
    ParameterSource,
    is_object,
    is_row,
    parameters_at,
    value_faults,
)

logger = logging.getLogger(__name__)

MAX_PARAMETER_KEY = 32
"""Source: TR-069 A.3.2.1"""


class Claim(NamedTuple):
    """The part of a request that one source answers; `nodes` is all that it has."""

    source: ParameterSource
    nodes: Mapping[str, Node]
    paths: list[str]


class ParameterTree:
    """The union of ordered sources: the first that claims a name has it, objects of several unite.

    Every coroutine raises `CwmpFault`, and whatever else a source lets escape.

    Args:
        sources: in order of precedence, the ManagementServer among them.
        management_server: keeps the ParameterKey.
        journal: where new values, the ParameterKey and notifications are saved.
        records: what was saved before.
    """

    def __init__(
        self,
        sources: Sequence[ParameterSource],
        management_server: ManagementServer,
        journal: Journal,
        records: Mapping[str, Any],
    ) -> None:
        self._sources = tuple(sources)
        self._management_server = management_server
        self._journal = journal
        self._attributes = Attributes(records.get(attributes.RECORD))
        self._merged_from: list[Mapping[str, Node]] = []
        self._merged: Mapping[str, Node] = {}
        self._names: tuple[Mapping[str, Node], str, bool, tuple[ParameterInfoStruct, ...]] | None = None

    @property
    def known(self) -> Mapping[str, Node]:
        """The nodes as they were when last asked for; asks nobody."""
        return self._merged

    @property
    def notified(self) -> Mapping[str, int]:
        """The notifications, other than 0, that an ACS has set: what sources were told by `watch`."""
        return self._attributes.notified()

    def notification(self, name: str) -> int:
        """The notification attribute of a parameter, 0 to 6. Source: TR-069 A.3.2.4"""
        return self._attributes.notification(name)

    def cached(self, name: str) -> ParameterValueStruct | None:
        """The last known value of a parameter; never waits for a device."""
        for source in self._sources:
            if (value := source.cached(name)) is not None:
                return value
        return None

    def forget_attributes(self) -> dict[str, Any]:
        """Forget all attributes that an ACS has set, as a factory reset does; returns what to save."""
        self._attributes = Attributes(None)
        return {attributes.RECORD: None}

    async def nodes(self) -> Mapping[str, Node]:
        """Every name of the device; the same object while nothing changed."""
        parts = [await source.nodes() for source in self._sources]
        if len(parts) != len(self._merged_from) or any(
            new is not old for new, old in zip(parts, self._merged_from, strict=True)
        ):
            self._merged_from, self._merged = parts, _union(parts)
        return self._merged

    async def get_parameter_names(self, path: str, *, next_level: bool) -> tuple[ParameterInfoStruct, ...]:
        """Source: TR-069 A.3.2.3"""
        nodes = await self.nodes()
        if self._names is not None:
            kept_nodes, kept_path, kept_next_level, names = self._names
            if kept_nodes is nodes and (kept_path, kept_next_level) == (path, next_level):
                return names
        found = _named(nodes, path, next_level)
        names = tuple(ParameterInfoStruct(name, nodes[name].writable) for name in found)
        self._names = (nodes, path, next_level, names)
        return names

    async def get_parameter_values(self, paths: Sequence[str]) -> Sequence[ParameterValueStruct]:
        """Source: TR-069 A.3.2.2"""
        if not paths:
            raise CwmpFault(FaultCode.INVALID_ARGUMENTS, "no ParameterNames")
        paths = [path or ROOT for path in paths]
        claims, unknown = await self._claims(paths)
        if unknown:
            raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, unknown[0])
        partial = {path for path in paths if is_object(path)}
        found: list[ParameterValueStruct] = []
        for index, claim in enumerate(claims):
            values = await claim.source.values([path for path in claim.paths if not _is_below(path, partial)])
            if partial:
                earlier = [other.nodes for other in claims[:index]]
                values = [value for value in values if not any(value.name in nodes for nodes in earlier)]
            found.extend(values)
        return found

    async def set_parameter_values(self, values: Sequence[ParameterValueStruct], key: str) -> int:
        """Set all or none, and the ParameterKey with them; returns the Status. Source: TR-069 A.3.2.1"""
        _check_key(key)
        named = {value.name: value for value in values}
        if len(named) != len(values):
            raise CwmpFault(FaultCode.INVALID_ARGUMENTS, "a parameter is named twice")
        claims, unknown = await self._claims(named)
        await self._check(named, claims, unknown)
        status = 0
        records: dict[str, Any] = {}
        # What may be refused is set first: what only we hold cannot fail after it.
        for claim in sorted(claims, key=lambda claim: not claim.source.may_refuse):
            applied = await claim.source.set([named[name] for name in claim.paths])
            status = max(status, applied.status)
            records.update(applied.records)
        await self._save_key(key, records)
        return status

    async def add_object(self, table: str, key: str) -> tuple[int, int]:
        """Add a row; returns its instance number and the Status. Source: TR-069 A.3.2.6"""
        _check_key(key)
        claims, _ = await self._claims([table])
        owner = _writable_at(claims, table)
        if owner is None or not is_object(table) or is_row(table):
            raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, f"{table}: no row can be added")
        instance, status = await owner.add(table)
        await self._save_key(key, {})
        return instance, status

    async def delete_object(self, row: str, key: str) -> int:
        """Take a row away; returns the Status. Source: TR-069 A.3.2.7"""
        _check_key(key)
        claims, unknown = await self._claims([row])
        if unknown:
            raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, row)
        owner = _writable_at(claims, row)
        if owner is None or not is_row(row):
            raise CwmpFault(FaultCode.INVALID_ARGUMENTS, f"{row}: not a row that can be deleted")
        status = await owner.delete(row)
        await self._save_key(key, {})
        return status

    async def get_parameter_attributes(self, paths: Sequence[str]) -> tuple[ParameterAttributeStruct, ...]:
        """Source: TR-069 A.3.2.5"""
        nodes = await self.nodes()
        paths = [path or ROOT for path in paths]
        if unknown := next((path for path in paths if path not in nodes), None):
            raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, unknown)
        return tuple(
            ParameterAttributeStruct(name, self.notification(name)) for name in parameters_at(nodes, paths)
        )

    async def set_parameter_attributes(self, changes: Sequence[SetParameterAttributesStruct]) -> None:
        """Set all or none. Source: TR-069 A.3.2.4"""
        new = self._attributes.changes(changes, await self.nodes())
        if not new:
            return
        old = {name: self.notification(name) for name in new}
        claims, _ = await self._claims(new)
        told: list[Claim] = []
        try:
            for claim in sorted(claims, key=lambda claim: not claim.source.may_refuse):
                told.append(claim)
                await claim.source.watch({name: new[name] for name in claim.paths})
            self._attributes.update(new)
            await self._journal.save({attributes.RECORD: self._attributes.to_record()})
        except Exception:
            self._attributes.update(old)
            for claim in reversed(told):
                await _unwatch(claim, old)
            raise

    async def _claims(self, paths: Iterable[str]) -> tuple[list[Claim], list[str]]:
        """Which source is asked for what, and what none of them has.

        Sources are asked in turn, and no further than needed: what we hold ourselves can be read and set
        although a later source is out of reach.
        """
        unclaimed = dict.fromkeys(paths)
        shared: set[str] = set()
        claims = []
        for source in self._sources:
            if not unclaimed:
                break
            nodes = await source.nodes()
            claimed = [path for path in unclaimed if path in nodes]
            if claimed:
                claims.append(Claim(source, nodes, claimed))
            for path in claimed:
                if is_object(path):
                    shared.add(path)
                else:
                    del unclaimed[path]
        return claims, [path for path in unclaimed if path not in shared]

    async def _check(
        self, named: Mapping[str, ParameterValueStruct], claims: Sequence[Claim], unknown: Sequence[str]
    ) -> None:
        """Raise a fault that names every parameter that cannot be set."""
        faults = {name: ParameterFault(name, FaultCode.INVALID_PARAMETER_NAME) for name in unknown}
        for claim in claims:
            values = [named[name] for name in claim.paths]
            faults.update((fault.name, fault) for fault in _node_faults(values, claim.nodes))
            sound = [value for value in values if value.name not in faults]
            if sound:
                faults.update((fault.name, fault) for fault in await claim.source.check(sound))
        if faults:
            in_order = tuple(faults[name] for name in named if name in faults)
            raise CwmpFault(FaultCode.INVALID_ARGUMENTS, "Invalid arguments", in_order)

    async def _save_key(self, key: str, records: Mapping[str, Any]) -> None:
        before = self._management_server.parameter_key
        self._management_server.parameter_key = key
        try:
            await self._journal.save({**records, **self._management_server.to_records()})
        except BaseException:
            self._management_server.parameter_key = before
            raise


def _union(parts: Sequence[Mapping[str, Node]]) -> Mapping[str, Node]:
    if len(parts) == 1:
        return parts[0]
    union = dict(parts[0])
    for part in parts[1:]:
        for name, node in part.items():
            if name not in union or (is_object(name) and node.writable):
                union[name] = node
    return union


def _named(nodes: Mapping[str, Node], path: str, next_level: bool) -> list[str]:  # noqa: FBT001 - as in the RPC
    if path and path not in nodes:
        raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, path)
    if not is_object(path) and path:
        if next_level:
            raise CwmpFault(FaultCode.INVALID_ARGUMENTS, f"{path}: a parameter has no next level")
        return [path]
    below = [name for name in nodes if name.startswith(path)]
    if not next_level:
        return below
    return [name for name in below if name != path and name.find(".", len(path)) in {-1, len(name) - 1}]


def _is_below(path: str, partial_paths: Collection[str]) -> bool:
    """Whether one of the partial paths covers a path that is not that path itself."""
    end = path.find(".") if partial_paths else -1
    while end != -1 and end + 1 < len(path):
        if path[: end + 1] in partial_paths:
            return True
        end = path.find(".", end + 1)
    return False


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


def _writable_at(claims: Iterable[Claim], path: str) -> ParameterSource | None:
    return next((claim.source for claim in claims if claim.nodes[path].writable), None)


def _check_key(key: str) -> None:
    if len(key) > MAX_PARAMETER_KEY:
        raise CwmpFault(
            FaultCode.INVALID_ARGUMENTS, f"ParameterKey is longer than {MAX_PARAMETER_KEY} characters"
        )


async def _unwatch(claim: Claim, notifications: Mapping[str, int]) -> None:
    try:
        await claim.source.watch({name: notifications[name] for name in claim.paths})
    except Exception:
        logger.exception("a source could not take back which parameters it watches")
