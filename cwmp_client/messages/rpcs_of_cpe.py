"""What a CPE asks of an ACS, with the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

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


@dataclass(frozen=True, slots=True)
class Inform:
    """Opens every session. Source: TR-069 A.3.3.1"""

    device_id: DeviceIdStruct
    event: tuple[EventStruct, ...]
    current_time: str
    retry_count: int
    parameter_list: tuple[ParameterValueStruct, ...]
    max_envelopes: int = 1


@dataclass(frozen=True, slots=True)
class InformResponse:
    """Source: TR-069 A.3.3.1"""

    max_envelopes: int = 1


@dataclass(frozen=True, slots=True)
class TransferComplete:
    """Source: TR-069 A.3.3.2"""

    command_key: str
    fault_struct: FaultStruct
    start_time: str
    complete_time: str


@dataclass(frozen=True, slots=True)
class TransferCompleteResponse:
    """Source: TR-069 A.3.3.2"""


@dataclass(frozen=True, slots=True)
class AutonomousTransferComplete:
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


@dataclass(frozen=True, slots=True)
class AutonomousTransferCompleteResponse:
    """Source: TR-069 A.3.3.3"""


@dataclass(frozen=True, slots=True)
class Kicked:
    """Deprecated. Source: TR-069 A.4.2.1"""

    command: str
    referer: str
    arg: str
    next: str


@dataclass(frozen=True, slots=True)
class KickedResponse:
    """Source: TR-069 A.4.2.1"""

    next_url: str


@dataclass(frozen=True, slots=True)
class RequestDownload:
    """Source: TR-069 A.4.2.2"""

    file_type: str
    file_type_arg: tuple[ArgStruct, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestDownloadResponse:
    """Source: TR-069 A.4.2.2"""


@dataclass(frozen=True, slots=True)
class DUStateChangeComplete:
    """Source: TR-069 A.4.2.3"""

    results: tuple[OpResultStruct, ...]
    command_key: str = ""


@dataclass(frozen=True, slots=True)
class DUStateChangeCompleteResponse:
    """Source: TR-069 A.4.2.3"""


@dataclass(frozen=True, slots=True)
class AutonomousDUStateChangeComplete:
    """Source: TR-069 A.4.2.4"""

    results: tuple[AutonOpResultStruct, ...]


@dataclass(frozen=True, slots=True)
class AutonomousDUStateChangeCompleteResponse:
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
