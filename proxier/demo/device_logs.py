"""The logs of BasicManagement, and how they are served over HTTP. Source: BMS 2; TR-330 4.4"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from proxier.demo.device_cms import timestamp
from proxier.demo.device_control import Arguments, Call
from proxier.demo.device_errors import UpnpError
from proxier.demo.device_gena import EventSource
from proxier.demo.device_life import Life
from proxier.demo.device_profile import DeviceProfile

INVALID_VALUE, ACTION_FAILED = 600, 501
BLOCK = b"".join(b"2024-05-01T10:00:00Z simulated[1]: line %05d\n" % number for number in range(1424))


@dataclass(eq=False)
class Log:
    """One log; one that is not persistent is empty after a start of the device."""

    name: str
    size: int
    configurable: bool = True
    enabled: bool = True
    level: str = "Informational"
    persistent: bool = True
    max_size: int = 64 * 2**20
    last_change: str = field(default_factory=timestamp)

    @property
    def uri(self) -> str:
        """What the log goes by in the actions."""
        return f"urn:example:log:{self.name}"

    def content(self) -> Iterator[bytes]:
        """What the log says, in blocks."""
        whole, rest = divmod(self.size, len(BLOCK))
        for _ in range(whole):
            yield BLOCK
        yield BLOCK[:rest]


class Logs:
    """The logs of a device, by name."""

    def __init__(self, profile: DeviceProfile, events: EventSource, life: Life) -> None:
        self._logs: dict[str, Log] = {}
        self._events = events
        self._life = life
        self.add(Log("system", profile.log_bytes))
        self.add(Log("events", 128, configurable=False, persistent=False))
        self.actions: Mapping[str, Call] = {
            "GetLogURIs": lambda _: {"LogURIs": events.values["LogURIs"]},
            "GetLogInfo": self._get_log_info,
            "SetLogInfo": self._set_log_info,
        }

    def __getitem__(self, name: str) -> Log:
        return self._logs[name]

    def add(self, log: Log) -> None:
        """Adds a log, as a device may do at any time."""
        self._logs[log.name] = log
        self._show()

    def remove(self, name: str) -> None:
        """Removes a log."""
        del self._logs[name]
        self._show()

    def power_off(self) -> None:
        """Empties what does not outlive the power."""
        for log in self._logs.values():
            if not log.persistent:
                log.size, log.last_change = 0, timestamp()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answers a GET of a log, block by block."""
        log = self._logs.get(request.match_info["name"])
        if log is None:
            raise web.HTTPNotFound
        response = web.StreamResponse(headers={"CONTENT-TYPE": "text/plain", "CONTENT-LENGTH": str(log.size)})
        await response.prepare(request)
        for block in log.content():
            await response.write(block)
        await response.write_eof()
        return response

    def _show(self) -> None:
        self._events.set(LogURIs=",".join(log.uri for log in self._logs.values()))

    def _log(self, arguments: Arguments) -> Log:
        for log in self._logs.values():
            if log.uri == arguments["LogURI"]:
                return log
        raise UpnpError(INVALID_VALUE)

    def _get_log_info(self, arguments: Arguments) -> Arguments:
        log = self._log(arguments)
        return {
            "Configurable": str(int(log.configurable)),
            "Enabled": str(int(log.enabled)),
            "LogLevel": log.level,
            "LogURL": f"{self._life.base_url}/log/{log.name}",
            "MaxSize": str(log.max_size),
            "LastChange": log.last_change,
        }

    def _set_log_info(self, arguments: Arguments) -> Arguments:
        log = self._log(arguments)
        if not log.configurable:
            raise UpnpError(ACTION_FAILED)
        log.enabled, log.level = arguments["Enabled"] == "1", arguments["LogLevel"]
        return {}
