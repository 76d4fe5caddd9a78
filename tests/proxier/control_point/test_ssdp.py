from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxier.control_point.ssdp import (
    LONGEST_DATAGRAM,
    SEARCH_TARGETS,
    Kind,
    SsdpMessage,
    may_concern_us,
    read_message,
    searches,
)
from translation.actions import AboutTo

CMS = "urn:schemas-upnp-org:service:ConfigurationManagement:2"
REBOOT = AboutTo.REBOOT
RESET = AboutTo.BASELINE_RESET


def notify(*lines: str, end: str = "\r\n") -> bytes:
    return end.join(("NOTIFY * HTTP/1.1", *lines, "", "")).encode()


def byebye(*lines: str) -> SsdpMessage:
    message = read_message(
        notify("NT: upnp:rootdevice", "NTS: ssdp:byebye", "USN: uuid:a::upnp:rootdevice", *lines)
    )
    assert message is not None
    return message


def test_an_advertisement_is_read() -> None:
    message = read_message(
        notify(
            "HOST: 239.255.255.250:1900",
            "CACHE-CONTROL: max-age = 1800",
            "LOCATION: http://192.168.1.2:80/d.xml",
            f"NT: {CMS}",
            "NTS: ssdp:alive",
            "SERVER: Linux/6.1, UPnP/1.0, Portable SDK for UPnP devices/1.8.4",
            f"USN: uuid:ABC-1::{CMS}",
            "BOOTID.UPNP.ORG: 7",
            "CONFIGID.UPNP.ORG: 3",
        )
    )
    assert message == SsdpMessage(
        kind=Kind.ALIVE,
        udn="uuid:abc-1",
        target=CMS,
        location="http://192.168.1.2:80/d.xml",
        max_age=1800,
        boot_id=7,
        config_id=3,
        server="Linux/6.1, UPnP/1.0, Portable SDK for UPnP devices/1.8.4",
    )
    assert message.is_device_management


def test_an_answer_to_a_search_says_as_much_as_an_alive() -> None:
    message = read_message(
        f"HTTP/1.1 200 OK\r\nST:{CMS}\r\nusn:uuid:a::{CMS}\r\nLocation:http://10.0.0.2/\r\n"
        "Cache-Control:MAX-AGE=120\r\nEXT:\r\n\r\n".encode()
    )
    assert message is not None
    assert (message.kind, message.udn, message.target, message.max_age) == (Kind.ALIVE, "uuid:a", CMS, 120)


def test_an_update_carries_both_boot_ids() -> None:
    message = read_message(
        notify(
            "NTS: ssdp:update", "NT: uuid:a", "USN: uuid:a", "BOOTID.UPNP.ORG: 1", "NEXTBOOTID.UPNP.ORG: 2"
        )
    )
    assert message is not None
    assert (message.kind, message.boot_id, message.next_boot_id) == (Kind.UPDATE, 1, 2)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), set()),
        (("Announcement.dm.upnp.org: AboutToReboot",), {REBOOT}),
        (("ANNOUNCEMENT.DM.UPNP.ORG:aboutTOreboot  ",), {REBOOT}),
        (("Announcement.dm.upnp.org: AboutToReboot, AboutToBaselineReset",), {REBOOT, RESET}),
        (("Announcement.dm.upnp.org: AboutToBaselineReset;AboutToReboot",), {REBOOT, RESET}),
        (
            ("Announcement.dm.upnp.org: AboutToBaselineReset", "announcement.dm.upnp.org: AboutToReboot"),
            {REBOOT, RESET},
        ),
        (("Announcement.dm.upnp.org: AboutToExplode, AboutToReboot",), {REBOOT}),
        (("X-Announcement.dm.upnp.org: AboutToReboot",), set()),
    ],
)
def test_every_spelling_of_the_announcement_is_read(lines: tuple[str, ...], expected: set[AboutTo]) -> None:
    assert byebye(*lines).about_to == expected


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\r\n\r\n",
        b'M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\nMAN: "ssdp:discover"\r\n\r\n',
        b"HTTP/1.1 404 Not Found\r\nUSN: uuid:a\r\n\r\n",
        notify("NTS: ssdp:alive", "NT: upnp:rootdevice"),  # no USN
        notify("NTS: ssdp:alive", "NT: x", "USN: urn:not-a-uuid"),
        notify("NTS: ssdp:propchange", "NT: x", "USN: uuid:a"),
        notify("NTS: ssdp:alive", "NT: x", f"USN: uuid:{'a' * 300}"),
        notify("NTS: ssdp:alive", "NT: x", "USN: uuid:a", f"LOCATION: http://10.0.0.1/{'a' * 2000}"),
        notify("NTS: ssdp:alive", "NT: x", "USN: uuid:a", f"X: {'a' * LONGEST_DATAGRAM}"),
    ],
)
def test_what_is_no_advertisement_is_nothing(datagram: bytes) -> None:
    assert read_message(datagram) is None


@pytest.mark.parametrize("number", ["", "-1", "one", "9" * 11, "²"])
def test_a_broken_number_is_no_number(number: str) -> None:
    assert byebye(f"BOOTID.UPNP.ORG: {number}").boot_id is None


@given(st.binary(max_size=600))
@example(b"NOTIFY \xff\xfe\nUSN:\nNTS")
def test_nothing_that_is_heard_raises(datagram: bytes) -> None:
    read_message(datagram)
    may_concern_us(datagram)


@pytest.mark.parametrize("target", SEARCH_TARGETS)
def test_the_cheap_look_lets_everything_pass_that_we_search_for(target: str) -> None:
    assert may_concern_us(notify(f"nt:{target.upper()}", "nts: ssdp:alive", f"usn: uuid:a::{target}"))


@pytest.mark.parametrize(
    ("target", "concerns"),
    [
        ("urn:schemas-upnp-org:service:AVTransport:1", False),
        ("urn:schemas-upnp-org:device:MediaServer:1", False),
        ("uuid:a", False),
        ("upnp:rootdevice", True),
        ("urn:schemas-upnp-org:service:SoftwareManagement:1", True),
    ],
)
def test_the_cheap_look_drops_the_advertisements_of_others(target: str, *, concerns: bool) -> None:
    assert may_concern_us(notify(f"NT: {target}", "NTS: ssdp:alive", f"USN: uuid:a::{target}")) is concerns


def test_every_search_is_as_devices_want_it() -> None:
    datagrams = searches()
    assert len(datagrams) == len(SEARCH_TARGETS) == 9
    for datagram, target in zip(datagrams, SEARCH_TARGETS, strict=True):
        start_line, *headers = datagram.decode().split("\r\n")
        assert start_line == "M-SEARCH * HTTP/1.1"
        assert headers[-2:] == ["", ""]
        fields = dict(line.split(":", 1) for line in headers[:-2])
        assert fields["HOST"] == "239.255.255.250:1900"
        assert fields["MAN"] == '"ssdp:discover"'
        assert 1 <= int(fields["MX"]) <= 3
        assert fields["ST"] == target
