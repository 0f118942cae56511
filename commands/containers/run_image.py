"""Chooses the image of a new container among those of its host, or the one to pull. Pure.

ImageName ─ choose_image ─▶ ChosenImage: on the host, by its id; or to be pulled by its digest
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from adapters.phrase import Phrase
from adapters.wsl.images import ListedImage
from commands.model.container_rules import ContainerRules
from commands.model.operation import CannotPlan
from commands.model.phrases import list_some
from commands.values.images import LATEST, ImageName

LOCAL_REGISTRY = "localhost"
"""podman's registry of images that were built on the host. None can be pulled from there."""


@dataclass(frozen=True)
class ChosenImage:
    """The image of a new container. `listed` is None if it must be pulled first. `name` is its full name."""

    wanted: ImageName
    name: str
    listed: ListedImage | None

    @property
    def digest(self) -> str:
        """Its digest; that on the host where it was named by a tag."""
        return self.wanted.digest or next(iter(self.listed.digests if self.listed is not None else ()), "")


def choose_image(wanted: ImageName, images: Sequence[ListedImage], host: str, *, pull: bool) -> ChosenImage:
    """Chooses the image. Raises `CannotPlan` if it is not there and may not be pulled, or if its name means several."""
    found = [image for image in images if _is_meant(wanted, image)]
    if len({image.id for image in found}) > 1:
        names = [name for image in found for name in image.names if wanted.is_tagged_as(name)]
        raise CannotPlan(
            Phrase("{image} means several images on {host}: {names}", image=str(wanted), host=host, names=list_some(names))
        )
    if found:
        return ChosenImage(wanted, _find_full_name(wanted, found[0]), found[0])
    if not wanted.digest:
        raise CannotPlan(
            Phrase(
                "{image} is not on {host}. Only an image with its digest can be pulled: {example}",
                image=str(wanted),
                host=host,
                example=f"{wanted.name}@sha256:…",
            )
        )
    if not pull:
        phrase = Phrase("{image} is not on {host}. Add {option} to pull it", image=str(wanted), host=host, option="--pull")
        raise CannotPlan(phrase)
    if not wanted.has_registry or wanted.name.startswith(f"{LOCAL_REGISTRY}/"):
        raise CannotPlan(
            Phrase(
                "{image} names no registry to pull it from. Example: {example}",
                image=str(wanted),
                example=f"docker.io/library/{wanted.short}",
            )
        )
    return ChosenImage(wanted, wanted.tagged, None)


def require_allowed(chosen: ChosenImage, rules: ContainerRules) -> None:
    """Raises `CannotPlan` if no pattern allows an image that is not configured."""
    names = {chosen.name, chosen.name.rpartition(":")[0] or chosen.name, f"{chosen.wanted.name}@{chosen.digest}"}
    if chosen.listed is not None:
        names = {part for name in chosen.listed.names for part in (name, name.rpartition(":")[0])}
    if any(fnmatchcase(name, pattern) for name in names for pattern in rules.images):
        return
    if not rules.images:
        raise CannotPlan(
            Phrase(
                "only configured containers can be run. Add the container under {table}, or allow images with {setting}",
                table="[[containers]]",
                setting="images in [container_rules]",
            )
        )
    raise CannotPlan(
        Phrase(
            "{image} is not allowed. Allowed images ([container_rules]): {patterns}",
            image=chosen.name,
            patterns=list_some(list(rules.images)),
        )
    )


def _is_meant(wanted: ImageName, image: ListedImage) -> bool:
    return wanted.digest in image.digests if wanted.digest else any(map(wanted.is_tagged_as, image.names))


def _find_full_name(wanted: ImageName, image: ListedImage) -> str:
    """Finds the full name of an image, by which rules judge it: the name that was meant, or what the operator typed."""
    meant = [name for name in image.names if wanted.is_tagged_as(name)]
    return meant[0] if meant else (wanted.tagged if wanted.digest else f"{wanted.name}:{wanted.tag or LATEST}")
