"""What outlives a call: operations, each a frozen value with a pure step.

A diagnostic, a transfer, a reboot, a factory reset takes longer than the CWMP session that asked for it, and
must survive `kill -9` of the proxier. So each is a value that can be saved, and moves only by
`step(happening, now)`, which returns the operation as it is afterwards (None: it is over) and the commands
that follow. The runner saves the one, then carries out the others; after a restart it loads the operation
and lets `Started` happen, and the operation says what is to be done again.

A command is carried out at most once per step. A `Report` is saved in the same transaction as the operation
that gave it, so that nothing is reported twice and nothing is forgotten. One `Run` or `Transfer` of an
operation is under way at a time: a new one takes the place of the one before, whose outcome is not heard any
more, and an operation that is over hears of none.

Source: TR-330 4.4 to 4.7
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, Self, TypeAlias

from msgspec import Struct

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import Concealing, CpeRequest, EventCode, EventStruct
from translation.actions import AboutTo, ActionError, DeviceUnreachable, Plan, StateChange

# ------------------------------------------------------------------ what happens to an operation


class Started(Struct, frozen=True):
    """The proxier started, and this operation came from its database; no command is under way any more."""


class SessionEnded(Struct, frozen=True):
    """A CWMP session of the device ended, well or not."""


class Woke(Struct, frozen=True):
    """The time of the last `WakeAt` has come."""


class Changed(Struct, frozen=True):
    """Evented variables of the device changed."""

    change: StateChange


class Left(Struct, frozen=True):
    """The device went offline; `about_to` is what its byebye announced."""

    about_to: frozenset[AboutTo] = frozenset()


class BootMarks(Struct, frozen=True):
    """What tells one run of a device from the next; None and empty where the device does not say.

    `boot_id` is BOOTID.UPNP.ORG, `status_since` the time in DeviceStatus as the device wrote it, `up_time`
    the seconds in its data model.
    """

    boot_id: int | None = None
    status_since: str = ""
    up_time: int | None = None


NO_MARKS = BootMarks()


class Returned(Struct, frozen=True):
    """The device is there: for the first time since our start, or again.

    `restarted` when it is known to have rebooted, `about_to` as its byebye announced, `marks` of its run now.
    """

    restarted: bool
    about_to: frozenset[AboutTo] = frozenset()
    marks: BootMarks = NO_MARKS


class WasReset(Struct, frozen=True):
    """`0 BOOTSTRAP` was reported: what the ACS has asked for before that is void."""


class Done(Struct, frozen=True):
    """What the last `Run` or `Transfer` command brought."""

    result: Any = None


class Failed(Struct, frozen=True):
    """The last `Run` or `Transfer` command came to nothing."""

    error: ActionError | DeviceUnreachable | CwmpFault


class Cancelled(Struct, frozen=True):
    """The ACS wants the operation to stop."""


Happening: TypeAlias = (
    Started | SessionEnded | Woke | Changed | Left | Returned | WasReset | Done | Failed | Cancelled
)

# ------------------------------------------------------------------ what an operation commands


class Run(Struct, frozen=True):
    """Drive a plan at the device; its outcome comes back as `Done` or `Failed`."""

    plan: Plan[Any]


class WakeAt(Struct, frozen=True):
    """Let `Woke` happen at this time; an earlier wish of the same operation is forgotten."""

    time: datetime


class Report(Struct, frozen=True):
    """Tell the ACS: events of the next Inform, and requests of the session that it opens.

    `0 BOOTSTRAP` among the events says that the device was reset: what the ACS has set goes in the same
    transaction. `1 BOOT` says that it rebooted: so do the events that do not survive that.
    """

    events: tuple[EventStruct, ...]
    requests: tuple[CpeRequest, ...] = ()

    @property
    def is_of_reset(self) -> bool:
        """Whether the device was reset."""
        return any(event.event_code == EventCode.BOOTSTRAP for event in self.events)


class Transfer(Concealing, frozen=True):
    """Move a file between the device and the ACS; its outcome comes back as `Done` or `Failed`.

    The file goes from `source` to `target` in pieces, never whole in memory. Without a target it is made
    ready for the device to fetch, and `Done` brings the URL by which the device gets it.
    """

    source: str
    target: str
    username: str = ""
    password: str = ""


Command: TypeAlias = Run | WakeAt | Report | Transfer


class Operation(Protocol):
    """A value that outlives a call; see the head of this module."""

    kind: ClassVar[str]
    """Names the class in a record."""

    @property
    def key(self) -> str:
        """What tells it from the device's other operations; an operation of the same key replaces it."""

    def step(self, happening: Happening, now: datetime) -> Step:
        """What becomes of it, and what is to be done; `now` has a time zone."""

    def to_record(self) -> Mapping[str, Any]:
        """Itself as JSON."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The operation that gave the record."""


Step: TypeAlias = tuple[Operation | None, tuple[Command, ...]]

# ------------------------------------------------------------------ trying again

RETRIES_AFTER_SECONDS = (5, 10, 20, 40)
"""The waits before a call that came to nothing is made again: five calls in all, in 75 s and what they take.

TR-330 Figure 6 wants a limit and leaves the number open.
"""

MAY_PASS = frozenset({501, 603, 703, 708})
"""Refusals that may not come another time: Action Failed, Out of Memory, what devices say of a busy test."""


def worth_another_try(error: ActionError | DeviceUnreachable | CwmpFault) -> bool:
    """Whether the same call may bring something else later."""
    return isinstance(error, DeviceUnreachable) or (isinstance(error, ActionError) and error.code in MAY_PASS)


def retry_wait(failures: int) -> timedelta | None:
    """How long to wait after so many failures in a row; None: no longer, it is given up."""
    if failures > len(RETRIES_AFTER_SECONDS):
        return None
    return timedelta(seconds=RETRIES_AFTER_SECONDS[failures - 1])


def time_of_record(text: str | None) -> datetime | None:
    """A time that a record holds in ISO 8601, or None."""
    return None if text is None else datetime.fromisoformat(text)


def time_in_record(time: datetime | None) -> str | None:
    """A time as a record holds it."""
    return None if time is None else time.isoformat()
