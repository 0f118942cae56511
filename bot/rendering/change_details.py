"""Details of a change, in one language: everything that its approval covers, complete. Pure.

    the request · the name to type for an approval of a critical change · where its object is now · outages, warnings,
    excluded hosts · rollback, assumptions · edits of files · the steps of each host · endpoints · the digest

A card has the first sentences of it. Nothing is escaped yet.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.phrase import Phrase, Texts
from bot.model.change import Change
from bot.rendering import change_facts, change_progress
from bot.rendering.change_edits import describe_edits
from bot.rendering.labels import COMMAND
from commands.model.operation import Risk
from commands.model.plan import Plan
from commands.model.report import TextFile


@dataclass(frozen=True)
class DetailSection:
    """A heading, and the lines below it. `code`: they are lines of a file, whose spaces count."""

    heading: str
    lines: tuple[str, ...]
    code: bool = False


def describe_details(change: Change, texts: Texts) -> tuple[DetailSection, ...]:
    """Describes a change completely."""
    return tuple(_list_sections(change, texts))


def write_details(change: Change, texts: Texts) -> TextFile:
    """Writes the details as a text file, for a change that is too large for a view."""
    parts = ("\n".join([each.heading, *(f"  {line}" for line in each.lines)]) for each in describe_details(change, texts))
    return TextFile(name=f"flatnet-{change.operation}-plan.txt", text="\n\n".join(parts) + "\n")


def _list_sections(change: Change, texts: Texts) -> Iterator[DetailSection]:
    state = change_progress.describe_state(change).render(texts)
    found = (*change_facts.describe_reach(change, texts), *change_facts.describe_evidence(change, texts))
    yield DetailSection(f"{COMMAND} {change.words}", (state, *found))
    if change.risk is Risk.CRITICAL:
        yield DetailSection(Phrase("Name to type for an approval:").render(texts), (change.plan.object_name,))
    for fact in (
        *change_facts.describe_situation(change, texts),
        *change_facts.describe_request(change, texts),
        *change_facts.describe_dangers(change, texts),
        *change_facts.describe_grounds(change, texts),
        *change_facts.describe_deciders(change, texts),
    ):
        yield DetailSection(fact.label, fact.items)
    for edit in describe_edits(change, texts):
        yield DetailSection(edit.heading, edit.lines, code=True)
    for leg in change_progress.build_host_progress(change, texts, None):
        yield DetailSection(leg.host, tuple(map(str, leg.lines)))
    if change.plan.roads:
        yield DetailSection(Phrase("Connections:").render(texts), tuple(_list_endpoints(change.plan, texts)))
    yield DetailSection(Phrase("Digest of the plan:").render(texts), (change.digest,))


def _list_endpoints(plan: Plan, texts: Texts) -> Iterator[str]:
    """Lists the endpoints, each with the beginning of the hash of what pins its identity."""
    for road in plan.roads:
        pinned = f" — {Phrase('identity {hash}', hash=road.identity[:16]).render(texts)}" if road.identity else ""
        yield f"{road.host} ({road.side}): {road.address}{pinned}"
