from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from proxier import database
from proxier.store import GATEWAY, Instance, Store, StoreError, VirtualDeviceRecord
from translation.known import MODEL, KnownTree

DATABASES = Path(__file__).parents[1] / "data" / "db"
"""One for each schema that there was, as it was written then."""

NOON = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
METER = VirtualDeviceRecord(
    device_id="00D09E-Meter-42",
    oui="00D09E",
    product_class="Meter",
    serial_number="42",
    udn="uuid:1",
    location="http://192.168.1.2/d.xml",
    first_seen=NOON,
    last_seen=NOON,
)
LAMP = replace(
    METER,
    device_id="00D09E-Lamp-ä'7",
    product_class="Lamp",
    serial_number="ä'7",
    manufacturer="A & B",
    identity_origin="description",
    udn="uuid:2",
    other_udns=("uuid:3", "uuid:4"),
    mac="00D09E000001",
    services=("CMS:2", "BMS:1"),
    lacks=("a reboot action",),
    connection_request_path="abc",
    last_session=NOON + timedelta(seconds=1),
    last_session_outcome="success",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "proxier.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with await Store.open(f"sqlite:///{path}") as store:
        yield store


def log_size(path: Path) -> int:
    """Octets of the write-ahead log, which grows with every page written."""
    return path.with_name(f"{path.name}-wal").stat().st_size


async def test_what_was_saved_is_there_after_a_restart(path: Path) -> None:
    async with await Store.open(f"sqlite:///{path}") as store:
        saved = [await store.save_device(each) for each in (METER, LAMP)]
        await store.journal(LAMP.device_id).save({"a": [1, {"b": None}], "ü": "text"}, [Instance("T.", 1, 0)])
        await store.journal(GATEWAY).save({"a": False})
        await store.set_meta("port", 7547)
    async with await Store.open(f"sqlite:///{path}") as store:
        assert await store.devices() == tuple(saved)
        assert await store.records(LAMP.device_id) == {"a": [1, {"b": None}], "ü": "text"}
        assert await store.records(GATEWAY) == {"a": False}
        assert await store.records(METER.device_id) == {}
        assert await store.instances(LAMP.device_id) == (Instance("T.", 1, 0),)
        assert await store.meta("port") == 7547
        assert await store.meta("never set") is None


async def test_times_come_back_in_utc(store: Store) -> None:
    there = timezone(timedelta(hours=5, minutes=30))
    await store.save_device(replace(METER, last_seen=NOON.astimezone(there)))
    [record] = await store.devices()
    assert record.last_seen == NOON
    assert record.last_seen.utcoffset() == timedelta(0)


async def test_a_device_keeps_its_number_and_no_other_gets_it_again(store: Store) -> None:
    assert (await store.save_device(METER)).number == 1
    assert (await store.save_device(LAMP)).number == 2
    assert (await store.save_device(replace(METER, last_seen=NOON + timedelta(hours=1)))).number == 1
    assert await store.forget(LAMP.device_id)
    assert (await store.save_device(LAMP)).number == 3
    assert [(each.number, each.device_id) for each in await store.devices()] == [
        (1, METER.device_id),
        (3, LAMP.device_id),
    ]


async def test_forgetting_takes_everything_of_one_device(store: Store) -> None:
    for each in (METER, LAMP):
        await store.save_device(each)
        await store.journal(each.device_id).save({"a": 1}, [Instance("T.", 1, 0)])
    assert await store.forget(METER.device_id)
    assert not await store.forget(METER.device_id)
    assert [each.device_id for each in await store.devices()] == [LAMP.device_id]
    assert (await store.records(METER.device_id), await store.instances(METER.device_id)) == ({}, ())
    assert (await store.records(LAMP.device_id), await store.instances(LAMP.device_id)) == (
        {"a": 1},
        (Instance("T.", 1, 0),),
    )


@pytest.mark.parametrize(
    ("damage", "record"),
    [
        ("UPDATE records SET value = '{' WHERE key = 'outbox'", "outbox"),
        ("UPDATE records SET value = '' WHERE key = 'outbox'", "outbox"),
        (f"UPDATE records SET value = '{{' WHERE key = '{MODEL}'", MODEL),
        ("UPDATE models SET content = x'00'", MODEL),
        ("DELETE FROM models", MODEL),
    ],
)
async def test_a_damaged_record_is_left_out(
    path: Path, store: Store, caplog: pytest.LogCaptureFixture, damage: str, record: str
) -> None:
    journal = store.journal(METER.device_id)
    records = {"outbox": {"events": []}, "a": 1, MODEL: ["/BBF/"]}
    await journal.save(records)
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute(damage)
    left = {key: value for key, value in records.items() if key != record}
    assert await store.records(METER.device_id) == left
    [line] = caplog.messages
    assert line.startswith(f"{METER.device_id}: the record {record!r} is damaged, and left out: ")


async def test_none_takes_a_record_away(store: Store) -> None:
    journal = store.journal(GATEWAY)
    await journal.save({"a": 1, "b": 2, "c": 3})
    await journal.save({"a": None, "b": 0, "never": None})
    assert await store.records(GATEWAY) == {"b": 0, "c": 3}


async def test_a_row_that_is_gone_keeps_its_number(store: Store) -> None:
    journal = store.journal(METER.device_id)
    await journal.save({}, [Instance("Hosts.Host.", 2, 1), Instance("Hosts.Host.", 1, 0)])
    await journal.save({}, [Instance("Hosts.Host.", 1, None), Instance("Hosts.Host.2.Name.", 1, 0)])
    assert await store.instances(METER.device_id) == (
        Instance("Hosts.Host.", 1, None),
        Instance("Hosts.Host.", 2, 1),
        Instance("Hosts.Host.2.Name.", 1, 0),
    )


async def test_records_are_taken_as_they_are_when_save_is_called(store: Store) -> None:
    events = ["0 BOOTSTRAP"]
    saving = asyncio.create_task(store.journal(GATEWAY).save({"events": events}))
    await asyncio.sleep(0)
    events.append("later")
    await saving
    assert await store.records(GATEWAY) == {"events": ["0 BOOTSTRAP"]}


async def test_nothing_is_written_when_nothing_changed(path: Path, store: Store) -> None:
    async def save_all(value: int) -> None:
        await store.save_device(replace(LAMP, location=f"http://192.168.1.{value}/"))
        await store.journal(LAMP.device_id).save({"a": [value]}, [Instance("T.", 1, value)])
        await store.set_meta("port", value)

    await save_all(1)
    before = log_size(path)
    await save_all(1)
    await store.journal(LAMP.device_id).save({"never": None})
    await store.devices()
    assert log_size(path) == before
    await save_all(2)
    assert log_size(path) > before


async def test_changes_made_together_are_flushed_together(path: Path, store: Store) -> None:
    journal = store.journal(GATEWAY)
    await journal.save({"a": -1})
    start = log_size(path)
    await journal.save({"a": -2})
    one = log_size(path) - start
    await asyncio.gather(*(journal.save({"a": number}) for number in range(100)))
    assert log_size(path) - start < 4 * one
    assert await store.records(GATEWAY) == {"a": 99}


async def test_changes_that_follow_each_other_closely_are_flushed_together(path: Path, store: Store) -> None:
    async def save(number: int) -> None:
        for _ in range(number):
            await asyncio.sleep(0)
        await store.journal(GATEWAY).save({"a": number})

    await save(0)
    start = log_size(path)
    await save(1)
    one = log_size(path) - start
    await asyncio.gather(*(save(number) for number in range(2, 10)))
    assert log_size(path) - start <= 2 * one
    assert await store.records(GATEWAY) == {"a": 9}


async def test_what_fails_takes_nothing_else_with_it(store: Store) -> None:
    taken = (await store.save_device(METER)).number
    journal = store.journal(GATEWAY)
    outcomes = await asyncio.gather(
        journal.save({"a": 1}),
        store.save_device(replace(LAMP, number=taken)),
        store.journal("\udc80").save({"a": 1}),
        journal.save({"b": 2}),
        return_exceptions=True,
    )
    assert [type(each) for each in outcomes] == [type(None), StoreError, UnicodeEncodeError, type(None)]
    assert "UNIQUE constraint failed: devices.number" in str(outcomes[1])
    assert await store.records(GATEWAY) == {"a": 1, "b": 2}


async def test_records_and_rows_are_saved_all_or_none(store: Store) -> None:
    with pytest.raises(UnicodeEncodeError):
        await store.journal(GATEWAY).save({"a": 1}, [Instance("\udc80", 1, 1)])
    assert await store.records(GATEWAY) == {}


async def test_what_is_no_json_is_refused_at_once(store: Store) -> None:
    with pytest.raises(TypeError):
        await store.journal(GATEWAY).save({"a": object()})


async def test_a_cancelled_caller_disturbs_no_other(store: Store) -> None:
    first = asyncio.create_task(store.journal(GATEWAY).save({"a": 1}))
    second = asyncio.create_task(store.journal(GATEWAY).save({"b": 2}))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert (await store.records(GATEWAY))["b"] == 2


async def test_closing_waits_for_what_is_being_written(path: Path) -> None:
    store = await Store.open(f"sqlite:///{path}")
    saving = asyncio.create_task(store.journal(GATEWAY).save({"a": 1}))
    await asyncio.sleep(0)
    await store.close()
    await saving
    assert sorted(each.name for each in path.parent.iterdir()) == ["proxier.db"]


async def test_only_the_owner_may_read_it(path: Path, store: Store) -> None:
    await store.set_meta("a", 1)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == {"proxier.db": 0o600, "proxier.db-wal": 0o600, "proxier.db-shm": 0o600}


async def test_a_lock_that_is_let_go_is_waited_for(path: Path, store: Store) -> None:
    with sqlite3.connect(path, isolation_level=None, check_same_thread=False) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.1, other.rollback).start()
        await store.set_meta("a", 1)
    other.close()
    assert await store.meta("a") == 1


async def test_a_lock_that_is_held_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.05)
    async with await Store.open(f"sqlite:///{path}") as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        outcomes = await asyncio.gather(
            store.set_meta("a", 1), store.set_meta("b", 1), return_exceptions=True
        )
        assert [str(each) for each in outcomes] == [f"{path}: database is locked"] * 2
        other.rollback()
        other.close()
        await store.set_meta("a", 1)


async def test_a_newer_schema_is_refused_and_left_as_it_is(path: Path) -> None:
    await (await Store.open(f"sqlite:///{path}")).close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 1000")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=r"has schema 1000, made by a newer proxier; this one knows schemas up to"
    ):
        await Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == before


async def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE meta (x)")
    foreign.close()
    with pytest.raises(StoreError, match="table meta already exists"):
        await Store.open(f"sqlite:///{path}")
    with sqlite3.connect(path) as foreign:
        assert foreign.execute("SELECT name FROM sqlite_schema").fetchall() == [("meta",)]
        assert foreign.execute("PRAGMA user_version").fetchone() == (0,)
    foreign.close()


async def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none/p\.db: cannot be made: No such file or directory"):
        await Store.open(f"sqlite:///{tmp_path}/none/p.db")
    with pytest.raises(StoreError, match="unable to open database file"):
        await Store.open(f"sqlite:///{tmp_path}")
    (tmp_path / "text.db").write_text("this is no database, whatever its name says")
    with pytest.raises(StoreError, match="file is not a database"):
        await Store.open(f"sqlite:///{tmp_path}/text.db")


def test_schema_scripts_are_numbered_without_gaps() -> None:
    scripts = sorted((Path(database.__file__).parent / "schema").iterdir())
    assert [int(each.name[:4]) for each in scripts] == list(range(1, len(scripts) + 1))
    assert {each.suffix for each in scripts} == {".sql"}


SAVE_UNTIL_KILLED = """
import asyncio, sys
from proxier.store import GATEWAY, Instance, Store

async def main():
    store = await Store.open(sys.argv[1])
    journal = store.journal(GATEWAY)
    for number in range(1_000_000):
        await journal.save({"number": number, "copy": number}, [Instance("T.", 1, number)])
        print(number, flush=True)

asyncio.run(main())
"""


async def test_what_was_answered_survives_a_kill(path: Path) -> None:
    url = f"sqlite:///{path}"
    with subprocess.Popen(
        [sys.executable, "-c", SAVE_UNTIL_KILLED, url],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) == 50:
                child.kill()
                break
        answered = max([50, *(int(line) for line in child.stdout if line.endswith("\n"))])
    async with await Store.open(url) as store:
        records = await store.records(GATEWAY)
        assert records["number"] >= answered
        assert records["copy"] == records["number"]
        assert await store.instances(GATEWAY) == (Instance("T.", 1, records["number"]),)


MODEL_RECORD = {
    "subtrees": [["urn:x", "/BBF/"]],
    "nodes": [["/BBF/Time/Enable", "boolean", True, False]] * 500,
}


def models_in(path: Path) -> list[tuple[str, int]]:
    """The hashes of the models in a database, and how long they are there."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT hash, length(content) FROM models").fetchall()


async def test_equal_models_stand_once_and_compressed(path: Path, store: Store) -> None:
    for number in range(20):
        await store.journal(f"device {number}").save({MODEL: MODEL_RECORD, "other": number})
    [(_, length)] = models_in(path)
    assert length < len(json.dumps(MODEL_RECORD)) / 20
    assert await store.records("device 7") == {MODEL: MODEL_RECORD, "other": 7}


async def test_a_model_that_no_device_has_any_more_is_dropped(path: Path, store: Store) -> None:
    for each in (METER, LAMP):
        await store.save_device(each)
        await store.journal(each.device_id).save({MODEL: MODEL_RECORD})
    await store.journal(METER.device_id).save({MODEL: {"nodes": []}})
    assert len(models_in(path)) == 2
    assert (await store.records(LAMP.device_id))[MODEL] == MODEL_RECORD
    await store.forget(LAMP.device_id)
    assert len(models_in(path)) == 1
    await store.journal(METER.device_id).save({MODEL: None, "a": 1})
    assert models_in(path) == []
    assert await store.records(METER.device_id) == {"a": 1}


async def test_a_model_that_does_not_change_is_not_written(path: Path, store: Store) -> None:
    journal = store.journal(METER.device_id)
    await journal.save({MODEL: MODEL_RECORD})
    before = log_size(path)
    await journal.save({MODEL: MODEL_RECORD})
    assert log_size(path) == before


async def test_what_was_read_of_data_models_is_kept_until_their_files_are_not_configured(
    store: Store,
) -> None:
    await store.save_data_model("a", {"one": [1]})
    await store.save_data_model("b", {})
    await store.save_data_model("a", {"two": "ü"})
    assert await store.data_model("a") == {"two": "ü"}
    await store.keep_data_models(["b"])
    assert await store.data_model("a") is None
    assert await store.data_model("b") == {}
    await store.keep_data_models([])
    assert await store.data_model("b") is None


async def test_a_database_of_schema_1_is_brought_up_to_date(path: Path) -> None:
    with closing(sqlite3.connect(path)) as old:
        old.executescript((DATABASES / "schema-1.sql").read_text())
        before = {
            (device, key): json.loads(value)
            for device, key, value in old.execute("SELECT device_id, key, value FROM records")
        }
    for _ in range(2):  # the second time there is nothing left to do
        async with await Store.open(f"sqlite:///{path}") as store:
            assert [each.device_id for each in await store.devices()] == [
                METER.device_id,
                LAMP.device_id,
                "00D09E-Meter-43",
            ]
            after = {
                (device, key): value
                for device in (METER.device_id, LAMP.device_id, "00D09E-Meter-43", GATEWAY)
                for key, value in (await store.records(device)).items()
            }
            assert after == before
            assert len(await store.instances(LAMP.device_id)) == 4
            assert await store.meta("connection_request_port") == 7547
    assert len(models_in(path)) == 2
    known = KnownTree(frozenset(), records=await records_of(path, LAMP.device_id))
    assert known.model
    assert known.model.subtrees[0].location == "/BBF/"


async def records_of(path: Path, device_id: str) -> dict[str, Any]:
    async with await Store.open(f"sqlite:///{path}") as store:
        return await store.records(device_id)


async def test_a_database_that_was_taken_away_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "proxier.db"
    async with await Store.open(f"sqlite:///{path}") as store:
        await store.check()
        path.rename(tmp_path / "moved")
        with pytest.raises(StoreError, match="is not the file any more"):
            await store.check()
        path.touch()
        with pytest.raises(StoreError, match="is not the file any more"):
            await store.check()
