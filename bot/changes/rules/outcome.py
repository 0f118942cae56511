"""Computes a change's outcome from its plan and its audit trail. Pure.

all parts done, no revocation is owed ────────────────────▶ DONE, except the hosts that the plan had to leave out and owes
any step whose result is unknown ─────────────────────────▶ UNKNOWN
nothing else was done, and all that began is rolled back ─▶ UNDONE
everything else ──────────────────────────────────────────▶ FAILED, and `why` has the state of each host

While a revocation is owed, a host still accepts what was revoked. So it has not succeeded, also if a person reports that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adapters.action import BOT_NAME
from adapters.phrase import Listing, Phrase
from bot.changes.rules.trail import AuditTrail
from bot.model.change import ChangeState
from commands.model.finding import list_some
from commands.model.owed import Matter
from commands.model.plan import Part, Plan, Result, Step, StepResult

_NOT_FINISHED = Phrase("not completed")


@dataclass(frozen=True)
class ChangeOutcome:
    """Outcome of an operation; `done` and `left` are the hosts that have the change, and those where it did not begin."""

    state: ChangeState
    why: Phrase | None = None
    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def find_part(plan: Plan, key: str) -> Part:
    """Find the part to which a step belongs. Raises a `KeyError` where there is none."""
    for part in plan.parts:
        if any(step.key == key for step in part.steps):
            return part
    raise KeyError(f"the plan has no step {key}")


def has_failed_before(part: Part, key: str, trail: AuditTrail) -> bool:
    """Return whether another step of the part has failed, so that this one must not run."""
    return any(
        step.key != key and step.key in trail.results and not trail.results[step.key].result.successful
        for step in part.steps
    )


def list_steps_to_undo(part: Part, trail: AuditTrail) -> tuple[str, ...]:
    """List the steps of a part that must be rolled back, the newest first: those that may have changed something.

    A step without a rollback is among them where a check may settle its unknown result.
    """
    return tuple(step.key for step in reversed(part.steps) if step.key in trail.touched and _can_be_settled(step, trail))


def collect_results(plan: Plan, trail: AuditTrail) -> tuple[StepResult, ...]:
    """Collect the result of each step that began, in the plan's order: that of its rollback, where there was one."""
    return tuple(trail.undone.get(step.key, trail.results[step.key]) for step in plan.steps if step.key in trail.results)


def compute_outcome(operation: str, plan: Plan, trail: AuditTrail, matter: Matter = Matter.CHANGE) -> ChangeOutcome:
    """Compute the outcome of an operation that has no more steps to run. `matter` is what it owes to hosts."""
    hosts = _group_by_host(plan)
    done = list_done_hosts(plan, trail)
    left = tuple(host for host, parts in hosts.items() if not any(_has_begun(part, trail) for part in parts))
    broken = [part for part in plan.parts if _has_begun(part, trail) and not _is_done(part, trail)]
    if len(done) == len(hosts):
        return ChangeOutcome(limit_success(ChangeState.DONE, plan, matter), explain_owed(plan, matter), done, left)
    doubt = next((step for part in broken for step in part.steps if _is_doubtful(step, trail)), None)
    if doubt is not None:
        return ChangeOutcome(ChangeState.UNKNOWN, _explain_unknown(doubt, trail, f"op resolve {operation}"), done, left)
    taken_back = bool(broken) and all(_is_rolled_back(part, trail) and not _leaves_remains(part, trail) for part in broken)
    unchanged = not any(_is_done(part, trail) for part in plan.parts)
    where = Listing(tuple(_describe_hosts(done, left, hosts, trail)))
    why = Phrase("{cause}. Result: {state}", cause=_explain_cause(plan, trail), state=Phrase("{items}", items=where))
    return ChangeOutcome(ChangeState.UNDONE if taken_back and unchanged else ChangeState.FAILED, why, done, left)


def limit_success(state: ChangeState, plan: Plan, matter: Matter) -> ChangeState:
    """Return the state of an end, which is not DONE while a revocation is owed."""
    owes = matter is Matter.REVOCATION and bool(plan.owed_hosts)
    return ChangeState.FAILED if owes and state is ChangeState.DONE else state


def explain_owed(plan: Plan, matter: Matter) -> Phrase | None:
    """Explain why a revocation that is owed to hosts has not succeeded; None for all else."""
    if matter is not Matter.REVOCATION or not plan.owed_hosts:
        return None
    return Phrase("still accepted by {hosts}, where the revocation is owed", hosts=Listing(plan.owed_hosts))


def list_done_hosts(plan: Plan, trail: AuditTrail) -> tuple[str, ...]:
    """List the hosts all of whose parts are done."""
    hosts = _group_by_host(plan)
    return tuple(host for host, parts in hosts.items() if all(_is_done(part, trail) for part in parts))


def compute_unattested_outcome(operation: str, trail: AuditTrail, why: Phrase) -> ChangeOutcome:
    """Compute the outcome of an operation whose plan is not the one that was started, so that no host could be asked."""
    if not trail.begun:
        return ChangeOutcome(ChangeState.FAILED, Phrase("{why}. Nothing was changed. Submit it again", why=why))
    phrase = Phrase("{why}. Check the hosts, then report the result with {words}", why=why, words=f"op resolve {operation}")
    return ChangeOutcome(ChangeState.UNKNOWN, phrase)


def _explain_unknown(step: Step, trail: AuditTrail, words: str) -> Phrase:
    if step.key in trail.undone:
        return Phrase(
            "unknown whether this was rolled back on {host}: {step}. Check the host, then report the outcome with {words}",
            host=step.host,
            step=step.phrase,
            words=words,
        )
    return Phrase(
        "unknown whether this was executed on {host}: {step}. Check the host, then report the outcome with {words}",
        host=step.host,
        step=step.phrase,
        words=words,
    )


def _can_be_settled(step: Step, trail: AuditTrail) -> bool:
    doubtful = trail.results[step.key].result is Result.UNKNOWN
    return step.undo is not None or (doubtful and step.verify is not None)


def _is_done(part: Part, trail: AuditTrail) -> bool:
    return all(step.key in trail.results and trail.results[step.key].result.successful for step in part.steps)


def _has_begun(part: Part, trail: AuditTrail) -> bool:
    results = (trail.results.get(step.key) for step in part.steps)
    return any(came is not None and came.result is not Result.SKIPPED for came in results)


def _group_by_host(plan: Plan) -> Mapping[str, tuple[Part, ...]]:
    """Group the parts of a plan by their hosts: one that is rolled back alone is a part of its own."""
    hosts: dict[str, tuple[Part, ...]] = {}
    for part in plan.parts:
        hosts[part.host] = (*hosts.get(part.host, ()), part)
    return hosts


def _is_doubtful(step: Step, trail: AuditTrail) -> bool:
    """Return whether the result of a step, or of its rollback, is unknown, and what it leaves could do harm."""
    if step.harmless_remains:
        return False
    back, done = trail.undone.get(step.key), trail.results.get(step.key)
    if back is not None:
        return back.result is not Result.UNDONE
    return done is not None and done.result is Result.UNKNOWN


def _is_rolled_back(part: Part, trail: AuditTrail) -> bool:
    """Return whether a step of a part was rolled back. A step without a rollback belongs to one that has it, or leaves
    nothing.
    """
    return any(step.key in trail.undone for step in part.steps)


def _is_whole(part: Part, trail: AuditTrail) -> bool:
    """Return whether a part is done, or has left nothing."""
    touched = any(step.key in trail.touched for step in part.steps)
    return _is_done(part, trail) or not touched or (_is_rolled_back(part, trail) and not _leaves_remains(part, trail))


def _leaves_remains(part: Part, trail: AuditTrail) -> bool:
    """Return whether a step may have left something that harms nothing."""
    back = (trail.undone.get(step.key) for step in part.steps if step.harmless_remains)
    return any(came is not None and came.result is not Result.UNDONE for came in back)


def _explain_cause(plan: Plan, trail: AuditTrail) -> Phrase:
    """Explain why the change did not continue, or why some of its hosts do not have it."""
    causes = [cause for part in plan.parts if (cause := _explain_part(part, trail)) is not None]
    return list_some(causes) if causes else _NOT_FINISHED


def _explain_part(part: Part, trail: AuditTrail) -> Phrase | None:
    """Explain why a part did not continue; None if it did, or did not begin."""
    for step in part.steps:
        came = trail.results.get(step.key)
        if came is None or came.result.successful:
            continue
        if came.result is Result.SKIPPED and came.why is not None:
            return came.why
        host = part.host if step.host == BOT_NAME else step.host
        return Phrase("{host}: {step}: {why}", host=host, step=step.phrase, why=came.why or _NOT_FINISHED)
    return None


def _describe_hosts(
    done: tuple[str, ...], left: tuple[str, ...], hosts: Mapping[str, tuple[Part, ...]], trail: AuditTrail
) -> Iterator[Phrase]:
    """Describe the state of the hosts."""
    if done:
        yield Phrase("done on {hosts}", hosts=Listing(done))
    for host, parts in hosts.items():
        if host not in (*done, *left):
            yield _describe_broken_host(host, parts, trail)
    if left:
        yield Phrase("not started on {hosts}", hosts=Listing(left))


def _describe_broken_host(host: str, parts: tuple[Part, ...], trail: AuditTrail) -> Phrase:
    """Describe a host that is neither done nor untouched. With several parts, each may be whole, or be taken back."""
    done = sum(_is_done(part, trail) for part in parts)
    if done and all(_is_whole(part, trail) for part in parts):
        return Phrase("{host} has {n} of {total} parts of it, and no half one", host=host, n=done, total=str(len(parts)))
    if done:
        return Phrase("{host} is in an incomplete state (check it)", host=host)
    if any(_leaves_remains(part, trail) for part in parts):
        return Phrase("{host} may still have files of it, which harm nothing", host=host)
    if any(_is_rolled_back(part, trail) for part in parts):
        return Phrase("{host} is back to its previous state", host=host)
    if any(step.key in trail.touched for part in parts for step in part.steps):
        return Phrase("{host} is in an incomplete state (check it)", host=host)
    return Phrase("nothing was changed on {host}", host=host)
