"""`container run`: makes a container from the configuration, or from another image, starts it and proves that it serves.

A configured container is named by its name. Any other image is critical, only for administrators, and only if a pattern of
the configuration allows it. Neither can have a mount of the host, a capability, a privilege or the host's network.

Arguments of `container run`: what is run, where, under which name and address.
"""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from typing import Annotated, ClassVar

from pydantic import ValidationError

from adapters.errors import FlatnetError, HostError
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.wsl.description import Description
from commands.changes.host_plan import HostPlan, assemble, leave_unchecked
from commands.containers.reading import CONTAINER_ROLES
from commands.containers.run_facts import (
    ChosenImage,
    RunFacts,
    choose_image,
    find_run_obstacle,
    read_run_facts,
    require_allowed,
    warn_of_run,
)
from commands.containers.run_steps import NewContainer
from commands.containers.serving_proof import find_witness
from commands.containers.start_stop import find_gateway_obstacle
from commands.health.wsl_checks import explain_unmanaged
from commands.model.check import Area
from commands.model.containers import ContainerSpec
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk, Role
from commands.model.plan import Part, PlannedChange, Premise
from commands.values.arguments import (
    NO_TARGET,
    BadArgument,
    Flag,
    Option,
    Positional,
    Target,
    find_nearest,
    resolve_one_host,
    shorten_argument,
)
from commands.values.containers import ImageName, parse_image
from commands.values.errors import GrammarError


def _parse_spec(words: tuple[str, ...]) -> str:
    typed = words[0].strip()
    if re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", typed) or parse_image(typed) is not None:
        return typed
    raise BadArgument(
        Phrase(
            "{part} is neither the name of a configured container nor an image. Examples: {example}",
            part=shorten_argument(typed),
            example="shop, docker.io/library/nginx:1.27",
        ),
        part=typed,
    )


def _parse_name(text: str) -> str:
    typed = text.strip()
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}", typed):
        phrase = Phrase(
            "{part} cannot be the name of a container. Example: {example}", part=shorten_argument(typed), example="shop"
        )
        raise BadArgument(phrase, part=typed)
    return typed


def _parse_address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text.strip())
    except AddressValueError as error:
        shown = shorten_argument(text)
        raise BadArgument(
            Phrase("{part} is not an address. Example: {example}", part=shown, example="10.87.1.20"), part=text
        ) from error


SpecArgument = Annotated[
    str,
    Positional(
        "container",
        Phrase("container of the configuration, or for administrators an allowed image (critical)"),
        _parse_spec,
        lambda spec: (spec,),
    ),
]

HostOption = Annotated[Target, Option("host", Phrase("host that runs it"), lambda text: Target.parse((text,)), str)]

NameOption = Annotated[
    str, Option("name", Phrase("name of the container (default: that of the configuration)"), _parse_name, str)
]

AddressOption = Annotated[
    IPv4Address | None, Option("address", Phrase("fixed address on the host's network"), _parse_address, str)
]


class ContainerRun(FleetChange):
    """Make a container, start it, and prove that it serves."""

    roles: ClassVar = CONTAINER_ROLES
    affects: ClassVar[frozenset[Area]] = frozenset()
    words: ClassVar = ("container", "run")
    summary: ClassVar = Phrase("make and start a container of the configuration (administrators: also another image)")
    example: ClassVar = "container run shop --on host-a"
    label: ClassVar = Phrase("run {spec} on {on}", spec="…", on="…")

    spec: SpecArgument
    on: HostOption = NO_TARGET
    name: NameOption = ""
    ip: AddressOption = None
    pull: Annotated[bool, Flag(Phrase("pull the image by its digest if the host does not have it"))] = False

    @property
    def is_free(self) -> bool:
        """True for an image that is not the one of a configured container."""
        return any(mark in self.spec for mark in "/:@")

    @property
    def assessed_risk(self) -> Risk:
        return Risk.CRITICAL if self.is_free else self.risk

    @property
    def needed_roles(self) -> frozenset[Role]:
        return frozenset({Role.ADMINISTRATOR}) if self.is_free else frozenset()

    @property
    def incomplete(self) -> bool:
        return self.on == NO_TARGET

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        if self.on == NO_TARGET:
            raise GrammarError(Phrase("{words} needs a host: {option}", words="container run", option="--on host-a"))
        return (resolve_one_host(self.on, inventory),)

    def restrict_to(self, names: tuple[str, ...]) -> "ContainerRun":
        return self

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        (host,) = self.resolve_hosts(inventory)
        if (why := explain_unmanaged(host, "containers")) is not None:
            raise CannotPlan(Phrase("{host}: {why}", host=host.name, why=why))
        spec = None if self.is_free else self._find_spec(view.container_specs)
        facts = await read_run_facts(host, view)
        if isinstance(facts, HostError):
            return assemble(self, (leave_unchecked(host.name, facts),), inventory)
        image = self._choose_image(spec, facts, host, view)
        described = self._describe(spec, image)
        obstacle = find_run_obstacle(host, described, facts) or find_gateway_obstacle(host, facts.gateways)
        if obstacle is not None:
            raise CannotPlan(obstacle)
        witness = find_witness(host, facts.gateways)
        made = NewContainer(host, described, image, facts.storage.architecture, view.operation_id, witness)
        plan = HostPlan(
            part=Part(host=host.name, steps=made.build_steps()),
            premises=tuple(_list_premises(made, spec, view)),
            warnings=tuple(_list_warnings(made, facts)),
        )
        settled = self.model_copy(update={"on": Target(parts=(host.name,)), "name": described.name})
        return assemble(settled, (plan,), inventory)

    def _find_spec(self, specs: tuple[ContainerSpec, ...]) -> ContainerSpec:
        """Finds the configured container. Raises `BadArgument`."""
        for spec in specs:
            if spec.name == self.spec:
                return spec
        near = find_nearest(self.spec, [spec.name for spec in specs])
        if near:
            phrase = Phrase("no container {name} is configured. Closest: {nearest}", name=self.spec, nearest=list_some(near))
        else:
            phrase = Phrase(
                "no container {name} is configured. Add it under {table}", name=self.spec, table="[[containers]]"
            )
        raise BadArgument(phrase, part=self.spec, nearest=near)

    def _choose_image(self, spec: ContainerSpec | None, facts: RunFacts, host: Host, view: FleetView) -> ChosenImage:
        """Chooses the image. Raises `CannotPlan` if it is not there, not allowed, or of another architecture.

        Nothing on the host says where an image without a name came from. Rules would judge the name that was typed, so the
        registry of that name must have it.
        """
        wanted = parse_image(self.spec) if spec is None else spec.image
        assert isinstance(wanted, ImageName)  # the argument was parsed
        images = facts.images if spec is not None else [image for image in facts.images if image.names]
        chosen = choose_image(wanted, images, host.name, pull=self.pull)
        if spec is None:
            require_allowed(chosen, view.container_rules)
        here = facts.storage.architecture
        if chosen.listed is not None and chosen.listed.architecture not in ("", here):
            raise CannotPlan(
                Phrase(
                    "{image} is for {architecture}, but {host} is {here}",
                    image=chosen.name,
                    architecture=chosen.listed.architecture,
                    host=host.name,
                    here=here,
                )
            )
        return chosen

    def _describe(self, spec: ContainerSpec | None, image: ChosenImage) -> Description:
        """Describes the container, without its image. Raises `CannotPlan` if the image's name is no name of one."""
        if spec is None:
            try:
                return Description(name=self.name or image.wanted.short, address=self.ip)
            except ValidationError as error:
                raise CannotPlan(Phrase("name the container with {option}", option="--name")) from error
        return Description(
            name=self.name or spec.name,
            address=self.ip,
            ports=spec.ports,
            variables=spec.variables,
            volumes=spec.volumes,
            memory=spec.memory,
            restart_policy=spec.restart,
            command=spec.command,
        )


def _list_premises(made: NewContainer, spec: ContainerSpec | None, view: FleetView) -> Iterator[Premise]:
    """Lists what the approval relies on: the image, and keyed hashes of secrets. Raises `CannotPlan` if one is missing."""
    host, image = made.host.name, made.image
    known = "" if image.listed is None else image.listed.id
    phrase = (
        Phrase("{image} is pulled by its digest {digest}", image=image.name, digest=image.digest)
        if image.listed is None
        else Phrase(
            "{image} on {host} is {id} ({digest})", image=image.name, host=host, id=known[:12], digest=image.digest or "-"
        )
    )
    yield Premise(host=host, what="image", value={"id": known, "digest": image.digest}, phrase=phrase)
    names = () if spec is None else spec.secret_names
    if names:
        try:
            hashes = [view.hash_secret(name) for name in names]
        except FlatnetError as error:
            raise CannotPlan(error.phrase) from error
        shown = list_some(list(names))
        yield Premise(
            host=host, what="secrets", value=list(hashes), phrase=Phrase("it gets the secrets {names}", names=shown)
        )


def _list_warnings(made: NewContainer, facts: RunFacts) -> Iterator[Phrase]:
    """Lists the warnings for the approver."""
    described = made.description
    if described.ports:
        ports = [f"{port.host_port}/{port.protocol}" for port in described.ports]
        yield Phrase("{host} publishes the ports {ports}", host=made.host.name, ports=list_some(ports))
    yield from warn_of_run(made.host, described, facts)
    if made.image.listed is None:
        yield Phrase("the pulled image stays after a rollback")
    if made.witness is None:
        yield Phrase("no other gateway responds, so it is not verified that others find it")
