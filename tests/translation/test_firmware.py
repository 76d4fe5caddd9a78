from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cwmp_client.faults import CwmpFault
from cwmp_client.messages import AllQueuedTransferStruct, Download, FaultStruct
from tests.translation.bench import START
from translation.files import RelayMode, check_url
from translation.firmware import FirmwareDownload, begin_download, transfer_fault, utc
from translation.sms import FIRMWARE, Action
from translation.software_facts import Subject
from translation.software_operation import Ending, Result

TYPE = "1 Firmware Upgrade Image"
URL = "https://acs.example:8443/a/image.bin?x=1"
UPDATE = Subject(Action.UPDATE, FIRMWARE)
REPORTABLE = {0, 9001, 9002, 9010, 9011, 9012, *range(9014, 9021)}


def begin(
    *,
    offered: frozenset[str] = frozenset({"Update"}),
    relay: RelayMode = RelayMode.AUTO,
    queued: int = 0,
    **changes: Any,
) -> FirmwareDownload:
    request = Download(**{"command_key": "key", "file_type": TYPE, "url": URL, **changes})
    return begin_download(request, offered, relay, number="1", queued=queued, now=START)


def test_what_is_asked_for() -> None:
    job = begin(username="u", password="p", file_size=99, delay_seconds=60)
    assert (job.command_key, job.url, job.username, job.password) == ("key", URL, "u", "p")
    assert job.due == START + timedelta(seconds=60)
    assert job.expires == job.due + timedelta(hours=1)
    queued = AllQueuedTransferStruct("key", 1, True, TYPE, 99, "")
    assert job.queued(in_progress=False) == queued
    assert job.queued(in_progress=True).state == 2
    assert job.reports() == ()


@pytest.mark.parametrize(
    ("mode", "username", "relayed"),
    [
        ("auto", "", False),
        ("auto", "u", True),
        ("always", "", True),
        ("always", "u", True),
        ("never", "", False),
    ],
)
def test_who_fetches_the_image(mode: str, username: str, relayed: bool) -> None:
    assert begin(relay=RelayMode(mode), username=username).relayed is relayed


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"offered": frozenset()}, 9001),
        ({"file_type": "2 Web Content"}, 9010),
        ({"file_type": "3 Vendor Configuration File"}, 9010),
        ({"file_type": "X 00005E image"}, 9010),
        ({"file_type": ""}, 9010),
        ({"url": "ftp://acs.example/a"}, 9013),
        ({"url": "tftp://acs.example/a"}, 9013),
        ({"url": "/a"}, 9013),
        ({"url": ""}, 9003),
        ({"url": "http://u:p@acs.example/a"}, 9003),
        ({"url": "http:///a"}, 9003),
        ({"url": "http://acs.example:99999/a"}, 9003),
        ({"url": "http://[::1/a"}, 9003),
        ({"url": "http://acs.example/a b"}, 9003),
        ({"url": "http://acs.example/a\r\nX: y"}, 9003),
        ({"url": "http://acs.example/" + "x" * 256}, 9003),
        ({"command_key": "x" * 33}, 9003),
        ({"username": "x" * 257}, 9003),
        ({"password": "x" * 257}, 9003),
        ({"target_file_name": "x" * 257}, 9003),
        ({"success_url": "x" * 257}, 9003),
        ({"failure_url": "x" * 257}, 9003),
        ({"relay": RelayMode.NEVER, "username": "u"}, 9012),
        ({"queued": 16}, 9004),
    ],
)
def test_what_is_refused(changes: dict[str, Any], code: int) -> None:
    with pytest.raises(CwmpFault) as fault:
        begin(**changes)
    assert fault.value.code == code
    assert fault.value.text


@pytest.mark.parametrize("file_type", [TYPE, f" {TYPE} ", "1  Firmware Upgrade Image"])
def test_the_file_type_may_be_written_loosely(file_type: str) -> None:
    assert begin(file_type=file_type).command_key == "key"


@pytest.mark.parametrize("ending", list(Ending))
@pytest.mark.parametrize("code", [0, 701, 402, 603, 9003, 9004, 9013, 9016, 9027])
def test_no_end_has_a_code_that_a_transfer_complete_may_not_say(ending: Ending, code: int) -> None:
    fault = transfer_fault(Result(UPDATE, ending, "x" * 1000, "Error_DiskFull", code))
    assert fault.fault_code in REPORTABLE
    assert (fault.fault_code == 0) == (ending is Ending.SUCCEEDED)
    assert len(fault.fault_string) == (0 if ending is Ending.SUCCEEDED else 256)


def test_success_says_nothing() -> None:
    assert transfer_fault(Result(UPDATE, Ending.SUCCEEDED, "whatever")) == FaultStruct(0, "")


def test_times_are_utc() -> None:
    assert utc(None) == "0001-01-01T00:00:00Z"
    assert utc(START) == "2026-03-01T12:00:00Z"


def test_a_url_may_be_as_long_as_its_rpc_allows() -> None:
    check_url("http://a.example/" + "x" * 1000, 1024)
    with pytest.raises(CwmpFault):
        check_url("http://a.example/" + "x" * 1024, 1024)
