"""Writes docs/session.md from the transition table: `python -m tests.cwmp_client.session_table`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cwmp_client.session_states import TRANSITIONS, Input, Outcome, State

STATES: Mapping[State, str] = {
    State.NEW: "before the Inform",
    State.INFORMING: "the Inform was POSTed; its answer is due",
    State.ASKING: "a request of ours was POSTed; its answer is due",
    State.LISTENING: "an answer of ours, or nothing, was POSTed, and our turn is still to come",
    State.ANSWERING: "the ACS has asked, and the owner looks for the answer; our turn is still to come",
    State.CLOSING: "nothing was POSTed while nothing was held back: from here on the ACS alone asks",
    State.ANSWERING_LAST: "the ACS has asked, and the owner looks for the answer",
    State.CHOOSING: "it is our turn; passed through without waiting",
    State.ENDED: "over, and successful",
    State.FAILED: "over, and unsuccessful: the owner tries again later",
}

_BEGINNING = """\
# A CWMP session, state by state

This page is made from the transition table in `cwmp_client/session_states.py`, and a test checks that it is
up to date. `python -m tests.cwmp_client.session_table` writes it anew.

A session waits in one of its states for an *input*: a body from the ACS, or a call of its owner. The table
says which state follows, and what is done. When it is the CPE's turn, the session chooses for itself:
requests that are held back (HoldRequests) wait; others are POSTed one by one; when none is left, an empty
POST says so, and after that the CPE asks no more (TR-069 3.7.1.3 and 3.7.1.4).

"""

_LEGEND = """
*Failed* means that the session is over and unsuccessful. An empty cell cannot be reached unless the owner of
the session makes a mistake; then `RuntimeError` is raised and nothing changes.

An answer counts as an *answer to our request* when its type is that of the request and its ID is ours, or
absent. Fault 8005 asks for the same again; five times that is done, then it is *anything else*. A *request
that cannot be served* is one that is unknown (fault 9000), one whose arguments cannot be read (9003), or one
with a header element that must be understood and is not (SOAP's MustUnderstand). *Anything else* is what is
no envelope, and an answer to something that was not asked.
"""


def _cell(state: State, happening: Input) -> str:
    following, outcome = TRANSITIONS[state, happening]
    if outcome is Outcome.MISUSE:
        return ""
    if outcome is Outcome.FAIL:
        return "*failed*"
    return f"**{following.value}**: {outcome.value}"


def _table(states: list[State], inputs: list[Input]) -> list[str]:
    return [
        "| | " + " | ".join(state.value for state in states) + " |",
        "|---" * (len(states) + 1) + "|",
        *(
            f"| {happening.value} | " + " | ".join(_cell(state, happening) for state in states) + " |"
            for happening in inputs
        ),
    ]


def _diagram() -> list[str]:
    arrows = {
        f"    {state.name} --> {following.name}: {happening.value}"
        for (state, happening), (following, outcome) in TRANSITIONS.items()
        if outcome not in {Outcome.MISUSE, Outcome.FAIL}
    }
    named = [f'    state "{state.value}" as {state.name}' for state in State if state is not State.FAILED]
    return ["```mermaid", "stateDiagram-v2", *named, *sorted(arrows), "```"]


def markdown() -> str:
    """The whole page."""
    return "\n".join(
        [
            _BEGINNING + "## The states",
            "",
            "| State | Meaning |",
            "|---|---|",
            *(f"| {state.value} | {STATES[state]} |" for state in State),
            "",
            "Every way but those to *failed*:",
            "",
            *_diagram(),
            "",
            "## The table",
            "",
            *_table(list(State), list(Input)),
            _LEGEND,
        ]
    )


if __name__ == "__main__":
    Path("docs/session.md").write_text(markdown(), encoding="utf-8")
