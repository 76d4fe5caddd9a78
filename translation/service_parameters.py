"""The parameters that stand for services, not for anything in a device's own data model.

Source: TR-330 4.3.2
"""

from __future__ import annotations

from typing import NamedTuple


class ServiceParameter(NamedTuple):
    """A parameter by its full CWMP name, or a table, which ends in a dot and has neither value nor type.

    `type` is an XML Schema type name without prefix.
    """

    name: str
    value: str = ""
    type: str = ""
    writable: bool = False
