"""Rows on real sockets: their numbers and their aliases, whatever happens to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwmp_client.messages import (
    AcsRequest,
    AddObject,
    AddObjectResponse,
    CpeResponse,
    DeleteObject,
    EventCode,
    FactoryReset,
    GetParameterValues,
    GetParameterValuesResponse,
    ParameterValueStruct,
    SetParameterValues,
)
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.device import SimulatedDevice
from tests.proxier.managed import (
    MANAGEMENT_SERVER,
    MAPPINGS,
    MAPPINGS_PATH,
    Managed,
    counted_device,
    id_of,
    managed_device,
    state_of,
)
from tests.proxier.running import report_of, settings_for

pytestmark = pytest.mark.usefixtures("own_group")


@pytest.fixture
async def managed(acs: EmbeddedAcs, tmp_path: Path) -> AsyncIterator[Managed]:
    async with managed_device(acs, tmp_path) as managed:
        yield managed


@pytest.fixture
async def counted(acs: EmbeddedAcs, tmp_path: Path) -> AsyncIterator[Managed]:
    async with counted_device(acs, tmp_path, extra_parameters=300) as managed:
        yield managed


async def test_an_inform_says_that_there_are_aliases(managed: Managed) -> None:
    inform = managed.acs.informs[0]
    assert inform.parameters[f"{MANAGEMENT_SERVER}AliasBasedAddressing"] in {"1", "true"}


async def test_every_row_has_an_alias_that_addresses_it(managed: Managed) -> None:
    names = await managed.names("", next_level=False)
    rows = [name for name in names if name[:-1].rpartition(".")[2].isdecimal() and name.endswith(".")]
    assert len(rows) > 5
    assert all(names[f"{row}Alias"] for row in rows)
    found = await managed.read(*(f"{row}Alias" for row in rows))
    by_alias = {}
    for row in rows:
        table, _, number = row[:-1].rpartition(".")
        assert found[f"{row}Alias"] == f"cpe-{number}"
        by_alias[f"{table}.[cpe-{number}].Alias"] = f"cpe-{number}"
    assert await managed.read(*by_alias) == by_alias


async def test_a_row_is_made_named_found_and_deleted_by_its_alias(managed: Managed) -> None:
    web = f"{MAPPINGS}[web]."
    assert await managed.add(web) == 2
    await managed.write({f"{web}Description": "by alias"})
    assert managed.device.values[f"{MAPPINGS_PATH}1/Description"] == "by alias"
    await managed.write({f"{web}Alias": "www"})
    assert await managed.read(f"{MAPPINGS}2.Alias") == {f"{MAPPINGS}2.Alias": "www"}
    assert (await managed.fault(GetParameterValues((web,)))).code == 9005
    assert (await managed.fault(AddObject(f"{MAPPINGS}[www].", ""))).code == 9005
    await managed.delete(f"{MAPPINGS}[www].")
    assert await managed.names(MAPPINGS) == {f"{MAPPINGS}1.": True}


async def test_answers_and_informs_have_the_aliases_that_the_acs_wants(managed: Managed) -> None:
    await managed.write({f"{MAPPINGS}1.Alias": "web", f"{MANAGEMENT_SERVER}InstanceMode": "InstanceAlias"})
    assert await managed.names(MAPPINGS) == {f"{MAPPINGS}[web].": True}
    name = f"{MAPPINGS}[web].Description"
    assert name in await managed.read("Device.")
    await managed.notify({name: 2})
    managed.device.change(f"{MAPPINGS_PATH}0/Description", "theirs")
    await managed.acs.wait_event(EventCode.VALUE_CHANGE)
    assert managed.changes() == [{name: "theirs"}]


async def test_rows_are_made_by_setting_them_if_the_acs_wants_that(counted: Managed) -> None:
    web = f"{MAPPINGS}[web]."
    request = SetParameterValues((ParameterValueStruct(f"{web}Description", "x"),), "")
    [culprit] = (await counted.fault(request)).parameters
    assert (culprit.parameter_name, culprit.fault_code) == (f"{web}Description", 9005)
    await counted.write({f"{MANAGEMENT_SERVER}AutoCreateInstances": "1"})
    before = state_of(counted.device)
    counted.device.fail("SetValues", 705)
    assert await counted.cost(counted.fault(request)) == {
        "CreateInstance": 1,
        "SetValues": 1,
        "DeleteInstance": 1,
    }
    assert state_of(counted.device) == before
    assert await counted.cost(counted.acs.request(request)) == {"CreateInstance": 1, "SetValues": 1}
    assert (await counted.read(f"{web}Description", f"{web}Alias")) == {
        f"{web}Description": "x",
        f"{web}Alias": "web",
    }


# ---------------------------------------------------------------- against a model


class Household:
    """A device, its ACS and the proxier between them; and what the standard says of the rows of one table.

    Each row has a Description of its own, by which it is known whatever its number. What is asked after one
    operation is asked in one session: a device takes only so many connection requests.
    """

    def __init__(self, acs: EmbeddedAcs, device: SimulatedDevice, folder: Path) -> None:
        self.acs = acs
        self.device = device
        self.settings = settings_for(acs.url, folder, [device])
        self.daemon = AsyncExitStack()
        self.expected: dict[str, tuple[int, str]] = {}
        """The number and the alias of each row, by its Description."""
        self.numbers: set[int] = set()
        """All that were ever used."""
        self.owed: list[AcsRequest] = []
        """What the ACS asks next time, before all else."""
        self.made = 0

    async def start(self) -> None:
        """Switch the proxier on."""
        await self.daemon.enter_async_context(running(self.settings))
        self.managed = Managed(await self.acs.device(id_of(self.device), timeout=10), self.device)
        await report_of(self.settings, self.device)

    async def stop(self) -> None:
        """Switch the proxier off."""
        await self.managed.acs.session_over()
        await self.daemon.aclose()

    async def do(self, operation: str, choice: int) -> None:
        """Do one thing, if it can be done; `choice` says to which row."""
        rows = sorted(self.expected)
        if operation in NEED_A_ROW and rows:
            await getattr(self, operation)(rows[choice % len(rows)])
        elif operation not in NEED_A_ROW and len(rows) < MOST_ROWS:
            await getattr(self, operation)()

    async def add(self) -> None:
        [added] = await self.look(AddObject(MAPPINGS, ""))
        assert isinstance(added, AddObjectResponse)
        number, alias = self.expected.pop("")
        assert added.instance_number == number
        key = self.new()
        self.expected[key] = (number, alias)
        self.owed.append(setting(f"{MAPPINGS}{number}.Description", key))

    async def add_by_alias(self) -> None:
        key = self.new()
        row = f"{MAPPINGS}[of {key}]."
        await self.look(AddObject(row, ""), setting(f"{row}Description", key), alias=f"of {key}")

    async def delete(self, row: str) -> None:
        number, alias = self.expected.pop(row)
        await self.look(DeleteObject(f"{MAPPINGS}[{alias}]." if number % 2 else f"{MAPPINGS}{number}.", ""))

    async def name(self, row: str) -> None:
        number, _ = self.expected[row]
        others = {other for _, other in self.expected.values()}
        alias = next(name for name in (f"cpe-{number + 1}", f"a{self.new()}") if name not in others)
        self.expected[row] = (number, alias)
        await self.look(setting(f"{MAPPINGS}{number}.Alias", alias))

    async def appear(self) -> None:
        async with self.rows_read():
            self.device.add_row(MAPPINGS_PATH, {"Description": self.new()})
        await self.look()

    async def vanish(self, row: str) -> None:
        await self.pay()
        async with self.rows_read():
            self.take_away(row)
        await self.look()

    async def restart_proxier(self) -> None:
        await self.stop()
        await self.start()
        await self.look()

    async def restart_device(self) -> None:
        await self.device.reboot(0.0)
        await self.managed.acs.wait_event(EventCode.BOOT)
        await self.look()

    async def look(self, *requests: AcsRequest, alias: str = "") -> list[CpeResponse]:
        """Ask something, and see that rows, numbers and aliases are then as expected; returns the answers.

        A row that was not there before has the given alias, or one that was made here.
        """
        by_alias = [f"{MAPPINGS}[{alias}].Description" for _, alias in self.expected.values()]
        looks = [GetParameterValues((MAPPINGS,)), *[GetParameterValues((name,)) for name in by_alias]]
        asked = (*self.owed, *requests, *looks)
        answers = await asyncio.gather(*map(self.managed.acs.request, asked))
        before, owed, self.owed = dict(self.expected), len(self.owed), []
        found = self.found(answers[owed + len(requests)])
        for key in found.keys() - before.keys():
            number, made = found[key]
            assert number not in self.numbers
            assert made == alias or (not alias and made.startswith("cpe-"))
            self.numbers.add(number)
            self.expected[key] = found[key]
        assert found == self.expected
        assert found.keys() == {self.device.values[f"{path}Description"] for path in self.paths()}
        assert len({alias for _, alias in found.values()}) == len(found)
        for key, name, answer in zip(before, by_alias, answers[-len(before) :], strict=False):
            assert isinstance(answer, GetParameterValuesResponse)
            assert [(each.name, each.value) for each in answer.parameter_list] == [(name, key)]
        return answers[owed : owed + len(requests)]

    def found(self, answer: CpeResponse) -> dict[str, tuple[int, str]]:
        """The number and the alias of each row, by its Description."""
        assert isinstance(answer, GetParameterValuesResponse)
        rows: dict[int, dict[str, str]] = {}
        for name, value, _ in answer.parameter_list:
            number, _, column = name.removeprefix(MAPPINGS).partition(".")
            rows.setdefault(int(number), {})[column] = value
        return {row["Description"]: (number, row["Alias"]) for number, row in rows.items()}

    async def pay(self) -> None:
        if self.owed:
            await self.look()

    @asynccontextmanager
    async def rows_read(self) -> AsyncIterator[None]:
        """Left when the proxier has asked which rows there are."""
        readings = self.device.count("GetInstances")
        yield
        await self.device.until(lambda: self.device.count("GetInstances") > readings)

    def take_away(self, row: str) -> None:
        """Take a row away at the device."""
        [path] = [path for path in self.paths() if self.device.values[f"{path}Description"] == row]
        self.device.remove_row(path)
        del self.expected[row]

    def paths(self) -> Iterable[str]:
        return self.device.values.rows(MAPPINGS_PATH)

    def new(self) -> str:
        self.made += 1
        return f"row {self.made}"


MOST_ROWS = 6
NEED_A_ROW = ("delete", "name", "vanish")
OPERATIONS = (*NEED_A_ROW, "add", "add_by_alias", "appear", "restart_proxier", "restart_device")


def setting(name: str, value: str) -> SetParameterValues:
    return SetParameterValues((ParameterValueStruct(name, value),), "")


@asynccontextmanager
async def household(folder: Path, **options: Any) -> AsyncIterator[Household]:
    async with EmbeddedAcs() as acs, SimulatedDevice(serial="rows", moderation=0.02, **options) as device:
        household = Household(acs, device, folder)
        await household.start()
        await household.managed.acs.wait_event(EventCode.BOOT)
        try:
            await household.look()
            yield household
        finally:
            await household.daemon.aclose()
        assert acs.violations == []


async def live_through(steps: Iterable[tuple[str, int]], folder: Path, **options: Any) -> None:
    async with household(folder, **options) as home:
        for operation, choice in steps:
            await home.do(operation, choice)


@given(
    steps=st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, MOST_ROWS)), min_size=4, max_size=9),
    reuse_instances=st.booleans(),
)
@settings(max_examples=6, deadline=None, database=None, derandomize=True)
def test_numbers_and_aliases_are_for_life_and_for_nobody_else(
    steps: list[tuple[str, int]], reuse_instances: bool
) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(live_through(steps, Path(folder), reuse_instances=reuse_instances))


@pytest.mark.parametrize("reuse_instances", [False, True])
async def test_every_operation_one_after_the_other(tmp_path: Path, reuse_instances: bool) -> None:
    names = ("name", "add", "restart_device", "delete", "appear", "restart_proxier", "add_by_alias", "vanish")
    again = ("restart_device", "name", "appear", "restart_proxier", "add", "delete", "add_by_alias")
    assert set(names) == set(OPERATIONS)
    steps = [(operation, choice) for choice, operation in enumerate((*names, *again))]
    await live_through(steps, tmp_path, reuse_instances=reuse_instances)


async def test_what_changed_while_the_proxier_was_away_is_known_when_it_is_back(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        await home.add_by_alias()
        await home.stop()
        home.take_away("Web & more")
        home.device.add_row(MAPPINGS_PATH, {"Description": home.new()})
        await home.start()
        await home.look()
        assert home.numbers == {1, 2, 3}


async def test_a_factory_reset_forgets_aliases_and_how_they_are_used(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        managed = home.managed
        await managed.acs.wait_event(EventCode.BOOTSTRAP)
        modes = {f"{MANAGEMENT_SERVER}InstanceMode": "InstanceAlias", f"{MAPPINGS}1.Alias": "web"}
        await managed.write(modes)
        await managed.acs.request(FactoryReset())
        await managed.acs.wait_event(EventCode.BOOTSTRAP)
        await managed.acs.session_over()
        assert await managed.names(MAPPINGS) == {f"{MAPPINGS}1.": True}
        assert await managed.read(*modes) == {
            f"{MANAGEMENT_SERVER}InstanceMode": "InstanceNumber",
            f"{MAPPINGS}1.Alias": "cpe-1",
        }
