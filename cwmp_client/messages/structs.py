"""The parts that messages are made of: structures, event codes, the two special times."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from cwmp_client.messages.concealing import Concealing

UNKNOWN_TIME = "0001-01-01T00:00:00Z"
"""What a dateTime says when the time is not known. Source: TR-106 3.2.2"""

INFINITE_TIME = "9999-12-31T23:59:59Z"
"""What a dateTime says for never. Source: TR-106 3.2.2"""


class EventCode(StrEnum):
    """The event codes of an Inform. Source: TR-069 3.7.1.5"""

    BOOTSTRAP = "0 BOOTSTRAP"
    BOOT = "1 BOOT"
    PERIODIC = "2 PERIODIC"
    SCHEDULED = "3 SCHEDULED"
    VALUE_CHANGE = "4 VALUE CHANGE"
    KICKED = "5 KICKED"
    CONNECTION_REQUEST = "6 CONNECTION REQUEST"
    TRANSFER_COMPLETE = "7 TRANSFER COMPLETE"
    DIAGNOSTICS_COMPLETE = "8 DIAGNOSTICS COMPLETE"
    REQUEST_DOWNLOAD = "9 REQUEST DOWNLOAD"
    AUTONOMOUS_TRANSFER_COMPLETE = "10 AUTONOMOUS TRANSFER COMPLETE"
    DU_STATE_CHANGE_COMPLETE = "11 DU STATE CHANGE COMPLETE"
    AUTONOMOUS_DU_STATE_CHANGE_COMPLETE = "12 AUTONOMOUS DU STATE CHANGE COMPLETE"
    WAKEUP = "13 WAKEUP"
    HEARTBEAT = "14 HEARTBEAT"
    M_REBOOT = "M Reboot"
    M_SCHEDULE_INFORM = "M ScheduleInform"
    M_DOWNLOAD = "M Download"
    M_SCHEDULE_DOWNLOAD = "M ScheduleDownload"
    M_UPLOAD = "M Upload"
    M_CHANGE_DU_STATE = "M ChangeDUState"


class DeviceIdStruct(Struct, frozen=True):
    """Who sends an Inform. Source: TR-069 A.3.3.1"""

    manufacturer: str
    oui: str
    product_class: str
    serial_number: str


class EventStruct(Struct, frozen=True):
    """One event; the CommandKey is empty except on the M events. Source: TR-069 A.3.3.1"""

    event_code: str
    command_key: str = ""


class ParameterValueStruct(NamedTuple):
    """A parameter, its value as text, and its XML Schema type, empty where a sender did not say it.

    Source: TR-069 A.3.2.1
    """

    name: str
    value: str
    type: str = "string"


class ParameterInfoStruct(NamedTuple):
    """A parameter, or an object whose name ends in a dot. Source: TR-069 A.3.2.3"""

    name: str
    writable: bool


class ParameterAttributeStruct(NamedTuple):
    """A parameter's notification, 0 to 6, and who may write it beside the ACS. Source: TR-069 A.3.2.5"""

    name: str
    notification: int
    access_list: tuple[str, ...] = ()


class SetParameterAttributesStruct(Struct, frozen=True):
    """What is to change of one parameter's, or one subtree's, attributes. Source: TR-069 A.3.2.4"""

    name: str
    notification_change: bool
    notification: int
    access_list_change: bool = False
    access_list: tuple[str, ...] = ()


class FaultStruct(Struct, frozen=True):
    """How a transfer or an operation ended; code 0 is success. Source: TR-069 A.3.3.2"""

    fault_code: int = 0
    fault_string: str = ""


class QueuedTransferStruct(Struct, frozen=True):
    """A queued transfer; state 1 not started, 2 in progress, 3 completed. Source: TR-069 A.4.1.1"""

    command_key: str
    state: int


class AllQueuedTransferStruct(Struct, frozen=True):
    """A queued transfer of any origin; sizes in bytes. Source: TR-069 A.4.1.7"""

    command_key: str
    state: int
    is_download: bool
    file_type: str
    file_size: int
    target_file_name: str


class TimeWindowStruct(Struct, frozen=True):
    """When a ScheduleDownload may run, in seconds after its receipt. Source: TR-069 A.4.1.8"""

    window_start: int
    window_end: int
    window_mode: str
    user_message: str
    max_retries: int


class ArgStruct(Struct, frozen=True):
    """One argument of a RequestDownload. Source: TR-069 A.4.2.2"""

    name: str
    value: str


class InstallOpStruct(Concealing, frozen=True):
    """Install a deployment unit. Source: TR-069 A.4.1.10"""

    url: str
    uuid: str = ""
    username: str = ""
    password: str = ""
    execution_env_ref: str = ""


class UpdateOpStruct(Concealing, frozen=True):
    """Update a deployment unit, or all of them. Source: TR-069 A.4.1.10"""

    uuid: str = ""
    version: str = ""
    url: str = ""
    username: str = ""
    password: str = ""


class UninstallOpStruct(Struct, frozen=True):
    """Take a deployment unit away. Source: TR-069 A.4.1.10"""

    uuid: str
    version: str = ""
    execution_env_ref: str = ""


OperationStruct: TypeAlias = InstallOpStruct | UpdateOpStruct | UninstallOpStruct


class OpResultStruct(Struct, frozen=True):
    """What became of one operation of a ChangeDUState. Source: TR-069 A.4.2.3"""

    uuid: str
    deployment_unit_ref: str
    version: str
    current_state: str
    resolved: bool
    execution_unit_ref_list: str
    start_time: str
    complete_time: str
    fault: FaultStruct


class AutonOpResultStruct(Struct, frozen=True):
    """What became of an operation that the ACS did not ask for. Source: TR-069 A.4.2.4"""

    uuid: str
    deployment_unit_ref: str
    version: str
    current_state: str
    resolved: bool
    execution_unit_ref_list: str
    start_time: str
    complete_time: str
    fault: FaultStruct
    operation_performed: str
