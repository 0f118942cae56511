"""Handlers for `help`, `whoami`, `version`, `doctor` and `can`."""

from importlib import metadata

from adapters.phrase import Listing, Phrase
from bot.access.explanation import explain as explain_rights
from bot.handlers.context import Asked, Body
from commands.bot_state.about import Can, Doctor, Help, Version, WhoAmI
from commands.language.help_text import explain
from commands.model.report import Cell, Column, Report, Row


async def _help(operation: Help, asked: Asked) -> Body:
    return explain(operation.about, asked.permitted)


async def _whoami(operation: WhoAmI, asked: Asked) -> Body:
    actor = asked.by.actor
    roles = Listing(tuple(sorted(actor.roles)))
    words = Listing(tuple(" ".join(permitted.words) for permitted in asked.permitted))
    return Report.of_facts(
        Phrase("Who you are"),
        Phrase("you are {name}, with the roles {roles}", name=actor.name, roles=roles),
        (
            (Phrase("Name"), actor.name),
            (Phrase("Roles"), Phrase("{items}", items=roles)),
            (Phrase("Rule"), actor.rule),
            (Phrase("May ask for"), Phrase("{items}", items=words)),
        ),
    ).model_copy(update={"next": ("help",)})


async def _version(operation: Version, asked: Asked) -> Body:
    version = metadata.version("flatnet-bot")
    return Report(
        title=Phrase("Version"),
        summary=Phrase("flatnet-bot {version}", version=version),
        columns=(Column(key="version", heading=Phrase("Version")),),
        rows=(Row(cells=(Cell.of(version),)),),
        brief=True,
    )


async def _doctor(operation: Doctor, asked: Asked) -> Body:
    return await asked.examine()


async def _can(operation: Can, asked: Asked) -> Body:
    return explain_rights(asked.policy, asked.known, asked.inventory, operation.person, operation.request)
