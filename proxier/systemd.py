"""The few words that systemd wants to hear from a service of `Type=notify`.

Source: sd_notify(3)
"""

from __future__ import annotations

import os
import socket


def notify(state: str) -> None:
    """Tell systemd, if it asked to be told; a state is `READY=1`, `STOPPING=1` or `WATCHDOG=1`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram:
        try:
            datagram.sendto(state.encode(), address.replace("@", "\0", 1))
        except OSError:
            # Whoever asked is not there any more; the service runs all the same.
            return
