"""Rules as they are configured: which roles an operation is granted to, and how many people must approve a change.

grant           operations ─▶ roles, on hosts with a label, in channels; it stands in place of the operations' usual roles
approval rule   risk, on hosts with a label ─▶ so many approvers with a role, and whom to ping; all that count are demanded

Pure values; `bot.access.policy` judges by them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, StringConstraints

from adapters.inventory import Host, Label, Unfit
from adapters.phrase import Listing, Phrase
from adapters.value import Value
from bot.model.request import Surface
from commands.language.grammar import names
from commands.model.operation import Operation, Risk, Role
from commands.values.arguments import BadArgument
from commands.values.units import duration_between

PersonName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[CG][A-Z0-9]{2,20}$")]
Place = Annotated[str, StringConstraints(pattern=r"^([CG][A-Z0-9]{2,20}|shell)$")]
Pattern = Annotated[str, StringConstraints(pattern=r"^([a-z-]+|\*)( ([a-z-]+|\*))*$")]

SHELL = "shell"
"""Stands among a grant's channels for the terminal, which is no channel. No channel of Slack's is called so."""

NOWHERE = ""
"""Where home tabs and forms are: none of the places that a grant can name."""

Roles = Annotated[frozenset[Role], Field(min_length=1)]


class Grant(Value):
    """Who may ask for some operations, where and of which hosts; `*` in a pattern stands for any words.

    Labels and channels narrow it: every host must carry one of `labels`, and it must be asked in one of `channels`.
    """

    operations: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    roles: Roles
    labels: tuple[Label, ...] = ()
    channels: tuple[Place, ...] = ()

    def names(self, operation: type[Operation]) -> bool:
        """Whether it is about this operation, by any of its names."""
        return any(matches(pattern, operation) for pattern in self.operations)

    def covers(self, host: Host) -> bool:
        """Whether this host is among those that it is for."""
        return not self.labels or not frozenset(self.labels).isdisjoint(host.labels)

    def heard_in(self, place: str | None) -> bool:
        """Whether it may be asked there; None is any place."""
        return not self.channels or place is None or place in self.channels


def place_of(surface: Surface, channel: str) -> str:
    """Where something is asked, as grants name places. Only who is at a terminal is there, whatever Slack leaves out."""
    return SHELL if surface in (Surface.SHELL, Surface.DO) else channel


def is_channel(place: str) -> bool:
    """Whether a place of Slack is a channel, and no direct message."""
    return place.startswith(("C", "G"))


def places(grants: Iterable[Grant]) -> Listing:
    """Where grants that are for some channels may be used."""
    channels = sorted({channel for grant in grants for channel in grant.channels})
    return Listing(tuple(Phrase("the terminal") if channel == SHELL else channel for channel in channels))


def matches(pattern: str, operation: type[Operation]) -> bool:
    """Whether a pattern means this operation: `service *` is `service restart`, and not the bare `service`."""
    return any(fnmatchcase(" ".join(name), pattern) for name in names(operation))


def _risk(given: Any) -> Any:
    """A risk by its name; reading needs no approval."""
    known = {risk.name.lower(): risk for risk in Risk if risk is not Risk.READ}
    if isinstance(given, Risk) and given is not Risk.READ:
        return given
    if not isinstance(given, str) or given not in known:
        raise Unfit(Phrase("must be one of {choices}", choices=Listing(tuple(known))))
    return known[given]


_LIFETIME = duration_between(timedelta(minutes=5), timedelta(days=7))
"""Long enough for a person to come to it; short enough that the plan and the wish are still what they were."""


def _lifetime(given: Any) -> Any:
    if isinstance(given, timedelta):
        return given
    if not isinstance(given, str):
        raise Unfit(Phrase("must be a span of time in quotes, such as {example}", example="1h"))
    try:
        return _LIFETIME(given)
    except BadArgument as error:
        raise Unfit(error.phrase) from error


class ApprovalRule(Value):
    """So many other people with one of the roles must approve changes of this risk.

    With labels it counts where any host of the plan carries one of them, beside those without. `ping`: whom to notify.
    """

    LIMIT: ClassVar = 5
    """Approvers; a change that waits for more waits for ever."""

    risk: Annotated[Risk, BeforeValidator(_risk)]
    labels: tuple[Label, ...] = ()
    approvers: int = Field(default=1, ge=1, le=LIMIT)
    roles: Roles = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})
    ping: tuple[PersonName, ...] = ()

    def counts(self, risk: Risk, hosts: Sequence[Host]) -> bool:
        """Whether it is about a change of that risk on those hosts."""
        labels = {label for host in hosts for label in host.labels}
        return self.risk is risk and (not self.labels or not labels.isdisjoint(self.labels))


USUAL: Mapping[Risk, ApprovalRule] = {
    risk: ApprovalRule(risk=risk, approvers=approvers)
    for risk, approvers in ((Risk.CHANGE, 1), (Risk.DISRUPT, 1), (Risk.CRITICAL, 2))
}
"""What holds for a risk that no rule without labels is about."""

USUAL_NAME = "the usual rule"


class Approvals(Value):
    """How changes are approved: how long a request waits, where one is shown that was not asked in a channel, and rules."""

    expire: Annotated[timedelta, BeforeValidator(_lifetime)] = timedelta(hours=1)
    channel: ChannelId | None = None
    rules: tuple[ApprovalRule, ...] = ()

    def rule(self, risk: Risk, hosts: Sequence[Host]) -> tuple[str, ApprovalRule]:
        """All that must hold for a change as one rule, and the names that this has in the configuration.

        As many approvers as the rule that wants most, each with a role that every rule names, so that no rule makes a
        change easier. Beside configured rules the usual one counts only for its number. Rules without a common role can be
        met only host by host: `bot.config.references` refuses those of one host.
        """
        listed = ((f"approvals.rules[{place}]", rule) for place, rule in enumerate(self.rules, start=1))
        counting = [(name, rule) for name, rule in listed if rule.counts(risk, hosts)]
        if not counting:
            return USUAL_NAME, USUAL[risk]
        names, rules = [name for name, _ in counting], [rule for _, rule in counting]
        most = max(rule.approvers for rule in rules)
        if all(rule.labels for rule in rules) and USUAL[risk].approvers > most:
            names, most = [USUAL_NAME, *names], USUAL[risk].approvers
        demanded = {
            "approvers": most,
            "roles": frozenset.intersection(*(rule.roles for rule in rules)),
            "ping": tuple(dict.fromkeys(name for rule in rules for name in rule.ping)),
        }
        return ", ".join(names), rules[0].model_copy(update=demanded)
