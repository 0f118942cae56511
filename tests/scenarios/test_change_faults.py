"""Renewals that cannot begin, and those that something stops: what lies on the disks then, and what people are told."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import PureWindowsPath

import pytest

from adapters.nebula.certificates import parse_pem
from adapters.windows.commit_confirm import AbortChange, BeginChange, ReadChange
from adapters.windows.nebula import ReachAddress, ReadCertificates
from bot.model.change import ChangeState
from bot.runtime.clock import read_utc_time
from tests.lab.windows.disks import Expiry
from tests.lab.windows.guard import A_MINUTE
from tests.lab.windows.mesh import PATHS
from tests.lab.windows.state import EVERY
from tests.scenarios.changing import ADMIN, OPERATOR, Card, Shift, by_hand, shift
from tests.scenarios.conftest import Build

RENEW = "cert renew host-a"


def encrypt(s: Shift) -> None:
    """The CA's key gets a passphrase."""
    key = PureWindowsPath(PATHS.ca_key)
    text = s.state("lighthouse").files[key]
    s.state("lighthouse").files[key] = text.replace("ED25519 PRIVATE", "ED25519 ENCRYPTED PRIVATE")


def readdress(s: Shift) -> None:
    """Somebody gives the host another address."""
    by_hand(s, "host-a", "10.100.77.1/16")


def nothing(s: Shift) -> None:
    """All is as it should be."""


async def put_back(s: Shift, card: Card, old: str) -> str:
    """Why a renewal of host-a ended as one of which nothing is left: the old pair lies there and runs."""
    state, why = await s.ended(card)
    assert (ChangeState.UNDONE, old, old) == (state, s.lies("host-a"), s.runs("host-a")), why
    assert [] == s.left("host-a") + s.left("lighthouse")
    assert why.endswith("host-a is back to its previous state")
    return why


@pytest.mark.parametrize(
    ("spoil", "expiry", "words", "said"),
    [
        (nothing, Expiry(), "cert renew host-x", "No host or label named host-x."),
        (nothing, Expiry(ca=-1), RENEW, "Create a new CA first"),
        (encrypt, Expiry(), RENEW, "has a passphrase, so the bot cannot use it. Sign manually"),
        (
            readdress,
            Expiry(),
            RENEW,
            "manually changed: the certificate has 10.100.77.1/16, the configuration 10.100.1.1/16.",
        ),
    ],
    ids=["unknown-host", "expired-ca", "encrypted-ca-key", "address-changed-by-hand"],
)
async def test_what_cannot_be_renewed_is_refused_with_the_reason(
    town: Build, spoil: Callable[[Shift], None], expiry: Expiry, words: str, said: str
) -> None:
    """Nobody is asked, and nothing is touched."""
    async with shift(town, expiry=expiry) as s:
        spoil(s)
        before = s.lies("host-a")
        assert said in await s.types(ADMIN, words)
        assert [] == s.cards()
        assert (before, []) == (s.lies("host-a"), s.left("host-a"))
        assert ["request"] == [event["kind"] for event in s.town.events()]


async def test_without_a_lighthouse_nobody_can_sign(town: Build) -> None:
    async with shift(town, lighthouse=False) as s:
        assert "No lighthouse configured (needed for signing). Add it with ID 0" in await s.types(ADMIN, RENEW)
        assert [] == s.cards()


async def test_a_ca_that_ends_first_shortens_the_new_certificate_and_approvers_are_told(town: Build) -> None:
    async with shift(town, expiry=Expiry(ca=20, hosts={"host-a": 10})) as s:
        assert "will expire soon" in await s.types(ADMIN, f"{RENEW} --dry-run")
        assert (ChangeState.DONE, "") == await s.ended(await s.approved(RENEW))
        [ca] = parse_pem(s.state("lighthouse").files[PureWindowsPath(PATHS.ca_certificate)])
        [new] = parse_pem(s.state("host-a").files[PureWindowsPath(PATHS.host_certificate)])
        assert timedelta(0) < ca.not_after - new.not_after < timedelta(minutes=1)
        assert new.not_after > read_utc_time() + timedelta(days=19)


async def test_a_full_disk_stops_it_before_anything_is_touched(town: Build) -> None:
    async with shift(town, hurry=10) as s:
        old = s.lies("host-a")
        s.state("host-a").disk_full = True
        assert "less than 1 MB is free" in await put_back(s, await s.approved(RENEW), old)


async def test_a_disk_that_fills_up_in_the_middle_leaves_the_old_pair_in_place(town: Build) -> None:
    async with shift(town, hurry=10) as s:
        old = s.lies("host-a")
        hold = s.fleet["host-a"].windows.hold("begin-change", "before")
        card = await s.approved(RENEW)
        await hold.reached()
        s.state("host-a").disk_full = True
        hold.release()
        assert "less than 1 MB is free" in await put_back(s, card, old)


@pytest.mark.slow
async def test_a_service_that_does_not_come_back_is_put_back_by_its_host(town: Build) -> None:
    async with shift(town, hurry=10) as s:
        old = s.lies("host-a")
        s.state("host-a").services["Nebula"].refusals = A_MINUTE
        card = await s.approved(RENEW)
        assert "the host restored its previous state (the service Nebula is Stopped, not Running)" in await put_back(
            s, card, old
        )
        assert f"<@{OPERATOR}> :leftwards_arrow_with_hook:" in await s.says(card, "<@")
        await s.shows(card, ChangeState.UNDONE)


@pytest.mark.parametrize("words", ["cert renew --due 30d", "service restart nebula host-a,host-b"])
async def test_the_first_host_that_fails_ends_it_for_the_others(town: Build, words: str) -> None:
    async with shift(town, hurry=10, expiry=Expiry(hosts={"host-a": 20, "host-b": 20})) as s:
        old = {name: (s.lies(name), s.state(name).services["Nebula"].pid) for name in ("host-a", "host-b")}
        s.state("host-a").services["Nebula"].refusals = A_MINUTE
        state, why = await s.ended(await s.approved(words))
        assert ChangeState.UNDONE is state
        assert why.endswith("host-a is back to its previous state, not started on host-b")
        assert (old["host-a"][0], old["host-a"][0]) == (s.lies("host-a"), s.runs("host-a"))
        assert old["host-b"] == (s.lies("host-b"), s.state("host-b").services["Nebula"].pid)


@pytest.mark.slow
async def test_a_service_that_never_comes_back_is_somebody_s_to_look_at(town: Build) -> None:
    """The old pair lies there; nothing more changes on that host until somebody says what they saw."""
    async with shift(town, hurry=10) as s:
        old = s.lies("host-a")
        s.state("host-a").services["Nebula"].refusals = EVERY
        card = await s.approved(RENEW)
        state, why = await s.ended(card)
        assert (ChangeState.UNKNOWN, old, "") == (state, s.lies("host-a"), s.runs("host-a"))
        assert f"then report the outcome with op resolve {card.operation}" in why
        shown = await s.types(OPERATOR, f"op show {card.operation}")
        assert "元のファイルに戻りましたが、変更前に動いていたものの一部が" in shown
        s.state("host-a").services["Nebula"].refusals = 0
        s.state("host-a").start_service("Nebula", read_utc_time())
        other = await s.approved("service restart openresty host-a")
        waiting = await s.known(other)
        assert (ChangeState.READY, True) == (waiting.state, "reported with op resolve" in str(waiting.waits_for))
        await s.types(OPERATOR, f'op resolve {card.operation} "started it by hand" --outcome undone')
        assert (ChangeState.UNDONE, "kenji reported: started it by hand") == await s.ended(card)
        assert (ChangeState.DONE, "") == await s.ended(other)


@pytest.mark.slow
async def test_a_host_whose_road_is_cut_reverts_alone(town: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing reaches it from the moment that Nebula restarts until its window is over."""
    for action in (BeginChange, ReadChange, AbortChange, ReadCertificates, ReachAddress):
        monkeypatch.setattr(action, "deadline", 0.4)
    async with shift(town, hurry=30) as s:
        old = s.lies("host-a")
        s.state("host-a").cut_after_apply = True
        await put_back(s, await s.approved(RENEW), old)
        change = s.state("host-a").change
        assert change is not None
        assert ("reverted", "not confirmed within 120 s") == (change.state, change.why)
