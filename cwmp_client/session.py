"""One CWMP session of a CPE, without I/O: bodies of HTTP answers in, bodies of HTTP requests out.

What follows what is in the table of `session_states`; here the inputs are told apart, and its outcomes
carried out. Nothing but the state, the requests that wait, and whether the ACS holds them back decides
anything.

Source: TR-069 3.7.1 and 3.7.2
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TypeAlias, cast, get_args

from msgspec import Struct
from msgspec.structs import replace

from cwmp_client.faults import AcsFaultCode, FaultCode
from cwmp_client.messages import (
    AcsRequest,
    AcsResponse,
    CpeRequest,
    CpeResponse,
    EventCode,
    EventStruct,
    Fault,
    Inform,
    InformResponse,
    Message,
    TransferComplete,
)
from cwmp_client.session_states import TRANSITIONS, Input, Outcome, State, Transition
from cwmp_client.soap import (
    Envelope,
    Header,
    InvalidArguments,
    SoapError,
    UnknownMethod,
    decode,
    encode,
    encode_must_understand,
)
from cwmp_client.soap_schema import ANSWERS
from cwmp_client.versions import NAMESPACES, agreed_version, transfer_fault_code

MAX_REPEATS = 5
"""How often one request is repeated on fault 8005: TR-069 sets no bound, and a broken ACS must find one."""

MIN_SESSION_TIMEOUT_SECONDS = 30
"""Source: TR-069 3.5 Table 4"""


class Established(Struct, frozen=True):
    """The InformResponse arrived: what the Inform delivers is delivered. `version` is the agreed one."""

    response: InformResponse
    version: str


class Answered(Struct, frozen=True):
    """A request of ours was answered; a fault other than 8005 is an answer too.

    A request that the version of the session cannot express is answered here, with 8000, and never sent.
    """

    request: CpeRequest
    answer: AcsResponse | Fault


class Post(Struct, frozen=True):
    """POST this body next; an empty one means a POST without an envelope."""

    body: bytes


class RpcReceived(Struct, frozen=True):
    """The ACS asks: find the answer and give it to `Session.reply`."""

    request: AcsRequest


class Ended(Struct, frozen=True):
    """The session is over, and was successful."""


class Failed(Struct, frozen=True):
    """The session is over, and was not successful.

    `version_refused` is set when the ACS answered the Inform with 8006: an older version may be tried.
    """

    reason: str
    version_refused: bool = False


SessionEvent: TypeAlias = Established | Answered | Post | RpcReceived | Ended | Failed

_ACS_REQUESTS = frozenset(get_args(AcsRequest))
_ACS_REQUEST_NAMES = frozenset(request.__name__ for request in _ACS_REQUESTS)
_REQUESTS = frozenset((UnknownMethod, *_ACS_REQUESTS, *get_args(CpeRequest)))
_REQUEST_NAMES = frozenset(request.__name__ for request in _REQUESTS)
_MAX_REASON_LENGTH = 500


def _name(message: Message | UnknownMethod | InvalidArguments) -> str:
    return message.name if isinstance(message, UnknownMethod | InvalidArguments) else type(message).__name__


class Session:
    """One session, from the Inform to its end.

    Args:
        inform: the Inform, complete.
        requests: what the CPE asks for, in order, no Inform among them.
        version: the CWMP version of the Inform, a key of `versions.NAMESPACES`.
        session_timeout_seconds: for the SessionTimeout header, raised to 30 if less; None leaves it out.
    """

    def __init__(
        self,
        inform: Inform,
        requests: Sequence[CpeRequest] = (),
        *,
        version: str = "1.4",
        session_timeout_seconds: int | None = None,
    ) -> None:
        self._state = State.NEW
        self._inform = inform
        self._requests = deque(requests)
        self._held = False
        self._version = version
        self._namespace = NAMESPACES[version]
        self._session_timeout = session_timeout_seconds
        self._last_id = 0
        self._asked: CpeRequest = inform
        self._repeats = 0
        self._posted = b""
        self._posted_name = ""
        self._received = Envelope(Fault(0), Header(), "")

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._state

    @property
    def over(self) -> bool:
        """Whether `Ended` or `Failed` has been given out."""
        return self._state in {State.ENDED, State.FAILED}

    def open(self) -> bytes:
        """The body of the first POST. Called once, first.

        Raises:
            RuntimeError: it was called before.
            ValueError: the schema has no place for the Inform.
        """
        self._advance(Input.OPEN)
        self._ask(self._inform)
        return self._posted

    def receive(self, body: bytes) -> list[SessionEvent]:
        """Take the body of a 200 or 204 (empty for none); the last event says what to do next.

        The last one is a `Post`, an `RpcReceived`, `Ended` or `Failed`; before it stand the `Established` and
        `Answered` that the body brought.

        Raises:
            RuntimeError: nothing was POSTed that this could answer.
        """
        self._transition(Input.NOTHING)  # where that is a mistake, any body is
        before = self._state
        happening, detail = self._read(body)
        outcome = self._advance(happening)
        message = self._received.message
        events: list[SessionEvent]
        match outcome:
            case Outcome.ESTABLISH:
                events = [Established(cast("InformResponse", message), self._version), *self._choose()]
            case Outcome.GIVE_ANSWER:
                events = [Answered(self._asked, cast("AcsResponse | Fault", message)), *self._choose()]
            case Outcome.GIVE_REQUEST:
                events = [RpcReceived(cast("AcsRequest", message))]
            case Outcome.LISTEN:
                events = self._choose()
            case Outcome.POST_AGAIN:
                self._repeats += 1
                events = [Post(self._posted)]
            case Outcome.POST_REFUSAL:
                events = [self._refuse()]
            case Outcome.END:
                events = [Ended()]
            case _:
                events = [self._failure(before, detail)]
        return events

    def reply(self, answer: CpeResponse | Fault) -> bytes:
        """The body to POST that answers the last `RpcReceived`.

        An answer that cannot be encoded is replaced by fault 9002, so that the session goes on.

        Raises:
            RuntimeError: nothing was asked.
            TypeError: it answers something else.
        """
        self._transition(Input.REPLY)
        request = type(self._received.message)
        if type(answer) not in {Fault, ANSWERS[request]}:
            raise TypeError(f"{type(answer).__name__} does not answer {request.__name__}")
        self._advance(Input.REPLY)
        header = Header(id=self._received.header.id)
        try:
            return self._post(answer, header)
        except ValueError as error:
            return self._post(Fault(FaultCode.INTERNAL_ERROR, str(error)), header)

    def _transition(self, happening: Input) -> Transition:
        transition = TRANSITIONS[self._state, happening]
        if transition.outcome is Outcome.MISUSE:
            raise RuntimeError(f"{happening.value} while the session is {self._state.value}")
        return transition

    def _advance(self, happening: Input) -> Outcome:
        self._state, outcome = self._transition(happening)
        return outcome

    def _read(self, body: bytes) -> tuple[Input, str]:
        """Which input a body is, and its name in the reason of a failure."""
        if not body.strip():
            self._held = False
            return Input.NOTHING, "nothing"
        try:
            self._received = decode(body)
        except SoapError as error:
            return Input.UNUSABLE, str(error)
        self._held = self._received.header.hold_requests
        message = self._received.message
        name = _name(message)
        if self._is_request():
            serves = type(message) in _ACS_REQUESTS and not self._received.not_understood
            return Input.REQUEST if serves else Input.BAD_REQUEST, name
        return self._read_answer(name)

    def _is_request(self) -> bool:
        message = self._received.message
        if isinstance(message, InvalidArguments):
            return message.name in _REQUEST_NAMES
        return type(message) in _REQUESTS

    def _read_answer(self, name: str) -> tuple[Input, str]:
        message = self._received.message
        problem = self._problem_of_answer()
        if problem:
            return Input.UNUSABLE, f"{name} {problem}"
        if isinstance(message, Fault):
            return self._read_fault(message)
        if type(message) is not ANSWERS[type(self._asked)]:
            return Input.UNUSABLE, name
        return Input.ANSWER, name

    def _problem_of_answer(self) -> str:
        """What is wrong with an answer to whatever request; empty if nothing. Agrees on the version."""
        message, header = self._received.message, self._received.header
        if isinstance(message, InvalidArguments):
            return f"that cannot be read ({message.reason})"
        if self._received.not_understood:
            return f"with the unknown header element {self._received.not_understood}"
        # An ACS that repeats no ID at all cannot mean another request: there is never more than one.
        if header.id.strip() not in {"", str(self._last_id)}:
            return f"with the ID {header.id}"
        if isinstance(message, InformResponse) and self._state is State.INFORMING:
            version = agreed_version(self._version, header.use_cwmp_version, self._received.namespace)
            if version is None:
                return f"for CWMP version {header.use_cwmp_version}"
            self._version, self._namespace = version, NAMESPACES[version]
        return ""

    def _read_fault(self, fault: Fault) -> tuple[Input, str]:
        detail = f"fault {fault.fault_code} {fault.fault_string}".rstrip()
        if fault.fault_code != AcsFaultCode.RETRY_REQUEST:
            return Input.FAULT, detail
        if self._repeats == MAX_REPEATS:
            return Input.UNUSABLE, f"{detail} time and again"
        return Input.REPEAT, detail

    def _choose(self) -> list[SessionEvent]:
        """Take the CPE's turn."""
        unsaid: list[SessionEvent] = []
        while self._requests and not self._held:
            request = self._requests.popleft()
            try:
                self._ask(request)
            except ValueError as error:
                unsaid.append(Answered(request, Fault(AcsFaultCode.METHOD_NOT_SUPPORTED, str(error))))
                continue
            self._advance(Input.REQUESTS_LEFT)
            return [*unsaid, Post(self._posted)]
        self._advance(Input.HELD_BACK if self._held else Input.NONE_LEFT)
        self._posted, self._posted_name = b"", "an empty POST"
        return [*unsaid, Post(b"")]

    def _ask(self, request: CpeRequest) -> None:
        header = Header(id=str(self._last_id + 1))
        if isinstance(request, Inform):
            header = self._inform_header(header)
        self._post(self._with_upload_fault(request), header)
        self._asked = request
        self._last_id += 1
        self._repeats = 0

    def _inform_header(self, header: Header) -> Header:
        # SessionTimeout came with 1.3, SupportedCWMPVersions with 1.4; to an older ACS they are not sent.
        timeout = self._session_timeout
        return replace(
            header,
            session_timeout=max(timeout, MIN_SESSION_TIMEOUT_SECONDS)
            if timeout is not None and self._version >= "1.3"
            else None,
            supported_cwmp_versions=tuple(NAMESPACES) if self._version >= "1.4" else (),
        )

    def _with_upload_fault(self, request: CpeRequest) -> CpeRequest:
        """A TransferComplete knows not what it completes; the Inform does, if the code has to be replaced."""
        if not isinstance(request, TransferComplete):
            return request
        uploaded = EventStruct(EventCode.M_UPLOAD, request.command_key) in self._inform.event
        code = transfer_fault_code(request.fault_struct.fault_code, self._namespace, upload=uploaded)
        return replace(request, fault_struct=replace(request.fault_struct, fault_code=code))

    def _refuse(self) -> Post:
        """The fault for a request that this session answers itself."""
        received = self._received
        header = Header(id=received.header.id)
        if received.not_understood:
            self._posted_name = "a fault"
            body = encode_must_understand(received.not_understood, namespace=self._namespace, header=header)
            return Post(body)
        message = received.message
        if isinstance(message, InvalidArguments) and message.name in _ACS_REQUEST_NAMES:
            return Post(self._post(Fault(FaultCode.INVALID_ARGUMENTS, message.reason), header))
        return Post(
            self._post(Fault(FaultCode.METHOD_NOT_SUPPORTED, f"{_name(message)} is not known"), header)
        )

    def _post(self, message: Message, header: Header) -> bytes:
        self._posted = encode(message, namespace=self._namespace, header=header)
        self._posted_name = type(message).__name__
        return self._posted

    def _failure(self, before: State, detail: str) -> Failed:
        reason = f"{detail} in answer to {self._posted_name}"
        printable = "".join(character if character.isprintable() else " " for character in reason)
        message = self._received.message
        return Failed(
            printable[:_MAX_REASON_LENGTH],
            version_refused=before is State.INFORMING
            and isinstance(message, Fault)
            and message.fault_code == AcsFaultCode.INCOMPATIBLE_VERSION,
        )
