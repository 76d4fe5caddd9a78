from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import pytest
from msgspec import Struct, field

from translation.records import record_of, value_of


class Colour(StrEnum):
    RED = "red"


class Leaf(Struct, frozen=True, tag_field="kind", tag="leaf"):
    name: str
    sizes: frozenset[int] = frozenset()


class Twig(Struct, frozen=True, tag_field="kind", tag="twig"):
    leaves: tuple[Leaf, ...] = ()
    colour: Colour = Colour.RED


class Tree(Struct, frozen=True):
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
    with pytest.raises(ValueError, match=r"Invalid|missing"):
        value_of(Tree, record)
