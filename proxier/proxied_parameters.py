"""The parameters that a Proxied Device has itself, as a source of its CWMP endpoint.

Everything that is done here is a plan of `translation`; here it is driven, and what came of it is saved: new
instance numbers and a new model before anyone is told of them, values after the events that they belong to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

from cwmp_client.datatypes import same_type
from cwmp_client.faults import CwmpFault, FaultCode, ParameterFault
from cwmp_client.messages import ParameterValueStruct
from cwmp_client.parameters import ActiveNotify, Applied, Node, shared
from translation import changes, cms, reading
from translation.actions import DeviceUnreachable, Plan, StateChange
from translation.changes import Meaning
from translation.data_model import DataModel
from translation.datatypes import canonical, fits_xml
from translation.known import CmsSettings, KnownTree
from translation.paths import Instance, SubTree
from translation.translate import translate
from translation.tree import Entry, Tree
from translation.values import refusal

R = TypeVar("R")

WRITING_ACTIONS = frozenset({"SetValues", "CreateInstance", "DeleteInstance"})
"""Without these nothing of a device is writable. Source: TR-330 4.3.1"""


class Drive(Protocol):
    """Carries out a plan; plans of one device one at a time. Raises what the plan raises."""

    def __call__(self, plan: Plan[R], /) -> Awaitable[R]:
        """Return what the plan returns."""


class TreeJournal(Protocol):
    """A `Journal` that keeps instance numbers too."""

    async def save(self, records: Mapping[str, Any], instances: Iterable[Instance] = ()) -> None:
        """Write all at once, durable when this returns."""


class ProxiedParameters:
    """A `ParameterSource` over ConfigurationManagement.

    Args:
        device: names the device in the texts of faults.
        drive: carries out plans.
        journal: where model, instance numbers and known values are kept.
        actions: the names of the actions that the device's SCPD declares; to be replaced when they change.
        inform_names: parameters of every Inform: their values are always kept.
        settings: those of this device.
        data_model: what the configuration gives for devices of its kind.
        records: what the journal holds.
        instances: the instance numbers that the journal holds.
    """

    may_refuse = True

    def __init__(  # noqa: PLR0913 - the virtual device hands each part over once
        self,
        device: str,
        drive: Drive,
        journal: TreeJournal,
        actions: frozenset[str],
        *,
        inform_names: Iterable[str] = (),
        settings: CmsSettings | None = None,
        data_model: DataModel | None = None,
        records: Mapping[str, Any] | None = None,
        instances: Iterable[tuple[str, int, int | None]],
    ) -> None:
        self._device = device
        self._drive = drive
        self._journal = journal
        self._known = KnownTree(
            actions,
            inform_names=inform_names,
            settings=settings,
            data_model=data_model,
            records=records,
            instances=instances,
        )
        self._subscribed = False
        self._has_news = False
        self._saving = asyncio.Lock()
        self._nodes: Mapping[str, Node] = {}
        self._nodes_made_from: object = None

    @property
    def actions(self) -> frozenset[str]:
        """The names of the actions that the device's SCPD declares."""
        return self._known.actions

    @actions.setter
    def actions(self, actions: frozenset[str]) -> None:
        self._known.actions = actions

    @property
    def data_model(self) -> DataModel | None:
        """What the configuration gives for devices of its kind."""
        return self._known.data_model

    @data_model.setter
    def data_model(self, data_model: DataModel | None) -> None:
        self._known.data_model = data_model

    @property
    def subtrees(self) -> tuple[SubTree, ...]:
        """The data models that the device says to have, as far as is known."""
        return self._known.model.subtrees if self._known.model else ()

    def has(self, name: str) -> bool:
        """Whether the device has an object or a parameter of this name, as far as is known."""
        tree = self._known.tree
        return (tree.object(name) or tree.parameter(name)) is not None

    async def nodes(self) -> Mapping[str, Node]:
        """See `ParameterSource`. Asks the device only where events do not keep what is known up to date."""
        if self._known.actions or self._known.model:  # else it has no ConfigurationManagement
            await self._carry_out(self._up_to_date())
            await self._save()
        return self.known_nodes()

    def known_nodes(self) -> Mapping[str, Node]:
        """The nodes as far as they are known without asking the device.

        As long as its SCPD is not at hand, it is taken to be able to do everything.
        """
        made_from = (self._known.tree, self._known.actions, self._known.deletable)
        if made_from != self._nodes_made_from:
            self._nodes = _nodes_of(*made_from)
            self._nodes_made_from = made_from
        return self._nodes

    async def values(self, paths: Sequence[str]) -> Sequence[ParameterValueStruct]:
        """See `ParameterSource`."""
        return await self._carry_out(cms.get_parameter_values(self._known, paths))

    async def check(self, values: Sequence[ParameterValueStruct]) -> Sequence[ParameterFault]:
        """See `ParameterSource`."""
        return [
            ParameterFault(value.name, code, text) for value in values for code, text in self._faults(value)
        ]

    async def set(self, values: Sequence[ParameterValueStruct]) -> Applied:
        """See `ParameterSource`."""
        names = [value.name for value in values]
        status = await self._carry_out(cms.set_parameter_values(self._known, values), setting=names)
        return Applied(status, self._known.take_changes(told=not self._has_news))

    async def reporting(self, names: Sequence[str]) -> Collection[str]:
        """See `ParameterSource`: those with EventOnChange that we did not give to them.

        Source: TR-330 4.6.5.1.1
        """
        found = await self._carry_out(cms.get_parameter_attributes(self._known, names))
        return [each.name for each in found if each.notification and each.name not in self._known.always_kept]

    async def watch(self, notifications: Mapping[str, int]) -> None:
        """See `ParameterSource`."""
        await self._carry_out(cms.set_parameter_attributes(self._known, notifications))
        await self._save()

    async def add(self, table: str) -> tuple[int, int]:
        """See `ParameterSource`."""
        added = await self._carry_out(cms.add_object(self._known, table))
        await self._save()
        return added

    async def delete(self, row: str) -> int:
        """See `ParameterSource`."""
        status = await self._carry_out(cms.delete_object(self._known, row))
        await self._save()
        return status

    def cached(self, name: str) -> ParameterValueStruct | None:
        """See `ParameterSource`. Known are the values of watched and of inform parameters."""
        return self._known.values.get(name)

    async def notice(self, change: StateChange) -> Meaning:
        """Read what an event asks for; `told` or `noted` is to be awaited next.

        Raises:
            CwmpFault: the device could not be asked.
        """
        self._subscribed |= change.complete and changes.CONFIGURATION in change.variables
        plan = changes.configuration_changed(self._known, change, subscribed=self._subscribed)
        return await self._look(plan)

    async def poll(self) -> Meaning:
        """As `notice`, for a device that sends no events.

        Raises:
            CwmpFault: the device could not be asked.
        """
        return await self._look(changes.poll(self._known))

    async def told(self, tell: Callable[[Mapping[str, Any]], Awaitable[None]]) -> None:
        """Save the values that `notice` or `poll` found; `tell` saves what they mean to the ACS with them.

        Both are one transaction: after a power cut no change is lost, and none is told twice.
        """
        await self._save()
        async with self._saving:
            records = self._known.take_changes()
            try:
                await tell(records)
            except BaseException:
                self._known.give_back(records)
                raise
            self._has_news = False

    async def noted(self) -> None:
        """Save what `notice` or `poll` found, where it means nothing to the ACS."""
        self._has_news = False
        await self._save()

    async def settled(self) -> None:
        """Read the first values of parameters that are newly watched. To be awaited after each session.

        Raises:
            CwmpFault: the device could not be asked.
        """
        try:
            await self._carry_out(reading.read_first_values(self._known))
        finally:
            self._known.seen.clear()
        await self._save()

    @property
    def is_told(self) -> bool:
        """Whether the device's events tell of changes of its configuration."""
        return self._subscribed

    def events_lost(self) -> None:
        """The subscription is gone: rows are asked for each time, until it is back."""
        self._subscribed = False

    def baseline_reset(self) -> Mapping[str, Any]:
        """The device is back as it left the factory: no change of it is watched any more.

        The caller saves the records returned before it waits for anything else.
        """
        self._known.forget_attributes()
        return self._known.take_changes()

    def _up_to_date(self) -> Plan[None]:
        """A device that is out of reach has what it had: what others keep for it can be read all the same."""
        try:
            yield from reading.up_to_date(self._known, subscribed=self._subscribed)
        except DeviceUnreachable:
            if self._known.model is None:
                raise

    def _faults(self, value: ParameterValueStruct) -> Iterator[tuple[FaultCode, str]]:
        node, parameter = self._nodes.get(value.name), self._known.tree.parameter(value.name)
        if node is None or parameter is None:
            yield FaultCode.INVALID_PARAMETER_NAME, "The device has no such parameter"
            return
        text = canonical(value.value.strip(), node.type)
        if not node.writable:
            yield FaultCode.PARAMETER_NOT_WRITABLE, "The parameter is read-only"
        elif not same_type(node.type, value.type):
            yield FaultCode.INVALID_PARAMETER_TYPE, f"The type is {node.type}, not {value.type}"
        elif text is None or not fits_xml(value.value):
            yield FaultCode.INVALID_PARAMETER_VALUE, f"This is no value of the type {node.type}"
        elif words := refusal(parameter, text, self._known.tree):
            yield FaultCode.INVALID_PARAMETER_VALUE, words

    async def _carry_out(self, plan: Plan[R], *, setting: Sequence[str] = ()) -> R:
        try:
            return await self._drive(translate(plan, self._device, setting=setting))
        except CwmpFault as fault:
            # A name that the device does not know any more was that of a row that is gone.
            codes = {fault.code, *(parameter.code for parameter in fault.parameters)}
            self._known.rows_current &= FaultCode.INVALID_PARAMETER_NAME not in codes
            raise

    async def _look(self, plan: Plan[Meaning]) -> Meaning:
        before, self._has_news = self._has_news, True
        try:
            return await self._carry_out(plan)
        except BaseException:
            self._has_news = before
            raise

    async def _save(self) -> None:
        # Who finds nothing to save waits here for what another saves at this moment.
        async with self._saving:
            records = self._known.take_changes(told=not self._has_news)
            instances = self._known.instances.take_changes()
            if not records and not instances:
                return
            try:
                await self._journal.save(records, instances)
            except BaseException:
                self._known.give_back(records)
                self._known.instances.give_back(instances)
                raise


_made: WeakKeyDictionary[Tree, dict[object, Mapping[str, Node]]] = WeakKeyDictionary()


def _nodes_of(
    tree: Tree, actions: frozenset[str], deletable: Mapping[str, bool | None]
) -> Mapping[str, Node]:
    """The nodes of all devices that have this tree, and of which so much can be written and deleted."""
    writing = (actions or WRITING_ACTIONS) & WRITING_ACTIONS
    made = _made.setdefault(tree, {})
    key = (writing, tuple(deletable.items()))
    if key not in made:
        made[key] = shared({entry.name: node_of(entry) for entry in tree.entries(writing, deletable)})
    return made[key]


def node_of(entry: Entry) -> Node:
    """What an endpoint wants to know of a name."""
    return _node(*entry[1:])


@cache
def _node(*facts: Any) -> Node:
    """The one node of its kind: there are few kinds, and many nodes."""
    writable, schema, active_notify, forced_inform = facts
    return Node(writable, schema, ActiveNotify(active_notify), forced_inform)
