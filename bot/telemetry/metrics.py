"""Metrics for Prometheus. The only importer of prometheus-client.

Labels hold words of the catalogue, exit codes, sides, kinds of failure, states and severities, and nothing else: no name
of a host or a person, no address, no typed text. So all possible labels are known
in advance, and a reader of the metrics learns nothing about the fleet but its health.
"""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from adapters.action import Place, SideName
from adapters.errors import HostError
from bot.model.alert import AlertState
from bot.model.request import ExitCode
from bot.store.condition import DatabaseCondition
from bot.telemetry.heartbeat import HeartbeatOutcome
from commands.model.finding import Severity

CONTENT_TYPE = CONTENT_TYPE_LATEST

NOT_UNDERSTOOD = "none"
"""Operation label of a request that named none."""

ANSWERED = "answered"
"""Outcome of a read that returned an answer; the other outcomes are the kinds of `HostError`."""

SIDES: tuple[SideName, ...] = ("windows", "wsl", "gateway")

ALERT_LABELS = tuple(
    (state.value, severity.value) for state in AlertState if state is not AlertState.RESOLVED for severity in Severity
)
"""States and severities of alerts that are counted."""

INCIDENT_LABELS = {"": "unknown"} | {severity.value: severity.value for severity in Severity}
"""Labels of severities of incidents; unknown is that of a damaged row."""

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0)
"""Upper bounds of the histograms: from an answer without a host to the longest deadline of a read (20 s) and beyond."""


class Metrics:
    """Metrics of one running bot, in a registry of their own. `operations` are the names that may become labels."""

    def __init__(self, version: str, operations: Iterable[str]) -> None:
        self._operations = frozenset(operations)
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "flatnet_requests", "Requests by operation and exit.", ("operation", "exit"), registry=registry
        )
        self._request_seconds = Histogram(
            "flatnet_request_seconds",
            "Seconds from the arrival of a request to its answer.",
            ("operation",),
            buckets=BUCKETS,
            registry=registry,
        )
        self._looks = Counter(
            "flatnet_host_looks", "Reads of one side of a host, by outcome.", ("side", "outcome"), registry=registry
        )
        self._look_seconds = Histogram(
            "flatnet_host_look_seconds", "Seconds that reads took.", ("side",), buckets=BUCKETS, registry=registry
        )
        self._lag = Gauge(
            "flatnet_event_loop_lag_seconds", "Longest delay of the event loop in the last minute.", registry=registry
        )
        self._ready = Gauge("flatnet_ready", "1 if a check is healthy, by check.", ("check",), registry=registry)
        self._inbox = Gauge("flatnet_inbox_unfinished", "Deliveries that are not answered yet.", registry=registry)
        self._outbox = Gauge("flatnet_outbox_messages", "Messages not confirmed by Slack.", ("state",), registry=registry)
        self._alerts = Gauge("flatnet_alerts", "Alerts that are not resolved.", ("state", "severity"), registry=registry)
        self._incidents = Gauge(
            "flatnet_incidents", "Open incidents. Private ones are not counted.", ("severity",), registry=registry
        )
        self._round_age = Gauge(
            "flatnet_watch_age_seconds", "Seconds since the watch checked every host.", registry=registry
        )
        self._overruns = Gauge(
            "flatnet_watch_overruns", "Checks of the watch that took longer than the interval.", registry=registry
        )
        self._heartbeats = Counter("flatnet_heartbeats", "Heartbeats by outcome.", ("outcome",), registry=registry)
        self._leading = Gauge("flatnet_leading", "1 if this copy of the bot leads.", registry=registry)
        self._term = Gauge("flatnet_term", "Number of the lead of this copy; 0 without one.", registry=registry)
        self._takeovers = Counter("flatnet_takeovers", "Leads that this copy took after it had stood by.", registry=registry)
        self._audit = Gauge("flatnet_audit_events", "Number of the newest audit event.", registry=registry)
        Gauge("flatnet_build_info", "1, with the version.", ("version",), registry=registry).labels(version).set(1)
        self._initialize_series()

    def count_request(self, operation: str, ended: ExitCode, seconds: float) -> None:
        """Count an answered request; `operation` is its words, or "" if it named none."""
        known = operation if operation in self._operations else NOT_UNDERSTOOD
        self._requests.labels(known, ended.name.lower()).inc()
        self._request_seconds.labels(known).observe(seconds)

    def count_read(self, side: Place, failure: HostError | None, seconds: float) -> None:
        """Count a finished read of one side of a host."""
        self._looks.labels(side, ANSWERED if failure is None else failure.kind).inc()
        self._look_seconds.labels(side).observe(seconds)

    def record_lag(self, seconds: float) -> None:
        """Record the event loop's longest stall of the last minute."""
        self._lag.set(seconds)

    def record_check(self, check: str, *, well: bool) -> None:
        """Record the result of a check."""
        self._ready.labels(check).set(well)

    def forget_checks(self) -> None:
        """Forget the results of the checks: others come."""
        self._ready.clear()

    def record_lead(self, term: int, *, taken_over: bool) -> None:
        """Record that this copy leads. `taken_over`: it stood by before."""
        self._leading.set(1)
        self._term.set(term)
        self._takeovers.inc(int(taken_over))

    def count_heartbeat(self, outcome: HeartbeatOutcome) -> None:
        """Count a heartbeat that was sent, failed or withheld."""
        self._heartbeats.labels(outcome.value).inc()

    def record_condition(self, condition: DatabaseCondition) -> None:
        """Record the counts of rows in the database."""
        self._inbox.set(condition.inbox_unfinished)
        self._outbox.labels("waiting").set(condition.outbox_waiting)
        self._outbox.labels("undeliverable").set(condition.outbox_undeliverable)
        self._audit.set(condition.audit_events)
        for state, severity in ALERT_LABELS:
            self._alerts.labels(state, severity).set(condition.alerts.get((state, severity), 0))

    def record_incidents(self, counts: Mapping[str, int]) -> None:
        """Record the number of incidents that everyone may know of, by severity: "" for none."""
        for severity, label in INCIDENT_LABELS.items():
            self._incidents.labels(label).set(counts.get(severity, 0))

    def record_watch(self, round_age: float, overruns: int) -> None:
        """Record the seconds since the last whole round of the watch, and the number of checks that took too long."""
        self._round_age.set(round_age)
        self._overruns.set(overruns)

    def render(self) -> bytes:
        """Render all metrics in Prometheus' format (`CONTENT_TYPE`)."""
        return generate_latest(self._registry)

    def _initialize_series(self) -> None:
        """Create every series at zero, so that the first failure is visible as an increase."""
        for operation in (*self._operations, NOT_UNDERSTOOD):
            self._request_seconds.labels(operation)
            for ended in ExitCode:
                self._requests.labels(operation, ended.name.lower())
        for state, severity in ALERT_LABELS:
            self._alerts.labels(state, severity)
        for label in INCIDENT_LABELS.values():
            self._incidents.labels(label)
        for heartbeat in HeartbeatOutcome:
            self._heartbeats.labels(heartbeat.value)
        for side in SIDES:
            self._look_seconds.labels(side)
            for outcome in (ANSWERED, *(kind.kind for kind in HostError.__subclasses__())):
                self._looks.labels(side, outcome)
