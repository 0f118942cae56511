"""`can`: whether somebody may ask for something, by which rule, and who would have to approve."""

import pytest

from bot.access.explanation import explain_rights
from bot.access.people import UserGroup
from bot.access.policy import Policy
from bot.access.rules import ApprovalRule, ApprovalSettings, Grant
from commands.logs.operations import LogCollect
from commands.model.operation import Risk
from commands.model.report import Report
from commands.values.arguments import BadArgument, NoSuchHost
from commands.values.errors import GrammarError
from tests.bot.team import ADMINISTRATOR, CATALOGUE, DEVELOPER, INVENTORY, OPERATOR, VIEWER, person

ANA, BO, VIC = person("ana", ADMINISTRATOR), person("bo", OPERATOR), person("vic", VIEWER)
DAN = person("dan", DEVELOPER)
LENDING = UserGroup(slack="S0OPS", roles=frozenset({OPERATOR}))
POLICY = Policy(
    (ANA, BO, VIC, DAN),
    (LENDING,),
    (Grant(operations=("forwarding apply",), roles=frozenset({DEVELOPER}), labels=("tokyo",), channels=("C0OPS", "shell")),),
    ApprovalSettings(rules=(ApprovalRule(risk=Risk.DISRUPT, labels=("production",), approvers=2),)),
)


def can(name: str, *words: str, policy: Policy = POLICY) -> Report:
    return explain_rights(policy, CATALOGUE, INVENTORY, name, words)


def facts(report: Report) -> dict[str, str]:
    return {str(what.text): str(value.text) for what, value in (row.cells for row in report.rows)}


def test_a_change_names_the_rule_and_who_would_have_to_approve() -> None:
    report = can("bo", "service", "restart", "host-b")
    assert "yes: bo can run service restart host-b after 2 approvals by other people" == str(report.summary)
    assert {
        "Name": "bo",
        "Command": "service restart host-b",
        "Roles": "operator",
        "Matched rule": "operator (default)",
        "Approval rule": "disrupt: approval by 2 other people (approvals.rules[1] in the configuration)",
        "Approvers": "ana, members of S0OPS",
        "Expires after": "3600 s",
    } == facts(report)


def test_an_administrator_may_go_without_approval() -> None:
    report = can("ana", "service", "restart", "host-a")
    assert "yes: ana can run service restart host-a after 1 approval by another person" == str(report.summary)
    assert "in an emergency, with --break-glass and a reason (everyone is notified)" == facts(report)["Without approval"]


def test_a_critical_change_names_the_second_road_where_it_is_required() -> None:
    roads = Policy((ANA, BO, VIC, DAN), (LENDING,), (), ApprovalSettings(second_road=True))
    found = facts(can("ana", "ca", "rotate", "all", policy=roads))
    assert (
        "one approval must come from a terminal",
        "in an emergency, from a terminal, with --break-glass and a reason (everyone is notified)",
    ) == (found["Second road"], found["Without approval"])
    assert "Second road" not in facts(can("ana", "service", "restart", "host-a", policy=roads))


def test_a_read_needs_no_approval() -> None:
    report = can("vic", "service")
    assert "yes: vic can run service" == str(report.summary)
    assert {"Name": "vic", "Command": "service", "Roles": "viewer", "Matched rule": "viewer (default)"} == facts(report)


def test_a_whole_request_may_be_one_word_in_quotes_and_a_dry_run_needs_no_approval() -> None:
    report = can("bo", "service restart host-a --dry-run")
    assert "yes: bo can run service restart host-a --dry-run" == str(report.summary)
    assert "Approval rule" not in facts(report)


def test_a_grant_says_where() -> None:
    said = facts(can("dan", "forwarding", "apply", "host-a"))
    assert ("developer (grants[1] in the configuration)", "C0OPS, the terminal") == (
        said["Matched rule"],
        said["Only allowed in"],
    )


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("vic", ("service", "restart", "host-a"), "service restart requires one of these roles: administrator, operator"),
        ("dan", ("forwarding", "apply", "all"), "forwarding apply is only allowed on hosts labeled"),
    ],
)
def test_a_refusal_is_repeated_as_that_person_would_be_told(name: str, words: tuple[str, ...], told: str) -> None:
    assert str(can(name, *words).summary).startswith(f"no: {name} would get: {told}")


def test_a_user_group_that_would_help_is_named() -> None:
    """Who is in it is known only when that person asks."""
    assert "allowed if vic is in the user group S0OPS" == facts(can("vic", "service", "restart", "host-a"))["Exception"]
    assert "Exception" not in facts(can("vic", "ca", "rotate", "host-a"))


def test_what_can_never_be_approved_is_told_as_it_would_be() -> None:
    report = can("ana", "ca", "rotate", "all", policy=Policy((ANA, VIC)))
    assert str(report.summary).startswith("no: ana would get: approval needs 2 other people")
    assert "critical: approval by 2 other people (default)" == facts(report)["Approval rule"]
    assert "Without approval" in facts(report)


@pytest.mark.parametrize("said", ["bo", "Bo", "@bo", "@U0BO", "u0bo"])
def test_a_person_is_known_by_name_and_as_slack_mentions_them(said: str) -> None:
    assert "bo" == facts(can(said, "service"))["Name"]


@pytest.mark.parametrize(
    ("said", "phrase", "nearest"),
    [
        ("dam", "no person named dam. Did you mean dan?", ("dan",)),
        ("@U9", "no person named @U9 in the configuration. Use a name from [[people]]", ()),
    ],
)
def test_an_unknown_person_is_an_error_with_the_nearest_names(said: str, phrase: str, nearest: tuple[str, ...]) -> None:
    with pytest.raises(BadArgument) as unknown:
        can(said, "service")
    assert (phrase, said, nearest) == (str(unknown.value.phrase), unknown.value.part, unknown.value.nearest)


def test_unknown_words_are_answered_as_the_grammar_does_with_whole_requests() -> None:
    with pytest.raises(GrammarError) as unknown:
        can("bo", "servcie", "restart", "host-a")
    assert str(unknown.value.phrase).startswith("unknown command: servcie")
    assert unknown.value.span is None
    assert "can bo service restart host-a" == unknown.value.suggestions[0]


def test_an_unknown_host_is_an_error() -> None:
    with pytest.raises(NoSuchHost):
        can("bo", "service", "restart", "host-z")


def test_every_place_that_counts_is_said() -> None:
    """An archive of logs may be asked for where logs may, and where health may."""
    narrowed = (
        Grant(operations=("log",), roles=frozenset({OPERATOR}), channels=("C0OPS", "C0LOG")),
        Grant(operations=("health",), roles=frozenset({OPERATOR}), channels=("C0OPS",)),
    )
    report = explain_rights(Policy((BO,), grants=narrowed), (LogCollect,), INVENTORY, "bo", ("log", "collect"))
    assert ["C0LOG, C0OPS", "C0OPS"] == [
        str(value.text) for what, value in (row.cells for row in report.rows) if "Only allowed in" == str(what.text)
    ]
