"""Requirements of a change by the approval rules: as many approvals, or none."""

from dataclasses import dataclass
from datetime import timedelta

from commands.model.operation import Role


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
