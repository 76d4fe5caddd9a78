from __future__ import annotations

import subprocess
import sys

import pytest

from cwmp_client.messages import (
    UNKNOWN_TIME,
    AddObject,
    AddObjectResponse,
    AllQueuedTransferStruct,
    ArgStruct,
    AutonomousDUStateChangeComplete,
    AutonomousDUStateChangeCompleteResponse,
    AutonomousTransferComplete,
    AutonomousTransferCompleteResponse,
    AutonOpResultStruct,
    CancelTransfer,
    CancelTransferResponse,
    ChangeDUState,
    ChangeDUStateResponse,
    DeleteObject,
    DeleteObjectResponse,
    DeviceIdStruct,
    Download,
    DownloadResponse,
    DUStateChangeComplete,
    DUStateChangeCompleteResponse,
    EventStruct,
    FactoryReset,
    FactoryResetResponse,
    Fault,
    FaultStruct,
    GetAllQueuedTransfers,
    GetAllQueuedTransfersResponse,
    GetParameterAttributes,
    GetParameterAttributesResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    GetQueuedTransfers,
    GetQueuedTransfersResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Inform,
    InformResponse,
    InstallOpStruct,
    Kicked,
    KickedResponse,
    Message,
    OpResultStruct,
    ParameterAttributeStruct,
    ParameterInfoStruct,
    ParameterValueStruct,
    QueuedTransferStruct,
    Reboot,
    RebootResponse,
    RequestDownload,
    RequestDownloadResponse,
    ScheduleDownload,
    ScheduleDownloadResponse,
    ScheduleInform,
    ScheduleInformResponse,
    SetParameterAttributes,
    SetParameterAttributesResponse,
    SetParameterAttributesStruct,
    SetParameterValues,
    SetParameterValuesFault,
    SetParameterValuesResponse,
    TimeWindowStruct,
    TransferComplete,
    TransferCompleteResponse,
    UninstallOpStruct,
    UpdateOpStruct,
    Upload,
    UploadResponse,
)
from proxier.demo.acs_grammar import CWMP_1_2, NAMESPACES, grammar
from proxier.demo.acs_schema import departures
from proxier.demo.acs_soap import BadEnvelope, Header, read, read_by_spyne, write
from tests.proxier.demo import acs_envelopes as hand

UUID = "12345678-1234-1234-1234-123456789abc"
FIRMWARE = "1 Firmware Upgrade Image"
FAILED = FaultStruct(9010, "gone")
RESULT = (
    UUID,
    "Device.SoftwareModules.DeploymentUnit.1.",
    "1",
    "Installed",
    True,
    "",
    UNKNOWN_TIME,
    UNKNOWN_TIME,
)

MESSAGES: tuple[Message, ...] = (
    AddObject("Device.Hosts.Host.", "key"),
    AddObjectResponse(3, 0),
    AutonomousDUStateChangeComplete((AutonOpResultStruct(*RESULT, FaultStruct(9001, "no"), "Install"),)),
    AutonomousDUStateChangeCompleteResponse(),
    AutonomousTransferComplete("", "http://a/", True, FIRMWARE, 4, "f", FAILED, UNKNOWN_TIME, UNKNOWN_TIME),
    AutonomousTransferCompleteResponse(),
    CancelTransfer("key"),
    CancelTransferResponse(),
    ChangeDUStateResponse(),
    DeleteObject("Device.Hosts.Host.1.", ""),
    DeleteObjectResponse(1),
    Download("key", FIRMWARE, "http://a/", "u", "p", 3, "t", 5, "http://b/", "http://c/"),
    DownloadResponse(1),
    DUStateChangeComplete(
        (OpResultStruct(*RESULT, FaultStruct()), OpResultStruct(*RESULT, FaultStruct())), "key"
    ),
    DUStateChangeCompleteResponse(),
    FactoryReset(),
    FactoryResetResponse(),
    Fault(9005, "Invalid Parameter Name"),
    Fault(9003, "", (SetParameterValuesFault("a", 9007, "b"), SetParameterValuesFault("c", 9008))),
    GetAllQueuedTransfers(),
    GetAllQueuedTransfersResponse((AllQueuedTransferStruct("key", 2, True, FIRMWARE, 4, "t"),)),
    GetParameterAttributes(("Device.",)),
    GetParameterAttributesResponse(
        (ParameterAttributeStruct("Device.A", 1, ("Subscriber",)), ParameterAttributeStruct("Device.B", 0))
    ),
    GetParameterNames("", next_level=True),
    GetParameterNamesResponse((ParameterInfoStruct("Device.", False), ParameterInfoStruct("Device.A", True))),
    GetParameterNamesResponse(()),
    GetParameterValues(("Device.", "Device.A")),
    GetParameterValuesResponse(
        (
            ParameterValueStruct("Device.A", " <&> é \n", "string"),
            ParameterValueStruct("Device.B", "", "base64"),
        )
    ),
    GetQueuedTransfers(),
    GetQueuedTransfersResponse((QueuedTransferStruct("key", 1),)),
    GetRPCMethods(),
    GetRPCMethodsResponse(("Inform", "GetRPCMethods")),
    Inform(
        DeviceIdStruct("Maker", "00A0B0", "", "1"),
        (EventStruct("1 BOOT"), EventStruct("M Reboot", "key")),
        "2026-01-02T03:04:05.5+01:00",
        2,
        (ParameterValueStruct("Device.A", "4", "unsignedInt"),),
    ),
    InformResponse(),
    Kicked("a", "b", "c", "d"),
    KickedResponse("http://a/"),
    Reboot("key"),
    RebootResponse(),
    RequestDownload(FIRMWARE, (ArgStruct("name", "value"),)),
    RequestDownloadResponse(),
    ScheduleDownload(
        "key", FIRMWARE, "http://a/", "", "", 3, "t", (TimeWindowStruct(1, 2, "1 At Any Time", "", -1),)
    ),
    ScheduleDownloadResponse(),
    ScheduleInform(5, "key"),
    ScheduleInformResponse(),
    SetParameterAttributes((SetParameterAttributesStruct("Device.A", True, 2, True, ("Subscriber",)),)),
    SetParameterAttributesResponse(),
    SetParameterValues((ParameterValueStruct("Device.A", "true", "boolean"),), "key"),
    SetParameterValuesResponse(1),
    TransferComplete("key", FAILED, "2026-01-02T03:04:05Z", UNKNOWN_TIME),
    TransferCompleteResponse(),
    Upload("key", "2 Vendor Log File", "http://a/", "u", "p", 5),
    UploadResponse(0),
)
HEADER = Header(id="a <b>", hold_requests=True)


def name_of(message: Message) -> str:
    return type(message).__name__


def test_the_samples_are_all_messages() -> None:
    assert {name_of(message) for message in MESSAGES} | {"ChangeDUState"} == set(grammar(CWMP_1_2).messages)


@pytest.mark.parametrize(
    ("namespace", "message"),
    [
        pytest.param(namespace, message, id=f"{namespace[-3:]} {number} {name_of(message)}")
        for namespace in NAMESPACES
        for number, message in enumerate(MESSAGES)
        if name_of(message) in grammar(namespace).messages
    ],
)
def test_reads_what_it_writes(namespace: str, message: Message) -> None:
    written = write(message, namespace, HEADER)
    assert departures(written) == []
    found = read(written)
    assert (found.message, found.header, found.namespace) == (message, HEADER, namespace)


def test_writes_the_operations_of_change_du_state_with_their_types() -> None:
    operations = (InstallOpStruct("http://a/", UUID), UpdateOpStruct(UUID, "2"), UninstallOpStruct(UUID))
    written = write(ChangeDUState(operations, "key"), CWMP_1_2, Header())
    assert departures(written) == []
    for name in ("InstallOpStruct", "UpdateOpStruct", "UninstallOpStruct"):
        assert f'<Operations xsi:type="cwmp:{name}">'.encode() in written


def test_reads_the_header_of_an_inform() -> None:
    header = (
        "<cwmp:SessionTimeout>60</cwmp:SessionTimeout>"
        "<cwmp:SupportedCWMPVersions>1.0,1.4</cwmp:SupportedCWMPVersions>"
    )
    found = read(hand.envelope(hand.inform(), header=header).encode())
    assert found.header == Header(id="1", session_timeout="60", supported_cwmp_versions="1.0,1.4")


def test_writes_use_cwmp_version() -> None:
    written = write(InformResponse(), CWMP_1_2, Header(id="1", use_cwmp_version="1.2"))
    assert departures(written) == []
    assert b'<cwmp:UseCWMPVersion soap-env:mustUnderstand="1">1.2</cwmp:UseCWMPVersion>' in written


def test_refuses_what_departs_from_the_schema() -> None:
    with pytest.raises(BadEnvelope, match="declares 3 members and holds 2"):
        read(hand.envelope(hand.inform()).replace("EventStruct[2]", "EventStruct[3]").encode())


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("<MaxEnvelopes>1</MaxEnvelopes>", ""),
        ("<MaxEnvelopes>1</MaxEnvelopes>", "<MaxEnvelopes>1</MaxEnvelopes><MaxEnvelopes>1</MaxEnvelopes>"),
        ("<MaxEnvelopes>1<", "<MaxEnvelopes>one<"),
        ("<RetryCount>0<", "<RetryCount>4294967296<"),
        ("<OUI>00A0B0<", "<OUI>00a0b0<"),
        ("<ProductClass>Lamp<", f"<ProductClass>{65 * 'L'}<"),
        ("2026-01-02T03:04:05+01:00", "yesterday"),
    ],
)
def test_spyne_judges_on_its_own(there: str, here: str) -> None:
    good = hand.envelope(hand.inform())
    assert read_by_spyne(good.encode()).namespace == CWMP_1_2
    assert there in good
    with pytest.raises(BadEnvelope, match="spyne"):
        read_by_spyne(good.replace(there, here).encode())


def test_spyne_is_imported_without_a_warning() -> None:
    subprocess.run(
        [sys.executable, "-W", "error", "-c", "import proxier.demo.acs_soap"], check=True, capture_output=True
    )
