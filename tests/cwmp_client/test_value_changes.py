from __future__ import annotations

import pytest

from cwmp_client.messages import (
    AddObject,
    GetParameterNames,
    ParameterValueStruct,
    SetParameterValues,
)
from tests.cwmp_client.acs_double import AcsDouble, Exchange
from tests.cwmp_client.cpe import (
    BOOT,
    CONNECTION_REQUEST,
    SERVER,
    TEMPERATURE,
    VALUE_CHANGE,
    Cpe,
    answers_to,
    notify,
    notifying,
    quiet,
    temperature,
    values_of,
)


class TestValueChanges:
    async def test_an_active_one_opens_a_session(self, acs: AcsDouble, cpe: Cpe) -> None:
        await notify(cpe, 2)
        async with cpe.running() as endpoint:
            await endpoint.value_changed(temperature("25"))
            inform = await acs.next_inform()
        assert inform.event == (VALUE_CHANGE,)
        assert values_of(inform)[TEMPERATURE] == "20"

    @pytest.mark.parametrize("notification", [1, 4, 6])
    async def test_a_passive_one_rides_along_even_after_a_restart(
        self, acs: AcsDouble, cpe: Cpe, notification: int
    ) -> None:
        await notify(cpe, notification)
        async with cpe.running() as endpoint:
            await endpoint.value_changed(temperature("25"), ParameterValueStruct("Device.Gone", "x"))
            await quiet(acs)
        async with cpe.running() as endpoint:
            endpoint.connection_requested()
            inform = await acs.next_inform()
            assert set(inform.event) == {CONNECTION_REQUEST, VALUE_CHANGE}
            assert TEMPERATURE in values_of(inform)
            await acs.session_end()
            endpoint.connection_requested()
            inform = await acs.next_inform()
            assert inform.event == (CONNECTION_REQUEST,)
            assert TEMPERATURE not in values_of(inform)

    @pytest.mark.parametrize("notification", [0, 3, 5])
    async def test_others_are_not_told(self, cpe: Cpe, notification: int) -> None:
        await notify(cpe, notification)
        writes = len(cpe.journal.saves)
        endpoint = cpe.make()
        await endpoint.value_changed(temperature("25"))
        assert endpoint.waiting == ()
        assert len(cpe.journal.saves) == writes

    async def test_a_value_that_the_acs_set_is_no_news_once(self, acs: AcsDouble, cpe: Cpe) -> None:
        await notify(cpe, 2)
        acs.rpcs = [SetParameterValues((temperature("30"),))]
        async with cpe.running() as endpoint:
            endpoint.connection_requested()
            await acs.session_end()
            await acs.next_inform()
            await endpoint.value_changed(temperature("30"))
            assert endpoint.waiting == ()
            await endpoint.value_changed(temperature("30"))
            assert await acs.next_events() == (VALUE_CHANGE,)

    async def test_a_value_that_the_acs_could_not_set_is_news(self, acs: AcsDouble, cpe: Cpe) -> None:
        await notify(cpe, 2)
        acs.rpcs = [SetParameterValues((temperature("30"), ParameterValueStruct("Device.Nowhere", "")))]
        async with cpe.running() as endpoint:
            endpoint.connection_requested()
            await acs.session_end()
            await acs.next_inform()
            await endpoint.value_changed(temperature("30"))
            assert await acs.next_events() == (VALUE_CHANGE,)

    @pytest.mark.parametrize("reset", [False, True])
    async def test_a_value_of_before_it_was_watched_anew_is_news(
        self, acs: AcsDouble, cpe: Cpe, *, reset: bool
    ) -> None:
        await notify(cpe, 2)
        acs.rpcs = [
            SetParameterValues((temperature("30"),)),
            *(() if reset else (notifying(0), notifying(2))),
        ]
        async with cpe.running() as endpoint:
            endpoint.connection_requested()
            await acs.next_inform()
            await acs.session_end()
            if reset:
                acs.rpcs = [notifying(2)]
                await endpoint.factory_reset()
                await acs.next_inform()
                await acs.session_end()
            await endpoint.value_changed(temperature("30"))
            assert await acs.next_events() == (VALUE_CHANGE,)

    async def test_the_throttle_delays_a_session_for_nothing_else(self, acs: AcsDouble, cpe: Cpe) -> None:
        await notify(cpe, 2, DefaultActiveNotificationThrottle="1")
        async with cpe.running() as endpoint:
            endpoint.connection_requested()
            await acs.next_inform()
            await acs.session_end()
            await endpoint.value_changed(temperature("25"))
            await quiet(acs, 0.5)
            assert await acs.next_events() == (VALUE_CHANGE,)
            await acs.session_end()
            await endpoint.value_changed(temperature("26"))
            endpoint.connection_requested()
            assert set(await acs.next_events()) == {VALUE_CHANGE, CONNECTION_REQUEST}

    async def test_a_change_during_a_session_is_told_in_another(self, acs: AcsDouble, cpe: Cpe) -> None:
        await notify(cpe, 2)
        async with cpe.running() as endpoint:

            async def change(exchange: Exchange) -> None:
                if exchange.message is None and len(acs.informs) == 2:
                    await endpoint.value_changed(temperature("26"))

            acs.intercept = change
            await endpoint.value_changed(temperature("25"))
            assert await acs.next_events() == (VALUE_CHANGE,)
            assert await acs.next_events() == (VALUE_CHANGE,)
            await acs.session_end()
            await quiet(acs)

    async def test_a_new_connection_request_url_is_told(self, acs: AcsDouble, cpe: Cpe) -> None:
        cpe.connection_request_url = "http://127.0.0.1:1/new"
        for expected in ([VALUE_CHANGE], [BOOT]):
            async with cpe.running() as endpoint:
                if expected == [BOOT]:
                    await endpoint.add_events(BOOT)
                inform = await acs.next_inform()
                await acs.session_end()
            assert list(inform.event) == expected
            assert values_of(inform)[SERVER + "ConnectionRequestURL"] == "http://127.0.0.1:1/new"


class TestInformParameters:
    async def test_they_are_in_the_informs_that_they_name(self, acs: AcsDouble, cpe: Cpe) -> None:
        row = SERVER + "InformParameter.1."
        await answers_to(
            cpe,
            AddObject(SERVER + "InformParameter."),
            SetParameterValues(
                (
                    ParameterValueStruct(row + "ParameterName", TEMPERATURE),
                    ParameterValueStruct(row + "Enable", "true", "boolean"),
                )
            ),
        )
        await acs.next_inform()
        async with cpe.running() as endpoint:
            endpoint.connection_requested()
            assert values_of(await acs.next_inform())[TEMPERATURE] == "20"

    async def test_rows_are_named_as_the_acs_wants_it(self, acs: AcsDouble, cpe: Cpe) -> None:
        table = SERVER + "InformParameter."
        acs.rpcs = [
            AddObject(f"{table}[mine]."),
            SetParameterValues(
                (
                    ParameterValueStruct(f"{table}[mine].ParameterName", f"{table}*.EventList"),
                    ParameterValueStruct(f"{table}[mine].Enable", "1", "boolean"),
                    ParameterValueStruct(f"{SERVER}InstanceMode", "InstanceAlias"),
                )
            ),
            GetParameterNames("", next_level=False),
        ]
        async with cpe.running() as endpoint:
            endpoint.connection_requested()
            assert values_of(await acs.next_inform())[f"{SERVER}AliasBasedAddressing"] == "true"
            await acs.session_end()
            endpoint.connection_requested()
            assert f"{table}[mine].EventList" in values_of(await acs.next_inform())
