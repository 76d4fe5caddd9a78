"""The versions of CWMP: their namespaces, which one a session speaks, and what an older one cannot say.

Source of the code ranges: the CWMP schemas 1.0, 1.1 and 1.2 of the Broadband Forum.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from cwmp_client.faults import AcsFaultCode, FaultCode
from cwmp_client.messages import (
    AutonomousDUStateChangeComplete,
    AutonomousTransferComplete,
    DUStateChangeComplete,
    Fault,
    FaultStruct,
    GetParameterAttributesResponse,
    Inform,
    Message,
    TransferComplete,
)

NAMESPACES: Mapping[str, str] = {
    "1.0": "urn:dslforum-org:cwmp-1-0",
    "1.1": "urn:dslforum-org:cwmp-1-1",
    "1.2": "urn:dslforum-org:cwmp-1-2",
    "1.3": "urn:dslforum-org:cwmp-1-2",
    "1.4": "urn:dslforum-org:cwmp-1-2",
}
"""The namespace of each protocol version; 1.2 to 1.4 share one. Source: TR-069 3.5"""

MINORS: Mapping[str, int] = {NAMESPACES["1.0"]: 0, NAMESPACES["1.1"]: 1, NAMESPACES["1.2"]: 2}
"""The minor number of each namespace."""


def agreed_version(informed: str, use_cwmp_version: str | None, namespace: str) -> str | None:
    """The version of a session, from those of the Inform and of its answer; None if it is none that we know.

    An ACS that names no version, or an empty one, is older than 1.4, and its namespace tells the rest.
    Namespaces that do not exist, such as cwmp-1-3, are taken for the newest that does.

    Source: TR-069 3.7.4
    """
    if use_cwmp_version:
        return use_cwmp_version if use_cwmp_version in NAMESPACES else None
    candidates = [version for version in NAMESPACES if NAMESPACES[version] == namespace] or ["1.2", "1.3"]
    return max([version for version in candidates if version <= min(informed, "1.3")], default=candidates[0])


_VENDOR_CODES = (range(9800, 9900),)
_TRANSFER_CODES = (range(1), range(9001, 9003), range(9010, 9013))
_TRANSFER_FAULTS: Mapping[int, tuple[range, ...]] = {
    0: _TRANSFER_CODES,
    1: (*_TRANSFER_CODES, range(9014, 9800), *_VENDOR_CODES),
    2: (*_TRANSFER_CODES, range(9014, 9021), range(9033, 9800), *_VENDOR_CODES),
}
_OPERATION_FAULTS = (
    range(1),
    range(9001, 9002),
    range(9003, 9004),
    range(9012, 9014),
    range(9015, 9019),
    range(9022, 9800),
    *_VENDOR_CODES,
)
_RPC_FAULTS: Mapping[int, tuple[range, ...]] = {
    0: (range(8000, 8006), range(8800, 8900), range(9000, 9014), *_VENDOR_CODES),
    1: (range(8000, 8900), range(9000, 9900)),
    2: (range(8000, 8900), range(9000, 9900)),
}
_EVENT_CODE_OF_1_0 = re.compile("[0-9] .*|M (Reboot|ScheduleInform|Download|Upload|X_.*)|X [0-9A-F]{6} .*")
_NOTIFICATIONS_BEFORE_1_4 = {3: 0, 4: 1, 5: 0, 6: 1}


def _is_within(code: int, ranges: tuple[range, ...]) -> bool:
    return any(code in some for some in ranges)


def transfer_fault_code(code: int, namespace: str, *, upload: bool) -> int:
    """A fault code as a TransferComplete of that namespace may say it: others are general failures."""
    if _is_within(code, _TRANSFER_FAULTS[MINORS[namespace]]):
        return code
    return FaultCode.UPLOAD_FAILURE if upload else FaultCode.TRANSFER_FAILURE


def _rpc_fault_code(code: int, minor: int) -> int:
    if _is_within(code, _RPC_FAULTS[minor]):
        return code
    return AcsFaultCode.INTERNAL_ERROR if 8000 <= code < 9000 else FaultCode.INTERNAL_ERROR


def _operation_fault(fault: FaultStruct) -> FaultStruct:
    # 9002 is not among the codes that the schema allows here.
    if _is_within(fault.fault_code, _OPERATION_FAULTS):
        return fault
    return replace(fault, fault_code=FaultCode.REQUEST_DENIED)


def said_in(namespace: str, message: Message) -> Message:
    """A message with its codes replaced that the namespace does not have.

    Events that cwmp-1-0 cannot name are left out, and lightweight notifications shown as if they were off.
    """
    minor = MINORS[namespace]
    said = message
    match message:
        case Fault():
            said = Fault(
                _rpc_fault_code(message.fault_code, minor),
                message.fault_string,
                tuple(
                    replace(fault, fault_code=_rpc_fault_code(fault.fault_code, minor))
                    for fault in message.set_parameter_values_faults
                ),
            )
        case TransferComplete() | AutonomousTransferComplete():
            upload = isinstance(message, AutonomousTransferComplete) and not message.is_download
            code = transfer_fault_code(message.fault_struct.fault_code, namespace, upload=upload)
            said = replace(message, fault_struct=replace(message.fault_struct, fault_code=code))
        case DUStateChangeComplete():
            results = tuple(
                replace(result, fault=_operation_fault(result.fault)) for result in message.results
            )
            said = replace(message, results=results)
        case AutonomousDUStateChangeComplete():
            said = AutonomousDUStateChangeComplete(
                tuple(replace(result, fault=_operation_fault(result.fault)) for result in message.results)
            )
        case GetParameterAttributesResponse() if minor < 2:
            said = GetParameterAttributesResponse(
                tuple(
                    item._replace(
                        notification=_NOTIFICATIONS_BEFORE_1_4.get(item.notification, item.notification)
                    )
                    for item in message.parameter_list
                )
            )
        case Inform() if minor == 0:
            events = tuple(event for event in message.event if _EVENT_CODE_OF_1_0.fullmatch(event.event_code))
            said = replace(message, event=events)
    return said
