"""Is a device still there? It is asked for something that every such device has.

Source: TR-330 4.1.1; TR-069 J.2.3
"""

from __future__ import annotations

import asyncio
from typing import Final

from yarl import URL

from proxier.control_point.description import DescriptionReader
from proxier.control_point.device import ProxiedDevice
from proxier.control_point.documents import DocumentRefused, DocumentUnavailable
from proxier.control_point.invoke import ControlUrlGone, Invoker, NoAnswer
from translation.actions import ActionCall, ActionError, DeviceUnreachable, Service

PAUSE: Final = 1.0
"""Seconds before a device that did not answer is asked a second time."""
_CALLS: Final = (
    ActionCall(Service.BMS, "GetDeviceStatus"),
    ActionCall(Service.CMS, "GetCurrentConfigurationVersion"),
    ActionCall(Service.CMS, "GetSupportedDataModels"),
    ActionCall(Service.BMS, "GetSequenceMode"),
    ActionCall(Service.SMS, "GetOperationIDs"),
)
"""The first that a device has is asked."""


async def silence_of(device: ProxiedDevice, invoker: Invoker, reader: DescriptionReader) -> str:
    """Ask a device up to twice; returns why no answer came, or nothing when one did.

    Any answer will do, be it a refusal or nonsense; only where the control URL is not known any more does the
    description have to say that the device is still what it was.
    """
    call = next((c for c in _CALLS if _has(device, c)), None)
    reason = ""
    for pause in (0.0, PAUSE):
        await asyncio.sleep(pause)
        try:
            if call is not None and await _answers(device, call, invoker):
                return ""
            found = await reader.read(device.location, device.address, URL(device.location).host or "")
            if any(_is_same(device, other) for other in found.devices):
                return ""
            reason = "its description does not hold it any more"
        except (DeviceUnreachable, DocumentUnavailable, DocumentRefused) as error:
            reason = str(error) or "no answer"
    return reason


async def _answers(device: ProxiedDevice, call: ActionCall, invoker: Invoker) -> bool:
    """Whether there is an answer from the device itself.

    Raises:
        DeviceUnreachable: there is none at all.
    """
    try:
        await invoker.invoke(device, call)
    except ControlUrlGone:
        return False
    except (ActionError, NoAnswer):
        return True
    return True


def _is_same(device: ProxiedDevice, other: ProxiedDevice) -> bool:
    return device.udn == other.udn and device.services == other.services


def _has(device: ProxiedDevice, call: ActionCall) -> bool:
    service = device.services.get(call.service)
    return service is not None and call.name in service.arguments
