"""How the ACS makes sure who a CPE is: HTTP Basic and Digest, the server's half.

Source: RFC 7617, RFC 7616; TR-069 3.4.5
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

_NONCES = 10_000
_PARAMETER = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class Guard(Protocol):
    """Lets a request pass, or says with which challenge it is to be refused."""

    def challenge(self, request: web.Request) -> str | None:
        """Return None when the request may pass, else the WWW-Authenticate of the 401."""


class OpenGuard:
    """Lets everybody pass."""

    def challenge(self, request: web.Request) -> str | None:
        """Return None, always."""
        del request
        return None


@dataclass(frozen=True, slots=True)
class BasicGuard:
    """Lets pass who gives one of these names with its password."""

    passwords: Mapping[str, str]
    realm: str = "ACS"

    def challenge(self, request: web.Request) -> str | None:
        """Return None when the request may pass, else the WWW-Authenticate of the 401."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        username, _, password = _decoded(token).partition(":")
        if scheme.lower() == "basic" and password == self.passwords.get(username):
            return None
        return f'Basic realm="{self.realm}", charset="UTF-8"'


class DigestGuard:
    """Lets pass who proves to know a password.

    A nonce is good for one connection, as with GenieACS, unless `roaming`. `complain` is told of answers that
    no password could make right: an uri that is not the request's, a count that does not rise, no cnonce.
    """

    def __init__(
        self,
        passwords: Mapping[str, str],
        complain: Callable[[str], None],
        algorithm: str = "MD5",
        *,
        roaming: bool = False,
    ) -> None:
        self._passwords = passwords
        self._complain = complain
        self._algorithm = algorithm
        self._realm = "ACS"
        self._roaming = roaming
        self._nonces: OrderedDict[str, _Nonce] = OrderedDict()

    def challenge(self, request: web.Request) -> str | None:
        """Return None when the request may pass, else the WWW-Authenticate of the 401."""
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "digest":
            return self._challenge(request)
        given = {name.lower(): quoted or token for name, quoted, token in _PARAMETER.findall(rest)}
        nonce = self._nonces.get(given.get("nonce", ""))
        if nonce is None or (nonce.connection is not request.transport and not self._roaming):
            return self._challenge(request, stale=True)
        if not self._well_formed(given, nonce, request):
            return self._challenge(request)
        password = self._passwords.get(given.get("username", ""))
        if password is None or self._response(given, password, request.method) != given["response"]:
            return self._challenge(request)
        nonce.count = int(given["nc"], 16)
        return None

    def _challenge(self, request: web.Request, *, stale: bool = False) -> str:
        nonce = secrets.token_hex(16)
        self._nonces[nonce] = _Nonce(request.transport)
        if len(self._nonces) > _NONCES:
            self._nonces.popitem(last=False)
        stale_flag = ", stale=true" if stale else ""
        return (
            f'Digest realm="{self._realm}", qop="auth", algorithm={self._algorithm},'
            f' nonce="{nonce}"{stale_flag}'
        )

    def _well_formed(self, given: dict[str, str], nonce: _Nonce, request: web.Request) -> bool:
        count = given.get("nc", "")
        faults = [
            text
            for text, wrong in (
                (f"qop is {given.get('qop')!r}", given.get("qop") != "auth"),
                (f"uri is {given.get('uri')!r}", given.get("uri") != request.raw_path),
                (
                    f"algorithm is {given.get('algorithm')!r}",
                    given.get("algorithm", "MD5") != self._algorithm,
                ),
                (f"realm is {given.get('realm')!r}", given.get("realm") != self._realm),
                ("cnonce is missing", not given.get("cnonce")),
                ("response is missing", not given.get("response")),
                (f"nc is {count!r}", not re.fullmatch("[0-9a-f]{8}", count) or int(count, 16) <= nonce.count),
            )
            if wrong
        ]
        if faults:
            self._complain(f"Authorization: {', '.join(faults)}")
        return not faults

    def _response(self, given: dict[str, str], password: str, method: str) -> str:
        def digest(text: str) -> str:
            name = "sha256" if self._algorithm.startswith("SHA-256") else "md5"
            return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

        secret = digest(f"{given['username']}:{self._realm}:{password}")
        if self._algorithm.endswith("-sess"):
            secret = digest(f"{secret}:{given['nonce']}:{given['cnonce']}")
        what = digest(f"{method}:{given['uri']}")
        return digest(f"{secret}:{given['nonce']}:{given['nc']}:{given['cnonce']}:auth:{what}")


@dataclass(slots=True)
class _Nonce:
    connection: object
    count: int = 0


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
