"""The tests of BasicManagement: ping, name look-up, trace route and their like, with results made to order.

A host whose name ends in `.invalid` does not resolve; `unreachable.example` never answers.

Source: BMS 2; SCPD of BasicManagement:2
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape

from proxier.demo.device_control import Arguments, Call
from proxier.demo.device_errors import UpnpError
from proxier.demo.device_gena import EventSource
from proxier.demo.device_life import Background, Life
from proxier.demo.device_profile import DeviceProfile

NO_SUCH_TEST, WRONG_TYPE, INVALID_STATE, PRECLUDES_CANCEL = range(706, 710)
INVALID_ARGUMENTS = 402
ACTIVE = frozenset({"Requested", "InProgress"})
FINISHED_TESTS_KEPT = 10
"""Of each type; the oldest go first."""

Results = Callable[[Arguments], Mapping[str, str]]


@dataclass(eq=False)
class DiagnosticTest:
    """One test that was asked for."""

    id: int
    type: str
    arguments: Arguments
    state: str = "Requested"
    finished: asyncio.Event = field(default_factory=asyncio.Event)


class Diagnostics:
    """The tests of one device since it started.

    Attributes:
        seconds: how long a test lasts; None for until `finish()`.
        results: by type of test, what replaces single values of the ordinary results of the tests to come.
        tests: all tests that are remembered, by TestID.
    """

    def __init__(self, profile: DeviceProfile, events: EventSource, life: Life) -> None:
        self.seconds: float | None = profile.test_seconds
        self.results: dict[str, Mapping[str, str]] = {}
        self.tests: dict[int, DiagnosticTest] = {}
        self._events = events
        self._life = life
        self._last_id = 0
        self.background = Background()
        self._one_at_a_time = asyncio.Lock()
        events.set(SequenceMode="0", TestIDs="", ActiveTestIDs="")
        self.actions: Mapping[str, Call] = {
            **{type_: self._start(type_) for type_ in ORDINARY_RESULTS},
            **{f"Get{type_}Result": self._result(type_) for type_ in ORDINARY_RESULTS},
            "GetTestIDs": lambda _: {"TestIDs": events.values["TestIDs"]},
            "GetActiveTestIDs": lambda _: {"TestIDs": events.values["ActiveTestIDs"]},
            "GetTestInfo": self._get_test_info,
            "CancelTest": self._cancel_test,
            "GetBandwidthTestInfo": lambda _: {"BandwidthTestInfo": ""},
            "SetSequenceMode": self._set_sequence_mode,
            "GetSequenceMode": lambda _: {"SequenceMode": events.values["SequenceMode"]},
        }

    def finish(self, test_id: int | None = None) -> None:
        """Ends one running test, or all, as if its time were over."""
        for test in self.tests.values():
            if test_id in {None, test.id}:
                test.finished.set()

    def power_off(self) -> None:
        """Tests and their results do not outlive the power, and their numbers start again."""
        self.background.cancel()
        self.tests.clear()
        self._last_id = 0
        self._events.set(TestIDs="", ActiveTestIDs="")

    def _start(self, type_: str) -> Call:
        def start(arguments: Arguments) -> Arguments:
            if arguments.get("Host", arguments.get("HostName")) == "":
                raise UpnpError(INVALID_ARGUMENTS)
            self._last_id += 1
            test = DiagnosticTest(self._last_id, type_, arguments)
            self.tests[test.id] = test
            self.background.start(self._run(test))
            self._show()
            return {"TestID": str(test.id)}

        return start

    async def _run(self, test: DiagnosticTest) -> None:
        if self._events.values["SequenceMode"] == "1":
            async with self._one_at_a_time:
                await self._carry_out(test)
        else:
            await self._carry_out(test)

    async def _carry_out(self, test: DiagnosticTest) -> None:
        if test.state == "Canceled":
            return
        test.state = "InProgress"
        self._life.note(f"test {test.id} {test.type} began")
        with suppress(TimeoutError):
            await asyncio.wait_for(test.finished.wait(), self.seconds)
        if test.state == "InProgress":
            test.state = "Completed"
            self._life.note(f"test {test.id} {test.type} completed")
        self._show()

    def _show(self) -> None:
        for type_ in ORDINARY_RESULTS:
            over = [
                test.id for test in self.tests.values() if test.type == type_ and test.state not in ACTIVE
            ]
            for test_id in over[:-FINISHED_TESTS_KEPT]:
                del self.tests[test_id]
        active = [test.id for test in self.tests.values() if test.state in ACTIVE]
        self._events.set(TestIDs=",".join(map(str, self.tests)), ActiveTestIDs=",".join(map(str, active)))

    def _test(self, arguments: Arguments) -> DiagnosticTest:
        test = self.tests.get(int(arguments["TestID"]))
        if test is None:
            raise UpnpError(NO_SUCH_TEST)
        return test

    def _result(self, type_: str) -> Call:
        def result(arguments: Arguments) -> Arguments:
            test = self._test(arguments)
            if test.type != type_:
                raise UpnpError(WRONG_TYPE)
            if test.state != "Completed" and type_ != "BandwidthTest":
                raise UpnpError(INVALID_STATE)
            ordinary = {"State": test.state, "AdditionalInfo": "", **ORDINARY_RESULTS[type_](test.arguments)}
            return {**ordinary, **self.results.get(type_, {})}

        return result

    def _get_test_info(self, arguments: Arguments) -> Arguments:
        test = self._test(arguments)
        return {"Type": test.type, "State": test.state}

    def _cancel_test(self, arguments: Arguments) -> Arguments:
        test = self._test(arguments)
        if test.state not in ACTIVE:
            raise UpnpError(PRECLUDES_CANCEL)
        test.state = "Canceled"
        self._life.note(f"test {test.id} {test.type} canceled")
        test.finished.set()
        self._show()
        return {}

    def _set_sequence_mode(self, arguments: Arguments) -> Arguments:
        old = self._events.values["SequenceMode"]
        self._events.set(SequenceMode=arguments["NewSequenceMode"])
        return {"OldSequenceMode": old}


def _number(arguments: Arguments, name: str, default: int) -> int:
    """An argument of which 0 means the default of the device."""
    return int(arguments[name]) or default


def _ping(arguments: Arguments) -> Mapping[str, str]:
    host, count = arguments["Host"], _number(arguments, "NumberOfRepetitions", 4)
    resolved, reached = not host.endswith(".invalid"), host != "unreachable.example"
    times = ("12", "10", "15") if resolved and reached else ("0", "0", "0")
    return {
        "Status": "Success" if resolved else "Error_CannotResolveHostName",
        "AdditionalInfo": "" if resolved else f"{host}: Name or service not known",
        "SuccessCount": str(count if resolved and reached else 0),
        "FailureCount": str(count if resolved and not reached else 0),
        "AverageResponseTime": times[0],
        "MinimumResponseTime": times[1],
        "MaximumResponseTime": times[2],
    }


def _traceroute(arguments: Arguments) -> Mapping[str, str]:
    host = arguments["Host"]
    hops = ["192.0.2.1", "", "198.51.100.1", host]  # the second one is silent
    limit = _number(arguments, "MaxHopCount", 30)
    if host.endswith(".invalid"):
        return {"Status": "Error_CannotResolveHostName", "ResponseTime": "0", "HopHosts": ""}
    status = "Success" if limit >= len(hops) else "Error_MaxHopCountExceeded"
    return {"Status": status, "ResponseTime": "27", "HopHosts": ",".join(hops[:limit])}


def _name_lookup(arguments: Arguments) -> Mapping[str, str]:
    name, server = arguments["HostName"], arguments["DNSServer"] or "192.0.2.1"
    count = _number(arguments, "NumberOfRepetitions", 1)
    if server.endswith(".invalid"):
        return {"Status": "Error_DNSServerNotResolved", "SuccessCount": "0", "Result": _lookups([])}
    found = not name.endswith(".invalid")
    lookup = {
        "Status": "Success" if found else "Error_HostNameNotResolved",
        "AnswerType": "Authoritative" if found else "None",
        "HostNameReturned": name if found else "",
        "IPAddresses": "192.0.2.5,2001:db8::5" if found else "",
        "DNSServerIP": server,
        "ResponseTime": "12",
    }
    return {
        "Status": "Success",
        "SuccessCount": str(count if found else 0),
        "Result": _lookups([lookup] * count),
    }


def _lookups(lookups: list[dict[str, str]]) -> str:
    rows = (
        "".join(f"<{name}>{escape(value, quote=False)}</{name}>" for name, value in lookup.items())
        for lookup in lookups
    )
    content = "".join(f"<Result>{row}</Result>" for row in rows)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><bms:NSLookupResult xmlns:bms="urn:schemas-upnp-org:dm:bms">'
        f"{content}</bms:NSLookupResult>"
    )


ORDINARY_RESULTS: Mapping[str, Results] = {
    "Ping": _ping,
    "NSLookup": _name_lookup,
    "Traceroute": _traceroute,
    "BandwidthTest": lambda _: {"Status": "Success", "Result": ""},
    "InterfaceReset": lambda _: {"Status": "Success", "NumberOfSuccesses": "1", "NumberOfFailures": "0"},
    "SelfTest": lambda _: {"Status": "1", "AdditionalInfo": "All is well"},
}
"""By type of test, what comes of it when nothing else is told."""
