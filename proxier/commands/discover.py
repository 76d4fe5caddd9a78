"""`proxier discover`: one search, and what could be proxied of what it finds."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import asdict, replace

from proxier import log
from proxier.commands.output import print_json, print_table
from proxier.control_point import search
from proxier.errors import ProxierError
from proxier.settings import LogSettings, UpnpSettings, find_config, load


def discover(arguments: argparse.Namespace) -> int:
    """List what answers one search."""
    log.configure(LogSettings(level="error"))
    settings = _upnp_settings(arguments)
    try:
        found = asyncio.run(search(settings, arguments.timeout))
    except OSError as error:
        raise ProxierError(f"no search is possible: {error.strerror or error}") from error
    if arguments.json:
        print_json([asdict(each) for each in found])
    else:
        print_table(
            ("Address", "Name", "Manufacturer", "Services", "Left out because", "Location"),
            [
                (
                    each.address,
                    each.friendly_name or each.udn,
                    each.manufacturer,
                    " ".join(each.services),
                    "; ".join(each.reasons),
                    each.location,
                )
                for each in found
            ],
        )
    return 0


def _upnp_settings(arguments: argparse.Namespace) -> UpnpSettings:
    """The configuration's, where there is one: a search needs none."""
    path = arguments.config or find_config()
    settings = load(path).upnp if arguments.config or path.exists() else UpnpSettings()
    return replace(settings, interfaces=tuple(arguments.interface)) if arguments.interface else settings
