"""What the program says instead of a traceback."""

from __future__ import annotations

import os
from typing import ClassVar


class ProxierError(Exception):
    """Something that whoever runs the program can mend; the text says what is wrong."""

    exit_code: ClassVar[int] = 1


def why_not_listening(error: OSError) -> str:
    """Why an address cannot be listened on, in the system's words; asyncio's own repeat the address.

    A name that leads nowhere has a negative number, and what asyncio says by itself has none.
    """
    if error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)
