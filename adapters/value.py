"""What every value here is made of."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """Parsed once and never changed; what it does not know, it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid")
