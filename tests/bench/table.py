"""The lines of the table, and how they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

TIMES = "\N{MULTIPLICATION SIGN}"


class Unit(StrEnum):
    CPU = "CPU"
    BYTES = "bytes"
    COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that was measured; `figure` is what `reach` bounds, where anything does."""

    row: str
    """The number of the yardstick."""
    what: str
    product: float
    yardstick: float | None = None
    unit: Unit = Unit.CPU
    figure: float | None = None
    reach: float | None = None
    reach_unit: str = TIMES

    @property
    def met(self) -> bool | None:
        return None if self.reach is None or self.figure is None else self.figure <= self.reach

    def cells(self) -> tuple[str, ...]:
        return (
            self.row,
            self.what,
            _amount(self.product, self.unit),
            "" if self.yardstick is None else _amount(self.yardstick, self.unit),
            "" if self.figure is None else _number(self.figure, self.reach_unit),
            "" if self.reach is None else f"≤ {_number(self.reach, self.reach_unit)}",
            {None: "", True: "yes", False: "**no**"}[self.met],
        )


HEADS = ("#", "What", "Proxier", "Yardstick", "Figure", "Reach", "Met")


def markdown(lines: Sequence[Line]) -> str:
    rows = [HEADS, ("---",) * len(HEADS), *(line.cells() for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _amount(value: float, unit: Unit) -> str:
    if unit is Unit.COUNT:
        return f"{value:,.0f}"
    if unit is Unit.BYTES:
        return _scaled(value, (("MB", 1e6), ("kB", 1e3), ("bytes", 1)))
    return _scaled(value, (("s", 1), ("ms", 1e-3), ("µs", 1e-6)))


def _scaled(value: float, scales: tuple[tuple[str, float], ...]) -> str:
    name, size = next((each for each in scales if value >= each[1]), scales[-1])
    return f"{value / size:.3g} {name}"


def _number(value: float, unit: str) -> str:
    return f"{value:.2f}{TIMES}" if unit == TIMES else f"{value:,.1f} {unit}"
