"""Forms for an operation's arguments, and their fields back to words. Pure.

words ─ find_missing ─▶ RequestForm: the missing arguments ──┐
an operation ─ build_form ─▶ RequestForm: all its arguments ─┴─ fill_form ─▶ words, or an error for each field
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from commands.language.grammar import Argument, Named, Operations, arguments, canonical, named, understand
from commands.model.operation import Operation
from commands.values.arguments import BadArgument, Flag, Option, Positional, Target
from commands.values.errors import GrammarError
from commands.values.normalize import quote, read


@dataclass(frozen=True)
class Blank:
    """A form: the words that begin a request, and the arguments that may follow them."""

    operation: type[Operation]
    begun: str
    arguments: tuple[Argument, ...]

    def is_target(self, argument: Argument) -> bool:
        """Returns whether the argument takes hosts."""
        return self.operation.model_fields[argument.field].annotation is Target

    @property
    def positionals(self) -> tuple[tuple[Argument, Positional], ...]:
        return tuple((each, each.kind) for each in self.arguments if isinstance(each.kind, Positional))

    @property
    def options(self) -> tuple[tuple[Argument, Option], ...]:
        return tuple((each, each.kind) for each in self.arguments if isinstance(each.kind, Option))

    @property
    def flags(self) -> tuple[tuple[Argument, Flag], ...]:
        return tuple((each, each.kind) for each in self.arguments if isinstance(each.kind, Flag))


@dataclass(frozen=True)
class Given:
    """The input of a form: the words of each argument by field, and the names of the flags that are set."""

    words: Mapping[str, tuple[str, ...]]
    flags: Collection[str] = ()


def blank(operation: type[Operation]) -> Blank:
    """Builds the form of an operation with all of its arguments."""
    return Blank(operation, " ".join(operation.words), arguments(operation))


def lacking(text: str, permitted: Operations) -> Blank | None:
    """Finds the arguments that a request lacks, as a form; None if nothing is missing or the request has another error."""
    typed = read(text)
    try:
        asked = named(typed, permitted, permitted)
    except GrammarError:
        return None
    places = [each for each in arguments(asked.operation) if isinstance(each.kind, Positional)]
    missing = tuple(each for each in places[len(asked.words) :] if each.required)
    return Blank(asked.operation, typed.text, missing) if missing else _incomplete(asked)


def _incomplete(asked: Named) -> Blank | None:
    """Builds the form for an operation that needs one of several arguments."""
    try:
        operation = asked.bound()
    except GrammarError:
        return None
    if not operation.incomplete:
        return None
    free = (each for each in arguments(asked.operation) if not isinstance(each.kind, Flag))
    open_ones = tuple(each for each in free if getattr(operation, each.field) == each.default)
    return Blank(asked.operation, asked.typed.text, open_ones)


def filled(form: Blank, given: Given, catalogue: Operations, inventory: Inventory) -> str | Mapping[str, Phrase]:
    """Returns the request in its canonical words, or the errors by field."""
    wrong: dict[str, Phrase] = {}
    words: list[str] = []
    gap = ""
    for argument, kind in form.positionals:
        said = given.words.get(argument.field, ())
        if not said:
            gap = gap or argument.field
        elif gap:
            wrong[gap] = Phrase("fill this in, or leave out what stands below")
        elif complaint := _complaint(kind, said, inventory):
            wrong[argument.field] = complaint
        words += map(quote, said)
    for argument, option in form.options:
        if said := given.words.get(argument.field, ()):
            words += [argument.option, quote(said[0])]
            if complaint := _complaint_of(option, said[0]):
                wrong[argument.field] = complaint
    flags = [argument.option for argument, _ in form.flags if argument.field in given.flags]
    if wrong:
        return wrong
    try:
        return canonical(understand(read(" ".join([form.begun, *words, *flags])), catalogue, catalogue))
    except GrammarError as error:
        return {form.arguments[0].field: error.phrase} if form.arguments else {"": error.phrase}


def _complaint_of(option: Option, said: str) -> Phrase | None:
    """Returns the error in the value of an option. The value is normalized first: full-width digits are digits."""
    try:
        option.parse(read(said).text)
    except BadArgument as error:
        return error.phrase
    return None


def _complaint(kind: Positional, said: tuple[str, ...], inventory: Inventory) -> Phrase | None:
    """Returns the error in one positional argument. Hosts must be in the inventory."""
    try:
        value = kind.parse(tuple(read(word).text for word in said))
        if isinstance(value, Target):
            value.resolve(inventory)
    except BadArgument as error:
        return error.phrase
    return None
