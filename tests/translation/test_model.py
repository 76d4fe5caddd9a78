from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.translation.data_models import model as data_model
from tests.translation.data_models import read_document
from tests.translation.driving import COMMON, TR_181, TYPES
from translation.model import Attributes, StructureNode, SupportedModel
from translation.paths import SubTree

NAMES = st.sampled_from(["A", "Bb", "C_c", "X_00-5E"])
STRUCTURES = st.lists(
    st.tuples(
        st.sampled_from(["/BBF/", "/BBF/VoiceService/#/", "/UPnP/DM/"]),
        st.lists(st.one_of(NAMES, st.just("#")), max_size=4),
        NAMES,
        st.sampled_from(["", "/"]),
    ).map(lambda each: each[0] + "".join(part + "/" for part in each[1]) + each[2] + each[3]),
    max_size=12,
)
ATTRIBUTES = st.builds(
    Attributes,
    st.sampled_from(["string", "int", "boolean"]),
    writable=st.booleans(),
    event_on_change=st.booleans(),
)


def paths(model: SupportedModel) -> list[str]:
    return [node.path for node in model.nodes]


def test_a_model_has_what_was_listed_and_the_tables_above() -> None:
    model = SupportedModel.of([TR_181], ["/BBF/Hosts/Host/#/IPAddress", "/BBF/Time/", "/BBF/Time/Enable"])
    assert paths(model) == [
        "/BBF/Hosts/Host/",
        "/BBF/Hosts/Host/#/IPAddress",
        "/BBF/Time/",
        "/BBF/Time/Enable",
    ]
    assert model.tables == ("/BBF/Hosts/Host/",)
    assert model.undescribed == {"/BBF/Hosts/Host/", "/BBF/Hosts/Host/#/IPAddress", "/BBF/Time/Enable"}


def test_lists_of_the_field() -> None:
    model = SupportedModel.of(
        [],
        [
            "/",
            "/BBF/Hosts",
            "/BBF/Hosts/Host",
            "/BBF/Hosts/Host/0/IPAddress",
            "/BBF/Hosts/Host/#/IPAddress",
            " /BBF/Hosts/Host/#\n",
            "not a path",
            "/BBF/Time.Enable",
        ],
    )
    assert paths(model) == [
        "/BBF/Hosts/",
        "/BBF/Hosts/Host/",
        "/BBF/Hosts/Host/#/IPAddress",
        "/BBF/Hosts/Host/#/",
    ]


def test_the_template_of_a_device() -> None:
    model = SupportedModel.of(
        [TR_181, COMMON],
        [
            "/BBF/RootDataModelVersion",
            "/BBF/VoiceService/#/Name",
            "/UPnP/DM/UpTime",
            "/UPnP/" + "Long" * 58 + "/X",
        ],
    )
    device = model.root
    assert device.path == "/BBF/"
    assert list(device.leaves) == ["RootDataModelVersion"]
    assert list(device.children) == ["Services", "X_UPNP-ORG_DM"]
    services = device.children["Services"]
    assert services.path == ""
    assert services.children["VoiceService"].path == "/BBF/VoiceService/"
    assert services.children["VoiceService"].is_table
    assert services.children["VoiceService"].children["#"].path == "/BBF/VoiceService/#/"
    others = device.children["X_UPNP-ORG_DM"]
    assert (others.path, others.children["UPnP"].path) == ("", "/UPnP/")
    assert list(others.children["UPnP"].children) == ["DM"], "a name too long for an RPC is left out"
    assert list(others.children["UPnP"].children["DM"].leaves) == ["UpTime"]


def test_a_place_above_the_root_is_no_part_of_it() -> None:
    model = SupportedModel.of(
        [SubTree("urn:broadband-forum-org:tr-181-2-0", "/Home/BBF/")], ["/Home/BBF/Time/X"]
    )
    assert model.root.path == "/Home/BBF/"
    assert list(model.root.children) == ["Time"]


def test_the_root_of_everything_can_be_the_device() -> None:
    model = SupportedModel.of([SubTree("urn:broadband-forum-org:tr-181-2-0", "/")], ["/Time/X"])
    assert model.root.path == "/"


def test_attributes_come_to_a_model_that_stays_what_it_was() -> None:
    model = SupportedModel.of([TR_181], ["/BBF/Time/Enable"])
    enable = Attributes("boolean", writable=True)
    described = model.described({"/BBF/Time/Enable": enable, "/BBF/Unknown": enable})
    assert described.nodes == (StructureNode("/BBF/Time/Enable", enable),)
    assert described.root.children["Time"].leaves == {"Enable": enable}
    assert model.undescribed
    assert not described.undescribed
    assert model.described({}) is model


@given(STRUCTURES, st.data())
def test_a_model_survives_as_a_record(structures: list[str], data: st.DataObject) -> None:
    model = SupportedModel.of([TR_181, COMMON], structures)
    told = {path: data.draw(ATTRIBUTES) for path in paths(model) if data.draw(st.booleans())}
    model = model.described(told)
    record = json.loads(json.dumps(model.to_record()))
    restored = SupportedModel.from_record(record)
    assert restored == model
    assert hash(restored) == hash(model)


def test_equal_models_are_one() -> None:
    first = SupportedModel.of([TR_181], TYPES).described(TYPES).shared()
    second = SupportedModel.of([TR_181], TYPES).described(TYPES).shared()
    assert second is first
    assert second.root is first.root
    other = SupportedModel.of([COMMON], TYPES)
    assert other.shared() is other


GADGET = read_document(
    data_model(
        """
        <object name="Time." access="readOnly">
          <parameter name="Enable" access="readWrite"><syntax><boolean/></syntax></parameter>
          <parameter name="Status" access="readOnly" activeNotify="forceEnabled"/>
          <parameter name="NotThere" access="readOnly" activeNotify="forceEnabled"/>
          <parameter name="Told" access="readOnly" forcedInform="true"/>
        </object>
        <object name="Hosts.Host.{i}." access="readOnly"/>
        <object name="NAT.PortMapping.{i}." access="readWrite">
          <parameter name="InternalPort" access="readWrite"><syntax><unsignedInt/></syntax></parameter>
        </object>
        """
    )
)
GADGET_PATHS = (
    "/BBF/Time/Enable",
    "/BBF/Time/Status",
    "/BBF/Time/Told",
    "/BBF/Hosts/Host/#/HostName",
    "/BBF/NAT/PortMapping/#/InternalPort",
    "/BBF/NAT/PortMapping/#/X_Own",
)


def test_a_data_model_speaks_where_the_device_is_silent() -> None:
    told = {"/BBF/Time/Status": Attributes("int"), "/BBF/NAT/PortMapping/": Attributes(event_on_change=True)}
    model = replace(SupportedModel.of([TR_181], GADGET_PATHS).described(told), data_model=GADGET)
    time, hosts, nat = (model.root.children[name] for name in ("Time", "Hosts", "NAT"))
    assert time.leaves == {
        "Enable": Attributes("boolean", writable=True),
        "Status": Attributes("int", writable=False),
        "Told": Attributes("string", writable=False),
    }
    assert list(time.definitions) == ["Enable", "Status", "NotThere", "Told"]
    assert time.forced == ("Status", "Told")
    assert not hosts.children["Host"].attributes.writable
    mappings = nat.children["PortMapping"]
    assert (mappings.attributes.writable, mappings.attributes.event_on_change) == (True, True)
    assert mappings.children["#"].attributes.writable
    assert mappings.children["#"].leaves == {
        "InternalPort": Attributes("unsignedInt", writable=True),
        "X_Own": Attributes("string", writable=False),
    }


def test_the_device_has_the_last_word() -> None:
    told = {
        "/BBF/Time/Enable": Attributes("string", writable=False),
        "/BBF/NAT/PortMapping/": Attributes(writable=False),
    }
    model = replace(SupportedModel.of([TR_181], GADGET_PATHS).described(told), data_model=GADGET)
    assert model.root.children["Time"].leaves["Enable"] == Attributes("string", writable=False)
    assert not model.root.children["NAT"].children["PortMapping"].attributes.writable


def test_models_of_devices_of_two_kinds_are_two() -> None:
    plain = SupportedModel.of([TR_181], GADGET_PATHS)
    other = replace(plain, data_model=GADGET)
    assert plain.shared() is not other.shared()
    assert replace(plain, data_model=GADGET).shared() is other.shared()
    assert SupportedModel.from_record(json.loads(json.dumps(other.to_record()))) == plain
