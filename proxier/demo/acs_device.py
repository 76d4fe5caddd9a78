"""A CPE as the ACS knows it: what it has said, what is wanted of it, and how to reach it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cwmp_client.messages import (
    AcsRequest,
    CpeRequest,
    CpeResponse,
    DeviceIdStruct,
    Fault,
    GetParameterValuesResponse,
    Inform,
    ParameterValueStruct,
    SetParameterValues,
    SetParameterValuesFault,
    SetParameterValuesResponse,
    TransferComplete,
)
from proxier.demo.acs_session import AcsSession, Order, SessionState
from proxier.demo.acs_soap import Header

T = TypeVar("T")
R = TypeVar("R")

Knock = Callable[[str, str, str], Awaitable[int]]
"""Sends a connection request to a URL with a username and password; returns the HTTP status.

Raises:
    ConnectionError: nobody answers there.
"""

_PATIENCE_SECONDS = 5.0
"""How long a session may be in coming after an accepted connection request before the next one."""

_PAUSE_SECONDS = 0.25
"""How long to wait after a refused one: the device may be in the last lines of a session."""


class AcsFault(Exception):
    """A device answered an RPC with a fault; `parameters` says which ones a SetParameterValues failed at."""

    def __init__(self, code: int, text: str, parameters: tuple[SetParameterValuesFault, ...] = ()) -> None:
        super().__init__(f"{code} {text}".rstrip())
        self.code = code
        self.text = text
        self.parameters = parameters


class SpoiledAnswer(Exception):
    """A device answered an RPC with something that is no answer; the ACS's violations hold it too."""


@dataclass(slots=True)
class ReceivedInform:
    """An Inform, with what stood around it; `answered` once the InformResponse is on its way."""

    device_id: str
    inform: Inform
    header: Header
    namespace: str
    at: datetime
    answered: bool = False

    @property
    def events(self) -> tuple[str, ...]:
        """The event codes, in order."""
        return tuple(event.event_code for event in self.inform.event)

    @property
    def parameters(self) -> dict[str, str]:
        """The values by name."""
        return {parameter.name: parameter.value for parameter in self.inform.parameter_list}


class Bell:
    """Wakes everybody who waits for a change."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Say that something has changed."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next change."""
        await self._rung.wait()

    async def until(self, look: Callable[[], T | None], timeout: float, what: Callable[[], str]) -> T:  # noqa: ASYNC109 - it words the error
        """Wait until `look` finds something.

        Raises:
            TimeoutError: it has not within `timeout` seconds; the error's text is `what`.
        """
        try:
            async with asyncio.timeout(timeout):
                while (found := look()) is None:
                    await self.wait()
        except TimeoutError:
            raise TimeoutError(what()) from None
        return found


class AcsDevice:
    """One device of the ACS, and the way to ask something of it."""

    def __init__(self, device_id: str, knock: Knock, violations: Sequence[str]) -> None:
        self.device_id = device_id
        self.informs: list[ReceivedInform] = []
        self.requests: list[CpeRequest] = []
        """What it asked of the ACS, its Informs aside."""
        self.parameters: dict[str, str] = {}
        """The values that it told, or was told, last: by Inform, GetParameterValues, SetParameterValues."""
        self.credentials: tuple[str, str] | None = None
        """Name and password of its connection requests, as far as the ACS knows them."""
        self.session: AcsSession | None = None
        self.connection: asyncio.BaseTransport | None = None
        """The connection of that session, unless the ACS closed it itself."""
        self.bell = Bell()
        self._knock = knock
        self._violations = violations
        self._orders: deque[Order] = deque()
        self._provisioning: Order | None = None
        self._calling: asyncio.Task[None] | None = None
        self._last_call = "no connection request was sent"
        self._waited_for: dict[str, int] = {}

    @property
    def transfer_completes(self) -> list[TransferComplete]:
        """Every TransferComplete that it has sent."""
        return [request for request in self.requests if isinstance(request, TransferComplete)]

    @property
    def root(self) -> str:
        """The root object of its data model, with the dot."""
        return next((name.partition(".")[0] + "." for name in self.parameters), "Device.")

    @property
    def in_session(self) -> bool:
        """Whether a session is open, and the CPE has not hung up in it."""
        if self.session is None or self.session.state is not SessionState.OPEN:
            return False
        return self.connection is None or not self.connection.is_closing()

    # ---- for who uses the ACS ----

    async def request(self, request: AcsRequest, *, timeout: float = 30.0) -> CpeResponse:  # noqa: ASYNC109 - the reader of a test expects it
        """Ask something of the device, in the session that is open or that a connection request brings.

        An RPC whose answer a broken session swallowed is sent again in the next session.

        Raises:
            AcsFault: the device answered with a fault.
            SpoiledAnswer: it answered with what is no answer.
            TimeoutError: no answer came within `timeout` seconds.
        """
        order = PendingRequest(request, self)
        self._orders.append(order)
        self._call()
        try:
            async with asyncio.timeout(timeout):
                return await order.response
        except TimeoutError:
            raise TimeoutError(
                f"{self.device_id} has not answered {type(request).__name__} within {timeout} s;"
                f" {self._last_call}; violations: {list(self._violations[-3:])}"
            ) from None
        finally:
            if order in self._orders:
                self._orders.remove(order)

    async def connection_request(self, username: str | None = None, password: str | None = None) -> int:
        """Send one connection request, with credentials other than the known if wanted; return the status.

        Raises:
            LookupError: the device has told no ConnectionRequestURL.
            ConnectionError: nobody answers there.
        """
        url = self.parameters.get(f"{self.root}ManagementServer.ConnectionRequestURL")
        if not url:
            raise LookupError(f"{self.device_id} has told no ConnectionRequestURL")
        known_username, known_password = self.credentials or ("", "")
        return await self._knock(
            url,
            known_username if username is None else username,
            known_password if password is None else password,
        )

    async def wait_event(self, code: str, *, timeout: float = 5.0) -> ReceivedInform:  # noqa: ASYNC109 - as above
        """Wait for an answered Inform with this event, past the one that the last such call returned.

        Raises:
            TimeoutError: none came within `timeout` seconds.
        """

        def look() -> ReceivedInform | None:
            return self._unseen(
                code, self.informs, lambda received: received.answered and code in received.events
            )

        return await self.bell.until(look, timeout, lambda: self._missed(code))

    async def wait_request(self, kind: type[R], *, timeout: float = 5.0) -> R:  # noqa: ASYNC109 - as above
        """Wait for a request of this kind, past the one that the last such call returned.

        Raises:
            TimeoutError: none came within `timeout` seconds.
        """

        def look() -> R | None:
            found = self._unseen(kind.__name__, self.requests, lambda request: isinstance(request, kind))
            return found if isinstance(found, kind) else None

        return await self.bell.until(look, timeout, lambda: self._missed(kind.__name__))

    async def session_over(self, *, timeout: float = 5.0) -> None:  # noqa: ASYNC109 - as above
        """Wait until no session is open.

        Raises:
            TimeoutError: one is still open after `timeout` seconds.
        """
        await self.bell.until(
            lambda: None if self.in_session else True, timeout, lambda: self._missed("the end of its session")
        )

    # ---- for the ACS ----

    def take(self) -> Order | None:
        """Hand out the next RPC that waits for the device."""
        while self._orders:
            order = self._orders.popleft()
            if order.wanted:
                return order
        return None

    def put_back(self, order: Order) -> None:
        """Put an RPC back that got no answer."""
        self._orders.appendleft(order)
        self._call()
        self.bell.ring()

    def informed(self, received: ReceivedInform) -> None:
        """Take notice of an Inform."""
        self.informs.append(received)
        self.parameters |= received.parameters

    def provision(self) -> None:
        """See to it that the ACS knows the credentials of connection requests, by setting them first of all.

        GenieACS does the same at first contact. What the device says to it is in the transcript.
        """
        self.credentials = None
        if self._provisioning is not None and self._provisioning in self._orders:
            return
        prefix = f"{self.root}ManagementServer.ConnectionRequest"
        values = (
            ParameterValueStruct(f"{prefix}Username", self.device_id[:256]),
            ParameterValueStruct(f"{prefix}Password", secrets.token_hex(8)),
        )
        self._provisioning = PendingRequest(SetParameterValues(values), self)
        self._orders.appendleft(self._provisioning)

    def learn(self, request: AcsRequest, response: CpeResponse) -> None:
        """Remember what an answered RPC tells of the device."""
        if isinstance(response, GetParameterValuesResponse):
            # Passwords read back empty.
            told = {p.name: p.value for p in response.parameter_list if not p.name.endswith("Password")}
        elif isinstance(request, SetParameterValues) and isinstance(response, SetParameterValuesResponse):
            told = {parameter.name: parameter.value for parameter in request.parameter_list}
        else:
            return
        self.parameters |= told
        prefix = f"{self.root}ManagementServer.ConnectionRequest"
        username, password = self.credentials or ("", "")
        if told.keys() & {f"{prefix}Username", f"{prefix}Password"}:
            self.credentials = (
                told.get(f"{prefix}Username", username),
                told.get(f"{prefix}Password", password),
            )

    async def stop(self) -> None:
        """Send no more connection requests."""
        if self._calling:
            self._calling.cancel()
            await asyncio.wait([self._calling])

    def _call(self) -> None:
        if self._calling is None or self._calling.done():
            self._calling = asyncio.create_task(self._call_until_nothing_waits())

    async def _call_until_nothing_waits(self) -> None:
        # Nobody waits for the credentials, and before the ACS knows them no call would help.
        while any(order is not self._provisioning for order in self._orders):
            pause = _PAUSE_SECONDS
            if not self.in_session:
                try:
                    status = await self.connection_request()
                except (ConnectionError, LookupError) as error:
                    self._last_call = str(error)
                else:
                    self._last_call = f"the last connection request was answered {status}"
                    pause = (
                        _PATIENCE_SECONDS if status in {200, 204} and not self.in_session else _PAUSE_SECONDS
                    )
            # A CPE that vanishes in a session rings no bell, so the wait has an end.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self.bell.wait()

    def _unseen(self, key: str, things: Sequence[T], fits: Callable[[T], bool]) -> T | None:
        start = self._waited_for.get(key, 0)
        for index, thing in enumerate(things[start:], start):
            if fits(thing):
                self._waited_for[key] = index + 1
                return thing
        return None

    def _missed(self, what: str) -> str:
        events = [", ".join(received.events) for received in self.informs]
        violations = list(self._violations[-3:])
        return f"{self.device_id}: {what} has not come; Informs: {events}; violations: {violations}"


class PendingRequest:
    """An RPC that waits for its answer."""

    def __init__(self, request: AcsRequest, device: AcsDevice) -> None:
        self.request = request
        self.response: asyncio.Future[CpeResponse] = asyncio.get_running_loop().create_future()
        # Who gave up waiting never asks for the outcome.
        self.response.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._device = device

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for the answer."""
        return not self.response.done()

    def answered(self, response: CpeResponse | Fault) -> None:
        """Take the answer."""
        if not isinstance(response, Fault):
            self._device.learn(self.request, response)
        if self.response.done():
            return
        if isinstance(response, Fault):
            fault = AcsFault(response.fault_code, response.fault_string, response.set_parameter_values_faults)
            self.response.set_exception(fault)
        else:
            self.response.set_result(response)

    def spoiled(self, reason: str) -> None:
        """Take notice that the device answered with what is no answer."""
        if not self.response.done():
            self.response.set_exception(SpoiledAnswer(reason))


def device_id_of(identity: DeviceIdStruct) -> str:
    """Name a device as operators do: OUI-ProductClass-SerialNumber."""
    return f"{identity.oui}-{identity.product_class}-{identity.serial_number}"


__all__ = ["AcsDevice", "AcsFault", "Bell", "ReceivedInform", "SpoiledAnswer", "device_id_of"]
