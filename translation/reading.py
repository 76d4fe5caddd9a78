"""Plans that find out what a device has: its data model once, its rows whenever they may have changed.

Everything is asked with depth 0, for the whole tree at once; only what a device refuses as too much is asked
piece by piece.

Source: TR-330 4.3.1, 4.6.2.1
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from types import MappingProxyType

from translation.actions import ActionError, DeviceUnreachable, Plan
from translation.calls import TOO_MUCH, UNKNOWN_PATH, VALUE_REFUSED, call, halves, in_portions
from translation.documents import (
    UnreadableDocument,
    attributes_in,
    content_path_list,
    events_on_change,
    node_attribute_path_list,
    paths_in,
    subtrees_in,
    values_in,
)
from translation.known import CmsSettings, KnownTree
from translation.model import Attributes, SupportedModel
from translation.paths import ANY_INSTANCE, SubTree, UpnpPath, parse_all
from translation.tree import present_rows
from translation.values import value_of

CONFIGURATION = "ConfigurationUpdate"
"""The variable whose events tell of changes. Source: TR-330 Table 1"""

MODEL_VERSIONS = ("SupportedDataModelsUpdate", "SupportedParametersUpdate")
"""Evented variables that change with the data model. Source: CMS 2.2"""

USUAL_PLACES = ("/BBF/", "/UPnP/DM/")
"""Where data models are at a device that does not say where. Source: CMS appendix C"""

MAX_PIECES = 500
"""Calls for one tree that is read piece by piece; a device that needs more is not trusted any further."""

MAX_REFUSALS = 16
"""Paths of a long list that a device may refuse before the whole list is given up."""

MAX_SILENT = 4
"""Nodes whose EventOnChange a device may refuse to set before no more of them are tried."""


def up_to_date(known: KnownTree, *, subscribed: bool) -> Plan[None]:
    """See to it that the tree is the device's of now; no action is called while events keep it so.

    Raises:
        ActionError: the device refused.
        DeviceUnreachable: there was no answer.

    Source: TR-330 4.6.2.1
    """
    if known.model is None or not (known.verified or (yield from _verify(known))):
        yield from read_model(known, subscribed=subscribed)
    elif not (subscribed and known.rows_current and known.tables_report):
        yield from read_rows(known, subscribed=subscribed)


def read_model(
    known: KnownTree, *, subscribed: bool, told: Mapping[str, str] = MappingProxyType({})
) -> Plan[None]:
    """Read all that a device supports and has, and have it tell of changes in its tables.

    Args:
        known: is told what is found.
        subscribed: whether the device's events arrive.
        told: the version parts of variables that an event has told just now.

    Raises:
        ActionError: the device refused.
        DeviceUnreachable: there was no answer.
    """
    known.verified = False
    # The versions come first: if the model changes while it is read, they do not fit it, and an event will.
    versions = {name: told[name] for name in MODEL_VERSIONS if name in told}
    versions |= yield from read_versions(known, [name for name in MODEL_VERSIONS if name not in told])
    subtrees = yield from _supported_data_models()
    pieces = count()
    paths = yield from _everywhere(subtrees, lambda place: _structure(place, pieces))
    known.learn_model(SupportedModel.of(subtrees, paths), versions)
    yield from read_rows(known, subscribed=subscribed)
    yield from read_first_values(known)


def read_versions(known: KnownTree, variables: Iterable[str]) -> Plan[dict[str, str]]:
    """The version parts of variables, of those that the device tells."""
    versions = {}
    for variable in variables:
        if f"Get{variable}" not in known.actions:
            continue
        try:
            result = yield from call(f"Get{variable}")
        except ActionError:
            continue
        versions[variable] = version_of(result.values.get("StateVariableValue", ""))
    return versions


def version_of(value: str) -> str:
    """The version in `version,dateTime,…`; nothing else in there is to be trusted. Source: CMS 2.2"""
    return value.partition(",")[0].strip()


def read_rows(known: KnownTree, *, subscribed: bool) -> Plan[None]:
    """Read which rows there are, and the attributes of what is new.

    Raises:
        ActionError: the device refused.
        DeviceUnreachable: there was no answer.
    """
    known.rows_current = False
    rows = yield from _listed_rows(known)
    known.learn_rows(present_rows(rows))
    yield from describe(known)
    has_new_witnesses = yield from _have_changes_told(known)
    if has_new_witnesses and subscribed:
        # What came or went before the device was asked to tell of it, no event has told.
        rows_now = yield from _listed_rows(known)
        if rows_now != rows:
            known.learn_rows(present_rows(rows_now))
            yield from describe(known)
    known.rows_current = subscribed and not known.undescribed()


def _listed_rows(known: KnownTree) -> Plan[list[str]]:
    tables = known.model.tables if known.model else ()
    if not known.model or not tables:
        return []
    pieces = count()
    return (yield from _everywhere(known.model.subtrees, lambda place: _rows(tables, place, pieces)))


def describe(known: KnownTree) -> Plan[None]:
    """Read the attributes that are not known yet.

    Raises:
        DeviceUnreachable: there was no answer.
    """
    asked = known.undescribed()
    if not asked or "GetAttributes" not in known.actions:
        return
    # A device that refuses is asked again when its rows are; until then nothing of it is writable.
    with suppress(ActionError, UnreadableDocument):
        answers = yield from read_attributes(list(asked), known.settings, refusals=MAX_REFUSALS)
        known.learn_attributes(asked, answers)


def read_first_values(known: KnownTree, names: Collection[str] = ()) -> Plan[None]:
    """Read those of the values to be kept that are not known, or of them those of these names.

    A watched value that was read while a change is on its way may be the new one already: unless the ACS has
    seen that very one, it stays unknown, and so counts as changed when the event comes.

    Raises:
        DeviceUnreachable: there was no answer.
    """
    known.just_watched.clear()
    missing = [
        parameter
        for parameter in known.kept()
        if parameter.name not in known.values and (not names or parameter.name in names)
    ]
    if not missing:
        return
    try:
        answers = yield from read_values(known, [each.path for each in missing], refusals=MAX_REFUSALS)
    except ActionError:
        return
    is_changing = False
    if CONFIGURATION in known.versions and any(each.name in known.notifications for each in missing):
        versions = yield from read_versions(known, (CONFIGURATION,))
        is_changing = (
            versions.get(CONFIGURATION, known.versions[CONFIGURATION]) != known.versions[CONFIGURATION]
        )
    for parameter in missing:
        if parameter.path not in answers:
            continue
        value = value_of(parameter, answers[parameter.path], known.tree)
        is_watched = parameter.name in known.notifications
        if not (is_changing and is_watched) or known.seen.get(parameter.name) == value:
            known.learn_value(value)


def read_attributes(
    paths: Sequence[str], settings: CmsSettings, *, refusals: int = 0
) -> Plan[dict[str, Attributes]]:
    """The attributes of these UPnP paths, by path without final slash.

    Raises:
        ActionError: the device refused.
        DeviceUnreachable: there was no answer.
    """
    answers: dict[str, Attributes] = {}

    def ask(portion: Sequence[str]) -> Plan[None]:
        document = node_attribute_path_list(portion)
        answers.update(attributes_in((yield from call("GetAttributes", Parameters=document))))

    yield from in_portions(paths, settings.attributes_per_call, ask, halves, refusals=refusals)
    return answers


def read_values(known: KnownTree, paths: Sequence[str], *, refusals: int = 0) -> Plan[dict[str, str]]:
    """The values below these UPnP paths, by UPnP path: one GetValues, if the device bears it.

    Raises:
        ActionError: the device refused.
        DeviceUnreachable: there was no answer.

    Source: TR-330 4.6.3.1
    """
    answers: list[dict[str, str]] = []

    def ask(portion: Sequence[str]) -> Plan[None]:
        document = content_path_list(portion)
        answers.append(values_in((yield from call("GetValues", Parameters=document))))

    def split(portion: Sequence[str]) -> Sequence[Sequence[str]]:
        if len(portion) == 1 and portion[0].endswith("/"):
            return halves(known.tree.parameter_paths(portion[0]))
        return halves(portion)

    yield from in_portions(paths, known.settings.values_per_call, ask, split, refusals=refusals)
    if len(answers) == 1:
        return answers[0]  # it may be of ten thousand values
    return {path: text for each in answers for path, text in each.items()}


def _verify(known: KnownTree) -> Plan[bool]:
    """Whether a saved model is still the device's, by its versions."""
    versions = yield from read_versions(known, MODEL_VERSIONS)
    known.verified = bool(versions) and versions.items() <= known.versions.items()
    return known.verified


def _supported_data_models() -> Plan[tuple[SubTree, ...]]:
    try:
        return subtrees_in((yield from call("GetSupportedDataModels")))
    except (ActionError, UnreadableDocument):
        return ()


def _everywhere(subtrees: Iterable[SubTree], read: Callable[[str], Plan[list[str]]]) -> Plan[list[str]]:
    """What there is below the root; if the device refuses that, what there is below its data models."""
    try:
        return (yield from read("/"))
    except ActionError as error:
        refusal: ActionError | None = error
    found: list[str] = []
    for place in dict.fromkeys(_places(subtrees)):
        try:
            found += yield from read(place)
            refusal = None
        except ActionError as error:
            if error.code not in UNKNOWN_PATH:
                raise
    if refusal:
        raise refusal
    return found


def _places(subtrees: Iterable[SubTree]) -> Iterable[str]:
    return [str(path) for path in parse_all(f"{each.location}/" for each in subtrees)] or USUAL_PLACES


def _structure(place: str, pieces: Iterator[int]) -> Plan[list[str]]:
    """The structure paths below one; level by level where all of them are too much."""
    try:
        return (yield from _get_supported_parameters(place, 0))
    except ActionError as error:
        if error.code not in TOO_MUCH:
            raise
    _count(pieces)
    found: list[str] = []
    for path in parse_all((yield from _get_supported_parameters(place, 1))):
        text = str(path)
        if path.is_parameter or not _is_below(text, place):
            found.append(text)
        else:
            found += yield from _structure(text, pieces)
    return found


def _rows(tables: Collection[str], place: str, pieces: Iterator[int]) -> Plan[list[str]]:
    """The rows below a path; table by table, and row by row, where all of them are too much."""
    try:
        return (yield from _get_instances(place, 0))
    except ActionError as error:
        if error.code not in TOO_MUCH:
            raise
    _count(pieces)
    structure = str(UpnpPath.parse(place).structure)
    found: list[str] = []
    if structure in tables:
        within = [str(row) for row in parse_all((yield from _get_instances(place, 1)))]
        found += within
        if not any(_is_below(table, f"{structure}{ANY_INSTANCE}/") for table in tables):
            return found
    else:
        below = (table.removeprefix(structure) for table in tables if table.startswith(structure))
        within = [place + table for table in below if ANY_INSTANCE not in table]
    for inner in within:
        if _is_below(inner, place):
            found += yield from _rows(tables, inner, pieces)
    return found


def _is_below(path: str, place: str) -> bool:
    return path.startswith(place) and len(path) > len(place)


def _count(pieces: Iterator[int]) -> None:
    if next(pieces) >= MAX_PIECES:
        raise DeviceUnreachable("it gives its data model in too small pieces")


def _get_supported_parameters(place: str, depth: int) -> Plan[list[str]]:
    result = yield from call("GetSupportedParameters", StartingNode=place, SearchDepth=str(depth))
    return paths_in(result, "Result", "StructurePathList")


def _get_instances(place: str, depth: int) -> Plan[list[str]]:
    result = yield from call("GetInstances", StartingNode=place, SearchDepth=str(depth))
    return paths_in(result, "Result", "InstancePathList")


def _have_changes_told(known: KnownTree) -> Plan[bool]:
    """Have an event tell of changes in tables and of what an Inform says, as far as the device lets us.

    Returns whether there are tables of which it did not tell before, and will.

    Source: TR-330 4.6.5.2.1
    """
    silent = known.silent()
    if not silent or "SetAttributes" not in known.actions:
        return False
    told: list[str] = []

    def ask(portion: Sequence[str]) -> Plan[None]:
        yield from call(
            "SetAttributes", NodeAttributeValueList=events_on_change((path, True) for path in portion)
        )
        told.extend(portion)

    # What stays silent is asked for instead.
    with suppress(ActionError):
        yield from in_portions(
            silent,
            known.settings.attributes_per_call,
            ask,
            halves,
            refusals=MAX_SILENT,
            refused=UNKNOWN_PATH | VALUE_REFUSED,
        )
    known.learn_silence(silent, told)
    return any(path.endswith("/") for path in told)
