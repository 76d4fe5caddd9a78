"""The daemon's Unix socket: one request and one answer a connection, each a JSON object on a line.

    {"command": "show", "arguments": {"device": "00D09E"}}
    {"result": {"device_id": "00D09E-Meter-42", …}}    or    {"error": "no device is like '00D09E'"}

The socket lies beside the database and only its owner may use it. It also sees to it that one database has
one daemon: a lock file tells, even between two that start together and after a `kill -9`.
"""

from __future__ import annotations

import asyncio
import fcntl
import inspect
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from proxier.errors import ProxierError

logger = logging.getLogger(__name__)

REQUEST_LIMIT = 64 * 1024
"""Octets of a request."""
ANSWER_LIMIT = 16 * 1024 * 1024
"""Octets of an answer."""
PATIENCE = 10
"""Seconds that one side waits for the other."""
ADDRESS_LIMIT = 107
"""Octets of the path in a Unix socket address. Source: unix(7)"""

Command: TypeAlias = Callable[..., Awaitable[Any]]
"""Called with the request's arguments by name; returns a JSON value, or raises ControlError."""


class ControlError(ProxierError):
    """The daemon refused a command, or could not be asked."""


class NoDaemon(ControlError):
    """No daemon runs on this database, or none that is ready."""


def socket_path(database: Path) -> Path:
    """Where the daemon of a database listens."""
    return database.with_name(f"{database.name}.sock")


@contextmanager
def sole_use(path: Path) -> Iterator[None]:
    """Hold the lock that only one program at a time can have; the system lets go of a dead one's.

    Raises:
        ControlError: another program holds it.
    """
    lock_path = path.with_suffix(".lock")
    try:
        lock = os.open(lock_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ControlError(f"{lock_path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ControlError(f"another proxier uses this database; it listens on {path}") from error
        yield
    finally:
        os.close(lock)


@asynccontextmanager
async def serve(path: Path, commands: Mapping[str, Command]) -> AsyncIterator[None]:
    """Answer commands while the context lasts; as long as there are none, it is as if no daemon ran.

    Raises:
        ControlError: another daemon runs on this database, or the socket cannot be made.
    """
    conversations: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.create_task(_converse(reader, writer, commands))
        conversations.add(conversation)
        conversation.add_done_callback(conversations.discard)
        conversation.add_done_callback(lambda _: writer.close())  # also if it was cancelled before it began

    with sole_use(path), _listening_socket(path) as listening:
        server = await asyncio.start_unix_server(accept, sock=listening, limit=REQUEST_LIMIT)
        try:
            yield
        finally:
            server.close()
            for conversation in conversations:
                conversation.cancel()
            await asyncio.gather(*conversations, return_exceptions=True)


async def ask(path: Path, command: str, /, **arguments: Any) -> Any:
    """Ask the daemon for something.

    Raises:
        NoDaemon: none listens there.
        ControlError: the daemon refused, or did not answer as it should.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            with _address(path) as address:
                reader, writer = await asyncio.open_unix_connection(address, limit=ANSWER_LIMIT)
            try:
                writer.write(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
                line = await reader.readline()
            finally:
                writer.close()
        if not line:
            raise NoDaemon(f"the proxier on {path} is starting or ending")
        answer = json.loads(line)
    except (FileNotFoundError, ConnectionError) as error:
        raise NoDaemon(f"no proxier listens on {path}") from error
    except TimeoutError as error:
        raise ControlError(f"the proxier on {path} gave no answer within {PATIENCE} s") from error
    except OSError as error:
        raise ControlError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # an endless line, or no JSON
        raise ControlError(f"the answer on {path} cannot be read") from error
    if "error" in answer:
        raise ControlError(answer["error"])
    return answer["result"]


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, commands: Mapping[str, Command]
) -> None:
    try:
        if commands:
            answer = json.dumps(await _answer(reader, commands))
            writer.write(answer.encode() + b"\n")
        await asyncio.wait_for(writer.drain(), PATIENCE)
    except (TimeoutError, ConnectionError):
        logger.debug("a control connection was given up")


async def _answer(reader: asyncio.StreamReader, commands: Mapping[str, Command]) -> dict[str, Any]:
    try:
        line = await asyncio.wait_for(reader.readline(), PATIENCE)
        request = json.loads(line)
        name, arguments = request["command"], request["arguments"]
        command = commands[name]
        inspect.signature(command).bind(**arguments)
    except (ValueError, TypeError, LookupError, RecursionError):
        return {"error": f"no such command; there are {', '.join(sorted(commands))}"}
    try:
        return {"result": await command(**arguments)}
    except ControlError as error:
        return {"error": str(error)}
    except Exception:
        logger.exception("the command %s failed", name)
        return {"error": f"the command {name} failed; the log says why"}


@contextmanager
def _listening_socket(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        try:
            with _address(path) as address:
                _remove_stale(path, address)
                listening.bind(address)
            path.chmod(0o600)  # nobody can connect before listen()
            listening.listen()
        except OSError as error:
            raise ControlError(f"{path}: {error.strerror or error}") from error
        try:
            yield listening
        finally:
            path.unlink(missing_ok=True)


def _remove_stale(path: Path, address: str) -> None:
    """Remove the socket of a dead daemon, and only that."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            path.unlink()
        except FileNotFoundError:
            return
        else:
            raise ControlError(f"another program listens on {path}")


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """A path that fits into a socket address, good as long as the context lasts."""
    if len(os.fsencode(path)) <= ADDRESS_LIMIT:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
