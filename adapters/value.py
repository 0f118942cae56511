"""Base class of all values."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """Immutable value, validated when it is built. Unknown fields are rejected.

    A class builds its validator at the first use (`defer_build`): the command line starts a quarter faster.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
