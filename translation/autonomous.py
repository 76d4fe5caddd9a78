"""Operations that another control point has asked for: what the ACS is told of them, and its policy.

Source: TR-330 4.7.1.3; TR-069 A.3.3.3, A.4.2.4; TR-181 2.17, ManagementServer
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import asdict

from cwmp_client.messages import (
    AllQueuedTransferStruct,
    AutonomousDUStateChangeComplete,
    AutonomousTransferComplete,
    AutonOpResultStruct,
    EventCode,
    EventStruct,
)
from translation.firmware import FILE_TYPE, transfer_fault, utc
from translation.operations import Report
from translation.service_parameters import ServiceParameter
from translation.software_modules import UNIT_FAULTS, op_result, unit_fault
from translation.software_operation import Result
from translation.units import KnownUnits

MANAGEMENT_SERVER = "Device.ManagementServer."

TRANSFERS = "AutonomousTransferCompletePolicy."
CHANGES = "DUStateChangeComplPolicy."
ENABLE = "Enable"
TRANSFER_TYPES = "TransferTypeFilter"
RESULT_TYPES = "ResultTypeFilter"
FILE_TYPES = "FileTypeFilter"
OPERATION_TYPES = "OperationTypeFilter"
FAULT_CODES = "FaultCodeFilter"

BOTH = "Both"

MAX_URL = 1024
"""Of TransferURL, in characters. Source: TR-069 A.3.3.3"""


class PolicyParameter(NamedTuple):
    """One parameter of a policy: its name below ManagementServer, its type, what it may be, and is at first.

    A string is one of the texts that match the pattern, or a comma list of them.
    """

    name: str
    default: str
    type: str = "string"
    pattern: str = ""
    is_list: bool = False
    max_length: int = 256

    def canonical(self, text: str) -> str:
        """A new value as it is kept.

        Raises:
            ValueError: it is not allowed.
        """
        if self.type == "boolean":
            booleans = {"1": "true", "true": "true", "0": "false", "false": "false"}
            if text.strip().lower() not in booleans:
                raise ValueError("not a boolean")
            return booleans[text.strip().lower()]
        if len(text) > self.max_length:
            raise ValueError(f"longer than {self.max_length} characters")
        items = items_of(text) if self.is_list else [text]
        for item in items:
            if not re.fullmatch(self.pattern, item):
                raise ValueError(f"{item[:64]!r} is not allowed")
        return ",".join(items)


_RESULTS = "Success|Failure|Both"
_FILE_TYPES = (
    "1 Firmware Upgrade Image|2 Web Content|3 Vendor Configuration File|4 Vendor Log File|X [0-9A-F]{6} .*"
)
_CODES = tuple(str(code) for code in sorted(UNIT_FAULTS))

POLICY = (
    PolicyParameter(f"{TRANSFERS}{ENABLE}", "true", "boolean"),
    PolicyParameter(f"{TRANSFERS}{TRANSFER_TYPES}", BOTH, pattern="Upload|Download|Both"),
    PolicyParameter(f"{TRANSFERS}{RESULT_TYPES}", BOTH, pattern=_RESULTS),
    PolicyParameter(
        f"{TRANSFERS}{FILE_TYPES}", FILE_TYPE, pattern=_FILE_TYPES, is_list=True, max_length=1024
    ),
    PolicyParameter(f"{CHANGES}{ENABLE}", "true", "boolean"),
    PolicyParameter(
        f"{CHANGES}{OPERATION_TYPES}",
        "Install,Update,Uninstall",
        pattern="Install|Update|Uninstall",
        is_list=True,
    ),
    PolicyParameter(f"{CHANGES}{RESULT_TYPES}", BOTH, pattern=_RESULTS),
    PolicyParameter(f"{CHANGES}{FAULT_CODES}", ",".join(_CODES), pattern="|".join(_CODES), is_list=True),
)
"""Everything is reported until the ACS wants less. Source: TR-181 2.17, ManagementServer"""

DEFAULTS: Mapping[str, str] = {each.name: each.default for each in POLICY}


def policy_parameters(policy: Mapping[str, str]) -> Iterator[ServiceParameter]:
    """The policies, in the order of TR-181; `policy` is what the ACS has set."""
    for each in POLICY:
        value = policy.get(each.name, each.default)
        yield ServiceParameter(MANAGEMENT_SERVER + each.name, value, each.type, writable=True)


def items_of(text: str) -> list[str]:
    """The items of a list. Source: TR-106 3.2.3"""
    return [item.strip() for item in text.split(",") if item.strip()]


def autonomous_reports(result: Result, known: KnownUnits, policy: Mapping[str, str]) -> tuple[Report, ...]:
    """What the ACS is told of an operation that it has not asked for, if it wants to know."""
    if result.subject.is_firmware:
        return _transfer(result) if _wants_transfer(result, policy) else ()
    return _change(result, known) if _wants_change(result, policy) else ()


def queued_transfer() -> AllQueuedTransferStruct:
    """An update of the firmware by somebody else, in the answer of GetAllQueuedTransfers."""
    return AllQueuedTransferStruct(
        "", 2, is_download=True, file_type=FILE_TYPE, file_size=0, target_file_name=""
    )


def _transfer(result: Result) -> tuple[Report, ...]:
    """Source: TR-330 4.7.1.3"""
    request = AutonomousTransferComplete(
        announce_url="",
        transfer_url=result.image_url if len(result.image_url) <= MAX_URL else "",
        is_download=True,
        file_type=FILE_TYPE,
        file_size=result.image_size,
        target_file_name="",
        fault_struct=transfer_fault(result),
        start_time=utc(result.started),
        complete_time=utc(result.completed),
    )
    return (Report((EventStruct(EventCode.AUTONOMOUS_TRANSFER_COMPLETE),), (request,)),)


def _change(result: Result, known: KnownUnits) -> tuple[Report, ...]:
    """Source: TR-069 A.4.2.4"""
    fields = asdict(op_result(result, known)) | {"fault": unit_fault(result)}
    told = AutonOpResultStruct(**fields, operation_performed=result.subject.action)
    event = EventStruct(EventCode.AUTONOMOUS_DU_STATE_CHANGE_COMPLETE)
    return (Report((event,), (AutonomousDUStateChangeComplete((told,)),)),)


def _wants_transfer(result: Result, policy: Mapping[str, str]) -> bool:
    """Source: TR-330 4.7.1.3, where FileTypeFilter is called ResultTypeFilter by mistake."""
    of = _policy_of(policy, TRANSFERS)
    return (
        of[ENABLE] == "true"
        and of[TRANSFER_TYPES] in {"Download", BOTH}
        and _wants_result(result, of[RESULT_TYPES])
        and FILE_TYPE in items_of(of[FILE_TYPES])
    )


def _wants_change(result: Result, policy: Mapping[str, str]) -> bool:
    """Source: TR-181 2.17, DUStateChangeComplPolicy"""
    of = _policy_of(policy, CHANGES)
    code = str(int(unit_fault(result).fault_code))
    return (
        of[ENABLE] == "true"
        and result.subject.action in items_of(of[OPERATION_TYPES])
        and _wants_result(result, of[RESULT_TYPES])
        and (result.is_success or code in items_of(of[FAULT_CODES]))
    )


def _wants_result(result: Result, wanted: str) -> bool:
    return wanted in {BOTH, "Success" if result.is_success else "Failure"}


def _policy_of(policy: Mapping[str, str], which: str) -> Mapping[str, str]:
    values = {**DEFAULTS, **policy}
    return {name.removeprefix(which): text for name, text in values.items() if name.startswith(which)}
