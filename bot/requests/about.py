"""Handlers for `help`, `whoami`, `version`, `doctor`, `copies` and `can`."""

from dataclasses import dataclass

from adapters.errors import FlatnetError
from adapters.phrase import Listing, Phrase
from bot.access.explanation import explain_rights
from bot.access.policy import Permit
from bot.changes.ports import UrgentChanges
from bot.digests.reports import replicas as copies
from bot.ports.context import RequestContext
from bot.runtime.version import find_version
from commands.about import Doctor, Help, PermissionCheck, Version, WhoAmI
from commands.language.help import build_help, choose_starts
from commands.model.operation import Catalogue
from commands.model.report import Cell, Column, Report, Row
from commands.replicas import CopyList


@dataclass(frozen=True)
class AboutHandlers:
    """Handlers of questions about the bot and the rights in it. `catalogue` is everything that can be asked for."""

    catalogue: Catalogue
    changes: UrgentChanges

    async def show_help(self, operation: Help, context: RequestContext) -> Report:
        if operation.about:
            return build_help(operation.about, context.permitted)
        starts = choose_starts(context.permitted, context.requester.actor.roles, await self._list_urgent(context))
        return build_help((), context.permitted, starts)

    async def _list_urgent(self, context: RequestContext) -> tuple[str, ...]:
        """Lists what waits for this person: requests that they may approve, and changes whose result is unknown."""
        policy, actor = context.config.policy, context.requester.actor
        asked = [
            change.approval is not None and isinstance(policy.may_approve(actor, change.approval, change.requester), Permit)
            for change in await self.changes.list_waiting()
        ]
        unknown = await self.changes.list_unknown()
        return (*(["approval"] if any(asked) else []), *(["op"] if unknown else []))

    async def show_requester(self, operation: WhoAmI, context: RequestContext) -> Report:
        actor = context.requester.actor
        roles = Listing(tuple(sorted(actor.roles)))
        words = Listing(tuple(" ".join(permitted.words) for permitted in context.permitted))
        return Report.of_facts(
            Phrase("Your account"),
            Phrase("you are {name} (roles: {roles})", name=actor.name, roles=roles),
            (
                (Phrase("Name"), actor.name),
                (Phrase("Roles"), Phrase("{items}", items=roles)),
                (Phrase("Matched rule"), actor.rule),
                (Phrase("Available commands"), Phrase("{items}", items=words)),
            ),
        ).model_copy(update={"next": ("help",)})

    async def show_version(self, operation: Version, context: RequestContext) -> Report:
        version = find_version()
        return Report(
            title=Phrase("Version"),
            summary=await _describe_version(version, context),
            columns=(Column(key="version", heading=Phrase("Version")),),
            rows=(Row(cells=(Cell.of(version),)),),
            brief=True,
        )

    async def examine(self, operation: Doctor, context: RequestContext) -> Report:
        return await context.config.examine(operation, context.view)

    async def list_copies(self, operation: CopyList, context: RequestContext) -> Report:
        return copies.list_copies(await context.config.read_copies(), context.at)

    async def explain_permission(self, operation: PermissionCheck, context: RequestContext) -> Report:
        config = context.config
        return explain_rights(config.policy, self.catalogue, config.inventory, operation.person, operation.request)


async def _describe_version(version: str, context: RequestContext) -> Phrase:
    """Describes the version, and where there are several copies, which of them leads."""
    try:
        known = await context.config.read_copies()
    except FlatnetError:  # the version is known without the database
        return Phrase("flatnet-bot {version}", version=version)
    if known.leader is None:
        return Phrase("flatnet-bot {version}", version=version)
    return Phrase("flatnet-bot {version}: {copies}", version=version, copies=copies.summarize_copies(known))
