"""What a value of the configuration may be: the rules that stand in the annotations of `proxier.settings`.

A rule's `accept` gives the value as it is to be used, or raises a ValueError whose words go on from the key:
"acs.max_sessions" "is 0, and must be 1 to 10000".
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Any, NamedTuple, Protocol

DATABASE_PREFIX = "sqlite:///"
DAY = 86400  # seconds
MASK = "********"
UNSIGNED_INT = 2**32 - 1
_USER_IN_URL = re.compile(r"^(.*?://)?.*@")


class Rule(Protocol):
    """One demand on a value of the right type; `folder` is where the configuration file lies."""

    def accept(self, value: Any, folder: Path) -> Any:
        """The value to use.

        Raises:
            ValueError: the value breaks the rule.
        """


class Between(NamedTuple):
    """The least and the greatest value of a number, both included."""

    least: float
    greatest: float

    def accept(self, value: Any, _folder: Path) -> Any:
        """The same number."""
        if not self.least <= value <= self.greatest:
            raise ValueError(f"is {value}, and must be {self.least} to {self.greatest}")
        return value


class Longest(NamedTuple):
    """The greatest length of a text."""

    characters: int

    def accept(self, value: Any, _folder: Path) -> Any:
        """The same text."""
        if len(value) > self.characters:
            raise ValueError(f"has {len(value)} characters, and may have {self.characters}")
        return value


class OneOf(NamedTuple):
    """The texts among which there is a choice."""

    choices: tuple[str, ...]

    def accept(self, value: Any, _folder: Path) -> Any:
        """The same text."""
        if value not in self.choices:
            raise ValueError(f"is {value!r}, and must be one of {', '.join(self.choices)}")
        return value


class Matching(NamedTuple):
    """A pattern that a whole text matches, and the words for it."""

    pattern: str
    words: str

    def accept(self, value: Any, _folder: Path) -> Any:
        """The same text."""
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"is {_shown(value)}, and must be {self.words}")
        return value


class ReadableFile(NamedTuple):
    """The name of a file, relative to the configuration file; empty: none."""

    def accept(self, value: Any, folder: Path) -> Any:
        """The file's absolute name."""
        if not value:
            return value
        path = folder / value
        if not (path.is_file() and os.access(path, os.R_OK)):
            raise ValueError(f"names {str(path)!r}, which is no file that can be read")
        return str(path)


class DatabaseFile(NamedTuple):
    """SQLAlchemy's name of a SQLite file, relative to the configuration file."""

    def accept(self, value: Any, folder: Path) -> Any:
        """The same with the file's absolute name."""
        if not re.fullmatch(rf"{DATABASE_PREFIX}[^?#]*[^?#/]", value):
            raise ValueError(f"is {_shown(value)}, and must be {DATABASE_PREFIX} with the name of a file")
        return f"{DATABASE_PREFIX}{folder / value.removeprefix(DATABASE_PREFIX)}"


WEB_ADDRESS = Matching(
    r"https?://[^/?#@\s]+([/?#]\S*)?", "a URL with http or https, without user and password"
)
NO_OR_WEB_ADDRESS = Matching(rf"({WEB_ADDRESS.pattern})?", f"empty or {WEB_ADDRESS.words}")
OUI = Matching(r"[0-9A-F]{6}", "six upper-case hexadecimal digits")
NOT_EMPTY = Matching(r".*\S.*", "more than nothing")
HOST_NAME = Matching(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})", "the name of a host, without a port")
PORT = Between(0, 65535)
WAIT = Between(0.1, DAY)  # seconds


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(text: str) -> str:
    """A text in quotes, with a mask where a URL, well written or not, has user and password."""
    return repr(_USER_IN_URL.sub(rf"\1{MASK}@", text))
