"""Hypothesis strategies for every CWMP message, within the bounds of the schemas of all namespaces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import Struct
from msgspec.structs import fields

from cwmp_client import messages as m
from cwmp_client.soap_schema import MESSAGES

_XML_CHARACTERS = st.characters(
    exclude_categories=["Cs"],
    exclude_characters=[chr(n) for n in range(0x20) if n not in (9, 10, 13)] + ["\ufffe", "\uffff"],
)


def text(max_size: int = 40) -> SearchStrategy[str]:
    return st.text(_XML_CHARACTERS, max_size=max_size)


def token(max_size: int = 40) -> SearchStrategy[str]:
    return text(max_size).map(str.strip)


KEY = text(32)
NAME = token(256)
OBJECT_NAME = token(255).map(lambda name: "".join(name.splitlines()) + ".")
UNSIGNED = st.integers(0, 2**32 - 1)
STATUS = st.sampled_from([0, 1])
UUID = st.uuids().map(str)
URL = st.sampled_from(["", "http://files.example/a?b=c&d=<e>", "https://[2001:db8::1]:8443/x"])
OFFSET = st.sampled_from(["", "Z", "+05:30", "-14:00"])
TIME = st.one_of(
    st.just(m.UNKNOWN_TIME),
    st.just(m.INFINITE_TIME),
    st.tuples(st.datetimes(), OFFSET).map(lambda parts: parts[0].isoformat() + parts[1]),
)
CPE_FAULT_CODE = st.sampled_from([9000, 9003, 9008, 9013, 9800, 9899])
FAULT_CODE = CPE_FAULT_CODE | st.sampled_from([8000, 8005, 8800])
TRANSFER_FAULT = st.builds(
    m.FaultStruct, fault_code=st.sampled_from([0, 9001, 9002, 9010, 9011, 9012]), fault_string=text()
)
OPERATION_FAULT = st.builds(
    m.FaultStruct, fault_code=st.sampled_from([0, 9001, 9003, 9013, 9018, 9032, 9899]), fault_string=text()
)
FILE_TYPE = st.sampled_from(["1 Firmware Upgrade Image", "3 Vendor Configuration File", "X 00256D a b"])
UPLOAD_FILE_TYPE = st.sampled_from(["1 Vendor Configuration File", "2 Vendor Log File", "X 00256D c"])
TYPED_VALUES: tuple[tuple[str, SearchStrategy[str]], ...] = (
    ("string", text()),
    ("int", st.integers(-(2**31), 2**31 - 1).map(str)),
    ("unsignedInt", UNSIGNED.map(str)),
    ("long", st.integers(-(2**63), 2**63 - 1).map(str)),
    ("unsignedLong", st.integers(0, 2**64 - 1).map(str)),
    ("boolean", st.sampled_from(["true", "false", "1", "0"])),
    ("dateTime", TIME),
    ("base64Binary", st.sampled_from(["", "AAEC", "cHJveGllcg=="])),
    ("hexBinary", st.binary(max_size=8).map(bytes.hex)),
    ("decimal", st.decimals(-1000, 1000, places=3).map(str)),
)
PARAMETER_VALUE = st.one_of(
    *(st.builds(m.ParameterValueStruct, NAME, values, st.just(name)) for name, values in TYPED_VALUES)
)
EVENT = st.builds(
    m.EventStruct,
    event_code=st.sampled_from(
        ["0 BOOTSTRAP", "9 REQUEST DOWNLOAD", "M Download", "M X_00256D_Do", "X 00256D a b"]
    ),
    command_key=KEY,
)
ACCESS_LIST = st.lists(st.just("Subscriber"), max_size=2).map(tuple)
TIME_WINDOW = st.builds(
    m.TimeWindowStruct,
    window_start=UNSIGNED,
    window_end=UNSIGNED,
    window_mode=st.sampled_from(["1 At Any Time", "X 00256D e"]),
    user_message=text(256),
    max_retries=st.integers(-(2**31), 2**31 - 1),
)
_RESULT = {
    "uuid": UUID,
    "deployment_unit_ref": text(),
    "version": KEY,
    "current_state": st.sampled_from(["Installed", "Uninstalled", "Failed"]),
    "resolved": st.booleans(),
    "execution_unit_ref_list": text(),
    "start_time": TIME,
    "complete_time": TIME,
    "fault": OPERATION_FAULT,
}
OPERATION = st.one_of(
    st.builds(
        m.InstallOpStruct,
        url=URL,
        uuid=st.just("") | UUID,
        username=text(),
        password=text(),
        execution_env_ref=text(),
    ),
    st.builds(
        m.UpdateOpStruct, uuid=st.just("") | UUID, version=KEY, url=URL, username=text(), password=text()
    ),
    st.builds(m.UninstallOpStruct, uuid=UUID, version=KEY, execution_env_ref=text()),
)


def listed(item: SearchStrategy[Any], least: int = 0, most: int = 5) -> SearchStrategy[tuple[Any, ...]]:
    return st.lists(item, min_size=least, max_size=most).map(tuple)


# What a field holds, by its name; `Message.field` where one name means several things.
_FIELDS: Mapping[str, SearchStrategy[Any]] = {
    "announce_url": URL,
    "arg": text(256),
    "command": KEY,
    "command_key": KEY,
    "complete_time": TIME,
    "current_time": TIME,
    "delay_seconds": UNSIGNED,
    "device_id": st.builds(
        m.DeviceIdStruct,
        manufacturer=text(64),
        oui=st.text("0123456789ABCDEF", min_size=6, max_size=6),
        product_class=text(64),
        serial_number=text(64),
    ),
    "event": listed(EVENT, most=64),
    "failure_url": URL,
    "fault_code": FAULT_CODE,
    "fault_string": text(256),
    "fault_struct": TRANSFER_FAULT,
    "file_size": UNSIGNED,
    "file_type": FILE_TYPE,
    "file_type_arg": listed(st.builds(m.ArgStruct, name=text(64), value=text(256)), most=16),
    "instance_number": st.integers(1, 2**32 - 1),
    "is_download": st.booleans(),
    "max_envelopes": UNSIGNED,
    "method_list": listed(token(64), least=1),
    "next": URL,
    "next_level": st.booleans(),
    "next_url": URL,
    "object_name": OBJECT_NAME,
    "operations": listed(OPERATION, least=1),
    "parameter_key": KEY,
    "parameter_names": listed(NAME, least=1),
    "parameter_path": NAME,
    "password": text(256),
    "referer": text(64),
    "retry_count": UNSIGNED,
    "set_parameter_values_faults": listed(
        st.builds(
            m.SetParameterValuesFault, parameter_name=text(), fault_code=CPE_FAULT_CODE, fault_string=text()
        )
    ),
    "start_time": TIME,
    "status": STATUS,
    "success_url": URL,
    "target_file_name": text(256),
    "time_window_list": listed(TIME_WINDOW, least=1, most=2),
    "transfer_url": URL,
    "url": URL,
    "username": text(256),
    "AutonomousDUStateChangeComplete.results": listed(
        st.builds(
            m.AutonOpResultStruct,
            **_RESULT,
            operation_performed=st.sampled_from(["Install", "Update", "Uninstall"]),
        ),
        least=1,
    ),
    "DUStateChangeComplete.results": listed(st.builds(m.OpResultStruct, **_RESULT), least=1),
    "GetAllQueuedTransfersResponse.transfer_list": listed(
        st.builds(
            m.AllQueuedTransferStruct,
            command_key=KEY,
            state=st.integers(1, 3),
            is_download=st.booleans(),
            file_type=FILE_TYPE,
            file_size=UNSIGNED,
            target_file_name=text(256),
        ),
        most=16,
    ),
    "GetParameterAttributesResponse.parameter_list": listed(
        st.builds(m.ParameterAttributeStruct, NAME, st.integers(0, 2), ACCESS_LIST)
    ),
    "GetParameterNamesResponse.parameter_list": listed(st.builds(m.ParameterInfoStruct, NAME, st.booleans())),
    "GetParameterValuesResponse.parameter_list": listed(PARAMETER_VALUE),
    "GetQueuedTransfersResponse.transfer_list": listed(
        st.builds(m.QueuedTransferStruct, command_key=KEY, state=st.integers(1, 3)), most=16
    ),
    "Inform.parameter_list": listed(PARAMETER_VALUE),
    "SetParameterAttributes.parameter_list": listed(
        st.builds(
            m.SetParameterAttributesStruct,
            name=NAME,
            notification_change=st.booleans(),
            notification=st.integers(0, 2),
            access_list_change=st.booleans(),
            access_list=ACCESS_LIST,
        ),
        least=1,
    ),
    "SetParameterValues.parameter_list": listed(PARAMETER_VALUE),
    "Upload.file_type": UPLOAD_FILE_TYPE,
}


def message(made: type) -> SearchStrategy[Any]:
    """Any value of one message class."""
    assert issubclass(made, Struct)
    own = {name.partition(".")[2]: _FIELDS[name] for name in _FIELDS if name.startswith(f"{made.__name__}.")}
    return st.builds(
        made,
        **{
            field.name: own[field.name] if field.name in own else _FIELDS[field.name]
            for field in fields(made)
        },
    )


MESSAGE_CLASSES = tuple(MESSAGES)
MESSAGE = st.one_of(*(message(made) for made in MESSAGE_CLASSES))
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
