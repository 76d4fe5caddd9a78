"""What a CPE asks of an ACS, with the answers."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from cwmp_client.messages.rpcs_of_acs import GetRPCMethods, GetRPCMethodsResponse
from cwmp_client.messages.structs import (
    ArgStruct,
    AutonOpResultStruct,
    DeviceIdStruct,
    EventStruct,
    FaultStruct,
    OpResultStruct,
    ParameterValueStruct,
)


class Inform(Struct, frozen=True):
    """Opens every session. Source: TR-069 A.3.3.1"""

    device_id: DeviceIdStruct
    event: tuple[EventStruct, ...]
    current_time: str
    retry_count: int
    parameter_list: tuple[ParameterValueStruct, ...]
    max_envelopes: int = 1


class InformResponse(Struct, frozen=True):
    """Source: TR-069 A.3.3.1"""

    max_envelopes: int = 1


class TransferComplete(Struct, frozen=True):
    """Source: TR-069 A.3.3.2"""

    command_key: str
    fault_struct: FaultStruct
    start_time: str
    complete_time: str


class TransferCompleteResponse(Struct, frozen=True):
    """Source: TR-069 A.3.3.2"""


class AutonomousTransferComplete(Struct, frozen=True):
    """Source: TR-069 A.3.3.3"""

    announce_url: str
    transfer_url: str
    is_download: bool
    file_type: str
    file_size: int
    target_file_name: str
    fault_struct: FaultStruct
    start_time: str
    complete_time: str


class AutonomousTransferCompleteResponse(Struct, frozen=True):
    """Source: TR-069 A.3.3.3"""


class Kicked(Struct, frozen=True):
    """Deprecated. Source: TR-069 A.4.2.1"""

    command: str
    referer: str
    arg: str
    next: str


class KickedResponse(Struct, frozen=True):
    """Source: TR-069 A.4.2.1"""

    next_url: str


class RequestDownload(Struct, frozen=True):
    """Source: TR-069 A.4.2.2"""

    file_type: str
    file_type_arg: tuple[ArgStruct, ...] = ()


class RequestDownloadResponse(Struct, frozen=True):
    """Source: TR-069 A.4.2.2"""


class DUStateChangeComplete(Struct, frozen=True):
    """Source: TR-069 A.4.2.3"""

    results: tuple[OpResultStruct, ...]
    command_key: str = ""


class DUStateChangeCompleteResponse(Struct, frozen=True):
    """Source: TR-069 A.4.2.3"""


class AutonomousDUStateChangeComplete(Struct, frozen=True):
    """Source: TR-069 A.4.2.4"""

    results: tuple[AutonOpResultStruct, ...]


class AutonomousDUStateChangeCompleteResponse(Struct, frozen=True):
    """Source: TR-069 A.4.2.4"""


CpeRequest: TypeAlias = (
    Inform
    | TransferComplete
    | AutonomousTransferComplete
    | Kicked
    | RequestDownload
    | DUStateChangeComplete
    | AutonomousDUStateChangeComplete
    | GetRPCMethods
)
"""What a CPE may ask of an ACS."""

AcsResponse: TypeAlias = (
    InformResponse
    | TransferCompleteResponse
    | AutonomousTransferCompleteResponse
    | KickedResponse
    | RequestDownloadResponse
    | DUStateChangeCompleteResponse
    | AutonomousDUStateChangeCompleteResponse
    | GetRPCMethodsResponse
)
"""What an ACS answers to a `CpeRequest`, when it is no `Fault`."""
