"""Base class of all values."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """Immutable value, validated when it is built. Unknown fields are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")
