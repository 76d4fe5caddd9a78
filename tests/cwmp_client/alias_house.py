"""A device with two tables, one within the other, and the parameter RPCs of an ACS over it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from cwmp_client.faults import CwmpFault, ParameterFault
from cwmp_client.management_server import ManagementServer
from cwmp_client.messages import (
    AddObject,
    DeleteObject,
    GetParameterAttributes,
    GetParameterNames,
    GetParameterValues,
    ParameterValueStruct,
    SetParameterValues,
)
from cwmp_client.outbox import Outbox
from cwmp_client.parameter_rpcs import ParameterRpcs
from cwmp_client.parameter_tree import ParameterTree
from cwmp_client.parameters import Applied, Node, parameters_at, with_objects_above
from cwmp_client.value_changes import ValueChanges
from tests.cwmp_client.memory_journal import MemoryJournal
from tests.cwmp_client.parameter_house import DEFAULTS, SERVER

INTERFACES = "Device.IP.Interface."
ADDRESSES = "IPv4Address."
FIXED = "Device.Hosts.Host."


class TableDevice:
    """Rows that come and go; with `own_aliases` each of them has an Alias that the device itself holds."""

    may_refuse = True

    def __init__(self, *, own_aliases: bool = False) -> None:
        self.own_aliases = own_aliases
        self.held: dict[str, str] = {}
        self.rows: list[str] = []
        self.next = 1
        self.asked: list[list[str]] = []
        self.refusals: dict[str, CwmpFault] = {}
        self.is_there = True
        self.known: dict[str, ParameterValueStruct] = {}
        self._nodes: Mapping[str, Node] = {}
        self.put(f"{FIXED}1.")
        self.put(f"{INTERFACES}1.")

    def put(self, row: str) -> str:
        """A row is there now."""
        self.rows.append(row)
        columns = {"Name": "", "Enable": "true"} | ({"Alias": "eth0"} if self.own_aliases else {})
        self.held |= {row + column: value for column, value in columns.items()}
        self._renew()
        return row

    def take(self, row: str) -> None:
        """A row is there no more, with all below it."""
        self.rows = [each for each in self.rows if not each.startswith(row)]
        self.held = {name: value for name, value in self.held.items() if not name.startswith(row)}
        self._renew()

    def _renew(self) -> None:
        nodes = {INTERFACES: Node(writable=True), FIXED: Node(writable=False)}
        for row in self.rows:
            nodes[row] = Node(writable=not row.startswith(FIXED))
            if row.startswith(INTERFACES) and ADDRESSES not in row:
                nodes[row + ADDRESSES] = Node(writable=True)
        parameters = {name: Node(writable=True, type="string") for name in self.held}
        self._nodes = with_objects_above(nodes | parameters)

    def _refuse(self, what: str) -> None:
        if refusal := self.refusals.get(what):
            raise refusal

    async def nodes(self) -> Mapping[str, Node]:
        if not self.is_there:
            raise CwmpFault(9002, "out of reach")
        return self._nodes

    async def values(self, paths: Sequence[str]) -> Sequence[ParameterValueStruct]:
        self.asked.append(list(paths))
        self._refuse("values")
        return [ParameterValueStruct(name, self.held[name]) for name in parameters_at(self._nodes, paths)]

    async def check(self, _values: Sequence[ParameterValueStruct]) -> Sequence[ParameterFault]:
        return []

    async def set(self, values: Sequence[ParameterValueStruct]) -> Applied:
        self._refuse("set")
        self.held.update({value.name: value.value for value in values})
        return Applied(records={"device": len(values)})

    async def reporting(self, _names: Sequence[str]) -> Collection[str]:
        return ()

    async def watch(self, notifications: Mapping[str, int]) -> None: ...

    async def add(self, table: str) -> tuple[int, int]:
        self._refuse("add")
        self.next += 1
        self.put(f"{table}{self.next}.")
        return self.next, 0

    async def delete(self, row: str) -> int:
        self._refuse("delete")
        self.take(row)
        return 0

    def cached(self, name: str) -> ParameterValueStruct | None:
        return self.known.get(name)


class AliasHouse:
    """The RPCs over such a device; what they answer, briefly."""

    def __init__(self, *, own_aliases: bool = False, device: TableDevice | None = None) -> None:
        self.device = device or TableDevice(own_aliases=own_aliases)
        self.journal = MemoryJournal()
        self.restart()

    def restart(self) -> None:
        """Everything but the device is made anew, of what the journal holds."""
        records = self.journal.records
        self.server = ManagementServer(DEFAULTS, records)
        self.tree = ParameterTree((self.server, self.device), self.server, self.journal, records)
        self.changes = ValueChanges(self.tree, Outbox(self.journal, records))
        self.rpcs = ParameterRpcs(self.tree, self.server, self.changes)

    async def names(self, path: str, *, next_level: bool = True) -> list[str]:
        answer = await self.rpcs.get_parameter_names(GetParameterNames(path, next_level))
        return [each.name for each in answer.parameter_list]

    async def read(self, *paths: str) -> dict[str, str]:
        answer = await self.rpcs.get_parameter_values(GetParameterValues(paths))
        return {each.name: each.value for each in answer.parameter_list}

    async def attributes(self, *paths: str) -> dict[str, int]:
        answer = await self.rpcs.get_parameter_attributes(GetParameterAttributes(paths))
        return {each.name: each.notification for each in answer.parameter_list}

    async def write(self, values: Mapping[str, str], key: str = "K") -> int:
        structs = tuple(
            ParameterValueStruct(name, value, "boolean" if name.endswith("Instances") else "string")
            for name, value in values.items()
        )
        return (await self.rpcs.set_parameter_values(SetParameterValues(structs, key))).status

    async def add(self, path: str, key: str = "K") -> int:
        return (await self.rpcs.add_object(AddObject(path, key))).instance_number

    async def delete(self, path: str, key: str = "K") -> int:
        return (await self.rpcs.delete_object(DeleteObject(path, key))).status

    async def by_alias(self) -> None:
        """From now on answers have aliases."""
        await self.write({SERVER + "InstanceMode": "InstanceAlias"})

    async def creating(self) -> None:
        """From now on rows are made by their aliases."""
        await self.write({SERVER + "AutoCreateInstances": "true"})


async def fault_of(doing: Any) -> CwmpFault:
    """The fault of an RPC that must have one."""
    with pytest.raises(CwmpFault) as caught:
        await doing
    return caught.value


def culprits(fault: CwmpFault) -> dict[str, int]:
    """The parameters that a SetParameterValues failed at."""
    return {each.name: each.code for each in fault.parameters}
