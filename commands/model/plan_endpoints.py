"""The endpoints that a plan uses: addresses of sides, and what pins the identity of their hosts."""

import errno
from collections.abc import Iterable, Iterator

from adapters.action import BOT_NAME, SIDES, SideName
from adapters.endpoint import BOT_ENDPOINT, Endpoint, make_endpoint
from adapters.errors import Refused
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.model.plan import Part, list_checks


class NoEndpoint(Refused):
    """A host's endpoint is unknown, because a file that pins its identity could not be read."""


def collect_endpoints(parts: Iterable[Part], inventory: Inventory) -> Iterator[Endpoint]:
    """Yields the endpoints that steps and their rollbacks use, each once. Raises `NoEndpoint`."""
    used = {
        (name, deed.side)
        for part in parts
        for step in part.steps
        for name, deed in [
            *((step.host, deed) for deed in (step.deed, step.undo) if deed is not None),
            *((end.host, end.deed) for end in (step.source,) if end is not None),
            *((check.host, check.deed) for check in list_checks(step)),
        ]
    }
    for host in inventory.reachable:
        for side in SIDES:
            if (host.name, side) in used:
                yield find_endpoint(host, side)
    if (BOT_NAME, "bot") in used:
        yield BOT_ENDPOINT


def find_endpoint(host: Host, side: SideName) -> Endpoint:
    """Finds the endpoint of one side of a host, which must have that side. Raises `NoEndpoint`."""
    try:
        return make_endpoint(host, side)
    except OSError as error:
        phrase = Phrase(
            "could not read {file}, used to verify {host} ({reason}). Restore it, then try again",
            file=str(error.filename),
            host=host.name,
            reason=errno.errorcode.get(error.errno or 0, "?"),
        )
        raise NoEndpoint(phrase) from error
