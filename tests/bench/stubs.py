"""ACS and devices in a process of their own, so that what they cost is not counted."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from typing import NamedTuple
from urllib.request import urlopen

from tests.bench.acs_stub import COUNTS, AcsStub
from tests.bench.device_stub import DESCRIPTION, DeviceStub, address_of

LOOPBACK = "127.0.0.1"
BACKLOG = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who is played.

    Attributes:
        plans: the envelopes that a session at an ACS is asked, by the path of its URL.
        certificate: PEM files of the ACS, its own and the CA of those who come; none: no TLS.
        devices: how many.
        parameters: of a table beside each device's ordinary tree.
        services: those of each device.
        eventing: whether their services have events.
    """

    plans: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    certificate: tuple[str, str] | None = None
    devices: int = 0
    parameters: int = 0
    services: Sequence[str] = ("ConfigurationManagement",)
    eventing: bool = False


class Stage(NamedTuple):
    """Where they are."""

    acs: str
    """The ACS's URL, without a path."""
    locations: tuple[str, ...]


@asynccontextmanager
async def playing(cast: Cast) -> AsyncIterator[Stage]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_play, args=(cast, theirs), daemon=True)
    await asyncio.to_thread(process.start)
    try:
        yield await asyncio.to_thread(ours.recv)
    finally:
        process.terminate()
        await asyncio.to_thread(process.join)
        ours.close()


def _play(cast: Cast, told: Connection) -> None:
    asyncio.run(_serve(cast, told))


async def _serve(cast: Cast, told: Connection) -> None:
    loop = asyncio.get_running_loop()
    tls = _tls(*cast.certificate) if cast.certificate else None
    server = await loop.create_server(AcsStub(cast.plans).connection, LOOPBACK, 0, ssl=tls, backlog=BACKLOG)
    port = server.sockets[0].getsockname()[1]
    acs = f"https://localhost:{port}" if tls else f"http://{LOOPBACK}:{port}"
    locations = []
    if cast.devices:
        stub = DeviceStub(cast.parameters, cast.services, eventing=cast.eventing)
        for number in range(cast.devices):
            device = await loop.create_server(
                partial(stub.connection, number), address_of(number), 0, backlog=BACKLOG
            )
            host, port = device.sockets[0].getsockname()
            locations.append(f"http://{host}:{port}{DESCRIPTION}")
    told.send(Stage(acs, tuple(locations)))
    await asyncio.Event().wait()


def _tls(own: str, ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.load_cert_chain(own)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def counted(stage: Stage) -> dict[str, int]:
    """What the ACS has counted."""

    def ask() -> dict[str, int]:
        with urlopen(stage.acs + COUNTS) as answer:
            found: dict[str, int] = json.load(answer)
            return found

    return await asyncio.to_thread(ask)
