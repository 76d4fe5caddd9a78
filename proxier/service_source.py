"""What sources have in common whose parameters stand for services, and not for a tree that the device has.

Source: TR-330 4.3.2.1
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import ParameterValueStruct
from translation.service_parameters import ServiceParameter


class ServiceSource(ABC):
    """A `ParameterSource` without rows to add or take away, which knows by itself what the ACS watches."""

    may_refuse = False

    def __init__(self) -> None:
        self._watched: dict[str, ParameterValueStruct] = {}

    @abstractmethod
    def _parameters(self, path: str = "") -> Iterator[ServiceParameter]:
        """All that there is, or at least what meets a path: its part of the tree, and what is above it."""

    def changed_values(self) -> Sequence[ParameterValueStruct]:
        """Which of the watched parameters have new values since they were asked for, and not by the ACS."""
        now = {name: value for name in self._watched if (value := self.cached(name))}
        changed = [value for name, value in now.items() if value != self._watched[name]]
        self._watched.update(now)
        return changed

    async def reporting(self, _names: Sequence[str]) -> Collection[str]:
        """None: `changed_values` tells only of what is watched."""
        return ()

    async def watch(self, notifications: Mapping[str, int]) -> None:
        """See `ParameterSource` and `changed_values`."""
        for name, notification in notifications.items():
            value = self.cached(name)
            if notification and value:
                self._watched.setdefault(name, value)
            else:
                self._watched.pop(name, None)

    async def add(self, table: str) -> tuple[int, int]:
        """No table here can be added to: 9005."""
        raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, f"{table} cannot be added to")

    async def delete(self, row: str) -> int:
        """No row here can be taken away: 9005."""
        raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, f"{row} cannot be deleted")

    def cached(self, name: str) -> ParameterValueStruct | None:
        """See `ParameterSource`."""
        found = (each for each in self._parameters(name) if each.name == name and each.type)
        return next((ParameterValueStruct(name, each.value, each.type) for each in found), None)
