from __future__ import annotations

import asyncio
import logging
from functools import partial

import pytest

from proxier.control_point.deliveries import MOST_WAITING, Deliveries


async def test_deliveries_of_one_key_come_in_order_and_never_at_once() -> None:
    deliveries = Deliveries()
    log: list[str] = []
    done = asyncio.Event()

    async def deliver(name: str) -> None:
        log.append(f"{name} begins")
        await asyncio.sleep(0)
        log.append(f"{name} ends")
        if name == "c":
            done.set()

    for name in "abc":
        deliveries.post("one", partial(deliver, name))
    await asyncio.wait_for(done.wait(), 5)
    assert log == ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]
    await deliveries.close()


async def test_one_key_does_not_wait_for_another() -> None:
    deliveries = Deliveries()
    done = asyncio.Event()

    async def never() -> None:
        await asyncio.Event().wait()

    async def at_once() -> None:
        done.set()

    deliveries.post("slow", never)
    deliveries.post("fast", at_once)
    await asyncio.wait_for(done.wait(), 5)
    for _ in range(MOST_WAITING):
        deliveries.post("slow", never)
    assert deliveries.is_behind("slow")
    assert not deliveries.is_behind("fast")
    await deliveries.close()


async def test_a_listener_that_fails_is_logged_and_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    deliveries = Deliveries()
    done = asyncio.Event()

    async def fail() -> None:
        raise ValueError("mine")

    async def succeed() -> None:
        done.set()

    with caplog.at_level(logging.ERROR):
        deliveries.post("one", fail)
        deliveries.post("one", succeed)
        await asyncio.wait_for(done.wait(), 5)
    assert "the listener failed" in caplog.text
    await deliveries.close()


async def test_after_the_end_nothing_is_delivered() -> None:
    deliveries = Deliveries()
    await deliveries.close()
    delivered = False

    async def deliver() -> None:
        nonlocal delivered
        delivered = True

    deliveries.post("one", deliver)
    await asyncio.sleep(0)
    assert not delivered
