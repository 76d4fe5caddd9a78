"""The fault codes of TR-069 and the exception that carries one to the answer of an RPC."""

from __future__ import annotations

from enum import IntEnum

from msgspec import Struct


class FaultCode(IntEnum):
    """Every fault code that a CPE may send.

    Source: TR-069 A.5.1
    """

    METHOD_NOT_SUPPORTED = 9000
    REQUEST_DENIED = 9001
    INTERNAL_ERROR = 9002
    INVALID_ARGUMENTS = 9003
    RESOURCES_EXCEEDED = 9004
    INVALID_PARAMETER_NAME = 9005
    INVALID_PARAMETER_TYPE = 9006
    INVALID_PARAMETER_VALUE = 9007
    PARAMETER_NOT_WRITABLE = 9008
    NOTIFICATION_REJECTED = 9009
    TRANSFER_FAILURE = 9010
    UPLOAD_FAILURE = 9011
    SERVER_AUTHENTICATION = 9012
    UNSUPPORTED_PROTOCOL = 9013
    CANNOT_JOIN_MULTICAST = 9014
    CANNOT_CONTACT_SERVER = 9015
    CANNOT_ACCESS_FILE = 9016
    INCOMPLETE_DOWNLOAD = 9017
    CORRUPTED_FILE = 9018
    FILE_AUTHENTICATION = 9019
    OUTSIDE_TIME_WINDOWS = 9020
    CANCEL_NOT_PERMITTED = 9021
    INVALID_UUID = 9022
    UNKNOWN_EXECUTION_ENVIRONMENT = 9023
    DISABLED_EXECUTION_ENVIRONMENT = 9024
    ENVIRONMENT_MISMATCH = 9025
    DUPLICATE_DEPLOYMENT_UNIT = 9026
    SYSTEM_RESOURCES_EXCEEDED = 9027
    UNKNOWN_DEPLOYMENT_UNIT = 9028
    INVALID_DEPLOYMENT_UNIT_STATE = 9029
    DOWNGRADE_REFUSED = 9030
    VERSION_NOT_SPECIFIED = 9031
    VERSION_EXISTS = 9032


class AcsFaultCode(IntEnum):
    """Every fault code that an ACS may send.

    Source: TR-069 A.5.2
    """

    METHOD_NOT_SUPPORTED = 8000
    REQUEST_DENIED = 8001
    INTERNAL_ERROR = 8002
    INVALID_ARGUMENTS = 8003
    RESOURCES_EXCEEDED = 8004
    RETRY_REQUEST = 8005
    INCOMPATIBLE_VERSION = 8006


class ParameterFault(Struct, frozen=True):
    """One parameter that a SetParameterValues could not set.

    Source: TR-069 A.5, SetParameterValuesFault
    """

    name: str
    code: int
    text: str = ""


class CwmpFault(Exception):
    """The one failure that an RPC knows: it becomes the SOAP fault of the answer.

    `parameters` is for SetParameterValues alone, and then `code` is 9003.

    Source: TR-069 3.5 and A.5
    """

    def __init__(self, code: int, text: str = "", parameters: tuple[ParameterFault, ...] = ()) -> None:
        super().__init__(f"{code} {text}".rstrip())
        self.code = code
        self.text = text
        self.parameters = parameters
