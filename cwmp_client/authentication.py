"""HTTP authentication, both ways: the answers to an ACS's challenges, and the guard that challenges an ACS.

Source: RFC 7616 and RFC 7617; TR-069 3.2.2 and 3.4.4
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, field

MAX_HEADER_LENGTH = 8192
"""What a header holds beyond it is not read."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - the token of HTTP's grammar
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_QUALITIES = r"auth(?:-int)?(?:\s*,\s*auth(?:-int)?)+"  # of a qop that lacks its quotation marks
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?=[\s,]|$)\s*", re.ASCII)
_PARAMETER = re.compile(rf"[\s,]*({_TOKEN})\s*=\s*({_QUOTED}|{_QUALITIES}|{_TOKEN})\s*(?=,|$)", re.ASCII)
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*\s*(?=,|$)", re.ASCII)


def _md5(data: bytes) -> Any:
    return hashlib.md5(data, usedforsecurity=False)


_HASHES: Mapping[str, Callable[[bytes], Any]] = {"MD5": _md5, "SHA-256": hashlib.sha256}
"""The algorithms of a digest, the weakest first; MD5 is the one that TR-069 prescribes."""


class Challenge(Struct, frozen=True):
    """One challenge of a WWW-Authenticate, or the credentials of an Authorization; names in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(header: str) -> list[Challenge]:
    """Read a WWW-Authenticate or Authorization header, as far as it can be read."""
    challenges: list[Challenge] = []
    position = 0
    header = header[:MAX_HEADER_LENGTH]
    while match := _SCHEME.match(header, position):
        position = match.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            parameters.setdefault(parameter[1].lower(), _unquoted(parameter[2]))
            position = parameter.end()
        if not parameters and (token := _TOKEN68.match(header, position)):
            position = token.end()
        challenges.append(Challenge(match[1].lower(), parameters))
    return challenges


class Digest(Struct, frozen=True):
    """The algorithm and the words of one digest challenge."""

    algorithm: str
    realm: str
    nonce: str
    with_qop: bool

    @classmethod
    def of(cls, challenge: Challenge) -> Digest | None:
        """The digest that a challenge asks for; None when it is none, or none that is supported here."""
        parameters = challenge.parameters
        algorithm = parameters.get("algorithm", "MD5").upper()
        quality = {option.strip().lower() for option in parameters.get("qop", "auth").split(",")}
        if challenge.scheme != "digest" or "auth" not in quality or "nonce" not in parameters:
            return None
        if algorithm.removesuffix("-SESS") not in _HASHES:
            return None
        return cls(algorithm, parameters.get("realm", ""), parameters["nonce"], "qop" in parameters)

    @property
    def strength(self) -> int:
        """The greater, the better the algorithm."""
        return list(_HASHES).index(self.algorithm.removesuffix("-SESS"))

    def response(
        self, username: str, password: str, method: str, uri: str, *, count: str, cnonce: str
    ) -> str:
        """The proof that the password is known. Source: RFC 7616 3.4.1"""
        secret = self._hash(username, self.realm, password)
        if self.algorithm.endswith("-SESS"):
            secret = self._hash(secret, self.nonce, cnonce)
        request = self._hash(method, uri)
        if not self.with_qop:
            return self._hash(secret, self.nonce, request)
        return self._hash(secret, self.nonce, count, cnonce, "auth", request)

    def _hash(self, *words: str) -> str:
        digest: str = _HASHES[self.algorithm.removesuffix("-SESS")](_bytes(":".join(words))).hexdigest()
        return digest


class Credentials:
    """Answers the challenges of one ACS in one session.

    Args:
        username: empty: none is ever answered.
        password: what goes with it.
    """

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password
        self._scheme = ""
        self._digest: Digest | None = None
        self._echo: Mapping[str, str] = {}
        self._cnonce = ""
        self._count = 0

    def forget(self) -> None:
        """Forget the last challenge: its connection is closed, and a nonce is good for one connection."""
        self._scheme, self._digest = "", None

    def take(self, headers: Iterable[str], *, allow_basic: bool) -> str:
        """Take up the challenges of a 401; returns why none can be answered, or nothing."""
        self.forget()
        if not self._username:
            return "the ACS asks for credentials, and Username is empty"
        challenges = [challenge for header in headers for challenge in parse_challenges(header)]
        digests = [(digest, challenge) for challenge in challenges if (digest := Digest.of(challenge))]
        if digests:
            self._digest, challenge = max(digests, key=lambda pair: pair[0].strength)
            self._scheme = "digest"
            self._echo = {
                name: challenge.parameters[name]
                for name in ("realm", "nonce", "opaque")
                if name in challenge.parameters
            }
            self._cnonce, self._count = secrets.token_hex(16), 0
        elif all(challenge.scheme != "basic" for challenge in challenges):
            return "the ACS asks for credentials in a way that is not supported"
        elif not allow_basic:
            return "the ACS asks for the password itself, which is not allowed without TLS"
        else:
            self._scheme = "basic"
        return ""

    def authorization(self, method: str, uri: str, *, allow_basic: bool) -> str:
        """The Authorization header of the next request; empty when there is nothing to be said."""
        if self._scheme == "basic" and allow_basic:
            return "Basic " + base64.b64encode(f"{self._username}:{self._password}".encode()).decode()
        if self._digest is None:
            return ""
        self._count += 1
        count = f"{self._count:08x}"
        response = self._digest.response(
            self._username, self._password, method, uri, count=count, cnonce=self._cnonce
        )
        quoted = {"username": self._username, **self._echo, "uri": uri, "response": response}
        words = [f"{name}={_quoted(value)}" for name, value in quoted.items()]
        words.append(f"algorithm={self._digest.algorithm.replace('SESS', 'sess')}")
        if self._digest.with_qop or self._digest.algorithm.endswith("-SESS"):
            words.append(f"cnonce={_quoted(self._cnonce)}")  # without it no secret of a session can be made
        if self._digest.with_qop:
            words += ["qop=auth", f"nc={count}"]
        return "Digest " + ", ".join(words)


class Verdict(Enum):
    """What a guard thinks of a request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    STALE = "stale"


class DigestGuard:
    """Challenges requests and judges their answers; basic authentication is refused.

    Nonces are signed, not stored, so that whoever asks for many costs nothing. Those that were used are
    stored, so that what was overheard is of no use. `now` is any clock's reading in seconds.
    """

    NONCE_LIFE_SECONDS = 60.0
    MAX_USED_NONCES = 1024

    def __init__(self, realm: str) -> None:
        self._realm = realm
        self._key = secrets.token_bytes(32)
        self._used: OrderedDict[str, int] = OrderedDict()

    def challenge(self, now: float, *, stale: bool = False) -> str:
        """The WWW-Authenticate header of a 401."""
        stamp = f"{int(now * 1000):x}.{secrets.token_hex(8)}"
        words = (
            f'Digest realm="{self._realm}", nonce="{stamp}.{self._sign(stamp)}", qop="auth", algorithm=MD5'
        )
        return f"{words}, stale=true" if stale else words

    def judge(
        self, authorization: str, method: str, path: str, username: str, password: str, now: float
    ) -> Verdict:
        """Whether a request proves that it knows the password."""
        given = next(iter(parse_challenges(authorization)), Challenge(""))
        digest = Digest.of(given)
        words = given.parameters
        if digest is None or digest.algorithm != "MD5" or digest.realm != self._realm:
            return Verdict.REFUSED
        if _path_of(words.get("uri", "")) != path:
            return Verdict.REFUSED
        count = words.get("nc", "") if digest.with_qop else "1"
        expected = digest.response(
            username, password, method, words["uri"], count=count, cnonce=words.get("cnonce", "")
        )
        known = _equal(expected, words.get("response", "").lower())
        if not _equal(username, words.get("username", "")) or not known:
            return Verdict.REFUSED
        return Verdict.ACCEPTED if self._use(digest.nonce, count, now) else Verdict.STALE

    def _use(self, nonce: str, count: str, now: float) -> bool:
        """Whether a nonce is ours, young, and not used with this count or a later one."""
        stamp, _, signature = nonce.rpartition(".")
        if not _equal(signature, self._sign(stamp)):
            return False
        made = int(stamp.partition(".")[0], 16) / 1000
        if not now - self.NONCE_LIFE_SECONDS <= made <= now + 1:
            return False
        try:
            number = int(count, 16)
        except ValueError:
            return False
        if number <= self._used.get(nonce, 0):
            return False
        self._used[nonce] = number
        if len(self._used) > self.MAX_USED_NONCES:
            self._used.popitem(last=False)
        return True

    def _sign(self, stamp: str) -> str:
        return hmac.new(self._key, _bytes(stamp), hashlib.sha256).hexdigest()[:32]


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _bytes(text: str) -> bytes:
    # Stray bytes of a header come as lone surrogates, which must not be an error here.
    return text.encode(errors="surrogatepass")


def _path_of(uri: str) -> str:
    try:
        return urlsplit(uri).path
    except ValueError:
        return ""


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
