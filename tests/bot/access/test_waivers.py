"""Waivers of approvals: a fixed list of operations, each named in full, and weaker than any rule that applies."""

from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from adapters.inventory import Host
from bot.access.explanation import explain_rights
from bot.access.policy import Actor, Policy
from bot.access.rules import FIRST_AID_OPERATIONS, ApprovalRule, ApprovalSettings, ApprovalWaiver
from commands.backups.create import BackupCreate
from commands.catalogue import CATALOGUE
from commands.model.operation import FleetChange, Operation, Risk
from commands.services.operations import ServiceRestart, ServiceStart
from tests.bot.team import ADMINISTRATOR, INVENTORY, OPERATOR, OSAKA, TOKYO, Apply, Restart, Services, actor, person
from tests.commands.cells import read_facts

WAIVER = ApprovalWaiver(operations=("service start",), approvers=0)


class Alias(Apply):
    """An operation of another name, which an alias makes look like the waived one."""

    aliases: ClassVar = (("service", "start"),)


class Disruptive(Apply):
    """The waived operation, if it interrupted something."""

    words: ClassVar = ("service", "start")
    risk: ClassVar = Risk.DISRUPT


class Critical(Disruptive):
    risk: ClassVar = Risk.CRITICAL


def settings(*rules: ApprovalRule | ApprovalWaiver, channel: str | None = "C0OPS") -> ApprovalSettings:
    return ApprovalSettings(rules=rules, channel=channel)


@pytest.mark.parametrize("words", FIRST_AID_OPERATIONS)
def test_each_operation_that_may_be_waived_exists_and_interrupts_nothing(words: str) -> None:
    [operation] = [each for each in CATALOGUE if words == " ".join(each.words)]
    assert (True, Risk.CHANGE) == (issubclass(operation, FleetChange), operation.risk)


@pytest.mark.parametrize(
    ("operation", "waived"),
    [
        (ServiceStart, True),
        (ServiceRestart, False),
        (Restart, False),
        (Alias, False),
        (Disruptive, False),
        (Critical, False),
        (Services, False),
    ],
)
def test_nothing_else_is_waived(operation: type[Operation], waived: bool) -> None:
    """Aliases name nothing here, and a risk that grows in a later version ends the waiver."""
    assert waived == (settings(WAIVER).find_waiver(operation, (TOKYO,)) is not None)


@pytest.mark.parametrize(
    ("others", "hosts", "waived"),
    [
        ((), (TOKYO, OSAKA), True),
        ((ApprovalRule(risk=Risk.CHANGE),), (TOKYO,), False),
        ((ApprovalRule(risk=Risk.CHANGE, labels=("osaka",)),), (TOKYO,), True),
        ((ApprovalRule(risk=Risk.CHANGE, labels=("osaka",)),), (TOKYO, OSAKA), False),
        ((ApprovalRule(risk=Risk.DISRUPT, approvers=2), ApprovalRule(risk=Risk.CRITICAL)), (TOKYO, OSAKA), True),
    ],
)
def test_a_rule_for_any_of_the_hosts_wins(others: tuple[ApprovalRule, ...], hosts: tuple[Host, ...], waived: bool) -> None:
    found = [
        approvals.find_waiver(ServiceStart, hosts) for approvals in (settings(WAIVER, *others), settings(*others, WAIVER))
    ]
    assert [waived, waived] == [each is not None for each in found]


def test_a_waiver_changes_no_rule() -> None:
    for risk in (Risk.CHANGE, Risk.DISRUPT, Risk.CRITICAL):
        assert ApprovalSettings().combine_rules(risk, (TOKYO,)) == settings(WAIVER).combine_rules(risk, (TOKYO,))


def test_the_bot_itself_has_no_waiver() -> None:
    bot = Actor("flatnet-bot", frozenset({OPERATOR}), "built-in schedule digest", built_in=True)
    assert Policy(approvals=settings(WAIVER)).find_waiver(bot, ServiceStart, (TOKYO,)) is None


def test_the_bot_itself_has_one_for_what_may_run_unattended() -> None:
    bot = Actor("flatnet-bot", frozenset({OPERATOR}), "built-in schedule backup", built_in=True)
    waiver = ApprovalWaiver(operations=("backup create",), approvers=0)
    assert Policy(approvals=settings(waiver)).find_waiver(bot, BackupCreate, (TOKYO,)) is not None
    assert Policy(approvals=settings(WAIVER)).find_waiver(bot, BackupCreate, (TOKYO,)) is None


REFUSED = "cannot run without approval. Allowed: service start, "


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"operations": ["service restart"], "approvers": 0}, f"service restart {REFUSED}"),
        ({"operations": ["service *"], "approvers": 0}, f"service * {REFUSED}"),
        ({"operations": ["services start"], "approvers": 0}, f"services start {REFUSED}"),
        ({"operations": ["Service Start"], "approvers": 0}, f"Service Start {REFUSED}"),
        ({"operations": ["*"], "approvers": 0}, f"* {REFUSED}"),
        ({"operations": ["service start", "fly"], "approvers": 0}, f"fly {REFUSED}"),
        ({"operations": [3], "approvers": 0}, f"3 {REFUSED}"),
        ({"operations": [], "approvers": 0}, "Tuple should have at least 1 item"),
        ({"operations": ["service start"]}, "Field required"),
        ({"operations": ["service start"], "approvers": 1}, "must be 0 in a rule with operations"),
        (
            {"operations": ["service start"], "approvers": 0, "labels": ["tokyo"]},
            "labels cannot be combined with operations",
        ),
        ({"operations": ["service start"], "approvers": 0, "risk": "disrupt"}, "risk cannot be combined with operations"),
        ({"operations": ["service start"], "approvers": 0, "channels": []}, "channels cannot be combined with operations"),
        ({"approvers": 0}, "can be 0 only for named operations (allowed: service start, "),
        ({"risk": "change", "approvers": 0}, "can be 0 only for named operations (allowed: service start, "),
        (
            {"risk": "change", "approvers": False},
            "can be 0 only for named operations (allowed: service start, ",
        ),
        ({"risk": "change", "approvers": -1}, "greater than or equal to 1"),
    ],
    ids=str,
)
def test_what_cannot_be_waived_is_no_configuration(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ApprovalSettings.model_validate({"channel": "C0OPS", "rules": [given]})
    assert problem in str(caught.value)


def test_a_waiver_needs_a_channel_in_which_others_see_the_run() -> None:
    assert settings(WAIVER, channel=None).find_waiver(ServiceStart, (TOKYO,)) is None


def test_can_says_that_no_approval_is_needed_and_by_which_rule() -> None:
    people = (person("ana", ADMINISTRATOR), person("bo", OPERATOR))
    policy = Policy(people, approvals=settings(ApprovalRule(risk=Risk.CHANGE, labels=("osaka",)), WAIVER))
    summaries = {
        host: explain_rights(policy, CATALOGUE, INVENTORY, "bo", ("service", "start", "nebula", host))
        for host in ("host-a", "host-b")
    }
    assert [
        "yes: bo can run service start nebula host-a without approval",
        "yes: bo can run service start nebula host-b after 1 approval by another person",
    ] == [str(report.summary) for report in summaries.values()]
    facts = read_facts(summaries["host-a"])
    assert "not needed (approvals.rules[2] in the configuration)" == facts["Approval rule"]


def test_only_whoever_may_ask_runs_it_without_approval() -> None:
    """A waiver waives the approval, and gives no right."""
    assert "requires one of these roles" in str(
        Policy(approvals=settings(WAIVER)).judge(actor("vic"), ServiceStart, (TOKYO,))
    )
