"""What each message holds on the wire: its elements, in the order of the schemas.

Source: the CWMP schemas 1.0, 1.1 and 1.2 of the Broadband Forum; sections of TR-069 stand at the messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cwmp_client import messages as m
from cwmp_client import soap_structs as s
from cwmp_client.soap_types import Array, Field


class Row(NamedTuple):
    """A message: the minor number of the first CWMP namespace that has it, and its elements."""

    since: int
    fields: tuple[Field, ...]


def _since(minor: int, *fields: Field) -> Row:
    return Row(minor, fields)


MESSAGES: Mapping[type[m.Message], Row] = {
    m.Fault: _since(0, s.FAULT_CODE_FIELD, s.OPTIONAL_FAULT_STRING, s.PARAMETER_FAULTS),
    m.GetRPCMethods: _since(0),
    m.GetRPCMethodsResponse: _since(0, Field("method_list", "MethodList", Array("string", s.CODE))),
    m.SetParameterValues: _since(0, s.PARAMETER_VALUES, s.PARAMETER_KEY),
    m.SetParameterValuesResponse: _since(0, s.STATUS),
    m.GetParameterValues: _since(0, s.PARAMETER_NAMES),
    m.GetParameterValuesResponse: _since(0, s.PARAMETER_VALUES),
    m.GetParameterNames: _since(
        0, Field("parameter_path", "ParameterPath", s.NAME), Field("next_level", "NextLevel", s.BOOLEAN)
    ),
    m.GetParameterNamesResponse: _since(0, s.PARAMETER_INFOS),
    m.SetParameterAttributes: _since(0, s.NEW_PARAMETER_ATTRIBUTES),
    m.SetParameterAttributesResponse: _since(0),
    m.GetParameterAttributes: _since(0, s.PARAMETER_NAMES),
    m.GetParameterAttributesResponse: _since(0, s.PARAMETER_ATTRIBUTES),
    m.AddObject: _since(0, s.OBJECT_NAME, s.PARAMETER_KEY),
    m.AddObjectResponse: _since(0, Field("instance_number", "InstanceNumber", s.INSTANCE_NUMBER), s.STATUS),
    m.DeleteObject: _since(0, s.OBJECT_NAME, s.PARAMETER_KEY),
    m.DeleteObjectResponse: _since(0, s.STATUS),
    m.Download: _since(
        0,
        s.COMMAND_KEY,
        s.FILE_TYPE,
        s.URL,
        s.USERNAME,
        s.PASSWORD,
        s.FILE_SIZE,
        s.TARGET_FILE_NAME,
        s.DELAY_SECONDS,
        Field("success_url", "SuccessURL", s.URL_256),
        Field("failure_url", "FailureURL", s.URL_256),
    ),
    m.DownloadResponse: _since(0, s.STATUS, s.START_TIME, s.COMPLETE_TIME),
    m.Reboot: _since(0, s.COMMAND_KEY),
    m.RebootResponse: _since(0),
    m.GetQueuedTransfers: _since(0),
    m.GetQueuedTransfersResponse: _since(0, s.QUEUED_TRANSFERS),
    m.ScheduleInform: _since(0, s.DELAY_SECONDS, s.COMMAND_KEY),
    m.ScheduleInformResponse: _since(0),
    m.Upload: _since(0, s.COMMAND_KEY, s.FILE_TYPE, s.URL, s.USERNAME, s.PASSWORD, s.DELAY_SECONDS),
    m.UploadResponse: _since(0, s.STATUS, s.START_TIME, s.COMPLETE_TIME),
    m.FactoryReset: _since(0),
    m.FactoryResetResponse: _since(0),
    m.GetAllQueuedTransfers: _since(1),
    m.GetAllQueuedTransfersResponse: _since(1, s.ALL_QUEUED_TRANSFERS),
    m.ScheduleDownload: _since(
        2,
        s.COMMAND_KEY,
        s.FILE_TYPE,
        s.URL,
        s.USERNAME,
        s.PASSWORD,
        s.FILE_SIZE,
        s.TARGET_FILE_NAME,
        s.TIME_WINDOWS,
    ),
    m.ScheduleDownloadResponse: _since(2),
    m.CancelTransfer: _since(2, s.COMMAND_KEY),
    m.CancelTransferResponse: _since(2),
    m.ChangeDUState: _since(2, s.OPERATIONS, s.OPTIONAL_COMMAND_KEY),
    m.ChangeDUStateResponse: _since(2),
    m.Inform: _since(
        0,
        s.DEVICE_ID,
        s.EVENTS,
        s.MAX_ENVELOPES,
        Field("current_time", "CurrentTime", s.TIME),
        Field("retry_count", "RetryCount", s.UNSIGNED),
        s.PARAMETER_VALUES,
    ),
    m.InformResponse: _since(0, s.MAX_ENVELOPES),
    m.TransferComplete: _since(0, s.COMMAND_KEY, s.TRANSFER_FAULT, s.START_TIME, s.COMPLETE_TIME),
    m.TransferCompleteResponse: _since(0),
    m.AutonomousTransferComplete: _since(
        1,
        Field("announce_url", "AnnounceURL", s.URL_1024),
        Field("transfer_url", "TransferURL", s.URL_1024),
        Field("is_download", "IsDownload", s.BOOLEAN),
        s.FILE_TYPE,
        s.FILE_SIZE,
        s.TARGET_FILE_NAME,
        s.TRANSFER_FAULT,
        s.START_TIME,
        s.COMPLETE_TIME,
    ),
    m.AutonomousTransferCompleteResponse: _since(1),
    m.Kicked: _since(
        0,
        Field("command", "Command", s.KEY),
        Field("referer", "Referer", s.TEXT_64),
        Field("arg", "Arg", s.TEXT_256),
        Field("next", "Next", s.URL_1024),
    ),
    m.KickedResponse: _since(0, Field("next_url", "NextURL", s.URL_1024)),
    m.RequestDownload: _since(0, s.FILE_TYPE, s.FILE_TYPE_ARGUMENTS),
    m.RequestDownloadResponse: _since(0),
    m.DUStateChangeComplete: _since(2, s.RESULTS, s.OPTIONAL_COMMAND_KEY),
    m.DUStateChangeCompleteResponse: _since(2),
    m.AutonomousDUStateChangeComplete: _since(2, s.AUTONOMOUS_RESULTS),
    m.AutonomousDUStateChangeCompleteResponse: _since(2),
}
"""Every message, in the order of the sections of TR-069 Annex A."""

ANSWERS: Mapping[type, type] = {
    request: answer
    for request in MESSAGES
    for answer in MESSAGES
    if answer.__name__ == f"{request.__name__}Response"
}
"""The answer that belongs to each request, when it is no `Fault`."""
