from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from xml.sax.saxutils import escape

import pytest

from proxier.control_point import invoke
from proxier.control_point.description import DescriptionReader
from proxier.control_point.device import ProxiedDevice
from proxier.control_point.documents import DocumentFetcher
from proxier.control_point.invoke import Invoker
from proxier.control_point.lines import Lines
from tests.proxier.control_point.stand_in import CMS2, Answer, Asked, StandIn, answer, fault, never
from translation.actions import ActionCall, ActionError, DeviceUnreachable, Service

GET = ActionCall(Service.CMS, "GetCurrentConfigurationVersion")
DOCUMENT = "<cms:ContentPathList xmlns:cms='urn:schemas-upnp-org:dm:cms'/>"
GET_VALUES = ActionCall(Service.CMS, "GetValues", {"Parameters": DOCUMENT})
SET_VALUES = ActionCall(Service.CMS, "SetValues", {"ParameterValueList": DOCUMENT})


@asynccontextmanager
async def called(
    stand_in: StandIn, timeout_seconds: float = 5
) -> AsyncIterator[tuple[Invoker, ProxiedDevice]]:
    async with stand_in, Lines(timeout_seconds) as lines:
        reader = DescriptionReader(DocumentFetcher(lines))
        (proxied,) = (await reader.read(stand_in.location, stand_in.address)).devices
        yield Invoker(lines), proxied


async def test_an_action_is_called_by_the_book() -> None:
    stand_in = StandIn(actions={"GetInstances": lambda _: (200, answer("GetInstances", {"Result": "<x/>"}))})
    arguments = {"SearchDepth": "0", "Extra": "x", "StartingNode": "/BBF/"}
    async with called(stand_in) as (invoker, proxied):
        result = await invoker.invoke(proxied, ActionCall(Service.CMS, "GetInstances", arguments))
    assert result.values == {"Result": "<x/>"}
    (asked,) = stand_in.calls()
    assert asked.path == "/cms/control"
    assert asked.headers["SOAPACTION"] == f'"{CMS2}#GetInstances"'
    assert asked.headers["Content-Type"] == 'text/xml; charset="utf-8"'
    assert "UPnP/" in asked.headers["User-Agent"]
    assert asked.headers["Accept-Encoding"] == "identity"
    assert b"<StartingNode>/BBF/</StartingNode><SearchDepth>0</SearchDepth></u:GetInstances>" in asked.body


async def test_calls_of_one_device_share_a_connection_and_come_in_order() -> None:
    order: list[str] = []
    under_way = 0

    async def slowly(asked: Asked) -> Answer:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        await asyncio.sleep(0)
        order.append(asked.body.decode().partition("<Parameters>")[2][0])
        under_way -= 1
        return 200, answer("GetValues")

    stand_in = StandIn(actions={"GetValues": slowly})
    async with called(stand_in) as (invoker, proxied):
        calls = (ActionCall(Service.CMS, "GetValues", {"Parameters": str(n)}) for n in range(5))
        await asyncio.gather(*(invoker.invoke(proxied, call) for call in calls))
    assert order == ["0", "1", "2", "3", "4"]
    assert len({asked.peer for asked in stand_in.calls()}) == 1


@pytest.mark.parametrize("status", [500, 200, 400, 415, 501])
async def test_a_upnp_error_is_one_whatever_the_status(status: int) -> None:
    stand_in = StandIn(actions={GET.name: lambda _: (status, fault(501, "Action Failed"))})
    async with called(stand_in) as (invoker, proxied):
        with pytest.raises(ActionError) as caught:
            await invoker.invoke(proxied, GET)
    assert (caught.value.code, caught.value.description) == (501, "Action Failed")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((200, ""), "HTTP 200 with no XML document"),
        ((302, ""), "HTTP 302"),
        ((200, "<a>" * 100 + "</a>" * 100), "nested deeper"),
    ],
)
async def test_what_is_no_answer_makes_the_device_unreachable(reply: Answer, reason: str) -> None:
    stand_in = StandIn(actions={GET.name: lambda _: reply})
    async with called(stand_in) as (invoker, proxied):
        with pytest.raises(DeviceUnreachable, match=reason):
            await invoker.invoke(proxied, GET)
    assert len(stand_in.calls()) == 1


BARE_FAULT = fault(0).replace("UPnPError", "Oops")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((500, "<html>Internal Server Error</html>"), "HTTP 500 with no SOAP body"),
        ((500, ""), "HTTP 500 with no XML document"),
        ((500, BARE_FAULT), "HTTP 500 with a SOAP fault without a UPnPError"),
        ((500, fault(0).replace("<errorCode>0", "<errorCode>?")), "a UPnPError without a code"),
        ((503, "busy"), "HTTP 503"),
        ((404, "<html>Not Found</html>"), "HTTP 404 with no SOAP body"),
    ],
)
async def test_a_refusal_without_a_reason_is_a_failed_action(reply: Answer, reason: str) -> None:
    stand_in = StandIn(actions={GET.name: lambda _: reply})
    async with called(stand_in) as (invoker, proxied):
        with pytest.raises(ActionError, match=reason) as caught:
            await invoker.invoke(proxied, GET)
    assert caught.value.code == 501
    assert len(stand_in.calls()) == 1


async def test_the_values_of_twenty_thousand_parameters_arrive() -> None:
    row = "<Parameter><ParameterPath>/BBF/Hosts/Host/{}/IPAddress</ParameterPath><Value>a</Value></Parameter>"
    rows = "".join(map(row.format, range(20_000)))
    values = f"<cms:ParameterValueList xmlns:cms='x'>{rows}</cms:ParameterValueList>"
    stand_in = StandIn()
    async with called(stand_in) as (invoker, proxied):
        stand_in.actions["GetValues"] = lambda _: (200, written(escape(values)))
        escaped = await invoker.invoke(proxied, GET_VALUES)
        stand_in.actions["GetValues"] = lambda _: (200, written(values))
        live = await invoker.invoke(proxied, GET_VALUES)
    assert escaped.values == {"ParameterValueList": values}
    assert len(live.inline["ParameterValueList"]) == 20_000


def written(argument: str) -> str:
    return answer("GetValues", {"ParameterValueList": "@"}).replace("@", argument)


async def test_a_large_request_arrives() -> None:
    stand_in = StandIn()
    async with called(stand_in) as (invoker, proxied):
        await invoker.invoke(proxied, ActionCall(Service.CMS, "GetValues", {"Parameters": "x" * 2_000_000}))
    (asked,) = stand_in.calls()
    assert len(asked.body) == int(asked.headers["Content-Length"]) > 2_000_000


async def test_an_answer_over_the_limit_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoke, "LARGEST_ANSWER", 10_000)
    stand_in = StandIn(actions={GET.name: lambda _: (200, answer(GET.name, {"A": "x" * 20_000}))})
    async with called(stand_in) as (invoker, proxied):
        with pytest.raises(DeviceUnreachable, match="longer than 10000 bytes"):
            await invoker.invoke(proxied, GET)


async def test_a_device_that_never_answers_is_left_after_the_time_out() -> None:

    async with called(StandIn(actions={GET.name: never}), timeout_seconds=0.2) as (invoker, proxied):
        with pytest.raises(DeviceUnreachable, match=r"no answer within 0\.2 s"):
            await invoker.invoke(proxied, GET)


async def test_a_device_that_is_gone_is_unreachable() -> None:
    stand_in = StandIn()
    async with called(stand_in) as (invoker, proxied):
        await stand_in.hang_up()
        with pytest.raises(DeviceUnreachable):
            await invoker.invoke(proxied, GET)


@pytest.mark.parametrize(
    "call",
    [
        ActionCall(Service.SMS, "GetDUIDs"),
        ActionCall(Service.CMS, "CreateInstance"),
        ActionCall(Service.BMS, "GetValues"),
    ],
)
async def test_an_action_that_is_not_declared_is_never_sent(call: ActionCall) -> None:
    stand_in = StandIn()
    async with called(stand_in) as (invoker, proxied):
        with pytest.raises(ActionError) as caught:
            await invoker.invoke(proxied, call)
    assert caught.value.code == 401
    assert not stand_in.calls()


class Dropper:
    """An HTTP server that answers one request on a connection, and drops it at the second.

    One that is silent for a time answers none.
    """

    def __init__(self, silent_seconds: float = 0) -> None:
        self.silent_seconds = silent_seconds
        self.received: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered = 0
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                action = head.partition(b"#")[2].partition(b'"')[0].decode()
                self.received.append(action)
                if answered or self.silent_seconds:
                    await asyncio.sleep(self.silent_seconds)
                    break
                answered += 1
                body = answer(action, {"Version": "1"}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def dropped(
    silent_seconds: float = 0, timeout_seconds: float = 5
) -> AsyncIterator[tuple[Dropper, Invoker, ProxiedDevice]]:
    dropper = Dropper(silent_seconds)
    server = await asyncio.start_server(dropper.serve, "127.0.0.2", 0)
    stand_in = StandIn()
    async with called(stand_in, timeout_seconds) as (invoker, _):
        control = f"http://127.0.0.2:{server.sockets[0].getsockname()[1]}/"
        stand_in.documents["/desc.xml"] = str(stand_in.documents["/desc.xml"]).replace(
            "/cms/control", control
        )
        async with Lines() as lines:
            reader = DescriptionReader(DocumentFetcher(lines))
            (proxied,) = (await reader.read(stand_in.location, stand_in.address)).devices
        yield dropper, invoker, proxied
    server.close()


async def test_a_read_that_a_stale_connection_swallowed_is_sent_once_more() -> None:
    async with dropped() as (dropper, invoker, proxied):
        await invoker.invoke(proxied, GET)
        assert (await invoker.invoke(proxied, GET)).values == {"Version": "1"}
    assert dropper.received == [GET.name] * 3


async def test_a_read_that_is_sent_once_more_has_no_more_time() -> None:
    async with dropped(silent_seconds=0.4, timeout_seconds=0.6) as (dropper, invoker, proxied):
        with pytest.raises(DeviceUnreachable, match=r"no answer within 0\.6 s"):
            await invoker.invoke(proxied, GET)
    assert dropper.received == [GET.name] * 2


async def test_a_write_that_a_stale_connection_swallowed_is_not_sent_again() -> None:
    async with dropped() as (dropper, invoker, proxied):
        await invoker.invoke(proxied, GET)
        with pytest.raises(DeviceUnreachable):
            await invoker.invoke(proxied, SET_VALUES)
    assert dropper.received == [GET.name, "SetValues"]


def wants_live_elements(code: int) -> Mapping[str, object]:
    def get(asked: Asked) -> Answer:
        live = b"<Parameters><cms:ContentPathList" in asked.body or b"<ParameterValueList><cms" in asked.body
        if live:
            return 200, answer(asked.action)
        return (500, fault(code)) if code else (500, "what?")

    return {"GetValues": get, "SetValues": get}


@pytest.mark.parametrize("code", [402, 702, 0])
async def test_a_read_is_tried_in_the_other_style_and_the_style_is_kept(code: int) -> None:
    stand_in = StandIn(actions=wants_live_elements(code))  # type: ignore[arg-type]  # its values are answerers
    async with called(stand_in) as (invoker, proxied):
        await invoker.invoke(proxied, GET_VALUES)
        await invoker.invoke(proxied, GET_VALUES)
        await invoker.invoke(proxied, SET_VALUES)
    assert len(stand_in.calls()) == 4


async def test_a_write_is_never_tried_in_the_other_style() -> None:
    stand_in = StandIn(actions=wants_live_elements(702))  # type: ignore[arg-type]  # its values are answerers
    async with called(stand_in) as (invoker, proxied):
        with pytest.raises(ActionError):
            await invoker.invoke(proxied, SET_VALUES)
    assert len(stand_in.calls()) == 1


@pytest.mark.parametrize("code", [703, 501, 708])
async def test_a_refusal_for_another_reason_is_final(code: int) -> None:
    stand_in = StandIn(actions={"GetValues": lambda _: (500, fault(code))})
    async with called(stand_in) as (invoker, proxied):
        with pytest.raises(ActionError):
            await invoker.invoke(proxied, GET_VALUES)
    assert len(stand_in.calls()) == 1


async def test_the_first_refusal_is_told_when_the_other_style_fails_too() -> None:
    codes = iter((702, 501))
    stand_in = StandIn(actions={"GetValues": lambda _: (500, fault(next(codes)))})
    async with called(stand_in) as (invoker, proxied):
        with pytest.raises(ActionError) as caught:
            await invoker.invoke(proxied, GET_VALUES)
    assert caught.value.code == 702
