"""When the next session is due. Durations are in seconds, points in time in seconds since 1970 (UTC).

Nothing here reads a clock or throws dice: the time and random fractions from [0, 1) are arguments.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

MAX_RETRY_STEP = 10
"""From the tenth retry on, the interval grows no more. Source: TR-069 3.2.1.1"""

_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
    r"(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?"
)


def retry_bounds(retry_count: int, minimum_wait: int = 5, multiplier: int = 2000) -> tuple[float, float]:
    """Between what the wait before the `retry_count`th retry lies, the first being 1.

    `minimum_wait` is CWMPRetryMinimumWaitInterval; `multiplier` is CWMPRetryIntervalMultiplier, in
    thousandths.

    Source: TR-069 3.2.1.1
    """
    step = max(1, min(retry_count, MAX_RETRY_STEP))
    factor = multiplier / 1000
    return minimum_wait * factor ** (step - 1), minimum_wait * factor**step


def retry_interval(retry_count: int, fraction: float, minimum_wait: int = 5, multiplier: int = 2000) -> float:
    """How long to wait before a retry; see `retry_bounds`. Source: TR-069 3.2.1.1"""
    low, high = retry_bounds(retry_count, minimum_wait, multiplier)
    return low + (high - low) * fraction


def parse_time(text: str) -> float | None:
    """An XML Schema dateTime as a point in time; None for the unknown time, which has the year 1.

    Without a zone it is taken for UTC, as all times of the data model are.

    Raises:
        ValueError: it is no dateTime, or one outside the years 1 to 9999.

    Source: TR-106 3.2.2
    """
    if not _DATE_TIME.fullmatch(text):
        raise ValueError(f"{text[:64]!r} is no dateTime")
    moment = datetime.fromisoformat(text)
    if moment.year == 1:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def next_periodic_inform(now: float, interval: int, reference: float | None, fraction: float) -> float:
    """The next point in time, later than `now`, for a periodic Inform; `interval` is at least 1.

    `reference` is PeriodicInformTime, of which only the phase counts. None stands for the unknown time: then
    `fraction`, random and kept for each device, is the phase, so that devices do not inform together.

    Source: TR-181 ManagementServer.PeriodicInformTime
    """
    phase = fraction * interval if reference is None else reference
    due = now + interval - (now - phase) % interval
    # So near to the due time the sum is rounded down to it.
    return due if due > now else due + interval


def start_delay(devices: int, fraction: float, sessions_per_second: float = 10.0) -> float:
    """How long one of many devices waits with its first session after a start of the process.

    All together then open about that many sessions in a second.
    """
    return devices / sessions_per_second * fraction
