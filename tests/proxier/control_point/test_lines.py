from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from cwmp_client.http_line import LineFailure, NotConnected, TooLong, TooSlow
from proxier.control_point import lines as module
from proxier.control_point.lines import Lines
from tests.proxier.control_point.stand_in import StandIn

DOCUMENT = "/desc.xml"


@asynccontextmanager
async def asked(longest_over_kept: float = 5) -> AsyncIterator[tuple[Lines, StandIn]]:
    async with StandIn() as stand_in, Lines(longest_over_kept) as lines:
        yield lines, stand_in


def ports(stand_in: StandIn) -> list[int]:
    return [asked.peer[1] for asked in stand_in.asked]


async def test_the_kept_line_carries_one_exchange_after_the_other() -> None:
    async with asked() as (lines, stand_in):
        replies = await asyncio.gather(
            *(lines.over_kept("GET", stand_in.location, {"X": str(n)}, most_bytes=10_000) for n in range(9))
        )
        assert {reply.status for reply in replies} == {200}
    assert [each.headers["X"] for each in stand_in.asked] == [str(n) for n in range(9)]
    assert len(set(ports(stand_in))) == 1
    assert "Connection" not in stand_in.asked[0].headers


async def test_a_line_of_its_own_is_closed_by_both_sides() -> None:
    async with asked() as (lines, stand_in):
        for _ in range(3):
            await lines.over_own("GET", stand_in.location, {}, most_bytes=10_000)
    assert len(set(ports(stand_in))) == 3
    assert stand_in.asked[0].headers["Connection"] == "close"


async def test_a_kept_line_at_rest_is_closed_and_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_OPEN_SECONDS", 0.1)
    async with asked() as (lines, stand_in):
        for pause in (0.06, 0.06, 0.4, 0):
            await lines.over_kept("GET", stand_in.location, {}, most_bytes=10_000)
            await asyncio.sleep(pause)
    first, second, third, fourth = ports(stand_in)
    assert first == second == third != fourth


async def test_who_waits_too_long_for_the_kept_line_takes_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PATIENCE_WITH_KEPT", 0.1)
    async with asked() as (lines, stand_in):
        stand_in.held.add("/held")
        held = asyncio.create_task(lines.over_kept("GET", stand_in.url("/held"), {}))
        await stand_in.until(lambda: bool(stand_in.asked))
        assert (await lines.over_either("GET", stand_in.location, {}, most_bytes=10_000)).status == 200
        assert not held.done()
        held.cancel()
    assert len(set(ports(stand_in))) == 2


async def test_time_and_size_are_bounded() -> None:
    async with asked(longest_over_kept=0.2) as (lines, stand_in):
        stand_in.held.add("/held")
        with pytest.raises(TooSlow):
            await lines.over_kept("GET", stand_in.url("/held"), {})
        with pytest.raises(TooLong):
            await lines.over_kept("GET", stand_in.location, {}, most_bytes=10)


async def test_after_the_end_nothing_is_asked() -> None:
    async with asked() as (lines, stand_in):
        held = stand_in.held
        held.add("/held")
        waiting = [asyncio.create_task(lines.over_kept("GET", stand_in.url("/held"), {})) for _ in range(3)]
        await stand_in.until(lambda: bool(stand_in.asked))
        async with lines:
            pass
        for each in waiting:
            with pytest.raises(LineFailure):
                await each
        for exchange in (lines.over_kept, lines.over_own, lines.over_either):
            with pytest.raises(LineFailure, match="the control point has stopped"):
                await exchange("GET", stand_in.location, {})
    assert len(stand_in.asked) == 1


async def test_after_the_end_no_connection_is_made() -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        full = stack.enter_context(socket.create_connection(listener.getsockname()))
        async with Lines(5) as lines:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            waiting = asyncio.create_task(lines.over_kept("GET", url, {}))
            await asyncio.sleep(0.1)  # it knocks, and again after a second
        full.close()
        stack.enter_context(listener.accept()[0])
        with pytest.raises(NotConnected, match="given up"):
            await waiting
        late = stack.enter_context(listener.accept()[0])
        assert not late.recv(10)
