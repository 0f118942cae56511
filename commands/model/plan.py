"""Plans of changes, as values that are shown, approved by digest, stored and run.

    Plan ─ parts: one for each host, in order; the first that fails ends the operation
      └ Part ─ steps: in order; if one fails, those of its part are rolled back in reverse
          └ Step ─ an action (perhaps with values that earlier steps produce), its verification, its rollback

Pure. Operations make plans (`commands.model.operation.FleetChange`), and `bot.changes.services.step_runner` runs them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field, JsonValue

from adapters.action import BOT_NAME, Action, Effect
from adapters.action_registry import describe_run, find_action_class, get_kind, hash_script, parse_action
from adapters.endpoint import Endpoint
from adapters.local.host_files import RemoveHostFile, WriteHostFile
from adapters.phrase import Phrase
from adapters.value import Value


class Result(StrEnum):
    """Result of a step."""

    DONE = "done"
    UNCHANGED = "unchanged"
    """The host was in the wanted state already."""
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    """The host did not answer, and nothing was sent."""
    UNKNOWN = "unknown"
    """The action was sent, and its effect is unknown."""
    SKIPPED = "skipped"
    UNDONE = "undone"

    @property
    def successful(self) -> bool:
        """True if the host is in the wanted state."""
        return self in (Result.DONE, Result.UNCHANGED)


class Product(Value):
    """Reference to a value that an earlier step produces: a field of that step's answer."""

    step: str
    field: str


class PlannedAction(Value):
    """An action in a plan: its kind, its arguments as JSON, and those that earlier steps produce."""

    kind: str
    arguments: Mapping[str, JsonValue]
    products: Mapping[str, Product] = Field(default_factory=dict)

    @classmethod
    def of(cls, action: Action[Any], **products: Product) -> "PlannedAction":
        """Converts an action. Arguments named in `products` come from earlier steps instead of from `action`."""
        arguments = action.model_dump(mode="json", exclude=set(products))
        return cls(kind=get_kind(action), arguments=arguments, products=products)

    @property
    def is_change(self) -> bool:
        """True if the action changes something. A kind unknown to this version counts as a change."""
        try:
            return find_action_class(self.kind).effect is Effect.CHANGE
        except ValueError:
            return True

    @property
    def side(self) -> str:
        return find_action_class(self.kind).side

    def describe_run(self) -> JsonValue:
        """Describes what will run, as JSON. An argument that an earlier step produces is a placeholder.

        Raises `ValueError` for an unknown kind.
        """
        placeholders = {name: f"{{{product.step}.{product.field}}}" for name, product in self.products.items()}
        return describe_run(self.kind, self.arguments, placeholders)

    def build_action(self, produced: Mapping[str, Mapping[str, JsonValue]]) -> Action[Any]:
        """Builds the action from what earlier steps produced, by their keys. Raises `ValueError` if a value is missing."""
        try:
            filled = {name: produced[product.step][product.field] for name, product in self.products.items()}
        except KeyError as error:
            raise ValueError(f"{self.kind} lacks what the step {error} produces") from error
        return parse_action(self.kind, {**self.arguments, **filled})


class Check(Value):
    """A read that proves a state. It is repeated for up to `patience` seconds until its answer has the values of `expect`.

    `never`: values of a field that rule out the expected state. They end the wait early.
    """

    host: str
    deed: PlannedAction
    expect: Mapping[str, JsonValue]
    patience: float = 0.0
    never: Mapping[str, tuple[JsonValue, ...]] = Field(default_factory=dict)

    def is_met(self, answer: Mapping[str, JsonValue]) -> bool:
        """Returns whether an answer (as JSON) has the expected values."""
        return all(answer.get(field) == value for field, value in self.expect.items())

    def is_hopeless(self, answer: Mapping[str, JsonValue]) -> bool:
        """Returns whether this answer rules out the expected values, so that a retry is useless."""
        return any(answer.get(field) in values for field, values in self.never.items())


class TransferSource(Value):
    """The end of a transfer that yields bytes: a read on a host."""

    host: str
    deed: PlannedAction


class Step(Value):
    """One action on one host inside a plan.

    `key` is unique in the plan. A step that reads is a proof: `expect` and `patience` are those of its `Check`. A step that
    changes is proven by `verify`. `undo` rolls it back (None: that is impossible, or not needed), and `undone` proves the
    rollback. `unbegun`: fields of `verify`'s answer that prove, after a reported failure, that the host has not started the
    action. `phrase` describes the step, `undo_phrase` its rollback. A step with a `source` is a transfer: its action takes
    the bytes that the source yields.
    """

    key: str
    host: str
    deed: PlannedAction
    phrase: Phrase
    expect: Mapping[str, JsonValue] = Field(default_factory=dict)
    patience: float = 0.0
    verify: Check | None = None
    unbegun: Mapping[str, JsonValue] = Field(default_factory=dict)
    undo: PlannedAction | None = None
    undo_phrase: Phrase | None = None
    undone: tuple[Check, ...] = ()
    source: TransferSource | None = None
    harmless_remains: bool = False
    """True if what the step leaves behind harms nothing, so that a rollback that is not proven leaves no doubt."""
    situation: Phrase | None = None
    """Situation of the plan's object once the step is done, such as "web runs nowhere". None: as before."""
    recorded: bool = False
    """True if its answer is recorded with its result, although no step uses it. Nothing runs by it, so no digest has it."""

    @property
    def proof(self) -> Check:
        """A reading step as a check."""
        return Check(host=self.host, deed=self.deed, expect=self.expect, patience=self.patience)


class Part(Value):
    """The steps for one host, done or rolled back as a whole. Some may run on other hosts."""

    host: str
    steps: tuple[Step, ...]


class Premise(Value):
    """A fact that the approval relies on. `value` is compared before the run; `phrase` is shown to the approver."""

    host: str
    what: str
    value: JsonValue
    phrase: Phrase


class LeftOutHost(Value):
    """A requested host that the plan does not touch, with the reason.

    `owed`: the host could not be reached, and still needs the change. A run of the plan leaves an owed change for it.
    """

    host: str
    why: Phrase
    owed: bool = False


class FollowUp(Value):
    """A change that a run leaves to be asked for later, if its step `after` is done: an owed change of another operation.

    `kind` and `arguments` are that operation's, `words` its command. It is due `days` after the end of the run.
    """

    after: str
    host: str
    kind: str
    arguments: Mapping[str, JsonValue]
    words: str
    days: int = Field(ge=0, le=366)
    why: Phrase


class FileEdit(Value):
    """An edit of one file on a host, as approvers see it. `diff` is a unified diff, one line per item, without secrets."""

    host: str
    file: str
    diff: tuple[str, ...]


_HOST_FILE_CHANGES = frozenset({get_kind(WriteHostFile), get_kind(RemoveHostFile)})

_MAX_TYPED_HOSTS = 3
"""Hosts that an approver types by name; of more the first, and the number of the others."""


class Plan(Value):
    """The plan of a change. `disrupts` describes outages while it runs, `warnings` are for the approver.

    `roads` are the endpoints of all sides that the plan uses. `reach` says that it is about all hosts, or the lighthouse.
    `edits` are the changed lines of configuration files. `about` names what a critical change is about, as approvers must
    type it; "" stands for the hosts of its parts. `situation` is that of its object before the first step; the card shows
    the present one. `follow_ups` are left to be asked for later.
    """

    parts: tuple[Part, ...]
    premises: tuple[Premise, ...] = ()
    roads: tuple[Endpoint, ...] = ()
    disrupts: tuple[Phrase, ...] = ()
    warnings: tuple[Phrase, ...] = ()
    left_out: tuple[LeftOutHost, ...] = ()
    reach: tuple[Phrase, ...] = ()
    edits: tuple[FileEdit, ...] = ()
    about: str = ""
    situation: Phrase | None = None
    follow_ups: tuple[FollowUp, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in their order."""
        return tuple(step for part in self.parts for step in part.steps)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Hosts on which a step changes something, and both ends of transfers, sorted. They are claimed while it runs.

        A host whose file in the host folder is changed is one of them: its addresses and rights change.
        """
        changed = {step.host for step in self.steps if step.deed.is_change}
        filed = {str(step.deed.arguments["name"]) for step in self.steps if step.deed.kind in _HOST_FILE_CHANGES}
        return tuple(sorted(changed | filed | {step.source.host for step in self.steps if step.source is not None}))

    @property
    def concerned_hosts(self) -> tuple[str, ...]:
        """Hosts that the plan is about or changes, sorted. One that acts on the bot alone is about those of its premises."""
        named = {part.host for part in self.parts} | set(self.hosts)
        return tuple(sorted({premise.host for premise in self.premises} | named if named == {BOT_NAME} else named))

    @property
    def object_name(self) -> str:
        """Name of what the plan is about, short enough to type: each approver of a critical change types it."""
        hosts = list(dict.fromkeys(part.host for part in self.parts))
        return self.about or (",".join(hosts) if len(hosts) <= _MAX_TYPED_HOSTS else f"{hosts[0]}+{len(hosts) - 1}")

    @property
    def owed_hosts(self) -> tuple[str, ...]:
        """Hosts for which a run of the plan leaves an owed change, in the order of the plan."""
        return tuple(left.host for left in self.left_out if left.owed)

    def hash_scripts(self) -> Mapping[str, str]:
        """Hashes the scripts that the plan runs on Windows, by kind of action. Raises `ValueError` for an unknown kind."""
        kinds = sorted({action.kind for step in self.steps for action in list_actions(step)})
        return {kind: script for kind in kinds if (script := hash_script(kind))}


class StepResult(Value):
    """Result of a step. `product` is its answer as JSON, for later steps; `why` is the reason of a failure."""

    key: str
    result: Result
    why: Phrase | None = None
    product: Mapping[str, JsonValue] = Field(default_factory=dict)
    began_at: AwareDatetime
    ended_at: AwareDatetime


class PlannedChange(Value):
    """A plan, and the operation's arguments resolved when it was made: names instead of patterns, absolute times."""

    arguments: Mapping[str, JsonValue]
    plan: Plan


def list_checks(step: Step) -> tuple[Check, ...]:
    """Lists the checks of a step: of its effect, and of its rollback."""
    return ((step.verify,) if step.verify is not None else ()) + step.undone


def list_actions(step: Step) -> tuple[PlannedAction, ...]:
    """Lists every action of a step: its own, its source, its rollback, its checks."""
    source = (step.source.deed,) if step.source is not None else ()
    undo = (step.undo,) if step.undo is not None else ()
    return (step.deed, *source, *undo, *(check.deed for check in list_checks(step)))
