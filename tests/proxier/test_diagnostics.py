"""The tests of a device as an ACS runs them: asked for, running, complete; and all that can come between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cwmp_client.messages import AcsRequest, GetParameterValues, ParameterValueStruct, SetParameterValues
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsFault
from proxier.demo.device import SimulatedDevice
from tests.proxier.at_acs import Managed, id_of, managed
from tests.proxier.managed import notifying
from tests.proxier.running import report_of
from translation import operations
from translation.diagnostic_objects import DIAGNOSTICS

pytestmark = pytest.mark.usefixtures("own_group")

COMPLETE, VALUE_CHANGE = "8 DIAGNOSTICS COMPLETE", "4 VALUE CHANGE"
PING, TRACE, LOOKUP, SELF_TEST = (
    DIAGNOSTICS[action].path for action in ("Ping", "Traceroute", "NSLookup", "SelfTest")
)


async def state_of(known: Managed, path: str) -> str:
    name = f"{path}DiagnosticsState"
    return (await known.values(name))[name]


async def run(known: Managed, path: str, **inputs: str) -> dict[str, str]:
    """Ask for a test, and read all of its object when it is over."""
    await known.ask(path, **inputs)
    await known.told(COMPLETE)
    assert await known.events() == [(COMPLETE,)]
    return await known.below(path)


# ------------------------------------------------------------------ each of them


async def test_each_test_to_the_digit(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="D1") as device, managed(acs, tmp_path, device) as known:
        assert await run(known, PING, Host="a.example", NumberOfRepetitions="3", DSCP="7") == {
            "DiagnosticsState": "Complete",
            "Interface": "",
            "Host": "a.example",
            "NumberOfRepetitions": "3",
            "Timeout": "5000",
            "DataBlockSize": "32",
            "DSCP": "7",
            "SuccessCount": "3",
            "FailureCount": "0",
            "AverageResponseTime": "12",
            "MinimumResponseTime": "10",
            "MaximumResponseTime": "15",
        }
        trace = await run(known, TRACE, Host="b.example", MaxHopCount="9")
        hops = {name.removeprefix("RouteHops."): trace.pop(name) for name in list(trace) if "Hops." in name}
        assert trace == {
            "DiagnosticsState": "Complete",
            "Interface": "",
            "Host": "b.example",
            "NumberOfTries": "3",
            "Timeout": "5000",
            "DataBlockSize": "38",
            "DSCP": "0",
            "MaxHopCount": "9",
            "ResponseTime": "27",
            "RouteHopsNumberOfEntries": "4",
        }
        hosts = {1: ("192.0.2.1", ""), 2: ("", "0"), 3: ("198.51.100.1", ""), 4: ("b.example", "27")}
        assert hops == {
            f"{hop}.{name}": value
            for hop, (host, times) in hosts.items()
            for name, value in (("Host", host), ("HostAddress", ""), ("ErrorCode", "0"), ("RTTimes", times))
        }
        answer = {
            "Status": "Success",
            "AnswerType": "Authoritative",
            "HostNameReturned": "c.example",
            "IPAddresses": "192.0.2.5,2001:db8::5",
            "DNSServerIP": "192.0.2.1",
            "ResponseTime": "12",
        }
        assert await run(known, LOOKUP, HostName="c.example", NumberOfRepetitions="2") == {
            "DiagnosticsState": "Complete",
            "Interface": "",
            "HostName": "c.example",
            "DNSServer": "",
            "Timeout": "5000",
            "NumberOfRepetitions": "2",
            "SuccessCount": "2",
            "ResultNumberOfEntries": "2",
            **{f"Result.{row}.{name}": value for row in (1, 2) for name, value in answer.items()},
        }
        assert await run(known, SELF_TEST) == {"DiagnosticsState": "Complete", "Results": "All is well"}
        assert dict(device.actions)["Ping"] == {
            "Host": "a.example",
            "NumberOfRepetitions": "3",
            "Timeout": "5000",
            "DataBlockSize": "32",
            "DSCP": "7",
        }
        assert device.refusals == []


async def test_tests_that_find_nothing(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="D2") as device, managed(acs, tmp_path, device) as known:
        for path, inputs, results in (
            (PING, {"Host": "nowhere.invalid"}, {"DiagnosticsState": "Error_CannotResolveHostName"}),
            (
                PING,
                {"Host": "unreachable.example", "NumberOfRepetitions": "2"},
                {"DiagnosticsState": "Complete", "SuccessCount": "0", "FailureCount": "2"},
            ),
            (
                LOOKUP,
                {"HostName": "nowhere.invalid"},
                {"DiagnosticsState": "Complete", "Result.1.Status": "Error_HostNameNotResolved"},
            ),
            (
                LOOKUP,
                {"HostName": "a", "DNSServer": "nowhere.invalid"},
                {"DiagnosticsState": "Error_DNSServerNotResolved", "ResultNumberOfEntries": "0"},
            ),
            (
                TRACE,
                {"Host": "b.example", "MaxHopCount": "2"},
                {"DiagnosticsState": "Error_MaxHopCountExceeded", "RouteHopsNumberOfEntries": "2"},
            ),
        ):
            found = await run(known, path, **inputs)
            assert found == {**found, **results}


async def test_requested_running_complete(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="D3") as device, managed(acs, tmp_path, device) as known:
        device.bms.diagnostics.seconds = None
        assert await state_of(known, PING) == "None"
        await known.ask(PING, Host="a.example")
        assert await state_of(known, PING) == "Requested"
        await device.until(lambda: device.count("Ping") == 1)
        assert await state_of(known, PING) == "Requested"
        device.bms.diagnostics.finish()
        await known.told(COMPLETE)
        assert await state_of(known, PING) == "Complete"
        await known.set({f"{PING}Host": "b.example"})
        assert await state_of(known, PING) == "None"
        assert await known.events() == [(COMPLETE,)]
        assert device.count("Ping") == 1


async def test_the_test_begins_when_the_session_is_over(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="D4") as device, managed(acs, tmp_path, device) as known:
        wish = (
            ParameterValueStruct(f"{PING}Host", "a.example"),
            ParameterValueStruct(f"{PING}DiagnosticsState", "Requested"),
        )

        async def pings_after(request: AcsRequest) -> int:
            await known.acs.request(request)
            return device.count("Ping")

        requests: list[AcsRequest] = [SetParameterValues(wish), *[GetParameterValues((PING,))] * 5]
        assert await asyncio.gather(*(pings_after(request) for request in requests)) == [0] * 6
        await known.told(COMPLETE)


async def test_a_test_that_cannot_be_asked_for(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="D5") as device, managed(acs, tmp_path, device) as known:
        for values, wrong in (
            ({"Host": "", "DiagnosticsState": "Requested"}, "DiagnosticsState"),
            ({"Host": "a.example", "DSCP": "64", "DiagnosticsState": "Requested"}, "DSCP"),
            ({"Host": "a.example", "DiagnosticsState": "Complete"}, "DiagnosticsState"),
        ):
            with pytest.raises(AcsFault) as fault:
                await known.set({PING + name: value for name, value in values.items()})
            assert fault.value.code == 9003
            assert [(each.parameter_name, each.fault_code) for each in fault.value.parameters] == [
                (PING + wrong, 9007)
            ]
        assert device.count("Ping") == 0


# ------------------------------------------------------------------ what is there


async def test_what_the_device_cannot_do_is_not_there(acs: EmbeddedAcs, tmp_path: Path) -> None:
    lacks = frozenset({"Traceroute", "GetNSLookupResult"})
    async with (
        SimulatedDevice(serial="D6", without_actions=lacks) as device,
        managed(acs, tmp_path, device) as known,
    ):
        names = await known.names("Device.")
        assert PING in names
        assert f"{SELF_TEST}Results" in names
        assert not [name for name in names if name.startswith((TRACE, "Device.DNS."))]
        assert {name for name in names if not name.endswith(".")} == set(await known.values("Device."))
        assert set(await known.names("Device.IP.")) > {f"{PING}Host", "Device.IP.", "Device.IP.Diagnostics."}


# ------------------------------------------------------------------ cancelled, again, several


async def test_a_cancelled_test_is_cancelled_at_the_device_and_a_new_one_replaces_it(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    async with SimulatedDevice(serial="D7") as device, managed(acs, tmp_path, device) as known:
        device.bms.diagnostics.seconds = None
        await known.ask(PING, Host="a.example")
        await device.until(lambda: device.count("Ping") == 1)
        await known.ask(PING, Host="b.example")
        await device.until(lambda: device.count("Ping") == 2)
        assert device.count("CancelTest") == 1
        await known.set({f"{PING}DiagnosticsState": "Canceled"})
        await device.until(lambda: device.count("CancelTest") == 2)
        assert await state_of(known, PING) == "None"
        assert {test.state for test in device.bms.diagnostics.tests.values()} == {"Canceled"}
        assert await known.events() == []


async def test_several_tests_of_two_devices_at_once(acs: EmbeddedAcs, tmp_path: Path) -> None:
    first, second = (SimulatedDevice(serial=serial) for serial in ("D8", "D9"))
    both = (first.udn, second.udn)
    async with first, second, managed(acs, tmp_path, first, allow=both) as one:
        other = Managed(second, await acs.device(id_of(second)), one.settings)
        await other.at_ease()
        await asyncio.gather(run_all_four(one), run_all_four(other))


async def run_all_four(known: Managed) -> None:
    wish = {f"{path}DiagnosticsState": "Requested" for path in (PING, TRACE, LOOKUP, SELF_TEST)}
    await known.set({f"{PING}Host": "a", f"{TRACE}Host": "a", f"{LOOKUP}HostName": "a", **wish})
    async with asyncio.timeout(5):
        while {await state_of(known, path) for path in (PING, TRACE, LOOKUP, SELF_TEST)} != {"Complete"}:
            await known.told(COMPLETE)
    assert known.device.count("Ping") == known.device.count("SelfTest") == 1


# ------------------------------------------------------------------ in the middle


async def test_a_device_that_restarts_in_the_middle(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with SimulatedDevice(serial="D10") as device, managed(acs, tmp_path, device) as known:
        device.bms.diagnostics.seconds = None
        await known.ask(PING, Host="a.example")
        await device.until(lambda: device.count("Ping") == 1)
        await device.power_cut()
        await known.told(COMPLETE)
        assert [set(events) for events in await known.events()] == [{COMPLETE, "1 BOOT"}]
        assert await state_of(known, PING) == "Error_Other"
        assert device.count("Ping") == 1


async def test_a_device_that_goes_for_good_in_the_middle(
    acs: EmbeddedAcs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "RETRIES_AFTER_SECONDS", (2, 0.1))
    async with SimulatedDevice(serial="D11") as device, managed(acs, tmp_path, device) as known:
        lookup = await run(known, LOOKUP, HostName="c.example")
        device.bms.diagnostics.seconds = None
        await known.ask(PING, Host="a.example")
        await device.until(lambda: device.count("Ping") == 1)
        await known.acs.session_over()
        await device.power_off()
        await report_of(known.settings, device, online=False)
        ping, kept = await asyncio.gather(known.below(PING), known.below(LOOKUP))
        assert known.acs.informs[-1].events == (COMPLETE,)
        assert ping["DiagnosticsState"] == "Error_Other"
        assert kept == lookup


@pytest.mark.parametrize("is_over", [True, False])
async def test_the_proxier_restarts_in_the_middle(acs: EmbeddedAcs, tmp_path: Path, is_over: bool) -> None:
    async with SimulatedDevice(serial="D12") as device:
        device.bms.diagnostics.seconds = None
        async with managed(acs, tmp_path, device) as known:
            await known.ask(PING, Host="a.example", NumberOfRepetitions="9")
            await device.until(lambda: device.count("Ping") == 1)
            await known.acs.session_over()
        if is_over:
            device.bms.diagnostics.finish()
        async with managed(acs, tmp_path, device):
            if not is_over:
                assert await state_of(known, PING) == "Requested"
                device.bms.diagnostics.finish()
            await known.told(COMPLETE)
            assert await known.events() == [(COMPLETE,)]
            found = await known.below(PING)
        assert (found["DiagnosticsState"], found["SuccessCount"]) == ("Complete", "9")
        assert device.count("Ping") == 1


async def test_a_watched_result_is_told_after_a_restart_of_the_proxier_too(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    async with SimulatedDevice(serial="D15") as device:
        async with managed(acs, tmp_path, device) as known:
            await known.acs.request(notifying({f"{PING}SuccessCount": 2}))
        for repetitions in ("3", "5"):
            async with managed(acs, tmp_path, device) as known:
                known.heard = len(known.acs.informs)
                await known.ask(PING, Host="a.example", NumberOfRepetitions=repetitions)
                await known.told(COMPLETE)
                told = [each for each in known.acs.informs[known.heard :] if VALUE_CHANGE in each.events]
                assert [each.parameters.get(f"{PING}SuccessCount") for each in told] == [repetitions]


async def test_a_device_without_events_is_asked(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with (
        SimulatedDevice(serial="D13", eventing=False) as device,
        managed(acs, tmp_path, device) as known,
    ):
        assert (await run(known, PING, Host="a.example"))["SuccessCount"] == "4"
        assert device.count("GetActiveTestIDs") == 1
