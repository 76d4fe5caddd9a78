from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from translation.paths import Instance, InstanceMap, Prefixes, SubTree, UpnpPath, parse_all

BBF = "urn:broadband-forum-org:tr-181-2-0"
OTHER = "urn:schemas-upnp-org:dm:common"

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
PARTS = st.lists(st.one_of(NAMES, st.integers(0, 2**31).map(str), st.just("#")), max_size=8)


@given(PARTS, st.sampled_from(["", " ", "\r\n\t"]))
def test_a_path_is_read_as_it_is_written(parts: list[str], space: str) -> None:
    as_object = UpnpPath(tuple(parts))
    assert UpnpPath.parse(f"{space}{as_object}{space}") == as_object
    if parts and not parts[-1].isdecimal() and parts[-1] != "#":
        parameter = UpnpPath(tuple(parts), is_parameter=True)
        assert UpnpPath.parse(str(parameter)) == parameter


@pytest.mark.parametrize(
    ("text", "parts", "is_parameter"),
    [
        ("/", (), False),
        ("", (), False),
        ("BBF/Time/", ("BBF", "Time"), False),
        ("//BBF//Time", ("BBF", "Time"), True),
        ("/BBF/Hosts/Host/0", ("BBF", "Hosts", "Host", "0"), False),
        ("/BBF/Hosts/Host/#", ("BBF", "Hosts", "Host", "#"), False),
        ("\n /BBF/X_0000-5E/\n", ("BBF", "X_0000-5E"), False),
    ],
)
def test_spellings_of_the_field(text: str, parts: tuple[str, ...], is_parameter: bool) -> None:
    assert UpnpPath.parse(text) == UpnpPath(parts, is_parameter=is_parameter)


@pytest.mark.parametrize(
    "text",
    [
        "/BBF/Time.NTPServer1",
        "/BBF/../etc",
        "/BBF/Host/007/",
        "/BBF/Host/-1/",
        "/BBF/Host/99999999999/",
        "/BBF/a b",
        "/BBF/<x>",
        "/" + "a" * 300,
        "/a" * 40,
    ],
)
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="path"):
        UpnpPath.parse(text)
    assert not list(parse_all([text]))


def test_structure_has_no_numbers() -> None:
    path = UpnpPath.parse("/BBF/Hosts/Host/17/IPAddress")
    assert str(path.structure) == "/BBF/Hosts/Host/#/IPAddress"


@pytest.mark.parametrize(
    ("subtrees", "upnp", "cwmp"),
    [
        ([(BBF, "/BBF/")], "/BBF/Hosts/Host/#/IPAddress", "Device.Hosts.Host.#.IPAddress"),
        ([(BBF, "/BBF")], "/BBF/Time/", "Device.Time"),
        ([(BBF, " BBF/ ")], "/BBF/Time/", "Device.Time"),
        ([(BBF, "/BBF/WiFi/"), (BBF, "/BBF/Time/")], "/BBF/WiFi/Radio/#/", "Device.WiFi.Radio.#"),
        ([], "/BBF/Time/Enable", "Device.Time.Enable"),
        ([(OTHER, "/UPnP/DM/")], "/BBF/Time/Enable", "Device.Time.Enable"),
        ([(BBF, "/Device/")], "/Device/Time/", "Device.Time"),
        ([(BBF, "/BBF/Device/Hosts/")], "/BBF/Device/Time/", "Device.Time"),
        ([(BBF, "/Home/TR181/")], "/Home/TR181/Time/", "Device.Time"),
        ([(BBF, "/Vendor/BBF/")], "/Vendor/Extra/", "Device.X_UPNP-ORG_DM.Vendor.Extra"),
        ([(BBF, "/")], "/Time/Enable", "Device.Time.Enable"),
        ([(BBF, "/"), (OTHER, "/UPnP/DM/")], "/UPnP/DM/X", "Device.X_UPNP-ORG_DM.UPnP.DM.X"),
        ([(BBF, "/Model/0/WiFi/")], "/Model/Time/", "Device.Time"),
        ([(BBF, "/BBF/")], "/BBF/VoiceService/#/X", "Device.Services.VoiceService.#.X"),
        (
            [("urn:broadband-forum-org:tr-104-2-0", "/BBF/VoiceService/0/")],
            "/BBF/VoiceService/#/",
            "Device.Services.VoiceService.#",
        ),
        ([("urn:dslforum-org:tr-098", "/BBF/")], "/BBF/Time/", "Device.Time"),
        ([(BBF, "/BBF/")], "/UPnP/DM/DeviceInfo/UpTime", "Device.X_UPNP-ORG_DM.UPnP.DM.DeviceInfo.UpTime"),
        (
            [(BBF, "/BBF/"), ("urn:acme", "/BBF/X_ACME/")],
            "/BBF/X_ACME/A",
            "Device.X_UPNP-ORG_DM.BBF.X_ACME.A",
        ),
        ([(BBF, "../..")], "/BBF/Time/", "Device.Time"),
    ],
)
def test_prefixes(subtrees: list[tuple[str, str]], upnp: str, cwmp: str) -> None:
    prefixes = Prefixes.of(SubTree(*each) for each in subtrees)
    assert ".".join(prefixes.to_cwmp(UpnpPath.parse(upnp).parts)) == cwmp


def test_roots() -> None:
    prefixes = Prefixes.of([SubTree(BBF, "/BBF/WiFi/"), SubTree(BBF, "/Other/")])
    assert {str(root) for root in prefixes.roots} == {"/BBF/", "/Other/"}


@given(st.sets(st.integers(0, 50), max_size=10), st.integers(0, 3))
def test_new_rows_are_numbered_by_the_offset(present: set[int], offset: int) -> None:
    numbers = InstanceMap(offset)
    assert numbers.update("Device.T.", present) is bool(present)
    usual = sorted((upnp + offset, upnp) for upnp in present if upnp + offset)
    assert [row for row in numbers.rows("Device.T.") if row[1] + offset] == usual


def test_a_row_that_comes_back_is_a_new_one() -> None:
    numbers = InstanceMap()
    numbers.update("T.", {0, 1})
    numbers.update("T.", {0})
    numbers.update("T.", {0, 1})
    assert numbers.rows("T.") == [(1, 0), (3, 1)]


def test_a_gap_that_was_never_used_keeps_the_offset() -> None:
    numbers = InstanceMap()
    numbers.update("T.", {0, 5})
    numbers.update("T.", {0, 3, 5})
    assert numbers.rows("T.") == [(1, 0), (4, 3), (6, 5)]


def test_a_number_too_great_is_not_taken_over() -> None:
    numbers = InstanceMap()
    assert numbers.add("T.", 2**32 - 1) == 1
    assert numbers.add("T.", 0) == 2


def test_a_row_just_made_is_new_whatever_was_known_of_its_number() -> None:
    numbers = InstanceMap()
    numbers.update("T.", {0})
    assert numbers.add("T.", 0) == 2
    assert numbers.rows("T.") == [(2, 0)]


def test_tables_below_go_with_their_row_and_begin_anew() -> None:
    numbers = InstanceMap()
    numbers.update("T.", {0, 1})
    numbers.update("T.1.Inner.", {0, 1})
    numbers.update("T.1.Inner.1.Deep.", {4})
    numbers.update("T.2.Inner.", {0})
    numbers.take_changes()
    numbers.remove("T.", 0)
    assert {change[:2] for change in numbers.take_changes()} == {
        ("T.", 1),
        ("T.1.Inner.", 1),
        ("T.1.Inner.", 2),
        ("T.1.Inner.1.Deep.", 5),
    }
    assert numbers.rows("T.1.Inner.") == []
    assert numbers.rows("T.2.Inner.") == [(1, 0)]


def test_changes_that_were_not_saved_are_told_again() -> None:
    numbers = InstanceMap()
    numbers.update("T.", {0, 1})
    unsaved = numbers.take_changes()
    numbers.remove("T.", 1)
    numbers.give_back(unsaved)
    assert set(numbers.take_changes()) == {Instance("T.", 1, 0), Instance("T.", 2, None)}
    assert numbers.take_changes() == ()


def test_devices_with_the_same_rows_share_them_until_one_has_others() -> None:
    one, other = InstanceMap(), InstanceMap()
    for numbers in (one, other):
        numbers.update("T.", {0, 1})
        numbers.share()
    one.update("T.", {0, 5})
    other.add("Other.", 7)
    assert (one.rows("T."), one.rows("Other.")) == ([(1, 0), (6, 5)], [])
    assert (other.rows("T."), other.rows("Other.")) == ([(1, 0), (2, 1)], [(8, 7)])
    assert one.add("T.", 1) == 7  # 2 was used, here and not there


class InstanceMapMachine(RuleBasedStateMachine):
    """The rows of a device come and go; the proxier restarts; the ACS remembers every number it ever saw."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = InstanceMap()
        self.saved: dict[tuple[str, int], int | None] = {}
        self.present: set[int] = set()
        self.seen: dict[int, int] = {}
        self.next_identity = 0
        self.identities: dict[int, int] = {}

    def _come(self, numbers: Collection[int]) -> None:
        for number in numbers:
            self.identities[number] = self.next_identity
            self.next_identity += 1

    @rule(present=st.sets(st.integers(0, 6)))
    def refresh(self, present: set[int]) -> None:
        self._come(present - self.present)
        self.present = set(present)
        self.numbers.update("T.", present)

    @rule(number=st.integers(0, 6))
    def create(self, number: int) -> None:
        self._come([number])
        self.present.add(number)
        self.numbers.add("T.", number)

    @rule(number=st.integers(0, 6))
    def delete(self, number: int) -> None:
        self.present.discard(number)
        self.numbers.remove("T.", number)

    @rule()
    def share(self) -> None:
        self.numbers.share()

    @rule()
    def restart(self) -> None:
        self.save()
        self.numbers = InstanceMap(1, [(table, number, own) for (table, number), own in self.saved.items()])

    @invariant()
    def save(self) -> None:
        for table, number, own in self.numbers.take_changes():
            self.saved[table, number] = own

    @invariant()
    def every_row_has_a_number_of_its_own_for_life(self) -> None:
        rows = self.numbers.rows("T.")
        assert {own for _, own in rows} == self.present
        for number, own in rows:
            assert number >= 1
            assert self.seen.setdefault(number, self.identities[own]) == self.identities[own]


TestInstanceMap = InstanceMapMachine.TestCase
TestInstanceMap.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
