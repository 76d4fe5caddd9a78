"""The status page as HTML: what is known of the devices in, text out.

Whatever devices and ACS have a say in passes through `_text`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from itertools import islice
from typing import Any, TypeAlias

from msgspec import Struct

from cwmp_client.trace import RpcTrace, SessionTrace, milliseconds

MOST_RPCS = 10
"""Of one device, the last ones."""

_COLUMNS = ("RPC", "When", "Took", "Fault", "UPnP actions")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

Report: TypeAlias = dict[str, Any]
"""What `proxier devices --json` says of a device."""


class DeviceStatus(Struct, frozen=True):
    """A device, and its last sessions, the oldest first."""

    report: Report
    sessions: Sequence[SessionTrace]

    @property
    def state(self) -> str:
        """In a word or two."""
        if self.sessions and not self.sessions[-1].outcome:
            return "in session"
        return "online" if self.report["online"] else "offline"


class Overview(Struct, frozen=True):
    """All that the page shows."""

    version: str
    acs_url: str
    started: datetime
    devices: Sequence[DeviceStatus]


def page(overview: Overview, now: datetime) -> str:
    """The whole page."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>proxier</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="page.css">'
        '<script src="page.js" defer></script></head><body>'
        f"<header><h1>proxier</h1><p>{_text(overview.version)}, ACS {_text(overview.acs_url)}</p></header>"
        '<p id="notice" role="status" hidden></p>'
        f"<main>{_summary(overview, now)}{''.join(_device(each, now) for each in overview.devices)}</main>"
        "</body></html>"
    )


def ago(then: datetime, now: datetime) -> str:
    """How long ago something was, in its largest unit."""
    seconds = max(0, int((now - then).total_seconds()))
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1, "s"))
    return f"{seconds // size} {unit} ago"


def _summary(overview: Overview, now: datetime) -> str:
    devices = overview.devices
    online = sum(bool(each.report["online"]) for each in devices)
    waiting = sum(len(each.report["pending_events"]) for each in devices)
    words = f"{online} of {len(devices)} online, {waiting} events waiting"
    return f'<p class="summary">{words}; started {_ago(overview.started, now)}</p>'


def _device(device: DeviceStatus, now: datetime) -> str:
    report, state = device.report, device.state
    name = report["device_id"]
    facts = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in _facts(device, now) if value)
    return (
        f'<article id="{_id(name)}" class="{state.replace(" ", "-")}">'
        f'<h2>{_text(name)} <span class="state">{state}</span></h2>'
        f"<dl>{facts}</dl>{_rpcs(name, device.sessions, now)}</article>"
    )


def _facts(device: DeviceStatus, now: datetime) -> Iterable[tuple[str, str]]:
    report = device.report
    yield "Manufacturer", _text(report["manufacturer"])
    yield "Services", _text(" ".join(report["services"]))
    yield "Description", _text(report["location"])
    yield "Last session", _last_session(device, now)
    events = "".join(f"<li>{_text(code)}</li>" for code in report["pending_events"])
    yield "Events waiting", f"<ul>{events}</ul>" if events else "none"


def _last_session(device: DeviceStatus, now: datetime) -> str:
    report, outcome = device.report, device.report["last_session_outcome"]
    if not report["last_session"]:
        return "none yet"
    kind = "good" if outcome == "success" else "bad"
    told = f'<span class="{kind}">{_text(outcome)}</span>, {_ago(_time(report["last_session"]), now)}'
    over = [session for session in device.sessions if session.outcome]
    if not over:
        return told
    last = over[-1]
    return f"{told}, {_text(last.told)}, {milliseconds(last.seconds)} ms, session {_text(last.id)}"


def _rpcs(name: str, sessions: Sequence[SessionTrace], now: datetime) -> str:
    newest_first = (rpc for session in reversed(sessions) for rpc in reversed(session.rpcs))
    shown = list(islice(newest_first, MOST_RPCS))
    if not shown:
        return ""
    headings = "".join(f"<th>{label}</th>" for label in _COLUMNS)
    rows = "".join(_rpc(rpc, now) for rpc in shown)
    return (
        f'<details id="{_id(name)}-rpcs"><summary>Last RPCs: {_text(shown[0].name)}, '
        f"{_ago(shown[0].begun, now)}</summary>"
        f"<table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table></details>"
    )


def _rpc(rpc: RpcTrace, now: datetime) -> str:
    took = "not answered yet" if rpc.seconds is None else f"{milliseconds(rpc.seconds)} ms"
    actions = "".join(
        f"<li>{steps.count} {_text(name)}, {milliseconds(steps.seconds)} ms"
        + (f', <span class="bad">{steps.failures} failed</span>' if steps.failures else "")
        + "</li>"
        for name, steps in rpc.steps.items()
    )
    values = (
        _text(rpc.name),
        _ago(rpc.begun, now),
        took,
        f'<span class="bad">{rpc.fault_code}</span>' if rpc.fault_code else "none",
        f"<ul>{actions}</ul>" if actions else "none",
    )
    labelled = zip(_COLUMNS, values, strict=True)
    cells = "".join(f'<td data-label="{label}">{value}</td>' for label, value in labelled)
    return f"<tr>{cells}</tr>"


def _ago(then: datetime, now: datetime) -> str:
    return f'<time datetime="{then.isoformat()}">{ago(then, now)}</time>'


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _id(name: str) -> str:
    return _text("_".join(name.split()))


def _text(value: object) -> str:
    """Text, or the value of an attribute in double quotes, that no device can make mean anything else."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value)))
