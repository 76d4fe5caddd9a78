"""Who a Proxied Device is to the ACS: OUI, product class and serial number, and where they come from.

An identity is decided once for a UDN and then holds for life, since to an ACS another OUI, product class or
serial number is another device.

Source: TR-330 4.1.1, TR-069 Annex J
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain, count

from msgspec import Struct
from msgspec.structs import replace

from proxier.control_point import ProxiedDevice
from proxier.device_settings import is_meant
from translation.actions import Service
from translation.identity import DataModelIdentity

LONGEST = 64
"""Characters of a manufacturer, product class or serial number. Source: TR-069 A.3.3.1"""

LONGEST_DIGITS = 40
"""Of a UDN in a serial number: a UUID has 32, and a MAC address behind them still fits."""

DATA_MODEL = "data model"
DESCRIPTION = "description"
"""Where an identity comes from: only one that a data model gives whole can join two UDNs into one device."""

NO_OUI = "an OUI of its own"
NO_SERIAL = "a serial number of its own"
NO_REBOOT = "a reboot action"


class Identity(Struct, frozen=True):
    """Who a device is, and what TR-069 Annex J asks for and it has not, in words."""

    manufacturer: str
    oui: str
    product_class: str
    serial_number: str
    origin: str
    lacks: tuple[str, ...] = ()

    @property
    def device_id(self) -> str:
        """OUI-ProductClass-SerialNumber."""
        return f"{self.oui}-{self.product_class}-{self.serial_number}"


def decide(
    device: ProxiedDevice, model: DataModelIdentity, default_oui: str, origin_of: Callable[[str], str | None]
) -> Identity:
    """The identity of a device that has none yet.

    Args:
        device: its description.
        model: what its data model says.
        default_oui: for a device that names no OUI and whose MAC address is not known.
        origin_of: where the identity of the virtual device with this device_id comes from; None: there is
            none. Only where both come whole from data models are they one device; else the serial number
            of the new one yields to its UDN.
    """
    model_oui = _oui(model.oui)
    model_class = _text(model.product_class)
    model_serial = _text(model.serial_number)
    lacks = [
        words
        for words, missing in (
            (NO_OUI, not model_oui),
            (NO_SERIAL, not model_serial),
            (NO_REBOOT, not _can_reboot(device)),
        )
        if missing
    ]
    identity = Identity(
        manufacturer=_text(model.manufacturer) or _text(device.manufacturer) or "Unknown",
        oui=model_oui or _oui(device.mac[:6]) or default_oui,
        product_class=model_class if model_class is not None else _text(device.model_name) or "",
        serial_number=model_serial or _text(device.serial_number) or _udn_digits(device.udn),
        origin=DATA_MODEL if model_oui and model_serial and model_class is not None else DESCRIPTION,
        lacks=tuple(lacks),
    )
    holder = origin_of(identity.device_id)
    if holder is None or holder == identity.origin == DATA_MODEL:
        return identity
    return replace(identity, serial_number=_unused_serial(device, identity, origin_of), origin=DESCRIPTION)


def is_wanted(udn: str, device_id: str, allow: Sequence[str], deny: Sequence[str]) -> bool:
    """Whether the patterns of the configuration admit a device; each may name a UDN or a device_id."""
    return (not allow or is_meant(allow, device_id, udn)) and not is_meant(deny, device_id, udn)


def _unused_serial(device: ProxiedDevice, identity: Identity, origin_of: Callable[[str], str | None]) -> str:
    """The UDN's digits; the same UUID at another MAC address is another device. Source: TR-330 4.1.1"""
    digits = _udn_digits(device.udn)
    candidates = chain(
        [digits], [f"{digits}-{device.mac}"] if device.mac else [], (f"{digits}-{n}" for n in count(2))
    )
    names = ((serial, f"{identity.oui}-{identity.product_class}-{serial}") for serial in candidates)
    return next(serial for serial, device_id in names if origin_of(device_id) is None)


def _can_reboot(device: ProxiedDevice) -> bool:
    management = device.services.get(Service.BMS)
    return management is not None and "Reboot" in management.actions


def _oui(text: str | None) -> str:
    digits = re.sub(r"[-:.\s]", "", text or "").upper()
    return digits if re.fullmatch(r"[0-9A-F]{6}", digits) else ""


def _text(text: str | None) -> str | None:
    if text is None:
        return None
    printable = "".join(character for character in text if character.isprintable())
    return printable.strip()[:LONGEST]


def _udn_digits(udn: str) -> str:
    digits = re.sub(r"[^0-9A-Za-z]", "", udn.removeprefix("uuid:")).upper()
    return digits[:LONGEST_DIGITS] or "0"
