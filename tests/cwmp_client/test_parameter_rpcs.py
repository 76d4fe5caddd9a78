from __future__ import annotations

import pytest

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import (
    GetParameterNames,
    ParameterValueStruct,
    SetParameterAttributes,
    SetParameterAttributesStruct,
)
from tests.cwmp_client.alias_house import (
    ADDRESSES,
    FIXED,
    INTERFACES,
    AliasHouse,
    culprits,
    fault_of,
)
from tests.cwmp_client.parameter_house import SERVER

ROW = f"{INTERFACES}1."
LAN = f"{INTERFACES}[lan]."


@pytest.fixture
async def house() -> AliasHouse:
    """Its one interface is called lan."""
    house = AliasHouse()
    await house.write({f"{ROW}Alias": "lan"}, key="")
    house.journal.saves.clear()
    house.device.asked.clear()
    return house


class TestAddressing:
    async def test_every_rpc_takes_an_alias(self, house: AliasHouse) -> None:
        assert await house.names(LAN) == [f"{LAN}{each}" for each in ("Alias", ADDRESSES, "Name", "Enable")]
        assert await house.names(f"{LAN}Name", next_level=False) == [f"{LAN}Name"]
        assert await house.write({f"{LAN}Name": "br0"}) == 0
        assert await house.read(f"{LAN}Name") == {f"{LAN}Name": "br0"}
        assert await house.read(LAN) == {f"{LAN}Name": "br0", f"{LAN}Enable": "true", f"{LAN}Alias": "lan"}
        change = SetParameterAttributesStruct(f"{LAN}Name", notification_change=True, notification=2)
        await house.rpcs.set_parameter_attributes(SetParameterAttributes((change,)))
        assert await house.attributes(f"{LAN}Name") == {f"{LAN}Name": 2}
        assert await house.add(f"{LAN}{ADDRESSES}") == 2
        assert await house.delete(f"{LAN}{ADDRESSES}[cpe-2].") == 0
        assert house.device.rows == [f"{FIXED}1.", ROW]

    async def test_an_own_table_has_aliases_too(self, house: AliasHouse) -> None:
        table = f"{SERVER}InformParameter."
        assert await house.add(f"{table}[boot].", key="K1") == 1
        await house.write({f"{table}[boot].ParameterName": f"{ROW}Name"})
        house.device.is_there = False
        found = await house.read(f"{table}[boot].ParameterName")
        assert found == {f"{table}[boot].ParameterName": f"{ROW}Name"}

    async def test_each_source_is_asked_once(self, house: AliasHouse) -> None:
        await house.read(f"{LAN}Name", f"{ROW}Enable", f"{LAN}Alias")
        assert house.device.asked == [[f"{ROW}Name", f"{ROW}Enable"]]

    async def test_numbers_are_always_understood_and_answered_as_numbers(self, house: AliasHouse) -> None:
        assert await house.names(INTERFACES) == [ROW]
        assert set(await house.read(ROW, f"{FIXED}[cpe-1].Name")) == {
            *(f"{ROW}{each}" for each in ("Alias", "Name", "Enable")),
            f"{FIXED}[cpe-1].Name",
        }

    async def test_an_answer_of_numbers_alone_is_the_kept_one(self, house: AliasHouse) -> None:
        request = GetParameterNames("", next_level=False)
        first = await house.rpcs.get_parameter_names(request)
        assert (await house.rpcs.get_parameter_names(request)).parameter_list is first.parameter_list

    @pytest.mark.parametrize(
        "path",
        [
            f"{INTERFACES}[wan].Name",
            f"{INTERFACES}[wan].",
            f"{INTERFACES}[LAN].Name",
            f"{INTERFACES}[lan]",
            f"{INTERFACES}[lan",
            "Device.[lan].",
            "[lan].",
            "Device.Nowhere.[lan].",
        ],
    )
    async def test_what_no_row_is_called_is_9005(self, house: AliasHouse, path: str) -> None:
        for doing in (house.names(path), house.read(path), house.attributes(path), house.delete(path)):
            assert (await fault_of(doing)).code == 9005
        fault = await fault_of(house.write({path: "x", f"{LAN}Name": "y", f"{FIXED}1.Alias": ""}))
        assert (fault.code, culprits(fault)) == (9003, {path: 9005, f"{FIXED}1.Alias": 9007})
        assert house.device.held[f"{ROW}Name"] == ""

    async def test_culprits_are_named_as_they_were_sent(self, house: AliasHouse) -> None:
        fault = await fault_of(house.write({f"{LAN}Nothing": "x", f"{LAN}Alias": "2", f"{ROW}Name": "y"}))
        assert culprits(fault) == {f"{LAN}Nothing": 9005, f"{LAN}Alias": 9007}

    async def test_one_parameter_by_two_names_is_invalid(self, house: AliasHouse) -> None:
        fault = await fault_of(house.write({f"{LAN}Name": "x", f"{ROW}Name": "y"}))
        assert (fault.code, fault.parameters) == (9003, ())

    async def test_what_the_acs_sets_by_alias_is_no_news(self, house: AliasHouse) -> None:
        change = SetParameterAttributesStruct(f"{LAN}Name", notification_change=True, notification=2)
        await house.rpcs.set_parameter_attributes(SetParameterAttributes((change,)))
        await house.write({f"{LAN}Name": "br0"})
        assert not house.changes.notice([ParameterValueStruct(f"{ROW}Name", "br0")])
        assert house.changes.notice([ParameterValueStruct(f"{ROW}Name", "br1")])


class TestTheAliasParameter:
    async def test_it_is_kept_over_a_restart_and_written_only_when_it_changes(
        self, house: AliasHouse
    ) -> None:
        house.restart()
        assert await house.read(f"{ROW}Alias", f"{FIXED}1.Alias") == {
            f"{ROW}Alias": "lan",
            f"{FIXED}1.Alias": "cpe-1",
        }
        assert house.journal.saves == []
        await house.write({f"{ROW}Alias": "lan"})
        await house.write({f"{ROW}Alias": "wan"})
        assert house.journal.saves == [["management_server"], ["management_server", "aliases"]]

    async def test_what_could_not_be_saved_is_saved_with_the_next(self, house: AliasHouse) -> None:
        house.journal.broken = True
        with pytest.raises(OSError, match="full"):
            await house.write({f"{ROW}Alias": "wan"})
        house.journal.broken = False
        await house.write({f"{ROW}Name": "x"})
        assert house.journal.records["aliases"] == {ROW: "wan"}

    async def test_it_dies_with_its_row(self, house: AliasHouse) -> None:
        house.device.take(ROW)
        assert (await fault_of(house.read(LAN))).code == 9005
        assert "aliases" not in house.journal.records
        house.device.put(f"{INTERFACES}9.")
        assert await house.read(f"{INTERFACES}[cpe-9].Alias") == {f"{INTERFACES}[cpe-9].Alias": "cpe-9"}

    async def test_a_factory_reset_forgets_it(self, house: AliasHouse) -> None:
        house.journal.records |= house.tree.factory_reset()
        assert await house.read(f"{ROW}Alias") == {f"{ROW}Alias": "cpe-1"}
        assert house.journal.records["aliases"] is None

    @pytest.mark.parametrize("alias", ["", "1", "cpe-2", "x" * 65, "a]"])
    async def test_what_it_cannot_be(self, house: AliasHouse, alias: str) -> None:
        house.device.put(f"{INTERFACES}2.")
        assert culprits(await fault_of(house.write({f"{ROW}Alias": alias}))) == {f"{ROW}Alias": 9007}


class TestAddObject:
    async def test_a_row_is_made_by_its_alias(self, house: AliasHouse) -> None:
        assert await house.add(f"{INTERFACES}[wan].", key="K2") == 2
        assert await house.read(f"{INTERFACES}2.Alias") == {f"{INTERFACES}2.Alias": "wan"}
        assert house.server.parameter_key == "K2"
        assert house.journal.records["aliases"] == {ROW: "lan", f"{INTERFACES}2.": "wan"}

    async def test_a_row_that_is_gone_leaves_its_alias_to_others(self, house: AliasHouse) -> None:
        await house.delete(LAN)
        assert await house.add(LAN) == 2
        house.device.take(f"{INTERFACES}2.")
        assert await house.add(LAN) == 3

    @pytest.mark.parametrize(
        "path",
        [LAN, f"{INTERFACES}[9].", f"{INTERFACES}[].", f"{INTERFACES}[wan]", f"{FIXED}[tv].", "Device.[a]."],
    )
    async def test_what_cannot_be_made_is_9005(self, house: AliasHouse, path: str) -> None:
        assert (await fault_of(house.add(path))).code == 9005
        assert house.device.rows == [f"{FIXED}1.", ROW]
        assert house.server.parameter_key == ""

    async def test_a_row_that_cannot_be_called_so_is_not_left_behind(self) -> None:
        house = AliasHouse(own_aliases=True)
        house.device.refusals["set"] = CwmpFault(9001, "no")
        assert (await fault_of(house.add(f"{INTERFACES}[wan]."))).code == 9001
        assert house.device.rows == [f"{FIXED}1.", ROW]

    async def test_one_that_cannot_be_taken_away_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        house = AliasHouse(own_aliases=True)
        house.device.refusals |= {"set": CwmpFault(9001, "no"), "delete": CwmpFault(9001, "never")}
        assert (await fault_of(house.add(f"{INTERFACES}[wan]."))).code == 9001
        assert f"{INTERFACES}2. was made in vain" in caplog.text


class TestInstanceMode:
    async def test_answers_have_aliases(self, house: AliasHouse) -> None:
        await house.by_alias()
        assert await house.names(INTERFACES) == [LAN]
        assert await house.read(f"{FIXED}") == {
            f"{FIXED}[cpe-1].{column}": value
            for column, value in {"Alias": "cpe-1", "Name": "", "Enable": "true"}.items()
        }
        assert await house.read(f"{ROW}Name") == {f"{ROW}Name": ""}
        assert f"{LAN}Name" in await house.attributes("")

    async def test_it_survives_a_restart(self, house: AliasHouse) -> None:
        await house.by_alias()
        house.restart()
        assert await house.names(INTERFACES) == [LAN]


class TestAutoCreateInstances:
    async def test_it_is_off_at_first(self, house: AliasHouse) -> None:
        path = f"{INTERFACES}[wan].Name"
        assert culprits(await fault_of(house.write({path: "x"}))) == {path: 9005}

    async def test_missing_rows_are_made_once_each_and_set(self, house: AliasHouse) -> None:
        await house.creating()
        wan = f"{INTERFACES}[wan]."
        status = await house.write(
            {f"{wan}Name": "w", f"{wan}{ADDRESSES}[one].Name": "1", f"{wan}Enable": "0", f"{LAN}Name": "l"}
        )
        assert status == 0
        assert house.device.rows[2:] == [f"{INTERFACES}2.", f"{INTERFACES}2.{ADDRESSES}3."]
        assert await house.read(f"{wan}Name", f"{wan}{ADDRESSES}[one].Name", f"{LAN}Name") == {
            f"{wan}Name": "w",
            f"{wan}{ADDRESSES}[one].Name": "1",
            f"{LAN}Name": "l",
        }
        house.restart()
        assert (await house.read(f"{wan}Alias")).popitem()[1] == "wan"

    async def test_nothing_is_made_when_something_else_is_wrong(self, house: AliasHouse) -> None:
        await house.creating()
        fault = await fault_of(
            house.write({f"{INTERFACES}[wan].Name": "w", f"{LAN}Nothing": "x", f"{INTERFACES}[9].Name": ""})
        )
        assert culprits(fault) == {f"{LAN}Nothing": 9005, f"{INTERFACES}[9].Name": 9005}
        assert house.device.next == 1

    async def test_a_long_parameter_key_makes_nothing(self, house: AliasHouse) -> None:
        await house.creating()
        assert (await fault_of(house.write({f"{INTERFACES}[wan].Name": "w"}, key="k" * 33))).code == 9003
        assert house.device.next == 1

    async def test_it_is_undone_on_failure(self, house: AliasHouse) -> None:
        await house.creating()
        path = f"{INTERFACES}[wan].{ADDRESSES}[one].Nothing"
        fault = await fault_of(house.write({path: "x"}))
        assert (fault.code, culprits(fault)) == (9003, {path: 9005})
        assert house.device.next == 3
        assert house.device.rows == [f"{FIXED}1.", ROW]
        assert await house.write({f"{INTERFACES}[wan].Name": "x"}) == 0
        assert house.device.held[f"{INTERFACES}4.Name"] == "x"

    async def test_what_the_device_refuses_is_undone_too(self, house: AliasHouse) -> None:
        await house.creating()
        house.device.refusals["set"] = CwmpFault(9004, "full")
        fault = await fault_of(house.write({f"{INTERFACES}[wan].Name": "w"}))
        assert (fault.code, fault.parameters) == (9004, ())
        assert house.device.rows == [f"{FIXED}1.", ROW]

    @pytest.mark.parametrize(
        ("path", "refusal", "code", "named"),
        [
            (f"{FIXED}[tv].Name", None, 9003, 9005),
            ("Device.Nowhere.[a].Name", None, 9003, 9005),
            (f"{INTERFACES}[wan].Name", CwmpFault(9004, "full"), 9004, None),
        ],
    )
    async def test_a_row_that_cannot_be_made(
        self, house: AliasHouse, path: str, refusal: CwmpFault | None, code: int, named: int | None
    ) -> None:
        await house.creating()
        if refusal:
            house.device.refusals["add"] = refusal
        fault = await fault_of(house.write({path: "x"}))
        assert (fault.code, culprits(fault)) == (code, {path: named} if named else {})


class TestAliasesThatTheDeviceHolds:
    @pytest.fixture
    def own(self) -> AliasHouse:
        return AliasHouse(own_aliases=True)

    async def test_they_are_passed_through(self, own: AliasHouse) -> None:
        assert await own.read(f"{ROW}Alias") == {f"{ROW}Alias": "eth0"}
        await own.write({f"{ROW}Alias": "lan"})
        assert own.device.held[f"{ROW}Alias"] == "lan"
        assert "aliases" not in own.journal.records

    async def test_they_are_read_once_for_a_request_that_uses_them(self, own: AliasHouse) -> None:
        own.device.put(f"{INTERFACES}2.")
        own.device.held[f"{INTERFACES}2.Alias"] = "eth1"
        path, other = f"{INTERFACES}[eth0].Name", f"{INTERFACES}[eth1].Name"
        assert set(await own.read(path, other)) == {path, other}
        assert own.device.asked == [
            [f"{ROW}Alias", f"{INTERFACES}2.Alias"],
            [f"{ROW}Name", f"{INTERFACES}2.Name"],
        ]
        own.device.held |= {f"{ROW}Alias": "eth1", f"{INTERFACES}2.Alias": "eth0"}
        await own.write({path: "moved"})
        assert own.device.held[f"{INTERFACES}2.Name"] == "moved"

    async def test_a_row_that_is_gone_is_not_asked_for_its_alias(self, own: AliasHouse) -> None:
        other = own.device.put(f"{INTERFACES}2.")
        own.device.held[f"{other}Alias"] = "eth1"
        await own.read(f"{INTERFACES}[eth1].Name")
        own.device.take(other)
        assert await own.read(f"{INTERFACES}[eth0].Name") == {f"{INTERFACES}[eth0].Name": ""}

    async def test_numbers_cost_nothing_more(self, own: AliasHouse) -> None:
        await own.read(f"{ROW}Name")
        assert own.device.asked == [[f"{ROW}Name"]]

    async def test_answers_have_them_and_ask_once(self, own: AliasHouse) -> None:
        await own.by_alias()
        for _ in range(2):
            assert await own.names(INTERFACES) == [f"{INTERFACES}[eth0]."]
        assert len(own.device.asked) == 1
        await own.write({f"{ROW}Alias": "lan"})
        assert await own.names(INTERFACES) == [LAN]
        own.device.held[f"{ROW}Alias"] = "wan"
        await own.read(f"{ROW}Alias")
        assert await own.names(INTERFACES) == [f"{INTERFACES}[wan]."]

    @pytest.mark.parametrize("alias", ["", "0", "[x]"])
    async def test_an_odd_one_is_read_as_it_is_and_the_row_goes_by_its_number(
        self, own: AliasHouse, alias: str
    ) -> None:
        own.device.held[f"{ROW}Alias"] = alias
        await own.by_alias()
        assert await own.names(INTERFACES) == [ROW]
        assert await own.read(f"{ROW}Alias") == {f"{ROW}Alias": alias}

    async def test_one_that_rows_share_is_no_address(self, own: AliasHouse) -> None:
        own.device.put(f"{INTERFACES}2.")
        await own.by_alias()
        assert await own.names(INTERFACES) == [ROW, f"{INTERFACES}2."]
        assert (await fault_of(own.read(f"{INTERFACES}[eth0]."))).code == 9005

    async def test_a_device_that_does_not_tell_them_is_answered_for_by_numbers(self, own: AliasHouse) -> None:
        await own.by_alias()
        own.device.refusals["values"] = CwmpFault(9001, "no")
        assert await own.names(INTERFACES) == [ROW]
        assert (await fault_of(own.read(LAN))).code == 9001

    async def test_a_row_is_made_by_one(self, own: AliasHouse) -> None:
        assert await own.add(f"{INTERFACES}[wan].") == 2
        assert own.device.held[f"{INTERFACES}2.Alias"] == "wan"
        assert await own.read(f"{INTERFACES}[wan].Name") == {f"{INTERFACES}[wan].Name": ""}
