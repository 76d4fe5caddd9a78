"""The HTTP server of the simulated device: description, SCPDs, control, eventing and logs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Protocol

from aiohttp import web

from proxier.demo.device_control import (
    Arguments,
    BadRequest,
    Call,
    read_arguments,
    read_invocation,
    write_answer,
    write_fault,
)
from proxier.demo.device_errors import UpnpError
from proxier.demo.device_gena import EventSource
from proxier.demo.device_history import History
from proxier.demo.device_misbehaviour import Misbehaviours, cut
from proxier.demo.device_profile import DeviceProfile
from proxier.demo.device_scpd import OfferedService, description, scpd
from proxier.demo.device_ssdp import SERVER

LARGEST_REQUEST_BYTES = 16 * 2**20
XML = 'text/xml; charset="utf-8"'
SHUTDOWN_SECONDS = 0.1
"""What a request under way still gets when the device is switched off."""

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Served(Protocol):
    """What the server needs to know of its device."""

    @property
    def offered(self) -> Mapping[str, OfferedService]:
        """The services by name."""

    @property
    def calls(self) -> Mapping[str, Call]:
        """What carries out each action."""

    @property
    def events(self) -> Mapping[str, EventSource]:
        """The event sources by service name."""

    @property
    def history(self) -> History:
        """What happened."""

    def called(self, action: str, arguments: Arguments) -> None:
        """Notes a call that came in."""

    def refused(self, action: str, code: int) -> None:
        """Notes a refusal of the device's own."""

    def answered(self) -> None:
        """The answer to an action is out: what it caused may begin."""

    async def serve_log(self, request: web.Request) -> web.StreamResponse:
        """Answers a GET of a log."""


class HttpServer:
    """One run of the server, from a start of the device to its end."""

    def __init__(self, profile: DeviceProfile, device: Served, misbehaviours: Misbehaviours) -> None:
        self._profile = profile
        self._device = device
        self._misbehaviours = misbehaviours
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> int:
        """Listens; returns the port."""
        application = web.Application(client_max_size=LARGEST_REQUEST_BYTES)
        application.on_response_prepare.append(_sign)
        application.add_routes(
            [
                web.get("/description.xml", self._guarded("description", self._describe)),
                web.get("/scpd/{service}.xml", self._guarded("scpd", self._scpd)),
                web.post("/control/{service}", self._control),
                web.route("SUBSCRIBE", "/event/{service}", self._guarded("SUBSCRIBE", self._subscribe)),
                web.route("UNSUBSCRIBE", "/event/{service}", self._guarded("UNSUBSCRIBE", self._unsubscribe)),
                web.get("/log/{name}", self._guarded("log", self._device.serve_log)),
            ]
        )
        self._runner = web.AppRunner(application, shutdown_timeout=SHUTDOWN_SECONDS, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._profile.host, port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stops listening, and cuts all connections."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    def _guarded(self, name: str, answering: Answering) -> Answering:
        async def answer(request: web.Request) -> web.StreamResponse:
            planned = await self._misbehaviours.meet(name, request)
            if isinstance(planned, web.StreamResponse):
                return planned
            response = await answering(request)
            return cut(request) if planned else response

        return answer

    def _service(self, request: web.Request) -> OfferedService:
        service = self._device.offered.get(request.match_info["service"])
        if service is None:
            raise web.HTTPNotFound
        return service

    def _source(self, request: web.Request) -> EventSource:
        if not self._profile.eventing:
            raise web.HTTPNotFound
        return self._device.events[self._service(request).name]

    async def _describe(self, _: web.Request) -> web.StreamResponse:
        document = description(self._profile, self._device.offered.values())
        return web.Response(body=document.encode(), headers={"CONTENT-TYPE": XML})

    async def _scpd(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=scpd(self._service(request)).encode(), headers={"CONTENT-TYPE": XML})

    async def _subscribe(self, request: web.Request) -> web.StreamResponse:
        return await self._source(request).subscribe(request)

    async def _unsubscribe(self, request: web.Request) -> web.StreamResponse:
        return await self._source(request).unsubscribe(request)

    async def _control(self, request: web.Request) -> web.StreamResponse:
        service = self._service(request)
        body = await request.read()
        action = "?"
        try:
            invocation = read_invocation(service, request.headers, body)
            action = invocation.action
            arguments = read_arguments(service, invocation, self._profile.documents)
        except BadRequest as error:
            self._device.refused(action, error.status)
            return web.Response(status=error.status)
        except UpnpError as error:
            self._device.refused(action, error.code)
            return _fault(service, error)
        self._device.called(action, arguments)
        try:
            planned = await self._misbehaviours.meet(action, request)
        except UpnpError as error:
            return _fault(service, error)
        if isinstance(planned, web.StreamResponse):
            return planned
        try:
            results = self._device.calls[action](arguments)
        except UpnpError as error:
            self._device.refused(action, error.code)
            return _fault(service, error)
        if self._profile.events_overtake_answers:
            await self._device.events[service.name].sent()
        if planned is None:
            answer = write_answer(service, invocation, results, self._profile)
            response = web.Response(body=answer, headers={"CONTENT-TYPE": XML, "EXT": ""})
            with suppress(ConnectionError):  # who asked may have hung up; what was done is done
                await response.prepare(request)
                await response.write_eof()
        else:
            response = cut(request)
        self._device.answered()
        return response


def _fault(service: OfferedService, error: UpnpError) -> web.Response:
    return web.Response(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        body=write_fault(service, error),
        headers={"CONTENT-TYPE": XML, "EXT": ""},
    )


async def _sign(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["SERVER"] = SERVER
