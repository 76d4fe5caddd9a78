"""A pytest plugin that takes I/O, the clock, tasks and the log away from the pure modules (law 2).

With `-p tests.purity` the ordinary tests run, and whatever a pure module does, or has done for it, that it
may not do raises `LawBroken`. Who is to blame is read from the stack: the tests themselves may do all of it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import hypothesis
from msgspec import Struct

CHECKOUT = Path(__file__).parent.parent

_CONTRACTS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
[PURE_MODULES] = [each["source_modules"] for each in _CONTRACTS if "(law 2)" in each["name"]]
"""Those of the import contract; a package stands for all that is in it."""

_AUDITED = ("open", "os.", "shutil.", "socket.", "sqlite3.", "subprocess.", "tempfile.", "urllib.")
"""Beginnings of audit events. Source: Python's audit events table"""

_GUARDED: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (time, ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")),
    (logging.Logger, ("isEnabledFor",)),
    (asyncio, ("create_task", "get_running_loop")),
    (threading.Thread, ("start",)),
)


_REAL_TIME = dt.datetime


class LawBroken(BaseException):
    """A pure module did what it may not do; no `except Exception` hides it."""


def is_pure(module: str) -> bool:
    """Whether a module is one of the pure ones."""
    return any(module == pure or module.startswith(f"{pure}.") for pure in PURE_MODULES)


def take_away() -> None:
    """From now on pure modules, which must not be loaded yet, have no I/O, clock, task, thread or log."""
    for owner, names in _GUARDED:
        for name in names:
            setattr(owner, name, _guarded(getattr(owner, name)))
    for name, guarded in (("date", _Date), ("datetime", _DateTime)):
        setattr(dt, name, guarded)
    sys.addaudithook(_audit)


def pytest_configure() -> None:
    """Take it all away, and let Hypothesis be brief: the ordinary run of these tests is the thorough one."""
    hypothesis.settings.register_profile("brief", max_examples=5, deadline=None, database=None)
    hypothesis.settings.load_profile("brief")
    take_away()


def pytest_collection_finish() -> None:
    """In the hints of records, msgspec looks for the real class of times."""
    waiting = [Struct]
    while waiting:
        record = waiting.pop()
        waiting += record.__subclasses__()
        names = {**vars(sys.modules[record.__module__]), "datetime": _REAL_TIME}
        for field, hint in vars(record).get("__annotations__", {}).items():
            if isinstance(hint, str) and "datetime" in hint:
                record.__annotations__[field] = eval(hint, names)


def _blame(deed: str) -> None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("importlib."):  # to be imported is no deed of a module
            return
        if is_pure(module):
            raise LawBroken(f"{module}, line {frame.f_lineno}: {deed}")
        frame = frame.f_back


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(_AUDITED):
        _blame(f"{event} {arguments}")


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        _blame(function.__qualname__)
        return function(*arguments, **options)

    return call


class _LikeItsBase(type):
    """For `isinstance`, an object of the class is whatever is one of its base."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])


class _Date(dt.date, metaclass=_LikeItsBase):
    @classmethod
    def today(cls) -> Any:
        _blame("date.today")
        return super().today()


class _DateTime(dt.datetime, metaclass=_LikeItsBase):
    def __new__(cls, *arguments: Any, **options: Any) -> Any:
        return _REAL_TIME(*arguments, **options)  # msgspec knows times by their very class

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        _blame("datetime.now")
        return super().now(tz)

    @classmethod
    def today(cls) -> Any:
        _blame("datetime.today")
        return super().today()
