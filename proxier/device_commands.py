"""What can be asked about virtual devices, by the same words whether or not a daemon runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from proxier.control_socket import Command, ControlError
from proxier.device_tree import TreeRow
from proxier.store import VirtualDeviceRecord

Report: TypeAlias = dict[str, Any]
"""What is said of one virtual device, as JSON values."""


def report(
    record: VirtualDeviceRecord, *, online: bool, pending_events: Sequence[str], connection_request_url: str
) -> Report:
    """What is said of a virtual device; `pending_events` are the codes of its undelivered events."""
    return {
        "device_id": record.device_id,
        "number": record.number,
        "manufacturer": record.manufacturer,
        "oui": record.oui,
        "product_class": record.product_class,
        "serial_number": record.serial_number,
        "identity_origin": record.identity_origin,
        "udn": record.udn,
        "other_udns": list(record.other_udns),
        "location": record.location,
        "services": list(record.services),
        "lacks": list(record.lacks),
        "online": online,
        "first_seen": record.first_seen.isoformat(),
        "last_seen": record.last_seen.isoformat(),
        "last_session": record.last_session.isoformat() if record.last_session else None,
        "last_session_outcome": record.last_session_outcome,
        "pending_events": list(pending_events),
        "connection_request_url": connection_request_url,
    }


def choose(wanted: str, reports: Sequence[Report]) -> Report:
    """The device that a person means: by its device_id or any part of it, or by its UDN.

    Raises:
        ControlError: none is like it, or several are.
    """
    text = wanted.casefold()
    for one in reports:
        names = (one["device_id"], one["udn"], *one["other_udns"])
        if any(text in (name.casefold(), name.casefold().removeprefix("uuid:")) for name in names):
            return one
    alike = [one for one in reports if text in one["device_id"].casefold()]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise ControlError(f"{wanted!r} may be any of: {', '.join(one['device_id'] for one in alike)}")
    raise ControlError(f"no device is like {wanted!r}")


def device_commands(
    reports: Callable[[], Awaitable[Sequence[Report]]],
    tree: Callable[[str], Awaitable[Sequence[TreeRow]]],
    forget: Callable[[str], Awaitable[None]],
) -> Mapping[str, Command]:
    """The commands for a control socket.

    Args:
        reports: tells of all virtual devices.
        tree: tells the tree of the one with this device_id.
        forget: takes away the one with this device_id.
    """

    async def list_all() -> Sequence[Report]:
        return await reports()

    async def show(device: str) -> Report:
        return choose(device, await reports())

    async def show_tree(device: str) -> Report:
        chosen = choose(device, await reports())
        return {**chosen, "tree": await tree(chosen["device_id"])}

    async def forget_chosen(device: str) -> str:
        device_id: str = choose(device, await reports())["device_id"]
        await forget(device_id)
        return device_id

    return {"devices": list_all, "show": show, "tree": show_tree, "forget": forget_chosen}
