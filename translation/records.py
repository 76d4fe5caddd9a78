"""Frozen values as JSON and back, by the type hints of their fields.

Of several classes that may stand in one place, each has a tag, which its record then tells as its `kind`.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def record_of(value: msgspec.Struct) -> dict[str, Any]:
    """A value as what JSON has; equal values give equal records."""
    record: dict[str, Any] = msgspec.to_builtins(value, order="deterministic")
    return record


def value_of(kind: type[T], record: Any) -> T:
    """The value of a type that gave the record; a field that the record lacks has its default.

    Raises:
        ValueError: no such value gave it.
    """
    try:
        return msgspec.convert(record, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
