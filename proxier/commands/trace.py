"""`proxier trace`: the last sessions of a device, as the daemon remembers them."""

from __future__ import annotations

import argparse
import asyncio
from datetime import datetime
from typing import Any

from proxier.commands.output import print_json
from proxier.control_socket import NoDaemon, ask, socket_path
from proxier.log import one_line
from proxier.settings import find_config, load


def trace(arguments: argparse.Namespace) -> int:
    """Show the envelopes of the last sessions of one device."""
    settings = load(arguments.config or find_config())
    try:
        sessions = asyncio.run(ask(socket_path(settings.storage.path), "trace", device=arguments.device))
    except NoDaemon as error:
        raise NoDaemon(f"{error}, and sessions are only in its memory: start it with proxier run") from error
    if arguments.json:
        print_json(sessions)
        return 0
    for session in sessions:
        _print_session(session)
    if not sessions:
        print("there was no session since the start of the daemon")
    return 0


def _print_session(session: dict[str, Any]) -> None:
    outcome = "open" if session["outcome"] is None else f"{session['outcome']}, {session['ms']} ms"
    events = ", ".join(session["events"]) or "no event"
    head = f"● {session['device_id']}  session {session['session']}  {_time(session['opened'])}"
    print(one_line(f"{head}  {events}: {outcome}"))
    for rpc in session["rpcs"]:
        print(one_line(f"  {_rpc(rpc)}"))
    if session["envelopes_lost"]:
        print(f"  the first {session['envelopes_lost']} envelopes had to make room for others")
    for envelope in session["envelopes"]:
        _print_envelope(envelope)
    print()


def _print_envelope(envelope: dict[str, Any]) -> None:
    way = "CPE → ACS" if envelope["from"] == "CPE" else "ACS → CPE"
    size = f"{envelope['bytes']} bytes" if envelope["bytes"] else "empty"
    print(f"  {_time(envelope['at'])}  {way}  {size}{', only its beginning' if envelope['cut'] else ''}")
    for line in envelope["xml"].splitlines():
        print(f"    {one_line(line)}")


def _rpc(rpc: dict[str, Any]) -> str:
    outcome = "not answered yet" if rpc["ms"] is None else f"{rpc['ms']} ms"
    fault = f", fault {rpc['fault']}" if rpc["fault"] else ""
    actions = ", ".join(
        f"{each['count']} {each['action']} in {each['ms']} ms"
        + (f", {each['failures']} failed" if each["failures"] else "")
        for each in rpc["actions"]
    )
    return f"{rpc['rpc']}: {outcome}{fault}" + (f" ({actions})" if actions else "")


def _time(text: str) -> str:
    return datetime.fromisoformat(text).astimezone().isoformat(" ", "milliseconds")
