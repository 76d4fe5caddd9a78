"""What the elements of a `syntax` say: types with their facets, lists, defaults.

Source: TR-106 A.2.3, A.2.7.1
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

from translation.data_model import Limits, ParameterDefinition, Reference
from translation.data_model_documents import children
from translation.datatypes import STRING, canonical

PRIMITIVES: Mapping[str, str] = {
    "base64": "base64Binary",
    "boolean": "boolean",
    "dateTime": "dateTime",
    "decimal": "decimal",
    "hexBinary": "hexBinary",
    "int": "int",
    "long": "long",
    "string": STRING,
    "unsignedInt": "unsignedInt",
    "unsignedLong": "unsignedLong",
}
"""XML Schema types by the names of TR-106. Source: TR-106 3.2"""

_DEFAULTS = frozenset({"object", "factory"})
"""Kinds of defaults that a new row has. Source: TR-106 A.2.7.1"""

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")


def primitive(schema: str) -> ParameterDefinition:
    """The syntax of a primitive type without facets."""
    return ParameterDefinition(schema, item_type=schema)


def with_syntax(definition: ParameterDefinition, syntax: ParameterDefinition) -> ParameterDefinition:
    """A definition with the type and the facets of another one."""
    return definition._replace(
        item_type=syntax.item_type,
        values=syntax.values,
        ranges=syntax.ranges,
        sizes=syntax.sizes,
        items=syntax.items,
        list_sizes=syntax.list_sizes,
        reference=syntax.reference,
    )


def with_facets(syntax: ParameterDefinition, element: etree._Element) -> ParameterDefinition:
    """A syntax with the facets of a type element, which replace those that it has. Source: TR-106 A.2.3.3"""
    enumerations = [each for each in children(element, "enumeration") if each.get("status") != "deleted"]
    values = [each.get("value", "") for each in enumerations if each.get("access") != "readOnly"]
    references = [each.get("refType", Reference.WEAK) for each in children(element, "pathRef")]
    reference = Reference.STRONG if Reference.STRONG in references else Reference.WEAK
    return syntax._replace(
        values=tuple(dict.fromkeys(values)) or syntax.values,
        ranges=_limits(element, "range", "minInclusive", "maxInclusive") or syntax.ranges,
        sizes=_limits(element, "size", "minLength", "maxLength") or syntax.sizes,
        reference=syntax.reference or (reference if references else Reference.NONE),
    )


def with_list(syntax: ParameterDefinition, element: etree._Element) -> ParameterDefinition:
    """A syntax as that of a list's items, if there is a list element. Source: TR-106 A.2.3.1"""
    for each in children(element, "list"):
        sizes = _limits(each, "size", "minLength", "maxLength") or syntax.list_sizes
        syntax = syntax._replace(items=_limit(each, "minItems", "maxItems") or Limits(), list_sizes=sizes)
    return syntax


def with_default(syntax: ParameterDefinition, element: etree._Element) -> ParameterDefinition:
    """A syntax with the value that its parameter has in a new row, if that is said, and of its type."""
    for each in children(element, "default"):
        text = each.get("value", "")
        if syntax.items is not None and text.startswith("[") and text.endswith("]"):
            text = text[1:-1]  # as TR-106 A.2.7.1 wants lists to be written; older models do not
        value = canonical(text, syntax.type)
        if each.get("type") in _DEFAULTS and value is not None:
            syntax = syntax._replace(default=value)
    return syntax


def _limits(element: etree._Element, facet: str, least: str, greatest: str) -> tuple[Limits, ...]:
    limits = (_limit(each, least, greatest) for each in children(element, facet))
    return tuple(each for each in limits if each)


def _limit(element: etree._Element, least: str, greatest: str) -> Limits | None:
    """The limits that an element gives; None where it gives none that is a whole number."""
    limits = Limits(_integer(element.get(least, "")), _integer(element.get(greatest, "")))
    return None if limits == Limits() else limits


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text.strip()) else None
