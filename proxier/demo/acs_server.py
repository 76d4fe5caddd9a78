"""The ACS's end of CWMP over HTTP: whose session a POST belongs to, what is wrong with it, the answer."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import HttpVersion11, web

from cwmp_client.messages import CpeRequest, CpeResponse, EventCode, Fault, Inform, Message
from proxier.demo.acs_auth import Guard
from proxier.demo.acs_device import AcsDevice, Bell, Knock, ReceivedInform, device_id_of
from proxier.demo.acs_grammar import NAMESPACES
from proxier.demo.acs_misbehaviour import Misbehaviour, Plans, Turn
from proxier.demo.acs_session import AcsSession, Reply, SessionState, inform_departures
from proxier.demo.acs_soap import BadEnvelope, Envelope, Header, read, write
from proxier.demo.acs_transcript import Direction, Record, summary

_COOKIE = "session"
_SECOND_COOKIE = "affinity"
_SECOND_COOKIE_VALUE = "a" * 400
"""A CPE returns every cookie, and 512 bytes of them at least. Source: TR-069 3.4"""


@dataclass(slots=True)
class _Post:
    """One POST of a CPE; an empty one has no name and no envelope."""

    request: web.Request
    session: AcsSession | None = None
    device: AcsDevice | None = None
    device_id: str = ""
    name: str = ""
    envelope: Envelope | None = None
    bad: str = ""
    received: ReceivedInform | None = None


class CwmpServer:
    """Answers the POSTs of CPEs, and keeps what it learns of each in `devices`."""

    def __init__(self, record: Record, plans: Plans, guard: Guard, knock: Knock, *, provision: bool) -> None:
        self.devices: dict[str, AcsDevice] = {}
        self.informs: list[ReceivedInform] = []
        self.inform_callbacks: list[Callable[[ReceivedInform], None]] = []
        self.namespaces: Sequence[str] = NAMESPACES
        self.answer_namespace: str | None = None
        self.use_cwmp_version: str | None = None
        self.bell = Bell()
        self._record = record
        self._plans = plans
        self._guard = guard
        self._knock = knock
        self._provision = provision
        self._sessions: dict[str, tuple[AcsSession, AcsDevice]] = {}
        self._to_be_repeated: dict[str, Message] = {}

    def forget_sessions(self) -> None:
        """Lose every session, as an ACS does that is restarted."""
        for session, _ in self._sessions.values():
            session.abandon(SessionState.FORGOTTEN)
        self._to_be_repeated.clear()

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Answer one POST."""
        body = await request.read()
        challenge = self._guard.challenge(request)
        if challenge:
            self._record.note("", Direction.TO_CPE, "401", challenge.partition(" ")[0])
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        post = self._taken(request, body)
        how = self._plans.next(post.name, post.device_id)

        async def proceed(*, hold: bool = False) -> web.StreamResponse:
            return self._answer(post, hold=hold)

        try:
            response = await how.answer(
                Turn(request, proceed, lambda code, text: self._fault(post, code, text))
            )
        except Exception as error:
            # A test that looks at the violations must hear of the ACS's own mistakes, and of its callbacks'.
            self._record.complain(post.device_id, f"the ACS itself failed: {error!r}")
            raise
        self._conclude(post, how, response)
        return response

    def _conclude(self, post: _Post, how: Misbehaviour, response: web.StreamResponse) -> None:
        if how.ruins or response.status not in {200, 204}:
            what = type(how).__name__ if how != Misbehaviour() else "refused"
            self._record.note(post.device_id, Direction.TO_CPE, str(response.status), what)
        device = post.device or self.devices.get(post.device_id)
        if how.ruins or response.status >= 400:
            self._to_be_repeated.pop(post.device_id, None)
            for session in (post.session, device.session if device else None):
                if session:
                    session.abandon(SessionState.FAILED)
                    session.state = SessionState.FORGOTTEN if how.forgets else session.state
        elif post.received:
            connection = post.request.transport
            alive = connection is not None and not connection.is_closing()
            post.received.answered = alive or how.hangs_up
        if post.session:
            post.session.excused = post.session.excused or how.excuses
        if device:
            if how.hangs_up:
                device.connection = None
            device.bell.ring()
        self.bell.ring()

    def _taken(self, request: web.Request, body: bytes) -> _Post:
        post = _Post(request)
        self._find_session(post)
        if body:
            self._record.envelope(Direction.FROM_CPE, body)
            try:
                post.envelope = read(body)
            except BadEnvelope as bad:
                post.bad = str(bad)
        if post.envelope:
            message = post.envelope.message
            post.name = type(message).__name__
            if isinstance(message, Inform):
                post.device_id = device_id_of(message.device_id)
        for departure in _http_departures(post, empty=not body):
            self._record.complain(post.device_id, departure)
        name = post.name or ("unreadable" if body else "empty POST")
        text = summary(post.envelope.message) if post.envelope else post.bad
        self._record.note(post.device_id, Direction.FROM_CPE, name, text)
        return post

    def _find_session(self, post: _Post) -> None:
        cookies = post.request.cookies
        if _COOKIE not in cookies:
            return
        if cookies[_COOKIE] not in self._sessions:
            self._record.complain("", f"a cookie that no session has: {cookies[_COOKIE]!r}")
            return
        post.session, post.device = self._sessions[cookies[_COOKIE]]
        post.device_id = post.device.device_id
        if cookies.get(_SECOND_COOKIE) != _SECOND_COOKIE_VALUE:
            self._record.complain(post.device_id, "returns only some of the session's cookies")

    def _answer(self, post: _Post, *, hold: bool) -> web.Response:
        envelope, session, device = post.envelope, post.session, post.device
        if post.bad:
            self._record.complain(post.device_id, post.bad)
            if session:
                session.spoil(post.bad)
            return web.Response(status=400)
        if envelope:
            expected = self._to_be_repeated.pop(post.device_id, envelope.message)
            if envelope.message != expected:
                self._record.complain(post.device_id, f"{post.name} is not what 8005 asked it to send again")
            if isinstance(envelope.message, Inform) and not (session and session.state is SessionState.OPEN):
                return self._open(post, envelope, envelope.message, hold=hold)
        if session is None or device is None:
            self._record.complain(
                post.device_id, f"{post.name or 'an empty POST'} without a session's cookie"
            )
            return web.Response(status=400)
        if session.state is not SessionState.OPEN:
            if session.state is not SessionState.FORGOTTEN:
                state = session.state.name.lower()
                self._record.complain(post.device_id, f"goes on with a session that is {state}")
            return web.Response(status=400)
        device.connection = post.request.transport
        if envelope and isinstance(envelope.message, CpeRequest):
            device.requests.append(envelope.message)
        return self._response(post, session.receive(envelope), session.namespace)

    def _open(self, post: _Post, envelope: Envelope, inform: Inform, *, hold: bool) -> web.Response:
        if envelope.namespace not in self.namespaces:
            return self._fault(post, 8006, "ACS version incompatible with CPE")
        if post.device_id not in self.devices:
            self.devices[post.device_id] = AcsDevice(post.device_id, self._knock, self._record.violations)
        device = self.devices[post.device_id]
        if post.session:
            self._record.complain(post.device_id, "brings the cookie of its last session")
        if device.session and device.in_session and not device.session.excused:
            self._record.complain(post.device_id, "two sessions at once")
        if device.session:
            device.session.abandon(SessionState.REPLACED)
        for departure in inform_departures(inform):
            self._record.complain(post.device_id, departure)
        received = ReceivedInform(
            post.device_id, inform, envelope.header, envelope.namespace, datetime.now(UTC)
        )
        self.informs.append(received)
        device.informed(received)
        if self._provision and (device.credentials is None or EventCode.BOOTSTRAP in received.events):
            device.provision()
        namespace = self.answer_namespace or envelope.namespace
        session = AcsSession(
            inform, namespace, device, lambda text: self._record.complain(device.device_id, text)
        )
        device.session, device.connection = session, post.request.transport
        token = secrets.token_hex(16)
        self._sessions[token] = (session, device)
        post.session, post.device, post.received = session, device, received
        for callback in self.inform_callbacks:
            callback(received)
        version = self.use_cwmp_version if envelope.header.supported_cwmp_versions else None
        reply = session.open(envelope.header, hold=hold, use_cwmp_version=version)
        response = self._response(post, reply, namespace)
        response.headers.add("Set-Cookie", f"{_COOKIE}={token}")
        response.headers.add("Set-Cookie", f"{_SECOND_COOKIE}={_SECOND_COOKIE_VALUE}")
        return response

    def _response(self, post: _Post, reply: Reply, namespace: str) -> web.Response:
        if reply.message is None:
            self._record.note(post.device_id, Direction.TO_CPE, "204")
            return web.Response(status=204)
        return self._envelope(post.device_id, reply.message, namespace, reply.header)

    def _fault(self, post: _Post, code: int, text: str) -> web.Response:
        if post.envelope is None:
            return web.Response(status=500)
        self._to_be_repeated.pop(post.device_id, None)
        if code == 8005:
            self._to_be_repeated[post.device_id] = post.envelope.message
        header = Header(id=post.envelope.header.id)
        return self._envelope(post.device_id, Fault(code, text), post.envelope.namespace, header)

    def _envelope(self, device_id: str, message: Message, namespace: str, header: Header) -> web.Response:
        body = write(message, namespace, header)
        self._record.note(device_id, Direction.TO_CPE, type(message).__name__, summary(message))
        self._record.envelope(Direction.TO_CPE, body)
        return web.Response(body=body, content_type="text/xml", charset="utf-8")


def _http_departures(post: _Post, *, empty: bool) -> Iterator[str]:
    """Name what is wrong with the HTTP around a message. Source: TR-069 3.4.1"""
    headers = post.request.headers
    action = headers.get("SOAPAction")
    if post.request.version != HttpVersion11:
        yield f"speaks HTTP {post.request.version}"
    if empty:
        for name in ("SOAPAction", "Content-Type"):
            if name in headers:
                yield f"an empty POST with {name}"
        return
    if post.request.content_type != "text/xml":
        yield f"an envelope with the Content-Type {headers.get('Content-Type')!r}"
    if action is None:
        yield "an envelope without SOAPAction"
    elif action and post.envelope and isinstance(post.envelope.message, CpeResponse | Fault):
        yield f"a response with the SOAPAction {action!r}, which must be empty"
