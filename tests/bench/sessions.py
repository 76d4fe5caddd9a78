"""Rows 1 and 11: sessions in which the proxier answers from what it holds itself."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from lxml import etree

from cwmp_client.acs import AcsClient, AcsSettings
from cwmp_client.endpoint import Endpoint
from cwmp_client.inform_parameters import FORCED_INFORM_PARAMETERS
from cwmp_client.local_parameters import LocalParameter, LocalParameters
from cwmp_client.management_server import ManagementServer, ManagementServerDefaults
from cwmp_client.messages import DeviceIdStruct
from tests.bench.acs_stub import asking_values
from tests.bench.bare import (
    CONNECTION_REQUEST_URL,
    BareAcsClient,
    connected,
    inform,
    names_in,
    values_response,
)
from tests.bench.certificates import Certificates, certificates
from tests.bench.measuring import in_turns
from tests.bench.sizes import Sizes
from tests.bench.stubs import Cast, playing
from tests.bench.table import Line
from tests.cwmp_client.memory_journal import MemoryJournal

SESSION = "/session"
READINGS, PARAMETERS_IN_A_READING = 4, 25
NAMES = [f"Device.X_Bench.Value{n}" for n in range(READINGS * PARAMETERS_IN_A_READING)]
ASKED = [NAMES[n : n + PARAMETERS_IN_A_READING] for n in range(0, len(NAMES), PARAMETERS_IN_A_READING)]
ENDPOINTS_WITH_TLS = 100
OWN = {name: f"value {name[-2:]} & more" for name in NAMES}


async def sessions(sizes: Sizes) -> AsyncIterator[Line]:
    async with playing(Cast(plans={SESSION: asking_values(*ASKED)})) as stage:
        for count in sizes.endpoints:
            yield await _compare(
                "1",
                f"session of one endpoint among {count}",
                stage.acs + SESSION,
                AcsSettings(),
                sizes,
                count,
                reach=1.15 if count > 1 else None,
            )


async def sessions_over_tls(sizes: Sizes) -> AsyncIterator[Line]:
    with certificates() as pem:
        cast = Cast(plans={SESSION: asking_values(*ASKED)}, certificate=(pem.server, pem.ca))
        async with playing(cast) as stage:
            settings = AcsSettings(ca_file=pem.ca, client_certificate=pem.client)
            yield await _compare(
                "11",
                "session over TLS with a client certificate",
                stage.acs + SESSION,
                settings,
                sizes,
                ENDPOINTS_WITH_TLS,
                tls=_context(pem),
                reach=1.15,
            )


async def _compare(
    row: str,
    what: str,
    url: str,
    settings: AcsSettings,
    sizes: Sizes,
    count: int,
    *,
    tls: ssl.SSLContext | None = None,
    reach: float | None,
) -> Line:
    async with endpoints(url, settings, count) as hold, bare_sessions(url, count, tls) as hold_bare:
        repeats = -(-sizes.sessions // count)
        found = await in_turns(
            lambda: hold(repeats), lambda: hold_bare(repeats), rounds=sizes.rounds, units=repeats * count
        )
    return Line(
        row=row, what=what, product=found.product, yardstick=found.yardstick, figure=found.ratio, reach=reach
    )


Hold = Callable[[int], Awaitable[None]]
"""Has each endpoint hold so many sessions."""


@asynccontextmanager
async def endpoints(url: str, settings: AcsSettings, count: int) -> AsyncIterator[Hold]:
    acs = AcsClient(settings)
    held = asyncio.Semaphore(0)

    async def count_session() -> None:
        held.release()

    made = [_endpoint(url, acs, n) for n in range(count)]
    for endpoint in made:
        endpoint.after_each_session(count_session)

    async def hold(repeats: int) -> None:
        for _ in range(repeats):
            for endpoint in made:
                endpoint.connection_requested()
            for _ in made:
                await held.acquire()
        assert all(e.last_session and e.last_session.outcome == "success" for e in made)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(endpoint.run()) for endpoint in made]
        for _ in made:
            await held.acquire()  # the first one, with 0 BOOTSTRAP
        yield hold
        for task in running:
            task.cancel()
    await acs.close()


def _endpoint(url: str, acs: AcsClient, number: int) -> Endpoint:
    server = ManagementServer(ManagementServerDefaults(url, periodic_inform_enable=False), {})
    server.connection_request_url = CONNECTION_REQUEST_URL
    values = dict.fromkeys((name for name in FORCED_INFORM_PARAMETERS if "ManagementServer" not in name), "1")
    local = LocalParameters({name: LocalParameter(value) for name, value in (values | OWN).items()})
    return Endpoint(
        DeviceIdStruct("Open Proxier", "00005E", "Bench", f"SERIAL-{number:04d}"),
        server,
        [local],
        journal=MemoryJournal(),
        records={},
        acs=acs,
    )


@asynccontextmanager
async def bare_sessions(url: str, count: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Hold]:
    async def answer(number: str, request: etree._Element) -> bytes:
        return values_response(number, [(name, OWN[name], "string") for name in names_in(request)])

    async with connected(tls) as http:
        client = BareAcsClient(http, url)

        async def hold_one(number: int) -> None:
            await client.session(inform(f"SERIAL-{number:04d}", "6 CONNECTION REQUEST"), answer)

        async def hold(repeats: int) -> None:
            for _ in range(repeats):
                async with asyncio.TaskGroup() as tasks:
                    for number in range(count):
                        tasks.create_task(hold_one(number))

        yield hold


def _context(pem: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=pem.ca)
    context.load_cert_chain(pem.client)
    return context
