"""Is a device still there? It is asked for something that every such device has.

Source: TR-330 4.1.1; TR-069 J.2.3
"""

from __future__ import annotations

import asyncio
from typing import Final

from proxier.control_point.description import DescriptionReader
from proxier.control_point.device import ProxiedDevice
from proxier.control_point.documents import DocumentRefused, DocumentUnavailable
from proxier.control_point.invoke import Invoker
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
    """Ask a device up to twice; returns why no answer came, or nothing when one did, be it a refusal."""
    call = next((c for c in _CALLS if _has(device, c)), None)
    reason = ""
    for pause in (0.0, PAUSE):
        await asyncio.sleep(pause)
        try:
            if call is not None:
                await invoker.invoke(device, call)
            else:
                await reader.read(device.location, device.address)
        except (DeviceUnreachable, DocumentUnavailable, DocumentRefused) as error:
            reason = str(error) or "no answer"
        except ActionError:
            return ""
        else:
            return ""
    return reason


def _has(device: ProxiedDevice, call: ActionCall) -> bool:
    service = device.services.get(call.service)
    return service is not None and call.name in service.arguments
