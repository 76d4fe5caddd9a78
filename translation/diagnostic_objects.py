"""Which test of BasicManagement stands behind which object of TR-181, with its inputs and results, as tables.

What BasicManagement cannot carry is not pretended. A test goes over the interface that the device chooses, so
`Interface` may only be empty; how often a hop is tried is the device's affair, so `NumberOfTries` is kept and
not sent; of the hops only the names are told, and the time of the last one. Left out altogether are
IPAddressUsed, ProtocolVersion and the times in microseconds, and BandwidthTest: what the documents in its
BandwidthTestSpec and its Result look like could not be learnt, so that neither DownloadDiagnostics nor
UploadDiagnostics can be offered.

Source: TR-330 4.3.2.1, 4.5; TR-181 2.17; BMS
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from msgspec import Struct

from translation.actions import ActionResult
from translation.bms import comma_list, lookups_in
from translation.datatypes import canonical

COMPLETE = "Complete"
ERROR_INTERNAL = "Error_Internal"
ERROR_OTHER = "Error_Other"

LONGEST_TEST = timedelta(days=1)
"""A test that takes longer than this is given up, whatever its inputs allow."""

_MARGIN_SECONDS = 30
_SHORTEST_REPETITION_MS = 1000

Row = Mapping[str, str]


class Input(Struct, frozen=True):
    """A writable parameter of a diagnostic; a number has limits, a text a greatest length in characters."""

    name: str
    default: str = ""
    type: str = "string"
    minimum: int = 0
    maximum: int = 2**32 - 1
    max_length: int = 256
    needed: bool = False

    def value(self, text: str) -> str:
        """The canonical form of a new value.

        Raises:
            ValueError: it is not allowed; the text says why.
        """
        value = canonical(text.strip() if self.type != "string" else text, self.type)
        if value is None:
            raise ValueError("not a whole number")
        if self.type == "string":
            if len(value) > self.max_length:
                longest = f"longer than {self.max_length} characters" if self.max_length else "not empty"
                raise ValueError(longest)
        elif not self.minimum <= int(value) <= self.maximum:
            raise ValueError(f"not between {self.minimum} and {self.maximum}")
        return value


class Output(Struct, frozen=True):
    """A result, or a column of a table of results: what a device says fits the type, or does not count.

    Of a text only what `allowed` lists counts, and anything else means the last of it.
    """

    name: str
    type: str = "string"
    argument: str = ""
    """The argument of the Get…Result action, where it is not called as the parameter is."""
    max_length: int = 256
    allowed: tuple[str, ...] = ()
    successes_only: bool = False
    """It is 0 when nothing succeeded."""

    def value(self, values: Mapping[str, str]) -> str:
        """What an answer holds of it."""
        text = values.get(self.argument or self.name, "").strip()
        if self.successes_only and not int(canonical(values.get("SuccessCount", ""), self.type) or 0):
            return "0"
        if self.type != "string":
            return canonical(text, self.type) or "0"
        if self.allowed and text not in self.allowed:
            return self.allowed[-1]
        return text[: self.max_length]

    @property
    def default(self) -> str:
        """What it is before there is a result."""
        return "" if self.type == "string" else "0"


class ResultTable(Struct, frozen=True):
    """A table of results, whose rows come from the answer of the Get…Result action."""

    name: str
    columns: tuple[Output, ...]
    rows_in: Callable[[ActionResult], Sequence[Row]]


class Duration(Struct, frozen=True):
    """How long a test may take: the product of some inputs, the last one in milliseconds, times a factor."""

    inputs: tuple[str, ...] = ()
    factor: int = 1
    seconds_without: float = 0

    def of(self, inputs: Mapping[str, str]) -> timedelta:
        """The longest time for these inputs, with a margin. Source: TR-330 4.5.1, note on the test timer"""
        seconds = self.seconds_without
        if self.inputs:
            *counts, timeout = (int(inputs[name]) for name in self.inputs)
            repetitions = math.prod(max(1, count) for count in counts)
            seconds = self.factor * repetitions * max(timeout, _SHORTEST_REPETITION_MS) / 1000
        return min(
            timedelta(seconds=min(seconds, LONGEST_TEST.total_seconds()) + _MARGIN_SECONDS), LONGEST_TEST
        )


class DiagnosticObject(Struct, frozen=True):
    """An object of TR-181 and the actions behind it; arguments are named as the parameters are."""

    path: str
    action: str
    result_action: str
    arguments: tuple[str, ...]
    """The inputs that the action takes, in the SCPD's order; all are sent, since defaults differ."""
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    errors: frozenset[str]
    """The values of Status that are a DiagnosticsState as well."""
    duration: Duration
    successes: frozenset[str] = frozenset({"Success"})
    """The values of Status that mean Complete."""
    table: ResultTable | None = None

    def state_of(self, status: str) -> str:
        """The DiagnosticsState that a Status means."""
        if status in self.successes:
            return COMPLETE
        return status if status in self.errors else ERROR_OTHER

    def input(self, name: str) -> Input:
        """One of the inputs."""
        return next(each for each in self.inputs if each.name == name)

    @property
    def needs(self) -> frozenset[str]:
        """The actions without which it cannot be offered; the others that TR-330 names are done without."""
        return frozenset({self.action, self.result_action})


def _hops_in(result: ActionResult) -> Sequence[Row]:
    """The hops of a traceroute: an empty item is a hop that did not answer; the time is that of the last.

    In RTTimes a 0 means no answer, and less than a millisecond is 1.
    """
    hosts = comma_list(result.values.get("HopHosts", ""))[:_MOST_HOPS]
    rows = [{"Host": host, "RTTimes": "" if host else "0"} for host in hosts]
    time = canonical(result.values.get("ResponseTime", ""), _UINT)
    if rows and rows[-1]["Host"] and time:
        rows[-1]["RTTimes"] = "1" if time == "0" else time
    return rows


def _lookups_in(result: ActionResult) -> Sequence[Row]:
    """The repetitions of a lookup, with no more addresses each than TR-181 has room for."""
    return [
        {**row, "IPAddresses": ",".join(comma_list(row.get("IPAddresses", ""))[:_MOST_ADDRESSES])}
        for row in lookups_in(result)
    ]


_UINT = "unsignedInt"
_MOST_HOPS = 64
_MOST_ADDRESSES = 10
_INTERFACE = Input("Interface", max_length=0)
_DSCP = Input("DSCP", "0", _UINT, 0, 63)


def _block(default: int) -> Input:
    return Input("DataBlockSize", str(default), _UINT, 1, 65535)


PING = DiagnosticObject(
    path="Device.IP.Diagnostics.IPPing.",
    action="Ping",
    result_action="GetPingResult",
    arguments=("Host", "NumberOfRepetitions", "Timeout", "DataBlockSize", "DSCP"),
    inputs=(
        _INTERFACE,
        Input("Host", needed=True),
        Input("NumberOfRepetitions", "4", _UINT, 1),
        Input("Timeout", "5000", _UINT, 1),
        _block(32),
        _DSCP,
    ),
    outputs=(
        Output("SuccessCount", _UINT),
        Output("FailureCount", _UINT),
        Output("AverageResponseTime", _UINT, successes_only=True),
        Output("MinimumResponseTime", _UINT, successes_only=True),
        Output("MaximumResponseTime", _UINT, successes_only=True),
    ),
    errors=frozenset({"Error_CannotResolveHostName", "Error_NoRouteToHost", ERROR_INTERNAL, ERROR_OTHER}),
    duration=Duration(("NumberOfRepetitions", "Timeout")),
)
"""Source: TR-181 IP.Diagnostics.IPPing; BMS Ping; the defaults are those of the CableLabs implementation"""

TRACEROUTE = DiagnosticObject(
    path="Device.IP.Diagnostics.TraceRoute.",
    action="Traceroute",
    result_action="GetTracerouteResult",
    arguments=("Host", "Timeout", "DataBlockSize", "MaxHopCount", "DSCP"),
    inputs=(
        _INTERFACE,
        Input("Host", needed=True),
        Input("NumberOfTries", "3", _UINT, 1, 3),
        Input("Timeout", "5000", _UINT, 1),
        _block(38),
        _DSCP,
        Input("MaxHopCount", "30", _UINT, 1, 64),
    ),
    outputs=(Output("ResponseTime", _UINT),),
    errors=frozenset(
        {
            "Error_CannotResolveHostName",
            "Error_NoRouteToHost",
            "Error_MaxHopCountExceeded",
            ERROR_INTERNAL,
            ERROR_OTHER,
        }
    ),
    duration=Duration(("MaxHopCount", "Timeout"), factor=3),
    table=ResultTable(
        "RouteHops",
        (Output("Host"), Output("HostAddress"), Output("ErrorCode", _UINT), Output("RTTimes")),
        _hops_in,
    ),
)
"""Source: TR-181 IP.Diagnostics.TraceRoute, which gives the defaults; BMS Traceroute"""

NSLOOKUP = DiagnosticObject(
    path="Device.DNS.Diagnostics.NSLookupDiagnostics.",
    action="NSLookup",
    result_action="GetNSLookupResult",
    arguments=("HostName", "DNSServer", "NumberOfRepetitions", "Timeout"),
    inputs=(
        _INTERFACE,
        Input("HostName", needed=True),
        Input("DNSServer"),
        Input("Timeout", "5000", _UINT),
        Input("NumberOfRepetitions", "1", _UINT),
    ),
    outputs=(Output("SuccessCount", _UINT),),
    errors=frozenset({"Error_DNSServerNotResolved", ERROR_INTERNAL, ERROR_OTHER}),
    duration=Duration(("NumberOfRepetitions", "Timeout")),
    table=ResultTable(
        "Result",
        (
            Output(
                "Status",
                allowed=(
                    "Success",
                    "Error_DNSServerNotAvailable",
                    "Error_HostNameNotResolved",
                    "Error_Timeout",
                    "Error_Other",
                ),
            ),
            Output("AnswerType", allowed=("Authoritative", "NonAuthoritative", "None")),
            Output("HostNameReturned"),
            Output("IPAddresses", max_length=512),
            Output("DNSServerIP"),
            Output("ResponseTime", _UINT),
        ),
        _lookups_in,
    ),
)
"""Source: TR-181 DNS.Diagnostics.NSLookupDiagnostics; BMS NSLookup"""

SELF_TEST = DiagnosticObject(
    path="Device.SelfTestDiagnostics.",
    action="SelfTest",
    result_action="GetSelfTestResult",
    arguments=(),
    inputs=(),
    outputs=(Output("Results", argument="AdditionalInfo", max_length=1024),),
    errors=frozenset(),
    duration=Duration(seconds_without=600),
    successes=frozenset({"1", "true", "yes"}),
)
"""A fault that it finds is Error_Other, with Results. Source: TR-181 SelfTestDiagnostics; BMS SelfTest"""

DIAGNOSTICS: Mapping[str, DiagnosticObject] = {
    each.action: each for each in (NSLOOKUP, PING, TRACEROUTE, SELF_TEST)
}
"""By action, in the order of the tree. Source: TR-330 4.3.2.1"""
