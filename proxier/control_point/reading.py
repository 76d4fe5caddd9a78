"""When descriptions are read: once for each location, again when something changed, later when it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import Struct, field

from cwmp_client.wake import Wake
from proxier.complaints import Complaints
from proxier.control_point.description import Description, DescriptionReader
from proxier.control_point.documents import DocumentMissing, DocumentRefused, DocumentUnavailable
from proxier.control_point.tasks import Tasks

FIRST_RETRY: Final = 2.0
"""Seconds; doubled with each failure."""
LONGEST_RETRY: Final = 60.0
LONGEST_RETRY_OF_REFUSED: Final = 600.0
"""What was wrong with a document is seldom right a minute later."""

PATIENCE: Final = 4
"""Attempts at the SCPDs of a description before what could be read of it is made do with."""

Done = Callable[[Description, bool], None]
"""Takes what was read, and whether devices with SCPDs that could not be fetched are to be waited for."""
Failed = Callable[[str, frozenset[str]], None]
"""Takes a location that could not be read, and the UDNs that were announced with it."""


class _Reading(Struct, eq=False):
    location: str
    address: str
    host: str
    announced: set[str] = field(default_factory=set)
    """The UDNs, in lower case, that were announced with this location."""
    proxied: tuple[str, ...] = ()
    """The UDNs, in lower case, of the devices that it had for us when it was read."""
    shortfalls: int = 0
    """How often in a row SCPDs could not be fetched."""
    task: asyncio.Task[None] | None = None
    again: bool = False
    wake: Wake = field(default_factory=Wake)


class Readings:
    """Reads descriptions and hands them to `done`; see the module.

    There are as many as UDNs have locations, and no more: who stops caring for a UDN says `forget`.
    """

    def __init__(self, reader: DescriptionReader, done: Done, failed: Failed, complaints: Complaints) -> None:
        self._reader = reader
        self._done = done
        self._failed = failed
        self._complaints = complaints
        self._readings: dict[str, _Reading] = {}
        self._locations: dict[str, set[str]] = {}
        self._tasks = Tasks()

    def want(self, udn: str, location: str, address: str, *, is_there: bool) -> None:
        """Read a description for a UDN that was found; once is enough for all the UDNs in it.

        `is_there` says that its device has been taken from this description already.
        """
        reading = self._get(udn, location, address)
        if reading.task is None and not is_there and (not reading.proxied or udn in reading.proxied):
            self._start(reading)

    def want_again(self, udn: str, location: str, address: str, host: str = "") -> None:
        """Read a description that may have changed since; at once, even when it failed before.

        `host` is what its URLs have to name, where that is not the address.
        """
        reading = self._get(udn, location, address, host)
        if reading.task is None:
            self._start(reading)
        else:
            reading.again = True
            reading.wake.set()

    def is_busy(self, location: str) -> bool:
        """Whether a description is being read, or will be tried again."""
        reading = self._readings.get(location)
        return reading is not None and reading.task is not None

    def forget(self, udn: str) -> None:
        """Stop reading what was read for this UDN alone."""
        for location in self._locations.pop(udn, ()):
            reading = self._readings[location]
            reading.announced.discard(udn)
            if not reading.announced:
                self._drop(reading)

    async def close(self) -> None:
        """Stop reading."""
        await self._tasks.close()

    def _get(self, udn: str, location: str, address: str, host: str = "") -> _Reading:
        reading = self._readings.get(location)
        if reading is None:
            reading = self._readings[location] = _Reading(location, address, host)
        reading.announced.add(udn)
        self._locations.setdefault(udn, set()).add(location)
        return reading

    def _drop(self, reading: _Reading) -> None:
        del self._readings[reading.location]
        if reading.task is not None:
            reading.task.cancel()

    def _start(self, reading: _Reading) -> None:
        reading.task = self._tasks.start(self._read(reading))

    async def _read(self, reading: _Reading) -> None:
        failures = 0
        try:
            while True:
                reading.again = False
                reading.wake.clear()
                longest = await self._read_once(reading)
                if longest:
                    pause = min(FIRST_RETRY * 2 ** min(failures, 16), longest)
                    failures += 1
                    await reading.wake.wait(pause)
                elif reading.again:
                    failures = 0
                else:
                    return
        finally:
            reading.task = None

    async def _read_once(self, reading: _Reading) -> float:
        """Returns 0, or for how many seconds at most the next attempt may be put off."""
        patient = reading.shortfalls < PATIENCE
        try:
            description = await self._reader.read(
                reading.location, reading.address, reading.host, patient=patient
            )
        except (DocumentUnavailable, DocumentRefused) as error:
            self._complaints.say(reading.location, f"not proxied: {error}")
            self._failed(reading.location, frozenset(reading.announced))
            lasting = isinstance(error, DocumentRefused | DocumentMissing)
            return LONGEST_RETRY_OF_REFUSED if lasting else LONGEST_RETRY
        reading.proxied = tuple(device.udn.lower() for device in description.devices)
        whole = description.complete and (patient or not description.left_out)
        reading.shortfalls = 0 if whole else reading.shortfalls + 1
        self._done(description, patient)
        return 0 if description.complete else LONGEST_RETRY
