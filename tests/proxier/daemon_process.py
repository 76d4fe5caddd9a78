"""`proxier run` and the other commands in processes of their own, as an operator starts them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from proxier.settings import Settings

PATIENCE_SECONDS = 20.0
READY = r"proxier\.daemon ready"
_FAULT = re.compile(r"\S+ (error|critical) |Traceback ")


def write_config(settings: Settings, folder: Path) -> Path:
    """A configuration file that says the same as these settings, secrets and all."""
    lines: list[str] = []
    for name, value in to_builtins(settings).items():
        for table in [value] if isinstance(value, dict) else value:
            lines += _table(f"[{name}]" if table is value else f"[[{name}]]", table)
    path = folder / "proxier.toml"
    path.write_text("\n".join(lines))
    return path


def _table(head: str, keys: Mapping[str, Any]) -> list[str]:
    inner = {key: value for key, value in keys.items() if isinstance(value, dict)}
    # What the other values can be is written in JSON as in TOML.
    own = [f"{key} = {json.dumps(value)}" for key, value in keys.items() if key not in inner]
    return [head, *own, *(line for key in inner for line in _table(f"{head[:-1]}.{key}]", inner[key]))]


class Daemon:
    """One `proxier run`, and all that it logs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.lines: list[str] = []
        self._process = process
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def faults(self) -> list[str]:
        """The lines that speak of a mistake of the program's own."""
        return [line for line in self.lines if _FAULT.match(line)]

    def lines_with(self, pattern: str) -> list[str]:
        return [line for line in self.lines if re.search(pattern, line)]

    async def line(self, pattern: str, seconds: float = PATIENCE_SECONDS) -> str:
        """Wait for a line with this in it."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := self.lines_with(pattern)) and not self._reading.done():
                    await self._news.wait()
        except TimeoutError:
            found = []
        assert found, f"no line has {pattern!r}: {self.lines}"
        return found[0]

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end; returns the exit code, or the negative number of the signal that ended it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._reading
            return await self._process.wait()

    async def _read(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self.lines.append(line.decode().rstrip("\n"))
            self._ring()
        asyncio.get_running_loop().call_soon(self._ring)  # those who wait find that this has ended

    def _ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


@asynccontextmanager
async def daemon(config: Path, **environment: str) -> AsyncIterator[Daemon]:
    """A daemon that was just started, and is killed at the end of the context if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *_command("run", config), env=_environment(environment), stderr=asyncio.subprocess.PIPE
    )
    started = Daemon(process)
    try:
        yield started
    finally:
        if process.returncode is None:
            started.kill()
        await started.ended()


async def proxier(config: Path, *words: str) -> tuple[int, str, str]:
    """Run a command to its end; returns the exit code, and what it wrote to standard output and error."""
    process = await asyncio.create_subprocess_exec(
        *_command(words[0], config, *words[1:]),
        env=_environment({}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


def _command(name: str, config: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "proxier", name, "--config", str(config), *words]


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **more}
