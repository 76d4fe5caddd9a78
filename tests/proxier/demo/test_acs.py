from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from cwmp_client.messages import (
    UNKNOWN_TIME,
    AutonomousDUStateChangeComplete,
    AutonomousTransferComplete,
    AutonOpResultStruct,
    CpeRequest,
    DUStateChangeComplete,
    FactoryReset,
    FaultStruct,
    GetParameterValues,
    GetParameterValuesResponse,
    Kicked,
    OpResultStruct,
    ParameterValueStruct,
    Reboot,
    RebootResponse,
    RequestDownload,
    SetParameterValues,
    SetParameterValuesResponse,
    TransferComplete,
)
from proxier.demo.acs import AcsFault, EmbeddedAcs, SpoiledAnswer
from proxier.demo.acs_grammar import CWMP_1_2
from proxier.demo.acs_misbehaviour import Drop
from proxier.demo.acs_schema import departures
from proxier.demo.acs_soap import Header, write
from proxier.demo.acs_transcript import Direction
from tests.proxier.demo import acs_envelopes as hand
from tests.proxier.demo.acs_cpe import ENVELOPE, HandCpe

DEVICE = "00A0B0-Lamp-1"


@pytest.fixture
async def acs() -> AsyncIterator[EmbeddedAcs]:
    async with EmbeddedAcs(provision=False) as acs:
        yield acs


@pytest.fixture
async def cpe(acs: EmbeddedAcs) -> AsyncIterator[HandCpe]:
    async with HandCpe(acs.url) as cpe:
        yield cpe


async def test_a_session_from_inform_to_204(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    seen = []
    acs.on_inform(lambda received: seen.append(received.events))
    answer = await cpe.session("0 BOOTSTRAP", "1 BOOT")
    assert (answer.status, answer.name, answer.message_id) == (200, "InformResponse", "1")
    device = await acs.device(DEVICE)
    assert seen == [("0 BOOTSTRAP", "1 BOOT")]
    assert device.informs[0].parameters["Device.DeviceInfo.SoftwareVersion"] == "1.0"
    assert device.informs[0].answered
    assert not device.in_session
    assert acs.violations == []


async def test_an_unknown_device_is_waited_for_in_vain(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.session()
    with pytest.raises(TimeoutError, match="00A0B0-Lamp-1"):
        await acs.device("00A0B0-Lamp-2", timeout=0.01)


async def test_requests_of_the_cpe_are_answered_in_turn(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.inform("7 TRANSFER COMPLETE", ("M Download", "k"))
    answer = await cpe.post(hand.envelope(hand.transfer_complete("k", 9010), message_id="77"))
    assert (answer.name, answer.message_id) == ("TransferCompleteResponse", "77")
    answer = await cpe.post(hand.envelope("<cwmp:GetRPCMethods></cwmp:GetRPCMethods>", message_id=None))
    assert (answer.name, answer.message_id) == ("GetRPCMethodsResponse", None)
    assert (await cpe.post()).status == 204
    device = await acs.device(DEVICE)
    assert device.transfer_completes[0].fault_struct.fault_code == 9010
    assert (await device.wait_request(TransferComplete)).command_key == "k"
    assert acs.violations == []


UUID = "12345678-1234-1234-1234-123456789abc"
DONE = (UUID, "", "1", "Installed", True, "", UNKNOWN_TIME, UNKNOWN_TIME, FaultStruct())


@pytest.mark.parametrize(
    ("request_of_cpe", "event"),
    [
        (TransferComplete("k", FaultStruct(), UNKNOWN_TIME, UNKNOWN_TIME), "7 TRANSFER COMPLETE"),
        (
            AutonomousTransferComplete(
                "", "u", True, "2 Web Content", 0, "", FaultStruct(), UNKNOWN_TIME, UNKNOWN_TIME
            ),
            "10 AUTONOMOUS TRANSFER COMPLETE",
        ),
        (RequestDownload("2 Web Content"), "9 REQUEST DOWNLOAD"),
        (Kicked("c", "r", "a", "http://next/"), "5 KICKED"),
        (DUStateChangeComplete((OpResultStruct(*DONE),), "k"), "11 DU STATE CHANGE COMPLETE"),
        (
            AutonomousDUStateChangeComplete((AutonOpResultStruct(*DONE, "Install"),)),
            "12 AUTONOMOUS DU STATE CHANGE COMPLETE",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_each_request_of_a_cpe_has_its_event_and_its_response(
    acs: EmbeddedAcs, cpe: HandCpe, request_of_cpe: CpeRequest, event: str
) -> None:
    body = write(request_of_cpe, CWMP_1_2, Header(id="5")).decode()
    await cpe.inform(event, "7 TRANSFER COMPLETE", ("M Download", "k"))
    answer = await cpe.post(body)
    assert answer.name == f"{type(request_of_cpe).__name__}Response"
    assert acs.devices[DEVICE].requests == [request_of_cpe]
    assert acs.violations == ([f"{DEVICE}: {event} comes 2 times"] if event.startswith("7") else [])
    await cpe.post()
    await cpe.forget()
    await cpe.inform("2 PERIODIC")
    await cpe.post(body)
    assert f"after an Inform without {event}" in "; ".join(acs.violations)


async def test_an_rpc_goes_out_in_the_session_that_is_open(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.inform()
    device = await acs.device(DEVICE)
    asking = asyncio.create_task(device.request(GetParameterValues(("Device.",))))
    await asyncio.sleep(0)
    await cpe.obey(await cpe.post())
    assert await asking == GetParameterValuesResponse((ParameterValueStruct("Device.A", "1"),))
    assert device.parameters["Device.A"] == "1"
    assert acs.violations == []


async def test_without_a_session_an_rpc_sends_a_connection_request(cpe: HandCpe) -> None:
    async with EmbeddedAcs() as acs:
        cpe.url = acs.url
        await cpe.session()
        device = await acs.device(DEVICE)
        assert cpe.asked == ["SetParameterValues"]
        assert device.credentials is not None
        assert device.credentials[0] == DEVICE
        assert await device.request(Reboot("k")) == RebootResponse()
        await device.wait_event("6 CONNECTION REQUEST")
        await device.session_over()
        assert acs.violations == []


async def test_a_refused_connection_request_is_sent_again(cpe: HandCpe) -> None:
    async with EmbeddedAcs() as acs:
        cpe.url = acs.url
        await cpe.session()
        device = await acs.device(DEVICE)
        cpe.connection_request_statuses = [503, 503]
        assert await device.request(Reboot("k")) == RebootResponse()
        assert await device.connection_request(password="wrong") == 401
        assert acs.violations == []


async def test_a_session_that_breaks_is_called_for_again(cpe: HandCpe) -> None:
    async with EmbeddedAcs() as acs:
        cpe.url = acs.url
        await cpe.session()
        device = await acs.device(DEVICE)
        acs.misbehave(Drop(taken=True), on="")
        assert await device.request(Reboot("k")) == RebootResponse()
        await device.session_over()
        assert [received.events for received in device.informs[1:]] == [("6 CONNECTION REQUEST",)] * 2
        assert acs.violations == []


async def test_credentials_are_learnt_from_what_the_operator_sets(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.inform()
    device = await acs.device(DEVICE)
    prefix = "Device.ManagementServer.ConnectionRequest"
    values = (ParameterValueStruct(f"{prefix}Username", "u"), ParameterValueStruct(f"{prefix}Password", "p"))
    asking = asyncio.create_task(device.request(SetParameterValues(values)))
    await asyncio.sleep(0)
    await cpe.obey(await cpe.post())
    assert await asking == SetParameterValuesResponse(0)
    assert device.credentials == ("u", "p")
    await cpe.forget()
    assert await device.connection_request() == 200
    await device.wait_event("6 CONNECTION REQUEST")


async def test_a_device_that_does_not_answer_is_given_up(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.session()
    device = await acs.device(DEVICE)
    with pytest.raises(TimeoutError, match="answered 401"):
        await device.request(Reboot("k"), timeout=0.2)
    await cpe.session("1 BOOT")
    assert cpe.asked == []


async def test_a_fault_is_raised(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    cpe.answers["SetParameterValues"] = hand.fault(9003, parameters={"Device.A": 9008})
    await cpe.inform()
    device = await acs.device(DEVICE)
    asking = asyncio.create_task(device.request(SetParameterValues((ParameterValueStruct("Device.A", "1"),))))
    await asyncio.sleep(0)
    await cpe.obey(await cpe.post())
    with pytest.raises(AcsFault) as caught:
        await asking
    assert caught.value.code == 9003
    assert [(fault.parameter_name, fault.fault_code) for fault in caught.value.parameters] == [
        ("Device.A", 9008)
    ]
    assert acs.violations == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (hand.fault(9001).replace("CWMP fault", "fault"), "faultstring"),
        ("<cwmp:FactoryResetResponse></cwmp:FactoryResetResponse>", "where RebootResponse is due"),
        ("", "an empty POST where the answer to Reboot is due"),
        ("<unfinished", "not well-formed"),
    ],
)
async def test_what_is_no_answer_is_a_violation_and_raised(
    acs: EmbeddedAcs, cpe: HandCpe, body: str, said: str
) -> None:
    await cpe.inform()
    device = await acs.device(DEVICE)
    asking = asyncio.create_task(device.request(Reboot("k")))
    await asyncio.sleep(0)
    asked = await cpe.post()
    await cpe.post(hand.envelope(body, message_id=asked.message_id) if body else "")
    with pytest.raises(SpoiledAnswer, match=said):
        await asking
    assert said in acs.violations[0]


async def test_a_wrong_id_is_a_violation(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.inform()
    device = await acs.device(DEVICE)
    asking = asyncio.create_task(device.request(Reboot("k")))
    await asyncio.sleep(0)
    await cpe.post()
    await cpe.post(hand.envelope(cpe.answers["Reboot"], message_id="another"))
    with pytest.raises(SpoiledAnswer, match="has the ID 'another'"):
        await asking


async def test_an_rpc_that_a_broken_session_swallowed_goes_out_again(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.inform()
    device = await acs.device(DEVICE)
    asking = asyncio.create_task(device.request(Reboot("k")))
    await asyncio.sleep(0)
    assert (await cpe.post()).name == "Reboot"
    await cpe.forget()
    await cpe.session("1 BOOT")
    assert await asking == RebootResponse()
    assert acs.violations == []


# ---- connection requests ----


@pytest.mark.parametrize(
    ("response", "said"),
    [(web.Response(), "without authentication"), (web.Response(text="hello"), "with a body")],
    ids=["open", "talkative"],
)
async def test_a_listener_that_is_too_open_is_a_violation(
    acs: EmbeddedAcs, cpe: HandCpe, response: web.Response, said: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return response

    application = web.Application()
    application.router.add_get("/open", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    cpe.parameters = {
        "Device.ManagementServer.ConnectionRequestURL": f"http://127.0.0.1:{runner.addresses[0][1]}/open"
    }
    await cpe.session()
    assert await acs.devices[DEVICE].connection_request() == 200
    assert said in "; ".join(acs.violations)
    await runner.cleanup()


async def test_a_connection_request_that_nobody_takes(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    cpe.parameters = {}
    await cpe.session()
    device = acs.devices[DEVICE]
    with pytest.raises(ConnectionError, match="no answer at http"):
        await device.connection_request()
    with pytest.raises(TimeoutError, match="no answer at http"):
        await device.request(Reboot("k"), timeout=0.05)
    await acs.stop()
    with pytest.raises(ConnectionError, match="stopped"):
        await device.connection_request()
    device.parameters["Device.ManagementServer.ConnectionRequestURL"] = ""
    with pytest.raises(LookupError, match="has told no ConnectionRequestURL"):
        await device.connection_request()


async def test_what_does_not_come_is_waited_for_in_vain(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.inform("1 BOOT")
    device = await acs.device(DEVICE)
    await device.wait_event("1 BOOT")
    for waiting in (
        device.wait_event("1 BOOT", timeout=0.01),
        device.wait_request(TransferComplete, timeout=0.01),
        device.session_over(timeout=0.01),
        acs.upload("nothing", timeout=0.01),
    ):
        with pytest.raises(TimeoutError):
            await waiting


# ---- what the ACS does not let pass ----


@pytest.mark.parametrize(
    ("posts", "said"),
    [
        ([("", {})], "an empty POST without a session's cookie"),
        ([(hand.transfer_complete("k"), ENVELOPE)], "TransferComplete without a session's cookie"),
        ([(hand.inform(), {"Content-Type": "text/xml"})], "an envelope without SOAPAction"),
        ([(hand.inform(), ENVELOPE | {"Content-Type": "text/plain"})], "Content-Type 'text/plain'"),
        ([(hand.inform(), ENVELOPE), ("", {"SOAPAction": ""})], "an empty POST with SOAPAction"),
        ([(hand.inform(), ENVELOPE), ("", {"Content-Type": "text/xml"})], "an empty POST with Content-Type"),
        ([(hand.inform(), ENVELOPE), (hand.inform(), ENVELOPE)], "a second Inform in one session"),
        ([(hand.inform(), ENVELOPE), ("", {}), ("", {})], "goes on with a session that is over"),
        ([(hand.inform(), ENVELOPE), ("", {}), (hand.inform(), ENVELOPE)], "the cookie of its last session"),
        ([(hand.inform(), ENVELOPE), (hand.transfer_complete("k"), ENVELOPE)], "without 7 TRANSFER COMPLETE"),
        (
            [
                (hand.inform("7 TRANSFER COMPLETE", ("M Upload", "u")), ENVELOPE),
                (hand.transfer_complete("k"), ENVELOPE),
            ],
            "TransferComplete for 'k', of which the Inform says nothing",
        ),
        (
            [(hand.inform(), ENVELOPE), ("<cwmp:Reboot><CommandKey/></cwmp:Reboot>", ENVELOPE)],
            "must not send Reboot",
        ),
        ([(hand.inform(), ENVELOPE), (hand.fault(9002), ENVELOPE)], "Fault without a request"),
        (
            [(hand.inform(), ENVELOPE), (hand.fault(9002), ENVELOPE | {"SOAPAction": "x"})],
            "the SOAPAction 'x'",
        ),
        ([(hand.inform(("M Reboot", "k")), ENVELOPE)], "M Reboot comes without 1 BOOT"),
        ([(hand.inform("1 BOOT", "1 BOOT"), ENVELOPE)], "1 BOOT comes 2 times"),
        ([(hand.inform(("1 BOOT", "k")), ENVELOPE)], "1 BOOT has the CommandKey 'k'"),
        ([(hand.inform().replace("<MaxEnvelopes>1", "<MaxEnvelopes>2"), ENVELOPE)], "MaxEnvelopes is 2"),
        ([(hand.inform().replace("AliasBased", "Other"), ENVELOPE)], "AliasBasedAddressing"),
        (
            [(hand.inform().replace("HardwareVersion", "SoftwareVersion"), ENVELOPE)],
            "a parameter comes twice",
        ),
    ],
)
async def test_a_departure_is_a_violation(
    acs: EmbeddedAcs, cpe: HandCpe, posts: list[tuple[str, dict[str, str]]], said: str
) -> None:
    for body, headers in posts:
        await cpe.post(hand.envelope(body) if body else "", headers)
    assert said in "; ".join(acs.violations)


async def test_requests_after_the_empty_post_are_violations(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.inform()
    device = await acs.device(DEVICE)
    asking = asyncio.create_task(device.request(Reboot("k")))
    await asyncio.sleep(0)
    await cpe.post()
    await cpe.post(hand.envelope("<cwmp:GetRPCMethods></cwmp:GetRPCMethods>"))
    assert "where the answer to Reboot is due" in acs.violations[0]
    assert "after the empty POST" in acs.violations[1]
    asking.cancel()


async def test_two_sessions_of_one_device_at_once_are_a_violation(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.inform()
    async with HandCpe(acs.url) as other:
        await other.inform("1 BOOT")
        await cpe.post()
    assert acs.violations == [
        f"{DEVICE}: two sessions at once",
        f"{DEVICE}: goes on with a session that is replaced",
    ]


async def test_sessions_of_two_devices_at_once_are_none(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.inform()
    async with HandCpe(acs.url, "2") as other:
        await other.session()
        await cpe.post()
    assert acs.violations == []


async def test_a_session_that_the_cpe_left_does_not_count(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.inform()
    await cpe.forget()
    await cpe.session("1 BOOT")
    assert acs.violations == []


async def test_every_cookie_is_to_be_returned(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    answer = await cpe.inform()
    cookies = dict(cookie.split("=", 1) for cookie in answer.headers.getall("Set-Cookie"))
    await cpe.forget()
    await cpe.post(headers={"Cookie": f"session={cookies['session']}"})
    assert acs.violations == [f"{DEVICE}: returns only some of the session's cookies"]
    await cpe.post(headers={"Cookie": "session=made-up"})
    assert "a cookie that no session has" in acs.violations[1]


async def test_the_acs_speaks_by_its_own_schemas(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    envelopes: list[tuple[Direction, bytes]] = []
    acs.on_envelope(lambda direction, body: envelopes.append((direction, body)))
    await cpe.inform()
    device = await acs.device(DEVICE)
    asking = asyncio.create_task(device.request(FactoryReset()))
    await asyncio.sleep(0)
    await cpe.obey(await cpe.post())
    await asking
    assert [direction for direction, _ in envelopes] == [
        Direction.FROM_CPE,
        Direction.TO_CPE,
        Direction.TO_CPE,
        Direction.FROM_CPE,
    ]
    assert all(departures(body) == [] for _, body in envelopes)


async def test_a_callback_that_fails_is_heard_of(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.on_inform(lambda _: 1 / 0)  # type: ignore[arg-type]  # it returns nothing at all
    assert (await cpe.inform()).status == 500
    assert "the ACS itself failed: ZeroDivisionError" in acs.violations[0]


# ---- versions ----


async def test_answers_in_the_namespace_of_the_inform(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    answer = await cpe.post(hand.envelope(hand.inform(), namespace="urn:dslforum-org:cwmp-1-0"))
    assert 'xmlns:cwmp="urn:dslforum-org:cwmp-1-0"' in answer.text
    await cpe.post(hand.envelope("<cwmp:GetRPCMethods></cwmp:GetRPCMethods>"))
    assert "speaks urn:dslforum-org:cwmp-1-2 in a session of urn:dslforum-org:cwmp-1-0" in acs.violations[0]


async def test_refuses_namespaces_that_it_does_not_know(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.speak(namespaces=["urn:dslforum-org:cwmp-1-0"])
    answer = await cpe.inform()
    assert "<FaultCode>8006</FaultCode>" in answer.text
    assert acs.devices == {}


async def test_chooses_a_version(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.speak(use_cwmp_version="1.0")
    header = "<cwmp:SupportedCWMPVersions>1.0,1.4</cwmp:SupportedCWMPVersions>"
    answer = await cpe.post(hand.envelope(hand.inform(), header=header))
    assert ">1.0</cwmp:UseCWMPVersion>" in answer.text
    await cpe.post(
        hand.envelope("<cwmp:GetRPCMethods></cwmp:GetRPCMethods>", namespace="urn:dslforum-org:cwmp-1-0")
    )
    assert acs.violations == []


async def test_answers_in_an_older_namespace(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.speak(answer_namespace="urn:dslforum-org:cwmp-1-1")
    assert 'xmlns:cwmp="urn:dslforum-org:cwmp-1-1"' in (await cpe.inform()).text


# ---- its life, its files ----


async def test_a_restart_loses_sessions_and_keeps_devices(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    await cpe.inform()
    url = acs.url
    await acs.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await cpe.post()
    await acs.start()
    assert acs.url == url
    assert (await cpe.post()).status == 400
    await cpe.forget()
    await cpe.session("1 BOOT")
    device = await acs.device(DEVICE)
    assert [received.events for received in device.informs] == [("0 BOOTSTRAP", "1 BOOT"), ("1 BOOT",)]
    assert acs.violations == []


async def test_the_transcript_tells_what_happened(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    lines: list[str] = []
    acs.on_exchange(lambda exchange: lines.append(str(exchange)))
    await cpe.session("0 BOOTSTRAP")
    assert [(exchange.direction, exchange.name, exchange.text) for exchange in acs.transcript] == [
        (Direction.FROM_CPE, "Inform", "0 BOOTSTRAP"),
        (Direction.TO_CPE, "InformResponse", "max_envelopes 1"),
        (Direction.FROM_CPE, "empty POST", ""),
        (Direction.TO_CPE, "204", ""),
    ]
    assert "CPE → ACS  00A0B0-Lamp-1  Inform  0 BOOTSTRAP" in lines[0]


async def test_the_transcript_holds_no_password(cpe: HandCpe) -> None:
    async with EmbeddedAcs() as acs:
        cpe.url = acs.url
        await cpe.session()
        device = await acs.device(DEVICE)
        assert device.credentials is not None
        text = " ".join(exchange.text for exchange in acs.transcript)
        assert f"ConnectionRequestUsername = '{DEVICE}'" in text
        assert device.credentials[1] not in text


async def test_files_are_served_and_taken(acs: EmbeddedAcs) -> None:
    url = acs.put_file("image.bin", b"firmware")
    async with aiohttp.ClientSession() as client:
        async with client.get(url) as response:
            assert await response.read() == b"firmware"
        async with client.get(url + "x") as response:
            assert response.status == 404
        async with client.put(acs.upload_url("a.log"), data=b"lines") as response:
            assert response.status == 201
    upload = await acs.upload("a.log")
    assert (upload.size_bytes, upload.sha256) == (5, hashlib.sha256(b"lines").hexdigest())
    assert upload.path.read_bytes() == b"lines"
    assert acs.uploads == [upload]


@pytest.mark.parametrize(
    ("login", "got", "put"),
    [("", 401, 401), ("user:no", 401, 401), ("nobody:secret", 401, 401), ("user:secret", 200, 201)],
)
async def test_files_may_ask_for_a_password(acs: EmbeddedAcs, login: str, got: int, put: int) -> None:
    url = acs.put_file("image.bin", b"firmware")
    acs.files.login = ("user", "secret")
    headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
    async with aiohttp.ClientSession(headers=headers) as client:
        async with client.get(url) as response:
            assert response.status == got
        async with client.put(acs.upload_url("a.log"), data=bytes(1 << 20)) as response:
            assert response.status == put
    assert len(acs.uploads) == (put == 201)


async def test_uploads_have_a_limit(acs: EmbeddedAcs) -> None:
    acs.files.largest_upload_bytes = 4
    async with (
        aiohttp.ClientSession() as client,
        client.put(acs.upload_url("a.log"), data=b"lines") as response,
    ):
        assert response.status == 413
    assert acs.uploads == []


async def test_over_tls() -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    async with EmbeddedAcs(tls=server, provision=False) as acs:
        assert acs.url.startswith("https://127.0.0.1:")
        async with HandCpe(acs.url, tls=client) as cpe:
            await cpe.session()
        assert acs.informs[0].answered
        assert acs.violations == []


async def test_large_files_never_lie_whole_in_memory(acs: EmbeddedAcs, tmp_path: Path) -> None:
    size = 32 << 20
    image = tmp_path / "image.bin"
    with image.open("wb") as file:
        file.truncate(size)
    url = acs.put_file("image.bin", image)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // 65536):
            yield bytes(65536)

    tracemalloc.start()
    async with aiohttp.ClientSession() as client:
        async with client.put(acs.upload_url("a.log"), data=pieces()) as response:
            assert response.status == 201
        received = 0
        async with client.get(url) as response:
            async for chunk in response.content.iter_chunked(65536):
                received += len(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert received == (await acs.upload("a.log")).size_bytes == size
    assert peak < 4 << 20
