"""A proxier between simulated devices and a real GenieACS; docs/genieacs.md says how to run one."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import pytest
from msgspec.structs import replace

from proxier.daemon import running
from proxier.demo.device import SimulatedDevice
from proxier.settings import ConnectionRequestSettings, IdentitySettings, Settings
from tests.genieacs.nbi import AtGenieAcs, GenieAcs
from tests.proxier.running import settings_for

ANY_HOST = "0.0.0.0"
"""GenieACS may be on another machine, or in a container."""


@dataclass(frozen=True, slots=True)
class Home:
    """A device, and the two that GenieACS sees of it: its virtual device, and the proxier's own endpoint."""

    device: SimulatedDevice
    managed: AtGenieAcs
    gateway: AtGenieAcs
    settings: Settings


OpenHome: TypeAlias = Callable[..., AbstractAsyncContextManager[Home]]


@pytest.fixture
async def acs() -> AsyncIterator[GenieAcs]:
    nbi_url, cwmp_url = os.environ.get("GENIEACS_NBI_URL"), os.environ.get("GENIEACS_CWMP_URL")
    if not (nbi_url and cwmp_url):
        pytest.skip("GENIEACS_NBI_URL and GENIEACS_CWMP_URL name no GenieACS (docs/genieacs.md)")
    async with aiohttp.ClientSession() as http:
        genieacs = GenieAcs(nbi_url, cwmp_url, http)
        assert await genieacs.find("presets"), "this GenieACS has no presets: log in to its page once"
        yield genieacs


@pytest.fixture
def open_home(acs: GenieAcs, tmp_path: Path) -> OpenHome:
    """Opens a home with a device of these options, whose first session with GenieACS is over."""

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Home]:
        serial = secrets.token_hex(4)
        async with SimulatedDevice(serial=serial, **options) as device:
            settings = replace(
                settings_for(acs.cwmp_url, tmp_path, [device]),
                identity=IdentitySettings(serial_number=serial),
                connection_request=ConnectionRequestSettings(host=ANY_HOST, port=0),
            )
            managed = AtGenieAcs(acs, _id_of(device.oui, device.product_class, serial))
            gateway = AtGenieAcs(acs, _id_of(settings.identity.oui, settings.identity.product_class, serial))
            try:
                async with running(settings):
                    for each in (managed, gateway):
                        await each.until_changed("_lastBootstrap", None)
                    yield Home(device, managed, gateway, settings)
                assert [*await managed.faults(), *await gateway.faults()] == []
            finally:
                for each in (managed, gateway):
                    await each.forget()

    return opened


@pytest.fixture
async def home(open_home: OpenHome) -> AsyncIterator[Home]:
    async with open_home() as opened:
        yield opened


def _id_of(*parts: str) -> str:
    """The id that GenieACS gives a device: what is neither letter, digit nor underscore becomes %XX."""
    return "-".join(
        "".join(
            c
            if c == "_" or (c.isascii() and c.isalnum())
            else "".join(f"%{octet:02X}" for octet in c.encode())
            for c in part
        )
        for part in parts
    )
