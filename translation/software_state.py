"""What is to be kept of a device's software: what the ACS wants, and what is under way for whom.

Source: TR-330 4.7
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Self, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import AllQueuedTransferStruct
from translation.autonomous import queued_transfer
from translation.firmware import FirmwareDownload
from translation.operations import Transfer
from translation.sightings import Sightings
from translation.software_modules import Switch, UnitChanges
from translation.software_operation import Stage, Watched
from translation.units import KnownUnits

Job: TypeAlias = FirmwareDownload | UnitChanges | Switch
"""What the ACS may ask for."""


class Work(StrEnum):
    """What is under way."""

    NONE = ""
    SURVEY = "survey"
    TRANSFER = "transfer"
    CALL = "call"
    LOOK = "look"


class SoftwareState(Struct, frozen=True):
    """What `Software` is at one moment."""

    offered: frozenset[str] = frozenset()
    """The actions of SoftwareManagement and ConfigurationManagement that the device offers."""
    time_out_seconds: float = 3600
    """For an operation, from its call to its end."""
    policy: Mapping[str, str] = field(default_factory=dict)
    """What the ACS has set of `autonomous.POLICY`."""
    units: KnownUnits = field(default_factory=KnownUnits)
    queue: tuple[Job, ...] = ()
    own: Watched | None = None
    """What is done for a job."""
    others: tuple[Watched, ...] = ()
    """What is done for others."""
    seen: Sightings = field(default_factory=Sightings)
    work: Work = Work.NONE
    work_for: str = ""
    """The number of the job, or the OperationID, that the work is for."""
    failures: int = 0
    """How many surveys in a row have come to nothing."""
    not_before: datetime | None = None
    """When the next survey may be."""

    # -------------------------------------------------------------- what the ACS asks for

    def with_job(self, job: Job) -> Self:
        """What it is once the ACS has asked for something more."""
        return replace(self, queue=(*self.queue, job))

    def with_switch(self, switch: Switch) -> Self:
        """What it is once the ACS wants an execution unit started or stopped: its last word holds."""
        queue = tuple(
            job
            for job in self.queue
            if not isinstance(job, Switch) or job.unit != switch.unit or self._is_under_way(job)
        )
        return replace(self, queue=(*queue, switch))

    def without(self, command_key: str) -> Self:
        """What it is once the ACS has cancelled its downloads of this CommandKey.

        Raises:
            CwmpFault: 9021 when one of them is under way.

        Source: TR-069 A.4.1.9
        """
        meant = [job for job in self.downloads if job.command_key == command_key]
        if any(self._is_under_way(job) for job in meant):
            raise CwmpFault(FaultCode.CANCEL_NOT_PERMITTED, "the update of the firmware is under way")
        return replace(self, queue=tuple(job for job in self.queue if job not in meant))

    def requested(self) -> Sequence[AllQueuedTransferStruct]:
        """The downloads of the ACS that are not over. Source: TR-069 A.4.1.7"""
        return [job.queued(in_progress=self._is_under_way(job)) for job in self.downloads]

    def autonomous(self) -> Sequence[AllQueuedTransferStruct]:
        """The updates of the firmware that others have asked for and that are not over."""
        return [queued_transfer() for each in self.others if each.subject.is_firmware]

    @property
    def downloads(self) -> list[FirmwareDownload]:
        """Those of the jobs that are transfers."""
        return [job for job in self.queue if isinstance(job, FirmwareDownload)]

    @property
    def switches(self) -> Mapping[int, str]:
        """The execution units that are still to be started or stopped, and which of both."""
        return {job.unit: job.action for job in self.queue if isinstance(job, Switch)}

    def _is_under_way(self, job: Job) -> bool:
        return self.own is not None and self.own.job == job.number

    # -------------------------------------------------------------- jobs

    def job(self, number: str) -> Job | None:
        """The job of a number, if it is not over."""
        return next((each for each in self.queue if each.number == number), None)

    def exchanged(self, job: Job, after: Job | None) -> Self:
        """What it is once a job has become another one; None: it is over."""
        new = () if after is None else (after,)
        queue = [other for each in self.queue for other in (new if each is job else (each,))]
        return replace(self, queue=tuple(queue))

    def is_blocked(self, job: Job) -> bool:
        """Whether a job has to wait for what others have asked for. Source: TR-330 Table 3, 704"""
        is_firmware = isinstance(job, FirmwareDownload)
        return is_firmware and any(each.subject.is_firmware for each in self.others)

    def next_job(self, now: datetime) -> Job | None:
        """The first job that can be begun."""
        return next(
            (
                job
                for job in self.queue
                if not job.waits_for_session and job.due <= now and not self.is_blocked(job)
            ),
            None,
        )

    # -------------------------------------------------------------- what is under way

    @property
    def searched(self) -> Watched | None:
        """What of ours may or may not be at the device."""
        return self.own if self.own and self.own.stage is Stage.SEARCHING else None

    @property
    def watched(self) -> tuple[Watched, ...]:
        """What the device has, of ours and of others."""
        own = (self.own,) if self.own and self.own.stage is Stage.WATCHING else ()
        return (*own, *self.others)

    @property
    def handed_on(self) -> tuple[str, Transfer] | None:
        """The URL by which the device gets a file of ours, and where that comes from."""
        own = self.own
        if own is None or not own.wish.relayed or own.stage not in {Stage.SEARCHING, Stage.WATCHING}:
            return None
        return own.url, own.wish.transfer

    @property
    def known_ids(self) -> frozenset[int]:
        """The OperationIDs that the device need not be asked about."""
        return self.seen.known | {each.operation_id for each in self.watched}

    def with_watched(self, watched: Watched, after: Watched | None) -> Self:
        """What it is once one of these has become another one; None: it is over."""
        if watched is self.own:
            return replace(self, own=after)
        new = () if after is None else (after,)
        others = [other for each in self.others for other in (new if each is watched else (each,))]
        return replace(self, others=tuple(others))

    def listed(self, operations: Collection[int], now: datetime) -> Self:
        """What it is when OperationIDs lists these operations. Source: TR-330 4.7.1.3"""
        own = self.own and self.own.listed(operations, now)
        others = tuple(each.listed(operations, now) for each in self.others)
        seen = self.seen.listed(operations, now).identified(self.known_ids)
        return replace(self, own=own, others=others, seen=seen)
