"""The log on standard error: one event, one line, for people or for programs.

What an event is about goes into `extra`, under names of its own: `log.info("answered", extra={"device": …})`.
A character that could begin a line or steer a terminal is written as an escape: much of what is logged was
said by devices.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cwmp_client import trace
from proxier.settings import LogSettings

_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_OF_LIBRARIES: Mapping[str, int] = {
    "aiohttp.access": logging.WARNING,
    "async_upnp_client": logging.WARNING,
    "asyncio": logging.WARNING,
}
"""The least grave that these may log: they describe what we describe better."""


AREAS: Mapping[str, Sequence[str]] = {
    "cwmp": ("cwmp_client",),
    "control_point": ("proxier.control_point",),
    "devices": (
        "proxier.configuration_changes",
        "proxier.operations",
        "proxier.proxier",
        "proxier.rounds",
        "proxier.service_objects",
        "proxier.software_objects",
        "proxier.store",
        "proxier.virtual_device",
    ),
    "files": ("proxier.relay",),
    "status": ("proxier.status",),
}
"""The loggers of each area of `[log.levels]`; what is in none has `log.level`."""

_OWN_PACKAGES = frozenset({"proxier", "translation", "cwmp_client"})


def configure(settings: LogSettings) -> None:
    """Send the log of this process to standard error."""
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setFormatter(_formatter(settings))
    to_stderr.addFilter(_add_context)
    logging.basicConfig(level=settings.level.upper(), handlers=[to_stderr], force=True)
    for name, level in _OF_LIBRARIES.items():
        logging.getLogger(name).setLevel(level)
    for area, names in AREAS.items():
        level_of_area = getattr(settings.levels, area)
        for name in names:
            logging.getLogger(name).setLevel(level_of_area.upper() or logging.NOTSET)


class TextFormatter(logging.Formatter):
    """`2026-05-04T10:00:00.123Z info proxier.daemon ready device=00D09E-Meter-42`.

    Args:
        whole_tracebacks: or else of an exception only what it is, and where in our own code it came up.
    """

    def __init__(self, *, whole_tracebacks: bool = False) -> None:
        super().__init__()
        self._whole_tracebacks = whole_tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """The event as a line for people; a field that the message begins with is not said twice."""
        message = one_line(record.getMessage())
        fields = "".join(
            f" {name}={_word(value)}"
            for name, value in _fields(record, self).items()
            if not (isinstance(value, str) and message.startswith((f"{value}: ", f"{value} ")))
        )
        return f"{_time(record)} {record.levelname.lower()} {record.name} {message}{fields}"

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name that the base class gives it
        """The exception as one field."""
        if self._whole_tracebacks or ei[1] is None:
            return super().formatException(ei)
        return "; ".join(map(_summary, _causes(ei[1])))


class JsonFormatter(logging.Formatter):
    """A JSON object with `time`, `level`, `logger`, `message` and what else is known."""

    def format(self, record: logging.LogRecord) -> str:
        """The event as a line for programs."""
        head = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        return json.dumps(head | _fields(record, self), default=str)


def _add_context(record: logging.LogRecord) -> bool:
    """Say for which device, in which session and for which RPC it was done, where the event does not."""
    for name, value in trace.current().items():
        if not hasattr(record, name):
            setattr(record, name, value)
    return True


def _formatter(settings: LogSettings) -> logging.Formatter:
    if settings.format == "json":
        return JsonFormatter()
    return TextFormatter(whole_tracebacks=settings.level == "debug")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exceptions of which a group consists, or the one that is no group."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    else:
        yield error


def _summary(error: BaseException) -> str:
    what = "".join(traceback.format_exception_only(error)).strip()
    places = [
        f" ({module}:{line} in {frame.f_code.co_name})"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if (module := str(frame.f_globals.get("__name__"))).partition(".")[0] in _OWN_PACKAGES
    ]
    return what + (places[-1] if places else "")


def _fields(record: logging.LogRecord, formatter: logging.Formatter) -> dict[str, Any]:
    fields = {name: value for name, value in vars(record).items() if name not in _ORDINARY}
    if record.exc_info:
        fields["exception"] = formatter.formatException(record.exc_info)
    return fields


def _time(record: logging.LogRecord) -> str:
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return time.replace("+00:00", "Z")


def _word(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and text and not set(text) & {" ", '"', "="} else json.dumps(text)


def one_line(text: str) -> str:
    """The text with escapes for characters that could begin a line or steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
