"""The menu for the slash command without words: permitted commands as buttons. Pure."""

from collections.abc import Sequence

from adapters.phrase import Phrase, Texts
from bot.rendering.labels import COMMAND
from bot.rendering.slack import buttons
from bot.rendering.slack.blocks import SlackMessage, escape, make_context, make_section
from commands.language.signature import OperationClasses, find_operation, list_arguments
from commands.model.operation import Operation
from commands.values.arguments import Positional
from commands.values.normalize import normalize_text


def render_menu(lately: Sequence[str], permitted: OperationClasses, texts: Texts) -> SlackMessage:
    """Renders the suggested commands as buttons, and the button to the form."""
    what = Phrase("What would you like to check?").render(texts)
    words = suggest_commands(lately, permitted)
    form = buttons.make_button(Phrase("Form").render(texts), buttons.FORM_ACTION, "{}")
    typed = escape(Phrase("You can also type a command, such as {example}", example=f"{COMMAND} {words[0]}").render(texts))
    return SlackMessage(
        text="\n".join([what, *(f"{COMMAND} {escape(each)}" for each in words)]),
        blocks=(
            make_section(escape(what)),
            *buttons.make_row([*buttons.make_run_buttons(words, texts), form]),
            make_context(typed),
        ),
    )


def suggest_commands(lately: Sequence[str], permitted: OperationClasses) -> tuple[str, ...]:
    """Suggests permitted commands that need no argument: the person's recent ones, then all others."""
    theirs = [words for words in lately if find_operation([token.text for token in normalize_text(words).tokens], permitted)]
    alone = [" ".join(operation.words) for operation in permitted if not _needs_argument(operation)]
    return tuple(dict.fromkeys([*theirs, *alone]))[: buttons.MAX_BUTTONS]


def _needs_argument(operation: type[Operation]) -> bool:
    return any(argument.required and isinstance(argument.kind, Positional) for argument in list_arguments(operation))
