"""UPnP devices that answer fixed bytes: what the simulated device says once is said again and again.

Each has an address of its own on loopback, as each has on a LAN.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from proxier.demo.device import SimulatedDevice
from proxier.demo.device_control import read_arguments, read_invocation, write_answer
from proxier.demo.device_gena import FIRST_EVENT_DELAY_SECONDS, property_set
from proxier.demo.device_scpd import description, scpd
from tests.bench.http_stub import NOT_FOUND, HttpStub, Request, ok

PRODUCT_CLASS, OUI = "Bench", "00005E"
SERIAL = "SERIAL-0000"
UDNS = f"uuid:{SERIAL.partition('-')[0]}-*"
"""The pattern of all their UDNs: others may be simulated on loopback by somebody else."""
DESCRIPTION = "/description.xml"

SERVICES = ("BasicManagement", "ConfigurationManagement", "SoftwareManagement")


def serial_of(number: int) -> str:
    return f"SERIAL-{number:04d}"


def address_of(number: int) -> str:
    """The loopback address of the device of this number."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


class DeviceStub:
    """A device model, of which any number of devices are made that differ in UDN and serial number only."""

    def __init__(self, parameters: int, services: Sequence[str], *, eventing: bool) -> None:
        self._device = SimulatedDevice(
            serial=SERIAL,
            oui=OUI,
            product_class=PRODUCT_CLASS,
            advertise=False,
            extra_parameters=parameters,
            without_services=frozenset(SERVICES).difference(services),
            eventing=eventing,
        )
        self._device.bms.power_on()
        self._device.sms.power_on()
        self._said: dict[tuple[str, str, bytes], bytes] = {}
        self._notifications: set[asyncio.Task[None]] = set()

    def connection(self, number: int) -> HttpStub:
        serial = serial_of(number)

        def answer(request: Request) -> bytes:
            if request.method in {"SUBSCRIBE", "UNSUBSCRIBE"}:
                return self._subscribe(number, request)
            key = (request.method, request.path, request.body)
            if key not in self._said:
                self._said[key] = self._answer(request)
            said = self._said[key]
            return said.replace(SERIAL.encode(), serial.encode()) if SERIAL.encode() in said else said

        return HttpStub(answer)

    def _answer(self, request: Request) -> bytes:
        device = self._device
        if request.path == DESCRIPTION:
            document = description(device, device.offered.values())
            return ok(document.replace(device.udn, f"uuid:{SERIAL}").encode())
        name = request.path.rpartition("/")[2].removesuffix(".xml")
        if name not in device.offered:
            return NOT_FOUND
        service = device.offered[name]
        if request.method == "GET":
            return ok(scpd(service).encode())
        headers = {"CONTENT-TYPE": "text/xml", "SOAPACTION": request.header(b"SOAPACTION")}
        invocation = read_invocation(service, headers, request.body)
        arguments = read_arguments(service, invocation, device.documents)
        return ok(write_answer(service, invocation, device.calls[invocation.action](arguments), device))

    def _subscribe(self, number: int, request: Request) -> bytes:
        name = request.path.rpartition("/")[2]
        sid = request.header(b"SID") or f"uuid:{uuid.uuid4()}"
        if callback := request.header(b"CALLBACK"):
            task = asyncio.create_task(self._notify(number, name, sid, callback.strip("<>")))
            self._notifications.add(task)
            task.add_done_callback(self._notifications.discard)
        return f"HTTP/1.1 200 OK\r\nSID: {sid}\r\nTIMEOUT: Second-1800\r\nContent-Length: 0\r\n\r\n".encode()

    async def _notify(self, number: int, name: str, sid: str, callback: str) -> None:
        await asyncio.sleep(FIRST_EVENT_DELAY_SECONDS)
        url = urlsplit(callback)
        values, evented = self._device.events[name].values, self._device.offered[name].evented
        body = property_set({each: values[each] for each in sorted(evented)})
        head = (
            f"NOTIFY {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: text/xml\r\n"
            f"NT: upnp:event\r\nNTS: upnp:propchange\r\nSID: {sid}\r\nSEQ: 0\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection(
            url.hostname, url.port, local_addr=(address_of(number), 0)
        )
        writer.write(head.encode() + body)
        with suppress(ConnectionError):  # who has heard it may hang up as it likes
            await reader.read()
        writer.close()
