"""Frozen values as JSON and back, by the type hints of their fields.

Known are dataclasses, enumerations, times, tuples of one type, frozen sets of numbers, and what JSON has
itself. Of several classes that may stand in one place, each has a `kind`, which its record then tells.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def record_of(value: Any) -> Any:
    """A value as JSON."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [record_of(each) for each in value]
    if not is_dataclass(value):
        return value
    record = {each.name: record_of(getattr(value, each.name)) for each in fields(value)}
    kind = getattr(value, "kind", None)
    return record if kind is None else {"kind": kind, **record}


def value_of(kind: type[T], record: Any) -> T:
    """The value of a type that gave the record; a field that the record lacks has its default.

    Raises:
        KeyError, TypeError, ValueError: no such value gave it.
    """
    return cast("T", _value(kind, record))


def _value(hint: Any, record: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return None if record is None else _value(_meant(arguments, record), record)
    if origin is tuple:
        return tuple(_value(arguments[0], each) for each in record)
    if origin is frozenset:
        return frozenset(record)
    if is_dataclass(hint):
        return _dataclass(hint, record)
    if hint is datetime:
        return datetime.fromisoformat(record)
    return hint(record) if isinstance(hint, type) and issubclass(hint, Enum) else record


def _dataclass(kind: Any, record: Any) -> Any:
    hints = _hints(kind)
    known = [each.name for each in fields(kind) if each.init and each.name in record]
    return kind(**{name: _value(hints[name], record[name]) for name in known})


def _meant(kinds: tuple[Any, ...], record: Any) -> Any:
    """Which of the types that may stand in a place gave the record."""
    possible = [kind for kind in kinds if kind is not NoneType]
    if len(possible) == 1:
        return possible[0]
    found = [kind for kind in possible if kind.kind == record["kind"]]
    if not found:
        raise ValueError(f"a record of an unknown kind: {record['kind']!r}")
    return found[0]


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
