"""A bare control point for the tests of the simulated device; it shares no code with the proxier's own."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any

import aiohttp
from aiohttp import web
from lxml import etree

from proxier.demo.device import SimulatedDevice

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
CONTROL = "{urn:schemas-upnp-org:control-1-0}"
CMS = "urn:schemas-upnp-org:dm:cms"


class Refused(Exception):
    def __init__(self, code: int, description: str) -> None:
        super().__init__(code, description)
        self.code = code


def envelope(service_type: str, action: str, arguments: Mapping[str, str]) -> bytes:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in arguments.items())
    return (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
        ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{action} xmlns:u="{service_type}">{inner}</u:{action}></s:Body></s:Envelope>'
    ).encode()


def document(root: str, child: str, *rows: str | Mapping[str, str]) -> str:
    def content(row: str | Mapping[str, str]) -> str:
        if isinstance(row, str):
            return escape(row)
        return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row.items())

    children = "".join(f"<{child}>{content(row)}</{child}>" for row in rows)
    return f'<cms:{root} xmlns:cms="{CMS}">{children}</cms:{root}>'


def content_paths(*paths: str) -> str:
    return document("ContentPathList", "ContentPath", *paths)


def parameter_values(values: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    pairs = values.items() if isinstance(values, Mapping) else values
    rows = ({"ParameterPath": path, "Value": value} for path, value in pairs)
    return document("ParameterValueList", "Parameter", *rows)


def initial_values(values: Mapping[str, str]) -> str:
    rows = ({"RelativePath": path, "Value": value} for path, value in values.items())
    return document("ParameterInitialValueList", "Parameter", *rows)


def attribute_values(path: str, **attributes: str) -> str:
    return document("NodeAttributeValueList", "Node", {"NodeAttributePath": path, **attributes})


def texts(xml: str) -> list[str]:
    return [element.text or "" for element in etree.fromstring(xml.encode())]


def records(xml: str) -> list[dict[str, str]]:
    return [{str(f.tag): f.text or "" for f in element} for element in etree.fromstring(xml.encode())]


@dataclass
class DeviceClient:
    device: SimulatedDevice
    http: aiohttp.ClientSession

    def service_of(self, action: str) -> str:
        for service in self.device.offered.values():
            if action in service.actions:
                return service.name
        raise LookupError(action)

    async def call(self, action: str, **arguments: str) -> dict[str, str]:
        service = self.service_of(action)
        service_type = f"urn:schemas-upnp-org:service:{service}:{self.device.version}"
        status, body = await self.post(
            service,
            f'"{service_type}#{action}"',
            envelope(service_type, action, arguments),
        )
        root = etree.fromstring(body)
        answer = root.find(f"{SOAP}Body")
        assert answer is not None
        fault = answer.find(f".//{CONTROL}UPnPError")
        if fault is not None:
            assert status == 500
            code = fault.findtext(f"{CONTROL}errorCode") or ""
            raise Refused(int(code), fault.findtext(f"{CONTROL}errorDescription") or "")
        assert status == 200
        assert answer[0].tag == f"{{{service_type}}}{action}Response"
        return {str(argument.tag): argument.text or "" for argument in answer[0]}

    async def post(
        self, service: str, soap_action: str, body: bytes, content_type: str = 'text/xml; charset="utf-8"'
    ) -> tuple[int, bytes]:
        headers = {"SOAPACTION": soap_action, "Content-Type": content_type}
        url = f"{self.device.base_url}/control/{service}"
        async with self.http.post(url, data=body, headers=headers) as response:
            return response.status, await response.read()

    async def get(self, path: str) -> bytes:
        async with self.http.get(self.device.base_url + path) as response:
            response.raise_for_status()
            return await response.read()

    async def values(self, *paths: str) -> dict[str, str]:
        answer = await self.call("GetValues", Parameters=content_paths(*paths))
        return {row["ParameterPath"]: row["Value"] for row in records(answer["ParameterValueList"])}

    async def set_values(self, values: Mapping[str, str]) -> str:
        return (await self.call("SetValues", ParameterValueList=parameter_values(values)))["Status"]

    async def attributes(self, path: str) -> dict[str, str]:
        paths = document("NodeAttributePathList", "NodeAttributePath", path)
        answer = await self.call("GetAttributes", Parameters=paths)
        (row,) = records(answer["NodeAttributeValueList"])
        assert row.pop("NodeAttributePath") == path
        return row

    async def watch(self, path: str) -> None:
        await self.call("SetAttributes", NodeAttributeValueList=attribute_values(path, EventOnChange="1"))


@asynccontextmanager
async def client_of(device: SimulatedDevice) -> AsyncIterator[DeviceClient]:
    async with aiohttp.ClientSession() as http:
        yield DeviceClient(device, http)


@dataclass
class Notified:
    seq: int
    sid: str
    variables: dict[str, str]
    connection: Any


@dataclass
class Subscriber:
    """A receiver of events; `silent` accepts a NOTIFY and never answers it."""

    client: DeviceClient
    url: str = ""
    silent: bool = False
    events: asyncio.Queue[Notified] = field(default_factory=asyncio.Queue)

    async def request(self, method: str, service: str, **headers: str) -> aiohttp.ClientResponse:
        url = f"{self.client.device.base_url}/event/{service}"
        async with self.client.http.request(method, url, headers=headers) as response:
            await response.read()
            return response

    async def subscribe(self, service: str) -> str:
        headers = {"CALLBACK": f"<{self.url}>", "NT": "upnp:event", "TIMEOUT": "Second-1800"}
        response = await self.request("SUBSCRIBE", service, **headers)
        assert response.status == 200
        return response.headers["SID"]

    async def next(self) -> Notified:
        return await asyncio.wait_for(self.events.get(), 5)

    async def receive(self, request: web.Request) -> web.Response:
        root = etree.fromstring(await request.read())
        assert root.tag == "{urn:schemas-upnp-org:event-1-0}propertyset"
        assert request.headers["NT"] == "upnp:event"
        assert request.headers["NTS"] == "upnp:propchange"
        variables = {str(p[0].tag): p[0].text or "" for p in root}
        self.events.put_nowait(
            Notified(int(request.headers["SEQ"]), request.headers["SID"], variables, request.transport)
        )
        if self.silent:
            await asyncio.Event().wait()
        return web.Response()


@asynccontextmanager
async def subscriber_to(client: DeviceClient) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(client)
    application = web.Application()
    application.router.add_route("NOTIFY", "/events", subscriber.receive)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    subscriber.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
    try:
        yield subscriber
    finally:
        await runner.cleanup()


GROUP = ("239.255.255.250", 1900)


class Listener(asyncio.DatagramProtocol):
    """Hears SSDP on loopback: what was multicast, or what was answered to a search."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, list[tuple[str, str]]]] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport

    def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
        start, *lines = data.decode().split("\r\n")
        headers = [
            (name.upper(), value.strip())
            for name, _, value in (line.partition(":") for line in lines if line)
        ]
        self.heard.put_nowait((start, headers))

    async def collect(self, device: SimulatedDevice, count: int) -> list[dict[str, str]]:
        """The next so many messages of one device, as their headers with the start line under `""`."""
        found: list[dict[str, str]] = []
        async with asyncio.timeout(5):
            while len(found) < count:
                start, headers = await self.heard.get()
                usn = dict(headers).get("USN", "")
                if usn.split("::")[0] in {device.udn, device.root_udn}:
                    found.append({"": start, **dict(headers)})
        return found


@asynccontextmanager
async def listening(*, group: bool = True) -> AsyncIterator[Listener]:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    if group:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(GROUP)
        membership = struct.pack("4s4s", socket.inet_aton(GROUP[0]), socket.inet_aton("127.0.0.1"))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    else:
        sock.bind(("127.0.0.1", 0))
    transport, listener = await asyncio.get_running_loop().create_datagram_endpoint(Listener, sock=sock)
    listener.transport = transport
    try:
        yield listener
    finally:
        transport.close()


def search(target: str, **changes: str) -> bytes:
    headers = {"HOST": "239.255.255.250:1900", "MAN": '"ssdp:discover"', "MX": "1", "ST": target, **changes}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    return f"M-SEARCH * HTTP/1.1\r\n{lines}\r\n".encode()
