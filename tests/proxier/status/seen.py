"""What a status page may have to show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cwmp_client.trace import RpcTrace, SessionTrace, Steps

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def report(device_id: str = "00005E-Lamp-1", **facts: Any) -> dict[str, Any]:
    return {
        "device_id": device_id,
        "manufacturer": "Lamps",
        "udn": "uuid:1",
        "other_udns": [],
        "location": "http://192.168.1.2/description.xml",
        "services": ["CMS:2"],
        "online": True,
        "last_session": "2026-03-01T11:58:00+00:00",
        "last_session_outcome": "success",
        "pending_events": [],
        **facts,
    }


def session(*rpcs: RpcTrace, outcome: str = "success") -> SessionTrace:
    made = SessionTrace("a1b2c3d4", "00005E-Lamp-1", NOW, ("2 PERIODIC",), outcome, 0.25)
    made.rpcs.extend(rpcs)
    return made


def rpc(
    name: str = "GetParameterValues", fault_code: int = 0, steps: dict[str, Steps] | None = None
) -> RpcTrace:
    return RpcTrace(name, NOW, 0.012, fault_code, steps or {})
