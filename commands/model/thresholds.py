"""Limits beyond which a reading becomes a finding."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.inventory import InvalidSetting
from adapters.phrase import Phrase


class Thresholds(BaseModel):
    """Limits beyond which a reading becomes a finding; configured under `[thresholds]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    clock_difference: float = Field(default=30.0, gt=0, le=3600)
    """Maximum difference between a host's clock and the bot's, in seconds."""
    disk_warning_percent: int = Field(default=80, ge=1, le=100)
    """Used percentage of a drive or file system from which it is a finding of medium severity."""
    disk_critical_percent: int = Field(default=90, ge=1, le=100)
    """Used percentage from which it is a finding of high severity."""
    log_limit_mb: int = Field(default=100, ge=1, le=1_000_000)
    """Size in megabytes (2^20 bytes) beyond which a log should have been rotated."""
    rotation_days: int = Field(default=8, ge=1, le=3650)
    """Maximum days without a rotation for a log that is not small."""

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.disk_warning_percent >= self.disk_critical_percent:
            raise InvalidSetting(Phrase("set disk_warning_percent lower than disk_critical_percent"))
        return self
