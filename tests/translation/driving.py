"""Drives plans against lists of expected calls and canned answers; a small device to try them on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from translation.actions import ActionCall, ActionError, ActionResult, DeviceUnreachable, Plan
from translation.data_model import DataModel
from translation.known import CmsSettings, KnownTree
from translation.model import Attributes, SupportedModel
from translation.paths import SubTree

R = TypeVar("R")

CMS_ACTIONS = frozenset(
    {
        "GetSupportedDataModels",
        "GetSupportedParameters",
        "GetInstances",
        "GetValues",
        "SetValues",
        "CreateInstance",
        "DeleteInstance",
        "GetAttributes",
        "SetAttributes",
        "GetConfigurationUpdate",
        "GetCurrentConfigurationVersion",
        "GetSupportedDataModelsUpdate",
        "GetSupportedParametersUpdate",
    }
)

TR_181 = SubTree("urn:broadband-forum-org:tr-181-2-0", "/BBF/")
COMMON = SubTree("urn:schemas-upnp-org:dm:common", "/UPnP/DM/")


def document(root: str, content: str) -> str:
    """A document as devices write it by the book."""
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}<cms:{root} xmlns:cms="urn:schemas-upnp-org:dm:cms">{content}</cms:{root}>'


def path_list(root: str, *paths: str) -> str:
    name = root.removesuffix("List")
    return document(root, "".join(f"<{name}>{path}</{name}>" for path in paths))


def value_list(values: Mapping[str, str]) -> str:
    return document(
        "ParameterValueList",
        "".join(
            f"<Parameter><ParameterPath>{path}</ParameterPath><Value>{value}</Value></Parameter>"
            for path, value in values.items()
        ),
    )


def attribute_list(attributes: Mapping[str, Mapping[str, str]]) -> str:
    return document(
        "NodeAttributeValueList",
        "".join(
            f"<Node><NodeAttributePath>{path}</NodeAttributePath>"
            + "".join(f"<{name}>{value}</{name}>" for name, value in each.items())
            + "</Node>"
            for path, each in attributes.items()
        ),
    )


def supported_data_models(*subtrees: SubTree) -> dict[str, str]:
    content = "".join(
        f"<SubTree><URI>{uri}</URI><Location>{location}</Location></SubTree>" for uri, location, _ in subtrees
    )
    return {"SupportedDataModels": document("SupportedDataModels", content)}


def structure(*paths: str) -> dict[str, str]:
    return {"Result": path_list("StructurePathList", *paths)}


def instances(*paths: str) -> dict[str, str]:
    return {"Result": path_list("InstancePathList", *paths)}


def values(by_path: Mapping[str, str]) -> dict[str, str]:
    return {"ParameterValueList": value_list(by_path)}


def attributes(by_path: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {"NodeAttributeValueList": attribute_list(by_path)}


def asked_values(*paths: str) -> dict[str, str]:
    return {"Parameters": path_list("ContentPathList", *paths)}


def asked_attributes(*paths: str) -> dict[str, str]:
    return {"Parameters": path_list("NodeAttributePathList", *paths)}


def set_events(by_path: Mapping[str, bool]) -> dict[str, str]:
    events = {path: {"EventOnChange": str(int(event))} for path, event in by_path.items()}
    return {"NodeAttributeValueList": attribute_list(events)}


@dataclass
class Exchange:
    """A call that is expected, and what the device does: its out arguments, or the error that comes of it.

    Without `arguments` any will do.
    """

    action: str
    answer: Mapping[str, str] | Exception = field(default_factory=dict)
    arguments: Mapping[str, str] | None = None


def drive(plan: Plan[R], *exchanges: Exchange) -> R:
    """Carry out a plan that has to make just these calls, in this order."""
    expected = list(reversed(exchanges))

    def answer(call: ActionCall) -> ActionResult:
        assert expected, f"unexpected {call}"
        exchange = expected.pop()
        assert call.name == exchange.action, f"{call}, not {exchange.action}"
        if exchange.arguments is not None:
            assert call.arguments == exchange.arguments
        if isinstance(exchange.answer, Exception):
            raise exchange.answer
        return ActionResult(exchange.answer)

    result = drive_with(plan, answer)
    assert not expected, f"not called: {expected}"
    return result


def drive_with(plan: Plan[R], answer: Callable[[ActionCall], ActionResult]) -> R:
    """Carry out a plan with a function that answers every call."""
    try:
        call = next(plan)
        while True:
            assert isinstance(call, ActionCall)
            try:
                result = answer(call)
            except (ActionError, DeviceUnreachable) as error:
                call = plan.throw(error)
            else:
                call = plan.send(result)
    except StopIteration as done:
        returned: R = done.value
        return returned


def refusal(code: int) -> ActionError:
    return ActionError(code, "No")


TYPES: Mapping[str, Attributes] = {
    "/BBF/DeviceInfo/SoftwareVersion": Attributes(),
    "/BBF/DeviceInfo/UpTime": Attributes("unsignedInt"),
    "/BBF/Time/Enable": Attributes("boolean", writable=True),
    "/BBF/Time/NTPServer1": Attributes("string", writable=True),
    "/BBF/Hosts/HostNumberOfEntries": Attributes("unsignedInt"),
    "/BBF/Hosts/Host/": Attributes(),
    "/BBF/Hosts/Host/#/HostName": Attributes(),
    "/BBF/Hosts/Host/#/Active": Attributes("boolean"),
    "/BBF/NAT/PortMapping/": Attributes(writable=True),
    "/BBF/NAT/PortMapping/#/Enable": Attributes("boolean", writable=True),
    "/BBF/NAT/PortMapping/#/InternalPort": Attributes("unsignedInt", writable=True),
    "/UPnP/DM/DeviceInfo/PhysicalDevice/HardwareVersion": Attributes(),
}
ROWS: Mapping[str, set[int]] = {"/BBF/Hosts/Host/": {0, 3}, "/BBF/NAT/PortMapping/": {0}}
ROW_PATHS = ("/BBF/Hosts/Host/0/", "/BBF/Hosts/Host/3/", "/BBF/NAT/PortMapping/0/")
TABLES = ("/BBF/Hosts/Host/", "/BBF/NAT/PortMapping/")
VERSIONS: Mapping[str, str] = {
    "SupportedDataModelsUpdate": "1",
    "SupportedParametersUpdate": "1",
    "ConfigurationUpdate": "7",
}


def known_device(
    *,
    actions: frozenset[str] = CMS_ACTIONS,
    inform_names: Iterable[str] = (),
    settings: CmsSettings | None = None,
    data_model: DataModel | None = None,
    reporting: bool = True,
) -> KnownTree:
    """A device that was read whole, with rows 1 and 4 of Hosts, and row 1 of PortMapping."""
    known = KnownTree(actions, inform_names=inform_names, settings=settings, data_model=data_model)
    model = SupportedModel.of([TR_181, COMMON], TYPES)
    known.learn_model(model.described(TYPES), VERSIONS)
    known.learn_rows(ROWS)
    asked = known.undescribed()
    known.learn_attributes(
        asked,
        {
            path.rstrip("/"): Attributes(
                writable=path.startswith("/BBF/NAT/"), event_on_change=reporting or path not in TABLES
            )
            for path in asked
        },
    )
    known.rows_current = reporting
    known.take_changes()
    known.instances.take_changes()
    return known
