"""`copies`: the copies of the bot over one database, as data only."""

from typing import ClassVar

from adapters.phrase import Phrase
from commands.model.operation import OwnOperation, Role


class CopyList(OwnOperation):
    """List the copies of the bot: which of them leads, and which could take over."""

    words: ClassVar = ("copies",)
    roles: ClassVar = frozenset({Role.ADMINISTRATOR, Role.OPERATOR, Role.SECURITY})
    summary: ClassVar = Phrase("copies of the bot: which one leads, and which could take over")
    example: ClassVar = "copies"
    label: ClassVar = Phrase("list the copies of the bot")
