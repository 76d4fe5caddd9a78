from __future__ import annotations

import os

import pytest

from proxier.control_point import interfaces
from tests.proxier.control_point import stand_in

OWN_PORT = 20000 + os.getpid() % 20000


@pytest.fixture(autouse=True)
def _own_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep apart from whatever else speaks SSDP on this machine's loopback, other test runs among it."""
    group = ("239.255.255.250", OWN_PORT)
    monkeypatch.setattr(interfaces, "SSDP_PORT", OWN_PORT)
    monkeypatch.setattr(interfaces, "SSDP_TARGET_V4", group)
    monkeypatch.setattr(stand_in, "GROUP", group)
