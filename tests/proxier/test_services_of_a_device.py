"""Diagnostics, logs and restarts of a simulated device over real sockets, up to what the ACS is told."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from cwmp_client.messages import ParameterValueStruct, Reboot, TransferComplete, Upload
from cwmp_client.transport import AcsSettings, Tls
from proxier import plans
from proxier.control_point import ControlPoint, ProxiedDevice
from proxier.demo.device import SimulatedDevice
from proxier.demo.device_logs import Log
from proxier.operations import Operations, Ports
from proxier.service_objects import ServiceObjects
from proxier.settings import UpnpSettings
from proxier.transfer import FileTransfers
from tests.cwmp_client.acs_double import serving
from tests.proxier.home import KINDS, NOON, Home
from tests.proxier.running import LOOPBACK
from tests.proxier.test_transfer import FileServer
from translation.actions import AboutTo, Plan, Service, StateChange
from translation.diagnostic_objects import DIAGNOSTICS
from translation.logs import begin_upload
from translation.operations import BootMarks, Changed, Left, Returned, SessionEnded, Transfer
from translation.restart import Restarts, ask_factory_reset, ask_reboot


class Proxied:
    """The listener of a control point, and all that stands above it here."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.device: ProxiedDevice | None = None
        self.control_point: ControlPoint
        settings = AcsSettings(request_timeout_seconds=5)
        self._files = FileTransfers(settings, Tls(settings))
        ports = Ports(home, home.report, self.drive, self._upload)
        self.operations = Operations("a device", KINDS, ports, home.journal.records)
        self.source = ServiceObjects(
            "a device", self.operations, self.drive, home, self._own_names, home.journal.records
        )

    async def drive(self, plan: Plan[Any]) -> Any:
        assert self.device
        return await plans.drive(plan, partial(self.control_point.invoke, self.device))

    async def _upload(self, transfer: Transfer) -> None:
        assert self.device
        await self._files.upload(transfer, self.device.location)

    async def _own_names(self) -> Collection[str]:
        return ()

    @property
    def restarts(self) -> Restarts:
        restarts = self.operations["restarts"]
        assert isinstance(restarts, Restarts)
        return restarts

    @property
    def offered(self) -> frozenset[str]:
        return self.source.actions

    async def appeared(self, device: ProxiedDevice) -> None:
        self.device = device
        await self.source.offer(device.services[Service.BMS].actions)
        marks = BootMarks(device.boot_id)
        if not self.operations["restarts"]:
            await self.operations.begin(Restarts(marks))
        await self.operations.happen(Returned(self.restarts.has_restarted(marks), marks=marks))
        self.home.note("appeared")

    async def restarted(self, device: ProxiedDevice, about_to: frozenset[AboutTo]) -> None:
        self.device = device
        await self.source.restarted()
        await self.operations.happen(
            Returned(restarted=True, about_to=about_to, marks=BootMarks(device.boot_id))
        )
        self.home.note("restarted")

    async def left(self, udn: str, reason: str, about_to: frozenset[AboutTo]) -> None:
        del udn, reason
        await self.operations.happen(Left(about_to))
        self.home.note("left")

    async def changed(self, udn: str, change: StateChange) -> None:
        del udn
        self.source.changed(change)
        await self.operations.happen(Changed(change))

    # what an ACS does

    async def set(self, action: str, **values: str) -> None:
        path = DIAGNOSTICS[action].path
        given = [ParameterValueStruct(path + name, value) for name, value in values.items()]
        assert not await self.source.check(given)
        await self.home.journal.save((await self.source.set(given)).records)

    async def get(self, path: str) -> Mapping[str, str]:
        await self.source.nodes()
        return {each.name: each.value for each in await self.source.values([path])}

    async def run(self, action: str, **values: str) -> Mapping[str, str]:
        """Request a test, end the session, and read the results when they are told."""
        told = len(self.home.reported)
        await self.set(action, **values, DiagnosticsState="Requested")
        await self.operations.happen(SessionEnded())
        await self.home.until(lambda: len(self.home.reported) > told)
        path = DIAGNOSTICS[action].path
        return {name.removeprefix(path): value for name, value in (await self.get(path)).items()}

    def events(self) -> list[str]:
        return [f"{each.event_code} {each.command_key}".strip() for each in self.home.reported]


@asynccontextmanager
async def proxied(device: SimulatedDevice) -> AsyncIterator[Proxied]:
    proxied = Proxied(Home())
    settings = UpnpSettings(interfaces=(LOOPBACK,), allow=(device.udn,))
    async with ControlPoint(settings, Only(proxied, device.udn)) as control_point:
        proxied.control_point = control_point
        try:
            await proxied.home.until(lambda: "appeared" in proxied.home.log)
            await until(lambda: control_point.subscribed(device.udn, Service.BMS))
            yield proxied
        finally:
            await proxied.operations.close()


class Only:
    """Hears of one device; others may be simulated on loopback by somebody else."""

    def __init__(self, proxied: Proxied, udn: str) -> None:
        self._proxied = proxied
        self._udn = udn

    async def appeared(self, device: ProxiedDevice) -> None:
        if device.udn == self._udn:
            await self._proxied.appeared(device)

    async def restarted(self, device: ProxiedDevice, about_to: frozenset[AboutTo]) -> None:
        if device.udn == self._udn:
            await self._proxied.restarted(device, about_to)

    async def left(self, udn: str, reason: str, about_to: frozenset[AboutTo]) -> None:
        if udn == self._udn:
            await self._proxied.left(udn, reason, about_to)

    async def changed(self, udn: str, change: StateChange) -> None:
        if udn == self._udn:
            await self._proxied.changed(udn, change)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the control point can be asked this, and tells nobody
            await asyncio.sleep(0.01)


# ------------------------------------------------------------------ diagnostics


async def test_each_diagnostic_to_the_digit() -> None:
    async with SimulatedDevice(serial="S1") as device, proxied(device) as acs:
        ping = await acs.run("Ping", Host="a.example", NumberOfRepetitions="3", DSCP="7")
        assert ping["DiagnosticsState"] == "Complete"
        results = [ping[f"{name}ResponseTime"] for name in ("Average", "Minimum", "Maximum")]
        assert (ping["SuccessCount"], ping["FailureCount"], results) == ("3", "0", ["12", "10", "15"])
        trace = await acs.run("Traceroute", Host="b.example")
        assert [trace[f"RouteHops.{hop}.Host"] for hop in (1, 2, 3, 4)] == [
            "192.0.2.1",
            "",
            "198.51.100.1",
            "b.example",
        ]
        assert (trace["RouteHopsNumberOfEntries"], trace["ResponseTime"]) == ("4", "27")
        lookup = await acs.run("NSLookup", HostName="c.example", NumberOfRepetitions="2")
        assert (lookup["ResultNumberOfEntries"], lookup["SuccessCount"]) == ("2", "2")
        assert lookup["Result.2.IPAddresses"] == "192.0.2.5,2001:db8::5"
        self_test = await acs.run("SelfTest")
        assert self_test == {"DiagnosticsState": "Complete", "Results": "All is well"}
        assert acs.events() == ["8 DIAGNOSTICS COMPLETE"] * 4
        assert device.refusals == []


@pytest.mark.parametrize(
    ("action", "values", "state"),
    [
        ("Ping", {"Host": "nowhere.invalid"}, "Error_CannotResolveHostName"),
        ("Ping", {"Host": "unreachable.example"}, "Complete"),
        ("Traceroute", {"Host": "b.example", "MaxHopCount": "2"}, "Error_MaxHopCountExceeded"),
        ("NSLookup", {"HostName": "a", "DNSServer": "nowhere.invalid"}, "Error_DNSServerNotResolved"),
    ],
)
async def test_tests_that_find_nothing(action: str, values: dict[str, str], state: str) -> None:
    async with SimulatedDevice(serial="S2") as device, proxied(device) as acs:
        assert (await acs.run(action, **values))["DiagnosticsState"] == state


async def test_without_events_the_device_is_asked() -> None:
    async with SimulatedDevice(serial="S3", eventing=False) as device:
        proxied_ = Proxied(Home())
        settings = UpnpSettings(interfaces=(LOOPBACK,), allow=(device.udn,))
        async with ControlPoint(settings, Only(proxied_, device.udn)) as proxied_.control_point:
            await proxied_.home.until(lambda: "appeared" in proxied_.home.log)
            result = await proxied_.run("Ping", Host="a.example")
            await proxied_.operations.close()
    assert result["SuccessCount"] == "4"
    assert device.count("GetActiveTestIDs") == 1


async def test_a_cancelled_test_is_cancelled_at_the_device_and_a_restarted_one_runs_again() -> None:
    async with SimulatedDevice(serial="S4") as device, proxied(device) as acs:
        device.bms.diagnostics.seconds = None
        await acs.set("Ping", Host="a.example", DiagnosticsState="Requested")
        await acs.operations.happen(SessionEnded())
        await device.until(lambda: device.count("Ping") == 1)
        await acs.set("Ping", Host="b.example", DiagnosticsState="Requested")
        await acs.operations.happen(SessionEnded())
        await device.until(lambda: device.count("Ping") == 2)
        assert device.count("CancelTest") == 1
        await acs.set("Ping", DiagnosticsState="Canceled")
        await acs.operations.happen(SessionEnded())
        await device.until(lambda: device.count("CancelTest") == 2)
        assert {test.state for test in device.bms.diagnostics.tests.values()} == {"Canceled"}
        state = "Device.IP.Diagnostics.IPPing.DiagnosticsState"
        assert await acs.get(state) == {state: "None"}
        assert acs.events() == []


# ------------------------------------------------------------------ logs


def reported(acs: Proxied) -> TransferComplete:
    (request,) = acs.home.requests
    assert isinstance(request, TransferComplete)
    assert acs.events() == ["7 TRANSFER COMPLETE", "M Upload key"]
    return request


async def ask_upload(acs: Proxied, port: int, file_type: str) -> None:
    request = Upload("key", file_type, f"http://{LOOPBACK}:{port}/up")
    logs = await acs.source.log_files()
    await acs.operations.begin(begin_upload(request, logs, "1", 0, NOON))
    await acs.operations.happen(SessionEnded())
    await acs.home.until(lambda: acs.home.requests)


async def test_the_upload_of_a_long_log() -> None:
    megabyte = 2**20
    server = FileServer(keep=False)
    async with SimulatedDevice(serial="S5") as device, proxied(device) as acs, serving(server.handle) as port:
        device.bms.logs.add(Log("big", 50 * megabyte))
        rows = await acs.get("Device.DeviceInfo.VendorLogFile.")
        assert rows["Device.DeviceInfo.VendorLogFile.3.Name"] == "urn:example:log:big"
        tracemalloc.start()
        try:
            await ask_upload(acs, port, "4 Vendor Log File 3")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert reported(acs).fault_struct.fault_code == 0
    assert server.received == 50 * megabyte
    assert peak < 10 * megabyte


async def test_the_upload_of_a_log_that_is_gone() -> None:
    server = FileServer()
    async with SimulatedDevice(serial="S6") as device, proxied(device) as acs, serving(server.handle) as port:
        device.fail("GetLogInfo", 706, times=None)
        await ask_upload(acs, port, "4 Vendor Log File 1")
        assert reported(acs).fault_struct.fault_code == 9011
    assert server.methods == []


async def test_logs_that_survive_a_reboot_are_persistent() -> None:
    table = "Device.DeviceInfo.VendorLogFile."
    async with SimulatedDevice(serial="S7") as device, proxied(device) as acs:
        before = await acs.get(table)
        assert {before[f"{table}{row}.Persistent"] for row in (1, 2)} == {"false"}
        device.bms.logs["events"].last_change = "2024-05-01T10:00:00"
        await acs.get(table)
        await device.reboot()
        await acs.home.until(lambda: "restarted" in acs.home.log)
        after = await acs.get(table)
        assert [after[f"{table}{row}.Persistent"] for row in (1, 2)] == ["true", "false"]


# ------------------------------------------------------------------ restarts


async def test_a_reboot_by_the_acs() -> None:
    async with SimulatedDevice(serial="S8") as device, proxied(device) as acs:
        await acs.operations.begin(ask_reboot(acs.restarts, Reboot("key"), acs.offered))
        await acs.operations.happen(SessionEnded())
        await acs.home.until(lambda: "restarted" in acs.home.log)
        assert acs.events() == ["1 BOOT", "M Reboot key"]
        assert device.count("Reboot") == 1


async def test_a_reboot_by_hand() -> None:
    async with SimulatedDevice(serial="S11") as device, proxied(device) as acs:
        await device.reboot()
        await acs.home.until(lambda: "restarted" in acs.home.log)
        assert acs.events() == ["1 BOOT"]


async def test_a_power_cut() -> None:
    async with SimulatedDevice(serial="S9") as device, proxied(device) as acs:
        await device.power_cut()
        await acs.home.until(lambda: "restarted" in acs.home.log)
        assert acs.events() == ["1 BOOT"]


@pytest.mark.parametrize(
    ("reboots", "as_list", "events"),
    [
        (True, False, ["0 BOOTSTRAP", "1 BOOT"]),
        (True, True, ["0 BOOTSTRAP", "1 BOOT"]),
        (False, False, ["0 BOOTSTRAP"]),
    ],
)
async def test_a_factory_reset_by_the_acs(reboots: bool, as_list: bool, events: list[str]) -> None:
    async with (
        SimulatedDevice(serial="S10", reset_reboots=reboots, announcements_as_list=as_list) as device,
        proxied(device) as acs,
    ):
        await acs.operations.begin(ask_factory_reset(acs.restarts, acs.offered))
        await acs.operations.happen(SessionEnded())
        await acs.home.until(lambda: "restarted" in acs.home.log)
        assert acs.events() == events
        assert device.count("BaselineReset") == 1
