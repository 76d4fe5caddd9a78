"""What went over the wire between the ACS and its devices, in words for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cwmp_client.messages import (
    Fault,
    GetParameterAttributesResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValuesResponse,
    GetRPCMethodsResponse,
    Inform,
    Message,
    ParameterValueStruct,
    SetParameterValues,
    TransferComplete,
    is_secret,
)

_SHOWN = 4
"""How many members of a list a summary shows."""


class Direction(StrEnum):
    """Who speaks to whom."""

    FROM_CPE = "CPE → ACS"
    TO_CPE = "ACS → CPE"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message, or one thing that happened in its place; `device_id` is empty where nobody knows it."""

    at: datetime
    device_id: str
    direction: Direction
    name: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S.%f}  {self.direction}  {self.device_id}  {self.name}  {self.text}".rstrip()


class Record:
    """Everything that is kept of what went over the wire, and who wants to hear of it at once."""

    def __init__(self) -> None:
        self.transcript: list[Exchange] = []
        self.violations: list[str] = []
        self.exchange_callbacks: list[Callable[[Exchange], None]] = []
        self.envelope_callbacks: list[Callable[[Direction, bytes], None]] = []

    def note(self, device_id: str, direction: Direction, name: str, text: str = "") -> None:
        """Add a line to the transcript."""
        exchange = Exchange(datetime.now(UTC), device_id, direction, name, text)
        self.transcript.append(exchange)
        for callback in self.exchange_callbacks:
            callback(exchange)

    def envelope(self, direction: Direction, body: bytes) -> None:
        """Show the bytes of an envelope."""
        for callback in self.envelope_callbacks:
            callback(direction, body)

    def complain(self, device_id: str, text: str) -> None:
        """Keep a departure from the rules; `device_id` is empty where nobody knows whose it is."""
        self.violations.append(f"{device_id or 'somebody'}: {text}")


def summary(message: Message) -> str:  # noqa: PLR0911 - one return per row of the match
    """Say in a few words what a message holds; passwords are left out."""
    match message:
        case Inform():
            return _some(event.event_code for event in message.event)
        case Fault():
            names = _some(fault.parameter_name for fault in message.set_parameter_values_faults)
            return f"{message.fault_code} {message.fault_string} {names}".strip()
        case SetParameterValues() | GetParameterValuesResponse():
            return _some(_assignment(parameter) for parameter in message.parameter_list)
        case GetParameterNames():
            return f"{message.parameter_path!r} {'next level' if message.next_level else 'all levels'}"
        case GetParameterNamesResponse() | GetParameterAttributesResponse():
            return _some(member.name for member in message.parameter_list)
        case GetRPCMethodsResponse():
            return _some(message.method_list)
        case TransferComplete():
            fault = message.fault_struct
            return (
                f"CommandKey {message.command_key!r}, fault {fault.fault_code} {fault.fault_string}".rstrip()
            )
        case _:
            shown = (name for name in message.__struct_fields__ if not is_secret(name))
            return ", ".join(f"{name} {_short(getattr(message, name))}" for name in shown)


def _assignment(parameter: ParameterValueStruct) -> str:
    value = "…" if parameter.name.endswith("Password") else _short(parameter.value)
    return f"{parameter.name} = {value}"


def _some(members: Iterable[str]) -> str:
    texts = list(members)
    rest = f", and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + rest


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
