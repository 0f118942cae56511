"""Incidents as JSON: of a row's document, and of the values in audit events."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.model.incident import Incident


@lru_cache(maxsize=1)
def _get_adapter() -> TypeAdapter[Incident]:
    return TypeAdapter(Incident)


def encode_incident(incident: Incident) -> dict[str, Any]:
    """Encodes an incident as JSON, each field by its name."""
    encoded: dict[str, Any] = _get_adapter().dump_python(incident, mode="json")
    return encoded


def decode_incident(document: Mapping[str, Any]) -> Incident | None:
    """Decodes an incident. Unknown fields are left out; None for what is no incident."""
    try:
        return _get_adapter().validate_python(document)
    except ValidationError:
        return None
