from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

import pytest

from translation.records import record_of, value_of


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Leaf:
    kind: ClassVar[str] = "leaf"

    name: str
    sizes: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Twig:
    kind: ClassVar[str] = "twig"

    leaves: tuple[Leaf, ...] = ()
    colour: Colour = Colour.RED


@dataclass(frozen=True)
class Tree:
    parts: tuple[Leaf | Twig, ...]
    planted: datetime
    felled: datetime | None = None
    crown: Leaf | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    height: float = 1.5


TREE = Tree(
    (Leaf("a", frozenset({3, 1})), Twig((Leaf("b"),))),
    datetime(2026, 3, 1, tzinfo=UTC),
    crown=Leaf("c"),
    words={"x": "y"},
)


def test_what_goes_into_a_record_comes_out_of_it() -> None:
    record = json.loads(json.dumps(record_of(TREE)))
    assert value_of(Tree, record) == TREE


def test_a_field_that_an_older_record_lacks_has_its_default() -> None:
    record = record_of(TREE)
    del record["height"]
    record["unknown"] = 1
    assert value_of(Tree, record).height == 1.5


@pytest.mark.parametrize(
    "record", [{}, {"parts": [{"kind": "root"}], "planted": "2026-03-01"}, {"parts": [], "planted": "x"}]
)
def test_what_no_value_gave_is_refused(record: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        value_of(Tree, record)
