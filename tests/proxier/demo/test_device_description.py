from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from proxier.demo.device import SimulatedDevice
from proxier.demo.device_scpd import offered_services, scpd
from tests.proxier.demo.device_client import client_of

FACTS = Path(__file__).parents[4] / "shared" / "facts" / "scpd"
LEFT_OUT = {"GetACLData", "GetSelectedValues"}
SERVICE = "{urn:schemas-upnp-org:service-1-0}"
DEVICE = "{urn:schemas-upnp-org:device-1-0}"


def actions_of(root: Any, namespace: str) -> dict[str, list[tuple[str, ...]]]:
    parts = [namespace + part for part in ("name", "direction", "relatedStateVariable")]
    return {
        action.findtext(namespace + "name"): [
            tuple(argument.findtext(part) for part in parts)
            for argument in action.iter(namespace + "argument")
        ]
        for action in root.iter(namespace + "action")
    }


def variables_of(root: Any, namespace: str) -> Iterator[tuple[Any, ...]]:
    for variable in root.iter(namespace + "stateVariable"):
        evented = variable.get("sendEvents") or variable.findtext("sendEventsAttribute") or "yes"
        allowed = [value.text for value in variable.iter(namespace + "allowedValue")]
        name, data_type = (variable.findtext(namespace + part) for part in ("name", "dataType"))
        yield name, data_type, evented, allowed, variable.findtext(f".//{namespace}maximum")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", ["BasicManagement", "ConfigurationManagement", "SoftwareManagement"])
def test_the_scpds_are_those_of_the_standard(name: str, version: int) -> None:
    path = FACTS / f"service-{name}-{version}.xml"
    if not path.exists():
        pytest.skip("the SCPDs of the standard are not here")
    standard = etree.parse(str(path)).getroot()
    own = etree.fromstring(scpd(offered_services(SimulatedDevice(version=version))[name]).encode())
    actions = actions_of(standard, "")
    assert actions_of(own, SERVICE) == {action: a for action, a in actions.items() if action not in LEFT_OUT}
    wanted = {row[0]: row for row in variables_of(standard, "")}
    assert all(wanted[row[0]] == row for row in variables_of(own, SERVICE))
    missing = wanted.keys() - {row[0] for row in variables_of(own, SERVICE)}
    assert missing <= {f"A_ARG_TYPE_{name}" for name in ("ACL", "ACLDataPathList", "Filter", "String")}


async def test_what_is_left_out_is_not_there() -> None:
    options: dict[str, Any] = {
        "without_services": {"SoftwareManagement"},
        "without_actions": {"SetSequenceMode", "GetSequenceMode", "Ping"},
    }
    async with SimulatedDevice(advertise=False, **options) as device, client_of(device) as client:
        root = etree.fromstring(await client.get("/scpd/BasicManagement.xml"))
        assert "Ping" not in actions_of(root, SERVICE)
        names = {row[0] for row in variables_of(root, SERVICE)}
        assert "SequenceMode" not in names
        assert "ActiveTestIDs" in names
        assert b"SoftwareManagement" not in await client.get("/description.xml")


async def test_the_description() -> None:
    async with SimulatedDevice(serial="a&b", advertise=False) as device, client_of(device) as client:
        root = etree.fromstring(await client.get("/description.xml"))
        found = root.find(f"{DEVICE}device")
        assert found is not None
        assert found.findtext(f"{DEVICE}deviceType") == "urn:schemas-upnp-org:device:ManageableDevice:2"
        assert found.findtext(f"{DEVICE}UDN") == device.udn
        assert found.findtext(f"{DEVICE}serialNumber") == "a&b"
        for service in found.iter(f"{DEVICE}service"):
            await client.get(service.findtext(f"{DEVICE}SCPDURL") or "")


async def test_an_embedded_device_stands_inside_another() -> None:
    async with (
        SimulatedDevice(advertise=False, embedded=True, version=1) as device,
        client_of(device) as client,
    ):
        root = etree.fromstring(await client.get("/description.xml"))
        assert [udn.text for udn in root.iter(f"{DEVICE}UDN")] == [device.root_udn, device.udn]
        inner = root.find(f"{DEVICE}device/{DEVICE}deviceList/{DEVICE}device")
        assert inner is not None
        assert inner.findtext(f"{DEVICE}deviceType") == "urn:schemas-upnp-org:device:ManageableDevice:1"


def test_the_udn_follows_from_the_identity() -> None:
    assert (
        SimulatedDevice(serial="1").udn == SimulatedDevice(serial="1").udn != SimulatedDevice(serial="2").udn
    )
