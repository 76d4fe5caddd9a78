"""A small UPnP device on a loopback address: does what a test tells it, remembers what it was asked."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape

import aiohttp
from aiohttp import web

GROUP = ("239.255.255.250", 1900)
SERVICE = "urn:schemas-upnp-org:service"
CMS2 = f"{SERVICE}:ConfigurationManagement:2"
BMS2 = f"{SERVICE}:BasicManagement:2"
SMS2 = f"{SERVICE}:SoftwareManagement:2"
MANAGEABLE = "urn:schemas-upnp-org:device:ManageableDevice:2"

CMS_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "GetSupportedDataModels": (),
    "GetSupportedParameters": ("StartingNode", "SearchDepth"),
    "GetInstances": ("StartingNode", "SearchDepth"),
    "GetValues": ("Parameters",),
    "SetValues": ("ParameterValueList",),
    "GetCurrentConfigurationVersion": (),
}
BMS_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "GetDeviceStatus": (),
    "Reboot": (),
    "Ping": ("Host", "NumberOfRepetitions", "Timeout", "DataBlockSize", "DSCP"),
}

Answer = tuple[int, str | bytes]
Answerer = Callable[["Asked"], Answer | Awaitable[Answer]]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: tuple[str, int]

    @property
    def action(self) -> str:
        return self.headers.get("SOAPACTION", "").strip('"').rpartition("#")[2]


def scpd(actions: Mapping[str, tuple[str, ...]], evented: tuple[str, ...] = ("ConfigurationUpdate",)) -> str:
    listed = "".join(
        f"<action><name>{name}</name><argumentList>"
        + "".join(f"<argument><name>{a}</name><direction>in</direction></argument>" for a in arguments)
        + "<argument><name>Result</name><direction>out</direction></argument></argumentList></action>"
        for name, arguments in actions.items()
    )
    variables = "".join(
        f'<stateVariable sendEvents="yes"><name>{name}</name></stateVariable>' for name in evented
    )
    return (
        '<scpd xmlns="urn:schemas-upnp-org:service-1-0">'
        f"<actionList>{listed}</actionList><serviceStateTable>{variables}"
        '<stateVariable sendEvents="no"><name>A_ARG_TYPE_X</name></stateVariable></serviceStateTable></scpd>'
    )


def service(service_type: str, name: str, *, control: str = "", event: str = "", described: str = "") -> str:
    return (
        f"<service><serviceType>{service_type}</serviceType>"
        f"<serviceId>urn:upnp-org:serviceId:{name}</serviceId>"
        f"<SCPDURL>{described or f'/{name}.xml'}</SCPDURL>"
        f"<controlURL>{control or f'/{name}/control'}</controlURL>"
        f"<eventSubURL>{event or f'/{name}/event'}</eventSubURL></service>"
    )


def device(
    udn: str, services: str = "", embedded: str = "", device_type: str = MANAGEABLE, name: str = "A device"
) -> str:
    return (
        f"<device><deviceType>{device_type}</deviceType><friendlyName>{name}</friendlyName>"
        f"<manufacturer>Example</manufacturer><modelName>Model</modelName><serialNumber>1</serialNumber>"
        f"<UDN>{udn}</UDN><serviceList>{services}</serviceList>"
        + (f"<deviceList>{embedded}</deviceList>" if embedded else "")
        + "</device>"
    )


def description(root_device: str, url_base: str = "") -> str:
    base = f"<URLBase>{url_base}</URLBase>" if url_base else ""
    return (
        '<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major>'
        f"<minor>1</minor></specVersion>{base}{root_device}</root>"
    )


def answer(action: str, values: Mapping[str, str] | None = None, service_type: str = CMS2) -> str:
    written = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in (values or {}).items())
    return (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<u:{action}Response xmlns:u="{service_type}">{written}</u:{action}Response></s:Body></s:Envelope>'
    )


def fault(code: int, text: str = "No") -> str:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        "<faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
        f'<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>{code}</errorCode>'
        f"<errorDescription>{text}</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>"
    )


def properties(**variables: str) -> str:
    written = "".join(f"<e:property><{n}>{escape(v)}</{n}></e:property>" for n, v in variables.items())
    return f'<e:propertyset xmlns:e="urn:schemas-upnp-org:event-1-0">{written}</e:propertyset>'


@dataclass
class StandIn:
    """By default a ManageableDevice:2 with CMS and BMS that answers every action and every SUBSCRIBE."""

    address: str = "127.0.0.2"
    udn: str = field(default_factory=lambda: f"uuid:{uuid.uuid4()}")
    port: int = 0
    documents: dict[str, str | bytes] = field(default_factory=dict)
    actions: dict[str, Answerer] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    """Paths that are never answered."""
    granted: str = "Second-1800"
    initial_event: bool = True
    asked: list[Asked] = field(default_factory=list)
    on_subscribe: Answerer | None = None
    on_unsubscribe: Answerer = lambda _: (200, "")
    callbacks: dict[str, str] = field(default_factory=dict)
    """By SID; what is taken out, the device has forgotten."""
    sid: str = ""
    """Of the last subscription."""
    _tasks: list[asyncio.Task[int]] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __aenter__(self) -> Self:
        self._http = web.Server(self._serve, access_log=None)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._http, self.address, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(local_addr=(self.address, 0)), timeout=aiohttp.ClientTimeout(5)
        )
        self._multicast = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._multicast.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        self._multicast.bind((self.address, 0))
        defaults = {
            "/desc.xml": description(device(self.udn, service(CMS2, "cms") + service(BMS2, "bms"))),
            "/cms.xml": scpd(CMS_ACTIONS),
            "/bms.xml": scpd(BMS_ACTIONS, ("DeviceStatus",)),
        }
        self.documents = {**defaults, **self.documents}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._multicast.close()
        await self._session.close()
        await self.hang_up()

    async def hang_up(self) -> None:
        """Stop serving HTTP: connections are refused from now on."""
        self._server.close()
        self._http.pre_shutdown()
        await self._http.shutdown(0.05)

    @property
    def location(self) -> str:
        return self.url("/desc.xml")

    def url(self, path: str) -> str:
        return f"http://{self.address}:{self.port}{path}"

    def paths(self, method: str = "GET") -> list[str]:
        return [asked.path for asked in self.asked if asked.method == method]

    def calls(self, action: str = "") -> list[Asked]:
        return [asked for asked in self.asked if asked.method == "POST" and action in {"", asked.action}]

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        """Wait until something that was asked makes the condition true."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        peername = request.transport.get_extra_info("peername") if request.transport else ("", 0)
        body_read = await request.content.read()
        asked = Asked(request.method, request.path, request.headers, body_read, peername)
        async with self._changed:
            self.asked.append(asked)
            self._changed.notify_all()
        if asked.path in self.held:
            await asyncio.Event().wait()
        if asked.method == "POST":
            status, body = await _answer_of(self.actions.get(asked.action, _acknowledge), asked)
        elif asked.method == "SUBSCRIBE":
            return await self._subscribed(asked)
        elif asked.method == "UNSUBSCRIBE":
            status, body = await _answer_of(self.on_unsubscribe, asked)
        else:
            status, body = (200, self.documents[asked.path]) if asked.path in self.documents else (404, "")
        return web.Response(status=status, body=body.encode() if isinstance(body, str) else body)

    async def _subscribed(self, asked: Asked) -> web.Response:
        if self.on_subscribe is not None:
            status, _ = await _answer_of(self.on_subscribe, asked)
            if status != 200:
                return web.Response(status=status)
        sid = asked.headers.get("SID", "")
        if "CALLBACK" in asked.headers:
            self.sid = sid = f"uuid:subscription-{len(self.callbacks) + 1}"
            self.callbacks[sid] = asked.headers["CALLBACK"].strip("<>")
            if self.initial_event:
                event = self.notify(0, sid=sid, ConfigurationUpdate="1,now")
                self._tasks.append(asyncio.create_task(event))
        elif sid not in self.callbacks:
            return web.Response(status=412)
        return web.Response(headers={"SID": sid, "TIMEOUT": self.granted})

    async def notify(self, seq: int | None, *, sid: str = "", to: str = "", **variables: str) -> int:
        """Send a notification; returns the status of the answer."""
        headers = {"NT": "upnp:event", "NTS": "upnp:propchange", "SID": sid or self.sid}
        if seq is not None:
            headers["SEQ"] = str(seq)
        url = to or self.callbacks[headers["SID"]]
        data = properties(**variables)
        async with self._session.request("NOTIFY", url, headers=headers, data=data) as response:
            return response.status

    def send(self, text: str) -> None:
        self._multicast.sendto(text.encode(), GROUP)

    def say(
        self, nts: str, target: str = CMS2, udn: str = "", location: str | None = None, **headers: str
    ) -> None:
        """Multicast an advertisement; underscores in the names of further headers stand for dots."""
        udn = udn or self.udn
        usn = udn if target == udn else f"{udn}::{target}"
        lines = {"HOST": "239.255.255.250:1900", "NT": target, "NTS": nts, "USN": usn}
        if nts != "ssdp:byebye":
            lines |= {
                "CACHE-CONTROL": "max-age=1800",
                "LOCATION": self.location if location is None else location,
            }
        lines |= {name.replace("__", "-").replace("_", ".").upper(): value for name, value in headers.items()}
        self.send("NOTIFY * HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items()) + "\r\n")

    def alive(self, **headers: str) -> None:
        for target in ("upnp:rootdevice", self.udn, MANAGEABLE, CMS2, BMS2):
            self.say("ssdp:alive", target, **headers)

    def byebye(self, **headers: str) -> None:
        for target in ("upnp:rootdevice", self.udn, MANAGEABLE, CMS2, BMS2):
            self.say("ssdp:byebye", target, **headers)


async def never(_: Asked) -> Answer:
    """An answerer that does not."""
    await asyncio.Event().wait()
    raise AssertionError


def _acknowledge(asked: Asked) -> Answer:
    return 200, answer(asked.action)


async def _answer_of(answerer: Answerer, asked: Asked) -> Answer:
    result = answerer(asked)
    return result if isinstance(result, tuple) else await result
