"""How much is done: enough to be measured in a few minutes, or as little as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    rounds: int = 7
    endpoints: Sequence[int] = (1, 100, 1000)
    """How many endpoints are in one process."""
    sessions: int = 500
    """At least so many in a round."""
    devices: int = 50
    known_devices: int = 100
    many_devices: int = 1000
    saves: int = 200
    advertisements: int = 10_000
    events: int = 10
    """In each round."""
    scale: Sequence[int] = (1, 10, 100, 1000)
    """How many devices one daemon has."""
    idle_seconds: float = 10.0
    settling_seconds: float = 12.0
    """What a daemon gets to do what is left to do."""
    parameters: int = 10_000
    """Of a long list."""


FULL = Sizes()
QUICK = Sizes(
    rounds=1,
    endpoints=(1, 3),
    sessions=3,
    devices=2,
    known_devices=2,
    many_devices=3,
    saves=3,
    advertisements=50,
    events=1,
    scale=(1, 2),
    idle_seconds=0.1,
    settling_seconds=0.1,
    parameters=50,
)
