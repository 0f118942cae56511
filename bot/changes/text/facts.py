"""Facts of a change besides its steps, in one language: disruptions, rollback, approvers. Pure.

Facts that matter only to approvers disappear when the change has ended. Nothing is escaped yet.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapters.phrase import Listing, Moment, Phrase, Texts, render_value
from bot.model.change import Approval, Change, ChangeState
from commands.backups.create_steps import is_backup_step
from commands.changes.evidence import describe_doubts, describe_proofs
from commands.changes.host_plan import Situation, find_situation
from commands.changes.rehearsal import group_rehearsal_steps
from commands.model.finding import list_some
from commands.model.operation import Risk
from commands.model.plan import Plan, Result

SHOW_COMMANDS = ("op show ", "approval show ")
"""Commands that show one change in full, wherever its card stands."""

_MAX_NAMED_HOSTS = 6
"""Maximum number of changed hosts that are named. More are counted."""

_REPORTED = {ChangeState.DONE: Result.DONE, ChangeState.UNDONE: Result.UNDONE}
"""Result of an unknown step, by the state that a person reported. Of one reported as failed, nothing is known."""

_LabeledItems = tuple[Phrase, Sequence[Phrase | Moment | Listing | str]]
"""A label, and the items after it."""


@dataclass(frozen=True)
class Fact:
    """One fact: a label, and one or several sentences."""

    label: str
    items: tuple[str, ...]


def is_wanted_in_full(words: str, change: Change) -> bool:
    """Returns whether the answer to these words shows the whole plan: they ask for it, or a dry run has no card."""
    return change.dry_run or words.startswith(SHOW_COMMANDS)


def is_still_open(change: Change) -> bool:
    """Returns whether a decision on the change is still possible."""
    return change.dry_run or not change.state.ended


def describe_summary(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes what stands above the plan where there is no card: situation, request, dangers, approvers."""
    return (
        *describe_situation(change, texts),
        *describe_request(change, texts),
        *describe_dangers(change, texts),
        *describe_deciders(change, texts),
    )


def describe_request(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes requester and reason, the reason to wait, and a request to stop."""
    return _render_facts(_list_request_facts(change), texts)


def describe_waiting(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the reason to wait, and a request to stop."""
    return _render_facts(_list_waiting_facts(change), texts)


def describe_reach(change: Change, texts: Texts) -> tuple[str, ...]:
    """Describes the reach beyond a few hosts, while a decision is possible: all of them, or the lighthouse."""
    return tuple(phrase.render_sentence(texts) for phrase in change.plan.reach) if is_still_open(change) else ()


def describe_scope(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the hosts that change and those left out. Once it runs, its progress names the first."""
    names = tuple(dict.fromkeys(part.host for part in change.plan.parts))
    changed = [list_some(names, _MAX_NAMED_HOSTS)] if names else []
    hosts = changed if is_still_open(change) and change.started_at is None else []
    return _render_facts([(Phrase("Hosts:"), hosts), *_list_excluded(change)], texts)


def describe_situation(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes where the object of the change is now, or was when the change ended."""
    found = find_present_situation(change)
    label = Phrase("When it ended:") if change.state.ended else Phrase("Now:")
    return _render_facts([(label, [] if found is None else [found.describe()])], texts)


def find_present_situation(change: Change) -> Situation | None:
    """Finds the situation of the object; None where the plan tells none, or the change ended without a start."""
    if change.state is ChangeState.CLOSED and not change.results:
        return None
    results = {result.key: result for result in change.results}
    reported = _REPORTED.get(change.state) if change.reporter else None
    return find_situation(change.plan, results, reported)


def describe_irreversible(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the steps that a failure does not roll back."""
    return _render_facts([(Phrase("Not rolled back:"), _list_irreversible(change.plan))], texts)


def describe_evidence(change: Change, texts: Texts) -> tuple[str, ...]:
    """Describes what an ended change proves of its hosts. If its result is unknown, what each host runs on."""
    return tuple(phrase.render_sentence(texts) for phrase in list_evidence(change))


def list_evidence(change: Change) -> tuple[Phrase, ...]:
    """Lists what an ended change proves of the hosts that are done, and the state of others while the result is unknown."""
    if not change.state.ended or change.started_at is None:
        return ()
    results = {result.key: result for result in change.results}
    doubts = describe_doubts(change.plan, results) if change.state is ChangeState.UNKNOWN else ()
    return (*describe_proofs(change.plan, results, change.started_at), *doubts)


def describe_dangers(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the disruptions, and the warnings for approvers."""
    return (*describe_outages(change, texts), *describe_warnings(change, texts)) if is_still_open(change) else ()


def describe_outages(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the disruptions."""
    return _render_facts([(Phrase("Interrupted during the change:"), change.plan.disrupts)], texts)


def describe_warnings(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the warnings for approvers, such as a missing rehearsal."""
    return _render_facts([(Phrase("Note:"), change.plan.warnings)], texts)


def list_card_warnings(change: Change) -> tuple[Phrase, ...]:
    """Lists the warnings that a decision needs. A missing rehearsal is one if the change may interrupt something."""
    if change.risk >= Risk.DISRUPT:
        return change.plan.warnings
    return tuple(warning for warning in change.plan.warnings if warning not in change.rehearsal_notes)


def describe_grounds(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the hosts left out, the steps that a failure rolls back or does not roll back, and the premises."""
    plan = change.plan
    if not is_still_open(change):
        return _render_facts(_list_excluded(change), texts)
    return _render_facts(
        [
            *_list_excluded(change),
            (Phrase("Rolled back if a step fails:"), _list_rollbacks(plan)),
            (Phrase("Not rolled back:"), _list_irreversible(plan)),
            (Phrase("Assumptions:"), [] if change.started_at else [premise.phrase for premise in plan.premises]),
        ],
        texts,
    )


def _list_excluded(change: Change) -> Iterator[_LabeledItems]:
    """Lists the hosts left out: those that are owed the change, and the others."""
    owed = change.plan.owed_hosts if is_still_open(change) else change.owed_hosts
    later = Phrase("Owed, requested again when the host responds:")
    label = later if is_still_open(change) else Phrase("Owed when it ended (run owed to see what still is):")
    yield label, _list_left_out(change.plan, owed)
    others = [each.host for each in change.plan.left_out if each.host not in owed]
    yield Phrase("Excluded:"), _list_left_out(change.plan, others)


def _list_left_out(plan: Plan, hosts: Collection[str]) -> Sequence[Phrase]:
    return [Phrase("{host} — {why}", host=each.host, why=each.why) for each in plan.left_out if each.host in hosts]


def _list_rollbacks(plan: Plan) -> Sequence[Phrase]:
    """Lists the rollbacks, last step first. A rollback that two steps share is listed once."""
    ways = {str(step.undo): step.undo_phrase or step.phrase for step in reversed(plan.steps) if step.undo is not None}
    rehearsed = _list_rehearsal_keys(plan)
    changed = [part for part in plan.parts if any(step.key not in rehearsed for step in part.steps)]
    others = [Phrase("hosts already finished stay changed")] if ways and len(changed) > 1 else []
    return [*ways.values(), *others]


def _list_irreversible(plan: Plan) -> Sequence[Phrase]:
    """Lists the steps that are never rolled back. Clean-up, rehearsals, backups and the last step of a part need none."""
    tidying = [step.undo for step in plan.steps]
    rehearsed = _list_rehearsal_keys(plan)
    parts = ([step for step in part.steps if step.deed not in tidying and step.key not in rehearsed] for part in plan.parts)
    lasting = (step for steps in parts for step in steps[:-1] if step.undo is None and not is_backup_step(step))
    return [step.phrase for step in lasting if step.deed.is_change]


def _list_rehearsal_keys(plan: Plan) -> frozenset[str]:
    """Lists the keys of the steps that change nothing but scratch files."""
    return frozenset(key for keys in group_rehearsal_steps(plan).values() for key in keys)


def describe_deciders(change: Change, texts: Texts) -> tuple[Fact, ...]:
    """Describes the possible approvers, the expiry of the request, and the reviews."""
    return _render_facts(_list_decider_facts(change), texts)


def _list_request_facts(change: Change) -> Iterator[_LabeledItems]:
    yield Phrase("Requested by:"), [change.requester]
    if change.reason:
        yield Phrase("Reason:"), [change.reason]
    yield from _list_waiting_facts(change)


def _list_waiting_facts(change: Change) -> Iterator[_LabeledItems]:
    if change.approval is not None and change.approval.waived:
        yield Phrase("Approval:"), [Phrase("not needed ({rule} in the configuration)", rule=change.approval.rule)]
    if change.waits_for is not None and change.state in (ChangeState.WAITING, ChangeState.READY):
        yield Phrase("Waiting for:"), [change.waits_for]
    if change.stopping and not change.state.ended:
        yield Phrase("Stop requested by:"), [change.stopping]


def _list_decider_facts(change: Change) -> Iterator[_LabeledItems]:
    approval = change.approval
    if approval is not None and change.state is ChangeState.WAITING:
        yield Phrase("Approvers:"), [Listing((*approval.may, *describe_group_members(approval)))]
        yield Phrase("Expires:"), [Moment(approval.expires_at)]
        if approval.lacking is not None:
            yield Phrase("Note:"), [approval.lacking]
    if approval is not None:
        for said in approval.reviews:
            label = Phrase("Approved by:") if said.approves else Phrase("Denied by:")
            yield label, [Phrase("{name}, {at}", name=said.person, at=Moment(said.at)), *filter(None, [said.reason])]
    if (glass := describe_break_glass_review(change)) is not None:
        yield Phrase("Emergency (break-glass):"), [glass]


def describe_group_members(approval: Approval) -> tuple[Phrase, ...]:
    """Describes the approvers that are known only by their user groups."""
    count = len(approval.groups)
    return (Phrase("members of {n} user group", plural="members of {n} user groups", n=count),) if count else ()


def describe_break_glass_review(change: Change) -> Phrase | None:
    """Describes the review of a break-glass change; None if it is no such change or never began."""
    glass = change.break_glass
    if glass is None or change.state is ChangeState.CLOSED:
        return None
    if not glass.reviewed_by and change.state.ended:
        return Phrase("ran without approval. Another person must review it")
    if not glass.reviewed_by:
        return Phrase("runs without approval. Another person must review it afterwards")
    return Phrase("ran without approval. Reviewed by {name}: {text}", name=glass.reviewed_by, text=glass.review)


def _render_facts(facts: Iterable[_LabeledItems], texts: Texts) -> tuple[Fact, ...]:
    """Renders the facts that have items. Equal sentences appear once."""
    said = (
        (label.render(texts), tuple(dict.fromkeys(render_value(each, texts) for each in items))) for label, items in facts
    )
    return tuple(Fact(label, items) for label, items in said if items)
