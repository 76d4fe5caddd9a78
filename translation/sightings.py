"""The OperationIDs that a device has listed, and when.

TR-330 takes the times of an operation from OperationIDs. The event that tells of one may come before the
answer to the call that made it, and so may the event that tells of its end. So all are remembered until it is
known what they stand for.

Source: TR-330 4.7.1.2, 4.7.1.3
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

MAX_SEEN = 320
"""OperationIDs of one device that are remembered: more than it can list, or each list would bring news.

Of those that are not listed any more the oldest are forgotten first.
"""


class Seen(Struct, frozen=True):
    """An OperationID that the device has listed."""

    operation_id: int
    since: datetime
    gone: datetime | None = None
    """When it was not listed any more."""
    known: bool = False
    """What it stands for is known, or of no interest."""


class Sightings(Struct, frozen=True):
    """All of them, in the order in which they came."""

    rows: tuple[Seen, ...] = ()

    @property
    def known(self) -> frozenset[int]:
        """Those of which it is known what they stand for."""
        return frozenset(each.operation_id for each in self.rows if each.known)

    @property
    def unknown(self) -> frozenset[int]:
        """Those that the device is to be asked about."""
        return frozenset(each.operation_id for each in self.rows if not each.known)

    def of(self, operation_id: int, now: datetime) -> Seen:
        """When an operation was listed; from now on, if it never was."""
        found = (each for each in self.rows if each.operation_id == operation_id)
        return next(found, Seen(operation_id, now))

    def listed(self, operations: Collection[int], now: datetime) -> Self:
        """The device lists these operations now."""
        rows = [
            each if each.gone or each.operation_id in operations else replace(each, gone=now)
            for each in self.rows
        ]
        kept = [each for each in rows if not (each.known and each.gone)]
        new = {*operations} - {each.operation_id for each in kept}
        return self._with((*kept, *(Seen(each, now) for each in sorted(new))))

    def with_known(self, operation_id: int, now: datetime) -> Self:
        """The device has an operation, listed or not, of which it is known what it stands for."""
        others = tuple(each for each in self.rows if each.operation_id != operation_id)
        return self._with((*others, replace(self.of(operation_id, now), known=True)))

    def identified(self, operations: Collection[int]) -> Self:
        """It is known what these stand for."""
        return self._with(
            tuple(replace(each, known=each.known or each.operation_id in operations) for each in self.rows)
        )

    def without_unknown(self) -> Self:
        """The device cannot be asked about any of them any more."""
        return self._with(tuple(each for each in self.rows if each.known))

    def _with(self, rows: tuple[Seen, ...]) -> Self:
        if rows == self.rows:
            return self
        gone = [each for each in rows if each.gone]
        forgotten = gone[: max(0, len(rows) - MAX_SEEN)]
        return type(self)(tuple(each for each in rows if each not in forgotten)[-MAX_SEEN:])
