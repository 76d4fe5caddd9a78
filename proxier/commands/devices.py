"""`proxier devices`: asks the daemon about virtual devices, or its database where none runs."""

from __future__ import annotations

import argparse
import asyncio
from datetime import datetime
from importlib import import_module
from typing import Any

from proxier.commands.output import print_json, print_table
from proxier.commands.tree_output import print_tree
from proxier.control_socket import NoDaemon, ask, socket_path
from proxier.settings import find_config, load


def list_all(arguments: argparse.Namespace) -> int:
    """List all virtual devices."""
    reports = _ask(arguments, "devices")
    if arguments.json:
        print_json(reports)
    else:
        print_table(
            ("Device", "Manufacturer", "Services", "Online", "Last seen", "Last session", "Events waiting"),
            [
                (
                    each["device_id"],
                    each["manufacturer"],
                    " ".join(each["services"]),
                    "yes" if each["online"] else "no",
                    _when(each["last_seen"]),
                    f"{_when(each['last_session'])} {each['last_session_outcome'] or ''}",
                    ", ".join(each["pending_events"]),
                )
                for each in reports
            ],
        )
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Show one virtual device, or its tree."""
    if arguments.tree:
        return _show_tree(arguments)
    report = _ask(arguments, "show", device=arguments.device)
    if arguments.json:
        print_json(report)
    else:
        print_table(
            ("What", "Value"), [(name.replace("_", " "), _words(value)) for name, value in report.items()]
        )
    return 0


def forget(arguments: argparse.Namespace) -> int:
    """Remove one virtual device from the database."""
    print(_ask(arguments, "forget", device=arguments.device), "is forgotten")
    return 0


def _show_tree(arguments: argparse.Namespace) -> int:
    report = _ask(arguments, "tree", device=arguments.device)
    rows = report.pop("tree")
    if arguments.json:
        keys = ("name", "type", "writable", "notification")
        print_json({**report, "tree": [dict(zip(keys, row, strict=True)) for row in rows]})
    else:
        print(f"{report['device_id']}, {'online' if report['online'] else 'offline'}")
        print_tree(rows)
    return 0


def _ask(arguments: argparse.Namespace, command: str, **words: str) -> Any:
    settings = load(arguments.config or find_config())
    try:
        return asyncio.run(ask(socket_path(settings.storage.path), command, **words))
    except NoDaemon:
        # Where a daemon answers, nobody waits for SQLAlchemy to load.
        stored_devices = import_module("proxier.commands.stored_devices")
        return asyncio.run(stored_devices.ask_database(settings, command, **words))


def _when(time: str | None) -> str:
    return datetime.fromisoformat(time).astimezone().isoformat(" ", "seconds") if time else "never"


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
