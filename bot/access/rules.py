"""Configured rules: which roles may use an operation, and how many people must approve a change.

grant           operations ─▶ roles, on hosts with a label, in channels; it replaces the operations' usual roles
approval rule   risk, on hosts with a label ─▶ number of approvers with a role, and whom to notify; all that apply count

Pure values; `bot.access.policy` judges by them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, StringConstraints

from adapters.inventory import Host, InvalidSetting, Label
from adapters.phrase import Listing, Phrase
from adapters.value import Value
from bot.model.request import Surface
from commands.language.signature import list_names
from commands.model.operation import Operation, Risk, Role
from commands.values.arguments import BadArgument
from commands.values.units import make_duration_parser

PersonName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[CG][A-Z0-9]{2,20}$")]
Place = Annotated[str, StringConstraints(pattern=r"^([CG][A-Z0-9]{2,20}|shell)$")]
Pattern = Annotated[str, StringConstraints(pattern=r"^([a-z-]+|\*)( ([a-z-]+|\*))*$")]

SHELL_PLACE = "shell"
"""Name of the terminal among a grant's channels. No Slack channel has this name."""

NO_PLACE = ""
"""Place of home tabs and forms: none of the places that a grant can name."""

Roles = Annotated[frozenset[Role], Field(min_length=1)]


class Grant(Value):
    """Permission for roles to ask for some operations; `*` in a pattern stands for any words.

    Labels and channels narrow it: every host must carry one of `labels`, and the request must come from one of `channels`.
    """

    operations: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    roles: Roles
    labels: tuple[Label, ...] = ()
    channels: tuple[Place, ...] = ()

    def covers_operation(self, operation: type[Operation]) -> bool:
        """Return whether the grant is about this operation, by any of its names."""
        return any(matches_pattern(pattern, operation) for pattern in self.operations)

    def covers_host(self, host: Host) -> bool:
        """Return whether the grant is about this host."""
        return not self.labels or not frozenset(self.labels).isdisjoint(host.labels)

    def covers_place(self, place: str | None) -> bool:
        """Return whether the grant counts in this place; None is any place."""
        return not self.channels or place is None or place in self.channels


def find_place(surface: Surface, channel: str) -> str:
    """Find the place of a request, as grants name places. A Slack request without a
    channel is not a request from a terminal.
    """
    return SHELL_PLACE if surface in (Surface.SHELL, Surface.DO) else channel


def is_channel(place: str) -> bool:
    """Return whether a place of Slack is a channel, and no direct message."""
    return place.startswith(("C", "G"))


def list_places(grants: Iterable[Grant]) -> Listing:
    """List the places of grants that are restricted to channels."""
    channels = sorted({channel for grant in grants for channel in grant.channels})
    return Listing(tuple(Phrase("the terminal") if channel == SHELL_PLACE else channel for channel in channels))


def matches_pattern(pattern: str, operation: type[Operation]) -> bool:
    """Return whether a pattern means this operation: `service *` is `service restart`, and not the bare `service`."""
    return any(fnmatchcase(" ".join(name), pattern) for name in list_names(operation))


def _parse_risk(given: Any) -> Any:
    """Parse a risk by its name. READ is rejected, for reading needs no approval."""
    known = {risk.name.lower(): risk for risk in Risk if risk is not Risk.READ}
    if isinstance(given, Risk) and given is not Risk.READ:
        return given
    if not isinstance(given, str) or given not in known:
        raise InvalidSetting(Phrase("must be one of {choices}", choices=Listing(tuple(known))))
    return known[given]


_LIFETIME_PARSER = make_duration_parser(timedelta(minutes=5), timedelta(days=7))
"""Limits: long enough for an approver to respond, short enough that plan and request are still current."""


def _parse_lifetime(given: Any) -> Any:
    if isinstance(given, timedelta):
        return given
    if not isinstance(given, str):
        raise InvalidSetting(Phrase("must be a duration in quotes, such as {example}", example="1h"))
    try:
        return _LIFETIME_PARSER(given)
    except BadArgument as error:
        raise InvalidSetting(error.phrase) from error


class ApprovalRule(Value):
    """Requires changes of this risk to be approved by `approvers` other people, each with one of the roles.

    A rule with labels applies where any host of the plan carries one of them, in addition to those without. `ping`: people
    to notify.
    """

    MAX_APPROVERS: ClassVar = 5
    """Most approvers of a rule. A change that waits for more would never start."""

    risk: Annotated[Risk, BeforeValidator(_parse_risk)]
    labels: tuple[Label, ...] = ()
    approvers: int = Field(default=1, ge=1, le=MAX_APPROVERS)
    roles: Roles = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})
    ping: tuple[PersonName, ...] = ()

    def applies_to(self, risk: Risk, hosts: Sequence[Host]) -> bool:
        """Return whether the rule is about a change of that risk on those hosts."""
        labels = {label for host in hosts for label in host.labels}
        return self.risk is risk and (not self.labels or not labels.isdisjoint(self.labels))


DEFAULT_RULES: Mapping[Risk, ApprovalRule] = {
    risk: ApprovalRule(risk=risk, approvers=approvers)
    for risk, approvers in ((Risk.CHANGE, 1), (Risk.DISRUPT, 1), (Risk.CRITICAL, 2))
}
"""Default rules, for risks that have no configured rule without labels."""

DEFAULT_RULE_NAME = "the usual rule"


class ApprovalSettings(Value):
    """Settings for approvals: their lifetime, the channel for requests that were asked in no channel, and the rules."""

    expire: Annotated[timedelta, BeforeValidator(_parse_lifetime)] = timedelta(hours=1)
    channel: ChannelId | None = None
    rules: tuple[ApprovalRule, ...] = ()

    def combine_rules(self, risk: Risk, hosts: Sequence[Host]) -> tuple[str, ApprovalRule]:
        """Combine all rules that apply to a change into one, with the names that these have in the configuration.

        It demands as many approvers as the strictest rule, each with a role that every rule names, so that no rule makes a
        change easier. If other rules apply, only the number of the default rule counts. Rules without a common role can be
        met only host by host: `bot.config.references` refuses those of one host.
        """
        listed = ((f"approvals.rules[{place}]", rule) for place, rule in enumerate(self.rules, start=1))
        counting = [(name, rule) for name, rule in listed if rule.applies_to(risk, hosts)]
        if not counting:
            return DEFAULT_RULE_NAME, DEFAULT_RULES[risk]
        names, rules = [name for name, _ in counting], [rule for _, rule in counting]
        most = max(rule.approvers for rule in rules)
        if all(rule.labels for rule in rules) and DEFAULT_RULES[risk].approvers > most:
            names, most = [DEFAULT_RULE_NAME, *names], DEFAULT_RULES[risk].approvers
        demanded = {
            "approvers": most,
            "roles": frozenset.intersection(*(rule.roles for rule in rules)),
            "ping": tuple(dict.fromkeys(name for rule in rules for name in rule.ping)),
        }
        return ", ".join(names), rules[0].model_copy(update=demanded)
