"""Renders the topics of help: their names in one line, and a menu that shows the help of one. Pure."""

from collections.abc import Mapping

from adapters.phrase import Phrase, Texts
from bot.rendering.slack.blocks import Block, escape, make_plain_text
from bot.rendering.slack.buttons import MAX_LABEL, encode_words
from commands.about import Help

MAX_TOPICS = 100
"""Slack's limit for the options of a menu."""

_MAX_NAME = 40


def render_topics(topics: Mapping[str, Phrase]) -> str:
    """Renders the names in one line."""
    return " · ".join(f"`{escape(topic, _MAX_NAME)}`" for topic in topics)


def make_topic_menu(topics: Mapping[str, Phrase], action: str, texts: Texts) -> Block:
    """Makes the menu. The choice of a topic runs its help."""
    return {
        "type": "static_select",
        "action_id": f"{action}.topic",
        "placeholder": make_plain_text(Phrase("Help on a topic").render(texts), MAX_LABEL),
        "options": [
            {
                "text": make_plain_text(topic, MAX_LABEL),
                "value": encode_words(" ".join((*Help.words, topic))),
                "description": make_plain_text(summary.render_sentence(texts), MAX_LABEL),
            }
            for topic, summary in list(topics.items())[:MAX_TOPICS]
        ],
    }
