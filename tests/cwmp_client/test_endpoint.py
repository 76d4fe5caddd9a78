from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress

import pytest
from aiohttp import web

from cwmp_client.acs import AcsClient, AcsSettings
from cwmp_client.inform_parameters import FORCED_INFORM_PARAMETERS
from cwmp_client.messages import (
    EventStruct,
    Inform,
    ParameterValueStruct,
    ScheduleInform,
    ScheduleInformResponse,
    SetParameterValues,
)
from tests.cwmp_client.acs_double import AcsDouble, Exchange
from tests.cwmp_client.cpe import (
    BOOT,
    BOOTSTRAP,
    CONNECTION_REQUEST,
    DEVICE_ID,
    DIAGNOSTICS_COMPLETE,
    SERVER,
    Cpe,
    answers_to,
    codes,
    quiet,
    refusing,
    saved_events,
    values_of,
)


class TestFirstSession:
    async def test_a_new_device_begins_with_bootstrap_and_every_forced_parameter(
        self, acs: AcsDouble, new_cpe: Cpe
    ) -> None:
        async with new_cpe.running():
            await acs.session_end()
        (inform,) = acs.informs
        assert inform.device_id == DEVICE_ID
        assert inform.event == (BOOTSTRAP, BOOT)
        assert (inform.retry_count, inform.max_envelopes) == (0, 1)
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", inform.current_time)
        assert values_of(inform).keys() == set(FORCED_INFORM_PARAMETERS)
        assert values_of(inform)[SERVER + "ConnectionRequestURL"] == "http://127.0.0.1:7547/abc"
        assert acs.bodies == ["Inform", ""]

    async def test_events_are_saved_before_the_session_and_forgotten_with_its_first_answer(
        self, acs: AcsDouble, new_cpe: Cpe
    ) -> None:
        seen: list[list[str]] = []

        async def look(_exchange: Exchange) -> None:
            seen.append(saved_events(new_cpe))

        acs.intercept = look
        endpoint = new_cpe.make()
        await endpoint.add_events(DIAGNOSTICS_COMPLETE)
        everything = ["0 BOOTSTRAP", "1 BOOT", "8 DIAGNOSTICS COMPLETE"]
        assert saved_events(new_cpe) == everything
        async with new_cpe.running(endpoint):
            await acs.session_end()
        assert seen == [everything, []]
        assert acs.event_codes == [everything]

    async def test_a_restart_sends_no_second_bootstrap_and_writes_nothing(
        self, acs: AcsDouble, new_cpe: Cpe
    ) -> None:
        async with new_cpe.running():
            await acs.session_end()
        writes = len(new_cpe.journal.saves)
        async with new_cpe.running():
            await acs.next_inform()
            await quiet(acs)
        assert len(new_cpe.journal.saves) == writes

    async def test_made_credentials_survive_the_start(self, acs: AcsDouble, new_cpe: Cpe) -> None:
        async with new_cpe.running() as endpoint:
            await acs.session_end()
            credentials = endpoint.connection_request_credentials()
        assert new_cpe.make().connection_request_credentials() == credentials is not None

    async def test_a_full_disk_at_the_start_only_puts_the_session_off(
        self, acs: AcsDouble, new_cpe: Cpe
    ) -> None:
        new_cpe.journal.broken = True
        async with new_cpe.running():
            await quiet(acs)
            new_cpe.journal.broken = False
            assert await acs.next_events() == (BOOTSTRAP, BOOT)

    async def test_the_start_can_be_held_back_but_a_new_event_is_not(
        self, acs: AcsDouble, new_cpe: Cpe
    ) -> None:
        endpoint = new_cpe.make()
        task = asyncio.create_task(endpoint.run(start_delay_seconds=3600))
        await quiet(acs)
        await endpoint.add_events(DIAGNOSTICS_COMPLETE)
        assert await acs.next_events() == (BOOTSTRAP, BOOT, DIAGNOSTICS_COMPLETE)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class TestRetries:
    async def test_events_come_again_with_the_retry_count(
        self, acs: AcsDouble, cpe: Cpe, caplog: pytest.LogCaptureFixture
    ) -> None:
        acs.intercept = refusing(503, 2)
        async with cpe.running() as endpoint:
            await endpoint.add_events(BOOT)
            await acs.next_inform()
            second, third = await acs.next_inform(), await acs.next_inform()
            await acs.session_end()
            assert endpoint.last_session is not None
            await endpoint.add_events(DIAGNOSTICS_COMPLETE)
            fourth = await acs.next_inform()
        assert [inform.retry_count for inform in (second, third, fourth)] == [1, 2, 0]
        assert second.event == third.event == (BOOT,)
        assert "AABBCC-50%-S1: session with 1 BOOT failed: HTTP status 503; retry 1 in 1 s" in caplog.text

    async def test_a_new_event_does_not_wait_for_the_retry(self, acs: AcsDouble, cpe: Cpe) -> None:
        cpe.defaults["retry_minimum_wait"] = 3600
        acs.intercept = refusing(503, 1)
        async with cpe.running() as endpoint:
            await endpoint.add_events(BOOT)
            await acs.next_inform()
            await quiet(acs)
            assert endpoint.last_session is not None
            assert endpoint.last_session.outcome == "HTTP status 503"
            await endpoint.add_events(BOOT)
            await quiet(acs)
            await endpoint.add_events(DIAGNOSTICS_COMPLETE)
            inform = await acs.next_inform()
            assert inform.event == (BOOT, DIAGNOSTICS_COMPLETE)
            assert inform.retry_count == 1

    async def test_a_session_that_breaks_after_the_inform_is_retried_without_its_events(
        self, acs: AcsDouble, cpe: Cpe
    ) -> None:
        async def break_down(exchange: Exchange) -> web.Response | None:
            if exchange.message is None and len(acs.informs) == 1:
                return web.Response(body=b"<garbage")
            return None

        acs.intercept = break_down
        async with cpe.running() as endpoint:
            await endpoint.add_events(BOOT)
            await acs.session_end()
        assert [(inform.event, inform.retry_count) for inform in acs.informs] == [((BOOT,), 0), ((), 1)]

    async def test_what_cannot_be_saved_is_not_told(
        self, acs: AcsDouble, cpe: Cpe, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with cpe.running() as endpoint:
            endpoint.connection_requested()
            await acs.next_inform()
            await acs.session_end()
            cpe.journal.broken = True
            with pytest.raises(OSError, match="full"):
                await endpoint.add_events(DIAGNOSTICS_COMPLETE)
            endpoint.connection_requested()
            await quiet(acs)
            assert "by a fault of ours" in caplog.text
            cpe.journal.broken = False
            assert await acs.next_events() == (DIAGNOSTICS_COMPLETE,)


class TestConnectionRequests:
    async def test_one_opens_a_session_and_is_saved_nowhere(self, acs: AcsDouble, cpe: Cpe) -> None:
        async with cpe.running() as endpoint:
            endpoint.connection_requested()
            endpoint.connection_requested()
            assert await acs.next_events() == (CONNECTION_REQUEST,)
            await acs.session_end()
            await quiet(acs)

    async def test_one_is_not_retried(self, acs: AcsDouble, cpe: Cpe) -> None:
        acs.intercept = refusing(500, 1)
        async with cpe.running() as endpoint:
            endpoint.connection_requested()
            await acs.next_inform()
            await quiet(acs, 1.2)
            assert endpoint.waiting == ()
            await endpoint.add_events(BOOT)
            assert (await acs.next_inform()).retry_count == 0

    async def test_refusals(self, acs: AcsDouble, cpe: Cpe) -> None:
        refusals: list[str] = []
        async with cpe.running() as endpoint:

            async def look(_exchange: Exchange) -> None:
                refusals.append(endpoint.connection_request_refusal())

            acs.intercept = look
            assert endpoint.connection_request_refusal() == ""
            endpoint.connection_requested()
            await acs.session_end()
            endpoint.online = False
            refusals.append(endpoint.connection_request_refusal())
        assert refusals == ["a session is open", "a session is open", "the device is offline"]


class TestPeriodicInforms:
    async def test_they_come_at_their_interval_and_the_acs_changes_it_at_once(
        self, acs: AcsDouble, cpe: Cpe
    ) -> None:
        acs.rpcs = [
            SetParameterValues(
                (
                    ParameterValueStruct(SERVER + "PeriodicInformEnable", "1", "boolean"),
                    ParameterValueStruct(SERVER + "PeriodicInformInterval", "1", "unsignedInt"),
                )
            )
        ]
        async with cpe.running() as endpoint:
            await endpoint.add_events(BOOT)
            assert codes(await acs.next_events()) == ["1 BOOT"]
            await acs.session_end()
            assert codes(await acs.next_events()) == ["2 PERIODIC"]
            await acs.session_end()
            acs.rpcs = [
                SetParameterValues((ParameterValueStruct(SERVER + "PeriodicInformEnable", "0", "boolean"),))
            ]
            assert codes(await acs.next_events()) == ["2 PERIODIC"]
            await quiet(acs, 1.2)

    async def test_an_offline_device_holds_them_and_still_delivers_what_is_finished(
        self, acs: AcsDouble, cpe: Cpe
    ) -> None:
        cpe.defaults |= {"periodic_inform_enable": True, "periodic_inform_interval": 1}
        cpe.online = False
        async with cpe.running() as endpoint:
            await quiet(acs, 1.2)
            await endpoint.add_events(DIAGNOSTICS_COMPLETE)
            assert await acs.next_events() == (DIAGNOSTICS_COMPLETE,)
            endpoint.online = True
            assert codes(await acs.next_events()) == ["2 PERIODIC"]
            assert endpoint.online


class TestScheduleInform:
    async def test_it_comes_with_its_command_key_even_after_a_restart(self, acs: AcsDouble, cpe: Cpe) -> None:
        assert await answers_to(cpe, ScheduleInform(1, "later")) == [ScheduleInformResponse()]
        async with cpe.running():
            await acs.next_inform()
            assert await acs.next_events() == (
                EventStruct("3 SCHEDULED"),
                EventStruct("M ScheduleInform", "later"),
            )
        assert cpe.journal.records["outbox"]["scheduled"] == []


class TestManyDevices:
    async def test_no_more_sessions_than_allowed_and_one_for_each_device(self, acs: AcsDouble) -> None:
        open_now = most = 0

        async def count(exchange: Exchange) -> None:
            nonlocal open_now, most
            open_now += isinstance(exchange.message, Inform)
            most = max(most, open_now)
            await asyncio.sleep(0.005)
            open_now -= exchange.message is None

        acs.intercept = count
        client = AcsClient(AcsSettings(max_sessions=3))
        async with asyncio.TaskGroup() as tasks:
            running = []
            for _ in range(10):
                cpe = Cpe(acs)
                cpe.client = client
                running.append(tasks.create_task(cpe.make().run()))
            for _ in range(10):
                await acs.session_end()
            for task in running:
                task.cancel()
        await client.close()
        assert most == 3
        assert len(acs.informs) == 10


async def test_every_line_names_the_device_and_none_a_password(
    acs: AcsDouble, cpe: Cpe, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "cwmp_client")
    secret = "very secret"
    cpe.defaults |= {"username": "cpe", "password": secret}
    acs.intercept = refusing(401, 1)
    await answers_to(cpe, SetParameterValues((ParameterValueStruct(SERVER + "Password", secret),), "K"))
    lines = [record for record in caplog.records if record.name.startswith("cwmp_client")]
    assert lines
    for record in lines:
        assert record.getMessage().startswith("AABBCC-50%-S1: ")
        assert record.__dict__["device"] == "AABBCC-50%-S1"
        assert "\n" not in record.getMessage()
        assert secret not in record.getMessage()
