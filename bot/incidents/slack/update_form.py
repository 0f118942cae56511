"""The preview of an update: a modal with exactly the line that will be posted, and the button that posts it. Pure.

Posted in #status, exactly as follows:
> Incident 3 (open, high): we are switching to the other gateway
"""

from adapters.phrase import Phrase, Texts
from bot.model.incident import UpdatePreview
from bot.rendering.slack.blocks import Block, escape, format_channel_link, make_context, make_plain_text, make_section
from bot.rendering.slack.form import CALLBACK_ID

_CHANNEL = "#channel"
"""The place of the link to the channel in a sentence: a link would be escaped with it."""

_MAX_LINE = 2_900
"""Characters of the line, below Slack's limit for a section."""


def build_modal(note: str, preview: UpdatePreview, texts: Texts, posted: Texts) -> Block:
    """Builds the modal. It carries `note` back to the bot; `posted` are the texts of the channel that gets the line."""
    line = make_section(escape(preview.line.render_sentence(posted), _MAX_LINE))
    if preview.channel:
        head = Phrase("Posted in {channel}, exactly as follows:", channel=_CHANNEL).render_sentence(texts)
        shown = escape(head).replace(_CHANNEL, format_channel_link(preview.channel))
        foot = Phrase("No hosts, links or causes are added.")
    else:
        shown = escape((preview.obstacle or preview.line).render_sentence(texts))
        foot = Phrase("Nothing is posted elsewhere.")
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "title": _make_label(Phrase("Preview"), texts),
        "submit": _make_label(Phrase("Post update"), texts),
        "close": _make_label(Phrase("Cancel"), texts),
        "private_metadata": note,
        "blocks": [make_section(shown), {"type": "divider"}, line, make_context(escape(foot.render_sentence(texts)))],
    }


def _make_label(phrase: Phrase, texts: Texts) -> Block:
    return make_plain_text(phrase.render_sentence(texts), 24)
