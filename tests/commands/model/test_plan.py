"""Plans as values: which hosts they change, and by which roads they go."""

from pathlib import Path

import pytest

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import AbortChange, ReadChange
from commands.model.plan import Check, Deed, NoRoad, Part, Plan, Step, roads_of

ABORT, READ = Deed.of(AbortChange(operation="op-1")), Deed.of(ReadChange(operation="op-1"))


def step(deed: Deed, host: str = "host-a", **more: object) -> Step:
    return Step.model_validate({"key": host, "host": host, "deed": deed, "phrase": Phrase("do it"), **more})


def host(name: str, ca_file: Path | None = None) -> Host:
    windows = {"url": f"http://{name}:5985/wsman", "user": "flatnet", "allow_http": True}
    if ca_file is not None:
        windows |= {"url": f"https://{name}:5986/wsman", "ca_file": ca_file}
    return Host.model_validate({"name": name, "id": ord(name[-1]), "windows": windows})


def test_hosts_that_are_only_looked_at_are_not_changed() -> None:
    assert ("host-a",) == Plan(parts=(Part(host="host-a", steps=(step(ABORT), step(READ, "host-b"))),)).hosts


def test_what_this_version_does_not_know_may_change_its_host() -> None:
    """A plan of another version is still shown, claimed for and closed."""
    assert ("host-a",) == Plan(parts=(Part(host="host-a", steps=(step(Deed(kind="windows.Paint", arguments={})),)),)).hosts


@pytest.mark.parametrize(
    "way",
    [{"deed": ABORT}, {"deed": READ, "undo": ABORT}, {"deed": READ, "verify": Check(host="host-a", deed=READ, expect={})}],
)
def test_every_road_that_a_step_may_take_is_in_the_plan_once(way: dict[str, object]) -> None:
    made = Step.model_validate({"key": "do", "host": "host-a", "phrase": Phrase("do it"), **way})
    roads = list(roads_of((Part(host="host-a", steps=(made,)),), Inventory(hosts=(host("host-a"), host("host-b")))))
    assert [("host-a", "windows", "http://host-a:5985/wsman")] == [(road.host, road.side, road.address) for road in roads]


def test_a_host_of_which_nobody_can_say_who_it_is_is_refused_and_the_file_named(tmp_path: Path) -> None:
    """Foreseen: a file that somebody moved is no bug, and must not leave a change with an unknown end."""
    file = tmp_path / "ca.pem"
    with pytest.raises(NoRoad) as refused:
        list(roads_of((Part(host="host-a", steps=(step(ABORT),)),), Inventory(hosts=(host("host-a", file),))))
    assert f"the file {file}, by which host-a is known, cannot be read (ENOENT); put it back, then ask again" == str(
        refused.value
    )


@pytest.mark.parametrize(("state", "vain"), [("applying", False), ("applied", False), ("reverted", True), ("stuck", True)])
def test_a_check_knows_the_answers_after_which_waiting_is_in_vain(state: str, vain: bool) -> None:
    """A host that has put a change back will not have it applied a little later."""
    check = Check(host="host-a", deed=READ, expect={"state": "applied"}, never={"state": ("confirmed", "reverted", "stuck")})
    assert vain == check.hopeless({"state": state})
