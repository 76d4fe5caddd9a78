"""The laws of the house that are not the linters' business alone; docs/architecture.md has them all."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.purity import CHECKOUT, PURE_MODULES, is_pure


def run_python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=CHECKOUT, capture_output=True, text=True, check=False)


PURE_TESTS = ("-m", "pytest", "-q", "-p", "tests.purity", "-p", "no:cacheprovider")
CWMP_CLIENT = tuple(module for module in PURE_MODULES if module.startswith("cwmp_client."))


def assert_passed(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^\d{2,} passed", run.stdout, re.MULTILINE)


def test_translation_works_with_io_and_clock_taken_away() -> None:
    assert_passed(run_python(*PURE_TESTS, "tests/translation"))


def test_the_pure_half_of_cwmp_client_does_too_and_every_branch_of_it_is_tested(tmp_path: Path) -> None:
    own_tests = [
        str(path.relative_to(CHECKOUT))
        for module in CWMP_CLIENT
        for path in CHECKOUT.glob(f"tests/cwmp_client/test_{module.removeprefix('cwmp_client.')}*.py")
    ]
    data = f"--data-file={tmp_path / 'coverage'}"
    sources = f"--source={','.join(CWMP_CLIENT)}"
    assert_passed(run_python("-m", "coverage", "run", "--branch", data, sources, *PURE_TESTS, *own_tests))
    report = run_python(
        "-m", "coverage", "report", data, "--show-missing", "--skip-covered", "--fail-under=100"
    )
    assert report.returncode == 0, report.stdout


@pytest.mark.parametrize(
    "deed",
    [
        "open('pyproject.toml')",
        "__import__('os').listdir()",
        "__import__('socket').create_connection(('127.0.0.1', 9))",
        "__import__('subprocess').run(['true'])",
        "__import__('sqlite3').connect(':memory:')",
        "__import__('time').time()",
        "__import__('time').monotonic()",
        "__import__('datetime').datetime.now()",
        "__import__('datetime').date.today()",
        "__import__('logging').getLogger('x').debug('y')",
        "__import__('threading').Thread(target=int).start()",
        "__import__('asyncio').get_running_loop()",
    ],
)
def test_what_a_pure_module_may_not_do_is_noticed(deed: str) -> None:
    script = (
        "from tests import purity\n"
        "import logging, os, socket, sqlite3, subprocess, threading\n"
        "purity.take_away()\n"
        "def do_as(module):\n"
        "    try:\n"
        f"        exec({deed!r}, {{'__name__': module}})\n"
        "    except purity.LawBroken:\n"
        "        return 'broken'\n"
        "    except Exception:\n"
        "        pass\n"
        "    return 'kept'\n"
        "print(do_as('translation.cms'), do_as('proxier.daemon'))"
    )
    assert run_python("-c", script).stdout == "broken kept\n"


@pytest.mark.parametrize("module", PURE_MODULES)
def test_pure_modules_load_only_pure_modules_of_ours(module: str) -> None:
    script = (
        f"import sys, {module}; print(*(n for n in sys.modules if n.startswith(('cwmp_client.', 'proxier'))))"
    )
    loaded = run_python("-c", script)
    assert [name for name in loaded.stdout.split() if not is_pure(name)] == [], loaded.stderr


def test_the_linters_ban_on_clocks_covers_the_pure_modules() -> None:
    [pattern] = re.findall(r'^"!\{(.*)\}" = \[', (CHECKOUT / "pyproject.toml").read_text(), re.MULTILINE)
    covered = set(re.findall(r"\w+", pattern))
    assert {module.removeprefix("cwmp_client.") for module in PURE_MODULES} <= covered
