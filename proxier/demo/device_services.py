"""The actions, variables and error codes of the three Device Management services, as tables.

An argument is written `Name:Type`, or `Name` where both are the same; the type is the name of a state
variable or, more often, that of an A_ARG_TYPE variable without this prefix. Two optional actions are left
out: GetACLData, which speaks of DeviceProtection, and GetSelectedValues, whose filter grammar is not known.

Source: the SCPDs of ConfigurationManagement, BasicManagement and SoftwareManagement, versions 1 and 2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ARGUMENT_TYPE = "A_ARG_TYPE_"


@dataclass(frozen=True, slots=True)
class Variable:
    """A state variable, or the type of an argument; `since` and `until` are the versions that have it."""

    name: str
    data_type: str = "string"
    evented: bool = False
    allowed: tuple[str, ...] = ()
    maximum: int | None = None
    since: int = 1
    until: int = 2


@dataclass(frozen=True, slots=True)
class Action:
    """An action; its arguments are (name, state variable) in the order of the SCPD."""

    name: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    since: int = 1
    until: int = 2


@dataclass(frozen=True, slots=True)
class ServiceTable:
    """One service: its variables, its actions, and what its error codes mean."""

    name: str
    variables: tuple[Variable, ...]
    actions: tuple[Action, ...]
    errors: Mapping[int, str]


COMMON_ERRORS = {
    401: "Invalid Action",
    402: "Invalid Args",
    501: "Action Failed",
    600: "Argument Value Invalid",
    601: "Argument Value Out of Range",
    602: "Optional Action Not Implemented",
    603: "Out of Memory",
    604: "Human Intervention Required",
    605: "String Argument Too Long",
    606: "Action not authorized",
}
"""Source: UDA 1.1, 3.2.2"""


def _types(text: str, data_type: str = "string") -> tuple[Variable, ...]:
    return tuple(Variable(ARGUMENT_TYPE + name, data_type) for name in text.split())


def _choice(name: str, text: str, since: int = 1, until: int = 2) -> Variable:
    return Variable(ARGUMENT_TYPE + name, allowed=tuple(text.split()), since=since, until=until)


def _evented(text: str, data_type: str = "string") -> tuple[Variable, ...]:
    return tuple(Variable(name, data_type, evented=True) for name in text.split())


Row = tuple[str, str, str] | tuple[str, str, str, int] | tuple[str, str, str, int, int]


def _actions(variables: tuple[Variable, ...], *rows: Row) -> tuple[Action, ...]:
    names = {variable.name for variable in variables}

    def arguments(text: str) -> tuple[tuple[str, str], ...]:
        pairs = ((argument.partition(":")[0], argument.rpartition(":")[2]) for argument in text.split())
        return tuple((name, type_ if type_ in names else ARGUMENT_TYPE + type_) for name, type_ in pairs)

    return tuple(
        Action(name, arguments(into), arguments(out), *versions) for name, into, out, *versions in rows
    )


_CMS_VARIABLES = (
    *_evented(
        "ConfigurationUpdate SupportedDataModelsUpdate SupportedParametersUpdate AttributeValuesUpdate"
    ),
    *_evented("InconsistentStatus", "boolean"),
    Variable("AlarmsEnabled", "boolean", evented=True, since=2),
    Variable("CurrentConfigurationVersion", "ui4"),
    *_types("StructurePath StructurePathList PartialPath ParameterValueList NodeAttributeValueList"),
    *_types("ParameterInitialValueList SupportedDataModels InstancePathList ContentPathList"),
    *_types("MultiInstancePath InstancePath NodeAttributePathList"),
    *_types("SearchDepth", "ui4"),
    _choice("ChangeStatus", "ChangesCommitted ChangesApplied"),
)

CONFIGURATION_MANAGEMENT = ServiceTable(
    "ConfigurationManagement",
    _CMS_VARIABLES,
    _actions(
        _CMS_VARIABLES,
        ("GetSupportedDataModels", "", "SupportedDataModels"),
        (
            "GetSupportedParameters",
            "StartingNode:StructurePath SearchDepth",
            "Result:StructurePathList",
        ),
        ("GetInstances", "StartingNode:PartialPath SearchDepth", "Result:InstancePathList"),
        ("GetValues", "Parameters:ContentPathList", "ParameterValueList"),
        ("SetValues", "ParameterValueList", "Status:ChangeStatus"),
        (
            "CreateInstance",
            "MultiInstanceName:MultiInstancePath ChildrenInitialization:ParameterInitialValueList",
            "InstanceIdentifier:InstancePath Status:ChangeStatus",
        ),
        ("DeleteInstance", "InstanceIdentifier:InstancePath", "Status:ChangeStatus"),
        (
            "GetAttributes",
            "Parameters:NodeAttributePathList",
            "NodeAttributeValueList",
        ),
        ("SetAttributes", "NodeAttributeValueList", "Status:ChangeStatus"),
        ("GetInconsistentStatus", "", "StateVariableValue:InconsistentStatus"),
        ("GetConfigurationUpdate", "", "StateVariableValue:ConfigurationUpdate"),
        ("GetCurrentConfigurationVersion", "", "StateVariableValue:CurrentConfigurationVersion"),
        ("GetSupportedDataModelsUpdate", "", "StateVariableValue:SupportedDataModelsUpdate"),
        ("GetSupportedParametersUpdate", "", "StateVariableValue:SupportedParametersUpdate"),
        ("GetAttributeValuesUpdate", "", "StateVariableValue:AttributeValuesUpdate"),
        ("GetAlarmsEnabled", "", "StateVariableValue:AlarmsEnabled", 2),
        ("SetAlarmsEnabled", "StateVariableValue:AlarmsEnabled", "", 2),
    ),
    {
        701: "Invalid Argument Syntax",
        702: "Invalid XML Argument",
        703: "No Such Name",
        704: "Invalid Value Type",
        705: "Invalid Value",
        706: "Read Only Violation",
        707: "Multiple Set",
        708: "Resource Temporarily Unavailable",
        709: "Resources Exceeded",
    },
)

_BMS_VARIABLES = (
    *_evented("DeviceStatus ActiveTestIDs LogURIs"),
    Variable("TestIDs", evented=True, since=2),
    *_evented("SequenceMode", "boolean"),
    *_types("Boolean", "boolean"),
    *_types("String TestSchedule TestSessID Host Hosts HostName NSLookupResult"),
    *_types("BandwidthTestInfo BandwidthTestSpec BandwidthTestResult"),
    *_types("UShort", "ui2"),
    *_types("UInt MSecs TestID LogMaxSize", "ui4"),
    *_types("DateTime", "dateTime.tz"),
    *_types("LogURI LogURL", "uri"),
    Variable(ARGUMENT_TYPE + "DSCP", "ui1", maximum=63),
    _choice("RebootStatus", "RebootNow RebootLater"),
    _choice("TestType", "NSLookup Ping SelfTest Traceroute", 1, 1),
    _choice("TestType", "BandwidthTest InterfaceReset NSLookup Ping SelfTest Traceroute", 2),
    _choice("TestState", "Requested InProgress Canceled Completed"),
    _choice("TestEndpoint", "Server Client"),
    _choice("PingStatus", "Success Error_CannotResolveHostName Error_Internal Error_Other"),
    _choice("NSLookupStatus", "Success Error_DNSServerNotResolved Error_Internal Error_Other"),
    _choice(
        "TracerouteStatus",
        "Success Error_CannotResolveHostName Error_MaxHopCountExceeded Error_Internal Error_Other",
    ),
    _choice(
        "BandwidthTestStatus",
        "Success Error_InitConnectionFailed Error_NoResponse Error_TransferFailed Error_PasswordRequestFailed"
        " Error_LoginFailed Error_NoTransferMode Error_IncorrectSize Error_NoTransferComplete Error_Timeout"
        " Error_Other Error_FTPNoPASV Error_FTPNoCWD Error_FTPNoSTOR",
    ),
    _choice("Interfaces", "AllInterfaces RequestInterface NorthboundInterfaces"),
    _choice("InterfaceResetStatus", "Success Error"),
    _choice("LogLevel", "Emergency Alert Critical Error Warning Notice Informational Debug"),
)

BASIC_MANAGEMENT = ServiceTable(
    "BasicManagement",
    _BMS_VARIABLES,
    _actions(
        _BMS_VARIABLES,
        ("Reboot", "", "RebootStatus"),
        ("BaselineReset", "", ""),
        ("GetDeviceStatus", "", "DeviceStatus"),
        ("SetSequenceMode", "NewSequenceMode:SequenceMode", "OldSequenceMode:SequenceMode"),
        ("GetSequenceMode", "", "SequenceMode"),
        (
            "Ping",
            "Host NumberOfRepetitions:UInt Timeout:MSecs DataBlockSize:UShort DSCP",
            "TestID",
        ),
        (
            "GetPingResult",
            "TestID",
            (
                "Status:PingStatus AdditionalInfo:String SuccessCount:UInt FailureCount:UInt"
                " AverageResponseTime:MSecs MinimumResponseTime:MSecs MaximumResponseTime:MSecs"
            ),
        ),
        (
            "NSLookup",
            "HostName DNSServer:Host NumberOfRepetitions:UInt Timeout:MSecs",
            "TestID",
        ),
        (
            "GetNSLookupResult",
            "TestID",
            "Status:NSLookupStatus AdditionalInfo:String SuccessCount:UInt Result:NSLookupResult",
        ),
        (
            "Traceroute",
            "Host Timeout:MSecs DataBlockSize:UShort MaxHopCount:UInt DSCP",
            "TestID",
        ),
        (
            "GetTracerouteResult",
            "TestID",
            "Status:TracerouteStatus AdditionalInfo:String ResponseTime:MSecs HopHosts:Hosts",
        ),
        ("GetBandwidthTestInfo", "", "BandwidthTestInfo", 2),
        (
            "BandwidthTest",
            "BandwidthTestSpec TestEndpoint TestSchedule TestSessID",
            "TestID",
            2,
        ),
        (
            "GetBandwidthTestResult",
            "TestID",
            "State:TestState Status:BandwidthTestStatus AdditionalInfo:String Result:BandwidthTestResult",
            2,
        ),
        ("InterfaceReset", "Interfaces", "TestID"),
        (
            "GetInterfaceResetResult",
            "TestID",
            (
                "Status:InterfaceResetStatus AdditionalInfo:String"
                " NumberOfSuccesses:UShort NumberOfFailures:UShort"
            ),
        ),
        ("SelfTest", "", "TestID"),
        ("GetSelfTestResult", "TestID", "Status:Boolean AdditionalInfo:String"),
        ("GetTestIDs", "", "TestIDs", 2),
        ("GetActiveTestIDs", "", "TestIDs:ActiveTestIDs"),
        ("GetTestInfo", "TestID", "Type:TestType State:TestState"),
        ("CancelTest", "TestID", ""),
        ("GetLogURIs", "", "LogURIs"),
        ("SetLogInfo", "LogURI Enabled:Boolean LogLevel", ""),
        (
            "GetLogInfo",
            "LogURI",
            "Configurable:Boolean Enabled:Boolean LogLevel LogURL MaxSize:LogMaxSize LastChange:DateTime",
        ),
    ),
    {
        706: "No Such Test",
        707: "Wrong Test Type",
        708: "Invalid Test State",
        709: "State Precludes Cancel",
    },
)

_OPERATION_ERRORS = (
    "Error_None Error_ConcurrentAccess Error_MissingDependency Error_Network Error_CorruptedFile"
    " Error_DiskFull"
)

_SMS_VARIABLES = (
    *_evented("OperationIDs DUIDs EUIDs ActiveEUIDs RunningEUIDs ErrorEUIDs"),
    *_types("Boolean", "boolean"),
    *_types("String IDs Name Version"),
    *_types("ID", "ui4"),
    *_types("URI", "uri"),
    _choice("OperationState", "Requested InProgress Committed Completed Error", 1, 1),
    _choice("OperationState", "Requested InProgress Completed Error", 2),
    _choice("Action", "Install Update Uninstall Start Stop"),
    _choice("ErrorDescription", _OPERATION_ERRORS + " Error_other", 1, 1),
    _choice("ErrorDescription", _OPERATION_ERRORS + " Error_Other", 2),
    _choice("DUType", "Firmware Application Configuration Other"),
    _choice("DUState", "Installing Unresolved Installed Uninstalling Uninstalled"),
    _choice("EURequestedState", "Active Inactive"),
    _choice("EUExecutionState", "Running Stopped Starting Stopping", 1, 1),
    _choice("EURunningState", "Running Stopped Starting Stopping", 2),
)

SOFTWARE_MANAGEMENT = ServiceTable(
    "SoftwareManagement",
    _SMS_VARIABLES,
    _actions(
        _SMS_VARIABLES,
        ("Install", "DUURI:URI DUType HandleDependencies:Boolean", "OperationID:ID"),
        ("Update", "DUID:ID NewDUURI:URI HandleDependencies:Boolean", "OperationID:ID"),
        ("Uninstall", "DUID:ID HandleDependencies:Boolean", "OperationID:ID"),
        ("Start", "EUID:ID HandleDependencies:Boolean", "OperationID:ID"),
        ("Stop", "EUID:ID HandleDependencies:Boolean", "OperationID:ID"),
        ("GetDUIDs", "", "DUIDs"),
        ("GetEUIDs", "", "EUIDs"),
        ("GetActiveEUIDs", "", "ActiveEUIDs"),
        ("GetRunningEUIDs", "", "RunningEUIDs"),
        (
            "GetOperationInfo",
            "OperationID:ID",
            "OperationState TargetedIDs:IDs Action ErrorDescription AdditionalInfo:String",
        ),
        ("GetOperationIDs", "", "OperationIDs"),
        ("GetErrorEUIDs", "", "ErrorEUIDs"),
        ("GetDUInfo", "DUID:ID", "DUName:Name DUVersion:Version DUType DUState DUURI:URI"),
        (
            "GetEUInfo",
            "EUID:ID",
            "EUName:Name EUVersion:Version EURequestedState EUExecutionState",
            1,
            1,
        ),
        (
            "GetEUInfo",
            "EUID:ID",
            "EUName:Name EUVersion:Version EURequestedState EURunningState",
            2,
        ),
    ),
    {
        701: "Invalid URI",
        702: "HandleDependencies Request Not Honored",
        704: "Already In A Transitory State",
        705: "Invalid DUID",
        706: "Invalid EUID",  # a guess, as is 707: the service's own table was not to be had
        707: "Invalid OperationID",
        710: "NewDUURI Not Supported",
    },
)

SERVICE_TABLES = (BASIC_MANAGEMENT, CONFIGURATION_MANAGEMENT, SOFTWARE_MANAGEMENT)
