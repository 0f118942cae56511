"""The Slack workspace that a running bot must have."""

from adapters.phrase import Phrase
from bot.config.errors import Misconfigured
from bot.config.settings import Settings, SlackSettings


def require_workspace(settings: Settings) -> SlackSettings:
    """Returns the Slack settings. Raises `Misconfigured` if there are none."""
    if settings.slack is None:
        raise Misconfigured(
            Phrase("the configuration has no [slack] table. Add it, or use flatnet-bot do or flatnet-bot shell")
        )
    return settings.slack
