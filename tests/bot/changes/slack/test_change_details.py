"""The plan of a change in a modal: complete, whatever Slack has room for, and what is too long in a file."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.endpoint import Endpoint
from adapters.phrase import Texts
from bot.changes.slack.details import build_modal
from bot.changes.text.details import write_details
from bot.model.change import Change
from tests.bot.rendering import changes
from tests.bot.rendering.anything import WHATEVER, any_changes
from tests.bot.rendering.changes import change
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.lab.workspace.view import checked

ROAD = Endpoint(host="host-a", side="windows", address="https://192.0.2.1:5986/wsman", identity="ab" * 32)
WAITING = changes.WAITING.model_copy(update={"plan": changes.plan("host-a").model_copy(update={"roads": (ROAD,)})})


def rows(shown: Change) -> list[str]:
    """The lines of the modal."""
    return [line for block in build_modal(shown, ENGLISH).view["blocks"] for line in block["text"]["text"].splitlines()]


def test_all_that_an_approval_covers_is_in_it() -> None:
    assert [
        "*/flatnet cert renew host-a* Waiting for approval: 0 of 1",
        "*Requested by:* alice",
        "*Reason:* expires on Friday",
        "*Interrupted during the change:* the tunnels of host-a, for about 10 seconds",
        "*Note:* the clock of host-a is 20 seconds late",
        "*Excluded:* host-z — Windows was unreachable",
        "*Rolled back if a step fails:* put the old certificate of host-a back",
        "*Not rolled back:*",
        "make a new key pair",
        "sign its public key",
        "*Assumptions:* host-a has the certificate ab12",
        "*Approvers:* bob, carol, and members of 1 user group",
        "*Expires:* 2026-03-01 18:50 JST",
        "*host-a*",
        "○ make a new key pair",
        "○ lighthouse: sign its public key",
        "○ replace the certificate and restart Nebula",
        "○ lighthouse: see its handshake",
        "*Connections:* host-a (windows): https://192.0.2.1:5986/wsman — identity abababababababab",
        f"*Digest of the plan:* {WAITING.digest}",
    ] == rows(WAITING)


def test_only_with_a_note_it_can_be_submitted() -> None:
    assert "submit" not in build_modal(WAITING, ENGLISH).view
    view = build_modal(WAITING, ENGLISH, "who pressed").view
    assert ("Approve", "who pressed") == (view["submit"]["text"], view["private_metadata"])


def test_what_does_not_fit_is_counted_and_stands_in_the_file() -> None:
    hosts = [f"host-{number}" for number in range(900)]
    large = change(plan=changes.plan(*hosts))
    plan = build_modal(large, ENGLISH)
    checked(plan.view, "modal")
    last = plan.view["blocks"][-1]["text"]["text"]
    assert f"… and {plan.left_out:,} more lines, in the file that was sent to you as a direct message" == last
    file = write_details(large, ENGLISH).text
    assert all(f"\n{host}\n  ○ make a new key pair\n" in file for host in hosts)
    assert file.rstrip().endswith(large.digest)


def test_the_plan_of_two_hundred_hosts_fits_its_steps_and_no_file_is_sent() -> None:
    assert 0 == build_modal(change(plan=changes.plan(*(f"host-{number}" for number in range(200)))), ENGLISH).left_out


@WHATEVER
@given(any_changes(), st.sampled_from([ENGLISH, JAPANESE]))
def test_whatever_a_change_holds_slack_takes_its_plan(anything: Change, texts: Texts) -> None:
    checked(build_modal(anything, texts, "{}").view, "modal")
