"""Update preview: the line that those who wait will read, before it is posted."""

from dataclasses import dataclass

from adapters.phrase import Phrase


@dataclass(frozen=True)
class UpdatePreview:
    """Preview of an update. `words` are the command with the number of its incident.

    `channel` gets exactly `line`; it is "" where the update is not announced, for the reason in `obstacle`.
    """

    words: str
    line: Phrase
    channel: str = ""
    obstacle: Phrase | None = None
