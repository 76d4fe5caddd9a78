"""Who may look: whether a request means this server at all, and knows the password."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Collection, Sequence

_BASIC = "basic "


def means_us(hosts: Sequence[str], names: Collection[str]) -> bool:
    """Whether the Host headers of a request name this server: by an address, or one of these names.

    A page of somebody else, whose own name leads to our address all of a sudden, is told apart by that name.
    """
    if len(hosts) != 1:
        return False
    host = hosts[0].strip().lower()
    name, colon, port = host.rpartition(":")
    if not colon or not port.isdigit():
        name = host
    return _is_address(name) or name.rstrip(".") in {each.lower() for each in names}


def knows_password(authorization: str, username: str, password: str) -> bool:
    """Whether an Authorization header has these credentials; how long that takes tells nothing.

    Source: RFC 7617
    """
    scheme, encoded = authorization[: len(_BASIC)], authorization[len(_BASIC) :]
    if scheme.lower() != _BASIC:
        return False
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, f"{username}:{password}".encode())


def _is_address(name: str) -> bool:
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
