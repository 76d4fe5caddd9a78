from __future__ import annotations

import pytest

from cwmp_client.faults import CwmpFault, FaultCode
from cwmp_client.management_server import PARAMETERS, ManagementServer, ManagementServerDefaults
from tests.cwmp_client.parameter_house import DEFAULTS, SERVER, House


class TestManagementServer:
    async def test_everything_can_be_read_and_fits_its_syntax(self, house: House) -> None:
        values = {value.name.removeprefix(SERVER): value for value in await house.server.values([SERVER])}
        assert set(values) == {*PARAMETERS, "InformParameterNumberOfEntries"}
        for name, row in PARAMETERS.items():
            assert row.syntax.canonical(values[name].value) == values[name].value or row.syntax.hidden
            assert values[name].type == row.syntax.type

    async def test_made_credentials_and_path_are_kept(self) -> None:
        first = ManagementServer(ManagementServerDefaults("http://a/"), {})
        again = ManagementServer(ManagementServerDefaults("http://a/"), first.to_records())
        assert first.connection_request_credentials == again.connection_request_credentials
        assert first.connection_request_path == again.connection_request_path
        username, password = first.connection_request_credentials or ("", "")
        assert len({username, password, first.connection_request_path}) == 3
        assert min(len(username), len(password), len(first.connection_request_path)) >= 16

    async def test_a_changed_default_holds_unless_the_acs_has_decided(self, house: House) -> None:
        await house.write((SERVER + "Username", ""))
        changed = ManagementServer(
            ManagementServerDefaults("https://new/", username="new"), house.journal.records
        )
        assert (changed.url, changed.username) == ("https://new/", "")

    async def test_connection_requests_can_be_switched_off(self, house: House) -> None:
        house.server.connection_request_url = "http://here/x"
        assert (await house.read(SERVER + "ConnectionRequestURL")).popitem()[1] == "http://here/x"
        await house.write((SERVER + "HTTPConnectionRequestEnable", "0", "boolean"))
        assert (await house.read(SERVER + "ConnectionRequestURL")).popitem()[1] == ""
        assert house.server.connection_request_credentials is None

    async def test_periodic_inform(self, house: House) -> None:
        seen = [house.server.periodic_inform]
        for name, value, type_ in (
            ("PeriodicInformTime", "2020-01-01T00:00:10Z", "dateTime"),
            ("PeriodicInformEnable", "false", "boolean"),
        ):
            await house.write((SERVER + name, value, type_))
            seen.append(house.server.periodic_inform)
        assert seen == [(86400, None), (86400, 1577836810.0), None]

    @pytest.mark.parametrize(
        ("name", "value", "type_", "code"),
        [
            ("PeriodicInformInterval", "0", "unsignedInt", 9007),
            ("PeriodicInformInterval", "4294967296", "unsignedInt", 9007),
            ("PeriodicInformInterval", "-1", "int", 9007),
            ("PeriodicInformInterval", "60", "int", 0),
            ("PeriodicInformInterval", "60", "", 0),
            ("PeriodicInformInterval", "60", "boolean", 9006),
            ("PeriodicInformTime", "yesterday", "dateTime", 9007),
            ("PeriodicInformTime", "2020-01-01T00:00:00+01:00", "xsd:dateTime", 0),
            ("PeriodicInformEnable", "TRUE", "soapenc:boolean", 0),
            ("Username", "u" * 257, "string", 9007),
            ("Username", "u" * 256, "string", 0),
            ("CWMPRetryMinimumWaitInterval", "65536", "unsignedInt", 9007),
            ("URL", "https://acs.example/cwmp?x=1", "string", 0),
            ("URL", "http://user:pw@acs.example/", "string", 9007),
            ("URL", "http://", "string", 9007),
            ("URL", "", "string", 9007),
            ("URL", "http://[::1/", "string", 9007),
            ("URL", "http://acs.example:99999/", "string", 9007),
            ("URL", "http://acs.example/ x", "string", 9007),
            ("URL", f"http://{'x' * 64}.example/", "string", 9007),
            ("URL", "http://acs..example/", "string", 9007),
            ("URL", "http://acs_1.exämple.:7547/", "string", 0),
            ("URL", "http://[fe80::1]:7547/", "string", 0),
            ("AliasBasedAddressing", "true", "boolean", 9008),
            ("InstanceMode", "InstanceAlias", "string", 0),
            ("InstanceMode", "Alias", "string", 9007),
            ("AutoCreateInstances", "1", "boolean", 0),
        ],
    )
    async def test_types_and_ranges(self, house: House, name: str, value: str, type_: str, code: int) -> None:
        if code == 0:
            assert await house.write((SERVER + name, value, type_)) == 0
            return
        with pytest.raises(CwmpFault) as fault:
            await house.write((SERVER + name, value, type_))
        assert [(culprit.name, culprit.code) for culprit in fault.value.parameters] == [(SERVER + name, code)]

    async def test_a_factory_reset_forgets_what_the_acs_set(self, house: House) -> None:
        await house.tree.add_object(SERVER + "InformParameter.", "K")
        await house.write((SERVER + "URL", "http://other/"))
        path = house.server.connection_request_path
        house.server.factory_reset()
        assert house.server.url == DEFAULTS.url
        assert house.server.parameter_key == ""
        assert house.server.connection_request_path == path
        assert await house.read(SERVER + "InformParameter.") == {}

    async def test_there_is_no_other_table(self, house: House) -> None:
        with pytest.raises(CwmpFault):
            await house.server.add(SERVER)


class TestInformParameters:
    async def fill(self, house: House, name: str, events: str = "", *, enable: str = "true") -> str:
        number, status = await house.tree.add_object(SERVER + "InformParameter.", "K")
        assert status == 0
        row = f"{SERVER}InformParameter.{number}."
        await house.write(
            (row + "ParameterName", name), (row + "EventList", events), (row + "Enable", enable, "boolean")
        )
        return row

    def names(self, house: House, *events: str) -> list[str]:
        return house.server.inform_parameters.names(events, lambda: house.tree.known)

    async def test_rows_are_kept_and_their_numbers_are_not_used_again(self, house: House) -> None:
        first = await self.fill(house, "Device.Time.Enable")
        await self.fill(house, "Device.Time.NTPServer1")
        await house.tree.delete_object(first, "K")
        again = House(house.journal.records)
        assert await again.tree.add_object(SERVER + "InformParameter.", "K") == (3, 0)
        assert await again.read(SERVER + "InformParameterNumberOfEntries", SERVER + "InformParameter.") == {
            SERVER + "InformParameterNumberOfEntries": "2",
            SERVER + "InformParameter.2.Enable": "true",
            SERVER + "InformParameter.2.ParameterName": "Device.Time.NTPServer1",
            SERVER + "InformParameter.2.EventList": "",
            SERVER + "InformParameter.2.Alias": "cpe-2",
            SERVER + "InformParameter.3.Enable": "false",
            SERVER + "InformParameter.3.ParameterName": "",
            SERVER + "InformParameter.3.EventList": "",
            SERVER + "InformParameter.3.Alias": "cpe-3",
        }

    async def test_they_match_events(self, house: House) -> None:
        await house.tree.nodes()
        await self.fill(house, "Device.Time.Enable")
        await self.fill(house, "Device.Time.NTPServer1", "2 PERIODIC, 1 BOOT")
        await self.fill(house, "Device.DeviceInfo.UpTime", enable="false")
        await self.fill(house, "Device.Hosts.Host.*.Name", "1 BOOT")
        assert self.names(house, "4 VALUE CHANGE") == self.names(house) == []
        assert self.names(house, "0 BOOTSTRAP") == ["Device.Time.Enable"]
        assert self.names(house, "4 VALUE CHANGE", "2 PERIODIC") == [
            "Device.Time.Enable",
            "Device.Time.NTPServer1",
        ]
        assert self.names(house, "1 BOOT") == [
            "Device.Time.Enable",
            "Device.Time.NTPServer1",
            "Device.Hosts.Host.1.Name",
        ]

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("ParameterName", SERVER + "ParameterKey"),
            ("ParameterName", "Device.Time."),
            ("ParameterName", "Device.Hosts.Ho*.Name"),
            ("ParameterName", "InternetGatewayDevice.X"),
            ("EventList", "1 BOOT,4 VALUE CHANGE"),
        ],
    )
    async def test_what_may_not_stand_there(self, house: House, column: str, value: str) -> None:
        row = await self.fill(house, "Device.Time.Enable")
        with pytest.raises(CwmpFault) as fault:
            await house.write((row + column, value))
        assert [culprit.code for culprit in fault.value.parameters] == [9007]

    async def test_there_is_an_end_to_them(self, house: House) -> None:
        for _ in range(64):
            await house.tree.add_object(SERVER + "InformParameter.", "K")
        with pytest.raises(CwmpFault) as fault:
            await house.tree.add_object(SERVER + "InformParameter.", "K")
        assert fault.value.code == FaultCode.RESOURCES_EXCEEDED
