"""SSDP as text: datagrams read into `SsdpMessage`, searches written.

Most of what is heard on a LAN is none of our business, so a datagram gets a cheap look before it is read.
The headers are read here and not by async_upnp_client, which keeps only the first of two headers of one name:
Announcement.dm.upnp.org may come twice. Source: UDA 1.1 1.2 and 1.3
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from async_upnp_client.ssdp import SSDP_TARGET_V4, build_ssdp_search_packet
from msgspec import Struct

from translation.actions import AboutTo

ROOT_DEVICE: Final = "upnp:rootdevice"
_DM_TYPES: Final = (
    "service:ConfigurationManagement",
    "service:BasicManagement",
    "service:SoftwareManagement",
    "device:ManageableDevice",
)
SEARCH_TARGETS: Final = (
    *(f"urn:schemas-upnp-org:{kind}:{version}" for kind in _DM_TYPES for version in (2, 1)),
    ROOT_DEVICE,
)
"""A device of version 2 answers a search for version 1 too, but some stacks compare the text."""

MX_SECONDS: Final = 2
"""Devices were seen to keep silent at 0 and at 120."""
LONGEST_DATAGRAM: Final = 8192
LONGEST_NAME: Final = 256
"""For a UDN, a search target and the SERVER header; what is longer is cut or makes the datagram void."""
LONGEST_LOCATION: Final = 1024

_DM_TARGET = re.compile(rf"urn:schemas-upnp-org:(?:{'|'.join(_DM_TYPES)}):[1-9]\d{{0,2}}", re.IGNORECASE)
_MAX_AGE = re.compile(r'max-age\s*=\s*"?(\d{1,9})', re.IGNORECASE)
_UDN = re.compile(r"uuid:[!-~]+?(?=::|$)", re.IGNORECASE)
_WORDS = re.compile(r"[\s,;]+")
_ABOUT_TO = {about_to.value.lower(): about_to for about_to in AboutTo}


class Kind(Enum):
    """What a message says of the device. An answer to a search says as much as ssdp:alive."""

    ALIVE = auto()
    BYEBYE = auto()
    UPDATE = auto()


_KINDS = {"ssdp:alive": Kind.ALIVE, "ssdp:byebye": Kind.BYEBYE, "ssdp:update": Kind.UPDATE}


class SsdpMessage(Struct, frozen=True):
    """One advertisement or answer to a search; None and empty stand for what it does not say."""

    kind: Kind
    udn: str
    """The UDN before the `::` of the USN, in lower case: the spelling may differ from the description's."""
    target: str
    """NT or ST."""
    location: str = ""
    max_age: int | None = None
    """Seconds."""
    boot_id: int | None = None
    next_boot_id: int | None = None
    config_id: int | None = None
    server: str = ""
    about_to: frozenset[AboutTo] = frozenset()
    is_answer: bool = False
    """Whether it answers a search."""

    @property
    def is_device_management(self) -> bool:
        """Whether it announces a Device Management service or a ManageableDevice."""
        return _DM_TARGET.fullmatch(self.target) is not None

    @property
    def is_of_device(self) -> bool:
        """Whether it speaks of a whole device or a Device Management service, not of another service."""
        return self.is_device_management or ":service:" not in self.target.lower()


def may_concern_us(datagram: bytes) -> bool:
    """A cheap look at a datagram: False means that reading it would tell nothing."""
    lowered = datagram.lower()
    return (
        b"management:" in lowered
        or b"upnp:rootdevice" in lowered
        or b"manageabledevice:" in lowered
        or b"ssdp:byebye" in lowered
        or b"ssdp:update" in lowered
    )


def read_message(datagram: bytes) -> SsdpMessage | None:
    """Read an advertisement or an answer to a search; None for everything else, broken ones included."""
    if len(datagram) > LONGEST_DATAGRAM:
        return None
    start_line, *lines = datagram.decode("utf-8", "replace").split("\n")
    is_answer = start_line.startswith("HTTP/1.") and start_line.split(None, 2)[1:2] == ["200"]
    if not is_answer and not start_line.upper().startswith("NOTIFY "):
        return None
    headers: dict[str, str] = {}
    announced = ""
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip().lower()
            if name == "announcement.dm.upnp.org":
                announced = f"{announced},{value}"
            else:
                headers.setdefault(name, value.strip())
    kind = Kind.ALIVE if is_answer else _KINDS.get(headers.get("nts", "").lower())
    target = headers.get("st" if is_answer else "nt", "")
    udn = _UDN.match(headers.get("usn", ""))
    location = headers.get("location", "")
    if kind is None or udn is None or len(udn[0]) > LONGEST_NAME:
        return None
    if len(target) > LONGEST_NAME or len(location) > LONGEST_LOCATION:
        return None
    max_age = _MAX_AGE.search(headers.get("cache-control", ""))
    return SsdpMessage(
        kind=kind,
        udn=udn[0].lower(),
        target=target,
        location=location,
        max_age=int(max_age[1]) if max_age else None,
        boot_id=_number(headers, "bootid.upnp.org"),
        next_boot_id=_number(headers, "nextbootid.upnp.org"),
        config_id=_number(headers, "configid.upnp.org"),
        server=headers.get("server", "")[:LONGEST_NAME],
        about_to=_about_to(announced),
        is_answer=is_answer,
    )


def searches() -> list[bytes]:
    """The M-SEARCH datagrams of one round."""
    return [build_ssdp_search_packet(SSDP_TARGET_V4, MX_SECONDS, target) for target in SEARCH_TARGETS]


def _number(headers: dict[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 10 else None


def _about_to(announced: str) -> frozenset[AboutTo]:
    """Every spelling seen or thought of: two headers, a list with commas or spaces, any case."""
    if not announced:
        return frozenset()
    words = _WORDS.split(announced.lower())
    return frozenset(_ABOUT_TO[word] for word in words if word in _ABOUT_TO)
