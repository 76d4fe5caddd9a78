from __future__ import annotations

from collections.abc import Sequence

import pytest

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import (
    AddObject,
    AllQueuedTransferStruct,
    CancelTransfer,
    CancelTransferResponse,
    DeleteObject,
    Download,
    DownloadResponse,
    FactoryReset,
    Fault,
    GetAllQueuedTransfers,
    GetAllQueuedTransfersResponse,
    GetParameterAttributes,
    GetParameterNames,
    GetParameterValues,
    GetQueuedTransfers,
    GetQueuedTransfersResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    ParameterValueStruct,
    QueuedTransferStruct,
    Reboot,
    RebootResponse,
    ScheduleInform,
    ScheduleInformResponse,
    SetParameterAttributes,
    SetParameterAttributesStruct,
    SetParameterValues,
    SetParameterValuesResponse,
)
from tests.cwmp_client.cpe import (
    SERVER,
    TEMPERATURE,
    Cpe,
    answers_to,
)


class Queue:
    """Transfers of which one may be cancelled."""

    def requested(self) -> Sequence[AllQueuedTransferStruct]:
        return [AllQueuedTransferStruct("a", 1, True, "1 Firmware Upgrade Image", 9, "f")] * 20

    def autonomous(self) -> Sequence[AllQueuedTransferStruct]:
        return [AllQueuedTransferStruct("", 2, True, "1 Firmware Upgrade Image", 9, "f")]

    async def cancel(self, command_key: str) -> None:
        if command_key != "a":
            raise CwmpFault(9021, "too late")


class TestRpcs:
    async def test_get_rpc_methods_tells_the_truth(self, cpe: Cpe) -> None:
        async def download(_request: Download) -> DownloadResponse:
            return DownloadResponse(1)

        cpe.methods = {Download: download}
        answers = await answers_to(
            cpe, GetRPCMethods(), Download("k", "1 Firmware Upgrade Image", "http://x/")
        )
        assert answers == [
            GetRPCMethodsResponse(
                (
                    "GetRPCMethods",
                    "SetParameterValues",
                    "GetParameterValues",
                    "GetParameterNames",
                    "SetParameterAttributes",
                    "GetParameterAttributes",
                    "AddObject",
                    "DeleteObject",
                    "ScheduleInform",
                    "GetQueuedTransfers",
                    "GetAllQueuedTransfers",
                    "CancelTransfer",
                    "Download",
                )
            ),
            DownloadResponse(1),
        ]

    async def test_the_parameter_rpcs(self, cpe: Cpe) -> None:
        row = SERVER + "InformParameter.1."
        attributes = SetParameterAttributesStruct(TEMPERATURE, notification_change=True, notification=1)
        answers = await answers_to(
            cpe,
            GetParameterNames("Device.DeviceInfo.", next_level=True),
            SetParameterValues((ParameterValueStruct(TEMPERATURE, "21"),), "K1"),
            GetParameterValues((TEMPERATURE, SERVER + "ParameterKey")),
            SetParameterAttributes((attributes,)),
            GetParameterAttributes((TEMPERATURE,)),
            AddObject(SERVER + "InformParameter.", "K2"),
            DeleteObject(row, "K3"),
            DeleteObject(row, "K4"),
        )
        names, status, values, _, found, added, deleted, gone = answers
        assert [info.name.rpartition(".")[2] for info in names.parameter_list] == [
            "HardwareVersion",
            "SoftwareVersion",
            "ProvisioningCode",
        ]
        assert status == SetParameterValuesResponse(0)
        assert sorted(value.value for value in values.parameter_list) == ["21", "K1"]
        assert found.parameter_list == ((TEMPERATURE, 1, ()),)
        assert (added.instance_number, added.status, deleted.status) == (1, 0, 0)
        assert gone == Fault(9005, row)
        assert cpe.server.parameter_key == "K3"

    async def test_faults_name_their_culprits(self, cpe: Cpe) -> None:
        (fault,) = await answers_to(
            cpe, SetParameterValues((ParameterValueStruct("Device.Nowhere", "1"),), "K")
        )
        assert (fault.fault_code, [each.fault_code for each in fault.set_parameter_values_faults]) == (
            9003,
            [9005],
        )

    async def test_what_is_not_supported_is_9000_and_what_breaks_is_9002(
        self, cpe: Cpe, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def break_down(_request: Reboot) -> RebootResponse:
            raise RuntimeError("a fault of ours")

        async def misunderstand(_request: Download) -> RebootResponse:
            return RebootResponse()

        cpe.methods = {Reboot: break_down, Download: misunderstand}
        answers = await answers_to(cpe, FactoryReset(), Reboot("k"), Download("k", "1 X", "http://x/"))
        assert [answer.fault_code for answer in answers] == [9000, 9002, 9002]
        assert "AABBCC-50%-S1: Reboot failed" in caplog.text

    async def test_queued_transfers(self, cpe: Cpe) -> None:
        cpe.transfers = Queue()
        queued, everything, cancelled, refused = await answers_to(
            cpe, GetQueuedTransfers(), GetAllQueuedTransfers(), CancelTransfer("a"), CancelTransfer("b")
        )
        assert queued == GetQueuedTransfersResponse((QueuedTransferStruct("a", 1),) * 16)
        assert len(everything.transfer_list) == 16
        assert cancelled == CancelTransferResponse()
        assert refused == Fault(9021, "too late")

    async def test_a_device_without_transfers_has_none(self, cpe: Cpe) -> None:
        assert await answers_to(cpe, GetQueuedTransfers(), GetAllQueuedTransfers(), CancelTransfer("a")) == [
            GetQueuedTransfersResponse(()),
            GetAllQueuedTransfersResponse(()),
            CancelTransferResponse(),
        ]

    async def test_a_schedule_inform_is_never_at_once(self, cpe: Cpe) -> None:
        assert (await answers_to(cpe, ScheduleInform(0, "k")))[0].fault_code == 9003

    async def test_there_is_an_end_to_schedule_informs(self, cpe: Cpe) -> None:
        answers = await answers_to(cpe, *[ScheduleInform(3600, "k")] * 65)
        assert answers[:64] == [ScheduleInformResponse()] * 64
        assert answers[64].fault_code == 9004
