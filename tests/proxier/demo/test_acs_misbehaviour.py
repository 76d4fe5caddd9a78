from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from cwmp_client.messages import Reboot, RebootResponse
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_misbehaviour import (
    Chunked,
    Close,
    Cut,
    Delay,
    Drop,
    EmptySuccess,
    FaultAnswer,
    Garbage,
    Gzip,
    Hold,
    Misbehaviour,
    Redirect,
    Status,
)
from tests.proxier.demo import acs_envelopes as hand
from tests.proxier.demo.acs_cpe import HandCpe

DEVICE = "00A0B0-Lamp-1"
TRANSFER = ("7 TRANSFER COMPLETE", ("M Download", "k"))


@pytest.fixture
async def acs() -> AsyncIterator[EmbeddedAcs]:
    async with EmbeddedAcs(provision=False) as acs:
        yield acs


@pytest.fixture
async def cpe(acs: EmbeddedAcs) -> AsyncIterator[HandCpe]:
    async with HandCpe(acs.url) as cpe:
        yield cpe


@pytest.mark.parametrize(("how", "taken"), [(Drop(), 0), (Drop(taken=True), 1), (Cut(), 1)], ids=str)
async def test_an_inform_whose_answer_is_lost(
    acs: EmbeddedAcs, cpe: HandCpe, how: Misbehaviour, taken: int
) -> None:
    acs.misbehave(how, on="Inform")
    with pytest.raises(aiohttp.ClientError):
        await cpe.inform()
    assert [received.answered for received in acs.informs] == [False] * taken
    await cpe.forget()
    await cpe.session("1 BOOT")
    assert acs.informs[-1].answered
    assert acs.violations == []


@pytest.mark.parametrize(
    "how", [Status(), Status(404), Status(503, {"Retry-After": "60"}), Garbage()], ids=str
)
async def test_a_session_that_fails_in_the_middle(
    acs: EmbeddedAcs, cpe: HandCpe, how: Status | Garbage
) -> None:
    acs.misbehave(how, on="TransferComplete")
    await cpe.inform(*TRANSFER)
    answer = await cpe.post(hand.envelope(hand.transfer_complete("k")))
    assert answer.status == (how.code if isinstance(how, Status) else 200)
    assert acs.devices[DEVICE].transfer_completes == []
    assert not acs.devices[DEVICE].in_session
    await cpe.forget()
    await cpe.session(*TRANSFER, requests=(hand.transfer_complete("k"),))
    assert len(acs.devices[DEVICE].transfer_completes) == 1
    assert acs.violations == []


async def test_going_on_with_a_failed_session_is_a_violation(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.misbehave(Status(500), on="")
    await cpe.inform()
    await cpe.post()
    await cpe.post()
    assert acs.violations == [f"{DEVICE}: goes on with a session that is failed"]


@pytest.mark.parametrize("taken", [False, True])
async def test_a_post_that_got_no_answer_may_be_sent_once_more(
    acs: EmbeddedAcs, cpe: HandCpe, taken: bool
) -> None:
    acs.misbehave(Drop(taken), on="")
    await cpe.inform()
    with pytest.raises(aiohttp.ClientError):
        await cpe.post()
    assert (await cpe.post()).status == 400
    assert acs.violations == []


async def test_a_redirect_leads_to_another_path(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.misbehave(Redirect(307), on="Inform")
    answer = await cpe.inform()
    assert (answer.status, answer.headers["Location"]) == (307, "/elsewhere")
    cpe.url = acs.url + "elsewhere"
    await cpe.session()
    assert [received.answered for received in acs.informs] == [True]
    assert acs.violations == []


async def test_8005_asks_for_the_same_again(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.misbehave(FaultAnswer(), times=2)
    for _ in range(2):
        answer = await cpe.inform(*TRANSFER)
        assert "<FaultCode>8005</FaultCode>" in answer.text
        assert answer.message_id == "1"
    acs.misbehave(FaultAnswer(), on="TransferComplete")
    await cpe.session(*TRANSFER, requests=(hand.transfer_complete("k"), hand.transfer_complete("k")))
    assert len(acs.devices[DEVICE].transfer_completes) == 1
    assert acs.violations == []


async def test_something_else_after_8005_is_a_violation(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.misbehave(FaultAnswer(), on="Inform")
    await cpe.inform("1 BOOT")
    await cpe.session("2 PERIODIC")
    assert acs.violations == [f"{DEVICE}: Inform is not what 8005 asked it to send again"]


async def test_a_fault_that_cannot_be_read_may_end_the_session_or_not(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.misbehave(FaultAnswer(8000, "Method not supported", malformed=True), on="TransferComplete", times=2)
    for ends in (True, False):
        await cpe.inform(*TRANSFER)
        answer = await cpe.post(hand.envelope(hand.transfer_complete("k")))
        assert "<soap-env:Body:Fault>" in answer.text
        assert "<FaultCode>8000</FaultCode>" in answer.text
        if ends:
            cpe.clear_cookies()
        else:
            assert (await cpe.post()).status == 204
    assert acs.violations == []


async def test_hold_requests(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.misbehave(Hold())
    answer = await cpe.inform(*TRANSFER)
    assert ">1</cwmp:HoldRequests>" in answer.text
    device = acs.devices[DEVICE]
    asking = asyncio.create_task(device.request(Reboot("k")))
    await asyncio.sleep(0)
    asked = await cpe.post()
    assert ">1</cwmp:HoldRequests>" in asked.text
    assert (await cpe.post(hand.envelope(cpe.answers["Reboot"], message_id=asked.message_id))).status == 204
    assert await asking == RebootResponse()
    assert device.in_session
    answer = await cpe.post(hand.envelope(hand.transfer_complete("k")))
    assert "HoldRequests" not in answer.text
    assert (await cpe.post()).status == 204
    await device.session_over()
    assert acs.violations == []


async def test_a_request_while_held_is_a_violation(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.misbehave(Hold())
    await cpe.inform(*TRANSFER)
    await cpe.post(hand.envelope(hand.transfer_complete("k")))
    assert acs.violations == [f"{DEVICE}: TransferComplete while HoldRequests is true"]


@pytest.mark.parametrize(
    ("how", "header"),
    [
        (Close(), ("Connection", "close")),
        (Chunked(), ("Transfer-Encoding", "chunked")),
        (Gzip(), ("Content-Encoding", "gzip")),
    ],
    ids=str,
)
async def test_a_session_goes_on_in_every_manner_of_http(
    acs: EmbeddedAcs, cpe: HandCpe, how: Misbehaviour, header: tuple[str, str]
) -> None:
    acs.misbehave(how, times=None)
    answer = await cpe.inform()
    assert (header[0], answer.headers[header[0]]) == header
    assert answer.name == "InformResponse"
    device = await acs.device(DEVICE)
    asking = asyncio.create_task(device.request(Reboot("k")))
    await asyncio.sleep(0)
    assert device.in_session
    await cpe.obey(await cpe.post())
    assert await asking == RebootResponse()
    await device.session_over()
    assert acs.violations == []


async def test_a_connection_may_end_without_a_word_and_the_session_goes_on(
    acs: EmbeddedAcs, cpe: HandCpe
) -> None:
    acs.misbehave(Close(announced=False), on="Inform")
    body = hand.envelope(hand.inform()).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(acs.url.rstrip("/").rpartition(":")[2]))
    head = "POST / HTTP/1.1\r\nHost: a\r\nSOAPAction:\r\nContent-Type: text/xml\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    assert "InformResponse" in answer
    assert "Connection: close" not in answer
    device = await acs.device(DEVICE)
    assert device.in_session
    cookie = "; ".join(re.findall(r"Set-Cookie: (\S+)", answer))
    assert (await cpe.post(headers={"Cookie": cookie})).status == 204
    assert acs.violations == []


async def test_takes_compressed_posts(acs: EmbeddedAcs) -> None:
    async with aiohttp.ClientSession() as client:
        headers = {"SOAPAction": "", "Content-Type": "text/xml", "Content-Encoding": "gzip"}
        body = gzip.compress(hand.envelope(hand.inform()).encode())
        async with client.post(acs.url, data=body, headers=headers) as response:
            assert response.status == 200
    assert acs.violations == []


async def test_200_may_stand_for_204(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.misbehave(EmptySuccess(), times=None)
    await cpe.inform()
    answer = await cpe.post()
    assert (answer.status, answer.text) == (200, "")
    assert not acs.devices[DEVICE].in_session


async def test_a_late_answer_is_an_answer(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.misbehave(Delay(0.01))
    assert (await cpe.inform()).name == "InformResponse"
    assert acs.informs[0].answered


async def test_an_answer_that_nobody_waits_for_is_none(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.misbehave(Delay(0.05))
    taken = asyncio.Event()
    acs.on_inform(lambda _: taken.set())
    asking = asyncio.create_task(cpe.inform())
    await taken.wait()
    asking.cancel()
    await cpe.forget()
    await cpe.session("1 BOOT")
    device = await acs.device(DEVICE)
    await device.wait_event("1 BOOT")
    assert [received.answered for received in device.informs] == [False, True]
    assert acs.violations == []


async def test_plans_are_for_devices_and_names_and_end(acs: EmbeddedAcs, cpe: HandCpe) -> None:
    acs.misbehave(Status(500), device="00A0B0-Lamp-2", times=None)
    acs.misbehave(Status(501), on="TransferComplete", times=None)
    acs.misbehave(Status(502), on="GET")
    async with HandCpe(acs.url, "2") as other:
        assert (await other.inform()).status == 500
        await cpe.session()
        acs.behave()
        assert (await other.inform()).status == 200
    assert acs.violations == []


async def test_file_transfers_can_fail_too(acs: EmbeddedAcs) -> None:
    url = acs.put_file("image.bin", b"firmware")
    acs.misbehave(Status(403), on="GET")
    acs.misbehave(FaultAnswer(9010, "no"), on="PUT")
    async with aiohttp.ClientSession() as client:
        for status in (403, 200):
            async with client.get(url) as response:
                assert response.status == status
        for status in (500, 201):
            async with client.put(acs.upload_url("a.log"), data=b"lines") as response:
                assert response.status == status


async def test_chances_are_repeatable() -> None:
    async def statuses() -> list[int]:
        async with EmbeddedAcs(provision=False) as acs, HandCpe(acs.url) as cpe:
            acs.misbehave(Status(503), times=None, chance=0.5)
            found = []
            for _ in range(12):
                found.append((await cpe.inform()).status)
                await cpe.forget()
            return found

    first = await statuses()
    assert first == await statuses()
    assert set(first) == {200, 503}
