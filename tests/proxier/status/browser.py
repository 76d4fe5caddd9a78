"""Chromium without a window, driven over its DevTools protocol. Source: chromedevtools.github.io"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PATIENCE_SECONDS = 30.0
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page:
    """A tab; `complaints` are what the browser has logged as an error: scripts that fail, policies broken."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())

    async def open(self, url: str) -> None:
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self._ask(f"{domain}.enable")
        await self._ask("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = await self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if await self.evaluate(expression):
                    return
                await asyncio.sleep(0.05)  # a page calls nobody

    async def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        await self._ask("Emulation.setDeviceMetricsOverride", **size)

    async def screenshot(self) -> bytes:
        """The whole page as PNG."""
        answer = await self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def _ask(self, method: str, **arguments: Any) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": arguments})
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await answer

    async def _read(self) -> None:
        async for frame in self._socket:
            message = frame.json()
            if "id" in message:
                self._answers.pop(message["id"]).set_result(message.get("result", message))
            elif message["method"] == "Runtime.exceptionThrown":
                self.complaints.append(str(message["params"]))
            elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.complaints.append(str(message["params"]["entry"]))


@asynccontextmanager
async def page(folder: Path) -> AsyncIterator[Page]:
    """A tab of a browser that ends with the context; it keeps its things in a folder."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless=new",
        *(["--no-sandbox"] if os.getuid() == 0 else []),  # it refuses to run as root with one
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--no-proxy-server",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder / 'chromium'}",
        "about:blank",
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        port = await _debugging_port(process)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            async with client.get("/json/list") as answer:
                [tab] = [each for each in await answer.json() if each["type"] == "page"]
            async with client.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                opened = Page(socket)
                try:
                    yield opened
                finally:
                    await opened.close()
    finally:
        process.kill()
        await process.communicate()


async def _debugging_port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for line in process.stderr:
            if found := re.search(rb"DevTools listening on ws://[^:/]+:(\d+)/", line):
                return int(found[1])
    raise AssertionError("chromium did not start")
