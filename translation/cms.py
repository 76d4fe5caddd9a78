"""The plans of the parameter RPCs over ConfigurationManagement.

They work on a `KnownTree`, which is to be up to date, and take CWMP names. What a device refuses they let
through: `translate` makes faults of it.

Source: TR-330 4.6
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.messages import ParameterAttributeStruct, ParameterValueStruct
from translation.actions import ActionError, ActionResult, DeviceUnreachable, Plan
from translation.calls import call, halves, in_portions
from translation.documents import events_on_change, no_initial_values, parameter_value_list
from translation.known import KnownTree
from translation.reading import describe, read_attributes, read_first_values, read_values
from translation.tree import Parameter, Tree
from translation.values import named_value, refusal, value_of, written

STATUS = {"ChangesApplied": 0, "ChangesCommitted": 1}
"""The Status of CWMP by that of CMS; one that is missing or unknown counts as 0. Source: TR-330 4.6.4.1"""

_INSTANCE_IDENTIFIER = re.compile(r"(?:(/.*/))?([0-9]{1,10})/?")


def get_parameter_values(known: KnownTree, paths: Sequence[str]) -> Plan[list[ParameterValueStruct]]:
    """The values of parameters, and of all below partial paths in tree order, by one GetValues.

    What the device leaves out of its answer is left out here too, except for a parameter asked for by name:
    that has an empty value, as if it were hidden.

    Source: TR-330 4.6.3.1
    """
    tree = known.tree
    wanted = [tree.cover(path) if path.endswith(".") else _parameter(tree, path) for path in paths]
    asked: dict[str, None] = {}
    for each in wanted:
        if isinstance(each, Parameter):
            asked[each.path] = None
        else:
            asked.update(dict.fromkeys(each))
    answers = (yield from read_values(known, list(asked))) if asked else {}
    values: list[ParameterValueStruct] = []
    for path, each in zip(paths, wanted, strict=True):
        if isinstance(each, Parameter):
            # By the tree of now: an event may have told of other rows meanwhile.
            values.append(value_of(each, answers.get(each.path, ""), known.tree))
        else:
            values.extend(_values_below(known, path, answers))
    known.learn_first_values(values)
    known.seen.update({value.name: value for value in values})
    return values


def set_parameter_values(known: KnownTree, values: Sequence[ParameterValueStruct]) -> Plan[int]:
    """Set checked values by one SetValues; returns the Status.

    What is being written is noted before it is sent, because an event may overtake the answer.

    Source: TR-330 4.6.4.1
    """
    parameters = [_parameter(known.tree, value.name) for value in values]
    texts = [
        written(parameter, value.value, known.tree)
        for parameter, value in zip(parameters, values, strict=True)
    ]
    # As they will be read: white space around a value does not survive that.
    read = [
        value_of(parameter, text.strip(), known.tree)
        for parameter, text in zip(parameters, texts, strict=True)
    ]
    yield from _read_what_is_just_watched(known, {value.name for value in values})
    known.pending = {value.name: value.value for value in read}
    try:
        status = yield from _set_values(parameters, texts)
    finally:
        pending, known.pending = known.pending, {}
    known.forget_committed(pending)
    if status:
        known.learn_committed(pending)
    else:
        for value in read:
            known.learn_value(value)
            known.seen[value.name] = value
    return status


def get_parameter_attributes(known: KnownTree, paths: Sequence[str]) -> Plan[list[ParameterAttributeStruct]]:
    """The notifications of parameters, and of all below partial paths.

    What the ACS has not set itself is what the device's EventOnChange says: 1 or 0. One GetAttributes tells
    of those parameters of which it is not known yet.

    Source: TR-330 4.6.5.1.1
    """
    parameters = [parameter for path in paths for parameter in known.tree.parameters(path)]
    unknown = [each.path for each in parameters if each.name not in known.event_on_change]
    if unknown and "GetAttributes" in known.actions:
        answers = yield from read_attributes(unknown, known.settings)
        known.event_on_change |= {
            each.name: answers[each.path].event_on_change for each in parameters if each.path in answers
        }
    return [
        ParameterAttributeStruct(
            each.name,
            known.notifications.get(each.name, int(known.event_on_change.get(each.name, False))),
        )
        for each in parameters
    ]


def set_parameter_attributes(known: KnownTree, notifications: Mapping[str, int]) -> Plan[None]:
    """Give parameters these notifications, all or none, by one SetAttributes for those that it changes.

    Raises:
        CwmpFault: 9009, the device cannot tell of changes of one of them.

    Source: TR-330 4.6.5.2.1
    """
    events: dict[str, bool] = {}
    before: dict[str, bool] = {}
    always_kept = known.always_kept
    for name, notification in notifications.items():
        parameter = _parameter(known.tree, name)
        if not notification and name in always_kept:
            continue  # its value is told in every Inform, or stands behind one that is
        if known.event_on_change.get(name) is not (notification > 0):
            events[parameter.path] = notification > 0
            before[parameter.path] = known.event_on_change.get(name, parameter.attributes.event_on_change)
    if "SetAttributes" in known.actions:
        yield from _set_events(known, events, before)
    elif any(wanted and not before[path] for path, wanted in events.items()):
        raise CwmpFault(FaultCode.NOTIFICATION_REJECTED, "The device cannot be asked to tell of changes")
    known.learn_notifications(notifications)


def add_object(known: KnownTree, table: str) -> Plan[tuple[int, int]]:
    """Add a row to a table; returns the instance number and the Status.

    It has the device's own defaults; those that a data model gives are set by one SetValues. A row whose
    defaults the device refuses is there nevertheless, and stays as it is.

    Raises:
        CwmpFault: 9005, there is no such table.

    Source: TR-330 4.6.6.1
    """
    place = known.tree.object(table)
    if place is None or not place.template.is_table:
        raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, f"There is no table {table}")
    yield from _read_what_is_just_watched(known)
    result = yield from call(
        "CreateInstance",
        MultiInstanceName=place.path,
        ChildrenInitialization=no_initial_values(),
    )
    identifier = _INSTANCE_IDENTIFIER.fullmatch(result.values.get("InstanceIdentifier", "").strip())
    if identifier is None or identifier[1] not in {None, place.path}:
        known.rows_current = False
        raise DeviceUnreachable("it did not say which row it has added")
    number = known.learn_row(table, place.path, int(identifier[2]))
    if known.lacks_types(f"{table}{number}."):
        yield from describe(known)
    return number, max(_status(result), (yield from _set_defaults(known, f"{table}{number}.")))


def delete_object(known: KnownTree, row: str) -> Plan[int]:
    """Take a row away; returns the Status.

    Raises:
        CwmpFault: 9005, there is no such row.

    Source: TR-330 4.6.7.1
    """
    place = known.tree.object(row)
    if place is None or place.upnp_number is None:
        raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, f"There is no row {row}")
    yield from _read_what_is_just_watched(known, {each.name for each in known.tree.parameters(row)})
    result = yield from call("DeleteInstance", InstanceIdentifier=place.path)
    known.forget_row(row, place.upnp_number)
    return _status(result)


def _values_below(known: KnownTree, path: str, answers: Mapping[str, str]) -> Iterator[ParameterValueStruct]:
    for each in known.tree.below(path):
        name, upnp_path, definitions = each.name, each.path, each.template.definitions
        for leaf, attributes in each.template.leaves.items():
            text = answers.get(upnp_path + leaf)
            if text is not None:
                yield named_value(name + leaf, text, attributes, definitions.get(leaf), known.tree)


def _read_what_is_just_watched(known: KnownTree, changing: Collection[str] = ()) -> Plan[None]:
    """Read it before the ACS changes something else, or the event of that would seem to tell of it."""
    if names := known.just_watched.difference(known.values, changing):
        yield from read_first_values(known, names)


def _set_defaults(known: KnownTree, row: str) -> Plan[int]:
    """Set what a data model wants a new row to have; returns the Status."""
    defaults = [
        (parameter, parameter.definition.default)
        for parameter in known.tree.parameters(row)
        if parameter.definition and parameter.attributes.writable and "SetValues" in known.actions
    ]
    texts = {
        parameter: written(parameter, default, known.tree)
        for parameter, default in defaults
        if default is not None and not refusal(parameter, default, known.tree)
    }
    if not texts:
        return 0
    try:
        return (yield from _set_values(list(texts), list(texts.values())))
    except (ActionError, DeviceUnreachable):
        return 0


def _set_values(parameters: Sequence[Parameter], texts: Sequence[str]) -> Plan[int]:
    document = parameter_value_list(
        (parameter.path, text) for parameter, text in zip(parameters, texts, strict=True)
    )
    return _status((yield from call("SetValues", ParameterValueList=document)))


def _set_events(known: KnownTree, events: Mapping[str, bool], before: Mapping[str, bool]) -> Plan[None]:
    done: list[str] = []

    def ask(portion: Sequence[str]) -> Plan[None]:
        yield from _set_attributes(portion, events)
        done.extend(portion)

    def take_back(portion: Sequence[str]) -> Plan[None]:
        yield from _set_attributes(portion, before)

    size = known.settings.attributes_per_call
    try:
        yield from in_portions(list(events), size, ask, halves)
    except (ActionError, DeviceUnreachable):
        # The failure that brought us here is the one to tell.
        with suppress(ActionError, DeviceUnreachable):
            yield from in_portions(done, size, take_back, halves)
        raise


def _set_attributes(paths: Sequence[str], events: Mapping[str, bool]) -> Plan[None]:
    document = events_on_change((path, events[path]) for path in paths)
    yield from call("SetAttributes", NodeAttributeValueList=document)


def _parameter(tree: Tree, name: str) -> Parameter:
    parameter = tree.parameter(name)
    if parameter is None:
        raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, f"There is no parameter {name}")
    return parameter


def _status(result: ActionResult) -> int:
    return STATUS.get(result.values.get("Status", ""), 0)
