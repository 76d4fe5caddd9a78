from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from lxml import html
from msgspec.structs import replace

from cwmp_client.trace import RpcTrace, Steps
from proxier.status.page import MOST_RPCS, DeviceStatus, Overview, ago, page
from tests.proxier.status.seen import NOW, report, rpc, session

EVIL = "\"><script>alert(1)</script>'&\x1b[2J\u202e"


def shown(*devices: DeviceStatus) -> Any:
    return html.document_fromstring(page(Overview("1.0", "http://acs/", NOW, devices), NOW))


def words(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


def test_a_device_is_shown_with_its_state_session_events_and_rpcs() -> None:
    asked = rpc(fault_code=9002, steps={"CMS.GetValues": Steps(3, 0.011, 1)})
    device = DeviceStatus(report(pending_events=["4 VALUE CHANGE", "M Reboot"]), [session(asked)])
    [article] = shown(device).iter("article")
    assert words(article.find("h2")) == "00005E-Lamp-1 online"
    facts = dict(zip(map(words, article.iter("dt")), map(words, article.iter("dd")), strict=True))
    assert facts["Last session"] == "success , 2 min ago , 2 PERIODIC, 250 ms, session a1b2c3d4"
    assert facts["Events waiting"] == "4 VALUE CHANGE M Reboot"
    [row] = article.find(".//tbody")
    assert [words(cell) for cell in row] == [
        "GetParameterValues",
        "0 s ago",
        "12 ms",
        "9002",
        "3 CMS.GetValues, 11 ms, 1 failed",
    ]


@pytest.mark.parametrize(
    ("online", "outcome", "state"),
    [(True, "success", "online"), (False, "success", "offline"), (True, "", "in session")],
)
def test_the_state_is_one_word_or_two(online: bool, outcome: str, state: str) -> None:
    device = DeviceStatus(report(online=online), [session(outcome=outcome)])
    assert words(shown(device).find(".//h2")) == f"00005E-Lamp-1 {state}"


def test_a_device_without_a_session_is_shown() -> None:
    tree = shown(DeviceStatus(report(last_session=None, last_session_outcome=None), []))
    assert "none yet" in words(tree.find(".//dl"))


def test_a_session_from_before_the_start_is_told() -> None:
    told = words(shown(DeviceStatus(report(last_session_outcome="HTTP status 503"), [])))
    assert "HTTP status 503 , 2 min ago Events" in told


def test_an_open_rpc_is_told() -> None:
    open_rpc = RpcTrace("Reboot", NOW)
    assert "not answered yet" in words(shown(DeviceStatus(report(), [session(open_rpc, outcome="")])))


def test_the_last_rpcs_are_shown_the_newest_first() -> None:
    asked = [rpc(f"Rpc{number}") for number in range(MOST_RPCS + 3)]
    device = DeviceStatus(report(), [session(*asked[:5]), session(*asked[5:])])
    names = [words(row[0]) for row in shown(device).find(".//tbody")]
    assert names == [each.name for each in reversed(asked)][:MOST_RPCS]


def test_nothing_that_a_device_or_an_acs_says_is_markup() -> None:
    nasty = report(
        EVIL,
        manufacturer=EVIL,
        location=EVIL,
        services=[EVIL],
        pending_events=[EVIL],
        last_session_outcome=EVIL,
    )
    evil_session = session(rpc(EVIL, steps={EVIL: Steps(1, 0.0, 0)}))
    evil_session = replace(evil_session, id=EVIL, events=(EVIL,))
    text = page(Overview(EVIL, EVIL, NOW, [DeviceStatus(nasty, [evil_session])]), NOW)
    tree = html.document_fromstring(text)
    assert [script.get("src") for script in tree.iter("script")] == ["page.js"]
    assert not tree.xpath("//@*[starts-with(name(), 'on')]")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert words(tree.find(".//h2")).startswith("\"><script>alert(1)</script>'&")


def test_nothing_comes_from_elsewhere() -> None:
    tree = shown(DeviceStatus(report(), [session(rpc())]))
    sources = [element.get("src") or element.get("href") for element in tree.iter("script", "link", "img")]
    assert sources == ["data:,", "page.css", "page.js"]
    assert not list(tree.iter("style"))
    assert not tree.xpath("//@style")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s ago"),
        (0.9, "0 s ago"),
        (59, "59 s ago"),
        (61, "1 min ago"),
        (7200, "2 h ago"),
        (3e5, "3 d ago"),
    ],
)
def test_how_long_ago_it_was(seconds: float, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words
