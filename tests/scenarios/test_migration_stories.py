"""A container moves to another host: what people see, where it runs at each moment, and what is left on every side."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bot.model.change import ChangeState
from tests.lab.shop import PASSWORD
from tests.lab.wsl.container import Container, Fate, Mount
from tests.lab.wsl.mishaps import Streaming, Trouble
from tests.lab.wsl.state import WslState
from tests.lab.wsl.storage import MB, Volume
from tests.scenarios.changing import ADMIN, OPERATOR, Shift
from tests.scenarios.conftest import Build
from tests.scenarios.moving import (
    MOVE,
    find,
    gateway,
    list_left,
    list_registered,
    restored,
    street,
    wsl,
)

DONE = (ChangeState.DONE, "")
HOME, AWAY = "10.87.1.20", "10.87.2.2"
ALL = ("host-a", "host-b", "host-c")


def shop_of(s: Shift, host: str = "host-a") -> Container:
    return next(each for each in wsl(s.fleet, host).containers if each.name == "shop")


async def test_a_container_moves_with_its_volume_and_its_source_is_kept(town: Build) -> None:
    """Its variables arrive, and are in no message, plan or log. Its source stays stopped when WSL2 begins anew."""
    async with street(town) as s:
        gateway(s.fleet, "host-c").deaf = True  # it misses that the source ends
        settings = shop_of(s).describe()
        card = await s.asked(MOVE)
        assert "shop は host-a で稼働中" in s.card(card)
        await s.press(ADMIN, card, "run.approve")
        assert DONE == await s.ended(card)
        assert "shop は host-b で稼働中" in await s.shows(card, ChangeState.DONE)
        assert {"host-a": "exited", "host-b": "running"} == find(s.fleet)
        assert "shop" not in await s.types(OPERATOR, "health host-a")  # its source is kept on purpose
        assert {(host, AWAY) for host in ALL} == list_registered(s.fleet)
        assert settings == shop_of(s, "host-b").describe()
        orders = [wsl(s.fleet, host).volumes["shop-orders"].sha256 for host in ("host-a", "host-b")]
        assert orders[0] == orders[1]
        seen = [json.dumps(s.events(card)), s.card(card), *s.thread(card), *s.told(OPERATOR), *s.told(ADMIN)]
        assert [] == [text for text in seen if PASSWORD in text or PASSWORD.encode().hex() in text.lower()]
        owed = await s.types(OPERATOR, "owed")
        assert [True, True] == [part in owed for part in (f"container remove host-a/{shop_of(s).id[:12]}", "期日")]
        assert "host-b" in await s.types(OPERATOR, MOVE)
        s.fleet["host-a"].restart_wsl()
        assert {"host-a": "exited", "host-b": "running"} == find(s.fleet)


async def test_a_container_without_data_moves_to_a_host_that_has_its_image(town: Build) -> None:
    async with street(town) as s:
        shop_of(s).mounts = []
        wsl(s.fleet, "host-b").images.append(shop_of(s).image)
        card = await s.approved("container migrate shop --to host-b")
        assert DONE == await s.ended(card)
        assert "host-b/image" not in s.outcomes(card)
        assert {"host-a": "exited", "host-b": "running"} == find(s.fleet)


Change = Callable[[Container, WslState, WslState], None]


def change_shop(**values: object) -> Change:
    def change(shop: Container, source: WslState, target: WslState) -> None:
        for name, value in values.items():
            setattr(shop, name, value)

    return change


REFUSED: list[tuple[str, str, Change, str]] = [
    ("a bind mount", MOVE, change_shop(obstacles=["bind mount /etc"]), "bind mount /etc"),
    ("a privileged container", MOVE, change_shop(obstacles=["privileged"]), "privileged"),
    ("an anonymous volume", MOVE, change_shop(mounts=[Mount("ab" * 32, "/data", anonymous=True)]), "/data"),
    ("volumes, and no word on them", MOVE.removesuffix(" --with-volumes"), change_shop(), "--without-data"),
    ("not healthy", MOVE, change_shop(health="unhealthy"), "unhealthy"),
    ("not running", MOVE, change_shop(state="exited"), "container start host-a/shop"),
    ("a fixed address", MOVE, change_shop(pinned=True), "--address-moves"),
    ("another architecture", MOVE, lambda shop, a, b: setattr(b, "architecture", "arm64"), "arm64"),
    ("a full disk", MOVE, lambda shop, a, b: setattr(b.disks["/"], "used", b.disks["/"].size), "disk host-b"),
    ("its name is taken", MOVE, lambda shop, a, b: b.containers.append(Container("shop")), "container show host-b/shop"),
    (
        "its port is taken",
        MOVE,
        lambda shop, a, b: b.containers.append(Container("other", ports=shop.ports, address="10.87.2.30")),
        "8090/tcp",
    ),
    (
        "its volume is there",
        MOVE,
        lambda shop, a, b: b.volumes.update({"shop-orders": Volume("shop-orders")}),
        "podman volume rm",
    ),
    ("a podman that hangs", MOVE, lambda shop, a, b: b.hanging.add("podman"), "did not answer"),
    ("no such container", "container migrate nope --to host-b", change_shop(), "nope"),
    ("a hostile name", "container migrate $(id) --to host-b", change_shop(), "$(id)"),
    ("a path for a name", "container migrate ../x --to host-b", change_shop(), "../x"),
    ("the same host", "container migrate shop --to host-a", change_shop(), "host-a"),
]


async def test_what_cannot_move_is_refused_before_anything_happens(town: Build) -> None:
    async with street(town) as s:
        states = wsl(s.fleet, "host-a"), wsl(s.fleet, "host-b")
        for name, words, change, why in REFUSED:
            with restored(*states):
                change(shop_of(s), *states)
                told = await s.types(OPERATOR, words)
                assert (name, True) == (name, why in told), told
        assert [] == s.cards()


@dataclass(frozen=True)
class Failure:
    """What goes wrong on a host, and where it does."""

    name: str
    host: str = "host-b"
    trouble: Streaming | None = None
    fate: Fate = "runs"


FAILURES = (
    Failure("the disk is full in mid-stream", trouble=Streaming(Trouble.FULL, "images load", after=MB // 2)),
    Failure("podman load is killed", trouble=Streaming(Trouble.DIES, "images load", after=MB // 2)),
    Failure("podman save is killed", "host-a", trouble=Streaming(Trouble.DIES, "images save", after=MB // 2)),
    Failure("the disk is full for its volume", trouble=Streaming(Trouble.FULL, "volumes import", after=100_000)),
    Failure("its settings do not arrive", "host-a", trouble=Streaming(Trouble.DIES, "containers describe")),
    Failure("it ends at once", fate="ends"),
    Failure("it restarts for ever", fate="loops"),
    Failure("it is unhealthy", fate="unhealthy"),
    Failure("it never gets healthy", fate="starting"),
)


@pytest.mark.slow
async def test_whatever_fails_until_the_target_serves_is_taken_back(town: Build) -> None:
    """The container runs on its source again, is registered everywhere, and nothing is left on the target."""
    async with street(town) as s:
        for failure in FAILURES:
            state = wsl(s.fleet, failure.host)
            state.streaming, state.fates["shop"] = failure.trouble or Streaming(), failure.fate
            card = await s.approved(MOVE)
            ended, why = await s.ended(card)
            assert (failure.name, ChangeState.UNDONE) == (failure.name, ended), why
            assert (failure.name, {"host-a": "running"}) == (failure.name, find(s.fleet))
            assert (failure.name, []) == (failure.name, list_left(s.fleet))
            assert "shop は host-a で稼働中" in await s.shows(card, ChangeState.UNDONE)
            await s.types(OPERATOR, "sync")
            assert {(host, HOME) for host in ALL} == list_registered(s.fleet)
            state.streaming, state.fates["shop"] = Streaming(), "runs"
