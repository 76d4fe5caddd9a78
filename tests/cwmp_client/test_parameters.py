from __future__ import annotations

from collections.abc import Mapping

import pytest

from cwmp_client.faults import CwmpFault, FaultCode, ParameterFault
from cwmp_client.local_parameters import LocalParameter
from cwmp_client.messages import ParameterInfoStruct, ParameterValueStruct
from cwmp_client.parameter_tree import ParameterTree
from cwmp_client.parameters import Node, is_object
from tests.cwmp_client.parameter_house import LOCAL, PROVISIONING_CODE, SERVER, House, ProxiedDevice


class TestGetParameterNames:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("", ["Device."]),
            ("Device.Hosts.", ["Device.Hosts.Host.", "Device.Hosts.HostNumberOfEntries"]),
            ("Device.Hosts.Host.", ["Device.Hosts.Host.1."]),
            ("Device.Hosts.Host.1.", ["Device.Hosts.Host.1.Alias", "Device.Hosts.Host.1.Name"]),
            ("Device.X_EMPTY.", []),
        ],
    )
    async def test_next_level(self, house: House, path: str, expected: list[str]) -> None:
        assert await house.names(path, next_level=True) == expected

    async def test_next_level_of_the_root_unites_the_sources(self, house: House) -> None:
        assert set(await house.names("Device.", next_level=True)) == {
            "Device.ManagementServer.",
            "Device.RootDataModelVersion",
            "Device.DeviceInfo.",
            "Device.Hosts.",
            "Device.Time.",
            "Device.X_EMPTY.",
        }

    async def test_all_levels_hold_the_object_itself_and_everything_below(self, house: House) -> None:
        assert await house.names("Device.Hosts.", next_level=False) == [
            "Device.Hosts.",
            "Device.Hosts.Host.",
            "Device.Hosts.Host.1.",
            "Device.Hosts.Host.1.Alias",
            "Device.Hosts.HostNumberOfEntries",
            "Device.Hosts.Host.1.Name",
        ]

    async def test_the_empty_path_is_everything_and_begins_with_the_root(self, house: House) -> None:
        everything = await house.names("", next_level=False)
        assert everything[0] == "Device."
        assert everything == await house.names("Device.", next_level=False)
        assert len(everything) == len(set(everything))

    async def test_a_parameter_is_its_own_answer(self, house: House) -> None:
        assert await house.tree.get_parameter_names("Device.Time.Enable", next_level=False) == (
            ParameterInfoStruct("Device.Time.Enable", writable=True),
        )

    @pytest.mark.parametrize(
        ("path", "next_level", "code"),
        [
            ("Device.Time.Enable", True, FaultCode.INVALID_ARGUMENTS),
            ("Device.Nowhere", True, FaultCode.INVALID_PARAMETER_NAME),
            ("Device.Nowhere.", False, FaultCode.INVALID_PARAMETER_NAME),
            ("Device.Hosts", False, FaultCode.INVALID_PARAMETER_NAME),
            ("Device.Hosts.Host.2.", False, FaultCode.INVALID_PARAMETER_NAME),
            (".", False, FaultCode.INVALID_PARAMETER_NAME),
        ],
    )
    async def test_faults(self, house: House, path: str, next_level: bool, code: FaultCode) -> None:
        with pytest.raises(CwmpFault) as fault:
            await house.tree.get_parameter_names(path, next_level=next_level)
        assert fault.value.code == code

    async def test_an_answer_is_kept_while_no_source_changed(self, house: House) -> None:
        first = await house.tree.get_parameter_names("", next_level=False)
        assert await house.tree.get_parameter_names("", next_level=False) is first
        house.local.replace(LOCAL | {"Device.DeviceInfo.ModelName": LocalParameter("X")})
        assert "Device.DeviceInfo.ModelName" in await house.names("", next_level=False)

    async def test_a_table_is_writable_when_one_of_its_sources_can_add_to_it(self, house: House) -> None:
        house.local.replace(LOCAL, objects=["Device.Hosts.Host."])
        assert (await house.tree.nodes())["Device.Hosts.Host."].writable


class TestGetParameterValues:
    async def test_each_source_is_asked_once_with_all_its_paths(self, house: House) -> None:
        found = await house.read(
            "Device.Time.Enable", SERVER + "URL", "Device.Hosts.", "Device.DeviceInfo.UpTime"
        )
        assert house.device.asked == [["Device.Time.Enable", "Device.Hosts."]]
        assert found == {
            SERVER + "URL": "http://acs.example:7547/",
            "Device.DeviceInfo.UpTime": "42",
            "Device.Hosts.HostNumberOfEntries": "1",
            "Device.Hosts.Host.1.Name": "tv",
            "Device.Hosts.Host.1.Alias": "cpe-1",
            "Device.Time.Enable": "true",
        }

    async def test_own_parameters_cost_the_device_nothing(self, house: House) -> None:
        await house.read(SERVER + "URL", PROVISIONING_CODE)
        assert house.device.asked == []

    async def test_what_an_earlier_source_has_hides_the_device_s(self, house: House) -> None:
        assert await house.read("Device.DeviceInfo.Manufacturer") == {
            "Device.DeviceInfo.Manufacturer": "Example"
        }
        assert (await house.read("Device.DeviceInfo."))["Device.DeviceInfo.Manufacturer"] == "Example"

    @pytest.mark.parametrize("path", ["", "Device."])
    async def test_the_whole_tree_is_every_parameter_once(self, house: House, path: str) -> None:
        values = await house.tree.get_parameter_values([path, path, "Device.Hosts.", SERVER + "URL"])
        parameters = [name for name in await house.tree.nodes() if not is_object(name)]
        assert sorted(value.name for value in values) == sorted(parameters)

    async def test_an_empty_table_is_an_empty_answer(self, house: House) -> None:
        assert await house.read("Device.X_EMPTY.") == {}

    @pytest.mark.parametrize("path", ["Device.Nowhere", "Device.Nowhere.", "Device.Hosts.Host.1", "Dev", "."])
    async def test_unknown_is_9005_even_beside_what_covers_it(self, house: House, path: str) -> None:
        with pytest.raises(CwmpFault) as fault:
            await house.read("Device.", path)
        assert fault.value.code == FaultCode.INVALID_PARAMETER_NAME
        assert house.device.asked == []

    async def test_no_names_are_invalid_arguments(self, house: House) -> None:
        with pytest.raises(CwmpFault) as fault:
            await house.read()
        assert fault.value.code == FaultCode.INVALID_ARGUMENTS

    async def test_own_values_are_read_although_the_device_is_out_of_reach(self, house: House) -> None:
        class Unreachable(ProxiedDevice):
            async def nodes(self) -> Mapping[str, Node]:
                raise CwmpFault(9002, "out of reach")

        tree = ParameterTree((house.server, house.local, Unreachable()), house.server, house.journal, {})
        assert len(await tree.get_parameter_values([SERVER + "URL", PROVISIONING_CODE])) == 2
        assert await tree.set_parameter_values([ParameterValueStruct(PROVISIONING_CODE, "x")], "k") == 0
        with pytest.raises(CwmpFault, match="out of reach"):
            await tree.get_parameter_values(["Device.Time.Enable"])

    async def test_passwords_are_read_as_empty(self, house: House) -> None:
        await house.write((SERVER + "Password", "new"), (SERVER + "ConnectionRequestPassword", "new"))
        found = await house.read(SERVER + "Password", SERVER + "ConnectionRequestPassword")
        assert set(found.values()) == {""}
        assert house.server.password == "new"


class TestSetParameterValues:
    async def test_values_and_parameter_key_are_saved_in_one_write(self, house: House) -> None:
        status = await house.write(
            (PROVISIONING_CODE, "P1"),
            (SERVER + "PeriodicInformInterval", "0300", "xsd:unsignedInt"),
            key="K1",
        )
        assert status == 0
        assert len(house.journal.saves) == 1
        again = House(house.journal.records)
        assert await again.read(
            PROVISIONING_CODE, SERVER + "PeriodicInformInterval", SERVER + "ParameterKey"
        ) == {
            PROVISIONING_CODE: "P1",
            SERVER + "PeriodicInformInterval": "300",
            SERVER + "ParameterKey": "K1",
        }

    async def test_an_empty_list_sets_the_key(self, house: House) -> None:
        assert await house.write(key="K") == 0
        assert house.server.parameter_key == "K"

    async def test_every_culprit_is_named_in_order_and_nothing_is_set(self, house: House) -> None:
        with pytest.raises(CwmpFault) as fault:
            await house.write(
                ("Device.Time.NTPServer1", "ntp.example"),
                ("Device.Time.Enable", "maybe", "boolean"),
                (PROVISIONING_CODE, "x" * 65),
                (SERVER + "ParameterKey", "x"),
                ("Device.Nowhere", "x"),
                (SERVER + "PeriodicInformInterval", "60", "string"),
                ("Device.Hosts.", "x"),
                (SERVER + "URL", "ftp://elsewhere/"),
                (SERVER + "CWMPRetryIntervalMultiplier", "999", "unsignedInt"),
                (SERVER + "HTTPCompression", "Deflate"),
            )
        assert fault.value.code == FaultCode.INVALID_ARGUMENTS
        assert [(culprit.name, culprit.code) for culprit in fault.value.parameters] == [
            ("Device.Time.Enable", 9007),
            (PROVISIONING_CODE, 9007),
            (SERVER + "ParameterKey", 9008),
            ("Device.Nowhere", 9005),
            (SERVER + "PeriodicInformInterval", 9006),
            ("Device.Hosts.", 9005),
            (SERVER + "URL", 9007),
            (SERVER + "CWMPRetryIntervalMultiplier", 9007),
            (SERVER + "HTTPCompression", 9007),
        ]
        assert house.device.held["Device.Time.NTPServer1"].value == ""
        assert house.server.parameter_key == ""
        assert house.journal.saves == []

    async def test_a_device_that_refuses_leaves_own_values_and_key_as_they_were(self, house: House) -> None:
        house.device.refusal = CwmpFault(9003, "no", (ParameterFault("Device.Time.NTPServer1", 9007),))
        with pytest.raises(CwmpFault) as fault:
            await house.write((PROVISIONING_CODE, "P1"), ("Device.Time.NTPServer1", "x"))
        assert fault.value is house.device.refusal
        assert await house.read(PROVISIONING_CODE) == {PROVISIONING_CODE: ""}
        assert house.server.parameter_key == ""
        assert house.journal.saves == []

    async def test_the_status_is_that_of_the_slowest(self, house: House) -> None:
        house.device.status = 1
        assert await house.write((PROVISIONING_CODE, "P1"), ("Device.Time.NTPServer1", "x")) == 1
        assert house.journal.records["device"] == ["Device.Time.NTPServer1"]

    async def test_a_name_that_comes_twice_is_invalid_arguments(self, house: House) -> None:
        with pytest.raises(CwmpFault) as fault:
            await house.write((PROVISIONING_CODE, "a"), (PROVISIONING_CODE, "b"))
        assert (fault.value.code, fault.value.parameters) == (FaultCode.INVALID_ARGUMENTS, ())

    async def test_a_long_parameter_key_is_invalid_arguments(self, house: House) -> None:
        with pytest.raises(CwmpFault) as fault:
            await house.write((PROVISIONING_CODE, "a"), key="k" * 33)
        assert fault.value.code == FaultCode.INVALID_ARGUMENTS

    async def test_a_write_that_cannot_be_saved_leaves_the_key(self, house: House) -> None:
        house.journal.broken = True
        with pytest.raises(OSError, match="full"):
            await house.write((PROVISIONING_CODE, "a"))
        assert house.server.parameter_key == ""


class TestAddAndDeleteObject:
    async def test_the_table_s_source_is_asked_and_the_key_is_kept(self, house: House) -> None:
        assert await house.tree.add_object("Device.Hosts.Host.", "K1") == (7, 1)
        assert house.server.parameter_key == "K1"
        assert await house.tree.delete_object("Device.Hosts.Host.1.", "K2") == 0
        assert house.journal.records["management_server"]["parameter_key"] == "K2"

    @pytest.mark.parametrize(
        "table",
        ["", "Device.", "Device.Nowhere.", "Device.Hosts.Host", "Device.Hosts.Host.1.", "Device.Time.Enable"],
    )
    async def test_what_is_no_table_to_add_to_is_9005(self, house: House, table: str) -> None:
        with pytest.raises(CwmpFault) as fault:
            await house.tree.add_object(table, "K")
        assert fault.value.code == FaultCode.INVALID_PARAMETER_NAME
        assert house.server.parameter_key == ""

    @pytest.mark.parametrize(
        ("row", "code"),
        [
            ("Device.Hosts.Host.2.", FaultCode.INVALID_PARAMETER_NAME),
            ("Device.Hosts.Host.", FaultCode.INVALID_ARGUMENTS),
            ("Device.Time.Enable", FaultCode.INVALID_ARGUMENTS),
            ("Device.Hosts.", FaultCode.INVALID_ARGUMENTS),
        ],
    )
    async def test_what_is_no_row_to_delete(self, house: House, row: str, code: FaultCode) -> None:
        with pytest.raises(CwmpFault) as fault:
            await house.tree.delete_object(row, "K")
        assert fault.value.code == code

    async def test_a_refused_row_leaves_the_key(self, house: House) -> None:
        house.device.refusal = CwmpFault(9004)
        with pytest.raises(CwmpFault):
            await house.tree.add_object("Device.Hosts.Host.", "K1")
        assert house.server.parameter_key == ""
