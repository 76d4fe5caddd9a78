from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwmp_client.datatypes import Syntax, same_type
from cwmp_client.faults import CwmpFault
from tests.cwmp_client.parameter_house import LOCAL, PROVISIONING_CODE, SERVER, House


class TestLocalParameters:
    async def test_what_the_acs_set_stays_when_the_rest_is_exchanged(self, house: House) -> None:
        await house.write((PROVISIONING_CODE, "P"))
        house.local.replace({PROVISIONING_CODE: LOCAL[PROVISIONING_CODE]}, objects=["Device.A.B."])
        assert await house.read(PROVISIONING_CODE) == {PROVISIONING_CODE: "P"}
        assert list(await house.local.nodes()) == [
            "Device.",
            "Device.DeviceInfo.",
            PROVISIONING_CODE,
            "Device.A.",
            "Device.A.B.",
        ]

    async def test_cached_values_are_the_values(self, house: House) -> None:
        assert house.tree.cached("Device.DeviceInfo.UpTime") == (
            "Device.DeviceInfo.UpTime",
            "42",
            "unsignedInt",
        )
        assert house.tree.cached(SERVER + "URL") is not None
        assert house.tree.cached(SERVER) is None
        assert house.tree.cached("Device.Nowhere") is None

    async def test_no_rows_come_or_go_by_themselves(self, house: House) -> None:
        for change in (house.local.add, house.local.delete):
            with pytest.raises(CwmpFault):
                await change("Device.Hosts.Host.")


class TestDatatypes:
    @given(st.integers(min_value=0, max_value=2**32 - 1))
    def test_numbers_are_read_back_without_ornament(self, number: int) -> None:
        assert Syntax("unsignedInt").canonical(f" +00{number}\n") == str(number)

    @pytest.mark.parametrize("text", ["", "1_0", "٣", "1.0", "0x1", "9" * 41, "-0 1"])
    def test_what_is_no_number(self, text: str) -> None:
        with pytest.raises(ValueError, match="whole number"):
            Syntax("int").canonical(text)

    @pytest.mark.parametrize(
        ("declared", "given_type", "same"),
        [
            ("string", "xsd:string", True),
            ("base64", "soapenc:base64Binary", True),
            ("unsignedInt", "xsd:long", True),
            ("boolean", "string", False),
            ("dateTime", "anySimpleType", True),
            ("", "boolean", True),
        ],
    )
    def test_types(self, declared: str, given_type: str, *, same: bool) -> None:
        assert same_type(declared, given_type) is same
