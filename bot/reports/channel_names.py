"""Channels in reports, by their names. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.phrase import Phrase


@dataclass(frozen=True)
class ReportPlace:
    """The channel in which a report is read, "" outside of Slack, and the names of channels that are known.

    A name is `#ops`; that of a private channel is "", because not every reader may know it.
    """

    channel: str = ""
    names: Mapping[str, str] = field(default_factory=dict)

    def name_channel(self, channel: str) -> Phrase | str:
        """Names a channel for the reader. One that could not be looked up keeps its id."""
        name = self.names.get(channel)
        if name:
            return name
        if channel and channel == self.channel:
            return Phrase("this channel")
        return channel if name is None else Phrase("a private channel")
