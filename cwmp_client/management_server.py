"""The source for `Device.ManagementServer.`: how a device and its ACS find each other."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cwmp_client import schedule
from cwmp_client.datatypes import BOOLEAN, DATE_TIME, STRING, Syntax
from cwmp_client.faults import CwmpFault, FaultCode, ParameterFault
from cwmp_client.inform_parameters import NUMBER_OF_ENTRIES, TABLE, InformParameters
from cwmp_client.messages import UNKNOWN_TIME, Concealing, ParameterValueStruct
from cwmp_client.parameters import Applied, Node, parameters_at, value_faults, with_objects_above

OBJECT = "Device.ManagementServer."

RECORD = "management_server"
"""The name of the record in the journal."""

BY_NUMBER, BY_ALIAS = "InstanceNumber", "InstanceAlias"
"""How the rows in an answer are named. Source: TR-181 ManagementServer.InstanceMode"""


class Row(NamedTuple):
    """One parameter of the object; `default` holds where neither the ACS nor the configuration says more."""

    syntax: Syntax
    writable: bool
    default: str = ""


_NAME = Syntax(max_length=256)
_SECRET = Syntax(max_length=256, hidden=True)
_SECONDS = Syntax("unsignedInt")

PARAMETERS: Mapping[str, Row] = {
    "URL": Row(STRING, writable=True),
    "Username": Row(_NAME, writable=True),
    "Password": Row(_SECRET, writable=True),
    "PeriodicInformEnable": Row(BOOLEAN, writable=True),
    "PeriodicInformInterval": Row(Syntax("unsignedInt", minimum=1), writable=True),
    "PeriodicInformTime": Row(DATE_TIME, writable=True, default=UNKNOWN_TIME),
    "ParameterKey": Row(Syntax(max_length=32), writable=False),
    "ConnectionRequestURL": Row(STRING, writable=False),
    "ConnectionRequestUsername": Row(_NAME, writable=True),
    "ConnectionRequestPassword": Row(_SECRET, writable=True),
    "UpgradesManaged": Row(BOOLEAN, writable=True, default="false"),
    "DefaultActiveNotificationThrottle": Row(_SECONDS, writable=True, default="0"),
    "CWMPRetryMinimumWaitInterval": Row(Syntax("unsignedInt", 1, 65535), writable=True),
    "CWMPRetryIntervalMultiplier": Row(Syntax("unsignedInt", 1000, 65535), writable=True),
    "HTTPConnectionRequestEnable": Row(BOOLEAN, writable=True, default="true"),
    "AliasBasedAddressing": Row(BOOLEAN, writable=False, default="true"),
    "InstanceMode": Row(Syntax(values=(BY_NUMBER, BY_ALIAS)), writable=True, default=BY_NUMBER),
    "AutoCreateInstances": Row(BOOLEAN, writable=True, default="false"),
    "InstanceWildcardsSupported": Row(BOOLEAN, writable=False, default="false"),
    "SupportedConnReqMethods": Row(STRING, writable=False, default="HTTP"),
    "HTTPCompressionSupported": Row(STRING, writable=False, default="GZIP"),
    "HTTPCompression": Row(Syntax(values=("Disabled", "GZIP")), writable=True, default="Disabled"),
}
"""The parameters of the object, by the last part of their names. Source: TR-181 Device.ManagementServer."""

_FIXED_NODES: Mapping[str, Node] = with_objects_above(
    {OBJECT + name: Node(row.writable, row.syntax.type) for name, row in PARAMETERS.items()}
    | {NUMBER_OF_ENTRIES: Node(writable=False, type="unsignedInt"), TABLE: Node(writable=True)}
)


class ManagementServerDefaults(Concealing, frozen=True):
    """What holds until the ACS sets something else; times in seconds, the multiplier in thousandths.

    Where the ConnectionRequestUsername or ConnectionRequestPassword is empty, one is made and kept.
    """

    url: str
    username: str = ""
    password: str = ""
    periodic_inform_enable: bool = True
    periodic_inform_interval: int = 86400
    retry_minimum_wait: int = 5
    retry_interval_multiplier: int = 2000
    connection_request_username: str = ""
    connection_request_password: str = ""


@lru_cache(maxsize=16)
def _values_of(defaults: ManagementServerDefaults) -> Mapping[str, str]:
    return {name: row.default for name, row in PARAMETERS.items()} | {
        "URL": defaults.url,
        "Username": defaults.username,
        "Password": defaults.password,
        "PeriodicInformEnable": "true" if defaults.periodic_inform_enable else "false",
        "PeriodicInformInterval": str(defaults.periodic_inform_interval),
        "CWMPRetryMinimumWaitInterval": str(defaults.retry_minimum_wait),
        "CWMPRetryIntervalMultiplier": str(defaults.retry_interval_multiplier),
        "ConnectionRequestUsername": defaults.connection_request_username,
        "ConnectionRequestPassword": defaults.connection_request_password,
    }


class ManagementServer:
    """A `ParameterSource`, and the typed values themselves for whoever runs the sessions.

    Its record in the journal holds only what an ACS has set or what was made here, so that a changed default
    reaches every device whose ACS did not decide otherwise.

    Args:
        defaults: from the configuration.
        records: what was saved before.
    """

    may_refuse = False

    def __init__(self, defaults: ManagementServerDefaults, records: Mapping[str, Any]) -> None:
        record = records.get(RECORD) or {}
        self._defaults = _values_of(defaults)
        self._set: dict[str, str] = dict(record.get("set", {}))
        self._made: dict[str, str] = dict(record.get("made", {}))
        self._inform_parameters = InformParameters(record.get("inform_parameters"))
        self._nodes = self._make_nodes()
        self._connection_request_url = ""
        self.parameter_key: str = record.get("parameter_key", "")
        self._make_credentials()

    def _make_credentials(self) -> None:
        self._made.setdefault("path", secrets.token_urlsafe(18))
        for name in ("ConnectionRequestUsername", "ConnectionRequestPassword"):
            if not self._defaults[name]:
                self._made.setdefault(name, secrets.token_urlsafe(18))

    @property
    def url(self) -> str:
        """Where the ACS is."""
        return self._text("URL")

    @property
    def username(self) -> str:
        """As whom we present ourselves to the ACS; empty for not at all."""
        return self._text("Username")

    @property
    def password(self) -> str:
        """The password for that."""
        return self._text("Password")

    @property
    def compression(self) -> str:
        """HTTPCompression: Disabled or GZIP."""
        return self._text("HTTPCompression")

    @property
    def periodic_inform(self) -> tuple[int, float | None] | None:
        """Interval (seconds) and reference (seconds since 1970, None for unknown); None when disabled."""
        if self._text("PeriodicInformEnable") != "true":
            return None
        return int(self._text("PeriodicInformInterval")), schedule.parse_time(
            self._text("PeriodicInformTime")
        )

    @property
    def retry_minimum_wait(self) -> int:
        """CWMPRetryMinimumWaitInterval, in seconds."""
        return int(self._text("CWMPRetryMinimumWaitInterval"))

    @property
    def retry_interval_multiplier(self) -> int:
        """CWMPRetryIntervalMultiplier, in thousandths."""
        return int(self._text("CWMPRetryIntervalMultiplier"))

    @property
    def active_notification_throttle(self) -> int:
        """DefaultActiveNotificationThrottle, in seconds."""
        return int(self._text("DefaultActiveNotificationThrottle"))

    @property
    def names_by_alias(self) -> bool:
        """InstanceMode: whether the rows in answers and Informs are named by their aliases."""
        return self._text("InstanceMode") == BY_ALIAS

    @property
    def creates_rows(self) -> bool:
        """AutoCreateInstances: whether to set a parameter of a row by an unknown alias makes that row."""
        return self._text("AutoCreateInstances") == "true"

    @property
    def inform_parameters(self) -> InformParameters:
        """The table InformParameter."""
        return self._inform_parameters

    @property
    def connection_request_path(self) -> str:
        """The random last part of the ConnectionRequestURL, made once and kept."""
        return self._made["path"]

    @property
    def connection_request_credentials(self) -> tuple[str, str] | None:
        """Username and password of connection requests; None while HTTPConnectionRequestEnable is false."""
        if self._text("HTTPConnectionRequestEnable") != "true":
            return None
        return self._text("ConnectionRequestUsername"), self._text("ConnectionRequestPassword")

    @property
    def connection_request_url(self) -> str:
        """The ConnectionRequestURL; empty while HTTPConnectionRequestEnable is false.

        The owner sets it once the listener is up, before `Endpoint.run`.
        """
        return self._connection_request_url if self.connection_request_credentials is not None else ""

    @connection_request_url.setter
    def connection_request_url(self, url: str) -> None:
        self._connection_request_url = url

    def factory_reset(self) -> None:
        """Forget everything that an ACS has set, the ParameterKey included; the endpoint saves it."""
        self._set.clear()
        self._inform_parameters.clear()
        self._nodes = self._make_nodes()
        self.parameter_key = ""

    def to_records(self) -> dict[str, Any]:
        """What is to be saved, by record name."""
        return {
            RECORD: {
                "set": dict(self._set),
                "made": dict(self._made),
                "parameter_key": self.parameter_key,
                "inform_parameters": self._inform_parameters.to_record(),
            }
        }

    async def nodes(self) -> Mapping[str, Node]:
        """See `ParameterSource`."""
        return self._nodes

    async def values(self, paths: Sequence[str]) -> Sequence[ParameterValueStruct]:
        """See `ParameterSource`."""
        return [self._value(name) for name in parameters_at(self._nodes, paths)]

    async def check(self, values: Sequence[ParameterValueStruct]) -> Sequence[ParameterFault]:
        """See `ParameterSource`."""
        faults = value_faults(values, self._syntax)
        faulty = {fault.name for fault in faults}
        for name, value, _ in values:
            if name not in faulty and (reason := self._refusal(name, value)):
                faults.append(ParameterFault(name, FaultCode.INVALID_PARAMETER_VALUE, reason))
        return faults

    async def set(self, values: Sequence[ParameterValueStruct]) -> Applied:
        """See `ParameterSource`."""
        for name, value, _ in values:
            text = self._syntax(name).canonical(value)
            if name.startswith(TABLE):
                self._inform_parameters.set(name, text)
            else:
                self._set[name.removeprefix(OBJECT)] = text
        return Applied(records=self.to_records())

    async def reporting(self, _names: Sequence[str]) -> Collection[str]:
        """None: the ACS itself sets what is here."""
        return ()

    async def watch(self, notifications: Mapping[str, int]) -> None:
        """Nothing to do: the ACS itself sets what is here."""

    async def add(self, table: str) -> tuple[int, int]:
        """Add a row to InformParameter, the one table here."""
        if table != TABLE:
            raise CwmpFault(FaultCode.INVALID_PARAMETER_NAME, table)
        row = self._inform_parameters.add()
        self._nodes = self._make_nodes()
        return row, 0

    async def delete(self, row: str) -> int:
        """Take a row of InformParameter away."""
        self._inform_parameters.delete(row)
        self._nodes = self._make_nodes()
        return 0

    def cached(self, name: str) -> ParameterValueStruct | None:
        """See `ParameterSource`."""
        node = self._nodes.get(name)
        return self._value(name) if node is not None and node.type else None

    def _make_nodes(self) -> Mapping[str, Node]:
        if not len(self._inform_parameters):
            return _FIXED_NODES
        return {**_FIXED_NODES, **self._inform_parameters.nodes()}

    def _syntax(self, name: str) -> Syntax:
        if name.startswith(TABLE):
            return self._inform_parameters.syntax(name)
        return PARAMETERS[name.removeprefix(OBJECT)].syntax

    def _refusal(self, name: str, value: str) -> str:
        if name.startswith(TABLE):
            return self._inform_parameters.refusal(name, value)
        return _url_refusal(value) if name == OBJECT + "URL" else ""

    def _text(self, name: str) -> str:
        if name in self._set:
            return self._set[name]
        return self._defaults[name] or self._made.get(name, "")

    def _value(self, name: str) -> ParameterValueStruct:
        node = self._nodes[name]
        if name == NUMBER_OF_ENTRIES:
            text = str(len(self._inform_parameters))
        elif name.startswith(TABLE):
            text = self._inform_parameters.get(name) or ""
        else:
            text = self._own_text(name.removeprefix(OBJECT))
        return ParameterValueStruct(name, text, node.type)

    def _own_text(self, name: str) -> str:
        if PARAMETERS[name].syntax.hidden:
            return ""
        if name == "ParameterKey":
            return self.parameter_key
        if name == "ConnectionRequestURL":
            return self.connection_request_url
        return self._text(name)


def _url_refusal(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")  # what is no name there is never to be reached
        valid = parts.scheme in {"http", "https"} and bool(host) and parts.port != 0
    except ValueError:
        return "not a URL"
    if not valid or not url.isprintable() or " " in url:
        return "not an http or https URL"
    return "a URL must not hold credentials" if "@" in parts.netloc else ""
