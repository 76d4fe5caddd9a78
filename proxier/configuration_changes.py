"""What a Proxied Device tells of its configuration, asked for where it does not tell, and told to the ACS.

Source: TR-330 4.6.5.2.1
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from cwmp_client.endpoint import Endpoint
from cwmp_client.faults import CwmpFault
from proxier.fallback_parameters import FallbackParameters
from proxier.physical_device import PhysicalDevice
from proxier.proxied_parameters import ProxiedParameters
from proxier.store import StoreError
from translation.actions import Service, StateChange
from translation.changes import Meaning

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
"""The wait before what an event told of is asked for again, when the device could not be asked."""


class ConfigurationChanges:
    """Sees to it that the ACS hears of every change of a watched parameter, once.

    Args:
        device: asked whether its events arrive.
        proxied: its own parameters.
        fallback: those that follow its own ones.
        endpoint: tells the ACS.
        hasten: asks for the next `keep_up` in so many seconds.
    """

    def __init__(
        self,
        device: PhysicalDevice,
        proxied: ProxiedParameters,
        fallback: FallbackParameters,
        endpoint: Endpoint,
        hasten: Callable[[float], None],
    ) -> None:
        self._device = device
        self._proxied = proxied
        self._fallback = fallback
        self._endpoint = endpoint
        self._hasten = hasten
        self._telling = asyncio.Lock()
        self.is_behind = False
        """Whether something that an event told of is still to be asked for."""

    async def notice(self, change: StateChange) -> None:
        """An event came: what it tells of is read and told to the ACS, now or as soon as it can be."""
        try:
            async with self._telling:
                await self._tell(await self._proxied.notice(change))
        except (CwmpFault, StoreError) as error:
            # The event comes once: what it told of is asked for until it is known.
            logger.info("%s: a change cannot be read now, and is asked for again: %s", self._device, error)
            self.is_behind = True
            self._hasten(RETRY_SECONDS)

    async def keep_up(self) -> None:
        """Ask the device what no event told, or what could not be asked when an event told of it."""
        if self.is_behind or self._lacks_events():
            await self._poll()

    async def settle(self) -> None:
        """Read what the ACS watches since the session that is over.

        Changes are found by the first values that are read.
        """
        if self._telling.locked():  # whoever tells now settles then
            return
        try:
            async with self._telling:
                await self._proxied.settled()
        except CwmpFault as fault:
            logger.info("%s: what is watched cannot be read now: %s", self._device, fault)

    async def _poll(self) -> None:
        if self._lacks_events():
            self._proxied.events_lost()
        try:
            async with self._telling:
                await self._tell(await self._proxied.poll())
        except (CwmpFault, StoreError) as error:
            logger.debug("%s cannot be polled: %s", self._device, error)
        else:
            self.is_behind = False

    async def _tell(self, meaning: Meaning) -> None:
        changed = (*meaning.parameters, *self._fallback.take_changes())
        if changed:
            await self._proxied.told(lambda records: self._endpoint.value_changed(*changed, records=records))
        else:
            await self._proxied.noted()
        if not self._endpoint.in_session:  # else it is done when the session is over
            await self._proxied.settled()

    def _lacks_events(self) -> bool:
        if self._device.provider(Service.CMS) is None:
            return False
        return not (self._device.tells_of(Service.CMS) and self._proxied.is_told)
