from __future__ import annotations

import pytest

from tests.translation.driving import (
    CMS_ACTIONS,
    Exchange,
    asked_values,
    drive,
    refusal,
    supported_data_models,
    values,
)
from translation.actions import DeviceUnreachable
from translation.identity import COMMON_OBJECTS, DataModelIdentity, read_identity
from translation.paths import SubTree


def of_common_objects(**leaves: str) -> Exchange:
    told = values({COMMON_OBJECTS + name: value for name, value in leaves.items()})
    return Exchange("GetValues", told, asked_values(COMMON_OBJECTS))


def of_device_info(place: str = "/BBF/", **leaves: str) -> Exchange:
    told = values({f"{place}DeviceInfo/{name}": value for name, value in leaves.items()})
    return Exchange("GetValues", told, asked_values(f"{place}DeviceInfo/"))


def models(*locations: str) -> Exchange:
    subtrees = [SubTree("urn:broadband-forum-org:tr-181-2-0", location) for location in locations]
    return Exchange("GetSupportedDataModels", supported_data_models(*subtrees))


def test_the_common_objects_come_first() -> None:
    identity = drive(
        read_identity(CMS_ACTIONS),
        of_common_objects(ManufacturerOUI="00005E", ProductClass="", SerialNumber="42", Other="x"),
    )
    assert identity == DataModelIdentity(None, "00005E", "", "42")


def test_device_info_says_what_the_common_objects_do_not() -> None:
    identity = drive(
        read_identity(CMS_ACTIONS),
        of_common_objects(ManufacturerOUI="00005E", SerialNumber=""),
        models("/TR181/"),
        of_device_info(
            "/TR181/", Manufacturer="Acme", ManufacturerOUI="FFFFFF", ProductClass="Lamp", SerialNumber="42"
        ),
    )
    assert identity == DataModelIdentity("Acme", "00005E", "Lamp", "42")


@pytest.mark.parametrize("error", [401, 402, 600, 602, 701, 702, 703])
@pytest.mark.parametrize(
    "subtrees",
    [*(Exchange("GetSupportedDataModels", refusal(code)) for code in (401, 501)), models("/BBF/WiFi/")],
)
def test_objects_that_are_not_there(error: int, subtrees: Exchange) -> None:
    identity = drive(
        read_identity(CMS_ACTIONS),
        Exchange("GetValues", refusal(error)),
        subtrees,
        of_device_info(ManufacturerOUI="00005E", SerialNumber="7"),
    )
    assert identity == DataModelIdentity(None, "00005E", None, "7")


def test_a_device_that_says_nothing_of_itself() -> None:
    nothing = Exchange("GetValues", refusal(703))
    actions = CMS_ACTIONS - {"GetSupportedDataModels"}
    assert drive(read_identity(actions), nothing, nothing) == DataModelIdentity()
    assert drive(read_identity(frozenset())) == DataModelIdentity()


@pytest.mark.parametrize("error", [501, 603, 606, 708, 709, 800])
def test_a_device_that_cannot_say_now_is_to_be_asked_again(error: int) -> None:
    with pytest.raises(DeviceUnreachable):
        drive(read_identity(CMS_ACTIONS), Exchange("GetValues", refusal(error)))
