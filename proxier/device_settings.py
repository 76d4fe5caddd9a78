"""Which of the configuration's patterns and settings are meant for a single device."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from proxier.settings import DeviceSettings
from proxier.store import VirtualDeviceRecord
from translation.known import CmsSettings


def is_meant(patterns: Sequence[str], device_id: str, *udns: str) -> bool:
    """Whether one of the patterns (`*`, `?`) fits the device_id or one of the UDNs of a device."""
    names = {device_id, *udns, *(udn.removeprefix("uuid:") for udn in udns)}
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns for name in names)


def cms_settings(record: VirtualDeviceRecord, devices: Sequence[DeviceSettings]) -> CmsSettings:
    """The settings of a device; of several sections that are meant for it the first one holds."""
    for each in devices:
        if is_meant([each.match], record.device_id, record.udn, *record.other_udns):
            return CmsSettings(each.instance_offset, each.values_per_call, each.attributes_per_call)
    return CmsSettings()
