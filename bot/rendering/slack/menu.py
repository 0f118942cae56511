"""The menu for the slash command without words: permitted commands as buttons. Pure."""

from collections.abc import Sequence

from adapters.phrase import Phrase, Texts
from bot.rendering.labels import COMMAND
from bot.rendering.slack import buttons
from bot.rendering.slack.blocks import Message, context, escape, section
from commands.language.grammar import Operations, arguments, find
from commands.model.operation import Operation
from commands.values.arguments import Positional
from commands.values.normalize import read


def menu(lately: Sequence[str], permitted: Operations, texts: Texts) -> Message:
    """Renders the suggested commands as buttons, and the button to the form."""
    what = Phrase("What would you like to know?").render(texts)
    words = likely(lately, permitted)
    form = buttons.button(Phrase("Form").render(texts), buttons.FORM, "{}")
    typed = escape(Phrase("You can also type it, such as {example}", example=f"{COMMAND} {words[0]}").render(texts))
    return Message(
        text="\n".join([what, *(f"{COMMAND} {escape(each)}" for each in words)]),
        blocks=(section(escape(what)), *buttons.row([*buttons.runs(words), form]), context(typed)),
    )


def likely(lately: Sequence[str], permitted: Operations) -> tuple[str, ...]:
    """Suggests permitted commands that need no argument: the person's recent ones, then all others."""
    theirs = [words for words in lately if find([token.text for token in read(words).tokens], permitted)]
    alone = [" ".join(operation.words) for operation in permitted if not _needs(operation)]
    return tuple(dict.fromkeys([*theirs, *alone]))[: buttons.RUNS]


def _needs(operation: type[Operation]) -> bool:
    return any(argument.required and isinstance(argument.kind, Positional) for argument in arguments(operation))
