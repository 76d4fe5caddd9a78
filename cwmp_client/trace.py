"""What a session was like: whoever works for it says what it does, and observers are told.

The session, and the RPC that is being answered, are in the context of the task that works for them, so that
nobody has to hand them down. A task that outlives them finds that they are over.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Protocol

from msgspec import Struct, field

MOST_RPCS = 20
"""Of one session, the last ones; a limit of ours."""

_device: ContextVar[str] = ContextVar("device", default="")
_session: ContextVar[SessionTrace | None] = ContextVar("session", default=None)
_rpc: ContextVar[RpcTrace | None] = ContextVar("rpc", default=None)


class Steps(Struct):
    """What was done several times under one name to answer an RPC."""

    count: int = 0
    seconds: float = 0.0
    failures: int = 0


class RpcTrace(Struct, eq=False):
    """One RPC of an ACS; `seconds` is None until it is answered, `fault_code` 0 where it succeeded."""

    name: str
    begun: datetime
    seconds: float | None = None
    fault_code: int = 0
    steps: dict[str, Steps] = field(default_factory=dict)
    """What the device's owner did to answer it, by name."""


class SessionTrace(Struct, eq=False):
    """One session; `outcome` is empty and `seconds` None until it is over."""

    id: str
    """Tells it from all others, in the log too."""
    device: str
    opened: datetime
    events: tuple[str, ...]
    outcome: str = ""
    seconds: float | None = None
    rpcs: list[RpcTrace] = field(default_factory=list)
    """The last ones."""
    observers: Sequence[SessionObserver] = ()

    @property
    def told(self) -> str:
        """The events that it carries, in words."""
        return ", ".join(self.events) or "no event"

    @property
    def log_fields(self) -> Mapping[str, object]:
        """What a log line about it says beside its text."""
        return {"session": self.id, "ms": milliseconds(self.seconds)}


class SessionObserver(Protocol):
    """Is told of sessions while they happen; what it does must be quick."""

    def session_opened(self, session: SessionTrace) -> None:
        """A session begins."""

    def envelope(self, session: SessionTrace, body: bytes, *, sent: bool) -> None:
        """Something was POSTed, or answered; empty for an empty POST, 200 or 204."""

    def rpc_answered(self, session: SessionTrace, rpc: RpcTrace) -> None:
        """An RPC has its answer."""

    def session_closed(self, session: SessionTrace) -> None:
        """A session is over."""


def milliseconds(seconds: float | None) -> int | None:
    """As they are shown and logged."""
    return None if seconds is None else round(seconds * 1000)


# Classes, where a generator would do, since these are entered for every RPC and every plan.


class ForDevice:
    """What is done in this context is done for a device."""

    __slots__ = ("_name", "_token")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._token = _device.set(self._name) if _device.get() != self._name else None

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _device.reset(self._token)


class AnsweringRpc:
    """An RPC is answered in this context; whoever answers it sets its fault code."""

    __slots__ = ("_begun", "_held", "_token", "_trace")

    def __init__(self, name: str) -> None:
        self._trace = RpcTrace(name, datetime.now(UTC))

    def __enter__(self) -> RpcTrace:
        self._held = current_session()
        if self._held is not None:
            self._held.rpcs.append(self._trace)
            del self._held.rpcs[:-MOST_RPCS]
        self._begun, self._token = time.monotonic(), _rpc.set(self._trace)
        return self._trace

    def __exit__(self, *_: object) -> None:
        _rpc.reset(self._token)
        self._trace.seconds = time.monotonic() - self._begun
        if self._held is not None:
            for observer in self._held.observers:
                observer.rpc_answered(self._held, self._trace)


@contextmanager
def session(
    device_name: str, events: Sequence[str], observers: Sequence[SessionObserver]
) -> Iterator[SessionTrace]:
    """A session is held in this context; whoever holds it sets its outcome."""
    trace = SessionTrace(
        f"{random.getrandbits(32):08x}", device_name, datetime.now(UTC), tuple(events), observers=observers
    )
    begun, token = time.monotonic(), _session.set(trace)
    for observer in observers:
        observer.session_opened(trace)
    try:
        with ForDevice(device_name):
            yield trace
    finally:
        _session.reset(token)
        trace.outcome = trace.outcome or "cut off"
        trace.seconds = time.monotonic() - begun
        for observer in observers:
            observer.session_closed(trace)


def envelope(body: bytes, *, sent: bool) -> None:
    """The session of this context has POSTed something, or got an answer."""
    held = current_session()
    if held is not None:
        for observer in held.observers:
            observer.envelope(held, body, sent=sent)


def step(name: str, seconds: float, *, failed: bool) -> None:
    """Something was done, and if an RPC is being answered in this context, then for its sake."""
    trace = _rpc.get()
    if trace is not None and trace.seconds is None:
        steps = trace.steps.setdefault(name, Steps())
        steps.count += 1
        steps.seconds += seconds
        steps.failures += failed


def current_session() -> SessionTrace | None:
    """The session that is being held in this context."""
    trace = _session.get()
    return trace if trace is not None and not trace.outcome else None


def current() -> Mapping[str, str]:
    """For whom and what this context works: of `device`, `session` and `rpc` what there is."""
    held, asked = current_session(), _rpc.get()
    found = {
        "device": _device.get(),
        "session": held.id if held is not None else "",
        "rpc": asked.name if asked is not None and asked.seconds is None else "",
    }
    return {name: value for name, value in found.items() if value}
