"""The verdict of the Broadband Forum's schemas on what we write."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

_TOOLS = Path(__file__).parents[3] / "shared" / "tools"


def is_there() -> bool:
    """Whether the checker lies beside this checkout."""
    return (_TOOLS / "cwmp_schema.py").exists()


def errors_of(envelope: bytes) -> list[str]:
    """Every departure of an envelope from its schemas; skips where the checker is missing."""
    if not is_there():
        pytest.skip("the checker of CWMP schemas is not beside this checkout")
    sys.path.insert(0, str(_TOOLS))
    try:
        errors: list[str] = importlib.import_module("cwmp_schema").check(envelope)
    finally:
        sys.path.remove(str(_TOOLS))
    return errors
