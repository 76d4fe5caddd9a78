from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import pytest
from msgspec.structs import replace

from cwmp_client.inform_parameters import FORCED_INFORM_PARAMETERS
from cwmp_client.messages import ParameterValueStruct
from proxier.control_point import ProxiedDevice
from proxier.fallback_parameters import FORCED_INFORM, INFORM_NAMES, FallbackParameters
from tests.proxier.test_store import METER
from tests.translation.data_models import model, read_document
from translation.data_model import DataModel, ModelSource
from translation.paths import SubTree

PAGE = (Path(__file__).parents[2] / "docs" / "data-model.md").read_text()
INFO = "Device.DeviceInfo."
COMMON = "Device.X_UPNP-ORG_DM.UPnP.DM.DeviceInfo."
DESCRIPTION = ProxiedDevice(
    udn="uuid:1",
    root_udn="uuid:1",
    location="http://192.168.1.2/d.xml",
    address="192.168.1.2",
    services={},
    friendly_name="Meter in the cellar",
    model_name="Meter 2000",
    model_number="rev. B",
)
TR_181 = SubTree("urn:broadband-forum-org:tr-181-2-13-0", "/BBF/")


@dataclass
class Own:
    """What a device has itself."""

    values: dict[str, str] = field(default_factory=dict)
    objects: tuple[str, ...] = ()
    subtrees: tuple[SubTree, ...] = ()
    data_model: DataModel | None = None

    def has(self, name: str) -> bool:
        return name in self.values or name in self.objects

    def cached(self, name: str) -> ParameterValueStruct | None:
        return ParameterValueStruct(name, self.values[name]) if name in self.values else None


def fallback(own: Own, description: ProxiedDevice | None = DESCRIPTION) -> FallbackParameters:
    parameters = FallbackParameters(METER, own, {})
    if description:
        parameters.describe(description)
    return parameters


async def told(parameters: FallbackParameters) -> dict[str, str]:
    names = [name for name in await parameters.nodes() if not name.endswith(".")]
    return {each.name: each.value for each in await parameters.values(names)}


async def test_a_device_that_tells_nothing_has_all_that_every_cpe_must_have() -> None:
    values = await told(fallback(Own()))
    assert set(FORCED_INFORM) <= values.keys()
    assert values.pop(INFO + "UpTime").isdecimal()
    assert values == {
        "Device.RootDataModelVersion": "2.17",
        INFO + "Manufacturer": "",
        INFO + "ManufacturerOUI": "00D09E",
        INFO + "ModelName": "Meter 2000",
        INFO + "ModelNumber": "rev. B",
        INFO + "Description": "Meter in the cellar",
        INFO + "ProductClass": "Meter",
        INFO + "SerialNumber": "42",
        INFO + "HardwareVersion": "rev. B",
        INFO + "SoftwareVersion": "",
        INFO + "ProvisioningCode": "",
        INFO + "SupportedDataModelNumberOfEntries": "1",
        INFO + "SupportedDataModel.1.URL": "",
        INFO + "SupportedDataModel.1.UUID": "",
        INFO + "SupportedDataModel.1.URN": "urn:broadband-forum-org:tr-181-2-17-0-cwmp",
        INFO + "SupportedDataModel.1.Features": "",
    }


async def test_before_it_is_seen_again_the_model_name_is_the_last_known_one() -> None:
    parameters = FallbackParameters(replace(METER, model_name="Meter 1000"), Own(), {})
    assert (await told(parameters))[INFO + "ModelName"] == "Meter 1000"


@pytest.mark.parametrize(
    ("common", "name", "value"),
    [
        ({"PhysicalDevice.HardwareVersion": "A1"}, "HardwareVersion", "A1"),
        ({"PhysicalDevice.HardwareVersion": ""}, "HardwareVersion", "rev. B"),
        ({"SoftwareVersion": "1.2", "OperatingSystem.SoftwareVersion": "6"}, "SoftwareVersion", "1.2"),
        ({"SoftwareVersion": "", "OperatingSystem.SoftwareVersion": "6"}, "SoftwareVersion", "6"),
        ({"ProvisioningCode": "code"}, "ProvisioningCode", "code"),
        ({"SoftwareVersion": "x" * 70}, "SoftwareVersion", "x" * 64),
    ],
)
async def test_common_objects_come_first(common: Mapping[str, str], name: str, value: str) -> None:
    own = Own({COMMON + each: text for each, text in common.items()})
    parameters = fallback(own)
    assert (await told(parameters))[INFO + name] == value
    cached = parameters.cached(INFO + name)
    assert cached
    assert cached.value == value


async def test_a_change_of_common_objects_is_told_once() -> None:
    own = Own({COMMON + "SoftwareVersion": "1.0"})
    parameters = fallback(own)
    assert parameters.take_changes() == ()
    own.values[COMMON + "SoftwareVersion"] = "1.1"
    assert parameters.take_changes() == (ParameterValueStruct(INFO + "SoftwareVersion", "1.1"),)
    assert parameters.take_changes() == ()


async def test_what_is_known_for_the_first_time_has_not_changed() -> None:
    own = Own()
    parameters = fallback(own)
    own.values[COMMON + "SoftwareVersion"] = "1.0"
    assert parameters.take_changes() == ()


async def test_what_the_device_has_itself_is_none_of_our_changes() -> None:
    own = Own({COMMON + "SoftwareVersion": "1.0", INFO + "SoftwareVersion": "1.0"})
    parameters = fallback(own)
    own.values[COMMON + "SoftwareVersion"] = "1.1"
    assert parameters.take_changes() == ()


async def test_a_provisioning_code_that_the_acs_has_set_stays() -> None:
    own = Own({COMMON + "ProvisioningCode": "of the device"})
    parameters = fallback(own)
    value = ParameterValueStruct(INFO + "ProvisioningCode", "of the ACS")
    applied = await parameters.set([value])
    own.values[COMMON + "ProvisioningCode"] = "changed"
    parameters.describe(DESCRIPTION)
    assert parameters.cached(value.name) == value
    again = FallbackParameters(METER, own, applied.records)
    assert again.cached(value.name) == value


@pytest.mark.parametrize(
    ("subtrees", "data_model", "version"),
    [
        ([TR_181], None, "2.13"),
        ([SubTree("urn:dslforum-org:tr-098-1-4", "/BBF/"), TR_181], None, "2.13"),
        ([SubTree("URN:BROADBAND-FORUM-ORG:TR-181-2-0", "/BBF/")], None, "2.0"),
        ([SubTree("urn:broadband-forum-org:tr-181-1-0", "/BBF/")], None, "2.17"),
        ([TR_181], read_document(model("", "Device:2.5")), "2.5"),
        ([TR_181], read_document(model("", "X_EXAMPLE_Device:1.0")), "2.13"),
    ],
)
async def test_the_version_of_the_root_model(
    subtrees: Iterable[SubTree], data_model: DataModel | None, version: str
) -> None:
    own = Own(subtrees=tuple(subtrees), data_model=data_model)
    assert (await told(fallback(own)))["Device.RootDataModelVersion"] == version


async def test_the_data_models_that_the_device_says_to_have() -> None:
    own = Own(
        subtrees=(
            SubTree("urn:a", "/BBF/WiFi/"),
            SubTree("urn:b", "/UPnP/DM/"),
            SubTree("", "/Nameless/"),
            SubTree("urn:a", "/BBF/Hosts/", "http://192.168.1.2/a.xml"),
        )
    )
    values = await told(fallback(own))
    assert values[INFO + "SupportedDataModelNumberOfEntries"] == "2"
    rows = [
        (values[f"{INFO}SupportedDataModel.{n}.URN"], values[f"{INFO}SupportedDataModel.{n}.URL"])
        for n in (1, 2)
    ]
    assert rows == [("urn:a", "http://192.168.1.2/a.xml"), ("urn:b", "")]


async def test_a_device_cannot_flood_the_table() -> None:
    own = Own(subtrees=tuple(SubTree(f"urn:{n}", "/BBF/") for n in range(10_000)))
    assert (await told(fallback(own)))[INFO + "SupportedDataModelNumberOfEntries"] == "64"


async def test_the_table_keeps_up_with_the_device_and_stays_the_same_object_meanwhile() -> None:
    own = Own()
    parameters = fallback(own)
    first = await parameters.nodes()
    assert await parameters.nodes() is first
    own.subtrees = (TR_181, SubTree("urn:b", "/UPnP/DM/"))
    assert INFO + "SupportedDataModel.2." in await parameters.nodes()
    own.objects = (INFO + "SupportedDataModel.",)
    assert not [name for name in await parameters.nodes() if "SupportedDataModel" in name]


async def test_a_device_type_gives_the_rows() -> None:
    source = ModelSource("Device:2.5", "urn:a", "6f9f8a0c", ("NAT", "Router"), "http://models.example/")
    values = await told(fallback(Own(subtrees=(TR_181,), data_model=DataModel((source,), {}))))
    assert [values[f"{INFO}SupportedDataModel.1.{name}"] for name in ("URL", "UUID", "URN", "Features")] == [
        "http://models.example/",
        "6f9f8a0c",
        "urn:a",
        "NAT,Router",
    ]


def test_what_informs_tell_is_read_at_first_contact() -> None:
    of_the_device = [name for name in FORCED_INFORM_PARAMETERS if "ManagementServer" not in name]
    assert sorted(of_the_device) == sorted(FORCED_INFORM)
    assert set(FORCED_INFORM) <= set(INFORM_NAMES)


async def test_the_page_says_where_each_value_comes_from() -> None:
    documented = set(re.findall(r"^\| `(Device\.[^`]*[^.`])` \|", PAGE, re.MULTILINE))
    values = await told(fallback(Own()))
    assert documented == {name.replace(".1.", ".{i}.") for name in values}


def test_the_page_has_the_limits_that_are_in_force() -> None:
    limits = re.findall(r"^\|[^|]*\(`([\w.]+)\.(\w+)`\) \| ([\d,]+) \|", PAGE, re.MULTILINE)
    assert len(limits) == 11
    for module, name, value in limits:
        assert getattr(import_module(module), name) == int(value.replace(",", "")), f"{module}.{name}"
