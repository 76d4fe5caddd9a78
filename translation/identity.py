"""Who a device is, as its data model tells: manufacturer, OUI, product class, serial number.

Source: TR-330 4.1.1
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

from msgspec import Struct

from translation.actions import ActionError, DeviceUnreachable, Plan
from translation.calls import UNKNOWN_PATH, call
from translation.documents import UnreadableDocument, content_path_list, subtrees_in, values_in
from translation.paths import Prefixes, SubTree

COMMON_OBJECTS = "/UPnP/DM/DeviceInfo/PhysicalDevice/DeviceID/"
"""Where the common objects tell OUI, product class and serial number. Source: CMS, common objects"""

NOT_THERE = UNKNOWN_PATH | {401, 402, 602, 702}
"""Errors by which a device says that it will never tell; after any other it may."""


class DataModelIdentity(Struct, frozen=True):
    """What the data model says, as it is written there; None: it does not say."""

    manufacturer: str | None = None
    oui: str | None = None
    product_class: str | None = None
    serial_number: str | None = None


def read_identity(actions: Collection[str]) -> Plan[DataModelIdentity]:
    """Ask the common objects, then for what they do not say the DeviceInfo of a Broadband Forum model.

    Args:
        actions: the names of the device's ConfigurationManagement actions.

    Raises:
        DeviceUnreachable: the data model cannot be read now, and is to be asked again.
    """
    if "GetValues" not in actions:
        return DataModelIdentity()
    identity = _identity((yield from _leaves(COMMON_OBJECTS)))
    if identity.oui and identity.serial_number and identity.product_class is not None:
        return identity
    for place in (yield from _roots(actions)):
        other = _identity((yield from _leaves(f"{place}DeviceInfo/")))
        identity = DataModelIdentity(
            identity.manufacturer or other.manufacturer,
            identity.oui or other.oui,
            other.product_class if identity.product_class is None else identity.product_class,
            identity.serial_number or other.serial_number,
        )
    return identity


def _identity(leaves: Mapping[str, str]) -> DataModelIdentity:
    return DataModelIdentity(
        leaves.get("Manufacturer"),
        leaves.get("ManufacturerOUI"),
        leaves.get("ProductClass"),
        leaves.get("SerialNumber"),
    )


def _leaves(place: str) -> Plan[dict[str, str]]:
    """The values of an object's own parameters, by their names; none if there is no such object."""
    try:
        values = values_in((yield from call("GetValues", Parameters=content_path_list([place]))))
    except ActionError as error:
        if error.code in NOT_THERE:
            return {}
        raise DeviceUnreachable(f"it cannot tell who it is now: {error}") from error
    return {path.removeprefix(place): value for path, value in values.items() if path.startswith(place)}


def _roots(actions: Collection[str]) -> Plan[list[str]]:
    """Where models of the Broadband Forum are."""
    subtrees: tuple[SubTree, ...] = ()
    if "GetSupportedDataModels" in actions:
        # If it cannot say so, they are where they usually are.
        with suppress(ActionError, UnreadableDocument):
            subtrees = subtrees_in((yield from call("GetSupportedDataModels")))
    return [str(place) for place in Prefixes.of(subtrees).roots]
