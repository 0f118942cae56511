"""What people hear of alerts: each message once, edited to the true state, and words that notify whom they should."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.phrase import Phrase
from bot.config.alerts import AlertRoute
from commands.alerts.conditions import Condition, Signal
from commands.model.finding import Severity
from tests.bot.alerts.living import House, container, nebula
from tests.bot.alerts.notifying import CALLED, NIGHT, OPS, Night, SlackAway

HEAD = "C0OPS # :red_circle: *host-a: Nebula stopped* | Critical, since 2026-01-31 09:01 UTC"
PAGE = "C0OPS > <@U0ANA> :red_circle: host-a: Nebula stopped (critical), since 2026-01-31 09:01 UTC"


@pytest.fixture
def night(house: House) -> Night:
    """Critical and high alerts call ana, and after half an hour the boss and the night's group."""
    return Night(house, CALLED)


def gateway(**more: object) -> Signal:
    """The gateway of host-a is stopped."""
    usual = {"subject": "gateway", "condition": Condition.GATEWAY, "short": Phrase("gateway stopped")}
    return nebula(Severity.HIGH, **(usual | more))


def silent(**more: object) -> Signal:
    usual = {"subject": "host", "condition": Condition.SILENT, "short": Phrase("host not responding")}
    return nebula(Severity.HIGH, **(usual | more))


def disk(severity: Severity = Severity.LOW) -> Signal:
    return nebula(severity, subject="disk/wsl//", condition=Condition.DISK, short=Phrase("disk nearly full"))


class TestLife:
    async def test_nothing_is_said_before_it_fires(self, night: Night) -> None:
        assert [] == await night.check(nebula())
        assert [HEAD, PAGE] == await night.check(nebula())

    async def test_it_is_said_once_while_nothing_moves(self, night: Night) -> None:
        await night.fire()
        assert [] == [line for _ in range(12) for line in await night.check(nebula())]

    async def test_a_resolution_is_an_edit_and_a_word_with_its_length(self, night: Night) -> None:
        await night.fire()
        await night.wait(12)
        assert [
            "C0OPS ~ :large_green_circle: *host-a: Nebula stopped* — resolved after 14 min",
            "C0OPS > :large_green_circle: Resolved after 14 min: host-a: Nebula stopped",
        ] == await night.resolve()

    async def test_it_fires_again_in_the_same_message(self, night: Night) -> None:
        await night.fire()
        await night.resolve()
        assert [
            "C0OPS ~ :red_circle: *host-a: Nebula stopped* | Critical, since 2026-01-31 09:05 UTC",
            "C0OPS > <@U0ANA> :red_circle: Fires again: host-a: Nebula stopped (critical)",
        ] == [line.replace("09:01", "09:05") for line in await night.fire()]

    async def test_an_acknowledgement_is_an_edit_and_its_end_is_a_fire(self, night: Night) -> None:
        await night.fire()
        await night.house.registry.acknowledge(1, "ben", night.house.now + timedelta(hours=2), "op-1")
        [edit] = await night.notify()
        assert edit.endswith("Acknowledged by ben until 2026-01-31 11:02 UTC")
        assert [] == await night.wait(119)
        assert [
            HEAD.replace("#", "~"),
            "C0OPS > <@U0ANA> :red_circle: The acknowledgement has ended. Still firing: host-a: Nebula stopped (critical)",
        ] == await night.wait(1)

    async def test_a_worse_severity_notifies_people_again(self, night: Night) -> None:
        await night.fire(severity=Severity.HIGH)
        assert (
            "C0OPS > <@U0ANA> :red_circle: Got worse: host-a: Nebula stopped (critical)" == (await night.check(nebula()))[-1]
        )

    async def test_a_worse_severity_whose_route_is_another_channel_is_said_there_too(self, house: House) -> None:
        night = Night(house, AlertRoute(severities=frozenset({Severity.CRITICAL}), channel="C0GRAVE", mention=("boss",)))
        await night.fire(severity=Severity.MEDIUM)
        assert [
            "C0OPS > <@U0BOSS> :red_circle: Got worse: host-a: Nebula stopped (critical)",
            "C0GRAVE # <@U0BOSS> :red_circle: Got worse: host-a: Nebula stopped (critical)",
        ] == (await night.check(nebula()))[1:]

    async def test_two_alerts_in_one_instant_have_a_message_each(self, night: Night) -> None:
        await night.house.check(nebula(), disk(Severity.HIGH))
        assert 4 == len(await night.check(nebula(), disk(Severity.HIGH)))


class TestRepeats:
    async def test_it_is_repeated_until_it_is_acknowledged(self, night: Night) -> None:
        await night.fire()
        assert [] == await night.wait(14)
        expected = "C0OPS > <@U0ANA> :red_circle: Not acknowledged for {} min: host-a: Nebula stopped (critical)"
        assert [expected.format(15)] == await night.wait(1)
        assert [] == await night.wait(14)
        assert expected.format(30) in await night.wait(1)
        await night.house.registry.acknowledge(1, "ben", night.house.now + timedelta(hours=9), "op-1")
        await night.notify()
        assert [] == [line for _ in range(10) for line in await night.wait(15)]

    async def test_the_second_step_is_called_once_for_each_fire(self, night: Night) -> None:
        await night.fire()
        await night.wait(29)
        called = [line for line in await night.wait(1) if "@ " in line]
        text = ":red_circle: Not acknowledged for 30 min: host-a: Nebula stopped (critical)"
        assert [f"U0BOSS @ {text}", f"S0NIGHT @ {text}"] == called
        assert [] == [line for _ in range(10) for line in await night.wait(15) if "@ " in line]
        await night.resolve()
        await night.fire()
        assert 2 == len([line for line in await night.wait(30) if "@ " in line])

    async def test_what_is_resolved_is_not_repeated(self, night: Night) -> None:
        await night.fire()
        await night.resolve()
        assert [] == await night.wait(60)

    async def test_a_route_may_repeat_what_is_not_repeated_by_itself(self, house: House) -> None:
        night = Night(house, AlertRoute(repeat=timedelta(minutes=5)))
        await night.fire(severity=Severity.LOW)
        [line] = await night.wait(5)
        assert line.startswith("C0OPS > :large_blue_circle: Not acknowledged for 5 min")


class TestGroups:
    async def test_what_another_alert_explains_is_a_line_of_its_message(self, night: Night) -> None:
        await night.house.check(nebula(), gateway(cause="host-a/nebula"))
        assert [HEAD, PAGE] == await night.check(nebula(), gateway(cause="host-a/nebula"))
        assert [] == await night.wait(14)
        assert 1 == len(await night.wait(1))

    async def test_a_symptom_that_comes_later_is_an_edit_only_and_one_that_remains_is_a_problem_of_its_own(
        self, night: Night
    ) -> None:
        await night.fire()
        for _ in range(2):
            assert [] == await night.check(nebula(), gateway(cause="host-a/nebula"))
        words = [line for _ in range(2) for line in await night.check(gateway()) if " > " in line]
        assert [
            "C0OPS > <@U0ANA> :large_orange_circle: Still firing: host-a: gateway stopped (high)",
            "C0OPS > :large_green_circle: Resolved after 4 min: host-a: Nebula stopped",
        ] == words

    async def test_five_hosts_have_a_message_each_and_six_share_one(self, house: House) -> None:
        for count, messages in ((5, 5), (6, 1)):
            night = Night(house, CALLED)
            hosts = [f"host-{count}{number}" for number in range(count)]
            await night.fail_at_once(hosts)
            assert messages == len([line for line in await night.notify() if " # " in line])
            house.hosts = ()
            await night.wait(61)

    async def test_a_storm_of_254_hosts_is_one_message_and_one_word(self, night: Night) -> None:
        await night.fail_at_once([f"host-{number:03}" for number in range(254)])
        head, word = await night.notify()
        assert "*Nebula stopped: 254 hosts*" in head
        assert "Nebula stopped: host-000, host-001, host-002, host-003, host-004 and 249 more (critical)" in word
        [repeat] = await night.wait(15)
        assert repeat.startswith("C0OPS > <@U0ANA> :red_circle: Not acknowledged for 15 min: Nebula stopped: host-000")

    async def test_a_storm_that_comes_host_by_host_is_at_most_five_messages(self, night: Night) -> None:
        heads = []
        hosts = [f"host-{number:02}" for number in range(20)]
        for host in hosts:
            await night.fail_at_once([host])
            night.house.now -= timedelta(minutes=2) - timedelta(seconds=3)
            heads += [line for line in await night.notify() if " # " in line]
        assert 5 == len(heads)

    async def test_hosts_of_a_group_that_are_resolved_are_said_and_so_is_the_last(self, night: Night) -> None:
        hosts = [f"host-{number}" for number in range(7)]
        await night.fail_at_once(hosts)
        await night.notify()
        for host in hosts[:-1]:
            await night.house.check(host=host)
            await night.house.check(host=host)
        edit, word = await night.notify()
        assert edit.startswith("C0OPS ~ :red_circle: *Nebula stopped: 7 hosts*")
        assert "host-0, host-1, host-2, host-3, host-4 and 1 more" in word
        assert "resolved after" in (await night.resolve(hosts[-1]))[0]

    async def test_a_blind_bot_is_one_message_whatever_hosts_are_silent(self, night: Night) -> None:
        blind = nebula(host="", subject="blind", condition=Condition.BLIND, short=Phrase("most hosts not responding"))
        await night.house.check(blind, host="")
        await night.check(blind, host="")
        night.house.hosts = [f"host-{number}" for number in range(50)]
        for number in range(50):
            for _ in range(3):
                await night.house.check(
                    silent(host=f"host-{number}", cause="blind"), host=f"host-{number}", judged=(Condition.SILENT,)
                )
        lines = await night.wait(0)
        assert [] == [line for line in lines if " # " in line or "host not responding" in line]

    async def test_hosts_that_are_silent_before_the_bot_is_known_to_be_blind_wait_for_it(self, night: Night) -> None:
        """Those that are still silent once it sees again are said then, in its message."""
        blind = nebula(host="", subject="blind", condition=Condition.BLIND, short=Phrase("most hosts not responding"))
        explained = silent(cause="blind")
        assert [] == [line for _ in range(3) for line in await night.check(explained)]
        await night.house.check(blind, host="")
        message, word = await night.check(blind, host="")
        assert "C0OPS # :red_circle: *Most hosts not responding*" in message
        assert "most hosts not responding (critical)" in word
        await night.house.check(host="")
        lines = [*await night.check(host=""), *await night.check(silent())]
        assert ["C0OPS > <@U0ANA> :large_orange_circle: Still firing: host-a: host not responding (high)"] == lines[-1:]

    async def test_a_silent_host_that_is_not_checked_again_does_not_wait_for_ever(self, night: Night) -> None:
        """Nothing may judge it: the bot cannot ask, or a change runs on the host."""
        explained = silent(cause="blind")
        assert [] == [line for _ in range(3) for line in await night.check(explained)]
        assert [] == [line for _ in range(4) for line in await night.wait(1)]
        assert "host-a: host not responding" in (await night.wait(1))[0]


class TestMutes:
    async def test_a_muted_alert_posts_nothing_and_is_posted_when_the_mute_ends(self, night: Night) -> None:
        night.mutes.add("host-a/nebula", night.house.now)
        assert [] == await night.fire()
        assert [] == [line for _ in range(117) for line in await night.wait(1)]
        assert [HEAD, PAGE] == await night.wait(1)
        assert [] == [line for _ in range(14) for line in await night.wait(1)]
        again = "Not acknowledged for {} hr: host-a: Nebula stopped (critical)"
        assert [f"C0OPS > <@U0ANA> :red_circle: {again.format(2)}"] == await night.wait(1)
        called = [line for _ in range(14) for line in await night.wait(1)]
        assert [f"U0BOSS @ :red_circle: {again.format(2)}", f"S0NIGHT @ :red_circle: {again.format(2)}"] == called

    async def test_a_muted_alert_that_is_resolved_is_never_posted(self, night: Night) -> None:
        night.mutes.add("host-a", night.house.now)
        await night.fire()
        assert [] == await night.resolve()
        assert [] == await night.wait(180)

    async def test_a_posted_alert_says_by_what_it_is_muted_and_is_not_repeated_meanwhile(self, night: Night) -> None:
        await night.fire()
        night.mutes.add("host-a", night.house.now)
        [edit] = await night.notify()
        assert edit.endswith("Muted by silence 1 of ana until 2026-01-31 11:02 UTC: disk swap")
        assert [] == [line for _ in range(7) for line in await night.wait(17)]
        assert [HEAD.replace("#", "~")] == await night.wait(2)
        assert (await night.wait(15))[0].startswith("C0OPS > <@U0ANA> :red_circle: Not acknowledged for")

    async def test_muted_alerts_of_a_storm_are_counted(self, night: Night) -> None:
        for host in ("host-1", "host-2"):
            night.mutes.add(host, night.house.now)
        await night.fail_at_once([f"host-{number}" for number in range(10)])
        head, _ = await night.notify()
        assert "*Nebula stopped: 8 hosts*" in head
        assert head.endswith("2 more alerts are muted")

    async def test_what_a_muted_alert_explains_is_not_said_either(self, night: Night) -> None:
        night.mutes.add("host-a/nebula", night.house.now)
        await night.house.check(nebula(), gateway(cause="host-a/nebula"))
        assert [] == await night.check(nebula(), gateway(cause="host-a/nebula"))

    async def test_after_a_restart_a_message_of_a_mute_that_ended_meanwhile_is_edited(self, night: Night) -> None:
        await night.fire()
        night.mutes.add("host-a", night.house.now, timedelta(minutes=5))
        await night.notify()
        night.start()
        assert HEAD.replace("#", "~") == (await night.wait(5))[0]


class TestQuietHours:
    async def test_a_low_alert_waits_for_the_end_of_the_quiet_hours(self, house: House) -> None:
        house.now = datetime(2026, 10, 24, 20, 30, tzinfo=UTC)
        night = Night(house, CALLED, quiet=NIGHT)
        night.zone = ZoneInfo("Europe/Berlin")
        assert [] == await night.check(disk())
        assert [] == await night.wait(9 * 60)
        house.now = datetime(2026, 10, 25, 5, 59, tzinfo=UTC)
        assert [] == await night.notify()
        assert ["C0OPS #", "C0OPS >"] == [line[:7] for line in await night.wait(1)]

    async def test_a_low_alert_that_is_over_before_they_end_is_not_said(self, house: House) -> None:
        house.now = datetime(2026, 6, 1, 23, 0, tzinfo=UTC)
        night = Night(house, CALLED, quiet=NIGHT)
        await night.check(disk())
        assert [] == await night.resolve()
        assert [] == await night.wait(600)

    async def test_a_low_alert_that_gets_worse_is_said_at_once(self, house: House) -> None:
        house.now = datetime(2026, 6, 1, 23, 0, tzinfo=UTC)
        night = Night(house, CALLED, quiet=NIGHT)
        await night.check(disk())
        assert "host-a: disk nearly full" in (await night.check(disk(Severity.MEDIUM)))[0]


class TestFlapping:
    async def test_a_flapping_alert_is_one_line_an_hour_and_its_message_is_true(self, night: Night) -> None:
        await night.fire()
        await night.resolve()
        await night.fire()
        edit, line = await night.resolve()
        assert "resolved after" in edit
        expected = "C0OPS > :large_green_circle: Flapping ({} changes within an hour), now resolved: host-a: Nebula stopped"
        assert expected.format(4) == line
        words, edits = [], []
        for _ in range(10):
            for lines in (await night.fire(), await night.resolve()):
                words += [line for line in lines if " > " in line]
                edits += [line for line in lines if " ~ " in line]
        assert ([], 20) == (words, len(edits))
        for _ in range(5):
            words += [line for line in (*await night.fire(), *await night.resolve()) if " > " in line]
        assert [expected.format(31)] == words

    async def test_after_an_hour_without_changes_it_is_announced_as_others_are(self, night: Night) -> None:
        for _ in range(3):
            await night.fire()
            await night.resolve()
        await night.wait(59)
        await night.wait(2)
        assert " > <@U0ANA> :red_circle: host-a: Nebula stopped" in (await night.fire())[-1]

    async def test_a_critical_alert_that_flapped_and_stays_open_notifies_people_soon_and_once(self, night: Night) -> None:
        for _ in range(3):
            await night.fire()
            await night.resolve()
        await night.fire()
        assert [] == await night.wait(4)
        expected = "C0OPS > <@U0ANA> :red_circle: Not acknowledged for 5 min: host-a: Nebula stopped (critical)"
        assert [expected] == await night.wait(1)
        assert [] == await night.wait(14)
        assert [expected.replace("5 min", "20 min")] == await night.wait(1)

    async def test_a_lighter_alert_that_flapped_waits_for_its_repeat(self, night: Night) -> None:
        for _ in range(3):
            await night.fire(severity=Severity.HIGH)
            await night.resolve()
        await night.fire(severity=Severity.HIGH)
        assert [] == [line for line in await night.wait(6) if "acknowledged" in line]

    async def test_a_symptom_that_flaps_has_no_line_and_causes_no_edits(self, night: Night) -> None:
        await night.fire()
        explained = gateway(cause="host-a/nebula")
        for _ in range(4):
            lines = [line for _ in range(2) for line in await night.check(nebula(), explained)]
            lines += [line for _ in range(2) for line in await night.check(nebula())]
        assert [] == [line for line in lines if "lapping" in line]
        edits = night.slack.revised
        await night.notify()
        assert edits == night.slack.revised

    async def test_an_acknowledged_alert_that_flaps_mentions_nobody(self, night: Night) -> None:
        for _ in range(2):
            await night.fire()
            await night.resolve()
        await night.wait(51)
        await night.fire()
        await night.resolve()
        await night.fire()
        await night.house.registry.acknowledge(1, "ben", None, "op-1")
        await night.notify()
        expected = "C0OPS > :red_circle: Flapping (4 changes within an hour), now open: host-a: Nebula stopped"
        assert [expected] == await night.wait(3)


class TestCrashes:
    @pytest.mark.parametrize("calls", range(1, 5))
    async def test_after_a_crash_at_any_call_it_is_said_once(self, night: Night, calls: int) -> None:
        night.slack.failing = calls
        await night.house.check(nebula())
        await night.house.check(nebula())
        with pytest.raises(SlackAway):
            await night.notify()
        lines = night.slack.read()
        night.start()
        lines += await night.notify()
        assert [HEAD, PAGE] == lines

    async def test_a_message_that_cannot_be_made_does_not_silence_the_others(self, night: Night) -> None:
        night.house.hosts = ("host-a", "host-b")
        await night.fail_at_once(["host-a", "host-b"])
        night.slack.breaking = "host-a"
        assert ["host-b", "host-b"] == [line.partition(": Nebula")[0][-6:] for line in await night.notify()]
        assert 1 == len(night.notifier.broken)
        night.slack.breaking = ""
        assert ["host-a", "host-a"] == [line.partition(": Nebula")[0][-6:] for line in await night.notify()]
        assert 0 == len(night.notifier.broken)

    async def test_after_a_restart_nothing_is_said_again(self, night: Night) -> None:
        await night.fire()
        night.start()
        assert [] == await night.notify()


class TestMissed:
    async def test_alerts_that_were_over_before_the_notifier_ran_are_one_message_each_or_one_for_many(
        self, night: Night
    ) -> None:
        hosts = [f"host-{number}" for number in range(8)]
        await night.fail_at_once(hosts)
        for _ in range(2):
            night.house.now += timedelta(minutes=1)
            for host in hosts:
                await night.house.registry.apply(night.make_check(host))
        assert ["C0OPS # :large_green_circle: *Nebula stopped: 8 hosts* — resolved after 2 min"] == [
            line.partition(" | ")[0] for line in await night.notify()
        ]
        assert [] == await night.notify()

    async def test_one_that_was_not_grave_is_not_said(self, night: Night) -> None:
        for _ in range(2):
            await night.house.check(nebula(Severity.MEDIUM))
        for _ in range(2):
            await night.house.check()
        assert [] == await night.notify()


class TestSlackAway:
    async def test_what_fired_and_was_resolved_meanwhile_is_one_message_that_says_so(self, night: Night) -> None:
        night.slack.away = True
        await night.fire()
        await night.wait(45)
        await night.resolve()
        assert ["C0OPS # :large_green_circle: *host-a: Nebula stopped* — resolved after 47 min"] == night.slack.come_back()
        assert [] == await night.wait(60)

    async def test_below_high_it_is_none(self, night: Night) -> None:
        night.slack.away = True
        await night.fire(severity=Severity.MEDIUM)
        await night.resolve()
        assert [] == night.slack.come_back()
        assert [] == await night.wait(60)

    async def test_what_still_fires_is_one_message_and_one_word_that_notifies_people(self, night: Night) -> None:
        night.slack.away = True
        await night.fire()
        for _ in range(3):
            await night.wait(15)
        head, *words = night.slack.come_back()
        assert HEAD == head
        assert ["C0OPS > <@U0ANA> :red_circle: Not acknowledged for 45 min"] == [
            line.partition(": host-a")[0] for line in words if " > " in line
        ]
        assert ["U0BOSS", "S0NIGHT"] == [line.split()[0] for line in words if "@ " in line]

    async def test_what_was_posted_before_is_edited_to_its_newest_state_with_one_word(self, night: Night) -> None:
        await night.fire()
        night.slack.away = True
        await night.wait(30)
        lines = await night.resolve()
        assert ["C0OPS > :large_green_circle: Resolved after 32 min: host-a: Nebula stopped"] == night.slack.come_back()
        assert ["C0OPS ~ :large_green_circle: *host-a: Nebula stopped* — resolved after 32 min"] == lines

    async def test_what_is_acknowledged_meanwhile_calls_nobody_afterwards(self, night: Night) -> None:
        night.slack.away = True
        await night.fire()
        await night.wait(30)
        await night.house.registry.acknowledge(1, "ben", night.house.now + timedelta(hours=2), "op-1")
        await night.notify()
        [head] = night.slack.come_back()
        assert head.endswith("Acknowledged by ben until 2026-01-31 11:32 UTC")


async def test_without_any_route_alerts_go_to_the_notices_and_mention_nobody(house: House) -> None:
    night = Night(house)
    assert [HEAD, PAGE.replace("<@U0ANA> ", "")] == await night.fire()
    assert OPS == HEAD.split()[0]


async def test_containers_share_a_message_where_they_are_many(night: Night) -> None:
    names = [f"web-{number}" for number in range(6)]
    await night.house.check(*map(container, names))
    head, word = await night.check(*map(container, names))
    assert "*container with problems: 6 alerts*" in head.replace("Container", "container")
    assert ":large_yellow_circle: " in word
