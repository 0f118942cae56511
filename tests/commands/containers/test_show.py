"""`container show`: one container in full."""

from dataclasses import replace

import pytest

from adapters.errors import Unreachable
from adapters.gateway.containers import Registry
from adapters.wsl.containers import ContainerVolume
from commands.containers.lookup import NoSuchContainer
from commands.containers.show import ContainerShow
from commands.model.operation import CannotPlan, FleetView
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.model.report import Report
from commands.values.containers import ContainerName
from tests.commands.canned import NOW
from tests.commands.cells import cell
from tests.commands.containers.canned_containers import listed
from tests.commands.containers.canned_fleet import API, REGISTERED, WEB, Wsl2, make_view, registry
from tests.commands.gateways.canned_registrations import LATE, registered
from tests.commands.gateways.canned_registrations import A as UNMANAGED


async def show(name: str, view: FleetView | None = None) -> Report:
    return await ContainerShow(container=ContainerName.parse(name)).read(view or make_view())


def facts(report: Report) -> dict[str, str]:
    return {str(cell(report, row, "fact").value): str(cell(report, row, "value").text) for row in report.rows}


async def test_a_container_that_is_right_is_one_sentence_and_its_facts() -> None:
    whole = listed(
        "web",
        variables=("MODE", "TOKEN"),
        volumes=(ContainerVolume(name="data", path="/data"),),
        obstacles=("bind mount /etc",),
        pinned_address=True,
    )
    report = await show("web", make_view({"host-a": Wsl2((whole, API))}))
    assert str(report.summary) == "host-a/web: running for 432000 s, 10.87.1.10, registered at 3 of 3 gateways"
    assert facts(report) == {
        "host": "host-a",
        "status": "running for 432000 s",
        "registered": "3 of 3 gateways",
        "address": "10.87.1.10",
        "since": facts(report)["since"],
        "image": "docker.io/library/nginx:1.27",
        "digest": "sha256:" + "b" * 64,
        "restarts": "0",
        "policy": "always",
        "volumes": "data:/data",
        "id": WEB.id,
        "registrations": "10.87.1.10 at host-a, host-b, host-c",
        "allocated": "10.87.1.10",
        "pinned": "yes",
        "variables": "MODE, TOKEN",
        "obstacles": "bind mount /etc",
    }
    assert (report.findings, report.sections, report.next) == ((), (), ("log container:web host-a",))


@pytest.mark.parametrize("name", ["web", "host-a/web", f"host-a/{WEB.id}", WEB.id[:12]])
async def test_it_is_named_by_name_or_id(name: str) -> None:
    assert str((await show(name)).title) == "Container host-a/web"


async def test_its_problems_are_findings_and_lead_on() -> None:
    gateways: dict[str, Registry] = {"host-c": registry(registered("api", "10.87.1.11"))}
    report = await show("web", make_view(gateways=gateways))
    assert str(report.summary) == "host-a/web needs attention: web not registered at host-c"
    assert report.next == ("sync pull host-c", "log container:web host-a")


async def test_a_next_command_never_is_the_one_that_was_asked() -> None:
    nowhere = {name: registry(*REGISTERED[1:]) for name in ("host-a", "host-b", "host-c")}
    report = await show("web", make_view(gateways=nowhere))
    assert [each.next for each in report.findings] == [None]
    assert report.next == ("container restart host-a/web", "log container:web host-a")


async def test_one_that_has_ended_leads_to_its_start_unless_it_is_kept_after_a_move() -> None:
    ended = listed("web", None, state="exited", exit_code=1)
    gone = {name: registry(*REGISTERED[1:]) for name in ("host-a", "host-b", "host-c")}
    view = make_view({"host-a": Wsl2((ended, API))}, gone)
    assert (await show("web", view)).next == ("container start host-a/web", "log container:web host-a")
    words = f"container remove host-a/{WEB.id}"
    note = OwedNote(number=1, host="host-a", words=words, matter=Matter.CHANGE, since=NOW)
    assert (await show("web", replace(view, owed=KnownOwed((note,))))).next == ("log container:web host-a",)


async def test_without_the_helper_it_says_what_is_not_known_and_how_to_allow_it() -> None:
    report = await show("web", make_view(hosts=(UNMANAGED,)))
    known = {"host", "status", "registered", "address", "since", "image", "restarts", "id", "registrations"}
    assert set(facts(report)) == known
    (section,) = report.sections
    assert "prepare-wsl.sh --manage containers" in str(section.lines[0])


async def test_a_name_on_two_hosts_is_refused_with_both() -> None:
    twins = make_view({"host-b": Wsl2((listed("web", "10.87.2.11", id="c" * 64),))})
    with pytest.raises(NoSuchContainer) as caught:
        await show("web", twins)
    assert caught.value.nearest == ("host-a/web", "host-b/web")


async def test_a_host_that_could_not_be_read_is_named() -> None:
    late = make_view({"host-b": Wsl2(system=Unreachable(LATE))})
    report = await show("web", late)
    assert [str(section.heading) for section in report.sections] == ["Other hosts"]
    with pytest.raises(CannotPlan, match="could not list the containers: host-b: could not connect"):
        await show("host-b/db", late)
