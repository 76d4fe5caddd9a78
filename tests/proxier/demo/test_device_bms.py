from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from lxml import etree

from proxier.demo.device import SimulatedDevice
from proxier.demo.device_logs import Log
from tests.proxier.demo.device_client import DeviceClient, Refused, client_of, subscriber_to

PING = {
    "Host": "a.example",
    "NumberOfRepetitions": "3",
    "Timeout": "1000",
    "DataBlockSize": "32",
    "DSCP": "0",
}
TRACE = {"Host": "a.example", "Timeout": "1000", "DataBlockSize": "32", "MaxHopCount": "0", "DSCP": "0"}
LOOKUP = {"HostName": "a.example", "DNSServer": "", "NumberOfRepetitions": "2", "Timeout": "0"}


@pytest.fixture
async def client() -> AsyncIterator[DeviceClient]:
    async with SimulatedDevice(advertise=False) as device, client_of(device) as client:
        device.bms.diagnostics.seconds = None
        yield client


async def state(client: DeviceClient, test_id: str) -> str:
    return (await client.call("GetTestInfo", TestID=test_id))["State"]


async def completed(client: DeviceClient, action: str, **arguments: str) -> dict[str, str]:
    """Carries out one test, and returns its result."""
    client.device.bms.diagnostics.seconds = 0
    test_id = (await client.call(action, **arguments))["TestID"]
    await client.device.until(lambda: client.device.events["BasicManagement"].values["ActiveTestIDs"] == "")
    return await client.call(f"Get{action}Result", TestID=test_id)


async def refused(client: DeviceClient, action: str, **arguments: str) -> int:
    with pytest.raises(Refused) as refusal:
        await client.call(action, **arguments)
    return refusal.value.code


async def test_a_test_from_its_request_to_its_result(client: DeviceClient) -> None:
    async with subscriber_to(client) as subscriber:
        await subscriber.subscribe("BasicManagement")
        await subscriber.next()
        assert (await client.call("Ping", **PING)) == {"TestID": "1"}
        assert (await subscriber.next()).variables == {"TestIDs": "1", "ActiveTestIDs": "1"}
        assert await client.call("GetTestInfo", TestID="1") == {"Type": "Ping", "State": "InProgress"}
        assert await client.call("GetActiveTestIDs") == {"TestIDs": "1"}
        assert await refused(client, "GetPingResult", TestID="1") == 708
        client.device.bms.diagnostics.finish(1)
        assert (await subscriber.next()).variables == {"ActiveTestIDs": ""}
        assert await state(client, "1") == "Completed"
        assert await client.call("GetTestIDs") == {"TestIDs": "1"}
        assert await client.call("GetPingResult", TestID="1") == {
            "Status": "Success",
            "AdditionalInfo": "",
            "SuccessCount": "3",
            "FailureCount": "0",
            "AverageResponseTime": "12",
            "MinimumResponseTime": "10",
            "MaximumResponseTime": "15",
        }


@pytest.mark.parametrize(
    ("action", "arguments", "expected"),
    [
        ("Ping", PING | {"NumberOfRepetitions": "0"}, {"Status": "Success", "SuccessCount": "4"}),
        (
            "Ping",
            PING | {"Host": "no.invalid"},
            {"Status": "Error_CannotResolveHostName", "SuccessCount": "0"},
        ),
        ("Ping", PING | {"Host": "unreachable.example"}, {"Status": "Success", "FailureCount": "3"}),
        ("Traceroute", TRACE, {"Status": "Success", "HopHosts": "192.0.2.1,,198.51.100.1,a.example"}),
        (
            "Traceroute",
            TRACE | {"MaxHopCount": "2"},
            {"Status": "Error_MaxHopCountExceeded", "HopHosts": "192.0.2.1,"},
        ),
        ("Traceroute", TRACE | {"Host": "no.invalid"}, {"Status": "Error_CannotResolveHostName"}),
        ("NSLookup", LOOKUP, {"Status": "Success", "SuccessCount": "2"}),
        ("NSLookup", LOOKUP | {"DNSServer": "no.invalid"}, {"Status": "Error_DNSServerNotResolved"}),
        ("NSLookup", LOOKUP | {"HostName": "no.invalid"}, {"Status": "Success", "SuccessCount": "0"}),
        ("SelfTest", {}, {"Status": "1", "AdditionalInfo": "All is well"}),
        ("InterfaceReset", {"Interfaces": "AllInterfaces"}, {"Status": "Success", "NumberOfSuccesses": "1"}),
        (
            "BandwidthTest",
            {"BandwidthTestSpec": "", "TestEndpoint": "Client", "TestSchedule": "", "TestSessID": ""},
            {"State": "Completed", "Status": "Success"},
        ),
    ],
)
async def test_ordinary_results(
    client: DeviceClient, action: str, arguments: dict[str, str], expected: dict[str, str]
) -> None:
    result = await completed(client, action, **arguments)
    assert expected.items() <= result.items()


async def test_a_look_up_has_one_result_for_each_repetition(client: DeviceClient) -> None:
    root = etree.fromstring((await completed(client, "NSLookup", **LOOKUP))["Result"].encode())
    assert root.tag == "{urn:schemas-upnp-org:dm:bms}NSLookupResult"
    assert [result.findtext("IPAddresses") for result in root] == ["192.0.2.5,2001:db8::5"] * 2


async def test_results_can_be_made_to_order(client: DeviceClient) -> None:
    client.device.bms.diagnostics.results["Ping"] = {
        "Status": "Error_Other",
        "AdditionalInfo": "Cable & plug",
    }
    result = await completed(client, "Ping", **PING)
    assert (result["Status"], result["AdditionalInfo"]) == ("Error_Other", "Cable & plug")


async def test_errors_of_tests(client: DeviceClient) -> None:
    assert await refused(client, "GetPingResult", TestID="9") == 706
    assert await refused(client, "CancelTest", TestID="9") == 706
    test_id = (await client.call("Ping", **PING))["TestID"]
    assert await refused(client, "GetSelfTestResult", TestID=test_id) == 707
    await client.call("CancelTest", TestID=test_id)
    assert await state(client, test_id) == "Canceled"
    assert await client.call("GetActiveTestIDs") == {"TestIDs": ""}
    assert await refused(client, "GetPingResult", TestID=test_id) == 708
    assert await refused(client, "CancelTest", TestID=test_id) == 709


async def test_in_sequence_mode_tests_wait_for_each_other(client: DeviceClient) -> None:
    assert await client.call("SetSequenceMode", NewSequenceMode="1") == {"OldSequenceMode": "0"}
    assert await client.call("GetSequenceMode") == {"SequenceMode": "1"}
    ids = [(await client.call("Ping", **PING))["TestID"] for _ in range(3)]
    assert [await state(client, each) for each in ids] == ["InProgress", "Requested", "Requested"]
    await client.call("CancelTest", TestID="2")
    client.device.bms.diagnostics.finish(1)
    await client.device.until(lambda: client.device.bms.diagnostics.tests[3].state == "InProgress")
    assert [await state(client, each) for each in ids] == ["Completed", "Canceled", "InProgress"]


async def test_old_tests_are_forgotten(client: DeviceClient) -> None:
    client.device.bms.diagnostics.seconds = 0
    for _ in range(12):
        await completed(client, "SelfTest")
    assert await client.call("GetTestIDs") == {"TestIDs": "3,4,5,6,7,8,9,10,11,12"}


async def test_tests_do_not_outlive_the_power(client: DeviceClient) -> None:
    await client.call("Ping", **PING)
    await client.device.power_cut()
    assert await client.call("GetActiveTestIDs") == {"TestIDs": ""}
    assert await refused(client, "GetTestInfo", TestID="1") == 706
    assert await client.call("Ping", **PING) == {"TestID": "1"}


async def test_the_status_says_since_when(client: DeviceClient) -> None:
    word, _, since = (await client.call("GetDeviceStatus"))["DeviceStatus"].partition(",")
    assert (word, since[-1]) == ("OK", "Z")


async def test_logs(client: DeviceClient) -> None:
    logs = client.device.bms.logs
    assert await client.call("GetLogURIs") == {"LogURIs": "urn:example:log:system,urn:example:log:events"}
    uri = logs["system"].uri
    info = await client.call("GetLogInfo", LogURI=uri)
    assert (info["Configurable"], info["Enabled"], info["LogLevel"]) == ("1", "1", "Informational")
    content = await client.get(info["LogURL"].removeprefix(client.device.base_url))
    assert len(content) == 4096
    assert content == b"".join(logs["system"].content())
    await client.call("SetLogInfo", LogURI=uri, Enabled="0", LogLevel="Debug")
    info = await client.call("GetLogInfo", LogURI=uri)
    assert (info["Enabled"], info["LogLevel"]) == ("0", "Debug")
    assert await refused(client, "GetLogInfo", LogURI="urn:example:log:none") == 600
    assert (
        await refused(client, "SetLogInfo", LogURI=logs["events"].uri, Enabled="1", LogLevel="Debug") == 501
    )


async def test_logs_come_and_go(client: DeviceClient) -> None:
    logs = client.device.bms.logs
    logs.add(Log("crash", 10))
    logs.remove("system")
    assert await client.call("GetLogURIs") == {"LogURIs": "urn:example:log:events,urn:example:log:crash"}
    await client.device.power_cut()
    assert len(await client.get("/log/crash")) == 10
    assert await client.get("/log/events") == b""


async def test_a_large_log_is_streamed() -> None:
    size = 50 * 2**20 + 1
    async with SimulatedDevice(advertise=False, log_bytes=size) as device, client_of(device) as client:
        received = 0
        async with client.http.get(device.base_url + "/log/system") as response:
            async for chunk in response.content.iter_chunked(2**16):
                received += len(chunk)
        assert received == size == response.content_length
