"""Makes a data model of the Broadband Forum's documents.

What is of no use here (descriptions, profiles, units, bibliographies, reports) is passed over, so that every
version of the two schemas can be read; so is what is imported from a document that is not at hand. What a
document has in it when all is included is bounded.

Source: TR-106 Annexes A and B
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lxml import etree
from msgspec import Struct, field

from translation.data_model import (
    UNKNOWN,
    ActiveNotify,
    DataModel,
    ModelSource,
    ObjectDefinition,
    ParameterDefinition,
)
from translation.data_model_documents import Document, UnreadableDataModel, children, kind_of
from translation.data_model_syntax import (
    PRIMITIVES,
    primitive,
    with_default,
    with_facets,
    with_list,
    with_syntax,
)
from translation.datatypes import STRING
from translation.paths import ANY_INSTANCE

MAX_DEPTH = 16
"""Of components, data types and models that are made of others."""

MAX_ITEMS = 100_000
"""Objects, parameters and the like, those of components wherever they are included; TR-181 has 9,000."""

MAX_NAME_LENGTH = 256
"""Source: TR-106 A.2.4"""

_ROOT = "Device."
_SERVICES = "Device.Services."

_ADDABLE = frozenset({"readWrite", "create", "createDelete"})
"""Accesses of an object to which rows can be added."""

_NOTIFIES: Mapping[str, ActiveNotify] = {
    **{each.value: each for each in ActiveNotify},
    "willDeny": ActiveNotify.CAN_DENY,  # as a device type says it
}

_TRUE = frozenset({"true", "1"})
_GONE = "deleted"


def read(document: Document, imported: Mapping[str, Document]) -> DataModel:
    """The data model of a document.

    Args:
        document: a data model, or a device type, which holds no more than what it lists itself.
        imported: what it and its imports import, by the names of files as they are written there.

    Raises:
        UnreadableDataModel: it is none, or should not be read.
    """
    return _Reader(imported).read(document)


class _Found(NamedTuple):
    document: Document
    element: etree._Element


class _Object(Struct):
    writable: bool = False
    parameters: dict[str, ParameterDefinition] = field(default_factory=dict)


class _Reader:
    def __init__(self, imported: Mapping[str, Document]) -> None:
        self._imported = imported
        self._types: dict[etree._Element, ParameterDefinition] = {}
        self._equal: dict[ParameterDefinition, ParameterDefinition] = {}
        self._count = 0

    def read(self, document: Document) -> DataModel:
        objects: dict[str, _Object] = {}
        add = self._add_device_type if "deviceType" in document.root.attrib else self._add_data_model
        source = add(objects, document)
        return DataModel(
            (source,),
            {place: ObjectDefinition(each.writable, each.parameters) for place, each in objects.items()},
        )

    # ------------------------------------------------------------------ documents

    def _add_data_model(self, objects: dict[str, _Object], document: Document) -> ModelSource:
        models = [element for (kind, _), element in document.defined.items() if kind == "model"]
        if not models:
            raise UnreadableDataModel("defines no model")
        # Of several versions of one model in one document the others lead up to the last.
        bases = {each.get("base") for each in models}
        newest = [each for each in models if each.get("name") not in bases] or models
        for element in newest:
            self._add_model(objects, _Found(document, element), 0)
        roots = [each for each in newest if not _is_service(each)]
        return ModelSource((roots or newest)[0].get("name", ""), document.root.get("spec", ""))

    def _add_device_type(self, objects: dict[str, _Object], document: Document) -> ModelSource:
        model = next(children(document.root, "model"), None)
        if model is None:
            raise UnreadableDataModel("says of no model that it is supported")
        name = model.get("ref", "")
        known: dict[str, _Object] = {}
        top = ""
        if found := self._find(document, "model", name):
            self._add_model(known, found, 0)
            top = _above(found.element)
        self._list_parameters(objects, document, model, top, known)
        for each in children(model, "object"):
            place = _place(top, each)
            self._list_parameters(objects, document, each, place, known)
            objects[place].writable = each.get("access") in _ADDABLE
        return ModelSource(
            name,
            next(
                (each.spec for each in document.imports if ("model", name) in each.names and each.spec),
                document.root.get("deviceType", ""),
            ),
            document.root.get("uuid", ""),
            tuple(each.get("name", "") for each in children(document.root, "feature")),
        )

    def _list_parameters(
        self,
        objects: dict[str, _Object],
        document: Document,
        element: etree._Element,
        place: str,
        known: Mapping[str, _Object],
    ) -> None:
        """Add the parameters that a device type lists in an object."""
        place = place or _ROOT
        owner, model = objects.setdefault(place, _Object()), known.get(place, _Object())
        for each in children(element, "parameter"):
            before = model.parameters.get(each.get("ref", ""), UNKNOWN)
            if before.active_notify is ActiveNotify.CAN_DENY and "activeNotify" not in each.attrib:
                before = before._replace(active_notify=ActiveNotify.NORMAL)
            owner.parameters[each.get("ref", "")] = self._definition(document, each, before, narrows=True)

    # ------------------------------------------------------------------ models, components, objects

    def _add_model(self, objects: dict[str, _Object], found: _Found, depth: int) -> None:
        _bound(depth)
        document, element = found
        if (base := element.get("base")) and (earlier := self._find(document, "model", base)):
            self._add_model(objects, earlier, depth + 1)
        self._add_items(objects, found, _above(element), depth)

    def _add_items(self, objects: dict[str, _Object], found: _Found, place: str, depth: int) -> None:
        """Add what stands in a model, a component or an object."""
        _bound(depth)
        for each in children(found.element):
            self._count += 1
            if self._count > MAX_ITEMS:
                raise UnreadableDataModel("has more in it than any data model")
            kind = kind_of(each)
            if kind == "parameter":
                self._add_parameter(objects.setdefault(place or _ROOT, _Object()), found.document, each)
            elif kind == "object":
                self._add_object(objects, _Found(found.document, each), place, depth)
            elif kind == "component":
                component = self._find(found.document, "component", each.get("ref", ""))
                if component:
                    inner = place + each.get("path", "").replace("{i}", ANY_INSTANCE)
                    self._add_items(objects, component, inner, depth + 1)

    def _add_object(self, objects: dict[str, _Object], found: _Found, above: str, depth: int) -> None:
        place = _place(above, found.element)
        if found.element.get("status") == _GONE or len(place) > MAX_NAME_LENGTH:
            objects.pop(place, None)
            return
        each = objects.setdefault(place, _Object())
        if access := found.element.get("access"):
            each.writable = access in _ADDABLE
        self._add_items(objects, found, place, depth + 1)

    def _add_parameter(self, owner: _Object, document: Document, element: etree._Element) -> None:
        name = element.get("name") or element.get("base") or ""
        if element.get("status") == _GONE or not 0 < len(name) <= MAX_NAME_LENGTH:
            owner.parameters.pop(name, None)
            return
        before = owner.parameters.get(name, UNKNOWN)
        owner.parameters[name] = self._definition(document, element, before, narrows=False)

    # ------------------------------------------------------------------ parameters

    def _definition(
        self, document: Document, element: etree._Element, before: ParameterDefinition, *, narrows: bool
    ) -> ParameterDefinition:
        """The definition of a parameter; `before` is what it modifies, or, as a device type does, narrows."""
        access, notify = element.get("access"), element.get("activeNotify", "")
        definition = before._replace(
            writable=access != "readOnly" if access else before.writable,
            active_notify=_NOTIFIES.get(notify, before.active_notify),
            forced_inform=element.get("forcedInform") in _TRUE or before.forced_inform,
        )
        for syntax in children(element, "syntax"):
            definition = self._with_syntax(document, syntax, definition, narrows=narrows)
        return self._equal.setdefault(definition, definition)

    def _with_syntax(
        self, document: Document, element: etree._Element, before: ParameterDefinition, *, narrows: bool
    ) -> ParameterDefinition:
        syntax = before
        for each in children(element):
            if kind_of(each) not in PRIMITIVES and kind_of(each) != "dataType":
                continue
            declared = self._declared(document, each)
            # A device type leaves out what it does not narrow; a data model declares it all anew.
            base = before if narrows and before.item_type == declared.item_type else declared
            syntax = with_facets(with_syntax(before, base), each)
            if before.values and syntax.values and not narrows:
                syntax = syntax._replace(values=tuple(dict.fromkeys(before.values + syntax.values)))
        syntax = with_list(syntax, element)
        hidden = before.hidden or any(element.get(name) in _TRUE for name in ("hidden", "secured"))
        schema = STRING if syntax.items is not None else syntax.item_type
        return with_default(syntax._replace(type=schema, hidden=hidden), element)

    def _declared(self, document: Document, element: etree._Element) -> ParameterDefinition:
        """What a type element says without its own facets: that of a primitive type nothing but its name."""
        schema = PRIMITIVES.get(kind_of(element))
        if schema:
            return primitive(schema)
        return self._data_type(document, element.get("ref") or element.get("base") or "", 0)

    def _data_type(self, document: Document, name: str, depth: int) -> ParameterDefinition:
        """A named data type, with all that it inherits. Source: TR-106 A.2.3.1"""
        _bound(depth)
        found = self._find(document, "dataType", name)
        if not found:
            return UNKNOWN
        if found.element not in self._types:
            base = found.element.get("base")
            syntax = self._data_type(found.document, base, depth + 1) if base else UNKNOWN
            for each in children(found.element):
                if schema := PRIMITIVES.get(kind_of(each)):
                    syntax = with_facets(primitive(schema), each)
            self._types[found.element] = with_list(with_facets(syntax, found.element), found.element)
        return self._types[found.element]

    def _find(self, document: Document, kind: str, name: str) -> _Found | None:
        """A data type, component or model, of this document or of one that it imports."""
        places = [(document, name)]
        for here, named in places:  # which grows
            element = here.defined.get((kind, named))
            if element is not None:
                return _Found(here, element)
            for each in here.imports:
                other = self._imported.get(each.file)
                place = (other, each.names.get((kind, named)))
                if other and place[1] and place not in places:
                    places.append((other, place[1]))
        return None


def _place(above: str, element: etree._Element) -> str:
    """The place of an object; the root object is `Device.` here, whatever it is called."""
    name = element.get("name") or element.get("base") or element.get("ref") or ""
    place = name.replace("{i}", ANY_INSTANCE)
    return above + place if above else _ROOT + place.partition(".")[2]


def _above(model: etree._Element) -> str:
    """Where the names in a model begin: those of a root object are whole."""
    return _SERVICES if _is_service(model) else ""


def _is_service(model: etree._Element) -> bool:
    return model.get("isService") in _TRUE


def _bound(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise UnreadableDataModel("includes itself")
