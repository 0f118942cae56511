"""Grammar: parses words into an operation, and renders an operation as words. Errors have a place and suggestions.

    text ─ identify_operation ─▶ NamedOperation ─ bind: positionals, --options ─▶ Operation ─ render_operation ─▶ words

The grammar knows no operation but `Help`, which is the meaning of `--help` everywhere. Operation classes define their
syntax by their words and the annotations of their fields (`commands.values.arguments`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.phrase import Phrase
from commands.about import Help
from commands.language.grammar_errors import (
    HELP_OPTION,
    make_left_over_error,
    make_missing_argument_error,
    make_unclosed_quote_error,
    make_unknown_command_error,
    make_unknown_option_error,
    replace_span,
)
from commands.language.help import OperationClasses, find_operation, list_arguments
from commands.model.operation import FleetChange, Operation
from commands.values.arguments import BadArgument, Flag, Option, Positional, shorten_argument
from commands.values.errors import GrammarError
from commands.values.normalize import MAX_REQUEST_LENGTH, Token, TypedText, quote

HERE_OPTION = "--here"


@dataclass(frozen=True)
class TypedOption:
    """A typed option: its token, and the word after it where options of that name take a value."""

    token: Token
    value: Token | None = None

    @property
    def name(self) -> str:
        return self.token.text.partition("=")[0].lower()

    @property
    def given_value(self) -> str | None:
        """The value after `=` or as the next word; None if there is none."""
        _, equals, text = self.token.text.partition("=")
        return text if equals else None if self.value is None else self.value.text

    @property
    def span(self) -> tuple[int, int]:
        return self.token.start, (self.value or self.token).end


@dataclass(frozen=True)
class NamedOperation:
    """An operation identified by its words, with unparsed arguments.

    Permission is checked at this point, so that errors in arguments reveal nothing to a requester without permission.
    """

    operation: type[Operation]
    words: tuple[Token, ...]
    """The words after its name."""
    options: tuple[TypedOption, ...]
    typed: TypedText
    longer: tuple[str, ...] = ()
    """The next words of operations whose names begin with this one's."""

    def bind(self) -> Operation:
        """Binds the arguments to the operation. Raises `GrammarError`."""
        values = _bind_positionals(self) | _bind_options(self.operation, self.options, self.typed)
        return self.operation.model_validate(values)

    def bind_given(self) -> dict[str, Any]:
        """Binds the given arguments, by field, whether or not others are missing. Raises `GrammarError`."""
        return _bind_given_positionals(self) | _bind_options(self.operation, self.options, self.typed)


def identify_operation(typed: TypedText, catalogue: OperationClasses, permitted: OperationClasses) -> NamedOperation:
    """Identifies the operation of a request. Raises `GrammarError` with suggestions from `permitted` only."""
    if typed.cut:
        raise GrammarError(Phrase("a command can have up to {n} characters", n=MAX_REQUEST_LENGTH))
    if typed.unclosed is not None:
        raise make_unclosed_quote_error(typed.text, typed.unclosed)
    words, options = _split_options(typed.tokens, catalogue)
    found = find_operation([word.text for word in words], catalogue)
    if found is None and words:
        raise make_unknown_command_error(typed, words, permitted)
    operation, count = found or (Help, 0)
    if any(option.name == HELP_OPTION for option in options):
        about = tuple(Token(word, 0, 0) for word in operation.words) if found else ()
        return NamedOperation(Help, about, tuple(option for option in options if option.name == HERE_OPTION), typed)
    return NamedOperation(operation, words[count:], options, typed, tuple(_list_next_words(operation, permitted)))


def parse_operation(typed: TypedText, catalogue: OperationClasses, permitted: OperationClasses) -> Operation:
    """Parses a request into an operation. Raises `GrammarError` with suggestions from `permitted` only."""
    return identify_operation(typed, catalogue, permitted).bind()


def render_operation(operation: Operation) -> str:
    """Renders an operation as its canonical words, which parse into an equal operation.

    Arguments with default values are left out. With `--here` only arguments that were not given are left out, because an
    incident's channel has other defaults.
    """
    said = operation.model_fields_set if getattr(operation, "here", False) else frozenset()
    positionals: list[str] = []
    kept = 0
    flags: list[str] = []
    for argument in list_arguments(type(operation)):
        value = getattr(operation, argument.field)
        match argument.kind:
            case Positional(render=render):
                positionals += [quote(word) for word in render(value)]
                if value != argument.default or argument.field in said:
                    kept = len(positionals)
            case Flag() if value:
                flags.append(argument.option)
            case Option(render=say) if value != argument.default or (value is not None and argument.field in said):
                flags += [argument.option, quote(say(value))]
    return " ".join((*operation.words, *positionals[:kept], *flags))


def render_change(operation: FleetChange) -> str:
    """Renders a change without the options that all changes share: what it does, not how it was requested."""
    return render_operation(
        operation.model_copy(update={"reason": "", "break_glass": False, "dry_run": False, "here": False})
    )


def locate_error(error: BadArgument, text: str) -> GrammarError:
    """Converts to a `GrammarError` with the place in `text`, and with corrected texts as suggestions.

    A part inside quotes has no place.
    """
    if not error.part:
        return GrammarError(error.phrase)
    places = [place.span() for place in re.finditer(rf"(?<![^\s,\"'])({re.escape(error.part)})(?![^\s,\"'])", text)]
    if not places:
        return GrammarError(error.phrase)
    return GrammarError(error.phrase, span=places[-1], suggestions=replace_span(text, places[-1], error.nearest))


def _is_option(token: Token) -> bool:
    return token.text.startswith("-") and len(token.text) > 1 and not token.quoted


def _list_next_words(operation: type[Operation], permitted: OperationClasses) -> Iterator[str]:
    """Lists the words that would make the name of an operation that of another one: `rehearse` after `host`."""
    depth = len(operation.words)
    for other in permitted:
        if other.words[:depth] == operation.words and len(other.words) > depth:
            yield other.words[depth]


def _bind_positionals(asked: NamedOperation) -> dict[str, Any]:
    """Binds the words after the name. Raises `GrammarError` if one is missing or left over."""
    values = _bind_given_positionals(asked)
    for argument in list_arguments(asked.operation):
        if isinstance(argument.kind, Positional) and argument.required and argument.field not in values:
            raise make_missing_argument_error(asked.operation, argument.kind)
    return values


def _bind_given_positionals(asked: NamedOperation) -> dict[str, Any]:
    """Binds the words after the name to the arguments in their order. Raises `GrammarError` if one is left over."""
    values: dict[str, Any] = {}
    operation, left, typed = asked.operation, asked.words, asked.typed
    for argument in list_arguments(operation):
        if not isinstance(argument.kind, Positional):
            continue
        taken, left = (left, ()) if argument.kind.many else (left[:1], left[1:])
        if taken:
            values[argument.field] = _parse_positional(argument.kind, taken, typed)
    if left:
        raise make_left_over_error(operation, asked.longer if left == asked.words else (), left, typed)
    return values


def _parse_positional(kind: Positional, taken: Sequence[Token], typed: TypedText) -> Any:
    try:
        return kind.parse(tuple(token.text for token in taken))
    except BadArgument as error:
        raise locate_error(error, typed.text) from error


def _split_options(
    tokens: Sequence[Token], catalogue: OperationClasses
) -> tuple[tuple[Token, ...], tuple[TypedOption, ...]]:
    """Splits words from options. The word after an option belongs to it if any operation's option of that name takes one."""
    valued = {
        argument.option
        for operation in catalogue
        for argument in list_arguments(operation)
        if isinstance(argument.kind, Option)
    }
    words: list[Token] = []
    options: list[TypedOption] = []
    before: Token | None = None
    for token in tokens:
        last = options[-1] if options else None
        if _is_option(token):
            options.append(TypedOption(token))
        elif last is not None and last.token is before and last.name in valued and last.given_value is None:
            options[-1] = TypedOption(last.token, token)
        else:
            words.append(token)
        before = token
    return tuple(words), tuple(options)


def _bind_options(operation: type[Operation], options: Sequence[TypedOption], typed: TypedText) -> dict[str, Any]:
    known = {
        argument.option: argument for argument in list_arguments(operation) if not isinstance(argument.kind, Positional)
    }
    values = {}
    for option in options:
        argument = known.get(option.name)
        if argument is None:
            raise make_unknown_option_error(operation, option.token, known, typed)
        if isinstance(argument.kind, Option):
            values[argument.field] = _parse_option_value(argument.kind, option, typed)
        elif option.given_value is not None:
            phrase = Phrase(
                "{option} takes no value. Remove {value}",
                option=option.name,
                value=shorten_argument(typed.text[option.token.start + len(option.name) : option.span[1]].strip()),
            )
            raise GrammarError(phrase, span=option.span, suggestions=replace_span(typed.text, option.span, (option.name,)))
        else:
            values[argument.field] = True
    return values


def _parse_option_value(kind: Option, option: TypedOption, typed: TypedText) -> Any:
    said = kind.flag_value if option.given_value is None else option.given_value
    if said is None:
        phrase = Phrase(
            "{option} requires {placeholder}: {meaning}",
            option=option.name,
            placeholder=kind.placeholder.upper(),
            meaning=kind.meaning,
        )
        raise GrammarError(phrase, span=option.span)
    try:
        return kind.parse(said)
    except BadArgument as error:
        raise locate_error(error, typed.text) from error
