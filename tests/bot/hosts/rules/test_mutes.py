"""Alerts of a suspended host are muted until its resume, but for those that must be seen."""

from bot.alerts.rules.mutes import find_mutes
from bot.hosts.rules.suspension import make_mutes
from bot.model.alert_notice import describe_mute
from tests.bot.alerts.muting import INVENTORY, alert
from tests.commands.hosts.suspend.canned_hosts import SUSPENSION


def test_alerts_of_the_host_are_muted_and_say_by_whom() -> None:
    (mute,) = make_mutes([SUSPENSION])
    own, other = alert(1, "host-b", "nebula"), alert(2, "host-a", "nebula")
    found = find_mutes([mute], [own, other], INVENTORY)

    assert [1] == list(found)
    assert "muted while host-b is suspended by alice: RAM swap" == str(describe_mute(found[1]))
