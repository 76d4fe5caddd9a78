from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from proxier.demo.device import SimulatedDevice
from proxier.demo.device_units import Fetched, Outcome
from tests.proxier.demo.device_client import DeviceClient, Refused, client_of, subscriber_to

SMS = "SoftwareManagement"
URI = "http://192.0.2.80/firmware.bin"
UPDATE = {"DUID": "0", "NewDUURI": URI, "HandleDependencies": "0"}
UNTIL_REBOOT = replace(Outcome(), reboots=True)


@pytest.fixture
async def client() -> AsyncIterator[DeviceClient]:
    async with (
        SimulatedDevice(advertise=False, operation_seconds=0.02) as device,
        client_of(device) as client,
    ):
        yield client


async def refused(client: DeviceClient, action: str, **arguments: str) -> int:
    with pytest.raises(Refused) as refusal:
        await client.call(action, **arguments)
    return refusal.value.code


async def finished(client: DeviceClient, action: str, **arguments: str) -> dict[str, str]:
    """Carries out one operation, and returns what GetOperationInfo says of it."""
    operation = (await client.call(action, **arguments))["OperationID"]
    await client.device.until(lambda: client.device.events[SMS].values["OperationIDs"] == "")
    return await client.call("GetOperationInfo", OperationID=operation)


async def test_an_update_from_its_request_to_its_end(client: DeviceClient) -> None:
    async with subscriber_to(client) as subscriber:
        await subscriber.subscribe(SMS)
        first = (await subscriber.next()).variables
        assert first == {
            "OperationIDs": "",
            "DUIDs": "0,1",
            "EUIDs": "0,1",
            "ActiveEUIDs": "0,1",
            "RunningEUIDs": "0,1",
            "ErrorEUIDs": "",
        }
        assert await client.call("Update", **UPDATE) == {"OperationID": "1"}
        assert (await subscriber.next()).variables == {"OperationIDs": "1"}
        assert (await subscriber.next()).variables == {"OperationIDs": ""}
    assert await client.call("GetOperationInfo", OperationID="1") == {
        "OperationState": "Completed",
        "TargetedIDs": "0",
        "Action": "Update",
        "ErrorDescription": "Error_None",
        "AdditionalInfo": "",
    }
    info = await client.call("GetDUInfo", DUID="0")
    assert (info["DUVersion"], info["DUType"], info["DUState"], info["DUURI"]) == (
        "2.0.0",
        "Firmware",
        "Installed",
        URI,
    )
    values = client.device.values
    assert values["/BBF/DeviceInfo/SoftwareVersion"] == values["/UPnP/DM/Software/DU/0/Version"] == "2.0.0"
    assert values["/UPnP/DM/Software/DU/0/URI"] == URI


@pytest.mark.parametrize(
    "error",
    [
        "Error_ConcurrentAccess",
        "Error_MissingDependency",
        "Error_Network",
        "Error_CorruptedFile",
        "Error_DiskFull",
        "Error_Other",
    ],
)
async def test_an_update_that_fails(client: DeviceClient, error: str) -> None:
    client.device.sms.outcome = Outcome(error=error, info="Because & why")
    info = await finished(client, "Update", **UPDATE)
    assert (info["OperationState"], info["ErrorDescription"], info["AdditionalInfo"]) == (
        "Error",
        error,
        "Because & why",
    )
    assert (await client.call("GetDUInfo", DUID="0"))["DUVersion"] == "1.0.0"


@pytest.mark.parametrize(
    ("action", "arguments", "code"),
    [
        ("Update", UPDATE | {"NewDUURI": "firmware.bin"}, 701),
        ("Update", UPDATE | {"HandleDependencies": "1"}, 702),
        ("Update", UPDATE | {"DUID": "9"}, 705),
        ("Update", UPDATE | {"NewDUURI": "ftp://192.0.2.80/firmware.bin"}, 710),
        ("Update", UPDATE | {"HandleDependencies": "perhaps"}, 402),
        ("Uninstall", {"DUID": "0", "HandleDependencies": "0"}, 705),
        ("Install", {"DUURI": URI, "DUType": "Firmware", "HandleDependencies": "0"}, 600),
        ("Start", {"EUID": "0", "HandleDependencies": "0"}, 706),
        ("Stop", {"EUID": "9", "HandleDependencies": "0"}, 706),
        ("GetOperationInfo", {"OperationID": "9"}, 707),
        ("GetDUInfo", {"DUID": "9"}, 705),
        ("GetEUInfo", {"EUID": "9"}, 706),
    ],
)
async def test_refusals(client: DeviceClient, action: str, arguments: dict[str, str], code: int) -> None:
    client.device.sms.handles_dependencies = False
    assert await refused(client, action, **arguments) == code
    assert client.device.events[SMS].values["OperationIDs"] == ""


async def test_one_operation_at_a_time_for_one_unit(client: DeviceClient) -> None:
    client.device.sms.outcome = Outcome(seconds=60)
    await client.call("Update", **UPDATE)
    assert await refused(client, "Update", **UPDATE) == 704
    await client.call("Update", **UPDATE | {"DUID": "1"})
    assert await client.call("GetOperationIDs") == {"OperationIDs": "1,2"}
    assert (await client.call("GetOperationInfo", OperationID="1"))["OperationState"] == "InProgress"


async def test_a_reboot_forgets_the_operation(client: DeviceClient) -> None:
    device = client.device
    device.sms.outcome = UNTIL_REBOOT
    before = device.boot_id
    await client.call("Update", **UPDATE)
    await device.until(lambda: len(device.history.times("alive")) == 2)
    assert device.boot_id == before + 1
    assert await refused(client, "GetOperationInfo", OperationID="1") == 707
    assert (await client.call("GetDUInfo", DUID="0"))["DUVersion"] == "2.0.0"


async def test_a_reboot_over_which_the_operation_is_remembered(client: DeviceClient) -> None:
    device = client.device
    device.sms.outcome = replace(UNTIL_REBOOT, remembers=True)
    await client.call("Update", **UPDATE)
    await device.until(lambda: len(device.history.times("alive")) == 2)
    assert (await client.call("GetOperationInfo", OperationID="1"))["OperationState"] == "Completed"


async def test_a_roll_back(client: DeviceClient) -> None:
    device = client.device
    device.sms.outcome = replace(UNTIL_REBOOT, rolls_back=True)
    await client.call("Update", **UPDATE)
    await device.until(lambda: len(device.history.times("alive")) == 2)
    assert (await client.call("GetDUInfo", DUID="0"))["DUVersion"] == "1.0.0"


async def test_a_device_that_does_not_come_back(client: DeviceClient) -> None:
    client.device.sms.outcome = replace(UNTIL_REBOOT, returns=False)
    await client.call("Update", **UPDATE)
    await client.device.until(lambda: not client.device.is_on)
    await client.device.until(lambda: client.device.history.happenings[-1].what == "power off")


async def test_a_power_cut_in_the_middle(client: DeviceClient) -> None:
    client.device.sms.outcome = Outcome(seconds=60)
    await client.call("Update", **UPDATE)
    await client.device.power_cut()
    assert await client.call("GetOperationIDs") == {"OperationIDs": ""}
    assert (await client.call("GetDUInfo", DUID="0"))["DUVersion"] == "1.0.0"


async def test_another_control_point_updates(client: DeviceClient) -> None:
    client.device.invoke_as_another("Update", **UPDATE)
    await client.device.until(lambda: client.device.sms.operations[1].ended is not None)
    assert client.device.count("Update") == 0


async def test_a_power_cut_in_the_middle_of_everything_else(client: DeviceClient) -> None:
    client.device.sms.outcome = Outcome(seconds=60)
    install = {"DUURI": "http://192.0.2.80/app.pkg", "DUType": "Application", "HandleDependencies": "0"}
    await client.call("Install", **install)
    assert (await client.call("GetDUInfo", DUID="2"))["DUState"] == "Installing"
    await client.call("Stop", EUID="1", HandleDependencies="0")
    assert (await client.call("GetEUInfo", EUID="1"))["EURunningState"] == "Stopping"
    await client.device.power_cut()
    assert await client.call("GetDUIDs") == {"DUIDs": "0,1"}
    assert (await client.call("GetEUInfo", EUID="1"))["EURunningState"] == "Stopped"


@pytest.fixture
async def image_server() -> AsyncIterator[str]:
    async def image(request: web.Request) -> web.Response:
        if request.match_info["name"] == "image":
            return web.Response(body=b"x" * 100_000)
        return web.Response(status=404)

    application = web.Application()
    application.router.add_get("/{name}", image)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_the_image_is_really_fetched(client: DeviceClient, image_server: str) -> None:
    client.device.sms.outcome = Outcome(fetch=True)
    uri = image_server + "/image"
    info = await finished(client, "Update", **UPDATE | {"NewDUURI": uri})
    assert info["ErrorDescription"] == "Error_None"
    digest = hashlib.sha256(b"x" * 100_000).hexdigest()
    assert client.device.sms.fetched == [Fetched(uri, 200, 100_000, digest)]
    assert client.device.values["/UPnP/DM/Software/DU/0/Size"] == "100000"


@pytest.mark.parametrize(("place", "status"), [("{server}/none", 404), ("http://127.0.0.1:9/image", 0)])
async def test_an_image_that_cannot_be_fetched(
    client: DeviceClient, image_server: str, place: str, status: int
) -> None:
    client.device.sms.outcome = Outcome(fetch=True)
    info = await finished(client, "Update", **UPDATE | {"NewDUURI": place.format(server=image_server)})
    assert info["ErrorDescription"] == "Error_Network"
    assert client.device.sms.fetched[0].status == status
    assert info["AdditionalInfo"]


async def test_the_life_of_an_application(client: DeviceClient) -> None:
    call = client.call
    install = {"DUURI": "http://192.0.2.80/app.pkg", "DUType": "Application", "HandleDependencies": "0"}
    info = await finished(client, "Install", **install)
    assert (info["Action"], info["TargetedIDs"]) == ("Install", "2")
    unit = await call("GetDUInfo", DUID="2")
    assert (unit["DUName"], unit["DUState"]) == ("app.pkg", "Installed")
    assert client.device.values["/UPnP/DM/Software/DU/2/Name"] == "app.pkg"
    assert (await call("GetEUInfo", EUID="2"))["EURequestedState"] == "Inactive"
    await finished(client, "Start", EUID="2", HandleDependencies="0")
    assert await call("GetRunningEUIDs") == {"RunningEUIDs": "0,1,2"}
    client.device.sms.outcome = Outcome(error="Error_Other")
    await finished(client, "Stop", EUID="2", HandleDependencies="0")
    assert await call("GetErrorEUIDs") == {"ErrorEUIDs": "2"}
    assert (await call("GetEUInfo", EUID="2"))["EURunningState"] == "Running"
    client.device.sms.outcome = Outcome()
    await finished(client, "Uninstall", DUID="2", HandleDependencies="0")
    assert await call("GetDUIDs") == {"DUIDs": "0,1"}
    assert await call("GetEUIDs") == {"EUIDs": "0,1"}
    assert "/UPnP/DM/Software/DU/2/Name" not in client.device.values


async def test_an_application_that_neither_comes_nor_goes(client: DeviceClient) -> None:
    client.device.sms.outcome = Outcome(error="Error_DiskFull")
    install = {"DUURI": "http://192.0.2.80/app.pkg", "DUType": "Application", "HandleDependencies": "0"}
    await finished(client, "Install", **install)
    assert await client.call("GetDUIDs") == {"DUIDs": "0,1"}
    await finished(client, "Uninstall", DUID="1", HandleDependencies="0")
    assert (await client.call("GetDUInfo", DUID="1"))["DUState"] == "Installed"


async def test_version_one_names_the_state_otherwise() -> None:
    async with SimulatedDevice(advertise=False, version=1) as device, client_of(device) as client:
        assert (await client.call("GetEUInfo", EUID="1"))["EUExecutionState"] == "Running"
