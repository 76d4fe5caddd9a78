"""`proxier db backup`: a copy that a proxier starts from again, made while another one writes."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from proxier.cli import main
from proxier.store import GATEWAY, Store
from tests.proxier.test_store import LAMP, METER

COPIES = 5
OLDER = b"SQLite format 3\0, older"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "proxier.toml"
    path.write_text('[acs]\nurl = "http://acs.example/"\n')
    return path


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/proxier.db"


def back_up(config: Path, target: Path) -> int:
    return main(["db", "backup", str(target), "--config", str(config)])


async def test_a_copy_made_while_the_store_is_written_is_of_one_moment(
    config: Path, url: str, tmp_path: Path
) -> None:
    stop = asyncio.Event()

    async def write(store: Store) -> int:
        number = 0
        while not stop.is_set():
            number += 1
            await store.save(GATEWAY, {"one": number, "two": "x" * 5000, "three": number})
        return number

    async with await Store.open(url) as store:
        await store.save_device(METER)
        writing = asyncio.create_task(write(store))
        for number in range(COPIES):
            assert await asyncio.to_thread(back_up, config, tmp_path / f"copy-{number}") == 0
        stop.set()
        written = await writing
    seen = []
    for number in range(COPIES):
        async with await Store.open(f"sqlite:///{tmp_path}/copy-{number}") as copy:
            records = await copy.records(GATEWAY)
            assert [each.device_id for each in await copy.devices()] == [METER.device_id]
        assert records.get("one") == records.get("three")
        seen.append(records.get("one", 0))
    assert seen == sorted(seen)
    assert seen[-1] <= written


async def test_a_store_starts_from_a_copy(config: Path, url: str, tmp_path: Path) -> None:
    async with await Store.open(url) as store:
        devices = [await store.save_device(each) for each in (METER, LAMP)]
        assert await asyncio.to_thread(back_up, config, tmp_path / "copy") == 0
        await store.forget(LAMP.device_id)
    for each in tmp_path.glob("proxier.db*"):
        each.unlink()
    (tmp_path / "copy").rename(tmp_path / "proxier.db")
    async with await Store.open(url) as store:
        assert list(await store.devices()) == devices


async def test_an_older_copy_is_replaced_and_only_its_owner_reads_it(
    config: Path, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "backups" / "copy"
    target.parent.mkdir()
    target.write_bytes(OLDER)
    async with await Store.open(url):
        assert await asyncio.to_thread(back_up, config, target) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path}/proxier.db is copied to {target}, ")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [each.name for each in target.parent.iterdir()] == ["copy"]
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_what_cannot_be_copied_is_said_and_nothing_is_touched(
    config: Path, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "proxier.db"
    assert await asyncio.to_thread(back_up, config, tmp_path / "copy") == 1
    assert capsys.readouterr().err == f"{database}: there is no database yet\n"
    async with await Store.open(url):
        pass
    assert await asyncio.to_thread(back_up, config, database) == 1
    assert capsys.readouterr().err == f"{database}: is the database itself\n"
    nowhere = tmp_path / "nowhere" / "copy"
    assert await asyncio.to_thread(back_up, config, nowhere) == 1
    assert capsys.readouterr().err == f"{nowhere}: cannot be written: No such file or directory\n"
    database.write_bytes(b"no database at all" * 100)
    target = tmp_path / "copy"
    target.write_bytes(OLDER)
    assert await asyncio.to_thread(back_up, config, target) == 1
    assert capsys.readouterr().err == f"{database}: cannot be copied: file is not a database\n"
    assert target.read_bytes() == OLDER
    assert {each.name for each in tmp_path.iterdir()} == {"copy", "proxier.db", "proxier.toml"}


async def test_nothing_but_a_copy_is_replaced(
    config: Path, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "proxier.db.lock").touch()
    async with await Store.open(url) as store:
        await store.save_device(METER)
        assert (tmp_path / "proxier.db-wal").stat().st_size
        for name in ("proxier.toml", "proxier.db-wal", "proxier.db-shm", "proxier.db.lock", "folder"):
            target = tmp_path / name
            before = target.stat()
            assert await asyncio.to_thread(back_up, config, target) == 1
            assert capsys.readouterr().err == f"{target}: is there, and no copy of a database\n"
            assert target.stat().st_ino == before.st_ino
        assert await asyncio.to_thread(back_up, config, tmp_path / "empty") == 0
