from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation.data_model import (
    FORMAT,
    ActiveNotify,
    DataModel,
    Limits,
    ModelSource,
    ObjectDefinition,
    ParameterDefinition,
    Reference,
)

LIMITS = st.builds(Limits, st.none() | st.integers(), st.none() | st.integers())
MANY_LIMITS = st.lists(LIMITS, max_size=2).map(tuple)
DEFINITIONS = st.builds(
    ParameterDefinition,
    type=st.text(max_size=4),
    writable=st.booleans(),
    default=st.none() | st.text(max_size=4),
    active_notify=st.sampled_from(ActiveNotify),
    forced_inform=st.booleans(),
    hidden=st.booleans(),
    reference=st.sampled_from(Reference),
    item_type=st.text(max_size=4),
    values=st.lists(st.text(max_size=4), max_size=2).map(tuple),
    ranges=MANY_LIMITS,
    sizes=MANY_LIMITS,
    items=st.none() | LIMITS,
    list_sizes=MANY_LIMITS,
)
OBJECTS = st.builds(
    ObjectDefinition, st.booleans(), st.dictionaries(st.text(max_size=4), DEFINITIONS, max_size=3)
)
SOURCES = st.builds(
    ModelSource, st.text(), st.text(), st.text(), st.lists(st.text(), max_size=2).map(tuple), st.text()
)
MODELS = st.builds(
    DataModel,
    st.lists(SOURCES, max_size=2).map(tuple),
    st.dictionaries(st.text(max_size=4), OBJECTS, max_size=3),
)


def text(*sizes: Limits, **others: object) -> ParameterDefinition:
    return ParameterDefinition("string", item_type="string", sizes=sizes)._replace(**others)  # type: ignore[arg-type]  # for brevity


def number(*ranges: Limits, schema: str = "unsignedInt") -> ParameterDefinition:
    return ParameterDefinition(schema, item_type=schema, ranges=ranges)


def numbers(items: Limits, *ranges: Limits) -> ParameterDefinition:
    return ParameterDefinition("string", item_type="unsignedInt", items=items, ranges=ranges)


@pytest.mark.parametrize(
    ("definition", "allowed", "refused"),
    [
        (text(), ("", "anything"), ()),
        (text(Limits(None, 4)), ("", "four"), ("fives",)),
        (text(Limits(0, 0), Limits(2, 3)), ("", "ab", "abc"), ("a", "abcd")),
        (text(values=("TCP", "UDP")), ("TCP", "X_0000AB_QUIC"), ("", "tcp", "SCTP")),
        (number(), ("0", "7", "4294967295"), ("-1", "4294967296", "", "x")),
        (number(Limits(64, 65535)), ("64", "65535"), ("63", "65536")),
        (number(Limits(None, -2), Limits(5, None), schema="int"), ("-2", "5", "9"), ("-1", "0", "4")),
        (ParameterDefinition("boolean", item_type="boolean"), ("1", "true"), ("yes",)),
        (
            ParameterDefinition("hexBinary", item_type="hexBinary", sizes=(Limits(2, 3),)),
            ("00FF", "00FF10"),
            ("00", "00FF1020", "0"),
        ),
        (
            ParameterDefinition("base64Binary", item_type="base64Binary", sizes=(Limits(4, 4),)),
            ("AAEC/w==",),
            ("AAEC", "AAEC/wAA"),
        ),
        (numbers(Limits(), Limits(0, 7)), ("", "3", "0,7", " 1 , 2 "), ("8", "1,,2", "1,x", "0,8")),
        (numbers(Limits(1, 2)), ("3", "1,2"), ("", "1,2,3")),
        (
            text(Limits(None, 3), items=Limits(), list_sizes=(Limits(None, 8),)),
            ("", "abc,def"),
            ("abcd", "abc,d,efg"),
        ),
        (text(values=("A", "B"), items=Limits()), ("", "A,B", "B, A", "[A,C],B"), ("C", "A,C")),
        (ParameterDefinition(), ("", "anything"), ()),
    ],
)
def test_which_values_may_be_set(
    definition: ParameterDefinition, allowed: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    assert [value for value in allowed if definition.refusal(value)] == []
    assert [value for value in refused if not definition.refusal(value)] == []


@pytest.mark.parametrize(
    ("definition", "value", "words"),
    [
        (text(values=("TCP", "UDP")), "SCTP", "The value may be TCP, UDP"),
        (number(Limits(1, 9)), "10", "The value may be 1 to 9"),
        (text(Limits(None, 4)), "fives", "The length may be at most 4"),
        (text(Limits(3, None), Limits(1, 1)), "ab", "The length may be 3 or more or 1"),
        (numbers(Limits(None, 1)), "1,2", "The list has 2 items, and may have at most 1"),
        (numbers(Limits()), "1,x", "'x': This is no value of the type unsignedInt"),
    ],
)
def test_why_a_value_may_not_be_set(definition: ParameterDefinition, value: str, words: str) -> None:
    assert definition.refusal(value) == words


@pytest.mark.parametrize(
    ("schema", "null"),
    [("string", ""), ("hexBinary", ""), ("boolean", "false"), ("unsignedLong", "0"), ("int", "-1")],
)
def test_what_is_read_of_a_hidden_value(schema: str, null: str) -> None:
    assert ParameterDefinition(schema, hidden=True).null == null


def test_a_parameter_is_found_by_its_name_in_any_row() -> None:
    enable, top = number(), text()
    data_model = DataModel(
        (),
        {
            "Device.": ObjectDefinition(False, {"Top": top}),
            "Device.NAT.PortMapping.#.": ObjectDefinition(True, {"Enable": enable}),
        },
    )
    assert data_model.parameter("Device.Top") is top
    assert data_model.parameter("Device.NAT.PortMapping.12.Enable") is enable
    assert data_model.parameter("Device.NAT.PortMapping.#.Enable") is enable
    for name in ("Device.NAT.PortMapping.Enable", "Device.NAT.PortMapping.12.", "Device.Other.1.A", "x", ""):
        assert data_model.parameter(name) is None


@given(MODELS)
def test_a_record_gives_the_model_again(data_model: DataModel) -> None:
    record = json.loads(json.dumps(data_model.to_record()))
    again = DataModel.from_record(record)
    assert (again.sources, again.objects) == (data_model.sources, data_model.objects)


def test_a_record_of_another_format_is_refused() -> None:
    record = DataModel((), {}).to_record() | {"format": FORMAT + 1}
    with pytest.raises(ValueError, match=f"format {FORMAT + 1}"):
        DataModel.from_record(record)


def test_of_several_models_the_first_one_holds() -> None:
    narrow, wide, other = text(Limits(None, 4)), text(), number()
    first = DataModel(
        (ModelSource("X_Gadget:1.0", "urn:1"),), {"Device.A.#.": ObjectDefinition(True, {"P": narrow})}
    )
    second = DataModel(
        (ModelSource("Device:2.17", "urn:2"),),
        {
            "Device.A.#.": ObjectDefinition(False, {"P": wide, "Q": other}),
            "Device.B.": ObjectDefinition(False, {}),
        },
    )
    both = DataModel.united([first, second])
    assert both.objects == {
        "Device.A.#.": ObjectDefinition(True, {"P": narrow, "Q": other}),
        "Device.B.": ObjectDefinition(False, {}),
    }
    assert [source.urn for source in both.sources] == ["urn:1", "urn:2"]
    assert both.root_version == "2.17"
    assert first.root_version == ""
    assert DataModel.united([first]) is first
    located = both.located_at("http://models.example/")
    assert {source.url for source in located.sources} == {"http://models.example/"}
    assert located.objects is both.objects
