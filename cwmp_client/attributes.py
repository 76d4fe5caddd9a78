"""The attributes of parameters: which changes an ACS wants to hear of.

Source: TR-069 A.3.2.4 and A.3.2.5
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import SetParameterAttributesStruct
from cwmp_client.parameters import ROOT, Node, parameters_at

RECORD = "attributes"
"""The name of the record in the journal."""

OFF = 0
ACTIVE = 2
PASSIVE = frozenset({1, 4, 6})
"""Notifications that mention a change in the next Inform. Source: TR-069 A.3.2.4"""

GREATEST_NOTIFICATION = 6
"""3 to 6 ask for lightweight notifications, which nothing here sends; 4 and 6 for passive ones besides."""

ALWAYS_ACTIVE = frozenset({"Device.DeviceInfo.SoftwareVersion", "Device.DeviceInfo.ProvisioningCode"})
"""Source: TR-181, activeNotify forceEnabled"""

ACTIVE_AT_FIRST = frozenset({"Device.ManagementServer.ConnectionRequestURL"})
"""Source: TR-181, activeNotify forceDefaultEnabled"""


class Attributes:
    """The notification attributes of one device, those that an ACS has changed.

    The attributes of a row that went away are kept: it may come back, and its number is not used again.

    Args:
        record: what `to_record` gave, or None.
    """

    def __init__(self, record: Mapping[str, Any] | None) -> None:
        self._set: dict[str, int] = dict(record or {})

    def to_record(self) -> dict[str, int]:
        """The attributes as a JSON value."""
        return dict(self._set)

    def notification(self, name: str) -> int:
        """The notification of a parameter, 0 to 6."""
        if name in ALWAYS_ACTIVE:
            return ACTIVE
        return self._set.get(name, ACTIVE if name in ACTIVE_AT_FIRST else OFF)

    def notified(self) -> dict[str, int]:
        """Every parameter whose changes are of interest, as far as an ACS has said so."""
        return {name: notification for name, notification in self._set.items() if notification}

    def changes(
        self, wanted: Sequence[SetParameterAttributesStruct], nodes: Mapping[str, Node]
    ) -> dict[str, int]:
        """The notifications that would change, by parameter.

        A parameter that is always active stays so within a partial path; asked for by its name, that is 9009.
        The standard leaves open what then happens.

        Raises:
            CwmpFault: 9003, 9005 or 9009; nothing is to be changed then.
        """
        new: dict[str, int] = {}
        for change in wanted:
            if change.access_list_change:
                raise CwmpFault(
                    FaultCode.INVALID_ARGUMENTS, f"{change.name}: the AccessList cannot be changed"
                )
            path = change.name or ROOT
            if path not in nodes:
                raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, path)
            if not change.notification_change:
                continue
            if not OFF <= change.notification <= GREATEST_NOTIFICATION:
                raise CwmpFault(
                    FaultCode.INVALID_ARGUMENTS, f"{change.name}: notification {change.notification}"
                )
            if change.name in ALWAYS_ACTIVE and change.notification != ACTIVE:
                raise CwmpFault(FaultCode.NOTIFICATION_REJECTED, f"{change.name} is always active")
            names = [name for name in parameters_at(nodes, [path]) if name not in ALWAYS_ACTIVE]
            new.update(dict.fromkeys(names, change.notification))
        return {
            name: notification
            for name, notification in new.items()
            if notification != self.notification(name)
        }

    def update(self, notifications: Mapping[str, int]) -> None:
        """Take on new notifications."""
        for name, notification in notifications.items():
            if notification or name in ACTIVE_AT_FIRST:
                self._set[name] = notification
            else:
                self._set.pop(name, None)
