"""The one container that a name means, on the hosts that listed theirs."""

import pytest

from adapters.inventory import Inventory
from adapters.wsl.containers import ListedContainer
from commands.containers.lookup import HostListing, NoSuchContainer, find_container, list_candidate_hosts
from commands.model.operation import CannotPlan
from commands.values.arguments import BadArgument, NoSuchHost
from commands.values.containers import ContainerName
from tests.commands.canned import host
from tests.commands.containers.canned_containers import A, B, C, listed, listing, unread
from tests.commands.gateways.canned_registrations import identify

WEB = identify("web")
FLEET = (listing(A, listed("web"), listed("db")), listing(B, listed("web"), listed("api")), unread(C))


def find(text: str, *listings: HostListing[ListedContainer]) -> tuple[str, tuple[str, ...]]:
    found = find_container(ContainerName.parse(text), listings or FLEET)
    return f"{found.host.name}/{found.container.id}", found.unread


@pytest.mark.parametrize(
    ("text", "expected", "not_read"),
    [
        ("db", f"host-a/{identify('db')}", ("host-c",)),
        ("host-a/web", f"host-a/{WEB}", ()),
        (f"host-b/{WEB}", f"host-b/{WEB}", ()),
        (f"host-b/{WEB[:12]}", f"host-b/{WEB}", ()),
        (identify("api")[:20], f"host-b/{identify('api')}", ("host-c",)),
    ],
)
def test_a_name_an_id_or_its_start_means_one_container(text: str, expected: str, not_read: tuple[str, ...]) -> None:
    assert find(text) == (expected, not_read)


def test_the_settled_name_means_the_same_container_when_its_name_has_moved_on() -> None:
    settled = find_container(ContainerName.parse("host-a/web"), FLEET).settled
    renamed = (listing(A, listed("old", id=WEB), listed("web", id=identify("another"))),)
    assert find_container(settled, renamed).words == "host-a/old"


def test_a_container_that_is_named_as_the_id_of_another_one_is_not_taken_for_it() -> None:
    start = WEB[:12]
    with pytest.raises(NoSuchContainer) as caught:
        find(start, listing(A, listed("web"), listed(start)))
    assert caught.value.nearest == ("host-a/web", f"host-a/{start}")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("web", ("host-a/web", "host-b/web")),
        (WEB, ("host-a/web", "host-b/web")),  # the same id on two hosts: a copied WSL2
    ],
)
def test_a_name_that_several_containers_have_is_refused_with_their_names(text: str, names: tuple[str, ...]) -> None:
    with pytest.raises(NoSuchContainer, match="is not unique: host-a/web, host-b/web") as caught:
        find(text)
    assert caught.value.nearest == names


def test_two_of_one_name_on_one_host_are_named_by_their_ids() -> None:
    with pytest.raises(NoSuchContainer) as caught:
        find("web", listing(A, listed("web", id="c" * 64), listed("web", id="d" * 64)))
    assert caught.value.nearest == (f"host-a/{'c' * 12}", f"host-a/{'d' * 12}")


@pytest.mark.parametrize(
    ("text", "says", "near"),
    [
        ("host-a/wbe", "no container host-a/wbe. Closest: host-a/web", ("host-a/web",)),
        ("host-a/zzzzzz", "no container host-a/zzzzzz. Run container for the list", ()),
        ("zzzzzz", "no container zzzzzz on the hosts that could be read. Others: host-c: could not connect", ()),
        (f"host-a/{WEB[:11]}", f"no container host-a/{WEB[:11]}. Run container for the list", ()),
    ],
)
def test_a_name_that_no_container_has_is_refused_with_the_closest(text: str, says: str, near: tuple[str, ...]) -> None:
    with pytest.raises(NoSuchContainer) as caught:
        find(text)
    assert (str(caught.value.phrase), caught.value.nearest) == (says, near)


def test_a_host_that_could_not_be_read_is_not_said_to_have_no_such_container() -> None:
    with pytest.raises(CannotPlan, match="could not list the containers: host-c: could not connect"):
        find("host-c/web")


def test_all_hosts_with_wsl2_may_have_it_unless_the_host_is_typed() -> None:
    inventory = Inventory(hosts=(host("lighthouse", 0), A, B))
    assert list_candidate_hosts(ContainerName.parse("web"), inventory) == (A, B)
    assert list_candidate_hosts(ContainerName.parse("host-b/web"), inventory) == (B,)
    with pytest.raises(NoSuchHost):
        list_candidate_hosts(ContainerName.parse("host-z/web"), inventory)


@pytest.mark.parametrize(
    "text",
    [
        "--all",
        "../x",
        "a;b",
        "$(id)",
        "a" * 300,
        "wéb",
        "ｗｅｂ",
        "we\u200bb",
        "host-a/",
        "/web",
        "a/b/c",
        "web\nx",
        "",
        "-",
    ],
)
def test_hostile_names_are_no_containers(text: str) -> None:
    with pytest.raises(BadArgument):
        ContainerName.parse(text)
