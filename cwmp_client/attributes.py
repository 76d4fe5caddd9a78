"""The attributes of parameters: which changes an ACS wants to hear of.

Source: TR-069 A.3.2.4 and A.3.2.5
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import SetParameterAttributesStruct
from cwmp_client.parameters import ROOT, ActiveNotify, Node, parameters_at

RECORD = "attributes"
"""The name of the record in the journal."""

OFF = 0
ACTIVE = 2
PASSIVE = frozenset({1, 4, 6})
"""Notifications that mention a change in the next Inform. Source: TR-069 A.3.2.4"""

REPORTED = 1
"""What a parameter has of whose changes its device tells unasked. Source: TR-330 4.6.5.1.1"""

GREATEST_NOTIFICATION = 6
"""3 to 6 ask for lightweight notifications, which nothing here sends; 4 and 6 for passive ones besides."""

STANDARD: Mapping[str, ActiveNotify] = {
    "Device.DeviceInfo.SoftwareVersion": ActiveNotify.FORCE_ENABLED,
    "Device.DeviceInfo.ProvisioningCode": ActiveNotify.FORCE_ENABLED,
    "Device.ManagementServer.ConnectionRequestURL": ActiveNotify.FORCE_DEFAULT_ENABLED,
}
"""What holds of every device, whatever its data model says. Source: TR-181, activeNotify"""

_ACTIVE_UNASKED = frozenset({ActiveNotify.FORCE_ENABLED, ActiveNotify.FORCE_DEFAULT_ENABLED})


class Attributes:
    """The notification attributes of one device, those that an ACS has changed.

    The attributes of a row that went away are kept: it may come back, and its number is not used again.

    Args:
        record: what `to_record` gave, or None.
    """

    nodes: Mapping[str, Node]
    """What is known of the parameters."""

    def __init__(self, record: Mapping[str, Any] | None) -> None:
        self.nodes = {}
        self._set: dict[str, int] = dict(record or {})

    def to_record(self) -> dict[str, int]:
        """The attributes as a JSON value."""
        return dict(self._set)

    def notification(self, name: str) -> int:
        """The notification of a parameter, 0 to 6."""
        rule = self._rule(name)
        if rule is ActiveNotify.FORCE_ENABLED:
            return ACTIVE
        return self._set.get(name, ACTIVE if rule is ActiveNotify.FORCE_DEFAULT_ENABLED else OFF)

    def is_decided(self, name: str) -> bool:
        """Whether an ACS, or the standard, says what the notification of a parameter is."""
        return name in self._set or self._rule(name) in _ACTIVE_UNASKED

    def notified(self) -> dict[str, int]:
        """Every parameter whose changes are of interest, as far as an ACS has said so."""
        return {name: notification for name, notification in self._set.items() if notification}

    def changes(self, wanted: Sequence[SetParameterAttributesStruct]) -> dict[str, int]:
        """The notifications that would change, by parameter.

        A parameter that is always active, or whose active notification can be denied, stays what it is within
        a partial path; asked for by its name, that is 9009. The standard leaves open what then happens.

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
            if path not in self.nodes:
                raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, path)
            if not change.notification_change:
                continue
            if not OFF <= change.notification <= GREATEST_NOTIFICATION:
                raise CwmpFault(
                    FaultCode.INVALID_ARGUMENTS, f"{change.name}: notification {change.notification}"
                )
            if reason := self._denial(path, change.notification):
                raise CwmpFault(FaultCode.NOTIFICATION_REJECTED, f"{path} {reason}")
            for name in parameters_at(self.nodes, [path]):
                if not self._denial(name, change.notification):
                    new[name] = change.notification
        return {
            name: notification
            for name, notification in new.items()
            if notification != self.notification(name)
        }

    def update(self, notifications: Mapping[str, int]) -> None:
        """Take on new notifications."""
        for name, notification in notifications.items():
            if notification or self._rule(name) is ActiveNotify.FORCE_DEFAULT_ENABLED:
                self._set[name] = notification
            else:
                self._set.pop(name, None)

    def _rule(self, name: str) -> ActiveNotify:
        node = self.nodes.get(name)
        return STANDARD.get(name) or (node.active_notify if node else ActiveNotify.NORMAL)

    def _denial(self, name: str, notification: int) -> str:
        """Why a parameter cannot have a notification; empty where it can."""
        rule = self._rule(name)
        if rule is ActiveNotify.FORCE_ENABLED and notification != ACTIVE:
            return "is always active"
        if rule is ActiveNotify.CAN_DENY and notification == ACTIVE:
            return "changes too often for active notification"
        return ""
