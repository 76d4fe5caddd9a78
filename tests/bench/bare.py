"""The yardsticks: aiohttp posts, lxml reads, strings are joined; the same bytes go to and fro."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from xml.sax.saxutils import escape

import aiohttp
from lxml import etree

CONCURRENCY = 32
"""Sessions at once: what the proxier holds too, unless its configuration says otherwise."""

CONNECTION_REQUEST_URL = "http://192.0.2.1:7547/AAAAAAAAAAAAAAAAAAAAAAAA"

_INFORMED = (
    ("Device.RootDataModelVersion", "2.17", "string"),
    ("Device.DeviceInfo.HardwareVersion", "1", "string"),
    ("Device.DeviceInfo.SoftwareVersion", "1.0.0", "string"),
    ("Device.DeviceInfo.ProvisioningCode", "", "string"),
    ("Device.ManagementServer.ParameterKey", "", "string"),
    ("Device.ManagementServer.ConnectionRequestURL", CONNECTION_REQUEST_URL, "string"),
    ("Device.ManagementServer.AliasBasedAddressing", "true", "boolean"),
)
"""What every Inform holds: name, value, type."""

_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="urn:dslforum-org:cwmp-1-2">'
    "<soap-env:Header>{header}</soap-env:Header><soap-env:Body>"
)
_ID = '<cwmp:ID soap-env:mustUnderstand="1">{id}</cwmp:ID>'
_INFORM_HEADER = _ID + (
    '<cwmp:SessionTimeout soap-env:mustUnderstand="0">60</cwmp:SessionTimeout>'
    '<cwmp:SupportedCWMPVersions soap-env:mustUnderstand="0">1.0,1.1,1.2,1.3,1.4</cwmp:SupportedCWMPVersions>'
)
_END = "</soap-env:Body></soap-env:Envelope>"
_HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": ""}

_CONTROL_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
)


def value_structs(values: Iterable[tuple[str, str, str]]) -> list[str]:
    return [
        f"<ParameterValueStruct><Name>{escape(name)}</Name>"
        f'<Value xsi:type="xsd:{type_}">{escape(value)}</Value></ParameterValueStruct>'
        for name, value, type_ in values
    ]


def values_response(number: str, values: Sequence[tuple[str, str, str]]) -> bytes:
    parts = [
        _ENVELOPE.format(header=_ID.format(id=number)),
        "<cwmp:GetParameterValuesResponse>",
        f'<ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[{len(values)}]">',
        *value_structs(values),
        "</ParameterList></cwmp:GetParameterValuesResponse>",
        _END,
    ]
    return "".join(parts).encode()


def names_response(number: str, names: Mapping[str, bool]) -> bytes:
    parts = [
        _ENVELOPE.format(header=_ID.format(id=number)),
        "<cwmp:GetParameterNamesResponse>",
        f'<ParameterList soap-enc:arrayType="cwmp:ParameterInfoStruct[{len(names)}]">',
        *(
            f"<ParameterInfoStruct><Name>{escape(name)}</Name>"
            f"<Writable>{'true' if writable else 'false'}</Writable></ParameterInfoStruct>"
            for name, writable in names.items()
        ),
        "</ParameterList></cwmp:GetParameterNamesResponse>",
        _END,
    ]
    return "".join(parts).encode()


def inform(serial: str, event_code: str) -> bytes:
    parts = [
        _ENVELOPE.format(header=_INFORM_HEADER.format(id=1)),
        "<cwmp:Inform><DeviceId><Manufacturer>Open Proxier</Manufacturer><OUI>00005E</OUI>",
        f"<ProductClass>Bench</ProductClass><SerialNumber>{escape(serial)}</SerialNumber></DeviceId>",
        f'<Event soap-enc:arrayType="cwmp:EventStruct[1]"><EventStruct><EventCode>{event_code}</EventCode>',
        "<CommandKey></CommandKey></EventStruct></Event><MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-03-01T12:00:00+00:00</CurrentTime>",
        "<RetryCount>0</RetryCount>",
        f'<ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[{len(_INFORMED)}]">',
        *value_structs(_INFORMED),
        "</ParameterList></cwmp:Inform>",
        _END,
    ]
    return "".join(parts).encode()


Answering = Callable[[str, etree._Element], Awaitable[bytes]]
"""Takes the ID and the envelope of a request, and returns the envelope of the answer."""


def names_in(request: etree._Element) -> list[str]:
    """The names that a GetParameterValues asks for."""
    return [element.text or "" for element in request.iter("string")]


class BareAcsClient:
    """Sessions of any number of devices over one connector."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url
        self._places = asyncio.Semaphore(CONCURRENCY)

    async def session(self, inform_body: bytes, answer: Answering) -> None:
        """One session, in which the ACS asks until it has nothing more to ask."""
        async with self._places:
            response = await self._post(inform_body)
            next(etree.fromstring(response).iter("{*}InformResponse"))
            body = b""
            while response := await self._post(body):
                request = etree.fromstring(response)
                number = next(request.iter("{*}ID")).text or ""
                body = await answer(number, request)

    async def _post(self, body: bytes) -> bytes:
        async with self._http.post(
            self._url, data=body or None, headers=_HEADERS if body else {}
        ) as response:
            return await response.read()


class BareControlPoint:
    """Action calls over one connector."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def get(self, url: str) -> etree._Element:
        async with self._http.get(url) as response:
            return etree.fromstring(await response.read())

    async def call(self, url: str, service_type: str, action: str, **arguments: str) -> etree._Element:
        """The answer's element, its arguments below."""
        written = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in arguments.items())
        body = (
            f'{_CONTROL_ENVELOPE}<u:{action} xmlns:u="{service_type}">{written}</u:{action}>'
            "</s:Body></s:Envelope>\n"
        )
        headers = {
            "Content-Type": 'text/xml; charset="utf-8"',
            "SOAPACTION": f'"{service_type}#{action}"',
        }
        async with self._http.post(url, data=body.encode(), headers=headers) as response:
            return etree.fromstring(await response.read())[0][0]

    async def values(self, url: str, service_type: str, paths: Iterable[str]) -> dict[str, str]:
        document = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<cms:ContentPathList xmlns:cms="urn:schemas-upnp-org:dm:cms"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            ' xsi:schemaLocation="urn:schemas-upnp-org:dm:cms http://www.upnp.org/schemas/dm/cms.xsd">'
            f"{''.join(f'<ContentPath>{escape(path)}</ContentPath>' for path in paths)}</cms:ContentPathList>"
        )
        answer = await self.call(url, service_type, "GetValues", Parameters=document)
        return read_values(answer[0].text or "")


def read_values(document: str) -> dict[str, str]:
    """What a ParameterValueList holds."""
    return {element[0].text or "": element[1].text or "" for element in etree.fromstring(document.encode())}


@asynccontextmanager
async def connected(tls: ssl.SSLContext | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0, ssl=tls or True)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Content-Type", "Accept-Encoding", "User-Agent"),
    ) as http:
        yield http
