from __future__ import annotations

import asyncio

import pytest

from cwmp_client.wake import Wake


async def test_who_waits_is_woken() -> None:
    wake = Wake()
    waiting = asyncio.create_task(wake.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    wake.set()
    await waiting
    assert wake.is_set()


async def test_who_comes_later_does_not_wait() -> None:
    wake = Wake()
    wake.set()
    await wake.wait()
    wake.clear()
    assert not wake.is_set()


async def test_the_time_may_be_up_first() -> None:
    wake = Wake()
    await wake.wait(0.01)
    assert not wake.is_set()
    waiting = asyncio.create_task(wake.wait(60))
    await asyncio.sleep(0)
    wake.set()
    await waiting


async def test_who_waits_may_be_cancelled_and_wait_again() -> None:
    wake = Wake()
    waiting = asyncio.create_task(wake.wait(60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    wake.set()
    await wake.wait(60)
