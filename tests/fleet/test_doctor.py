"""`doctor` misses no right that a read needs, and prepare-wsl.sh gives each of them back."""

import pytest

from tests.fleet.conftest import Ask
from tests.fleet.distribution import Distribution
from tests.fleet.fleet import HOST

BROKEN = {
    "no group adm, no rule for logs": (
        "gpasswd --delete flatnet adm; rm /etc/sudoers.d/flatnet-bot-logs",
        {"wsl.cni", "wsl.containers"},
    ),
    "no group for logs, no rule for du": (
        "gpasswd --delete flatnet adm; gpasswd --delete flatnet systemd-journal; "
        r"sed -i '/timeout 8 du/d; s/\(system df .*\), \\$/\1/' /etc/sudoers.d/flatnet-bot",
        {"wsl.cni", "wsl.journal", "wsl.disks"},
    ),
    "no rule at all": ("rm /etc/sudoers.d/flatnet-bot /etc/sudoers.d/flatnet-bot-logs", {"wsl.podman"}),
}
"""What an administrator forgot, and the subjects that `doctor` must report."""


async def test_nothing_is_missing_in_a_prepared_distribution(ask: Ask) -> None:
    """Every read is tried for real."""
    assert [] == [finding for finding in (await ask("doctor")).findings if finding.host == HOST]


@pytest.mark.parametrize(("breaks", "subjects"), BROKEN.values(), ids=BROKEN)
async def test_missing_rights_are_reported(ask: Ask, repaired: Distribution, breaks: str, subjects: set[str]) -> None:
    """No more and no less."""
    repaired.sh(f"{breaks}; visudo -cq")
    findings = [finding for finding in (await ask("doctor")).findings if finding.host == HOST]
    assert subjects == {finding.subject for finding in findings}
