"""The names of spyne that the ACS needs, imported so that they work on every Python from 3.11 to 3.13.

spyne 2.14 carries an old copy of `six` whose import hook Python 3.12 no longer calls, and Python warns of
more of its habits. The real `six` takes the copy's place here, with the one name that spyne added to it.
"""

from __future__ import annotations

import importlib
import operator
import sys
import warnings
from typing import Any

import six
from lxml import etree

_MOVED = (
    "moves",
    "moves.collections_abc",
    "moves.http_cookies",
    "moves.urllib.parse",
    "moves.urllib.request",
)


def _spyne(module: str) -> Any:
    # The deprecations are spyne's own, and a test run that makes errors of warnings must survive its import.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(module)


six.get_function_name = operator.attrgetter("__name__")
sys.modules.setdefault("spyne.util.six", six)
for _name in _MOVED:
    sys.modules.setdefault(f"spyne.util.six.{_name}", _spyne(f"six.{_name}"))

_model = _spyne("spyne.model")
_root = _spyne("spyne")

Application = _root.Application
Boolean = _model.Boolean
ComplexModel = _model.ComplexModel
ComplexModelMeta = _spyne("spyne.model.complex").ComplexModelMeta
Fault = _model.Fault
Integer32 = _model.Integer32
MethodContext = _root.MethodContext
ServerBase = _spyne("spyne.server").ServerBase
Service = _root.Service
Soap11 = _spyne("spyne.protocol.soap").Soap11
TypeInfo = _spyne("spyne.model.complex").TypeInfo
Unicode = _model.Unicode
UnsignedInteger32 = _model.UnsignedInteger32
XmlAttribute = _model.XmlAttribute
srpc = _root.srpc
_XmlData: Any = _model.XmlData


class XmlText(_XmlData):  # type: ignore[misc]  # spyne has no types
    """The text of an element; spyne's own `XmlData` writes bytes, and lxml takes only ASCII."""

    @classmethod
    def marshall(cls, protocol: Any, name: str, value: str | None, element: etree._Element) -> None:
        """Write the text into its element."""
        del name
        element.text = None if value is None else protocol.to_unicode(cls.type, value)
