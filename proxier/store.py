"""The records that outlive the program; what an awaited call has written is durable.

A row that would not change is not written: flash wears out. What a device supports is the longest of its
records, and the same for all devices of its kind, so it stands once for them all.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Connection,
    CursorResult,
    RowMapping,
    TableClause,
    bindparam,
    column,
    delete,
    func,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert, insert

from cwmp_client.device_log import DeviceLog
from proxier.database import Database, StoreError, compressed, content_hash, decompressed
from proxier.settings_rules import DATABASE_PREFIX
from translation.known import MODEL
from translation.paths import Instance

__all__ = ["GATEWAY", "DeviceJournal", "Instance", "Store", "StoreError", "VirtualDeviceRecord"]

logger = logging.getLogger(__name__)

GATEWAY = "gateway"
"""The id under which the proxier's own endpoint keeps its records; no device_id is like it."""


class VirtualDeviceRecord(Struct, frozen=True, kw_only=True):
    """What is kept of a virtual device."""

    device_id: str
    """OUI-ProductClass-SerialNumber."""
    number: int = 0
    """The instance number in the VirtualDevice table; 0: `save_device` gives one that was never used."""
    oui: str
    product_class: str
    serial_number: str
    manufacturer: str = ""
    identity_origin: str = ""
    """Where OUI, product class and serial number come from."""
    udn: str
    other_udns: tuple[str, ...] = ()
    """Further UDNs of the same physical device."""
    model_name: str = ""
    """As its description says."""
    mac: str = ""
    """Twelve upper-case hexadecimal digits; empty where it is unknown."""
    location: str
    services: tuple[str, ...] = ()
    """With their versions, as in `CMS:2`."""
    lacks: tuple[str, ...] = ()
    """In words, what TR-069 Annex J asks for and the device has not."""
    connection_request_path: str = ""
    first_seen: datetime
    last_seen: datetime
    last_session: datetime | None = None
    """When the last CWMP session ended."""
    last_session_outcome: str | None = None


_devices = table("devices", *map(column, VirtualDeviceRecord.__struct_fields__))
_records = table("records", column("device_id"), column("key"), column("value"))
_instances = table("instances", *map(column, ("device_id", "table_path", "number", "upnp_number")))
_meta = table("meta", column("key"), column("value"))
_models = table("models", column("hash"), column("content"))
_data_models = table("data_models", column("file_hash"), column("content"))

_LISTS = ("other_udns", "services", "lacks")
_TIMES = ("first_seen", "last_seen", "last_session")
_LAST_NUMBER = "last_virtual_device_number"


def _upsert(into: TableClause, *keys: str) -> Insert:
    """Adds rows; one that is there already is written only if it differs, to flush nothing in vain."""
    new = insert(into)
    values = {each.name: new.excluded[each.name] for each in into.columns if each.name not in keys}
    changed = or_(*(into.c[name].is_distinct_from(value) for name, value in values.items()))
    return new.on_conflict_do_update(index_elements=keys, set_=values, where=changed)


_save_device = _upsert(_devices, "device_id")
_save_record = _upsert(_records, "device_id", "key")
_save_instance = _upsert(_instances, "device_id", "table_path", "number")
_save_meta = _upsert(_meta, "key")
_save_data_model = _upsert(_data_models, "file_hash")
_add_model = insert(_models).on_conflict_do_nothing()
_drop_unused_models = delete(_models).where(
    _models.c.hash.not_in(select(func.trim(_records.c.value, '"')).where(_records.c.key == MODEL))
)
_record_of = select(_records.c.value).where(
    _records.c.device_id == bindparam("id"), _records.c.key == bindparam("key")
)
_number_of = select(_devices.c.number).where(_devices.c.device_id == bindparam("id"))
_value_of_meta = select(_meta.c.value).where(_meta.c.key == bindparam("key"))
_all_devices = select(_devices).order_by(_devices.c.number)
Parameters: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]
_DIALECT = sqlite.dialect(paramstyle="named")


@cache
def _text_of(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=_DIALECT))


def _run(database: Connection, statement: ClauseElement, parameters: Parameters) -> CursorResult[Any]:
    """Execute a statement of this module: as text, for to look it up by its structure takes twice as long."""
    return database.exec_driver_sql(_text_of(statement), parameters)


class DeviceJournal(Struct, frozen=True):
    """`cwmp_client.parameters.Journal` for one device, or for `GATEWAY`."""

    store: Store
    device_id: str

    async def save(self, records: Mapping[str, Any], instances: Iterable[Instance] = ()) -> None:
        """Write records and rows in one transaction, durable when this returns; None takes a record away.

        Raises:
            StoreError: nothing was written.
        """
        await self.store.save(self.device_id, records, instances)


class Store:
    """The database of one proxier; every method raises StoreError when the database lets us down."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open the database; make it, or bring it to this program's schema, where needed.

        Args:
            url: SQLAlchemy's name of a SQLite file, as in `sqlite:///proxier.db`.
        """
        return cls(await Database.open(Path(url.removeprefix(DATABASE_PREFIX))))

    async def close(self) -> None:
        """Finish what is being written, and close the database."""
        await self._database.close()

    async def check(self) -> None:
        """See whether what is saved can be read, and will be there after the process."""
        await self._database.check()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def devices(self) -> tuple[VirtualDeviceRecord, ...]:
        """All virtual devices, by their number."""
        rows = await self._database.ask(lambda database: database.execute(_all_devices).mappings().all())
        return tuple(_device_from(row) for row in rows)

    async def save_device(self, record: VirtualDeviceRecord) -> VirtualDeviceRecord:
        """Add or replace a virtual device; returns the record with its number."""

        def work(database: Connection) -> VirtualDeviceRecord:
            numbered = replace(record, number=record.number or _number_for(record.device_id, database))
            _run(database, _save_device, _row_of(numbered))
            return numbered

        return await self._database.ask(work)

    async def forget(self, device_id: str) -> bool:
        """Take away all that is kept of a virtual device but that its number is used; False if unknown."""

        def work(database: Connection) -> bool:
            for kept in (_records, _instances):
                database.execute(delete(kept).where(kept.c.device_id == device_id))
            database.execute(_drop_unused_models)
            return database.execute(delete(_devices).where(_devices.c.device_id == device_id)).rowcount > 0

        return await self._database.ask(work)

    async def records(self, device_id: str) -> dict[str, Any]:
        """What the journal of a device, or of `GATEWAY`, holds."""
        return (await self._records(_records.c.device_id == device_id)).get(device_id, {})

    async def all_records(self) -> dict[str, dict[str, Any]]:
        """What all journals hold, by the id of their device."""
        return await self._records(true())

    async def _records(self, wanted: ColumnElement[bool]) -> dict[str, dict[str, Any]]:
        query = select(_records.c.device_id, _records.c.key, _records.c.value).where(wanted)

        def work(database: Connection) -> tuple[Sequence[Any], dict[str, bytes]]:
            rows = database.execute(query).all()
            hashes = {text.strip('"') for _, key, text in rows if key == MODEL}
            models = select(_models.c.hash, _models.c.content).where(_models.c.hash.in_(hashes))
            return rows, {row.hash: row.content for row in database.execute(models)} if hashes else {}

        rows, models = await self._database.ask(work)
        records: dict[str, dict[str, Any]] = {}
        read: dict[str, Any] = {}
        for device_id, key, text in rows:
            try:
                if key != MODEL:
                    value = json.loads(text)
                elif text in read:
                    value = read[text]
                else:
                    value = read[text] = json.loads(decompressed(models.get(text.strip('"'), b"")))
            except (ValueError, zlib.error) as error:
                log = DeviceLog(logger, device_id)
                log.warning("the record %r is damaged, and left out: %s", key, error)
            else:
                records.setdefault(device_id, {})[key] = value
        return records

    def journal(self, device_id: str) -> DeviceJournal:
        """The journal of a device, or of `GATEWAY`."""
        return DeviceJournal(self, device_id)

    async def instances(self, device_id: str) -> tuple[Instance, ...]:
        """The rows of a device's tables, those that are gone included, by table and number."""
        return tuple((await self._instances(_instances.c.device_id == device_id)).get(device_id, ()))

    async def all_instances(self) -> Mapping[str, Sequence[Instance]]:
        """The rows of all devices' tables, by device."""
        return await self._instances(true())

    async def _instances(self, wanted: ColumnElement[bool]) -> dict[str, list[Instance]]:
        columns = (_instances.c.table_path, _instances.c.number, _instances.c.upnp_number)
        query = select(_instances.c.device_id, *columns).where(wanted).order_by(*columns[:2])
        instances: dict[str, list[Instance]] = {}
        for device_id, *row in await self._database.ask(lambda database: database.execute(query).all()):
            instances.setdefault(device_id, []).append(Instance(*row))
        return instances

    async def save(
        self, device_id: str, records: Mapping[str, Any], instances: Iterable[Instance] = ()
    ) -> None:
        """What `DeviceJournal.save` does."""
        gone = [key for key, value in records.items() if value is None]
        texts = {key: _json(value) for key, value in records.items() if value is not None}
        model = texts.get(MODEL)
        if model is not None:
            texts[MODEL] = _json(_row_of_model(model)["hash"])
        kept = [{"device_id": device_id, "key": key, "value": text} for key, text in texts.items()]
        rows = [
            {"device_id": device_id, "table_path": path, "number": number, "upnp_number": upnp_number}
            for path, number, upnp_number in instances
        ]

        def work(database: Connection) -> None:
            had_model = MODEL in records and bool(
                _run(database, _record_of, {"id": device_id, "key": MODEL}).scalar()
            )
            if kept:
                _run(database, _save_record, kept)
            if gone:
                database.execute(
                    delete(_records).where(_records.c.device_id == device_id, _records.c.key.in_(gone))
                )
            if rows:
                _run(database, _save_instance, rows)
            if model is not None:
                _run(database, _add_model, _row_of_model(model))
            if had_model:  # looks through the records of all devices
                database.execute(_drop_unused_models)

        await self._database.ask(work)

    async def data_model(self, file_hash: str) -> Any:
        """What was read of a data model's file; None: nothing that is kept."""
        query = select(_data_models.c.content).where(_data_models.c.file_hash == file_hash)
        content = await self._database.ask(lambda database: database.execute(query).scalar())
        return None if content is None else json.loads(decompressed(content))

    async def save_data_model(self, file_hash: str, record: Any) -> None:
        """Keep what was read of a data model's file."""
        row = {"file_hash": file_hash, "content": compressed(_json(record))}
        await self._database.ask(lambda database: database.execute(_save_data_model, row))

    async def keep_data_models(self, file_hashes: Iterable[str]) -> None:
        """Drop what was read of all other files."""
        others = delete(_data_models).where(_data_models.c.file_hash.not_in(tuple(file_hashes)))
        await self._database.ask(lambda database: database.execute(others))

    async def meta(self, key: str) -> Any:
        """A value that belongs to no device; None: it was never set."""
        value = await self._database.ask(lambda database: _meta_value(key, database))
        return None if value is None else json.loads(value)

    async def set_meta(self, key: str, value: Any) -> None:
        """Set a value that belongs to no device."""
        row = {"key": key, "value": _json(value)}
        await self._database.ask(lambda database: database.execute(_save_meta, row))


def _number_for(device_id: str, database: Connection) -> int:
    """The number that a device has in the VirtualDevice table, or else the next that no device ever had."""
    number = _run(database, _number_of, {"id": device_id}).scalar()
    if number is None:
        number = int(_meta_value(_LAST_NUMBER, database) or 0) + 1
        _run(database, _save_meta, {"key": _LAST_NUMBER, "value": _json(number)})
    return int(number)


def _meta_value(key: str, database: Connection) -> str | None:
    value: str | None = _run(database, _value_of_meta, {"key": key}).scalar()
    return value


def _row_of(record: VirtualDeviceRecord) -> dict[str, Any]:
    row = {each.name: getattr(record, each.name) for each in _devices.columns}
    for name in _LISTS:
        row[name] = _json(row[name])
    for name in _TIMES:
        row[name] = row[name] and row[name].astimezone(UTC).isoformat()
    return row


@lru_cache(maxsize=2)
def _row_of_model(model: str) -> dict[str, Any]:
    """Equal devices come together."""
    return {"hash": content_hash(model), "content": compressed(model)}


def _device_from(row: RowMapping) -> VirtualDeviceRecord:
    values = {str(name): value for name, value in row.items()}
    for name in _LISTS:
        values[name] = tuple(json.loads(values[name]))
    for name in _TIMES:
        values[name] = values[name] and datetime.fromisoformat(values[name])
    return VirtualDeviceRecord(**values)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
