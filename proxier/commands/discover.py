"""`proxier discover`: one search, and what could be proxied of what it finds."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from functools import partial

from msgspec.structs import asdict, replace

from proxier import log
from proxier.commands.output import print_json, print_table
from proxier.control_point import search
from proxier.control_point.interfaces import own_interfaces
from proxier.errors import ProxierError
from proxier.settings import LogSettings, UpnpSettings, find_config, load


def discover(arguments: argparse.Namespace) -> int:
    """List what answers one search."""
    log.configure(LogSettings(level="error"))
    settings = _upnp_settings(arguments)
    begins = partial(_say_where, all_wanted=bool(arguments.interface))
    try:
        found = asyncio.run(search(settings, arguments.timeout, begins))
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


def _say_where(addresses: Sequence[str], missing: Sequence[str], *, all_wanted: bool) -> None:
    """Say where is searched; without that, nothing found looks like nothing there.

    Raises:
        ProxierError: there is none, or not all, of what was wanted.
    """
    names = {each.address: f"{each.name} ({each.address})" for each in own_interfaces()}
    there = f"there are {', '.join(names.values())}"
    if missing:
        words = f"cannot search on {', '.join(missing)}"
        if all_wanted or not addresses:
            raise ProxierError(f"{words}; {there}")
        print(words, file=sys.stderr)
    if addresses:
        searched = ", ".join(names.get(address, address) for address in addresses)
        print(f"searching on {searched}", file=sys.stderr)
    elif not missing:
        print(
            "no interface to search on: none has a private address, multicast and no default route; "
            f"name one with --interface, or in upnp.interfaces; {there}",
            file=sys.stderr,
        )
