from __future__ import annotations

import pytest

from tests.proxier.control_point import stand_in


@pytest.fixture(autouse=True)
def _own_group(own_group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in, "GROUP", ("239.255.255.250", own_group))
