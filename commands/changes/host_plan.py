"""Assembles the plan of several hosts from one value for each host. Pure.

HostPlan | UnchangedHost | LeftOutHost, one for each host ─ assemble ─▶ PlannedChange (the lighthouse last, endpoints)

Situation of the object of a plan, such as where a container runs now, from the recorded results of its steps. Pure.

plan.situation ─ step done ─▶ step.situation ─ rolled back ─▶ the one before
                    └ unknown ─▶ one of both

Stages of one host in a plan. Their names are in the keys of their steps, so stages can have equal steps. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.errors import DeadlineExceeded, HostError, NotAsked, OutcomeUnknown, Unreachable
from adapters.inventory import Inventory
from adapters.phrase import Moment, Phrase
from commands.model.operation import CannotPlan, FleetChange
from commands.model.owed import Matter
from commands.model.plan import (
    Check,
    FileEdit,
    LeftOutHost,
    Part,
    Plan,
    PlannedAction,
    PlannedChange,
    Premise,
    Product,
    Result,
    Step,
    StepResult,
)
from commands.model.plan_endpoints import collect_endpoints
from commands.model.suspension import HostSuspended

SILENT = (Unreachable, DeadlineExceeded, OutcomeUnknown, NotAsked)
"""Errors of hosts that did not answer. Those that answered with another key or refused the login need a person first."""


@dataclass(frozen=True)
class HostPlan:
    """One host's share of a plan: its part, and the texts for the approver.

    `leading_premises` come before the `premises` of any host. `edits` are the changed lines of its configuration files.
    """

    part: Part
    premises: tuple[Premise, ...] = ()
    disrupts: tuple[Phrase, ...] = ()
    warnings: tuple[Phrase, ...] = ()
    leading_premises: tuple[Premise, ...] = ()
    edits: tuple[FileEdit, ...] = ()

    @property
    def host(self) -> str:
        return self.part.host


@dataclass(frozen=True)
class UnchangedHost:
    """A host that is in the wanted state already. It is left out, and is no reason to refuse the plan."""

    host: str
    why: Phrase


def assemble(
    operation: FleetChange,
    planned: Iterable[HostPlan | UnchangedHost | LeftOutHost],
    inventory: Inventory,
    premises: tuple[Premise, ...] = (),
) -> PlannedChange:
    """Assembles a plan: hosts in the given order, the lighthouse last; `premises` are those of the whole plan.

    Raises `CannotPlan` as `assemble_in_order`.
    """
    lighthouses = {host.name for host in inventory.hosts if host.lighthouse}
    return assemble_in_order(operation, sorted(planned, key=lambda each: each.host in lighthouses), inventory, premises)


def assemble_in_order(
    operation: FleetChange,
    ordered: Sequence[HostPlan | UnchangedHost | LeftOutHost],
    inventory: Inventory,
    premises: tuple[Premise, ...] = (),
) -> PlannedChange:
    """Assembles a plan with the hosts in exactly this order.

    Raises `CannotPlan` if no host has a part and at least one could not be planned. If all are in the wanted state already,
    the plan has no steps.
    """
    able = [each for each in ordered if isinstance(each, HostPlan)]
    left_out = tuple(_leave_out(each) for each in ordered if not isinstance(each, HostPlan))
    if not able and any(isinstance(each, LeftOutHost) for each in ordered):
        raise CannotPlan.from_left_out(left_out)
    parts = tuple(each.part for each in able)
    plan = Plan(
        parts=parts,
        premises=(
            *premises,
            *(premise for each in able for premise in each.leading_premises),
            *(premise for each in able for premise in each.premises),
        ),
        roads=tuple(collect_endpoints(parts, inventory)),
        disrupts=tuple(phrase for each in able for phrase in each.disrupts),
        warnings=tuple(phrase for each in able for phrase in each.warnings),
        left_out=left_out,
        edits=tuple(edit for each in able for edit in each.edits),
        reach=tuple(_describe_reach(ordered, parts, inventory)),
    )
    # Owed hosts stay among the arguments. Otherwise the plan that is made again before the run would not have them.
    # A host of several parts is one of them.
    kept = operation.restrict_to((*dict.fromkeys(part.host for part in parts), *plan.owed_hosts))
    return PlannedChange(arguments=kept.resolved_arguments, plan=plan)


def leave_unchecked(host: str, error: HostError, matter: Matter = Matter.CHANGE) -> LeftOutHost:
    """Leaves out a host that could not be checked. The change is owed to it unless a person must fix something first.

    A revocation is owed to it in any case: until then, the host accepts what was revoked.
    """
    owed = isinstance(error, SILENT) or matter is Matter.REVOCATION
    if isinstance(error, HostSuspended):
        return LeftOutHost(host=host, why=error.phrase, owed=owed)
    return LeftOutHost(host=host, why=Phrase("could not check the host: {why}", why=error.phrase), owed=owed)


def _leave_out(each: UnchangedHost | LeftOutHost) -> LeftOutHost:
    return each if isinstance(each, LeftOutHost) else LeftOutHost(host=each.host, why=each.why)


def _describe_reach(
    planned: Iterable[HostPlan | UnchangedHost | LeftOutHost], parts: tuple[Part, ...], inventory: Inventory
) -> Iterator[Phrase]:
    """Describes that all hosts were requested, and that the lighthouse is among those that change.

    Neither the bot nor a host that is being added is one of them.
    """
    members = set(inventory.names)
    asked, changed = {each.host for each in planned} & members, {part.host for part in parts} & members
    count = len(members)
    if count > 1 and len(asked) == count:
        yield Phrase("targets all hosts ({n} of {count} will be changed)", n=len(changed), count=count)
    for host in inventory.hosts:
        if host.lighthouse and host.name in changed:
            yield Phrase("includes the lighthouse ({host})", host=host.name)


@dataclass(frozen=True)
class Situation:
    """Situation, and the time from which it holds; None if it held before the change. `or_else`: perhaps it is that one."""

    phrase: Phrase
    since: datetime | None = None
    or_else: Phrase | None = None

    def describe(self) -> Phrase:
        """Describes it in one sentence."""
        if self.or_else is not None:
            return Phrase("unknown: {one}, or {other}. Check the hosts", one=self.phrase, other=self.or_else)
        if self.since is None:
            return self.phrase
        return Phrase("{situation}, since {at}", situation=self.phrase, at=Moment(self.since))


def tell_situations(plan: Plan, before: Phrase, told: Mapping[str, Phrase]) -> Plan:
    """Returns the plan with the situation `before` it, and those that hold once steps are done, by their keys."""

    def tell(step: Step) -> Step:
        return step.model_copy(update={"situation": told[step.key]}) if step.key in told else step

    parts = tuple(Part(host=part.host, steps=tuple(map(tell, part.steps))) for part in plan.parts)
    return plan.model_copy(update={"parts": parts, "situation": before})


def find_situation(plan: Plan, results: Mapping[str, StepResult], reported: Result | None = None) -> Situation | None:
    """Finds the present situation; None for a plan that tells none. The result of a rollback replaces that of its step.

    `reported`: what a person reported of the step whose result was unknown.
    """
    if plan.situation is None:
        return None
    phrase, times, doubt = plan.situation, list[datetime](), None
    for step in plan.steps:
        result = results.get(step.key)
        if result is None or step.situation is None:
            continue
        seen = reported if result.result is Result.UNKNOWN and reported is not None else result.result
        if seen.successful:
            phrase = step.situation
        if seen.successful or seen is Result.UNDONE:
            times.append(result.ended_at)
        doubt = step.situation if seen is Result.UNKNOWN else doubt
    return Situation(phrase, max(times, default=None), doubt)


def name_stage(part: Part, stage: str) -> Part:
    """Names a stage, such as `host-a/nebula`, in the keys of a part's steps, and wherever steps name one another."""
    names = {step.key: _rename(step.key, part.host, stage) for step in part.steps}
    return part.model_copy(update={"steps": tuple(_rename_step(step, names) for step in part.steps)})


def _rename(key: str, host: str, stage: str) -> str:
    return key if key.startswith(f"{stage}/") else f"{stage}/{key.removeprefix(f'{host}/')}"


def _rename_step(step: Step, names: Mapping[str, str]) -> Step:
    source = step.source
    return step.model_copy(
        update={
            "key": names[step.key],
            "deed": _rename_products(step.deed, names),
            "undo": None if step.undo is None else _rename_products(step.undo, names),
            "verify": None if step.verify is None else _rename_check(step.verify, names),
            "undone": tuple(_rename_check(check, names) for check in step.undone),
            "source": source and source.model_copy(update={"deed": _rename_products(source.deed, names)}),
        }
    )


def _rename_check(check: Check, names: Mapping[str, str]) -> Check:
    return check.model_copy(update={"deed": _rename_products(check.deed, names)})


def _rename_products(deed: PlannedAction, names: Mapping[str, str]) -> PlannedAction:
    products = {
        field: Product(step=names.get(product.step, product.step), field=product.field)
        for field, product in deed.products.items()
    }
    return deed.model_copy(update={"products": products})
