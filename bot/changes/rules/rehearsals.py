"""Rules of rehearsals: whether one is fresh, and what a run proved. Pure.

A rehearsal is fresh for 90 days, if it was successful, with this version's bootstrap and guard, and at this endpoint.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters.endpoint import Endpoint
from adapters.host_clock import compute_clock_offset
from adapters.inventory import Host
from adapters.phrase import Listing, Phrase
from adapters.windows.rehearsal import RehearsalReading, identify_guard
from bot.changes.rules.trail import AuditTrail
from bot.model.rehearsal import Rehearsal
from commands.changes.rehearsal import format_rehearsal_command, group_rehearsal_steps, make_rehearsal_key
from commands.model.finding import list_some
from commands.model.plan import Plan, Result
from commands.model.plan_endpoints import NoEndpoint, find_endpoint

MAX_AGE = timedelta(days=90)
"""Age beyond which a rehearsal says nothing: Windows has had three months of updates since."""

TIMED_STEPS = {"apply": "keep/begin", "confirm": "keep/confirm", "revert": "lapse/begin", "abort": "abort/abort"}
"""Steps by the phase whose time they take."""


def find_objection(host: Host, rehearsal: Rehearsal | None, now: datetime) -> Phrase | None:
    """Finds the reason for which a host's rehearsal is not fresh; None if it is."""
    if rehearsal is None:
        return Phrase("not rehearsed yet")
    if not rehearsal.successful:
        return Phrase("the last rehearsal failed ({why})", why=rehearsal.why or Phrase("not completed"))
    if rehearsal.version != identify_guard():
        return Phrase("the bot's scripts have changed since the last rehearsal")
    if rehearsal.endpoint != _find_endpoint(host):
        return Phrase("the address or identity of the host has changed since the last rehearsal")
    if now - rehearsal.at > MAX_AGE:
        return Phrase("the last rehearsal is older than {n} days", n=MAX_AGE.days)
    return None


def describe_objections(objections: Mapping[str, Phrase]) -> tuple[Phrase, ...]:
    """Describes objections by host, each with the command that removes it; hosts with the same one share a sentence."""
    return tuple(
        Phrase(
            "the automatic rollback of {hosts} is unproven ({why}). Run {words}",
            hosts=list_some(names),
            why=why,
            words=format_rehearsal_command(names),
        )
        for why, names in _group_hosts(objections).items()
    )


def explain_refusal(objections: Mapping[str, Phrase]) -> Phrase:
    """Explains why a critical change is refused, with one command for all of its hosts."""
    return Phrase(
        "a critical change needs a fresh rehearsal of each host: {reasons}. Run {words}",
        reasons=Listing(
            tuple(Phrase("{host}: {why}", host=list_some(names), why=why) for why, names in _group_hosts(objections).items())
        ),
        words=format_rehearsal_command(tuple(objections)),
    )


def _group_hosts(objections: Mapping[str, Phrase]) -> Mapping[Phrase, list[str]]:
    """Groups hosts by objection."""
    hosts: dict[Phrase, list[str]] = {}
    for host, why in objections.items():
        hosts.setdefault(why, []).append(host)
    return hosts


def derive_rehearsal(operation: str, plan: Plan, host: str, trail: AuditTrail) -> Rehearsal | None:
    """Derives what a run proved of one host from its outcomes; None if its rehearsal did not begin."""
    steps = group_rehearsal_steps(plan).get(host, ())
    results = [trail.results[key] for key in steps if key in trail.results]
    road = next((road for road in plan.roads if (road.host, road.side) == (host, "windows")), None)
    if road is None or not results or results[0].result is Result.SKIPPED:
        return None
    failed = next((result for result in results if not result.result.successful), None)
    return Rehearsal(
        host=host,
        operation=operation,
        at=results[-1].ended_at,
        successful=failed is None and len(results) == len(steps),
        why=None if failed is None else failed.why,
        version=identify_guard(),
        endpoint=road,
        seconds=_measure_phases(host, trail),
        **_read_facts(host, trail),
    )


def is_attested(rehearsal: Rehearsal, trail: AuditTrail) -> bool:
    """Returns whether the signed outcomes of its operation show the end of a rehearsal, and not an older one."""
    last = trail.results.get(make_rehearsal_key(rehearsal.host, "tidy"))
    return last is not None and last.result.successful and last.ended_at >= rehearsal.at


def _find_endpoint(host: Host) -> Endpoint | None:
    try:
        return find_endpoint(host, "windows")
    except NoEndpoint:
        return None


def _measure_phases(host: str, trail: AuditTrail) -> Mapping[str, float]:
    found = {phase: trail.results.get(make_rehearsal_key(host, name)) for phase, name in TIMED_STEPS.items()}
    return {
        phase: round((result.ended_at - result.began_at).total_seconds(), 1)
        for phase, result in found.items()
        if result is not None and result.result.successful
    }


def _read_facts(host: str, trail: AuditTrail) -> Mapping[str, Any]:
    """Reads what the host reported; nothing if it did not come so far."""
    result = trail.results.get(make_rehearsal_key(host, "keep/measure"))
    if result is None or not result.product:
        return {}
    reading = RehearsalReading.model_validate(result.product)
    names = ("build", "powershell", "edition", "culture", "ui_culture", "account", "sddl", "arguments_length")
    took = (result.ended_at - result.began_at).total_seconds()
    offset = compute_clock_offset(reading.clock, result.ended_at, took)
    return {name: getattr(reading, name) for name in names} | {"clock_offset": round(offset, 1)}
