"""ConfigurationManagement of the simulated device. Source: CMS 2; SCPD of ConfigurationManagement:2"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from proxier.demo.device_control import Arguments, Call
from proxier.demo.device_documents import read_records, read_texts, write_records, write_texts
from proxier.demo.device_errors import UpnpError
from proxier.demo.device_gena import EventSource
from proxier.demo.device_model import DATA_MODELS
from proxier.demo.device_profile import DeviceProfile
from proxier.demo.device_tree import PATH, Leaf, Tree, parent_of, structure_of

INVALID_SYNTAX, INVALID_XML, NO_SUCH_NAME = 701, 702, 703
INVALID_TYPE, INVALID_VALUE, READ_ONLY = 704, 705, 706
MULTIPLE_SET, RESOURCES_EXCEEDED = 707, 709


def timestamp() -> str:
    """Now, as the services write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class ConfigurationManagement:
    """The service over one tree; `make_tree` makes the tree anew when the device is reset.

    Attributes:
        tree: all values.
        version: CurrentConfigurationVersion; rises with every change of a value, a row or an attribute.
        event_on_change: the paths whose change is an event.
        alarm_on_change: the paths whose change, with AlarmsEnabled, carries the new value in the event.
        data_models: (URI, Location) of each SubTree.
    """

    def __init__(self, profile: DeviceProfile, make_tree: Callable[[], Tree], events: EventSource) -> None:
        self.data_models = list(DATA_MODELS)
        self.version = 0
        self.tree = make_tree()
        self.event_on_change: set[str] = set()
        self.alarm_on_change: set[str] = set()
        self._profile = profile
        self._make_tree = make_tree
        self._events = events
        self._versions: dict[str, int] = {}
        since = f"{self.version},{timestamp()}"
        events.set(
            ConfigurationUpdate=since,
            SupportedDataModelsUpdate=since,
            SupportedParametersUpdate=since,
            AttributeValuesUpdate=since,
            InconsistentStatus="0",
            AlarmsEnabled="0",
        )
        self.actions: Mapping[str, Call] = {
            "GetSupportedDataModels": self._get_supported_data_models,
            "GetSupportedParameters": self._get_supported_parameters,
            "GetInstances": self._get_instances,
            "GetValues": self._get_values,
            "SetValues": self._set_values,
            "CreateInstance": self._create_instance,
            "DeleteInstance": self._delete_instance,
            "GetAttributes": self._get_attributes,
            "SetAttributes": self._set_attributes,
            "GetInconsistentStatus": self._get("InconsistentStatus"),
            "GetConfigurationUpdate": self._get("ConfigurationUpdate"),
            "GetCurrentConfigurationVersion": lambda _: {"StateVariableValue": str(self.version)},
            "GetSupportedDataModelsUpdate": self._get("SupportedDataModelsUpdate"),
            "GetSupportedParametersUpdate": self._get("SupportedParametersUpdate"),
            "GetAttributeValuesUpdate": self._get("AttributeValuesUpdate"),
            "GetAlarmsEnabled": self._get("AlarmsEnabled"),
            "SetAlarmsEnabled": self._set_alarms_enabled,
        }

    def change(self, values: Mapping[str, str]) -> None:
        """Changes values at the device, read-only ones too.

        Raises:
            KeyError: there is no such parameter.
        """
        changed = [path for path, value in values.items() if self.tree[path] != value]
        for path in changed:
            self.tree.store(path, values[path])
        self._note(changed)

    def add_row(self, table: str, values: Mapping[str, str] | None = None) -> str:
        """Adds a row at the device; returns its path."""
        row = self.tree.add_row(table, values)
        self._note([table, self.tree.count_of(table), *self.tree.below(row)])
        return row

    def remove_row(self, row: str) -> None:
        """Removes a row at the device."""
        table = parent_of(row)
        self.tree.remove_row(row)
        for paths in (self.event_on_change, self.alarm_on_change):
            paths.difference_update([path for path in paths if path.startswith(row)])
        self._note([table, self.tree.count_of(table)])

    def add_parameter(self, structure: str, leaf: Leaf) -> None:
        """Adds a parameter to the model of the device."""
        self.tree.add_leaf(structure, leaf)
        self._events.set(SupportedParametersUpdate=self._next_version())

    def remove_parameter(self, structure: str) -> None:
        """Takes a parameter out of the model of the device."""
        self.tree.remove_leaf(structure)
        self._events.set(SupportedParametersUpdate=self._next_version())

    def set_data_models(self, data_models: Iterable[tuple[str, str]]) -> None:
        """Changes the data models, as a device does that got a new firmware."""
        self.data_models = list(data_models)
        self._events.set(SupportedDataModelsUpdate=self._next_version())

    def apply(self) -> None:
        """Puts committed changes into force."""
        self._events.set(InconsistentStatus="0")

    def reset(self) -> None:
        """Back to what the device was when it left the factory; the version goes on rising."""
        self.tree = self._make_tree()
        self.event_on_change.clear()
        self.alarm_on_change.clear()
        self._events.set(AlarmsEnabled="0", InconsistentStatus="0", ConfigurationUpdate=self._next_version())

    def _next_version(self) -> str:
        self.version += 1
        return f"{self.version},{timestamp()}"

    def _note(self, changed: Iterable[str]) -> None:
        """Makes a new version of the configuration, and an event if one of the changed paths wants it."""
        paths = set(filter(None, changed))
        if not paths:
            return
        update = self._next_version()
        self._versions.update(dict.fromkeys(paths, self.version))
        if not paths & self.event_on_change:
            return
        alarms = sorted(paths & self.alarm_on_change) if self._events.values["AlarmsEnabled"] == "1" else []
        if alarms:
            update += "," + self._values(path for path in alarms if path in self.tree)
        self._events.set(ConfigurationUpdate=update)

    def _get(self, variable: str) -> Call:
        return lambda _: {"StateVariableValue": self._events.values[variable]}

    def _set_alarms_enabled(self, arguments: Arguments) -> Arguments:
        self._events.set(AlarmsEnabled=arguments["StateVariableValue"])
        return {}

    def _get_supported_data_models(self, _: Arguments) -> Arguments:
        sub_trees = ({"URI": uri, "Location": location} for uri, location in self.data_models)
        return {"SupportedDataModels": write_records("SupportedDataModels", "SubTree", sub_trees)}

    def _get_supported_parameters(self, arguments: Arguments) -> Arguments:
        """All parameters down to the depth, and the other nodes that stand exactly there.

        A level is one part of the path, `#` too. Source: TR-330 4.6.2.1 (its examples)
        """
        start, depth = arguments["StartingNode"], int(arguments["SearchDepth"])
        if not PATH.fullmatch(start) or start != structure_of(start):
            raise UpnpError(INVALID_SYNTAX)
        if not self.tree.has_structure(start):
            raise UpnpError(NO_SUCH_NAME)
        level = _level(start) + depth
        found = [
            path
            for path in self.tree.leaves
            if path.startswith(start) and (not depth or _level(path) <= level)
        ]
        if depth:
            found += [path for path in self.tree.nodes() if path.startswith(start) and _level(path) == level]
        return {"Result": write_texts("StructurePathList", "StructurePath", found)}

    def _get_instances(self, arguments: Arguments) -> Arguments:
        start, depth = arguments["StartingNode"], int(arguments["SearchDepth"])
        if not _is_concrete(start) or not start.endswith("/"):
            raise UpnpError(INVALID_SYNTAX)
        if not self.tree.has_node(start):
            raise UpnpError(NO_SUCH_NAME)
        level = _level(start) + depth
        rows = [row for row in self.tree.instances_below(start) if not depth or _level(row) <= level]
        return {"Result": write_texts("InstancePathList", "InstancePath", rows)}

    def _get_values(self, arguments: Arguments) -> Arguments:
        paths: dict[str, None] = {}
        for content in read_texts(arguments["Parameters"], "ContentPathList", "ContentPath"):
            paths.update(dict.fromkeys(self._content(content)))
        if self._profile.greatest_read is not None and len(paths) > self._profile.greatest_read:
            raise UpnpError(RESOURCES_EXCEEDED)
        return {"ParameterValueList": self._values(paths)}

    def _content(self, path: str) -> list[str]:
        if not _is_concrete(path):
            raise UpnpError(INVALID_SYNTAX)
        if path in self.tree:
            return [path]
        if path.endswith("/") and self.tree.has_node(path):
            return self.tree.below(path)
        raise UpnpError(NO_SUCH_NAME)

    def _values(self, paths: Iterable[str]) -> str:
        records = ({"ParameterPath": path, "Value": self.tree[path]} for path in paths)
        return write_records("ParameterValueList", "Parameter", records)

    def _set_values(self, arguments: Arguments) -> Arguments:
        records = read_records(
            arguments["ParameterValueList"], "ParameterValueList", "Parameter", ("ParameterPath", "Value")
        )
        if not records:
            raise UpnpError(INVALID_XML)
        values: dict[str, str] = {}
        for record in records:
            path = record["ParameterPath"]
            if not _is_concrete(path) or path.endswith("/"):
                raise UpnpError(INVALID_SYNTAX)
            if path not in self.tree:
                raise UpnpError(NO_SUCH_NAME)
            if path in values:
                raise UpnpError(MULTIPLE_SET)
            values[path] = _accepted(self.tree.leaf(path), record)
        self.change(values)
        return {"Status": self._status()}

    def _create_instance(self, arguments: Arguments) -> Arguments:
        path = arguments["MultiInstanceName"]
        if not _is_concrete(path) or not path.endswith("/"):
            raise UpnpError(INVALID_SYNTAX)
        table = self.tree.table(path)
        if table is None:
            raise UpnpError(NO_SUCH_NAME)
        if not table.writable:
            raise UpnpError(READ_ONLY)
        values = self._initial_values(structure_of(path) + "#/", arguments["ChildrenInitialization"])
        if len(self.tree.rows(path)) >= table.maximum_rows:
            raise UpnpError(RESOURCES_EXCEEDED)
        return {"InstanceIdentifier": self.add_row(path, values), "Status": self._status()}

    def _initial_values(self, row: str, document: str) -> dict[str, str]:
        values: dict[str, str] = {}
        for record in read_records(
            document, "ParameterInitialValueList", "Parameter", ("RelativePath", "Value")
        ):
            name = record["RelativePath"]
            leaf = self.tree.leaves.get(row + name)
            if leaf is None:
                raise UpnpError(NO_SUCH_NAME)
            if name in values:
                raise UpnpError(MULTIPLE_SET)
            values[name] = _accepted(leaf, record)
        return values

    def _delete_instance(self, arguments: Arguments) -> Arguments:
        row = arguments["InstanceIdentifier"]
        if not _is_concrete(row) or not row.endswith("/"):
            raise UpnpError(INVALID_SYNTAX)
        if not self.tree.has_node(row) or not self.tree.is_instance(row):
            raise UpnpError(NO_SUCH_NAME)
        if not self.tree.tables[structure_of(parent_of(row))].writable:
            raise UpnpError(READ_ONLY)
        self.remove_row(row)
        return {"Status": self._status()}

    def _get_attributes(self, arguments: Arguments) -> Arguments:
        paths = read_texts(arguments["Parameters"], "NodeAttributePathList", "NodeAttributePath")
        records = ({"NodeAttributePath": path, **self._attributes(path)} for path in dict.fromkeys(paths))
        return {"NodeAttributeValueList": write_records("NodeAttributeValueList", "Node", records)}

    def _attributes(self, path: str) -> dict[str, str]:
        if not _is_concrete(path):
            raise UpnpError(INVALID_SYNTAX)
        if path in self.tree:
            leaf = self.tree.leaf(path)
            attributes = {"Type": leaf.type, "Access": _access(writable=leaf.writable)}
            attributes["EventOnChange"] = _flag(path in self.event_on_change)
            if self._profile.version > 1:
                attributes["AlarmOnChange"] = _flag(path in self.alarm_on_change)
            return {**attributes, "Version": str(self._versions.get(path, 0))}
        if path.endswith("/") and (table := self.tree.table(path)):
            attributes = {"Type": "MultiInstance", "Access": _access(writable=table.writable)}
            return {**attributes, "EventOnChange": _flag(path in self.event_on_change)}
        if self.tree.has_node(path) and self.tree.is_instance(path):
            table = self.tree.tables[structure_of(parent_of(path))]
            return {"Type": "Instance", "Access": _access(writable=table.writable)}
        raise UpnpError(NO_SUCH_NAME)

    def _set_attributes(self, arguments: Arguments) -> Arguments:
        fields = ("NodeAttributePath", "Type", "Access", "EventOnChange", "AlarmOnChange", "Version")
        records = read_records(arguments["NodeAttributeValueList"], "NodeAttributeValueList", "Node", fields)
        settable = {"EventOnChange": self.event_on_change, "AlarmOnChange": self.alarm_on_change}
        changes = []
        for record in records:
            path = record.pop("NodeAttributePath")
            present = self._attributes(path)
            for name, value in record.items():
                if name not in settable or name not in present:
                    raise UpnpError(READ_ONLY)
                if value not in {"0", "1"}:
                    raise UpnpError(INVALID_VALUE)
                changes.append((settable[name], path, value == "1"))
        for paths, path, wanted in changes:
            (paths.add if wanted else paths.discard)(path)
        self._events.set(AttributeValuesUpdate=self._next_version())
        return {"Status": self._status()}

    def _status(self) -> str:
        if not self._profile.commits_only:
            return "ChangesApplied"
        self._events.set(InconsistentStatus="1")
        return "ChangesCommitted"


def _accepted(leaf: Leaf, record: Mapping[str, str]) -> str:
    value = record.get("Value")
    if value is None:
        raise UpnpError(INVALID_XML)
    if not leaf.writable:
        raise UpnpError(READ_ONLY)
    if not leaf.has_type(value):
        raise UpnpError(INVALID_TYPE)
    value = leaf.canonical(value)
    if not leaf.allows(value):
        raise UpnpError(INVALID_VALUE)
    return value


def _is_concrete(path: str) -> bool:
    return bool(PATH.fullmatch(path)) and "#" not in path


def _level(path: str) -> int:
    return len(path.strip("/").split("/")) if path != "/" else 0


def _access(*, writable: bool) -> str:
    return "readWrite" if writable else "readOnly"


def _flag(value: object) -> str:
    return "1" if value else "0"
