from __future__ import annotations

import asyncio
import gzip

import pytest
from aiohttp import web

from cwmp_client.acs import AcsClient, AcsSettings, AcsTarget
from cwmp_client.authentication import DigestGuard, Verdict
from tests.cwmp_client.acs_double import raw_server, read_request, serving
from tests.cwmp_client.posts import ENVELOPE, failure, post


def empty_answer(status: str = "204 No Content", *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Length: 0", *headers, "", ""]).encode()


class TestRequests:
    async def test_what_is_on_the_wire(self) -> None:
        heads: list[str] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                head, body = await read_request(reader)
                heads.append(head + body.decode())
                writer.write(empty_answer("200 OK"))

        async with raw_server(talk) as port:
            target = AcsTarget(f"http://127.0.0.1:{port}/a%20b?c=d%26e")
            assert await post(AcsSettings(), target, ENVELOPE, b"") == [b"", b""]
        full, empty = heads
        assert full.startswith("POST /a%20b?c=d%26e HTTP/1.1\r\n")
        assert "\r\nContent-Type: text/xml; charset=utf-8\r\n" in full
        assert "\r\nSOAPAction: \r\n" in full
        assert full.endswith(ENVELOPE.decode())
        assert "\r\nContent-Length: 0\r\n" in empty
        for absent in ("SOAPAction", "Content-Type", "Cookie", "Authorization", "Accept-Encoding"):
            assert absent not in empty

    async def test_one_connection_for_a_session_and_the_next(self) -> None:
        connections = 0

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            while True:
                await read_request(reader)
                writer.write(empty_answer())

        async with raw_server(talk) as port:
            target = AcsTarget(f"http://127.0.0.1:{port}/")
            client = AcsClient(AcsSettings())
            for _ in range(2):
                async with client.session(target) as session:
                    await session.post(ENVELOPE)
                    await session.post(b"")
            assert connections == 1
            async with client.session(target) as one, client.session(target) as other:
                await one.post(b"")
                await other.post(b"")
            assert connections == 2
            await client.close()
            for _ in range(2):
                await post(AcsSettings(reuse_connections=False), target, ENVELOPE, b"")
            assert connections == 4

    async def test_a_connection_that_waits_too_long_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cwmp_client.acs.IDLE_SECONDS", 0.01)
        closed = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(empty_answer())
            assert await reader.read() == b""
            closed.set()

        async with raw_server(talk) as port:
            client = AcsClient(AcsSettings())
            async with client.session(AcsTarget(f"http://127.0.0.1:{port}/")) as session:
                await session.post(b"")
            async with asyncio.timeout(5):
                await closed.wait()
            await client.close()

    @pytest.mark.parametrize("polite", [True, False])
    async def test_a_closed_connection_is_made_anew_in_mid_session(self, polite: bool) -> None:
        heads: list[str] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head, _ = await read_request(reader)
            heads.append(head)
            writer.write(
                empty_answer("200 OK", "Set-Cookie: s=1", *(["Connection: close"] if polite else []))
            )
            if not polite:
                # The next request is under way before the connection turns out to be closed.
                await reader.read(1)

        async with raw_server(talk) as port:
            await post(AcsSettings(), AcsTarget(f"http://127.0.0.1:{port}/"), ENVELOPE, b"")
        assert len(heads) == 2
        assert "Cookie: s=1" in heads[1]

    async def test_cookies_are_returned_whatever_their_path_and_dropped_at_the_end(self) -> None:
        received: list[str] = []

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            received.append(request.headers.get("Cookie", ""))
            response = web.Response()
            if len(received) == 1:
                response.headers.extend(
                    [
                        ("Set-Cookie", "session=abc; Path=/elsewhere; HttpOnly"),
                        ("Set-Cookie", "big=" + "x" * 512),
                        ("Set-Cookie", "gone=1"),
                        ("Set-Cookie", "nonsense"),
                    ]
                )
            elif len(received) == 2:
                response.headers.extend(
                    [("Set-Cookie", "gone=; Max-Age=0"), ("Set-Cookie", "huge=" + "x" * 7900)]
                )
            return response

        async with serving(handle) as port:
            target = AcsTarget(f"http://127.0.0.1:{port}/")
            client = AcsClient(AcsSettings())
            async with client.session(target) as session:
                for _ in range(3):
                    await session.post(b"")
            async with client.session(target) as session:
                await session.post(b"")
            await client.close()
        big = "big=" + "x" * 512
        assert received == ["", f"session=abc; {big}; gone=1", f"session=abc; {big}", ""]

    @pytest.mark.parametrize(
        ("attributes", "kept"),
        [
            ("Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/", False),
            ("path=/; expires=Thu, 01-Jan-1970 00:00:01 GMT", False),
            ("Max-Age=-5", False),
            ("Max-Age=00", False),
            ("Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", True),
            ("Expires=Wed, 09 Jun 2100 10:18:14 GMT; Max-Age=0", False),
            ("Expires=Wed, 09 Jun 2100 10:18:14 GMT", True),
            ("Expires=tomorrow", True),
            ("Expires=Thu, 01 Jan 99999999999 00:00:00 GMT", True),
            ("Max-Age=soon", True),
        ],
    )
    async def test_a_cookie_that_is_over_is_taken_back(self, attributes: str, *, kept: bool) -> None:
        received: list[str] = []

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            received.append(request.headers.get("Cookie", ""))
            value = ["s=1", f"s=2; {attributes}", "t=3"][len(received) - 1]
            return web.Response(headers={"Set-Cookie": value})

        async with serving(handle) as port:
            await post(AcsSettings(), AcsTarget(f"http://127.0.0.1:{port}/"), b"", b"", b"")
        assert received == ["", "s=1", "s=2" if kept else ""]

    async def test_the_clock_of_the_acs_says_when_a_cookie_is_over(self) -> None:
        heads: list[str] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                heads.append((await read_request(reader))[0])
                cookie = "Set-Cookie: s=1; Expires=Wed, 09 Jun 2021 10:18:14 GMT"
                writer.write(empty_answer("200 OK", cookie, "Date: Wed, 09 Jun 2021 10:00:00 GMT"))

        async with raw_server(talk) as port:
            await post(AcsSettings(), AcsTarget(f"http://127.0.0.1:{port}/"), b"", b"")
        assert "Cookie: s=1" in heads[1]

    async def test_compression_both_ways(self) -> None:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            assert request.headers["Accept-Encoding"] == "gzip"
            if request.body_exists:
                assert request.headers["Content-Encoding"] == "gzip"
            body = await request.read()
            return web.Response(body=gzip.compress(body * 1000), headers={"Content-Encoding": "gzip"})

        async with serving(handle) as port:
            target = AcsTarget(f"http://127.0.0.1:{port}/", compression="GZIP")
            assert await post(AcsSettings(), target, ENVELOPE, b"") == [ENVELOPE * 1000, b""]

    async def test_an_acs_that_reads_nothing_compressed_is_sent_it_plain(self) -> None:
        received: list[tuple[str, bytes]] = []

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            coding = request.headers.get("Content-Encoding", "")
            received.append((coding, await request.read()))
            return web.Response(status=415 if coding or len(received) == 4 else 200)

        async with serving(handle) as port:
            target = AcsTarget(f"http://127.0.0.1:{port}/", compression="GZIP")
            await post(AcsSettings(), target, ENVELOPE, ENVELOPE)
            assert received == [("gzip", ENVELOPE), ("", ENVELOPE), ("", ENVELOPE)]
            failed = await failure(AcsSettings(), AcsTarget(f"http://127.0.0.1:{port}/"))
        assert failed.status == 415

    async def test_chunked_answers_and_204_alike(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<a/\r\n1\r\n>\r\n0\r\n\r\n"
            )
            await read_request(reader)
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

        async with raw_server(talk) as port:
            target = AcsTarget(f"http://127.0.0.1:{port}/")
            assert await post(AcsSettings(), target, ENVELOPE, b"") == [b"<a/>", b""]


class TestRedirects:
    @pytest.mark.parametrize("status", [302, 307])
    async def test_hold_for_the_rest_of_the_session(self, status: int) -> None:
        paths: list[tuple[str, bytes]] = []

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            paths.append((request.path_qs, await request.read()))
            if request.path == "/":
                return web.Response(status=status, headers={"Location": "there/?x=1"})
            return web.Response()

        async with serving(handle) as port:
            client = AcsClient(AcsSettings())
            for _ in range(2):
                async with client.session(AcsTarget(f"http://127.0.0.1:{port}/")) as session:
                    await session.post(ENVELOPE)
                    await session.post(b"")
            await client.close()
        assert paths == [("/", ENVELOPE), ("/there/?x=1", ENVELOPE), ("/there/?x=1", b"")] * 2

    @pytest.mark.parametrize("hops", [5, 6])
    async def test_five_in_a_row_are_followed(self, hops: int) -> None:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            hop = int(request.path[1:])
            if hop < hops:
                return web.Response(status=302, headers={"Location": f"/{hop + 1}"})
            return web.Response(body=b"here")

        async with serving(handle) as port:
            target = AcsTarget(f"http://127.0.0.1:{port}/0")
            if hops == 5:
                assert await post(AcsSettings(), target, ENVELOPE) == [b"here"]
            else:
                assert "more than 5 redirects" in str(await failure(AcsSettings(), target))

    async def test_each_acs_on_the_way_may_ask_for_credentials(self) -> None:
        there = Guarded()

        async def send_on(request: web.BaseRequest) -> web.StreamResponse:
            response = await here.handle(request)
            if response.status == 200:
                return web.Response(status=302, headers={"Location": f"http://127.0.0.1:{port_there}/"})
            return response

        here = Guarded()
        async with serving(there.handle) as port_there, serving(send_on) as port:
            target = AcsTarget(f"http://127.0.0.1:{port}/", "cpe", "secret")
            await post(AcsSettings(), target, ENVELOPE, b"")
        assert here.verdicts == [Verdict.REFUSED, Verdict.ACCEPTED]
        assert there.verdicts == [Verdict.REFUSED, Verdict.ACCEPTED, Verdict.ACCEPTED]

    @pytest.mark.parametrize(
        ("location", "reason"),
        [
            (None, "without a Location"),
            ("ftp://127.0.0.1/", "not an http or https URL"),
            ("http://[::1/", "not an http or https URL"),
        ],
    )
    async def test_nowhere_to_go(self, location: str | None, reason: str) -> None:
        async def handle(_request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": location} if location is not None else {})

        async with serving(handle) as port:
            assert reason in str(await failure(AcsSettings(), AcsTarget(f"http://127.0.0.1:{port}/")))


class Guarded:
    """An ACS that asks for digest, and binds its nonces to connections."""

    def __init__(self) -> None:
        self.guard = DigestGuard("GenieACS")
        self.authorizations: list[str] = []
        self.verdicts: list[Verdict] = []
        self.nonces: dict[object, str] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        self.authorizations.append(authorization)
        known = self.nonces.get(request.protocol, "")
        verdict = self.guard.judge(authorization, "POST", request.path, "cpe", "secret", 1.0)
        self.verdicts.append(verdict)
        if verdict is Verdict.ACCEPTED and known and known in authorization:
            return web.Response()
        challenge = self.guard.challenge(1.0)
        self.nonces[request.protocol] = challenge.split('nonce="')[1].split('"')[0]
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})


class TestAuthentication:
    async def test_digest_on_the_kept_connection(self) -> None:
        acs = Guarded()
        async with serving(acs.handle) as port:
            target = AcsTarget(f"http://127.0.0.1:{port}/cwmp", "cpe", "secret")
            await post(AcsSettings(), target, ENVELOPE, ENVELOPE, b"")
        assert acs.verdicts == [Verdict.REFUSED, *[Verdict.ACCEPTED] * 3]
        assert [header.rpartition("nc=")[2] for header in acs.authorizations] == [
            "",
            "00000001",
            "00000002",
            "00000003",
        ]

    async def test_many_sessions_at_once_keep_to_their_connections(self) -> None:
        acs = Guarded()
        async with serving(acs.handle) as port:
            client = AcsClient(AcsSettings())

            async def session() -> None:
                async with client.session(AcsTarget(f"http://127.0.0.1:{port}/", "cpe", "secret")) as http:
                    for _ in range(5):
                        await http.post(ENVELOPE)

            await asyncio.gather(*(session() for _ in range(10)))
            await client.close()
        assert acs.verdicts.count(Verdict.REFUSED) == 10

    @pytest.mark.parametrize(
        ("username", "password", "reason"),
        [
            ("cpe", "wrong", "refuses Username and Password"),
            ("", "", "Username is empty"),
        ],
    )
    async def test_no_way_in(self, username: str, password: str, reason: str) -> None:
        acs = Guarded()
        async with serving(acs.handle) as port:
            failed = await failure(AcsSettings(), AcsTarget(f"http://127.0.0.1:{port}/", username, password))
        assert reason in str(failed)
        assert failed.status == 401
        assert acs.authorizations.count("") == 1 if username else all(not sent for sent in acs.authorizations)

    @pytest.mark.parametrize("allowed", [True, False])
    async def test_basic_without_tls_only_by_leave(self, allowed: bool) -> None:
        received: list[str] = []

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            received.append(request.headers.get("Authorization", ""))
            if received[-1]:
                return web.Response()
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})

        async with serving(handle) as port:
            target = AcsTarget(f"http://127.0.0.1:{port}/", "cpe", "sécret")
            settings = AcsSettings(allow_basic_without_tls=allowed)
            if allowed:
                await post(settings, target, ENVELOPE, b"")
                assert received == ["", *["Basic Y3BlOnPDqWNyZXQ="] * 2]
            else:
                assert "not allowed without TLS" in str(await failure(settings, target))
                assert received == [""]

    async def test_a_stale_nonce_gets_one_more_try(self) -> None:
        guard = DigestGuard("x")
        seen: list[str] = []

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            seen.append(request.headers.get("Authorization", ""))
            if len(seen) in {3, 4}:
                return web.Response(
                    status=401, headers={"WWW-Authenticate": guard.challenge(1.0, stale=True)}
                )
            if not seen[-1]:
                return web.Response(status=401, headers={"WWW-Authenticate": guard.challenge(1.0)})
            return web.Response()

        async with serving(handle) as port:
            await post(AcsSettings(), AcsTarget(f"http://127.0.0.1:{port}/", "cpe", "secret"), ENVELOPE, b"")
        assert len(seen) == 5
