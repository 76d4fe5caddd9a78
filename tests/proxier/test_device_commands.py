from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from proxier.control_socket import ControlError
from proxier.device_commands import Report, choose, device_commands, report
from proxier.device_tree import TreeRow
from tests.proxier.test_store import LAMP, METER

REPORTS = [
    report(LAMP, online=True, pending_events=["6 CONNECTION REQUEST"], connection_request_url="http://h/abc"),
    report(METER, online=False, pending_events=[], connection_request_url=""),
    report(
        replace(METER, device_id="00D09E-Meter-421", udn="uuid:ABC"),
        online=False,
        pending_events=[],
        connection_request_url="",
    ),
]


def test_a_report_has_what_was_promised() -> None:
    assert (
        REPORTS[0].items()
        >= {
            "device_id": "00D09E-Lamp-ä'7",
            "oui": "00D09E",
            "product_class": "Lamp",
            "serial_number": "ä'7",
            "manufacturer": "A & B",
            "udn": "uuid:2",
            "location": "http://192.168.1.2/d.xml",
            "services": ["CMS:2", "BMS:1"],
            "online": True,
            "first_seen": "2026-05-04T12:00:00.123456+00:00",
            "last_seen": "2026-05-04T12:00:00.123456+00:00",
            "last_session": "2026-05-04T12:00:01.123456+00:00",
            "last_session_outcome": "success",
            "pending_events": ["6 CONNECTION REQUEST"],
            "connection_request_url": "http://h/abc",
            "lacks": ["a reboot action"],
            "other_udns": ["uuid:3", "uuid:4"],
        }.items()
    )
    assert REPORTS[1]["last_session"] is None


@pytest.mark.parametrize(
    ("wanted", "device_id"),
    [
        ("00D09E-Lamp-ä'7", "00D09E-Lamp-ä'7"),
        ("lamp", "00D09E-Lamp-ä'7"),
        ("421", "00D09E-Meter-421"),
        ("00d09e-meter-42", "00D09E-Meter-42"),
        ("uuid:1", "00D09E-Meter-42"),
        ("uuid:4", "00D09E-Lamp-ä'7"),
        ("abc", "00D09E-Meter-421"),
    ],
)
def test_a_device_is_meant_by_its_id_or_a_part_of_it_or_its_udn(wanted: str, device_id: str) -> None:
    assert choose(wanted, REPORTS)["device_id"] == device_id


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("Meter", "'Meter' may be any of: 00D09E-Meter-42, 00D09E-Meter-421"),
        ("", "'' may be any of: 00D09E-Lamp-ä'7, 00D09E-Meter-42, 00D09E-Meter-421"),
        ("Kettle", "no device is like 'Kettle'"),
    ],
)
def test_what_means_no_device_or_several(wanted: str, words: str) -> None:
    with pytest.raises(ControlError) as caught:
        choose(wanted, REPORTS)
    assert str(caught.value) == words


async def test_the_commands() -> None:
    forgotten = []

    async def reports() -> Sequence[Report]:
        return REPORTS

    async def tree(device_id: str) -> Sequence[TreeRow]:
        return [TreeRow(device_id, "string", writable=True, notification=2)]

    async def forget(device_id: str) -> None:
        forgotten.append(device_id)

    commands = device_commands(reports, tree, forget)
    assert await commands["devices"]() == REPORTS
    assert await commands["show"](device="lamp") == REPORTS[0]
    assert await commands["tree"](device="lamp") == {
        **REPORTS[0],
        "tree": [("00D09E-Lamp-ä'7", "string", True, 2)],
    }
    assert await commands["forget"](device="uuid:1") == "00D09E-Meter-42"
    with pytest.raises(ControlError):
        await commands["forget"](device="Kettle")
    assert forgotten == ["00D09E-Meter-42"]
