"""From a description and its SCPDs to proxied devices: which there are, what they offer, what is left out."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

from lxml import etree
from msgspec import Struct

from proxier.control_point.device import INDISPENSABLE, NEWEST_VERSION, ProxiedDevice, ProxiedService, Scpd
from proxier.control_point.documents import (
    DocumentFetcher,
    DocumentMissing,
    DocumentRefused,
    DocumentUnavailable,
    url_at,
)
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
_NONE: Final[frozenset[Service]] = frozenset()
"""The one that takes no memory of each device."""


class LeftOut(NamedTuple):
    """Something of a description that is not proxied, and why."""

    what: str
    reason: str
    on_purpose: bool = False
    """Whether the configuration says so."""

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}"


class Description(Struct, frozen=True):
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
    unread: frozenset[str]
    """UDNs, in lower case, of devices that may be proxied too, of whose SCPDs none could be fetched."""
    left_out: tuple[LeftOut, ...]
    complete: bool
    """Whether every SCPD could be fetched or was refused for good; when not, it is worth another try."""


class _Place(NamedTuple):
    """Where the URLs of a description lead."""

    base: str
    host: str
    alias: str

    def url(self, reference: str) -> str:
        return url_at(reference, self.host, self.base, alias=self.alias)


class _Services(NamedTuple):
    """What became of the Device Management services of one device."""

    read: Mapping[Service, ProxiedService]
    unread: frozenset[Service]
    left_out: tuple[LeftOut, ...]


class DescriptionReader:
    """Reads descriptions. SCPDs that are the same are kept once, as long as somebody uses them.

    `admits` says by its UDN whether a device may be proxied at all; of others nothing more is read.
    """

    def __init__(self, fetcher: DocumentFetcher, admits: Callable[[str], bool] = lambda _: True) -> None:
        self._fetcher = fetcher
        self._admits = admits
        self._scpds: WeakValueDictionary[bytes, Scpd] = WeakValueDictionary()

    async def read(
        self, location: str, address: str, host: str = "", *, patient: bool = False
    ) -> Description:
        """Read a description and the SCPDs of its Device Management services.

        Args:
            location: its URL.
            address: who announced it.
            host: what its URLs may name too, where that is something else.
            patient: whether an SCPD that its host says it does not have may be there later; if not, its
                service is refused.

        Raises:
            DocumentUnavailable: the description, or the SCPDs of all services, could not be fetched.
            DocumentRefused: the description is not what it must be.
        """
        base, body = await self._fetcher.fetch(location, host or address, address)
        root = _read(body, location)
        top = child(root, "device")
        if local_name(root) != "root" or top is None:
            raise DocumentRefused(f"{location} is no device description")
        elements = list(_walk(top))
        if len(elements) > MOST_DEVICES:
            raise DocumentRefused(f"{location} has more than {MOST_DEVICES} devices")
        place = _Place(child_text(root, "URLBase") or base, host or address, address)
        left_out: list[LeftOut] = []
        devices: dict[str, ProxiedDevice] = {}
        unread: set[str] = set()
        unavailable: list[DocumentUnavailable] = []
        root_udn = _udn(top)
        for element in elements:
            udn = _udn(element)
            if udn and not self._admits(udn):
                left_out.append(LeftOut(udn, "the configuration does not admit it", on_purpose=True))
                continue
            services = await self._services(element, place, unavailable, patient=patient)
            left_out += services.left_out
            if services.read and not udn:
                left_out.append(LeftOut(_text(element, "friendlyName") or "a device", "it has no UDN"))
            elif services.read and udn in devices:
                left_out.append(LeftOut(udn, "another device of the same description has this UDN"))
            elif services.read:
                devices[udn] = _device(element, root_udn or udn, location, address, services)
            elif services.unread:
                unread.add(udn.lower())
        if unavailable and not devices:
            raise unavailable[0]
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
            unread=frozenset(unread),
            left_out=tuple(left_out),
            complete=not unavailable,
        )

    async def _services(
        self,
        element: etree._Element,
        place: _Place,
        unavailable: list[DocumentUnavailable],
        *,
        patient: bool,
    ) -> _Services:
        read: dict[Service, ProxiedService] = {}
        unread: set[Service] = set()
        left_out: list[LeftOut] = []
        for entry in _listed(element, "serviceList", "service"):
            kind = _DM_SERVICE.fullmatch(_text(entry, "serviceType"))
            if kind is None:
                continue
            service = _SERVICES[kind[1].lower()]
            try:
                found = await self._service(service, int(kind[2]), entry, place)
            except (DocumentRefused, DocumentUnavailable) as error:
                left_out.append(LeftOut(f"{service.name}:{kind[2]}", str(error)))
                final = isinstance(error, DocumentMissing) and not patient
                if isinstance(error, DocumentUnavailable) and not final:
                    unavailable.append(error)
                    unread.add(service)
                continue
            if service not in read or read[service].version < found.version:
                read[service] = found
        return _Services(read, frozenset(unread - read.keys()) or _NONE, tuple(left_out))

    async def _service(
        self, service: Service, version: int, entry: etree._Element, place: _Place
    ) -> ProxiedService:
        control_url = place.url(child_text(entry, "controlURL"))
        event_url = child_text(entry, "eventSubURL")
        if event_url:
            event_url = place.url(event_url)
        described_at = place.url(child_text(entry, "SCPDURL"))
        scpd_url, body = await self._fetcher.fetch(described_at, place.host, place.alias)
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
    # Equal devices say the same of themselves.
    return sys.intern(" ".join(child_text(element, name).split())[:LONGEST_TEXT])


def _udn(device: etree._Element) -> str:
    udn = _text(device, "UDN")
    return udn if not udn or udn.lower().startswith("uuid:") else f"uuid:{udn}"


def _device(
    element: etree._Element,
    root_udn: str,
    location: str,
    address: str,
    services: _Services,
) -> ProxiedDevice:
    return ProxiedDevice(
        udn=_udn(element),
        root_udn=root_udn,
        location=location,
        address=address,
        services=services.read,
        unread=services.unread,
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
