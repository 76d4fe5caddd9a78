"""The tree of a virtual device, as it is told to those who ask for it at the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from cwmp_client import attributes
from cwmp_client.attributes import Attributes
from cwmp_client.parameters import Node
from proxier.proxied_parameters import WRITING_ACTIONS, node_of
from translation.data_model import DataModel
from translation.known import CmsSettings, KnownTree


class TreeRow(NamedTuple):
    """One name; `type` is empty for an object, `notification` 0 to 6."""

    name: str
    type: str
    writable: bool
    notification: int


def tree_rows(nodes: Mapping[str, Node], notification: Callable[[str], int]) -> list[TreeRow]:
    """The tree that these nodes are."""
    return [
        TreeRow(name, node.type, node.writable, notification(name) if node.type else 0)
        for name, node in nodes.items()
    ]


def stored_tree_rows(
    records: Mapping[str, Any],
    instances: Iterable[tuple[str, int, int | None]],
    settings: CmsSettings,
    data_model: DataModel | None,
) -> list[TreeRow]:
    """The tree of a device as the database has it: what the device has itself, and no more.

    The database does not tell what its actions can do, nor which rows can be deleted.
    """
    known = KnownTree(
        WRITING_ACTIONS, settings=settings, data_model=data_model, records=records, instances=instances
    )
    nodes = {entry.name: node_of(entry) for entry in known.tree.entries(WRITING_ACTIONS, known.deletable)}
    notifications = Attributes(records.get(attributes.RECORD))
    notifications.nodes = nodes
    return tree_rows(nodes, notifications.notification)
