"""What a simulated gateway has registered, with the traps of the real one's shared memory."""

from dataclasses import dataclass, field
from typing import Any

Info = dict[str, Any]
"""A registration as it was posted: id, ip, hostname, ports, hostId, createdAt."""


@dataclass
class Registrations:
    """Registrations by id, and the one text of all ids, by which they are listed.

    An id that is part of that text is not added to it: it can be found, but is in no list. Expired ids stay in the text, so
    they are counted. A pull adds what is missing; unlike the real one it overwrites nothing, so that a wrong address stays.
    """

    entries: dict[str, Info] = field(default_factory=dict)
    listed: str = ""
    gone: set[str] = field(default_factory=set)
    """Ids whose time is over."""

    def register(self, info: Info) -> None:
        """Take it as it is. Nothing is checked."""
        key = str(info["id"])
        self.entries[key] = info
        self.gone.discard(key)
        if key not in self.listed:
            self.listed = f"{self.listed},{key}" if self.listed else key

    def forget(self, key: str) -> bool:
        """Delete it. Returns whether it was there."""
        found = self.find(key) is not None
        self.entries.pop(key, None)
        self.listed = ",".join(each for each in self.listed.split(",") if each != key)
        return found

    def expire(self, key: str) -> None:
        """Its 300 seconds are over."""
        self.gone.add(key)

    def find(self, key: str) -> Info | None:
        return None if key in self.gone else self.entries.get(key)

    def find_by_ip(self, ip: str) -> Info | None:
        return next((info for info in self.collect() if info["ip"] == ip), None)

    def collect(self) -> list[Info]:
        return [info for key in self.listed.split(",") if key and (info := self.find(key)) is not None]

    @property
    def count(self) -> int:
        """What the gateway counts: expired ids as well."""
        return len([key for key in self.listed.split(",") if key])

    def pull(self, other: "Registrations") -> None:
        """Add what a peer lists and this one does not have."""
        for info in other.collect():
            if self.find(str(info["id"])) is None:
                self.register(dict(info))

    def copy(self) -> "Registrations":
        return Registrations(dict(self.entries), self.listed, set(self.gone))
