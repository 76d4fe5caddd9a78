from __future__ import annotations

import asyncio
import json
import logging
import os
import pty
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

import proxier
from cwmp_client.messages import EventCode, EventStruct
from cwmp_client.outbox import Outbox
from proxier.cli import main
from proxier.control_socket import serve, socket_path
from proxier.device_commands import Report, device_commands, report
from proxier.device_tree import TreeRow
from proxier.store import Instance, Store
from tests.proxier.test_store import LAMP, METER
from tests.translation.data_models import model as data_model
from translation.known import MODEL
from translation.model import Attributes, SupportedModel

COMMANDS = (
    "run",
    "demo",
    "simulate",
    "discover",
    "devices",
    "devices show",
    "devices forget",
    "db",
    "db backup",
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
        "db",
        "db backup",
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


LAMP_MODEL = data_model("""
    <object name="Time.">
      <parameter name="Enable" access="readWrite"><syntax><boolean/></syntax></parameter></object>
    <object name="NAT.PortMapping.{i}." access="readWrite"/>
""")


def test_without_a_daemon_the_tree_is_that_of_the_database(
    config: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "lamp.xml").write_bytes(LAMP_MODEL)
    config.write_text(config.read_text() + '[[data_models]]\nfile = "lamp.xml"\nproduct_class = "Lamp"\n')
    paths = ["/BBF/Time/Enable", "/BBF/NAT/PortMapping/#/X_Own", "/BBF/Hosts/Host/#/HostName"]
    told = {"/BBF/Hosts/Host/#/HostName": Attributes("string", writable=False)}

    async def fill() -> None:
        async with await Store.open(f"sqlite:///{database}") as store:
            journal = store.journal(LAMP.device_id)
            model = SupportedModel.of((), paths).described(told)
            rows = [Instance("Device.NAT.PortMapping.", 3, 2), Instance("Device.NAT.PortMapping.", 4, None)]
            await journal.save({MODEL: model.to_record(), "attributes": {"Device.Time.Enable": 1}}, rows)

    asyncio.run(fill())
    assert main(["devices", "show", "lamp", "--tree", "--config", str(config)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{LAMP.device_id}, offline",
        "Name              Type        Access           Notification",
        "Device.",
        "  Time.",
        "    Enable        boolean     read-write       passive",
        "  NAT.",
        "    PortMapping.  table of 1  can be added to",
        "      3.                      can be deleted",
        "        X_Own     string      read-only",
        "  Hosts.",
        "    Host.",
    ]
    assert main(["devices", "show", "meter", "--tree", "--config", str(config)]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == ["Device."]
    assert main(["devices", "show", "kettle", "--tree", "--config", str(config)]) == 1


async def test_a_daemon_is_asked(config: Path, database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forgotten = []

    async def reports() -> Sequence[Report]:
        return [report(LAMP, online=True, pending_events=["1 BOOT"], connection_request_url="http://h/")]

    async def tree(_device_id: str) -> Sequence[TreeRow]:
        return [
            TreeRow("Device.", "", writable=False, notification=0),
            TreeRow("Device.Lamp", "boolean", writable=True, notification=2),
        ]

    async def forget(device_id: str) -> None:
        forgotten.append(device_id)

    async with serve(socket_path(database), device_commands(reports, tree, forget)):
        at = ("--config", str(config))
        assert await asyncio.to_thread(main, ["devices", "--json", *at]) == 0
        [listed] = json.loads(capsys.readouterr().out)
        assert (listed["device_id"], listed["online"]) == (LAMP.device_id, True)
        assert listed["pending_events"] == ["1 BOOT"]
        assert await asyncio.to_thread(main, ["devices", "show", "lamp", "--tree", *at]) == 0
        assert capsys.readouterr().out == (
            f"{LAMP.device_id}, online\n"
            "Name     Type     Access      Notification\n"
            "Device.\n"
            "  Lamp   boolean  read-write  active\n"
        )
        assert await asyncio.to_thread(main, ["devices", "show", "lamp", "--tree", "--json", *at]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown["device_id"] == LAMP.device_id
        assert shown["tree"][1] == {
            "name": "Device.Lamp",
            "type": "boolean",
            "writable": True,
            "notification": 2,
        }
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


def shown_to_a_person(*words: str, columns: int) -> str:
    """What another process writes to a terminal."""
    person, terminal = pty.openpty()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "COLUMNS": str(columns),
        "TERM": "xterm",
    }
    subprocess.run([sys.executable, "-m", "proxier", *words], env=environment, check=True, stdout=terminal)
    os.close(terminal)
    shown = os.read(person, 65536).decode()
    os.close(person)
    return shown


@pytest.mark.usefixtures("database")
def test_a_person_gets_a_framed_table(config: Path) -> None:
    shown = shown_to_a_person("devices", "--config", str(config), columns=200)
    assert "┃" in shown
    assert METER.device_id in shown
    assert "Events waiting" in shown
    assert "no room" not in shown


LONG = replace(METER, device_id=f"00D09E-ManageableDevice-{'7' * 20}", serial_number="7" * 20, udn="uuid:9")


@pytest.mark.parametrize("columns", [80, 40, 20])
def test_a_narrow_terminal_cuts_no_device(config: Path, database: Path, columns: int) -> None:
    async def add() -> None:
        async with await Store.open(f"sqlite:///{database}") as store:
            await store.save_device(LONG)

    asyncio.run(add())
    shown = shown_to_a_person("devices", "--config", str(config), columns=columns)
    assert METER.device_id in shown
    assert LONG.device_id in shown
    assert "Events waiting" in " ".join(shown.split())  # among what there is no room for


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("words", ["devices", "devices --json", "devices show lamp", "config check"])
def test_a_reader_that_goes_away_ends_a_command_quietly(config: Path, words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "proxier", *words.split(), "--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(command, env=environment, check=False, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert ended.stderr == b""
    assert ended.returncode == 141


def test_a_damaged_record_is_left_out(
    config: Path, database: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("UPDATE records SET value = '{' WHERE key = 'outbox'")
    with caplog.at_level(logging.WARNING):
        assert main(["devices", "--json", "--config", str(config)]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(each["device_id"], each["pending_events"]) for each in listed] == [
        (METER.device_id, []),
        (LAMP.device_id, []),
    ]
    [line] = caplog.messages
    assert line.startswith(f"{LAMP.device_id}: the record 'outbox' is damaged")


def test_an_action_of_devices_may_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["devices", "--help"])
    assert "[ACTION] ..." in capsys.readouterr().out


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
        "the demo needs spyne, which is not installed: pip install '.[demo]' in its sources\n1\n"
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


SEARCH = ("discover", "--timeout", "0.1")


@pytest.fixture
def no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXIER_CONFIG", "/no/proxier.toml")


@pytest.mark.usefixtures("no_config")
@pytest.mark.parametrize("name", ["lo", "127.0.0.1"])
def test_a_search_says_where_it_searches(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main([*SEARCH, "--json", "--interface", name]) == 0
    written = capsys.readouterr()
    assert written.err == "searching on lo (127.0.0.1)\n"
    json.loads(written.out)


@pytest.mark.usefixtures("no_config")
@pytest.mark.parametrize("name", ["nosuch", "192.0.2.77"])
@pytest.mark.parametrize("others", [(), ("--interface", "lo")])
def test_an_interface_that_is_not_there(
    capsys: pytest.CaptureFixture[str], name: str, others: Sequence[str]
) -> None:
    assert main([*SEARCH, "--interface", name, *others]) == 1
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith(f"cannot search on {name}")
    assert "lo (127.0.0.1)" in written.err


def test_an_interface_of_the_configuration_may_be_missing(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(config.read_text() + '[upnp]\ninterfaces = ["nosuch", "lo"]\n')
    assert main([*SEARCH, "--config", str(config)]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "cannot search on nosuch",
        "searching on lo (127.0.0.1)",
    ]


def test_without_an_interface_to_search_on_the_cure_is_named() -> None:
    # In a network namespace of its own a process has nothing but lo, and that is on no LAN.
    apart = ["unshare", "--user", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False).returncode:
        pytest.skip("no network namespace can be made here")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PROXIER_CONFIG": "/no/proxier.toml",
    }
    ended = subprocess.run(
        [*apart, sys.executable, "-m", "proxier", *SEARCH],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert ended.stderr.startswith("no interface to search on: none has a private address")
    assert "--interface" in ended.stderr


def test_what_cannot_be_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--host", "192.0.2.1"]) == 1
    assert "no device can be simulated at 192.0.2.1: " in capsys.readouterr().err
