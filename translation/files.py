"""Files that the ACS wants a device to have: what their URLs may be, and who fetches them.

Source: TR-069 A.3.2.8, A.4.1.10
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

from cwmp_client.faults import CwmpFault, FaultCode

PROTOCOLS = frozenset({"http", "https"})


class RelayMode(StrEnum):
    """When the proxier fetches a file, and lets the device have it from there."""

    AUTO = "auto"
    """Where the server wants to know who asks, and where the device could not reach it."""
    ALWAYS = "always"
    NEVER = "never"

    def relays(self, username: str) -> bool:
        """Whether a file is relayed at once.

        Raises:
            CwmpFault: 9012 where only the proxier could log in, and may not.
        """
        if username and self is RelayMode.NEVER:
            text = "no device can log in to a file server, and the proxier is not to do it"
            raise CwmpFault(FaultCode.SERVER_AUTHENTICATION, text)
        return bool(username) or self is RelayMode.ALWAYS


def check_url(url: str, longest: int) -> None:
    """See that a file can be had at a URL of at most so many characters.

    Raises:
        CwmpFault: 9013 for another protocol than HTTP, 9003 for what is no URL, is too long, or has a user in
            it.
    """
    try:
        parts = urlsplit(url)
        has_user = parts.username is not None or parts.password is not None
        host = parts.hostname if parts.port != 0 else None
    except ValueError as error:
        raise CwmpFault(FaultCode.INVALID_ARGUMENTS, f"this is no URL: {error}") from error
    if len(url) > longest:
        raise CwmpFault(FaultCode.INVALID_ARGUMENTS, f"the URL is longer than {longest} characters")
    if not url or any(each.isspace() or not each.isprintable() for each in url):
        raise CwmpFault(FaultCode.INVALID_ARGUMENTS, "this is no URL")
    if parts.scheme not in PROTOCOLS:
        raise CwmpFault(FaultCode.UNSUPPORTED_PROTOCOL, "files come over http and https only")
    if not host or has_user:
        raise CwmpFault(FaultCode.INVALID_ARGUMENTS, "the URL needs a host, and may have no user in it")
