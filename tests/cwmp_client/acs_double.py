"""An ACS on loopback that a test tells what to ask and how to misbehave."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import web

from cwmp_client import soap
from cwmp_client.messages import (
    AcsRequest,
    AutonomousTransferComplete,
    AutonomousTransferCompleteResponse,
    CpeResponse,
    EventStruct,
    Fault,
    Inform,
    InformResponse,
    Message,
    TransferComplete,
    TransferCompleteResponse,
)

Answer = web.Response | None
Intercept = Callable[["Exchange"], Awaitable[Answer]]

ANSWERS: dict[type, Message] = {
    Inform: InformResponse(),
    TransferComplete: TransferCompleteResponse(),
    AutonomousTransferComplete: AutonomousTransferCompleteResponse(),
}


@dataclass
class Exchange:
    """One POST; `message` is None for an empty one."""

    request: web.BaseRequest
    body: bytes
    message: Message | soap.UnknownMethod | soap.InvalidArguments | None
    header: soap.Header
    namespace: str


@dataclass
class AcsDouble:
    """`rpcs` are asked one after the other, each in the first session that comes.

    `intercept` may answer in place of the ACS; None leaves it to the ACS.
    """

    url: str = ""
    rpcs: list[AcsRequest] = field(default_factory=list)
    intercept: Intercept | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    informs: list[Inform] = field(default_factory=list)
    answers: list[CpeResponse | Fault] = field(default_factory=list)
    ended: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    informed: asyncio.Queue[Inform] = field(default_factory=asyncio.Queue)

    @property
    def event_codes(self) -> list[list[str]]:
        return [[event.event_code for event in inform.event] for inform in self.informs]

    @property
    def bodies(self) -> list[str]:
        return [type(exchange.message).__name__ if exchange.body else "" for exchange in self.exchanges]

    async def next_inform(self) -> Inform:
        async with asyncio.timeout(10):
            return await self.informed.get()

    async def next_events(self) -> tuple[EventStruct, ...]:
        return (await self.next_inform()).event

    async def session_end(self) -> None:
        async with asyncio.timeout(10):
            await self.ended.get()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        if body:
            envelope = soap.decode(body)
            exchange = Exchange(request, body, envelope.message, envelope.header, envelope.namespace)
        else:
            exchange = Exchange(request, body, None, soap.Header(), soap.NAMESPACES["1.4"])
        self.exchanges.append(exchange)
        if isinstance(exchange.message, Inform):
            self.informs.append(exchange.message)
            self.informed.put_nowait(exchange.message)
        if self.intercept is not None and (answer := await self.intercept(exchange)) is not None:
            return answer
        return self.answer(exchange)

    def answer(self, exchange: Exchange) -> web.Response:
        """What a well-behaved ACS answers."""
        message = exchange.message
        if message is not None and type(message) in ANSWERS:
            return envelope(ANSWERS[type(message)], exchange)
        if message is not None:
            assert isinstance(message, CpeResponse | Fault), message
            self.answers.append(message)
        if self.rpcs:
            return envelope(self.rpcs.pop(0), exchange, identifier="acs-1")
        self.ended.put_nowait(None)
        return web.Response(status=204)


def envelope(message: Message, exchange: Exchange, *, identifier: str = "") -> web.Response:
    header = soap.Header(id=identifier or exchange.header.id)
    body = soap.encode(message, namespace=exchange.namespace, header=header)
    return web.Response(body=body, content_type="text/xml", charset="utf-8")


@asynccontextmanager
async def running_acs(
    tls: ssl.SSLContext | None = None, rpcs: Iterable[AcsRequest] = ()
) -> AsyncIterator[AcsDouble]:
    acs = AcsDouble(rpcs=list(rpcs))
    async with serving(acs.handle, tls) as port:
        acs.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/cwmp"
        yield acs


@asynccontextmanager
async def serving(
    handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """An HTTP server on loopback; gives its port."""
    http = web.Server(handle)
    server = await asyncio.get_running_loop().create_server(http, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await http.shutdown(timeout=0.1)


@asynccontextmanager
async def raw_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A TCP server on loopback that does as `talk` says; gives its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """One HTTP request as it is on the wire: its head and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(
        (int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length:")),
        0,
    )
    return head, await reader.readexactly(length)


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a request, a byte at a time, for as long as somebody listens."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not reader.at_eof():
        writer.write(b"x")
        await asyncio.sleep(0.02)


@asynccontextmanager
async def raw_client(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TCP connection to a port on loopback."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
