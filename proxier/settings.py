"""The configuration: what may stand in it, what is meant where nothing stands, and what is wrong with it.

The classes are the whole table: a section is a class, a key is a field, its default is the field's
default, its limits stand in the annotation, and its meaning and unit in the text under it. A password
is masked wherever settings are shown.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Struct, field
from msgspec.structs import fields

from cwmp_client.messages import Concealing, is_secret
from proxier.errors import ProxierError
from proxier.settings_reader import Problem, Reader, line_of, line_of_last_statement
from proxier.settings_rules import (
    DATABASE_PREFIX,
    DAY,
    HOST_NAME,
    MASK,
    NO_OR_WEB_ADDRESS,
    NOT_EMPTY,
    OUI,
    PORT,
    UNSIGNED_INT,
    WAIT,
    WEB_ADDRESS,
    Between,
    DatabaseFile,
    Longest,
    Matching,
    ReadableFile,
    is_loopback,
)

CONFIG_VARIABLE = "PROXIER_CONFIG"
CONFIG_NAME = "proxier.toml"
SYSTEM_CONFIG = Path("/etc/proxier") / CONFIG_NAME


class AcsSettings(Concealing, frozen=True, kw_only=True):
    """The operator's ACS, and the sessions with it."""

    url: Annotated[str, WEB_ADDRESS, Longest(256)]
    """Every device's ManagementServer.URL until the ACS changes it."""
    username: Annotated[str, Longest(256)] = ""
    """What the ACS's challenges are answered with; empty: no authentication is offered."""
    password: Annotated[str, Longest(256)] = ""
    """The password that belongs to `username`."""
    periodic_inform_enable: bool = True
    """Whether devices inform the ACS periodically, until the ACS changes it."""
    periodic_inform_interval: Annotated[int, Between(1, UNSIGNED_INT)] = DAY
    """Seconds between two periodic Informs, until the ACS changes it."""
    retry_minimum_wait: Annotated[int, Between(1, 65535)] = 5
    """Seconds: CWMPRetryMinimumWaitInterval, from which the wait after failed sessions grows."""
    retry_interval_multiplier: Annotated[int, Between(1000, 65535)] = 2000
    """Thousandths: CWMPRetryIntervalMultiplier, by which the wait grows with each failure."""
    request_timeout: Annotated[float, WAIT] = 30
    """Seconds to wait for the ACS's answer to one request."""
    ca_file: Annotated[str, ReadableFile()] = ""
    """Certificates (PEM) of the authorities that may vouch for the ACS; empty: the system's."""
    client_certificate: Annotated[str, ReadableFile()] = ""
    """The certificate (PEM) that the ACS is shown; empty: none."""
    client_key: Annotated[str, ReadableFile()] = ""
    """The key (PEM) of `client_certificate`; empty: it is in the same file."""
    allow_basic_without_tls: bool = False
    """Whether a Basic challenge is answered over plain http, where all on the way can read the password."""
    max_sessions: Annotated[int, Between(1, 10000)] = 32
    """Sessions at once, of all devices together."""


class IdentitySettings(Struct, frozen=True, kw_only=True):
    """The proxier's own CWMP endpoint."""

    enable: bool = True
    """Whether the proxier itself is a device of the ACS."""
    manufacturer: Annotated[str, Longest(64)] = "Open Proxier"
    """The proxier's DeviceInfo.Manufacturer."""
    oui: Annotated[str, OUI] = "000000"
    """The proxier's DeviceInfo.ManufacturerOUI, and that of devices without one and without a MAC address."""
    product_class: Annotated[str, Longest(64)] = "CPEProxier"
    """The proxier's DeviceInfo.ProductClass."""
    serial_number: Annotated[str, Longest(64)] = ""
    """The proxier's DeviceInfo.SerialNumber; empty: made once, and kept in the database."""


class ConnectionRequestSettings(Concealing, frozen=True, kw_only=True):
    """The listener for the ACS's connection requests, one for all devices."""

    host: Annotated[str, NOT_EMPTY] = "0.0.0.0"  # noqa: S104 - the ACS is on none of our networks
    """The address to listen on."""
    port: Annotated[int, PORT] = 7547
    """The TCP port to listen on; 0: any free port, kept in the database."""
    public_url: Annotated[str, NO_OR_WEB_ADDRESS] = ""
    """What every ConnectionRequestURL begins with; empty: found out."""
    username: Annotated[str, Longest(256)] = ""
    """The user that the ACS has to be; empty: made per device, and kept."""
    password: Annotated[str, Longest(256)] = ""
    """The password that the ACS has to know; empty: made per device, and kept."""


class UpnpSettings(Struct, frozen=True, kw_only=True):
    """The control point: where it looks for devices, and which ones it takes."""

    interfaces: Annotated[tuple[str, ...], NOT_EMPTY] = ()
    """Addresses or names of interfaces to search on; empty: every multicast interface with a private address
    and no default route."""
    search_interval: Annotated[float, WAIT] = 60
    """Seconds between two searches, and between two looks whether a device of `locations` is still there."""
    action_timeout: Annotated[float, WAIT] = 30
    """Seconds to wait for the answer to one action."""
    callback_host: str = ""
    """The address that devices send their events to; empty: the one on the device's own network."""
    callback_port: Annotated[int, PORT] = 0
    """The TCP port that devices send their events to; 0: any free port."""
    locations: Annotated[tuple[str, ...], WEB_ADDRESS] = ()
    """URLs of descriptions to take without SSDP."""
    allow: Annotated[tuple[str, ...], NOT_EMPTY] = ()
    """Patterns (`*`, `?`) of the UDN or the OUI-ProductClass-SerialNumber of devices to take; empty: all."""
    deny: Annotated[tuple[str, ...], NOT_EMPTY] = ()
    """Patterns of devices to leave out, even where `allow` takes them."""
    strict: bool = False
    """Whether only devices are taken that meet TR-069 Annex J to the letter: with an OUI and serial number of
    their own, and a reboot action."""


class StorageSettings(Struct, frozen=True, kw_only=True):
    """The database."""

    url: Annotated[str, DatabaseFile()] = "sqlite:///proxier.db"
    """SQLAlchemy's name of a SQLite file, relative to the configuration file."""

    @property
    def path(self) -> Path:
        """The database file."""
        return Path(self.url.removeprefix(DATABASE_PREFIX))


Level: TypeAlias = Literal["debug", "info", "warning", "error"]
LevelOrNone: TypeAlias = Literal["", "debug", "info", "warning", "error"]


class LogLevels(Struct, frozen=True, kw_only=True):
    """Levels of single areas; empty: that of `log.level`."""

    cwmp: LevelOrNone = ""
    """Sessions with the ACS, its RPCs and connection requests."""
    control_point: LevelOrNone = ""
    """Finding devices, calling their actions, hearing their events."""
    devices: LevelOrNone = ""
    """Virtual devices: who they are, whether they are there, what they are busy with."""
    files: LevelOrNone = ""
    """Files on their way between file servers and devices."""
    status: LevelOrNone = ""
    """The status page."""


class LogSettings(Struct, frozen=True, kw_only=True):
    """What is written to standard error."""

    level: Level = "info"
    """The least grave of what is logged."""
    format: Literal["text", "json"] = "text"
    """Lines for people, or a JSON object a line."""
    levels: LogLevels = field(default_factory=LogLevels)


class StatusSettings(Concealing, frozen=True, kw_only=True):
    """The status page, `/metrics` for Prometheus, and `/healthz`."""

    host: Annotated[str, NOT_EMPTY] = "127.0.0.1"
    """The address to listen on; any other than one of loopback needs a password."""
    port: Annotated[int, PORT] = 0
    """The TCP port to listen on; 0: there is no status page."""
    username: Annotated[str, Matching(r"[^:]{1,256}", "1 to 256 characters without a colon")] = "proxier"
    """Who has to know the password."""
    password: Annotated[str, Longest(256)] = ""
    """What whoever asks has to know, but for `/healthz`; empty: nothing."""
    names: Annotated[tuple[str, ...], HOST_NAME] = ()
    """Host names under which it may be asked for, beside `localhost`, `host` and all IP addresses."""


class FirmwareSettings(Struct, frozen=True, kw_only=True):
    """Updates of the firmware and of the software modules of devices."""

    relay: Literal["auto", "always", "never"] = "auto"
    """When the proxier fetches a file itself and hands it on to the device: where the file server wants to
    know who asks, and where the device could not reach it; always; or never."""
    time_out: Annotated[float, WAIT] = 3600
    """Seconds from the call of an update to its end, with the restart of the device; then it has failed."""
    largest_image: Annotated[int, Between(1, 2**40)] = 2**30
    """Bytes of the largest file that is handed on; none of it is kept."""


class DataModelSettings(Struct, frozen=True, kw_only=True):
    """A data model for the devices that all of the patterns fit; several for one device count together."""

    file: Annotated[str, NOT_EMPTY, ReadableFile()]
    """A data model or device type in the Broadband Forum's XML, packed with gzip or not; what it imports is
    looked for beside it."""
    oui: Annotated[str, NOT_EMPTY] = "*"
    """A pattern (`*`, `?`) of the manufacturer's OUI."""
    product_class: Annotated[str, NOT_EMPTY] = "*"
    """A pattern of the product class."""
    model: Annotated[str, NOT_EMPTY] = "*"
    """A pattern of the description's model name."""
    url: Annotated[str, NO_OR_WEB_ADDRESS] = ""
    """Where the ACS finds the device type: SupportedDataModel.{i}.URL."""


class DeviceSettings(Struct, frozen=True, kw_only=True):
    """Settings of single devices; of several sections that fit a device the first one holds."""

    match: Annotated[str, NOT_EMPTY]
    """A pattern of the UDN or the OUI-ProductClass-SerialNumber."""
    instance_offset: Annotated[int, Between(0, 1000)] = 1
    """What is added to the device's number of a new row to make its number for the ACS."""
    values_per_call: Annotated[int, Between(0, 100_000)] = 0
    """Paths in one GetValues at most; 0: any number."""
    attributes_per_call: Annotated[int, Between(0, 100_000)] = 500
    """Paths in one GetAttributes or SetAttributes at most; 0: any number."""


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that may stand in a configuration file."""

    acs: AcsSettings
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    connection_request: ConnectionRequestSettings = field(default_factory=ConnectionRequestSettings)
    upnp: UpnpSettings = field(default_factory=UpnpSettings)
    firmware: FirmwareSettings = field(default_factory=FirmwareSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    log: LogSettings = field(default_factory=LogSettings)
    status: StatusSettings = field(default_factory=StatusSettings)
    data_models: tuple[DataModelSettings, ...] = ()
    devices: tuple[DeviceSettings, ...] = ()


class SettingsError(ProxierError):
    """The configuration cannot be used; the text has one line for each problem."""

    exit_code = 2

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = problems
        super().__init__("\n".join(self._line(problem) for problem in problems))

    def _line(self, problem: Problem) -> str:
        place = f"{self.path}:{problem.line}" if problem.line else str(self.path)
        return f"{place}: {problem.key} {problem.words}" if problem.key else f"{place}: {problem.words}"


def find_config(environment: Mapping[str, str] = os.environ) -> Path:
    """The configuration file to use when none is named; it need not exist."""
    if named := environment.get(CONFIG_VARIABLE):
        return Path(named)
    here = Path(CONFIG_NAME)
    return here if here.exists() else SYSTEM_CONFIG


def load(path: Path) -> Settings:
    """Read a configuration file.

    Raises:
        SettingsError: the file cannot be read, is no TOML, or says something that it may not.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(path, [Problem("", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise SettingsError(path, [Problem("", "is not UTF-8")]) from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        named = re.search(r"at line (\d+)", str(error))
        line = int(named[1]) if named else line_of_last_statement(text)
        raise SettingsError(path, [Problem("", f"is no TOML: {error}", line)]) from error
    reader = Reader(path.absolute().parent)
    settings = reader.settings(Settings, document)
    problems = [*reader.problems]
    if settings.acs.client_key and not settings.acs.client_certificate:
        problems.append(Problem("acs.client_key", "is of no use without acs.client_certificate"))
    if settings.status.host and not settings.status.password and not is_loopback(settings.status.host):
        words = f"is needed, as status.host is {settings.status.host}, which is not a loopback address"
        problems.append(Problem("status.password", words))
    if problems:
        problems = [problem._replace(line=line_of(problem, text)) for problem in problems]
        raise SettingsError(path, sorted(problems, key=lambda problem: problem.line or 0))
    return settings


def in_force(settings: Settings) -> str:
    """The settings as a configuration file that leaves nothing out, with secrets masked."""
    sections: list[str] = []
    for section in fields(settings):
        value = getattr(settings, section.name)
        if isinstance(value, tuple):
            sections += [f"[[{section.name}]]\n{_keys_in_force(each)}" for each in value]
        else:
            sections += _sections_in_force(section.name, value)
    return "\n".join(sections)


def _sections_in_force(name: str, section: Any) -> list[str]:
    inner = [key.name for key in fields(section) if isinstance(getattr(section, key.name), Struct)]
    return [
        f"[{name}]\n{_keys_in_force(section)}",
        *(each for key in inner for each in _sections_in_force(f"{name}.{key}", getattr(section, key))),
    ]


def _keys_in_force(section: Any) -> str:
    values = ((key, getattr(section, key.name)) for key in fields(section))
    return "".join(
        # Among these types JSON and TOML differ only in the character DEL, which no value may have.
        f"{key.name} = {json.dumps(MASK if value and is_secret(key.name) else value, ensure_ascii=False)}\n"
        for key, value in values
        if not isinstance(value, Struct)
    )
