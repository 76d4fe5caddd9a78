"""A journal in memory that takes only what JSON can hold, and keeps every step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class MemoryJournal:
    """`records` is what a restart would find; `saves` are the names of each write."""

    def __init__(self, records: Mapping[str, Any] | None = None) -> None:
        self.records: dict[str, Any] = json.loads(json.dumps(dict(records or {})))
        self.saves: list[list[str]] = []
        self.broken = False

    async def save(self, records: Mapping[str, Any]) -> None:
        if self.broken:
            raise OSError("the disk is full")
        self.records.update(json.loads(json.dumps(dict(records))))
        self.records = {name: record for name, record in self.records.items() if record is not None}
        self.saves.append(list(records))
