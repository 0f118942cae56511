"""Containers as configured: what `container run` may start, and which further images administrators may run."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ImagePattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9*][A-Za-z0-9._/:*@-]{0,254}$")]


class ContainerRules(BaseModel):
    """Rules for containers; configured under `[container_rules]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    images: Annotated[tuple[ImagePattern, ...], Field(max_length=100)] = ()
    """Patterns of images that administrators may run beside the configured containers; none without any."""
    keep_days: int = Field(default=7, ge=1, le=90)
    """Days for which the stopped source of a moved container is kept."""


DEFAULT_CONTAINER_RULES = ContainerRules()
"""Rules for containers where none are configured."""
