"""What happens, counted in Prometheus' way. Only who has a status page imports this, and its library."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from cwmp_client.trace import RpcTrace, SessionTrace
from proxier.status.page import Report

CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds."""


class Metrics:
    """All metrics of a proxier; a `SessionObserver`, and with `acted` an `ActionObserver`."""

    def __init__(self, version: str) -> None:
        # When each was first counted, Prometheus knows. The library has no types for this call.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge("proxier_info", "The version.", ["version"], registry=registry).labels(version).set(1)
        self._sessions = Counter("proxier_sessions", "CWMP sessions.", ["outcome"], registry=registry)
        self._session_seconds = Histogram(
            "proxier_session_seconds", "How long CWMP sessions took.", buckets=BUCKETS, registry=registry
        )
        self._rpcs = Counter("proxier_rpcs", "RPCs of the ACS.", ["rpc", "fault"], registry=registry)
        self._rpc_seconds = Histogram(
            "proxier_rpc_seconds", "How long RPCs took.", ["rpc"], buckets=BUCKETS, registry=registry
        )
        self._actions = Counter(
            "proxier_upnp_actions", "UPnP actions called.", ["action", "outcome"], registry=registry
        )
        self._action_seconds = Histogram(
            "proxier_upnp_action_seconds",
            "How long UPnP actions took.",
            ["action"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._online = Gauge(
            "proxier_device_online", "Whether the device is there.", ["device"], registry=registry
        )
        self._waiting = Gauge(
            "proxier_device_events_waiting",
            "Events that the ACS has not taken yet.",
            ["device"],
            registry=registry,
        )
        self._last_session = Gauge(
            "proxier_device_last_session_timestamp_seconds",
            "When the last session ended.",
            ["device"],
            registry=registry,
        )

    def session_opened(self, session: SessionTrace) -> None:
        """See `SessionObserver`; it is counted when it is over."""

    def envelope(self, session: SessionTrace, body: bytes, *, sent: bool) -> None:
        """See `SessionObserver`; envelopes are not counted."""

    def rpc_answered(self, session: SessionTrace, rpc: RpcTrace) -> None:  # noqa: ARG002 - see `SessionObserver`
        """See `SessionObserver`."""
        self._rpcs.labels(rpc.name, str(rpc.fault_code)).inc()
        self._rpc_seconds.labels(rpc.name).observe(rpc.seconds or 0.0)

    def session_closed(self, session: SessionTrace) -> None:
        """See `SessionObserver`."""
        self._sessions.labels("success" if session.outcome == "success" else "failure").inc()
        self._session_seconds.observe(session.seconds or 0.0)

    def acted(self, action: str, seconds: float, failed: bool) -> None:  # noqa: FBT001 - see `ActionObserver`
        """See `ActionObserver`."""
        self._actions.labels(action, "failure" if failed else "success").inc()
        self._action_seconds.labels(action).observe(seconds)

    def exposition(self, reports: Sequence[Report]) -> bytes:
        """What Prometheus is answered."""
        for gauge in (self._online, self._waiting, self._last_session):
            gauge.clear()
        for report in reports:
            name = report["device_id"]
            self._online.labels(name).set(report["online"])
            self._waiting.labels(name).set(len(report["pending_events"]))
            if report["last_session"]:
                ended = datetime.fromisoformat(report["last_session"])
                self._last_session.labels(name).set(ended.timestamp())
        return generate_latest(self._registry)
