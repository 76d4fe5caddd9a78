from collections.abc import Callable

import pytest

from proxier.control_point import ProxiedDevice
from proxier.identity import DATA_MODEL, DESCRIPTION, NO_OUI, NO_REBOOT, NO_SERIAL, decide, is_wanted
from translation.identity import DataModelIdentity

UDN = "uuid:01234567-89ab-cdef-0123-456789abcdef"


def device(
    serial: str = "S1", mac: str = "", manufacturer: str = "Acme", model: str = "Player"
) -> ProxiedDevice:
    return ProxiedDevice(
        udn=UDN,
        root_udn=UDN,
        location="http://127.0.0.1/d.xml",
        address="127.0.0.1",
        services={},
        manufacturer=manufacturer,
        model_name=model,
        serial_number=serial,
        mac=mac,
    )


def never(_device_id: str) -> None:
    return None


def held_by(origin: str, *device_ids: str) -> Callable[[str], str | None]:
    return dict.fromkeys(device_ids, origin).get


def test_a_whole_data_model_gives_the_identity_and_may_join_udns() -> None:
    identity = decide(device(), DataModelIdentity("M", "00d09e", "STB", "42"), "000000", never)
    assert identity.device_id == "00D09E-STB-42"
    assert identity.manufacturer == "M"
    assert identity.origin == DATA_MODEL
    assert identity.lacks == (NO_REBOOT,)


@pytest.mark.parametrize("spelled", ["00:D0:9E", "00-d0-9e", " 00d09e "])
def test_an_oui_is_read_in_all_spellings(spelled: str) -> None:
    assert decide(device(), DataModelIdentity(oui=spelled), "FFFFFF", never).oui == "00D09E"


@pytest.mark.parametrize("spelled", ["", "00D0", "00D09E1", "GHIJKL", None])
def test_what_is_no_oui_counts_as_none(spelled: str | None) -> None:
    identity = decide(device(mac="A1B2C3D4E5F6"), DataModelIdentity(oui=spelled), "FFFFFF", never)
    assert identity.oui == "A1B2C3"
    assert NO_OUI in identity.lacks


def test_the_description_and_the_configured_oui_stand_in() -> None:
    identity = decide(device(), DataModelIdentity(), "ABCDEF", never)
    assert identity.device_id == "ABCDEF-Player-S1"
    assert identity.origin == DESCRIPTION
    assert identity.lacks == (NO_OUI, NO_SERIAL, NO_REBOOT)


def test_without_any_serial_number_the_udn_serves() -> None:
    assert (
        decide(device(serial=""), DataModelIdentity(), "ABCDEF", never).serial_number
        == "0123456789ABCDEF0123456789ABCDEF"
    )


def test_a_serial_number_of_a_description_yields_when_it_is_taken() -> None:
    identity = decide(device(), DataModelIdentity(), "ABCDEF", held_by(DESCRIPTION, "ABCDEF-Player-S1"))
    assert identity.serial_number == "0123456789ABCDEF0123456789ABCDEF"


def test_the_same_uuid_at_another_mac_address_is_another_device() -> None:
    digits = "0123456789ABCDEF0123456789ABCDEF"
    taken = held_by(DESCRIPTION, "A1B2C3-Player-S1", f"A1B2C3-Player-{digits}")
    identity = decide(device(mac="A1B2C3000001"), DataModelIdentity(), "ABCDEF", taken)
    assert identity.serial_number == f"{digits}-A1B2C3000001"


def test_two_whole_data_models_that_say_the_same_are_one_device() -> None:
    taken = held_by(DATA_MODEL, "00D09E-STB-42")
    identity = decide(device(), DataModelIdentity("M", "00D09E", "STB", "42"), "000000", taken)
    assert identity.device_id == "00D09E-STB-42"
    assert identity.origin == DATA_MODEL


@pytest.mark.parametrize(
    ("model", "origin"),
    [
        (DataModelIdentity("M", "00D09E", "STB", "42"), DESCRIPTION),
        (DataModelIdentity("M", "00D09E", None, "42"), DATA_MODEL),
    ],
)
def test_an_identity_that_is_taken_yields_unless_both_are_whole(
    model: DataModelIdentity, origin: str
) -> None:
    taken = held_by(origin, "00D09E-STB-42", "00D09E-Player-42")
    identity = decide(device(), model, "000000", taken)
    assert identity.serial_number == "0123456789ABCDEF0123456789ABCDEF"
    assert identity.origin == DESCRIPTION


def test_a_udn_that_is_taken_too_is_numbered() -> None:
    digits = "0123456789ABCDEF0123456789ABCDEF"
    taken = held_by(DESCRIPTION, "ABCDEF-Player-S1", f"ABCDEF-Player-{digits}")
    assert decide(device(), DataModelIdentity(), "ABCDEF", taken).serial_number == f"{digits}-2"


def test_texts_are_cut_to_what_the_schema_allows() -> None:
    identity = decide(device(model="x" * 70, manufacturer=" a\0b\n"), DataModelIdentity(), "ABCDEF", never)
    assert len(identity.product_class) == 64
    assert identity.manufacturer == "ab"


@pytest.mark.parametrize(
    ("allow", "deny", "wanted"),
    [
        ((), (), True),
        (("001122-*",), (), True),
        (("aabbcc-*",), (), False),
        ((UDN.upper(),), (), True),
        ((UDN.removeprefix("uuid:"),), (), True),
        ((), ("001122-stb-*",), False),
        (("*",), (UDN,), False),
    ],
)
def test_patterns_admit_by_udn_or_device_id(
    allow: tuple[str, ...], deny: tuple[str, ...], wanted: bool
) -> None:
    assert is_wanted(UDN, "001122-STB-1", allow, deny) is wanted
