from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from cwmp_client.device_log import DeviceLog
from cwmp_client.endpoint import Endpoint
from cwmp_client.messages import (
    UNKNOWN_TIME,
    AutonomousTransferComplete,
    EventStruct,
    Fault,
    FaultStruct,
    GetParameterValues,
    Inform,
    TransferComplete,
)
from cwmp_client.outbox import Outbox
from tests.cwmp_client.acs_double import AcsDouble, Exchange, envelope
from tests.cwmp_client.cpe import (
    DIAGNOSTICS_COMPLETE,
    TEMPERATURE,
    TRANSFER_COMPLETE,
    VALUE_CHANGE,
    Cpe,
    notify,
    quiet,
    saved_events,
    temperature,
    transfer_complete,
    values_of,
)
from tests.cwmp_client.memory_journal import MemoryJournal


class TestRequests:
    async def test_they_are_sent_after_the_inform_and_forgotten_when_answered(
        self, acs: AcsDouble, cpe: Cpe
    ) -> None:
        seen: list[list[str]] = []

        async def look(_exchange: Exchange) -> None:
            seen.append(saved_events(cpe))

        acs.intercept = look
        endpoint = cpe.make()
        for key in ("a", "b"):
            events, request = transfer_complete(key)
            await endpoint.add_events(*events, requests=[request])
        async with cpe.running(cpe.make()):
            await acs.session_end()
        assert acs.bodies == ["Inform", "TransferComplete", "TransferComplete", ""]
        assert acs.event_codes == [["7 TRANSFER COMPLETE", "M Download", "M Download"]]
        assert seen[1:] == [seen[0], ["7 TRANSFER COMPLETE", "M Download"], []]
        assert cpe.journal.records["outbox"]["requests"] == []

    async def test_one_waits_for_a_session_whose_inform_has_room_for_its_event(
        self, acs: AcsDouble, cpe: Cpe
    ) -> None:
        endpoint = cpe.make()
        for number in range(70):
            events, request = transfer_complete(f"key {number}")
            await endpoint.add_events(*events, requests=[request])
        async with cpe.running(cpe.make()):
            await acs.session_end()
            await acs.session_end()
        assert [len(codes) for codes in acs.event_codes] == [64, 8]
        told: set[str] = set()
        for exchange in acs.exchanges:
            if isinstance(exchange.message, Inform):
                told |= {event.command_key for event in exchange.message.event}
            elif isinstance(exchange.message, TransferComplete):
                assert exchange.message.command_key in told
        assert acs.bodies.count("TransferComplete") == 70
        assert saved_events(cpe) == []

    async def test_a_new_value_waits_for_the_inform_that_has_room_for_its_event(
        self, acs: AcsDouble, cpe: Cpe
    ) -> None:
        await notify(cpe, 2)
        acs.informs.clear()
        endpoint = cpe.make()
        await endpoint.add_events(*(EventStruct("M Reboot", str(number)) for number in range(64)))
        await endpoint.value_changed(temperature("21"))
        async with cpe.running(cpe.make()):
            await acs.session_end()
            await acs.session_end()
        full, second = acs.informs
        assert len(full.event) == 64
        assert TEMPERATURE not in values_of(full)
        assert second.event == (VALUE_CHANGE,)
        assert TEMPERATURE in values_of(second)

    @pytest.mark.parametrize("readable", [True, False])
    async def test_a_request_that_the_acs_does_not_know_is_not_sent_again(
        self, acs: AcsDouble, cpe: Cpe, readable: bool
    ) -> None:
        request = AutonomousTransferComplete(
            "", "http://x/", True, "1 X", 1, "", FaultStruct(), UNKNOWN_TIME, UNKNOWN_TIME
        )

        async def refuse(exchange: Exchange) -> web.Response | None:
            if not isinstance(exchange.message, AutonomousTransferComplete):
                return None
            answer = envelope(Fault(8000, "Method not supported"), exchange)
            if readable:
                return answer
            assert isinstance(answer.body, bytes)
            broken = re.sub(rb"<([\w-]+):Body>", rb"<\1:Body:Fault>", answer.body)
            return web.Response(body=broken, content_type="text/xml")

        acs.intercept = refuse
        async with cpe.running() as endpoint:
            await endpoint.add_events(EventStruct("10 AUTONOMOUS TRANSFER COMPLETE"), requests=[request])
            await acs.session_end()
            assert endpoint.waiting == ()
        assert acs.bodies == ["Inform", "AutonomousTransferComplete", ""]

    async def test_a_request_without_an_answer_comes_again(self, acs: AcsDouble, cpe: Cpe) -> None:
        async def hang_up(exchange: Exchange) -> None:
            if isinstance(exchange.message, TransferComplete) and len(acs.informs) == 1:
                assert exchange.request.transport is not None
                acs.intercept = None
                exchange.request.transport.abort()

        acs.intercept = hang_up
        events, request = transfer_complete("a")
        async with cpe.running() as endpoint:
            await endpoint.add_events(*events, requests=[request])
            await acs.session_end()
        # The session went on in a new connection, and no event was told twice.
        assert acs.bodies == ["Inform", "TransferComplete", "TransferComplete", ""]
        assert len(acs.informs) == 1

    async def test_an_event_without_its_request_is_told_once_and_dropped(
        self, acs: AcsDouble, cpe: Cpe, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with cpe.running() as endpoint:
            await endpoint.add_events(TRANSFER_COMPLETE)
            await acs.next_inform()
            await quiet(acs)
            assert endpoint.waiting == ()
        assert "without a request" in caplog.text

    async def test_a_record_that_cannot_be_read_costs_only_its_own_request(
        self, acs: AcsDouble, cpe: Cpe, caplog: pytest.LogCaptureFixture
    ) -> None:
        events, request = transfer_complete("a")
        await cpe.make().add_events(*events, requests=[request])
        requests = cpe.journal.records["outbox"]["requests"]
        requests += ["nonsense", requests[0].replace("TransferComplete", "Unheard")]
        async with cpe.running():
            await acs.session_end()
        assert acs.bodies == ["Inform", "TransferComplete", ""]
        assert caplog.text.count("cannot be read") == 2


class TestDeathInMidSession:
    """A session with three events, a request and an RPC: Inform, TransferComplete, empty, response."""

    steps = 4

    async def start(self, cpe: Cpe) -> Endpoint:
        events, request = transfer_complete("a")
        endpoint = cpe.make()
        await endpoint.add_events(DIAGNOSTICS_COMPLETE, *events, requests=[request])
        cpe.acs.rpcs = [GetParameterValues((TEMPERATURE,))]
        return endpoint

    def expected(self, step: int) -> list[list[str]]:
        """The events of the Informs, when the answer to the POST of this number never arrives."""
        everything = ["8 DIAGNOSTICS COMPLETE", "7 TRANSFER COMPLETE", "M Download"]
        return [everything, [everything, ["7 TRANSFER COMPLETE", "M Download"], [], []][step]]

    @pytest.mark.parametrize("step", range(steps))
    async def test_kill_9(self, acs: AcsDouble, cpe: Cpe, step: int) -> None:
        endpoint = await self.start(cpe)
        killed = asyncio.Event()

        async def kill(_exchange: Exchange) -> web.Response | None:
            if len(acs.exchanges) == step + 1:
                acs.intercept = None
                killed.set()
                await asyncio.sleep(3600)
            return None

        acs.intercept = kill
        async with cpe.running(endpoint):
            async with asyncio.timeout(5):
                await killed.wait()
            snapshot: Mapping[str, Any] = dict(cpe.journal.records)
        cpe.journal = MemoryJournal(snapshot)
        await acs.next_inform()
        async with cpe.running() as endpoint:
            if endpoint.waiting:
                await acs.next_inform()
                await acs.session_end()
            await quiet(acs)
            assert endpoint.waiting == ()
        first, again = self.expected(step)
        assert acs.event_codes == [first, *([again] if again else [])]

    @pytest.mark.parametrize("step", range(steps))
    async def test_garbage(self, acs: AcsDouble, cpe: Cpe, step: int) -> None:
        endpoint = await self.start(cpe)

        async def break_down(_exchange: Exchange) -> web.Response | None:
            if len(acs.exchanges) == step + 1:
                acs.intercept = None
                return web.Response(body=b"<soap:Envelope", content_type="text/xml")
            return None

        acs.intercept = break_down
        async with cpe.running(endpoint):
            await acs.session_end()
            assert endpoint.waiting == ()
        assert acs.event_codes == self.expected(step)
        assert acs.informs[1].retry_count == 1


@pytest.mark.parametrize(
    "record", [5, [1], {"events": 5}, {"changes": [["a"]]}, {"scheduled": [1]}, {"requests": [1]}]
)
async def test_a_damaged_record_counts_as_none(record: Any, caplog: pytest.LogCaptureFixture) -> None:
    journal = MemoryJournal()
    with caplog.at_level(logging.WARNING):
        outbox = Outbox(journal, {"outbox": record}, DeviceLog(logging.getLogger("test"), "00D09E-Meter-42"))
    [line] = caplog.messages
    assert line.startswith("00D09E-Meter-42: the record 'outbox' is damaged, and left out: ")
    assert outbox.waiting == ()
    assert outbox.meet("http://acs.example/")
    await outbox.save()
    assert journal.records["outbox"]["acs_url"] == "http://acs.example/"
