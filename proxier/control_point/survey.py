"""One search of its own, for a person who wants to know what is there and why it would not be proxied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from yarl import URL

from proxier.control_point.description import Description, DescriptionReader
from proxier.control_point.device import Found
from proxier.control_point.documents import (
    DocumentFetcher,
    DocumentRefused,
    DocumentUnavailable,
    address_of,
    describe,
    url_at,
)
from proxier.control_point.interfaces import SsdpNetwork
from proxier.control_point.lines import Lines
from proxier.control_point.ssdp import Kind, may_concern_us, read_message
from proxier.settings import UpnpSettings

MOST_LOCATIONS: Final = 1024
READING_SECONDS: Final = 5.0
"""What is given to descriptions that are still being read when the time to listen is over."""

Begins = Callable[[Sequence[str], Sequence[str]], None]
"""Is told on which addresses a search begins, and where it was to search and cannot."""


class _Search:
    """What one search has found so far."""

    def __init__(self, reader: DescriptionReader) -> None:
        self._reader = reader
        self._found: dict[str, list[Found]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def hear(self, datagram: bytes, source: str) -> None:
        """Take a datagram."""
        message = read_message(datagram) if may_concern_us(datagram) else None
        if message is None or message.kind is not Kind.ALIVE or not message.location:
            return
        try:
            url_at(message.location, source)
        except DocumentRefused as refused:
            self._found.setdefault(
                message.location, [_unread(message.location, source, f"LOCATION {refused}")]
            )
        else:
            self.visit(message.location, source)

    async def visit_configured(self, location: str) -> None:
        """Read a description that the configuration names, wherever its host is."""
        url = URL(location)
        try:
            self.visit(location, await address_of(url.host or "", url.port), url.host or "")
        except OSError as error:
            self._found[location] = [_unread(location, "", describe(error))]

    def visit(self, location: str, address: str, host: str = "") -> None:
        """Read a description, once."""
        if location not in self._found and len(self._found) < MOST_LOCATIONS:
            self._found[location] = [_unread(location, address, "its description could not be read in time")]
            self._tasks.append(asyncio.create_task(self._read(location, address, host)))

    async def results(self) -> list[Found]:
        """What was found, once all is read or the time is up."""
        if self._tasks:
            _, unfinished = await asyncio.wait(self._tasks, timeout=READING_SECONDS)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        found = {
            (entry.udn or entry.location): entry for entries in self._found.values() for entry in entries
        }
        return sorted(found.values(), key=lambda entry: (not entry.services, entry.address, entry.location))

    async def _read(self, location: str, address: str, host: str) -> None:
        try:
            self._found[location] = _entries(await self._reader.read(location, address, host))
        except (DocumentUnavailable, DocumentRefused) as error:
            self._found[location] = [_unread(location, address, str(error))]


async def search(
    settings: UpnpSettings, timeout_seconds: float, begins: Begins = lambda _addresses, _missing: None
) -> list[Found]:
    """Search once, read what answers, and say what could be proxied; needs no daemon and disturbs none.

    `timeout_seconds` is for listening; answers may come up to two seconds after the search. What `begins`
    raises ends the search.
    """
    async with Lines() as session:
        current = _Search(DescriptionReader(DocumentFetcher(session)))
        network = SsdpNetwork(settings.interfaces, current.hear)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_seconds):
                    for location in settings.locations:
                        await current.visit_configured(location)
                    await network.refresh()
                    begins(network.addresses, network.missing)
                    if network.addresses:
                        await network.search()
                        await asyncio.Event().wait()
        finally:
            network.close()  # what is heard while the rest is read could not be read in time itself
        return await current.results()


def _unread(location: str, address: str, reason: str) -> Found:
    return Found(udn="", location=location, address=address, reasons=(reason,))


def _entries(description: Description) -> list[Found]:
    left_out = tuple(map(str, description.left_out))
    if description.devices:
        return [
            Found(
                udn=device.udn,
                location=device.location,
                address=device.address,
                device_type=device.device_type,
                friendly_name=device.friendly_name,
                manufacturer=device.manufacturer,
                model_name=device.model_name,
                serial_number=device.serial_number,
                services=tuple(map(str, device.services.values())),
                reasons=left_out,
            )
            for device in description.devices
        ]
    return [
        Found(
            udn=description.root_udn,
            location=description.location,
            address=description.address,
            device_type=description.device_type,
            friendly_name=description.friendly_name,
            manufacturer=description.manufacturer,
            model_name=description.model_name,
            serial_number=description.serial_number,
            reasons=left_out or ("no Device Management service",),
        )
    ]
