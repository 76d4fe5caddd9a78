"""A CPE made by hand: it posts what it is told to, and can answer a whole session and connection requests."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDictProxy

from proxier.demo.acs_auth import DigestGuard
from tests.proxier.demo import acs_envelopes as hand

ENVELOPE = {"SOAPAction": "", "Content-Type": "text/xml; charset=utf-8"}
SET = "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>"
OK = {
    "SetParameterValues": SET,
    "Reboot": "<cwmp:RebootResponse></cwmp:RebootResponse>",
    "FactoryReset": "<cwmp:FactoryResetResponse></cwmp:FactoryResetResponse>",
    "GetParameterValues": f"<cwmp:GetParameterValuesResponse>{hand.values({'Device.A': '1'})}"
    "</cwmp:GetParameterValuesResponse>",
}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    headers: CIMultiDictProxy[str]

    @property
    def name(self) -> str:
        """The name of the message, or nothing."""
        found = re.search(r"Body><(?:[\w-]+:)?(\w+)", self.text)
        return found[1] if found else ""

    @property
    def message_id(self) -> str | None:
        found = re.search(r":ID [^>]*>([^<]*)<", self.text)
        return found[1] if found else None


class HandCpe:
    def __init__(
        self,
        url: str,
        serial: str = "1",
        *,
        middlewares: tuple[aiohttp.ClientMiddlewareType, ...] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.url = url
        self.serial = serial
        self.answers = dict(OK)
        self.asked: list[str] = []
        self.connection_request_statuses: list[int] = []
        self._middlewares = middlewares
        self._tls = tls
        self._credentials: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._renew()
        self._guard = DigestGuard(self._credentials, self.asked.append, roaming=True)
        application = web.Application()
        application.router.add_get("/random", self._called)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.parameters = {
            "Device.ManagementServer.ConnectionRequestURL": f"http://127.0.0.1:{self._runner.addresses[0][1]}/random"
        }
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._runner.cleanup()
        await self._client.close()

    def _renew(self) -> None:
        self._client = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            connector=aiohttp.TCPConnector(limit=1, ssl=self._tls or True),
        )

    async def forget(self) -> None:
        """Drop the cookies and the connection, as a CPE does whose session is over."""
        await self._client.close()
        self._renew()

    def clear_cookies(self) -> None:
        """Drop the cookies and keep the connection."""
        self._client.cookie_jar.clear()

    async def post(self, body: str = "", headers: Mapping[str, str] | None = None, path: str = "") -> Answer:
        if headers is None:
            headers = ENVELOPE if body else {}
        async with self._client.post(
            self.url + path,
            data=body.encode() or None,
            headers=headers,
            skip_auto_headers=("Content-Type",),
            allow_redirects=False,
            middlewares=self._middlewares,
        ) as response:
            return Answer(response.status, await response.text(), response.headers)

    async def inform(self, *events: tuple[str, str] | str, message_id: str = "1") -> Answer:
        return await self.post(
            hand.envelope(
                hand.inform(*events, serial=self.serial, parameters=self.parameters), message_id=message_id
            )
        )

    async def session(self, *events: tuple[str, str] | str, requests: tuple[str, ...] = ()) -> Answer:
        """Run a session to its end; return what the Inform was answered."""
        answer = await self.inform(*events)
        for number, request in enumerate(requests):
            await self.post(hand.envelope(request, message_id=f"r{number}"))
        await self.obey(await self.post())
        await self.forget()
        return answer

    async def obey(self, answer: Answer) -> None:
        """Answer what the ACS asks, until it asks nothing."""
        while answer.status == 200:
            self.asked.append(answer.name)
            names_and_values = re.findall(
                r"<Name>[\w.]*ConnectionRequest(\w+)</Name><Value[^>]*>([^<]*)<", answer.text
            )
            if given := dict(names_and_values):
                self._credentials.clear()
                self._credentials[given["Username"]] = given["Password"]
            body = self.answers[answer.name]
            answer = await self.post(hand.envelope(body, message_id=answer.message_id))

    async def _called(self, request: web.Request) -> web.Response:
        challenge = self._guard.challenge(request)
        if challenge:
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        status = self.connection_request_statuses.pop(0) if self.connection_request_statuses else 200
        if status == 200:
            task = asyncio.create_task(self._answer_call())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return web.Response(status=status)

    async def _answer_call(self) -> None:
        try:
            await self.session("6 CONNECTION REQUEST")
        except aiohttp.ClientError:
            await self.forget()
