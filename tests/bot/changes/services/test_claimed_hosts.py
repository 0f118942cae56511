"""Hosts that operations hold are told the term of a new lead; none of them delays or ends that."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.action import Action, Answer, SideName
from adapters.errors import ActionFailed, HostError, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.term import KeptTerm, make_older_term_error
from adapters.windows.services import SetStartTypes, StartSetting
from adapters.wsl.containers import MoveContainer
from bot.changes.services.locks import ToldSide, tell_term
from bot.config.settings import read_settings
from bot.runtime.connections import make_connector
from bot.security.secrets import read_secrets
from tests.lab.fleet import run_fleet, write_configuration
from tests.lab.wsl.state import Helper

WINDOWS = {"url": "https://10.100.1.1:5986/wsman", "user": "flatnet", "ca_file": "/ca.pem"}
WSL = {"address": "10.100.1.1", "key_file": "/key", "known_hosts_file": "/known_hosts"}


@dataclass
class Line:
    """A connection that keeps every term, fails, or never answers."""

    failure: HostError | None = None
    hangs: bool = False

    async def perform(self, action: Action[Answer]) -> Any:
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        return KeptTerm.model_validate(action.model_dump())

    async def aclose(self) -> None:
        """Closes nothing."""


ABSENT = ActionFailed(Phrase("no helper"), code="absent", maybe_ran=False)
DEAD = Unreachable(Phrase("no response"))
OLDER = make_older_term_error(19, 18)

LINES: dict[tuple[str, SideName], Line] = {
    ("host-a", "windows"): Line(),
    ("host-a", "wsl"): Line(ABSENT),
    ("host-b", "windows"): Line(hangs=True),
    ("host-b", "wsl"): Line(DEAD),
    ("host-c", "windows"): Line(OLDER),
}


def make_host(name: str, number: int) -> Host:
    sides = {side: given for side, given in (("windows", WINDOWS), ("wsl", WSL)) if (name, side) in LINES}
    gateway = {"gateway": {"url": f"http://10.100.{number}.1:8080"}} if name == "host-d" else {}
    return Host.model_validate({"name": name, "id": number, **sides, **gateway})


@pytest.fixture
def fleet() -> Fleet:
    hosts = tuple(make_host(name, number) for number, name in enumerate(("host-a", "host-b", "host-c", "host-d"), 1))
    return Fleet(Inventory(hosts=hosts), lambda host, side: LINES[host.name, side])


async def test_both_sides_of_each_claimed_host_are_told_and_what_fails_is_a_value(fleet: Fleet) -> None:
    """One that never answers costs the time that all of them have. A name that is gone is left out."""
    with capture_logs() as logs:
        told = await tell_term(fleet, ["host-a", "host-b", "host-c", "host-d", "host-gone"], 18, within=0.5)
    late = told[2].failure
    assert late is not None
    assert (
        ToldSide("host-a", "windows"),
        ToldSide("host-a", "wsl", ABSENT),
        ToldSide("host-b", "windows", late),
        ToldSide("host-b", "wsl", DEAD),
        ToldSide("host-c", "windows", OLDER),
    ) == told
    assert ("deadline", True) == (late.kind, late.maybe_ran)
    assert [("host-a", "info"), ("host-b", "warning"), ("host-b", "warning"), ("host-c", "error")] == [
        (log["host"], log["log_level"]) for log in logs
    ]


async def test_without_a_term_no_host_is_asked(fleet: Fleet) -> None:
    assert () == await tell_term(fleet, ["host-a", "host-c"], 0)


async def test_what_the_former_leader_sends_is_refused_once_a_host_was_told(tmp_path: Path) -> None:
    """On both sides, over the connections of the bot."""
    async with run_fleet(tmp_path / "lab", 1) as lab:
        (host,) = lab.hosts
        assert host.wsl is not None
        host.wsl.state.helper = Helper()
        settings = read_settings(write_configuration(tmp_path, lab))
        secrets = read_secrets(settings.secret_names, settings.secrets_folder)
        with ThreadPoolExecutor(2) as pool:
            old, new = (Fleet(settings.inventory, make_connector(secrets, pool, find)) for find in (lambda: 17, lambda: 18))
            known = settings.inventory.hosts[0]
            changes: tuple[Action[Any], ...] = (
                SetStartTypes(services=(StartSetting(name="Nebula", start_type="Manual"),)),
                MoveContainer(verb="stop", container=host.wsl.state.containers[0].id),
            )
            assert (ToldSide(known.name, "windows"), ToldSide(known.name, "wsl")) == await tell_term(new, [known.name], 18)
            for change in changes:
                with pytest.raises(ActionFailed) as caught:
                    await old.perform(known, change)
                assert ("OlderTerm", False) == (caught.value.code, caught.value.maybe_ran)
            assert ("Automatic", "running") == (
                host.windows.state.services["Nebula"].start_type,
                host.wsl.state.containers[0].state,
            )
            for change in changes:
                await new.perform(known, change)
            assert ("Manual", "exited") == (
                host.windows.state.services["Nebula"].start_type,
                host.wsl.state.containers[0].state,
            )
            await asyncio.gather(old.aclose(), new.aclose())
