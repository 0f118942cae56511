"""`update` says of real packages what apt would do."""

import re

from commands.model.report import Mark
from tests.fleet.archive import HELD, KEPT, PENDING
from tests.fleet.conftest import Ask
from tests.fleet.distribution import Distribution
from tests.fleet.fleet import HOST


async def test_pending_is_what_apt_would_install(ask: Ask, wsl: Distribution) -> None:
    """Neither the package on hold nor the one that cannot be installed."""
    pending = set(re.findall(r"^Inst (\S+)", wsl.sh("apt-get -s dist-upgrade"), re.MULTILINE))
    assert set(PENDING) - {HELD, KEPT} == pending
    cells = (await ask("update")).cells_by_host[HOST]
    named = str(cells["wsl_packages"].value)
    assert pending == {name for name in PENDING if name in named}


async def test_an_update_of_the_security_archive_is_a_finding(ask: Ask) -> None:
    """The others are not."""
    (finding,) = (await ask("update")).findings
    assert "fleet-insecure" in str(finding.why)
    assert "fleet-pending" not in str(finding.why)


async def test_a_restart_that_a_package_asks_for_is_seen(ask: Ask, wsl: Distribution) -> None:
    """By the file that Debian's hooks write."""
    assert Mark.WELL is (await ask("update")).cells_by_host[HOST]["restart"].mark
    try:
        wsl.sh("touch /run/reboot-required")
        assert Mark.BAD is (await ask("update")).cells_by_host[HOST]["restart"].mark
    finally:
        wsl.sh("rm /run/reboot-required")
