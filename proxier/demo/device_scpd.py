"""The description of the simulated device and the SCPDs of its services. Source: UDA 1.1, 2.3 and 2.5"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from proxier.demo.device_profile import DeviceProfile
from proxier.demo.device_services import SERVICE_TABLES, Action, ServiceTable, Variable

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'


@dataclass(frozen=True, slots=True)
class OfferedService:
    """A service as one device offers it: what its SCPD says."""

    table: ServiceTable
    version: int
    actions: Mapping[str, Action]
    variables: Mapping[str, Variable]
    eventing: bool

    @property
    def name(self) -> str:
        """The name in the service type, such as `BasicManagement`."""
        return self.table.name

    @property
    def service_type(self) -> str:
        """The service type with this device's version."""
        return f"urn:schemas-upnp-org:service:{self.name}:{self.version}"

    @property
    def evented(self) -> frozenset[str]:
        """The names of the evented variables."""
        return frozenset(name for name, variable in self.variables.items() if variable.evented)


def offered_services(profile: DeviceProfile) -> dict[str, OfferedService]:
    """The services of a device, by name, without what its profile leaves out."""
    offered = (
        _offered(table, profile) for table in SERVICE_TABLES if table.name not in profile.without_services
    )
    return {service.name: service for service in offered}


def _offered(table: ServiceTable, profile: DeviceProfile) -> OfferedService:
    of_version = [action for action in table.actions if action.since <= profile.version <= action.until]
    actions = {action.name: action for action in of_version if action.name not in profile.without_actions}
    used = _related(actions.values())
    unused = _related(of_version) - used
    variables = {
        variable.name: variable
        for variable in table.variables
        if variable.since <= profile.version <= variable.until
        and (variable.name in used or (variable.evented and variable.name not in unused))
    }
    return OfferedService(table, profile.version, actions, variables, profile.eventing)


def _related(actions: Iterable[Action]) -> set[str]:
    return {variable for action in actions for _, variable in action.inputs + action.outputs}


def scpd(service: OfferedService) -> str:
    """The SCPD of a service."""
    actions = "".join(map(_action, service.actions.values()))
    variables = "".join(
        _variable(v, evented=v.evented and service.eventing) for v in service.variables.values()
    )
    return (
        f'{DECLARATION}<scpd xmlns="urn:schemas-upnp-org:service-1-0">{_SPEC_VERSION}'
        f"<actionList>{actions}</actionList><serviceStateTable>{variables}</serviceStateTable></scpd>"
    )


_SPEC_VERSION = "<specVersion><major>1</major><minor>1</minor></specVersion>"


def _action(action: Action) -> str:
    arguments = "".join(
        f"<argument><name>{name}</name><direction>{direction}</direction>"
        f"<relatedStateVariable>{variable}</relatedStateVariable></argument>"
        for direction, group in (("in", action.inputs), ("out", action.outputs))
        for name, variable in group
    )
    argument_list = f"<argumentList>{arguments}</argumentList>" if arguments else ""
    return f"<action><name>{action.name}</name>{argument_list}</action>"


def _variable(variable: Variable, *, evented: bool) -> str:
    allowed = "".join(f"<allowedValue>{value}</allowedValue>" for value in variable.allowed)
    constraint = f"<allowedValueList>{allowed}</allowedValueList>" if allowed else ""
    if variable.maximum is not None:
        bounds = f"<minimum>0</minimum><maximum>{variable.maximum}</maximum>"
        constraint = f"<allowedValueRange>{bounds}</allowedValueRange>"
    return (
        f'<stateVariable sendEvents="{"yes" if evented else "no"}"><name>{variable.name}</name>'
        f"<dataType>{variable.data_type}</dataType>{constraint}</stateVariable>"
    )


def description(profile: DeviceProfile, services: Iterable[OfferedService]) -> str:
    """The device description."""
    device = _device(profile, services)
    if profile.embedded:
        device = (
            f"<device><deviceType>{profile.root_type}</deviceType>"
            f"<friendlyName>{escape(profile.friendly_name)} box</friendlyName>"
            f"<manufacturer>{escape(profile.manufacturer)}</manufacturer>"
            f"<modelName>{escape(profile.model_name)} box</modelName><UDN>{profile.root_udn}</UDN>"
            f"<deviceList>{device}</deviceList></device>"
        )
    config = f' configId="{profile.config_id}"' if profile.boot_headers else ""
    return (
        f'{DECLARATION}<root xmlns="urn:schemas-upnp-org:device-1-0"{config}>{_SPEC_VERSION}{device}</root>'
    )


def _device(profile: DeviceProfile, services: Iterable[OfferedService]) -> str:
    return (
        f"<device><deviceType>{profile.device_type}</deviceType>"
        f"<friendlyName>{escape(profile.friendly_name)}</friendlyName>"
        f"<manufacturer>{escape(profile.manufacturer)}</manufacturer>"
        f"<modelDescription>A simulated device of the CPE Proxier</modelDescription>"
        f"<modelName>{escape(profile.model_name)}</modelName>"
        f"<modelNumber>{profile.version}</modelNumber>"
        f"<serialNumber>{escape(profile.serial)}</serialNumber>"
        f"<UDN>{profile.udn}</UDN>"
        f"<serviceList>{''.join(map(_service, services))}</serviceList></device>"
    )


def _service(service: OfferedService) -> str:
    event_url = f"/event/{service.name}" if service.eventing else ""
    return (
        f"<service><serviceType>{service.service_type}</serviceType>"
        f"<serviceId>urn:upnp-org:serviceId:{service.name}</serviceId>"
        f"<SCPDURL>/scpd/{service.name}.xml</SCPDURL><controlURL>/control/{service.name}</controlURL>"
        f"<eventSubURL>{event_url}</eventSubURL></service>"
    )
