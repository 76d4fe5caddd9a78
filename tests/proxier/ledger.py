"""What an ACS was told, and what of it the device knows to be delivered."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from cwmp_client.messages import EventStruct
from proxier.demo.acs import EmbeddedAcs
from proxier.demo.acs_device import ReceivedInform
from proxier.demo.acs_transcript import Direction, Exchange


@dataclass(slots=True)
class Telling:
    """An Inform that the ACS took; `confirmed` when the device went on, and so has read the answer to it."""

    received: ReceivedInform
    confirmed: bool = False

    @property
    def events(self) -> tuple[EventStruct, ...]:
        return self.received.inform.event


class Ledger:
    """Every Inform of every device, in order. The embedded ACS sees to it that sessions do not overlap."""

    def __init__(self, acs: EmbeddedAcs) -> None:
        self._tellings: dict[str, list[Telling]] = defaultdict(list)
        acs.on_inform(lambda received: self._tellings[received.device_id].append(Telling(received)))
        acs.on_exchange(self._confirm)

    def of(self, device_id: str) -> list[Telling]:
        return self._tellings[device_id]

    def _confirm(self, exchange: Exchange) -> None:
        tellings = self._tellings.get(exchange.device_id)
        if tellings and exchange.direction is Direction.FROM_CPE and exchange.name != "Inform":
            tellings[-1].confirmed = True
