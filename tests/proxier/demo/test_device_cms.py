from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from proxier.demo.device import SimulatedDevice
from proxier.demo.device_model import CLOCKS, UP_TIMES
from proxier.demo.device_profile import STRAY_BYTES, Documents
from proxier.demo.device_tree import Leaf
from tests.proxier.demo.device_client import (
    DeviceClient,
    Refused,
    attribute_values,
    client_of,
    content_paths,
    document,
    envelope,
    initial_values,
    parameter_values,
    records,
    texts,
)

HOSTS, NAT, NTP = "/BBF/Hosts/Host/", "/BBF/NAT/PortMapping/", "/BBF/Time/NTPServer1"


@pytest.fixture
async def client() -> AsyncIterator[DeviceClient]:
    async with SimulatedDevice(advertise=False) as device, client_of(device) as client:
        yield client


async def test_tells_its_data_models(client: DeviceClient) -> None:
    answer = await client.call("GetSupportedDataModels")
    assert {"URI": "urn:broadband-forum-org:tr-181-2-0", "Location": "/BBF/"} in records(
        answer["SupportedDataModels"]
    )


@pytest.mark.parametrize(
    ("start", "depth", "expected"),
    [
        ("/BBF/Hosts/", 1, {"/BBF/Hosts/HostNumberOfEntries", "/BBF/Hosts/Host/"}),
        ("/BBF/Hosts/", 2, {"/BBF/Hosts/HostNumberOfEntries", "/BBF/Hosts/Host/#/"}),
        ("/BBF/IP/Interface/#/IPv4Address/", 1, {"/BBF/IP/Interface/#/IPv4Address/#/"}),
        (
            "/BBF/IP/Interface/#/IPv4Address/",
            0,
            {
                f"/BBF/IP/Interface/#/IPv4Address/#/{name}"
                for name in ("IPAddress", "SubnetMask", "AddressingType")
            },
        ),
        (NTP, 0, {NTP}),
        ("/", 1, {"/BBF/", "/UPnP/"}),
    ],
)
async def test_supported_parameters(client: DeviceClient, start: str, depth: int, expected: set[str]) -> None:
    answer = await client.call("GetSupportedParameters", StartingNode=start, SearchDepth=str(depth))
    assert set(texts(answer["Result"])) == expected


@pytest.mark.parametrize(
    ("start", "depth", "expected"),
    [
        (HOSTS, 1, [HOSTS + "0/", HOSTS + "1/"]),
        ("/BBF/Hosts/", 1, []),
        ("/BBF/IP/", 0, ["/BBF/IP/Interface/0/", "/BBF/IP/Interface/0/IPv4Address/0/"]),
        ("/BBF/IP/", 2, ["/BBF/IP/Interface/0/"]),
    ],
)
async def test_instances(client: DeviceClient, start: str, depth: int, expected: list[str]) -> None:
    answer = await client.call("GetInstances", StartingNode=start, SearchDepth=str(depth))
    assert texts(answer["Result"]) == expected


async def test_values_of_nodes_and_parameters_without_repetition(client: DeviceClient) -> None:
    values = await client.values(HOSTS + "0/", HOSTS + "0/HostName", NTP)
    assert values[HOSTS + "0/HostName"] == "printer"
    assert values[NTP] == "ntp.example"
    assert len(values) == 7


async def test_special_characters_survive_two_levels_of_xml(client: DeviceClient) -> None:
    text = "/BBF/X_00005E_Samples/Text"
    assert (await client.values(text))[text] == '<a & "b">'
    await client.set_values({text: "]]> &amp; <x/> \u00e4"})
    assert (await client.values(text))[text] == "]]> &amp; <x/> \u00e4"


async def test_set_values_applies_and_makes_a_new_version(client: DeviceClient) -> None:
    before = client.device.cms.version
    assert await client.set_values({NTP: "a.example", "/BBF/Time/Enable": "false"}) == "ChangesApplied"
    assert (await client.values(NTP, "/BBF/Time/Enable")) == {NTP: "a.example", "/BBF/Time/Enable": "0"}
    answer = await client.call("GetCurrentConfigurationVersion")
    assert int(answer["StateVariableValue"]) == before + 1


PATH_FAULTS = [
    ("GetSupportedParameters", {"StartingNode": "/BBF/Hosts/Host/0/", "SearchDepth": "0"}, 701),
    ("GetSupportedParameters", {"StartingNode": "/BBF/Nothing/", "SearchDepth": "0"}, 703),
    ("GetInstances", {"StartingNode": "/BBF/Hosts/Host", "SearchDepth": "0"}, 701),
    ("GetInstances", {"StartingNode": "/BBF/Hosts/Host/7/", "SearchDepth": "0"}, 703),
    ("GetInstances", {"StartingNode": "BBF/", "SearchDepth": "0"}, 701),
    ("GetInstances", {"StartingNode": "/BBF/", "SearchDepth": "-1"}, 402),
    ("GetValues", {"Parameters": content_paths("/BBF/Hosts/Host/#/")}, 701),
    ("GetValues", {"Parameters": content_paths("/BBF/Hosts/Host")}, 703),
    ("GetValues", {"Parameters": content_paths("/BBF//Hosts/")}, 701),
    ("GetValues", {"Parameters": "no XML"}, 702),
    ("GetValues", {"Parameters": '<!DOCTYPE x [<!ENTITY e "/BBF/">]>' + content_paths("/")}, 702),
    ("GetValues", {"Parameters": "<ContentPathList><ContentPath>/BBF/</ContentPath></ContentPathList>"}, 702),
    ("GetValues", {"Parameters": document("ContentPathList", "Path", "/BBF/")}, 702),
    ("DeleteInstance", {"InstanceIdentifier": NAT + "0"}, 701),
    ("DeleteInstance", {"InstanceIdentifier": NAT + "5/"}, 703),
    ("DeleteInstance", {"InstanceIdentifier": NAT}, 703),
    ("DeleteInstance", {"InstanceIdentifier": HOSTS + "0/"}, 706),
    (
        "GetAttributes",
        {"Parameters": document("NodeAttributePathList", "NodeAttributePath", "/BBF/Hosts/")},
        703,
    ),
    ("GetAttributes", {"Parameters": document("NodeAttributePathList", "NodeAttributePath", "Hosts")}, 701),
]


@pytest.mark.parametrize(("action", "arguments", "code"), PATH_FAULTS)
async def test_wrong_arguments(
    client: DeviceClient, action: str, arguments: dict[str, str], code: int
) -> None:
    with pytest.raises(Refused) as refused:
        await client.call(action, **arguments)
    assert refused.value.code == code
    assert client.device.refusals == [(action, code)]


PORT, ENABLE = NAT + "0/ExternalPort", "/BBF/Time/Enable"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("/BBF/Nothing", "x", 703),
        (HOSTS + "9/HostName", "x", 703),
        (NAT + "0/", "x", 701),
        (HOSTS + "0/HostName", "x", 706),
        (ENABLE, "maybe", 704),
        (PORT, "http", 704),
        (PORT, "-1", 704),
        (PORT, "65536", 705),
        (NAT + "0/Protocol", "SCTP", 705),
        (NTP, "x" * 65, 705),
        ("/BBF/X_00005E_Samples/Counter", "101", 705),
        ("/BBF/X_00005E_Samples/Counter", "2147483648", 704),
        ("/BBF/X_00005E_Samples/Date", "yesterday", 704),
        ("/BBF/X_00005E_Samples/Blob", "A", 704),
        ("/BBF/X_00005E_Samples/Key", "ABC", 704),
    ],
)
async def test_one_bad_value_and_nothing_is_set(
    client: DeviceClient, path: str, value: str, code: int
) -> None:
    before = state_of(client.device)
    with pytest.raises(Refused) as refused:
        await client.set_values({"/BBF/Time/NTPServer2": "b.example", path: value})
    assert refused.value.code == code
    assert state_of(client.device) == before


def state_of(device: SimulatedDevice) -> tuple[dict[str, str], int]:
    """Its values, those of its clocks aside, and its version."""
    moving = {*CLOCKS, *UP_TIMES}
    return {path: value for path, value in device.values.items() if path not in moving}, device.cms.version


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (parameter_values([(NTP, "a"), (NTP, "b")]), 707),
        (parameter_values({}), 702),
        (document("ParameterValueList", "Parameter", {"ParameterPath": NTP}), 702),
        (document("ParameterValueList", "Parameter", {"Value": "x"}), 702),
        (
            document(
                "ParameterValueList", "Parameter", {"ParameterPath": NTP, "Value": "x", "Type": "string"}
            ),
            702,
        ),
    ],
)
async def test_set_values_documents(client: DeviceClient, xml: str, code: int) -> None:
    with pytest.raises(Refused) as refused:
        await client.call("SetValues", ParameterValueList=xml)
    assert refused.value.code == code


async def test_a_row_comes_and_goes_and_its_number_does_not_return(client: DeviceClient) -> None:
    created = await client.call(
        "CreateInstance",
        MultiInstanceName=NAT,
        ChildrenInitialization=initial_values({"ExternalPort": "22", "Description": "ssh"}),
    )
    assert created == {"InstanceIdentifier": NAT + "1/", "Status": "ChangesApplied"}
    values = await client.values(NAT + "1/", "/BBF/NAT/PortMappingNumberOfEntries")
    assert values[NAT + "1/ExternalPort"] == "22"
    assert values[NAT + "1/Protocol"] == "TCP"
    assert values["/BBF/NAT/PortMappingNumberOfEntries"] == "2"
    deleted = await client.call("DeleteInstance", InstanceIdentifier=NAT + "1/")
    assert deleted == {"Status": "ChangesApplied"}
    assert NAT + "1/ExternalPort" not in client.device.values
    assert client.device.add_row(NAT) == NAT + "2/"


async def test_a_nested_table_has_rows_of_its_own(client: DeviceClient) -> None:
    table = "/BBF/IP/Interface/0/IPv4Address/"
    created = await client.call(
        "CreateInstance", MultiInstanceName=table, ChildrenInitialization=initial_values({})
    )
    assert created["InstanceIdentifier"] == table + "1/"
    assert client.device.values["/BBF/IP/Interface/0/IPv4AddressNumberOfEntries"] == "2"
    client.device.remove_row("/BBF/IP/Interface/0/")
    answer = await client.call("GetInstances", StartingNode="/BBF/IP/", SearchDepth="0")
    assert texts(answer["Result"]) == []


@pytest.mark.parametrize(
    ("table", "initial", "code"),
    [
        (NAT.rstrip("/"), initial_values({}), 701),
        ("/BBF/Nothing/", initial_values({}), 703),
        ("/BBF/NAT/", initial_values({}), 703),
        (HOSTS, initial_values({}), 706),
        (NAT, "", 702),
        (NAT, initial_values({"Nothing": "1"}), 703),
        (NAT, initial_values({"Status": "Enabled"}), 706),
        (NAT, initial_values({"ExternalPort": "x"}), 704),
        (NAT, initial_values({"ExternalPort": "65536"}), 705),
    ],
)
async def test_rows_that_cannot_be_created(client: DeviceClient, table: str, initial: str, code: int) -> None:
    before = state_of(client.device)
    with pytest.raises(Refused) as refused:
        await client.call("CreateInstance", MultiInstanceName=table, ChildrenInitialization=initial)
    assert refused.value.code == code
    assert state_of(client.device) == before


async def test_a_table_can_be_full(client: DeviceClient) -> None:
    for _ in range(7):
        client.device.add_row(NAT)
    with pytest.raises(Refused) as refused:
        await client.call("CreateInstance", MultiInstanceName=NAT, ChildrenInitialization=initial_values({}))
    assert refused.value.code == 709


@pytest.mark.parametrize(
    ("path", "attributes"),
    [
        (NTP, {"Type": "string", "Access": "readWrite", "EventOnChange": "0", "AlarmOnChange": "0"}),
        (
            HOSTS + "0/Active",
            {"Type": "boolean", "Access": "readOnly", "EventOnChange": "0", "AlarmOnChange": "0"},
        ),
        (NAT, {"Type": "MultiInstance", "Access": "readWrite", "EventOnChange": "0"}),
        (HOSTS, {"Type": "MultiInstance", "Access": "readOnly", "EventOnChange": "0"}),
        (NAT + "0/", {"Type": "Instance", "Access": "readWrite"}),
    ],
)
async def test_attributes(client: DeviceClient, path: str, attributes: dict[str, str]) -> None:
    found = await client.attributes(path)
    found.pop("Version", None)
    assert found == attributes


async def test_the_version_of_a_parameter_is_that_of_its_last_change(client: DeviceClient) -> None:
    await client.set_values({NTP: "c.example"})
    assert (await client.attributes(NTP))["Version"] == str(client.device.cms.version)


@pytest.mark.parametrize(
    ("path", "change", "code"),
    [
        (NTP, {"EventOnChange": "2"}, 705),
        (NTP, {"Access": "readOnly"}, 706),
        (NAT + "0/", {"EventOnChange": "1"}, 706),
        (NAT, {"AlarmOnChange": "1"}, 706),
        ("/BBF/Nothing", {"EventOnChange": "1"}, 703),
        (NTP, {"Colour": "red"}, 702),
    ],
)
async def test_attributes_that_cannot_be_set(
    client: DeviceClient, path: str, change: dict[str, str], code: int
) -> None:
    good = {"NodeAttributePath": ENABLE, "EventOnChange": "1"}
    xml = document("NodeAttributeValueList", "Node", good, {"NodeAttributePath": path, **change})
    with pytest.raises(Refused) as refused:
        await client.call("SetAttributes", NodeAttributeValueList=xml)
    assert refused.value.code == code
    assert (await client.attributes(ENABLE))["EventOnChange"] == "0"


async def test_changes_make_an_update_only_where_it_is_wanted(client: DeviceClient) -> None:
    device = client.device
    before = await client.call("GetConfigurationUpdate")
    device.change(NTP, "d.example")
    assert await client.call("GetConfigurationUpdate") == before
    await client.watch(NTP)
    device.change(NTP, "e.example")
    after = (await client.call("GetConfigurationUpdate"))["StateVariableValue"]
    version, _, when = after.partition(",")
    assert int(version) == device.cms.version
    assert when.endswith("Z")
    device.change(NTP, "e.example")
    assert device.cms.version == int(version)


async def test_an_alarm_carries_the_new_value(client: DeviceClient) -> None:
    await client.call(
        "SetAttributes",
        NodeAttributeValueList=attribute_values(NTP, EventOnChange="1", AlarmOnChange="1"),
    )
    await client.call("SetAlarmsEnabled", StateVariableValue="1")
    client.device.change(NTP, "f.example")
    update = (await client.call("GetConfigurationUpdate"))["StateVariableValue"]
    assert records(update.split(",", 2)[2]) == [{"ParameterPath": NTP, "Value": "f.example"}]


async def test_the_model_can_change_while_it_runs(client: DeviceClient) -> None:
    device = client.device
    before = await client.call("GetSupportedParametersUpdate")
    device.cms.add_parameter(HOSTS + "#/Colour", Leaf(default="red"))
    assert (await client.values(HOSTS + "1/Colour"))[HOSTS + "1/Colour"] == "red"
    assert await client.call("GetSupportedParametersUpdate") != before
    device.cms.remove_parameter(HOSTS + "#/Colour")
    with pytest.raises(Refused):
        await client.values(HOSTS + "1/Colour")
    device.cms.set_data_models([("urn:broadband-forum-org:tr-181-2-11", "/BBF/WiFi/")])
    answer = await client.call("GetSupportedDataModels")
    assert [row["Location"] for row in records(answer["SupportedDataModels"])] == ["/BBF/WiFi/"]


async def test_a_device_that_only_commits() -> None:
    async with SimulatedDevice(advertise=False, commits_only=True) as device, client_of(device) as client:
        assert await client.set_values({NTP: "g.example"}) == "ChangesCommitted"
        assert (await client.values(NTP))[NTP] == "g.example"
        assert (await client.call("GetInconsistentStatus"))["StateVariableValue"] == "1"
        device.cms.apply()
        assert (await client.call("GetInconsistentStatus"))["StateVariableValue"] == "0"


async def test_a_device_that_numbers_from_one_and_uses_numbers_again() -> None:
    async with (
        SimulatedDevice(advertise=False, instance_base=1, reuse_instances=True) as device,
        client_of(device) as client,
    ):
        assert (await client.values(HOSTS + "1/Layer3Interface")) == {
            HOSTS + "1/Layer3Interface": "/BBF/IP/Interface/1/"
        }
        device.remove_row(HOSTS + "1/")
        assert device.add_row(HOSTS) == HOSTS + "1/"


async def test_a_device_with_many_parameters_gives_some_at_a_time() -> None:
    async with (
        SimulatedDevice(advertise=False, extra_parameters=200, greatest_read=150) as device,
        client_of(device) as client,
    ):
        with pytest.raises(Refused) as refused:
            await client.values("/BBF/X_00005E_Load/")
        assert refused.value.code == 709
        assert len(await client.values("/BBF/X_00005E_Load/Entry/3/")) == 10


async def test_a_device_that_does_not_tell_who_it_is() -> None:
    async with SimulatedDevice(advertise=False, identity=False) as device:
        assert not [path for path in device.values if path.endswith(("/SerialNumber", "/ManufacturerOUI"))]


@pytest.mark.parametrize("documents", [Documents.INLINE, Documents.BARE])
async def test_documents_as_live_elements(documents: Documents) -> None:
    async with SimulatedDevice(advertise=False, documents=documents) as device, client_of(device) as client:
        service_type = "urn:schemas-upnp-org:service:ConfigurationManagement:2"
        parameters = f"<Parameters>{content_paths(NTP)}</Parameters>"
        call = f'<u:GetValues xmlns:u="{service_type}">{parameters}</u:GetValues>'
        body = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
            f"<s:Body>{call}</s:Body></s:Envelope>"
        )
        status, answer = await client.post(
            "ConfigurationManagement", f'"{service_type}#GetValues"', body.encode()
        )
        assert status == 200
        inline = b"<ParameterValueList><cms:ParameterValueList " in answer
        assert inline == (documents is Documents.INLINE)
        assert b"<Value>ntp.example</Value>" in answer


async def test_an_untidy_device() -> None:
    async with SimulatedDevice(advertise=False, untidy=True) as device, client_of(device) as client:
        service_type = "urn:schemas-upnp-org:service:ConfigurationManagement:2"
        call = envelope(service_type, "GetValues", {"Parameters": content_paths(NTP)})
        _, answer = await client.post("ConfigurationManagement", f'"{service_type}#GetValues"', call)
        assert answer.endswith(b"</s:Envelope>" + STRAY_BYTES)
        assert b"&lt;Value&gt;\n  ntp.example\n&lt;/Value&gt;" in answer
