"""`make bench`: what the proxier costs, each time beside a yardstick in the same run.

`make bench ARGS='1 11'` measures these rows only, and leaves docs/performance.md alone. `--quick` does as
little as possible, to see that everything runs.
"""

from __future__ import annotations

import argparse
import time

from tests.bench import report
from tests.bench.rows import ROWS, lines_of
from tests.bench.sizes import FULL, QUICK


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("rows", nargs="*", help="the numbers of the yardsticks; none: all")
    parser.add_argument("--quick", action="store_true", help="as little as possible")
    chosen = parser.parse_args()
    if unknown := set(chosen.rows) - ROWS.keys():
        parser.error(f"no such rows: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    begun = time.monotonic()
    lines = lines_of(chosen.rows or list(ROWS), QUICK if chosen.quick else FULL)
    if not chosen.rows and not chosen.quick:
        report.write(lines, time.monotonic() - begun)


if __name__ == "__main__":
    main()
