"""What a data model changes in values, and how values that are paths get from one side to the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwmp_client.messages import ParameterValueStruct
from tests.translation.data_models import model, read_document
from tests.translation.driving import CMS_ACTIONS, TR_181
from translation.data_model import DataModel
from translation.known import KnownTree
from translation.model import Attributes, SupportedModel
from translation.tree import Parameter, Tree
from translation.values import MAX_REFERENCES_LENGTH, refusal, value_of, written

ROWS = {"/BBF/IP/Interface/": {0, 4}, "/BBF/Ethernet/Interface/": {2}}
PATHS = (
    "/BBF/Hosts/Note",
    "/BBF/Hosts/Count",
    "/BBF/Hosts/Layer3Interface",
    "/BBF/Hosts/Lower",
    "/BBF/Hosts/Weak",
    "/BBF/Hosts/Password",
    "/BBF/Hosts/Key",
    "/BBF/IP/Interface/#/Name",
    "/BBF/Ethernet/Interface/#/Name",
)
DEVICE_TYPES = {"/BBF/Hosts/Count": Attributes("unsignedInt", writable=True)}


def syntax(name: str, content: str, attributes: str = "") -> str:
    return f'<parameter name="{name}" access="readWrite"><syntax {attributes}>{content}</syntax></parameter>'


REFERENCE = '<string><pathRef refType="{}" targetType="row"/></string>'
DATA_MODEL = read_document(
    model(
        '<object name="Hosts." access="readOnly">'
        + syntax("Note", "<string/>")
        + syntax("Count", '<unsignedInt><range maxInclusive="9"/></unsignedInt>')
        + syntax("Layer3Interface", REFERENCE.format("strong"))
        + syntax("Lower", '<list maxItems="2"/>' + REFERENCE.format("strong"))
        + syntax("Weak", "<list/>" + REFERENCE.format("weak"))
        + syntax("Password", "<string/>", 'hidden="true"')
        + syntax("Key", "<unsignedInt/>", 'secured="true"')
        + "</object>"
    )
)


def tree_of(data_model: DataModel | None) -> Tree:
    known = KnownTree(CMS_ACTIONS, data_model=data_model)
    known.learn_model(SupportedModel.of([TR_181], PATHS).described(DEVICE_TYPES), {})
    known.learn_rows(ROWS)
    return known.tree


DEFINED, UNDEFINED = tree_of(DATA_MODEL), tree_of(None)


def parameter(tree: Tree, leaf: str) -> Parameter:
    found = tree.parameter(f"Device.Hosts.{leaf}")
    assert found
    return found


@pytest.mark.parametrize(
    ("tree", "leaf", "at_device", "at_acs"),
    [
        (DEFINED, "Layer3Interface", "/BBF/IP/Interface/0/", "Device.IP.Interface.1"),
        (DEFINED, "Layer3Interface", "/BBF/IP/Interface/4", "Device.IP.Interface.5"),
        (DEFINED, "Layer3Interface", "/BBF/IP/Interface/4/Name", "Device.IP.Interface.5.Name"),
        (DEFINED, "Layer3Interface", "/BBF/IP/Interface/", "Device.IP.Interface"),
        (DEFINED, "Layer3Interface", "/BBF/IP/Interface/7/", "/BBF/IP/Interface/7/"),
        (DEFINED, "Layer3Interface", "Device.IP.Interface.1", "Device.IP.Interface.1"),
        (DEFINED, "Layer3Interface", "", ""),
        (
            DEFINED,
            "Lower",
            "/BBF/Ethernet/Interface/2/, /BBF/IP/Interface/9/",
            "Device.Ethernet.Interface.3,/BBF/IP/Interface/9/",
        ),
        (DEFINED, "Note", "/BBF/IP/Interface/0/", "/BBF/IP/Interface/0/"),
        (UNDEFINED, "Note", "/BBF/IP/Interface/0/", "Device.IP.Interface.1"),
        (
            UNDEFINED,
            "Note",
            "/BBF/IP/Interface/0/,/BBF/IP/Interface/4/Name",
            "Device.IP.Interface.1,Device.IP.Interface.5.Name",
        ),
        (UNDEFINED, "Note", "/BBF/IP/Interface/0/,/etc", "/BBF/IP/Interface/0/,/etc"),
        (UNDEFINED, "Note", "/BBF/IP/Interface/0/,", "/BBF/IP/Interface/0/,"),
        (UNDEFINED, "Note", "/BBF/Nothing/", "/BBF/Nothing/"),
        (UNDEFINED, "Note", "/", "/"),
        (UNDEFINED, "Note", "//", "//"),
        (UNDEFINED, "Note", "see /BBF/IP/Interface/0/", "see /BBF/IP/Interface/0/"),
        (DEFINED, "Password", "secret", ""),
    ],
)
def test_a_value_as_the_acs_reads_it(tree: Tree, leaf: str, at_device: str, at_acs: str) -> None:
    each = parameter(tree, leaf)
    assert value_of(each, at_device, tree) == ParameterValueStruct(each.name, at_acs, "string")


def test_a_hidden_number_is_read_as_the_null_of_its_type() -> None:
    each = parameter(DEFINED, "Key")
    assert value_of(each, "17", DEFINED) == ParameterValueStruct(each.name, "0", "unsignedInt")


@pytest.mark.parametrize(
    ("tree", "leaf", "from_acs", "at_device"),
    [
        (DEFINED, "Layer3Interface", "Device.IP.Interface.5", "/BBF/IP/Interface/4/"),
        (DEFINED, "Layer3Interface", "Device.IP.Interface.5.", "/BBF/IP/Interface/4/"),
        (DEFINED, "Layer3Interface", "", ""),
        (
            DEFINED,
            "Lower",
            "Device.Ethernet.Interface.3, Device.IP.Interface.1.Name",
            "/BBF/Ethernet/Interface/2/,/BBF/IP/Interface/0/Name",
        ),
        (
            DEFINED,
            "Weak",
            "Device.IP.Interface.9,Device.IP.Interface.1",
            "Device.IP.Interface.9,/BBF/IP/Interface/0/",
        ),
        (DEFINED, "Note", "Device.IP.Interface.1", "Device.IP.Interface.1"),
        (UNDEFINED, "Note", "Device.IP.Interface.1", "/BBF/IP/Interface/0/"),
        (
            UNDEFINED,
            "Note",
            "Device.IP.Interface.1,Device.IP.Interface.9",
            "Device.IP.Interface.1,Device.IP.Interface.9",
        ),
        (UNDEFINED, "Note", "Device.Services", "Device.Services"),
        (UNDEFINED, "Note", "Devices", "Devices"),
    ],
)
def test_a_value_as_the_device_wants_it(tree: Tree, leaf: str, from_acs: str, at_device: str) -> None:
    assert written(parameter(tree, leaf), from_acs, tree) == at_device


@given(
    st.sampled_from([DEFINED, UNDEFINED]),
    st.lists(
        st.sampled_from(["Device.IP.Interface.1", "Device.IP.Interface.5.Name", "Device.Hosts", "Device"]),
        min_size=1,
    ),
)
def test_references_survive_the_way_there_and_back(tree: Tree, names: list[str]) -> None:
    each, text = parameter(tree, "Lower"), ",".join(names)
    assert value_of(each, written(each, text, tree), tree).value == text


@pytest.mark.parametrize(
    ("tree", "leaf", "text", "words"),
    [
        (DEFINED, "Layer3Interface", "Device.IP.Interface.1", ""),
        (DEFINED, "Layer3Interface", "", ""),
        (DEFINED, "Layer3Interface", "Device.IP.Interface.2", "There is no Device.IP.Interface.2"),
        (DEFINED, "Lower", "Device.IP.Interface.1,eth0", "There is no eth0"),
        (
            DEFINED,
            "Lower",
            ",".join(["Device.IP.Interface.1"] * 3),
            "The list has 3 items, and may have at most 2",
        ),
        (DEFINED, "Weak", "Device.IP.Interface.2", ""),
        (DEFINED, "Count", "9", ""),
        (DEFINED, "Count", "10", "The value may be at most 9"),
        (UNDEFINED, "Count", "10", ""),
        (UNDEFINED, "Layer3Interface", "Device.IP.Interface.2", ""),
    ],
)
def test_what_a_data_model_does_not_allow(tree: Tree, leaf: str, text: str, words: str) -> None:
    assert refusal(parameter(tree, leaf), text, tree) == words


def test_limits_of_another_type_than_the_device_has_do_not_count() -> None:
    data_model = read_document(model('<object name="Hosts.">' + syntax("Count", "<boolean/>") + "</object>"))
    tree = tree_of(data_model)
    assert parameter(tree, "Count").attributes.type == "unsignedInt"
    assert refusal(parameter(tree, "Count"), "7", tree) == ""


@pytest.mark.parametrize("tree", [DEFINED, UNDEFINED])
def test_a_value_that_is_too_long_for_references_stays_as_it_is(tree: Tree) -> None:
    each = parameter(tree, "Lower")
    at_device = ",".join(["/BBF/IP/Interface/0/"] * (MAX_REFERENCES_LENGTH // 20))
    at_acs = ",".join(["Device.IP.Interface.1"] * (MAX_REFERENCES_LENGTH // 20))
    assert value_of(each, at_device, tree).value == at_device
    assert written(each, at_acs, tree) == at_acs
