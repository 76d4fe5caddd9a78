"""A device whose endpoint talks to the double of an ACS, and what its tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web

from cwmp_client.acs import AcsClient, AcsSettings
from cwmp_client.endpoint import Endpoint
from cwmp_client.local_parameters import LocalParameter, LocalParameters
from cwmp_client.management_server import ManagementServer, ManagementServerDefaults
from cwmp_client.messages import (
    UNKNOWN_TIME,
    DeviceIdStruct,
    EventStruct,
    FaultStruct,
    Inform,
    ParameterValueStruct,
    SetParameterAttributes,
    SetParameterAttributesStruct,
    SetParameterValues,
    TransferComplete,
)
from cwmp_client.rpcs import Methods, Transfers
from tests.cwmp_client.acs_double import AcsDouble, Exchange
from tests.cwmp_client.memory_journal import MemoryJournal

DEVICE_ID = DeviceIdStruct("Example", "AABBCC", "50%", "S1")
SERVER = "Device.ManagementServer."
PROVISIONING_CODE = "Device.DeviceInfo.ProvisioningCode"
TEMPERATURE = "Device.X_Temperature"

BOOTSTRAP = EventStruct("0 BOOTSTRAP")
BOOT = EventStruct("1 BOOT")
VALUE_CHANGE = EventStruct("4 VALUE CHANGE")
CONNECTION_REQUEST = EventStruct("6 CONNECTION REQUEST")
TRANSFER_COMPLETE = EventStruct("7 TRANSFER COMPLETE")
DIAGNOSTICS_COMPLETE = EventStruct("8 DIAGNOSTICS COMPLETE")


def transfer_complete(key: str) -> tuple[list[EventStruct], TransferComplete]:
    events = [TRANSFER_COMPLETE, EventStruct("M Download", key)]
    return events, TransferComplete(key, FaultStruct(), UNKNOWN_TIME, UNKNOWN_TIME)


class Cpe:
    """A device with its journal; `start` makes an endpoint from what the journal holds."""

    def __init__(self, acs: AcsDouble, **server: Any) -> None:
        self.acs = acs
        self.journal = MemoryJournal()
        self.client = AcsClient(AcsSettings(request_timeout_seconds=5))
        self.defaults: dict[str, Any] = {
            "url": acs.url,
            "periodic_inform_enable": False,
            "retry_minimum_wait": 1,
            "retry_interval_multiplier": 1000,
        } | server
        self.methods: Methods = {}
        self.transfers: Transfers | None = None
        self.connection_request_url = "http://127.0.0.1:7547/abc"
        self.online = True

    def bootstrapped(self) -> None:
        """From here on the ACS knows the device."""
        self.journal.records["outbox"] = {
            "acs_url": self.defaults["url"],
            "connection_request_url": self.connection_request_url,
        }

    def make(self) -> Endpoint:
        records = self.journal.records
        self.server = ManagementServer(ManagementServerDefaults(**self.defaults), records)
        self.server.connection_request_url = self.connection_request_url
        local = LocalParameters(
            {
                "Device.RootDataModelVersion": LocalParameter("2.17"),
                "Device.DeviceInfo.HardwareVersion": LocalParameter("H1"),
                "Device.DeviceInfo.SoftwareVersion": LocalParameter("S1"),
                PROVISIONING_CODE: LocalParameter("", writable=True),
                TEMPERATURE: LocalParameter("20", writable=True),
            },
            records=records,
        )
        return Endpoint(
            DEVICE_ID,
            self.server,
            [local],
            journal=self.journal,
            records=records,
            acs=self.client,
            methods=self.methods,
            transfers=self.transfers,
            online=self.online,
        )

    @asynccontextmanager
    async def running(self, endpoint: Endpoint | None = None) -> AsyncIterator[Endpoint]:
        endpoint = endpoint or self.make()
        task = asyncio.create_task(endpoint.run())
        try:
            yield endpoint
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def quiet(acs: AcsDouble, seconds: float = 0.1) -> None:
    """Nothing more comes."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await acs.informed.get()


def saved_events(cpe: Cpe) -> list[str]:
    return [code for code, _ in cpe.journal.records["outbox"]["events"]]


def codes(events: Sequence[EventStruct]) -> list[str]:
    return [event.event_code for event in events]


def values_of(inform: Inform) -> dict[str, str]:
    return {value.name: value.value for value in inform.parameter_list}


async def answers_to(cpe: Cpe, *rpcs: Any) -> list[Any]:
    cpe.acs.rpcs.extend(rpcs)
    async with cpe.running() as endpoint:
        await endpoint.add_events(BOOT)
        await cpe.acs.session_end()
    return cpe.acs.answers


def temperature(value: str) -> ParameterValueStruct:
    return ParameterValueStruct(TEMPERATURE, value)


def refusing(status: int, times: int) -> Any:
    """An ACS that answers that many Informs with an HTTP status."""
    left = times

    async def refuse(exchange: Exchange) -> web.Response | None:
        nonlocal left
        if isinstance(exchange.message, Inform) and left:
            left -= 1
            return web.Response(status=status)
        return None

    return refuse


def notifying(notification: int) -> SetParameterAttributes:
    return SetParameterAttributes(
        (SetParameterAttributesStruct(TEMPERATURE, notification_change=True, notification=notification),)
    )


async def notify(cpe: Cpe, notification: int, **server: str) -> None:
    """Have the ACS set the temperature's notification attribute, and numbers of the ManagementServer."""
    values = tuple(
        ParameterValueStruct(SERVER + name, value, "unsignedInt") for name, value in server.items()
    )
    await answers_to(cpe, notifying(notification), SetParameterValues(values, ""))
    await cpe.acs.next_inform()
