"""How much is done: enough to be measured in a few minutes, or as little as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    rounds: int = 5
    endpoints: Sequence[int] = (1, 100, 1000)
    """How many endpoints are in one process."""
    sessions: int = 200
    """At least so many in a round."""
    devices: int = 50
    parameters: int = 10_000
    """Of a long list."""


FULL = Sizes()
QUICK = Sizes(rounds=1, endpoints=(1, 3), sessions=3, devices=2, parameters=50)
