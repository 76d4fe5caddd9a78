from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

import proxier
from cwmp_client.messages import EventCode, EventStruct
from cwmp_client.outbox import Outbox
from proxier.cli import main
from proxier.control_socket import serve, socket_path
from proxier.device_commands import Report, device_commands, report
from proxier.store import Store
from tests.proxier.test_store import LAMP, METER

COMMANDS = (
    "run",
    "demo",
    "simulate",
    "discover",
    "devices",
    "devices show",
    "devices forget",
    "config",
    "config check",
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "proxier.toml"
    path.write_text('[acs]\nurl = "http://acs.example/"\npassword = "hidden"\n')
    return path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    async def fill() -> None:
        async with await Store.open(f"sqlite:///{tmp_path}/proxier.db") as store:
            for each in (METER, LAMP):
                await store.save_device(each)
            outbox = Outbox(store.journal(LAMP.device_id), {})
            outbox.add([EventStruct(EventCode.BOOTSTRAP)])
            outbox.connection_request_url = "http://192.168.1.1:7547/abc"
            await outbox.save()

    asyncio.run(fill())
    return tmp_path / "proxier.db"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([*command.split(), "--help"])
    assert "--config FILE" in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"proxier {proxier.__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "fly",
        "demo --devices 0",
        "demo --devices x",
        "simulate --port 65536",
        "discover --timeout inf",
        "devices show",
        "config",
    ],
)
def test_what_is_no_command_line(capsys: pytest.CaptureFixture[str], words: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words.split())
    assert "usage: proxier" in capsys.readouterr().err


def test_config_check_says_what_is_in_force(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--config", str(config)]) == 0
    written = capsys.readouterr().out
    assert "hidden" not in written
    assert tomllib.loads(written)["acs"]["url"] == "http://acs.example/"


@pytest.mark.parametrize("command", ["config check", "run", "devices", "discover"])
def test_a_bad_configuration_is_2_with_key_and_line(
    config: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    config.write_text("[acs]\nurl = 'http://acs.example/'\nmax_session = 1\n")
    assert main([*command.split(), "--config", str(config)]) == 2
    written = capsys.readouterr()
    assert written.err == f"{config}:3: acs.max_session is unknown; did you mean acs.max_sessions?\n"
    assert written.out == ""


def test_the_configuration_is_found(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROXIER_CONFIG", str(config))
    assert main(["config", "check"]) == 0
    assert str(config) in capsys.readouterr().out
    assert main(["--config", "/none.toml", "config", "check"]) == 2
    assert "/none.toml: cannot be read: No such file or directory" in capsys.readouterr().err


def test_without_a_daemon_the_database_is_read(
    config: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["devices", "--json", "--config", str(config)]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(each["device_id"], each["online"]) for each in listed] == [
        (METER.device_id, False),
        (LAMP.device_id, False),
    ]
    assert listed[1]["connection_request_url"] == "http://192.168.1.1:7547/abc"
    assert listed[1]["pending_events"] == ["0 BOOTSTRAP"]
    assert not socket_path(database).exists()


def test_without_a_database_there_are_no_devices(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--json", "--config", str(config)]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["devices", "show", "lamp", "--config", str(config)]) == 1
    assert [each.name for each in config.parent.iterdir()] == ["proxier.toml"]


@pytest.mark.usefixtures("database")
def test_show_and_forget(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ("--config", str(config))
    assert main(["devices", "show", "lamp", "--json", *at]) == 0
    assert json.loads(capsys.readouterr().out)["lacks"] == ["a reboot action"]
    assert main(["devices", "show", "lamp", *at]) == 0
    assert "lacks                   a reboot action\n" in capsys.readouterr().out
    assert main(["devices", "show", "00D09E", *at]) == 1
    assert capsys.readouterr().err == f"'00D09E' may be any of: {METER.device_id}, {LAMP.device_id}\n"
    assert main(["devices", "forget", "lamp", *at]) == 0
    assert capsys.readouterr().out == f"{LAMP.device_id} is forgotten\n"
    assert main(["devices", "forget", "lamp", *at]) == 1
    assert capsys.readouterr().err == "no device is like 'lamp'\n"


async def test_a_daemon_is_asked(config: Path, database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forgotten = []

    async def reports() -> Sequence[Report]:
        return [report(LAMP, online=True, pending_events=["1 BOOT"], connection_request_url="http://h/")]

    async def forget(device_id: str) -> None:
        forgotten.append(device_id)

    async with serve(socket_path(database), device_commands(reports, forget)):
        at = ("--config", str(config))
        assert await asyncio.to_thread(main, ["devices", "--json", *at]) == 0
        [listed] = json.loads(capsys.readouterr().out)
        assert (listed["device_id"], listed["online"]) == (LAMP.device_id, True)
        assert listed["pending_events"] == ["1 BOOT"]
        assert await asyncio.to_thread(main, ["devices", "forget", "lamp", *at]) == 0
        assert forgotten == [LAMP.device_id]
        assert await asyncio.to_thread(main, ["devices", "show", "Meter", *at]) == 1


def run_proxier(*words: str, script: str = "") -> str:
    """What another process writes to standard output."""
    command = ["-c", script] if script else ["-m", "proxier"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, *command, *words], env=environment, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.usefixtures("database")
def test_a_program_gets_a_plain_table(config: Path) -> None:
    written = run_proxier("devices", "--config", str(config)).splitlines()
    assert re.split(" {2,}", written[0]) == [
        *("Device", "Manufacturer", "Services", "Online", "Last seen", "Last session", "Events waiting")
    ]
    assert written[2].startswith(f"{LAMP.device_id}  A & B         CMS:2 BMS:1  no      2026-05-04 ")


@pytest.mark.usefixtures("database")
def test_a_person_gets_a_framed_table(config: Path) -> None:
    person, terminal = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200", "TERM": "xterm"}
    command = [sys.executable, "-m", "proxier", "devices", "--config", str(config)]
    subprocess.run(command, env=environment, check=True, stdout=terminal)
    os.close(terminal)
    shown = os.read(person, 65536).decode()
    os.close(person)
    assert "┃" in shown
    assert METER.device_id in shown


def test_a_command_loads_only_what_it_needs(config: Path) -> None:
    script = (
        "import sys\n"
        "from proxier.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "heavy = {'aiohttp', 'async_upnp_client', 'lxml', 'rich', 'spyne', 'sqlalchemy'}\n"
        "print('loaded', *heavy & sys.modules.keys())"
    )
    assert run_proxier("config", "check", "--config", str(config), script=script).endswith("loaded\n")


def test_the_demo_says_what_it_lacks() -> None:
    script = (
        "import sys\n"
        "from proxier.cli import main\n"
        "sys.modules['spyne'] = None\n"
        "sys.stderr = sys.stdout\n"
        "print(main(['demo']))"
    )
    assert run_proxier(script=script) == (
        "the demo needs spyne, which is not installed: pip install 'proxier[demo]'\n1\n"
    )


def test_a_simulated_device_is_discovered_and_ends_well() -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PROXIER_CONFIG": "/no/proxier.toml",
    }
    command = [sys.executable, "-m", "proxier"]
    with subprocess.Popen(
        [*command, "simulate", "--serial", "4711"], env=environment, stdout=subprocess.PIPE, text=True
    ) as device:
        assert device.stdout is not None
        location = device.stdout.readline().strip()
        search = [*command, "discover", "--interface", "127.0.0.1", "--timeout", "1"]
        found = json.loads(
            subprocess.run([*search, "--json"], env=environment, check=True, capture_output=True).stdout
        )
        listed = subprocess.run(search, env=environment, check=True, capture_output=True, text=True).stdout
        device.terminate()
    [ours] = [each for each in found if each["location"] == location]
    assert sorted(ours["services"]) == ["BMS:2", "CMS:2", "SMS:2"]
    assert location in listed
    assert device.returncode == 0


def test_what_cannot_be_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--host", "192.0.2.1"]) == 1
    assert "no device can be simulated at 192.0.2.1: " in capsys.readouterr().err
