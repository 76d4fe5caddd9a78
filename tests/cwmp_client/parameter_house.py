"""A tree of parameters over three sources, one of them like a device."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from cwmp_client.datatypes import Syntax
from cwmp_client.faults import CwmpFault, ParameterFault
from cwmp_client.local_parameters import LocalParameter, LocalParameters
from cwmp_client.management_server import ManagementServer, ManagementServerDefaults
from cwmp_client.messages import ParameterValueStruct
from cwmp_client.parameter_tree import ParameterTree
from cwmp_client.parameters import ActiveNotify, Applied, Node, is_object, with_objects_above
from tests.cwmp_client.memory_journal import MemoryJournal

SERVER = "Device.ManagementServer."
PROVISIONING_CODE = "Device.DeviceInfo.ProvisioningCode"
DEFAULTS = ManagementServerDefaults(
    url="http://acs.example:7547/", username="cpe", password="secret", connection_request_username="acs"
)

LOCAL = {
    "Device.RootDataModelVersion": LocalParameter("2.17"),
    "Device.DeviceInfo.Manufacturer": LocalParameter("Example"),
    "Device.DeviceInfo.UpTime": LocalParameter(lambda: "42", Syntax("unsignedInt")),
    PROVISIONING_CODE: LocalParameter("", Syntax(max_length=64), writable=True),
}


class ProxiedDevice:
    """A source like that of a device: it may refuse, and its rows come and go."""

    may_refuse = True

    def __init__(self) -> None:
        self.held = {
            "Device.DeviceInfo.Manufacturer": ParameterValueStruct(
                "Device.DeviceInfo.Manufacturer", "Shadowed"
            ),
            "Device.Hosts.HostNumberOfEntries": ParameterValueStruct(
                "Device.Hosts.HostNumberOfEntries", "1", "unsignedInt"
            ),
            "Device.Hosts.Host.1.Name": ParameterValueStruct("Device.Hosts.Host.1.Name", "tv"),
            "Device.Time.Enable": ParameterValueStruct("Device.Time.Enable", "true", "boolean"),
            "Device.Time.NTPServer1": ParameterValueStruct("Device.Time.NTPServer1", "", "string"),
        }
        self.refusal: CwmpFault | None = None
        self.watch_refusals: list[Exception | None] = []
        self.asked: list[list[str]] = []
        self.watched: dict[str, int] = {}
        self.events: set[str] = set()
        self.rules: dict[str, ActiveNotify] = {}
        self.status = 0
        self._nodes = self._make_nodes()

    def _make_nodes(self) -> Mapping[str, Node]:
        return with_objects_above(
            {
                "Device.Hosts.Host.": Node(writable=True),
                "Device.Hosts.Host.1.": Node(writable=True),
                "Device.X_EMPTY.": Node(writable=False),
            }
            | {
                name: Node(
                    name.startswith("Device.Time."), value.type, self.rules.get(name, ActiveNotify.NORMAL)
                )
                for name, value in self.held.items()
            }
        )

    def give_rules(self, **rules: ActiveNotify) -> None:
        """What a data model says of active notifications of the parameters of Device.Time."""
        self.rules = {f"Device.Time.{name}": rule for name, rule in rules.items()}
        self._nodes = self._make_nodes()

    async def nodes(self) -> Mapping[str, Node]:
        return self._nodes

    async def values(self, paths: Sequence[str]) -> Sequence[ParameterValueStruct]:
        self.asked.append(list(paths))
        return [
            value
            for name, value in self.held.items()
            if any(name == path or (is_object(path) and name.startswith(path)) for path in paths)
        ]

    async def check(self, values: Sequence[ParameterValueStruct]) -> Sequence[ParameterFault]:
        return [ParameterFault(name, 9007) for name, value, _ in values if value == "impossible"]

    async def set(self, values: Sequence[ParameterValueStruct]) -> Applied:
        if self.refusal is not None:
            raise self.refusal
        self.held.update({value.name: value for value in values})
        return Applied(self.status, {"device": [value.name for value in values]})

    async def reporting(self, names: Sequence[str]) -> Collection[str]:
        return [name for name in names if name in self.events]

    async def watch(self, notifications: Mapping[str, int]) -> None:
        refusal = self.watch_refusals.pop(0) if self.watch_refusals else None
        if refusal is not None:
            raise refusal
        self.watched.update(notifications)

    async def add(self, table: str) -> tuple[int, int]:
        assert table in self._nodes
        if self.refusal is not None:
            raise self.refusal
        return 7, 1

    async def delete(self, row: str) -> int:
        assert row in self._nodes
        return 0

    def cached(self, name: str) -> ParameterValueStruct | None:
        return self.held.get(name)


class House:
    """A tree over a ManagementServer, local parameters and a device, with what it is made of."""

    def __init__(self, records: Mapping[str, object] | None = None) -> None:
        self.journal = MemoryJournal(records)
        self.server = ManagementServer(DEFAULTS, self.journal.records)
        self.local = LocalParameters(LOCAL, records=self.journal.records)
        self.device = ProxiedDevice()
        sources = (self.server, self.local, self.device)
        self.tree = ParameterTree(sources, self.server, self.journal, self.journal.records)

    async def read(self, *paths: str) -> dict[str, str]:
        return {value.name: value.value for value in await self.tree.get_parameter_values(paths)}

    async def write(self, *values: tuple[str, str] | tuple[str, str, str], key: str = "key") -> int:
        return await self.tree.set_parameter_values([ParameterValueStruct(*value) for value in values], key)

    async def names(self, path: str, *, next_level: bool) -> list[str]:
        return [info.name for info in await self.tree.get_parameter_names(path, next_level=next_level)]
