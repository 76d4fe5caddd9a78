"""From a description and its SCPDs to proxied devices: which there are, what they offer, what is left out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

from lxml import etree

from proxier.control_point.device import INDISPENSABLE, NEWEST_VERSION, ProxiedDevice, ProxiedService, Scpd
from proxier.control_point.documents import DocumentFetcher, DocumentRefused, DocumentUnavailable, url_at
from proxier.control_point.markup import MarkupRefused, child, child_text, children, local_name, read_markup
from translation.actions import Service

MOST_TAGS: Final = 100_000
"""In a description or an SCPD; the largest seen has a tenth of that."""
MOST_NESTED_DEVICES: Final = 16
"""Levels of embedded devices."""
MOST_DEVICES: Final = 256
"""In one description."""
LONGEST_TEXT: Final = 256
"""Characters of a name or number that is kept."""

_DM_SERVICE = re.compile(
    rf"urn:schemas-upnp-org:service:({'|'.join(service.value for service in Service)}):([1-9]\d{{0,2}})",
    re.IGNORECASE,
)
_SERVICES: Final = {service.value.lower(): service for service in Service}
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,127}")
_NEIGHBOURS = Path("/proc/net/arp")


class LeftOut(NamedTuple):
    """Something of a description that is not proxied, and why."""

    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Description:
    """What a description holds that concerns us."""

    location: str
    address: str
    root_udn: str
    device_type: str
    """Of the root device, as the next four."""
    friendly_name: str
    manufacturer: str
    model_name: str
    serial_number: str
    offered: tuple[str, ...]
    """The service types of all devices in it."""
    devices: tuple[ProxiedDevice, ...]
    left_out: tuple[LeftOut, ...]
    complete: bool
    """Whether every SCPD could be fetched; when not, it is worth another try."""


class DescriptionReader:
    """Reads descriptions. SCPDs that are the same are kept once, as long as somebody uses them."""

    def __init__(self, fetcher: DocumentFetcher) -> None:
        self._fetcher = fetcher
        self._scpds: WeakValueDictionary[bytes, Scpd] = WeakValueDictionary()

    async def read(self, location: str, address: str, host: str = "") -> Description:
        """Read a description and the SCPDs of its Device Management services.

        `address` is who announced it; `host` is what its URLs have to name, where that is something else.

        Raises:
            DocumentUnavailable: the description, or the SCPDs of all services, could not be fetched.
            DocumentRefused: the description is not what it must be.
        """
        host = host or address
        base, body = await self._fetcher.fetch(location, host)
        root = _read(body, location)
        top = child(root, "device")
        if local_name(root) != "root" or top is None:
            raise DocumentRefused(f"{location} is no device description")
        base = child_text(root, "URLBase") or base
        elements = list(_walk(top))
        if len(elements) > MOST_DEVICES:
            raise DocumentRefused(f"{location} has more than {MOST_DEVICES} devices")
        left_out: list[LeftOut] = []
        unfetched: list[DocumentUnavailable] = []
        devices: dict[str, ProxiedDevice] = {}
        root_udn = _udn(top)
        for element in elements:
            services = await self._services(element, base, host, left_out, unfetched)
            udn = _udn(element)
            if services and not udn:
                left_out.append(LeftOut(_text(element, "friendlyName") or "a device", "it has no UDN"))
            elif services and udn in devices:
                left_out.append(LeftOut(udn, "another device of the same description has this UDN"))
            elif services:
                devices[udn] = _device(element, root_udn or udn, location, address, services)
        if unfetched and not devices:
            raise unfetched[0]
        return Description(
            location=location,
            address=address,
            root_udn=root_udn,
            device_type=_text(top, "deviceType"),
            friendly_name=_text(top, "friendlyName"),
            manufacturer=_text(top, "manufacturer"),
            model_name=_text(top, "modelName"),
            serial_number=_text(top, "serialNumber"),
            offered=tuple(
                _text(entry, "serviceType")
                for element in elements
                for entry in _listed(element, "serviceList", "service")
            ),
            devices=tuple(devices.values()),
            left_out=tuple(left_out),
            complete=not unfetched,
        )

    async def _services(
        self,
        element: etree._Element,
        base: str,
        host: str,
        left_out: list[LeftOut],
        unfetched: list[DocumentUnavailable],
    ) -> Mapping[Service, ProxiedService]:
        services: dict[Service, ProxiedService] = {}
        for entry in _listed(element, "serviceList", "service"):
            kind = _DM_SERVICE.fullmatch(_text(entry, "serviceType"))
            if kind is None:
                continue
            service = _SERVICES[kind[1].lower()]
            try:
                found = await self._service(service, int(kind[2]), entry, base, host)
            except (DocumentRefused, DocumentUnavailable) as error:
                left_out.append(LeftOut(f"{service.name}:{kind[2]}", str(error)))
                if isinstance(error, DocumentUnavailable):
                    unfetched.append(error)
                continue
            if service not in services or services[service].version < found.version:
                services[service] = found
        return services

    async def _service(
        self, service: Service, version: int, entry: etree._Element, base: str, host: str
    ) -> ProxiedService:
        control_url = url_at(child_text(entry, "controlURL"), host, base)
        event_url = child_text(entry, "eventSubURL")
        if event_url:
            event_url = url_at(event_url, host, base)
        scpd_url, body = await self._fetcher.fetch(url_at(child_text(entry, "SCPDURL"), host, base), host)
        digest = hashlib.sha256(body).digest()
        scpd = self._scpds.get(digest)
        if scpd is None:
            scpd = self._scpds[digest] = _read_scpd(_read(body, scpd_url), scpd_url)
        lacking = INDISPENSABLE[service, min(version, NEWEST_VERSION)] - scpd.arguments.keys()
        if lacking:
            raise DocumentRefused(f"its SCPD lacks {', '.join(sorted(lacking))}")
        return ProxiedService(service, _text(entry, "serviceType"), version, control_url, event_url, scpd)


def neighbour_mac(address: str) -> str:
    """The MAC address of an IP address, from the kernel's table: twelve upper-case hex digits, or nothing.

    Source: proc(5), /proc/net/arp
    """
    try:
        rows = [line.split() for line in _NEIGHBOURS.read_text("ascii").splitlines()[1:]]
    except OSError:
        return ""
    macs = (row[3] for row in rows if len(row) > 3 and row[0] == address)
    mac = next(macs, "").replace(":", "").upper()
    return mac if mac.strip("0") else ""


def _read(body: bytes, url: str) -> etree._Element:
    try:
        return read_markup(body, most_tags=MOST_TAGS)
    except MarkupRefused as refused:
        raise DocumentRefused(f"{url} has {refused}") from None


def _walk(device: etree._Element, level: int = 0) -> Iterator[etree._Element]:
    if level > MOST_NESTED_DEVICES:
        raise DocumentRefused(f"devices nested deeper than {MOST_NESTED_DEVICES}")
    yield device
    for embedded in _listed(device, "deviceList", "device"):
        yield from _walk(embedded, level + 1)


def _listed(parent: etree._Element, list_name: str, name: str) -> Iterator[etree._Element]:
    listing = child(parent, list_name)
    return iter(()) if listing is None else children(listing, name)


def _text(element: etree._Element, name: str) -> str:
    return " ".join(child_text(element, name).split())[:LONGEST_TEXT]


def _udn(device: etree._Element) -> str:
    udn = _text(device, "UDN")
    return udn if not udn or udn.lower().startswith("uuid:") else f"uuid:{udn}"


def _device(
    element: etree._Element,
    root_udn: str,
    location: str,
    address: str,
    services: Mapping[Service, ProxiedService],
) -> ProxiedDevice:
    return ProxiedDevice(
        udn=_udn(element),
        root_udn=root_udn,
        location=location,
        address=address,
        services=services,
        device_type=_text(element, "deviceType"),
        friendly_name=_text(element, "friendlyName"),
        manufacturer=_text(element, "manufacturer"),
        model_name=_text(element, "modelName"),
        model_number=_text(element, "modelNumber"),
        model_description=_text(element, "modelDescription"),
        serial_number=_text(element, "serialNumber"),
        mac=neighbour_mac(address),
    )


def _read_scpd(root: etree._Element, url: str) -> Scpd:
    if local_name(root) != "scpd":
        raise DocumentRefused(f"{url} is no SCPD")
    arguments = {
        name: _inputs(action) for action in _listed(root, "actionList", "action") if (name := _name(action))
    }
    variables = _listed(root, "serviceStateTable", "stateVariable")
    return Scpd(arguments, frozenset(name for v in variables if _is_evented(v) and (name := _name(v))))


def _inputs(action: etree._Element) -> tuple[str, ...]:
    return tuple(
        name
        for argument in _listed(action, "argumentList", "argument")
        if child_text(argument, "direction").lower() == "in" and (name := _name(argument))
    )


def _name(element: etree._Element) -> str:
    """The name that it declares; nothing where it could not stand in a SOAP message."""
    name = child_text(element, "name")
    return name if _NAME.fullmatch(name) else ""


def _is_evented(variable: etree._Element) -> bool:
    """Evented is what does not say otherwise, as an attribute or, in old SCPDs, as an element."""
    said = variable.get("sendEvents") or child_text(variable, "sendEventsAttribute") or "yes"
    return said.strip().lower() != "no"
