"""What a Proxied Device's BasicManagement service is asked, each as a plan.

Unlike the plans of an RPC, these let `ActionError` and `DeviceUnreachable` pass: an operation has to tell a
refusal from silence. An answer that cannot be read counts as none.

Source: BMS, TR-330 4.4, 4.5
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from translation.actions import (
    ActionCall,
    ActionError,
    ActionResult,
    DeviceUnreachable,
    Plan,
    Service,
    invoke,
)
from translation.datatypes import canonical
from translation.documents import children_of, document_in
from translation.operations import BootMarks

NOT_FINISHED = frozenset({703, 708})
"""How a device refuses the result of a test that still runs: TR-330 4.5.1 says 703, BMS devices say 708."""

MAX_LOGS = 64
"""Log files of one device that are looked at; each costs an action."""

MAX_RESULTS = 256
"""Rows that one test may have."""

_COMMA = re.compile(r"(?<!\\),")


class Progress(StrEnum):
    """The states of a test. Source: BMS, A_ARG_TYPE_TestState"""

    REQUESTED = "Requested"
    IN_PROGRESS = "InProgress"
    CANCELED = "Canceled"
    COMPLETED = "Completed"


class LogInfo(Struct, frozen=True):
    """What a device says of one of its logs; `max_size` in bytes, 0 when unknown. Source: BMS, GetLogInfo"""

    uri: str
    url: str = ""
    max_size: int = 0
    last_change: str = ""


# ------------------------------------------------------------------ tests


def start_test(action: str, arguments: Mapping[str, str]) -> Plan[int]:
    """Ask for a test; returns its TestID. Source: TR-330 Figure 6"""
    answer = yield from invoke(ActionCall(Service.BMS, action, arguments))
    test_id = number(answer.values.get("TestID", ""))
    if test_id is None:
        raise DeviceUnreachable(f"{action} was answered without a TestID")
    return test_id


def look_at_test(
    test_id: int, result_action: str, offered: Collection[str], *, ask_first: bool
) -> Plan[ActionResult | Progress]:
    """The result of a test, or how far it is.

    With `ask_first` the result is asked for only when the TestID is no longer active, as far as the device
    offers to tell. A device that says that the test is not finished is asked in which state it is.

    Source: TR-330 4.5.1, Table 1 row 8
    """
    if ask_first and "GetActiveTestIDs" in offered:
        try:
            answer = yield from invoke(ActionCall(Service.BMS, "GetActiveTestIDs"))
        except ActionError:
            pass  # it is offered and not done: the answer for the result will tell
        else:
            if test_id in ids_in(answer.values.get("TestIDs", "")):
                return Progress.IN_PROGRESS
    argument = {"TestID": str(test_id)}
    try:
        return (yield from invoke(ActionCall(Service.BMS, result_action, argument)))
    except ActionError as error:
        if error.code not in NOT_FINISHED:
            raise
    if "GetTestInfo" not in offered:
        return Progress.IN_PROGRESS
    info = yield from invoke(ActionCall(Service.BMS, "GetTestInfo", argument))
    state = info.values.get("State", "")
    return Progress(state) if state in set(Progress) else Progress.IN_PROGRESS


def cancel_test(test_id: int) -> Plan[None]:
    """Stop a test."""
    yield from invoke(ActionCall(Service.BMS, "CancelTest", {"TestID": str(test_id)}))


def ids_in(text: str) -> frozenset[int]:
    """The IDs in TestIDs or ActiveTestIDs, a comma list in no order."""
    return frozenset(value for item in comma_list(text) if (value := number(item)) is not None)


def lookups_in(result: ActionResult) -> Sequence[Mapping[str, str]]:
    """The repetitions in the answer of GetNSLookupResult, by the names of their elements. Source: BMS"""
    root = document_in(result, "Result", "NSLookupResult")
    if root is None:
        return ()
    found = [children_of(element) for element in root.iter("{*}Result") if len(element)]
    return found[:MAX_RESULTS]


# ------------------------------------------------------------------ logs


def log_files(told: str = "") -> Plan[tuple[LogInfo, ...]]:
    """All logs that the device has now. Source: TR-330 4.4.1

    Args:
        told: LogURIs, if an event has told them just now.
    """
    if not told:  # some first events leave all variables empty, and no later one tells what has not changed
        answer = yield from invoke(ActionCall(Service.BMS, "GetLogURIs"))
        told = answer.values.get("LogURIs", "")
    uris = dict.fromkeys(uri for uri in comma_list(told) if uri)
    logs = []
    for uri in list(uris)[:MAX_LOGS]:
        try:
            logs.append((yield from log_info(uri)))
        except ActionError:
            logs.append(LogInfo(uri))  # it is there, and keeps the rest to itself
    return tuple(logs)


def log_info(uri: str) -> Plan[LogInfo]:
    """What the device says of one log. Source: TR-330 4.4.1, 4.4.2"""
    answer = yield from invoke(ActionCall(Service.BMS, "GetLogInfo", {"LogURI": uri}))
    values = answer.values
    return LogInfo(
        uri,
        url=values.get("LogURL", ""),
        max_size=number(values.get("MaxSize", "")) or 0,
        last_change=values.get("LastChange", ""),
    )


# ------------------------------------------------------------------ restarts


def reboot() -> Plan[bool]:
    """Reboot the device; returns whether it does so at once and not later. Source: BMS, Reboot"""
    answer = yield from invoke(ActionCall(Service.BMS, "Reboot"))
    return answer.values.get("RebootStatus", "") != "RebootLater"


def baseline_reset() -> Plan[bool]:
    """Reset the device to what it was when new; True, as it is never told that it happens later."""
    yield from invoke(ActionCall(Service.BMS, "BaselineReset"))
    return True


def boot_marks() -> Plan[BootMarks]:
    """What the device itself says about its present run."""
    answer = yield from invoke(ActionCall(Service.BMS, "GetDeviceStatus"))
    return BootMarks(status_since=status_since(answer.values.get("DeviceStatus", "")))


def status_since(device_status: str) -> str:
    """The time in `OK,2024-05-01T10:00:00Z`; empty where there is none."""
    return device_status.partition(",")[2].strip()


# ------------------------------------------------------------------ texts


def number(text: str) -> int | None:
    """A ui4, or None for anything else."""
    value = canonical(text.strip(), "unsignedInt")
    return None if value is None else int(value)


def comma_list(text: str) -> list[str]:
    r"""The items of a list, empty ones included; `\,` is a comma within an item."""
    if not text.strip():
        return []
    return [item.strip().replace("\\,", ",") for item in _COMMA.split(text)]
