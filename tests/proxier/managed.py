"""A device as its operator sees it through the proxier, and what is done to it there."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cwmp_client.messages import (
    AcsRequest,
    AddObject,
    AddObjectResponse,
    DeleteObject,
    DeleteObjectResponse,
    EventCode,
    GetParameterAttributes,
    GetParameterAttributesResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    ParameterValueStruct,
    SetParameterAttributes,
    SetParameterAttributesStruct,
    SetParameterValues,
    SetParameterValuesResponse,
)
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsDevice, AcsFault
from proxier.demo.device import SimulatedDevice
from proxier.demo.device_model import CLOCKS, UP_TIMES
from tests.proxier.running import settings_for

MAPPINGS, MAPPINGS_PATH = "Device.NAT.PortMapping.", "/BBF/NAT/PortMapping/"
HOSTS_PATH = "/BBF/Hosts/Host/"
MANAGEMENT_SERVER = "Device.ManagementServer."

NEVER_SECONDS = 3600.0
OTHER_SERVICES = frozenset({"BasicManagement", "SoftwareManagement"})
FIRST_READINGS = 2
"""GetValues of a new device: its identity, and what Informs tell."""


class Managed:
    """A device as its operator sees it."""

    def __init__(self, acs: AcsDevice, device: SimulatedDevice) -> None:
        self.acs = acs
        self.device = device

    async def names(self, path: str, *, next_level: bool = True) -> dict[str, bool]:
        answer = await self.acs.request(GetParameterNames(path, next_level))
        assert isinstance(answer, GetParameterNamesResponse)
        return dict(answer.parameter_list)

    async def read(self, *paths: str) -> dict[str, str]:
        answer = await self.acs.request(GetParameterValues(paths))
        assert isinstance(answer, GetParameterValuesResponse)
        return {each.name: each.value for each in answer.parameter_list}

    async def write(self, values: Mapping[str, str], key: str = "") -> int:
        structs = (ParameterValueStruct(name, value, type_of(name)) for name, value in values.items())
        answer = await self.acs.request(SetParameterValues(tuple(structs), key))
        assert isinstance(answer, SetParameterValuesResponse)
        return answer.status

    async def attributes(self, *paths: str) -> dict[str, int]:
        answer = await self.acs.request(GetParameterAttributes(paths))
        assert isinstance(answer, GetParameterAttributesResponse)
        return {each.name: each.notification for each in answer.parameter_list}

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Left when the proxier has asked the device for values."""
        readings = self.device.count("GetValues")
        yield
        await self.device.until(lambda: self.device.count("GetValues") > readings)

    async def notify(self, notifications: Mapping[str, int]) -> None:
        """Set notification attributes; returns when changes are told by them."""
        async with self.reading():
            await self.acs.request(notifying(notifications))
            await self.acs.session_over()
        await self.read("Device.Time.Status")  # answered after what had begun before it
        await self.acs.session_over()

    async def add(self, path: str, key: str = "") -> int:
        answer = await self.acs.request(AddObject(path, key))
        assert isinstance(answer, AddObjectResponse)
        return answer.instance_number

    async def delete(self, path: str, key: str = "") -> int:
        answer = await self.acs.request(DeleteObject(path, key))
        assert isinstance(answer, DeleteObjectResponse)
        return answer.status

    async def fault(self, request: AcsRequest) -> AcsFault:
        with pytest.raises(AcsFault) as caught:
            await self.acs.request(request)
        return caught.value

    async def cost(self, doing: Any) -> dict[str, int]:
        """The actions that an RPC costs at the device."""
        before = len(self.device.actions)
        await doing
        return dict(Counter(name for name, _ in self.device.actions[before:]))

    def changes(self) -> list[dict[str, str]]:
        """The parameters, those of every Inform aside, of each Inform with `4 VALUE CHANGE`."""
        ordinary = set(self.acs.informs[0].parameters)
        return [
            {name: value for name, value in inform.parameters.items() if name not in ordinary}
            for inform in self.acs.informs
            if EventCode.VALUE_CHANGE in inform.events
        ]


def type_of(name: str) -> str:
    return "boolean" if name.endswith((".Enable", "Instances")) else "string"


def notifying(notifications: Mapping[str, int]) -> SetParameterAttributes:
    return SetParameterAttributes(
        tuple(
            SetParameterAttributesStruct(name, notification_change=True, notification=notification)
            for name, notification in notifications.items()
        )
    )


def id_of(device: SimulatedDevice) -> str:
    return f"{device.oui}-{device.product_class}-{device.serial}"


async def known(device: SimulatedDevice) -> None:
    """Return when the proxier has read all that it reads of a new device by itself.

    The last of its units is its one application.
    """
    units = int("SoftwareManagement" in device.offered)
    await device.until(
        lambda: device.count("GetValues") >= FIRST_READINGS and device.count("GetEUInfo") >= units
    )


@asynccontextmanager
async def managed_device(acs: EmbeddedAcs, folder: Path, **options: Any) -> AsyncIterator[Managed]:
    """A device that nobody but this proxier knows of, and whose events have begun."""
    async with (
        SimulatedDevice(advertise=False, **options) as device,
        running(settings_for(acs.url, folder, locations=(device.location,), interfaces=())),
    ):
        at_acs = await acs.device(id_of(device), timeout=10)
        await known(device)
        await at_acs.session_over()
        yield Managed(at_acs, device)


@asynccontextmanager
async def counted_device(acs: EmbeddedAcs, folder: Path, **options: Any) -> AsyncIterator[Managed]:
    """Such a device whose next event is hours away, so that what is counted is what RPCs cost.

    It has no logs: to read all its parameters would be to ask for them too.
    """
    options.setdefault("without_actions", frozenset({"GetLogURIs"}))
    async with managed_device(acs, folder, moderation=NEVER_SECONDS, **options) as managed:
        device = managed.device
        readings = device.count("GetInstances")
        device.add_row(HOSTS_PATH)
        await device.until(lambda: device.count("GetInstances") > readings)
        await managed.names("", next_level=False)
        await managed.acs.session_over()
        yield managed


def state_of(device: SimulatedDevice) -> tuple[dict[str, str], set[str]]:
    """All that RPCs could have changed at the device."""
    values = {path: value for path, value in device.values.items() if path not in {*UP_TIMES, *CLOCKS}}
    return values, set(device.cms.event_on_change)
