from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from proxier import rounds
from proxier.rounds import Rounds


class Work:
    """What is done in rounds; each takes until it is let go on, and then pauses as told."""

    def __init__(self, *pauses: float) -> None:
        self.begun = 0
        self.cancelled = False
        self.go_on = asyncio.Semaphore(0)
        self._pauses: Iterator[float] = iter(pauses)
        self._news = asyncio.Event()

    async def __call__(self) -> float:
        self.begun += 1
        self._news.set()
        try:
            await self.go_on.acquire()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return next(self._pauses)

    async def begun_times(self, times: int) -> None:
        async with asyncio.timeout(5):
            while self.begun < times:
                self._news.clear()
                await self._news.wait()


async def test_it_is_done_again_after_the_pause() -> None:
    work = Work(0.01, 60)
    loop = Rounds(work)
    loop.begin()
    work.go_on.release()
    await work.begun_times(2)
    await loop.close()
    assert work.cancelled


async def test_without_a_pause_it_is_done_again_at_once() -> None:
    work = Work(0, 60)
    loop = Rounds(work)
    loop.begin()
    work.go_on.release()
    await work.begun_times(2)
    await loop.close()


async def test_what_is_begun_anew_while_it_is_done_is_done_once_more() -> None:
    work = Work(60, 60)
    loop = Rounds(work)
    loop.begin()
    await work.begun_times(1)
    loop.begin()
    loop.begin()
    assert work.begun == 1
    work.go_on.release()
    await work.begun_times(2)
    await loop.close()


async def test_it_can_be_hastened_but_not_put_off() -> None:
    work = Work(60, 60)
    loop = Rounds(work)
    loop.hasten(0.01)  # nothing was begun that could be hastened
    loop.begin(60)
    loop.hasten(0.01)
    loop.hasten(60)
    await work.begun_times(1)
    assert work.begun == 1
    await loop.close()


async def test_nothing_is_done_after_it_is_stopped() -> None:
    work = Work(0.01)
    loop = Rounds(work)
    loop.begin(0.01)
    loop.stop()
    await asyncio.sleep(0.05)
    assert work.begun == 0


async def test_it_may_be_begun_anew_before_what_was_stopped_has_ended() -> None:
    work = Work(60)
    loop = Rounds(work)
    loop.begin()
    await work.begun_times(1)
    loop.stop()
    loop.begin()
    await work.begun_times(2)
    assert work.cancelled
    await loop.close()


async def test_it_may_be_stopped_before_its_first_step_and_begun_anew() -> None:
    work = Work(60)
    loop = Rounds(work)
    loop.begin()
    await loop.close()
    assert work.begun == 0
    loop.begin()
    await work.begun_times(1)
    await loop.close()


async def test_what_is_cancelled_by_another_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "PAUSE_AFTER_FAILURE_SECONDS", 0.01)
    begun = asyncio.Semaphore(0)

    async def work() -> float:
        begun.release()
        raise asyncio.CancelledError

    loop = Rounds(work)
    loop.begin()
    async with asyncio.timeout(5):
        await begun.acquire()
        await begun.acquire()
    await loop.close()


async def test_what_stops_itself_in_its_last_step_is_not_done_again() -> None:
    begun = 0

    async def work() -> float:
        nonlocal begun
        begun += 1
        loop.stop()
        return 0.01

    loop = Rounds(work)
    loop.begin()
    await asyncio.sleep(0.05)
    assert begun == 1
    await loop.close()


async def test_a_failure_is_logged_and_it_is_done_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rounds, "PAUSE_AFTER_FAILURE_SECONDS", 0.01)
    work = Work()  # it has no pause to tell, and fails
    loop = Rounds(work)
    loop.begin()
    work.go_on.release()
    await work.begun_times(2)
    await loop.close()
    assert "a work failed" in caplog.text
