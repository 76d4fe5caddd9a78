"""GenieACS's northbound interface, as far as the tests need it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp

TASK_SECONDS = 10.0
"""In which a task must be done, from its POST to GenieACS's word that nothing of it is left."""
PAUSE_SECONDS = 0.2
"""Between two looks: GenieACS calls nobody."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the interface said; `reason` is the phrase beside the status, which GenieACS words itself."""

    status: int
    reason: str
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class GenieAcs:
    """A GenieACS that runs somewhere; `cwmp_url` is where its devices go."""

    def __init__(self, nbi_url: str, cwmp_url: str, http: aiohttp.ClientSession) -> None:
        self.cwmp_url = cwmp_url
        self._nbi_url = nbi_url.rstrip("/")
        self._http = http

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask for something; a device that is in a session makes GenieACS say 503 for a moment."""
        async with asyncio.timeout(TASK_SECONDS):
            while True:
                async with self._http.request(
                    method, self._nbi_url + path, params=query, data=body, headers=headers
                ) as response:
                    answer = Answer(response.status, response.reason or "", await response.read())
                if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    return answer
                await asyncio.sleep(PAUSE_SECONDS)

    async def find(self, collection: str, **query: str) -> list[dict[str, Any]]:
        """The entries of a collection that have these values."""
        answer = await self.request("GET", f"/{collection}/", {"query": json.dumps(query)} if query else None)
        assert answer.status == HTTPStatus.OK, answer
        found: list[dict[str, Any]] = answer.json()
        return found

    async def put(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        answer = await self.request("PUT", path, body=body, headers=headers)
        assert answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}, answer

    async def delete(self, path: str) -> None:
        answer = await self.request("DELETE", path)
        assert answer.status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}, answer


class AtGenieAcs:
    """One device as GenieACS knows it."""

    def __init__(self, acs: GenieAcs, device_id: str) -> None:
        self.id = device_id
        self._acs = acs
        self._path = f"/devices/{quote(device_id, safe='')}"

    async def document(self) -> dict[str, Any]:
        """All that GenieACS has stored; empty as long as it does not know the device."""
        found = await self._acs.find("devices", _id=self.id)
        return found[0] if found else {}

    async def node(self, path: str) -> dict[str, Any]:
        """What GenieACS has stored at a path; empty where it knows of nothing."""
        node = await self.document()
        for name in path.split("."):
            node = node.get(name, {})
        return node

    async def value(self, path: str) -> Any:
        return (await self.node(path)).get("_value")

    async def names(self) -> set[str]:
        """The parameters of which GenieACS has a value."""
        return set(_leaves(await self.document(), ""))

    async def rows(self, table: str) -> list[int]:
        return sorted(int(name) for name in await self.node(table) if name.isdigit())

    async def faults(self) -> list[dict[str, Any]]:
        return await self._acs.find("faults", device=self.id)

    async def task(self, name: str, **arguments: Any) -> None:
        """Have the device do something, by way of a connection request; returns when it is done."""
        body = json.dumps({"name": name, **arguments}).encode()
        begun = time.monotonic()
        answer = await self._acs.request("POST", f"{self._path}/tasks", {"connection_request": ""}, body)
        assert answer.status == HTTPStatus.OK, (answer, await self.faults())
        await self.until(self._is_idle)
        assert time.monotonic() - begun < TASK_SECONDS

    async def connection_request(self) -> Answer:
        """A connection request and no more; returns when the session that it caused is over, if it did."""
        last = (await self.document())["_lastInform"]
        answer = await self._acs.request("POST", f"{self._path}/tasks", {"connection_request": ""})
        if answer.status == HTTPStatus.OK:
            await self.until_changed("_lastInform", last)
        return answer

    async def set(self, *values: Sequence[Any]) -> None:
        """SetParameterValues, each value with its path and type."""
        await self.task("setParameterValues", parameterValues=values)

    async def until(self, holds: Callable[[], Awaitable[bool]], seconds: float = TASK_SECONDS) -> None:
        """Wait until GenieACS says so."""
        async with asyncio.timeout(seconds):
            while True:
                if await holds():
                    return
                await asyncio.sleep(PAUSE_SECONDS)

    async def until_changed(self, stamp: str, before: Any, seconds: float = TASK_SECONDS) -> None:
        """Wait until the document has something else under a name such as `_lastBoot`."""

        async def has_changed() -> bool:
            return (await self.document()).get(stamp) not in {None, before}

        await self.until(has_changed, seconds)

    async def forget(self) -> None:
        """Take the device, its tasks and its faults away."""
        for fault in await self.faults():
            await self._acs.delete(f"/faults/{quote(fault['_id'], safe='')}")
        for task in await self._acs.find("tasks", device=self.id):
            await self._acs.delete(f"/tasks/{task['_id']}")
        await self._acs.delete(self._path)

    async def _is_idle(self) -> bool:
        """Whether no task is waiting; GenieACS keeps a download among the operations until it is reported."""
        operations = await self._acs.find("operations")
        return not (
            await self._acs.find("tasks", device=self.id)
            or any(operation["_id"].startswith(f"{self.id}:") for operation in operations)
        )


def _leaves(node: Mapping[str, Any], path: str) -> list[str]:
    if "_value" in node:
        return [path]
    return [
        leaf
        for name, child in node.items()
        if isinstance(child, dict)
        for leaf in _leaves(child, f"{path}.{name}" if path else name)
    ]
