"""What happens in a CWMP session of a CPE: its states, what can come in, and the one transition table.

Each body that the ACS sends, and each call of the owner, is one `Input`. When the ACS has answered, it is the
CPE's turn, and what it does then depends on what it has: that is an input too, in the state `CHOOSING`.

Source: TR-069 3.7.1 and 3.7.2
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a session stands; the values are what the documentation calls it."""

    NEW = "new"
    INFORMING = "informing"
    ASKING = "asking"
    LISTENING = "listening"
    ANSWERING = "answering"
    CLOSING = "closing"
    ANSWERING_LAST = "answering last"
    CHOOSING = "choosing"
    ENDED = "ended"
    FAILED = "failed"


class Input(StrEnum):
    """What can happen to a session; the values are what the documentation calls it."""

    OPEN = "open()"
    REPLY = "reply()"
    NOTHING = "empty answer"
    ANSWER = "answer to our request"
    FAULT = "fault"
    REPEAT = "fault 8005, not too often"
    REQUEST = "request"
    BAD_REQUEST = "request that cannot be served"
    UNUSABLE = "anything else"
    HELD_BACK = "requests are held back"
    REQUESTS_LEFT = "requests are left"
    NONE_LEFT = "no requests are left"


class Outcome(StrEnum):
    """What a session does; the values are what the documentation calls it."""

    POST_INFORM = "POST the Inform"
    POST_AGAIN = "POST the same again"
    POST_REQUEST = "POST the next request"
    POST_EMPTY = "POST nothing"
    POST_REPLY = "POST the answer"
    POST_REFUSAL = "POST a fault"
    ESTABLISH = "the Inform is answered"
    GIVE_ANSWER = "a request is answered"
    GIVE_REQUEST = "ask the owner"
    LISTEN = "nothing, it is our turn"
    END = "over, successful"
    FAIL = "over, unsuccessful"
    MISUSE = "mistake of the owner"


class Transition(NamedTuple):
    """The state that follows, and what is done."""

    state: State
    outcome: Outcome


_FAIL = Transition(State.FAILED, Outcome.FAIL)

_LISTED: Mapping[State, Mapping[Input, Transition]] = {
    State.NEW: {Input.OPEN: Transition(State.INFORMING, Outcome.POST_INFORM)},
    State.INFORMING: {
        Input.NOTHING: _FAIL,
        Input.ANSWER: Transition(State.CHOOSING, Outcome.ESTABLISH),
        Input.FAULT: _FAIL,
        Input.REPEAT: Transition(State.INFORMING, Outcome.POST_AGAIN),
        Input.REQUEST: _FAIL,
        Input.BAD_REQUEST: _FAIL,
        Input.UNUSABLE: _FAIL,
    },
    # A request of the ACS may not stand in the place of an answer, since MaxEnvelopes is 1.
    State.ASKING: {
        Input.NOTHING: _FAIL,
        Input.ANSWER: Transition(State.CHOOSING, Outcome.GIVE_ANSWER),
        Input.FAULT: Transition(State.CHOOSING, Outcome.GIVE_ANSWER),
        Input.REPEAT: Transition(State.ASKING, Outcome.POST_AGAIN),
        Input.REQUEST: _FAIL,
        Input.BAD_REQUEST: _FAIL,
        Input.UNUSABLE: _FAIL,
    },
    # Nothing is asked any more for now, but the empty POST that ends our requests is still to come.
    State.LISTENING: {
        Input.NOTHING: Transition(State.CHOOSING, Outcome.LISTEN),
        Input.ANSWER: _FAIL,
        Input.FAULT: _FAIL,
        Input.REPEAT: _FAIL,
        Input.REQUEST: Transition(State.ANSWERING, Outcome.GIVE_REQUEST),
        Input.BAD_REQUEST: Transition(State.LISTENING, Outcome.POST_REFUSAL),
        Input.UNUSABLE: _FAIL,
    },
    State.ANSWERING: {Input.REPLY: Transition(State.LISTENING, Outcome.POST_REPLY)},
    # The empty POST that ends our requests was sent: from here on the ACS alone asks.
    State.CLOSING: {
        Input.NOTHING: Transition(State.ENDED, Outcome.END),
        Input.ANSWER: _FAIL,
        Input.FAULT: _FAIL,
        Input.REPEAT: _FAIL,
        Input.REQUEST: Transition(State.ANSWERING_LAST, Outcome.GIVE_REQUEST),
        Input.BAD_REQUEST: Transition(State.CLOSING, Outcome.POST_REFUSAL),
        Input.UNUSABLE: _FAIL,
    },
    State.ANSWERING_LAST: {Input.REPLY: Transition(State.CLOSING, Outcome.POST_REPLY)},
    State.CHOOSING: {
        Input.HELD_BACK: Transition(State.LISTENING, Outcome.POST_EMPTY),
        Input.REQUESTS_LEFT: Transition(State.ASKING, Outcome.POST_REQUEST),
        Input.NONE_LEFT: Transition(State.CLOSING, Outcome.POST_EMPTY),
    },
    State.ENDED: {},
    State.FAILED: {},
}

TRANSITIONS: Mapping[tuple[State, Input], Transition] = {
    (state, happening): _LISTED[state].get(happening, Transition(state, Outcome.MISUSE))
    for state in State
    for happening in Input
}
"""What every input does in every state. Source: TR-069 3.7.1"""
