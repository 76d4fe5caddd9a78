"""The parameter RPCs: what an ACS writes, by number or by alias, and what it is answered.

Source: TR-069 A.3.2 and 3.6.1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from msgspec.structs import replace

from cwmp_client.aliases import Spelling, has_alias, refusal, steps
from cwmp_client.faults import CwmpFault, FaultCode, ParameterFault
from cwmp_client.management_server import ManagementServer
from cwmp_client.messages import (
    AddObject,
    AddObjectResponse,
    DeleteObject,
    DeleteObjectResponse,
    GetParameterAttributes,
    GetParameterAttributesResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    ParameterAttributeStruct,
    ParameterInfoStruct,
    ParameterValueStruct,
    SetParameterAttributes,
    SetParameterAttributesResponse,
    SetParameterValues,
    SetParameterValuesResponse,
)
from cwmp_client.parameter_tree import ParameterTree, check_key
from cwmp_client.parameters import ROOT
from cwmp_client.value_changes import ValueChanges

Named = TypeVar("Named", ParameterInfoStruct, ParameterValueStruct, ParameterAttributeStruct)


class UnknownAlias(CwmpFault):
    """No row of a table has this alias: 9005, unless it is to be made."""

    def __init__(self, table: str, alias: str) -> None:
        super().__init__(FaultCode.INVALID_PARAMETER_NAME, f"{table}[{alias}]. is unknown")
        self.table = table
        self.alias = alias


class ParameterRpcs:
    """Answers the parameter RPCs; each method raises `CwmpFault`.

    Args:
        tree: knows names of numbers alone.
        management_server: says whether answers have aliases, and whether rows are made by them.
        changes: is told what the ACS sets.
    """

    def __init__(
        self, tree: ParameterTree, management_server: ManagementServer, changes: ValueChanges
    ) -> None:
        self._tree = tree
        self._management_server = management_server
        self._changes = changes

    async def get_parameter_names(self, request: GetParameterNames) -> GetParameterNamesResponse:
        """Source: TR-069 A.3.2.3"""
        addresses = Addresses(self._tree)
        path = await addresses.path(request.parameter_path)
        found = await self._tree.get_parameter_names(path, next_level=request.next_level)
        return GetParameterNamesResponse(await self._spelled(found, addresses))

    async def get_parameter_values(self, request: GetParameterValues) -> GetParameterValuesResponse:
        """Source: TR-069 A.3.2.2"""
        addresses = Addresses(self._tree)
        found = await self._tree.get_parameter_values(await addresses.paths(request.parameter_names))
        if self._management_server.names_by_alias:
            self._tree.learn_aliases(found)
        return GetParameterValuesResponse(await self._spelled(found, addresses))

    async def get_parameter_attributes(
        self, request: GetParameterAttributes
    ) -> GetParameterAttributesResponse:
        """Source: TR-069 A.3.2.5"""
        addresses = Addresses(self._tree)
        found = await self._tree.get_parameter_attributes(await addresses.paths(request.parameter_names))
        return GetParameterAttributesResponse(await self._spelled(found, addresses))

    async def set_parameter_attributes(
        self, request: SetParameterAttributes
    ) -> SetParameterAttributesResponse:
        """Source: TR-069 A.3.2.4"""
        addresses = Addresses(self._tree)
        changes = [replace(each, name=await addresses.path(each.name)) for each in request.parameter_list]
        self._changes.do_not_expect(await self._tree.set_parameter_attributes(changes))
        return SetParameterAttributesResponse()

    async def set_parameter_values(self, request: SetParameterValues) -> SetParameterValuesResponse:
        """Source: TR-069 A.3.2.1"""
        check_key(request.parameter_key)
        setting = _Setting(self._tree, request.parameter_list)
        try:
            values, status = await setting.prepare(create=self._management_server.creates_rows)
            self._changes.expect(values)
            try:
                status = max(status, await self._tree.set_parameter_values(values, request.parameter_key))
            except BaseException:
                self._changes.do_not_expect(value.name for value in values)
                raise
        except CwmpFault as fault:
            await setting.undo()
            raise setting.as_sent(fault) from fault
        except BaseException:
            await setting.undo()
            raise
        if self._management_server.names_by_alias:
            self._tree.learn_aliases(values)
        return SetParameterValuesResponse(status)

    async def add_object(self, request: AddObject) -> AddObjectResponse:
        """Source: TR-069 A.3.2.6"""
        table, alias = await Addresses(self._tree).new_row(request.object_name)
        instance, status = await self._tree.add_object(table, request.parameter_key, alias)
        return AddObjectResponse(instance, status)

    async def delete_object(self, request: DeleteObject) -> DeleteObjectResponse:
        """Source: TR-069 A.3.2.7"""
        row = await Addresses(self._tree).path(request.object_name)
        return DeleteObjectResponse(await self._tree.delete_object(row, request.parameter_key))

    async def _spelled(self, answers: Sequence[Named], addresses: Addresses) -> tuple[Named, ...]:
        """What was found, under the names that the ACS is to read."""
        by_alias = self._management_server.names_by_alias
        if not (by_alias or addresses.have_aliases):
            return tuple(answers)
        if by_alias:
            # A row whose alias the device does not tell goes by its number.
            with suppress(CwmpFault):
                await self._tree.read_aliases(self._tree.aliases.untold)
        spelling = Spelling(self._tree.aliases, by_alias=by_alias, asked=addresses.asked)
        return tuple(answer._replace(name=spelling(answer.name)) for answer in answers)


class Addresses:
    """The paths of one request: as it writes them, and of numbers alone."""

    def __init__(self, tree: ParameterTree) -> None:
        self.have_aliases = False
        """Whether any was sent with an alias in it."""
        self._asked: dict[str, str] = {}
        self._of_numbers_alone: Sequence[str] = ()
        self._tree = tree
        self._rows: dict[str, dict[str, str]] = {}

    @property
    def asked(self) -> Mapping[str, str]:
        """The paths as they were sent, by the path of numbers."""
        return {path: path for path in self._of_numbers_alone if path} | self._asked

    async def path(self, sent: str) -> str:
        """The path of numbers; 9005 where there is none."""
        path = sent
        if has_alias(sent):
            self.have_aliases = True
            path = await self._of_numbers(sent)
        if path:
            self._asked.setdefault(path, sent)
        return path

    async def paths(self, sent: Sequence[str]) -> Sequence[str]:
        """The paths of numbers, one for each that was sent; 9005 where there is none."""
        if not has_alias("".join(sent)):
            self._of_numbers_alone = sent
            return sent
        return [await self.path(each) for each in sent]

    async def new_row(self, sent: str) -> tuple[str, str]:
        """The table in which a row is to be made, and its alias, or an empty one.

        The standard's text leaves the fault open for an alias that is taken.
        """
        parts = steps(sent)
        if not parts or not has_alias(parts[-1]) or not sent.endswith("."):
            return await self.path(sent), ""
        alias = parts[-1][1:-1]
        await self._tree.nodes()  # a row that is gone takes no alias
        table = await self.path(sent[: -len(parts[-1]) - 1])
        reason = refusal(alias) or ("it is taken" if await self._row(table, alias) else "")
        if reason:
            raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, f"{sent}: {reason}")
        return table, alias

    async def value(self, sent: str) -> str:
        """A value as it was sent; if all of it are paths with aliases of what is there, those of numbers.

        Source: TR-106 3.2.4
        """
        if not sent.startswith(ROOT) or not has_alias(sent):
            return sent
        paths: list[str] = []
        # Whatever else is wrong with it, a value that is no path may be one of the owner's liking.
        with suppress(CwmpFault):
            known = await self._tree.nodes()
            for item in sent.split(","):
                paths.append(await self._of_numbers(item.strip()))
                if paths[-1] not in known and f"{paths[-1]}." not in known:
                    return sent
            return ",".join(paths)
        return sent

    def made(self, table: str, alias: str, row: str) -> None:
        """A row was made by this alias."""
        self._rows.setdefault(table, {})[alias] = row

    async def _of_numbers(self, sent: str) -> str:
        parts = steps(sent)
        if parts is None:
            raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, sent)
        path = ""
        for part in parts:
            if not has_alias(part):
                path += f"{part}."
                continue
            alias = part[1:-1]
            row = await self._row(path, alias)
            if row is None:
                raise UnknownAlias(path, alias)
            path = row
        return path if sent.endswith(".") else path[:-1]

    async def _row(self, table: str, alias: str) -> str | None:
        """Looked up once for all paths of the request: to look may cost an action."""
        if alias not in self._rows.get(table, {}):
            self._rows[table] = dict(await self._tree.rows_by_alias(table, alias))
        return self._rows[table].get(alias)


class _Setting:
    """One SetParameterValues: its values by names of numbers, and the rows that were made for it."""

    def __init__(self, tree: ParameterTree, sent: Sequence[ParameterValueStruct]) -> None:
        self._tree = tree
        self._sent = sent
        self._addresses = Addresses(tree)
        self._made: list[str] = []

    async def prepare(self, *, create: bool) -> tuple[list[ParameterValueStruct], int]:
        """The values by names of numbers, and the Status of what was made; what is missing is made, or 9003.

        Nothing is made before all else is known to be right.
        """
        if create and any(has_alias(value.name) for value in self._sent):
            await self._tree.nodes()  # a row that is gone is missing
        values: list[ParameterValueStruct] = []
        missing: list[ParameterValueStruct] = []
        faults: list[ParameterFault] = []
        for value in self._sent:
            try:
                values.append(await self._numbered(value, await self._addresses.path(value.name)))
            except UnknownAlias as unknown:
                missing.append(value)
                if not create or refusal(unknown.alias):
                    faults.append(ParameterFault(value.name, unknown.code, unknown.text))
            except CwmpFault as fault:
                if fault.code != FaultCode.INVALID_PARAMETER_NAME:
                    raise
                faults.append(ParameterFault(value.name, fault.code))
        if not missing and not faults:
            return values, 0
        await self._check(values, faults)
        status = 0
        for value in missing:
            path, status_of_rows = await self._make(value.name)
            status = max(status, status_of_rows)
            values.append(await self._numbered(value, path))
        return values, status

    async def undo(self) -> None:
        """Take the rows away again that were made."""
        await self._tree.unmake_rows(self._made)

    def as_sent(self, fault: CwmpFault) -> CwmpFault:
        """The fault with its culprits named as the ACS has named them."""
        asked = self._addresses.asked
        culprits = tuple(replace(each, name=asked.get(each.name, each.name)) for each in fault.parameters)
        return CwmpFault(fault.code, fault.text, culprits)

    async def _numbered(self, value: ParameterValueStruct, name: str) -> ParameterValueStruct:
        return value._replace(name=name, value=await self._addresses.value(value.value))

    async def _check(self, values: Sequence[ParameterValueStruct], faults: Sequence[ParameterFault]) -> None:
        culprits = {fault.name: fault for fault in faults}
        try:
            await self._tree.check(values)
        except CwmpFault as fault:
            if not fault.parameters:
                raise
            culprits |= {each.name: each for each in self.as_sent(fault).parameters}
        if culprits:
            in_order = tuple(culprits[value.name] for value in self._sent if value.name in culprits)
            raise CwmpFault(FaultCode.INVALID_ARGUMENTS, "Invalid arguments", in_order)

    async def _make(self, sent: str) -> tuple[str, int]:
        """The path of numbers, for which rows are made; and the Status of that."""
        status = 0
        while True:
            try:
                return await self._addresses.path(sent), status
            except UnknownAlias as unknown:
                status = max(status, await self._make_row(sent, unknown))

    async def _make_row(self, sent: str, unknown: UnknownAlias) -> int:
        try:
            row, status = await self._tree.make_row(unknown.table, unknown.alias)
        except CwmpFault as fault:
            if fault.code != FaultCode.INVALID_PARAMETER_NAME:
                raise
            culprit = ParameterFault(sent, fault.code, fault.text)
            raise CwmpFault(FaultCode.INVALID_ARGUMENTS, "Invalid arguments", (culprit,)) from fault
        self._made.append(row)
        self._addresses.made(unknown.table, unknown.alias, row)
        return status
