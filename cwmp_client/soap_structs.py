"""The kinds, structures and elements that the messages of `soap_schema` are made of.

Names in capitals; lengths and bounds are those of the schemas. Text that may be cut is `Text`; names, codes
and addresses are `Token`, since a part of one would be another one.

Source: the CWMP schemas 1.0, 1.1 and 1.2 of the Broadband Forum
"""

from __future__ import annotations

from cwmp_client import messages as m
from cwmp_client.soap_types import (
    Array,
    Boolean,
    Field,
    Number,
    ParameterInfos,
    ParameterValues,
    Repeated,
    RepeatedChoice,
    Struct,
    Text,
    Time,
    Token,
)

ANY_TEXT = Text()
KEY = Text(32)
TEXT_64 = Text(64)
TEXT_256 = Text(256)
CODE = Token(64)
NAME = Token(256)
URL_256 = Token(256)
URL_1024 = Token(1024)
UUID = Token(36)
OUI = Token(6, "[0-9A-F]{6}")
EVENT_CODE = Token(64, r"\d+( \S+)+|M \S+|X \S+ .+")
BOOLEAN = Boolean()
TIME = Time()
INT = Number(-(2**31), 2**31 - 1)
UNSIGNED = Number(0, 2**32 - 1)
INSTANCE_NUMBER = Number(1, 2**32 - 1)
FAULT_CODE = Number(0, 9899)

COMMAND_KEY = Field("command_key", "CommandKey", KEY)
OPTIONAL_COMMAND_KEY = Field("command_key", "CommandKey", KEY, optional=True)
PARAMETER_KEY = Field("parameter_key", "ParameterKey", KEY)
OBJECT_NAME = Field("object_name", "ObjectName", NAME)
FILE_TYPE = Field("file_type", "FileType", CODE)
FILE_SIZE = Field("file_size", "FileSize", UNSIGNED)
TARGET_FILE_NAME = Field("target_file_name", "TargetFileName", TEXT_256)
URL = Field("url", "URL", URL_256)
USERNAME = Field("username", "Username", TEXT_256)
PASSWORD = Field("password", "Password", TEXT_256)
DELAY_SECONDS = Field("delay_seconds", "DelaySeconds", UNSIGNED)
STATUS = Field("status", "Status", Number(0, 1))
STATE = Field("state", "State", Number(1, 3))
NOTIFICATION = Field("notification", "Notification", Number(0, 6))
ACCESS_LIST = Field("access_list", "AccessList", Array("string", CODE))
START_TIME = Field("start_time", "StartTime", TIME)
COMPLETE_TIME = Field("complete_time", "CompleteTime", TIME)
MAX_ENVELOPES = Field("max_envelopes", "MaxEnvelopes", UNSIGNED)
OBJECT_OR_PARAMETER_NAME = Field("name", "Name", NAME)
FAULT_CODE_FIELD = Field("fault_code", "FaultCode", FAULT_CODE)
FAULT_STRING = Field("fault_string", "FaultString", TEXT_256)
OPTIONAL_FAULT_STRING = Field("fault_string", "FaultString", TEXT_256, optional=True)

PARAMETER_NAMES = Field("parameter_names", "ParameterNames", Array("string", NAME))
PARAMETER_VALUES = Field("parameter_list", "ParameterList", ParameterValues())
PARAMETER_INFOS = Field(
    "parameter_list",
    "ParameterList",
    ParameterInfos(
        "ParameterInfoStruct",
        Struct(m.ParameterInfoStruct, OBJECT_OR_PARAMETER_NAME, Field("writable", "Writable", BOOLEAN)),
    ),
)
PARAMETER_ATTRIBUTES = Field(
    "parameter_list",
    "ParameterList",
    Array(
        "ParameterAttributeStruct",
        Struct(m.ParameterAttributeStruct, OBJECT_OR_PARAMETER_NAME, NOTIFICATION, ACCESS_LIST),
    ),
)
NEW_PARAMETER_ATTRIBUTES = Field(
    "parameter_list",
    "ParameterList",
    Array(
        "SetParameterAttributesStruct",
        Struct(
            m.SetParameterAttributesStruct,
            OBJECT_OR_PARAMETER_NAME,
            Field("notification_change", "NotificationChange", BOOLEAN),
            NOTIFICATION,
            Field("access_list_change", "AccessListChange", BOOLEAN),
            ACCESS_LIST,
        ),
    ),
)
PARAMETER_FAULTS = Field(
    "set_parameter_values_faults",
    "SetParameterValuesFault",
    Repeated(
        Struct(
            m.SetParameterValuesFault,
            Field("parameter_name", "ParameterName", ANY_TEXT),
            FAULT_CODE_FIELD,
            OPTIONAL_FAULT_STRING,
        )
    ),
)

DEVICE_ID = Field(
    "device_id",
    "DeviceId",
    Struct(
        m.DeviceIdStruct,
        Field("manufacturer", "Manufacturer", TEXT_64),
        Field("oui", "OUI", OUI),
        Field("product_class", "ProductClass", TEXT_64),
        Field("serial_number", "SerialNumber", TEXT_64),
    ),
)
EVENTS = Field(
    "event",
    "Event",
    Array(
        "EventStruct", Struct(m.EventStruct, Field("event_code", "EventCode", EVENT_CODE), COMMAND_KEY), 64
    ),
)

QUEUED_TRANSFERS = Field(
    "transfer_list",
    "TransferList",
    Array("QueuedTransferStruct", Struct(m.QueuedTransferStruct, COMMAND_KEY, STATE), 16),
)
ALL_QUEUED_TRANSFERS = Field(
    "transfer_list",
    "TransferList",
    Array(
        "AllQueuedTransferStruct",
        Struct(
            m.AllQueuedTransferStruct,
            COMMAND_KEY,
            STATE,
            Field("is_download", "IsDownload", BOOLEAN),
            FILE_TYPE,
            FILE_SIZE,
            TARGET_FILE_NAME,
        ),
        16,
    ),
)
TIME_WINDOWS = Field(
    "time_window_list",
    "TimeWindowList",
    Array(
        "TimeWindowStruct",
        Struct(
            m.TimeWindowStruct,
            Field("window_start", "WindowStart", UNSIGNED),
            Field("window_end", "WindowEnd", UNSIGNED),
            Field("window_mode", "WindowMode", CODE),
            Field("user_message", "UserMessage", TEXT_256),
            Field("max_retries", "MaxRetries", INT),
        ),
        2,
    ),
)
TRANSFER_FAULT = Field("fault_struct", "FaultStruct", Struct(m.FaultStruct, FAULT_CODE_FIELD, FAULT_STRING))
FILE_TYPE_ARGUMENTS = Field(
    "file_type_arg",
    "FileTypeArg",
    Array(
        "ArgStruct",
        Struct(m.ArgStruct, Field("name", "Name", TEXT_64), Field("value", "Value", TEXT_256)),
        16,
    ),
)

_OPTIONAL_UUID = Field("uuid", "UUID", UUID, optional=True)
_UNIT_URL = Field("url", "URL", URL_1024)
_OPTIONAL_USERNAME = USERNAME._replace(optional=True)
_OPTIONAL_PASSWORD = PASSWORD._replace(optional=True)
_OPTIONAL_VERSION = Field("version", "Version", KEY, optional=True)
_OPTIONAL_ENVIRONMENT = Field("execution_env_ref", "ExecutionEnvRef", TEXT_256, optional=True)
OPERATIONS = Field(
    "operations",
    "Operations",
    RepeatedChoice(
        {
            m.InstallOpStruct: Struct(
                m.InstallOpStruct,
                _UNIT_URL,
                _OPTIONAL_UUID,
                _OPTIONAL_USERNAME,
                _OPTIONAL_PASSWORD,
                _OPTIONAL_ENVIRONMENT,
            ),
            m.UpdateOpStruct: Struct(
                m.UpdateOpStruct,
                _OPTIONAL_UUID,
                _OPTIONAL_VERSION,
                _UNIT_URL._replace(optional=True),
                _OPTIONAL_USERNAME,
                _OPTIONAL_PASSWORD,
            ),
            m.UninstallOpStruct: Struct(
                m.UninstallOpStruct, Field("uuid", "UUID", UUID), _OPTIONAL_VERSION, _OPTIONAL_ENVIRONMENT
            ),
        }
    ),
)

_OPERATION_RESULT = (
    Field("uuid", "UUID", UUID),
    Field("deployment_unit_ref", "DeploymentUnitRef", ANY_TEXT),
    Field("version", "Version", KEY),
    Field("current_state", "CurrentState", CODE),
    Field("resolved", "Resolved", BOOLEAN),
    Field("execution_unit_ref_list", "ExecutionUnitRefList", ANY_TEXT),
    START_TIME,
    COMPLETE_TIME,
    Field("fault", "Fault", Struct(m.FaultStruct, FAULT_CODE_FIELD, OPTIONAL_FAULT_STRING)),
)
RESULTS = Field("results", "Results", Repeated(Struct(m.OpResultStruct, *_OPERATION_RESULT)))
AUTONOMOUS_RESULTS = Field(
    "results",
    "Results",
    Repeated(
        Struct(
            m.AutonOpResultStruct,
            *_OPERATION_RESULT,
            Field("operation_performed", "OperationPerformed", CODE),
        )
    ),
)
