from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwmp_client.authentication import (
    Challenge,
    Credentials,
    Digest,
    DigestGuard,
    Verdict,
    parse_challenges,
)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=40)


class TestChallenges:
    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ("", []),
            ("Basic", [Challenge("basic")]),
            ("Basic dXNlcjpwYXNz==", [Challenge("basic")]),
            ('BASIC realm="a, b"', [Challenge("basic", {"realm": "a, b"})]),
            (
                'Digest realm="x", nonce=abc, qop="auth,auth-int", Basic realm="y"',
                [
                    Challenge("digest", {"realm": "x", "nonce": "abc", "qop": "auth,auth-int"}),
                    Challenge("basic", {"realm": "y"}),
                ],
            ),
            (
                'Digest realm="x", qop=auth, auth-int, nonce="n"',
                [Challenge("digest", {"realm": "x", "qop": "auth, auth-int", "nonce": "n"})],
            ),
            (
                'Negotiate YII=, Digest  nonce = "q\\"q"',
                [Challenge("negotiate"), Challenge("digest", {"nonce": 'q"q'})],
            ),
            ('Digest realm="never ends', [Challenge("digest")]),
            ("Digest " + "x=" * 10_000, [Challenge("digest")]),
        ],
    )
    def test_are_read_as_far_as_they_can_be(self, header: str, expected: list[Challenge]) -> None:
        assert parse_challenges(header) == expected

    @given(st.text(max_size=300))
    def test_whatever_comes_is_no_error(self, header: str) -> None:
        parse_challenges(header)

    @pytest.mark.parametrize(
        ("parameters", "supported"),
        [
            ({"nonce": "n", "algorithm": "SHA-256-sess"}, True),
            ({"nonce": "n", "algorithm": "md5-SESS", "qop": "auth-int, auth"}, True),
            ({"nonce": "n"}, True),
            ({}, False),
            ({"nonce": "n", "qop": "auth-int"}, False),
            ({"nonce": "n", "algorithm": "SHA-512-256"}, False),
        ],
    )
    def test_which_digests_are_supported(self, parameters: dict[str, str], *, supported: bool) -> None:
        assert (Digest.of(Challenge("digest", parameters)) is not None) is supported


class TestDigest:
    def test_the_example_of_rfc_2617(self) -> None:
        digest = Digest("MD5", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", with_qop=True)
        response = digest.response(
            "Mufasa", "Circle Of Life", "GET", "/dir/index.html", count="00000001", cnonce="0a4f113b"
        )
        assert response == "6629fae49393a05397450978507c4ef1"

    def test_the_example_of_rfc_7616(self) -> None:
        realm, nonce = "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
        digest = Digest("SHA-256", realm, nonce, with_qop=True)
        response = digest.response(
            "Mufasa",
            "Circle of Life",
            "GET",
            "/dir/index.html",
            count="00000001",
            cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        )
        assert response == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"

    def test_session_variant_and_the_old_formula(self) -> None:
        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        secret, request = md5(f"{md5('u:r:p')}:n:c"), md5("POST:/")
        session = Digest("MD5-SESS", "r", "n", with_qop=True)
        assert session.response("u", "p", "POST", "/", count="00000002", cnonce="c") == md5(
            f"{secret}:n:00000002:c:auth:{request}"
        )
        old = Digest("MD5", "r", "n", with_qop=False)
        assert old.response("u", "p", "POST", "/", count="", cnonce="") == md5(f"{md5('u:r:p')}:n:{request}")


class TestCredentials:
    def test_the_strongest_digest_is_answered(self) -> None:
        credentials = Credentials("u", 'p"\\')
        refusal = credentials.take(
            [
                'Digest realm="r", nonce="1"',
                'Basic realm="r", Digest realm="r", nonce="2", algorithm=SHA-256-sess',
            ],
            allow_basic=True,
        )
        assert refusal == ""
        words = parse_challenges(credentials.authorization("POST", "/", allow_basic=True))[0].parameters
        assert (words["nonce"], words["algorithm"]) == ("2", "SHA-256-sess")
        assert "opaque" not in words
        assert "qop" not in words
        digest = Digest("SHA-256-SESS", "r", "2", with_qop=False)
        expected = digest.response("u", 'p"\\', "POST", "/", count="", cnonce=words["cnonce"])
        assert words["response"] == expected

    def test_what_is_asked_for_is_echoed_and_the_count_grows(self) -> None:
        credentials = Credentials('u"1', "p")
        credentials.take(['Digest realm="r", nonce="n", opaque="o", qop="auth"'], allow_basic=False)
        first, second = (
            parse_challenges(credentials.authorization("POST", "/x?y", allow_basic=False))[0].parameters
            for _ in range(2)
        )
        assert {
            name: first[name] for name in ("username", "realm", "nonce", "opaque", "uri", "qop", "nc")
        } == {
            "username": 'u"1',
            "realm": "r",
            "nonce": "n",
            "opaque": "o",
            "uri": "/x?y",
            "qop": "auth",
            "nc": "00000001",
        }
        assert second["nc"] == "00000002"
        assert second["cnonce"] == first["cnonce"]

    def test_nothing_is_offered_unasked_or_after_the_connection_is_gone(self) -> None:
        credentials = Credentials("u", "p")
        assert credentials.authorization("POST", "/", allow_basic=True) == ""
        credentials.take(["Basic"], allow_basic=True)
        assert credentials.authorization("POST", "/", allow_basic=True) == "Basic dTpw"
        assert credentials.authorization("POST", "/", allow_basic=False) == ""
        credentials.forget()
        assert credentials.authorization("POST", "/", allow_basic=True) == ""

    @pytest.mark.parametrize(
        ("headers", "refusal"),
        [
            (["Basic realm=x"], "the password itself"),
            (["Negotiate"], "not supported"),
            ([], "not supported"),
            (['Digest nonce="n", algorithm=MD6'], "not supported"),
        ],
    )
    def test_what_is_not_answered(self, headers: list[str], refusal: str) -> None:
        credentials = Credentials("u", "p")
        assert refusal in credentials.take(headers, allow_basic=False)
        assert credentials.authorization("POST", "/", allow_basic=True) == ""


class TestGuard:
    def answer(self, guard: DigestGuard, username: str, password: str, *, now: float = 100.0) -> str:
        credentials = Credentials(username, password)
        credentials.take([guard.challenge(now)], allow_basic=False)
        return credentials.authorization("GET", "/path", allow_basic=False)

    def judge(self, guard: DigestGuard, authorization: str, now: float = 100.0) -> Verdict:
        return guard.judge(authorization, "GET", "/path", "acs", "pässword", now)

    @given(texts, texts)
    def test_whoever_knows_the_password_is_let_in_once(self, username: str, password: str) -> None:
        guard = DigestGuard("realm")
        credentials = Credentials(username or "u", password)
        credentials.take([guard.challenge(1.0)], allow_basic=False)
        first, second = (credentials.authorization("GET", "/p?q", allow_basic=False) for _ in range(2))

        def judge(authorization: str) -> Verdict:
            return guard.judge(authorization, "GET", "/p", username or "u", password, 2.0)

        assert judge(second) is Verdict.ACCEPTED
        assert judge(second) is Verdict.STALE
        assert judge(first) is Verdict.STALE

    def test_nonces_are_fresh_each_time(self) -> None:
        guard = DigestGuard("realm")
        assert guard.challenge(1.0) != guard.challenge(1.0)
        assert guard.challenge(1.0, stale=True).endswith("stale=true")

    @pytest.mark.parametrize(("now", "verdict"), [(159.0, Verdict.ACCEPTED), (161.0, Verdict.STALE)])
    def test_nonces_grow_old(self, now: float, verdict: Verdict) -> None:
        guard = DigestGuard("realm")
        assert self.judge(guard, self.answer(guard, "acs", "pässword"), now) is verdict

    def test_nonces_of_another_guard_are_stale(self) -> None:
        guard, other = DigestGuard("realm"), DigestGuard("realm")
        assert self.judge(guard, self.answer(other, "acs", "pässword")) is Verdict.STALE

    def test_the_old_formula_is_good_for_one_request(self) -> None:
        guard = DigestGuard("realm")
        credentials = Credentials("acs", "pässword")
        credentials.take([guard.challenge(100.0).replace('qop="auth", ', "")], allow_basic=False)
        authorization = credentials.authorization("GET", "/path", allow_basic=False)
        assert self.judge(guard, authorization) is Verdict.ACCEPTED
        assert self.judge(guard, authorization) is Verdict.STALE

    def test_used_nonces_are_kept_in_bounds(self) -> None:
        guard = DigestGuard("realm")
        for _ in range(DigestGuard.MAX_USED_NONCES + 1):
            assert self.judge(guard, self.answer(guard, "acs", "pässword")) is Verdict.ACCEPTED

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("Digest", "Basic"),
            ('username="acs"', 'username="\udcff"'),
            ('uri="/path"', 'uri="/other"'),
            ('uri="/path"', 'uri="http://[::1/path"'),
            ('realm="realm"', 'realm="other"'),
            ("algorithm=MD5", "algorithm=SHA-256"),
            ("nc=00000001", "nc=xyz"),
            ('response="', 'response="0'),
            ("response=", "request="),
            ("nonce=", "once="),
        ],
    )
    def test_anything_else_is_refused(self, old: str, new: str) -> None:
        guard = DigestGuard("realm")
        authorization = self.answer(guard, "acs", "pässword")
        assert old in authorization
        assert self.judge(guard, authorization.replace(old, new)) is Verdict.REFUSED

    def test_a_count_that_is_none_is_stale(self) -> None:
        guard = DigestGuard("realm")
        nonce = parse_challenges(guard.challenge(100.0))[0].parameters["nonce"]
        response = Digest("MD5", "realm", nonce, with_qop=True).response(
            "acs", "pässword", "GET", "/path", count="xyz", cnonce="c"
        )
        authorization = (
            f'Digest username="acs", realm="realm", nonce="{nonce}", uri="/path", response="{response}", '
            'qop=auth, nc=xyz, cnonce="c"'
        )
        assert self.judge(guard, authorization) is Verdict.STALE

    @given(st.text(max_size=200))
    def test_whatever_comes_is_no_error(self, authorization: str) -> None:
        assert self.judge(DigestGuard("realm"), f"Digest {authorization}") is Verdict.REFUSED
