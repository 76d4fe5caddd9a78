"""The last sessions of each device, kept in memory: when, what came of them, their RPCs, their envelopes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct, field

from cwmp_client.trace import RpcTrace, SessionTrace, milliseconds
from proxier.control_socket import Command
from proxier.device_commands import choose
from proxier.masking import masked

MOST_SESSIONS_OF_A_DEVICE = 5
MOST_SESSIONS = 500
LONGEST_ENVELOPE = 64 * 1024
"""Bytes that are kept of one envelope."""
MOST_BYTES = 1024 * 1024
"""Bytes of all envelopes; the oldest make room for new ones."""
MOST_ENVELOPES = 2000

Told: TypeAlias = dict[str, Any]
"""What is said of something, as JSON values."""


class _Kept(NamedTuple):
    """An envelope, or the beginning of one."""

    at: datetime
    sent: bool
    body: bytes
    length: int


class _Envelopes(Struct):
    """Those of one session; the first `lost` of them have made room."""

    kept: list[_Kept] = field(default_factory=list)
    lost: int = 0


class Traces:
    """Is told of all sessions, and keeps the last ones: a `SessionObserver`."""

    def __init__(self) -> None:
        self._sessions: dict[SessionTrace, _Envelopes] = {}
        self._holding: dict[SessionTrace, None] = {}  # those with envelopes, by when the first one came
        self._bytes = 0
        self._count = 0

    def of(self, device_id: str) -> Sequence[SessionTrace]:
        """The sessions of a device, the oldest first."""
        return [session for session in self._sessions if session.device == device_id]

    def session_opened(self, session: SessionTrace) -> None:
        """See `SessionObserver`."""
        of_device = self.of(session.device)
        if len(of_device) >= MOST_SESSIONS_OF_A_DEVICE:
            self._drop(of_device[0])
        elif len(self._sessions) >= MOST_SESSIONS:
            self._drop(next(iter(self._sessions)))
        self._sessions[session] = _Envelopes()

    def envelope(self, session: SessionTrace, body: bytes, *, sent: bool) -> None:
        """See `SessionObserver`."""
        envelopes = self._sessions.get(session)
        if envelopes is None:
            return
        kept = _Kept(datetime.now(UTC), sent, body[:LONGEST_ENVELOPE], len(body))
        envelopes.kept.append(kept)
        self._holding.setdefault(session)
        self._count += 1
        self._bytes += len(kept.body)
        while self._bytes > MOST_BYTES or self._count > MOST_ENVELOPES:
            self._lose_oldest()

    def rpc_answered(self, session: SessionTrace, rpc: RpcTrace) -> None:
        """See `SessionObserver`; the session has it."""

    def session_closed(self, session: SessionTrace) -> None:
        """See `SessionObserver`; the session says so."""

    def told(self, device_id: str) -> list[Told]:
        """What `proxier trace` says of a device: its sessions, the oldest first, without passwords."""
        return [_session(session, self._sessions[session]) for session in self.of(device_id)]

    def _drop(self, session: SessionTrace) -> None:
        envelopes = self._sessions.pop(session)
        self._holding.pop(session, None)
        self._count -= len(envelopes.kept)
        self._bytes -= sum(len(kept.body) for kept in envelopes.kept)

    def _lose_oldest(self) -> None:
        session = next(iter(self._holding))
        oldest = self._sessions[session]
        self._count -= 1
        self._bytes -= len(oldest.kept.pop(0).body)
        oldest.lost += 1
        if not oldest.kept:
            del self._holding[session]


def trace_command(traces: Traces, reports: Command) -> Command:
    """The command for a control socket; `reports` tells of all devices, the proxier itself among them."""

    async def trace(device: str) -> list[Told]:
        return traces.told(choose(device, await reports())["device_id"])

    return trace


def told_rpc(rpc: RpcTrace) -> Told:
    """What is said of an RPC, and of the UPnP actions that answered it."""
    return {
        "rpc": rpc.name,
        "at": rpc.begun.isoformat(),
        "ms": milliseconds(rpc.seconds),
        "fault": rpc.fault_code,
        "actions": [
            {
                "action": name,
                "count": steps.count,
                "ms": milliseconds(steps.seconds),
                "failures": steps.failures,
            }
            for name, steps in rpc.steps.items()
        ],
    }


def _session(session: SessionTrace, envelopes: _Envelopes) -> Told:
    return {
        "session": session.id,
        "device_id": session.device,
        "opened": session.opened.isoformat(),
        "ms": milliseconds(session.seconds),
        "events": list(session.events),
        "outcome": session.outcome or None,
        "rpcs": [told_rpc(rpc) for rpc in session.rpcs],
        "envelopes_lost": envelopes.lost,
        "envelopes": [
            {
                "at": kept.at.isoformat(),
                "from": "CPE" if kept.sent else "ACS",
                "bytes": kept.length,
                "cut": kept.length > len(kept.body),
                "xml": masked(kept.body, whole=kept.length == len(kept.body)),
            }
            for kept in envelopes.kept
        ],
    }
