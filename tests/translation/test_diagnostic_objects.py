from __future__ import annotations

import gzip
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from translation.actions import ActionResult
from translation.diagnostic_objects import DIAGNOSTICS, NSLOOKUP, PING, SELF_TEST, TRACEROUTE, Input, Output

TR_181 = Path(__file__).parents[2].parent / "shared" / "bbf" / "tr-181-2-17-0-cwmp-full.xml.gz"


@pytest.mark.parametrize(
    ("given", "text", "value"),
    [
        (PING.input("Timeout"), "5000", "5000"),
        (PING.input("Timeout"), " 0007 ", "7"),
        (PING.input("Timeout"), "0", None),
        (PING.input("Timeout"), "-1", None),
        (PING.input("Timeout"), "4294967295", "4294967295"),
        (PING.input("Timeout"), "4294967296", None),
        (PING.input("Timeout"), "", None),
        (PING.input("Timeout"), "1e3", None),
        (PING.input("DSCP"), "63", "63"),
        (PING.input("DSCP"), "64", None),
        (PING.input("DataBlockSize"), "65535", "65535"),
        (PING.input("DataBlockSize"), "65536", None),
        (PING.input("Host"), "h" * 256, "h" * 256),
        (PING.input("Host"), "h" * 257, None),
        (PING.input("Interface"), "", ""),
        (PING.input("Interface"), "Device.IP.Interface.1", None),
        (TRACEROUTE.input("NumberOfTries"), "3", "3"),
        (TRACEROUTE.input("NumberOfTries"), "4", None),
        (TRACEROUTE.input("MaxHopCount"), "65", None),
        (NSLOOKUP.input("Timeout"), "0", "0"),
    ],
)
def test_inputs_and_their_limits(given: Input, text: str, value: str | None) -> None:
    if value is None:
        with pytest.raises(ValueError, match=r"not|longer"):
            given.value(text)
    else:
        assert given.value(text) == value


@pytest.mark.parametrize(
    ("output", "values", "value"),
    [
        (PING.outputs[0], {"SuccessCount": "4"}, "4"),
        (PING.outputs[0], {"SuccessCount": "many"}, "0"),
        (PING.outputs[0], {}, "0"),
        (PING.outputs[2], {"SuccessCount": "1", "AverageResponseTime": "17"}, "17"),
        (PING.outputs[2], {"SuccessCount": "0", "AverageResponseTime": "17"}, "0"),
        (PING.outputs[2], {"AverageResponseTime": "17"}, "0"),
        (SELF_TEST.outputs[0], {"AdditionalInfo": "x" * 2000}, "x" * 1024),
    ],
)
def test_outputs_are_what_the_device_says_or_nothing(
    output: Output, values: dict[str, str], value: str
) -> None:
    assert output.value(values) == value


@pytest.mark.parametrize(
    ("action", "status", "state"),
    [
        ("Ping", "Success", "Complete"),
        ("Ping", "Error_CannotResolveHostName", "Error_CannotResolveHostName"),
        ("Ping", "Error_MaxHopCountExceeded", "Error_Other"),
        ("Ping", "", "Error_Other"),
        ("Traceroute", "Error_MaxHopCountExceeded", "Error_MaxHopCountExceeded"),
        ("NSLookup", "Error_DNSServerNotResolved", "Error_DNSServerNotResolved"),
        ("NSLookup", "Error_Internal", "Error_Internal"),
        ("SelfTest", "1", "Complete"),
        ("SelfTest", "true", "Complete"),
        ("SelfTest", "0", "Error_Other"),
    ],
)
def test_what_a_status_means(action: str, status: str, state: str) -> None:
    assert DIAGNOSTICS[action].state_of(status) == state


@pytest.mark.parametrize(
    ("hosts", "time", "rows"),
    [
        ("", "23", []),
        ("192.0.2.1", "23", [("192.0.2.1", "23")]),
        ("192.0.2.1", "0", [("192.0.2.1", "1")]),
        ("192.0.2.1", "soon", [("192.0.2.1", "")]),
        ("192.0.2.1,,gw.example", "23", [("192.0.2.1", ""), ("", "0"), ("gw.example", "23")]),
        ("192.0.2.1,,", "23", [("192.0.2.1", ""), ("", "0"), ("", "0")]),
    ],
)
def test_the_hops_of_a_traceroute(hosts: str, time: str, rows: list[tuple[str, str]]) -> None:
    assert TRACEROUTE.table
    found = TRACEROUTE.table.rows_in(ActionResult({"HopHosts": hosts, "ResponseTime": time}))
    assert [(row["Host"], row["RTTimes"]) for row in found] == rows


def test_a_traceroute_has_no_more_hops_than_may_be_asked_for() -> None:
    assert TRACEROUTE.table
    found = TRACEROUTE.table.rows_in(ActionResult({"HopHosts": "h," * 100_000, "ResponseTime": "x"}))
    assert len(found) == 64


@pytest.mark.parametrize(
    ("action", "inputs", "seconds"),
    [
        ("Ping", {}, 4 * 5 + 30),
        ("Ping", {"Timeout": "10", "NumberOfRepetitions": "3"}, 3 * 1 + 30),
        ("Ping", {"Timeout": "4294967295", "NumberOfRepetitions": "4294967295"}, 86400),
        ("Traceroute", {}, 30 * 3 * 5 + 30),
        ("NSLookup", {"Timeout": "0", "NumberOfRepetitions": "0"}, 1 + 30),
        ("SelfTest", {}, 630),
    ],
)
def test_how_long_a_test_may_take(action: str, inputs: dict[str, str], seconds: int) -> None:
    table = DIAGNOSTICS[action]
    given = {**{each.name: each.default for each in table.inputs}, **inputs}
    assert table.duration.of(given) == timedelta(seconds=seconds)


def test_all_objects_are_those_of_tr_181() -> None:
    """Names, access, types and limits, against the Broadband Forum's own file."""
    if not TR_181.exists():
        pytest.skip(f"the Broadband Forum's TR-181 is not at {TR_181}")
    root = etree.fromstring(gzip.decompress(TR_181.read_bytes()))
    model = {each.get("name"): each for each in root.iter("object")}
    for table in DIAGNOSTICS.values():
        parameters = {each.get("name"): each for each in model[table.path].iterfind("parameter")}
        states = {each.get("value") for each in parameters["DiagnosticsState"].iter("enumeration")}
        assert states >= {*table.errors, "Error_Other", "Complete", "None"}
        for given in table.inputs:
            assert parameters[given.name].get("access") == "readWrite"
            assert parameters[given.name].find(f"syntax/{given.type}") is not None
            assert given.value(given.default) == given.default
            for limits in parameters[given.name].iterfind("syntax/unsignedInt/range"):
                assert given.minimum == int(limits.get("minInclusive", "0"))
                assert given.maximum == int(limits.get("maxInclusive", 2**32 - 1))
        for output in table.outputs:
            assert parameters[output.name].get("access") == "readOnly"
            assert parameters[output.name].find(f"syntax/{output.type}") is not None
        if table.table:
            row = model[f"{table.path}{table.table.name}.{{i}}."]
            columns = {each.get("name"): each for each in row.iterfind("parameter")}
            assert [column.name for column in table.table.columns] == list(columns)
            for column in table.table.columns:
                listed = [each.get("value") for each in columns[column.name].iter("enumeration")]
                assert set(column.allowed) == set(listed)
