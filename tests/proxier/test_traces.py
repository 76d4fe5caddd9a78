"""The last sessions in memory, within bounds; and `proxier trace` with a daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cwmp_client import trace
from cwmp_client.messages import GetParameterValues, ParameterValueStruct, SetParameterValues
from proxier import traces
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from proxier.traces import Traces
from tests.proxier.daemon_process import READY, daemon, proxier, write_config
from tests.proxier.running import settings_for

ENVELOPE = b"<a>" + b"x" * 997 + b"</a>"


def hold(kept: Traces, device: str, *bodies: bytes) -> str:
    with trace.session(device, ["2 PERIODIC"], [kept]) as session:
        for body in bodies:
            trace.envelope(body, sent=True)
        session.outcome = "success"
    return session.id


def test_of_a_device_the_last_sessions_are_kept() -> None:
    kept = Traces()
    ids = [hold(kept, "one", b"<a/>", b"") for _ in range(traces.MOST_SESSIONS_OF_A_DEVICE + 2)]
    hold(kept, "two")
    told = kept.told("one")
    assert [session["session"] for session in told] == ids[2:]
    assert [envelope["xml"] for envelope in told[-1]["envelopes"]] == ["<a/>", ""]
    assert len(kept.told("two")) == 1
    assert kept.told("three") == []


def test_the_oldest_envelopes_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST_BYTES", 5 * len(ENVELOPE))
    kept = Traces()
    for device in ("one", "two", "three"):
        hold(kept, device, ENVELOPE, ENVELOPE)
    assert [len(kept.told(device)[0]["envelopes"]) for device in ("one", "two", "three")] == [1, 2, 2]
    assert kept.told("one")[0]["envelopes_lost"] == 1
    hold(kept, "four", *[ENVELOPE] * 8)
    assert kept.told("two")[0]["envelopes"] == []
    assert (len(kept.told("four")[0]["envelopes"]), kept.told("four")[0]["envelopes_lost"]) == (5, 3)


def test_sessions_and_envelopes_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST_SESSIONS", 3)
    monkeypatch.setattr(traces, "MOST_ENVELOPES", 4)
    kept = Traces()
    for number in range(5):
        hold(kept, f"device {number}", b"", b"")
    assert [len(kept.told(f"device {number}")) for number in range(5)] == [0, 0, 1, 1, 1]
    assert [len(kept.told(f"device {n}")[0]["envelopes"]) for n in (2, 3, 4)] == [0, 2, 2]


def test_of_a_long_envelope_the_beginning_is_kept() -> None:
    kept = Traces()
    hold(kept, "one", b"<a>" + b"<b>1</b>" * 20_000 + b"</a>")
    [envelope] = kept.told("one")[0]["envelopes"]
    assert (envelope["cut"], envelope["bytes"]) == (True, 160_007)
    assert len(envelope["xml"]) < 3 * traces.LONGEST_ENVELOPE


async def test_the_last_sessions_of_a_device_are_shown(acs: EmbeddedAcs, tmp_path: Path) -> None:
    device = SimulatedDevice(serial="trace")
    config = write_config(settings_for(acs.url, tmp_path, [device], gateway=True), tmp_path)
    password = ParameterValueStruct("Device.ManagementServer.ConnectionRequestPassword", "hush-hush")
    async with daemon(config) as running:
        await running.line(READY)
        async with device:
            managed = await acs.device(f"{device.oui}-{device.product_class}-{device.serial}")
            await managed.request(GetParameterValues(("Device.",)))
            await managed.request(SetParameterValues((password,), "key"))
            await managed.session_over()
            code, written, errors = await proxier(config, "trace", "SimulatedDevice-trace", "--json")
            assert (code, errors) == (0, "")
            sessions = json.loads(written)
            asked = [rpc for session in sessions for rpc in session["rpcs"]]
            values = next(rpc for rpc in asked if rpc["rpc"] == "GetParameterValues")
            assert "CMS.GetValues" in [each["action"] for each in values["actions"]]
            envelopes = [envelope for session in sessions for envelope in session["envelopes"]]
            assert {envelope["from"] for envelope in envelopes} == {"CPE", "ACS"}
            assert any("ConnectionRequestPassword" in envelope["xml"] for envelope in envelopes)
            assert "hush-hush" not in written
            for session in sessions:
                assert running.lines_with(rf" session with .*: success .*session={session['session']} ms=\d+")
            code, written, errors = await proxier(config, "trace", "SimulatedDevice-trace")
            assert (code, errors) == (0, "")
            assert "CPE → ACS" in written
            assert "<cwmp:Inform>" in written
            assert "hush-hush" not in written
            assert (await proxier(config, "trace", "GATEWAY"))[0] == 0
            code, written, errors = await proxier(config, "trace", "unknown")
            assert (code, written, errors) == (1, "", "no device is like 'unknown'\n")


async def test_without_a_daemon_there_is_nothing_to_show(tmp_path: Path) -> None:
    config = write_config(settings_for("http://127.0.0.1:9/", tmp_path), tmp_path)
    code, written, errors = await proxier(config, "trace", "x")
    assert (code, written) == (1, "")
    assert "sessions are only in its memory" in errors
