"""The errors of UPnP as the faults of CWMP: Tables 2 and 3 of TR-330."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cwmp_client.faults import CwmpFault, FaultCode, ParameterFault
from translation.actions import ActionError


class ErrorRow(NamedTuple):
    """One row of Table 2: UPnP error codes from `first` to `last`, and the fault that they mean."""

    first: int
    last: int
    description: str
    fault: FaultCode


TABLE_2 = (
    ErrorRow(401, 401, "Invalid Action", FaultCode.REQUEST_DENIED),
    ErrorRow(402, 402, "Invalid Args", FaultCode.INVALID_ARGUMENTS),
    ErrorRow(501, 501, "Action Failed", FaultCode.REQUEST_DENIED),
    ErrorRow(600, 600, "Argument Value Invalid", FaultCode.INVALID_ARGUMENTS),
    ErrorRow(601, 601, "Argument Value Out of Range", FaultCode.INVALID_ARGUMENTS),
    ErrorRow(602, 602, "Optional Action Not Implemented", FaultCode.REQUEST_DENIED),
    ErrorRow(603, 603, "Out of Memory", FaultCode.RESOURCES_EXCEEDED),
    ErrorRow(604, 604, "Human Intervention Required", FaultCode.REQUEST_DENIED),
    ErrorRow(605, 605, "String Argument Too Long", FaultCode.INVALID_ARGUMENTS),
    # Table 2 gives 606 a row of its own and counts it to the reserved codes as well; its own row holds.
    ErrorRow(606, 606, "Action not authorized", FaultCode.INTERNAL_ERROR),
    ErrorRow(607, 612, "Reserved (for DeviceSecurity)", FaultCode.REQUEST_DENIED),
    ErrorRow(613, 699, "TBD", FaultCode.REQUEST_DENIED),
    ErrorRow(701, 701, "Invalid Argument Syntax", FaultCode.INVALID_ARGUMENTS),
    ErrorRow(702, 702, "Invalid XML Argument", FaultCode.INVALID_ARGUMENTS),
    ErrorRow(703, 703, "No Such Name", FaultCode.INVALID_PARAMETER_NAME),
    ErrorRow(704, 704, "Invalid Value Type", FaultCode.INVALID_PARAMETER_TYPE),
    ErrorRow(705, 705, "Invalid Value", FaultCode.INVALID_PARAMETER_VALUE),
    ErrorRow(706, 706, "Read Only Violation", FaultCode.PARAMETER_NOT_WRITABLE),
    ErrorRow(708, 708, "Resource Temporarily Unavailable", FaultCode.RESOURCES_EXCEEDED),
    ErrorRow(709, 709, "Resources Exceeded", FaultCode.RESOURCES_EXCEEDED),
    ErrorRow(800, 899, "TBD", FaultCode.REQUEST_DENIED),
)
"""What a device's refusal means to the ACS; any other code is 9001. Source: TR-330 Table 2"""

OF_ONE_PARAMETER = frozenset(
    {
        FaultCode.INVALID_PARAMETER_NAME,
        FaultCode.INVALID_PARAMETER_TYPE,
        FaultCode.INVALID_PARAMETER_VALUE,
        FaultCode.PARAMETER_NOT_WRITABLE,
    }
)
"""The faults that SetParameterValues reports for each parameter, under 9003. Source: TR-069 A.5"""

UPDATE_ERRORS: Mapping[int, FaultCode] = {
    701: FaultCode.REQUEST_DENIED,  # Invalid URI; TransferComplete does not know 9003
    702: FaultCode.REQUEST_DENIED,  # HandleDependencies request not honored
    704: FaultCode.REQUEST_DENIED,  # Already in a transitory state
    705: FaultCode.REQUEST_DENIED,  # Invalid DUID
    710: FaultCode.REQUEST_DENIED,  # NewDUURI not supported
}
"""What a refused Update of SMS means in TransferComplete. Source: TR-330 Table 3"""

OPERATION_ERRORS: Mapping[str, FaultCode | None] = {
    "Error_None": None,
    "Error_ConcurrentAccess": FaultCode.REQUEST_DENIED,
    "Error_MissingDependency": FaultCode.REQUEST_DENIED,
    "Error_Network": FaultCode.CANNOT_CONTACT_SERVER,
    "Error_CorruptedFile": FaultCode.CORRUPTED_FILE,
    # Table 3 says 9027, which TransferComplete may not carry.
    "Error_DiskFull": FaultCode.TRANSFER_FAILURE,
    "Error_Other": FaultCode.REQUEST_DENIED,
}
"""What an ErrorDescription means in TransferComplete; None: success. Source: TR-330 Table 3"""

_FAULTS = {code: row.fault for row in TABLE_2 for code in range(row.first, row.last + 1)}


def fault_code(error_code: int) -> FaultCode:
    """The fault code of a UPnP error code. Source: TR-330 Table 2"""
    return _FAULTS.get(error_code, FaultCode.REQUEST_DENIED)


def fault_of(error: ActionError) -> CwmpFault:
    """The fault of any RPC but SetParameterValues, where 9006 to 9008 do not belong and become 9003."""
    code = fault_code(error.code)
    if code in OF_ONE_PARAMETER and code is not FaultCode.INVALID_PARAMETER_NAME:
        code = FaultCode.INVALID_ARGUMENTS
    return CwmpFault(code, _text(error))


def set_fault_of(error: ActionError, names: Sequence[str]) -> CwmpFault:
    """The fault of a SetParameterValues for these names.

    The device does not say which parameter it dislikes: one name is the culprit, of several none is accused.

    Source: TR-330 4.6.4.1
    """
    code = fault_code(error.code)
    if code not in OF_ONE_PARAMETER:
        return CwmpFault(code, _text(error))
    culprits = (ParameterFault(names[0], code, _text(error)),) if len(names) == 1 else ()
    return CwmpFault(FaultCode.INVALID_ARGUMENTS, _text(error), culprits)


def _text(error: ActionError) -> str:
    return f"The device refused: {error.code} {error.description}".rstrip()
