"""How the actions of ConfigurationManagement are called, and long lists in portions that a device bears."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from translation.actions import ActionCall, ActionError, ActionResult, Plan, Service, invoke

TOO_MUCH = frozenset({501, 603, 709})
"""Errors by which devices refuse an answer that would be too large. Source: field practice"""

UNKNOWN_PATH = frozenset({600, 701, 703})
"""Errors by which devices refuse a path that they do not have, or not for this action."""

VALUE_REFUSED = frozenset({704, 705, 706})
"""Errors by which devices refuse to set something: its type, its value, or at all."""


def call(name: str, **arguments: str) -> Plan[ActionResult]:
    """Call an action.

    Raises:
        ActionError: the device refused.
        DeviceUnreachable: there was no answer.
    """
    return invoke(ActionCall(Service.CMS, name, arguments))


def in_portions(
    paths: Sequence[str],
    size: int,
    ask: Callable[[Sequence[str]], Plan[None]],
    split: Callable[[Sequence[str]], Sequence[Sequence[str]]],
    *,
    refusals: int = 0,
    refused: frozenset[int] = UNKNOWN_PATH,
) -> Plan[None]:
    """Ask for many paths in as few calls as the device bears.

    At most `size` paths go into one call (0: all of them), and what is too much for the device is split.
    Beyond that up to `refusals` paths that it will not have, by the errors `refused`, are found by splitting
    and left out.

    Raises:
        ActionError: the device refused what cannot be split.
        DeviceUnreachable: there was no answer.
    """
    step = size or len(paths) or 1
    waiting = deque(paths[start : start + step] for start in range(0, len(paths), step))
    while waiting:
        portion = waiting.popleft()
        try:
            yield from ask(portion)
        except ActionError as error:
            tolerable = refusals > 0 and error.code in refused
            if error.code not in TOO_MUCH and not tolerable:
                raise
            parts = split(portion)
            if not parts and not tolerable:
                raise
            if not parts:
                refusals -= 1
            waiting.extendleft(reversed(parts))


def halves(paths: Sequence[str]) -> Sequence[Sequence[str]]:
    """Two portions out of one; none of a single path."""
    middle = len(paths) // 2
    return (paths[:middle], paths[middle:]) if middle else ()
