"""The manual page and the completions are up to date, and the shells make of them what is meant."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import proxier.packaging
from proxier.packaging.__main__ import MADE
from proxier.packaging.parser_tree import read_parser

FOLDER = Path(proxier.packaging.__file__).parent
PATIENCE_SECONDS = 20.0
DEVICES = """\
Device                  Manufacturer  Online
00005E-Set-top Box-0001  Open Proxier  yes
00D09E-Meter-42          Open Proxier  no
"""


def need(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_from_the_parser_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == MADE[name](), "run python -m proxier.packaging"


def test_the_manual_page_is_good_roff_and_has_every_command() -> None:
    page = FOLDER / "proxier.1"
    run = subprocess.run(
        [need("groff"), "-man", "-ww", "-Tascii", "-P-cbou", page], check=True, capture_output=True, text=True
    )
    assert run.stderr == ""
    shown = " ".join(run.stdout.split())
    for command in read_parser().all():
        if not command.needs_action:
            assert " ".join(("proxier", *command.words)) in shown
        for option in command.options:
            assert option.names[-1] in shown


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Where `proxier devices` lists two devices, and a folder with one file."""
    program = tmp_path / "bin" / "proxier"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{DEVICES}END\n")
    program.chmod(0o755)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "proxier.toml").touch()
    return {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("proxier dev", ["devices"]),
        ("proxier de", ["demo", "devices"]),
        ("proxier --co", ["--config"]),
        ("proxier --config proxier.toml devices s", ["show"]),
        ("proxier devices f", ["forget"]),
        ("proxier devices show 00005", [r"00005E-Set-top\ Box-0001"]),
        ("proxier devices forget 00", [r"00005E-Set-top\ Box-0001", "00D09E-Meter-42"]),
        ("proxier db backup prox", ["proxier.toml"]),
        ("proxier devices --config ", ["proxier.toml"]),
        ("proxier simulate --port ", [""]),
    ],
)
def test_bash_completes(tmp_path: Path, environment: dict[str, str], line: str, offered: list[str]) -> None:
    script = f"""
        source {FOLDER}/proxier.bash
        compopt() {{ :; }}  # which is for a command line that somebody types
        COMP_WORDS=($1)
        [[ $1 == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _proxier
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    run = subprocess.run(
        [need("bash"), "-c", script, "bash", line],
        cwd=tmp_path / "here",
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert (run.stdout.splitlines(), run.stderr) == (offered, "")


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("proxier dev", "proxier devices "),
        ("proxier devices f", "proxier devices forget "),
        ("proxier devices show 00005", r"proxier devices show 00005E-Set-top\ Box-0001 "),
        ("proxier --config proxier.toml db b", "proxier --config proxier.toml db backup "),
        ("proxier db backup prox", "proxier db backup proxier.toml "),
        ("proxier discover --j", "proxier discover --json "),
    ],
)
def test_zsh_completes(tmp_path: Path, environment: dict[str, str], line: str, completed: str) -> None:
    with zsh(tmp_path / "here", environment) as shell:
        os.write(shell, f"{line}\t".encode())
        read_until(shell, completed)


@contextmanager
def zsh(folder: Path, environment: dict[str, str]) -> Iterator[int]:
    """A shell that somebody types at; it is ready for a line."""
    person, terminal = pty.openpty()
    with subprocess.Popen(
        [need("zsh"), "-f", "-i"],
        cwd=folder,
        env={**environment, "TERM": "dumb", "COLUMNS": "200"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as shell:
        os.close(terminal)
        try:
            os.write(person, f"fpath=({FOLDER} $fpath); autoload -Uz compinit; compinit -D -u\n".encode())
            os.write(person, b"setopt no_beep; PS1=; echo READ''Y\n")
            read_until(person, "READY\r\n")
            yield person
        finally:
            shell.kill()
            os.close(person)


def read_until(shell: int, text: str) -> None:
    """Read what the shell writes until it has written a text."""
    seen, end = "", time.monotonic() + PATIENCE_SECONDS
    while text not in seen:
        readable, _, _ = select.select([shell], [], [], max(0.0, end - time.monotonic()))
        assert readable, f"{text!r} is not in {seen!r}"
        seen += os.read(shell, 4096).decode()
