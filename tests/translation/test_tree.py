from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.driving import COMMON, ROW_PATHS, ROWS, TR_181, TYPES, known_device
from tests.translation.test_model import STRUCTURES
from translation import tree as tree_module
from translation.actions import DeviceUnreachable
from translation.model import SupportedModel
from translation.paths import InstanceMap
from translation.tree import Tree, present_rows, update_rows

NUMBERS = st.sets(st.integers(0, 5), max_size=3)
EVERYTHING = ("SetValues", "CreateInstance", "DeleteInstance")


def with_numbers(structure: str, numbers: set[int]) -> list[str]:
    """The paths of a structure path when every table has rows of these numbers."""
    before, table, after = structure.partition("#")
    if not table:
        return [structure]
    return [path for number in numbers for path in with_numbers(f"{before}{number}{after}", numbers)]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A tree with rows in every table, of a device with models in three places."""
    model = SupportedModel.of([TR_181, COMMON], draw(STRUCTURES))
    instances = InstanceMap()

    numbers = draw(NUMBERS)
    tables = [path for table in model.tables for path in with_numbers(table, numbers)]
    update_rows(model, instances, {table: draw(st.just(numbers) | NUMBERS) for table in tables})
    return Tree(model, instances)


@given(trees())
def test_names_and_paths_are_each_others(tree: Tree) -> None:
    by_name = {each.name: each.path for each in tree.parameters("Device.")}
    by_path = {path: name for name, path in by_name.items()}
    assert len(by_path) == len(by_name) == sum(len(each.template.leaves) for each in tree)
    for name, path in by_name.items():
        found = tree.parameter(name)
        assert found
        assert (found.name, found.path) == (name, path)
    with_paths = [each for each in tree if each.path]
    assert len({each.path for each in with_paths}) == len(with_paths)
    assert len({each.name for each in tree}) == len(list(tree))


@given(trees())
def test_what_is_below_follows_and_is_covered(tree: Tree) -> None:
    names = [entry.name for entry in tree.entries((), {})]
    for each in tree:
        below = [other.name for other in tree if other.name.startswith(each.name)]
        assert [other.name for other in tree.below(each.name)] == below
        paths = [parameter.path for parameter in tree.parameters(each.name)]
        covers = tree.cover(each.name)
        assert bool(covers) == bool(paths)
        assert all(any(path.startswith(cover) for cover in covers) for path in paths)
        assert not any(one != other and one.startswith(other) for one in covers for other in covers)
        place = names.index(each.name)
        span = names[place : place + len(below) + len(paths)]
        assert all(name.startswith(each.name) for name in span)


def lines(tree: Tree, *actions: str) -> Iterator[str]:
    for entry in tree.entries(actions, known_device().deletable):
        yield f"{entry.name} {'rw' if entry.writable else 'ro'} {entry.type}".rstrip()


def test_a_device_as_the_acs_sees_it() -> None:
    assert list(lines(known_device().tree, *EVERYTHING)) == [
        "Device. ro",
        "Device.DeviceInfo. ro",
        "Device.DeviceInfo.SoftwareVersion ro string",
        "Device.DeviceInfo.UpTime ro unsignedInt",
        "Device.Time. ro",
        "Device.Time.Enable rw boolean",
        "Device.Time.NTPServer1 rw string",
        "Device.Hosts. ro",
        "Device.Hosts.HostNumberOfEntries ro unsignedInt",
        "Device.Hosts.Host. ro",
        "Device.Hosts.Host.1. ro",
        "Device.Hosts.Host.1.HostName ro string",
        "Device.Hosts.Host.1.Active ro boolean",
        "Device.Hosts.Host.4. ro",
        "Device.Hosts.Host.4.HostName ro string",
        "Device.Hosts.Host.4.Active ro boolean",
        "Device.NAT. ro",
        "Device.NAT.PortMapping. rw",
        "Device.NAT.PortMapping.1. rw",
        "Device.NAT.PortMapping.1.Enable rw boolean",
        "Device.NAT.PortMapping.1.InternalPort rw unsignedInt",
        "Device.X_UPNP-ORG_DM. ro",
        "Device.X_UPNP-ORG_DM.UPnP. ro",
        "Device.X_UPNP-ORG_DM.UPnP.DM. ro",
        "Device.X_UPNP-ORG_DM.UPnP.DM.DeviceInfo. ro",
        "Device.X_UPNP-ORG_DM.UPnP.DM.DeviceInfo.PhysicalDevice. ro",
        "Device.X_UPNP-ORG_DM.UPnP.DM.DeviceInfo.PhysicalDevice.HardwareVersion ro string",
    ]


@pytest.mark.parametrize(
    ("missing", "kept"),
    [
        ("SetValues", {"Device.NAT.PortMapping.", "Device.NAT.PortMapping.1."}),
        ("CreateInstance", {"Device.Time.Enable", "Device.NAT.PortMapping.1."}),
        ("DeleteInstance", {"Device.Time.Enable", "Device.NAT.PortMapping."}),
    ],
)
def test_what_no_action_can_do_is_not_writable(missing: str, kept: set[str]) -> None:
    of_interest = {
        "Device.Time.Enable",
        "Device.NAT.PortMapping.1.Enable",
        "Device.NAT.PortMapping.",
        "Device.NAT.PortMapping.1.",
    }
    actions = [action for action in EVERYTHING if action != missing]
    writable = {line.split()[0] for line in lines(known_device().tree, *actions) if " rw" in line}
    assert writable & of_interest == kept | (
        {"Device.NAT.PortMapping.1.Enable"} if missing != "SetValues" else set()
    )


@pytest.mark.parametrize(
    ("partial_path", "covers"),
    [
        ("Device.", ["/BBF/", "/UPnP/"]),
        ("Device.Hosts.", ["/BBF/Hosts/"]),
        ("Device.Hosts.Host.4.", ["/BBF/Hosts/Host/3/"]),
        ("Device.X_UPNP-ORG_DM.", ["/UPnP/"]),
        ("Device.Nowhere.", []),
    ],
)
def test_covers(partial_path: str, covers: list[str]) -> None:
    assert known_device().tree.cover(partial_path) == covers


def test_services_are_covered_where_they_are() -> None:
    model = SupportedModel.of([TR_181], ["/BBF/VoiceService/#/Name", "/BBF/Time/Enable"])
    instances = InstanceMap()
    update_rows(model, instances, {"/BBF/VoiceService/": {0}})
    tree = Tree(model, instances)
    assert tree.cover("Device.Services.") == ["/BBF/VoiceService/"]
    assert tree.cover("Device.") == ["/BBF/"]
    parameter = tree.parameter("Device.Services.VoiceService.1.Name")
    assert parameter
    assert parameter.path == "/BBF/VoiceService/0/Name"


def test_an_empty_table_has_nothing_to_cover() -> None:
    tree = Tree(SupportedModel.of([TR_181], TYPES), InstanceMap())
    assert tree.cover("Device.NAT.PortMapping.") == []
    assert tree.cover("Device.Hosts.") == ["/BBF/Hosts/"]


def test_no_such_name() -> None:
    tree = known_device().tree
    assert tree.object("Device.Nowhere.") is None
    for name in ("Device.Nowhere.X", "Device.Time.Nothing", "Enable", "", "Device.Time."):
        assert tree.parameter(name) is None
    assert list(tree.parameters("Device.Time.Nothing")) == []
    assert [each.path for each in tree.parameters("Device.Time.Enable")] == ["/BBF/Time/Enable"]


def test_paths_below_a_upnp_path() -> None:
    paths = known_device().tree.parameter_paths("/BBF/Hosts/")
    assert paths[0] == "/BBF/Hosts/HostNumberOfEntries"
    assert len(paths) == 5


def test_rows_of_a_list_of_instance_paths() -> None:
    assert present_rows([*ROW_PATHS, "/A/1/B/2", "/A/1/", "/C/#/", "no/path!", "/D/"]) == {
        **ROWS,
        "/A/": {1},
        "/A/1/B/": {2},
    }


def test_rows_of_rows_come_and_go() -> None:
    model = SupportedModel.of([TR_181], ["/BBF/IP/Interface/#/IPv4Address/#/IPAddress"])
    instances = InstanceMap()
    assert update_rows(
        model, instances, {"/BBF/IP/Interface/": {0}, "/BBF/IP/Interface/0/IPv4Address/": {0, 2}}
    )
    assert [each.path for each in Tree(model, instances).parameters("Device.")] == [
        "/BBF/IP/Interface/0/IPv4Address/0/IPAddress",
        "/BBF/IP/Interface/0/IPv4Address/2/IPAddress",
    ]
    assert not update_rows(
        model, instances, {"/BBF/IP/Interface/": {0}, "/BBF/IP/Interface/0/IPv4Address/": {0, 2}}
    )
    assert update_rows(model, instances, {})
    assert list(Tree(model, instances).parameters("Device.")) == []


def test_a_tree_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_module, "MAX_NODES", 50)
    model = SupportedModel.of([TR_181], [f"/BBF/T/#/{name}" for name in "ABCDE"])
    with pytest.raises(DeviceUnreachable):
        update_rows(model, InstanceMap(), {"/BBF/T/": set(range(10))})
