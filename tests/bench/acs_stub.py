"""An ACS that answers fixed bytes: it asks what its URL's path stands for, and counts who bootstrapped."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from cwmp_client.messages import AcsRequest, GetParameterNames, GetParameterValues, InformResponse
from cwmp_client.soap import NAMESPACES, Header, encode
from tests.bench.http_stub import NO_CONTENT, HttpStub, Request, ok

COUNTS = "/counts"

_INFORM = b"<cwmp:Inform>"
_ID = re.compile(rb"<cwmp:ID [^>]*>([0-9]+)<")
_SERIAL = re.compile(rb"<SerialNumber>([^<]*)<")


def envelope(message: AcsRequest | InformResponse, number: int) -> bytes:
    return encode(message, namespace=NAMESPACES["1.4"], header=Header(id=str(number)))


def asking_values(*paths: Sequence[str]) -> tuple[bytes, ...]:
    """The envelopes of one GetParameterValues for each list of paths."""
    return tuple(envelope(GetParameterValues(tuple(each)), n) for n, each in enumerate(paths, 1))


def asking_names(path: str) -> tuple[bytes, ...]:
    return (envelope(GetParameterNames(path, next_level=False), 1),)


class AcsStub:
    """The ACS; `plans` are the envelopes that a session is asked, numbered from 1, by the path of the URL.

    What comes next is told by what came, since requests of one session may come over several connections.
    """

    def __init__(self, plans: Mapping[str, Sequence[bytes]]) -> None:
        self._inform_response = ok(envelope(InformResponse(), 1))
        self._plans = {path: [*map(ok, envelopes), NO_CONTENT] for path, envelopes in plans.items()}
        self._bootstrapped: Counter[str] = Counter()
        self._sessions = 0
        self._received = 0

    def connection(self) -> HttpStub:
        return HttpStub(self._answer)

    def _answer(self, request: Request) -> bytes:
        if request.path == COUNTS:
            return ok(self._counts())
        self._received += len(request.body)
        if _INFORM in request.body:
            if b">0 BOOTSTRAP<" in request.body and (serial := _SERIAL.search(request.body)):
                self._bootstrapped[serial[1].decode()] += 1
            return self._inform_response
        answered = _ID.search(request.body)
        reply = self._plans.get(request.path, [NO_CONTENT])[int(answered[1]) if answered else 0]
        self._sessions += reply is NO_CONTENT
        return reply

    def _counts(self) -> bytes:
        counts = {
            "bootstrapped": len(self._bootstrapped),
            "bootstraps": self._bootstrapped.total(),
            "sessions": self._sessions,
            "bytes": self._received,
        }
        return json.dumps(counts).encode()
