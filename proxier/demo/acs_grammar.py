"""What CWMP messages are made of, as data: the one table behind the ACS's spyne types and its strict checks.

A type is named by a string, which is a simple type or a structure below, or one of the built-in types of XML
Schema (`boolean`, `unsignedInt`, `dateTime`). The three namespaces differ in a few simple types and in the
messages they know, so a `Grammar` is made for each.

Source: the CWMP schemas of TR-069, versions 1.0 to 1.2
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

CWMP_1_0 = "urn:dslforum-org:cwmp-1-0"
CWMP_1_1 = "urn:dslforum-org:cwmp-1-1"
CWMP_1_2 = "urn:dslforum-org:cwmp-1-2"
NAMESPACES = (CWMP_1_0, CWMP_1_1, CWMP_1_2)
"""Oldest first; versions 1.3 and 1.4 of the protocol kept the namespace of 1.2. Source: TR-069 3.5"""


@dataclass(frozen=True, slots=True)
class Simple:
    """Text without children: `base` is a built-in type, a value matches any pattern and lies in any range."""

    base: str = "string"
    max_length: int | None = None
    patterns: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Array:
    """A SOAP array; its members are called `member`, which is their type too, unless `type` is given.

    `most` is None where there is no upper bound.
    """

    member: str
    least: int = 0
    most: int | None = None
    type: Simple | str | None = None


FieldType: TypeAlias = "str | Simple | Array"


@dataclass(frozen=True, slots=True)
class Field:
    """One element of a structure, or several of one name; `most` is None where there is no upper bound."""

    name: str
    type: FieldType
    least: int = 1
    most: int | None = 1


@dataclass(frozen=True, slots=True)
class Grammar:
    """The types and messages of one CWMP namespace."""

    namespace: str
    simple_types: Mapping[str, Simple]
    structs: Mapping[str, tuple[Field, ...]]
    messages: Mapping[str, tuple[Field, ...]]


VALUE = "Value"
"""The type of a parameter's value: any simple type, named by its own xsi:type."""

VALUE_TYPES = frozenset(
    {
        "string", "int", "unsignedInt", "long", "unsignedLong", "boolean", "dateTime", "decimal", "hexBinary",
        "base64", "base64Binary",
    }
)  # fmt: skip
"""What an xsi:type may name. Source: TR-106 3.2"""

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "OperationStruct": ("InstallOpStruct", "UpdateOpStruct", "UninstallOpStruct")
}
"""Structures that stand for one of several, which xsi:type chooses. Source: TR-069 A.4.1.10"""


def _text(max_length: int | None = None, *patterns: str) -> Simple:
    return Simple("string", max_length, patterns)


def _number(*ranges: tuple[int, int], base: str = "unsignedInt") -> Simple:
    return Simple(base, ranges=ranges)


_NUMBERED = r"[1-9]\d*( \S+)+"
_VENDOR = (r"X [0-9A-F]{6} .+", r"X \S+ .+")
_OLD_VENDOR = r"X [0-9A-F]{6} .*"
_OLD_DOWNLOADS = ("1 Firmware Upgrade Image", "2 Web Content", "3 Vendor Configuration File", _OLD_VENDOR)
_OLD_EVENTS = (
    "0 BOOTSTRAP", "1 BOOT", "2 PERIODIC", "3 SCHEDULED", "4 VALUE CHANGE", "5 KICKED",
    "6 CONNECTION REQUEST", "7 TRANSFER COMPLETE", "8 DIAGNOSTICS COMPLETE", "9 REQUEST DOWNLOAD",
    "M Reboot", "M ScheduleInform", "M Download", "M Upload", r"M X_\S+", _OLD_VENDOR,
)  # fmt: skip

_STRING_64 = _text(64)
_STRING_256 = _text(256)
_STRING_1024 = _text(1024)

_SIMPLE_TYPES: Mapping[str, Simple] = {
    "AccessListValueType": _text(64, "Subscriber"),
    "CommandKeyType": _text(32),
    "CPEFaultCodeType": _number((9000, 9899)),
    "DeploymentUnitFaultCodeType": _number(
        (0, 0), (9001, 9001), (9003, 9003), (9012, 9013), (9015, 9018), (9022, 9899)
    ),
    "DeploymentUnitState": _text(None, "Installed", "Uninstalled", "Failed"),
    "DeploymentUnitUUID": _text(None, "-".join(f"[A-Fa-f0-9]{{{n}}}" for n in (8, 4, 4, 4, 12))),
    "DownloadFileType": _text(64, _NUMBERED, *_VENDOR),
    "EventCodeType": _text(64, r"\d+( \S+)+", r"M \S+", *_VENDOR),
    "FaultCodeType": _number((8000, 8899), (9000, 9899)),
    "NotificationType": _number((0, 6), base="int"),
    "ObjectNameType": _text(256, r".*\."),
    "OUIType": _text(6, "[0-9A-F]{6}"),
    "ParameterKeyType": _text(32),
    "StatusType": _number((0, 1), base="int"),
    "TimeWindowModeType": _text(64, _NUMBERED, *_VENDOR),
    "TransferFaultCodeType": _number((0, 0), (9001, 9002), (9010, 9012), (9014, 9020), (9033, 9899)),
    "TransferFileType": _text(64, _NUMBERED, *_VENDOR),
    "TransferStateType": _number((1, 3), base="int"),
    "UploadFileType": _text(64, _NUMBERED, *_VENDOR),
    "URIType": Simple("anyURI", 1024),
}

_SIMPLE_TYPES_1_1: Mapping[str, Simple] = {
    **_SIMPLE_TYPES,
    "CPEFaultCodeType": _number((8000, 8899), (9000, 9899)),
    "DownloadFileType": _text(64, *_OLD_DOWNLOADS),
    "EventCodeType": _text(64, *_OLD_EVENTS, "10 AUTONOMOUS TRANSFER COMPLETE", r"\d+( \S+)+", r"M \S+"),
    "NotificationType": _number((0, 2), base="int"),
    "TransferFaultCodeType": _number((0, 0), (9001, 9002), (9010, 9012), (9014, 9899)),
    "TransferFileType": _text(64, *_OLD_DOWNLOADS, "4 Vendor Log File"),
    "UploadFileType": _text(64, "1 Vendor Configuration File", "2 Vendor Log File", _OLD_VENDOR),
}

_SIMPLE_TYPES_1_0: Mapping[str, Simple] = {
    **_SIMPLE_TYPES_1_1,
    "CPEFaultCodeType": _number((8000, 8005), (8800, 8899), (9000, 9013), (9800, 9899)),
    "EventCodeType": _text(64, *_OLD_EVENTS),
    "FaultCodeType": _number((8000, 8005), (8800, 8899), (9000, 9013), (9800, 9899)),
    "TransferFaultCodeType": _number((0, 0), (9001, 9002), (9010, 9012)),
}

_OP_RESULT = (
    Field("UUID", "DeploymentUnitUUID"),
    Field("DeploymentUnitRef", _text()),
    Field("Version", _text(32)),
    Field("CurrentState", "DeploymentUnitState"),
    Field("Resolved", "boolean"),
    Field("ExecutionUnitRefList", _text()),
    Field("StartTime", "dateTime"),
    Field("CompleteTime", "dateTime"),
    Field("Fault", "DeploymentUnitFaultStruct"),
)

_STRUCTS: Mapping[str, tuple[Field, ...]] = {
    "AllQueuedTransferStruct": (
        Field("CommandKey", "CommandKeyType"),
        Field("State", "TransferStateType"),
        Field("IsDownload", "boolean"),
        Field("FileType", "TransferFileType"),
        Field("FileSize", "unsignedInt"),
        Field("TargetFileName", _STRING_256),
    ),
    "ArgStruct": (Field("Name", _STRING_64), Field("Value", _STRING_256)),
    "AutonOpResultStruct": (*_OP_RESULT, Field("OperationPerformed", _text())),
    "DeploymentUnitFaultStruct": (
        Field("FaultCode", "DeploymentUnitFaultCodeType"),
        Field("FaultString", _text(), least=0),
    ),
    "DeviceIdStruct": (
        Field("Manufacturer", _STRING_64),
        Field("OUI", "OUIType"),
        Field("ProductClass", _STRING_64),
        Field("SerialNumber", _STRING_64),
    ),
    "EventStruct": (Field("EventCode", "EventCodeType"), Field("CommandKey", "CommandKeyType")),
    "InstallOpStruct": (
        Field("URL", "URIType"),
        Field("UUID", "DeploymentUnitUUID", least=0),
        Field("Username", _STRING_256, least=0),
        Field("Password", _STRING_256, least=0),
        Field("ExecutionEnvRef", _STRING_256, least=0),
    ),
    "OpResultStruct": _OP_RESULT,
    "ParameterAttributeStruct": (
        Field("Name", _STRING_256),
        Field("Notification", "NotificationType"),
        Field("AccessList", Array("string", type="AccessListValueType")),
    ),
    "ParameterInfoStruct": (Field("Name", _STRING_256), Field("Writable", "boolean")),
    "ParameterValueStruct": (Field("Name", _STRING_256), Field("Value", VALUE)),
    "QueuedTransferStruct": (Field("CommandKey", "CommandKeyType"), Field("State", "TransferStateType")),
    "SetParameterAttributesStruct": (
        Field("Name", _STRING_256),
        Field("NotificationChange", "boolean"),
        Field("Notification", "NotificationType"),
        Field("AccessListChange", "boolean"),
        Field("AccessList", Array("string", type="AccessListValueType")),
    ),
    "SetParameterValuesFault": (
        Field("ParameterName", _text()),
        Field("FaultCode", "CPEFaultCodeType"),
        Field("FaultString", _text(), least=0),
    ),
    "TimeWindowStruct": (
        Field("WindowStart", "unsignedInt"),
        Field("WindowEnd", "unsignedInt"),
        Field("WindowMode", "TimeWindowModeType"),
        Field("UserMessage", _STRING_256),
        Field("MaxRetries", "int"),
    ),
    "TransferFaultStruct": (Field("FaultCode", "TransferFaultCodeType"), Field("FaultString", _STRING_256)),
    "UninstallOpStruct": (
        Field("UUID", "DeploymentUnitUUID"),
        Field("Version", _text(32), least=0),
        Field("ExecutionEnvRef", _STRING_256, least=0),
    ),
    "UpdateOpStruct": (
        Field("UUID", "DeploymentUnitUUID", least=0),
        Field("Version", _text(32), least=0),
        Field("URL", "URIType", least=0),
        Field("Username", _STRING_256, least=0),
        Field("Password", _STRING_256, least=0),
    ),
}

_STATUS = Field("Status", "StatusType")
_TRANSFER_ANSWER = (_STATUS, Field("StartTime", "dateTime"), Field("CompleteTime", "dateTime"))
_LOGIN = (Field("URL", _STRING_256), Field("Username", _STRING_256), Field("Password", _STRING_256))
_VALUES = Field("ParameterList", Array("ParameterValueStruct"))
_NAMES = Field("ParameterNames", Array("string", least=1, type=_STRING_256))
_COMMAND_KEY = Field("CommandKey", "CommandKeyType")
_OBJECT = (Field("ObjectName", "ObjectNameType"), Field("ParameterKey", "ParameterKeyType"))

_MESSAGES_1_0: Mapping[str, tuple[Field, ...]] = {
    "AddObject": _OBJECT,
    "AddObjectResponse": (Field("InstanceNumber", _number((1, 2**32 - 1))), _STATUS),
    "DeleteObject": _OBJECT,
    "DeleteObjectResponse": (_STATUS,),
    "Download": (
        _COMMAND_KEY,
        Field("FileType", "DownloadFileType"),
        *_LOGIN,
        Field("FileSize", "unsignedInt"),
        Field("TargetFileName", _STRING_256),
        Field("DelaySeconds", "unsignedInt"),
        Field("SuccessURL", _STRING_256),
        Field("FailureURL", _STRING_256),
    ),
    "DownloadResponse": _TRANSFER_ANSWER,
    "FactoryReset": (),
    "FactoryResetResponse": (),
    "Fault": (
        Field("FaultCode", "FaultCodeType"),
        Field("FaultString", _text(), least=0),
        Field("SetParameterValuesFault", "SetParameterValuesFault", least=0, most=None),
    ),
    "GetParameterAttributes": (_NAMES,),
    "GetParameterAttributesResponse": (Field("ParameterList", Array("ParameterAttributeStruct")),),
    "GetParameterNames": (Field("ParameterPath", _STRING_256), Field("NextLevel", "boolean")),
    "GetParameterNamesResponse": (Field("ParameterList", Array("ParameterInfoStruct")),),
    "GetParameterValues": (_NAMES,),
    "GetParameterValuesResponse": (_VALUES,),
    "GetQueuedTransfers": (),
    "GetQueuedTransfersResponse": (Field("TransferList", Array("QueuedTransferStruct", most=16)),),
    "GetRPCMethods": (),
    "GetRPCMethodsResponse": (Field("MethodList", Array("string", least=1, type=_STRING_64)),),
    "Inform": (
        Field("DeviceId", "DeviceIdStruct"),
        Field("Event", Array("EventStruct", most=64)),
        Field("MaxEnvelopes", "unsignedInt"),
        Field("CurrentTime", "dateTime"),
        Field("RetryCount", "unsignedInt"),
        _VALUES,
    ),
    "InformResponse": (Field("MaxEnvelopes", "unsignedInt"),),
    "Kicked": (
        Field("Command", _text(32)),
        Field("Referer", _STRING_64),
        Field("Arg", _STRING_256),
        Field("Next", _STRING_1024),
    ),
    "KickedResponse": (Field("NextURL", _STRING_1024),),
    "Reboot": (_COMMAND_KEY,),
    "RebootResponse": (),
    "RequestDownload": (
        Field("FileType", "DownloadFileType"),
        Field("FileTypeArg", Array("ArgStruct", most=16)),
    ),
    "RequestDownloadResponse": (),
    "ScheduleInform": (Field("DelaySeconds", "unsignedInt"), _COMMAND_KEY),
    "ScheduleInformResponse": (),
    "SetParameterAttributes": (Field("ParameterList", Array("SetParameterAttributesStruct", least=1)),),
    "SetParameterAttributesResponse": (),
    "SetParameterValues": (_VALUES, Field("ParameterKey", "ParameterKeyType")),
    "SetParameterValuesResponse": (_STATUS,),
    "TransferComplete": (
        _COMMAND_KEY,
        Field("FaultStruct", "TransferFaultStruct"),
        Field("StartTime", "dateTime"),
        Field("CompleteTime", "dateTime"),
    ),
    "TransferCompleteResponse": (),
    "Upload": (
        _COMMAND_KEY,
        Field("FileType", "UploadFileType"),
        *_LOGIN,
        Field("DelaySeconds", "unsignedInt"),
    ),
    "UploadResponse": _TRANSFER_ANSWER,
}

_MESSAGES_1_1: Mapping[str, tuple[Field, ...]] = {
    **_MESSAGES_1_0,
    "AutonomousTransferComplete": (
        Field("AnnounceURL", _STRING_1024),
        Field("TransferURL", _STRING_1024),
        Field("IsDownload", "boolean"),
        Field("FileType", "TransferFileType"),
        Field("FileSize", "unsignedInt"),
        Field("TargetFileName", _STRING_256),
        Field("FaultStruct", "TransferFaultStruct"),
        Field("StartTime", "dateTime"),
        Field("CompleteTime", "dateTime"),
    ),
    "AutonomousTransferCompleteResponse": (),
    "GetAllQueuedTransfers": (),
    "GetAllQueuedTransfersResponse": (Field("TransferList", Array("AllQueuedTransferStruct", most=16)),),
}

_MESSAGES_1_2: Mapping[str, tuple[Field, ...]] = {
    **_MESSAGES_1_1,
    "AutonomousDUStateChangeComplete": (Field("Results", "AutonOpResultStruct", most=None),),
    "AutonomousDUStateChangeCompleteResponse": (),
    "CancelTransfer": (_COMMAND_KEY,),
    "CancelTransferResponse": (),
    "ChangeDUState": (
        Field("Operations", "OperationStruct", most=None),
        Field("CommandKey", "CommandKeyType", least=0),
    ),
    "ChangeDUStateResponse": (),
    "DUStateChangeComplete": (
        Field("Results", "OpResultStruct", most=None),
        Field("CommandKey", "CommandKeyType", least=0),
    ),
    "DUStateChangeCompleteResponse": (),
    "ScheduleDownload": (
        _COMMAND_KEY,
        Field("FileType", "DownloadFileType"),
        *_LOGIN,
        Field("FileSize", "unsignedInt"),
        Field("TargetFileName", _STRING_256),
        Field("TimeWindowList", Array("TimeWindowStruct", least=1, most=2)),
    ),
    "ScheduleDownloadResponse": (),
}

_VERSIONS: Mapping[str, tuple[Mapping[str, Simple], Mapping[str, tuple[Field, ...]]]] = {
    CWMP_1_0: (_SIMPLE_TYPES_1_0, _MESSAGES_1_0),
    CWMP_1_1: (_SIMPLE_TYPES_1_1, _MESSAGES_1_1),
    CWMP_1_2: (_SIMPLE_TYPES, _MESSAGES_1_2),
}


@functools.cache
def grammar(namespace: str) -> Grammar:
    """The grammar of one of `NAMESPACES`.

    Raises:
        KeyError: there is no such namespace.
    """
    simple_types, messages = _VERSIONS[namespace]
    return Grammar(namespace, simple_types, _STRUCTS, messages)
