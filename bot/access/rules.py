"""Configured rules: which roles may use an operation, and how many people must approve a change.

grant           operations ─▶ roles, on hosts with a label, in channels; it replaces the operations' usual roles
approval rule   risk, on hosts with a label ─▶ number of approvers with a role, and whom to notify; all that apply count
waiver          operations of a fixed list ─▶ no approver; it counts only where no approval rule applies

Pure values; `bot.access.policy` judges by them.

Requirements of a change by the approval rules: as many approvals, or none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, field_validator, model_validator

from adapters.inventory import Host, InvalidSetting, Label
from adapters.phrase import Listing, Phrase
from adapters.value import Value
from bot.model.request import Surface
from commands.language.help import list_names
from commands.model.operation import FleetChange, Operation, Risk, Role
from commands.values.arguments import BadArgument, shorten_argument
from commands.values.units import make_duration_parser

AnyRuleType = TypeVar("AnyRuleType", "ApprovalRule", "ApprovalWaiver")

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

    @field_validator("approvers", mode="before")
    @classmethod
    def _check_approvers(cls, given: Any) -> Any:
        if given == 0:
            allowed = Listing(FIRST_AID_OPERATIONS)
            raise InvalidSetting(Phrase("can be 0 only for named operations (allowed: {allowed})", allowed=allowed))
        return given

    def applies_to(self, risk: Risk, hosts: Sequence[Host]) -> bool:
        """Return whether the rule is about a change of that risk on those hosts."""
        labels = {label for host in hosts for label in host.labels}
        return self.risk is risk and (not self.labels or not labels.isdisjoint(self.labels))


FIRST_AID_OPERATIONS: tuple[str, ...] = ("service start", "backup create", "host resume")
"""Operations that a waiver may name. Each has the risk CHANGE and interrupts nothing: it starts what stopped, or copies."""

WAIVER_SETTINGS = frozenset({"operations", "approvers", "ping"})


def _parse_waived_operation(given: Any) -> Any:
    """Parse the words of one operation. Neither aliases nor patterns are accepted: the file must say what it waives."""
    if isinstance(given, str) and given in FIRST_AID_OPERATIONS:
        return given
    name = shorten_argument(given) if isinstance(given, str) else str(given)[:40]
    raise InvalidSetting(
        Phrase("{name} cannot run without approval. Allowed: {allowed}", name=name, allowed=Listing(FIRST_AID_OPERATIONS))
    )


class ApprovalWaiver(Value):
    """Replaces the default rule for these operations: a person may run them without approval by another one.

    It never weakens an `ApprovalRule`. `ping`: people to notify.
    """

    operations: Annotated[tuple[Annotated[str, BeforeValidator(_parse_waived_operation)], ...], Field(min_length=1)]
    approvers: int
    ping: tuple[PersonName, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _check_settings(cls, given: Any) -> Any:
        """Reject settings of approval rules: silently ignored labels would waive more than the file seems to say."""
        if isinstance(given, dict) and (others := sorted(given.keys() - WAIVER_SETTINGS)):
            raise InvalidSetting(
                Phrase(
                    "{settings} cannot be combined with operations. Use a separate rule with risk: the stricter one applies",
                    settings=Listing(tuple(map(str, others))),
                )
            )
        return given

    @field_validator("approvers")
    @classmethod
    def _check_approvers(cls, approvers: int) -> int:
        if approvers != 0:
            raise InvalidSetting(Phrase("must be 0 in a rule with operations. Use risk instead of operations otherwise"))
        return approvers


_RULE_TAG, _WAIVER_TAG = "<rule>", "<waiver>"

RULE_TAGS = frozenset({_RULE_TAG, _WAIVER_TAG})
"""Parts that pydantic adds to the paths of errors. No key of the configuration is named like that."""


def _choose_rule_type(given: Any) -> str:
    waives = isinstance(given, ApprovalWaiver) or (isinstance(given, dict) and "operations" in given)
    return _WAIVER_TAG if waives else _RULE_TAG


AnyRule = Annotated[
    Annotated[ApprovalRule, Tag(_RULE_TAG)] | Annotated[ApprovalWaiver, Tag(_WAIVER_TAG)], Discriminator(_choose_rule_type)
]

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
    rules: tuple[AnyRule, ...] = ()
    second_road: bool = False
    """True if one approval of each critical change, and its break-glass, must come from a terminal."""

    def list_waived(self) -> Mapping[str, str]:
        """List the operations that waivers name, with the name of the first such waiver in the configuration."""
        named = [(words, name) for name, waiver in self._list_named(ApprovalWaiver) for words in waiver.operations]
        return dict(reversed(named))

    def find_waiver(self, operation: type[Operation], hosts: Sequence[Host]) -> tuple[str, ApprovalWaiver] | None:
        """Find the waiver of an operation, with its name. None if a rule applies to one of the hosts, if the risk is too
        high for a waiver, or if no channel shows the run to others.
        """
        waivable = issubclass(operation, FleetChange) and operation.risk is Risk.CHANGE
        ruled = any(rule.applies_to(Risk.CHANGE, hosts) for _, rule in self._list_named(ApprovalRule))
        if not waivable or ruled or self.channel is None:
            return None
        words = " ".join(operation.words)
        return next((each for each in self._list_named(ApprovalWaiver) if words in each[1].operations), None)

    def _list_named(self, kind: type[AnyRuleType]) -> list[tuple[str, AnyRuleType]]:
        """List the rules of one type, with the names that they have in the configuration."""
        listed = enumerate(self.rules, start=1)
        return [(f"approvals.rules[{place}]", rule) for place, rule in listed if isinstance(rule, kind)]

    def combine_rules(self, risk: Risk, hosts: Sequence[Host]) -> tuple[str, ApprovalRule]:
        """Combine all rules that apply to a change into one, with the names that these have in the configuration.

        It demands as many approvers as the strictest rule, each with a role that every rule names, so that no rule makes a
        change easier. If other rules apply, only the number of the default rule counts. Rules without a common role can be
        met only host by host: `bot.config.references` refuses those of one host.
        """
        counting = [(name, rule) for name, rule in self._list_named(ApprovalRule) if rule.applies_to(risk, hosts)]
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


@dataclass(frozen=True)
class ApprovalRequirement:
    """Permission once `needed` other people have approved, within `lifetime`; `rule` names the rule for the audit.

    `may` are the people who may approve, by name; `groups` are Slack user groups whose members may, too; `roles` are those
    that make an approver. `ping` are the Slack ids of those to notify. `second_road`: one must approve from a terminal.
    """

    rule: str
    needed: int
    may: tuple[str, ...]
    groups: tuple[str, ...]
    ping: tuple[str, ...]
    lifetime: timedelta
    roles: tuple[Role, ...]
    second_road: bool = False


@dataclass(frozen=True)
class WaivedApproval:
    """Permission without approval by another person, by the waiver `rule`. `ping` are the Slack ids of those to notify.

    `channel` shows the run to others.
    """

    rule: str
    ping: tuple[str, ...]
    lifetime: timedelta
    channel: str
