"""The benchmarks run, whatever they measure: nothing is timed in a test."""

from __future__ import annotations

import pytest

from tests.bench.report import BEGIN, END, PAGE, report
from tests.bench.rows import measured
from tests.bench.sizes import QUICK


@pytest.mark.parametrize("row", ["1", "2", "3", "4", "5", "10", "11"])
async def test_a_row_is_measured(row: str) -> None:
    """The others start daemons and many devices, and are for `make bench` alone."""
    lines = await measured(row, QUICK)
    assert {line.row for line in lines} == {row}
    assert lines[0].what in report(lines, 1)


def test_the_page_has_a_place_for_the_table() -> None:
    assert PAGE.read_text().index(BEGIN) < PAGE.read_text().index(END)
