"""What an ACS, devices and operators do for two minutes, at random."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from cwmp_client.messages import (
    AcsRequest,
    EventCode,
    GetParameterAttributes,
    GetParameterNames,
    GetParameterValues,
    GetRPCMethods,
    ParameterValueStruct,
    ScheduleInform,
    SetParameterAttributes,
    SetParameterAttributesStruct,
    SetParameterValues,
)
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import AcsDevice, AcsFault, ReceivedInform
from proxier.demo.acs_misbehaviour import (
    Chunked,
    Close,
    Cut,
    Delay,
    Drop,
    EmptySuccess,
    FaultAnswer,
    Garbage,
    Hold,
    Misbehaviour,
    Redirect,
    Status,
)
from proxier.demo.device import SimulatedDevice
from tests.soak.books import UPNP_WATCHED, WATCHED, Books, now

REQUEST_TIMEOUT_SECONDS = 3.0
"""The proxier's patience with its ACS."""

MOODS: tuple[Misbehaviour, ...] = (
    Drop(),
    Drop(taken=True),
    Cut(),
    Delay(0.3),
    Delay(REQUEST_TIMEOUT_SECONDS + 1),
    Status(503),
    Status(500),
    Redirect(302),
    Redirect(307),
    Garbage(),
    Garbage(b"<html>busy</html>", "text/html"),
    FaultAnswer(8005),
    FaultAnswer(8002, "Internal error"),
    Close(),
    Close(announced=False),
    Chunked(),
    EmptySuccess(),
    Hold(),
)
WATCH = SetParameterAttributes(
    (SetParameterAttributesStruct(WATCHED, notification_change=True, notification=2),)
)
SET, UPNP_SET = "Device.Time.NTPServer2", "/BBF/Time/NTPServer2"
OPERATORS = 4


@dataclass
class Chaos:
    """Everybody who has a part in it; `seed` makes their choices, though not their times, repeatable."""

    acs: EmbeddedAcs
    devices: Mapping[str, SimulatedDevice]
    books: Books
    seed: int
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._number = 0
        self._watching: set[asyncio.Task[None]] = set()
        self.acs.random = random.Random(self.seed)
        self.acs.on_inform(self._watch_new)

    async def rage(self, seconds: float) -> None:
        """Go on for so long; then the ACS behaves, each device is there, and has a last change to tell of."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        parts = [self._moods(end), self._restarts(end)]
        parts += [self._life(device_id, end) for device_id in self.devices]
        parts += [self._operate(number, end) for number in range(OPERATORS)]
        async with asyncio.TaskGroup() as tasks:
            for part in parts:
                tasks.create_task(part)
        self.acs.behave()
        for device in self.devices.values():
            device.behave()
        await asyncio.gather(*self._watching)
        for _ in range(2):  # the second one shows when the first, or one before it, got lost on its way
            await asyncio.sleep(1)
            for device_id in self.devices:
                await self._change(device_id)

    # ---- the ACS ----

    async def _moods(self, end: float) -> None:
        chance = random.Random(f"{self.seed} moods")
        while await _pause(chance.uniform(1, 3), end):
            self.acs.behave()
            for mood in chance.sample(MOODS, 4):
                self.acs.misbehave(mood, times=None, chance=chance.uniform(0.02, 0.15))

    async def _restarts(self, end: float) -> None:
        chance = random.Random(f"{self.seed} restarts")
        while await _pause(chance.uniform(10, 20), end):
            await self.acs.stop()
            await asyncio.sleep(chance.uniform(0, 2))
            await self.acs.start()
            self.counts["ACS restarts"] += 1

    # ---- devices ----

    async def _life(self, device_id: str, end: float) -> None:
        chance = random.Random(f"{self.seed} {device_id}")
        device, book = self.devices[device_id], self.books.of(device_id)
        await asyncio.sleep(chance.uniform(0, 5))
        book.resets.append(now())
        book.boots.append(now())
        await device.power_on()
        acts: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (8, lambda: self._change(device_id)),
            (2, lambda: self._restart(device_id, device.reboot(chance.uniform(0, 3)))),
            (1, lambda: self._restart(device_id, device.power_cut(chance.uniform(0, 3)))),
            (1, lambda: self._reset(device_id)),
            (2, lambda: self._leave(device, chance.uniform(0, 8))),
            (1, device.update),
            (1, device.forget_subscriptions),
            (1, lambda: self._stumble(device_id, chance)),
        ]
        weights = [weight for weight, _ in acts]
        while await _pause(chance.expovariate(1 / 6), end):
            [(_, act)] = chance.choices(acts, weights)
            await act()

    async def _change(self, device_id: str) -> None:
        self._number += 1
        value = f"change {self._number}"
        self.books.of(device_id).changes.append(value)
        self.devices[device_id].change(UPNP_WATCHED, value)
        self.counts["changes"] += 1

    async def _restart(self, device_id: str, restarting: Awaitable[None]) -> None:
        await restarting
        self.books.of(device_id).boots.append(self.devices[device_id].history.times("power on")[-1])
        self.counts["restarts"] += 1

    async def _reset(self, device_id: str) -> None:
        device, book = self.devices[device_id], self.books.of(device_id)
        await device.baseline_reset(0.5)
        back = device.history.times("power on")[-1]
        book.boots.append(back)
        book.resets.append(back)
        self.counts["resets"] += 1

    async def _leave(self, device: SimulatedDevice, seconds: float) -> None:
        await device.byebye()
        await asyncio.sleep(seconds)
        await device.alive()
        self.counts["byebyes"] += 1

    async def _stumble(self, device_id: str, chance: random.Random) -> None:
        """Answer badly once, or lose an event."""
        device = self.devices[device_id]
        action = chance.choice(("GetValues", "SetValues", "GetInstances", "GetAttributes", "SUBSCRIBE"))
        match chance.randrange(4):
            case 0:
                device.hang(action, chance.uniform(0.5, 4))
            case 1:
                device.drop(action)
            case 2:
                device.answer(action, 500, b"oops")
            case _:
                device.lose_events()
                await self._change(device_id)
        self.counts["stumbles"] += 1

    # ---- operators ----

    def _watch_new(self, received: ReceivedInform) -> None:
        if EventCode.BOOTSTRAP in received.events and received.device_id in self.devices:
            task = asyncio.create_task(self._watch(received.device_id))
            self._watching.add(task)
            task.add_done_callback(self._watching.discard)

    async def _watch(self, device_id: str) -> None:
        """Ask for notification of the watched parameter, until that is granted."""
        while True:
            if await self._ask(self.acs.devices[device_id], WATCH):
                return
            await asyncio.sleep(1)

    async def _operate(self, number: int, end: float) -> None:
        chance = random.Random(f"{self.seed} operator {number}")
        while await _pause(chance.uniform(0, 0.5), end):
            known = sorted(self.acs.devices.keys() & self.devices.keys())
            if not known:
                continue
            device = self.acs.devices[chance.choice(known)]
            match chance.randrange(8):
                case 0:
                    await self._schedule(device, chance.randint(1, 5))
                case 1:
                    await self._set(device)
                case 2:
                    await self._ask(device, GetRPCMethods())
                case 3:
                    await self._ask(device, GetParameterNames("Device.", next_level=False))
                case 4:
                    await self._ask(device, GetParameterAttributes(("Device.Time.",)))
                case _:
                    await self._ask(device, GetParameterValues(("Device.",)))

    async def _schedule(self, device: AcsDevice, seconds: int) -> None:
        self._number += 1
        key = f"soak {self._number}"
        if await self._ask(device, ScheduleInform(seconds, key)):
            self.books.of(device.device_id).scheduled[key] = now()

    async def _set(self, device: AcsDevice) -> None:
        self._number += 1
        value = f"set {self._number}"
        await self._ask(device, SetParameterValues((ParameterValueStruct(SET, value),), value))

    async def _ask(self, device: AcsDevice, request: AcsRequest) -> bool:
        """Ask; returns whether there was an answer, and no fault."""
        try:
            await device.request(request, timeout=20)
        except AcsFault as fault:
            self.counts[f"RPCs with fault {fault.code}"] += 1
        except TimeoutError:
            self.counts["RPCs given up"] += 1
        else:
            self.counts["RPCs answered"] += 1
            return True
        return False


async def _pause(seconds: float, end: float) -> bool:
    """Wait, but not past the end; returns whether there is time left."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(max(0.0, min(seconds, end - loop.time())))
    return loop.time() < end
