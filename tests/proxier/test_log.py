from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from cwmp_client import trace
from cwmp_client.device_log import DeviceLog
from cwmp_client.messages import GetParameterValues, ParameterValueStruct, SetParameterValues
from proxier import log
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from proxier.settings import LogLevels, LogSettings
from tests.proxier.daemon_process import daemon, write_config
from tests.proxier.running import settings_for


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in (name for names in log.AREAS.values() for name in names):
        logging.getLogger(name).setLevel(logging.NOTSET)


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
    logging.getLogger("proxier.test").info("3 are there", extra={"ms": 3})
    assert capsys.readouterr().err.endswith(" 3 are there ms=3\n")


def test_an_event_says_for_whom_and_for_what_it_came_about(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings(format="json"))
    with trace.session("a device", [], []) as session, trace.AnsweringRpc("Reboot"):
        logging.getLogger("proxier.test").info("done")
        DeviceLog(logging.getLogger("proxier.test"), "another").info("answered", extra={"ms": 3})
    logging.getLogger("proxier.test").info("later")
    context = {"session": session.id, "rpc": "Reboot"}
    of_interest = ("message", "device", "session", "rpc", "ms")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [{name: line[name] for name in of_interest if name in line} for line in lines] == [
        {"message": "done", "device": "a device", **context},
        {"message": "another: answered", "device": "another", "ms": 3, **context},
        {"message": "later"},
    ]


def test_an_area_has_a_level_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings(level="warning", levels=LogLevels(control_point="debug", cwmp="error")))
    logging.getLogger("proxier.control_point.invoke").debug("said")
    logging.getLogger("cwmp_client.endpoint").warning("not said")
    logging.getLogger("proxier.virtual_device").info("not said")
    logging.getLogger("proxier.virtual_device").warning("said")
    assert [line.split()[3:] for line in capsys.readouterr().err.splitlines()] == [["said"], ["said"]]
    log.configure(LogSettings())
    logging.getLogger("proxier.control_point.invoke").debug("not said")
    logging.getLogger("cwmp_client.endpoint").info("said")
    assert capsys.readouterr().err.count("\n") == 1


def test_the_areas_are_those_of_the_settings_and_their_loggers_exist() -> None:
    checkout = Path(__file__).parent.parent.parent
    assert set(log.AREAS) == set(LogLevels.__struct_fields__)
    for name in (name for names in log.AREAS.values() for name in names):
        place = checkout.joinpath(*name.split("."))
        assert place.is_dir() or "getLogger(__name__)" in place.with_suffix(".py").read_text()


def test_all_that_logs_is_in_an_area_but_for_the_program_itself() -> None:
    checkout = Path(__file__).parent.parent.parent
    areas = tuple(name for names in log.AREAS.values() for name in names)
    own = (
        "proxier.commands.",
        "proxier.control_socket",
        "proxier.daemon",
        "proxier.data_models",
        "proxier.demo.",
    )
    for package in ("cwmp_client", "translation", "proxier"):
        for path in (checkout / package).rglob("*.py"):
            name = ".".join(path.relative_to(checkout).with_suffix("").parts)
            if "getLogger(__name__)" in path.read_text() and not name.startswith(own):
                assert any(name == area or name.startswith(f"{area}.") for area in areas), name


async def test_what_a_daemon_logs_can_be_followed_and_has_no_secret(acs: EmbeddedAcs, tmp_path: Path) -> None:
    device = SimulatedDevice(serial="log")
    settings = settings_for(acs.url, tmp_path, [device])
    config = write_config(replace(settings, log=LogSettings(level="debug", format="json")), tmp_path)
    device_id = f"{device.oui}-{device.product_class}-{device.serial}"
    password = ParameterValueStruct("Device.ManagementServer.ConnectionRequestPassword", "hush-hush")
    async with daemon(config) as running:
        await running.line("ready")
        async with device:
            managed = await acs.device(device_id)
            await managed.request(GetParameterValues(("Device.",)))
            await managed.request(SetParameterValues((password,), "key"))
            await managed.session_over()
        await running.line("is offline")
        lines: list[dict[str, Any]] = [json.loads(line) for line in running.lines]
        assert not running.lines_with("hush-hush")
    [values] = [each for each in lines if each["message"].endswith(": GetParameterValues answered")]
    assert values["device"] == device_id
    assert values["fault"] == 0
    calls = [each for each in lines if each.get("action") == "CMS.GetValues" and "session" in each]
    assert (calls[0]["device"], calls[0]["rpc"]) == (device_id, "GetParameterValues")
    assert calls[0]["session"] == values["session"]
    assert isinstance(calls[0]["ms"], int)
    [over] = [
        each for each in lines if each.get("session") == values["session"] and "success" in each["message"]
    ]
    assert over["ms"] >= values["ms"]
    [gone] = [each for each in lines if "is offline" in each["message"]]
    assert gone["device"] == device_id
