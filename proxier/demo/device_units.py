"""What SoftwareManagement of the simulated device is about: units, operations, and what is to come of them.

Source: SMS 2; SCPD of SoftwareManagement:2
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to come of the operations that begin from now on.

    Attributes:
        error: the ErrorDescription; `Error_None` for success.
        info: the AdditionalInfo.
        version: what an update makes of the unit's version.
        seconds: how long an operation lasts, beside the fetching; None for that of the profile.
        fetch: really gets the unit from its URI; what goes wrong with that is `Error_Network`.
        reboots: an update of the firmware ends in a reboot, over which the operation is forgotten.
        remembers: the operation is not forgotten over this reboot.
        rolls_back: after this reboot the old version runs again.
        returns: whether the device comes back from this reboot at all.
    """

    error: str = "Error_None"
    info: str = ""
    version: str = "2.0.0"
    seconds: float | None = None
    fetch: bool = False
    reboots: bool = False
    remembers: bool = False
    rolls_back: bool = False
    returns: bool = True


@dataclass(eq=False)
class DeploymentUnit:
    """What is installed."""

    id: int
    name: str
    version: str
    type: str
    uri: str = ""
    size: int = 0
    state: str = "Installed"


@dataclass(eq=False)
class ExecutionUnit:
    """What runs."""

    id: int
    unit: DeploymentUnit
    requested: str = "Inactive"
    running: str = "Stopped"
    failed: bool = False


@dataclass(eq=False)
class Operation:
    """One operation, with the times at which it entered and left OperationIDs."""

    id: int
    action: str
    targets: tuple[int, ...]
    state: str = "Requested"
    error: str = "Error_None"
    info: str = ""
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A unit that was really fetched; an HTTP status of 0 means that there was no answer."""

    uri: str
    status: int
    size: int
    sha256: str
