"""A change as a message: the state in words, what changes where, who decides, and never more than Slack takes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.phrase import Phrase, Texts
from bot.changes.rules.rehearsals import describe_objections
from bot.changes.slack.buttons import list_commands
from bot.changes.slack.card import render, render_in_full
from bot.changes.slack.updates import list_milestones
from bot.changes.text import progress as course
from bot.changes.text.progress import STAGE_SIGNS, Stage
from bot.model.change import Change, ChangeState, describe_report
from bot.rendering.slack.blocks import MAX_BLOCKS, MAX_CHARACTERS, MAX_TEXT, SlackMessage
from bot.rendering.slack.buttons import parse_words
from commands.changes.rehearsal import RehearsedHost, build_rehearsal_steps
from commands.model.operation import Risk
from commands.model.plan import Part, Plan, PlannedAction, Result
from tests.bot.rendering import changes
from tests.bot.rendering.anything import WHATEVER, any_changes
from tests.bot.rendering.changes import ALL, ENDED, OPERATION, STARTED, approval, change, result
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.commands.canned import host
from tests.lab.workspace.blocks import MESSAGE, characters, complaints

NOW = STARTED + timedelta(seconds=14)


def said(message: SlackMessage) -> str:
    return str(message.blocks)


def pressed(message: SlackMessage) -> dict[str, str]:
    """The action id of each button, and the words that it carries."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return {button["action_id"]: parse_words(button["value"]) or "" for row in rows for button in row}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_every_state_is_a_message_that_slack_takes(name: str, texts: Texts) -> None:
    message = render(ALL[name], texts, NOW)
    assert [] == list(complaints(message.blocks, MESSAGE))
    assert message.text
    assert "cert renew host-a" in message.text


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("waiting", "Waiting for approval: 0 of 1"),
        ("dry", "Dry run: no approval requested, nothing is changed"),
        ("ready", "Approved, waiting for hosts"),
        ("running", "Running: step 2 of 4"),
        ("stopping", "Stopping before the next step"),
        ("done", "Done"),
        ("undone", "Rolled back to the previous state"),
        ("failed", "Failed"),
        ("unknown", "Result unknown, host check required"),
        ("denied", "Denied"),
        ("expired", "Expired"),
        ("withdrawn", "Withdrawn"),
        ("superseded", "Superseded: the plan changed"),
        ("refused", "Could not start"),
        ("glass", "Running: step 2 of 4"),
        ("reviewed", "Done"),
    ],
)
def test_the_state_stands_first_in_words(name: str, state: str) -> None:
    message = render(ALL[name], ENGLISH)
    assert f"*{state}*" in message.blocks[0]["text"]["text"]
    assert message.text.startswith(state)


@pytest.mark.parametrize(
    ("name", "buttons"),
    [
        (
            "waiting",
            {
                "run.approve": f"approve {OPERATION}",
                "form.deny": f"deny {OPERATION}",
                "run.withdraw": f"op cancel {OPERATION}",
            },
        ),
        ("ready", {"run.withdraw": f"op cancel {OPERATION}"}),
        ("running", {"run.stop": f"op cancel {OPERATION}"}),
        ("glass", {"run.stop": f"op cancel {OPERATION}", "form.review": f"op review {OPERATION}"}),
        ("failed", {"run.continue": f"op continue {OPERATION}"}),
        ("undone", {"run.continue": f"op continue {OPERATION}"}),
        (
            "unknown",
            {
                "form.resolve.done": f"op resolve {OPERATION} --outcome done",
                "form.resolve.undone": f"op resolve {OPERATION} --outcome undone",
                "form.resolve.failed": f"op resolve {OPERATION} --outcome failed",
            },
        ),
        *((name, {}) for name in ("stopping", "done", "denied", "expired", "superseded", "reviewed")),
    ],
)
def test_the_buttons_are_what_can_be_done_now_and_go_with_the_decision(name: str, buttons: dict[str, str]) -> None:
    assert buttons | {"plan.details": f"op show {OPERATION}"} == pressed(render(ALL[name], ENGLISH))


@pytest.mark.parametrize("state", [ChangeState.DONE, ChangeState.FAILED])
def test_an_ended_round_of_a_change_of_the_ca_leads_to_its_overview(state: ChangeState) -> None:
    ended = change(state, **ENDED, words="ca rotation next --only host-a")
    assert "ca rotation" == pressed(render(ended, ENGLISH))["run.rotation"]
    assert "ca rotation" in list_commands(ended)
    assert "ca rotation" not in list_commands(change(state, **ENDED))


def test_that_a_critical_change_was_done_is_reported_with_approvals() -> None:
    unknown = ALL["unknown"].model_copy(update={"risk": Risk.CRITICAL})
    assert f"op confirm {OPERATION}" == pressed(render(unknown, ENGLISH))["form.resolve.done"]
    assert (f'op resolve {OPERATION} "…" --outcome undone|failed', f'op confirm {OPERATION} --reason "…"') == list_commands(
        unknown
    )


def test_the_name_of_a_critical_change_is_not_in_the_command_that_approves_it() -> None:
    critical = ALL["waiting"].model_copy(update={"risk": Risk.CRITICAL})
    assert f"approve {OPERATION} --name …" == list_commands(critical)[0]
    assert f"approve {OPERATION}" == list_commands(ALL["waiting"])[0]


def test_a_dry_run_has_no_button_to_details_because_it_is_stored_nowhere() -> None:
    assert {} == pressed(render_in_full(ALL["dry"], ENGLISH))


def test_a_change_that_stops_nothing_is_not_said_to_interrupt() -> None:
    """A start is of the same sort as a restart, by which approvals are ruled; nothing runs that it could stop."""
    waiting = changes.WAITING.model_copy(update={"plan": changes.WAITING.plan.model_copy(update={"disrupts": ()})})
    shown = said(render(waiting, ENGLISH))
    assert 2 == shown.count("no interruption")
    assert "interrupts running services" not in shown


def test_an_approver_sees_on_the_card_what_where_what_stops_what_stays_who_asks_and_who_else_may_approve() -> None:
    shown = said(render(changes.WAITING, ENGLISH))
    for sentence in (
        "/flatnet cert renew host-a",
        "*Hosts:* host-a",
        "*Excluded:* host-z — Windows was unreachable",
        "*Interrupted during the change:* the tunnels of host-a, for about 10 seconds",
        "*Not rolled back:*\\n• make a new key pair\\n• sign its public key",
        "*Note:* the clock of host-a is 20 seconds late",
        "*Requested by:* <@U0ADMIN>",
        "expires on Friday",
        "*Approvers:* <@U0OPERATOR>, <!subteam^S0OPS>, bob, carol",
    ):
        assert sentence in shown
    for behind in ("see its handshake", "Rolled back if", "Assumptions", changes.WAITING.digest):
        assert behind not in shown


def test_a_card_has_the_first_of_many_sentences_and_counts_the_others() -> None:
    many = tuple(Phrase("warning {n}", n=number) for number in range(9))
    plan = changes.WAITING.plan.model_copy(update={"disrupts": (), "warnings": many})
    shown = said(render(changes.WAITING.model_copy(update={"plan": plan}), ENGLISH))
    assert "• warning 0\\n• warning 1\\n… and 7 more" in shown
    assert "warning 2" not in shown


@pytest.mark.parametrize(
    ("state", "loud"), [(ChangeState.WAITING, True), (ChangeState.READY, True), (ChangeState.DONE, False)]
)
def test_a_large_reach_stands_at_the_top_and_in_the_short_text_until_the_end(state: ChangeState, loud: bool) -> None:
    reach = (Phrase("targets all hosts ({n} of {count} will be changed)", n=5, count=6),)
    message = render(change(state, plan=changes.plan("host-a").model_copy(update={"reach": reach})), ENGLISH)
    sentence = "Targets all hosts (5 of 6 will be changed)"
    assert loud is (f":rotating_light: *{sentence}" in message.blocks[1]["text"]["text"])
    assert loud is (sentence in message.text[:150])


def test_a_card_of_two_hundred_hosts_is_as_long_as_one_of_few() -> None:
    """A line for each host would push the button to stop off the screen."""
    hosts = [f"host-{number:03}" for number in range(200)]
    running = change(ChangeState.RUNNING, *hosts, **changes.BEGUN, running="host-120.pair")
    text = "\n".join(block["text"]["text"] for block in render(running, ENGLISH, NOW).blocks if block["type"] == "section")
    assert text.index("▸ host-120") < text.index("○ host-000")
    assert text.count("\n") < 25


def test_asked_for_in_full_all_is_shown() -> None:
    shown = said(render_in_full(changes.WAITING, ENGLISH))
    for sentence in (
        "<@U0ADMIN>",
        "expires on Friday",
        "interrupts running services",
        "*Interrupted during the change:* the tunnels of host-a, for about 10 seconds",
        "*Note:* the clock of host-a is 20 seconds late",
        "*Rolled back if a step fails:* put the old certificate of host-a back",
        "*Not rolled back:*\\n• make a new key pair\\n• sign its public key",
        "*Assumptions:* host-a has the certificate ab12",
        "*Excluded:* host-z — Windows was unreachable",
        "*Approvers:* <@U0OPERATOR>, <!subteam^S0OPS>, bob, carol",
        "*Expires:* 2026-03-01 18:50 JST",
        "plan 1a2b3c4d",
    ):
        assert sentence in shown


def test_approvers_are_mentioned_by_person_or_group_and_each_named_once() -> None:
    given = approval(mentions={"bob": "U0OPERATOR"}, groups=("S0OPS",))
    assert "*Approvers:* <!subteam^S0OPS>, <@U0OPERATOR>, carol\\n" in said(render(change(approval=given), ENGLISH))


def test_a_card_that_cannot_be_approved_any_more_says_so() -> None:
    given = approval(may=(), lacking=Phrase("approval needs another person"))
    waiting = change(approval=given)
    assert ":warning: Approval needs another person" in said(render(waiting, ENGLISH))
    [told] = [each for each in list_milestones(waiting) if each.key == "lacking"]
    assert ("U0ADMIN",) == told.recipients
    assert "Can no longer be approved: approval needs another person" in told.phrase.render_sentence(ENGLISH)


def test_the_text_alone_is_enough_to_decide() -> None:
    text = render(changes.WAITING, ENGLISH).text
    for sentence in (
        "alice",
        "the tunnels of host-a",
        "bob, carol",
        "2026-03-01 18:50 JST",
        f"/flatnet approve {OPERATION}",
    ):
        assert sentence in text


def test_each_step_has_its_sign_and_what_is_not_simply_done_has_words() -> None:
    lines = [str(line) for line in course.build_host_progress(changes.DONE, ENGLISH, None)[0].lines]
    assert [
        "✓ make a new key pair — 2 sec",
        "= lighthouse: sign its public key — already in place",
        "✓ replace the certificate and restart Nebula — 2 sec",
        "✓ lighthouse: see its handshake — 2 sec",
    ] == lines


def test_a_running_step_says_for_how_long_where_the_time_is_known() -> None:
    assert "▸ lighthouse: sign its public key — running for 12 sec" in said(render(changes.RUNNING, ENGLISH, NOW))
    assert "▸ lighthouse: sign its public key — running\\n" in said(render(changes.RUNNING, ENGLISH))


def test_after_the_decision_the_message_says_who_and_when_and_why() -> None:
    shown = said(render(changes.DENIED, ENGLISH))
    assert "✗ <@U0OPERATOR> denied, 2026-03-01 17:54 JST" in shown
    assert "not before the backup" in shown
    assert "Approvers" not in shown


@pytest.mark.parametrize("name", ["denied", "expired", "withdrawn", "superseded", "refused"])
def test_what_was_closed_before_it_began_has_no_course(name: str) -> None:
    assert "make a new key pair" not in said(render(ALL[name], ENGLISH))


def test_what_somebody_stopped_has_not_failed() -> None:
    done = (result("host-a.pair", Result.UNDONE),)
    stopped = change(ChangeState.UNDONE, **changes.ENDED, stopping="carol", results=done)
    assert "*Stopped and rolled back*" in said(render(stopped, ENGLISH))
    assert "*Stopped*" in said(render(stopped.model_copy(update={"state": ChangeState.FAILED, "results": ()}), ENGLISH))
    broken = changes.FAILED.model_copy(update={"stopping": "carol"})
    assert "*Failed*" in said(render(broken, ENGLISH))


def test_who_decides_stands_above_the_course_and_what_is_put_back_below() -> None:
    shown = said(render_in_full(changes.WAITING, ENGLISH))
    places = [shown.index(part) for part in ("Interrupted during", "Approvers", "○ make", "Rolled back if", "Assumptions")]
    assert sorted(places) == places


def test_what_only_tidies_up_or_ends_a_part_is_not_called_lasting() -> None:
    """No failure comes after the last step; and a folder that is removed anyway is nothing to take back."""
    folder = PlannedAction(kind="windows.ForgetFolder", arguments={"folder": "x"})
    made, swap = change().plan.parts[0].steps[0], change().plan.parts[0].steps[2]
    made = made.model_copy(update={"undo": folder, "undo_phrase": Phrase("remove the pair")})
    tidy = made.model_copy(update={"key": "tidy", "deed": folder, "undo": None, "phrase": Phrase("tidy up")})
    keep = swap.model_copy(update={"key": "keep", "undo": None, "phrase": Phrase("keep it")})
    plan = Plan(parts=(Part(host="host-a", steps=(made, tidy, swap, keep)),))
    shown = said(render_in_full(change(plan=plan), ENGLISH))
    assert "Not rolled back" not in shown
    assert "*Rolled back if a step fails:*\\n• put the old certificate of host-a back\\n• remove the pair" in shown


def test_a_rehearsal_leaves_nothing_that_could_be_called_lasting() -> None:
    """Its changes are those of scratch files, which are removed at the end."""
    shown = said(render_in_full(change(plan=rehearsal("host-a", "host-b")), ENGLISH))
    assert "Not rolled back" not in shown
    assert "stay changed" not in shown
    assert "(no service is restarted)" in shown


def rehearsal(*names: str) -> Plan:
    """A rehearsal of these hosts."""
    hosts = (RehearsedHost(host(name, number), OPERATION, 30.0) for number, name in enumerate(names, 1))
    return Plan(parts=tuple(Part(host=each.name, steps=tuple(build_rehearsal_steps(each))) for each in hosts))


def test_a_finished_rehearsal_leads_to_what_it_found() -> None:
    plan = rehearsal("host-a", "host-b")
    done = change(ChangeState.DONE, **changes.ENDED, plan=plan, results=(result(plan.steps[0].key),))
    found = {name: words for name, words in pressed(render(done, ENGLISH)).items() if name.startswith("run.host")}
    assert {"run.host.0": "host show host-a", "run.host.1": "host show host-b"} == found
    closed = changes.WITHDRAWN.model_copy(update={"plan": plan})
    assert {"plan.details"} == pressed(render(closed, ENGLISH)).keys()


def test_the_total_time_stands_at_the_end() -> None:
    assert "took 1 min, 15 sec" in said(render(changes.DONE, ENGLISH))


def test_what_is_unknown_asks_for_a_look_and_the_text_alone_says_what_to_type() -> None:
    message = render(changes.UNKNOWN, ENGLISH)
    assert "Check the hosts, then report what you found" in said(message)
    assert f'op resolve {OPERATION} "…" --outcome done|undone|failed' in message.text


def test_the_end_has_its_proof_in_place_of_the_steps() -> None:
    shown = said(render(changes.DONE, ENGLISH))
    assert "host-a: tunnel confirmed by lighthouse" in shown.lower()
    assert "4 steps" not in shown


def _many_unfinished(state: ChangeState, trouble: Result) -> Change:
    """A change of four hosts: one is done, two did not finish, and one did not begin."""
    steps = ("pair", "sign", "swap", "proof")
    return change(
        state,
        "host-1",
        "host-2",
        "host-3",
        "host-4",
        **changes.ENDED,
        results=(
            *(result(f"host-1.{key}") for key in steps),
            *(result(f"host-2.{key}") for key in steps[:2]),
            result("host-2.swap", trouble, why=Phrase("the answer was lost")),
            result("host-3.pair", trouble, why=Phrase("disk full")),
        ),
    )


@pytest.mark.parametrize(
    ("state", "trouble", "sign"),
    [
        (ChangeState.UNKNOWN, Result.UNKNOWN, "?"),
        (ChangeState.FAILED, Result.FAILED, "✗"),
        (ChangeState.UNDONE, Result.UNDONE, "↶"),
    ],
)
def test_proofs_of_some_hosts_do_not_displace_the_others(state: ChangeState, trouble: Result, sign: str) -> None:
    message = render(_many_unfinished(state, trouble), ENGLISH)
    shown = said(message)
    places = [shown.index(text) for text in (f"{sign} host-2", f"{sign} host-3", "– host-4", "host-1: tunnel confirmed")]
    assert sorted(places) == places
    assert "host-1 — 4 steps" not in shown
    assert [] == list(complaints(message.blocks, MESSAGE))


def test_unfinished_hosts_beyond_the_lines_of_a_card_are_counted() -> None:
    hosts = [f"host-{number:02}" for number in range(20)]
    done = tuple(result(f"host-00.{key}") for key in ("pair", "sign", "swap", "proof"))
    lost = result("host-19.pair", Result.UNKNOWN, why=Phrase("the answer was lost"))
    shown = said(render(change(ChangeState.UNKNOWN, *hosts, **changes.ENDED, results=(*done, lost)), ENGLISH))
    assert shown.index("? host-19") < shown.index("– host-01")
    assert "… and 13 more" in shown


def reported(state: ChangeState, *hosts: str, **more: Any) -> Change:
    """A change whose unknown outcome a person has reported."""
    return change(
        state,
        *hosts,
        **changes.ENDED,
        **({"results": changes.UNKNOWN.results, "why": describe_report("kenji", "seen")} | more),
    )


def test_what_a_person_reported_is_no_proof() -> None:
    shown = said(render(reported(ChangeState.DONE), ENGLISH))
    assert "kenji reported: seen" in shown
    assert "confirmed by" not in shown


@pytest.mark.parametrize(
    ("state", "outcome"),
    [(ChangeState.DONE, "done"), (ChangeState.UNDONE, "rolled back"), (ChangeState.FAILED, "failed")],
)
@pytest.mark.parametrize("show", [render, render_in_full])
def test_after_a_report_the_unknown_step_is_no_open_question(
    state: ChangeState, outcome: str, show: Callable[[Change, Texts], SlackMessage]
) -> None:
    message = show(reported(state), ENGLISH)
    assert f"lighthouse: sign its public key — reported by kenji as {outcome}" in said(message)
    for question in ("unknown", "the answer was lost", "Check the hosts"):
        assert question not in said(message) + message.text


def labels(message: SlackMessage) -> list[str]:
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [button["text"]["text"] for row in rows for button in row]


@pytest.mark.parametrize(
    ("ended", "button"),
    [
        (reported(ChangeState.UNDONE), "Try host-a again"),
        (reported(ChangeState.FAILED), "Try host-a again"),
        (reported(ChangeState.DONE), None),
        (reported(ChangeState.UNDONE, "host-a", "host-b"), "Continue remaining hosts"),
        (reported(ChangeState.UNDONE, results=()), "Continue remaining hosts"),
    ],
)
def test_the_button_to_continue_says_whether_it_repeats_the_only_host(ended: Change, button: str | None) -> None:
    alone = ended.model_copy(update={"plan": ended.plan.model_copy(update={"left_out": ()})})
    assert ["Details"] == [each for each in labels(render(alone, ENGLISH)) if each != button]
    assert (button is not None) == (button in labels(render(alone, ENGLISH)))


def test_a_host_that_was_left_out_is_continued_with_the_others() -> None:
    assert "Continue remaining hosts" in labels(render(reported(ChangeState.UNDONE), ENGLISH))


def test_a_plan_for_many_hosts_is_one_line_for_each() -> None:
    hosts = [f"host-{number}" for number in range(1, 6)]
    running = change(
        ChangeState.RUNNING,
        *hosts,
        **changes.BEGUN,
        results=(
            *(result(f"host-1.{key}") for key in ("pair", "sign", "swap", "proof")),
            result("host-2.pair"),
            result("host-2.sign", Result.UNKNOWN, why=Phrase("the answer was lost")),
        ),
    )
    assert [
        "✓ host-1 — 4 steps",
        "? host-2 — step 2 of 4: lighthouse: sign its public key — unknown whether it ran: the answer was lost",
        "○ host-3 — 4 steps",
        "○ host-4 — 4 steps",
        "○ host-5 — 4 steps",
    ] == [str(line) for line in course.build_folded_lines(running, ENGLISH, NOW)]


def test_of_several_hosts_the_steps_are_shown_where_something_happens() -> None:
    waiting = said(render_in_full(change(ChangeState.WAITING, "host-1", "host-2", "host-3", "host-4"), ENGLISH))
    assert "*host-1*\\n○ make a new key pair" in waiting
    assert "○ host-2 — 4 steps\\n○ host-3 — 4 steps\\n○ host-4 — 4 steps" in waiting
    done = tuple(result(f"host-1.{key}") for key in ("pair", "sign", "swap", "proof"))
    running = said(
        render_in_full(
            change(ChangeState.RUNNING, "host-1", "host-2", **changes.BEGUN, results=done, running="host-2.pair"), ENGLISH
        )
    )
    assert "*host-2*\\n▸ make a new key pair" in running
    assert "✓ host-1 — 4 steps" in running


def test_of_a_plan_too_long_to_be_shown_whole_the_hosts_in_trouble_stand_first() -> None:
    hosts = [f"host-{number:03}-with-a-long-name" for number in range(250)]
    failed = change(
        ChangeState.FAILED,
        *hosts,
        **changes.ENDED,
        results=(result(f"{hosts[249]}.pair", Result.FAILED, why=Phrase("disk full")),),
    )
    message = render_in_full(failed, ENGLISH)
    shown = said(message)
    assert shown.index(f"*{hosts[249]}*\\n✗ make a new key pair") < shown.index("– host-000")
    assert "more" in shown
    assert f"✗ {hosts[249]}" in message.text


@pytest.mark.parametrize(("risk", "asked"), [(Risk.CHANGE, False), (Risk.DISRUPT, True)])
def test_what_can_hurt_is_asked_once_more(risk: Risk, asked: bool) -> None:
    message = render(change(risk=risk), ENGLISH)
    [row] = [block for block in message.blocks if block["type"] == "actions"]
    assert asked is ("confirm" in row["elements"][0])


def test_a_critical_change_is_approved_in_its_opened_plan() -> None:
    buttons = pressed(render(change(risk=Risk.CRITICAL), ENGLISH))
    assert f"op show {OPERATION}" == buttons["plan.approve"]
    assert "run.approve" not in buttons


def test_whoever_slack_does_not_know_is_named_and_escaped() -> None:
    shown = said(render(change(requester="<!channel>", mention="<!here>"), ENGLISH))
    assert "<!" not in shown.replace("<!subteam^S0OPS>", "")


def test_a_mark_is_never_carried_by_colour_alone() -> None:
    assert set(Stage) == set(STAGE_SIGNS)
    assert {"result"} | {stage.value for stage in Stage} >= {each.value for each in Result}


@WHATEVER
@given(any_changes(), st.sampled_from([ENGLISH, JAPANESE]))
def test_whatever_a_change_holds_slack_takes_it(anything: Change, texts: Texts) -> None:
    for message in (render(anything, texts, NOW), render_in_full(anything, texts, NOW)):
        _check(message)


def _check(message: SlackMessage) -> None:
    assert [] == list(complaints(message.blocks, MESSAGE))
    assert len(message.blocks) <= MAX_BLOCKS
    assert _characters(message) <= MAX_CHARACTERS
    assert len(message.text) <= MAX_TEXT
    mentions = said(message).replace("<@U0OPERATOR>", "").replace("<!subteam^S0A>", "")
    assert "<!" not in mentions
    assert "<@" not in mentions
    assert "<" not in message.text


def _characters(message: SlackMessage) -> int:
    return characters([dict(block) for block in message.blocks])


def unrehearsed(risk: Risk, **more: Any) -> Change:
    """A waiting change of a host whose automatic rollback is unproven."""
    notes = describe_objections({"host-a": Phrase("not rehearsed yet")})
    plan = changes.WAITING.plan.model_copy(update={"warnings": (*changes.WAITING.plan.warnings, *notes)})
    return change(risk=risk, plan=plan, unrehearsed=("host-a",), rehearsal_notes=notes, **more)


@pytest.mark.parametrize(("risk", "advised"), [(Risk.CHANGE, False), (Risk.DISRUPT, True), (Risk.CRITICAL, True)], ids=str)
def test_a_missing_rehearsal_is_noted_beside_a_decision_only_if_something_may_be_interrupted(
    risk: Risk, advised: bool
) -> None:
    message = render(unrehearsed(risk), ENGLISH)
    note = "the automatic rollback of host-a is unproven (not rehearsed yet). Run `/flatnet host rehearse host-a`"
    assert (advised, advised) == (note in said(message), "host rehearse host-a" in pressed(message).values())
    assert "the clock of host-a is 20 seconds late" in said(message)


def test_the_whole_plan_has_the_note_on_a_missing_rehearsal_whatever_the_risk() -> None:
    assert "is unproven (not rehearsed yet)" in said(render_in_full(unrehearsed(Risk.CHANGE), ENGLISH))


def test_a_dry_run_that_interrupts_nothing_offers_the_rehearsal() -> None:
    dry = unrehearsed(Risk.CHANGE, dry_run=True)
    assert ["host rehearse host-a"] == list(pressed(render_in_full(dry, ENGLISH)).values())


def test_the_card_of_an_unknown_result_has_its_reason_only_where_no_line_of_a_host_has_it() -> None:
    assert changes.UNKNOWN.results
    assert changes.UNKNOWN.why is not None
    why = changes.UNKNOWN.why.render_sentence(ENGLISH)
    assert why not in said(render(changes.UNKNOWN, ENGLISH))
    for results in ((), (result("host-a.pair"),)):
        assert why in said(render(changes.UNKNOWN.model_copy(update={"results": results}), ENGLISH))
    assert why in said(render_in_full(changes.UNKNOWN, ENGLISH))
