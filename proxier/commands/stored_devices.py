"""The virtual devices of a database that no daemon uses now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cwmp_client.outbox import Outbox
from proxier.control_socket import socket_path, sole_use
from proxier.device_commands import Report, device_commands, report
from proxier.settings import StorageSettings
from proxier.store import Store


async def ask_database(storage: StorageSettings, command: str, /, **arguments: Any) -> Any:
    """What a daemon would answer to a command.

    Raises:
        ControlError: as the daemon would, or a daemon has just started.
        StoreError: the database cannot be used.
    """

    async def reports() -> Sequence[Report]:
        if not storage.path.exists():
            return ()
        async with await Store.open(storage.url) as store:
            return await _stored_reports(store)

    async def forget(device_id: str) -> None:
        with sole_use(socket_path(storage.path)):
            async with await Store.open(storage.url) as store:
                await store.forget(device_id)

    return await device_commands(reports, forget)[command](**arguments)


async def _stored_reports(store: Store) -> Sequence[Report]:
    reports = []
    for record in await store.devices():
        journal = store.journal(record.device_id)
        outbox = Outbox(journal, await store.records(record.device_id))
        reports.append(
            report(
                record,
                online=False,
                pending_events=[event.event_code for event in outbox.waiting],
                connection_request_url=outbox.connection_request_url or "",
            )
        )
    return reports
