"""`peer add` and `peer remove`: the plan of an edit of the one table of peers, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import AuthenticationFailed, Unreachable
from adapters.gateway.reload import ProveSync
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import BareNginx, BeginChange, FileSwap
from adapters.windows.configuration import HashedFile, StageEdit, hash_configuration
from adapters.windows.configuration_trial import TestConfiguration
from adapters.windows.good_configuration import KeepGood
from commands.catalogue import CATALOGUE
from commands.changes.commit_confirm import REVERT_TIMEOUT
from commands.gateways.peers import PeerAdd, PeerRemove
from commands.language.form_filling import find_missing
from commands.language.grammar import parse_operation, render_operation
from commands.model.operation import CannotPlan, FleetView
from commands.model.plan import PlannedChange, Step
from commands.model.plan_digest import compute_digest
from commands.model.proven_configuration import ProvenConfiguration
from commands.values.arguments import NoSuchHost, Target
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text
from tests.commands.canned_certs import OPERATION, host
from tests.commands.gateways.canned_gateways import BASE, MAIN, sha256
from tests.commands.gateways.canned_peers import address, conf, fleet, windows

A, B, C, LIGHTHOUSE = host("host-a", 1), host("host-b", 2), host("host-c", 3), host("lighthouse", 0)
FOLDER = rf"F:\flatnet\operations\{OPERATION}"


def add(peer: str, *on: str) -> PeerAdd:
    return PeerAdd(peer=peer, on=Target(parts=on))


def remove(peer: str, *on: str) -> PeerRemove:
    return PeerRemove(peer=peer, on=Target(parts=on))


def found(made: PlannedChange, key: str) -> Step:
    return next(step for step in made.plan.steps if step.key == key)


async def test_an_edit_is_staged_tested_swapped_reloaded_proven_and_kept() -> None:
    made = await add("host-c", "host-a").plan(fleet(LIGHTHOUSE, A, B, C, host_a=conf(2)))
    names = ("stage", "test", "note", "begin", "workers", "sync", "keep", "confirm", "tidy")
    assert [f"host-a/{name}" for name in names] == [step.key for step in made.plan.steps]
    assert {"peer": "host-c", "on": {"parts": ["host-a"]}} == made.arguments


async def test_the_staged_file_is_the_old_one_with_one_more_address() -> None:
    old, new = conf(2), conf(2, 3)
    made = await add("host-c", "host-a").plan(fleet(A, B, C, host_a=old))
    stage = found(made, "host-a/stage").deed.build_action({})
    assert isinstance(stage, StageEdit)
    assert (BASE, MAIN, FOLDER, sha256(old), sha256(new)) == (
        stage.base,
        stage.file,
        stage.folder,
        stage.sha256,
        stage.new_sha256,
    )
    [splice] = stage.splices
    assert new == old[: splice.offset] + splice.inserted + old[splice.offset + len(splice.removed) :]
    tested = found(made, "host-a/test").deed.build_action({})
    assert isinstance(tested, TestConfiguration)
    assert ("nginx", FOLDER, MAIN) == (tested.program, tested.folder, tested.main)


async def test_a_plan_never_has_the_whole_file() -> None:
    old = conf(2).replace(b"server_tokens off;", b"server_tokens off; # far away\n" * 50)
    made = await add("host-c", "host-a").plan(fleet(A, B, C, host_a=old))
    assert "far away" not in made.plan.model_dump_json().split('"edits"')[0]
    assert 6 > len(made.plan.model_dump_json().split("far away"))


async def test_the_guard_swaps_the_file_and_reloads_nginx() -> None:
    made = await add("host-c", "host-a").plan(fleet(A, B, C, host_a=conf(2)))
    begin = found(made, "host-a/begin")
    change = begin.deed.build_action({})
    assert isinstance(change, BeginChange)
    assert (FileSwap(source=rf"{FOLDER}\edit\nginx.conf", target=MAIN),) == change.swaps
    nginx = BareNginx(program=r"F:\flatnet\openresty\nginx.exe", folder=r"F:\flatnet\openresty", config=MAIN)
    assert [("OpenResty", "reload", nginx)] == [(each.service, each.verb, each.nginx) for each in change.services]


async def test_the_proof_names_exactly_the_new_peers_and_a_rollback_the_old_ones() -> None:
    made = await add("host-c", "host-a").plan(fleet(A, B, C, host_a=conf(2)))
    proof = found(made, "host-a/sync").deed.build_action({})
    assert ProveSync(host_id=1, peers=(address(2), address(3))) == proof
    back = found(made, "host-a/begin").undone[-1]
    assert (ProveSync(host_id=1, peers=(address(2),)), REVERT_TIMEOUT) == (back.deed.build_action({}), back.patience)


async def test_what_is_kept_as_good_is_the_configuration_after_the_edit() -> None:
    made = await add("host-c", "host-a").plan(fleet(A, B, C, host_a=conf(2)))
    files = (HashedFile(file=MAIN, sha256=sha256(conf(2, 3))),)
    assert KeepGood(base=BASE, sha256=hash_configuration(files, BASE), files=files) == found(
        made, "host-a/keep"
    ).deed.build_action({})


async def test_approvers_see_the_diff_and_rely_on_the_present_peers() -> None:
    made = await add("host-c", "host-a").plan(fleet(A, B, C, host_a=conf(2)))
    [edit] = made.plan.edits
    assert ("host-a", MAIN) == (edit.host, edit.file)
    assert [line for line in edit.diff if line[0] in "+-"] == [
        f'-        sync.configure({{ host_id = 1, peers = {{"{address(2)}"}}, interval = 30 }})',
        f'+        sync.configure({{ host_id = 1, peers = {{"{address(2)}", "{address(3)}"}}, interval = 30 }})',
    ]
    [premise] = made.plan.premises
    assert ([address(2)], rf"host-a has 1 peer in {MAIN}") == (premise.value, str(premise.phrase))


async def test_another_file_at_the_run_is_another_plan() -> None:
    """Between plan and run: the plan is made again, and its digest differs."""
    digests = set()
    for text in (conf(2), conf(2).replace(b"worker_processes 1", b"worker_processes 2")):
        made = await add("host-c", "host-a").plan(fleet(A, B, C, host_a=text))
        digests.add(compute_digest(made.plan, "peer add", made.arguments))
    assert 2 == len(digests)


async def test_an_address_is_removed() -> None:
    made = await remove("host-b", "host-a").plan(fleet(A, B, C, host_a=conf(2, 3)))
    assert ProveSync(host_id=1, peers=(address(3),)) == found(made, "host-a/sync").deed.build_action({})


@pytest.mark.parametrize("typed", ["http://10.100.9.1:8080", "10.100.9.1", "http://10.100.9.1:8080/"])
async def test_a_host_that_is_no_longer_configured_is_removed_by_its_address(typed: str) -> None:
    asked = parse_operation(normalize_text(f"peer remove {typed} --on host-a"), CATALOGUE, CATALOGUE)
    assert isinstance(asked, PeerRemove)
    made = await asked.plan(fleet(A, B, host_a=conf(2, 9)))
    assert ProveSync(host_id=1, peers=(address(2),)) == found(made, "host-a/sync").deed.build_action({})


async def test_an_address_with_another_spelling_is_the_same_peer() -> None:
    spelled = f"{address(2)}/"
    with_b = fleet(A, B, host_a=conf(spelled))
    assert () == (await add("host-b", "host-a").plan(with_b)).plan.parts
    made = await remove("host-b", "host-a").plan(with_b)
    assert ProveSync(host_id=1, peers=()) == found(made, "host-a/sync").deed.build_action({})


async def test_an_address_is_never_typed_for_an_addition() -> None:
    with pytest.raises(GrammarError):
        parse_operation(normalize_text("peer add http://10.100.9.1:8080 --on host-a"), CATALOGUE, CATALOGUE)
    with pytest.raises(NoSuchHost, match="host-x"):
        await add("host-x", "host-a").plan(fleet(A, B, host_a=conf()))


async def test_gateways_are_edited_one_after_the_other_and_others_are_left_out_with_the_reason() -> None:
    view = fleet(LIGHTHOUSE, A, B, C, host_a=conf(), host_b=conf(3), host_c=conf(1))
    made = await add("host-c", "all").plan(view)
    assert ["host-a"] == [part.host for part in made.plan.parts]
    assert {
        "host-b": "host-c is already among its peers",
        "host-c": "a gateway is not its own peer",
        "lighthouse": "no gateway configured",
    } == {left.host: str(left.why) for left in made.plan.left_out}
    two = await add("host-c", "host-a", "host-b").plan(fleet(A, B, C, host_a=conf(), host_b=conf(1)))
    assert ["host-a", "host-b"] == [part.host for part in two.plan.parts]


async def test_a_silent_gateway_is_owed_the_edit_and_one_that_refuses_the_login_is_not() -> None:
    lost, refused = Unreachable(Phrase("connection refused")), AuthenticationFailed(Phrase("wrong password"))
    view = fleet(A, B, C, host_a=conf(), said={("host-b", "windows"): lost})
    made = await add("host-c", "host-a", "host-b").plan(view)
    assert [("host-b", True)] == [(left.host, left.owed) for left in made.plan.left_out]
    with pytest.raises(CannotPlan, match="wrong password"):
        await add("host-c", "host-a").plan(fleet(A, B, C, said={("host-a", "windows"): refused}))


@pytest.mark.parametrize(
    ("on", "why"),
    [
        pytest.param("lighthouse", "lighthouse: no gateway configured", id="a host without a gateway"),
        pytest.param("host-d", "host-d: no Windows connection configured", id="a host without Windows"),
        pytest.param("host-e", "no host or label named host-e", id="an unknown host"),
    ],
)
async def test_a_host_whose_peers_cannot_be_edited_is_refused(on: str, why: str) -> None:
    bare = host("host-d", 4).model_copy(update={"windows": None})
    with pytest.raises((CannotPlan, NoSuchHost), match=why):
        await add("host-a", on).plan(fleet(LIGHTHOUSE, A, bare))


@pytest.mark.parametrize("peer", ["lighthouse", "host-d"])
async def test_a_host_without_a_gateway_is_no_peer(peer: str) -> None:
    bare = host("host-d", 4, gateway=None)
    with pytest.raises(CannotPlan, match=f"{peer} has no gateway, so it is not a peer"):
        await add(peer, "host-a").plan(fleet(LIGHTHOUSE, A, bare, host_a=conf()))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(
            b"http { }", r"host-a: .*no call of sync.configure with a table of peers in .*nginx.conf", id="no table"
        ),
        pytest.param(
            conf(2).replace(b"sync.configure(", b"sync.configure({ peers = {} }) sync.configure("),
            "several tables",
            id="two",
        ),
        pytest.param(
            conf(2).replace(b'{"', b'{x, "'), r"nginx.conf, line 5, column \d+: .*plain addresses", id="a variable"
        ),
    ],
)
async def test_a_file_that_is_not_understood_is_refused_with_its_place(text: bytes, why: str) -> None:
    with pytest.raises(CannotPlan, match=why):
        await add("host-c", "host-a").plan(fleet(A, B, C, host_a=text))


async def test_a_peer_that_is_listed_twice_is_not_removed() -> None:
    with pytest.raises(CannotPlan, match=r"nginx.conf, line 5, column \d+: http://10.100.2.1:8080 is not exactly once"):
        await remove("host-b", "host-a").plan(fleet(A, B, C, host_a=conf(2, 2)))


async def test_a_table_in_an_included_file_is_edited_there() -> None:
    text = conf(2)
    begin, end = text.index(b"    init_worker"), text.index(b"    server {")
    main = text[:begin] + b"    include conf.d/*.conf;\n" + text[end:]
    files = windows({"nginx.conf": main, r"conf.d\sync.conf": text[begin:end]})
    made = await add("host-c", "host-a").plan(fleet(A, B, C, said={("host-a", "windows"): files}))
    change = found(made, "host-a/begin").deed.build_action({})
    assert isinstance(change, BeginChange)
    inside = rf"{BASE}\conf.d\sync.conf"
    assert (FileSwap(source=rf"{FOLDER}\edit\conf.d\sync.conf", target=inside),) == change.swaps
    kept = found(made, "host-a/keep").deed.build_action({})
    assert isinstance(kept, KeepGood)
    assert [MAIN, inside] == [each.file for each in kept.files]


async def test_an_edit_whose_changed_line_may_contain_a_secret_is_refused() -> None:
    text = conf(2).replace(b"interval = 30", b'token = "hush"')
    view = replace(fleet(A, B, C, host_a=text), redact=lambda lines: lines.replace("hush", "[redacted]"))
    with pytest.raises(CannotPlan, match=r"nginx.conf: a changed line may contain a secret"):
        await add("host-c", "host-a").plan(view)


@pytest.mark.parametrize(
    ("services", "why"),
    [
        ({"nebula": "Stopped"}, "Nebula is not running"),
        ({"gateway": "Stopped", "nginx": 0}, "nothing to reload. Run service start openresty host-a"),
        ({"gateway": "Absent", "nginx": 0}, "nothing to reload"),
    ],
)
async def test_a_gateway_that_could_not_be_reloaded_is_refused(services: dict[str, Any], why: str) -> None:
    said = windows({"nginx.conf": conf(2)}, **services)
    with pytest.raises(CannotPlan, match=why):
        await add("host-c", "host-a").plan(fleet(A, B, C, said={("host-a", "windows"): said}))


async def test_approvers_are_warned_where_the_reload_loads_more_than_the_edit() -> None:
    def known(view: FleetView, sha: str) -> FleetView:
        proven = ProvenConfiguration.model_construct(sha256=sha)  # type: ignore[call-arg]
        return replace(view, good_configurations={"host-a": proven})

    view = fleet(A, B, C, host_a=conf(2))
    present = hash_configuration([HashedFile(file=MAIN, sha256=sha256(conf(2)))], BASE)
    assert () == (await add("host-c", "host-a").plan(known(view, present))).plan.warnings
    [warning] = (await add("host-c", "host-a").plan(known(view, "0" * 64))).plan.warnings
    assert "the configuration of host-a was changed since its last verified reload" in str(warning)


def test_a_request_without_gateways_opens_a_form_and_is_an_error_where_there_is_none() -> None:
    form = find_missing("peer add host-a", CATALOGUE)
    assert form is not None
    assert "on" in [argument.field for argument in form.arguments]
    asked = parse_operation(normalize_text("peer add host-a"), CATALOGUE, CATALOGUE)
    with pytest.raises(GrammarError, match=r"peer add needs the gateways to edit\. Add for example --on host-a"):
        asked.resolve_hosts(fleet(A).fleet.inventory)


@pytest.mark.parametrize("words", ["peer add host-a --on host-b,host-c", "peer remove http://10.100.9.1:8080 --on all"])
def test_a_request_is_rendered_as_it_is_typed(words: str) -> None:
    assert words == render_operation(parse_operation(normalize_text(words), CATALOGUE, CATALOGUE))


def test_a_run_for_some_hosts_names_them() -> None:
    assert add("host-a", "host-c") == add("host-a", "all").restrict_to(("host-c",))
