"""The driver of plans: it carries out the calls that a plan yields."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import TypeVar

from translation.actions import ActionCall, ActionError, ActionResult, Calls, DeviceUnreachable, Plan

R = TypeVar("R")


async def drive(plan: Plan[R], invoke: Callable[[ActionCall], Awaitable[ActionResult]]) -> R:
    """Carry out a plan, with the way in which one action is called.

    Raises:
        Whatever the plan raises.
    """

    async def answer_to(calls: Calls) -> ActionResult | tuple[ActionResult, ...]:
        if isinstance(calls, ActionCall):
            return await invoke(calls)
        return tuple([await invoke(call) for call in calls])

    with closing(plan):
        try:
            calls = next(plan)
            while True:
                try:
                    answer = await answer_to(calls)
                except (ActionError, DeviceUnreachable) as error:
                    calls = plan.throw(error)
                else:
                    calls = plan.send(answer)
        except StopIteration as done:
            result: R = done.value
            return result
