from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwmp_client.messages import (
    INFINITE_TIME,
    UNKNOWN_TIME,
    AcsRequest,
    AutonomousTransferComplete,
    CpeRequest,
    DeviceIdStruct,
    EventStruct,
    Fault,
    FaultStruct,
    GetAllQueuedTransfers,
    GetAllQueuedTransfersResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Inform,
    InformResponse,
    Message,
    ParameterValueStruct,
    Reboot,
    RebootResponse,
    TransferComplete,
    TransferCompleteResponse,
)
from cwmp_client.session import (
    MAX_REPEATS,
    Answered,
    Ended,
    Established,
    Failed,
    Post,
    RpcReceived,
    Session,
    SessionEvent,
)
from cwmp_client.session_states import TRANSITIONS, Input, Outcome, State
from cwmp_client.soap import Envelope, Header, SoapError, decode, encode
from cwmp_client.soap_schema import ANSWERS
from cwmp_client.versions import MINORS, NAMESPACES
from tests.cwmp_client.session_table import markdown
from tests.cwmp_client.strategies import message

ONE_0, ONE_1, ONE_2 = MINORS
DOCUMENT = Path(__file__).parents[2] / "docs" / "session.md"

INFORM = Inform(
    DeviceIdStruct("Open Proxier", "00256D", "Player", "1"),
    (EventStruct("7 TRANSFER COMPLETE"), EventStruct("M Upload", "up"), EventStruct("M Download", "down")),
    UNKNOWN_TIME,
    0,
    (),
)
DOWNLOADED = TransferComplete("down", FaultStruct(), UNKNOWN_TIME, INFINITE_TIME)
UPLOADED = TransferComplete("up", FaultStruct(9015, "gone"), UNKNOWN_TIME, INFINITE_TIME)
EMPTY = [Post(b"")]


def acs(
    message: Message, id_: str = "", *, hold: bool = False, namespace: str = ONE_2, use: str | None = None
) -> bytes:
    """A body as an ACS sends it."""
    return encode(message, namespace=namespace, header=Header(id_, hold_requests=hold, use_cwmp_version=use))


def posted(events: Sequence[SessionEvent]) -> Envelope:
    """The envelope that is to be POSTed next."""
    (post,) = events[-1:]
    assert isinstance(post, Post)
    return decode(post.body)


def established(
    requests: Sequence[CpeRequest] = (), *, hold: bool = False
) -> tuple[Session, list[SessionEvent]]:
    session = Session(INFORM, requests)
    session.open()
    events = session.receive(acs(InformResponse(), "1", hold=hold))
    assert events[0] == Established(InformResponse(), "1.3")
    return session, events[1:]


# ---------------------------------------------------------------- the ordinary course


def test_a_session_without_requests() -> None:
    session = Session(INFORM)

    assert decode(session.open()).message == INFORM
    assert session.receive(acs(InformResponse(), "1")) == [Established(InformResponse(), "1.3"), *EMPTY]
    assert session.receive(acs(GetParameterValues(("Device.",)), "a")) == [
        RpcReceived(GetParameterValues(("Device.",)))
    ]
    answer = decode(session.reply(GetParameterValuesResponse((ParameterValueStruct("Device.A", "1"),))))
    assert answer.header.id == "a"
    assert answer.message == GetParameterValuesResponse((ParameterValueStruct("Device.A", "1"),))
    assert session.receive(acs(Reboot("k"))) == [RpcReceived(Reboot("k"))]
    assert not decode(session.reply(Fault(9001, "busy"))).header.id
    assert session.receive(b"") == [Ended()]
    assert session.over
    assert session.state is State.ENDED


def test_requests_go_one_by_one_before_the_empty_post() -> None:
    session, events = established((DOWNLOADED, GetRPCMethods(), UPLOADED))

    first = posted(events)
    assert first.message == DOWNLOADED
    events = session.receive(acs(TransferCompleteResponse(), first.header.id))
    assert events[0] == Answered(DOWNLOADED, TransferCompleteResponse())
    second = posted(events)
    assert second.message == GetRPCMethods()
    events = session.receive(acs(GetRPCMethodsResponse(("Inform",)), second.header.id))
    assert events[0] == Answered(GetRPCMethods(), GetRPCMethodsResponse(("Inform",)))
    third = posted(events)
    assert third.message == UPLOADED
    assert len({first.header.id, second.header.id, third.header.id, "1"}) == 4
    assert session.receive(acs(Fault(8002, "no"), third.header.id)) == [
        Answered(UPLOADED, Fault(8002, "no")),
        *EMPTY,
    ]
    assert session.receive(b" \r\n") == [Ended()]


@pytest.mark.parametrize(
    ("version", "timeout", "expected"),
    [
        ("1.0", 60, Header("1")),
        ("1.2", 60, Header("1")),
        ("1.3", 60, Header("1", session_timeout=60)),
        ("1.4", None, Header("1", supported_cwmp_versions=("1.0", "1.1", "1.2", "1.3", "1.4"))),
        (
            "1.4",
            5,
            Header("1", session_timeout=30, supported_cwmp_versions=("1.0", "1.1", "1.2", "1.3", "1.4")),
        ),
    ],
)
def test_the_inform_says_what_its_version_knows(version: str, timeout: int | None, expected: Header) -> None:
    inform = decode(Session(INFORM, version=version, session_timeout_seconds=timeout).open())

    assert inform.header == expected
    assert inform.namespace == NAMESPACES[version]


# ---------------------------------------------------------------- HoldRequests


def test_held_requests_wait_for_an_empty_answer() -> None:
    session, events = established((DOWNLOADED,), hold=True)

    assert events == EMPTY
    assert session.receive(acs(Reboot("k"), "a", hold=True)) == [RpcReceived(Reboot("k"))]
    session.reply(RebootResponse())
    # Not held any more, but an answer that holds a request leaves no turn.
    assert session.receive(acs(Reboot("l"), "b")) == [RpcReceived(Reboot("l"))]
    session.reply(RebootResponse())
    events = session.receive(b"")
    assert posted(events).message == DOWNLOADED
    assert session.receive(acs(TransferCompleteResponse())) == [
        Answered(DOWNLOADED, TransferCompleteResponse()),
        *EMPTY,
    ]
    assert session.receive(b"") == [Ended()]


def test_an_answer_may_hold_back_the_next_request() -> None:
    session, _ = established((DOWNLOADED, UPLOADED))

    assert session.receive(acs(TransferCompleteResponse(), hold=True))[1:] == EMPTY
    assert posted(session.receive(b"")).message == UPLOADED


def test_the_empty_post_under_hold_does_not_end_the_cpes_turn() -> None:
    session, events = established((), hold=True)

    assert events == EMPTY
    assert session.receive(b"") == EMPTY
    assert session.receive(b"") == [Ended()]


def test_hold_after_the_last_request_changes_nothing() -> None:
    session, _ = established()

    session.receive(acs(Reboot("k"), hold=True))
    session.reply(RebootResponse())
    assert session.receive(b"") == [Ended()]


# ---------------------------------------------------------------- fault 8005


def test_an_inform_is_repeated_as_it_was() -> None:
    session = Session(INFORM)
    first = session.open()

    for _ in range(MAX_REPEATS):
        assert session.receive(acs(Fault(8005), "1")) == [Post(first)]
    failed = session.receive(acs(Fault(8005, "later"), "1"))
    assert failed == [Failed("fault 8005 later time and again in answer to Inform")]


def test_a_request_is_repeated_as_it_was() -> None:
    session, events = established((DOWNLOADED, UPLOADED))
    for _ in range(MAX_REPEATS):
        assert session.receive(acs(Fault(8005), "2")) == events
    events = session.receive(acs(TransferCompleteResponse(), "2"))

    # Each request may be repeated that often.
    for _ in range(MAX_REPEATS):
        assert session.receive(acs(Fault(8005), "3")) == events[1:]
    assert isinstance(session.receive(acs(Fault(8005), "3"))[0], Failed)


# ---------------------------------------------------------------- answers that end a session badly


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "nothing in answer to Inform"),
        (acs(Fault(8002, "no\x1b[2J\nway"), "1"), "fault 8002 no\ufffd[2J way in answer to Inform"),
        (acs(Fault(8001)), "fault 8001 in answer to Inform"),
        (acs(Reboot("k")), "Reboot in answer to Inform"),
        (acs(Reboot("k")).replace(b"Reboot", b"Riot"), "Riot in answer to Inform"),
        (acs(InformResponse(), "2"), "InformResponse with the ID 2 in answer to Inform"),
        (acs(TransferCompleteResponse(), "1"), "TransferCompleteResponse in answer to Inform"),
        (acs(InformResponse(), use="1.7"), "InformResponse for CWMP version 1.7 in answer to Inform"),
        (b"<html/>", "html is no SOAP 1.1 envelope in answer to Inform"),
        (
            acs(InformResponse()).replace(b">1<", b">one<"),
            "InformResponse that cannot be read (MaxEnvelopes is 'one') in answer to Inform",
        ),
        (
            acs(InformResponse(), "1").replace(b"cwmp:ID", b"cwmp:Odd"),
            "InformResponse with the unknown header element Odd in answer to Inform",
        ),
    ],
)
def test_what_fails_instead_of_an_inform_response(body: bytes, reason: str) -> None:
    session = Session(INFORM)
    session.open()

    assert session.receive(body) == [Failed(reason)]
    assert session.over


def test_a_refused_version_is_told() -> None:
    session = Session(INFORM)
    session.open()

    assert session.receive(acs(Fault(8006, "too new"), "1")) == [
        Failed("fault 8006 too new in answer to Inform", version_refused=True)
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "nothing in answer to TransferComplete"),
        (acs(Reboot("k")), "Reboot in answer to TransferComplete"),
        (acs(InformResponse()), "InformResponse in answer to TransferComplete"),
        (
            acs(TransferCompleteResponse(), "1"),
            "TransferCompleteResponse with the ID 1 in answer to TransferComplete",
        ),
        (acs(Fault(8002), "1"), "Fault with the ID 1 in answer to TransferComplete"),
    ],
)
def test_what_fails_instead_of_an_answer(body: bytes, reason: str) -> None:
    session, _ = established((DOWNLOADED,))

    assert session.receive(body) == [Failed(reason)]


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize("body", [acs(InformResponse(), "1"), acs(Fault(8005)), acs(Fault(8006)), b"<"])
def test_what_fails_when_nothing_was_asked(body: bytes, hold: bool) -> None:
    session, _ = established(hold=hold)

    (failed,) = session.receive(body)

    assert isinstance(failed, Failed)
    assert failed.reason.endswith("in answer to an empty POST")
    assert not failed.version_refused


def test_a_reason_is_short() -> None:
    session = Session(INFORM)
    session.open()

    (failed,) = session.receive(acs(InformResponse()).replace(b"InformResponse", b"x" * 5000))

    assert isinstance(failed, Failed)
    assert len(failed.reason) == 500


# ---------------------------------------------------------------- requests that the session answers itself


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (acs(Reboot("k"), "a").replace(b"Reboot", b"SetVouchers"), Fault(9000, "SetVouchers is not known")),
        (acs(INFORM, "a"), Fault(9000, "Inform is not known")),
        (
            acs(INFORM, "a").replace(b"MaxEnvelopes", b"MinEnvelopes").replace(b"DeviceId", b"Id"),
            Fault(9000, "Inform is not known"),
        ),
        (
            acs(Reboot("k"), "a").replace(b"CommandKey", b"Key"),
            Fault(9003, "CommandKey is missing from Reboot"),
        ),
    ],
)
def test_requests_that_cannot_be_served_are_refused(body: bytes, fault: Fault, hold: bool) -> None:
    session, _ = established(hold=hold)

    refusal = posted(session.receive(body))

    assert refusal.message == fault
    assert refusal.header.id == "a"
    assert session.receive(acs(Reboot("k"))) == [RpcReceived(Reboot("k"))]


def test_a_request_with_an_unknown_header_is_refused() -> None:
    session, _ = established()
    header = b'<Odd soap-env:mustUnderstand="1"/></soap-env:Header>'

    (post,) = session.receive(acs(Reboot("k"), "a").replace(b"</soap-env:Header>", header))

    assert isinstance(post, Post)
    assert b"soap-env:MustUnderstand" in post.body
    assert b">a</cwmp:ID>" in post.body
    assert session.receive(b"<") == [
        Failed("no XML: StartTag: invalid element name, line 1, column 2 in answer to a fault")
    ]


# ---------------------------------------------------------------- replies


def test_a_reply_that_has_no_place_in_the_schema_becomes_a_fault() -> None:
    session, _ = established()
    session.receive(acs(GetParameterValues(("A",)), "a"))

    reply = decode(session.reply(GetParameterValuesResponse((ParameterValueStruct("x" * 300, ""),))))

    assert reply.message == Fault(9002, "a parameter name of 300 characters")
    assert reply.header.id == "a"


def test_a_reply_must_answer_the_request() -> None:
    session, _ = established()
    session.receive(acs(GetParameterValues(("A",))))

    with pytest.raises(TypeError, match="RebootResponse does not answer GetParameterValues"):
        session.reply(RebootResponse())
    assert session.reply(GetParameterValuesResponse(()))


@pytest.mark.parametrize("misuse", ["open", "reply", "receive"])
def test_calls_out_of_turn_are_mistakes(misuse: str) -> None:
    session = Session(INFORM)
    if misuse == "open":
        session.open()
        with pytest.raises(RuntimeError, match="informing"):
            session.open()
    elif misuse == "reply":
        with pytest.raises(RuntimeError, match=r"reply\(\) while the session is new"):
            session.reply(RebootResponse())
    else:
        session.open()
        session.receive(b"")
        with pytest.raises(RuntimeError, match="failed"):
            session.receive(b"")


def test_a_mistake_changes_nothing() -> None:
    session, _ = established()
    session.receive(acs(Reboot("k"), "a"))
    with pytest.raises(RuntimeError, match="answering last"):
        session.receive(acs(GetRPCMethods(), "b"))

    assert decode(session.reply(RebootResponse())).header.id == "a"


# ---------------------------------------------------------------- versions


def test_the_session_goes_on_in_the_namespace_of_the_acs() -> None:
    session = Session(INFORM, (DOWNLOADED,))
    session.open()

    events = session.receive(acs(InformResponse(), namespace=ONE_0))

    assert events[0] == Established(InformResponse(), "1.0")
    assert posted(events).namespace == ONE_0


def test_the_version_that_the_acs_wants_counts_more_than_its_namespace() -> None:
    session = Session(INFORM, (DOWNLOADED,))
    session.open()

    events = session.receive(acs(InformResponse(), namespace=ONE_0, use="1.1"))

    assert events[0] == Established(InformResponse(), "1.1")
    assert posted(events).namespace == ONE_1


def test_an_empty_version_is_none() -> None:
    session = Session(INFORM, (DOWNLOADED,))
    session.open()

    events = session.receive(acs(InformResponse(), namespace=ONE_0, use=""))

    assert events[0] == Established(InformResponse(), "1.0")


def test_a_request_that_the_version_lacks_is_answered_here() -> None:
    autonomous = AutonomousTransferComplete(
        "", "", True, "1 Firmware Upgrade Image", 0, "", FaultStruct(), UNKNOWN_TIME, UNKNOWN_TIME
    )
    session = Session(INFORM, (autonomous, DOWNLOADED, autonomous))
    session.open()

    events = session.receive(acs(InformResponse(), namespace=ONE_0))

    unsaid = Answered(autonomous, Fault(8000, "urn:dslforum-org:cwmp-1-0 has no AutonomousTransferComplete"))
    assert events[1] == unsaid
    assert posted(events).message == DOWNLOADED
    assert session.receive(acs(TransferCompleteResponse()))[1:] == [unsaid, *EMPTY]


@pytest.mark.parametrize(
    ("key", "namespace", "code"),
    [("down", ONE_0, 9010), ("up", ONE_0, 9011), ("up", ONE_1, 9015), ("up", ONE_2, 9015)],
)
def test_an_old_acs_is_told_whether_an_upload_failed(key: str, namespace: str, code: int) -> None:
    session = Session(INFORM, (TransferComplete(key, FaultStruct(9015, "gone"), UNKNOWN_TIME, UNKNOWN_TIME),))
    session.open()

    sent = posted(session.receive(acs(InformResponse(), namespace=namespace))).message

    assert isinstance(sent, TransferComplete)
    assert sent.fault_struct == FaultStruct(code, "gone")


def test_a_method_that_the_version_lacks_is_answered_with_a_fault() -> None:
    session = Session(INFORM)
    session.open()
    session.receive(acs(InformResponse(), namespace=ONE_0))
    session.receive(acs(GetAllQueuedTransfers(), "a"))

    assert decode(session.reply(GetAllQueuedTransfersResponse(()))).message == Fault(
        9002, "urn:dslforum-org:cwmp-1-0 has no GetAllQueuedTransfersResponse"
    )


def test_an_acs_that_does_not_know_a_method_and_cannot_write_xml() -> None:
    session, _ = established((DOWNLOADED,))
    body = b"<a><a:b:Fault><FaultCode>8000</FaultCode></a:b:Fault></a>"

    assert session.receive(body) == [Answered(DOWNLOADED, Fault(8000)), *EMPTY]


# ---------------------------------------------------------------- the table


def test_every_pair_of_state_and_input_is_listed() -> None:
    assert set(TRANSITIONS) == {(state, happening) for state in State for happening in Input}
    assert {outcome for _, outcome in TRANSITIONS.values()} == set(Outcome)
    for (state, _), (following, outcome) in TRANSITIONS.items():
        assert (outcome is Outcome.FAIL) == (following is State.FAILED and state is not State.FAILED)
        assert outcome is not Outcome.MISUSE or following is state
    answers = set(Input) - {Input.OPEN, Input.REPLY, Input.HELD_BACK, Input.REQUESTS_LEFT, Input.NONE_LEFT}
    for state in State:
        assert len({TRANSITIONS[state, answer].outcome is Outcome.MISUSE for answer in answers}) == 1


def test_every_state_can_be_reached_and_left() -> None:
    reached, frontier = {State.NEW}, {State.NEW}
    while frontier:
        frontier = {
            following for (state, _), (following, _) in TRANSITIONS.items() if state in frontier
        } - reached
        reached |= frontier

    assert reached == set(State)


def test_the_documentation_shows_the_table() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == markdown()


ACS_MESSAGES: list[type] = [*get_args(AcsRequest), *ANSWERS.values(), Fault]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """What an ACS may send: mostly what fits, sometimes anything."""
    if draw(st.integers(0, 3)) == 0:
        return draw(
            st.sampled_from([b"", b"\n", b"<", b"<FaultCode>8000</FaultCode>", acs(InformResponse(), "9")])
        )
    made = draw(st.sampled_from([InformResponse, TransferCompleteResponse, Reboot, *ACS_MESSAGES]))
    sent = Fault(draw(st.sampled_from([8000, 8005, 8006]))) if made is Fault else draw(message(made))
    body = acs(sent, draw(st.sampled_from(["", "", "1", "2", "3"])), hold=draw(st.booleans()))
    return body.replace(b"CommandKey", b"Key") if draw(st.integers(0, 5)) == 0 else body


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([DOWNLOADED, UPLOADED, GetRPCMethods()]), max_size=3), st.data())
def test_whatever_the_acs_sends_the_session_keeps_the_rules(
    requests: list[CpeRequest], data: st.DataObject
) -> None:
    session = Session(INFORM, requests)
    session.open()
    answered: list[CpeRequest] = []
    closed = False

    for turn in range(30):
        body = data.draw(bodies()) if turn else data.draw(st.just(acs(InformResponse(), "1")) | bodies())
        held = _holds(body)
        *facts, last = session.receive(body)

        assert all(isinstance(fact, Established | Answered) for fact in facts)
        answered += [fact.request for fact in facts if isinstance(fact, Answered)]
        assert answered == requests[: len(answered)]
        if isinstance(last, RpcReceived):
            reply = data.draw(st.just(Fault(9001)) | message(ANSWERS[type(last.request)]))
            assert decode(session.reply(reply)).header.id == decode(body).header.id
        elif isinstance(last, Post):
            asks = last.body and not isinstance(decode(last.body).message, Fault | Inform)
            assert not (asks and (held or closed) and facts)
            assert not (asks and closed)
            closed = closed or (not last.body and not held)
        else:
            assert isinstance(last, Ended | Failed)
            assert isinstance(last, Failed) or (closed and answered == requests)
            break
        assert session.state in {State.INFORMING, State.ASKING, State.LISTENING, State.CLOSING}
    if session.over:
        with pytest.raises(RuntimeError):
            session.receive(b"")


def _holds(body: bytes) -> bool:
    try:
        return bool(body.strip()) and decode(body).header.hold_requests
    except SoapError:
        return False
