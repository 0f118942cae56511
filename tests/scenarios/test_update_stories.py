"""Pending updates over the real protocols: WinRM to the update agent, SSH to apt, one row for both."""

from bot.app.application import open_application
from bot.model.request import ExitCode
from commands.model.report import Report
from tests.lab.windows.updates import DENIED, RESTART_KEYS, SECURITY, PendingUpdate
from tests.lab.wsl.apt import PendingPackage
from tests.scenarios.conftest import Build, Town, ask


def wanting(town: Town) -> None:
    """host-a lacks updates on both sides, host-b's Windows tells nothing of them and awaits a restart."""
    a, b = town.fleet["host-a"], town.fleet["host-b"]
    assert a.wsl is not None
    a.windows.state.updates.pending = [PendingUpdate("Cumulative Update", ["5075999"], "Critical", [SECURITY])]
    a.wsl.state.apt.pending = [PendingPackage("libc6", "2.39-1", "2.39-2", ("Ubuntu:24.04/noble-security",))]
    b.windows.state.updates.error, b.windows.state.updates.words = DENIED, "Access is denied."
    b.windows.state.registry.append(RESTART_KEYS[1])


async def test_a_fleet_tells_what_it_lacks_in_windows_and_in_wsl2(town: Build) -> None:
    async with town(hosts=3, lighthouse=True) as t:
        well = await asked(t, "updates")
        wanting(t)
        report = await asked(t, "update all --details")

    assert "no security updates are pending on any of 4 hosts" == str(well.summary)
    assert ("2 of 4 hosts need attention: host-a 1 security update (Windows), host-b updates unavailable (Windows)") == str(
        report.summary
    )
    assert [
        ["host-a", "1 security", "1 security", "no", "Cumulative Update (critical)", "libc6 2.39-2"],
        ["host-b", "unavailable", "none", "Windows", "unavailable", "none"],
        ["lighthouse", "none", "N/A", "no", "none", "N/A"],
        ["host-c", "none", "none", "no", "none", "none"],
    ] == [[str(row.cells[column].text) for column in (0, 1, 3, 5, 6, 7)] for row in report.rows]


async def asked(town: Town, words: str) -> Report:
    """The report that a bot alone in a terminal gives."""
    async with open_application(town.settings) as house:
        answer = await ask(house, words)
    assert isinstance(answer.body, Report)
    assert answer.exit_code in (ExitCode.WELL, ExitCode.FINDINGS)
    return answer.body
