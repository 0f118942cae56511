"""Builds the validators of all values at once. They are built at their first use otherwise (`adapters.value`)."""

from collections.abc import Iterator

from pydantic import BaseModel

PACKAGES = ("adapters", "bot", "commands")


def build_validators() -> None:
    """Build what a running bot would build in the middle of its work. A broken annotation is found here. Blocks."""
    for model in list_models(BaseModel):
        model.model_rebuild()


def list_models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """List the models of this project that are loaded, at any depth below a class."""
    for model in base.__subclasses__():
        if model.__module__.partition(".")[0] in PACKAGES:
            yield model
        yield from list_models(model)
