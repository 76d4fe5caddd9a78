"""What is known of the CMS tree of one device: what one plan has found out, for the next one to build on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from cwmp_client.messages import ParameterValueStruct
from translation.data_model import DataModel
from translation.model import UNDESCRIBED, Attributes, SupportedModel
from translation.paths import InstanceMap
from translation.tree import Parameter, Tree, update_rows

MODEL = "cms.model"
VERSIONS = "cms.versions"
NOTIFICATIONS = "cms.notifications"
VALUES = "cms.values"
COMMITTED = "cms.committed"


class CmsSettings(Struct, frozen=True):
    """Settings of one device.

    Attributes:
        instance_offset: what is added to a UPnP instance number to make a CWMP instance number.
        values_per_call: at most so many paths go into one GetValues; 0: all of them.
        attributes_per_call: at most so many paths go into one GetAttributes or SetAttributes; 0: all of them.
    """

    instance_offset: int = 1
    values_per_call: int = 0
    attributes_per_call: int = 500


class KnownTree:
    """What is known of one device.

    Args:
        actions: the names of the actions that its SCPD declares.
        inform_names: parameters whose values are always kept, since every Inform tells them.
        settings: those of this device.
        data_model: what the configuration gives for devices of its kind.
        records: what was saved before, by the names above.
        instances: the instance numbers that were saved before.
    """

    def __init__(
        self,
        actions: frozenset[str],
        *,
        inform_names: Iterable[str] = (),
        settings: CmsSettings | None = None,
        data_model: DataModel | None = None,
        records: Mapping[str, Any] | None = None,
        instances: Iterable[tuple[str, int, int | None]] = (),
    ) -> None:
        records = records or {}
        self.actions = actions
        self.settings = settings or CmsSettings()
        self.inform_names = tuple(inform_names)
        self.instances = InstanceMap(self.settings.instance_offset, instances)

        self._data_model = data_model
        self.model: SupportedModel | None = None
        if MODEL in records:
            self.model = self._modelled(SupportedModel.from_record(records[MODEL]))
        self.verified = False
        """Whether the model is known to be that of now, and not only that of the time when it was saved."""
        self.rows_current = False
        """Whether the rows are those of now, as far as events tell."""
        self.versions: dict[str, str] = dict(records.get(VERSIONS, {}))
        """The version parts of evented variables, by the variables' names."""
        self.deletable: Mapping[str, bool | None] = {}
        """Of rows, by UPnP path: whether the device lets them be deleted; None: it does not say."""
        self.reporting: dict[str, bool] = {}
        """Of tables, by UPnP path: whether an event tells of their new and gone rows."""
        self.notifications: dict[str, int] = dict(records.get(NOTIFICATIONS, {}))
        """The notification attributes that are not 0, by CWMP name."""
        self.refused: set[str] = set()
        """UPnP paths whose EventOnChange the device refused to set."""
        self.event_on_change = dict.fromkeys(self.notifications, True)
        """Of parameters, by CWMP name: whether an event tells of their changes, as far as is known."""
        self.values = {
            name: ParameterValueStruct(name, *value) for name, value in records.get(VALUES, {}).items()
        }
        """The last values of watched and inform parameters, by CWMP name."""
        self.just_watched: set[str] = set()
        """Parameters that are watched since their values were last read."""
        self.seen: dict[str, ParameterValueStruct] = {}
        """Values that the ACS has read or set in the session that is open, by CWMP name."""
        self.pending: Mapping[str, str] = {}
        """Values that are on their way to the device, by CWMP name."""
        self.committed: dict[str, str] = dict(records.get(COMMITTED, {}))
        """Values that the device has taken from the ACS and may not show yet, by CWMP name."""
        self._tree: Tree | None = None
        self._changed: set[str] = set()

    @property
    def data_model(self) -> DataModel | None:
        """What the configuration gives for devices of its kind."""
        return self._data_model

    @data_model.setter
    def data_model(self, data_model: DataModel | None) -> None:
        if data_model is not self._data_model:
            self._data_model = data_model
            self.model = self.model and self._modelled(self.model)
            self._tree = None

    @property
    def tree(self) -> Tree:
        """The tree by the model and the rows that are known."""
        if self._tree is None:
            self._tree = Tree.shared(self.model or SupportedModel((), ()), self.instances)
            self.instances.share()
        return self._tree

    @property
    def tables_report(self) -> bool:
        """Whether events tell of every row that comes or goes."""
        return all(map(self.reporting.get, self.tree.tables))

    @property
    def always_kept(self) -> tuple[str, ...]:
        """Parameters whose values are kept whether or not an ACS watches them."""
        return (*self.inform_names, *self.tree.forced)

    def kept(self) -> list[Parameter]:
        """The parameters whose values are kept, those of them that the device has."""
        names = dict.fromkeys((*self.always_kept, *self.notifications))
        return [parameter for name in names if (parameter := self.tree.parameter(name))]

    def undescribed(self) -> dict[str, str]:
        """The UPnP paths whose attributes are not known, each with its structure path.

        Rows and tables are described each by itself, parameters by the first one of their structure. Kept
        parameters are asked for their EventOnChange, if for nothing else; then the structure path is empty.
        """
        missing = set(self.model.undescribed) if self.model else set()
        asked: dict[str, str] = {}
        for each in self.tree:
            template = each.template
            for leaf in template.leaves if missing else ():
                structure = template.path + leaf
                if structure in missing:
                    missing.discard(structure)
                    asked[each.path + leaf] = structure
            is_row = each.upnp_number is not None
            if (is_row and each.path not in self.deletable) or (
                template.is_table and each.path not in self.reporting
            ):
                asked[each.path] = template.path
        for parameter in self.kept():
            if parameter.name not in self.event_on_change:
                asked.setdefault(parameter.path, "")
        return asked

    def silent(self) -> list[str]:
        """The UPnP paths of tables and of kept parameters of whose changes no event tells, but could."""
        tables = [path for path, told in self.reporting.items() if not told]
        leaves = [each.path for each in self.kept() if self.event_on_change.get(each.name) is False]
        return [path for path in (*tables, *leaves) if path not in self.refused]

    def learn_silence(self, asked: Iterable[str], told: Collection[str]) -> None:
        """The device was asked to tell of changes at these UPnP paths, and will do so at those."""
        self.refused.update(asked)
        self.refused.difference_update(told)
        for path in told:
            if path in self.reporting:
                self.reporting[path] = True
        for parameter in self.kept():
            if parameter.path in told:
                self.event_on_change[parameter.name] = True

    def learn_model(self, model: SupportedModel, versions: Mapping[str, str]) -> None:
        """This is what the device supports, at these versions."""
        self.model = self._modelled(model)
        self.verified = True
        self.rows_current = False
        self.deletable = {}
        self.reporting.clear()
        self.refused.clear()
        # A parameter that was away may have come back without its attributes.
        self.event_on_change.clear()
        self._changed.add(MODEL)
        self._forget_gone()
        self.learn_versions(versions)

    def learn_versions(self, versions: Mapping[str, str]) -> None:
        """These are the versions of some evented variables."""
        if versions.items() - self.versions.items():
            self.versions |= versions
            self._changed.add(VERSIONS)

    def learn_rows(self, present: Mapping[str, set[int]]) -> None:
        """These are the UPnP numbers of all rows, by the UPnP path of their table."""
        if self.model and update_rows(self.model, self.instances, present):
            self._rows_changed()

    def learn_row(self, table: str, path: str, upnp_number: int) -> int:
        """A row was made in the table of this CWMP name and UPnP path; returns its CWMP number."""
        self.instances.remove(table, upnp_number)  # one of that number may have gone unnoticed
        self._rows_changed()
        number = self.instances.add(table, upnp_number)
        self.deletable = {**self.deletable, f"{path}{upnp_number}/": True}
        self._tree = None
        return number

    def forget_row(self, row: str, upnp_number: int) -> None:
        """The row of this CWMP name was deleted."""
        self.instances.remove(row[:-1].rpartition(".")[0] + ".", upnp_number)
        self._rows_changed()

    def lacks_types(self, path: str) -> bool:
        """Whether a parameter below this CWMP path has attributes that the device was never asked for."""
        missing = self.model.undescribed if self.model else frozenset()
        return any(
            each.template.path + leaf in missing
            for each in self.tree.below(path)
            for leaf in each.template.leaves
        )

    def learn_attributes(self, asked: Mapping[str, str], answers: Mapping[str, Attributes]) -> None:
        """These are attributes by UPnP path without final slash; `asked` is what `undescribed` returned."""
        for parameter in self.kept():
            if parameter.path in asked:
                attributes = answers.get(parameter.path, UNDESCRIBED)
                self.event_on_change[parameter.name] = attributes.event_on_change
        described: dict[str, Attributes] = {}
        deletable = dict(self.deletable)
        for path, structure in asked.items():
            attributes = answers.get(path.rstrip("/")) or answers.get(structure.rstrip("/")) or UNDESCRIBED
            if structure.endswith("/#/"):
                deletable[path] = attributes.writable
                continue
            described[structure] = attributes
            if path.endswith("/"):
                self.reporting[path] = attributes.event_on_change
        self.deletable = deletable
        self._tree = None
        new = self.model.undescribed & described.keys() if self.model else frozenset()
        if self.model and new:
            self.model = self._modelled(self.model.described({path: described[path] for path in new}))
            self._changed.add(MODEL)

    def forget_attributes(self) -> None:
        """The device has lost all attributes, and those that the ACS gave are forgotten too."""
        self.learn_notifications(dict.fromkeys(self.notifications, 0))
        self.event_on_change.clear()
        self.reporting.clear()
        self.refused.clear()
        self.rows_current = False

    def learn_notifications(self, notifications: Mapping[str, int]) -> None:
        """The ACS gave these notification attributes to parameters."""
        always_kept = self.always_kept
        for name, notification in notifications.items():
            if notification:
                self.event_on_change[name] = True
                self.notifications[name] = notification
                self.just_watched.add(name)
                continue
            self.notifications.pop(name, None)
            if name in always_kept:
                continue
            self.event_on_change[name] = False
            if name in self.values:
                del self.values[name]
                self._changed.add(VALUES)
        self._changed.add(NOTIFICATIONS)

    def learn_value(self, value: ParameterValueStruct) -> None:
        """This is the value of a parameter; it is kept if it belongs to the kept ones."""
        kept = value.name in self.notifications or value.name in self.always_kept
        if kept and self.values.get(value.name) != value:
            self.values[value.name] = value
            self._changed.add(VALUES)

    def learn_first_values(self, values: Iterable[ParameterValueStruct]) -> None:
        """These values were just read, and not to look for changes: those that were not known are kept."""
        missing = {*self.always_kept, *self.notifications} - self.values.keys()
        for value in values if missing else ():
            if value.name in missing:
                self.learn_value(value)

    def learn_committed(self, values: Mapping[str, str]) -> None:
        """The device has taken these values and shows them later; of interest are those that are kept."""
        kept = {
            name: text
            for name, text in values.items()
            if name in self.notifications or name in self.always_kept
        }
        if kept:
            self.committed |= kept
            self._changed.add(COMMITTED)

    def forget_committed(self, names: Iterable[str]) -> None:
        """These parameters have, or show, other values by now."""
        for name in names:
            if self.committed.pop(name, None) is not None:
                self._changed.add(COMMITTED)

    def take_changes(self, *, told: bool = True) -> dict[str, Any]:
        """The records that changed since this was last asked, as JSON.

        Not those by which changes of values are found, unless all that were found are `told`, or are sure to
        be: else they would be lost with us.
        """
        names = self._changed if told else self._changed - {VALUES, COMMITTED, VERSIONS}
        self._changed = self._changed - names
        return {name: _RECORDS[name](self) for name in names}

    def give_back(self, names: Iterable[str]) -> None:
        """Changes that could not be saved."""
        self._changed = self._changed.union(names)

    def _modelled(self, model: SupportedModel) -> SupportedModel:
        return replace(model, data_model=self._data_model).shared()

    def _rows_changed(self) -> None:
        """Forget what was known of rows that are gone."""
        self._forget_gone()
        paths = {each.path for each in self.tree}
        self.deletable = {path: value for path, value in self.deletable.items() if path in paths}
        self.reporting = {path: value for path, value in self.reporting.items() if path in paths}

    def _forget_gone(self) -> None:
        """Forget what was known of parameters that are gone.

        What the ACS wants to hear of them is kept, unless they are of a row that is gone: they may come back.
        """
        self._tree = None
        for name in [name for name in self.event_on_change if not self.tree.parameter(name)]:
            del self.event_on_change[name]
        for name in [name for name in self.values if not self.tree.parameter(name)]:
            del self.values[name]
            self._changed.add(VALUES)
        for name in [name for name in self.notifications if self._is_of_gone_row(name)]:
            del self.notifications[name]
            self._changed.add(NOTIFICATIONS)

    def _is_of_gone_row(self, name: str) -> bool:
        parts = name.split(".")
        for index, part in enumerate(parts[:-1]):
            table = ".".join(parts[:index]) + "."
            if part.isdecimal() and self.tree.object(table) and not self.tree.object(f"{table}{part}."):
                return True
        return False


_RECORDS: Mapping[str, Callable[[KnownTree], Any]] = {
    MODEL: lambda known: known.model and known.model.to_record(),
    VERSIONS: lambda known: dict(known.versions),
    NOTIFICATIONS: lambda known: dict(known.notifications),
    VALUES: lambda known: {name: [value.value, value.type] for name, value in known.values.items()},
    COMMITTED: lambda known: dict(known.committed),
}
"""What is saved, as JSON."""
