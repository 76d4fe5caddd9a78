"""`proxier config`: what is wrong with the configuration, or what is in force."""

from __future__ import annotations

import argparse

from proxier.settings import find_config, in_force, load


def check(arguments: argparse.Namespace) -> int:
    """Print what is in force, as a configuration file with secrets masked; raises SettingsError."""
    path = arguments.config or find_config()
    settings = load(path)
    print(f"# {path} is good; with its defaults it says:\n\n{in_force(settings)}", end="")
    return 0
