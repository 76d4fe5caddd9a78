from __future__ import annotations

import pytest

from proxier.control_point.description import Description, DescriptionReader, neighbour_mac
from proxier.control_point.documents import (
    LARGEST_DOCUMENT,
    DocumentFetcher,
    DocumentRefused,
    DocumentUnavailable,
)
from proxier.control_point.lines import Lines
from tests.proxier.control_point.stand_in import (
    BMS2,
    BMS_ACTIONS,
    CMS2,
    CMS_ACTIONS,
    SERVICE,
    StandIn,
    description,
    device,
    scpd,
    service,
)
from translation.actions import Service


async def read(stand_in: StandIn) -> Description:
    async with Lines() as lines:
        reader = DescriptionReader(DocumentFetcher(lines))
        return await reader.read(stand_in.location, stand_in.address)


async def test_a_device_with_its_services() -> None:
    async with StandIn() as stand_in:
        found = await read(stand_in)
        (proxied,) = found.devices
    assert not found.left_out
    assert (proxied.udn, proxied.root_udn) == (stand_in.udn, stand_in.udn)
    assert (proxied.manufacturer, proxied.model_name, proxied.serial_number) == ("Example", "Model", "1")
    assert (proxied.location, proxied.address, proxied.mac) == (stand_in.location, stand_in.address, "")
    cms = proxied.services[Service.CMS]
    assert (str(cms), cms.service_type) == ("CMS:2", CMS2)
    assert cms.control_url == stand_in.url("/cms/control")
    assert cms.event_url == stand_in.url("/cms/event")
    assert cms.arguments["GetInstances"] == ("StartingNode", "SearchDepth")
    assert cms.actions == CMS_ACTIONS.keys()
    assert cms.evented == {"ConfigurationUpdate"}
    assert "GetAttributes" in cms.missing
    assert proxied.services[Service.BMS].missing == frozenset()


async def test_embedded_devices_at_any_depth_also_of_the_same_type() -> None:
    inner = device("uuid:inner", service(CMS2, "cms"), name="Inner")
    for level in range(3):
        inner = device(f"uuid:level-{level}", embedded=inner)
    twins = "".join(device(f"uuid:twin-{n}", service(BMS2, "bms")) for n in (1, 2))
    root = description(device("uuid:root", embedded=inner + twins))
    async with StandIn(documents={"/desc.xml": root}) as stand_in:
        found = await read(stand_in)
    assert found.root_udn == "uuid:root"
    assert {(d.udn, d.root_udn) for d in found.devices} == {
        ("uuid:inner", "uuid:root"),
        ("uuid:twin-1", "uuid:root"),
        ("uuid:twin-2", "uuid:root"),
    }


async def test_relative_urls_and_a_base_url() -> None:
    entry = service(CMS2, "cms", control="ctl", event="ctl", described="scpd/cms.xml")
    async with StandIn() as stand_in:
        stand_in.documents |= {
            "/desc.xml": description(device("uuid:a", entry), stand_in.url("/base/")),
            "/base/scpd/cms.xml": scpd(CMS_ACTIONS),
        }
        (proxied,) = (await read(stand_in)).devices
    assert proxied.services[Service.CMS].control_url == stand_in.url("/base/ctl")
    assert proxied.services[Service.CMS].event_url == stand_in.url("/base/ctl")


async def test_equal_scpds_are_kept_once() -> None:
    twins = "".join(device(f"uuid:twin-{n}", service(CMS2, "cms")) for n in (1, 2))
    async with StandIn(documents={"/desc.xml": description(device("uuid:root", embedded=twins))}) as stand_in:
        first, second = (await read(stand_in)).devices
    assert first.services[Service.CMS].scpd is second.services[Service.CMS].scpd


@pytest.mark.parametrize(
    ("service_type", "expected"),
    [
        (f"{SERVICE}:ConfigurationManagement:1", "CMS:1"),
        (f"{SERVICE}:ConfigurationManagement:3", "CMS:3"),
        (f" {SERVICE}:configurationManagement:2\n", "CMS:2"),
    ],
)
async def test_every_version_counts(service_type: str, expected: str) -> None:
    root = description(device("uuid:a", service(service_type, "cms")))
    async with StandIn(documents={"/desc.xml": root}) as stand_in:
        (proxied,) = (await read(stand_in)).devices
    assert [str(s) for s in proxied.services.values()] == [expected]


async def test_the_newest_of_two_versions_is_taken() -> None:
    old = service(f"{SERVICE}:BasicManagement:1", "old", described="/old.xml")
    actions = {"GetSequenceMode": (), **BMS_ACTIONS}
    root = description(device("uuid:a", old + service(BMS2, "bms") + old))
    async with StandIn(documents={"/desc.xml": root, "/old.xml": scpd(actions)}) as stand_in:
        (proxied,) = (await read(stand_in)).devices
    assert str(proxied.services[Service.BMS]) == "BMS:2"


def without(action: str) -> str:
    return scpd({name: arguments for name, arguments in CMS_ACTIONS.items() if name != action})


@pytest.mark.parametrize(
    ("documents", "reason"),
    [
        pytest.param({"/cms.xml": without("GetValues")}, "its SCPD lacks GetValues", id="action"),
        pytest.param({"/cms.xml": "<html/>"}, "is no SCPD", id="no SCPD"),
        pytest.param({"/cms.xml": "<!DOCTYPE scpd><scpd/>"}, "DOCTYPE", id="DOCTYPE"),
        pytest.param({"/cms.xml": " " * (LARGEST_DOCUMENT + 1)}, "more than 4194304 bytes", id="large"),
        pytest.param({"/cms.xml": "<scpd>" * 70 + "</scpd>" * 70}, "nested deeper than 64", id="deep"),
        pytest.param({"/cms.xml": ""}, "no XML document", id="empty"),
    ],
)
async def test_a_service_that_is_no_use_is_left_out_with_a_reason(
    documents: dict[str, str | bytes], reason: str
) -> None:
    async with StandIn(documents=documents) as stand_in:
        found = await read(stand_in)
    (proxied,) = found.devices
    assert set(proxied.services) == {Service.BMS}
    (left_out,) = found.left_out
    assert left_out.what == "CMS:2"
    assert reason in left_out.reason


@pytest.mark.parametrize("url", ["control", "event", "described"])
async def test_a_service_whose_urls_point_elsewhere_is_left_out(url: str) -> None:
    entry = service(CMS2, "cms", **{url: "http://127.0.0.99:80/elsewhere"})
    root = description(device("uuid:a", entry))
    async with StandIn(documents={"/desc.xml": root}) as stand_in:
        found = await read(stand_in)
    assert not found.devices
    assert "points elsewhere than to 127.0.0.2" in found.left_out[0].reason


async def test_a_base_url_that_points_elsewhere_takes_all_with_it() -> None:
    root = description(device("uuid:a", service(CMS2, "cms")), "http://127.0.0.99/")
    async with StandIn(documents={"/desc.xml": root}) as stand_in:
        assert not (await read(stand_in)).devices


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<root/>", "no device description"),
        ("<html><device/></html>", "no device description"),
        ("gone", "no XML document"),
        ('<!DOCTYPE r [<!ENTITY a "b">]><root><device/></root>', "DOCTYPE"),
    ],
)
async def test_what_is_no_description_is_refused(body: str, reason: str) -> None:
    async with StandIn(documents={"/desc.xml": body}) as stand_in:
        with pytest.raises(DocumentRefused, match=reason):
            await read(stand_in)


async def test_devices_nested_too_deep_are_refused() -> None:
    nested = device("uuid:inner", service(CMS2, "cms"))
    for level in range(17):
        nested = device(f"uuid:{level}", embedded=nested)
    async with StandIn(documents={"/desc.xml": description(nested)}) as stand_in:
        with pytest.raises(DocumentRefused, match="nested deeper than 16"):
            await read(stand_in)


async def test_a_crowd_of_devices_is_refused() -> None:
    crowd = "".join(device(f"uuid:{n}", service(CMS2, "cms")) for n in range(300))
    root = description(device("uuid:root", embedded=crowd))
    async with StandIn(documents={"/desc.xml": root}) as stand_in:
        with pytest.raises(DocumentRefused, match="more than 256 devices"):
            await read(stand_in)


async def test_devices_without_a_udn_of_their_own_are_left_out() -> None:
    root = device("uuid:a", service(CMS2, "cms"), embedded=device("", service(CMS2, "cms"), name="Nobody"))
    twin = device("uuid:a", service(BMS2, "bms"))
    async with StandIn() as stand_in:
        stand_in.documents["/desc.xml"] = description(root.replace("</deviceList>", f"{twin}</deviceList>"))
        found = await read(stand_in)
    assert [d.udn for d in found.devices] == ["uuid:a"]
    assert {str(entry) for entry in found.left_out} == {
        "Nobody: it has no UDN",
        "uuid:a: another device of the same description has this UDN",
    }


async def test_a_udn_without_its_prefix_gets_it() -> None:
    async with StandIn() as stand_in:
        stand_in.documents["/desc.xml"] = description(device(" 1234 ", service(CMS2, "cms")))
        (proxied,) = (await read(stand_in)).devices
    assert proxied.udn == "uuid:1234"


async def test_names_that_could_not_stand_in_a_message_are_dropped() -> None:
    actions = {**CMS_ACTIONS, "Get><Evil": ("x",), "GetMore": ("a b", "Fine")}
    described = scpd(actions).replace("Get><Evil", "Get&gt;&lt;Evil")
    async with StandIn(documents={"/cms.xml": described}) as stand_in:
        (proxied,) = (await read(stand_in)).devices
    cms = proxied.services[Service.CMS]
    assert cms.actions == CMS_ACTIONS.keys() | {"GetMore"}
    assert cms.arguments["GetMore"] == ("Fine",)


async def test_what_has_no_scpd_at_all_may_have_one_later() -> None:
    root = description(device("uuid:a", service(CMS2, "cms", described="http://127.0.0.2:9/gone.xml")))
    async with StandIn(documents={"/desc.xml": root}) as stand_in:
        with pytest.raises(DocumentUnavailable):
            await read(stand_in)


async def test_one_scpd_that_does_not_come_does_not_stop_the_others() -> None:
    entries = service(CMS2, "cms", described="http://127.0.0.2:9/gone.xml") + service(BMS2, "bms")
    async with StandIn(documents={"/desc.xml": description(device("uuid:a", entries))}) as stand_in:
        found = await read(stand_in)
    assert set(found.devices[0].services) == {Service.BMS}
    assert found.devices[0].unread == {Service.CMS}
    assert "cannot be fetched" in found.left_out[0].reason
    assert not found.complete


@pytest.mark.parametrize("patient", [True, False])
async def test_a_missing_scpd_may_come_later_for_whoever_is_patient(patient: bool) -> None:
    async with StandIn() as stand_in, Lines() as lines:
        del stand_in.documents["/cms.xml"]
        reader = DescriptionReader(DocumentFetcher(lines))
        found = await reader.read(stand_in.location, stand_in.address, patient=patient)
    assert set(found.devices[0].services) == {Service.BMS}
    assert found.devices[0].unread == ({Service.CMS} if patient else frozenset())
    assert found.complete is not patient
    assert "HTTP 404" in found.left_out[0].reason


async def test_a_device_with_nothing_that_could_be_fetched_is_known_of() -> None:
    inner = device("uuid:INNER", service(CMS2, "cms", described="http://127.0.0.2:9/gone.xml"))
    root = description(device("uuid:a", service(BMS2, "bms"), embedded=inner))
    async with StandIn(documents={"/desc.xml": root}) as stand_in:
        found = await read(stand_in)
    assert [d.udn for d in found.devices] == ["uuid:a"]
    assert found.unread == {"uuid:inner"}


async def test_of_a_device_that_is_not_admitted_nothing_more_is_read() -> None:
    async with StandIn() as stand_in, Lines() as lines:
        reader = DescriptionReader(DocumentFetcher(lines), lambda udn: udn != stand_in.udn)
        found = await reader.read(stand_in.location, stand_in.address)
        assert stand_in.paths() == ["/desc.xml"]
    assert not found.devices
    assert [(entry.what, entry.on_purpose) for entry in found.left_out] == [(stand_in.udn, True)]


@pytest.mark.parametrize("text", ["yes", "YES", "", "no", "No"])
async def test_evented_is_what_does_not_say_otherwise(text: str) -> None:
    old_style = (
        f"<stateVariable><sendEventsAttribute>{text}</sendEventsAttribute><name>Old</name></stateVariable>"
    )
    described = scpd(CMS_ACTIONS).replace("</serviceStateTable>", f"{old_style}</serviceStateTable>")
    async with StandIn(documents={"/cms.xml": described}) as stand_in:
        (proxied,) = (await read(stand_in)).devices
    assert ("Old" in proxied.services[Service.CMS].evented) is (text.lower() != "no")


def test_loopback_has_no_mac_address() -> None:
    assert neighbour_mac("127.0.0.1") == ""
