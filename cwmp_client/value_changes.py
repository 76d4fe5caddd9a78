"""Which changes of values the ACS is to hear of.

Source: TR-069 A.3.2.4
"""

from __future__ import annotations

from collections.abc import Iterable

from cwmp_client.attributes import ACTIVE, PASSIVE
from cwmp_client.datatypes import syntax_of
from cwmp_client.messages import EventCode, EventStruct, ParameterValueStruct
from cwmp_client.outbox import Outbox
from cwmp_client.parameter_tree import ParameterTree


class ValueChanges:
    """Puts changes into the outbox, by their notification attributes.

    A value that the ACS has set comes back from the device as a change, before the answer or long after it:
    the first change of such a parameter is no news when it brings that very value.
    """

    def __init__(self, tree: ParameterTree, outbox: Outbox) -> None:
        self._tree = tree
        self._outbox = outbox
        self._set_by_acs: dict[str, str] = {}

    def expect(self, values: Iterable[ParameterValueStruct]) -> None:
        """The ACS is about to set these values."""
        for value in values:
            if self._tree.notification(value.name):
                self._set_by_acs[value.name] = _canonical(value)

    def do_not_expect(self, names: Iterable[str]) -> None:
        """What comes of these parameters now is news: they were not set after all, or are watched anew."""
        for name in names:
            self._set_by_acs.pop(name, None)

    def forget(self) -> None:
        """The device was reset: nothing of it is what an ACS has set."""
        self._set_by_acs.clear()

    def notice(self, values: Iterable[ParameterValueStruct]) -> bool:
        """Take note of new values; returns whether there is now an event that calls for a session."""
        active = False
        for value in values:
            notification = self._tree.notification(value.name)
            if notification != ACTIVE and notification not in PASSIVE:
                continue
            if self._set_by_acs.pop(value.name, None) == _canonical(value):
                continue
            self._outbox.note_change(value)
            active = active or notification == ACTIVE
        return active and self._outbox.add((EventStruct(EventCode.VALUE_CHANGE),))


def _canonical(value: ParameterValueStruct) -> str:
    try:
        return syntax_of(value.type.rpartition(":")[2]).canonical(value.value)
    except ValueError:
        return value.value
