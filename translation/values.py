"""Values on their way between a device and an ACS: their types, hidden ones, and those that are paths.

A reference such as `/BBF/IP/Interface/0/` is `Device.IP.Interface.1` to the ACS. Where a data model defines
a parameter, it says whether its value is a reference, or a list of them. Else a value is taken for one if
all of it are full paths of what this very device has.

Source: TR-330 4.6.1, TR-106 3.2.4
"""

from __future__ import annotations

from collections.abc import Callable

from cwmp_client.messages import ParameterValueStruct
from translation.data_model import ParameterDefinition, Reference
from translation.datatypes import STRING, for_device, typed
from translation.model import Attributes
from translation.tree import Parameter, Tree

MAX_REFERENCES_LENGTH = 65_536
"""In characters; a longer value is taken for something else."""


def value_of(parameter: Parameter, text: str, tree: Tree) -> ParameterValueStruct:
    """What a device has said of a parameter, as the ACS reads it."""
    return named_value(parameter.name, text, parameter.attributes, parameter.definition, tree)


def named_value(
    name: str, text: str, attributes: Attributes, definition: ParameterDefinition | None, tree: Tree
) -> ParameterValueStruct:
    """As `value_of`, of what many parameters are made of."""
    if definition is not None:
        if definition.hidden:
            text = definition.null
        elif definition.reference:
            text = _each(text, tree.name_at)
    elif attributes.type == STRING:
        return ParameterValueStruct(name, _all(text, tree.name_at) if text[:1] == "/" else text)
    return ParameterValueStruct(name, *typed(text, attributes.type))


def written(parameter: Parameter, text: str, tree: Tree) -> str:
    """What an ACS sets a parameter to, as the device wants it."""
    definition = parameter.definition
    if definition is not None:
        if definition.reference:
            text = _each(text, tree.path_of)
    elif text.startswith("Device.") and parameter.attributes.type == STRING:
        text = _all(text, tree.path_of)
    return for_device(text, parameter.attributes.type)


def refusal(parameter: Parameter, text: str, tree: Tree) -> str:
    """Why a data model does not allow an ACS to set this value of the right type; empty when it may.

    Source: TR-106 3.2.4, A.2.3.3
    """
    definition = parameter.definition
    if definition is None:
        return ""
    if definition.reference is Reference.STRONG:
        missing = [item for item in map(str.strip, text.split(",")) if item and tree.path_of(item) is None]
        if missing:
            return f"There is no {missing[0]}"
    # A device that says it has another type means another parameter, or another value of it.
    return definition.refusal(text) if definition.type in {"", parameter.attributes.type} else ""


def _each(text: str, translate: Callable[[str], str | None]) -> str:
    """A list with those of its items translated that can be."""
    if len(text) > MAX_REFERENCES_LENGTH:
        return text
    return ",".join(translate(item) or item for item in map(str.strip, text.split(",")))


def _all(text: str, translate: Callable[[str], str | None]) -> str:
    """A list translated, if all of its items can be."""
    if len(text) > MAX_REFERENCES_LENGTH:
        return text
    items: list[str] = []
    for item in text.split(","):
        translated = translate(item.strip())
        if not translated:
            return text
        items.append(translated)
    return ",".join(items)
