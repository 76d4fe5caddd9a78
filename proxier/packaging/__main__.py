"""`python -m proxier.packaging` writes what is made from the parser: the manual page and the completions."""

from __future__ import annotations

from pathlib import Path

from proxier.packaging.completions import bash, zsh
from proxier.packaging.manual import manual

MADE = {"proxier.1": manual, "proxier.bash": bash, "_proxier": zsh}
"""The files beside this one, and what makes each."""

if __name__ == "__main__":
    for name, make in MADE.items():
        Path(__file__).with_name(name).write_text(make(), encoding="utf-8")
