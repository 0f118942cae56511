"""Containers are run from the configuration, stopped, started, restarted and removed: what is seen on every side."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.model.change import ChangeState
from tests.lab.shop import PASSWORD as SECRET
from tests.lab.wsl.container import Container, Fate
from tests.lab.wsl.storage import MB, Image
from tests.scenarios.changing import ADMIN, DEVELOPER, OPERATOR, Shift, hurried
from tests.scenarios.conftest import Build
from tests.scenarios.moving import HURRY, find, list_registered, manage, open_shop, wsl

IMAGE = Image.of("localhost/shop:1.4", size=MB)

DONE = (ChangeState.DONE, "")

CONFIGURED = f"""
[container_rules]
images = ["localhost/*"]

[[containers]]
name = "till"
image = "localhost/shop@{IMAGE.digests[0]}"
ports = ["8091:80"]
memory = "64m"
variables = {{MODE = "production", DB_PASSWORD = "secret:till_db"}}
volumes = {{till-data = "/data"}}
"""


@asynccontextmanager
async def market(town: Build, hosts: int = 2) -> AsyncIterator[Shift]:
    """A town with a shop on host-a, and a configured container with a secret that may be run beside it."""
    async with town(hosts=hosts) as t:
        open_shop(t.fleet)
        manage(t)
        t.config.write_text(t.config.read_text() + CONFIGURED)
        secret = t.settings.data_folder.parent / "secrets" / "till_db"
        secret.touch(mode=0o600)
        secret.write_text(SECRET)
        async with t.bot(hurried(t.fleet, HURRY)) as house:
            yield Shift(t, house)


def container(s: Shift, name: str, host: str = "host-a") -> Container:
    return next(each for each in wsl(s.fleet, host).containers if each.name == name)


async def test_a_configured_container_is_run_stopped_started_restarted_and_removed(town: Build) -> None:
    """Its secret reaches it, and is in no message, plan or log. What is left of it in the end is its volume."""
    async with market(town) as s:
        card = await s.approved("container run till --on host-a")
        assert DONE == await s.ended(card)
        till = container(s, "till")
        assert (till.state, till.variables) == ("running", {"MODE": "production", "DB_PASSWORD": SECRET})
        assert {("host-a", till.address), ("host-b", till.address)} == list_registered(s.fleet, "till")
        seen = [json.dumps(s.events(card)), s.card(card), *s.thread(card), *s.told(OPERATOR), *s.told(ADMIN)]
        assert [] == [text for text in seen if SECRET in text or SECRET.encode().hex() in text.lower()]

        for words, state in (
            ("container stop till", "exited"),
            ("container start till", "running"),
            ("container restart host-a/till", "running"),
            ("container stop till", "exited"),
        ):
            assert DONE == await s.ended(await s.approved(words))
            assert {"host-a": state} == find(s.fleet, "till")
        assert DONE == await s.ended(await s.approved("container remove till"))
        assert {} == find(s.fleet, "till")
        assert "till-data" in wsl(s.fleet, "host-a").volumes


async def test_one_that_does_not_serve_is_removed_again(town: Build) -> None:
    becomes: Fate
    async with market(town) as s:
        for becomes in ("ends", "loops"):
            wsl(s.fleet, "host-a").fates["till"] = becomes
            card = await s.approved("container run till --on host-a")
            state, why = await s.ended(card)
            assert (state, "host-a" in why) == (ChangeState.UNDONE, True), becomes
            assert {} == find(s.fleet, "till")


async def test_a_free_image_is_for_administrators_alone_and_critical(town: Build) -> None:
    async with market(town) as s:
        words = "container run localhost/shop:1.4 --on host-b --name trial"
        wsl(s.fleet, "host-b").images.append(IMAGE)
        for user in (OPERATOR, DEVELOPER):
            assert "administrator" in await s.types(user, words)
        assert "--reason" in await s.types(ADMIN, words)
        assert {} == find(s.fleet, "trial")


async def test_all_are_restarted_one_after_the_other_until_one_does_not_come_back(town: Build) -> None:
    async with market(town) as s:
        for number, name in enumerate(("a", "b", "c"), 30):
            shop = open_shop(s.fleet, name=name)
            shop.ports, shop.address = None, f"10.87.1.{number}"
        before = {name: container(s, name).started_at for name in ("a", "b", "c", "shop")}
        wsl(s.fleet, "host-a").fates["b"] = "ends"
        card = await s.approved("container restart --all --on host-a")
        state, why = await s.ended(card)
        assert state is ChangeState.FAILED
        assert "b" in why
        assert "exited" == container(s, "b").state
        restarted = [name for name, at in before.items() if container(s, name).started_at != at]
        assert ["a", "b"] == restarted
