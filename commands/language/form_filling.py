"""Fields of a form to words: what is still to be said of an operation, asked for one by one. Pure.

words ─ lacking ─▶ Blank: the arguments that must follow ─┐
an operation ─ blank ─▶ Blank: all of its arguments ──────┴─ filled ─▶ words, or what is wrong with which field
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
    """A form: words that begin a request, and the arguments that may follow them."""

    operation: type[Operation]
    begun: str
    arguments: tuple[Argument, ...]

    def is_target(self, argument: Argument) -> bool:
        """Whether it takes hosts."""
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
    """What somebody filled in: the words of each positional, and the names of flags."""

    words: Mapping[str, tuple[str, ...]]
    flags: Collection[str] = ()


def blank(operation: type[Operation]) -> Blank:
    """The form of an operation, with all that it takes."""
    return Blank(operation, " ".join(operation.words), arguments(operation))


def lacking(text: str, permitted: Operations) -> Blank | None:
    """The form for what these words lack; None where nothing is missing, or where that is not what is wrong."""
    typed = read(text)
    try:
        asked = named(typed, permitted, permitted)
    except GrammarError:
        return None
    places = [each for each in arguments(asked.operation) if isinstance(each.kind, Positional)]
    missing = tuple(each for each in places[len(asked.words) :] if each.required)
    return Blank(asked.operation, typed.text, missing) if missing else _incomplete(asked)


def _incomplete(asked: Named) -> Blank | None:
    """The form for an operation that needs one of several arguments."""
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
    """The request in its canonical words; or what is wrong, by field."""
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
    """What is wrong with the value of an option, as it is understood: full-width digits are digits."""
    try:
        option.parse(read(said).text)
    except BadArgument as error:
        return error.phrase
    return None


def _complaint(kind: Positional, said: tuple[str, ...], inventory: Inventory) -> Phrase | None:
    """What is wrong with one field; hosts must be there."""
    try:
        value = kind.parse(tuple(read(word).text for word in said))
        if isinstance(value, Target):
            value.resolve(inventory)
    except BadArgument as error:
        return error.phrase
    return None
