"""One tree out of several sources: the parameter RPCs of a device."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from cwmp_client import attributes
from cwmp_client.alias_parameters import AliasParameters
from cwmp_client.aliases import PARAMETER, RECORD, Aliases
from cwmp_client.attributes import Attributes
from cwmp_client.claims import Claim, Claiming, faults_of, safest_last, set_all, union_of, writable_at
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
    partial_paths,
)

logger = logging.getLogger(__name__)

MAX_PARAMETER_KEY = 32
"""Source: TR-069 A.3.2.1"""


class ParameterTree:
    """The union of ordered sources: the first that claims a name has it, objects of several unite.

    Rows whose source has no parameter `Alias` for them get one here. Names are those of numbers alone; who
    speaks with an ACS turns aliases into them.

    Every coroutine raises `CwmpFault`, and whatever else a source lets escape.

    Args:
        sources: in order of precedence, the ManagementServer among them.
        management_server: keeps the ParameterKey.
        journal: where new values, the ParameterKey and notifications are saved.
        records: what was saved before.
    """

    forced_inform: tuple[str, ...] = ()
    """What every Inform of this device has besides that of every other, by its data model."""
    aliases: Aliases
    """Those of the rows, as far as they are known without asking anyone."""

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
        self.aliases = Aliases(records.get(RECORD))
        self._alias_parameters = AliasParameters(self.aliases)
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
        for source in (*self._sources, self._alias_parameters):
            if (value := source.cached(name)) is not None:
                return value
        return None

    def factory_reset(self) -> dict[str, Any]:
        """Forget all attributes and aliases that an ACS has given; returns what to save."""
        self._attributes = Attributes(None)
        self._attributes.nodes = self._merged
        self.aliases.forget()
        return {attributes.RECORD: None, **self.aliases.take_changes()}

    async def nodes(self) -> Mapping[str, Node]:
        """Every name of the device; the same object while nothing changed."""
        await self._merge([await source.nodes() for source in self._sources])
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
        partial = partial_paths(paths)
        if not partial and len(claims) == 1:
            return await claims[0].source.values(claims[0].paths)
        found: list[ParameterValueStruct] = []
        for index, claim in enumerate(claims):
            asked = [path for path in claim.paths if not _is_below(path, partial)] if partial else claim.paths
            values = await claim.source.values(asked)
            if partial:
                earlier = [other.nodes for other in claims[:index]]
                values = [value for value in values if not any(value.name in nodes for nodes in earlier)]
            found.extend(values)
        return found

    async def set_parameter_values(self, values: Sequence[ParameterValueStruct], key: str) -> int:
        """Set all or none, and the ParameterKey with them; returns the Status. Source: TR-069 A.3.2.1"""
        check_key(key)
        claims = await self._checked(values)
        status, records = await set_all(claims, values)
        await self._save_key(key, records)
        return status

    async def check(self, values: Sequence[ParameterValueStruct]) -> None:
        """Raise a fault that names every parameter that cannot be set; set nothing."""
        await self._checked(values)

    async def add_object(self, table: str, key: str, alias: str = "") -> tuple[int, int]:
        """Add a row, by an alias if one is given; returns its instance number and the Status.

        Source: TR-069 A.3.2.6
        """
        check_key(key)
        row, status = await self.make_row(table, alias)
        await self._save_key(key, {})
        return int(row[len(table) : -1]), status

    async def make_row(self, table: str, alias: str) -> tuple[str, int]:
        """Add a row, called so if an alias is given, but leave the ParameterKey; returns row and Status."""
        claims, _ = await self._claims([table])
        owner = writable_at(claims, table)
        if owner is None or not is_object(table) or is_row(table):
            raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, f"{table}: no row can be added")
        instance, status = await owner.add(table)
        row = f"{table}{instance}."
        if alias:
            try:
                status = max(status, await self._name(row, alias))
            except BaseException:
                await self.unmake_rows([row])
                raise
        return row, status

    async def unmake_rows(self, rows: Sequence[str]) -> None:
        """Take rows away again, the last one first; one that cannot be stays, with a line in the log."""
        for row in reversed(rows):
            try:
                await self._delete(row)
            except Exception:
                logger.exception("%s was made in vain, and cannot be taken away", row)

    async def delete_object(self, row: str, key: str) -> int:
        """Take a row away; returns the Status. Source: TR-069 A.3.2.7"""
        check_key(key)
        status = await self._delete(row)
        await self._save_key(key, {})
        return status

    async def rows_by_alias(self, table: str, alias: str) -> Mapping[str, str]:
        """The rows of a table by their aliases; a device that holds aliases itself is asked for them.

        `alias` is the one that is sought: sources are asked what rows they have only where it is not known,
        so that own rows are found although the device is out of reach.
        """
        if alias not in self.aliases.rows_in(table) or self.aliases.held_by_device_in(table):
            await self.nodes()
        await self.read_aliases(self.aliases.held_by_device_in(table))
        return self.aliases.rows_in(table)

    async def read_aliases(self, rows: Iterable[str]) -> None:
        """Ask the device for the aliases of rows, which it holds itself."""
        if names := [row + PARAMETER for row in rows]:
            self.learn_aliases(await self.get_parameter_values(names))

    def learn_aliases(self, values: Iterable[ParameterValueStruct]) -> None:
        """Keep the aliases that are among these values of the device's."""
        told = {value.name.removesuffix(PARAMETER): value.value for value in values}
        self.aliases.give({row: told[row] for row in self.aliases.held_by_device if row in told})

    async def get_parameter_attributes(self, paths: Sequence[str]) -> tuple[ParameterAttributeStruct, ...]:
        """Source: TR-069 A.3.2.5"""
        nodes = await self.nodes()
        paths = [path or ROOT for path in paths]
        if unknown := next((path for path in paths if path not in nodes), None):
            raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, unknown)
        names = parameters_at(nodes, paths)
        await self._adopt_reporting([name for name in names if not self._attributes.is_decided(name)])
        return tuple(ParameterAttributeStruct(name, self.notification(name)) for name in names)

    async def set_parameter_attributes(
        self, changes: Sequence[SetParameterAttributesStruct]
    ) -> Collection[str]:
        """Set all or none; returns the parameters that have other attributes now. Source: TR-069 A.3.2.4"""
        await self.nodes()
        new = self._attributes.changes(changes)
        if not new:
            return ()
        old = {name: self.notification(name) for name in new}
        told: list[Claim] = []
        try:
            for claim in sorted(self._known_claims(new), key=safest_last):
                await claim.source.watch({name: new[name] for name in claim.paths})
                told.append(claim)
            self._attributes.update(new)
            await self._journal.save({attributes.RECORD: self._attributes.to_record()})
        except Exception:
            self._attributes.update(old)
            for claim in reversed(told):
                await _unwatch(claim, old)
            raise
        return new.keys()

    async def _adopt_reporting(self, names: Iterable[str]) -> None:
        """Changes that a device tells of unasked are passed on to the ACS, since it is told that they are.

        Source: TR-330 4.6.5.1.1
        """
        adopted: dict[str, int] = {}
        for claim in self._known_claims(names):
            reporting = dict.fromkeys(await claim.source.reporting(claim.paths), attributes.REPORTED)
            if reporting:
                await claim.source.watch(reporting)
                adopted |= reporting
        if adopted:
            self._attributes.update(adopted)
            await self._journal.save({attributes.RECORD: self._attributes.to_record()})

    async def _claims(self, paths: Iterable[str]) -> tuple[list[Claim], list[str]]:
        """Which source is asked for what, and what none of them has.

        Sources are asked in turn, and no further than needed: what we hold ourselves can be read and set
        although a later source is out of reach.
        """
        claiming = Claiming(paths)
        parts: list[Mapping[str, Node]] = []
        for source in self._sources:
            parts.append(await source.nodes())
            claiming.offer(source, parts[-1])
            if not claiming.unclaimed:
                break
        else:
            await self._merge(parts)
            claiming.offer(self._alias_parameters, await self._alias_parameters.nodes())
        return claiming.claims, claiming.unknown

    def _known_claims(self, names: Iterable[str]) -> list[Claim]:
        """As `_claims`, right after `nodes`: asks nobody again."""
        claiming = Claiming(names)
        for source, nodes in zip(self._sources, self._merged_from, strict=True):
            claiming.offer(source, nodes)
        return claiming.claims

    async def _merge(self, parts: list[Mapping[str, Node]]) -> None:
        """These are the nodes of all sources."""
        if len(parts) != len(self._merged_from) or any(
            new is not old for new, old in zip(parts, self._merged_from, strict=True)
        ):
            self._merged_from, self._merged = parts, self._alias_parameters.follow(union_of(parts))
            self._attributes.nodes = self._merged
            self.forced_inform = tuple(name for name, node in self._merged.items() if node.forced_inform)
        await self._save({})

    async def _checked(self, values: Sequence[ParameterValueStruct]) -> list[Claim]:
        """Raise a fault that names every parameter that cannot be set; else tell who sets them."""
        named = {value.name: value for value in values}
        if len(named) != len(values):
            raise CwmpFault(FaultCode.INVALID_ARGUMENTS, "a parameter is named twice")
        claims, unknown = await self._claims(named)
        faults = {name: ParameterFault(name, FaultCode.INVALID_PARAMETER_NAME) for name in unknown}
        faults |= await faults_of(claims, named)
        if faults:
            in_order = tuple(faults[name] for name in named if name in faults)
            raise CwmpFault(FaultCode.INVALID_ARGUMENTS, "Invalid arguments", in_order)
        return claims

    async def _name(self, row: str, alias: str) -> int:
        value = ParameterValueStruct(row + PARAMETER, alias)
        try:
            status, records = await set_all(await self._checked([value]), [value])
        except CwmpFault as fault:
            raise CwmpFault(fault.code, f"{row} cannot be called {alias}: {fault.text}") from fault
        if records:
            await self._save(records)
        return status

    async def _delete(self, row: str) -> int:
        claims, unknown = await self._claims([row])
        if unknown:
            raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, row)
        owner = writable_at(claims, row)
        if owner is None or not is_row(row):
            raise CwmpFault(FaultCode.INVALID_ARGUMENTS, f"{row}: not a row that can be deleted")
        return await owner.delete(row)

    async def _save_key(self, key: str, records: Mapping[str, Any]) -> None:
        before = self._management_server.parameter_key
        self._management_server.parameter_key = key
        try:
            await self._save({**records, **self._management_server.to_records()})
        except BaseException:
            self._management_server.parameter_key = before
            raise

    async def _save(self, records: Mapping[str, Any]) -> None:
        """Save records, and with them the aliases that have changed."""
        changed = self.aliases.take_changes()
        if not records and not changed:
            return
        try:
            await self._journal.save({**records, **changed})
        except BaseException:
            if changed:
                self.aliases.give_back()
            raise


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
    end = path.find(".")
    while end != -1 and end + 1 < len(path):
        if path[: end + 1] in partial_paths:
            return True
        end = path.find(".", end + 1)
    return False


def check_key(key: str) -> None:
    """Raise 9003 for a ParameterKey that is too long."""
    if len(key) > MAX_PARAMETER_KEY:
        raise CwmpFault(
            FaultCode.INVALID_ARGUMENTS, f"ParameterKey is longer than {MAX_PARAMETER_KEY} characters"
        )


async def _unwatch(claim: Claim, notifications: Mapping[str, int]) -> None:
    try:
        await claim.source.watch({name: notifications[name] for name in claim.paths})
    except Exception:
        logger.exception("a source could not take back which parameters it watches")
