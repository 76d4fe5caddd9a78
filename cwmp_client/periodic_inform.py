"""When the next periodic Inform is due, while the ACS may change the interval and someone the clock."""

from __future__ import annotations

from cwmp_client import schedule


class PeriodicInform:
    """The periodic Informs of one device. Points in time are seconds since 1970.

    Args:
        fraction: a number from [0, 1), different for each device: its phase while the ACS has set none.
    """

    def __init__(self, fraction: float) -> None:
        self._fraction = fraction
        self._setting: tuple[int, float | None] | None = None
        self._next = float("inf")

    @property
    def next(self) -> float:
        """When the next one is due, as of the last `take_due`; infinite for never."""
        return self._next

    def take_due(self, setting: tuple[int, float | None] | None, now: float) -> bool:
        """Whether one is due now; from then on the next one is waited for.

        Args:
            setting: interval in seconds and reference time, None while periodic Informs are disabled.
            now: the time.
        """
        if setting != self._setting:
            self._setting = setting
            self._next = float("inf")
        if setting is None:
            return False
        interval, reference = setting
        upcoming = schedule.next_periodic_inform(now, interval, reference, self._fraction)
        due = self._next <= now
        # A clock that was set back must not put the next Inform off for longer than one interval.
        self._next = upcoming if due else min(self._next, upcoming)
        return due
