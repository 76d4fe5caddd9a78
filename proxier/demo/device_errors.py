"""How the simulated device refuses an action."""

from __future__ import annotations


class UpnpError(Exception):
    """A UPnPError with its code; without a description it gets the one from the service's table."""

    def __init__(self, code: int, description: str = "") -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description
