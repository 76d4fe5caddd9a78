"""One physical device: the UDNs under which it is on the LAN, whose services are used, who speaks to it when.

Source: TR-330 4.1.1
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TypeVar

from msgspec.structs import replace

from cwmp_client import trace
from cwmp_client.faults import CwmpFault
from proxier import plans
from proxier.control_point import ControlPoint, ProxiedDevice
from proxier.fallback_parameters import COMMON_OBJECTS
from proxier.proxied_parameters import ProxiedParameters
from translation.actions import ActionCall, ActionError, ActionResult, DeviceUnreachable, Plan, Service
from translation.bms import boot_marks, number
from translation.operations import NO_MARKS, BootMarks

R = TypeVar("R")

UP_TIMES = (
    "Device.DeviceInfo.UpTime",
    f"{COMMON_OBJECTS}UpTime",
    f"{COMMON_OBJECTS}OperatingSystem.UpTime",
)
"""Where a device may tell its UpTime in seconds; the first that it has counts. Source: TR-181, CMS"""


class PhysicalDevice:
    """A physical device, which may be absent.

    Args:
        name: what it is called where it cannot be reached.
        udn: the one by which it was first known; its BOOTID counts, as each UDN may have one of its own.
        control_point: the way to it.
    """

    def __init__(self, name: str, udn: str, control_point: ControlPoint) -> None:
        self._name = name
        self._udn = udn
        self._control_point = control_point
        self._here: dict[str, ProxiedDevice] = {}
        self._seen_in_this_run: set[str] = set()
        self._boot_id: int | None = None
        self._plans = asyncio.Lock()

    def __str__(self) -> str:
        return self._name

    # ------------------------------------------------------------------ under which UDNs it is here

    @property
    def is_here(self) -> bool:
        """Whether it is on the LAN now."""
        return bool(self._here)

    @property
    def faces(self) -> tuple[ProxiedDevice, ...]:
        """What it is seen as, one for each UDN."""
        return tuple(self._here.values())

    def here_as(self, udn: str) -> ProxiedDevice | None:
        """What it is seen as under a UDN."""
        return self._here.get(udn)

    def appear(self, device: ProxiedDevice) -> None:
        """It is here under this UDN."""
        self._here[device.udn] = device
        self._seen_in_this_run.add(device.udn)

    def restart(self, udn: str) -> bool:
        """It is said to have restarted, under this UDN; False when another UDN has told of that restart."""
        is_news = not self._seen_in_this_run or udn in self._seen_in_this_run
        if is_news:
            self._seen_in_this_run.clear()
            self._boot_id = None
        self._seen_in_this_run.add(udn)
        return is_news

    def leave(self, udn: str) -> bool:
        """It is not here any more under this UDN; False when it was not."""
        return self._here.pop(udn, None) is not None

    # ------------------------------------------------------------------ what it offers

    @property
    def services(self) -> tuple[str, ...]:
        """All of them, as `CMS:2`."""
        return tuple(sorted({str(service) for face in self.faces for service in face.services.values()}))

    def actions(self, service: Service) -> frozenset[str]:
        """What its SCPDs declare for a service."""
        provided = [face.services[service].actions for face in self.faces if service in face.services]
        return provided[0] if len(provided) == 1 else frozenset().union(*provided)

    def provider(self, service: Service) -> ProxiedDevice | None:
        """Whose service is used, where there are several."""
        for face in self._here.values():
            if service in face.services:
                return face
        return None

    def is_provided_by(self, udn: str, service: Service) -> bool:
        """Whether the service that is used is the one of this UDN."""
        provider = self.provider(service)
        return provider is not None and provider.udn == udn

    def tells_of(self, service: Service, variable: str = "") -> bool:
        """Whether the events of a service arrive, and a variable is among them."""
        face = self.provider(service)
        if face is None or not self._control_point.subscribed(face.udn, service):
            return False
        return not variable or variable in face.services[service].evented

    @property
    def telling(self) -> frozenset[Service]:
        """The services that are used and have events, by what their descriptions say."""
        providers = ((service, self.provider(service)) for service in Service)
        return frozenset(service for service, face in providers if face and face.services[service].event_url)

    # ------------------------------------------------------------------ what it is asked

    async def drive(self, plan: Plan[R]) -> R:
        """Carry out a plan, one at a time.

        Raises:
            Whatever the plan raises.
        """
        async with self._plans:
            with trace.ForDevice(self._name):
                return await plans.drive(plan, self._invoke)

    def reached(self, service: Service) -> ProxiedDevice:
        """What has the service that is used.

        Raises:
            DeviceUnreachable: it is not here.
        """
        face = self.provider(service)
        if face is None:
            raise DeviceUnreachable(f"{self._name} is offline")
        return face

    async def marks(self, face: ProxiedDevice, parameters: ProxiedParameters) -> BootMarks:
        """What tells its present run from others, now that it is seen as this.

        BOOTID costs nothing and decides. Without it the device is asked for the time in DeviceStatus, and for
        its UpTime; what it does not say is left open.

        Source: UDA 1.1 1.2.2
        """
        if face.udn != self._udn:
            return BootMarks(self._boot_id)
        self._boot_id = face.boot_id
        if face.boot_id is not None:
            return BootMarks(face.boot_id)
        marks = NO_MARKS
        with suppress(ActionError, DeviceUnreachable):
            marks = await self.drive(boot_marks())
        name = next((name for name in UP_TIMES if parameters.has(name)), None)
        if name:
            with suppress(CwmpFault):
                up_times = [number(each.value) for each in await parameters.values([name])]
                marks = replace(marks, up_time=next(iter(up_times), None))
        return marks

    def must_be_asked_for_marks(self, face: ProxiedDevice) -> bool:
        """Whether neither its BOOTID nor an event would tell of a restart without a byebye."""
        return face.udn == self._udn and face.boot_id is None and not self.tells_of(Service.BMS)

    async def _invoke(self, call: ActionCall) -> ActionResult:
        return await self._control_point.invoke(self.reached(call.service), call)
