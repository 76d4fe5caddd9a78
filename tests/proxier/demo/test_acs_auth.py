from __future__ import annotations

import base64
import re
from typing import Literal

import aiohttp
import pytest

from proxier.demo.acs import EmbeddedAcs
from tests.proxier.demo import acs_envelopes as hand
from tests.proxier.demo.acs_cpe import ENVELOPE, HandCpe


def basic(login: str) -> dict[str, str]:
    return ENVELOPE | {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (ENVELOPE, 401),
        (basic("lamp:wrong"), 401),
        (basic("other:secret"), 401),
        (basic("lamp:secret"), 200),
        (ENVELOPE | {"Authorization": "Basic ***"}, 401),
        (ENVELOPE | {"Authorization": "Digest"}, 401),
    ],
)
async def test_basic(headers: dict[str, str], status: int) -> None:
    async with EmbeddedAcs(username="lamp", password="secret", auth="basic") as acs, HandCpe(acs.url) as cpe:
        answer = await cpe.post(hand.envelope(hand.inform()), headers)
        assert answer.status == status
        assert (status == 200) or answer.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert acs.violations == []


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256"])
async def test_digest(algorithm: Literal["MD5", "MD5-sess", "SHA-256"]) -> None:
    async with EmbeddedAcs(auth="digest", digest_algorithm=algorithm, provision=False) as acs:
        acs.passwords["lamp"] = "secret"
        for password, status in (("wrong", 401), ("secret", 200)):
            digest = aiohttp.DigestAuthMiddleware("lamp", password)
            async with HandCpe(acs.url, middlewares=(digest,)) as cpe:
                assert (await cpe.inform()).status == status
                assert (await cpe.post()).status == (204 if status == 200 else 401)
        assert acs.violations == []


async def test_a_nonce_is_good_for_one_connection() -> None:
    async with EmbeddedAcs(username="lamp", password="secret", auth="digest", provision=False) as acs:
        digest = aiohttp.DigestAuthMiddleware("lamp", "secret")
        async with HandCpe(acs.url, middlewares=(digest,)) as cpe:
            await cpe.inform()
            challenges = len([exchange for exchange in acs.transcript if exchange.name == "401"])
            await cpe.forget()
            assert (await cpe.inform()).status == 200
        assert challenges == 1
        assert len([exchange for exchange in acs.transcript if exchange.name == "401"]) == 2


@pytest.mark.parametrize(
    ("there", "here", "said"),
    [
        ('uri="/"', 'uri="/other"', "uri is '/other'"),
        ("qop=auth", "qop=auth-int", "qop is 'auth-int'"),
        ("nc=00000001", "nc=1", "nc is '1'"),
        ("nc=00000001", "nc=00000000", "nc is '00000000'"),
        ('cnonce="c"', 'cnonce=""', "cnonce is missing"),
        ('realm="ACS"', 'realm="x"', "realm is 'x'"),
        ("algorithm=MD5", "algorithm=SHA-256", "algorithm is 'SHA-256'"),
    ],
)
async def test_a_malformed_digest_is_a_violation(there: str, here: str, said: str) -> None:
    async with EmbeddedAcs(username="lamp", password="secret", auth="digest") as acs, HandCpe(acs.url) as cpe:
        challenge = (await cpe.inform()).headers["WWW-Authenticate"]
        nonce = re.findall(r'nonce="(\w+)"', challenge)[0]
        authorization = (
            f'Digest username="lamp", realm="ACS", nonce="{nonce}", uri="/", qop=auth, algorithm=MD5,'
            ' nc=00000001, cnonce="c", response="0"'
        )
        assert there in authorization
        for value in (authorization, authorization.replace(there, here)):
            assert (await cpe.post(headers={"Authorization": value})).status == 401
        assert acs.violations == [f"somebody: Authorization: {said}"]
