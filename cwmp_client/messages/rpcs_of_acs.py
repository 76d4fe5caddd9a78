"""What an ACS asks of a CPE, with the answers, and what both may say."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from cwmp_client.messages.concealing import Concealing
from cwmp_client.messages.structs import (
    UNKNOWN_TIME,
    AllQueuedTransferStruct,
    OperationStruct,
    ParameterAttributeStruct,
    ParameterInfoStruct,
    ParameterValueStruct,
    QueuedTransferStruct,
    SetParameterAttributesStruct,
    TimeWindowStruct,
)


class GetRPCMethods(Struct, frozen=True):
    """Which methods do you know? Source: TR-069 A.3.1.1"""


class GetRPCMethodsResponse(Struct, frozen=True):
    """Source: TR-069 A.3.1.1"""

    method_list: tuple[str, ...]


class SetParameterValuesFault(Struct, frozen=True):
    """Source: TR-069 A.5, inside Fault"""

    parameter_name: str
    fault_code: int
    fault_string: str = ""


class Fault(Struct, frozen=True):
    """The answer to any request that failed, in both directions. Source: TR-069 3.5"""

    fault_code: int
    fault_string: str = ""
    set_parameter_values_faults: tuple[SetParameterValuesFault, ...] = ()


class SetParameterValues(Struct, frozen=True):
    """Source: TR-069 A.3.2.1"""

    parameter_list: tuple[ParameterValueStruct, ...]
    parameter_key: str = ""


class SetParameterValuesResponse(Struct, frozen=True):
    """Status 0: applied; 1: committed, applied later. Source: TR-069 A.3.2.1"""

    status: int


class GetParameterValues(Struct, frozen=True):
    """Source: TR-069 A.3.2.2"""

    parameter_names: tuple[str, ...]


class GetParameterValuesResponse(Struct, frozen=True):
    """Source: TR-069 A.3.2.2"""

    parameter_list: tuple[ParameterValueStruct, ...]


class GetParameterNames(Struct, frozen=True):
    """Source: TR-069 A.3.2.3"""

    parameter_path: str
    next_level: bool


class GetParameterNamesResponse(Struct, frozen=True):
    """Source: TR-069 A.3.2.3"""

    parameter_list: tuple[ParameterInfoStruct, ...]


class SetParameterAttributes(Struct, frozen=True):
    """Source: TR-069 A.3.2.4"""

    parameter_list: tuple[SetParameterAttributesStruct, ...]


class SetParameterAttributesResponse(Struct, frozen=True):
    """Source: TR-069 A.3.2.4"""


class GetParameterAttributes(Struct, frozen=True):
    """Source: TR-069 A.3.2.5"""

    parameter_names: tuple[str, ...]


class GetParameterAttributesResponse(Struct, frozen=True):
    """Source: TR-069 A.3.2.5"""

    parameter_list: tuple[ParameterAttributeStruct, ...]


class AddObject(Struct, frozen=True):
    """Source: TR-069 A.3.2.6"""

    object_name: str
    parameter_key: str = ""


class AddObjectResponse(Struct, frozen=True):
    """Source: TR-069 A.3.2.6"""

    instance_number: int
    status: int


class DeleteObject(Struct, frozen=True):
    """Source: TR-069 A.3.2.7"""

    object_name: str
    parameter_key: str = ""


class DeleteObjectResponse(Struct, frozen=True):
    """Source: TR-069 A.3.2.7"""

    status: int


class Download(Concealing, frozen=True):
    """`file_size` in bytes, 0 when unknown; `delay_seconds` in seconds. Source: TR-069 A.3.2.8"""

    command_key: str
    file_type: str
    url: str
    username: str = ""
    password: str = ""
    file_size: int = 0
    target_file_name: str = ""
    delay_seconds: int = 0
    success_url: str = ""
    failure_url: str = ""


class DownloadResponse(Struct, frozen=True):
    """Status 1: a TransferComplete follows. Source: TR-069 A.3.2.8"""

    status: int
    start_time: str = UNKNOWN_TIME
    complete_time: str = UNKNOWN_TIME


class Reboot(Struct, frozen=True):
    """Source: TR-069 A.3.2.9"""

    command_key: str


class RebootResponse(Struct, frozen=True):
    """Source: TR-069 A.3.2.9"""


class GetQueuedTransfers(Struct, frozen=True):
    """Source: TR-069 A.4.1.1"""


class GetQueuedTransfersResponse(Struct, frozen=True):
    """Source: TR-069 A.4.1.1"""

    transfer_list: tuple[QueuedTransferStruct, ...]


class ScheduleInform(Struct, frozen=True):
    """Source: TR-069 A.4.1.2"""

    delay_seconds: int
    command_key: str


class ScheduleInformResponse(Struct, frozen=True):
    """Source: TR-069 A.4.1.2"""


class Upload(Concealing, frozen=True):
    """`delay_seconds` in seconds. Source: TR-069 A.4.1.5"""

    command_key: str
    file_type: str
    url: str
    username: str = ""
    password: str = ""
    delay_seconds: int = 0


class UploadResponse(Struct, frozen=True):
    """Status 1: a TransferComplete follows. Source: TR-069 A.4.1.5"""

    status: int
    start_time: str = UNKNOWN_TIME
    complete_time: str = UNKNOWN_TIME


class FactoryReset(Struct, frozen=True):
    """Source: TR-069 A.4.1.6"""


class FactoryResetResponse(Struct, frozen=True):
    """Source: TR-069 A.4.1.6"""


class GetAllQueuedTransfers(Struct, frozen=True):
    """Source: TR-069 A.4.1.7"""


class GetAllQueuedTransfersResponse(Struct, frozen=True):
    """Source: TR-069 A.4.1.7"""

    transfer_list: tuple[AllQueuedTransferStruct, ...]


class ScheduleDownload(Concealing, frozen=True):
    """`file_size` in bytes, 0 when unknown. Source: TR-069 A.4.1.8"""

    command_key: str
    file_type: str
    url: str
    username: str
    password: str
    file_size: int
    target_file_name: str
    time_window_list: tuple[TimeWindowStruct, ...]


class ScheduleDownloadResponse(Struct, frozen=True):
    """Source: TR-069 A.4.1.8"""


class CancelTransfer(Struct, frozen=True):
    """Source: TR-069 A.4.1.9"""

    command_key: str


class CancelTransferResponse(Struct, frozen=True):
    """Source: TR-069 A.4.1.9"""


class ChangeDUState(Struct, frozen=True):
    """Source: TR-069 A.4.1.10"""

    operations: tuple[OperationStruct, ...]
    command_key: str = ""


class ChangeDUStateResponse(Struct, frozen=True):
    """Source: TR-069 A.4.1.10"""


AcsRequest: TypeAlias = (
    GetRPCMethods
    | SetParameterValues
    | GetParameterValues
    | GetParameterNames
    | SetParameterAttributes
    | GetParameterAttributes
    | AddObject
    | DeleteObject
    | Download
    | Reboot
    | GetQueuedTransfers
    | ScheduleInform
    | Upload
    | FactoryReset
    | GetAllQueuedTransfers
    | ScheduleDownload
    | CancelTransfer
    | ChangeDUState
)
"""What an ACS may ask of a CPE."""

CpeResponse: TypeAlias = (
    GetRPCMethodsResponse
    | SetParameterValuesResponse
    | GetParameterValuesResponse
    | GetParameterNamesResponse
    | SetParameterAttributesResponse
    | GetParameterAttributesResponse
    | AddObjectResponse
    | DeleteObjectResponse
    | DownloadResponse
    | RebootResponse
    | GetQueuedTransfersResponse
    | ScheduleInformResponse
    | UploadResponse
    | FactoryResetResponse
    | GetAllQueuedTransfersResponse
    | ScheduleDownloadResponse
    | CancelTransferResponse
    | ChangeDUStateResponse
)
"""What a CPE answers to an `AcsRequest`, when it is no `Fault`."""
