"""Phrases that several commands share."""

from collections.abc import Sequence
from functools import reduce

from adapters.phrase import Listing, Phrase

NO_HOSTS = Phrase("no hosts configured. Add them to the configuration file")

MAX_LISTED = 5
"""Maximum containers or peers named in a remark; more are counted."""


def list_some(items: Sequence[Phrase | str], most: int = MAX_LISTED) -> Phrase:
    """Lists the first few items and the number of further ones."""
    if len(items) <= most:
        return Phrase("{items}", items=Listing(tuple(items)))
    named = reduce(lambda before, item: Phrase("{before}, {item}", before=before, item=item), items[:most])
    return Phrase("{items} and {n} more", items=named, n=len(items) - most)
