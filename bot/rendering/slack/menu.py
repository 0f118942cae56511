"""The menu for the slash command without words: where this person starts, and the topics of what they may use. Pure."""

from collections.abc import Sequence

from adapters.phrase import Phrase, Texts
from bot.rendering.slack import buttons
from bot.rendering.slack.blocks import SlackMessage, escape, make_context, make_section
from bot.rendering.slack.buttons import make_topic_menu, render_topics
from bot.rendering.text import COMMAND
from commands.language.help import OperationClasses, list_topics


def render_menu(starts: Sequence[str], permitted: OperationClasses, texts: Texts) -> SlackMessage:
    """Renders the requests to start with as buttons, the topics, and the button to the form."""
    what = escape(Phrase("What would you like to do?").render(texts))
    topics = list_topics(permitted)
    example = f"{COMMAND} {(*starts, *topics)[0]}"
    form = buttons.make_button(Phrase("Form").render(texts), buttons.FORM_ACTION, "{}")
    typed = escape(Phrase("You can also type a command, such as {example}", example=example).render(texts))
    return SlackMessage(
        text="\n".join([what, *(f"{COMMAND} {escape(each)}" for each in starts)]),
        blocks=(
            make_section(f"*{what}*"),
            *buttons.make_row(
                [
                    *buttons.make_run_buttons(starts, texts),
                    form,
                    make_topic_menu(topics, buttons.RUN_ACTION, texts),
                ]
            ),
            make_section(render_topics(topics)),
            make_context(typed),
        ),
    )
