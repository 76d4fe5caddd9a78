"""What an ACS may do to a CPE beside answering it well: the faults that the tests inject.

Each is a value with one method, which answers a POST in place of the ACS, or around it.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from aiohttp import web


class Proceed(Protocol):
    """Gives the ACS's own answer, with HoldRequests if asked for."""

    async def __call__(self, *, hold: bool = False) -> web.StreamResponse: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """One HTTP request of a CPE; `fault` makes a CWMP fault of the answer and leaves the ACS as it was."""

    request: web.Request
    proceed: Proceed
    fault: Callable[[int, str], web.Response]


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """The base of all; an instance of it does nothing wrong."""

    ruins: ClassVar[bool] = False
    """Whether the CPE must take the session for unsuccessful afterwards."""
    forgets: ClassVar[bool] = False
    """Whether the CPE may send the same once more: to it, the connection may just have been stale."""
    hangs_up: ClassVar[bool] = False
    """Whether the connection ends though the session goes on."""

    @property
    def excuses(self) -> bool:
        """Whether the CPE may choose afterwards to leave the session or to go on with it."""
        return False

    def suits(self, name: str) -> bool:
        """Whether this can be done to a message of this name; the empty POST has none."""
        del name
        return True

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer, or see to it that no answer comes."""
        return await turn.proceed()


@dataclass(frozen=True, slots=True)
class Drop(Misbehaviour):
    """Close the connection without an answer, before or after the ACS has taken the message for good."""

    ruins = True
    forgets = True
    taken: bool = False

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Hang up."""
        if self.taken:
            await turn.proceed()
        return _hang_up(turn.request)


@dataclass(frozen=True, slots=True)
class Cut(Misbehaviour):
    """Send half of the answer, then close the connection; of an empty one the CPE then has all."""

    ruins = True
    forgets = True

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Send half."""
        whole = await turn.proceed()
        body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
        half = web.StreamResponse(status=whole.status, headers=whole.headers)
        half.content_length = len(body) + 1
        await half.prepare(turn.request)
        await half.write(body[: len(body) // 2])
        _hang_up(turn.request)
        return half


@dataclass(frozen=True, slots=True)
class Delay(Misbehaviour):
    """Answer well, and late."""

    seconds: float

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer late."""
        response = await turn.proceed()
        await asyncio.sleep(self.seconds)
        return response


@dataclass(frozen=True, slots=True)
class Status(Misbehaviour):
    """Answer with a status of HTTP that is no success."""

    ruins = True
    code: int = 503
    headers: dict[str, str] = field(default_factory=dict)

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer with the status."""
        del turn
        return web.Response(status=self.code, headers=self.headers)


@dataclass(frozen=True, slots=True)
class Redirect(Misbehaviour):
    """Send the CPE to another URL, by default to another path of this ACS. Source: TR-069 3.4.2"""

    status: int = 302
    location: str = "/elsewhere"

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer with the other URL."""
        del turn
        return web.Response(status=self.status, headers={"Location": self.location})


@dataclass(frozen=True, slots=True)
class Garbage(Misbehaviour):
    """Answer 200 with what is no envelope."""

    ruins = True
    body: bytes = b"<soap:Envelope><unfinished"
    content_type: str = "text/xml"

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer with the garbage."""
        del turn
        return web.Response(body=self.body, content_type=self.content_type)


@dataclass(frozen=True, slots=True)
class FaultAnswer(Misbehaviour):
    """Answer a request of the CPE with a CWMP fault; 8005 asks it to send the same again.

    `malformed` writes it as GenieACS does: a fault in XML that cannot be read.
    """

    code: int = 8005
    text: str = "Retry request"
    malformed: bool = False

    @property
    def excuses(self) -> bool:
        """What cannot be read may be taken for the end of the session, or for the fault that it means."""
        return self.malformed

    def suits(self, name: str) -> bool:
        """Only requests are answered by faults."""
        return name not in {"", "Fault"} and not name.endswith("Response")

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer with the fault."""
        response = turn.fault(self.code, self.text)
        if self.malformed and isinstance(response.body, bytes):
            response.body = response.body.replace(b"Body>", b"Body:Fault>")
        return response


@dataclass(frozen=True, slots=True)
class Hold(Misbehaviour):
    """Set HoldRequests until the ACS has nothing more to ask. Source: TR-069 3.7.1.3"""

    def suits(self, name: str) -> bool:
        """The session begins held."""
        return name == "Inform"

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer with HoldRequests."""
        return await turn.proceed(hold=True)


@dataclass(frozen=True, slots=True)
class Close(Misbehaviour):
    """Answer well and close the connection, with `Connection: close` or without a word."""

    hangs_up = True
    announced: bool = True

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer and close."""
        response = await turn.proceed()
        if self.announced:
            response.force_close()
            return response
        await response.prepare(turn.request)
        await response.write_eof()
        _hang_up(turn.request)
        return response


@dataclass(frozen=True, slots=True)
class Chunked(Misbehaviour):
    """Answer well, in chunks."""

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer in chunks."""
        response = await turn.proceed()
        if response.status == 200:
            response.enable_chunked_encoding()
        return response


@dataclass(frozen=True, slots=True)
class Gzip(Misbehaviour):
    """Answer well, compressed. Source: TR-069 3.4.7"""

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer compressed."""
        response = await turn.proceed()
        if response.status == 200:
            response.enable_compression(web.ContentCoding.gzip)
        return response


@dataclass(frozen=True, slots=True)
class EmptySuccess(Misbehaviour):
    """Say 200 with an empty body where the answer is 204."""

    async def answer(self, turn: Turn) -> web.StreamResponse:
        """Answer 200 for 204."""
        response = await turn.proceed()
        if response.status == 204:
            response.set_status(200)
        return response


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


@dataclass(slots=True)
class _Planned:
    how: Misbehaviour
    on: str | None
    device_id: str | None
    times: float
    chance: float


class Plans:
    """What is still to go wrong; chances are drawn from `source`."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._planned: list[_Planned] = []

    def add(
        self, how: Misbehaviour, on: str | None, device_id: str | None, times: int | None, chance: float
    ) -> None:
        """Plan one for the next messages of a name and a device, None being any; `times` None is for ever."""
        self._planned.append(_Planned(how, on, device_id, math.inf if times is None else times, chance))

    def clear(self) -> None:
        """Forget them all."""
        self._planned.clear()

    def next(self, name: str, device_id: str) -> Misbehaviour:
        """Choose what to do to this message: the first plan that fits it, else nothing."""
        for planned in self._planned:
            fits = (
                planned.on in {None, name}
                and planned.device_id in {None, device_id}
                and planned.how.suits(name)
            )
            if fits and (planned.chance >= 1 or self._source.random() < planned.chance):
                planned.times -= 1
                if planned.times <= 0:
                    self._planned.remove(planned)
                return planned.how
        return Misbehaviour()


__all__ = [
    "Chunked",
    "Close",
    "Cut",
    "Delay",
    "Drop",
    "EmptySuccess",
    "FaultAnswer",
    "Garbage",
    "Gzip",
    "Hold",
    "Misbehaviour",
    "Plans",
    "Redirect",
    "Status",
    "Turn",
]
