"""A host is removed while another one is away, which is lost later: what is refused at once, what is owed, what is left.

The administrator at the terminal asks, and approves for everyone.
"""

import pytest

from bot.model.change import ChangeState
from commands.model.report import Report
from tests.lab.faults import Fault
from tests.lab.fleet import LabFleet
from tests.scenarios.changing import hurried
from tests.scenarios.conftest import Build, ask
from tests.scenarios.rotating import HURRY, must_run, run_alone

REMOVE = "host remove host-c --lose db,web"
SHARE = "host remove host-c --on host-b"


def switch(fleet: LabFleet, name: str, *, on: bool) -> None:
    """All programs of a host listen, or none does."""
    for side in fleet[name].ports:
        fleet[name].wire(side).fault = Fault.NONE if on else Fault.REFUSE


def find_reached(fleet: LabFleet, name: str) -> set[str]:
    """The hosts that take the certificate of one."""
    others = [host for host in fleet.hosts if host.name != name]
    return {each.name for each in others if fleet.mesh.reaches(name, f"10.100.{each.id}.1")}


@pytest.mark.slow
async def test_a_host_that_was_away_refuses_a_removed_one_later_and_all_refuse_one_that_is_lost(town: Build) -> None:
    async with town(hosts=3, lighthouse=True) as t, t.bot(hurried(t.fleet, HURRY)) as house:
        await must_run(house, "host rehearse all")
        switch(t.fleet, "host-b", on=False)
        change = await run_alone(house, REMOVE)
        assert (ChangeState.FAILED, "still accepted by host-b, where the revocation is owed") == (
            change.state,
            str(change.why),
        )

        state = t.fleet["host-c"].windows.state
        assert {"Stopped"} == {service.status for service in state.services.values()}
        assert not [path for path, text in state.files.items() if "PRIVATE KEY" in text]
        assert None is house.dispatcher.hosts.find_host("host-c")
        assert "[removed]" in (t.settings.data_folder / "hosts.d" / "host-c.toml").read_text()
        assert SHARE in str((await ask(house, "owed")).body)
        assert "was removed already" in str((await ask(house, f"{REMOVE} --reason again")).body)

        switch(t.fleet, "host-b", on=True)
        await must_run(house, SHARE)
        assert () == await house.wings.changes.owed.registry.list_open()
        assert {"lighthouse", "host-a"} == find_reached(t.fleet, "host-b")

        switch(t.fleet, "host-b", on=False)
        await must_run(house, "host remove host-b --lost")
        assert (set(), {"lighthouse"}) == (find_reached(t.fleet, "host-b"), find_reached(t.fleet, "host-a"))
        tombstone = t.settings.data_folder / "hosts.d" / "host-b.toml"
        assert "password_due = true" in tombstone.read_text()
        confirmed = await ask(house, "host remove host-b --password-changed")
        assert isinstance(confirmed.body, Report), confirmed.body
        assert "password_due" not in tombstone.read_text()
        assert "shares no password" in str((await ask(house, "host remove host-b --password-changed")).body)
