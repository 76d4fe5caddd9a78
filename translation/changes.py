"""What a device tells without being asked, and what the ACS is to hear of it: Table 1 of TR-330."""

from __future__ import annotations

from typing import NamedTuple

from cwmp_client.messages import EventCode, ParameterValueStruct
from translation.actions import AboutTo, Plan, Service, StateChange
from translation.known import KnownTree
from translation.reading import (
    MAX_REFUSALS,
    MODEL_VERSIONS,
    read_model,
    read_rows,
    read_values,
    read_versions,
    version_of,
)
from translation.values import value_of

CONFIGURATION = "ConfigurationUpdate"
"""The evented variable that changes with rows and watched values. Source: CMS 2.2"""

POLLED_CONFIGURATION = "CurrentConfigurationVersion"
"""The variable that tells its version part to those who ask. Source: CMS 2.2"""


class Occasion(NamedTuple):
    """One row of Table 1: a CWMP event, and the announcement or the evented variable behind it."""

    event: EventCode
    announcement: AboutTo | None = None
    service: Service | None = None
    variable: str = ""


TABLE_1 = (
    Occasion(EventCode.BOOTSTRAP, announcement=AboutTo.BASELINE_RESET),
    Occasion(EventCode.BOOT, announcement=AboutTo.REBOOT),
    Occasion(EventCode.VALUE_CHANGE, service=Service.CMS, variable=CONFIGURATION),
    Occasion(EventCode.TRANSFER_COMPLETE, service=Service.SMS, variable="OperationIDs"),
    Occasion(EventCode.DIAGNOSTICS_COMPLETE, service=Service.BMS, variable="ActiveTestIDs"),
    Occasion(EventCode.AUTONOMOUS_TRANSFER_COMPLETE, service=Service.SMS, variable="OperationIDs"),
)
"""Which event comes of what. Source: TR-330 Table 1"""

_VERSIONED = frozenset({CONFIGURATION, *MODEL_VERSIONS})


class Meaning(NamedTuple):
    """What a state change means to the ACS: parameters with new values that it has not set itself."""

    parameters: tuple[ParameterValueStruct, ...] = ()


def configuration_changed(known: KnownTree, change: StateChange, *, subscribed: bool) -> Plan[Meaning]:
    """Read what an event of ConfigurationManagement asks for, and see which of the kept values changed.

    A new version of the model has everything read again, one of the configuration the rows and the kept
    values. What the ACS itself has set is no change. Versions are only told apart, and the event is only a
    cue: what it says of values is not taken for true. What could not be read is read at the next event, or
    poll.

    Raises:
        ActionError: the device refused.
        DeviceUnreachable: there was no answer.

    Source: TR-330 Table 1, 4.6.5.2.1
    """
    if change.service is not Service.CMS:
        return Meaning()
    versions = {name: version_of(text) for name, text in change.variables.items() if name in _VERSIONED}
    new = {name for name, version in versions.items() if known.versions.get(name) != version}
    if not new and not change.complete:
        return Meaning()
    if known.model is None:
        yield from read_model(known, subscribed=subscribed, told=versions)
        known.learn_versions(versions)
        return Meaning()
    if new & known.versions.keys() & set(MODEL_VERSIONS):
        yield from read_model(known, subscribed=subscribed, told=versions)
    elif change.complete or (CONFIGURATION in new and known.tables_report):
        yield from read_rows(known, subscribed=subscribed)
    known.verified |= change.complete and versions.keys() >= set(MODEL_VERSIONS)
    # Without a version to compare with, as when events begin, nothing is known to have changed.
    parameters = yield from _changed_values(known, something_did=CONFIGURATION in new & known.versions.keys())
    known.learn_versions(versions)
    return Meaning(parameters)


def poll(known: KnownTree) -> Plan[Meaning]:
    """Do what an event would have had done, for a device whose events do not arrive.

    Raises:
        ActionError: the device refused.
        DeviceUnreachable: there was no answer.
    """
    versions = yield from read_versions(known, (POLLED_CONFIGURATION, *MODEL_VERSIONS))
    if POLLED_CONFIGURATION in versions:
        versions[CONFIGURATION] = versions.pop(POLLED_CONFIGURATION)
    change = StateChange(Service.CMS, versions)
    return (yield from configuration_changed(known, change, subscribed=False))


def _changed_values(known: KnownTree, *, something_did: bool) -> Plan[tuple[ParameterValueStruct, ...]]:
    kept = known.kept()
    if not kept:
        return ()
    answers = yield from read_values(known, [each.path for each in kept], refusals=MAX_REFUSALS)
    changed = []
    written = {**known.committed, **known.pending}
    for parameter in kept:
        if parameter.path not in answers:
            continue
        name, value = parameter.name, value_of(parameter, answers[parameter.path], known.tree)
        before = known.values.get(name) or known.seen.get(name)
        # A watched value that was never read cannot be told from one that has changed since it is watched.
        is_new = value.value != before.value if before else something_did and name in known.notifications
        if is_new:
            known.forget_committed([name])
            if value.value != written.get(name):
                changed.append(value)
        known.learn_value(value)
    return tuple(changed)
