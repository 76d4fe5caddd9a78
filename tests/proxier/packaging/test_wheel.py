"""The wheel holds what the program needs to run, and what a system wants beside it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
PACKAGES = ("cwmp_client", "translation", "proxier")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What is in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    [made] = folder.iterdir()
    with zipfile.ZipFile(made) as wheel:
        return set(wheel.namelist())


def test_it_holds_every_file_of_the_packages(names: set[str]) -> None:
    wanted = {
        str(path.relative_to(CHECKOUT))
        for package in PACKAGES
        for path in (CHECKOUT / package).rglob("*")
        if path.is_file() and not {"__pycache__", "packaging"} & {*path.parts}
    }
    assert "proxier/schema/0001_first.sql" in wanted
    assert {name for name in names if name.split("/")[0] in PACKAGES} == wanted


def test_it_puts_the_files_of_a_system_where_they_belong(names: set[str]) -> None:
    shared = {name.partition(".data/data/")[2] for name in names if ".data/data/" in name}
    assert shared == {
        "share/man/man1/proxier.1",
        "share/bash-completion/completions/proxier",
        "share/zsh/site-functions/_proxier",
        "share/proxier/proxier.service",
        "share/proxier/proxier.init",
        "share/proxier/proxier.toml",
    }
