"""One session held with an ACS: `Session` says what comes next, `AcsSession` carries it there and back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cwmp_client.acs import AcsClient, AcsSession, AcsTarget, SessionFailed
from cwmp_client.device_log import DeviceLog
from cwmp_client.faults import FaultCode
from cwmp_client.messages import AcsRequest, CpeRequest, Fault, Inform
from cwmp_client.outbox import Outbox
from cwmp_client.rpcs import Rpcs
from cwmp_client.session import Answered, Ended, Established, Failed, Post, RpcReceived, Session, SessionEvent
from cwmp_client.soap_schema import MESSAGES
from cwmp_client.versions import MINORS, NAMESPACES

VERSIONS = ("1.4", "1.1", "1.0")
"""What is tried in turn when an ACS refuses the version of an Inform; 1.2 to 1.4 share a namespace."""

MAX_SESSION_SECONDS = 3600.0
"""An ACS that never ends a session would keep the others waiting for its place; a limit of ours."""

BAD_REQUEST = 400


class VersionRefused(SessionFailed):
    """The ACS does not take an Inform of this CWMP version, or so it seems."""


class Conversation:
    """Holds the sessions of one device, one at a time.

    Args:
        acs: the way to the ACS.
        outbox: told of each delivery when it happens, and saved before the next POST.
        rpcs: answers the ACS.
        log: where the device's lines go.
    """

    def __init__(self, acs: AcsClient, outbox: Outbox, rpcs: Rpcs, log: DeviceLog) -> None:
        self._acs = acs
        self._outbox = outbox
        self._rpcs = rpcs
        self._log = log
        self._version = VERSIONS[0]
        self._doubtful = ""
        """The older version that worked last, where none but a 400 stood against the newer one."""
        self._is_doubtful = False
        self.established = False
        """Whether the ACS has answered the Inform of the last session."""

    def forget_version(self) -> None:
        """Another ACS may know a newer version."""
        self._version, self._doubtful = VERSIONS[0], ""

    async def hold(self, target: AcsTarget, inform: Inform, requests: Sequence[CpeRequest]) -> None:
        """Hold a session to its end, starting again at once with an older version where one is refused.

        The standard leaves open what a CPE does when its version is refused. An older one that then works is
        kept for the sessions that follow: at once after 8006, after 400 only when it comes in two sessions
        running, since many an ACS has other reasons for it, and they may just have passed.

        Raises:
            SessionFailed: the session was not successful.
        """
        self.established = self._is_doubtful = False
        versions = VERSIONS[VERSIONS.index(self._version) :]
        for version in versions:
            try:
                async with asyncio.timeout(MAX_SESSION_SECONDS), self._acs.session(target) as http:
                    session = Session(
                        inform,
                        self._said_in(version, requests),
                        version=version,
                        session_timeout_seconds=self._acs.session_timeout_seconds,
                    )
                    await self._run(http, session, inform, version)
            except VersionRefused as refusal:
                if version == versions[-1]:
                    self.forget_version()
                    raise
                self._is_doubtful = self._is_doubtful or refusal.status == BAD_REQUEST
                self._log.info("CWMP %s is refused, trying an older version: %s", version, refusal)
            except TimeoutError:
                raise SessionFailed(f"the session took longer than {MAX_SESSION_SECONDS:.0f} s") from None
            else:
                return

    async def _run(self, http: AcsSession, session: Session, inform: Inform, version: str) -> None:
        body = session.open()
        while True:
            try:
                answer = await http.post(body)
            except SessionFailed as failure:
                if failure.status == BAD_REQUEST and not self.established:
                    raise VersionRefused(str(failure), failure.status) from failure
                raise
            next_body = None
            for event in session.receive(answer):
                if isinstance(event, Established):
                    self._keep(version)
                    self.established = True
                next_body = await self._take(event, session, inform)
            if next_body is None:
                return
            body = next_body

    def _said_in(self, version: str, requests: Sequence[CpeRequest]) -> Sequence[CpeRequest]:
        """The requests for a session; as long as its version is in doubt, those wait that it lacks."""
        if not self._is_doubtful:
            return requests
        minor = MINORS[NAMESPACES[version]]
        return [request for request in requests if MESSAGES[type(request)].since <= minor]

    def _keep(self, version: str) -> None:
        """Let the next session begin with the version that worked, if a newer one surely would not."""
        if version == self._version or not self._is_doubtful or version == self._doubtful:
            self._version, self._doubtful = version, ""
        else:
            self._doubtful = version

    async def _take(self, event: SessionEvent, session: Session, inform: Inform) -> bytes | None:
        """Do what an event of the session calls for; returns what to POST next, if anything."""
        match event:
            case Established():
                self._outbox.inform_delivered(inform)
                await self._outbox.save()
            case Answered(request, answer):
                if isinstance(answer, Fault):
                    self._log.warning(
                        "the ACS answers %s with fault %d %.200r",
                        type(request).__name__,
                        answer.fault_code,
                        answer.fault_string,
                    )
                self._outbox.request_answered(request)
                await self._outbox.save()
            case RpcReceived(request):
                return await self._reply(session, request)
            case Post(body):
                return body
            case Ended():
                pass
            case Failed(reason, version_refused):
                raise VersionRefused(reason) if version_refused else SessionFailed(reason)
        return None

    async def _reply(self, session: Session, request: AcsRequest) -> bytes:
        answer = await self._rpcs.answer(request)
        try:
            return session.reply(answer)
        except TypeError:
            self._log.exception("%s has the wrong answer", type(request).__name__)
            return session.reply(Fault(FaultCode.INTERNAL_ERROR, "Internal error"))
