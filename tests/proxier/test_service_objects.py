from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cwmp_client.faults import CwmpFault
from cwmp_client.management_server import ManagementServer, ManagementServerDefaults
from cwmp_client.messages import ParameterValueStruct
from cwmp_client.parameter_tree import ParameterTree
from cwmp_client.parameters import Node
from proxier import service_objects as module
from proxier.operations import Operations
from proxier.service_objects import ServiceObjects
from tests.proxier.home import Home
from translation.actions import ActionError, DeviceUnreachable, Service, StateChange
from translation.operations import Changed, SessionEnded

PING = frozenset({"Ping", "GetPingResult"})
TRACEROUTE = frozenset({"Traceroute", "GetTracerouteResult"})
NSLOOKUP = frozenset({"NSLookup", "GetNSLookupResult"})
SELF_TEST = frozenset({"SelfTest", "GetSelfTestResult"})
LOGS = frozenset({"GetLogURIs", "GetLogInfo"})
TOOLS = frozenset({"GetActiveTestIDs", "GetTestInfo", "CancelTest", "GetTestIDs", "GetDeviceStatus"})
ALL = PING | TRACEROUTE | NSLOOKUP | SELF_TEST | LOGS | TOOLS

IP_PING = "Device.IP.Diagnostics.IPPing."
TRACE = "Device.IP.Diagnostics.TraceRoute."
LOG = "Device.DeviceInfo.VendorLogFile."
COUNT = "Device.DeviceInfo.VendorLogFileNumberOfEntries"
STATE = IP_PING + "DiagnosticsState"

PINGED = {
    "Status": "Success",
    "SuccessCount": "3",
    "FailureCount": "1",
    "AverageResponseTime": "12",
    "MinimumResponseTime": "9",
    "MaximumResponseTime": "17",
}


class Bench:
    """The source of one device, with what is behind it."""

    def __init__(self, home: Home, operations: Operations, source: ServiceObjects) -> None:
        self.home = home
        self.operations = operations
        self.source = source
        self.tells_of_logs = False

    async def names(self, path: str = "") -> list[str]:
        return [name for name in await self.source.nodes() if name.startswith(path)]

    async def values(self, *paths: str) -> dict[str, str]:
        await self.source.nodes()
        return {each.name: each.value for each in await self.source.values(paths)}

    async def set(self, **values: str) -> None:
        given = [ParameterValueStruct(IP_PING + name, value) for name, value in values.items()]
        assert not await self.source.check(given)
        await self.home.journal.save((await self.source.set(given)).records)

    async def ping(self, host: str = "a.example") -> None:
        """A ping that goes well."""
        self.home.answers |= {"Ping": {"TestID": "7"}, "GetPingResult": PINGED, "CancelTest": {}}
        await self.set(Host=host, DiagnosticsState="Requested")
        await self.operations.happen(SessionEnded())
        await self.home.until(lambda: "Ping" in self.home.log)
        await self.settled("Requested", 7)
        await self.operations.happen(Changed(StateChange(Service.BMS, {"ActiveTestIDs": ""})))
        await self.home.until(lambda: self.home.reported)

    async def settled(self, state: str, test_id: int) -> None:
        def is_settled() -> bool:
            record = self.home.journal.records["operation/diagnostic/Ping"]["state"]
            return bool(record["state"] == state and record["test_id"] == test_id)

        await self.home.until(is_settled)


@asynccontextmanager
async def offering(
    actions: Collection[str] = ALL, home: Home | None = None, own: Collection[str] = ()
) -> AsyncIterator[Bench]:
    home = home or Home()

    async with home.operations() as operations:
        source = ServiceObjects(
            "a device",
            operations,
            home.drive,
            home,
            own_names=lambda: own,
            tells_of_logs=lambda: bench.tells_of_logs,
            records=home.journal.records,
        )
        bench = Bench(home, operations, source)
        if actions:
            await source.offer(frozenset(actions))
        yield bench


def logs_are(home: Home, *uris: str, size: str = "4096") -> None:
    home.answers |= {
        "GetLogURIs": {"LogURIs": ",".join(uris)},
        "GetLogInfo": {
            "LogURL": "http://192.0.2.7/log",
            "MaxSize": size,
            "LastChange": "2024-05-01T10:00:00Z",
        },
    }


# ------------------------------------------------------------------ what appears


@pytest.mark.parametrize(
    ("actions", "objects"),
    [
        ((), []),
        (TOOLS, []),
        ({"Ping"}, []),
        ({"GetPingResult"}, []),
        (PING, ["Device.IP.Diagnostics.IPPing."]),
        (TRACEROUTE, ["Device.IP.Diagnostics.TraceRoute."]),
        (NSLOOKUP, ["Device.DNS.Diagnostics.NSLookupDiagnostics."]),
        (SELF_TEST, ["Device.SelfTestDiagnostics."]),
        ({"GetLogURIs"}, []),
        (LOGS, ["Device.DeviceInfo.VendorLogFile."]),
        (
            ALL,
            [
                "Device.DNS.Diagnostics.NSLookupDiagnostics.",
                "Device.DeviceInfo.VendorLogFile.",
                "Device.IP.Diagnostics.IPPing.",
                "Device.IP.Diagnostics.TraceRoute.",
                "Device.SelfTestDiagnostics.",
            ],
        ),
    ],
)
async def test_only_what_the_actions_allow_appears(actions: Collection[str], objects: list[str]) -> None:
    async with offering(actions) as bench:
        logs_are(bench.home)
        names = await bench.names()
        with_parameters = {name.rpartition(".")[0] + "." for name in names if not name.endswith(".")}
        tables = {"Device.DeviceInfo.VendorLogFile."} & set(names)
        assert sorted(with_parameters - {"Device.DeviceInfo."} | tables) == objects


async def test_an_object_of_the_devices_own_is_left_to_it_whole() -> None:
    own = {"Device.", IP_PING, IP_PING + "Host", LOG}
    async with offering(own=own) as bench:
        assert await bench.names(IP_PING) == []
        assert await bench.names("Device.DeviceInfo.") == []
        assert await bench.names(TRACE)
        assert bench.home.log == ["save service_objects"]


async def test_names_stand_below_their_objects_with_types_and_access() -> None:
    async with offering(PING | TRACEROUTE) as bench:
        nodes = await bench.source.nodes()
        seen: set[str] = set()
        for name in nodes:
            above = name.rstrip(".").rpartition(".")[0]
            assert not above or above + "." in seen
            seen.add(name)
        assert nodes[STATE] == Node(writable=True, type="string")
        assert nodes[IP_PING + "DSCP"] == Node(writable=True, type="unsignedInt")
        assert nodes[IP_PING + "SuccessCount"] == Node(writable=False, type="unsignedInt")
        assert nodes[TRACE + "RouteHops."] == Node(writable=False)


async def test_the_names_are_the_same_object_while_nothing_changed() -> None:
    async with offering() as bench:
        logs_are(bench.home, "urn:a")
        bench.tells_of_logs = True
        first = await bench.source.nodes()
        assert await bench.source.nodes() is first
        assert bench.home.log.count("GetLogURIs") == 1


async def test_what_is_offered_is_known_while_the_device_is_away() -> None:
    home = Home()
    async with offering(home=home) as bench:
        logs_are(home, "urn:a")
        before = await bench.values("Device.")
    home.answers = {"GetLogURIs": DeviceUnreachable("gone")}
    async with offering((), home) as bench:
        assert await bench.values("Device.") == before
        assert before[LOG + "1.Name"] == "urn:a"


# ------------------------------------------------------------------ diagnostics


async def test_a_ping_through_the_parameters() -> None:
    async with offering(PING) as bench:
        assert await bench.values(STATE) == {STATE: "None"}
        await bench.ping()
        assert await bench.values(IP_PING) == {
            STATE: "Complete",
            IP_PING + "Interface": "",
            IP_PING + "Host": "a.example",
            IP_PING + "NumberOfRepetitions": "4",
            IP_PING + "Timeout": "5000",
            IP_PING + "DataBlockSize": "32",
            IP_PING + "DSCP": "0",
            IP_PING + "SuccessCount": "3",
            IP_PING + "FailureCount": "1",
            IP_PING + "AverageResponseTime": "12",
            IP_PING + "MinimumResponseTime": "9",
            IP_PING + "MaximumResponseTime": "17",
        }
        types = {each.type for each in await bench.source.values([IP_PING])}
        assert types == {"string", "unsignedInt"}


async def test_results_are_answered_after_a_restart_with_the_device_away() -> None:
    home = Home()
    async with offering(PING, home) as bench:
        await bench.ping()
        before = await bench.values("Device.")
    home.answers = {}
    async with offering((), home) as bench:
        await bench.operations.start()
        assert await bench.values("Device.") == before
        assert bench.source.cached(IP_PING + "SuccessCount") == (IP_PING + "SuccessCount", "3", "unsignedInt")


async def test_hops_are_rows() -> None:
    async with offering(TRACEROUTE) as bench:
        home = bench.home
        home.answers = {
            "Traceroute": {"TestID": "7"},
            "GetTracerouteResult": {"Status": "Success", "HopHosts": "192.0.2.1,,b", "ResponseTime": "9"},
        }
        before = await bench.source.nodes()
        values = [
            ParameterValueStruct(TRACE + "Host", "b"),
            ParameterValueStruct(TRACE + "DiagnosticsState", "Requested"),
        ]
        await home.journal.save((await bench.source.set(values)).records)
        await bench.operations.happen(SessionEnded())
        await home.until(lambda: len(home.journal.saves) == 4)
        await bench.operations.happen(Changed(StateChange(Service.BMS, {"ActiveTestIDs": ""})))
        await home.until(lambda: home.reported)
        assert await bench.source.nodes() is not before
        assert [name for name in await bench.names(TRACE + "RouteHops.") if name.endswith(".Host")] == [
            f"{TRACE}RouteHops.{number}.Host" for number in (1, 2, 3)
        ]
        assert (await bench.values(f"{TRACE}RouteHops.3."))[f"{TRACE}RouteHops.3.RTTimes"] == "9"
        assert await bench.values(TRACE + "RouteHopsNumberOfEntries") == {
            TRACE + "RouteHopsNumberOfEntries": "3"
        }


async def test_what_is_wrong_is_named_by_its_whole_name() -> None:
    async with offering() as bench:
        faults = await bench.source.check(
            [
                ParameterValueStruct(IP_PING + "DSCP", "64", "unsignedInt"),
                ParameterValueStruct(IP_PING + "Interface", "Device.IP.Interface.1"),
                ParameterValueStruct(TRACE + "DiagnosticsState", "Requested"),
                ParameterValueStruct(TRACE + "MaxHopCount", "64", "unsignedInt"),
            ]
        )
        assert {fault.name: fault.code for fault in faults} == {
            IP_PING + "DSCP": 9007,
            IP_PING + "Interface": 9007,
            TRACE + "DiagnosticsState": 9007,
        }


async def test_in_the_tree_a_request_is_saved_with_the_parameter_key() -> None:
    async with offering() as bench:
        home = bench.home
        server = ManagementServer(ManagementServerDefaults(url="http://acs.example/"), {})
        tree = ParameterTree([server, bench.source], server, home, {})
        logs_are(home)
        del home.log[:]
        request = [
            ParameterValueStruct(IP_PING + "Host", "a.example"),
            ParameterValueStruct(STATE, "Requested"),
        ]
        assert await tree.set_parameter_values(request, "key") == 0
        assert [each for each in home.log if each.startswith("save operation/")] == home.log[-1:]
        assert "operation/diagnostic/Ping" in home.journal.saves[-1]
        assert len(home.journal.saves[-1]) == 2
        assert [each.value for each in await tree.get_parameter_values([STATE])] == ["Requested"]
        with pytest.raises(CwmpFault) as fault:
            await tree.set_parameter_values([ParameterValueStruct(STATE, "Complete")], "other")
        assert [(each.name, each.code) for each in fault.value.parameters] == [(STATE, 9007)]


async def test_watched_parameters_tell_of_changes_that_are_not_the_acss_own() -> None:
    async with offering() as bench:
        names = (STATE, IP_PING + "SuccessCount", IP_PING + "Host")
        await bench.source.watch(dict.fromkeys(names, 2))
        assert bench.source.changed_values() == []
        await bench.ping()
        changed = {each.name: each.value for each in bench.source.changed_values()}
        assert changed == {STATE: "Complete", IP_PING + "SuccessCount": "3"}
        assert bench.source.changed_values() == []
        await bench.source.watch({STATE: 0, "Device.Unknown": 2})
        await bench.set(Timeout="1")
        assert bench.source.changed_values() == []


# ------------------------------------------------------------------ logs


async def test_the_logs_are_read_when_the_acs_reads_them() -> None:
    async with offering() as bench:
        logs_are(bench.home, "urn:a", "urn:b")
        bench.tells_of_logs = True
        assert await bench.values(LOG) == {
            LOG + "1.Name": "urn:a",
            LOG + "1.MaximumSize": "4096",
            LOG + "1.Persistent": "false",
            LOG + "2.Name": "urn:b",
            LOG + "2.MaximumSize": "4096",
            LOG + "2.Persistent": "false",
        }
        logs_are(bench.home, "urn:b", "urn:c", size="8192")
        assert await bench.values(COUNT, LOG + "2.MaximumSize") == {COUNT: "2", LOG + "2.MaximumSize": "8192"}
        assert await bench.names(LOG) == [
            LOG,
            *(f"{LOG}{row}.{name}" for row in (2, 3) for name in ("", "Name", "MaximumSize", "Persistent")),
        ]


async def test_reading_other_things_costs_no_action() -> None:
    async with offering() as bench:
        logs_are(bench.home, "urn:a")
        bench.tells_of_logs = True
        await bench.names()
        del bench.home.log[:]
        await bench.values(IP_PING, STATE)
        await bench.names()
        assert bench.home.log == []


@pytest.mark.parametrize(("uris", "actions"), [("urn:a", 0), ("urn:b", 2), ("", 2), ("urn:a,urn:b", 2)])
async def test_names_are_read_again_when_an_event_tells_of_other_logs(uris: str, actions: int) -> None:
    async with offering() as bench:
        logs_are(bench.home, "urn:a")
        bench.tells_of_logs = True
        await bench.names()
        del bench.home.log[:]
        await bench.source.changed(StateChange(Service.BMS, {"LogURIs": uris}))
        await bench.source.changed(StateChange(Service.BMS, {"TestIDs": "1"}))
        await bench.source.changed(StateChange(Service.CMS, {"LogURIs": "urn:z"}))
        await bench.names()
        assert len(bench.home.log) == actions


async def test_logs_that_are_watched_are_read_at_once_when_an_event_tells_of_others() -> None:
    async with offering() as bench:
        logs_are(bench.home, "urn:a")
        await bench.names()
        await bench.source.watch({COUNT: 2})
        logs_are(bench.home, "urn:a", "urn:b")
        await bench.source.changed(StateChange(Service.BMS, {"LogURIs": "urn:a,urn:b"}))
        assert bench.source.changed_values() == [ParameterValueStruct(COUNT, "2", "unsignedInt")]


@pytest.mark.parametrize(("told", "asked"), [("urn:a", 0), ("", 1)])
async def test_a_first_event_that_names_no_log_is_not_taken_for_true(told: str, asked: int) -> None:
    async with offering() as bench:
        logs_are(bench.home, "urn:a")
        bench.tells_of_logs = True
        await bench.source.changed(StateChange(Service.BMS, {"LogURIs": told}, complete=True))
        assert "Device.DeviceInfo.VendorLogFile.1." in await bench.names()
        assert bench.home.log.count("GetLogURIs") == asked


async def test_without_events_the_list_is_trusted_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async with offering() as bench:
        logs_are(bench.home, "urn:a")
        await bench.names()
        await bench.names()
        assert bench.home.log.count("GetLogURIs") == 1
        monkeypatch.setattr(module, "LOGS_TRUSTED_SECONDS", 0)
        await bench.names()
        assert bench.home.log.count("GetLogURIs") == 2


async def test_a_log_that_is_gone_when_it_is_read() -> None:
    async with offering() as bench:
        logs_are(bench.home, "urn:a")
        await bench.names()
        logs_are(bench.home)
        with pytest.raises(CwmpFault) as fault:
            await bench.source.values([LOG + "1.Name"])
        assert fault.value.code == 9005
        assert await bench.values(LOG) == {}


@pytest.mark.parametrize("answer", [DeviceUnreachable("gone"), ActionError(501)])
async def test_a_silent_device_has_the_logs_it_had(answer: Any) -> None:
    async with offering() as bench:
        logs_are(bench.home, "urn:a")
        before = await bench.values(LOG)
        bench.home.answers["GetLogURIs"] = answer
        assert await bench.values(LOG) == before


async def test_numbers_of_logs_are_kept_before_the_acs_hears_of_them() -> None:
    home = Home()
    async with offering(home=home) as bench:
        logs_are(home, "urn:a", "urn:b")
        await bench.names()
        writes = len(home.journal.saves)
        await bench.values(LOG)
        assert len(home.journal.saves) == writes
    async with offering(home=home) as bench:
        logs_are(home, "urn:b")
        assert (await bench.values(LOG))[LOG + "2.Name"] == "urn:b"


async def test_a_log_that_survives_a_restart_is_persistent() -> None:
    async with offering() as bench:
        logs_are(bench.home, "urn:a")
        assert (await bench.values(LOG))[LOG + "1.Persistent"] == "false"
        await bench.home.journal.save(bench.source.restarted())
        assert (await bench.values(LOG))[LOG + "1.Persistent"] == "true"


async def test_a_restart_of_a_device_without_logs_writes_nothing() -> None:
    async with offering(PING) as bench:
        writes = len(bench.home.journal.saves)
        assert bench.source.restarted() == {}
        await bench.source.offer(PING)
        assert len(bench.home.journal.saves) == writes


async def test_tables_cannot_be_changed() -> None:
    async with offering() as bench:
        for change in (bench.source.add(LOG), bench.source.delete(LOG + "1.")):
            with pytest.raises(CwmpFault) as fault:
                await change
            assert fault.value.code == 9005
