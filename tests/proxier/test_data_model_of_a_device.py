"""What data models of the configuration change, and what stands in for what a device lacks; on sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cwmp_client.messages import (
    AddObject,
    AddObjectResponse,
    EventCode,
    GetParameterAttributes,
    GetParameterAttributesResponse,
    ParameterValueStruct,
    SetParameterAttributes,
    SetParameterAttributesStruct,
    SetParameterValues,
)
from proxier.daemon import running
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsDevice, AcsFault
from proxier.demo.device import SimulatedDevice
from proxier.settings import DataModelSettings, DeviceSettings
from tests.proxier.managed import id_of, known
from tests.proxier.running import settings_for
from tests.proxier.test_main_job import fault_of, names, values
from tests.translation.data_models import data_model_document, device_type_document

INFO = "Device.DeviceInfo."
COMMON = "/UPnP/DM/DeviceInfo/"
MAPPING = "Device.NAT.PortMapping."

MODEL = data_model_document(
    """
    <model name="Device:2.9">
      <object name="Device.Time." access="readOnly">
        <parameter name="Enable" access="readWrite"><syntax><boolean/></syntax></parameter>
        <parameter name="Status" access="readOnly" activeNotify="canDeny">
          <syntax><string/></syntax></parameter>
        <parameter name="NTPServer1" access="readWrite">
          <syntax><string><size maxLength="64"/></string></syntax></parameter>
        <parameter name="LocalTimeZone" access="readWrite">
          <syntax hidden="true"><string/></syntax></parameter>
        <parameter name="CurrentLocalTime" access="readOnly"><syntax><dateTime/></syntax></parameter>
        <parameter name="NTPServer2" access="readWrite" forcedInform="true"/>
      </object>
      <object name="Device.IP.Interface.{i}." access="readOnly">
        <parameter name="LowerLayers" access="readWrite"><syntax>
          <list/><string><pathRef refType="strong" targetType="row"/></string></syntax></parameter>
        <parameter name="MaxMTUSize" access="readWrite"><syntax>
          <unsignedInt><range minInclusive="64" maxInclusive="65535"/></unsignedInt></syntax></parameter>
      </object>
      <object name="Device.NAT.PortMapping.{i}." access="readWrite">
        <parameter name="Enable" access="readWrite">
          <syntax><boolean/><default type="object" value="false"/></syntax></parameter>
        <parameter name="Protocol" access="readWrite"><syntax><string>
          <enumeration value="TCP"/><enumeration value="UDP"/></string></syntax></parameter>
        <parameter name="Description" access="readWrite">
          <syntax><string/><default type="object" value="made by the ACS"/></syntax></parameter>
      </object>
    </model>
    """,
    spec="urn:example:tr-181-2-9",
)
TYPE = device_type_document(
    """
    <import file="model.xml" spec="urn:example:tr-181-2-9"><model name="Device:2.9"/></import>
    <feature name="Router"/><feature name="NAT"/>
    <model ref="Device:2.9">
      <object ref="Device.Time." access="readOnly" minEntries="1" maxEntries="1">
        <parameter ref="Enable" access="readOnly"/></object>
    </model>
    """
)
UUID = "6f9f8a0c-5d2f-5d8a-a2f4-2a7c1f1f8d11"
SILENT = frozenset({"GetAttributes"})


@asynccontextmanager
async def proxied(
    acs: EmbeddedAcs,
    folder: Path,
    *,
    data_models: Iterable[DataModelSettings] = (),
    devices: Iterable[DeviceSettings] = (),
    lacks: Iterable[str] = (),
    quiet: bool = False,
    **options: Any,
) -> AsyncIterator[tuple[AcsDevice, SimulatedDevice]]:
    """A device with these options and without these parameters, after its first session.

    It is `quiet`, so that actions can be counted, when its events have begun.
    """
    async with SimulatedDevice(serial="modelled", advertise=False, **options) as device:
        for path in lacks:
            device.cms.remove_parameter(path)
        settings = settings_for(acs.url, folder, locations=(device.location,), interfaces=())
        settings = replace(settings, data_models=tuple(data_models), devices=tuple(devices))
        async with running(settings):
            managed = await acs.device(id_of(device), timeout=10)
            await managed.session_over()
            if quiet:
                await known(device)
            yield managed, device


@pytest.fixture
def model(tmp_path: Path) -> DataModelSettings:
    (tmp_path / "model.xml").write_bytes(MODEL)
    return DataModelSettings(file=str(tmp_path / "model.xml"), product_class="Simulated*")


async def value(managed: AcsDevice, name: str) -> str:
    return (await values(managed, name))[name][0]


async def assign(managed: AcsDevice, name: str, text: str, schema: str = "string") -> None:
    await managed.request(SetParameterValues((ParameterValueStruct(name, text, schema),), ""))


# ------------------------------------------------------------------ data models of the configuration


async def test_types_and_access_where_the_device_is_silent(
    acs: EmbeddedAcs, tmp_path: Path, model: DataModelSettings
) -> None:
    async with proxied(acs, tmp_path, data_models=[model], without_actions=SILENT) as (managed, device):
        found = await values(managed, "Device.Time.")
        assert found["Device.Time.Enable"] == ("true", "boolean")
        assert found["Device.Time.CurrentLocalTime"][1] == "dateTime"
        assert found["Device.Time.LocalTimeZone"] == ("", "string"), "what is hidden is not told"
        listed = await names(managed, "Device.", next_level=False)
        assert listed["Device.Time.NTPServer1"]
        assert not listed["Device.Time.Status"]
        assert listed[MAPPING]
        assert listed[MAPPING + "1."]
        assert not listed["Device.Hosts.Host."]
        await assign(managed, "Device.Time.Enable", "0", "boolean")
        assert device.values["/BBF/Time/Enable"] == "0"


async def test_without_a_data_model_a_silent_device_is_read_only_text(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    async with proxied(acs, tmp_path, without_actions=SILENT) as (managed, _):
        assert (await values(managed, "Device.Time."))["Device.Time.Enable"] == ("1", "string")
        assert not (await names(managed, "Device.", next_level=False))["Device.Time.NTPServer1"]


async def test_values_that_the_data_model_forbids_cost_no_action(
    acs: EmbeddedAcs, tmp_path: Path, model: DataModelSettings
) -> None:
    async with proxied(acs, tmp_path, data_models=[model], quiet=True) as (managed, device):
        before = len(device.actions)
        fault = await fault_of(
            managed,
            ParameterValueStruct(MAPPING + "1.Protocol", "SCTP"),
            ParameterValueStruct("Device.Time.NTPServer1", "x" * 65),
            ParameterValueStruct("Device.IP.Interface.1.MaxMTUSize", "63", "unsignedInt"),
            ParameterValueStruct("Device.IP.Interface.1.LowerLayers", "Device.Ethernet.Interface.7"),
            ParameterValueStruct("Device.Time.Enable", "1", "boolean"),
        )
        assert len(device.actions) == before
    assert fault.code == 9003
    assert {each.parameter_name: each.fault_code for each in fault.parameters} == {
        MAPPING + "1.Protocol": 9007,
        "Device.Time.NTPServer1": 9007,
        "Device.IP.Interface.1.MaxMTUSize": 9007,
        "Device.IP.Interface.1.LowerLayers": 9007,
    }


async def test_a_new_row_has_the_defaults_of_the_data_model(
    acs: EmbeddedAcs, tmp_path: Path, model: DataModelSettings
) -> None:
    async with proxied(acs, tmp_path, data_models=[model], quiet=True) as (managed, device):
        before = len(device.actions)
        response = await managed.request(AddObject(MAPPING, ""))
        assert isinstance(response, AddObjectResponse)
        assert [name for name, _ in device.actions[before : before + 2]] == ["CreateInstance", "SetValues"]
        row = f"{MAPPING}{response.instance_number}."
        assert await value(managed, row + "Description") == "made by the ACS"
        assert await value(managed, row + "Enable") == "false"


async def test_active_notification_is_denied_where_the_data_model_lets_us(
    acs: EmbeddedAcs, tmp_path: Path, model: DataModelSettings
) -> None:
    wanted = SetParameterAttributesStruct("Device.Time.Status", notification_change=True, notification=2)
    async with proxied(acs, tmp_path, data_models=[model], quiet=True) as (managed, device):
        before = len(device.actions)
        with pytest.raises(AcsFault) as caught:
            await managed.request(SetParameterAttributes((wanted,)))
        assert caught.value.code == 9009
        assert len(device.actions) == before
        await managed.request(SetParameterAttributes((replace(wanted, notification=1),)))
        response = await managed.request(GetParameterAttributes(("Device.Time.Status",)))
        assert isinstance(response, GetParameterAttributesResponse)
        assert [each.notification for each in response.parameter_list] == [1]


async def test_the_data_models_of_the_configuration_are_the_supported_ones(
    acs: EmbeddedAcs, tmp_path: Path, model: DataModelSettings
) -> None:
    (tmp_path / "type.xml").write_bytes(TYPE)
    device_type = DataModelSettings(file=str(tmp_path / "type.xml"), url="http://models.example/type.xml")
    async with proxied(acs, tmp_path, data_models=[device_type, model]) as (managed, _):
        table = {
            name: text for name, (text, _) in (await values(managed, INFO)).items() if "Supported" in name
        }
        assert table == {
            INFO + "SupportedDataModelNumberOfEntries": "2",
            INFO + "SupportedDataModel.1.URL": "http://models.example/type.xml",
            INFO + "SupportedDataModel.1.UUID": UUID,
            INFO + "SupportedDataModel.1.URN": "urn:example:tr-181-2-9",
            INFO + "SupportedDataModel.1.Features": "Router,NAT",
            INFO + "SupportedDataModel.2.URL": "",
            INFO + "SupportedDataModel.2.UUID": "",
            INFO + "SupportedDataModel.2.URN": "urn:example:tr-181-2-9",
            INFO + "SupportedDataModel.2.Features": "",
        } | {name: text for name, text in table.items() if name.endswith(".Alias")}
        assert await value(managed, "Device.RootDataModelVersion") == "2.9"


async def test_every_inform_has_what_the_data_model_wants_in_it(
    acs: EmbeddedAcs, tmp_path: Path, model: DataModelSettings
) -> None:
    async with proxied(acs, tmp_path, data_models=[model]) as (managed, _):
        assert managed.informs[0].parameters["Device.Time.NTPServer2"] == ""


# ------------------------------------------------------------------ references


async def test_references_are_translated_both_ways(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with proxied(acs, tmp_path) as (managed, device):
        assert await value(managed, "Device.Hosts.Host.2.Layer3Interface") == "Device.IP.Interface.1"
        device.add_row("/BBF/Ethernet/Interface/")
        layers = "Device.IP.Interface.1.LowerLayers"
        await assign(managed, layers, "Device.Ethernet.Interface.1, Device.Ethernet.Interface.2.")
        path = "/BBF/IP/Interface/0/LowerLayers"
        assert device.values[path] == "/BBF/Ethernet/Interface/0/,/BBF/Ethernet/Interface/1/"
        both = "Device.Ethernet.Interface.1,Device.Ethernet.Interface.2"
        assert await value(managed, layers) == both
        await assign(managed, layers, f"{both},Device.Ethernet.Interface.[nosuch]")
        assert await value(managed, layers) == f"{both},Device.Ethernet.Interface.[nosuch]"
        await assign(managed, layers, "Device.Ethernet.Interface.[cpe-2],Device.Ethernet.Interface.1")
        assert device.values[path] == "/BBF/Ethernet/Interface/1/,/BBF/Ethernet/Interface/0/"


# ------------------------------------------------------------------ what a device lacks

LACKING = (
    "/BBF/DeviceInfo/HardwareVersion",
    "/BBF/DeviceInfo/SoftwareVersion",
    "/BBF/DeviceInfo/ProvisioningCode",
)
FORCED = {
    "Device.RootDataModelVersion": "2.0",
    INFO + "HardwareVersion": "A1",
    INFO + "SoftwareVersion": "1.0.0",
    INFO + "ProvisioningCode": "",
}


async def test_every_inform_has_what_it_must_have_although_the_device_has_not(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    async with proxied(acs, tmp_path, lacks=LACKING) as (managed, _):
        told = managed.informs[0].parameters
        assert {name: told[name] for name in FORCED} == FORCED
        assert {name for name in told if name.startswith("Device.ManagementServer.")} == {
            "Device.ManagementServer.ParameterKey",
            "Device.ManagementServer.ConnectionRequestURL",
            "Device.ManagementServer.AliasBasedAddressing",
        }


async def test_of_a_device_without_a_data_model_the_description_tells(
    acs: EmbeddedAcs, tmp_path: Path
) -> None:
    services = frozenset({"ConfigurationManagement"})
    device = SimulatedDevice(serial="bare", advertise=False, without_services=services)
    async with device, running(settings_for(acs.url, tmp_path, locations=(device.location,), interfaces=())):
        managed = await acs.device(f"000000-{device.model_name}-bare", timeout=10)
        await managed.session_over()
        info = await values(managed, INFO)
    assert FORCED.keys() <= managed.informs[0].parameters.keys()
    assert info[INFO + "ModelName"] == (device.model_name, "string")
    assert info[INFO + "SupportedDataModelNumberOfEntries"] == ("1", "unsignedInt")
    assert info[INFO + "SupportedDataModel.1.URN"][0].startswith("urn:broadband-forum-org:tr-181-2-")


async def test_a_new_software_version_of_the_common_objects_is_told(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with proxied(acs, tmp_path, lacks=LACKING, quiet=True) as (managed, device):
        device.change(COMMON + "SoftwareVersion", "1.1.0")
        inform = await managed.wait_event(EventCode.VALUE_CHANGE)
        assert inform.parameters[INFO + "SoftwareVersion"] == "1.1.0"
        await managed.session_over()


async def test_a_provisioning_code_is_kept_for_the_acs(acs: EmbeddedAcs, tmp_path: Path) -> None:
    async with proxied(acs, tmp_path, lacks=LACKING) as (managed, device):
        device.cms.tree.store(COMMON + "ProvisioningCode", "of the device")
        before = len(device.actions)
        await assign(managed, INFO + "ProvisioningCode", "of the ACS")
        assert "SetValues" not in [name for name, _ in device.actions[before:]]
        assert await value(managed, INFO + "ProvisioningCode") == "of the ACS"
        await managed.session_over()
    async with proxied(acs, tmp_path, lacks=LACKING) as (managed, _):
        assert await value(managed, INFO + "ProvisioningCode") == "of the ACS"


# ------------------------------------------------------------------ settings of single devices


async def test_rows_are_numbered_as_the_configuration_says(acs: EmbeddedAcs, tmp_path: Path) -> None:
    devices = [
        DeviceSettings(match="*-OtherDevice-*", instance_offset=3),
        DeviceSettings(match="00005e-simulated*", instance_offset=10, values_per_call=2),
    ]
    async with proxied(acs, tmp_path, devices=devices) as (managed, device):
        rows = await names(managed, "Device.Hosts.Host.", next_level=True)
        assert set(rows) == {"Device.Hosts.Host.10.", "Device.Hosts.Host.11."}
        found = await values(managed, "Device.Time.Enable", "Device.Hosts.Host.11.HostName", "Device.Time.")
        assert found["Device.Hosts.Host.11.HostName"] == ("camera", "string")
        asked = [
            call["Parameters"].count("<ContentPath>") for name, call in device.actions if name == "GetValues"
        ]
        assert max(asked) == 2
