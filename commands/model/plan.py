"""Plans: what a change would do, as values that can be shown, approved by digest, stored and run.

    Plan ─ parts: one for each host, in order; the first that fails ends the operation
      └ Part ─ steps: in order; where one fails, those of its part are undone in reverse
          └ Step ─ a deed (an action, perhaps with what earlier steps produce), its verification, its undo

Pure. `bot.changes.step_runner` runs plans; operations make them (`commands.model.operation.FleetChange`).
"""

import errno
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, Field, JsonValue

from adapters.action import SIDES, Action, Effect, SideName
from adapters.action_registry import class_of, describe_run, kind, read, script_hash
from adapters.endpoint import Road, road
from adapters.errors import Refused
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.value import Value

DigestFormula = Literal[1, 2]
"""How a plan's digest is computed. 1: scripts of Windows by their hash. 2: what runs on every side, and the formula."""

NEWEST_FORMULA: DigestFormula = 2
"""The formula of new plans. A stored plan keeps the one it was approved with."""


class NoRoad(Refused):
    """Nobody can say by what a host is known: a file that pins its identity cannot be read."""


class Result(StrEnum):
    """What became of a step."""

    DONE = "done"
    UNCHANGED = "unchanged"
    """It was so already."""
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    """Nothing was sent: the host did not answer."""
    UNKNOWN = "unknown"
    """It was sent, and nobody can say whether it happened."""
    SKIPPED = "skipped"
    UNDONE = "undone"

    @property
    def good(self) -> bool:
        """Whether what was wanted is so."""
        return self in (Result.DONE, Result.UNCHANGED)


class Product(Value):
    """What an earlier step produced, named: the field of that step's answer."""

    step: str
    field: str


class Deed(Value):
    """An action as a plan holds it: its kind, its arguments as JSON, and those that earlier steps produce."""

    kind: str
    arguments: Mapping[str, JsonValue]
    products: Mapping[str, Product] = Field(default_factory=dict)

    @classmethod
    def of(cls, action: Action[Any], **products: Product) -> "Deed":
        """An action, with some arguments left to earlier steps; what stands in `action` for those is dropped."""
        arguments = action.model_dump(mode="json", exclude=set(products))
        return cls(kind=kind(action), arguments=arguments, products=products)

    @property
    def changes(self) -> bool:
        """Whether it changes something. Of a kind that this version does not know that must be assumed."""
        try:
            return class_of(self.kind).effect is Effect.CHANGE
        except ValueError:
            return True

    @property
    def side(self) -> str:
        return class_of(self.kind).side

    def describe_run(self) -> JsonValue:
        """What will run, as JSON. An argument that an earlier step produces counts as its placeholder. `ValueError`."""
        placeholders = {name: f"{{{product.step}.{product.field}}}" for name, product in self.products.items()}
        return describe_run(self.kind, self.arguments, placeholders)

    def action(self, produced: Mapping[str, Mapping[str, JsonValue]]) -> Action[Any]:
        """The action, given what each earlier step produced by key; a `ValueError` where something is missing."""
        try:
            filled = {name: produced[product.step][product.field] for name, product in self.products.items()}
        except KeyError as error:
            raise ValueError(f"{self.kind} lacks what the step {error} produces") from error
        return read(self.kind, {**self.arguments, **filled})


class Check(Value):
    """A read that proves something: the fields of its answer must equal `expect`, within `patience` seconds.

    `never`: values of a field after which it will not come to that any more, so that nobody waits in vain.
    """

    host: str
    deed: Deed
    expect: Mapping[str, JsonValue]
    patience: float = 0.0
    never: Mapping[str, tuple[JsonValue, ...]] = Field(default_factory=dict)

    def met(self, answer: Mapping[str, JsonValue]) -> bool:
        """Whether an answer (as JSON) is what is expected."""
        return all(answer.get(field) == value for field, value in self.expect.items())

    def hopeless(self, answer: Mapping[str, JsonValue]) -> bool:
        """Whether it will not be what is expected, however long one waits."""
        return any(answer.get(field) in values for field, values in self.never.items())


class Step(Value):
    """One action on one host inside a plan.

    `key` is unique in the plan. A step that reads is a proof: `expect` and `patience` as in `Check`. A step that
    changes is proven by `verify`; `undo` takes it back (None: it cannot be taken back, or leaves nothing to take
    back), and `undone` proves that. `unbegun`: fields of `verify`'s answer by which a host that says it could not do it
    shows that it has not even begun. `phrase` says what it does, `undo_phrase` what taking it back does.
    """

    key: str
    host: str
    deed: Deed
    phrase: Phrase
    expect: Mapping[str, JsonValue] = Field(default_factory=dict)
    patience: float = 0.0
    verify: Check | None = None
    unbegun: Mapping[str, JsonValue] = Field(default_factory=dict)
    undo: Deed | None = None
    undo_phrase: Phrase | None = None
    undone: tuple[Check, ...] = ()

    @property
    def proof(self) -> Check:
        """A reading step as the check that it is."""
        return Check(host=self.host, deed=self.deed, expect=self.expect, patience=self.patience)


class Part(Value):
    """What is done for one host (its steps may run on others, too): done as a whole, or undone."""

    host: str
    steps: tuple[Step, ...]


class Premise(Value):
    """Something that the approver was shown and relied on. `value` is what is compared; `phrase` is shown."""

    host: str
    what: str
    value: JsonValue
    phrase: Phrase


class LeftOut(Value):
    """A host that was asked for and that the plan leaves alone, and why."""

    host: str
    why: Phrase


class Plan(Value):
    """What a change would do. `disrupts` says what people lose meanwhile, `warnings` what an approver must know.

    A plan that was stored without a digest formula has formula 1.
    """

    parts: tuple[Part, ...]
    premises: tuple[Premise, ...] = ()
    roads: tuple[Road, ...] = ()
    disrupts: tuple[Phrase, ...] = ()
    warnings: tuple[Phrase, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    digest_formula: DigestFormula = 1

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in their order."""
        return tuple(step for part in self.parts for step in part.steps)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host that something changes on, sorted: these are claimed while it runs."""
        return tuple(sorted({step.host for step in self.steps if step.deed.changes}))

    def digest(self, operation: str, arguments: Mapping[str, Any]) -> str:
        """SHA-256 over what is approved, by the plan's own formula: operation, arguments, every step, premises, endpoints.

        Raises `ValueError` for a kind of action that this version does not know.
        """
        seal, named = _FORMULAS[self.digest_formula]
        document = {
            "operation": operation,
            "arguments": arguments,
            "steps": [seal(step) for step in self.steps],
            "parts": [[part.host, [step.key for step in part.steps]] for part in self.parts],
            "premises": [[premise.host, premise.what, premise.value] for premise in self.premises],
            "roads": [road.model_dump(mode="json") for road in sorted(self.roads, key=lambda road: (road.host, road.side))],
            **named,
        }
        canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


class StepResult(Value):
    """What became of a step. `product` is its answer as JSON, for later steps; `why` where it did not go well."""

    key: str
    result: Result
    why: Phrase | None = None
    product: Mapping[str, JsonValue] = Field(default_factory=dict)
    began_at: AwareDatetime
    ended_at: AwareDatetime


class Planned(Value):
    """A plan, and the operation as it was settled when it was made: names instead of patterns, nothing that moves."""

    arguments: Mapping[str, JsonValue]
    plan: Plan


def roads_of(parts: Iterable[Part], inventory: Inventory) -> Iterator[Road]:
    """The roads that the steps use, on their way back, too, each once; `NoRoad`."""
    used = {
        (name, deed.side)
        for part in parts
        for step in part.steps
        for name, deed in [
            *((step.host, deed) for deed in (step.deed, step.undo) if deed is not None),
            *((check.host, check.deed) for check in _checks(step)),
        ]
    }
    for host in inventory.hosts:
        for side in SIDES:
            if (host.name, side) in used:
                yield road_to(host, side)


def road_to(host: Host, side: SideName) -> Road:
    """The road to a side that the host has, by which a plan is approved and carried out; `NoRoad`."""
    try:
        return road(host, side)
    except OSError as error:
        phrase = Phrase(
            "the file {file}, by which {host} is known, cannot be read ({reason}); put it back, then ask again",
            file=str(error.filename),
            host=host.name,
            reason=errno.errorcode.get(error.errno or 0, "?"),
        )
        raise NoRoad(phrase) from error


def _checks(step: Step) -> tuple[Check, ...]:
    return ((step.verify,) if step.verify is not None else ()) + step.undone


def _deeds(step: Step) -> tuple[Deed, ...]:
    """Every deed of a step: itself, its undo, its checks."""
    undo = (step.undo,) if step.undo is not None else ()
    return (step.deed, *undo, *(check.deed for check in _checks(step)))


def _seal_data(step: Step) -> dict[str, Any]:
    """The data of a step that is approved. Its phrases are not: they may be in another language."""
    data = step.model_dump(mode="json", include={"key", "host", "deed", "expect", "patience", "unbegun", "undo"})
    return data | {"checks": [check.model_dump(mode="json") for check in _checks(step)]}


def _seal_scripts(step: Step) -> Mapping[str, Any]:
    """Formula 1: the data of a step and the hashes of its scripts."""
    return _seal_data(step) | {"scripts": [script_hash(deed.kind) for deed in _deeds(step)]}


def _seal_runs(step: Step) -> Mapping[str, Any]:
    """Formula 2: the data of a step and what runs on each side."""
    return _seal_data(step) | {"runs": [deed.describe_run() for deed in _deeds(step)]}


_FORMULAS: Mapping[DigestFormula, tuple[Callable[[Step], Mapping[str, Any]], Mapping[str, int]]] = {
    1: (_seal_scripts, {}),
    2: (_seal_runs, {"formula": 2}),
}
"""How a step is sealed, and what names the formula, by formula. Formulas are never edited: stored digests rest on them."""
