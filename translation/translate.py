"""The border between plans and RPCs: what a device refuses, or leaves unanswered, becomes a fault.

The plans of `cms` and `changes` let `ActionError` and `DeviceUnreachable` through, so that one plan can build
on another. Whoever drives one for the ACS drives it through here, and gets `CwmpFault` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from cwmp_client.faults import CwmpFault, FaultCode
from translation.actions import ActionError, DeviceUnreachable, Plan
from translation.errors import fault_of, set_fault_of

R = TypeVar("R")


def translate(plan: Plan[R], device: str, *, setting: Sequence[str] = ()) -> Plan[R]:
    """The plan, with the faults of an RPC.

    Args:
        plan: what is to be done.
        device: names the device in the text of a fault.
        setting: the names of the parameters, if it is a SetParameterValues.

    Raises:
        CwmpFault: by Table 2 where the device refused, 9002 where there was no answer.

    Source: TR-330 4.6.9
    """
    try:
        return (yield from plan)
    except ActionError as error:
        raise (set_fault_of(error, setting) if setting else fault_of(error)) from error
    except DeviceUnreachable as error:
        raise CwmpFault(FaultCode.INTERNAL_ERROR, f"{device}: {error}") from error
