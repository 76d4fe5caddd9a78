from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from proxier.demo.device_tree import Leaf, Table, Tree, parent_of, structure_of

LEAVES = {
    "/A/TNumberOfEntries": Leaf("unsignedInt", default="0"),
    "/A/T/#/Name": Leaf(default="x"),
    "/A/T/#/UNumberOfEntries": Leaf("unsignedInt", default="0"),
    "/A/T/#/U/#/Value": Leaf("int", default="7"),
}
TABLES = {
    "/A/T/": Table(count="/A/TNumberOfEntries"),
    "/A/T/#/U/": Table(count="/A/T/#/UNumberOfEntries"),
}


class RowsComeAndGo(RuleBasedStateMachine):
    """A tree with a nested table against a plain set of rows."""

    outer = Bundle("outer")
    inner = Bundle("inner")

    def __init__(self) -> None:
        super().__init__()
        self.tree = Tree(LEAVES, TABLES)
        self.rows: set[str] = set()
        self.ever: set[str] = set()

    def _add(self, table: str) -> str:
        row = self.tree.add_row(table)
        assert row not in self.ever
        self.rows.add(row)
        self.ever.add(row)
        return row

    @rule(target=outer)
    def add_outer(self) -> str:
        return self._add("/A/T/")

    @rule(target=inner, row=outer)
    def add_inner(self, row: str) -> str:
        if row not in self.rows:
            return row
        return self._add(row + "U/")

    @rule(row=consumes(outer))
    def remove_outer(self, row: str) -> None:
        self._remove(row)

    @rule(row=consumes(inner))
    def remove_inner(self, row: str) -> None:
        self._remove(row)

    def _remove(self, row: str) -> None:
        if row in self.rows:
            self.tree.remove_row(row)
            self.rows = {each for each in self.rows if not each.startswith(row)}

    @invariant()
    def everything_follows_from_the_rows(self) -> None:
        assert set(self.tree.instances_below("/")) == self.rows
        expected = {"/A/TNumberOfEntries"}
        for row in self.rows:
            outer = parent_of(row) == "/A/T/"
            expected |= {row + "Name", row + "UNumberOfEntries"} if outer else {row + "Value"}
            assert self.tree.has_node(row)
            assert self.tree.is_instance(row)
        assert set(self.tree) == expected
        for table in ["/A/T/", *(row + "U/" for row in self.rows if parent_of(row) == "/A/T/")]:
            count = sum(parent_of(row) == table for row in self.rows)
            assert self.tree[self.tree.count_of(table)] == str(count)
            assert self.tree.below(table) == sorted(path for path in expected if path.startswith(table))


TestRowsComeAndGo = RowsComeAndGo.TestCase
TestRowsComeAndGo.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize(
    ("leaf", "good", "bad"),
    [
        (Leaf("boolean"), ["0", "1", "true", "false"], ["", "yes", "2"]),
        (Leaf("int"), ["-2147483648", "+7"], ["2147483648", "", "1.0", " 1"]),
        (Leaf("unsignedInt"), ["0", "4294967295"], ["-1", "4294967296"]),
        (Leaf("long"), ["9223372036854775807"], ["9223372036854775808"]),
        (Leaf("dateTime"), ["2024-05-01T10:00:00Z", "2024-05-01T10:00:00"], ["2024-05-01", "now"]),
        (Leaf("base64"), ["", "AAEC/w=="], ["AAE", "A-_="]),
        (Leaf("hexBinary"), ["", "00ff"], ["0", "zz"]),
        (Leaf("string"), ["", "anything"], []),
    ],
)
def test_types(leaf: Leaf, good: list[str], bad: list[str]) -> None:
    assert all(map(leaf.has_type, good))
    assert not any(map(leaf.has_type, bad))


def test_structure_of_a_path() -> None:
    assert structure_of("/A/T/0/U/12/Value") == "/A/T/#/U/#/Value"
    assert structure_of("/A/B2/") == "/A/B2/"
