"""The composition root of `proxier run`: what is made once, who is told of what, and how it all ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext

from cwmp_client.acs import AcsClient
from cwmp_client.acs import AcsSettings as HttpSettings
from cwmp_client.connection_request import ConnectionRequestListener
from cwmp_client.management_server import ManagementServerDefaults
from cwmp_client.transport import LineTransport, Tls
from proxier import __version__, systemd
from proxier.control_point import ControlPoint
from proxier.control_socket import Command, serve, socket_path
from proxier.data_models import DataModels
from proxier.device_commands import Report
from proxier.errors import ProxierError, why_not_listening
from proxier.gateway import Gateway, identify
from proxier.proxier import Proxier
from proxier.relay import Relay
from proxier.settings import Settings
from proxier.store import GATEWAY, Store
from proxier.traces import Traces, trace_command
from proxier.transfer import FileTransfers
from proxier.virtual_device import House

OBJECTS_BETWEEN_LOOKS = 10_000
"""For the garbage collector during the start, which makes nearly nothing but what stays."""

_PORT = "connection_request_port"

logger = logging.getLogger(__name__)


class CannotListen(ProxierError):
    """An address or port of the configuration cannot be listened on."""


async def run(settings: Settings) -> None:
    """Run the proxier until SIGTERM or SIGINT.

    Raises:
        ProxierError: something that it needs cannot be had; the text names it.
    """
    stop = _stopped_by_signal()
    usual = gc.get_threshold()
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS)
    async with running(settings):
        gc.freeze()
        gc.set_threshold(*usual)
        logger.info("ready: ACS %s, database %s", settings.acs.url, settings.storage.path)
        systemd.notify("READY=1")
        async with systemd.watchdog():
            await stop.wait()
        systemd.notify("STOPPING=1")
        logger.info("stopping")


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Proxier]:
    """A proxier that runs for as long as the context lasts; entered when all is listening.

    Raises:
        ProxierError: something that it needs cannot be had; the text names it.
    """
    commands: dict[str, Command] = {}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serve(socket_path(settings.storage.path), commands))
        store = await stack.enter_async_context(await Store.open(settings.storage.url))
        http = _http_settings(settings)
        tls = Tls(http)
        acs = AcsClient(http, lambda: LineTransport(http, tls))
        traces = Traces()
        acs.observers.append(traces)
        stack.push_async_callback(acs.close)
        listener = await _listen(settings, store)
        stack.push_async_callback(listener.close)
        defaults = _defaults(settings)
        identity = await identify(settings.identity, store)
        gateway = None
        if settings.identity.enable:
            gateway = Gateway(identity, defaults, acs, store, await store.records(GATEWAY))
        firmware = settings.firmware
        relay = Relay(http, tls, largest=firmware.largest_image, seconds=firmware.time_out)
        stack.push_async_callback(relay.close)
        data_models = await DataModels.load(settings.data_models, store)
        house = House(
            store,
            acs,
            FileTransfers(http, tls),
            relay,
            defaults,
            identity,
            settings.upnp.search_interval,
            data_models,
            firmware,
            settings.devices,
        )
        tasks = await stack.enter_async_context(_cancelled_at_exit())
        proxier = Proxier(settings, house, listener, gateway, tasks)
        answers = proxier.commands()

        async def reports() -> list[Report]:
            return [*([gateway.report()] if gateway else []), *await answers["devices"]()]

        page: AbstractAsyncContextManager[object] = nullcontext()
        if settings.status.port:
            page = _status_page(settings, acs, proxier.control_point, reports, traces, store)
        await proxier.restore()
        commands.update({**answers, "trace": trace_command(traces, reports)})
        await stack.enter_async_context(proxier.control_point)
        stack.push_async_callback(proxier.close)
        await stack.enter_async_context(page)
        yield proxier


async def _listen(settings: Settings, store: Store) -> ConnectionRequestListener:
    """Open the listener; a port that the configuration leaves open is the same at every start."""
    wanted = settings.connection_request
    kept = 0 if wanted.port else await store.meta(_PORT) or 0
    listener = ConnectionRequestListener(wanted.host, wanted.port or kept)
    try:
        await listener.start()
    except OSError as error:
        if not kept:
            raise CannotListen(
                f"connection_request: cannot listen on {wanted.host} port {wanted.port}: "
                f"{why_not_listening(error)}"
            ) from error
        logger.warning(
            "port %d, kept for connection requests, is taken; another one is used from now on", kept
        )
        listener = ConnectionRequestListener(wanted.host, 0)
        await listener.start()
    if not wanted.port:
        await store.set_meta(_PORT, listener.port)
    return listener


def _status_page(
    settings: Settings,
    acs: AcsClient,
    control_point: ControlPoint,
    reports: Command,
    traces: Traces,
    store: Store,
) -> AbstractAsyncContextManager[object]:
    """The server of the status page, which has not begun to listen, and what it counts."""
    from proxier.status.metrics import Metrics  # noqa: PLC0415 - a gateway has little memory, and few look
    from proxier.status.server import StatusServer, StatusSource  # noqa: PLC0415 - as above

    metrics = Metrics(__version__)
    acs.observers.append(metrics)
    control_point.action_observers.append(metrics.acted)
    source = StatusSource(settings.acs.url, reports, traces.of, store.check)
    return StatusServer(settings.status, source, metrics)


@asynccontextmanager
async def _cancelled_at_exit() -> AsyncIterator[asyncio.TaskGroup]:
    """A group of tasks that are cancelled at the end of the context, rather than waited for."""
    group: asyncio.Future[asyncio.TaskGroup] = asyncio.get_running_loop().create_future()

    async def hold() -> None:
        async with asyncio.TaskGroup() as tasks:
            group.set_result(tasks)
            await asyncio.Event().wait()

    failure: ProxierError | None = None
    async with asyncio.TaskGroup() as outer:
        holder = outer.create_task(hold())
        try:
            yield await group
        except ProxierError as error:
            failure = error  # told as it is, not as one of a group
        finally:
            holder.cancel()
    if failure:
        raise failure


def _stopped_by_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _http_settings(settings: Settings) -> HttpSettings:
    acs = settings.acs
    return HttpSettings(
        request_timeout_seconds=acs.request_timeout,
        ca_file=acs.ca_file,
        client_certificate=acs.client_certificate,
        client_key=acs.client_key,
        allow_basic_without_tls=acs.allow_basic_without_tls,
        max_sessions=acs.max_sessions,
    )


def _defaults(settings: Settings) -> ManagementServerDefaults:
    acs = settings.acs
    return ManagementServerDefaults(
        url=acs.url,
        username=acs.username,
        password=acs.password,
        periodic_inform_enable=acs.periodic_inform_enable,
        periodic_inform_interval=acs.periodic_inform_interval,
        retry_minimum_wait=acs.retry_minimum_wait,
        retry_interval_multiplier=acs.retry_interval_multiplier,
        connection_request_username=settings.connection_request.username,
        connection_request_password=settings.connection_request.password,
    )
