"""The service files say what a system needs to hear, and nothing that the program would not understand."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

import proxier.packaging
from proxier.cli import build_parser
from proxier.settings import load

FOLDER = Path(proxier.packaging.__file__).parent
UNIT = FOLDER / "proxier.service"
INIT = FOLDER / "proxier.init"

OPENWRT = """
for each in user_add chown chmod procd_open_instance procd_close_instance procd_set_param; do
    eval "$each() { echo $each \\"\\$@\\"; }"
done
user_exists() { false; }
group_add_next() { echo 32768; }
proxier() { echo proxier "$@" >&2; $CHECK; }
. "$1"
start_service
"""
"""What /etc/rc.common and procd bring with them, as far as the script calls it."""


def need(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def value_of(key: str) -> str:
    [value] = re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)
    return str(value)


def test_the_unit_is_good_in_the_eyes_of_systemd(tmp_path: Path) -> None:
    analyze = need("systemd-analyze")
    page = tmp_path / "man1" / "proxier.1"
    page.parent.mkdir()
    shutil.copy(FOLDER / "proxier.1", page)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("ExecStart=proxier ", f"ExecStart={shutil.which('true')} "))
    verify = subprocess.run(
        [analyze, "verify", unit],
        env={**os.environ, "MANPATH": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (verify.returncode, verify.stderr) == (0, "")


def test_the_unit_fits_the_program() -> None:
    program, *words = shlex.split(value_of("ExecStart"))
    assert program == "proxier"
    arguments = build_parser().parse_args(words)
    assert arguments.command == "run:run"
    assert arguments.config == Path("${CREDENTIALS_DIRECTORY}/proxier.toml")
    assert value_of("LoadCredential") == "proxier.toml:/etc/proxier/proxier.toml"
    assert (value_of("Type"), value_of("DynamicUser"), value_of("WatchdogSec")) == ("notify", "yes", "60")


def test_the_sample_of_a_configuration_puts_the_database_where_the_unit_may_write() -> None:
    settings = load(FOLDER / "proxier.toml")
    assert settings.storage.path.parent == Path("/var/lib") / value_of("StateDirectory")


def openwrt(check: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [need("sh"), "-c", OPENWRT, "sh", INIT],
        env={**os.environ, "CHECK": check},
        check=False,
        capture_output=True,
        text=True,
    )


def test_procd_is_told_what_to_run_and_as_whom() -> None:
    run = openwrt("true")
    assert run.returncode == 0
    assert run.stderr == "proxier config check --config /etc/proxier/proxier.toml\n"
    assert run.stdout.splitlines() == [
        "user_add proxier  32768",
        "chown -R proxier:proxier /etc/proxier",
        "chmod 700 /etc/proxier",
        "procd_open_instance",
        "procd_set_param command proxier run --config /etc/proxier/proxier.toml",
        "procd_set_param file /etc/proxier/proxier.toml",
        "procd_set_param user proxier",
        "procd_set_param group proxier",
        "procd_set_param no_new_privs 1",
        "procd_set_param respawn 3600 5 0",
        "procd_set_param term_timeout 10",
        "procd_set_param stderr 1",
        "procd_close_instance",
    ]


def test_a_wrong_configuration_is_not_started() -> None:
    run = openwrt("false")
    assert (run.returncode, run.stdout) == (1, "")


def test_the_shell_scripts_are_good_in_the_eyes_of_shellcheck() -> None:
    for script, dialect in ((INIT, "dash"), (FOLDER / "proxier.bash", "bash")):
        check = subprocess.run(
            [need("shellcheck"), "-s", dialect, script], check=False, capture_output=True, text=True
        )
        assert (check.returncode, check.stdout) == (0, "")
