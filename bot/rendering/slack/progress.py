"""Progress line while hosts are still awaited, which the answer replaces, and the message after a slow answer. Pure."""

from collections.abc import Sequence

from adapters.phrase import Listing, Phrase, Texts
from bot.rendering.slack.blocks import SlackMessage, escape
from bot.rendering.slack.paragraphs import render_command

MAX_NAMED_HOSTS = 8
"""Maximum number of hosts that are named. More are only counted."""


def render_awaited_hosts(hosts: Sequence[str], texts: Texts) -> SlackMessage:
    """Renders a line such as `Working on it. Waiting for 2 hosts: host-a, host-b`."""
    if not hosts:
        said = Phrase("Working on it. All hosts have responded.")
    elif len(hosts) <= MAX_NAMED_HOSTS:
        said = Phrase(
            "Working on it. Waiting for {n} host: {hosts}",
            plural="Working on it. Waiting for {n} hosts: {hosts}",
            n=len(hosts),
            hosts=Listing(tuple(hosts)),
        )
    else:
        said = Phrase(
            "Working on it. Waiting for {n} hosts, including {hosts}",
            n=len(hosts),
            hosts=Listing(tuple(hosts[:MAX_NAMED_HOSTS])),
        )
    return SlackMessage(f":hourglass_flowing_sand: {escape(said.render_sentence(texts), 900)}", ())


def render_ready(words: str, mention: str, texts: Texts) -> SlackMessage:
    """Renders the message that notifies the requester of a slow answer; `mention` is mrkdwn already."""
    ready = Phrase("The result is ready:").render(texts)
    return SlackMessage(f"{mention} {escape(ready)} {render_command(words)}", ())
