from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from proxier.demo.device import SimulatedDevice
from tests.proxier.demo.device_client import DeviceClient, Refused, client_of, envelope

BMS = "BasicManagement"
TYPE = "urn:schemas-upnp-org:service:BasicManagement"
PING = {
    "Host": "a.example",
    "NumberOfRepetitions": "1",
    "Timeout": "1000",
    "DataBlockSize": "32",
    "DSCP": "0",
}


@pytest.fixture
async def client() -> AsyncIterator[DeviceClient]:
    async with SimulatedDevice(advertise=False) as device, client_of(device) as client:
        yield client


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, 402),
        (PING | {"Colour": "red"}, 402),
        (dict(reversed(PING.items())), 402),
        (PING | {"Timeout": "soon"}, 402),
        (PING | {"DataBlockSize": "65536"}, 402),
        (PING | {"NumberOfRepetitions": "4294967296"}, 402),
        (PING | {"DSCP": "64"}, 601),
        (PING | {"Host": ""}, 402),
    ],
)
async def test_wrong_arguments(client: DeviceClient, arguments: dict[str, str], code: int) -> None:
    with pytest.raises(Refused) as refused:
        await client.call("Ping", **arguments)
    assert refused.value.code == code
    assert client.device.refusals == [("Ping", code)]
    assert not client.device.bms.diagnostics.tests


async def test_a_value_that_is_not_on_the_list(client: DeviceClient) -> None:
    with pytest.raises(Refused) as refused:
        await client.call("InterfaceReset", Interfaces="SomeInterfaces")
    assert refused.value.code == 600


@pytest.mark.parametrize(
    ("soap_action", "service_type", "action"),
    [
        (f'"{TYPE}:2#Dance"', f"{TYPE}:2", "Dance"),
        (f'"{TYPE}:2#Reboot"', f"{TYPE}:2", "GetDeviceStatus"),
        (f'"{TYPE}:2#GetDeviceStatus"', f"{TYPE}:1", "GetDeviceStatus"),
        (
            '"urn:other:service:BasicManagement:2#GetDeviceStatus"',
            "urn:other:service:BasicManagement:2",
            "GetDeviceStatus",
        ),
    ],
)
async def test_invalid_actions(
    client: DeviceClient, soap_action: str, service_type: str, action: str
) -> None:
    status, body = await client.post(BMS, soap_action, envelope(service_type, action, {}))
    assert status == 500
    assert b"<errorCode>401</errorCode>" in body
    assert b"<faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>" in body
    assert not client.device.actions


async def test_a_caller_of_an_older_version_is_answered_in_its_version(client: DeviceClient) -> None:
    body = envelope(f"{TYPE}:1", "GetDeviceStatus", {})
    status, answer = await client.post(BMS, f'"{TYPE}:1#GetDeviceStatus"', body)
    assert status == 200
    assert f'xmlns:u="{TYPE}:1"'.encode() in answer


GOOD = envelope(f"{TYPE}:2", "GetDeviceStatus", {})


@pytest.mark.parametrize(
    ("soap_action", "body", "content_type", "status"),
    [
        (f"{TYPE}:2#GetDeviceStatus", GOOD, "text/xml", 400),
        (f'"{TYPE}:2#GetDeviceStatus"', GOOD, "application/soap+xml", 415),
        (f'"{TYPE}:2#GetDeviceStatus"', b"<s:Envelope>", "text/xml", 400),
        (f'"{TYPE}:2#GetDeviceStatus"', b"<Envelope/>", "text/xml", 400),
        (f'"{TYPE}:2#GetDeviceStatus"', b"<!DOCTYPE x>" + GOOD.partition(b"?>")[2], "text/xml", 400),
    ],
)
async def test_bad_requests(
    client: DeviceClient, soap_action: str, body: bytes, content_type: str, status: int
) -> None:
    assert (await client.post(BMS, soap_action, body, content_type))[0] == status
    assert client.device.refusals == [("?", status)]


async def test_calls_are_noted(client: DeviceClient) -> None:
    await client.call("GetTestIDs")
    await client.call("Ping", **PING)
    assert client.device.actions == [("GetTestIDs", {}), ("Ping", PING)]
    assert client.device.count("Ping") == 1
