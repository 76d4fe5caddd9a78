"""The software of a simulated device over real sockets, from the RPC up to what the ACS is told."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from cwmp_client import soap
from cwmp_client.messages import (
    UNKNOWN_TIME,
    AutonomousDUStateChangeComplete,
    AutonomousTransferComplete,
    ChangeDUState,
    CpeRequest,
    Download,
    DUStateChangeComplete,
    InstallOpStruct,
    ParameterValueStruct,
    TransferComplete,
    UninstallOpStruct,
    UpdateOpStruct,
)
from cwmp_client.transport import AcsSettings, Tls
from proxier import plans
from proxier.control_point import ControlPoint, ProxiedDevice
from proxier.demo.device import SimulatedDevice
from proxier.demo.device_units import Outcome
from proxier.operations import Operations, Ports
from proxier.relay import Relay
from proxier.settings import UpnpSettings
from proxier.software_objects import SoftwareObjects
from proxier.software_rpcs import SoftwareRpcs
from tests.cwmp_client.acs_double import serving
from tests.cwmp_client.memory_journal import MemoryJournal
from tests.cwmp_client.schema import errors_of
from tests.proxier.home import KINDS, Home
from tests.proxier.running import LOOPBACK
from tests.proxier.test_relay import FileServer
from translation.actions import AboutTo, DeviceUnreachable, Plan, Service, StateChange
from translation.files import RelayMode
from translation.operations import BootMarks, Changed, Left, Returned, SessionEnded, Transfer
from translation.sms import poll
from translation.software import Software

pytestmark = pytest.mark.usefixtures("own_group")

SMS = "SoftwareManagement"
URL = "http://192.0.2.80/firmware.bin"
POLICY = "Device.ManagementServer.AutonomousTransferCompletePolicy."
MODULES = "Device.SoftwareModules."
MEGABYTE = 2**20


class Managed:
    """The listener of a control point, and all that stands above it here."""

    def __init__(self, home: Home, relay: Relay, mode: RelayMode, time_out_seconds: float) -> None:
        self.home = home
        self.device: ProxiedDevice | None = None
        self.control_point: ControlPoint
        self._relay = relay
        ports = Ports(home, home.report, self.drive, self._transfer)
        self.operations = Operations("a device", (*KINDS, Software), ports, home.journal.records)
        self.objects = SoftwareObjects(
            "a device",
            self.operations,
            self.drive,
            home,
            own_names=lambda: (),
            tells=lambda: False,
            records=home.journal.records,
            time_out_seconds=time_out_seconds,
        )
        self.rpcs = SoftwareRpcs(self.operations, self.objects, mode)

    async def drive(self, plan: Plan[Any]) -> Any:
        if self.device is None:
            raise DeviceUnreachable("it is offline")
        return await plans.drive(plan, partial(self.control_point.invoke, self.device))

    async def _transfer(self, transfer: Transfer) -> Any:
        assert self.device
        return await self._relay.offer(transfer, self.device.udn, self.device.address)

    async def appeared(self, device: ProxiedDevice) -> None:
        await self._came(device, restarted=False, about_to=frozenset())
        self.home.note("appeared")

    async def restarted(self, device: ProxiedDevice, about_to: frozenset[AboutTo]) -> None:
        await self._came(device, restarted=True, about_to=about_to)
        self.home.note("restarted")

    async def _came(self, device: ProxiedDevice, *, restarted: bool, about_to: frozenset[AboutTo]) -> None:
        self.device = device
        await self.objects.offer(device.services[Service.SMS].actions, device.services[Service.CMS].actions)
        await self.operations.happen(Returned(restarted, about_to, BootMarks(device.boot_id)))

    async def left(self, udn: str, reason: str, about_to: frozenset[AboutTo]) -> None:
        del udn, reason
        self.device = None
        await self.operations.happen(Left(about_to))
        self.home.note("left")

    async def changed(self, udn: str, change: StateChange) -> None:
        del udn
        await self.objects.changed(change)
        await self.operations.happen(Changed(change))
        self.home.note("changed")

    # what an ACS does

    async def download(self, url: str = URL, key: str = "key", **changes: Any) -> None:
        await self.rpcs.download(Download(key, "1 Firmware Upgrade Image", url, **changes))
        await self.operations.happen(SessionEnded())

    async def change(self, *operations: Any) -> DUStateChangeComplete:
        await self.rpcs.change_du_state(ChangeDUState(operations, "key"))
        await self.operations.happen(SessionEnded())
        told: DUStateChangeComplete = await self.told(DUStateChangeComplete)
        return told

    async def set(self, **values: str) -> None:
        given = [ParameterValueStruct(name, value) for name, value in values.items()]
        assert not await self.objects.check(given)
        await self.home.journal.save((await self.objects.set(given)).records)
        await self.operations.happen(SessionEnded())

    async def get(self, path: str) -> Mapping[str, str]:
        await self.objects.nodes()
        return {each.name.removeprefix(path): each.value for each in await self.objects.values([path])}

    async def told(self, kind: type[Any]) -> Any:
        """The one request that the ACS gets, which is as the schemas want it, and forgotten here."""
        await self.home.until(lambda: self.home.requests)
        (request,) = self.home.requests
        self.home.requests.clear()
        assert isinstance(request, kind)
        for namespace in versions_of(request):
            envelope = soap.encode(request, namespace=namespace, header=soap.Header(id="1"))
            assert errors_of(envelope) == []
        return request

    def events(self) -> list[str]:
        return [f"{each.event_code} {each.command_key}".strip() for each in self.home.reported]


def versions_of(request: CpeRequest) -> tuple[str, ...]:
    """The namespaces that know a request."""
    every = (soap.NAMESPACES["1.0"], soap.NAMESPACES["1.1"], soap.NAMESPACES["1.2"])
    if isinstance(request, TransferComplete):
        return every
    return every[1:] if isinstance(request, AutonomousTransferComplete) else every[2:]


class Only:
    """Hears of one device; others may be simulated on loopback by somebody else."""

    def __init__(self, managed: Managed, udn: str) -> None:
        self._managed = managed
        self._udn = udn

    async def appeared(self, device: ProxiedDevice) -> None:
        if device.udn == self._udn:
            await self._managed.appeared(device)

    async def restarted(self, device: ProxiedDevice, about_to: frozenset[AboutTo]) -> None:
        if device.udn == self._udn:
            await self._managed.restarted(device, about_to)

    async def left(self, udn: str, reason: str, about_to: frozenset[AboutTo]) -> None:
        if udn == self._udn:
            await self._managed.left(udn, reason, about_to)

    async def changed(self, udn: str, change: StateChange) -> None:
        if udn == self._udn:
            await self._managed.changed(udn, change)


@asynccontextmanager
async def managing(
    device: SimulatedDevice,
    home: Home | None = None,
    *,
    mode: RelayMode = RelayMode.AUTO,
    time_out_seconds: float = 60,
    start: bool = False,
) -> AsyncIterator[Managed]:
    settings = AcsSettings(request_timeout_seconds=2)
    relay = Relay(settings, Tls(settings), largest=128 * MEGABYTE, seconds=60)
    managed = Managed(home or Home(), relay, mode, time_out_seconds)
    upnp = UpnpSettings(interfaces=(LOOPBACK,), allow=(device.udn,), action_timeout=2)
    if start:
        await managed.operations.start()
    async with ControlPoint(upnp, Only(managed, device.udn)) as managed.control_point:
        try:
            await managed.home.until(lambda: {"appeared", "restarted"} & {*managed.home.log})
            if device.eventing:
                await until(lambda: managed.control_point.subscribed(device.udn, Service.SMS))
            yield managed
        finally:
            await managed.operations.close()
            await relay.close()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the control point can be asked this, and tells nobody
            await asyncio.sleep(0.01)


def is_at(text: str, time: datetime | None) -> bool:
    """Whether the ACS is told a time of the device, in whole seconds and but for a message's way."""
    assert time
    said = datetime.fromisoformat(text)
    return time.replace(microsecond=0) - timedelta(seconds=1) <= said <= time + timedelta(seconds=1)


# ------------------------------------------------------------------ an update by the ACS


@pytest.mark.parametrize("overtakes", [False, True])
async def test_an_update_that_succeeds(overtakes: bool) -> None:
    async with (
        SimulatedDevice(serial="F1", events_overtake_answers=overtakes) as device,
        managing(device) as acs,
    ):
        await acs.download()
        told = await acs.told(TransferComplete)
        operation = device.sms.operations[1]
        assert (told.command_key, told.fault_struct.fault_code) == ("key", 0)
        assert is_at(told.start_time, operation.began)
        assert is_at(told.complete_time, operation.ended)
        assert acs.events() == ["7 TRANSFER COMPLETE", "M Download key"]
        assert [given for name, given in device.actions if name == "Update"] == [UPDATE]
        assert device.refusals == []


async def test_an_update_of_a_device_that_sends_no_events() -> None:
    async with SimulatedDevice(serial="F2", eventing=False) as device, managing(device) as acs:
        await acs.download()
        told = await acs.told(TransferComplete)
        assert told.fault_struct.fault_code == 0
        assert device.count("GetOperationIDs") >= 2


@pytest.mark.parametrize(
    ("error", "code", "said_in_1_0"),
    [
        ("Error_ConcurrentAccess", 9001, 9001),
        ("Error_MissingDependency", 9001, 9001),
        ("Error_Network", 9015, 9010),
        ("Error_CorruptedFile", 9018, 9010),
        ("Error_DiskFull", 9010, 9010),
        ("Error_Other", 9001, 9001),
    ],
)
async def test_each_error_of_table_3(error: str, code: int, said_in_1_0: int) -> None:
    async with SimulatedDevice(serial="F3") as device, managing(device, mode=RelayMode.NEVER) as acs:
        device.sms.outcome = Outcome(error=error, info="Because & why")
        await acs.download()
        told = await acs.told(TransferComplete)
        assert (told.fault_struct.fault_code, told.fault_struct.fault_string) == (code, "Because & why")
        old = soap.encode(told, namespace=soap.NAMESPACES["1.0"], header=soap.Header())
        spoken = soap.decode(old).message
        assert isinstance(spoken, TransferComplete)
        assert spoken.fault_struct.fault_code == said_in_1_0
        assert is_at(told.complete_time, device.sms.operations[1].ended)


@pytest.mark.parametrize("code", [701, 702, 704, 705, 710, 501])
async def test_an_update_that_is_refused_at_once(code: int) -> None:
    async with SimulatedDevice(serial="F4") as device, managing(device) as acs:
        device.fail("Update", code)
        await acs.download()
        told = await acs.told(TransferComplete)
        assert told.fault_struct.fault_code == 9001
        assert str(code) in told.fault_struct.fault_string
        assert (told.start_time, told.complete_time) == (UNKNOWN_TIME, UNKNOWN_TIME)
        assert device.count("Update") == 1


@pytest.mark.parametrize("remembers", [False, True])
@pytest.mark.parametrize("without", [frozenset(), frozenset({"GetDUInfo"})])
async def test_an_update_that_ends_in_a_restart(remembers: bool, without: frozenset[str]) -> None:
    async with (
        SimulatedDevice(serial="F5", without_actions=without, reboot_seconds=0.3) as device,
        managing(device) as acs,
    ):
        device.sms.outcome = Outcome(reboots=True, remembers=remembers)
        await acs.download()
        told = await acs.told(TransferComplete)
        assert told.fault_struct.fault_code == 0
        assert is_at(told.complete_time, device.history.times("alive")[-1])
        assert device.count("Update") == 1


async def test_an_update_that_is_rolled_back() -> None:
    async with SimulatedDevice(serial="F6") as device, managing(device) as acs:
        device.sms.outcome = Outcome(reboots=True, rolls_back=True)
        await acs.download()
        told = await acs.told(TransferComplete)
        assert told.fault_struct.fault_code == 9010
        assert "rolled back" in told.fault_struct.fault_string
        assert "1.0.0" in told.fault_struct.fault_string
        assert is_at(told.complete_time, device.history.times("alive")[-1])


async def test_a_device_that_never_comes_back() -> None:
    async with SimulatedDevice(serial="F7") as device, managing(device, time_out_seconds=1) as acs:
        device.sms.outcome = Outcome(reboots=True, returns=False)
        await acs.download()
        told = await acs.told(TransferComplete)
        assert told.fault_struct.fault_code == 9010
        assert "not come back" in told.fault_struct.fault_string


async def test_an_update_whose_answer_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("translation.software_operation.FIRST_RETRY", timedelta(seconds=0.2))
    async with SimulatedDevice(serial="F8") as device, managing(device) as acs:
        device.sms.outcome = Outcome(seconds=0.5)
        device.drop("Update", carried_out=True)
        await acs.download()
        told = await acs.told(TransferComplete)
        assert told.fault_struct.fault_code == 0
        assert is_at(told.start_time, device.sms.operations[1].began)
        assert device.count("Update") == 1


async def test_three_downloads_one_after_the_other() -> None:
    async with SimulatedDevice(serial="F9") as device, managing(device) as acs:
        for key in "abc":
            await acs.rpcs.download(Download(key, "1 Firmware Upgrade Image", URL + key))
        assert [each.state for each in acs.rpcs.requested()] == [1, 1, 1]
        await acs.operations.happen(SessionEnded())
        await acs.home.until(lambda: len(acs.home.requests) == 3)
        assert [each.command_key for each in acs.home.requests] == ["a", "b", "c"]  # type: ignore[union-attr]  # they are TransferCompletes
        assert [fetched for name, fetched in device.actions if name == "Update"] == [
            {"DUID": "0", "NewDUURI": URL + key, "HandleDependencies": "0"} for key in "abc"
        ]
        assert device.refusals == []


# ------------------------------------------------------------------ killed


class MortalJournal(MemoryJournal):
    """Writes as often as it is told, then the machine dies: nothing is written any more."""

    def __init__(self) -> None:
        super().__init__()
        self.lives = -1
        self.died = asyncio.Event()

    async def save(self, records: Mapping[str, Any]) -> None:
        if self.lives == 0:
            self.died.set()
            await asyncio.Event().wait()
        self.lives -= 1
        await super().save(records)


@pytest.mark.parametrize("reboots", [False, True])
@pytest.mark.parametrize("lives", range(9))
async def test_killed_after_any_write(lives: int, reboots: bool) -> None:
    """What was under way goes on: at most one Update at the device, one TransferComplete at the ACS."""
    journal = MortalJournal()
    first, second = Home(journal), Home()
    async with SimulatedDevice(serial=f"K{lives}{reboots}") as device:
        device.sms.outcome = Outcome(reboots=reboots)
        async with managing(device, first) as acs:
            await acs.rpcs.download(Download("key", "1 Firmware Upgrade Image", URL))
            journal.lives = lives
            work = [
                asyncio.create_task(each)
                for each in (acs.operations.happen(SessionEnded()), first.until(lambda: first.requests))
            ]
            died = asyncio.create_task(journal.died.wait())
            await asyncio.wait([died, work[1]], return_when=asyncio.FIRST_COMPLETED)
            for task in (died, *work):
                task.cancel()
            await asyncio.gather(died, *work, return_exceptions=True)
        second.journal = MemoryJournal(journal.records)
        async with managing(device, second, start=True) as acs:
            async with asyncio.timeout(10):
                while not (first.requests or second.requests):
                    await second.news.wait()
            await until(lambda: acs.objects.software.queue == ())
    assert device.count("Update") <= 1
    told = [*first.requests, *second.requests]
    assert [each.command_key for each in told] == ["key"]  # type: ignore[union-attr]  # they are TransferCompletes


# ------------------------------------------------------------------ the relay


async def test_a_device_that_cannot_log_in_has_its_image_from_the_proxier() -> None:
    server = FileServer(b"image", auth="basic")
    async with (
        serving(server.handle) as port,
        SimulatedDevice(serial="R1") as device,
        managing(device) as acs,
    ):
        device.sms.outcome = Outcome(fetch=True)
        await acs.download(f"http://{LOOPBACK}:{port}/image.bin", username="u", password="p")
        told = await acs.told(TransferComplete)
        assert told.fault_struct.fault_code == 0
        (fetched,) = device.sms.fetched
        assert (fetched.status, fetched.size) == (200, 5)
        assert str(port) not in fetched.uri


async def test_a_wrong_password_is_told_and_the_device_never_asked() -> None:
    server = FileServer(auth="basic")
    async with (
        serving(server.handle) as port,
        SimulatedDevice(serial="R2") as device,
        managing(device) as acs,
    ):
        await acs.download(f"http://{LOOPBACK}:{port}/image.bin", username="u", password="wrong")
        told = await acs.told(TransferComplete)
        assert told.fault_struct.fault_code == 9012
        assert device.count("Update") == 0


async def test_a_large_image_that_the_device_cannot_reach_itself() -> None:
    server = FileServer(b"x" * MEGABYTE, times=64)
    async with (
        serving(server.handle) as port,
        SimulatedDevice(serial="R3") as device,
        managing(device) as acs,
    ):
        server.turns_away = "aiohttp"  # the device says so, and the proxier says nothing
        device.sms.outcome = Outcome(fetch=True)
        tracemalloc.start()
        try:
            await acs.download(f"http://{LOOPBACK}:{port}/image.bin")
            told = await acs.told(TransferComplete)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert told.fault_struct.fault_code == 0
        assert peak < 10 * MEGABYTE
        refused, fetched = device.sms.fetched
        assert (refused.status, fetched.status, fetched.size) == (403, 200, 64 * MEGABYTE)


# ------------------------------------------------------------------ updates by others


UPDATE = {"DUID": "0", "NewDUURI": URL, "HandleDependencies": "0"}


@pytest.mark.parametrize("reboots", [False, True])
async def test_an_update_by_another_control_point(reboots: bool) -> None:
    async with SimulatedDevice(serial="A1", reboot_seconds=0.2) as device, managing(device) as acs:
        device.sms.outcome = Outcome(seconds=0.3, reboots=reboots)
        device.invoke_as_another("Update", **UPDATE)
        operation = device.sms.operations[1]
        told = await acs.told(AutonomousTransferComplete)
        assert told == AutonomousTransferComplete(
            announce_url="",
            transfer_url=URL,
            is_download=True,
            file_type="1 Firmware Upgrade Image",
            file_size=0,
            target_file_name="",
            fault_struct=told.fault_struct,
            start_time=told.start_time,
            complete_time=told.complete_time,
        )
        assert told.fault_struct.fault_code == 0
        assert is_at(told.start_time, operation.began)
        assert is_at(told.complete_time, device.history.times("alive")[-1] if reboots else operation.ended)
        assert acs.events() == ["10 AUTONOMOUS TRANSFER COMPLETE"]


@pytest.mark.parametrize(
    ("policy", "error", "is_told"),
    [
        ({"Enable": "false"}, "Error_None", False),
        ({"ResultTypeFilter": "Failure"}, "Error_None", False),
        ({"ResultTypeFilter": "Failure"}, "Error_DiskFull", True),
        ({"FileTypeFilter": "2 Web Content"}, "Error_None", False),
        ({"TransferTypeFilter": "Upload"}, "Error_None", False),
        ({"TransferTypeFilter": "Download"}, "Error_None", True),
    ],
)
async def test_the_policy_of_the_acs(policy: dict[str, str], error: str, is_told: bool) -> None:
    async with SimulatedDevice(serial="A2") as device, managing(device) as acs:
        await acs.set(**{POLICY + name: value for name, value in policy.items()})
        device.sms.outcome = Outcome(seconds=0.2, error=error)
        device.invoke_as_another("Update", **UPDATE)
        await device.until(lambda: device.sms.operations[1].ended is not None)
        await acs.home.until(lambda: not acs.objects.software.others and not acs.objects.software.seen.rows)
        assert bool(acs.home.requests) is is_told


async def test_an_update_by_another_control_point_at_a_device_without_events() -> None:
    async with SimulatedDevice(serial="A3", eventing=False) as device, managing(device) as acs:
        device.sms.outcome = Outcome(seconds=0.5)
        device.invoke_as_another("Update", **UPDATE)
        await acs.operations.happen(Changed(await acs.drive(poll())))
        told = await acs.told(AutonomousTransferComplete)
        assert told.fault_struct.fault_code == 0


# ------------------------------------------------------------------ software modules


async def test_the_life_of_an_application() -> None:
    uuid = "11111111-2222-3333-4444-555555555555"
    async with SimulatedDevice(serial="M1") as device, managing(device) as acs:
        (installed,) = (await acs.change(InstallOpStruct("http://192.0.2.80/app.pkg", uuid))).results
        assert (installed.uuid, installed.current_state) == (uuid, "Installed")
        assert installed.deployment_unit_ref == f"{MODULES}DeploymentUnit.2"
        assert installed.execution_unit_ref_list == f"{MODULES}ExecutionUnit.2"
        tables = await acs.get(MODULES)
        assert tables["DeploymentUnitNumberOfEntries"] == "2"
        assert (tables["DeploymentUnit.2.UUID"], tables["DeploymentUnit.2.Name"]) == (uuid, "app.pkg")
        assert tables["DeploymentUnit.2.ExecutionUnitList"] == f"{MODULES}ExecutionUnit.2"
        assert tables["ExecutionUnit.2.Status"] == "Idle"

        for state in ("Active", "Idle"):
            await acs.set(**{f"{MODULES}ExecutionUnit.2.RequestedState": state})
            async with asyncio.timeout(5):
                while (await acs.get(f"{MODULES}ExecutionUnit.2."))["Status"] != state:
                    await acs.home.news.wait()
        assert [name for name, _ in device.actions if name in {"Start", "Stop"}] == ["Start", "Stop"]

        device.sms.outcome = replace(device.sms.outcome, version="2.0")
        (updated,) = (await acs.change(UpdateOpStruct(uuid, url="http://192.0.2.80/app-2.pkg"))).results
        assert (updated.version, updated.fault.fault_code) == ("2.0", 0)
        (gone,) = (await acs.change(UninstallOpStruct(uuid))).results
        assert (gone.uuid, gone.current_state) == (uuid, "Uninstalled")
        assert (await acs.get(MODULES))["DeploymentUnitNumberOfEntries"] == "1"
        assert acs.events() == ["11 DU STATE CHANGE COMPLETE", "M ChangeDUState key"] * 3
        assert device.refusals == []


async def test_an_installation_that_fails() -> None:
    async with SimulatedDevice(serial="M2") as device, managing(device) as acs:
        device.sms.outcome = Outcome(error="Error_DiskFull", info="full")
        (result,) = (await acs.change(InstallOpStruct("http://192.0.2.80/app.pkg"))).results
        assert (result.fault.fault_code, result.fault.fault_string) == (9027, "full")
        assert result.current_state == "Failed"


async def test_an_installation_by_another_control_point() -> None:
    async with SimulatedDevice(serial="M3") as device, managing(device) as acs:
        device.sms.outcome = Outcome(seconds=0.2)
        device.invoke_as_another(
            "Install", DUURI="http://192.0.2.80/app.pkg", DUType="Application", HandleDependencies="0"
        )
        told = await acs.told(AutonomousDUStateChangeComplete)
        (result,) = told.results
        assert (result.operation_performed, result.current_state) == ("Install", "Installed")
        assert result.deployment_unit_ref == f"{MODULES}DeploymentUnit.2"
        assert acs.events() == ["12 AUTONOMOUS DU STATE CHANGE COMPLETE"]


def test_times_are_compared_with_those_of_the_device() -> None:
    assert is_at("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, 0, 0, 900_000, UTC))
    assert not is_at("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, 0, 2, tzinfo=UTC))
