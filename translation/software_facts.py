"""What operations change at a device: what it is before, what becomes of it, and who else has any under way.

Whether an operation succeeded is the device's to tell. One that has restarted may have forgotten it; then
what the operation was to change, as it was before and as it is after, tells. An update is known by the
version, an installation or the contrary by which units there are.

Source: TR-330 4.7.1
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from msgspec import Struct

from translation import calls
from translation.actions import ActionError, Plan
from translation.bms import number
from translation.documents import UnreadableDocument, content_path_list, subtrees_in, values_in
from translation.paths import Prefixes
from translation.sms import (
    DU_INFO,
    FIRMWARE,
    ON_UNITS,
    Action,
    DeploymentUnit,
    OperationInfo,
    deployment_unit,
    listed,
    operation_ids,
    operation_info,
    units_of,
)

MAX_ASKED = 16
"""Operations of others that one survey asks about."""

FIRMWARE_UNIT = "/UPnP/DM/Software/DU/0/"
"""The firmware in the software data model. Source: TR-330 4.7.1.3"""

COMMON_VERSIONS = (
    "/UPnP/DM/DeviceInfo/SoftwareVersion",
    "/UPnP/DM/DeviceInfo/OperatingSystem/SoftwareVersion",
)
"""Where the common objects tell the version of the software. Source: CMS, common objects"""


class Facts(Struct, frozen=True):
    """What an operation is to change, as it is now; None and empty: the device does not tell.

    For an update it is a version, and `told_by` is where that stands; for an installation, or the contrary,
    which units there are. `unit` is the one that it is about.
    """

    version: str = ""
    told_by: str = ""
    units: frozenset[int] | None = None
    execution_units: frozenset[int] | None = None
    unit: DeploymentUnit | None = None


class Inventory(Struct, frozen=True):
    """What is installed; `units` are all but the firmware."""

    ids: frozenset[int] | None
    execution_units: frozenset[int] | None
    units: tuple[DeploymentUnit, ...] = ()

    def facts(self, subject: Subject) -> Facts:
        """What an operation on a unit is to change."""
        unit = next((each for each in self.units if each.id == subject.unit), None)
        if subject.action == Action.UPDATE:
            return Facts(unit.version if unit else "", DU_INFO, unit=unit)
        return Facts(units=self.ids, execution_units=self.execution_units, unit=unit)


class Subject(Struct, frozen=True):
    """What somebody wants done, or to know the outcome of: an action, and the unit if there is one yet."""

    action: str
    unit: int | None = None

    @property
    def is_firmware(self) -> bool:
        """Whether it is an update of the firmware. Source: TR-330 4.7.1.3"""
        return (self.action, self.unit) == (Action.UPDATE, FIRMWARE)

    def is_of(self, info: OperationInfo) -> bool:
        """Whether an operation of the device may be this one."""
        return info.action == self.action and self.unit in {None, info.unit}


class Found(Struct, frozen=True):
    """An operation of a deployment unit that was found at the device."""

    operation_id: int
    info: OperationInfo
    facts: Facts


class Survey(Struct, frozen=True):
    """What goes on at a device."""

    operations: frozenset[int]
    """Those that are under way."""
    asked: frozenset[int]
    """Those that the device was asked about."""
    found: tuple[Found, ...] = ()
    also: Facts | Inventory | None = None
    """What else was to be found out."""


class Ended(Struct, frozen=True):
    """An operation that is over; `info` is None where the device knows nothing of it any more."""

    info: OperationInfo | None
    after: Facts
    image_url: str = ""
    image_size: int = 0
    """In bytes; 0: unknown. These two are read for an update of the firmware by somebody else."""


# ------------------------------------------------------------------ what goes on


def survey(
    known: Collection[int],
    unknown: Collection[int],
    offered: Collection[str],
    also: Plan[Facts] | Plan[Inventory] | None = None,
) -> Plan[Survey]:
    """Find the operations that are not `known`; `unknown` ones were seen, and may be over by now.

    `also` is carried out after it.

    Source: TR-330 4.7.1.3
    """
    operations = yield from operation_ids()
    asked = sorted({*operations, *unknown} - {*known})[:MAX_ASKED]
    found = []
    for operation_id in asked:
        try:
            info = yield from operation_info(operation_id)
        except ActionError:
            continue  # it is over, and forgotten
        if info.action in ON_UNITS and (info.unit is not None or info.action == Action.INSTALL):
            facts = yield from read_facts(Subject(info.action, info.unit), offered)
            found.append(Found(operation_id, info, facts))
    more = (yield from also) if also else None
    return Survey(operations, frozenset(asked), tuple(found), more)


def look_at(  # noqa: PLR0913 - what is known of the operation is kept with it
    operation_id: int,
    subject: Subject,
    before: Facts,
    offered: Collection[str],
    *,
    ask_first: bool,
    believe: bool = True,
    restarted: bool,
    by_others: bool,
) -> Plan[Ended | None]:
    """What has become of an operation; None while it goes on.

    With `ask_first` it goes on as long as OperationIDs lists it; unless that is to be believed,
    GetOperationInfo has the last word. After a restart another one may have the OperationID: then the one in
    question is forgotten.

    Source: TR-330 4.7.1.2, 4.7.1.3
    """
    is_listed = ask_first and operation_id in (yield from operation_ids())
    if is_listed and believe:
        return None
    info: OperationInfo | None = None
    with suppress(ActionError):  # by which the device says that it knows of none
        info = yield from operation_info(operation_id)
    if info and restarted and not subject.is_of(info):
        info = None
    if is_listed and not (info and info.is_over_though_listed):
        return None
    if info and not info.is_over:
        return None
    unit = info.unit if info and subject.unit is None else subject.unit
    after = before
    if info is None or not subject.is_firmware:
        after = yield from read_facts(Subject(subject.action, unit), offered, before)
    if not (by_others and subject.is_firmware):
        return Ended(info, after)
    url, size = yield from image(offered)
    return Ended(info, after, url, size)


# ------------------------------------------------------------------ what is changed


def read_facts(subject: Subject, offered: Collection[str], before: Facts | None = None) -> Plan[Facts]:
    """What an operation is to change, as it is now. With `before` the same is read as was read then."""
    if subject.is_firmware:
        return (yield from _firmware_version(offered, before.told_by if before else ""))
    if subject.action == Action.UPDATE and subject.unit is not None:
        unit = yield from deployment_unit(subject.unit, offered)
        return Facts(version=unit.version, told_by=DU_INFO, unit=unit)
    units, execution_units = yield from _ids()
    new = (units or frozenset()) - (before.units or frozenset()) if before else frozenset()
    unit_id = min(new) if subject.unit is None and new else subject.unit
    is_there = unit_id is not None and (units is None or unit_id in units)
    about = (yield from deployment_unit(unit_id, offered)) if unit_id is not None and is_there else None
    return Facts(units=units, execution_units=execution_units, unit=about)


def take_inventory(offered: Collection[str]) -> Plan[Inventory]:
    """What is installed."""
    ids, execution_units = yield from _ids()
    return Inventory(ids, execution_units, (yield from units_of(ids, offered)))


def has_changed(subject: Subject, before: Facts, after: Facts) -> bool | None:
    """Whether an operation has changed what it was to change; None: the device does not tell.

    Source: TR-330 4.7.1
    """
    if subject.action == Action.UPDATE:
        can_tell = before.version and after.version and before.told_by == after.told_by
        return before.version != after.version if can_tell else None
    if before.units is None or after.units is None:
        return None
    if subject.action == Action.UNINSTALL:
        return subject.unit not in after.units
    return subject.unit in after.units if subject.unit is not None else bool(after.units - before.units)


def _ids() -> Plan[tuple[frozenset[int] | None, frozenset[int] | None]]:
    units = yield from listed("DUIDs")
    execution_units = yield from listed("EUIDs")
    return units, execution_units


def _firmware_version(offered: Collection[str], told_by: str) -> Plan[Facts]:
    """The version by GetDUInfo, else the software data model, else DeviceInfo. Source: TR-330 4.7.1"""
    if told_by:
        return Facts((yield from _version_at(told_by)), told_by)
    if DU_INFO in offered and (version := (yield from _version_at(DU_INFO))):
        return Facts(version, DU_INFO)
    if "GetValues" in offered:
        for path in (yield from _version_paths(offered)):
            if version := (yield from _version_at(path)):
                return Facts(version, path)
    return Facts()


def _version_paths(offered: Collection[str]) -> Plan[list[str]]:
    roots = Prefixes.of(()).roots  # where models of the Broadband Forum usually are
    if "GetSupportedDataModels" in offered:
        with suppress(ActionError, UnreadableDocument):
            roots = Prefixes.of(subtrees_in((yield from calls.call("GetSupportedDataModels")))).roots
    own = [f"{root}DeviceInfo/SoftwareVersion" for root in roots]
    return [FIRMWARE_UNIT + "Version", *own, *COMMON_VERSIONS]


def _version_at(place: str) -> Plan[str]:
    if place != DU_INFO:
        return (yield from _value_at(place))
    return (yield from deployment_unit(FIRMWARE, {DU_INFO})).version


def image(offered: Collection[str]) -> Plan[tuple[str, int]]:
    """The URL and the size in bytes of the firmware's image, as far as the device tells.

    Source: TR-330 4.7.1.3
    """
    url = (yield from deployment_unit(FIRMWARE, offered)).uri
    if "GetValues" not in offered:
        return url, 0
    url = url or (yield from _value_at(FIRMWARE_UNIT + "URI"))
    return url, number((yield from _value_at(FIRMWARE_UNIT + "Size"))) or 0


def _value_at(path: str) -> Plan[str]:
    """The value of a parameter; empty where the device has none."""
    try:
        values = values_in((yield from calls.call("GetValues", Parameters=content_path_list([path]))))
    except (ActionError, UnreadableDocument):
        return ""
    return values.get(path, "")
