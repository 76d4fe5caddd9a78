from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from cwmp_client.aliases import Aliases, Spelling, refusal, steps

TABLE, OTHER = "Device.NAT.PortMapping.", "Device.IP.Interface."
NESTED = "IPv4Address."


def aliases_of(*names: str, record: dict[str, str] | None = None) -> Aliases:
    aliases = Aliases(record)
    aliases.follow(dict.fromkeys(names))
    return aliases


class TestSteps:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("Device.X.[a].Y", ["Device", "X", "[a]", "Y"]),
            ("Device.X.[a].", ["Device", "X", "[a]"]),
            ("Device.X.[a].[b].1.", ["Device", "X", "[a]", "[b]", "1"]),
            ("Device.X.[a b.c-1]", ["Device", "X", "[a b.c-1]"]),
            ("Device.X.[].", ["Device", "X", "[]"]),
            ("[a].", ["[a]"]),
            *((path, None) for path in ("Device.X.[a", "Device.X.a].", "Device.X.[a]b.", "Device.X.b[a].")),
            *((path, None) for path in ("Device..[a].", "Device.X.[[a]].", ".[a]", "Device.[a]..")),
        ],
    )
    def test_of_a_path(self, path: str, expected: list[str] | None) -> None:
        assert steps(path) == expected

    @given(st.lists(st.from_regex(r"\A(\[[^\[\]]*\]|[^.\[\]]+)\Z"), min_size=1), st.booleans())
    def test_are_what_a_path_is_made_of(self, parts: list[str], is_object: bool) -> None:
        assert steps(".".join(parts) + "." * is_object) == parts

    @given(st.text(alphabet="[].a\n"))
    def test_no_text_is_too_odd(self, path: str) -> None:
        parts = steps(path)
        assert parts is None or path in {".".join(parts), ".".join(parts) + "."}


@pytest.mark.parametrize("alias", ["a", "cpe-1", "Å-1", "a.b c", "x" * 64])
def test_what_an_alias_may_be(alias: str) -> None:
    assert not refusal(alias)


@pytest.mark.parametrize("alias", ["", "1a", "-a", " a", "[a]", "a]", "a\n", "x" * 65])
def test_what_an_alias_may_not_be(alias: str) -> None:
    assert refusal(alias)


class TestAliases:
    def test_a_row_is_called_by_its_number_until_an_acs_says_otherwise(self) -> None:
        aliases = aliases_of(TABLE, f"{TABLE}3.", f"{TABLE}3.Enable")
        assert (aliases.alias(f"{TABLE}3."), aliases.take_changes()) == ("cpe-3", {})
        aliases.give({f"{TABLE}3.": "web"})
        assert aliases.take_changes() == {"aliases": {f"{TABLE}3.": "web"}}
        assert aliases.rows_in(TABLE) == {"web": f"{TABLE}3."}
        aliases.give({f"{TABLE}3.": "cpe-3"})
        assert aliases.take_changes() == {"aliases": None}

    def test_an_object_whose_name_ends_in_a_digit_is_no_row(self) -> None:
        aliases = aliases_of("Device.IP.IPv6.")
        assert aliases.alias("Device.IP.IPv6.") is None
        assert aliases.rows_in("Device.IP.") == {}

    def test_what_could_not_be_saved_is_to_be_saved_again(self) -> None:
        aliases = aliases_of(TABLE, f"{TABLE}1.")
        aliases.give({f"{TABLE}1.": "web"})
        aliases.take_changes()
        aliases.give_back()
        assert aliases.take_changes() == {"aliases": {f"{TABLE}1.": "web"}}

    def test_an_alias_dies_with_its_row_or_the_row_above(self) -> None:
        inner = f"{OTHER}1.{NESTED}2."
        names = [OTHER, f"{OTHER}1.", f"{OTHER}1.{NESTED}", inner, TABLE, f"{TABLE}1."]
        aliases = aliases_of(*names)
        aliases.give({inner: "a", f"{TABLE}1.": "b"})
        aliases.follow(dict.fromkeys([OTHER, TABLE, f"{TABLE}1."]))
        assert aliases.take_changes() == {"aliases": {f"{TABLE}1.": "b"}}

    def test_it_outlives_its_table_that_is_out_of_sight(self) -> None:
        aliases = aliases_of(TABLE, f"{TABLE}1.")
        aliases.give({f"{TABLE}1.": "b"})
        aliases.follow({"Device.": None})
        assert aliases.alias(f"{TABLE}1.") is None
        aliases.follow(dict.fromkeys([TABLE, f"{TABLE}1."]))
        assert aliases.alias(f"{TABLE}1.") == "b"

    def test_a_new_row_whose_usual_alias_is_taken_gets_another_and_keeps_it(self) -> None:
        rows = [f"{TABLE}1.", f"{TABLE}2.", f"{TABLE}3."]
        aliases = aliases_of(TABLE, *rows[:2])
        aliases.give({rows[0]: "cpe-3", rows[1]: "cpe-3-2"})
        aliases.take_changes()
        aliases.follow(dict.fromkeys([TABLE, *rows]))
        assert aliases.alias(rows[2]) == "cpe-3-3"
        record = aliases.take_changes()["aliases"]
        assert record[rows[2]] == "cpe-3-3"
        again = aliases_of(TABLE, rows[2], record=record)
        assert again.alias(rows[2]) == "cpe-3-3"

    def test_two_rows_may_exchange_theirs_but_not_share_one(self) -> None:
        rows = [f"{TABLE}1.", f"{TABLE}2.", f"{TABLE}3."]
        aliases = aliases_of(TABLE, *rows)
        assert aliases.refusals({rows[0]: "cpe-2", rows[1]: "cpe-1"}) == {}
        assert set(aliases.refusals({rows[0]: "cpe-2"})) == {rows[0]}
        assert set(aliases.refusals({rows[0]: "x", rows[1]: "x", rows[2]: "9"})) == {rows[1], rows[2]}

    def test_tables_without_alias_have_none(self) -> None:
        row = "Device.ManagementServer.VirtualDevice.1."
        aliases = aliases_of("Device.ManagementServer.VirtualDevice.", row)
        assert (list(aliases.rows), aliases.alias(row)) == ([], None)

    def test_a_device_s_own_is_what_it_told_last(self) -> None:
        row = f"{TABLE}1."
        aliases = aliases_of(TABLE, row, f"{row}Alias", f"{TABLE}2.")
        assert (list(aliases.rows), aliases.untold, aliases.alias(row)) == ([f"{TABLE}2."], [row], None)
        aliases.give({row: "cpe-1"})
        assert (aliases.untold, aliases.alias(row)) == ([], "cpe-1")
        aliases.give({row: "[odd]"})
        assert (aliases.untold, aliases.alias(row)) == ([], None)


class TestSpelling:
    ROWS = (f"{OTHER}1.", f"{OTHER}1.{NESTED}", f"{OTHER}1.{NESTED}2.")
    NAME = f"{OTHER}1.{NESTED}2.IPAddress"

    @pytest.mark.parametrize(
        ("asked", "by_number", "by_alias"),
        [
            ({}, NAME, "Device.IP.Interface.[lan].IPv4Address.[cpe-2].IPAddress"),
            (
                {f"{OTHER}1.": "Device.IP.Interface.[lan]."},
                "Device.IP.Interface.[lan].IPv4Address.2.IPAddress",
                "Device.IP.Interface.[lan].IPv4Address.[cpe-2].IPAddress",
            ),
            (
                {f"{OTHER}1.": f"{OTHER}1."},
                NAME,
                "Device.IP.Interface.1.IPv4Address.[cpe-2].IPAddress",
            ),
            ({NAME: NAME}, NAME, NAME),
            ({NAME: "as sent"}, "as sent", "as sent"),
        ],
    )
    def test_what_was_asked_is_answered_as_it_was_asked(
        self, asked: dict[str, str], by_number: str, by_alias: str
    ) -> None:
        aliases = aliases_of(OTHER, *self.ROWS)
        aliases.give({f"{OTHER}1.": "lan"})
        assert Spelling(aliases, by_alias=False, asked=asked)(self.NAME) == by_number
        assert Spelling(aliases, by_alias=True, asked=asked)(self.NAME) == by_alias

    def test_objects_and_what_is_in_no_row(self) -> None:
        spelling = Spelling(aliases_of(OTHER, *self.ROWS), by_alias=True)
        names = ("Device.", OTHER, f"{OTHER}1.", "Device.Time.NTPServer1", f"{OTHER}9.Name")
        assert [spelling(name) for name in names] == [
            "Device.",
            OTHER,
            f"{OTHER}[cpe-1].",
            "Device.Time.NTPServer1",
            f"{OTHER}9.Name",
        ]

    def test_a_name_that_would_be_too_long_stays_with_its_numbers(self) -> None:
        aliases = aliases_of(OTHER, *self.ROWS)
        aliases.give(dict.fromkeys((f"{OTHER}1.", f"{OTHER}1.{NESTED}2."), "x" * 64))
        name = f"{OTHER}1.{NESTED}2.{'P' * 150}"
        assert Spelling(aliases, by_alias=True)(name) == name


class AliasesOfOneTable(RuleBasedStateMachine):
    """Rows come and go, an ACS names them, the program starts again: as the standard wants it."""

    numbers = Bundle("numbers")

    def __init__(self) -> None:
        super().__init__()
        self.saved: dict[str, Any] = {}
        self.aliases = Aliases(None)
        self.present: set[int] = set()
        self.expected: dict[int, str] = {}
        self.greatest = 0

    def follow(self) -> None:
        self.aliases.follow(dict.fromkeys([TABLE, *map(self.row, self.present)]))
        self.saved |= self.aliases.take_changes()

    def row(self, number: int) -> str:
        return f"{TABLE}{number}."

    @rule(target=numbers)
    def come(self) -> int:
        self.greatest += 1
        self.present.add(self.greatest)
        self.follow()
        alias = self.aliases.alias(self.row(self.greatest))
        assert alias
        assert alias.startswith("cpe-")
        self.expected[self.greatest] = alias
        return self.greatest

    @rule(number=numbers)
    def go(self, number: int) -> None:
        self.present.discard(number)
        self.expected.pop(number, None)
        self.follow()

    @rule(
        wanted=st.dictionaries(
            numbers, st.one_of(st.integers(1, 6).map("cpe-{}".format), st.sampled_from("ab")), max_size=3
        )
    )
    def give(self, wanted: dict[int, str]) -> None:
        wanted = {number: alias for number, alias in wanted.items() if number in self.present}
        after = self.expected | wanted
        refused = self.aliases.refusals({self.row(number): alias for number, alias in wanted.items()})
        assert bool(refused) is (len(set(after.values())) < len(after))
        if not refused:
            self.aliases.give({self.row(number): alias for number, alias in wanted.items()})
            self.saved |= self.aliases.take_changes()
            self.expected = after

    @rule()
    def start_again(self) -> None:
        self.aliases = Aliases(self.saved.get("aliases"))
        self.follow()

    @invariant()
    def every_row_has_its_own(self) -> None:
        assert self.aliases.rows_in(TABLE) == {
            alias: self.row(number) for number, alias in self.expected.items()
        }


TestAliasesOfOneTable = AliasesOfOneTable.TestCase
