"""A CWMP endpoint: what triggers the sessions of one device, and what comes of them."""

from __future__ import annotations

import logging
import random
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from cwmp_client import schedule, trace
from cwmp_client.acs import AcsClient, AcsTarget, SessionFailed
from cwmp_client.conversation import Conversation
from cwmp_client.device_log import DeviceLog
from cwmp_client.inform import make_inform
from cwmp_client.management_server import ManagementServer
from cwmp_client.messages import CpeRequest, DeviceIdStruct, EventCode, EventStruct, ParameterValueStruct
from cwmp_client.outbox import Carried, Outbox
from cwmp_client.parameter_rpcs import ParameterRpcs
from cwmp_client.parameter_tree import ParameterTree
from cwmp_client.parameters import Journal, ParameterSource
from cwmp_client.periodic_inform import PeriodicInform
from cwmp_client.rpcs import Methods, Rpcs, Transfers
from cwmp_client.trace import SessionTrace
from cwmp_client.value_changes import ValueChanges
from cwmp_client.wake import Wake

logger = logging.getLogger(__name__)

SUCCESS = "success"

MAX_SLEEP_SECONDS = 3600.0
"""Points in time are looked at anew at least this often: the clock may have been set."""

GATHERING_SECONDS = 0.4
"""Changes of values seldom come alone: a session that is opened for them waits so long for more."""

CONNECTION_REQUEST_URL = "Device.ManagementServer.ConnectionRequestURL"


class LastSession(Struct, frozen=True):
    """When the last session ended (UTC), and how: `outcome` is "success" or the cause of the failure."""

    ended: datetime
    outcome: str


class Endpoint:
    """The CWMP endpoint of one device.

    An endpoint that has no record of an ACS is new: it starts with `0 BOOTSTRAP` and `1 BOOT`. One whose
    ManagementServer.URL is not the one that it knew starts with `0 BOOTSTRAP`.

    Args:
        device_id: who it is.
        management_server: asked before all other sources.
        sources: the device's other parameters, in order of precedence.
        journal: where it keeps what must survive a power cut.
        records: what the journal holds for this device.
        acs: the way to the ACS.
        methods: RPCs beyond those that every endpoint answers (Download, Reboot, …).
        transfers: for GetQueuedTransfers, GetAllQueuedTransfers and CancelTransfer.
        online: see the attribute.
    """

    parameters: ParameterTree
    """The device's tree."""
    last_session: LastSession | None
    """None before the first session since the start of this process."""

    def __init__(  # noqa: PLR0913 - the owner hands each part over once
        self,
        device_id: DeviceIdStruct,
        management_server: ManagementServer,
        sources: Sequence[ParameterSource],
        *,
        journal: Journal,
        records: Mapping[str, Any],
        acs: AcsClient,
        methods: Methods | None = None,
        transfers: Transfers | None = None,
        online: bool = True,
    ) -> None:
        name = "-".join(filter(None, (device_id.oui, device_id.product_class, device_id.serial_number)))
        self._name = name
        self._log = DeviceLog(logger, name)
        self._device_id = device_id
        self._management_server = management_server
        self._made_anew = any(
            records.get(name) != record for name, record in management_server.to_records().items()
        )
        self.parameters = ParameterTree((management_server, *sources), management_server, journal, records)
        self._outbox = Outbox(journal, records, self._log)
        self._changes = ValueChanges(self.parameters, self._outbox)
        rpcs = Rpcs(
            ParameterRpcs(self.parameters, management_server, self._changes),
            self._outbox,
            methods=methods if methods is not None else {},
            transfers=transfers,
            log=self._log,
        )
        self._acs = acs
        self._conversation = Conversation(acs, self._outbox, rpcs, self._log)
        self._periodic = PeriodicInform(zlib.crc32(name.encode()) / 2**32)
        self._periodic_is_held = False
        self._wake = Wake()
        self._online = online
        self._in_session = False
        self._retry_count = 0
        self._retry_is_due = False
        self._not_before = 0.0
        self._last_success = float("-inf")
        self._gathered_at = float("-inf")
        self._after_session: list[Callable[[], Awaitable[None]]] = []
        self.last_session = None
        is_new = self._outbox.acs_url is None
        self._outbox.meet(management_server.url)
        if is_new:
            self._outbox.add((EventStruct(EventCode.BOOT),))

    @property
    def online(self) -> bool:
        """Whether the device is there; if not, periodic informs are held, connection requests refused."""
        return self._online

    @online.setter
    def online(self, value: bool) -> None:
        self._online = value
        self._wake.set()

    @property
    def in_session(self) -> bool:
        """Whether a session is open."""
        return self._in_session

    @property
    def waiting(self) -> tuple[EventStruct, ...]:
        """The events not yet delivered."""
        return self._outbox.waiting

    async def run(self, start_delay_seconds: float = 0.0) -> None:
        """Run the endpoint until cancelled.

        `start_delay_seconds` holds back the first session for events that were waiting at the start.
        """
        self._compare_connection_request_url()
        self._not_before = time.monotonic() + start_delay_seconds
        while True:
            await self._next_trigger()
            await self._hold_session()
            await self._run_after_session()

    async def add_events(
        self,
        *events: EventStruct,
        requests: Sequence[CpeRequest] = (),
        records: Mapping[str, Any] | None = None,
    ) -> None:
        """Add events, and the requests (TransferComplete, …) that go with them; returns when they are saved.

        `records` are the owner's, saved in the same transaction. The events are delivered in a session as
        soon as one can be opened. Works whether or not `run` does.
        """
        new = self._outbox.add(events, requests)
        await self._outbox.save(records)
        self._trigger(new=new)

    async def value_changed(
        self, *values: ParameterValueStruct, records: Mapping[str, Any] | None = None
    ) -> None:
        """Parameters have new values, and not by this ACS; returns when what must be told of it is saved.

        Each parameter's notification attribute decides what happens: nothing, a mention in the next Inform,
        or a session with `4 VALUE CHANGE`. `records` are the owner's, saved in the same transaction.
        """
        new = self._changes.notice(values)
        await self._outbox.save(records)
        if new:
            self._gathered_at = time.monotonic() + GATHERING_SECONDS
        self._trigger(new=new)

    async def rebooted(
        self,
        *events: EventStruct,
        requests: Sequence[CpeRequest] = (),
        records: Mapping[str, Any] | None = None,
    ) -> None:
        """As `add_events`, for a device that has rebooted: first, what does not survive that is forgotten."""
        self._outbox.reboot()
        await self.add_events(*events, requests=requests, records=records)

    async def factory_reset(
        self,
        *events: EventStruct,
        requests: Sequence[CpeRequest] = (),
        records: Mapping[str, Any] | None = None,
    ) -> None:
        """As `add_events`, once all events and all that the ACS has set are forgotten; adds `0 BOOTSTRAP`."""
        self._management_server.factory_reset()
        self._outbox.factory_reset(self._management_server.url)
        self._changes.forget()
        self._outbox.add(events, requests)
        own = self._management_server.to_records() | self.parameters.factory_reset()
        await self._outbox.save({**own, **(records or {})})
        self._trigger(new=True)

    def after_each_session(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Call and await this after every session, whatever its outcome, before another one is opened."""
        self._after_session.append(callback)

    def connection_request_credentials(self) -> tuple[str, str] | None:
        """See `ConnectionRequestTarget`."""
        return self._management_server.connection_request_credentials

    def connection_request_refusal(self) -> str:
        """See `ConnectionRequestTarget`."""
        if not self._online:
            return "the device is offline"
        return "a session is open" if self._in_session else ""

    def connection_requested(self) -> None:
        """See `ConnectionRequestTarget`. The event does not survive a restart, so nothing is saved."""
        self._trigger(new=self._outbox.add((EventStruct(EventCode.CONNECTION_REQUEST),)))

    def _compare_connection_request_url(self) -> None:
        """An ACS that knows another ConnectionRequestURL is told, as its notification attribute says."""
        url, known = self._management_server.connection_request_url, self._outbox.connection_request_url
        if known is not None and known != url:
            self._changes.notice([ParameterValueStruct(CONNECTION_REQUEST_URL, url)])

    def _trigger(self, *, new: bool) -> None:
        """Wake up; a new event does not wait for the time of a retry. Source: TR-069 3.2.1.1"""
        if new:
            self._not_before = 0.0
        self._wake.set()

    async def _next_trigger(self) -> None:
        """Return when a session is to be opened."""
        while True:
            self._wake.clear()
            to_inform = self._add_due_informs()
            to_session = self._seconds_to_session()
            if to_session <= 0:
                return
            await self._wake.wait(min(to_inform, to_session, MAX_SLEEP_SECONDS))

    def _add_due_informs(self) -> float:
        """Add the events of the Informs that are due; returns the seconds until the next one is."""
        now = time.time()
        if self._periodic.take_due(self._management_server.periodic_inform, now):
            self._periodic_is_held = True
        new = self._outbox.take_due(now)
        if self._periodic_is_held and self._online:
            self._periodic_is_held = False
            new = self._outbox.add((EventStruct(EventCode.PERIODIC),)) or new
        if new:
            self._not_before = 0.0
        return min([self._periodic.next, *(due for due, _ in self._outbox.scheduled[:1])]) - now

    def _seconds_to_session(self) -> float:
        waiting = self._outbox.waiting
        if not waiting and not self._retry_is_due:
            return float("inf")
        not_before = self._not_before
        if self._retry_count == 0 and all(event.event_code == EventCode.VALUE_CHANGE for event in waiting):
            throttle = self._management_server.active_notification_throttle
            not_before = max(not_before, self._gathered_at, self._last_success + throttle)
        return not_before - time.monotonic()

    async def _hold_session(self) -> None:
        async with self._acs.places:
            self._in_session = True
            carried = self._outbox.open_session()
            told = [f"{event.event_code} {event.command_key}".strip() for event in carried.events]
            try:
                with trace.session(self._name, told, self._acs.observers) as session:
                    session.outcome = await self._try_session(carried)
            finally:
                self._outbox.close_session()
                self._in_session = False
        self._conclude(session)

    async def _try_session(self, carried: Carried) -> str:
        """Hold a session; returns what came of it."""
        try:
            await self._save_before_telling()
            inform = make_inform(
                self._device_id,
                carried,
                self._retry_count,
                self.parameters,
                self._management_server,
            )
            await self._conversation.hold(self._target(), inform, carried.requests)
        except SessionFailed as failure:
            return str(failure)
        except Exception:  # noqa: BLE001 - our mistake in one session ends no other
            self._log.exception("the session failed by a fault of ours")
            return "internal error"
        return SUCCESS

    async def _save_before_telling(self) -> None:
        """Save whatever the ACS is about to hear of, what was made for a new device included."""
        self._outbox.connection_request_url = self._management_server.connection_request_url
        await self._outbox.save(self._management_server.to_records() if self._made_anew else None)
        self._made_anew = False

    def _target(self) -> AcsTarget:
        server = self._management_server
        return AcsTarget(server.url, server.username, server.password, server.compression)

    def _conclude(self, session: SessionTrace) -> None:
        """Decide what follows a session."""
        self.last_session = LastSession(datetime.now(UTC), session.outcome)
        if session.outcome == SUCCESS:
            self._retry_count, self._retry_is_due, self._not_before = 0, False, 0.0
            self._last_success = time.monotonic()
            self._log.info("session with %s: %s", session.told, session.outcome, extra=session.log_fields)
        else:
            self._plan_retry(session)
        if self._outbox.meet(self._management_server.url):
            self._conversation.forget_version()
            self._retry_count, self._not_before = 0, 0.0

    def _plan_retry(self, session: SessionTrace) -> None:
        """A failed session is retried for the events left, and else so that the ACS can go on asking.

        Source: TR-069 3.2.1.1
        """
        self._retry_is_due = self._conversation.established or bool(self._outbox.waiting)
        if not self._retry_is_due:
            self._retry_count = 0
            self._log.warning(
                "session with %s failed: %s", session.told, session.outcome, extra=session.log_fields
            )
            return
        self._retry_count += 1
        server = self._management_server
        wait = schedule.retry_interval(
            self._retry_count,
            random.random(),  # noqa: S311 - it spreads load, and guards nothing
            server.retry_minimum_wait,
            server.retry_interval_multiplier,
        )
        self._not_before = time.monotonic() + wait
        self._log.warning(
            "session with %s failed: %s; retry %d in %.0f s",
            session.told,
            session.outcome,
            self._retry_count,
            wait,
            extra=session.log_fields,
        )

    async def _run_after_session(self) -> None:
        for callback in self._after_session:
            try:
                await callback()
            except Exception:  # noqa: BLE001 - the owner's mistake does not end the endpoint
                self._log.exception("what was to be done after the session failed")
