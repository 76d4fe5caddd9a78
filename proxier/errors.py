"""What the program says instead of a traceback."""

from __future__ import annotations

from typing import ClassVar


class ProxierError(Exception):
    """Something that whoever runs the program can mend; the text says what is wrong."""

    exit_code: ClassVar[int] = 1
