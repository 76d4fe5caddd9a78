"""The virtual devices of a database that no daemon uses now."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from cwmp_client.device_log import DeviceLog
from cwmp_client.outbox import Outbox
from proxier.control_socket import socket_path, sole_use
from proxier.data_models import DataModels
from proxier.device_commands import Report, device_commands, report
from proxier.device_settings import cms_settings
from proxier.device_tree import TreeRow, stored_tree_rows
from proxier.settings import Settings
from proxier.store import Store

logger = logging.getLogger(__name__)


async def ask_database(settings: Settings, command: str, /, **arguments: Any) -> Any:
    """What a daemon would answer to a command.

    Raises:
        ControlError: as the daemon would, or a daemon has just started.
        DataModelError: a data model of the configuration cannot be used.
        StoreError: the database cannot be used.
    """
    storage = settings.storage

    async def reports() -> Sequence[Report]:
        if not storage.path.exists():
            return ()
        async with await Store.open(storage.url) as store:
            return await _stored_reports(store)

    async def tree(device_id: str) -> Sequence[TreeRow]:
        async with await Store.open(storage.url) as store:
            return await _stored_tree(device_id, settings, store)

    async def forget(device_id: str) -> None:
        with sole_use(socket_path(storage.path)):
            async with await Store.open(storage.url) as store:
                await store.forget(device_id)

    return await device_commands(reports, tree, forget)[command](**arguments)


async def _stored_reports(store: Store) -> Sequence[Report]:
    reports = []
    for record in await store.devices():
        journal = store.journal(record.device_id)
        outbox = Outbox(journal, await store.records(record.device_id), DeviceLog(logger, record.device_id))
        reports.append(
            report(
                record,
                online=False,
                pending_events=[event.event_code for event in outbox.waiting],
                connection_request_url=outbox.connection_request_url or "",
            )
        )
    return reports


async def _stored_tree(device_id: str, settings: Settings, store: Store) -> Sequence[TreeRow]:
    [record] = [each for each in await store.devices() if each.device_id == device_id]
    data_models = await DataModels.load(settings.data_models, store)
    return stored_tree_rows(
        await store.records(device_id),
        await store.instances(device_id),
        cms_settings(record, settings.devices),
        data_models.of(record.oui, record.product_class, record.model_name),
    )
