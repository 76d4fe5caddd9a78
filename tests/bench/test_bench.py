"""The benchmarks run, whatever they measure: nothing is timed in a test."""

from __future__ import annotations

import pytest

from tests.bench.__main__ import ROWS, measured
from tests.bench.report import BEGIN, END, PAGE, report
from tests.bench.sizes import QUICK


@pytest.mark.parametrize("row", ROWS)
async def test_a_row_is_measured(row: str) -> None:
    lines = await measured([row], QUICK)
    assert lines
    assert all(line.row == row and line.product > 0 for line in lines)
    assert lines[0].what in report(lines, 1)


def test_the_page_has_a_place_for_the_table() -> None:
    assert PAGE.read_text().index(BEGIN) < PAGE.read_text().index(END)
