"""Action calls, over one kept-open connection per device, in order.

async_upnp_client's requester is not used here: it sends any action again, writes included, when a connection
breaks, follows redirects, and reads answers of any size. Source: UDA 1.1 3.2; field practice
"""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Callable
from typing import Final, TypeAlias

import aiohttp
from msgspec import Struct, field

from cwmp_client import trace
from proxier.control_point.device import ProxiedDevice, ProxiedService
from proxier.control_point.documents import BROKEN, TooLarge, describe, read_body
from proxier.control_point.markup import MarkupRefused
from proxier.control_point.soap import is_document, read_answer, write_call
from translation.actions import ActionCall, ActionError, ActionResult, DeviceUnreachable

LARGEST_ANSWER: Final = 16 * 1024 * 1024
"""Bytes: the values of 20,000 parameters are a quarter of it."""
LARGEST_AT_ONCE: Final = 1024 * 1024
"""Bytes; aiohttp warns of more in one piece, and sends a file in several."""
INVALID_ACTION: Final = 401
ACTION_FAILED: Final = 501
_GONE: Final = frozenset({404, 410})
"""HTTP statuses."""
_OTHER_STYLE_AFTER: Final = frozenset({402, 702})
"""Invalid Args and Invalid XML Argument: the device may want documents in the other style."""

ActionObserver: TypeAlias = Callable[[str, float, bool], None]
"""Is told of each call of an action: `CMS.GetValues`, how many seconds it took, whether it failed."""

logger = logging.getLogger(__name__)


class _Line(Struct):
    """What is kept per device: who is next, and how it wants documents."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    inline: bool = False


class NoAnswer(DeviceUnreachable):
    """An HTTP server answered, yet nothing that is an answer to an action."""


class BareRefusal(ActionError):
    """The device refused with an HTTP status (400 and above) and no UPnPError that can be read."""

    def __init__(self, description: str, status: int) -> None:
        super().__init__(ACTION_FAILED, description)
        self.status = status


class ControlUrlGone(BareRefusal):
    """What answers at the control URL does not know it: the device may have moved."""


class Invoker:
    """Calls actions; one for all devices. `session` keeps one connection to each host and port."""

    def __init__(self, session: aiohttp.ClientSession, action_timeout: float) -> None:
        self._session = session
        self._action_timeout = action_timeout
        self._lines: dict[str, _Line] = {}
        self.observers: list[ActionObserver] = []

    async def invoke(self, device: ProxiedDevice, call: ActionCall) -> ActionResult:
        """Call an action, once those before it are done.

        A read that a broken connection swallowed is sent once more, and once in the other style of documents
        when the device did not understand it; a write is sent once, whatever happens.

        Raises:
            ActionError: the device refused it, or its SCPD does not declare it (401); a refusal that does not
                say why, or not in a way that can be read, is 501.
            DeviceUnreachable: there was no answer that can be read in time.
        """
        service = device.services.get(call.service)
        if service is None or call.name not in service.arguments:
            raise ActionError(INVALID_ACTION, f"{device.udn} has no action {call.service.name}.{call.name}")
        line = self._lines.setdefault(device.udn, _Line())
        async with line.turn:
            try:
                return await self._timed(service, call, inline=line.inline)
            except ActionError as refusal:
                if not _worth_the_other_style(call, refusal):
                    raise
                try:
                    result = await self._timed(service, call, inline=not line.inline)
                except (ActionError, DeviceUnreachable):
                    raise refusal from None
                line.inline = not line.inline
                return result

    def forget(self, udn: str) -> None:
        """Keep nothing more of a device that has left."""
        self._lines.pop(udn, None)

    async def _timed(self, service: ProxiedService, call: ActionCall, *, inline: bool) -> ActionResult:
        begun = time.monotonic()
        try:
            result = await self._call(service, call, inline=inline)
        except ActionError as error:  # what the device says may quote what it was sent, a password perhaps
            self._tell(call, time.monotonic() - begun, f"error {error.code}")
            raise
        except DeviceUnreachable as error:
            self._tell(call, time.monotonic() - begun, str(error))
            raise
        self._tell(call, time.monotonic() - begun, "")
        return result

    def _tell(self, call: ActionCall, seconds: float, failure: str) -> None:
        name = f"{call.service.name}.{call.name}"
        details = {"action": name, "ms": trace.milliseconds(seconds)}
        logger.debug("%s: %s", name, failure or "done", extra=details)
        trace.step(name, seconds, failed=bool(failure))
        for observer in self.observers:
            observer(name, seconds, bool(failure))

    async def _call(self, service: ProxiedService, call: ActionCall, *, inline: bool) -> ActionResult:
        names = service.arguments[call.name]
        body = write_call(service.service_type, call.name, names, call.arguments, inline=inline)
        headers = {
            "Content-Type": 'text/xml; charset="utf-8"',
            "SOAPACTION": f'"{service.service_type}#{call.name}"',
        }
        try:
            async with asyncio.timeout(self._action_timeout):
                try:
                    status, answer = await self._post(service.control_url, headers, body)
                except BROKEN as error:
                    if isinstance(error, aiohttp.ClientConnectorError) or not _is_read(call):
                        raise
                    status, answer = await self._post(service.control_url, headers, body)
        except TimeoutError:
            raise DeviceUnreachable(f"{call.name}: no answer within {self._action_timeout:g} s") from None
        except TooLarge as error:
            raise NoAnswer(f"{call.name}: {error}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise DeviceUnreachable(f"{call.name}: {describe(error)}") from None
        try:
            return read_answer(answer)
        except MarkupRefused as refused:
            said = f"{call.name}: HTTP {status} with {refused}"
            if status in _GONE:
                raise ControlUrlGone(said, status) from None
            if status >= 400:
                raise BareRefusal(said, status) from None
            raise NoAnswer(said) from None

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if self._session.closed:
            raise aiohttp.ClientConnectionError("the control point has stopped")
        data = body if len(body) <= LARGEST_AT_ONCE else io.BytesIO(body)
        async with self._session.post(url, data=data, headers=headers, allow_redirects=False) as response:
            return response.status, await read_body(response, LARGEST_ANSWER)


def _is_read(call: ActionCall) -> bool:
    return call.name.startswith("Get")


def _worth_the_other_style(call: ActionCall, refusal: ActionError) -> bool:
    if not _is_read(call) or not any(is_document(value) for value in call.arguments.values()):
        return False
    if isinstance(refusal, BareRefusal):
        return refusal.status == 500
    return refusal.code in _OTHER_STYLE_AFTER
