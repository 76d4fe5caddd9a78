from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from proxier import control_socket
from proxier.control_socket import Command, ControlError, NoDaemon, ask, serve, socket_path


async def double(number: int) -> int:
    return 2 * number


async def refuse() -> None:
    raise ControlError("not today")


async def fail() -> None:
    raise ZeroDivisionError


async def wait() -> None:
    await asyncio.Event().wait()


COMMANDS: Mapping[str, Command] = {"double": double, "refuse": refuse, "fail": fail, "wait": wait}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return socket_path(tmp_path / "proxier.db")


@pytest.fixture
async def served(path: Path) -> AsyncIterator[Path]:
    async with serve(path, COMMANDS):
        yield path


async def exchange(path: Path, request: bytes) -> Any:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(request)
    writer.write_eof()
    answer = json.loads(await reader.read())
    writer.close()
    return answer


def test_the_socket_lies_beside_the_database() -> None:
    assert socket_path(Path("/var/lib/p.db")) == Path("/var/lib/p.db.sock")


async def test_a_command_is_answered(served: Path) -> None:
    assert await asyncio.gather(*(ask(served, "double", number=n) for n in range(20))) == list(
        range(0, 40, 2)
    )


async def test_only_the_owner_may_use_it(served: Path) -> None:
    assert stat.S_IMODE(served.stat().st_mode) == 0o600


async def test_a_refusal_keeps_its_words(served: Path) -> None:
    with pytest.raises(ControlError, match=r"^not today$"):
        await ask(served, "refuse")


async def test_a_command_that_fails_is_logged_and_ends_nothing(
    served: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ControlError, match="the command fail failed; the log says why"):
        await ask(served, "fail")
    assert "ZeroDivisionError" in caplog.text
    assert await ask(served, "double", number=1) == 2


@pytest.mark.parametrize(
    "request_line",
    [
        b"",
        b"\n",
        b"no JSON\n",
        b"[]\n",
        b'"double"\n',
        b'{"command": "double"}\n',
        b'{"command": "double", "arguments": {}}\n',
        b'{"command": "double", "arguments": {"number": 1, "more": 2}}\n',
        b'{"command": "double", "arguments": [1]}\n',
        b'{"command": ["double"], "arguments": {}}\n',
        b'{"command": "undo", "arguments": {}}\n',
        b"\xff\xfe\n",
        b"[" * 60000 + b"\n",
        b"x" * (control_socket.REQUEST_LIMIT + 1),
    ],
)
async def test_what_is_no_command_is_refused(served: Path, request_line: bytes) -> None:
    assert await exchange(served, request_line) == {
        "error": "no such command; there are double, fail, refuse, wait"
    }
    assert await ask(served, "double", number=1) == 2


async def test_a_silent_client_is_given_up(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_socket, "PATIENCE", 0.05)
    reader, writer = await asyncio.open_unix_connection(served)
    assert await reader.read() == b""
    writer.close()


async def test_a_daemon_that_does_not_answer_is_given_up(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_socket, "PATIENCE", 0.05)
    with pytest.raises(ControlError, match="gave no answer within"):
        await ask(served, "wait")


async def test_the_end_waits_for_nobody(path: Path) -> None:
    began = asyncio.Event()

    async def never() -> None:
        began.set()
        await asyncio.Event().wait()

    async with serve(path, {"never": never}):
        _, idle = await asyncio.open_unix_connection(path)
        asking = asyncio.create_task(ask(path, "never"))
        await began.wait()
    with pytest.raises(NoDaemon):
        await asking
    idle.close()
    assert not path.exists()


async def test_nobody_is_there(path: Path) -> None:
    with pytest.raises(NoDaemon):
        await ask(path, "double", number=1)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NoDaemon):
        await ask(path, "double", number=1)


async def test_nobody_is_there_yet(path: Path) -> None:
    commands: dict[str, Command] = {}
    async with serve(path, commands):
        with pytest.raises(NoDaemon):
            await ask(path, "double", number=1)
        commands["double"] = double
        assert await ask(path, "double", number=1) == 2


async def test_a_dead_daemons_socket_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serve(path, COMMANDS):
        assert await ask(path, "double", number=2) == 4


async def test_a_second_daemon_is_refused_and_the_first_goes_on(served: Path) -> None:
    with pytest.raises(ControlError, match="another proxier uses this database"):
        async with serve(served, COMMANDS):
            pass
    assert await ask(served, "double", number=2) == 4


async def test_a_socket_that_another_program_listens_on_is_left_alone(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(ControlError, match="another program listens"):
            async with serve(path, COMMANDS):
                pass
        assert path.exists()


async def test_one_daemon_after_another(path: Path) -> None:
    for number in range(2):
        async with serve(path, COMMANDS):
            assert await ask(path, "double", number=number) == 2 * number


async def test_a_path_too_long_for_a_socket_address(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    path = socket_path(folder / "proxier.db")
    async with serve(path, COMMANDS):
        assert await ask(path, "double", number=2) == 4
    assert not path.exists()


async def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="No such file or directory"):
        async with serve(tmp_path / "none" / "p.db.sock", COMMANDS):
            pass


async def test_an_answer_that_cannot_be_read(path: Path) -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"what?\n")
        writer.close()

    async with await asyncio.start_unix_server(babble, path):
        with pytest.raises(ControlError, match="cannot be read"):
            await ask(path, "double", number=1)
