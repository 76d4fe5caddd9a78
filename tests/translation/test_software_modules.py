"""ChangeDUState and RequestedState, from the RPC to what the ACS is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import (
    AutonomousDUStateChangeComplete,
    ChangeDUState,
    DUStateChangeComplete,
    FaultStruct,
    InstallOpStruct,
    OpResultStruct,
    UninstallOpStruct,
    UpdateOpStruct,
)
from tests.translation.bench import START, Bench
from translation.actions import ActionCall, ActionError, ActionResult, DeviceUnreachable, Service, StateChange
from translation.files import RelayMode
from translation.operations import (
    Changed,
    Command,
    Done,
    Failed,
    Happening,
    Report,
    Returned,
    Run,
    SessionEnded,
    Started,
    Transfer,
    Woke,
)
from translation.sms import Action, DeploymentUnit
from translation.software import Software
from translation.software_facts import Subject
from translation.software_modules import Switch, begin_changes, unit_fault
from translation.software_operation import Ending, Result
from translation.units import KnownUnit, KnownUnits, uuid_of_name

OFFERED = frozenset(
    {"Install", "Update", "Uninstall", "Start", "Stop", "GetDUInfo", "GetEUInfo", "GetOperationInfo"}
)
UUID = "11111111-2222-3333-4444-555555555555"
OTHER_UUID = "99999999-2222-3333-4444-555555555555"
URL = "http://acs.example/app-2.0.pkg"
ROW = "Device.SoftwareModules.DeploymentUnit."
SILENT = DeviceUnreachable("no answer")


class Device:
    """A device with units, whose operations end when they are told to."""

    def __init__(self) -> None:
        self.units = {
            0: DeploymentUnit(0, "firmware", "1.0", "Installed"),
            2: DeploymentUnit(2, "sample", "1.0", "Installed", "http://a.example/sample"),
        }
        self.running = {0, 2}
        self.operations: dict[int, tuple[ActionCall, str, str]] = {}
        self.error = "Error_None"
        self.refusals: dict[str, int] = {}
        self.calls: list[ActionCall] = []

    def answer(self, call: ActionCall) -> ActionResult:
        self.calls.append(call)
        if call.name in self.refusals:
            raise ActionError(self.refusals[call.name], "No")
        return ActionResult(self._values(call))

    def _values(self, call: ActionCall) -> Mapping[str, str]:
        match call.name:
            case "GetOperationIDs":
                return {
                    "OperationIDs": _ids(each for each, (_, end, _) in self.operations.items() if not end)
                }
            case "GetDUIDs":
                return {"DUIDs": _ids(self.units)}
            case "GetEUIDs":
                return {"EUIDs": _ids(self.running)}
            case "GetDUInfo":
                unit = self.units.get(int(call.arguments["DUID"]))
                if unit is None:
                    raise ActionError(705)
                names = ("DUName", "DUVersion", "DUState", "DUURI")
                return dict(zip(names, (unit.name, unit.version, unit.state, unit.uri), strict=True))
            case "GetOperationInfo":
                asked, end, targets = self.operations[int(call.arguments["OperationID"])]
                return {
                    "OperationState": end or "InProgress",
                    "Action": asked.name,
                    "TargetedIDs": targets,
                    "ErrorDescription": self.error if end else "Error_None",
                    "AdditionalInfo": "because" if end == "Error" else "",
                }
            case _:
                number = len(self.operations) + 1
                self.operations[number] = (call, "", call.arguments.get("DUID", ""))
                return {"OperationID": str(number)}

    def end(self) -> None:
        """All that is under way ends, well unless there is an error."""
        for number, (call, end, _) in self.operations.items():
            if end:
                continue
            target = int(call.arguments.get("DUID", max(self.units) + 1))
            self.operations[number] = (
                call,
                "Error" if self.error != "Error_None" else "Completed",
                str(target),
            )
            if self.error != "Error_None":
                continue
            if call.name == "Install":
                name = call.arguments["DUURI"].rpartition("/")[2]
                self.units[target] = DeploymentUnit(target, name, "2.0", "Installed", call.arguments["DUURI"])
                self.running.add(target + 10)
            elif call.name == "Update":
                uri = call.arguments["NewDUURI"]
                self.units[target] = DeploymentUnit(target, self.units[target].name, "2.0", "Installed", uri)
            elif call.name == "Uninstall":
                del self.units[target]
                self.running.discard(target)


def _ids(ids: Any) -> str:
    return ",".join(map(str, sorted(ids)))


class World:
    """The device and the operation, which is taken through its record at every step."""

    def __init__(self, *operations: Any, relay: RelayMode = RelayMode.AUTO, **options: Any) -> None:
        self.device = Device()
        queue = (changes(*operations, relay=relay),) if operations else ()
        self.bench = Bench(Software(OFFERED, time_out_seconds=600, queue=queue, **options))
        self.transfer: Transfer | None = None

    def happen(self, happening: Happening) -> None:
        """One step, and all that it has done at the device."""
        commands: tuple[Command, ...] = self.bench.happen(happening)
        while True:
            for command in commands:
                self.transfer = command if isinstance(command, Transfer) else self.transfer
            runs = [each for each in commands if isinstance(each, Run)]
            if not runs:
                return
            commands = self.bench.happen(self._outcome(runs[0]))

    def _outcome(self, run: Run) -> Done | Failed:
        answer: Any = None
        error: Exception | None = None
        try:
            while True:
                call = run.plan.throw(error) if error else run.plan.send(answer)
                answer = error = None
                try:
                    answer = self.device.answer(call)  # type: ignore[arg-type]  # no plan here calls two at once
                except (ActionError, DeviceUnreachable) as failure:
                    error = failure
        except StopIteration as done:
            return Done(done.value)
        except (ActionError, DeviceUnreachable) as failure:
            return Failed(failure)

    def end(self) -> None:
        """What the device has under way ends, and it tells so."""
        self.bench.now += timedelta(seconds=60)
        self.device.end()
        self.happen(Changed(StateChange(Service.SMS, {"OperationIDs": ""})))

    @property
    def results(self) -> tuple[OpResultStruct, ...]:
        (report,) = self.bench.reports
        assert [(each.event_code, each.command_key) for each in report.events] == [
            ("11 DU STATE CHANGE COMPLETE", ""),
            ("M ChangeDUState", "key"),
        ]
        (request,) = report.requests
        assert isinstance(request, DUStateChangeComplete)
        assert request.command_key == "key"
        assert self.bench.here.queue == ()
        return request.results

    @property
    def result(self) -> OpResultStruct:
        (result,) = self.results
        return result

    @property
    def called(self) -> list[str]:
        names = {"Install", "Update", "Uninstall", "Start", "Stop"}
        return [each.name for each in self.device.calls if each.name in names]


def changes(*operations: Any, relay: RelayMode = RelayMode.AUTO, waiting: int = 0) -> Any:
    request = ChangeDUState(operations, "key")
    return begin_changes(request, OFFERED, relay, number="1", waiting=waiting, now=START)


# ------------------------------------------------------------------ what goes well


def test_an_installation() -> None:
    world = World(InstallOpStruct(URL, UUID))
    world.happen(SessionEnded())
    assert world.device.calls[-1].arguments == {
        "DUURI": URL,
        "DUType": "Application",
        "HandleDependencies": "0",
    }
    world.end()
    assert world.result == OpResultStruct(
        uuid=UUID,
        deployment_unit_ref=f"{ROW}3",
        version="2.0",
        current_state="Installed",
        resolved=True,
        execution_unit_ref_list="Device.SoftwareModules.ExecutionUnit.13",
        start_time="2026-03-01T12:00:00Z",
        complete_time="2026-03-01T12:01:00Z",
        fault=FaultStruct(),
    )
    assert world.bench.here.units == KnownUnits((KnownUnit(3, UUID, frozenset({13})),))


def test_an_installation_without_a_uuid_gets_one_made_from_the_name() -> None:
    world = World(InstallOpStruct(URL))
    world.happen(SessionEnded())
    world.end()
    assert world.result.uuid == uuid_of_name("app-2.0.pkg")


def test_an_update_by_uuid() -> None:
    world = World(UpdateOpStruct(uuid_of_name("sample").upper(), url=URL))
    world.happen(SessionEnded())
    assert world.device.calls[-1].arguments == {"DUID": "2", "NewDUURI": URL, "HandleDependencies": "0"}
    world.end()
    assert (world.result.deployment_unit_ref, world.result.version) == (f"{ROW}2", "2.0")
    assert (world.result.current_state, world.result.fault.fault_code) == ("Installed", 0)


def test_an_update_of_a_unit_that_was_installed_for_the_acs() -> None:
    known = KnownUnits((KnownUnit(2, UUID, frozenset({2})),))
    world = World(UpdateOpStruct(UUID), units=known)
    world.happen(SessionEnded())
    assert world.device.calls[-1].arguments["NewDUURI"] == "http://a.example/sample"
    world.end()
    assert world.result.uuid == UUID
    assert world.result.execution_unit_ref_list == "Device.SoftwareModules.ExecutionUnit.2"


def test_an_update_of_all_units() -> None:
    world = World(UpdateOpStruct())
    world.device.units[5] = DeploymentUnit(5, "other", "1.0", "Installed", "http://a.example/other")
    world.happen(SessionEnded())
    world.end()
    world.end()
    assert [each.deployment_unit_ref for each in world.results] == [f"{ROW}2", f"{ROW}5"]
    assert {each.version for each in world.results} == {"2.0"}
    assert world.called == ["Update", "Update"]


def test_an_update_by_url() -> None:
    world = World(UpdateOpStruct(url="http://a.example/sample"))
    world.happen(SessionEnded())
    assert world.device.calls[-1].arguments["DUID"] == "2"


def test_the_contrary_of_an_installation() -> None:
    world = World(UninstallOpStruct(uuid_of_name("sample")))
    world.happen(SessionEnded())
    assert world.device.calls[-1].arguments == {"DUID": "2", "HandleDependencies": "0"}
    world.end()
    assert (world.result.current_state, world.result.version) == ("Uninstalled", "1.0")
    assert world.result.execution_unit_ref_list == "Device.SoftwareModules.ExecutionUnit.2"


def test_all_versions_of_a_unit_go() -> None:
    world = World(UninstallOpStruct(uuid_of_name("sample")))
    world.device.units[5] = DeploymentUnit(5, "sample", "0.9", "Installed")
    world.happen(SessionEnded())
    world.end()
    world.end()
    assert [each.version for each in world.results] == ["1.0", "0.9"]


def test_several_operations_keep_their_order_and_build_on_each_other() -> None:
    world = World(
        InstallOpStruct(URL, UUID),
        UninstallOpStruct(OTHER_UUID),
        UpdateOpStruct(UUID),
        UninstallOpStruct(UUID),
    )
    world.happen(SessionEnded())
    for _ in range(3):
        world.end()
    assert [int(each.fault.fault_code) for each in world.results] == [0, 9028, 0, 0]
    assert [each.uuid for each in world.results] == [UUID, OTHER_UUID, UUID, UUID]
    assert world.called == ["Install", "Update", "Uninstall"]


def test_a_change_that_the_restart_of_the_device_hides() -> None:
    world = World(InstallOpStruct(URL, UUID))
    world.happen(SessionEnded())
    world.device.end()
    world.device.refusals["GetOperationInfo"] = 707
    world.bench.now += timedelta(minutes=2)
    world.happen(Returned(restarted=True))
    assert (world.result.fault.fault_code, world.result.deployment_unit_ref) == (0, f"{ROW}3")


# ------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (InstallOpStruct("ftp://a.example/b"), 9013),
        (InstallOpStruct("http://u:p@a.example/b"), 9003),
        (InstallOpStruct("http://a.example/" + "x" * 1024), 9003),
        (InstallOpStruct(URL, "no uuid"), 9022),
        (InstallOpStruct(URL, uuid_of_name("sample")), 9026),
        (InstallOpStruct(URL, execution_env_ref="Device.SoftwareModules.ExecEnv.1"), 9023),
        (UpdateOpStruct(UUID), 9028),
        (UpdateOpStruct(uuid_of_name("sample"), "0.1"), 9028),
        (UpdateOpStruct(url="http://a.example/other"), 9028),
        (UninstallOpStruct(UUID), 9028),
        (UninstallOpStruct("no uuid"), 9022),
        (UninstallOpStruct(uuid_of_name("sample"), "0.1"), 9028),
    ],
)
def test_what_cannot_be_done(operation: Any, code: int) -> None:
    world = World(operation)
    world.happen(SessionEnded())
    assert world.called == []
    assert world.result.fault.fault_code == code
    assert (world.result.current_state, world.result.resolved) == ("Failed", False)
    assert world.result.start_time == "0001-01-01T00:00:00Z"


def test_several_versions_and_no_word_which_is_meant() -> None:
    world = World(UpdateOpStruct(uuid_of_name("sample")))
    world.device.units[5] = DeploymentUnit(5, "sample", "0.9", "Installed")
    world.happen(SessionEnded())
    assert world.result.fault.fault_code == 9031


def test_an_update_of_a_device_without_units() -> None:
    world = World(UpdateOpStruct())
    del world.device.units[2]
    world.happen(SessionEnded())
    assert world.result.fault.fault_code == 9028


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("Error_ConcurrentAccess", 9001),
        ("Error_MissingDependency", 9001),
        ("Error_CorruptedFile", 9018),
        ("Error_DiskFull", 9027),
        ("Error_Other", 9001),
    ],
)
@pytest.mark.parametrize(
    ("operation", "state"),
    [
        (InstallOpStruct(URL, UUID), "Failed"),
        (UpdateOpStruct(uuid_of_name("sample")), "Installed"),
        (UninstallOpStruct(uuid_of_name("sample")), "Installed"),
    ],
)
def test_an_operation_that_fails(error: str, code: int, operation: Any, state: str) -> None:
    world = World(operation)
    world.happen(SessionEnded())
    world.device.error = error
    world.end()
    assert world.result.fault == FaultStruct(code, "because")
    assert world.result.current_state == state
    assert world.bench.here.units == KnownUnits()


@pytest.mark.parametrize(
    ("refusal", "code"), [(701, 9003), (702, 9001), (704, 9029), (705, 9028), (710, 9013), (501, 9001)]
)
def test_an_operation_that_is_refused(refusal: int, code: int) -> None:
    world = World(UpdateOpStruct(uuid_of_name("sample")))
    world.device.refusals["Update"] = refusal
    world.happen(SessionEnded())
    assert world.result.fault.fault_code == code


@pytest.mark.parametrize("ending", list(Ending))
@pytest.mark.parametrize("code", [0, 9010, 9012, 9002, 701])
def test_no_end_has_a_code_that_the_schema_does_not_allow(ending: Ending, code: int) -> None:
    fault = unit_fault(Result(Subject("Install"), ending, "x" * 999, "Error_DiskFull", code))
    allowed = {0, 9001, 9003, 9012, 9013, *range(9015, 9019), *range(9022, 9033)}
    assert fault.fault_code in allowed
    assert len(fault.fault_string) <= 256


def test_a_device_that_never_answers() -> None:
    world = World(InstallOpStruct(URL, UUID), UninstallOpStruct(UUID))
    world.bench.happen(SessionEnded())
    while not world.bench.reports:
        world.bench.happen(Failed(SILENT))
        if world.bench.wake:
            world.bench.wait()
            world.bench.happen(Woke())
    assert [int(each.fault.fault_code) for each in world.results] == [9001, 9001]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ChangeDUState(()), 9001),
        (ChangeDUState((InstallOpStruct(URL),), "x" * 33), 9001),
        (ChangeDUState((InstallOpStruct(URL),) * 33), 9004),
    ],
)
def test_what_is_refused_at_once(request_: ChangeDUState, code: int) -> None:
    with pytest.raises(CwmpFault) as fault:
        begin_changes(request_, OFFERED, RelayMode.AUTO, number="1", waiting=0, now=START)
    assert fault.value.code == code


def test_a_device_that_cannot_do_it() -> None:
    request = ChangeDUState((InstallOpStruct(URL), UninstallOpStruct(UUID)))
    with pytest.raises(CwmpFault, match="Uninstall"):
        begin_changes(request, {"Install"}, RelayMode.AUTO, number="1", waiting=0, now=START)


def test_too_many_requests_wait() -> None:
    with pytest.raises(CwmpFault) as fault:
        changes(InstallOpStruct(URL), waiting=8)
    assert fault.value.code == 9004


# ------------------------------------------------------------------ the relay


def test_a_package_that_takes_a_login_is_relayed() -> None:
    world = World(InstallOpStruct(URL, UUID, "u", "p"))
    world.happen(SessionEnded())
    assert world.transfer == Transfer(URL, "", "u", "p")
    world.happen(Done("http://192.0.2.1:5000/x/app"))
    assert world.device.calls[-1].arguments["DUURI"] == "http://192.0.2.1:5000/x/app"


def test_a_package_that_cannot_be_had() -> None:
    world = World(InstallOpStruct(URL, UUID), relay=RelayMode.ALWAYS)
    world.happen(SessionEnded())
    world.happen(Failed(CwmpFault(9016, "404 Not Found")))
    assert world.result.fault == FaultStruct(9016, "404 Not Found")


def test_a_login_that_nobody_can_use() -> None:
    world = World(InstallOpStruct(URL, UUID, "u", "p"), relay=RelayMode.NEVER)
    world.happen(SessionEnded())
    assert world.result.fault.fault_code == 9012


def test_a_package_that_the_device_cannot_reach() -> None:
    world = World(InstallOpStruct(URL, UUID))
    world.happen(SessionEnded())
    world.device.error = "Error_Network"
    world.end()
    assert world.bench.reports == []
    assert world.transfer == Transfer(URL, "")
    world.happen(Done("http://192.0.2.1:5000/x/app"))
    world.end()
    assert world.result.fault.fault_code == 9015
    assert world.called == ["Install", "Install"]


# ------------------------------------------------------------------ killed


def test_killed_during_the_call_and_the_installation_goes_on() -> None:
    world = World(InstallOpStruct(URL, UUID))
    (run,) = world.bench.happen(SessionEnded())
    assert isinstance(run, Run)
    (call,) = world.bench.happen(world._outcome(run))
    assert isinstance(call, Run)
    world._outcome(call)
    world.happen(Started())
    world.bench.wait()
    world.happen(Woke())
    world.end()
    assert world.result.deployment_unit_ref == f"{ROW}3"
    assert world.called == ["Install"]


def test_killed_before_the_call_came_to_the_device() -> None:
    world = World(InstallOpStruct(URL, UUID))
    (run,) = world.bench.happen(SessionEnded())
    assert isinstance(run, Run)
    world.bench.happen(world._outcome(run))
    world.happen(Started())
    world.bench.wait()
    world.happen(Woke())
    assert world.result.fault.fault_code == 9001
    assert world.called == []


# ------------------------------------------------------------------ execution units


def switch(action: Action, unit: int = 2, number: str = "s") -> Switch:
    return Switch(number, action, unit, START, START + timedelta(hours=1))


@pytest.mark.parametrize("action", [Action.START, Action.STOP])
def test_an_execution_unit_is_started_and_stopped(action: Action) -> None:
    world = World()
    world.bench.here = world.bench.here.with_switch(switch(action))
    world.happen(Woke())
    assert world.called == []
    world.happen(SessionEnded())
    assert world.called == [action]
    assert world.device.calls[-1].arguments == {"EUID": "2", "HandleDependencies": "0"}
    assert (world.bench.reports, world.bench.here.queue) == ([], ())


def test_the_last_word_holds() -> None:
    world = World()
    for action, unit in ((Action.START, 2), (Action.STOP, 2), (Action.START, 4)):
        world.bench.here = world.bench.here.with_switch(switch(action, unit, f"{action}{unit}"))
    world.happen(SessionEnded())
    assert world.called == ["Stop", "Start"]


def test_a_switch_that_is_refused_is_given_up() -> None:
    world = World()
    world.bench.here = world.bench.here.with_switch(switch(Action.START))
    world.device.refusals["Start"] = 706
    world.happen(SessionEnded())
    assert (world.bench.reports, world.bench.here.queue) == ([], ())


def test_a_switch_without_an_answer_is_done_again() -> None:
    world = World()
    world.bench.here = world.bench.here.with_switch(switch(Action.START))
    (survey,) = world.bench.happen(SessionEnded())
    assert isinstance(survey, Run)
    world.bench.happen(world._outcome(survey))
    world.bench.happen(Failed(SILENT))
    assert world.bench.wait() == timedelta(seconds=5)
    world.happen(Woke())
    assert world.called == ["Start"]


def test_killed_during_a_switch() -> None:
    world = World()
    world.bench.here = world.bench.here.with_switch(switch(Action.START))
    (survey,) = world.bench.happen(SessionEnded())
    assert isinstance(survey, Run)
    world.bench.happen(world._outcome(survey))
    world.happen(Started())
    world.bench.wait()
    world.happen(Woke())
    assert world.called == ["Start"]


# ------------------------------------------------------------------ changes of somebody else


def by_others(action: str, **arguments: str) -> World:
    """A device that another control point has asked for something."""
    world = World()
    world.device.answer(ActionCall(Service.SMS, action, arguments))
    world.happen(Changed(StateChange(Service.SMS, {"OperationIDs": "1"})))
    world.end()
    return world


def told(report: Report) -> Any:
    assert [each.event_code for each in report.events] == ["12 AUTONOMOUS DU STATE CHANGE COMPLETE"]
    (request,) = report.requests
    assert isinstance(request, AutonomousDUStateChangeComplete)
    (result,) = request.results
    return result


def test_an_installation_by_somebody_else() -> None:
    (report,) = by_others("Install", DUURI=URL).bench.reports
    result = told(report)
    assert (result.operation_performed, result.current_state) == ("Install", "Installed")
    assert (result.uuid, result.deployment_unit_ref) == (uuid_of_name("app-2.0.pkg"), f"{ROW}3")
    assert (result.start_time, result.complete_time) == ("2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z")
    assert result.fault == FaultStruct()


def test_an_update_and_the_contrary_of_an_installation_by_somebody_else() -> None:
    result = told(by_others("Update", DUID="2", NewDUURI=URL).bench.reports[0])
    assert (result.operation_performed, result.version) == ("Update", "2.0")
    result = told(by_others("Uninstall", DUID="2").bench.reports[0])
    assert (result.operation_performed, result.current_state) == ("Uninstall", "Uninstalled")
    assert result.uuid == uuid_of_name("sample")


def test_others_may_start_and_stop_what_they_like() -> None:
    assert by_others("Start", EUID="2").bench.reports == []
