from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Literal

import pytest

from proxier import log
from proxier.settings import LogSettings


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_text_is_one_line_with_the_fields_after_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings())
    logging.getLogger("proxier.test").info(
        "answered %d", 3, extra={"device": "00D09E-A B-1", "ms": 12, "rpc": "Reboot", "none": ""}
    )
    time, rest = capsys.readouterr().err.split(" ", 1)
    assert rest == 'info proxier.test answered 3 device="00D09E-A B-1" ms=12 rpc=Reboot none=""\n'
    assert time.endswith("Z")
    assert time[10] == "T"


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings(format="json"))
    logging.getLogger("proxier.test").warning("two\nlines", extra={"device": "x", "odd": {1}})
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "proxier.test",
        "message": "two\nlines",
        "device": "x",
        "odd": "{1}",
    }


@pytest.mark.parametrize("format_name", ["text", "json"])
def test_what_a_device_says_cannot_begin_a_line_or_steer_a_terminal(
    capsys: pytest.CaptureFixture[str], format_name: str
) -> None:
    log.configure(LogSettings(format=format_name))  # type: ignore[arg-type]  # both are of the Literal
    logging.getLogger("proxier.test").info("name %s", "a\r\n\x1b[2Jb\u2028c", extra={"location": "d\ne\x1b"})
    written = capsys.readouterr().err
    assert written.endswith("\n")
    assert written[:-1].isprintable()


@pytest.mark.parametrize("format_name", ["text", "json"])
def test_an_exception_stays_on_its_line(capsys: pytest.CaptureFixture[str], format_name: str) -> None:
    log.configure(LogSettings(format=format_name))  # type: ignore[arg-type]  # both are of the Literal
    try:
        int("why")
    except ValueError:
        logging.getLogger("proxier.test").exception("it failed")
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert "ValueError: invalid literal" in written
    assert "it failed" in written


async def fail_together(*causes: Exception) -> None:
    async def fail(cause: Exception) -> None:
        raise cause

    async with asyncio.TaskGroup() as tasks:
        for cause in causes:
            tasks.create_task(fail(cause))


def log_exception(level: Literal["debug", "info"], work: Callable[[], object]) -> None:
    log.configure(LogSettings(level=level))
    try:
        work()
    except Exception:
        logging.getLogger("proxier.test").exception("it failed")


def fail_in_our_code() -> None:
    log.one_line(5)  # type: ignore[arg-type]  # that it fails is the point


def test_the_text_log_says_which_exception_and_where_in_our_code(capsys: pytest.CaptureFixture[str]) -> None:
    log_exception("info", fail_in_our_code)
    assert re.search(
        r' it failed exception="AttributeError: .* \(proxier\.log:\d+ in one_line\)"\n$',
        capsys.readouterr().err,
    )


def test_an_exception_outside_of_our_code_has_no_place(capsys: pytest.CaptureFixture[str]) -> None:
    log_exception("info", lambda: int("why"))
    assert capsys.readouterr().err.endswith(
        """ exception="ValueError: invalid literal for int() with base 10: 'why'"\n"""
    )


def test_of_exceptions_that_came_together_each_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    log_exception("info", lambda: asyncio.run(fail_together(ValueError("one"), KeyError("two"))))
    assert capsys.readouterr().err.endswith(""" exception="ValueError: one; KeyError: 'two'"\n""")


def test_at_debug_level_the_text_log_has_the_whole_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    log_exception("debug", fail_in_our_code)
    written = capsys.readouterr().err
    assert "Traceback (most recent call last)" in written
    assert "in fail_in_our_code" in written


def test_only_what_is_grave_enough_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings(level="warning"))
    logging.getLogger("proxier.test").info("quiet")
    logging.getLogger("aiohttp.access").info("quiet")
    logging.getLogger("proxier.test").warning("loud")
    assert capsys.readouterr().err.count("\n") == 1


def test_a_field_that_the_text_begins_with_is_not_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings())
    logging.getLogger("proxier.test").info("00D09E-A-1: is there", extra={"device": "00D09E-A-1", "ms": 3})
    assert capsys.readouterr().err.endswith(" 00D09E-A-1: is there ms=3\n")
