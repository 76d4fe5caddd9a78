from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation.datatypes import (
    CANONICAL,
    DEVICE_TYPES,
    INTEGERS,
    canonical,
    fits_xml,
    for_device,
    schema_type,
    typed,
)


@pytest.mark.parametrize(
    ("device_type", "schema"),
    [
        ("string", "string"),
        ("String(64)", "string"),
        ("xsd:unsignedInt", "unsignedInt"),
        ("unsignedInt[1:]", "unsignedInt"),
        ("ui4", "unsignedInt"),
        ("dateTime.tz", "dateTime"),
        ("base64", "base64Binary"),
        ("bin.hex", "hexBinary"),
        ("MultiInstance", "string"),
        ("", "string"),
        ("<>", "string"),
    ],
)
def test_types_of_devices(device_type: str, schema: str) -> None:
    assert schema_type(device_type) == schema


def test_every_device_type_is_one_that_values_are_known_of() -> None:
    assert set(DEVICE_TYPES.values()) == {"string", *CANONICAL}


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ("string", " as it is ", " as it is "),
        ("boolean", "1", "true"),
        ("boolean", "False", "false"),
        ("boolean", "yes", None),
        ("int", "+007", "7"),
        ("int", "-0", "0"),
        ("int", "0", "0"),
        ("int", "2147483648", None),
        ("int", "1.0", None),
        ("int", "", None),
        ("int", "\u0661", None),
        ("unsignedInt", "-1", None),
        ("unsignedInt", "4294967295", "4294967295"),
        ("long", "-9223372036854775808", "-9223372036854775808"),
        ("unsignedLong", "18446744073709551616", None),
        ("unsignedLong", "9" * 5000, None),
        ("decimal", "-1.50", "-1.50"),
        ("decimal", ".", None),
        ("dateTime", "2024-05-01T10:00:00.000Z", "2024-05-01T10:00:00.000Z"),
        ("dateTime", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("dateTime", "2024-05-01T10:00:00+02:00", "2024-05-01T10:00:00+02:00"),
        ("dateTime", "2024-05-01T10:00:00", "2024-05-01T10:00:00"),
        ("dateTime", "2024-05-01 10:00:00", None),
        ("dateTime", "2024-13-01T10:00:00Z", None),
        ("hexBinary", "00ff1a", "00FF1A"),
        ("hexBinary", "0", None),
        ("base64Binary", "AAEC\n/w==", "AAEC/w=="),
        ("base64Binary", "AAEC/w=", None),
    ],
)
def test_canonical_values(schema: str, text: str, value: str | None) -> None:
    assert canonical(text, schema) == value
    assert typed(text, schema) == ((text, "string") if value is None else (value, schema))


@given(st.sampled_from(sorted(INTEGERS)), st.integers(-(2**65), 2**65))
def test_integers(schema: str, number: int) -> None:
    lowest, highest = INTEGERS[schema]
    assert canonical(str(number), schema) == (str(number) if lowest <= number <= highest else None)


@given(st.sampled_from(sorted(DEVICE_TYPES.values())), st.text())
def test_a_canonical_value_is_its_own_canonical_value(schema: str, text: str) -> None:
    value, told = typed(text, schema)
    assert typed(value, told) == (value, told)


@pytest.mark.parametrize(
    ("schema", "text", "written"),
    [
        ("boolean", "true", "1"),
        ("boolean", " FALSE ", "0"),
        ("int", " +5 ", "5"),
        ("string", " true ", " true "),
        ("int", "five", "five"),
    ],
)
def test_values_for_devices(schema: str, text: str, written: str) -> None:
    assert for_device(text, schema) == written


@pytest.mark.parametrize("text", ["\x00", "a\x0bb", "\ud800", "\uffff"])
def test_what_no_document_can_carry(text: str) -> None:
    assert not fits_xml(text)


def test_what_a_document_can_carry() -> None:
    assert fits_xml("\t\r\n <&> \u00e4 \U0001f600")
