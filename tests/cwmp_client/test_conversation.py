from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from cwmp_client import soap
from cwmp_client.messages import (
    UNKNOWN_TIME,
    DUStateChangeComplete,
    DUStateChangeCompleteResponse,
    EventStruct,
    Fault,
    FaultStruct,
    GetParameterValues,
    GetParameterValuesResponse,
    Inform,
    OpResultStruct,
    ParameterValueStruct,
    SetParameterValues,
)
from tests.cwmp_client.acs_double import AcsDouble, Exchange, envelope, running_acs
from tests.cwmp_client.cpe import (
    BOOT,
    BOOTSTRAP,
    DIAGNOSTICS_COMPLETE,
    SERVER,
    TEMPERATURE,
    Cpe,
    notify,
    refusing,
    temperature,
    transfer_complete,
    values_of,
)

DU_STATE_CHANGE_COMPLETE = DUStateChangeComplete(
    (OpResultStruct("", "", "", "Installed", True, "", UNKNOWN_TIME, UNKNOWN_TIME, FaultStruct()),), "k"
)


def namespaces(acs: AcsDouble) -> list[str]:
    return [exchange.namespace[-3:] for exchange in acs.exchanges if exchange.body]


class TestVersions:
    @pytest.mark.parametrize(
        ("how", "tried"),
        [
            ("8006", ["1-2", "1-1", "1-0", "1-0", "1-0"]),
            ("400", ["1-2", "1-1", "1-0", "1-2", "1-1", "1-0", "1-0"]),
        ],
    )
    async def test_an_older_one_is_tried_at_once_and_kept(
        self, acs: AcsDouble, cpe: Cpe, how: str, tried: list[str]
    ) -> None:
        async def refuse(exchange: Exchange) -> web.Response | None:
            if exchange.namespace == soap.NAMESPACES["1.0"] or not isinstance(exchange.message, Inform):
                return None
            return web.Response(status=400) if how == "400" else envelope(Fault(8006), exchange)

        acs.intercept = refuse
        async with cpe.running() as endpoint:
            for _ in range(3):
                endpoint.connection_requested()
                await acs.session_end()
                assert endpoint.waiting == ()
        assert namespaces(acs) == tried
        assert {inform.retry_count for inform in acs.informs} == {0}

    async def test_a_400_that_passes_does_not_cost_the_version(self, acs: AcsDouble, cpe: Cpe) -> None:
        async with cpe.running() as endpoint:
            for _ in range(2):
                acs.intercept = refusing(400, 1)
                for _ in range(2):
                    endpoint.connection_requested()
                    await acs.session_end()
        assert namespaces(acs) == ["1-2", "1-1", "1-2"] * 2

    async def test_a_400_that_passes_does_not_cost_a_request_that_older_versions_lack(
        self, acs: AcsDouble, cpe: Cpe
    ) -> None:
        refuse = refusing(400, 1)

        async def answer(exchange: Exchange) -> web.Response | None:
            if isinstance(exchange.message, DUStateChangeComplete):
                return envelope(DUStateChangeCompleteResponse(), exchange)
            refusal: web.Response | None = await refuse(exchange)
            return refusal

        acs.intercept = answer
        events = (EventStruct("11 DU STATE CHANGE COMPLETE"), EventStruct("M ChangeDUState", "k"))
        async with cpe.running() as endpoint:
            await endpoint.add_events(*events, requests=[DU_STATE_CHANGE_COMPLETE])
            await acs.session_end()
            await acs.session_end()
            assert endpoint.waiting == ()
        assert acs.bodies == ["Inform", "Inform", "", "Inform", "DUStateChangeComplete", ""]

    async def test_an_acs_that_knows_no_such_request_is_not_asked_for_ever(
        self, acs: AcsDouble, cpe: Cpe
    ) -> None:
        async def refuse(exchange: Exchange) -> web.Response | None:
            newest = exchange.namespace == soap.NAMESPACES["1.4"] and isinstance(exchange.message, Inform)
            return web.Response(status=400) if newest else None

        acs.intercept = refuse
        events = (EventStruct("11 DU STATE CHANGE COMPLETE"), EventStruct("M ChangeDUState", "k"))
        async with cpe.running() as endpoint:
            await endpoint.add_events(*events, requests=[DU_STATE_CHANGE_COMPLETE])
            for _ in range(3):
                await acs.session_end()
            assert endpoint.waiting == ()
        assert namespaces(acs) == ["1-2", "1-1", "1-2", "1-1", "1-1"]

    async def test_when_none_is_taken_the_newest_comes_first_again(self, acs: AcsDouble, cpe: Cpe) -> None:
        acs.intercept = refusing(400, 3)
        async with cpe.running() as endpoint:
            await endpoint.add_events(BOOT)
            await acs.session_end()
        assert namespaces(acs) == ["1-2", "1-1", "1-0", "1-2"]
        assert [inform.retry_count for inform in acs.informs] == [0, 0, 0, 1]


class TestAfterEachSession:
    async def test_it_runs_after_every_session_and_a_fault_in_it_ends_nothing(
        self, cpe: Cpe, caplog: pytest.LogCaptureFixture
    ) -> None:
        done = asyncio.Queue[bool]()

        async def note() -> None:
            done.put_nowait(endpoint.in_session)

        async def fail() -> None:
            raise RuntimeError("a fault of the owner")

        async with cpe.running() as endpoint:
            endpoint.after_each_session(fail)
            endpoint.after_each_session(note)
            for _ in range(2):
                endpoint.connection_requested()
                async with asyncio.timeout(5):
                    assert await done.get() is False
        assert caplog.text.count("after the session failed") == 2


class TestAnotherAcs:
    async def test_a_new_url_is_used_after_the_session_with_bootstrap(self, acs: AcsDouble, cpe: Cpe) -> None:
        async with running_acs() as other:
            acs.rpcs = [
                SetParameterValues((ParameterValueStruct(SERVER + "URL", other.url),)),
                GetParameterValues((SERVER + "URL",)),
            ]
            async with cpe.running() as endpoint:
                await endpoint.add_events(BOOT)
                assert await other.next_events() == (BOOTSTRAP,)
                await other.session_end()
            assert len(acs.informs) == 1
            last = acs.answers[-1]
            assert isinstance(last, GetParameterValuesResponse)
            assert last.parameter_list[0].value == other.url
            async with cpe.running() as endpoint:
                endpoint.connection_requested()
                await other.next_inform()
            assert len(other.informs) == 2

    async def test_a_power_cut_in_between_loses_no_bootstrap(self, cpe: Cpe) -> None:
        async with running_acs() as other:
            cpe.defaults["url"] = other.url
            async with cpe.running():
                assert await other.next_events() == (BOOTSTRAP,)

    async def test_a_factory_reset_forgets_what_the_acs_set(self, acs: AcsDouble, cpe: Cpe) -> None:
        await notify(cpe, 2)
        events, request = transfer_complete("a")
        endpoint = cpe.make()
        await endpoint.add_events(*events, requests=[request])
        await endpoint.value_changed(temperature("1"))
        await endpoint.factory_reset()
        assert "attributes" not in cpe.journal.records
        async with cpe.running(cpe.make()) as endpoint:
            inform = await acs.next_inform()
            await acs.session_end()
            assert endpoint.parameters.notification(TEMPERATURE) == 0
        assert inform.event == (BOOTSTRAP,)
        assert TEMPERATURE not in values_of(inform)
        assert values_of(inform)[SERVER + "ParameterKey"] == ""

    async def test_a_reboot_forgets_what_does_not_survive_it(self, cpe: Cpe) -> None:
        await notify(cpe, 2)
        endpoint = cpe.make()
        await endpoint.add_events(DIAGNOSTICS_COMPLETE, EventStruct("M Reboot", "k"))
        await endpoint.value_changed(temperature("1"))
        await endpoint.rebooted()
        assert cpe.make().waiting == (EventStruct("M Reboot", "k"),)
        assert cpe.journal.records["outbox"]["changes"] == []
