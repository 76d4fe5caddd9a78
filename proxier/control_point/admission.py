"""Which devices the configuration leaves out by their UDN alone, before anything is asked of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

_UDN = "uuid:"


def may_be_admitted(udn: str, allow: Sequence[str], deny: Sequence[str]) -> bool:
    """Whether a device may be wanted by `upnp.allow` and `upnp.deny`; its identity may still say otherwise.

    Where `allow` has a pattern that is no UDN's, only the identity can say whether it is met.
    """
    if _is_named(udn, deny):
        return False
    decided = all(pattern.lower().startswith(_UDN) for pattern in allow)
    return not (allow and decided) or _is_named(udn, allow)


def _is_named(udn: str, patterns: Sequence[str]) -> bool:
    lowered = udn.lower()
    names = (lowered, lowered.removeprefix(_UDN))
    return any(fnmatch.fnmatchcase(name, pattern.lower()) for pattern in patterns for name in names)
