"""Settings of incidents: the `[incidents]` table."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from bot.access.people import Mention
from bot.access.rules import ChannelId


class IncidentSettings(BaseModel):
    """The `[incidents]` table.

    `channel`: the place of incidents that are opened outside of Slack, and of reminders that no one else answered.
    `announce`: where updates go, for those who wait. `escalate`: people and user groups who are called when a critical
    incident stays quiet. `reaction`: the name of the emoji that makes a message a note; None switches reactions off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    channel: ChannelId | None = None
    announce: ChannelId | None = None
    escalate: tuple[Mention, ...] = ()
    reaction: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_+'-]{1,100}$")] | None = None


NO_INCIDENT_SETTINGS = IncidentSettings()
"""Settings of incidents where none are configured."""
