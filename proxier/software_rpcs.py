"""The RPCs of an ACS that are about a device's software, and about all transfers of a device.

Source: TR-330 4.7.1.1; TR-069 A.3.2.8, A.4.1.1, A.4.1.7, A.4.1.9, A.4.1.10
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from cwmp_client.messages import (
    AllQueuedTransferStruct,
    ChangeDUState,
    ChangeDUStateResponse,
    Download,
    DownloadResponse,
)
from cwmp_client.rpcs import Methods
from proxier.operations import Operations
from proxier.software_objects import SoftwareObjects
from translation.files import RelayMode
from translation.firmware import begin_download
from translation.sms import ON_UNITS
from translation.software_modules import UnitChanges, begin_changes

LATER = 1
"""The Status of a transfer that a TransferComplete follows. Source: TR-069 A.3.2.8"""


class SoftwareRpcs:
    """What one device's endpoint answers of these; it is its `Transfers` too.

    Args:
        operations: of the device.
        objects: keep its `Software`.
        relay: when the proxier fetches files itself.
        now: the clock.
    """

    def __init__(
        self,
        operations: Operations,
        objects: SoftwareObjects,
        relay: RelayMode,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._operations = operations
        self._objects = objects
        self._relay = relay
        self._now = now

    @property
    def methods(self) -> Methods:
        """What the device can do now. Download is one that every CPE has, and some refuse."""
        if self._objects.actions & ON_UNITS:
            return {Download: self.download, ChangeDUState: self.change_du_state}
        return {Download: self.download}

    async def download(self, request: Download) -> DownloadResponse:
        """Queue a Download. Source: TR-330 4.7.1.1"""
        job = begin_download(
            request,
            self._objects.actions,
            self._relay,
            number=secrets.token_hex(8),
            queued=len(self.requested()),
            now=self._now(),
        )
        await self._operations.change(lambda: self._objects.software.with_job(job))
        return DownloadResponse(LATER)

    async def change_du_state(self, request: ChangeDUState) -> ChangeDUStateResponse:
        """Queue a ChangeDUState. Source: TR-069 A.4.1.10"""
        job = begin_changes(
            request,
            self._objects.actions,
            self._relay,
            number=secrets.token_hex(8),
            waiting=sum(isinstance(each, UnitChanges) for each in self._objects.software.queue),
            now=self._now(),
        )
        await self._operations.change(lambda: self._objects.software.with_job(job))
        return ChangeDUStateResponse()

    # -------------------------------------------------------------- Transfers

    def requested(self) -> Sequence[AllQueuedTransferStruct]:
        """See `Transfers`."""
        return [*self._operations.requested(), *self._objects.software.requested()]

    def autonomous(self) -> Sequence[AllQueuedTransferStruct]:
        """See `Transfers`."""
        return [*self._operations.autonomous(), *self._objects.software.autonomous()]

    async def cancel(self, command_key: str) -> None:
        """See `Transfers`. Source: TR-069 A.4.1.9"""
        if self._objects.software.without(command_key) != self._objects.software:
            await self._operations.change(lambda: self._objects.software.without(command_key))
        await self._operations.cancel(command_key)
