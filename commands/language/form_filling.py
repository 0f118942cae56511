"""Forms for an operation's arguments. The input of a form becomes a request in words. Pure.

words ─ find_missing ─▶ RequestForm: the missing arguments ────────────┐
a change ─ find_confirmation ─▶ RequestForm: the arguments left open ──┼─ fill_form ─▶ words, or an error for each field
an operation ─ build_form ─▶ RequestForm: all its arguments ───────────┘
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from commands.alerts.silence_scope import SilenceScope
from commands.language.grammar import NamedOperation, identify_operation, parse_operation, render_operation
from commands.language.help import Argument, OperationClasses, list_arguments
from commands.model.operation import Operation
from commands.values.arguments import BadArgument, Flag, Option, Positional, Target
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text, quote


@dataclass(frozen=True)
class RequestForm:
    """A form: the words that begin a request, and the arguments that may follow them."""

    operation: type[Operation]
    prefix: str
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
class FormInput:
    """The input of a form: the words of each argument by field, and the names of the flags that are set."""

    words: Mapping[str, tuple[str, ...]]
    flags: Collection[str] = ()


def build_form(operation: type[Operation]) -> RequestForm:
    """Builds the form of an operation with all of its arguments."""
    return RequestForm(operation, " ".join(operation.words), list_arguments(operation))


def find_missing(text: str, permitted: OperationClasses) -> RequestForm | None:
    """Finds the arguments that a request lacks, as a form; None if nothing is missing or the request has another error."""
    typed = normalize_text(text)
    try:
        asked = identify_operation(typed, permitted, permitted)
    except GrammarError:
        return None
    places = [each for each in list_arguments(asked.operation) if isinstance(each.kind, Positional)]
    missing = tuple(each for each in places[len(asked.words) :] if each.required)
    if not missing:
        return _build_incomplete_form(asked)
    return RequestForm(asked.operation, typed.text, (*missing, *_list_offered(asked)))


def _list_offered(asked: NamedOperation) -> Iterator[Argument]:
    """Lists the arguments that the form offers beside the missing ones, without those that were typed."""
    typed = {option.name for option in asked.options}
    for argument in list_arguments(asked.operation):
        if argument.field in asked.operation.offered and argument.option not in typed:
            yield argument


def find_confirmation(text: str, permitted: OperationClasses) -> RequestForm | None:
    """Finds the form that asks before a change that was not typed, with the arguments that it leaves open.

    None if the request changes nothing, lacks an argument, or has an error.
    """
    typed = normalize_text(text)
    try:
        operation = parse_operation(typed, permitted, permitted)
    except GrammarError:
        return None
    if operation.runs_at_a_tap() or operation.incomplete:
        return None
    free = [each for each in list_arguments(type(operation)) if getattr(operation, each.field) == each.default]
    if operation.offered:
        free = [each for each in free if each.field in operation.offered]
    return RequestForm(type(operation), typed.text, tuple(free))


def find_form(text: str, permitted: OperationClasses) -> RequestForm | None:
    """Finds the form that a request opens which was not typed. None if it runs at a tap, or has an error."""
    return find_missing(text, permitted) or find_confirmation(text, permitted)


def must_ask_first(text: str, catalogue: OperationClasses) -> bool:
    """Returns whether a request that was not typed has to open a form: it changes something, or lacks an argument.

    One with an unknown command cannot run anyway.
    """
    try:
        asked = identify_operation(normalize_text(text), catalogue, ())
    except GrammarError:
        return False
    return not asked.operation.runs_at_a_tap() or find_missing(text, catalogue) is not None


def _build_incomplete_form(asked: NamedOperation) -> RequestForm | None:
    """Builds the form for an operation that needs one of several arguments."""
    try:
        operation = asked.bind()
    except GrammarError:
        return None
    if not operation.incomplete:
        return None
    free = (each for each in list_arguments(asked.operation) if not isinstance(each.kind, Flag))
    open_ones = tuple(each for each in free if getattr(operation, each.field) == each.default)
    return RequestForm(asked.operation, asked.typed.text, open_ones)


def fill_form(
    form: RequestForm, given: FormInput, catalogue: OperationClasses, inventory: Inventory
) -> str | Mapping[str, Phrase]:
    """Returns the request in its canonical words, or the errors by field."""
    wrong: dict[str, Phrase] = {}
    words: list[str] = []
    gap = ""
    for argument, kind in form.positionals:
        said = _understand(kind.parse, given.words.get(argument.field, ()), many=kind.many)
        if not said:
            gap = gap or argument.field
        elif gap:
            wrong[gap] = Phrase("fill this in, or clear the fields below")
        elif complaint := _check_positional(kind, said, inventory):
            wrong[argument.field] = complaint
        words += map(quote, said)
    for argument, option in form.options:
        if said := _understand(_make_parser(option), given.words.get(argument.field, ())):
            words += [argument.option, quote(said[0])]
            if complaint := _check_option(option, said[0]):
                wrong[argument.field] = complaint
    flags = [argument.option for argument, _ in form.flags if argument.field in given.flags]
    if wrong:
        return wrong
    try:
        return render_operation(
            parse_operation(normalize_text(" ".join([form.prefix, *words, *flags])), catalogue, catalogue)
        )
    except GrammarError as error:
        return {form.arguments[0].field: error.phrase} if form.arguments else {"": error.phrase}


def _understand(parse: Callable[[tuple[str, ...]], object], said: tuple[str, ...], *, many: bool = False) -> tuple[str, ...]:
    """Returns what was typed if it is valid so, as any reason is. Otherwise normalized: full-width digits are digits.

    `many`: what is not one text is split into words.
    """
    try:
        if not said or isinstance(parse(said), str) or not many:
            return said
    except BadArgument:
        pass
    typed = tuple(map(normalize_text, said))
    return tuple(token.text for each in typed for token in each.tokens) if many else tuple(each.text for each in typed)


def _make_parser(option: Option) -> Callable[[tuple[str, ...]], object]:
    return lambda said: option.parse(said[0])


def _check_option(option: Option, said: str) -> Phrase | None:
    """Returns the error in the value of an option."""
    try:
        option.parse(said)
    except BadArgument as error:
        return error.phrase
    return None


def _check_positional(kind: Positional, said: tuple[str, ...], inventory: Inventory) -> Phrase | None:
    """Returns the error in one positional argument. Hosts must be in the inventory."""
    try:
        value = kind.parse(said)
        if isinstance(value, Target | SilenceScope):
            value.resolve(inventory)
    except BadArgument as error:
        return error.phrase
    return None
