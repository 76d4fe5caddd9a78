"""How a simulated device is made to do what no device should, for a while or until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import web

from proxier.demo.device_errors import UpnpError

OTHER_REQUESTS = frozenset({"description", "scpd", "SUBSCRIBE", "UNSUBSCRIBE", "log"})
"""What can go wrong beside actions, which go by their names."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The action is refused with a UPnPError, and not carried out."""

    code: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Something else is answered in place of the right thing; an action is not carried out."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing is answered for so many seconds, without end by default; then all goes its way."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection is cut without an answer, before an action is carried out or after it."""

    carried_out: bool = False


Misbehaviour: TypeAlias = Refuse | Answer | Hang | Drop


class Misbehaviours:
    """What is planned to go wrong, by the name of the request."""

    def __init__(self) -> None:
        self._planned: dict[str, list[tuple[Misbehaviour, int | None]]] = {}

    def plan(self, request: str, misbehaviour: Misbehaviour, times: int | None) -> None:
        """Plans one for the next `times` requests; None for all that come."""
        self._planned.setdefault(request, []).append((misbehaviour, times))

    def end(self) -> None:
        """From now on everything goes right."""
        self._planned.clear()

    async def meet(self, name: str, request: web.Request) -> web.Response | Drop | None:
        """Plays what is planned for a request; returns its answer, or a Drop that is to be played afterwards.

        Raises:
            UpnpError: that is what is planned.
        """
        match self._take(name):
            case Refuse(code, description):
                raise UpnpError(code, description)
            case Answer(status, body, headers):
                return web.Response(status=status, body=body, headers=headers)
            case Hang(seconds):
                await (asyncio.Event().wait() if seconds is None else asyncio.sleep(seconds))
            case Drop(carried_out=True) as drop:
                return drop
            case Drop():
                return cut(request)
            case None:
                pass
        return None

    def _take(self, name: str) -> Misbehaviour | None:
        planned = self._planned.get(name)
        if not planned:
            return None
        misbehaviour, times = planned[0]
        if times == 1:
            planned.pop(0)
        elif times is not None:
            planned[0] = misbehaviour, times - 1
        return misbehaviour


def cut(request: web.Request) -> web.Response:
    """Cuts the connection; the answer returned goes nowhere."""
    if request.transport:
        request.transport.abort()
    return web.Response()
