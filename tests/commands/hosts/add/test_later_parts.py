"""Parts of adding a host that follow its identity: what is made, what is kept, and what is left for later."""

import base64
import tomllib
from collections.abc import Iterable
from dataclasses import replace

import pytest

from adapters.errors import Unreachable
from adapters.phrase import Phrase
from adapters.windows.configuration import ReadConfiguration
from adapters.windows.services import ReadServices
from adapters.wsl.network import CreateNetwork, ReadNetwork, RemoveNetwork
from bot.security.redaction import Redactor
from commands.changes.host_plan import HostPlan
from commands.configuration.gateway_copy import list_peers
from commands.hosts.add.newcomer import NewHost
from commands.hosts.add.operation import LaterParts, plan_later_parts
from commands.model.operation import CannotPlan, FleetView
from commands.model.plan import PlannedAction, Step
from tests.bot.rendering.examples import ENGLISH
from tests.commands.hosts.add.canned_newcomer import (
    BEFORE,
    PEER_A,
    PEER_B,
    Answers,
    B,
    file_of,
    gateway_files,
    make_view,
    network,
    new_host,
    newcomer,
)
from tests.lab.windows.nginx import write_configuration

MANAGED = newcomer("forwarding", "containers")
SILENT = Unreachable(Phrase("nothing answers"))


async def plan(new: NewHost, answers: Answers | None = None) -> LaterParts:
    return await plan_later_parts(new, BEFORE, make_view(new.host, answers))


def list_steps(parts: LaterParts) -> list[Step]:
    return [step for each in parts.planned if isinstance(each, HostPlan) for step in each.part.steps]


def keys(parts: LaterParts) -> list[str]:
    return [step.key for step in list_steps(parts)]


def pick(parts: LaterParts, key: str) -> Step:
    return next(step for step in list_steps(parts) if step.key == key)


def short(names: Iterable[str]) -> list[str]:
    """The last words of keys."""
    return [name.removeprefix("host-d/") for name in names]


async def test_everything_that_is_absent_is_made_in_this_order() -> None:
    """Each gateway has a part of its own, and the host is a member only after the checks of health."""
    planned = await plan(new_host(MANAGED))
    own = [key for key in keys(planned) if key.startswith("host-d/")]
    assert short(own) == [
        *(f"gateway/{name}" for name in ("stage", "test", "begin", "gateway", "sync", "confirm", "tidy")),
        *(f"wsl/{name}" for name in ("network", "wsl", "route", "ping", "health")),
        *("health/services", "health/api", "health/sync", "health/wsl", "host-file", "announce"),
    ]
    hosts = [each.host for each in planned.planned]
    assert ["host-d", "host-d", "host-a", "host-b", "host-d", "host-d"] == hosts
    assert len(set(keys(planned))) == len(keys(planned))
    assert () == planned.follow_ups


async def test_the_gateway_gets_the_file_of_a_member_with_its_own_id_and_all_peers() -> None:
    planned = await plan(new_host(MANAGED))
    stage, begin = pick(planned, "host-d/gateway/stage"), pick(planned, "host-d/gateway/begin")
    content = base64.b64decode(str(stage.deed.arguments["content"]))
    assert (write_configuration(4, [PEER_A, PEER_B]).encode(), (PEER_A, PEER_B)) == (content, list_peers(content))
    assert {"op-0123456789ab-gateway"} == {begin.deed.arguments["operation"]}
    (check,) = begin.undone[1:]
    assert {"gateway_config": ""} == check.expect
    sync = pick(planned, "host-d/gateway/sync")
    assert {"host_id": 4, "peers": [PEER_A, PEER_B]} == dict(sync.deed.arguments)
    (edit,) = [
        edit for each in planned.planned if isinstance(each, HostPlan) for edit in each.edits if edit.host == "host-d"
    ]
    assert {"-            host_id = 1,", "+            host_id = 4,"} <= set(edit.diff)


async def test_a_network_is_taken_back_only_by_what_made_it() -> None:
    step = pick(await plan(new_host(MANAGED)), "host-d/wsl/network")
    assert (step.deed, step.undo) == (PlannedAction.of(CreateNetwork()), PlannedAction.of(RemoveNetwork()))
    assert step.verify is not None
    (back,) = step.undone
    assert ({"state": "ready", "own": True}, {"state": "absent"}) == (dict(step.verify.expect), dict(back.expect))


async def test_what_is_there_is_kept_and_proven() -> None:
    """An nginx.conf that lacks a peer gets it in an edit of its own. Peers that are no members stay."""
    laptop = "http://192.0.2.99:8080"
    text = write_configuration(4, [laptop, PEER_B])
    answers: Answers = {("host-d", kind): said for kind, said in gateway_files(text).items()}
    ready: Answers = {**answers, ("host-d", ReadNetwork): network("ready")}
    planned = await plan(new_host(MANAGED, adopt=True, gateway_config="cd" * 32, certificate="ef" * 32), ready)
    own = short(key for key in keys(planned) if key.startswith("host-d/"))
    assert ["openresty/begin", "openresty/gateway", "openresty/sync", "openresty/confirm"] == own[:4]
    assert (False, True) == ("wsl/network" in own, "peers/begin" in own)
    sync = pick(planned, "host-d/peers/sync")
    assert {"host_id": 4, "peers": [laptop, PEER_B, PEER_A]} == dict(sync.deed.arguments)
    assert "containers" not in pick(planned, "host-d/health/wsl").expect


async def test_a_gateway_that_is_away_is_asked_for_later() -> None:
    """Its own peer add, once the host is a member. The card names it."""
    planned = await plan(new_host(MANAGED), {("host-b", ReadServices): SILENT})
    (later,) = planned.follow_ups
    assert ("host-d/host-file", "host-b", "peer add", "peer add host-d --on host-b", 0) == (
        later.after, later.host, later.kind, later.words, later.days,
    )  # fmt: skip
    assert {"peer": "host-d", "on": {"parts": ["host-b"]}} == dict(later.arguments)
    assert ["did not respond, so they get the new peer later, each with an approval of its own: host-b"] == [
        warning.render(ENGLISH) for warning in planned.warnings
    ]
    assert [PEER_A, PEER_B] == pick(planned, "host-d/health/sync").deed.arguments["peers"]


OWN_CODE = write_configuration(2, [PEER_A]).replace("local", "os.execute('calc') local", 1)


@pytest.mark.parametrize(
    ("other", "warned"),
    [
        (file_of(write_configuration(2, [PEER_A])), False),
        (file_of(write_configuration(2, ["http://192.0.2.99:8080", PEER_A])), False),
        (file_of(OWN_CODE), True),
        (file_of("no nginx.conf"), True),
        (SILENT, True),
    ],
    ids=["the same code", "other peers", "other code", "no readable file", "not reachable"],
)
async def test_code_that_no_other_gateway_has_is_named_before_it_runs_on_a_new_host(other: object, warned: bool) -> None:
    """A hostile member would run its code on each host that is added."""
    planned = await plan(new_host(MANAGED), {("host-b", ReadConfiguration): other})

    assert warned == any("Compare it with host-b before you approve" in str(each) for each in planned.warnings)


async def test_a_secret_in_the_pattern_is_not_copied_and_is_in_no_plan() -> None:
    """It may be far from all that changes, so no approver would see that it is there."""
    new = new_host(MANAGED)
    text = write_configuration(1, [PEER_B]).replace("listen 80;", "set $k 'api_key=4f9a8b7c6d5e';\n        listen 80;")
    hostile = replace(new, pattern=replace(new.pattern, gateway=file_of(text)))
    view = replace(make_view(new.host), redact=Redactor(()).redact_log)

    with pytest.raises(CannotPlan, match=r"host-a: .*nginx.conf.* may contain a secret") as refused:
        await plan_later_parts(hostile, BEFORE, view)
    assert "4f9a" not in str(refused.value.phrase)


async def test_the_file_of_the_member_has_its_settings_and_no_word_of_joining() -> None:
    step = pick(await plan(new_host(MANAGED)), "host-d/host-file")
    written = tomllib.loads(str(step.deed.arguments["content"]))
    assert {"name": "host-d", "id": 4, "labels": ["tokyo"], "overrides": True} == {
        key: value for key, value in written.items() if key != "windows"
    }
    assert BEFORE.sha256 == step.deed.arguments["before"]


async def test_health_proves_what_the_card_says() -> None:
    planned = await plan(new_host(MANAGED))
    expected = {key: dict(pick(planned, f"host-d/health/{key}").expect) for key in ("services", "api", "sync", "wsl")}
    bridge = {"exists": True, "up": True, "addresses": ["10.87.4.1/24"]}
    assert expected == {
        "services": {"nebula": "Running", "nginx": True},
        "api": {"healthy": True, "status": None},
        "sync": {"state": "as configured"},
        "wsl": {"bridge": bridge, "forwarding": True, "containers": []},
    }
    premises = [premise for each in planned.planned if isinstance(each, HostPlan) for premise in each.premises]
    said = next(premise.phrase.render(ENGLISH) for premise in premises if premise.what == "health")
    assert "host-d becomes a member once these are proven healthy: Nebula, Gateway, API, Bridge, and Forwarding" == said


async def test_a_host_without_gateway_and_wsl2_is_no_peer() -> None:
    windows_alone = MANAGED.model_copy(update={"gateway": None, "wsl": None})
    planned = await plan(new_host(windows_alone))
    assert ["health/services", "host-file", "announce"] == short(keys(planned))
    assert {"nebula": "Running"} == dict(pick(planned, "host-d/health/services").expect)


async def test_where_the_bot_may_set_up_nothing_wsl2_is_only_checked() -> None:
    planned = await plan(new_host(newcomer()))
    assert [] == [key for key in keys(planned) if "/wsl/" in key]
    (warning,) = planned.warnings
    assert warning.render(ENGLISH).startswith("the bot may set up nothing in WSL2 of host-d")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({("host-d", ReadNetwork): network("other")}, "host-d: podman has a network flatnet that is not 10.87.4.0/24"),
        ({("host-d", ReadNetwork): network(plugin=False)}, "host-d lacks /opt/cni/bin/flatnet. Install them there first"),
        ({("host-d", ReadNetwork): SILENT}, "could not check WSL2 of host-d: nothing answers"),
    ],
)
async def test_what_a_person_must_fix_first_is_said(answers: Answers, words: str) -> None:
    with pytest.raises(CannotPlan) as caught:
        await plan(new_host(MANAGED), answers)
    assert words in caught.value.phrase.render(ENGLISH)


async def test_an_nginx_conf_without_a_certificate_is_nothing_to_go_on_with() -> None:
    with pytest.raises(CannotPlan, match="Remove it there"):
        await plan(new_host(MANAGED, gateway_config="cd" * 32))


def test_a_view_has_the_new_host_among_those_that_plans_may_act_on() -> None:
    view: FleetView = make_view(MANAGED)
    assert ("host-b", MANAGED) == (B.name, view.fleet.inventory.find_reachable("host-d"))
