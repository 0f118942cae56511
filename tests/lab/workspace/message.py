"""A message as the workspace keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Content:
    """What a message says: the text that notifications and screen readers use, and its blocks."""

    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Message:
    """One message. `ts` names it within its channel; `edits` are its former contents, oldest first.

    `private_to` is the one person who sees it (an ephemeral message), or None. `unseen`: ids of files that its blocks show
    to no reader, although Slack accepted them (`tests.lab.workspace.uploads`).
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()
    thread_ts: str | None = None
    private_to: str | None = None
    metadata: Mapping[str, Any] | None = None
    files: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    edits: tuple[Content, ...] = ()
    broadcast: bool = False
    """A reply that was sent to the channel, too."""
    pinned_by: str = ""
    """Who pinned it to its channel; "" where it is not pinned."""
    reactions: tuple[tuple[str, str], ...] = ()
    """Emoji by name, each with the person who added it."""

    def as_json(self) -> dict[str, Any]:
        """This message as the Web API shows it."""
        shown: dict[str, Any] = {"type": "message", "ts": self.ts, "user": self.user, "text": self.text}
        if self.blocks:
            shown["blocks"] = list(self.blocks)
        if self.thread_ts:
            shown["thread_ts"] = self.thread_ts
        if self.files:
            shown["files"] = [{"id": file} for file in self.files]
        if self.metadata:
            shown["metadata"] = self.metadata
        if self.pinned_by:
            shown["pinned_to"] = [self.channel]
        if self.reactions:
            shown["reactions"] = [self._reaction(name) for name in dict.fromkeys(name for name, _ in self.reactions)]
        if self.edits:
            shown["edited"] = {"user": self.user, "ts": self.ts}
        return shown

    def _reaction(self, name: str) -> dict[str, Any]:
        users = [user for given, user in self.reactions if given == name]
        return {"name": name, "users": users, "count": len(users)}
