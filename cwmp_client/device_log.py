"""Log lines that say which device they are about."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any


class DeviceLog(logging.LoggerAdapter[logging.Logger]):
    """Puts a device's id before each line, and into each record as `device`."""

    def __init__(self, logger: logging.Logger, device: str) -> None:
        super().__init__(logger, {"device": device})
        self._prefix = f"{device}: ".replace("%", "%%")

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """See `logging.LoggerAdapter`."""
        return f"{self._prefix}{msg}", {**kwargs, "extra": {**(self.extra or {}), **kwargs.get("extra", {})}}
