"""By which of our addresses somebody else sees us."""

from __future__ import annotations

import socket


def own_address_towards(address: str) -> str:
    """Our IPv4 address as a device sees it; asking the routing table sends nothing.

    Raises:
        OSError: there is no way to the device.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        return str(probe.getsockname()[0])
