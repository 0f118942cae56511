"""`gateway reload`: what is planned of a gateway, what approvers see, and where it is refused."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from adapters.errors import ActionFailed, AuthenticationFailed, Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import BeginChange, FileSwap, ServiceMove
from adapters.windows.configuration import ListedFile
from adapters.windows.configuration_trial import TestConfiguration
from adapters.windows.good_configuration import KeepGood, StageGood
from commands.changes.evidence import describe_proofs
from commands.gateways.files import MAX_LINES
from commands.gateways.reload import GatewayReload
from commands.model.operation import CannotPlan
from commands.model.plan import PlannedChange, Result, Step, StepResult
from commands.values.arguments import Target
from tests.bot.rendering.examples import ENGLISH
from tests.commands.canned import NOW
from tests.commands.canned_certs import OPERATION, host, services
from tests.commands.gateways.canned_gateways import (
    BASE,
    MAIN,
    PARAMETERS,
    PEERS,
    USUAL,
    Gateway,
    configuration,
    fleet,
    nginx_conf,
    sha256,
)

A, B, C = host("host-a", 1), host("host-b", 2), host("host-c", 3)
THREE = "http://10.100.3.1:8080"
EDITED = {**USUAL, MAIN: nginx_conf(*PEERS, THREE)}
WORK = rf"F:\flatnet\operations\{OPERATION}"
LOST = Unreachable(Phrase("connection refused"))


async def planned(
    gateways: Mapping[Host, Gateway | Exception], *names: str, redact: Callable[[str], str] = str
) -> PlannedChange:
    seen = replace(fleet(gateways), redact=redact)
    return await GatewayReload(target=Target(parts=names or ("host-a",))).plan(seen)


def keys(made: PlannedChange) -> list[str]:
    return [step.key.partition("/")[2] for step in made.plan.steps]


def find(made: PlannedChange, name: str) -> Step:
    return next(step for step in made.plan.steps if step.key == f"host-a/{name}")


def begun(made: PlannedChange) -> BeginChange:
    action = find(made, "begin").deed.build_action({})
    assert isinstance(action, BeginChange)
    return action


async def refusal(gateway: Gateway | Exception, asked: Host = A) -> str:
    with pytest.raises(CannotPlan) as refused:
        await planned({asked: gateway})
    return str(refused.value.phrase)


async def test_a_gateway_without_a_good_configuration_is_tested_reloaded_proven_and_kept() -> None:
    """Nothing is staged, because nothing could be put back."""
    made = await planned({A: Gateway()})

    assert ["test", "note", "begin", "workers", "sync", "keep", "confirm"] == keys(made)
    test = find(made, "test").deed.build_action({})
    assert (TestConfiguration.of_gateway(A.windows), {"state": "good"}) == (test, find(made, "test").expect)  # type: ignore[arg-type]
    [move] = begun(made).services
    assert isinstance(move, ServiceMove)
    assert ("OpenResty", "reload", ()) == (move.service, move.verb, begun(made).fallbacks)
    assert {"host_id": 1, "peers": list(PEERS)} == find(made, "sync").deed.arguments
    keep = find(made, "keep").deed.build_action({})
    assert KeepGood(base=BASE, sha256=configuration(USUAL).sha256, files=configuration(USUAL).present) == keep
    assert [
        "host-a has no last good configuration (no reload of this gateway was verified yet). If nginx refuses the reload, "
        "it keeps its old workers. Otherwise nothing can be restored"
    ] == [str(each) for each in made.plan.warnings]
    assert () == made.plan.edits


async def test_only_what_came_after_the_note_proves_the_reload() -> None:
    """The position of error.log and the workers are read by the step before the reload."""
    made = await planned({A: Gateway()})
    products = find(made, "workers").deed.products
    assert {("host-a/note", "position"), ("host-a/note", "workers")} == {
        (product.step, product.field) for product in products.values()
    }
    assert keys(made).index("note") + 1 == keys(made).index("begin")


async def test_a_changed_configuration_is_shown_against_the_last_good_one_that_a_rollback_puts_back() -> None:
    made = await planned({A: Gateway(EDITED, good=USUAL)})

    assert ["test", "stage", "note", "begin", "workers", "sync", "keep", "confirm", "tidy"] == keys(made)
    [edit] = made.plan.edits
    assert ("host-a", MAIN) == (edit.host, edit.file)
    assert [f'+                "{THREE}",'] == [line for line in edit.diff if line.startswith(("+", "-"))]
    stage = find(made, "stage").deed.build_action({})
    assert isinstance(stage, StageGood)
    assert [(MAIN, sha256(USUAL[MAIN]))] == [(each.file, each.sha256) for each in stage.files]
    assert (FileSwap(source=rf"{WORK}\edit\nginx.conf", target=MAIN),) == begun(made).fallbacks
    assert [list(PEERS)] == [
        check.deed.arguments["peers"] for check in find(made, "begin").undone if "peers" in check.deed.arguments
    ]
    assert [
        f"the configuration of host-a is {configuration(EDITED).sha256[:12]} (2 files)",
        f"the last good configuration of host-a is {configuration(USUAL).sha256[:12]}, verified by op-before",
    ] == [str(premise.phrase) for premise in made.plan.premises]
    assert () == made.plan.warnings


async def test_an_unchanged_configuration_may_be_reloaded_and_that_is_said() -> None:
    made = await planned({A: Gateway(good=USUAL)})

    assert ["test", "note", "begin", "workers", "sync", "keep", "confirm"] == keys(made)
    assert "the configuration of host-a is unchanged since op-before verified it" == str(made.plan.premises[1].phrase)
    assert ((), ()) == (made.plan.edits, made.plan.warnings)


async def test_a_file_that_was_removed_comes_back_by_a_rollback_and_one_that_was_added_stays() -> None:
    new = rf"{BASE}\conf.d\new.conf"
    made = await planned({A: Gateway({MAIN: USUAL[MAIN], new: b"sendfile on;\n"}, good=USUAL)})

    assert [
        FileSwap(source=rf"{WORK}\edit\conf.d\proxy.conf", target=PARAMETERS),
    ] == list(begun(made).fallbacks)
    assert {new: ("+sendfile on;",), PARAMETERS: ("-proxy_read_timeout 60s;",)} == {
        edit.file: edit.diff[1:] for edit in made.plan.edits
    }
    why = f"the last good configuration of host-a does not have {new}. A rollback leaves them in place"
    assert [why] == [str(each) for each in made.plan.warnings]


@pytest.mark.parametrize(
    ("gateway", "why"),
    [
        (Gateway(good=EDITED, intact=False), "the copy on the host was changed or is incomplete"),
        (Gateway(), "no reload of this gateway was verified yet"),
    ],
)
async def test_a_copy_that_is_of_no_use_is_none(gateway: Gateway, why: str) -> None:
    made = await planned({A: gateway})
    assert "stage" not in keys(made)
    assert f"host-a has no last good configuration ({why})" in str(made.plan.warnings[0])


async def test_a_copy_that_the_bot_has_not_proven_is_none() -> None:
    """An administrator of the host could have laid another one there."""
    kept = Gateway(EDITED, good=USUAL)
    view = fleet({A: kept}, a=kept.proven("host-a").model_copy(update={"sha256": "0" * 64}))
    made = await GatewayReload(target=Target(parts=("host-a",))).plan(view)
    assert "(the host keeps another copy than the one that was verified)" in str(made.plan.warnings[0])
    gone = fleet({A: Gateway()}, a=kept.proven("host-a"))
    made = await GatewayReload(target=Target(parts=("host-a",))).plan(gone)
    assert "(the host keeps no copy any more)" in str(made.plan.warnings[0])


async def test_peers_that_are_not_found_are_not_proven_and_that_is_said() -> None:
    made = await planned({A: Gateway({**USUAL, MAIN: b"events {}\n"}, good=USUAL)})
    assert {"host_id": 1, "peers": None} == find(made, "sync").deed.arguments
    assert "the peers of host-a cannot be verified, only its host ID (no call of sync.configure" in str(
        made.plan.warnings[0]
    )


async def test_files_elsewhere_are_not_kept_and_that_is_said() -> None:
    outside = ListedFile(file=r"D:\other.conf", state="outside")
    made = await planned({A: Gateway(others=(outside,))})
    assert r"the copy of host-a will lack D:\other.conf, because the bot cannot read them there" in map(
        str, made.plan.warnings
    )


async def test_a_line_that_redaction_would_hide_is_refused() -> None:
    gateway = Gateway({**USUAL, PARAMETERS: b"proxy_set_header Authorization hunter2;\n"}, good=USUAL)
    with pytest.raises(CannotPlan, match=r"proxy\.conf: a changed line may contain a secret"):
        await planned({A: gateway}, redact=lambda text: text.replace("hunter2", "…"))


async def test_a_secret_in_an_unchanged_line_stays_hidden_and_refuses_nothing() -> None:
    secret = b"proxy_set_header Authorization hunter2;\n"
    good = {**USUAL, PARAMETERS: secret}
    made = await planned(
        {A: Gateway({**good, PARAMETERS: secret + b"sendfile on;\n"}, good=good)},
        redact=lambda text: text.replace("hunter2", "…"),
    )
    assert (" proxy_set_header Authorization …;", "+sendfile on;") == made.plan.edits[0].diff[1:]


async def test_a_long_diff_is_cut_and_that_is_said() -> None:
    lines = b"".join(b"sendfile on; # %d\n" % number for number in range(MAX_LINES + 100))
    made = await planned({A: Gateway({**USUAL, PARAMETERS: lines}, good=USUAL)})
    assert MAX_LINES == sum(len(edit.diff) for edit in made.plan.edits)
    assert ["102 more changed lines of host-a are not shown"] == [str(each) for each in made.plan.warnings]


@pytest.mark.parametrize(
    ("gateway", "why"),
    [
        (
            Gateway(services=services(nebula="Stopped")),
            "Nebula is not running, so nginx has no overlay address. Start Nebula first",
        ),
        (
            Gateway(services=services(gateway="Stopped", nginx=0)),
            "nginx is not running, so there is nothing to reload. Run service start openresty host-a",
        ),
        (
            Gateway(services=services(gateway="Absent", nginx=0)),
            "nginx is not running, so there is nothing to reload. Run service start openresty host-a",
        ),
        (ActionFailed(Phrase("a key is in it"), code="KeyInside"), "could not check the host: a key is in it"),
    ],
)
async def test_a_gateway_that_cannot_be_reloaded_is_refused_before_anything(gateway: Gateway | Exception, why: str) -> None:
    assert f"host-a: {why}" == await refusal(gateway)


async def test_a_bare_nginx_is_reloaded_too() -> None:
    made = await planned({A: Gateway(services=services(gateway="Absent", nginx=2))})
    assert "begin" in keys(made)


async def test_hosts_without_a_gateway_or_without_windows_are_refused() -> None:
    assert "host-a: no gateway configured" == await refusal(Gateway(), A.model_copy(update={"gateway": None}))
    assert "host-a: no Windows connection configured" == await refusal(Gateway(), A.model_copy(update={"windows": None}))


async def test_several_gateways_are_reloaded_one_by_one_and_a_silent_one_is_owed() -> None:
    """One that refuses the login is not: that needs a person first."""
    refused = AuthenticationFailed(Phrase("wrong password"))
    made = await planned({A: Gateway(), B: LOST, C: Gateway(), host("host-d", 4): refused}, "all")

    assert ["host-a", "host-c"] == [part.host for part in made.plan.parts]
    assert [("host-b", True), ("host-d", False)] == [(left.host, left.owed) for left in made.plan.left_out]
    assert {"target": {"parts": ["host-a", "host-c", "host-b"]}} == made.arguments


@pytest.mark.parametrize(
    ("files", "proof"),
    [(USUAL, "host ID and peers verified"), ({**USUAL, MAIN: b"events {}\n"}, "host ID verified")],
)
async def test_a_run_is_evidence_of_what_was_loaded_and_verified(files: Mapping[str, bytes], proof: str) -> None:
    plan = (await planned({A: Gateway(files)})).plan
    done = {step.key: StepResult(key=step.key, result=Result.DONE, began_at=NOW, ended_at=NOW) for step in plan.steps}
    at = ENGLISH.moment(NOW)
    assert [f"host-a: OpenResty loaded its configuration, confirmed at {at}, {proof}"] == [
        each.render(ENGLISH) for each in describe_proofs(plan, done, NOW)
    ]
