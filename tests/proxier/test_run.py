"""`proxier run` with its command line: how soon, how it ends, and what stands in its way."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from cwmp_client.messages import (
    GetParameterNames,
    GetParameterValues,
    GetRPCMethods,
    ParameterValueStruct,
    SetParameterValues,
)
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_misbehaviour import Delay
from proxier.demo.acs_transcript import Direction
from proxier.demo.device import SimulatedDevice
from proxier.settings import Settings, StatusSettings
from tests.cwmp_client.schema import errors_of
from tests.proxier.daemon_process import READY, Daemon, daemon, proxier, write_config
from tests.proxier.running import LOOPBACK, report_of, settings_for

LISTED_WITHIN_SECONDS = 3.0
INFORMED_WITHIN_SECONDS = 5.0
ENDED_WITHIN_SECONDS = 5.0
UNSUBSCRIBED = {
    f"UNSUBSCRIBE {service}"
    for service in ("BasicManagement", "ConfigurationManagement", "SoftwareManagement")
}


@pytest.fixture
def device() -> SimulatedDevice:
    return SimulatedDevice(serial="run")


@pytest.fixture
def settings(acs: EmbeddedAcs, tmp_path: Path, device: SimulatedDevice) -> Settings:
    return settings_for(acs.url, tmp_path, [device], gateway=True)


@pytest.fixture
def config(settings: Settings, tmp_path: Path) -> Path:
    return write_config(settings, tmp_path)


@pytest.fixture
async def running(config: Path) -> AsyncIterator[Daemon]:
    async with daemon(config) as started:
        await started.line(READY)
        yield started


def seconds_since(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()


def id_of(device: SimulatedDevice) -> str:
    return f"{device.oui}-{device.product_class}-{device.serial}"


async def test_a_device_is_listed_and_informs_in_time(
    acs: EmbeddedAcs, running: Daemon, config: Path, settings: Settings, device: SimulatedDevice
) -> None:
    async with device:
        [alive] = device.history.times("alive")
        reported = await report_of(settings, device)
        assert seconds_since(alive) < LISTED_WITHIN_SECONDS
        managed = await acs.device(id_of(device))
        assert (managed.informs[0].at - alive).total_seconds() < INFORMED_WITHIN_SECONDS
        await managed.session_over()
        code, listed, errors = await proxier(config, "devices", "--json")
        [report] = json.loads(listed)
    assert (code, errors) == (0, "")
    assert report["device_id"] == reported["device_id"] == id_of(device)
    assert report["online"] is True
    assert running.faults == []


async def test_every_message_is_valid_by_the_schemas_of_the_forum(
    acs: EmbeddedAcs, running: Daemon, device: SimulatedDevice
) -> None:
    envelopes: list[bytes] = []
    acs.on_envelope(
        lambda direction, body: envelopes.append(body) if direction is Direction.FROM_CPE else None
    )
    name = "Device.Time.NTPServer1"
    async with device:
        managed = await acs.device(id_of(device), timeout=INFORMED_WITHIN_SECONDS)
        for request in (
            GetRPCMethods(),
            GetParameterNames("Device.", next_level=False),
            GetParameterValues(("Device.",)),
            SetParameterValues((ParameterValueStruct(name, "a & b"),), "key"),
        ):
            await managed.request(request)
        await managed.session_over()
    assert len(envelopes) > 6
    assert {envelope: errors for envelope in envelopes if (errors := errors_of(envelope))} == {}
    assert running.faults == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_well(
    acs: EmbeddedAcs,
    running: Daemon,
    config: Path,
    device: SimulatedDevice,
    number: signal.Signals,
) -> None:
    async with device:
        managed = await acs.device(id_of(device), timeout=INFORMED_WITHIN_SECONDS)
        await device.until(lambda: all(source.subscriptions for source in device.events.values()))
        await managed.session_over()
        begun = datetime.now(UTC)
        running.send(number)
        assert await running.ended() == 0
        assert seconds_since(begun) < ENDED_WITHIN_SECONDS
        assert {each.what for each in device.history.happenings} >= UNSUBSCRIBED
    assert running.faults == []
    left = {path.name for path in config.parent.iterdir()}
    assert left <= {"proxier.toml", "proxier.db", "proxier.db.lock"}
    _, listed, _ = await proxier(config, "devices", "--json")
    assert [(each["device_id"], each["online"]) for each in json.loads(listed)] == [(id_of(device), False)]


@pytest.mark.parametrize("silent", ["the ACS", "the device"])
async def test_it_ends_in_time_though_somebody_does_not_answer(
    acs: EmbeddedAcs, running: Daemon, device: SimulatedDevice, silent: str
) -> None:
    silence = asyncio.Event()
    device.hang("UNSUBSCRIBE", times=None)
    if silent == "the ACS":
        acs.misbehave(Delay(60), device=id_of(device), times=None)
        acs.on_inform(lambda received: silence.set() if received.device_id == id_of(device) else None)
    else:
        device.hang("GetInstances", times=None)
    async with device:
        if silent == "the ACS":
            await asyncio.wait_for(silence.wait(), INFORMED_WITHIN_SECONDS)
        else:
            await device.until(lambda: device.count("GetInstances") > 0)
        begun = datetime.now(UTC)
        running.send(signal.SIGTERM)
        assert await running.ended() == 0
        assert seconds_since(begun) < ENDED_WITHIN_SECONDS
    assert running.faults == []


async def test_systemd_is_told(config: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        path = str(tmp_path / "notify")
        systemd.bind(path)
        systemd.setblocking(False)
        async with daemon(config, NOTIFY_SOCKET=path) as started:
            async with asyncio.timeout(INFORMED_WITHIN_SECONDS):
                assert await asyncio.get_running_loop().sock_recv(systemd, 100) == b"READY=1"
            await started.line(READY)
            started.send(signal.SIGTERM)
            assert await started.ended() == 0
        assert systemd.recv(100) == b"STOPPING=1"


@pytest.mark.usefixtures("running")
async def test_a_second_daemon_on_a_database_is_refused(config: Path, settings: Settings) -> None:
    code, _, errors = await proxier(config, "run")
    assert (code, errors.count("\n")) == (1, 1)
    assert f"another proxier uses this database; it listens on {settings.storage.path}.sock" in errors
    code, listed, _ = await proxier(config, "devices", "--json")
    assert code == 0
    json.loads(listed)  # what it holds is up to who else is on loopback


async def test_a_bad_configuration_is_2_with_key_and_line(config: Path) -> None:
    text = config.read_text().replace("max_sessions = 32", 'max_sessions = "many"')
    config.write_text(text)
    line = text[: text.index('"many"')].count("\n") + 1
    code, output, errors = await proxier(config, "run")
    assert (code, output) == (2, "")
    assert errors == f"{config}:{line}: acs.max_sessions must be a whole number, and is a text in quotes\n"


async def test_what_it_cannot_have_is_1_with_one_line(acs: EmbeddedAcs, tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all" * 100)
    newer = tmp_path / "newer.db"
    with sqlite3.connect(newer) as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    own = settings_for(acs.url, tmp_path)
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        wrong = {
            f"connection_request: cannot listen on {LOOPBACK} port {port}": replace(
                own, connection_request=replace(own.connection_request, port=port)
            ),
            "callback": replace(own, upnp=replace(own.upnp, callback_host=LOOPBACK, callback_port=port)),
            f"status: cannot listen on {LOOPBACK} port {port}: Address already in use": replace(
                own, status=StatusSettings(port=port)
            ),
            f"{broken}: ": replace(own, storage=replace(own.storage, url=f"sqlite:///{broken}")),
            f"{newer}: ": replace(own, storage=replace(own.storage, url=f"sqlite:///{newer}")),
            f"{tmp_path}/none/": replace(
                own, storage=replace(own.storage, url=f"sqlite:///{tmp_path}/none/proxier.db")
            ),
        }
        for words, wanted in wrong.items():
            code, output, errors = await proxier(write_config(wanted, tmp_path), "run")
            assert (code, output) == (1, ""), errors
            assert words in errors
            assert errors.count("\n") == 1
