"""The `[backups]` table: the second place of backups, on the bot."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class BackupSettings(BaseModel):
    """A folder that is named here must exist. Without one, the second place is in the data folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    folder: Path | None = None


@dataclass(frozen=True)
class BackupFolder:
    """The folder of the second place. `made_by_bot`: the bot makes it; otherwise an operator must have made it."""

    path: Path
    made_by_bot: bool = True


NO_BACKUP_FOLDER = BackupFolder(Path("backups"), made_by_bot=False)
"""For a configuration that performs nothing."""
