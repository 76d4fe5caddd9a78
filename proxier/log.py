"""The log on standard error: one event, one line, for people or for programs.

What an event is about goes into `extra`, under names of its own: `log.info("answered", extra={"device": …})`.
A character that could begin a line or steer a terminal is written as an escape: much of what is logged was
said by devices.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from proxier.settings import LogSettings

_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_OF_LIBRARIES: Mapping[str, int] = {
    "aiohttp.access": logging.WARNING,
    "async_upnp_client": logging.WARNING,
    "asyncio": logging.WARNING,
}
"""The least grave that these may log: they describe what we describe better."""


def configure(settings: LogSettings) -> None:
    """Send the log of this process to standard error."""
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    logging.basicConfig(level=settings.level.upper(), handlers=[to_stderr], force=True)
    for name, level in _OF_LIBRARIES.items():
        logging.getLogger(name).setLevel(level)


class TextFormatter(logging.Formatter):
    """`2026-05-04T10:00:00.123Z info proxier.daemon ready device=00D09E-Meter-42`."""

    def format(self, record: logging.LogRecord) -> str:
        """The event as a line for people; a field that the message begins with is not said twice."""
        message = one_line(record.getMessage())
        fields = "".join(
            f" {name}={_word(value)}"
            for name, value in _fields(record, self).items()
            if not message.startswith(f"{value}: ")
        )
        return f"{_time(record)} {record.levelname.lower()} {record.name} {message}{fields}"


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
