from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from proxier.control_point import interfaces
from proxier.demo import device_ssdp
from proxier.demo.acs import EmbeddedAcs

OWN_PORT = 20000 + os.getpid() % 20000


@pytest.fixture
def own_group(monkeypatch: pytest.MonkeyPatch) -> int:
    """Keep this process apart from whatever else speaks SSDP on loopback, other test runs among it.

    Returns:
        The port that stands for 1900.
    """
    monkeypatch.setattr(interfaces, "SSDP_PORT", OWN_PORT)
    monkeypatch.setattr(interfaces, "SSDP_TARGET_V4", ("239.255.255.250", OWN_PORT))
    monkeypatch.setattr(device_ssdp, "PORT", OWN_PORT)
    return OWN_PORT


@pytest.fixture
async def acs() -> AsyncIterator[EmbeddedAcs]:
    """An embedded ACS that must have had nothing to object to."""
    async with EmbeddedAcs() as server:
        yield server
        assert server.violations == []
