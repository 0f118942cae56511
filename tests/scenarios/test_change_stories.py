"""Changes from the request to their proof, between the fake Slack and the lab: asked, approved, carried out, shown."""

from pathlib import PureWindowsPath

import pytest

from bot.model.change import ChangeState
from tests.lab.windows.disks import Expiry
from tests.lab.windows.mesh import PATHS
from tests.scenarios.changing import ADMIN, FOLDER, OPERATOR, Shift, shift
from tests.scenarios.conftest import Build

DONE = (ChangeState.DONE, "")

ASKED = ["request", "plan", "approval"]
"""What the audit log says of a change that waits for people."""

CARRIED_OUT = [*ASKED, "review", "run", "end"]


def services(s: Shift, host: str) -> dict[str, str]:
    """How the services of a host stand."""
    return {name: service.status for name, service in s.state(host).services.items()}


async def test_a_certificate_is_renewed_with_approval_and_proven_from_the_other_side(town: Build) -> None:
    """The card says so in its place, the thread tells whoever asked, the log has every step, and the old pair is kept."""
    async with shift(town) as s:
        old, text = s.lies("host-a"), s.state("host-a").files[PureWindowsPath(PATHS.host_certificate)]
        card = await s.asked("cert renew host-a")
        assert old == s.lies("host-a") == s.runs("host-a")
        await s.press(ADMIN, card, "run.approve")
        assert DONE == await s.ended(card)
        assert old != s.lies("host-a") == s.runs("host-a")
        assert CARRIED_OUT == s.trail(card)
        assert {"done"} == set(s.outcomes(card).values())
        assert text == s.state("host-a").files[FOLDER / card.operation / "host.crt.old"]
        assert [] == s.left("lighthouse")
        assert "run." not in await s.shows(card, ChangeState.DONE)
        assert f"<@{OPERATOR}>" in await s.says(card, ":white_check_mark: 完了")
        assert 1 == len(s.cards())


async def test_the_lighthouse_is_proven_by_other_hosts(town: Build) -> None:
    async with shift(town) as s:
        old = s.lies("lighthouse")
        card = await s.approved("cert renew lighthouse")
        assert DONE == await s.ended(card)
        assert old != s.lies("lighthouse") == s.runs("lighthouse")
        assert {"lighthouse/seen/host-a", "lighthouse/seen/host-b"} <= s.outcomes(card).keys()


@pytest.mark.parametrize("due", [("host-b",), ("lighthouse", "host-b", "host-c")], ids=["one", "several"])
async def test_what_is_due_is_renewed_one_after_the_other_and_the_lighthouse_last(town: Build, due: tuple[str, ...]) -> None:
    async with shift(town, hosts=3, expiry=Expiry(hosts=dict.fromkeys(due, 20))) as s:
        old = {host.name: s.lies(host.name) for host in s.fleet.hosts}
        card = await s.approved("cert renew --due 30d")
        assert DONE == await s.ended(card)
        assert set(due) == {name for name, was in old.items() if s.lies(name) != was}
        assert all(s.lies(name) == s.runs(name) for name in old)
        order = [key.partition("/")[0] for key in s.outcomes(card) if key.endswith("/confirm")]
        assert sorted(due, key=lambda name: (name == "lighthouse", name)) == order


async def test_where_nothing_is_due_nobody_is_asked(town: Build) -> None:
    async with shift(town) as s:
        assert "No certificate expires within 30d. Nothing to do" in await s.types(ADMIN, "cert renew --due 30d")
        assert [] == s.cards()


@pytest.mark.parametrize(("words", "name"), [("nebula", "Nebula"), ("openresty", "OpenResty")])
async def test_a_service_is_restarted_and_answers_again(town: Build, words: str, name: str) -> None:
    async with shift(town) as s:
        before = s.state("host-a").services[name].pid
        card = await s.approved(f"service restart {words} host-a")
        assert DONE == await s.ended(card)
        assert before != s.state("host-a").services[name].pid
        assert {"Nebula": "Running", "OpenResty": "Running"} == services(s, "host-a")
        assert CARRIED_OUT == s.trail(card)


async def test_an_nginx_without_a_service_is_restarted_too(town: Build) -> None:
    async with shift(town) as s:
        del s.state("host-a").services["OpenResty"]
        before = {process.pid for process in s.state("host-a").processes if process.name == "nginx"}
        card = await s.approved("service restart openresty host-a")
        assert DONE == await s.ended(card)
        after = {process.pid for process in s.state("host-a").processes if process.name == "nginx"}
        assert (2, 2, set()) == (len(before), len(after), before & after)


async def test_what_was_stopped_is_started_again(town: Build) -> None:
    async with shift(town) as s:
        assert DONE == await s.ended(await s.approved("service stop openresty host-a"))
        assert {"Nebula": "Running", "OpenResty": "Stopped"} == services(s, "host-a")
        assert DONE == await s.ended(await s.approved("service start openresty host-a"))
        assert {"Nebula": "Running", "OpenResty": "Running"} == services(s, "host-a")


async def test_a_dry_run_shows_the_plan_and_asks_nobody(town: Build) -> None:
    async with shift(town) as s:
        old = s.lies("host-a")
        told = await s.types(ADMIN, "cert renew host-a --dry-run")
        assert "Dry run: no approval requested, nothing is changed" in told
        assert "generate a key pair (the private key stays on host-a)" in told
        assert "run.approve" not in told
        assert [] == s.cards()
        assert old == s.lies("host-a")
        assert ["request", "plan"] == [event["kind"] for event in s.town.events()]
        assert "Nothing is waiting for approval or review" in await s.types(ADMIN, "approval")


async def test_lists_and_stories_follow_a_change(town: Build) -> None:
    async with shift(town) as s:
        card = await s.asked("service restart openresty host-a")
        assert card.operation in await s.types(ADMIN, "approval")
        plan = await s.types(ADMIN, f"approval show {card.operation}")
        assert "restart OpenResty (host-a reverts automatically unless confirmed within 120 s)" in plan
        await s.press(ADMIN, card, "run.approve")
        assert DONE == await s.ended(card)
        assert card.operation not in await s.types(ADMIN, "approval")
        assert card.operation in await s.types(ADMIN, "op")
        story = await s.types(ADMIN, f"op show {card.operation}")
        assert "✓ restart OpenResty" in story
        assert f"<@{ADMIN}> approved" in story
