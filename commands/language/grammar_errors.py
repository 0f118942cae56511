"""Errors of the grammar: each names what is wrong and where, and suggests whole requests in its place. Pure.

Suggestions consist of what the person typed and of words of the grammar. Examples are never suggested, because their hosts
and IDs are not real.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

from adapters.phrase import Listing, Phrase
from commands.about import Help
from commands.language.help import Argument, OperationClasses, find_noun
from commands.model.operation import Operation
from commands.values.arguments import (
    MAX_SHOWN_LENGTH,
    MAX_SUGGESTIONS,
    Positional,
    find_nearest,
    shorten_argument,
)
from commands.values.errors import GrammarError
from commands.values.normalize import Token, TypedText

HELP_OPTION = "--help"

MIN_SIMILARITY = 0.6
"""Minimum similarity (0 to 1) of a command suggested for unknown words; the default of difflib."""

MAX_SUGGESTION_LENGTH = 200
"""Maximum characters of a suggestion. Longer ones are dropped; the error itself names similar words."""

VERBS_MEANT = {
    "表示": "show",
    "起動": "start",
    "停止": "stop",
    "再起動": "restart",
    "更新": "renew",
    "追加": "add",
    "削除": "remove",
    "解除": "remove",
    "一時停止": "pause suspend",
    "再開": "resume",
    "休止": "suspend",
    "実行": "run",
    "開始": "open",
    "解決": "resolve",
    "取り下げ": "cancel",
    "続行": "continue",
    "検索": "search",
    "検証": "verify",
    "作成": "create",
    "復元": "restore",
    "整理": "prune",
    "切り替え": "rotation",
    "の切り替え": "rotation",
    "delete": "remove",
    "close": "resolve",
    "create": "add",
}
"""Verbs that are typed for others: in Japanese, and synonyms. Of several, the one that the noun has is meant."""

_NEXT_OPTION = re.compile(r"\s+--[A-Za-z]")


def find_verbs(word: str, verbs: Sequence[str]) -> tuple[str, ...]:
    """Finds the verbs that a word may mean, the most similar first."""
    meant = tuple(verb for verb in VERBS_MEANT.get(word.lower(), "").split() if verb in verbs)
    return meant or find_nearest(word, verbs)


def make_unclosed_quote_error(text: str, start: int) -> GrammarError:
    """Makes the error for an unclosed quote. The suggestion closes it before the next option, or at the end."""
    option = _NEXT_OPTION.search(text, start)
    end = len(text) if option is None else option.start()
    closed = (text[start:end] + text[start],) if end > start + 1 else ()
    phrase = Phrase("unclosed quote: {words}. Close it or remove it", words=shorten_argument(text[start:]))
    return GrammarError(phrase, span=(start, len(text)), suggestions=replace_span(text, (start, end), closed))


def make_unknown_command_error(typed: TypedText, words: Sequence[Token], permitted: OperationClasses) -> GrammarError:
    """Makes the error for words that name no operation. A known noun lists its commands, an unknown one suggests others."""
    nouns = {operation.words[0] for operation in permitted}
    noun = find_noun(words[0].text, nouns)
    if noun in nouns:
        return _make_unknown_verb_error(typed, words, [each.words for each in permitted if each.words[0] == noun])
    suggestions = [
        suggestion
        for name in _find_similar_names(words, permitted)
        for suggestion in replace_span(typed.text, (words[0].start, words[: len(name)][-1].end), (" ".join(name),))
    ]
    word, span = shorten_argument(words[0].text), (words[0].start, words[0].end)
    if suggestions or not nouns:
        phrase = Phrase("unknown command: {word}. Run {help} for the list", word=word, help=" ".join(Help.words))
    else:
        phrase = Phrase("unknown command: {word}. Available: {known}", word=word, known=Listing(tuple(sorted(nouns))))
    return GrammarError(phrase, span=span, suggestions=suggestions)


def _make_unknown_verb_error(typed: TypedText, words: Sequence[Token], names: Sequence[tuple[str, ...]]) -> GrammarError:
    """Makes the error for a noun with an unknown verb or without one. `names` are the noun's operations."""
    known = Listing(tuple(" ".join(name) for name in names))
    noun, verb = names[0][0], words[1] if len(words) > 1 else None
    if verb is None:
        phrase = Phrase("{words} needs another word. Available: {known}", words=noun, known=known)
        return GrammarError(phrase, span=(words[0].start, words[0].end), suggestions=_suggest_names(names))
    phrase = Phrase(
        "{words} has no command {verb}. Available: {known}", words=noun, verb=shorten_argument(verb.text), known=known
    )
    near = find_verbs(verb.text, [name[1] for name in names if len(name) > 1])
    mended = tuple(replace_span(typed.text, (words[0].start, verb.end), [f"{noun} {each}" for each in near]))
    return GrammarError(phrase, span=(verb.start, verb.end), suggestions=mended or _suggest_names(names))


def _suggest_names(names: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Suggests a noun's operations without arguments, which open their form, and the noun's help."""
    return (*(" ".join(name) for name in names[: MAX_SUGGESTIONS - 1]), suggest_help(names[0][0]))


def suggest_help(noun: str) -> str:
    """Returns the request for a noun's help, which lists its commands."""
    return " ".join((*Help.words, noun))


def _find_similar_names(words: Sequence[Token], permitted: OperationClasses) -> list[tuple[str, ...]]:
    """Finds the names most similar to the first words, the most similar first. A common verb alone makes none similar."""
    said = [word.text.lower() for word in words]

    def likeness(name: tuple[str, ...]) -> float:
        noun = max(_compare(said[0], name[0]), _compare(said[0], " ".join(name)))
        return _compare(" ".join(said[: len(name)]), " ".join(name)) if noun >= MIN_SIMILARITY else 0.0

    ranked = sorted(((likeness(operation.words), operation.words) for operation in permitted), reverse=True)
    return [name for ratio, name in ranked if ratio >= MIN_SIMILARITY][:MAX_SUGGESTIONS]


def _compare(said: str, known: str) -> float:
    return difflib.SequenceMatcher(None, said[:MAX_SHOWN_LENGTH], known).ratio()


def make_unknown_option_error(
    operation: type[Operation], option: Token, flags: Mapping[str, Argument], typed: TypedText
) -> GrammarError:
    """Makes the error for an option that the operation does not have."""
    bare = option.text.partition("=")[0].lower().lstrip("-")
    known = {name.lstrip("-"): name for name in (*flags, HELP_OPTION)}
    near = find_nearest(bare, known) or tuple(name for name in sorted(known) if bare and name.startswith(bare))
    span = (option.start, option.end)
    phrase = Phrase(
        "{words} has no option {option}. Available: {known}",
        words=" ".join(operation.words),
        option=shorten_argument(option.text),
        known=Listing((*flags, HELP_OPTION)),
    )
    return GrammarError(phrase, span=span, suggestions=replace_span(typed.text, span, [known[name] for name in near]))


def make_missing_argument_error(operation: type[Operation], kind: Positional) -> GrammarError:
    """Makes the error for a missing argument. It has no suggestion: only the person knows the argument, and a form asks."""
    phrase = Phrase(
        "{words} requires {placeholder}: {meaning}",
        words=" ".join(operation.words),
        placeholder=kind.placeholder,
        meaning=kind.meaning,
    )
    return GrammarError(phrase)


def make_left_over_error(
    operation: type[Operation], verbs: Sequence[str], left: Sequence[Token], typed: TypedText
) -> GrammarError:
    """Makes the error for words that the operation does not accept. They may begin with one of the `verbs` of its noun."""
    text, span = typed.text, (left[0].start, left[-1].end)
    words = " ".join(operation.words)
    if not verbs:
        phrase = Phrase("{words} does not accept {left}. Remove it", words=words, left=shorten_argument(text[slice(*span)]))
        return GrammarError(phrase, span=span, suggestions=replace_span(text, span, ("",)))
    phrase = Phrase(
        "{words} has no command {verb}. Available: {known}",
        words=words,
        verb=shorten_argument(left[0].text),
        known=Listing(tuple(f"{words} {verb}" for verb in verbs)),
    )
    verb_span = (left[0].start, left[0].end)
    meant = tuple(replace_span(text, verb_span, find_verbs(left[0].text, verbs)))
    without = replace_span(text, span, ("",))
    return GrammarError(phrase, span=verb_span, suggestions=(*meant, *without, suggest_help(operation.words[0])))


def replace_span(text: str, span: tuple[int, int], replacements: Sequence[str]) -> Iterator[str]:
    """Yields the text with each replacement in place of the span, unless it is longer than `MAX_SUGGESTION_LENGTH`."""
    for replacement in replacements:
        mended = (text[: span[0]] + replacement + text[span[1] :]).strip()
        if len(mended) <= MAX_SUGGESTION_LENGTH:
            yield mended
