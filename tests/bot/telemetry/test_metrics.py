"""What is counted: every label is known beforehand, and none can name a host or a person."""

import re

import pytest

from adapters.errors import AuthenticationFailed, HostError, Unreachable
from adapters.phrase import Phrase
from bot.model.request import ExitCode
from bot.store.condition import DatabaseCondition
from bot.telemetry.heartbeat import HeartbeatOutcome
from bot.telemetry.metrics import ANSWERED, SIDES, Metrics

OPERATIONS = ("health", "host")


@pytest.fixture
def measures() -> Metrics:
    return Metrics("1.2.3", OPERATIONS)


def samples(measures: Metrics) -> dict[str, float]:
    """Every sample by its name and labels, as Prometheus reads them."""
    lines = (line for line in measures.render().decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_requests_are_counted_by_operation_and_exit(measures: Metrics) -> None:
    measures.count_request("health", ExitCode.FINDINGS, 0.3)
    measures.count_request("health", ExitCode.FINDINGS, 2.0)
    counted = samples(measures)
    assert counted['flatnet_requests_total{exit="findings",operation="health"}'] == 2.0
    assert counted['flatnet_request_seconds_count{operation="health"}'] == 2.0
    assert counted['flatnet_request_seconds_bucket{le="0.5",operation="health"}'] == 1.0


@pytest.mark.parametrize("typed", ["", "host-b", 'x"} 1\nflatnet_ready 1', "health host-b", "あ" * 10_000])
def test_what_is_no_operation_of_the_catalogue_never_becomes_a_label(measures: Metrics, typed: str) -> None:
    """Whatever is handed in: the number of series does not grow, and typed text is not shown."""
    before = samples(measures).keys()
    measures.count_request(typed, ExitCode.USAGE, 0.0)
    counted = samples(measures)
    assert before == counted.keys()
    assert counted['flatnet_requests_total{exit="usage",operation="none"}'] == 1.0


def test_looks_are_counted_by_side_and_kind_of_failure(measures: Metrics) -> None:
    measures.count_read("windows", None, 0.2)
    measures.count_read("wsl", Unreachable(Phrase("nothing answers at {where}", where="host-b:22")), 8.0)
    measures.count_read("wsl", AuthenticationFailed(Phrase("refused")), 0.1)
    counted = samples(measures)
    assert counted['flatnet_host_looks_total{outcome="answered",side="windows"}'] == 1.0
    assert counted['flatnet_host_looks_total{outcome="unreachable",side="wsl"}'] == 1.0
    assert counted['flatnet_host_looks_total{outcome="authentication",side="wsl"}'] == 1.0
    assert "host-b" not in measures.render().decode()


def test_every_side_and_every_kind_of_failure_is_there_from_the_beginning(measures: Metrics) -> None:
    """So that the first failure is a rise, which an alert sees."""
    kinds = {ANSWERED, *(kind.kind for kind in HostError.__subclasses__())}
    wanted = {f'flatnet_host_looks_total{{outcome="{kind}",side="{side}"}}' for kind in kinds for side in SIDES}
    assert set() == wanted - samples(measures).keys()


def test_the_database_s_rows_are_shown_as_they_were_counted(measures: Metrics) -> None:
    measures.record_condition(
        DatabaseCondition(inbox_unfinished=1, outbox_waiting=2, outbox_undeliverable=3, audit_events=4)
    )
    counted = samples(measures)
    assert 1.0 == counted["flatnet_inbox_unfinished"]
    assert 2.0 == counted['flatnet_outbox_messages{state="waiting"}']
    assert 3.0 == counted['flatnet_outbox_messages{state="undeliverable"}']
    assert 4.0 == counted["flatnet_audit_events"]


def test_every_state_and_severity_of_alerts_is_there_from_the_beginning(measures: Metrics) -> None:
    """Resolved alerts are not counted: they would only become more."""
    wanted = {
        f'flatnet_alerts{{severity="{severity}",state="{state}"}}': 0.0
        for state in ("pending", "firing", "acknowledged")
        for severity in ("low", "medium", "high", "critical")
    }
    counted = samples(measures)
    assert wanted == {name: value for name, value in counted.items() if name.startswith("flatnet_alerts{")}


def test_alerts_are_counted_by_state_and_severity_and_a_count_that_is_gone_is_zero(measures: Metrics) -> None:
    one, other = 'flatnet_alerts{severity="high",state="firing"}', 'flatnet_alerts{severity="low",state="acknowledged"}'
    measures.record_condition(DatabaseCondition(0, 0, 0, 0, {("firing", "high"): 2}))
    assert (2.0, 0.0) == (samples(measures)[one], samples(measures)[other])
    measures.record_condition(DatabaseCondition(0, 0, 0, 0, {("acknowledged", "low"): 1}))
    assert (0.0, 1.0) == (samples(measures)[one], samples(measures)[other])


def test_open_incidents_are_counted_by_severity_from_zero(measures: Metrics) -> None:
    def count() -> dict[str, float]:
        found = {name: value for name, value in samples(measures).items() if name.startswith("flatnet_incidents{")}
        return {name.split('"')[1]: value for name, value in found.items()}

    assert dict.fromkeys(("critical", "high", "medium", "low", "unknown"), 0.0) == count()
    measures.record_incidents({"critical": 2, "": 1})
    assert {"critical": 2.0, "high": 0.0, "medium": 0.0, "low": 0.0, "unknown": 1.0} == count()


def test_heartbeats_are_counted_by_outcome_from_zero(measures: Metrics) -> None:
    measures.count_heartbeat(HeartbeatOutcome.WITHHELD)
    counted = samples(measures)
    assert [0.0, 0.0, 1.0] == [
        counted[f'flatnet_heartbeats_total{{outcome="{outcome}"}}'] for outcome in ("sent", "failed", "withheld")
    ]


def test_lag_checks_version_and_the_process_are_shown(measures: Metrics) -> None:
    measures.record_lag(0.25)
    measures.record_check("slack", well=False)
    counted = samples(measures)
    assert 0.25 == counted["flatnet_event_loop_lag_seconds"]
    assert 0.0 == counted['flatnet_ready{check="slack"}']
    assert 1.0 == counted['flatnet_build_info{version="1.2.3"}']
    assert counted["process_resident_memory_bytes"] > 0


def test_two_bots_in_one_process_count_apart(measures: Metrics) -> None:
    """There is no registry for all."""
    other = Metrics("1.2.3", OPERATIONS)
    other.count_request("host", ExitCode.WELL, 0.1)
    assert samples(measures)['flatnet_requests_total{exit="well",operation="host"}'] == 0.0


def test_labels_are_a_closed_list(measures: Metrics) -> None:
    """Whoever adds a label thinks about who reads it."""
    labels = set(re.findall(r'[{,](\w+)="', measures.render().decode()))
    assert labels <= {"operation", "exit", "side", "outcome", "check", "state", "severity", "version", "le"}
