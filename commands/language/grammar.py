"""Grammar: words to an operation, or an error with its place and suggestions; and an operation back to words.

    text ─ identify_operation ─▶ NamedOperation ─ bind: positionals, --options ─▶ Operation ─ render_operation ─▶ words

The grammar knows no operation but `Help`, which is the meaning of `--help` everywhere. Operation classes define their
syntax by their words and the annotations of their fields (`commands.values.arguments`).
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from adapters.phrase import Listing, Phrase
from commands.bot_state.about import Help
from commands.model.operation import FleetChange, Operation
from commands.values.arguments import NEAREST, SHOWN, BadArgument, Flag, Option, Positional, nearest, shown
from commands.values.errors import GrammarError
from commands.values.normalize import LIMIT, Token, Typed, quote

HELP = "--help"
HERE = "--here"

LIKENESS = 0.6
"""Minimum similarity (0 to 1) of a command suggested for unknown words; the default of difflib."""

SUGGESTION_LIMIT = 200
"""Maximum characters of a suggestion. Longer ones are dropped; the error itself names similar words."""

_NEXT_OPTION = re.compile(r"\s+--[A-Za-z]")

Operations = Collection[type[Operation]]


@dataclass(frozen=True)
class Argument:
    """One field of an operation as a typed argument."""

    field: str
    kind: Positional | Flag | Option
    required: bool
    default: Any

    @property
    def option(self) -> str:
        return "--" + self.field.replace("_", "-")


@cache  # takes most of the time of parsing a request, and a class never changes
def arguments(operation: type[Operation]) -> tuple[Argument, ...]:
    """Lists an operation's arguments: positionals, then its own options, those of every change, those of every operation."""
    common = (FleetChange.model_fields.keys(), Operation.model_fields.keys())
    taken = [
        Argument(name, _kind(operation, name), field.is_required(), field.get_default(call_default_factory=True))
        for name, field in operation.model_fields.items()
    ]
    return tuple(sorted(taken, key=lambda each: (not isinstance(each.kind, Positional), _shared(each, common))))


def _shared(argument: Argument, common: Sequence[Collection[str]]) -> int:
    return sum(argument.field in fields for fields in common)


def _kind(operation: type[Operation], field: str) -> Positional | Flag | Option:
    for kind in operation.model_fields[field].metadata:
        if isinstance(kind, Positional | Flag | Option):
            return kind
    raise TypeError(f"{operation.__name__}.{field} does not say how it is typed; annotate it (commands.arguments)")


def find(words: Sequence[str], catalogue: Operations) -> tuple[type[Operation], int] | None:
    """Finds the operation named by the first words, and the number of those words. The longest name wins."""
    nouns = {name[0] for operation in catalogue for name in names(operation)}
    said = tuple(singular(word.lower(), nouns) if place == 0 else word.lower() for place, word in enumerate(words))
    fitting = [(operation, len(name)) for operation in catalogue for name in names(operation) if said[: len(name)] == name]
    return max(fitting, key=lambda fit: fit[1], default=None)


def names(operation: type[Operation]) -> tuple[tuple[str, ...], ...]:
    """Lists all names of an operation. The first is the one that is shown."""
    return operation.words, *operation.aliases


def singular(word: str, nouns: Collection[str]) -> str:
    """Returns the singular of a noun: `host` for `hosts`, unless `hosts` is a noun itself."""
    return word.removesuffix("s") if word not in nouns and word.removesuffix("s") in nouns else word


@dataclass(frozen=True)
class Spoken:
    """A typed option: its token, and the word after it where options of that name take a value."""

    token: Token
    value: Token | None = None

    @property
    def name(self) -> str:
        return self.token.text.partition("=")[0].lower()

    @property
    def said(self) -> str | None:
        """The value after `=` or as the next word; None if there is none."""
        _, equals, text = self.token.text.partition("=")
        return text if equals else None if self.value is None else self.value.text

    @property
    def span(self) -> tuple[int, int]:
        return self.token.start, (self.value or self.token).end


@dataclass(frozen=True)
class Named:
    """An operation identified by its words, with unparsed arguments.

    Permission is checked at this point, so that errors in arguments reveal nothing to a requester without permission.
    """

    operation: type[Operation]
    words: tuple[Token, ...]
    """The words after its name."""
    options: tuple[Spoken, ...]
    typed: Typed

    def bound(self) -> Operation:
        """Binds the arguments to the operation. Raises `GrammarError`."""
        values = _positionals(self.operation, self.words, self.typed) | _options(self.operation, self.options, self.typed)
        return self.operation.model_validate(values)


def named(typed: Typed, catalogue: Operations, permitted: Operations) -> Named:
    """Identifies the operation of a request. Raises `GrammarError` with suggestions from `permitted` only."""
    if typed.cut:
        raise GrammarError(Phrase("a request has at most {n} characters; ask for less at once", n=LIMIT))
    if typed.unclosed is not None:
        raise _unclosed(typed.text, typed.unclosed)
    words, options = _split(typed.tokens, catalogue)
    found = find([word.text for word in words], catalogue)
    if found is None and words:
        raise _unknown(typed, words, permitted)
    operation, count = found or (Help, 0)
    if any(option.name == HELP for option in options):
        about = tuple(Token(word, 0, 0) for word in operation.words) if found else ()
        return Named(Help, about, tuple(option for option in options if option.name == HERE), typed)
    return Named(operation, words[count:], options, typed)


def understand(typed: Typed, catalogue: Operations, permitted: Operations) -> Operation:
    """Parses a request into an operation. Raises `GrammarError` with suggestions from `permitted` only."""
    return named(typed, catalogue, permitted).bound()


def canonical(operation: Operation) -> str:
    """Renders an operation as its canonical words, which parse into an equal operation.

    Arguments with default values are left out. With `--here` only arguments that were not given are left out, because an
    incident's channel has other defaults.
    """
    said = operation.model_fields_set if getattr(operation, "here", False) else frozenset()
    positionals: list[str] = []
    kept = 0
    flags: list[str] = []
    for argument in arguments(type(operation)):
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


def located(error: BadArgument, text: str) -> GrammarError:
    """Converts to a `GrammarError` with the place in `text`, and with corrected texts as suggestions.

    A part inside quotes has no place.
    """
    if not error.part:
        return GrammarError(error.phrase)
    places = [place.span() for place in re.finditer(rf"(?<![^\s,\"'])({re.escape(error.part)})(?![^\s,\"'])", text)]
    if not places:
        return GrammarError(error.phrase)
    return GrammarError(error.phrase, span=places[-1], suggestions=_mended(text, places[-1], error.nearest))


def _is_option(token: Token) -> bool:
    return token.text.startswith("-") and len(token.text) > 1 and not token.quoted


def _positionals(operation: type[Operation], words: Sequence[Token], typed: Typed) -> dict[str, Any]:
    values: dict[str, Any] = {}
    left = words
    for argument in arguments(operation):
        if not isinstance(argument.kind, Positional):
            continue
        taken, left = (left, ()) if argument.kind.many else (left[:1], left[1:])
        if taken:
            values[argument.field] = _parsed(argument.kind, taken, typed)
        elif argument.required:
            raise _missing(operation, argument.kind)
    if left:
        raise _left_over(operation, left, typed)
    return values


def _parsed(kind: Positional, taken: Sequence[Token], typed: Typed) -> Any:
    try:
        return kind.parse(tuple(token.text for token in taken))
    except BadArgument as error:
        raise located(error, typed.text) from error


def _split(tokens: Sequence[Token], catalogue: Operations) -> tuple[tuple[Token, ...], tuple[Spoken, ...]]:
    """Splits words from options. The word after an option belongs to it if any operation's option of that name takes one."""
    valued = {
        argument.option for operation in catalogue for argument in arguments(operation) if isinstance(argument.kind, Option)
    }
    words: list[Token] = []
    options: list[Spoken] = []
    before: Token | None = None
    for token in tokens:
        last = options[-1] if options else None
        if _is_option(token):
            options.append(Spoken(token))
        elif last is not None and last.token is before and last.name in valued and last.said is None:
            options[-1] = Spoken(last.token, token)
        else:
            words.append(token)
        before = token
    return tuple(words), tuple(options)


def _options(operation: type[Operation], options: Sequence[Spoken], typed: Typed) -> dict[str, Any]:
    known = {argument.option: argument for argument in arguments(operation) if not isinstance(argument.kind, Positional)}
    values = {}
    for option in options:
        argument = known.get(option.name)
        if argument is None:
            raise _unknown_option(operation, option.token, known, typed)
        if isinstance(argument.kind, Option):
            values[argument.field] = _value(argument.kind, option, typed)
        elif option.said is not None:
            phrase = Phrase(
                "{option} takes no value; leave {value} out",
                option=option.name,
                value=shown(typed.text[option.token.start + len(option.name) : option.span[1]].strip()),
            )
            raise GrammarError(phrase, span=option.span, suggestions=_mended(typed.text, option.span, (option.name,)))
        else:
            values[argument.field] = True
    return values


def _value(kind: Option, option: Spoken, typed: Typed) -> Any:
    said = kind.bare if option.said is None else option.said
    if said is None:
        phrase = Phrase(
            "{option} needs {placeholder}: {meaning}",
            option=option.name,
            placeholder=kind.placeholder.upper(),
            meaning=kind.meaning,
        )
        raise GrammarError(phrase, span=option.span)
    try:
        return kind.parse(said)
    except BadArgument as error:
        raise located(error, typed.text) from error


def _unclosed(text: str, start: int) -> GrammarError:
    """Makes the error for an unclosed quote. The suggestion closes it before the next option, or at the end."""
    option = _NEXT_OPTION.search(text, start)
    end = len(text) if option is None else option.start()
    closed = (text[start:end] + text[start],) if end > start + 1 else ()
    phrase = Phrase("a quote is not closed: {words}; close it, or leave it out", words=shown(text[start:]))
    return GrammarError(phrase, span=(start, len(text)), suggestions=_mended(text, (start, end), closed))


def _unknown(typed: Typed, words: Sequence[Token], permitted: Operations) -> GrammarError:
    suggestions = [
        suggestion
        for name in _like(words, permitted)
        for suggestion in _mended(typed.text, (words[0].start, words[: len(name)][-1].end), (" ".join(name),))
    ]
    return GrammarError(
        Phrase(
            "{word} is not a command; {help} lists what you can ask for",
            word=shown(words[0].text),
            help=" ".join(Help.words),
        ),
        span=(words[0].start, words[0].end),
        suggestions=suggestions,
    )


def _like(words: Sequence[Token], permitted: Operations) -> list[tuple[str, ...]]:
    """Finds the names most similar to the first words, the most similar first."""

    def likeness(name: tuple[str, ...]) -> float:
        said = " ".join(word.text.lower() for word in words[: len(name)])
        return difflib.SequenceMatcher(None, said[:SHOWN], " ".join(name)).ratio()

    ranked = sorted(((likeness(operation.words), operation.words) for operation in permitted), reverse=True)
    return [name for ratio, name in ranked if ratio >= LIKENESS][:NEAREST]


def _unknown_option(operation: type[Operation], option: Token, flags: Mapping[str, Argument], typed: Typed) -> GrammarError:
    bare = option.text.partition("=")[0].lower().lstrip("-")
    known = {name.lstrip("-"): name for name in (*flags, HELP)}
    near = nearest(bare, known) or tuple(name for name in sorted(known) if bare and name.startswith(bare))
    span = (option.start, option.end)
    phrase = Phrase(
        "{words} has no option {option}; it has {known}",
        words=" ".join(operation.words),
        option=shown(option.text),
        known=Listing((*flags, HELP)),
    )
    return GrammarError(phrase, span=span, suggestions=_mended(typed.text, span, [known[name] for name in near]))


def _missing(operation: type[Operation], kind: Positional) -> GrammarError:
    phrase = Phrase(
        "{words} needs {placeholder}: {meaning}",
        words=" ".join(operation.words),
        placeholder=kind.placeholder,
        meaning=kind.meaning,
    )
    return GrammarError(phrase, suggestions=(operation.example,))


def _left_over(operation: type[Operation], left: Sequence[Token], typed: Typed) -> GrammarError:
    span = (left[0].start, left[-1].end)
    phrase = Phrase(
        "{words} does not take {left}; leave it out", words=" ".join(operation.words), left=shown(typed.text[slice(*span)])
    )
    return GrammarError(phrase, span=span, suggestions=_mended(typed.text, span, ("",)))


def _mended(text: str, span: tuple[int, int], replacements: Sequence[str]) -> Iterator[str]:
    """Yields the text with each replacement in place of the span, unless it is longer than `MAX_SUGGESTION_LENGTH`."""
    for replacement in replacements:
        mended = (text[: span[0]] + replacement + text[span[1] :]).strip()
        if len(mended) <= SUGGESTION_LIMIT:
            yield mended
