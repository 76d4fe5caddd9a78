from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.data_models import (
    DM,
    data_model_document,
    device_type_document,
    model,
    read_document,
    whole_tr_181,
)
from translation import data_model_documents
from translation.data_model import (
    UNKNOWN,
    ActiveNotify,
    DataModel,
    Limits,
    ModelSource,
    ParameterDefinition,
    Reference,
)
from translation.data_model_documents import UnreadableDataModel, parse

STRING = ParameterDefinition("string", item_type="string")


def parameter(syntax: str, attributes: str = 'access="readWrite"') -> ParameterDefinition:
    """What is read of a parameter with this syntax."""
    document = model(f'<parameter name="P" {attributes}><syntax>{syntax}</syntax></parameter>')
    definition = read_document(document).parameter("Device.P")
    assert definition is not None
    return definition


@pytest.mark.parametrize(
    ("syntax", "expected"),
    [
        ("<string/>", STRING),
        ("<boolean/>", ParameterDefinition("boolean", item_type="boolean")),
        ("<base64/>", ParameterDefinition("base64Binary", item_type="base64Binary")),
        ("<unsignedLong/>", ParameterDefinition("unsignedLong", item_type="unsignedLong")),
        ('<string><size maxLength="64"/></string>', STRING._replace(sizes=(Limits(None, 64),))),
        (
            '<string><size minLength="0" maxLength="0"/><size minLength="8"/></string>',
            STRING._replace(sizes=(Limits(0, 0), Limits(8, None))),
        ),
        (
            '<int><range minInclusive="-1"/><units value="seconds"/></int>',
            ParameterDefinition("int", item_type="int", ranges=(Limits(-1, None),)),
        ),
        (
            '<decimal><range minInclusive="0.5"/></decimal>',
            ParameterDefinition("decimal", item_type="decimal"),
        ),
        (
            """<string><enumeration value="A"/><enumeration value="B" access="readOnly"/>
            <enumeration value="C" status="deleted"/><enumeration value="D" optional="true"/></string>""",
            STRING._replace(values=("A", "D")),
        ),
        ('<string/><default type="object" value="x"/>', STRING._replace(default="x")),
        ('<string/><default type="factory" value=""/>', STRING._replace(default="")),
        ('<string/><default type="implementation" value="x"/>', STRING),
        (
            '<boolean/><default type="object" value="1"/>',
            ParameterDefinition("boolean", item_type="boolean", default="true"),
        ),
        (
            '<int/><default type="object" value="&lt;Empty&gt;"/>',
            ParameterDefinition("int", item_type="int"),
        ),
        (
            """<list minItems="1" maxItems="4"><size maxLength="32"/></list><unsignedInt/>
            <default type="object" value="[1,2]"/>""",
            ParameterDefinition(
                "string",
                item_type="unsignedInt",
                items=Limits(1, 4),
                list_sizes=(Limits(None, 32),),
                default="1,2",
            ),
        ),
        (
            '<list maxItems="unbounded"/><string><pathRef refType="strong" targetType="row"/></string>',
            STRING._replace(items=Limits(), reference=Reference.STRONG),
        ),
        (
            '<string><pathRef refType="weak" targetParent="#.Interface." targetType="row"/></string>',
            STRING._replace(reference=Reference.WEAK),
        ),
        ('<dataType ref="Nowhere"/>', UNKNOWN),
    ],
)
def test_a_syntax(syntax: str, expected: ParameterDefinition) -> None:
    assert parameter(syntax) == expected._replace(writable=True)


@pytest.mark.parametrize("attribute", ['hidden="true"', 'secured="1"'])
def test_a_hidden_value(attribute: str) -> None:
    document = model(
        f'<parameter name="P" access="readWrite"><syntax {attribute}><string/></syntax></parameter>'
    )
    assert read_document(document).parameter("Device.P") == STRING._replace(writable=True, hidden=True)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('access="readOnly"', STRING),
        ('access="writeOnceReadOnly"', STRING._replace(writable=True)),
        (
            'access="readOnly" activeNotify="forceEnabled" forcedInform="true"',
            STRING._replace(active_notify=ActiveNotify.FORCE_ENABLED, forced_inform=True),
        ),
        (
            'access="readOnly" activeNotify="forceDefaultEnabled"',
            STRING._replace(active_notify=ActiveNotify.FORCE_DEFAULT_ENABLED),
        ),
        (
            'access="readOnly" activeNotify="canDeny"',
            STRING._replace(active_notify=ActiveNotify.CAN_DENY),
        ),
        ('access="readOnly" activeNotify="sometimes"', STRING),
    ],
)
def test_the_attributes_of_a_parameter(attributes: str, expected: ParameterDefinition) -> None:
    assert parameter("<string/>", attributes) == expected


DATA_TYPES = """
    <dataType name="Short"><string><size maxLength="8"/><enumeration value="A"/></string></dataType>
    <dataType name="Shorter" base="Short"><size maxLength="4"/></dataType>
    <dataType name="Shorts" base="Shorter"><list maxItems="2"/></dataType>
    <dataType name="Round" base="Round"/>
"""


@pytest.mark.parametrize(
    ("syntax", "expected"),
    [
        ('<dataType ref="Short"/>', STRING._replace(sizes=(Limits(None, 8),), values=("A",))),
        ('<dataType ref="Shorter"/>', STRING._replace(sizes=(Limits(None, 4),), values=("A",))),
        (
            '<dataType base="Short"><size maxLength="2"/></dataType>',
            STRING._replace(sizes=(Limits(None, 2),), values=("A",)),
        ),
        (
            '<dataType ref="Shorts"/>',
            STRING._replace(sizes=(Limits(None, 4),), values=("A",), items=Limits(None, 2)),
        ),
    ],
)
def test_a_named_data_type(syntax: str, expected: ParameterDefinition) -> None:
    root = f'<object name="Device."><parameter name="P"><syntax>{syntax}</syntax></parameter></object>'
    document = data_model_document(f'{DATA_TYPES}<model name="Device:2.0">{root}</model>')
    assert read_document(document).parameter("Device.P") == expected


def test_objects_and_tables() -> None:
    document = data_model_document(
        """
        <model name="Device:2.5">
          <object name="Device." access="readOnly"><parameter name="Top" access="readOnly"/></object>
          <object name="Device.NAT.PortMapping.{i}." access="readWrite" minEntries="0" maxEntries="unbounded"
              numEntriesParameter="PortMappingNumberOfEntries" enableParameter="Enable">
            <uniqueKey functional="false"><parameter ref="Alias"/></uniqueKey>
            <parameter name="Enable" access="readWrite"><syntax><boolean/></syntax></parameter>
          </object>
          <object name="Device.Hosts.Host.{i}." access="readOnly"/>
          <object name="Device.Old." access="readOnly" status="deleted"><parameter name="P"/></object>
          <profile name="Baseline:1"><object ref="Device.NAT." requirement="present"/></profile>
        </model>
        """,
        spec="urn:example:tr-181-2-5",
    )
    read = read_document(document)
    assert read.sources == (ModelSource("Device:2.5", "urn:example:tr-181-2-5"),)
    assert read.root_version == "2.5"
    assert {place: each.writable for place, each in read.objects.items()} == {
        "Device.": False,
        "Device.NAT.PortMapping.#.": True,
        "Device.Hosts.Host.#.": False,
    }
    assert list(read.objects["Device.NAT.PortMapping.#."].parameters) == ["Enable"]


def test_another_root_object_is_the_device_and_a_service_is_among_the_services() -> None:
    gateway = data_model_document(
        '<model name="InternetGatewayDevice:1.4"><object name="InternetGatewayDevice.Time.">'
        '<parameter name="P"/></object></model>'
    )
    service = data_model_document(
        '<model name="VoiceService:1.0" isService="true"><parameter name="VoiceServiceNumberOfEntries"/>'
        '<object name="VoiceService.{i}." access="readWrite"><parameter name="P"/></object></model>'
    )
    assert list(read_document(gateway).objects) == ["Device.Time."]
    voice = read_document(service)
    assert list(voice.objects) == ["Device.Services.", "Device.Services.VoiceService.#."]
    assert voice.parameter("Device.Services.VoiceService.1.P")
    assert voice.root_version == ""


def test_components_stand_for_what_is_in_them() -> None:
    stats = (
        '<component name="Stats"><parameter name="BytesSent"><syntax><unsignedLong/></syntax></parameter>'
        '<object name="Errors." access="readOnly"><parameter name="Lost"/></object></component>'
        '<component name="Both"><component ref="Stats"/><component ref="Stats" path="More."/></component>'
        '<model name="Device:2.0"><object name="Device.X.{i}."><component ref="Both"/></object>'
        '<component ref="Missing"/></model>'
    )
    read = read_document(data_model_document(stats))
    assert list(read.objects) == [
        "Device.X.#.",
        "Device.X.#.Errors.",
        "Device.X.#.More.",
        "Device.X.#.More.Errors.",
    ]
    for name in ("Device.X.1.BytesSent", "Device.X.1.Errors.Lost", "Device.X.1.More.Errors.Lost"):
        assert read.parameter(name)


OLD = data_model_document(
    """
    <dataType name="Word"><string><size maxLength="8"/></string></dataType>
    <component name="Common">
      <parameter name="Alias"><syntax><dataType ref="Word"/></syntax></parameter>
    </component>
    <model name="Device:2.0">
      <object name="Device.T.{i}." access="readOnly">
        <parameter name="Kept" access="readOnly"><syntax><dataType ref="Word"/></syntax></parameter>
        <parameter name="Promoted" access="readOnly" activeNotify="canDeny">
          <syntax><int/></syntax></parameter>
        <parameter name="Extended"><syntax><string><enumeration value="A"/></string></syntax></parameter>
        <parameter name="Dropped"/>
      </object>
    </model>
    """,
    spec="urn:example:old",
)
NEW = data_model_document(
    """
    <import file="old.xml" spec="urn:example:old">
      <model name="Device:2.0"/><component name="Mine" ref="Common"/><dataType name="Word"/>
    </import>
    <model name="Device:2.1" base="Device:2.0">
      <object base="Device.T.{i}." access="readWrite">
        <parameter base="Promoted" access="readWrite"/>
        <parameter base="Extended"><syntax><string><enumeration value="B"/></string></syntax></parameter>
        <parameter base="Dropped" status="deleted"/>
        <parameter name="Added">
          <syntax><dataType base="Word"><size maxLength="4"/></dataType></syntax></parameter>
        <component ref="Mine"/>
      </object>
    </model>
    """
)


def test_a_newer_version_builds_on_the_one_that_it_imports() -> None:
    read = read_document(NEW, {"old.xml": OLD})
    assert read.sources == (ModelSource("Device:2.1", "urn:example:model-1-0"),)
    assert read.objects["Device.T.#."].writable
    assert read.objects["Device.T.#."].parameters == {
        "Kept": STRING._replace(sizes=(Limits(None, 8),)),
        "Promoted": ParameterDefinition(
            "int", item_type="int", writable=True, active_notify=ActiveNotify.CAN_DENY
        ),
        "Extended": STRING._replace(values=("A", "B"), writable=False),
        "Added": STRING._replace(sizes=(Limits(None, 4),)),
        "Alias": STRING._replace(sizes=(Limits(None, 8),)),
    }


def test_what_is_imported_is_told_before_it_is_at_hand() -> None:
    [imported] = parse(NEW).imports
    assert (imported.file, imported.spec) == ("old.xml", "urn:example:old")
    read = read_document(NEW)
    assert list(read.objects["Device.T.#."].parameters) == ["Promoted", "Extended", "Added"]


def test_of_several_versions_in_one_document_the_newest_counts() -> None:
    versions = (
        '<model name="Device:1.0"><object name="Device."><parameter name="A"/></object></model>'
        '<model name="Device:1.1" base="Device:1.0">'
        '<object base="Device."><parameter name="B"/></object></model>'
    )
    read = read_document(data_model_document(versions))
    assert read.sources[0].name == "Device:1.1"
    assert list(read.objects["Device."].parameters) == ["A", "B"]


GADGET = device_type_document(
    """
    <import file="old.xml" spec="urn:example:old"><dataType name="Word"/><model name="Device:2.0"/></import>
    <feature name="Router"/><feature name="X_EXAMPLE_Lamp"/>
    <model ref="Device:2.0">
      <object ref="Device.T.{i}." access="createDelete" minEntries="0" maxEntries="4">
        <parameter ref="Kept" access="readOnly">
          <syntax><dataType base="Word"><size maxLength="2"/></dataType>
          <default type="object" value="ab"/></syntax></parameter>
        <parameter ref="Promoted" access="readOnly"/>
        <parameter ref="Extended" access="readOnly" activeNotify="willDeny"/>
        <parameter ref="X_EXAMPLE_Own" access="readWrite"/>
      </object>
      <object ref="Device.U.{i}." access="delete" minEntries="0" maxEntries="4"/>
    </model>
    """
)


def test_a_device_type_has_what_it_lists_and_narrows_what_it_imports() -> None:
    read = read_document(GADGET, {"old.xml": OLD})
    assert read.sources == (
        ModelSource(
            "Device:2.0",
            "urn:example:old",
            "6f9f8a0c-5d2f-5d8a-a2f4-2a7c1f1f8d11",
            ("Router", "X_EXAMPLE_Lamp"),
        ),
    )
    assert {place: each.writable for place, each in read.objects.items()} == {
        "Device.": False,
        "Device.T.#.": True,
        "Device.U.#.": False,
    }
    assert read.objects["Device.T.#."].parameters == {
        "Kept": STRING._replace(sizes=(Limits(None, 2),), default="ab"),
        "Promoted": ParameterDefinition("int", item_type="int"),  # what it does not say it does not deny
        "Extended": STRING._replace(values=("A",), active_notify=ActiveNotify.CAN_DENY),
        "X_EXAMPLE_Own": UNKNOWN._replace(writable=True),
    }


def test_a_device_type_without_its_data_model_tells_what_it_says_itself() -> None:
    read = read_document(GADGET)
    assert read.objects["Device.T.#."].parameters["Promoted"] == UNKNOWN
    assert read.sources[0].urn == "urn:example:old"


def test_equal_definitions_are_one_object() -> None:
    same = "".join(f'<parameter name="P{n}"><syntax><string/></syntax></parameter>' for n in range(9))
    definitions = read_document(model(same)).objects["Device."].parameters.values()
    assert len({id(each) for each in definitions}) == 1


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"", "is no XML: "),
        (b"<dm:document>", "is no XML: "),
        (b"\x1f\x8bno", "is no gzip file: "),
        (b"<document/>", "is no data model or device type of the Broadband Forum"),
        (b'<scpd xmlns="urn:schemas-upnp-org:service-1-0"/>', "is no data model or device type"),
        (f'<dm:other xmlns:dm="{DM}"/>'.encode(), "is no data model or device type"),
        (
            f'<!DOCTYPE d [<!ENTITY e "x">]><dm:document xmlns:dm="{DM}">&e;</dm:document>'.encode(),
            "has a DOCTYPE",
        ),
        (
            f'<!DOCTYPE d SYSTEM "file:///etc/passwd"><dm:document xmlns:dm="{DM}"/>'.encode("utf-16"),
            "has a DOCTYPE",
        ),
        (data_model_document(""), "defines no model"),
        (device_type_document(""), "says of no model that it is supported"),
        (model('<component ref="Missing"/>' * 100_001), "has more in it than any data model"),
        (
            data_model_document(
                '<component name="C"><component ref="C"/></component>'
                '<model name="Device:1.0"><component ref="C"/></model>'
            ),
            "includes itself",
        ),
        (
            data_model_document(
                '<dataType name="A" base="B"/><dataType name="B" base="A"/><model name="Device:1.0">'
                '<object name="Device."><parameter name="P"><syntax><dataType ref="A"/></syntax></parameter>'
                "</object></model>"
            ),
            "includes itself",
        ),
        (data_model_document('<model name="Device:1.0" base="Device:1.0"/>'), "includes itself"),
        (model("<object>" * 20 + "</object>" * 20), "includes itself"),
    ],
)
def test_what_is_not_read(document: bytes, words: str) -> None:
    with pytest.raises(UnreadableDataModel) as caught:
        read_document(document)
    assert str(caught.value).startswith(words)


def test_components_that_multiply_come_to_an_end() -> None:
    layers = "".join(
        f'<component name="C{n}">' + f'<component ref="C{n + 1}"/>' * 50 + "</component>" for n in range(12)
    )
    document = data_model_document(f'{layers}<model name="Device:1.0"><component ref="C0"/></model>')
    with pytest.raises(UnreadableDataModel, match="has more in it"):
        read_document(document)


def test_documents_that_import_each_other_come_to_an_end() -> None:
    circle = "".join(f'<import file="{n}.xml"><dataType name="T"/></import>' for n in range(5))
    document = data_model_document(
        f'{circle}<model name="Device:1.0"><object name="Device."><parameter name="P"><syntax>'
        '<dataType ref="T"/></syntax></parameter></object></model>'
    )
    read = read_document(document, {f"{n}.xml": data_model_document(circle) for n in range(5)})
    assert read.parameter("Device.P") == UNKNOWN


def test_a_packed_document_is_the_same_document_and_has_the_same_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = model('<parameter name="P"/>')
    assert read_document(gzip.compress(document)).objects == read_document(document).objects
    monkeypatch.setattr(data_model_documents, "MAX_DOCUMENT_SIZE", len(document) - 1)
    for each in (document, gzip.compress(document)):
        with pytest.raises(UnreadableDataModel, match="is larger than any data model"):
            parse(each)


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(UnreadableDataModel):
        parse(data)


def test_the_whole_of_tr_181() -> None:
    read = read_document(whole_tr_181())
    assert read.root_version == "2.17"
    assert read.sources[0].urn == "urn:broadband-forum-org:tr-181-2-17-0-cwmp"
    assert sum(len(each.parameters) for each in read.objects.values()) == 6466
    assert read.objects["Device.NAT.PortMapping.#."].writable
    protocol = read.parameter("Device.NAT.PortMapping.3.Protocol")
    assert protocol
    assert protocol.values == ("TCP", "UDP")
    layers = read.parameter("Device.IP.Interface.1.LowerLayers")
    assert layers
    assert (layers.type, layers.reference, layers.default) == ("string", Reference.STRONG, "")
    forced = [
        each for model in read.objects.values() for each in model.parameters.values() if each.forced_inform
    ]
    assert len(forced) == 7
    sent = read.parameter("Device.Ethernet.Interface.1.Stats.BytesSent")
    assert sent
    assert (sent.type, sent.active_notify) == ("unsignedLong", ActiveNotify.CAN_DENY)
    again = DataModel.from_record(json.loads(json.dumps(read.to_record())))
    assert again.objects == read.objects
