"""A device as an ACS knows it, and a simulated one that is proxied in the process of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from cwmp_client.messages import (
    EventCode,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    ParameterValueStruct,
    SetParameterValues,
)
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsDevice
from proxier.demo.device import SimulatedDevice
from proxier.settings import Settings
from tests.proxier.running import PATIENCE_SECONDS, report_of, settings_for


def id_of(device: SimulatedDevice) -> str:
    return f"{device.oui}-{device.product_class}-{device.serial}"


class Known:
    """A device as an ACS knows it."""

    def __init__(self, at_acs: AcsDevice) -> None:
        self.acs = at_acs
        self.heard = len(at_acs.informs)

    async def told(self, code: str) -> None:
        """Wait until the ACS is told of an event, after all that it had `heard` of."""

        def look() -> bool | None:
            new = self.acs.informs[self.heard :]
            return any(code in inform.events and inform.answered for inform in new) or None

        await self.acs.bell.until(look, PATIENCE_SECONDS, lambda: f"{code} has not come")

    async def values(self, *paths: str) -> dict[str, str]:
        response = await self.acs.request(GetParameterValues(paths))
        assert isinstance(response, GetParameterValuesResponse)
        return {each.name: each.value for each in response.parameter_list}

    async def below(self, path: str) -> dict[str, str]:
        """The values below an object, by their names within it."""
        return {name.removeprefix(path): value for name, value in (await self.values(path)).items()}

    async def names(self, path: str) -> list[str]:
        response = await self.acs.request(GetParameterNames(path, next_level=False))
        assert isinstance(response, GetParameterNamesResponse)
        return [each.name for each in response.parameter_list]

    async def methods(self) -> set[str]:
        response = await self.acs.request(GetRPCMethods())
        assert isinstance(response, GetRPCMethodsResponse)
        return set(response.method_list)

    async def set(self, values: Mapping[str, str], key: str = "") -> None:
        given = tuple(
            ParameterValueStruct(name, value, "unsignedInt" if value.isdecimal() else "string")
            for name, value in values.items()
        )
        await self.acs.request(SetParameterValues(given, key))

    async def ask(self, path: str, **inputs: str) -> None:
        """Ask for the test of a diagnostic object."""
        wish = {**inputs, "DiagnosticsState": "Requested"}
        await self.set({path + name: value for name, value in wish.items()})


class Managed(Known):
    """A simulated device and its face at the ACS."""

    def __init__(self, device: SimulatedDevice, at_acs: AcsDevice, settings: Settings) -> None:
        super().__init__(at_acs)
        self.device = device
        self.settings = settings

    async def at_ease(self) -> None:
        """Wait until the device is online, its events arrive, and no session is open."""
        await report_of(self.settings, self.device)
        sources = [source for name, source in self.device.events.items() if name in self.device.offered]
        if self.device.eventing:
            await self.device.until(lambda: all(source.subscriptions for source in sources))
        for source in sources:
            for subscription in tuple(source.subscriptions.values()):
                await subscription.sent()
        await self.methods()
        await self.acs.session_over()

    async def events(self) -> list[tuple[str, ...]]:
        """What the ACS was told since this was last asked, by Inform, as soon as there is no more to tell."""
        await self.at_ease()
        informs = self.acs.informs[self.heard :]
        self.heard += len(informs)
        told = [
            tuple(
                f"{event.event_code} {event.command_key}".strip()
                for event in received.inform.event
                if event.event_code != EventCode.CONNECTION_REQUEST
            )
            for received in informs
        ]
        return [events for events in told if events]


@asynccontextmanager
async def managed(
    acs: EmbeddedAcs, folder: Path, device: SimulatedDevice, *, basic: bool = False, **upnp: Any
) -> AsyncIterator[Managed]:
    """A device after its first session, when its events arrive; the same folder goes on where it was left.

    With `basic` passwords may be sent readably.
    """
    settings = settings_for(acs.url, folder, [device], **upnp)
    settings = replace(settings, acs=replace(settings.acs, allow_basic_without_tls=basic))
    async with running(settings):
        known = Managed(device, await acs.device(id_of(device), timeout=10), settings)
        await known.at_ease()
        yield known
