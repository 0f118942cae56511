"""Handler of what people confirm of a removed host, before `host remove` makes a plan."""

from dataclasses import dataclass

from adapters.phrase import Phrase
from bot.handlers.context import RequestContext
from bot.joining.registry import Asked, HostRegistry
from commands.hosts.remove.operation import HostRemove
from commands.model.report import Report


@dataclass(frozen=True)
class RemovalHandlers:
    """Handlers of removed hosts."""

    registry: HostRegistry

    async def prepare(self, operation: HostRemove, context: RequestContext) -> Report | None:
        """Records that a shared password was changed, if that is what the request says. All else is planned."""
        if not operation.password_changed or operation.dry_run:
            return None
        name = str(operation.host)
        await self.registry.confirm_password(Asked(context.operation, context.actor), name)
        return Report(
            title=Phrase("Removed host"),
            summary=Phrase("recorded that the WinRM password which {host} knew was changed", host=name),
            brief=True,
            next=("host",),
        )
