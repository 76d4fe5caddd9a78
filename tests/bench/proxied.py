"""Rows 2, 3 and 4: sessions in which a device is asked, and long lists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from lxml import etree
from yarl import URL

from proxier.demo.device_model import LOAD, LOAD_PARAMETERS_IN_A_ROW
from tests.bench.acs_stub import asking_names, asking_values
from tests.bench.bare import (
    Answering,
    BareAcsClient,
    BareControlPoint,
    connected,
    inform,
    names_in,
    names_response,
    values_response,
)
from tests.bench.device_stub import serial_of
from tests.bench.home import Home, at_home
from tests.bench.measuring import Compared, in_turns, peak_of
from tests.bench.sizes import Sizes
from tests.bench.stubs import Cast
from tests.bench.table import Line, Unit

PLAN = "/plan"
ENTRIES = "Device.X_00005E_Load.Entry."
LOADED = "Device.X_00005E_Load."
READINGS, PARAMETERS_IN_A_READING = 4, 25
SERVICE_TYPE = "urn:schemas-upnp-org:service:ConfigurationManagement:2"
CONTROL = "/control/ConfigurationManagement"


def load_names(count: int) -> list[str]:
    """The names of so many parameters of the devices' load."""
    in_a_row = LOAD_PARAMETERS_IN_A_ROW
    return [f"{ENTRIES}{n // in_a_row + 1}.Value{n % in_a_row}" for n in range(count)]


def upnp_path(name: str) -> str:
    row, column = name.removeprefix(ENTRIES).split(".")
    return f"{LOAD}{int(row) - 1}/{column}"


def cwmp_name(path: str) -> str:
    row, column = path.removeprefix(LOAD).split("/")
    return f"{ENTRIES}{int(row) + 1}.{column}"


async def proxied_sessions(sizes: Sizes) -> AsyncIterator[Line]:
    names = load_names(READINGS * PARAMETERS_IN_A_READING)
    asked = [names[n : n + PARAMETERS_IN_A_READING] for n in range(0, len(names), PARAMETERS_IN_A_READING)]
    cast = Cast(
        plans={PLAN: asking_values(*asked)}, devices=sizes.devices, parameters=len(names), eventing=True
    )
    async with at_home(cast, PLAN) as home, connected() as http:
        control_point = BareControlPoint(http)

        def answering(control_url: str) -> Answering:
            async def answer(number: str, request: etree._Element) -> bytes:
                paths = {upnp_path(name): name for name in names_in(request)}
                values = await control_point.values(control_url, SERVICE_TYPE, paths)
                return values_response(
                    number, [(paths[path], value, "string") for path, value in values.items()]
                )

            return answer

        bare = BareSessions(home, BareAcsClient(http, home.stage.acs + PLAN), answering)
        repeats = -(-sizes.sessions // sizes.devices)
        found = await in_turns(
            lambda: home.hold(repeats),
            lambda: bare.hold(repeats),
            rounds=sizes.rounds,
            units=repeats * sizes.devices,
        )
    yield _line("2", "session with 4 proxied GetParameterValues of 25", found, reach=1.4)


async def long_values(sizes: Sizes) -> AsyncIterator[Line]:
    cast = Cast(plans={PLAN: asking_values([LOADED])}, devices=1, parameters=sizes.parameters, eventing=True)
    async with at_home(cast, PLAN) as home, connected() as http:
        control_point = BareControlPoint(http)

        def answering(control_url: str) -> Answering:
            async def answer(number: str, _: etree._Element) -> bytes:
                values = await control_point.values(control_url, SERVICE_TYPE, [LOAD.removesuffix("Entry/")])
                return values_response(
                    number, [(cwmp_name(path), value, "string") for path, value in values.items()]
                )

            return answer

        before = await home.counts()
        peak = await peak_of(home.hold)
        answer = (await home.counts())["bytes"] - before["bytes"]
        bare = BareSessions(home, BareAcsClient(http, home.stage.acs + PLAN), answering)
        found = await in_turns(home.hold, bare.hold, rounds=sizes.rounds)
    yield Line(
        row="3",
        what="peak memory above idle for that, beside the answer",
        product=peak,
        yardstick=answer,
        unit=Unit.BYTES,
        figure=peak / answer,
        reach=6,
    )
    yield _line("3", f"GetParameterValues of {sizes.parameters:,} proxied parameters", found, reach=1.5)


async def long_names(sizes: Sizes) -> AsyncIterator[Line]:
    cast = Cast(plans={PLAN: asking_names(LOADED)}, devices=1, parameters=sizes.parameters, eventing=True)
    names = dict.fromkeys(load_names(sizes.parameters), True)
    async with at_home(cast, PLAN) as home, connected() as http:

        def answering(_: str) -> Answering:
            async def answer(number: str, _: etree._Element) -> bytes:
                return names_response(number, names)

            return answer

        bare = BareSessions(home, BareAcsClient(http, home.stage.acs + PLAN), answering)
        found = await in_turns(home.hold, bare.hold, rounds=sizes.rounds)
    yield _line("4", f"GetParameterNames of {sizes.parameters:,} parameters, warm", found, reach=1.5)


class BareSessions:
    """A session for each device; `answering` makes what answers the ACS from the device's controlURL."""

    def __init__(self, home: Home, acs: BareAcsClient, answering: Callable[[str], Answering]) -> None:
        self._acs = acs
        self._answers = [answering(str(URL(each).with_path(CONTROL))) for each in home.stage.locations]

    async def hold(self, repeats: int = 1) -> None:
        for _ in range(repeats):
            async with asyncio.TaskGroup() as tasks:
                for number, answer in enumerate(self._answers):
                    body = inform(serial_of(number), "6 CONNECTION REQUEST")
                    tasks.create_task(self._acs.session(body, answer))


def _line(row: str, what: str, found: Compared, *, reach: float) -> Line:
    return Line(
        row=row, what=what, product=found.product, yardstick=found.yardstick, figure=found.ratio, reach=reach
    )
