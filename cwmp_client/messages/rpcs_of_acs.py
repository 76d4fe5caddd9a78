"""What an ACS asks of a CPE, with the answers, and what both may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

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


@dataclass(frozen=True, slots=True)
class GetRPCMethods:
    """Which methods do you know? Source: TR-069 A.3.1.1"""


@dataclass(frozen=True, slots=True)
class GetRPCMethodsResponse:
    """Source: TR-069 A.3.1.1"""

    method_list: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetParameterValuesFault:
    """Source: TR-069 A.5, inside Fault"""

    parameter_name: str
    fault_code: int
    fault_string: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """The answer to any request that failed, in both directions. Source: TR-069 3.5"""

    fault_code: int
    fault_string: str = ""
    set_parameter_values_faults: tuple[SetParameterValuesFault, ...] = ()


@dataclass(frozen=True, slots=True)
class SetParameterValues:
    """Source: TR-069 A.3.2.1"""

    parameter_list: tuple[ParameterValueStruct, ...]
    parameter_key: str = ""


@dataclass(frozen=True, slots=True)
class SetParameterValuesResponse:
    """Status 0: applied; 1: committed, applied later. Source: TR-069 A.3.2.1"""

    status: int


@dataclass(frozen=True, slots=True)
class GetParameterValues:
    """Source: TR-069 A.3.2.2"""

    parameter_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GetParameterValuesResponse:
    """Source: TR-069 A.3.2.2"""

    parameter_list: tuple[ParameterValueStruct, ...]


@dataclass(frozen=True, slots=True)
class GetParameterNames:
    """Source: TR-069 A.3.2.3"""

    parameter_path: str
    next_level: bool


@dataclass(frozen=True, slots=True)
class GetParameterNamesResponse:
    """Source: TR-069 A.3.2.3"""

    parameter_list: tuple[ParameterInfoStruct, ...]


@dataclass(frozen=True, slots=True)
class SetParameterAttributes:
    """Source: TR-069 A.3.2.4"""

    parameter_list: tuple[SetParameterAttributesStruct, ...]


@dataclass(frozen=True, slots=True)
class SetParameterAttributesResponse:
    """Source: TR-069 A.3.2.4"""


@dataclass(frozen=True, slots=True)
class GetParameterAttributes:
    """Source: TR-069 A.3.2.5"""

    parameter_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GetParameterAttributesResponse:
    """Source: TR-069 A.3.2.5"""

    parameter_list: tuple[ParameterAttributeStruct, ...]


@dataclass(frozen=True, slots=True)
class AddObject:
    """Source: TR-069 A.3.2.6"""

    object_name: str
    parameter_key: str = ""


@dataclass(frozen=True, slots=True)
class AddObjectResponse:
    """Source: TR-069 A.3.2.6"""

    instance_number: int
    status: int


@dataclass(frozen=True, slots=True)
class DeleteObject:
    """Source: TR-069 A.3.2.7"""

    object_name: str
    parameter_key: str = ""


@dataclass(frozen=True, slots=True)
class DeleteObjectResponse:
    """Source: TR-069 A.3.2.7"""

    status: int


@dataclass(frozen=True, slots=True)
class Download:
    """`file_size` in bytes, 0 when unknown; `delay_seconds` in seconds. Source: TR-069 A.3.2.8"""

    command_key: str
    file_type: str
    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    file_size: int = 0
    target_file_name: str = ""
    delay_seconds: int = 0
    success_url: str = ""
    failure_url: str = ""


@dataclass(frozen=True, slots=True)
class DownloadResponse:
    """Status 1: a TransferComplete follows. Source: TR-069 A.3.2.8"""

    status: int
    start_time: str = UNKNOWN_TIME
    complete_time: str = UNKNOWN_TIME


@dataclass(frozen=True, slots=True)
class Reboot:
    """Source: TR-069 A.3.2.9"""

    command_key: str


@dataclass(frozen=True, slots=True)
class RebootResponse:
    """Source: TR-069 A.3.2.9"""


@dataclass(frozen=True, slots=True)
class GetQueuedTransfers:
    """Source: TR-069 A.4.1.1"""


@dataclass(frozen=True, slots=True)
class GetQueuedTransfersResponse:
    """Source: TR-069 A.4.1.1"""

    transfer_list: tuple[QueuedTransferStruct, ...]


@dataclass(frozen=True, slots=True)
class ScheduleInform:
    """Source: TR-069 A.4.1.2"""

    delay_seconds: int
    command_key: str


@dataclass(frozen=True, slots=True)
class ScheduleInformResponse:
    """Source: TR-069 A.4.1.2"""


@dataclass(frozen=True, slots=True)
class Upload:
    """`delay_seconds` in seconds. Source: TR-069 A.4.1.5"""

    command_key: str
    file_type: str
    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    delay_seconds: int = 0


@dataclass(frozen=True, slots=True)
class UploadResponse:
    """Status 1: a TransferComplete follows. Source: TR-069 A.4.1.5"""

    status: int
    start_time: str = UNKNOWN_TIME
    complete_time: str = UNKNOWN_TIME


@dataclass(frozen=True, slots=True)
class FactoryReset:
    """Source: TR-069 A.4.1.6"""


@dataclass(frozen=True, slots=True)
class FactoryResetResponse:
    """Source: TR-069 A.4.1.6"""


@dataclass(frozen=True, slots=True)
class GetAllQueuedTransfers:
    """Source: TR-069 A.4.1.7"""


@dataclass(frozen=True, slots=True)
class GetAllQueuedTransfersResponse:
    """Source: TR-069 A.4.1.7"""

    transfer_list: tuple[AllQueuedTransferStruct, ...]


@dataclass(frozen=True, slots=True)
class ScheduleDownload:
    """`file_size` in bytes, 0 when unknown. Source: TR-069 A.4.1.8"""

    command_key: str
    file_type: str
    url: str
    username: str
    password: str = field(repr=False)
    file_size: int
    target_file_name: str
    time_window_list: tuple[TimeWindowStruct, ...]


@dataclass(frozen=True, slots=True)
class ScheduleDownloadResponse:
    """Source: TR-069 A.4.1.8"""


@dataclass(frozen=True, slots=True)
class CancelTransfer:
    """Source: TR-069 A.4.1.9"""

    command_key: str


@dataclass(frozen=True, slots=True)
class CancelTransferResponse:
    """Source: TR-069 A.4.1.9"""


@dataclass(frozen=True, slots=True)
class ChangeDUState:
    """Source: TR-069 A.4.1.10"""

    operations: tuple[OperationStruct, ...]
    command_key: str = ""


@dataclass(frozen=True, slots=True)
class ChangeDUStateResponse:
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
