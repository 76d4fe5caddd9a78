"""Action calls, one after the other for each device, over its kept line.

async_upnp_client's requester is not used here: it sends any action again, writes included, when a connection
breaks, follows redirects, and reads answers of any size. Source: UDA 1.1 3.2; field practice
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec import Struct, field

from cwmp_client import trace
from cwmp_client.http_line import Disconnected, LineFailure, Reply, TooLong, TooSlow
from proxier.control_point.device import ProxiedDevice, ProxiedService
from proxier.control_point.lines import Lines
from proxier.control_point.markup import MarkupRefused
from proxier.control_point.soap import is_document, read_answer, write_call
from translation.actions import ActionCall, ActionError, ActionResult, DeviceUnreachable

LARGEST_ANSWER: Final = 16 * 1024 * 1024
"""Bytes: the values of 20,000 parameters are a quarter of it."""
INVALID_ACTION: Final = 401
ACTION_FAILED: Final = 501
_GONE: Final = frozenset({404, 410})
"""HTTP statuses."""
_OTHER_STYLE_AFTER: Final = frozenset({402, 702})
"""Invalid Args and Invalid XML Argument: the device may want documents in the other style."""

ActionObserver: TypeAlias = Callable[[str, float, bool], None]
"""Is told of each call of an action: `CMS.GetValues`, how many seconds it took, whether it failed."""

logger = logging.getLogger(__name__)


class _Callee(Struct):
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
    """Calls actions; one for all devices."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._callees: dict[str, _Callee] = {}
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
        callee = self._callees.setdefault(device.udn, _Callee())
        async with callee.turn:
            try:
                return await self._timed(service, call, inline=callee.inline)
            except ActionError as refusal:
                if not _worth_the_other_style(call, refusal):
                    raise
                try:
                    result = await self._timed(service, call, inline=not callee.inline)
                except (ActionError, DeviceUnreachable):
                    raise refusal from None
                callee.inline = not callee.inline
                return result

    def forget(self, udn: str) -> None:
        """Keep nothing more of a device that has left."""
        self._callees.pop(udn, None)

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
        if logger.isEnabledFor(logging.DEBUG):
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
            reply = await self._post(service.control_url, headers, body, again=_is_read(call))
        except TooLong as failure:
            raise NoAnswer(f"{call.name}: {failure}") from None
        except TooSlow:
            seconds = self._lines.longest_over_kept
            raise DeviceUnreachable(f"{call.name}: no answer within {seconds:g} s") from None
        except LineFailure as failure:
            raise DeviceUnreachable(f"{call.name}: {failure}") from None
        try:
            return read_answer(reply.body)
        except MarkupRefused as refused:
            said = f"{call.name}: HTTP {reply.status} with {refused}"
            if reply.status in _GONE:
                raise ControlUrlGone(said, reply.status) from None
            if reply.status >= 400:
                raise BareRefusal(said, reply.status) from None
            raise NoAnswer(said) from None

    async def _post(self, url: str, headers: dict[str, str], body: bytes, *, again: bool) -> Reply:
        due = asyncio.get_running_loop().time() + self._lines.longest_over_kept
        try:
            return await self._lines.over_kept("POST", url, headers, body, most_bytes=LARGEST_ANSWER)
        except Disconnected:
            if not again:
                raise
        try:
            async with asyncio.timeout_at(due):
                return await self._lines.over_kept("POST", url, headers, body, most_bytes=LARGEST_ANSWER)
        except TimeoutError:
            raise TooSlow("no answer to a call that was sent twice") from None


def _is_read(call: ActionCall) -> bool:
    return call.name.startswith("Get")


def _worth_the_other_style(call: ActionCall, refusal: ActionError) -> bool:
    if not _is_read(call) or not any(is_document(value) for value in call.arguments.values()):
        return False
    if isinstance(refusal, BareRefusal):
        return refusal.status == 500
    return refusal.code in _OTHER_STYLE_AFTER
