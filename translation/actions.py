"""The words that translation and the control point share: action calls, their results, changes of state.

A *plan* is a generator. It yields an `ActionCall`, or a tuple of calls that may run together, and is sent
the `ActionResult`, or the tuple of them; when one fails, its `ActionError` or `DeviceUnreachable` is thrown
into it. What it returns is what its caller asked for. `invoke` and `invoke_together` give the two forms
their types, so that a plan reads

    answer = yield from invoke(ActionCall(Service.CMS, "GetValues", {"Parameters": names}))
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from lxml import etree
from msgspec import Struct, field

R = TypeVar("R")


class Service(StrEnum):
    """The UPnP Device Management services. Source: TR-330 1.4"""

    CMS = "ConfigurationManagement"
    BMS = "BasicManagement"
    SMS = "SoftwareManagement"


class ActionCall(Struct, frozen=True):
    """An action to be called; arguments in the order of the SCPD, XML documents in them as plain text."""

    service: Service
    name: str
    arguments: Mapping[str, str] = field(default_factory=dict)


class ActionResult(Struct, frozen=True):
    """What an action answered.

    `values` are the output arguments as trimmed text. Some devices put the XML of an argument into the answer
    as live elements: then `inline` holds, by the argument's name (or by the document's own local name where
    the argument element is missing), the element that is the document's root.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    inline: Mapping[str, etree._Element] = field(default_factory=dict)


class ActionError(Exception):
    """The device refused an action with a UPnPError. Source: UDA 3.2.2"""

    def __init__(self, code: int, description: str = "") -> None:
        super().__init__(f"UPnP error {code} {description}".rstrip())
        self.code = code
        self.description = description


class DeviceUnreachable(Exception):
    """The device could not be asked, or gave no answer that can be read; the text says why."""


Calls: TypeAlias = ActionCall | tuple[ActionCall, ...]
Plan: TypeAlias = Generator[Calls, Any, R]


def invoke(call: ActionCall) -> Plan[ActionResult]:
    """One step of a plan.

    Raises:
        ActionError: the device refused.
        DeviceUnreachable: there was no answer.
    """
    result: ActionResult = yield call
    return result


def invoke_together(*calls: ActionCall) -> Plan[tuple[ActionResult, ...]]:
    """One step of a plan that is several calls, in any order or at once; results in the order of the calls.

    Raises:
        ActionError: the device refused one of them.
        DeviceUnreachable: there was no answer to one of them.
    """
    results: tuple[ActionResult, ...] = yield calls
    return results


class AboutTo(StrEnum):
    """What a device says in Announcement.dm.upnp.org of its byebye. Source: TR-330 4.2, BMS 2.4.1"""

    REBOOT = "AboutToReboot"
    BASELINE_RESET = "AboutToBaselineReset"


class StateChange(Struct, frozen=True):
    """Evented variables of one service and their new values.

    `complete` says that this is the first notification of a subscription: it holds every evented variable,
    and what happened before it may have been missed, so everything is to be read again.
    """

    service: Service
    variables: Mapping[str, str]
    complete: bool = False
