"""`service`: what is said of Nebula and OpenResty, and how they are moved."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.action import Action
from adapters.errors import AuthenticationFailed, Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BareNginx, BeginChange, ServiceMove
from adapters.windows.nebula import ReadCertificates
from adapters.windows.services import Services
from commands.catalogue import CATALOGUE
from commands.changes.commit_confirm import RETURN_TIMEOUT, SERVICE_TIMEOUT
from commands.language.grammar import parse_operation, render_operation
from commands.model.finding import Severity
from commands.model.operation import CannotPlan
from commands.model.owed import KnownOwed, Matter, OwedNote
from commands.model.plan import PlannedChange
from commands.model.plan_digest import compute_digest
from commands.services.operations import ServiceChange, ServiceList, ServiceRestart, ServiceStart, ServiceStop
from commands.services.steps import ServiceName
from commands.values.arguments import NoSuchHost, Target
from commands.values.errors import GrammarError
from commands.values.normalize import normalize_text
from tests.commands.canned import NOW, container, wsl
from tests.commands.canned_certs import OPERATION, Said, files, host, services, view

A, B, LIGHTHOUSE = host("host-a", 1), host("host-b", 2), host("lighthouse", 0)
NEAR = host("host-a", 1, url="http://10.100.1.1:5985/wsman")
LOST = Unreachable(Phrase("connection refused; look at its cable"))


def says(host: Host, told: Services, **given: Any) -> Callable[[Action[Any]], object]:
    """A host with these services; anything else as `files`."""
    certificates = files(host, **given)
    return lambda action: certificates if isinstance(action, ReadCertificates) else told


async def planned(
    kind: type[ServiceChange], service: ServiceName, *names: str, said: Said | None = None, **given: Any
) -> PlannedChange:
    hosts = given.get("hosts", (LIGHTHOUSE, A, B))
    return await kind(service=service, target=Target(parts=names)).plan(view(*hosts, said=said))


def keys(made: PlannedChange) -> list[str]:
    return [step.key for step in made.plan.steps]


def begun(made: PlannedChange) -> BeginChange:
    """The first change that is handed to a host."""
    action = next(step for step in made.plan.steps if step.key.endswith("/begin")).deed.build_action({})
    assert isinstance(action, BeginChange)
    return action


def moved(made: PlannedChange) -> ServiceMove:
    """The one service that it moves."""
    [move] = begun(made).services
    return move


async def test_a_fleet_whose_services_run_is_one_sentence_and_a_table() -> None:
    report = await ServiceList().read(view(LIGHTHOUSE, A, B))

    assert "the services of all 3 hosts are healthy" == str(report.summary)
    assert [["lighthouse", "running", "N/A"], ["host-a", "running", "running"], ["host-b", "running", "running"]] == [
        [str(cell.text) for cell in row.cells] for row in report.initial.rows
    ]
    assert not report.findings


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (services(nebula="Stopped"), ("nebula", Severity.CRITICAL, "service start nebula host-a")),
        (services(nebula="Absent"), ("nebula", Severity.CRITICAL, "health host-a --details")),
        (services(gateway="Stopped", nginx=0), ("gateway", Severity.HIGH, "service start openresty host-a")),
        (services(gateway="Absent", nginx=0), ("gateway", Severity.HIGH, "service start openresty host-a")),
        (services(gateway="Running", nginx=0), ("gateway", Severity.HIGH, "service restart openresty host-a")),
        (services(nebula="StartPending"), ("nebula", Severity.MEDIUM, "health host-a --details")),
    ],
)
async def test_what_does_not_run_is_said_with_words_that_mend_it(told: Services, found: tuple[str, Severity, str]) -> None:
    report = await ServiceList().read(view(LIGHTHOUSE, A, said={("host-a", "windows"): told}))

    assert [found] == [(finding.subject, finding.severity, finding.next) for finding in report.findings]
    assert "host-a" == report.rows[0].host


async def test_a_service_that_runs_but_will_not_start_again_is_told() -> None:
    told = services()
    told = told.model_copy(update={"nebula": told.nebula.model_copy(update={"start_type": "Manual"})})
    report = await ServiceList().read(view(A, said={("host-a", "windows"): told}))

    assert ["service Nebula has the startup type Manual and will not start after a reboot. Set it to Automatic"] == [
        str(finding.why) for finding in report.findings
    ]


async def test_a_silent_host_is_unknown_and_not_bad() -> None:
    report = await ServiceList().read(view(A, B, said={("host-b", "windows"): LOST}))

    assert "1 of 2 hosts needs attention: host-b Windows unreachable" == str(report.summary)
    assert ("host-b",) == report.unreached_hosts


async def test_a_restart_of_nebula_is_proven_by_a_handshake_with_the_certificate_that_lies_there() -> None:
    made = await planned(ServiceRestart, "nebula", "host-a")
    seen = next(step for step in made.plan.steps if step.key == "host-a/seen/lighthouse")

    assert [
        "host-a/note/lighthouse",
        "host-a/begin",
        "host-a/reach/host-a",
        "host-a/seen/lighthouse",
        "host-a/gateway",
        "host-a/confirm",
    ] == keys(made)
    assert ("host-a", 64) == (seen.deed.arguments["name"], len(str(seen.deed.arguments["fingerprint"])))
    assert (ServiceMove(service="Nebula", verb="restart"), CONFIRM_WINDOW) == (moved(made), begun(made).window)


async def test_several_hosts_are_restarted_one_after_the_other_the_lighthouse_last() -> None:
    made = await planned(ServiceRestart, "nebula", "all")

    assert ["host-a", "host-b", "lighthouse"] == [part.host for part in made.plan.parts]
    assert {"service": "nebula", "target": {"parts": ["host-a", "host-b", "lighthouse"]}} == made.arguments


@pytest.mark.parametrize("kind", [ServiceStart, ServiceRestart])
async def test_openresty_is_proven_by_its_gateway(kind: type[ServiceChange]) -> None:
    made = await planned(kind, "openresty", "host-a", said={("host-a", "windows"): services(gateway="Stopped", nginx=0)})

    assert ["host-a/begin", "host-a/gateway", "host-a/confirm"] == keys(made)
    assert ("OpenResty", None) == (moved(made).service, moved(made).nginx)


@pytest.mark.parametrize(
    ("kind", "processes"), [(ServiceStart, 0), (ServiceStop, 3), (ServiceRestart, 3), (ServiceRestart, 0)]
)
async def test_a_bare_nginx_is_moved_with_its_own_folder_and_configuration(
    kind: type[ServiceChange], processes: int
) -> None:
    bare = services(gateway="Absent", nginx=processes)
    made = await planned(kind, "openresty", "host-a", said={("host-a", "windows"): bare})

    assert (
        BareNginx(
            program=r"F:\flatnet\openresty\nginx.exe", folder=r"F:\flatnet\openresty", config=r"F:\flatnet\config\nginx.conf"
        )
        == moved(made).nginx
    )
    assert {"status": "Bare", "running": processes > 0} == made.plan.premises[0].value


@pytest.mark.parametrize("service", ["nebula", "openresty"])
async def test_a_stop_is_confirmed_like_anything_else(service: ServiceName) -> None:
    made = await planned(ServiceStop, service, "host-a")
    begin = made.plan.steps[0]

    assert ["host-a/begin", "host-a/confirm"] == keys(made)
    assert begin.undo is not None
    assert "reverted" == begin.undone[0].expect["state"]


@pytest.mark.parametrize(
    ("kind", "service", "names", "given"),
    [
        (ServiceRestart, "nebula", ("host-a",), {}),
        (ServiceRestart, "nebula", ("lighthouse",), {}),
        (ServiceStart, "nebula", ("host-a",), {("host-a", "windows"): says(A, services(nebula="Stopped"))}),
        (ServiceRestart, "openresty", ("host-a",), {}),
    ],
)
async def test_all_proofs_together_fit_into_the_window(
    kind: type[ServiceChange], service: ServiceName, names: tuple[str, ...], given: Said
) -> None:
    made = await planned(kind, service, *names, said=given)
    begin = next(step for step in made.plan.steps if step.key.endswith("/begin"))
    assert begin.verify is not None

    assert RETURN_TIMEOUT + sum(step.patience for step in made.plan.steps) <= CONFIRM_WINDOW - 15
    assert begin.verify.patience == SERVICE_TIMEOUT + RETURN_TIMEOUT
    assert all(check.patience >= CONFIRM_WINDOW + SERVICE_TIMEOUT for check in begin.undone)


@pytest.mark.parametrize(
    ("kind", "service", "told", "why"),
    [
        (ServiceStart, "nebula", services(), "Nebula is already running"),
        (ServiceStop, "nebula", services(nebula="Stopped"), "Nebula is already stopped"),
        (ServiceStart, "openresty", services(), "OpenResty is already running"),
        (ServiceStop, "openresty", services(gateway="Stopped", nginx=0), "OpenResty is already stopped"),
        (ServiceStop, "openresty", services(gateway="Absent", nginx=0), "OpenResty is already stopped"),
    ],
)
async def test_what_is_so_already_is_left_out_and_said(
    kind: type[ServiceChange], service: ServiceName, told: Services, why: str
) -> None:
    """A plan without steps and without an obstacle: nothing is to be done."""
    made = await planned(kind, service, "host-a", said={("host-a", "windows"): says(A, told)})

    assert [("host-a", why)] == [(left.host, str(left.why)) for left in made.plan.left_out]
    assert () == made.plan.parts


REFUSED: list[tuple[type[ServiceChange], ServiceName, object, str]] = [
    (ServiceRestart, "nebula", LOST, "could not check the host: connection refused; look at its cable"),
    (
        ServiceStart,
        "nebula",
        services(nebula="Absent"),
        "service Nebula not found. Install it, or fix its name in the configuration",
    ),
    (
        ServiceRestart,
        "nebula",
        services(nebula="StopPending"),
        "service Nebula is stopping. Run service host-a to see when it changes",
    ),
    (
        ServiceRestart,
        "openresty",
        services(gateway="Unknown"),
        "could not read the state of service OpenResty from Windows. Check the host",
    ),
    (
        ServiceStart,
        "openresty",
        services(nebula="Stopped", gateway="Stopped", nginx=0),
        "Nebula is not running, so nginx has no overlay address. Start Nebula first",
    ),
    (
        ServiceRestart,
        "openresty",
        services(nebula="Stopped"),
        "Nebula is not running, so nginx has no overlay address. Start Nebula first",
    ),
    (
        ServiceRestart,
        "openresty",
        services(gateway="Stopped", nginx=2),
        "nginx is running outside service OpenResty. Stop that nginx on the host first",
    ),
]


@pytest.mark.parametrize(("kind", "service", "told", "why"), REFUSED)
async def test_what_cannot_be_done_is_refused_with_its_reason(
    kind: type[ServiceChange], service: ServiceName, told: object, why: str
) -> None:
    said = {("host-a", "windows"): says(A, told) if isinstance(told, Services) else told}
    with pytest.raises(CannotPlan) as refused:
        await planned(kind, service, "host-a", said=said)
    both = await planned(kind, service, "host-a", "host-b", said=said) if kind is ServiceRestart else None

    assert f"host-a: {why}" == str(refused.value.phrase)
    assert both is None or ["host-b"] == [part.host for part in both.plan.parts]


async def test_a_disabled_service_is_not_started_behind_somebodys_back() -> None:
    told = services(nebula="Stopped")
    told = told.model_copy(update={"nebula": told.nebula.model_copy(update={"start_type": "Disabled"})})
    with pytest.raises(CannotPlan, match=r"service Nebula is disabled on the host\. Enable it there first"):
        await planned(ServiceStart, "nebula", "host-a", said={("host-a", "windows"): says(A, told)})


async def test_nebula_is_not_stopped_where_the_bot_comes_by_it() -> None:
    with pytest.raises(CannotPlan) as refused:
        await planned(ServiceStop, "nebula", "host-a", hosts=(LIGHTHOUSE, NEAR))

    assert (
        "host-a: the bot reaches this host through Nebula and could not confirm the stop. Stop it on the host itself"
    ) == str(refused.value.phrase)


async def test_the_lighthouse_is_not_stopped_where_the_bot_reaches_others_through_the_overlay() -> None:
    with pytest.raises(CannotPlan) as refused:
        await planned(ServiceStop, "nebula", "lighthouse", hosts=(LIGHTHOUSE, NEAR, B))

    assert (
        "lighthouse: the bot reaches host-a through tunnels that depend on this lighthouse. Stop it on the host itself"
    ) == str(refused.value.phrase)


async def test_nebula_may_be_restarted_where_the_bot_comes_by_it() -> None:
    """The host puts it back alone if the bot does not come back."""
    made = await planned(ServiceRestart, "nebula", "host-a", hosts=(LIGHTHOUSE, NEAR))

    assert "the bot itself connects to host-a over Nebula and waits for it to return" in list(map(str, made.plan.disrupts))


async def test_openresty_is_not_stopped_where_there_is_none() -> None:
    with pytest.raises(CannotPlan, match="lighthouse: no gateway configured"):
        await planned(ServiceStop, "openresty", "lighthouse")


@pytest.mark.parametrize(
    ("kind", "service", "cuts"),
    [
        (
            ServiceRestart,
            "nebula",
            ["the tunnels of host-a will be down for a few seconds (also unreachable: shop)"],
        ),
        (
            ServiceStop,
            "nebula",
            ["the tunnels of host-a stay down until Nebula is started again (also unreachable: shop)"],
        ),
        (
            ServiceRestart,
            "openresty",
            ["the gateway of host-a will be down for a few seconds (also unreachable: shop)"],
        ),
        (
            ServiceStop,
            "openresty",
            ["the gateway of host-a is down until it is started again (also unreachable: shop)"],
        ),
    ],
)
async def test_what_is_cut_is_said(kind: type[ServiceChange], service: ServiceName, cuts: list[str]) -> None:
    made = await planned(kind, service, "host-a", said={("host-a", "wsl"): wsl(A, containers=(container("shop"),))})

    assert cuts == list(map(str, made.plan.disrupts))


@pytest.mark.parametrize(
    ("kind", "service", "said", "warning"),
    [
        (
            ServiceRestart,
            "nebula",
            {("lighthouse", "windows"): LOST},
            "the tunnels of host-a cannot be verified afterwards, only that Nebula is running",
        ),
        (
            ServiceRestart,
            "nebula",
            {("host-a", "windows"): says(A, services(), days=-1)},
            "the tunnels of host-a cannot be verified afterwards, only that Nebula is running",
        ),
        (ServiceStop, "nebula", {}, "OpenResty on host-a keeps running without the overlay"),
        (
            ServiceRestart,
            "openresty",
            {("host-a", "gateway"): LOST},
            "the gateway of host-a is not responding now. It must respond after the restart",
        ),
    ],
)
async def test_what_an_approver_must_know_is_a_warning(
    kind: type[ServiceChange], service: ServiceName, said: Said, warning: str
) -> None:
    made = await planned(kind, service, "host-a", said=said)

    assert [warning] == list(map(str, made.plan.warnings))


async def test_planned_again_with_what_was_settled_the_digest_is_the_same() -> None:
    kept = {(each.name, "windows"): says(each, services()) for each in (LIGHTHOUSE, A, B)}
    first = await planned(ServiceRestart, "nebula", "host-*", said=kept)
    at = view(LIGHTHOUSE, A, B, said=kept)
    later = type(at)(at.fleet, lambda: NOW + timedelta(minutes=3), at.thresholds, operation_id=OPERATION)
    again = await ServiceRestart.model_validate(dict(first.arguments)).plan(later)

    assert compute_digest(first.plan, "service restart", first.arguments) == compute_digest(
        again.plan, "service restart", again.arguments
    )
    assert first == PlannedChange.model_validate_json(first.model_dump_json())


async def test_a_service_that_stopped_meanwhile_is_another_plan() -> None:
    kept = {(each.name, "windows"): says(each, services()) for each in (LIGHTHOUSE, A, B)}
    stopped = kept | {("host-a", "windows"): says(A, services(nebula="Stopped"))}
    before, now = [await planned(ServiceRestart, "nebula", "host-a", said=said) for said in (kept, stopped)]

    assert compute_digest(before.plan, "service restart", before.arguments) != compute_digest(
        now.plan, "service restart", now.arguments
    )


@pytest.mark.parametrize("service", ["nebula", "openresty"])
@pytest.mark.parametrize("kind", [ServiceRestart, ServiceStop])
@pytest.mark.parametrize(
    ("told", "value", "words"),
    [
        (wsl(A, containers=(container("wiki"), container("shop"))), ["shop", "wiki"], "running on host-a: shop, wiki"),
        (wsl(A, containers=(container("old", "exited"),)), [], "no containers are running on host-a"),
        (LOST, None, "the containers of host-a are unknown"),
    ],
)
async def test_an_approval_rests_on_the_containers_whose_sites_stop(
    kind: type[ServiceChange], service: ServiceName, told: object, value: object, words: str
) -> None:
    made = await planned(kind, service, "host-a", said={("host-a", "wsl"): told})

    assert [(value, words)] == [
        (premise.value, str(premise.phrase)) for premise in made.plan.premises if premise.what == "containers"
    ]


async def test_where_nothing_stops_an_approval_rests_on_no_containers() -> None:
    stopped = {("host-a", "windows"): says(A, services(nebula="Stopped"))}
    for made in (
        await planned(ServiceStart, "nebula", "host-a", said=stopped),
        await planned(ServiceRestart, "nebula", "lighthouse"),
    ):
        assert ["nebula"] == [premise.what for premise in made.plan.premises]


async def test_an_unknown_host_is_none() -> None:
    with pytest.raises(NoSuchHost):
        await planned(ServiceStop, "nebula", "host-x")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("service restart nebula host-a", "service restart nebula host-a"),
        ("services stop OpenResty tokyo, osaka", "service stop openresty tokyo,osaka"),
        ("service start nebula host-* --dry-run", "service start nebula host-* --dry-run"),
        ("service host-a", "service host-a"),
    ],
)
def test_what_is_typed_is_understood_as_this(typed: str, words: str) -> None:
    assert words == render_operation(parse_operation(normalize_text(typed), CATALOGUE, CATALOGUE))


@pytest.mark.parametrize(
    "typed", ["service restart", "service restart nebula", "service restart host-a", "service stop all"]
)
def test_a_change_never_means_all_hosts_by_itself(typed: str) -> None:
    with pytest.raises(GrammarError):
        parse_operation(normalize_text(typed), CATALOGUE, CATALOGUE)


async def test_a_silent_host_is_owed_the_change_and_one_that_a_person_must_see_to_is_not() -> None:
    hosts = LIGHTHOUSE, A, B, host("host-c", 3), host("host-d", 4)
    said: Said = {
        ("host-a", "windows"): says(A, services(nebula="Stopped")),
        ("host-b", "windows"): LOST,
        ("host-c", "windows"): AuthenticationFailed(Phrase("login refused")),
        ("host-d", "windows"): says(host("host-d", 4), services()),
    }
    made = await planned(ServiceStart, "nebula", "host-a", "host-b", "host-c", "host-d", hosts=hosts, said=said)

    assert ("host-b",) == made.plan.owed_hosts
    assert ["host-b", "host-c", "host-d"] == [left.host for left in made.plan.left_out]


async def test_a_silent_host_without_a_gateway_owes_no_gateway() -> None:
    bare = host("host-b", 2).model_copy(update={"gateway": None})
    said: Said = {("host-b", "windows"): LOST, ("host-a", "windows"): says(A, services(gateway="Stopped", nginx=0))}
    made = await planned(ServiceStart, "openresty", "host-a", "host-b", hosts=(LIGHTHOUSE, A, bare), said=said)

    assert [("host-b", "no gateway configured", False)] == [
        (left.host, str(left.why), left.owed) for left in made.plan.left_out
    ]


@pytest.mark.parametrize(
    ("kind", "service", "matter", "refused"),
    [
        (ServiceStart, "nebula", Matter.REVOCATION, True),
        (ServiceRestart, "nebula", Matter.REVOCATION, True),
        (ServiceRestart, "nebula", Matter.AUTHORITY, True),
        (ServiceRestart, "nebula", Matter.CHANGE, False),
        (ServiceStop, "nebula", Matter.REVOCATION, False),
        (ServiceRestart, "openresty", Matter.REVOCATION, False),
    ],
)
async def test_nebula_does_not_start_before_what_is_owed_there_and_concerns_identities(
    kind: type[ServiceChange], service: ServiceName, matter: Matter, refused: bool
) -> None:
    running = kind is not ServiceStart
    told = says(A, services(nebula="Running" if running else "Stopped"))
    note = OwedNote(number=3, host="host-a", words="blocklist add x --on host-a", matter=matter, since=NOW)
    sight = replace(view(LIGHTHOUSE, A, B, said={("host-a", "windows"): told}), owed=KnownOwed((note,)))
    asked = kind(service=service, target=Target(parts=("host-a",)))
    if not refused:
        assert [] == list((await asked.plan(sight)).plan.left_out)
        return
    with pytest.raises(CannotPlan) as error:
        await asked.plan(sight)
    assert "is owed there and must run before Nebula starts: blocklist add x --on host-a. Run owed" in str(
        error.value.phrase
    )
    assert [False] == [left.owed for left in error.value.left_out]


async def test_a_plan_that_is_made_again_from_its_arguments_owes_the_same_hosts() -> None:
    """Just before the run it is compared, and another plan would never run."""
    said: Said = {("host-b", "windows"): LOST}
    first = await planned(ServiceRestart, "openresty", "host-a", "host-b", said=said)
    again = await ServiceRestart.model_validate(first.arguments).plan(view(LIGHTHOUSE, A, B, said=said))
    assert (first.arguments, ("host-b",)) == (again.arguments, again.plan.owed_hosts)
    assert compute_digest(first.plan, "service restart", first.arguments) == compute_digest(
        again.plan, "service restart", again.arguments
    )
