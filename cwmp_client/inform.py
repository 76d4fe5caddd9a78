"""What an Inform holds beside its events: values that are known without asking anyone."""

from __future__ import annotations

from datetime import datetime

from cwmp_client.aliases import Spelling
from cwmp_client.inform_parameters import FORCED_INFORM_PARAMETERS
from cwmp_client.management_server import ManagementServer
from cwmp_client.messages import UNKNOWN_TIME, DeviceIdStruct, Inform
from cwmp_client.outbox import Carried
from cwmp_client.parameter_tree import ParameterTree

CLOCK_IS_SET_FROM = 2020
"""A clock that shows an earlier year has not been set since the gateway's start."""


def make_inform(
    device_id: DeviceIdStruct,
    carried: Carried,
    retry_count: int,
    tree: ParameterTree,
    management_server: ManagementServer,
) -> Inform:
    """The Inform of a session that opens now; made of cached values only. Source: TR-069 A.3.3.1"""
    codes = [event.event_code for event in carried.events]
    names = dict.fromkeys(
        (
            *FORCED_INFORM_PARAMETERS,
            *tree.forced_inform,
            *carried.changes,
            *management_server.inform_parameters.names(codes, lambda: tree.known),
        )
    )
    values = [value for name in names if (value := tree.cached(name) or carried.changes.get(name))]
    if management_server.names_by_alias:
        spelling = Spelling(tree.aliases, by_alias=True)
        values = [value._replace(name=spelling(value.name)) for value in values]
    return Inform(
        device_id, carried.events, current_time(datetime.now().astimezone()), retry_count, tuple(values)
    )


def current_time(now: datetime) -> str:
    """Local time with its offset, or the unknown time while the clock is not set. Source: TR-069 A.3.3.1"""
    return UNKNOWN_TIME if now.year < CLOCK_IS_SET_FROM else now.isoformat(timespec="seconds")
