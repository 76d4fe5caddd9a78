from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from proxier.demo.acs_grammar import CWMP_1_0, CWMP_1_1, CWMP_1_2, NAMESPACES, Array, Field, Simple, grammar
from proxier.demo.acs_schema import departures
from tests.proxier.demo import acs_envelopes as hand

BEYOND_THE_CHECKOUT = Path(__file__).parents[4] / "shared" / "tools" / "cwmp_schema.py"
GOOD = hand.envelope(hand.inform(("1 BOOT", ""), ("M Reboot", "k")))


def test_a_good_message_departs_from_nothing() -> None:
    assert departures(GOOD.encode()) == []
    assert departures(hand.envelope(hand.fault(9003, parameters={"Device.A": 9007})).encode()) == []


def test_white_space_comments_and_other_prefixes_are_no_departures() -> None:
    loose = (
        GOOD.replace("cwmp:", "c:")
        .replace(":cwmp=", ":c=")
        .replace("<DeviceId>", "\n <!-- who -->\n <DeviceId>")
    )
    assert departures(loose.encode()) == []


@pytest.mark.parametrize(
    ("there", "here", "said"),
    [
        ("<MaxEnvelopes>1</MaxEnvelopes>", "", "Expected is ( MaxEnvelopes )"),
        ("<OUI>00A0B0</OUI>", "<OUI>00a0b0</OUI>", "pattern"),
        ("<OUI>00A0B0</OUI>", "<OUI/><OUI>00A0B0</OUI>", "OUI"),
        ("<Manufacturer>Hand</Manufacturer><OUI>00A0B0</OUI>", "<OUI>00A0B0</OUI><Manufacturer/>", "OUI"),
        ("<RetryCount>0<", "<RetryCount>-1<", "unsignedInt"),
        ("2026-01-02T03:04:05+01:00", "2026-13-02T03:04:05Z", "dateTime"),
        ("<CommandKey>k<", f"<CommandKey>{33 * 'k'}<", "maxLength"),
        ("<EventCode>1 BOOT<", "<EventCode>BOOT<", "pattern"),
        ("EventStruct[2]", "EventStruct[3]", "declares 3 members and holds 2"),
        ("EventStruct[2]", "EventStruct[]", "malformed"),
        ("cwmp:EventStruct[2]", "none:EventStruct[2]", "bound to None"),
        ("cwmp:EventStruct[2]", "xsd:EventStruct[2]", "bound to http://www.w3.org/2001/XMLSchema"),
        ("cwmp:EventStruct[2]", "cwmp:Event[2]", "declares Event and holds EventStruct"),
        (' soapenc:arrayType="cwmp:EventStruct[2]"', "", "required but missing"),
        (' xsi:type="xsd:string"', "", "a Value has no xsi:type"),
        ('xsi:type="xsd:string"', 'xsi:type="none:string"', "no corresponding namespace"),
        ('xsi:type="xsd:string"', 'xsi:type="xsd:float"', "no CWMP value type"),
        ('<Value xsi:type="xsd:string">A<', '<Value xsi:type="xsd:boolean">A<', "boolean"),
        ("<DeviceId>", '<DeviceId xsi:type="cwmp:DeviceIdStruct">', "needs no xsi:type"),
        ("<DeviceId>", "<DeviceId><Extra/>", "Extra"),
        ("<DeviceId>", "<cwmp:DeviceId>", "not well-formed"),
        ('soap:mustUnderstand="1"', 'soap:mustUnderstand="0"', "mustUnderstand='0'"),
        ('<cwmp:ID soap:mustUnderstand="1">', "<cwmp:ID>", "mustUnderstand=None"),
        ("<soap:Header>", '<soap:Header><X xmlns="urn:v" soap:mustUnderstand="1"/>', "no ACS understands"),
        ("<soap:Header>", "<soap:Header><cwmp:NoMoreRequests/>", "no header"),
        ("<soap:Header>", '<soap:Header><o:ID xmlns:o="urn:dslforum-org:cwmp-1-0">1</o:ID>', "no header of"),
        (
            "<soap:Header>",
            '<soap:Header><cwmp:UseCWMPVersion soap:mustUnderstand="1">1.4</cwmp:UseCWMPVersion>',
            "belongs to InformResponse",
        ),
        (
            "<soap:Header>",
            "<soap:Header><cwmp:SupportedCWMPVersions>all</cwmp:SupportedCWMPVersions>",
            "holds 'all'",
        ),
        ("</soap:Body>", "<extra/></soap:Body>", "the Body holds 2 elements"),
        ("</soap:Envelope>", "<soap:Body/></soap:Envelope>", "nothing else"),
        ("schemas.xmlsoap.org/soap/envelope/", "www.w3.org/2003/05/soap-envelope", "not a SOAP 1.1 Envelope"),
        ("cwmp:Inform>", "cwmp:Informs>", "no message of CWMP"),
        ("urn:dslforum-org:cwmp-1-2", "urn:dslforum-org:cwmp-1-4", "no message of CWMP"),
        ("<soap:Envelope ", "<!DOCTYPE x []><soap:Envelope ", "DOCTYPE"),
    ],
)  # fmt: skip
def test_a_departure_is_named(there: str, here: str, said: str) -> None:
    assert there in GOOD
    assert said in "; ".join(departures(GOOD.replace(there, here).encode()))


@pytest.mark.parametrize(
    ("there", "here", "said"),
    [
        (">soap:Client<", ">soap:Sender<", "neither Client nor Server"),
        (">soap:Client<", ">cwmp:Client<", "not the SOAP envelope's"),
        (">CWMP fault<", ">cwmp fault<", "faultstring"),
        ("<FaultCode>9003<", "<FaultCode>9002<", "belongs to 9003"),
        ("<FaultCode>9003<", "<FaultCode>7000<", "FaultCode"),
        ("<FaultCode>9007<", "<FaultCode>8003<", "FaultCode"),
        ("<detail>", "<detail/><detail>", "holds faultcode, faultstring and detail"),
        ("<cwmp:Fault>", "<cwmp:Fault/><cwmp:Fault>", "holds one cwmp:Fault"),
    ],
)
def test_a_departure_of_a_fault_is_named(there: str, here: str, said: str) -> None:
    good = hand.envelope(hand.fault(9003, parameters={"Device.A": 9007}))
    assert there in good
    assert said in "; ".join(departures(good.replace(there, here).encode()))


@pytest.mark.parametrize(
    ("namespace", "body", "good"),
    [
        (CWMP_1_0, hand.transfer_complete("k", 9015), False),
        (CWMP_1_1, hand.transfer_complete("k", 9015), True),
        (CWMP_1_2, hand.transfer_complete("k", 9027), False),
        (CWMP_1_0, hand.inform("10 AUTONOMOUS TRANSFER COMPLETE"), False),
        (CWMP_1_1, hand.inform("10 AUTONOMOUS TRANSFER COMPLETE"), True),
        (CWMP_1_0, "<cwmp:GetAllQueuedTransfers/>", False),
        (CWMP_1_1, "<cwmp:GetAllQueuedTransfers/>", True),
        (CWMP_1_1, "<cwmp:CancelTransfer><CommandKey/></cwmp:CancelTransfer>", False),
        (CWMP_1_2, "<cwmp:CancelTransfer><CommandKey/></cwmp:CancelTransfer>", True),
        (CWMP_1_2, "<cwmp:RebootResponse> </cwmp:RebootResponse>", False),
    ],
)
def test_versions_differ(namespace: str, body: str, good: bool) -> None:
    assert (departures(hand.envelope(body, namespace=namespace).encode()) == []) is good


@pytest.mark.parametrize("garbage", [b"", b"<", b"\xff\xfe\x00", b"<a/>", b"<a>" * 300])
def test_garbage_is_refused(garbage: bytes) -> None:
    assert departures(garbage)


# ---- against the Broadband Forum's own schemas, where they lie beside the checkout ----


@pytest.fixture(scope="module")
def forum() -> Callable[[bytes], list[str]]:
    if not BEYOND_THE_CHECKOUT.exists():
        pytest.skip("the Broadband Forum's schemas do not lie beside the checkout")
    spec = importlib.util.spec_from_file_location("cwmp_schema", BEYOND_THE_CHECKOUT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    check: Callable[[bytes], list[str]] = module.check
    return check


TEXTS = (
    "", "0", "1", "2", "7", "8005", "8006", "8850", "9000", "9009", "9014", "9020", "9027", "9033",
    "9850", "9900", "-1", "4294967295", "4294967296", "true", "TRUE", " 1 ", "x", "Device.",
    "Device.A", "00A0B0", "00a0b0", "Subscriber", "1 BOOT", "1  BOOT",
    "10 AUTONOMOUS TRANSFER COMPLETE", "11 X", "M Reboot", "M Foo", "M ChangeDUState", "M A B",
    "X 00A0B0 ", "X 00A0B0 a", "X foo bar", "X_foo", "1 Firmware Upgrade Image",
    "4 Vendor Log File", "4 Vendor Log File 1", "6 Stored Firmware Image", "2 Vendor Log File",
    "0 None", "Installed", "installed", "12345678-1234-1234-1234-123456789abc",
    "2026-01-02T03:04:05", "2026-01-02T03:04:05.5Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z", "2026-01-02", "http://a/b?c d", "y" * 32, "y" * 33, "y" * 64, "y" * 65,
    "y" * 256, "y" * 257, "y" * 1024, "y" * 1025,
)  # fmt: skip


class Writer:
    """Writes messages of the grammar, good or nearly so: choices are drawn, with mistakes now and then."""

    def __init__(self, namespace: str, source: random.Random) -> None:
        self.rules = grammar(namespace)
        self.source = source

    def message(self, name: str) -> str:
        return f"<cwmp:{name}>{self.fields(self.rules.messages[name])}</cwmp:{name}>"

    def fields(self, fields: tuple[Field, ...]) -> str:
        parts = [self.field(field) for field in fields for _ in range(self.count(field.least, field.most))]
        if self.wrong() and len(parts) > 1:
            self.source.shuffle(parts)
        return "".join(parts)

    def field(self, field: Field) -> str:
        kind = field.type
        if isinstance(kind, Array):
            count = self.count(kind.least, kind.most)
            member = Field(kind.member, kind.type or kind.member)
            prefix = "xsd" if kind.member == "string" else "cwmp"
            declared = count + self.wrong()
            members = "".join(self.field(member) for _ in range(count))
            attribute = "" if self.wrong() else f' soapenc:arrayType="{prefix}:{kind.member}[{declared}]"'
            return f"<{field.name}{attribute}>{members}</{field.name}>"
        if isinstance(kind, str) and kind == "OperationStruct":
            variant = self.source.choice(("InstallOpStruct", "UpdateOpStruct", "UninstallOpStruct"))
            content = self.fields(self.rules.structs[variant])
            return f'<{field.name} xsi:type="cwmp:{variant}">{content}</{field.name}>'
        if isinstance(kind, str) and kind in self.rules.structs:
            return f"<{field.name}>{self.fields(self.rules.structs[kind])}</{field.name}>"
        attribute = ""
        if kind == "Value":
            types = ("xsd:string", "xsd:int", "soapenc:base64", "xsd:dateTime")
            attribute = f' xsi:type="{self.source.choice(types)}"'
        return f"<{field.name}{attribute}>{self.text(kind)}</{field.name}>"

    def text(self, kind: Simple | str) -> str:
        simple = self.rules.simple_types.get(kind) if isinstance(kind, str) else kind
        likely = [text for text in TEXTS if simple and text in simple.patterns]
        if simple and simple.ranges:
            low, high = self.source.choice(simple.ranges)
            likely = [str(low), str(high), str(low - 1), str(high + 1)]
        if kind in {"boolean", "unsignedInt", "int"}:
            likely = ["0", "1"]
        if kind == "dateTime":
            likely = ["2026-01-02T03:04:05Z"]
        return self.source.choice(likely) if likely and not self.wrong() else self.source.choice(TEXTS)

    def count(self, least: int, most: int | None) -> int:
        if self.wrong():
            return self.source.choice((0, 1, 2, 17, 65))
        return self.source.randint(least, min(least + 2, most or least + 2))

    def wrong(self) -> bool:
        return self.source.random() < 0.02


@given(namespace=st.sampled_from(NAMESPACES), seed=st.integers(0, 2**32), data=st.data())
@settings(max_examples=400, deadline=None)
def test_refuses_what_the_forums_schemas_refuse(
    forum: Callable[[bytes], list[str]], namespace: str, seed: int, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(grammar(namespace).messages)))
    body = Writer(namespace, random.Random(seed)).message(name)
    if name == "Fault":
        body = (
            "<soap:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring>"
            f"<detail>{body}</detail></soap:Fault>"
        )
    written = hand.envelope(body, namespace=namespace).encode()
    ours = [departure for departure in departures(written) if "belongs to 9003" not in departure]
    assert bool(ours) is bool(forum(written)), (ours, forum(written), etree.fromstring(written))


def test_knows_every_message_of_the_forum_but_vouchers_and_options(
    forum: Callable[[bytes], list[str]],
) -> None:
    del forum
    folder = BEYOND_THE_CHECKOUT.parents[1] / "xsd"
    left_out = {"SetVouchers", "SetVouchersResponse", "GetOptions", "GetOptionsResponse"}
    headers = {"ID", "HoldRequests"}
    for namespace in NAMESPACES:
        schema = etree.parse(folder / f"{namespace.rpartition(':')[2]}.xsd").getroot()
        names = {
            element.get("name") for element in schema.findall("{http://www.w3.org/2001/XMLSchema}element")
        }
        assert names - left_out - headers == set(grammar(namespace).messages)
