"""`host discover`: what names a host, what is proposed, and that what is claimed stays a claim."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.gateway.api import GatewaySystem
from adapters.inventory import Inventory, JoiningHost, RemovedHost
from commands.catalogue import CATALOGUE
from commands.hosts.add.operation import HostAdd
from commands.hosts.discover.operation import HostDiscover
from commands.language.grammar import parse_operation
from commands.model.certificates import BOT_PLACE, Identity, IdentityKind, KnownIdentities, Sighting, Way
from commands.model.operation import CertificateRules
from commands.model.report import Report
from commands.values.normalize import normalize_text
from tests.commands.canned import NOW
from tests.commands.canned_certs import host
from tests.commands.hosts.discover.canned_fleet import AWAY, FLEET, FORBIDDEN, NamingFleet, gateway, log, seen, static_hosts

MEMBERS = (seen("host-a", 1, "192.0.2.11"), seen("host-b", 2, "192.0.2.12"))


async def discover(fleet: NamingFleet) -> Report:
    return await HostDiscover().read(fleet.view)


def list_whys(report: Report) -> list[str]:
    return [f"{finding.host}: {finding.why}" for finding in report.findings]


async def test_members_that_the_fleet_names_are_no_findings() -> None:
    report = await discover(NamingFleet())
    assert ("all hosts that the fleet names are in the configuration", ()) == (str(report.summary), report.findings)
    assert ["lighthouse", "host-a", "host-b"] == [row.host for row in report.rows]


async def test_nothing_but_the_lighthouse_and_the_gateways_is_read() -> None:
    fleet = NamingFleet(log=log(*MEMBERS, seen("host-g", 7, "192.0.2.17")))
    await discover(fleet)
    assert {("lighthouse", "windows"), ("host-a", "gateway"), ("host-b", "gateway")} == fleet.asked


async def test_a_host_that_is_missing_is_proposed_with_what_is_known_and_what_is_missing() -> None:
    fleet = NamingFleet(
        log=log(*MEMBERS, seen("host-g", 7, "192.0.2.17")),
        gateways={"host-a": gateway(1, 2, 7), "host-b": gateway(2, 1, 7)},
    )
    report = await discover(fleet)
    assert "1 host is not in the configuration: host-g" == str(report.summary)
    assert [
        "host-g: 10.100.7.1 is not in the configuration. Named by: log (lighthouse), peers (host-a, host-b). "
        "Missing: Windows (192.0.2.17): SHA-256 of its certificate / WSL2: address and fingerprint of its host key"
    ] == list_whys(report)
    assert ("host add host-g --id 7 --adopt --windows 192.0.2.17",) == report.next
    add = parse_operation(normalize_text(report.next[0]), CATALOGUE, CATALOGUE)
    assert isinstance(add, HostAdd)
    assert ("host-g", 7, True, "192.0.2.17") == (add.name, add.id, add.adopt, add.windows)
    cells = report.cells_by_host["host-g"]
    assert ("unknown", "192.0.2.17", "host-a, host-b", None) == tuple(
        cells[key].value for key in ("inventory", "windows", "gateway", "wsl")
    )


HOSTILE_NAMES = (
    *("Host-G", "日本", "--reason", "$(reboot)", "a\nb", "x" * 64, "a.b", "", "all", "flatnet-bot", "host-a", "tokyo"),
    "<!channel>",
)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_a_name_that_no_host_can_have_is_not_proposed(name: str) -> None:
    inventory = Inventory(hosts=(*FLEET.hosts[:2], host("host-b", 2, labels=("tokyo",))))
    report = await discover(NamingFleet(inventory=inventory, log=log(*MEMBERS, seen(name, 7))))
    assert ("host add host-7 --id 7 --adopt",) == report.next[:1]


HOSTILE_ADDRESSES = ("127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "169.254.1.1", "10.100.7.1", "10.87.1.5", "::1")


@pytest.mark.parametrize("underlay", HOSTILE_ADDRESSES)
async def test_an_address_that_leads_elsewhere_is_not_proposed(underlay: str) -> None:
    report = await discover(NamingFleet(log=log(*MEMBERS, seen("host-g", 7, underlay))))
    assert ("host add host-g --id 7 --adopt",) == report.next


async def test_of_several_addresses_none_is_proposed_and_all_are_shown() -> None:
    static = static_hosts([("10.100.7.1", "192.0.2.27:4242")])
    report = await discover(NamingFleet(log=log(*MEMBERS, seen("host-g", 7, "192.0.2.17")), static=static))
    assert ("host add host-g --id 7 --adopt",) == report.next
    assert "Windows (192.0.2.17, 192.0.2.27?)" in list_whys(report)[0]


async def test_an_address_that_several_hosts_share_is_not_proposed() -> None:
    """It is that of their router."""
    report = await discover(NamingFleet(log=log(*MEMBERS, seen("host-g", 7, "192.0.2.1"), seen("host-h", 8, "192.0.2.1"))))
    assert ("host add host-g --id 7 --adopt", "host add host-h --id 8 --adopt") == report.next


async def test_the_names_of_two_missing_hosts_that_claim_one_name_are_their_ids() -> None:
    report = await discover(NamingFleet(log=log(*MEMBERS, seen("host-g", 7), seen("host-g", 8))))
    assert ("host add host-7 --id 7 --adopt", "host add host-8 --id 8 --adopt") == report.next


@pytest.mark.parametrize(
    "address",
    [
        *("https://10.100.7.1:8080", "http://10.100.7.1:80", "http://10.100.7.1:8080/x", "http://a@10.100.7.1:8080"),
        *("http://10.100.7.2:8080", "http://10.200.7.1:8080", "javascript:alert(1)", "http://[", "", "http://host-g:8080"),
    ],
)
async def test_a_peer_that_is_no_host_s_address_is_a_finding_and_no_host(address: str) -> None:
    report = await discover(NamingFleet(gateways={"host-a": gateway(1, 2, address), "host-b": gateway(2, 1)}))
    assert [("host-a", "stranger")] == [(finding.host, finding.subject) for finding in report.findings]
    assert 3 == len(report.rows)


async def test_gateways_that_disagree_are_shown_with_both_sides() -> None:
    fleet = NamingFleet(log=log(*MEMBERS, seen("host-g", 7)), gateways={"host-a": gateway(1, 2, 7), "host-b": gateway(2)})
    report = await discover(fleet)
    assert "1 host is not in the configuration: host-g (1 contradiction)" == str(report.summary)
    assert "host-g: gateways disagree: host-a synchronizes with host-g, host-b does not" in list_whys(report)


async def test_a_gateway_that_says_it_is_another_host_names_no_host() -> None:
    report = await discover(NamingFleet(gateways={"host-a": gateway(7, 2), "host-b": gateway(2, 1)}))
    assert ["the gateway of host-a reports host ID 7, but its ID is 1. Fix host_id in its nginx.conf"] == [
        str(finding.why) for finding in report.findings
    ]


NOT_READ = {
    "the lighthouse is away": (
        NamingFleet(log=AWAY, static=AWAY),
        [("lighthouse", "the log of Nebula"), ("lighthouse", "static_host_map")],
    ),
    "its log is not there": (NamingFleet(log=log(state="absent")), [("lighthouse", "the log of Nebula")]),
    "its map is of another form": (
        NamingFleet(static=static_hosts([]).model_copy(update={"content": b"static_host_map: []\n"})),
        [("lighthouse", "static_host_map")],
    ),
    "a gateway answers 403": (
        NamingFleet(
            gateways={
                "host-a": GatewaySystem(healthy=True, sync=FORBIDDEN, status=FORBIDDEN),
                "host-b": gateway(2, 1),
            }
        ),
        [("host-a", "the peers of the gateway")],
    ),
    "a gateway is away": (
        NamingFleet(gateways={"host-a": AWAY, "host-b": gateway(2, 1)}),
        [("host-a", "the peers of the gateway"), ("host-a", "the registrations at the gateway")],
    ),
    "Lua did not start in a gateway": (
        NamingFleet(gateways={"host-a": gateway(None), "host-b": gateway(2, 1)}),
        [("host-a", "the peers of the gateway")],
    ),
}


@pytest.mark.parametrize("story", NOT_READ)
async def test_what_could_not_be_read_is_named_and_never_taken_for_agreement(story: str) -> None:
    fleet, unread = NOT_READ[story]
    report = await discover(fleet)
    assert "no unknown host found, but not every place could be read" == str(report.summary)
    assert unread == [(finding.host, str(finding.why.values["what"])) for finding in report.findings]
    assert not any(finding.reached for finding in report.findings)


async def test_a_missing_host_is_found_without_the_lighthouse() -> None:
    gateways: dict[str, object] = {"host-a": gateway(1, 2, 7), "host-b": AWAY}
    report = await discover(NamingFleet(log=AWAY, static=AWAY, gateways=gateways, registered=(7, None, 8, 0)))
    assert ["host-7", "host-8"] == [row.host for row in report.rows if row.severity and row.reached]


def make_identity(name: str, number: int, **given: object) -> Identity:
    usual = {"fingerprint": f"{number:064x}", "kind": IdentityKind.NEBULA, "address": f"10.100.{number}.1"}
    return Identity.model_validate({"name": name, **usual, **given})


@pytest.mark.parametrize(
    ("identity", "found"),
    [
        (make_identity("host-g", 7), True),
        (make_identity("host-g", 7, abandoned=True), False),
        (make_identity("host-g", 7, ends_at=NOW - timedelta(days=1), begins_at=NOW - timedelta(days=2)), False),
        (make_identity("laptop", 7, address="10.100.7.50"), False),
    ],
)
async def test_a_certificate_of_the_ledger_names_a_host_while_it_lives(identity: Identity, found: bool) -> None:
    view = replace(NamingFleet().view, identities=KnownIdentities((identity,)))
    report = await HostDiscover().read(view)
    assert found == ("host-g" in report.cells_by_host)


async def test_a_ledger_that_could_not_be_read_is_named() -> None:
    report = await HostDiscover().read(replace(NamingFleet().view, identities=KnownIdentities(available=False)))
    assert [": could not read the ledger: the database could not be read"] == list_whys(report)


async def test_laptops_and_the_machine_of_the_bot_are_no_hosts() -> None:
    own = make_identity("bot", 8)
    known = KnownIdentities((own,), {own.fingerprint: (Sighting(place=BOT_PLACE, way=Way.FILE, at=NOW),)})
    fleet = NamingFleet(log=log(*MEMBERS, seen("laptop", 7)))
    rules = CertificateRules(members=("laptop",))
    report = await HostDiscover().read(replace(fleet.view, identities=known, certificates=rules))
    assert ["expected", "expected"] == [report.cells_by_host[name]["inventory"].value for name in ("host-7", "host-8")]
    assert () == report.findings


async def test_hosts_that_are_being_added_or_were_removed_are_not_proposed() -> None:
    inventory = FLEET.model_copy(
        update={
            "joining": (JoiningHost(name="host-g", id=7, since=NOW, by="ana"),),
            "removed": (RemovedHost(name="host-h", id=8, since=NOW, by="ana"),),
        }
    )
    gateways: dict[str, object] = {"host-a": gateway(1, 2, 7), "host-b": gateway(2, 1)}
    report = await discover(NamingFleet(inventory=inventory, log=log(*MEMBERS, seen("host-h", 8)), gateways=gateways))
    assert [
        "host-h: host-h was removed, but is still named by log (lighthouse). Check that no one uses its certificates"
    ] == (list_whys(report))
    assert ("cert --all",) == report.next


CONTRADICTIONS = {
    "a member has a certificate of another name": (
        log(*MEMBERS, seen("web", 2)),
        "host-b: certificates of host-b, web claim the address 10.100.2.1. Check which one is right",
    ),
    "two names claim one address": (
        log(*MEMBERS, seen("host-g", 7), seen("host-x", 7)),
        "host-7: certificates of host-g, host-x claim the address 10.100.7.1. Check which one is right",
    ),
    "a member's name claims another address": (
        log(*MEMBERS, seen("host-a", 7)),
        "host-7: a certificate of host-a claims 10.100.7.1, but host-a has 10.100.1.1",
    ),
}


@pytest.mark.parametrize("story", CONTRADICTIONS)
async def test_certificates_that_contradict_one_another_are_shown(story: str) -> None:
    told, why = CONTRADICTIONS[story]
    assert why in list_whys(await discover(NamingFleet(log=told)))


async def test_the_lighthouse_is_missing_where_the_configuration_has_none() -> None:
    fleet = NamingFleet(
        inventory=Inventory(hosts=FLEET.hosts[1:]), gateways={"host-a": gateway(1, 2, 0), "host-b": gateway(2, 1, 0)}
    )
    report = await discover(fleet)
    assert ["host-0: the lighthouse 10.100.0.1 is not in the configuration. Add it to flatnet.toml"] == list_whys(report)
    assert () == report.next
