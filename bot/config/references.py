"""Checks the references in a configuration: names of operations, labels, people and hosts. Pure.

A grant or a rule with a wrong name would silently have no effect. Approval rules that apply to one host and have no role in
common could never be satisfied.

Checks that names and ids of a configuration are in use once. All raise `InvalidSetting`. Pure.
"""

from collections.abc import Iterator, Sequence

from adapters.errors import FlatnetError
from adapters.inventory import Host, InvalidSetting, Inventory, JoiningHost
from adapters.phrase import Listing, Phrase
from bot.access.people import Person, UserGroup, is_group
from bot.access.policy import Policy
from bot.access.rules import ApprovalRule, ApprovalSettings, ApprovalWaiver, Grant, matches_pattern
from bot.config.alerts import AlertSettings, covers
from bot.config.incidents import IncidentSettings
from bot.config.schedules import ScheduleSettings, require_unattended
from bot.config.toml import KeyPath
from commands.language.grammar import parse_operation
from commands.model.containers import ContainerSpec
from commands.model.operation import Operation, Risk
from commands.values.arguments import NoSuchHost, find_nearest, shorten_argument
from commands.values.normalize import normalize_text

ReferenceProblem = tuple[KeyPath, Phrase]
"""Key path and problem."""


_CHANNEL_REQUIRED = Phrase("requires channel under [approvals], so that others see what runs without approval")


def find_unknown_references(
    policy: Policy, inventory: Inventory, catalogue: Sequence[type[Operation]]
) -> Iterator[ReferenceProblem]:
    """Yields every reference to an unknown name, and approval rules that can never be satisfied together."""
    people = [person.name for person in policy.people]
    labels = _list_labels(inventory)
    for place, grant in enumerate(policy.grants):
        yield from _check_operations(("grants", place), grant, catalogue)
        yield from _find_unknown_names(("grants", place, "labels"), grant.labels, labels)
    for place, rule in enumerate(policy.approvals.rules):
        if isinstance(rule, ApprovalWaiver) and policy.approvals.channel is None:
            yield ("approvals", "rules", place), _CHANNEL_REQUIRED
        if isinstance(rule, ApprovalRule):
            yield from _find_unknown_names(("approvals", "rules", place, "labels"), rule.labels, labels)
        yield from _find_unknown_names(("approvals", "rules", place, "ping"), rule.ping, people)
    yield from _find_conflicting_rules(policy.approvals, inventory)


def find_bad_schedules(
    schedules: Sequence[ScheduleSettings], people: Sequence[str], inventory: Inventory, catalogue: Sequence[type[Operation]]
) -> Iterator[ReferenceProblem]:
    """Yields schedules whose owner is unknown, or whose command cannot run unattended or names an unknown host.

    A name or a label of a removed host is no mistake: else its tombstone could not be written.
    """
    gone = {word for each in inventory.removed for word in (each.name, *each.labels)}
    for place, schedule in enumerate(schedules):
        path: KeyPath = ("schedules", place)
        if schedule.owner is not None and schedule.owner not in people:
            yield (*path, "owner"), _describe_unknown_name(schedule.owner, find_nearest(schedule.owner, people))
        if schedule.words is not None:
            try:
                operation = parse_operation(normalize_text(schedule.words), catalogue, catalogue)
                require_unattended(operation)
                operation.resolve_hosts(inventory)
            except NoSuchHost as error:
                if error.part not in gone:
                    yield (*path, "words"), error.phrase
            except FlatnetError as error:
                yield (*path, "words"), error.phrase


def find_bad_joining(joining: Sequence[JoiningHost]) -> Iterator[ReferenceProblem]:
    """Yields the sides of hosts that are being added that are not pinned to one identity."""
    for place, each in enumerate(joining):
        path: KeyPath = ("joining", place, "host")
        if each.host is None:
            continue
        if each.host.windows is not None and not each.host.windows.certificate_sha256:
            yield (*path, "windows"), _NOT_PINNED
        if each.host.wsl is not None and not each.host.wsl.host_key:
            yield (*path, "wsl"), _NOT_PINNED


_NOT_PINNED = Phrase("has no pinned identity. Remove the table, then run host add again")


def _list_labels(inventory: Inventory) -> tuple[str, ...]:
    """Lists the labels of members, of hosts that are being added, and of removed hosts, which may still be named."""
    further = {label for joining in inventory.joining for label in joining.labels}
    return (*inventory.labels, *sorted(further | {label for removed in inventory.removed for label in removed.labels}))


def find_bad_alert_routes(
    alerts: AlertSettings, people: Sequence[Person], inventory: Inventory
) -> Iterator[ReferenceProblem]:
    """Yields routes of alerts with unknown labels or people, with people without a Slack ID, and those without use."""
    for place, route in enumerate(alerts.routes):
        path: KeyPath = ("alerts", "routes", place)
        yield from _find_unknown_names((*path, "labels"), route.labels, _list_labels(inventory))
        for key, names in (("mention", route.mention), ("escalate_to", route.escalate_to)):
            yield from _find_unreachable_people((*path, key), names, people)
        earlier = next((number for number, other in enumerate(alerts.routes[:place]) if covers(other, route)), None)
        if earlier is not None:
            yield path, Phrase("is never used, because {route} comes first", route=f"alerts.routes[{earlier + 1}]")


def find_bad_incident_settings(incidents: IncidentSettings, people: Sequence[Person]) -> Iterator[ReferenceProblem]:
    """Yields people who cannot be called to an incident: unknown ones, and those without a Slack ID."""
    yield from _find_unreachable_people(("incidents", "escalate"), incidents.escalate, people)


def _find_unreachable_people(path: KeyPath, names: Sequence[str], people: Sequence[Person]) -> Iterator[ReferenceProblem]:
    """Yields names of people who cannot be notified in Slack. User groups are not checked: only Slack knows them."""
    reachable = {person.name: bool(person.slack) for person in people}
    for number, name in enumerate(names):
        if is_group(name):
            continue
        if name not in reachable:
            yield (*path, number), _describe_unknown_name(name, find_nearest(name, reachable))
        elif not reachable[name]:
            yield (*path, number), Phrase("{name} has no Slack ID and cannot be notified", name=name)


def _check_operations(path: KeyPath, grant: Grant, catalogue: Sequence[type[Operation]]) -> Iterator[ReferenceProblem]:
    known = [" ".join(operation.words) for operation in catalogue]
    for place, pattern in enumerate(grant.operations):
        if not any(matches_pattern(pattern, operation) for operation in catalogue):
            yield (
                (*path, "operations", place),
                _describe_unknown_name(pattern, find_nearest(pattern.replace("*", ""), known)),
            )
    hostless = [operation for operation in catalogue if grant.covers_operation(operation) and not operation.is_about_hosts()]
    if grant.labels and hostless:
        words = Listing(tuple(" ".join(operation.words) for operation in hostless))
        yield (
            (*path, "labels"),
            Phrase("labels restrict only commands for hosts, not {words}. Grant that in a separate table", words=words),
        )


def _find_conflicting_rules(approvals: ApprovalSettings, inventory: Inventory) -> Iterator[ReferenceProblem]:
    """Yields rules that apply to one host and have no role in common, for the first such host of each risk."""
    for risk in (risk for risk in Risk if risk is not Risk.READ):
        for host in inventory.reachable:
            counting = [
                place
                for place, rule in enumerate(approvals.rules)
                if isinstance(rule, ApprovalRule) and rule.applies_to(risk, (host,))
            ]
            if counting and not approvals.combine_rules(risk, (host,))[1].roles:
                yield ("approvals", "rules", counting[-1], "roles"), _describe_no_common_role(host.name, counting)
                break


def _describe_no_common_role(host: str, places: Sequence[int]) -> Phrase:
    return Phrase(
        "{rules} apply to {host} but share no role, so approval is impossible. Use a common role in all of them",
        rules=Listing(tuple(f"approvals.rules[{place + 1}]" for place in places)),
        host=host,
    )


def _find_unknown_names(path: KeyPath, given: Sequence[str], known: Sequence[str]) -> Iterator[ReferenceProblem]:
    for place, name in enumerate(given):
        if name not in known:
            yield (*path, place), _describe_unknown_name(name, find_nearest(name, known))


def _describe_unknown_name(name: str, near: tuple[str, ...]) -> Phrase:
    if near:
        return Phrase("{name} matches nothing. Did you mean {nearest}?", name=shorten_argument(name), nearest=near[0])
    return Phrase("{name} matches nothing. Remove it", name=shorten_argument(name))


def require_unique_hosts(hosts: Sequence[Host], joining: Sequence[JoiningHost]) -> None:
    """Raises if two hosts have one id, members or being added. An id of a removed host may be in use again."""
    if twice := _find_twice([str(number) for number in (*(each.id for each in hosts), *(each.id for each in joining))]):
        raise InvalidSetting(Phrase("several hosts have the ID {ids}. Use a different ID for each", ids=Listing(twice)))


def require_unique_tables(
    containers: Sequence[ContainerSpec], schedules: Sequence[ScheduleSettings], groups: Sequence[UserGroup]
) -> None:
    """Raises if a container, a schedule or a user group has two tables."""
    if twice := _find_twice([container.name for container in containers]):
        raise InvalidSetting(
            Phrase("several containers are named {names}. Use a different name for each", names=Listing(twice))
        )
    if twice := _find_twice([schedule.name for schedule in schedules]):
        raise InvalidSetting(
            Phrase("several schedules are named {names}. Use a different name for each", names=Listing(twice))
        )
    if twice := _find_twice([group.slack for group in groups]):
        raise InvalidSetting(Phrase("two groups have the ID {ids}. Merge them into one table", ids=Listing(twice)))


def require_unique_people(people: Sequence[Person]) -> None:
    """Raises if two people share a name or an id."""
    for what, ids in (
        ("name", [person.name for person in people]),
        ("slack", [i for person in people for i in person.slack]),
        ("system", [i for person in people for i in person.system]),
    ):
        if twice := _find_twice(ids):
            raise InvalidSetting(
                Phrase(
                    "the {what} {ids} is assigned to several people. Assign it to one person only",
                    what=what,
                    ids=Listing(twice),
                )
            )


def _find_twice(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if names.count(name) > 1}))
