"""`proxier demo`: the main job, played through on loopback."""

from __future__ import annotations

import argparse
from importlib import import_module

from proxier.errors import ProxierError

OF_THE_EXTRA = {"spyne", "six", "cgi"}
"""What the extra `demo` brings; Python 3.13 no longer has cgi."""


def demo(arguments: argparse.Namespace) -> int:
    """Play the main job; 0 only if every step held."""
    try:
        play = import_module("proxier.demo.play").play
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in OF_THE_EXTRA:
            raise
        raise ProxierError(
            f"the demo needs {missing}, which is not installed: pip install '.[demo]' in its sources"
        ) from error
    return 0 if play(arguments.devices) else 1
