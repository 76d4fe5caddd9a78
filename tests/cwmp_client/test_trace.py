from __future__ import annotations

import asyncio
from contextlib import suppress

from cwmp_client import trace
from cwmp_client.trace import RpcTrace, SessionTrace


class Listener:
    def __init__(self) -> None:
        self.heard: list[object] = []

    def session_opened(self, session: SessionTrace) -> None:
        self.heard.append(f"opened {session.told}")

    def envelope(self, session: SessionTrace, body: bytes, *, sent: bool) -> None:
        self.heard.append((session.device, body, sent))

    def rpc_answered(self, session: SessionTrace, rpc: RpcTrace) -> None:
        assert rpc in session.rpcs
        self.heard.append(f"{rpc.name} {rpc.fault_code}")

    def session_closed(self, session: SessionTrace) -> None:
        self.heard.append(f"closed {session.outcome}")


def test_what_happens_in_a_session_is_told_in_order() -> None:
    listener = Listener()
    with trace.session("a device", ["1 BOOT"], [listener]) as session:
        trace.envelope(b"Inform", sent=True)
        with trace.AnsweringRpc("Reboot") as rpc:
            trace.step("BMS.Reboot", 0.25, failed=False)
            trace.step("BMS.Reboot", 0.25, failed=True)
            rpc.fault_code = 9002
        session.outcome = "success"
    assert listener.heard == ["opened 1 BOOT", ("a device", b"Inform", True), "Reboot 9002", "closed success"]
    assert [each.name for each in session.rpcs] == ["Reboot"]
    assert (rpc.steps["BMS.Reboot"].count, rpc.steps["BMS.Reboot"].failures) == (2, 1)
    assert rpc.steps["BMS.Reboot"].seconds == 0.5
    assert session.log_fields == {"session": session.id, "ms": 0}


def test_what_is_done_says_for_whom_and_for_what() -> None:
    assert trace.current() == {}
    with trace.ForDevice("a device"):
        assert trace.current() == {"device": "a device"}
        with trace.session("another", [], []) as session, trace.AnsweringRpc("Reboot"):
            assert trace.current() == {"device": "another", "session": session.id, "rpc": "Reboot"}
        assert trace.current() == {"device": "a device"}
    assert trace.current() == {}


async def test_a_task_that_outlives_its_session_is_not_counted_to_it() -> None:
    over = asyncio.Event()

    async def work() -> object:
        await over.wait()
        trace.step("CMS.GetValues", 1.0, failed=False)
        trace.envelope(b"late", sent=True)
        return trace.current()

    listener = Listener()
    with trace.session("a device", [], [listener]) as session:
        with trace.AnsweringRpc("Download") as rpc:
            task = asyncio.create_task(work())
        session.outcome = "success"
    over.set()
    assert await task == {"device": "a device"}
    assert rpc.steps == {}
    assert listener.heard == ["opened no event", "Download 0", "closed success"]


def test_a_session_that_is_cut_off_says_so() -> None:
    listener = Listener()
    with suppress(KeyError), trace.session("a device", [], [listener]):
        dict[str, str]()["missing"]
    assert listener.heard == ["opened no event", "closed cut off"]


def test_of_many_rpcs_the_last_ones_are_kept() -> None:
    with trace.session("a device", [], []) as session:
        for number in range(trace.MOST_RPCS + 5):
            with trace.AnsweringRpc(str(number)):
                pass
    assert session.rpcs[0].name == "5"
    assert len(session.rpcs) == trace.MOST_RPCS
