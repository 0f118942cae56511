"""The registry of alerts: checks and people move them, each move is recorded first and stored once, and none is lost."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from bot.alerts.services.registry import AlertResolved, NoSuchAlert
from bot.model.alert import AlertState
from commands.alerts.conditions import Condition, HostChecked
from commands.model.finding import Severity
from tests.bot.alerts.living import House, Interrupted, container, nebula


class TestChecks:
    async def test_an_alert_fires_is_acknowledged_and_resolved(self, house: House) -> None:
        fired = await house.fire()
        assert (1, "firing", house.now, house.now) == (fired.number, fired.state, fired.fired_at, fired.first_fired_at)

        taken = await house.registry.acknowledge(1, "ana", house.now + timedelta(hours=2), "op-1")
        assert (AlertState.ACKNOWLEDGED, "ana") == (taken.state, taken.acknowledged_by)
        assert taken == await house.registry.find(1)

        await house.check()
        await house.check()
        (resolved,) = await house.registry.list_recent(house.now - timedelta(hours=1))
        assert (AlertState.RESOLVED, house.now) == (resolved.state, resolved.resolved_at)
        assert () == await house.registry.list_open()
        changes = await house.registry.list_changes(1)
        assert [("firing", 2, ""), ("acknowledged", 3, "ana"), ("resolved", 4, "")] == [
            (each.state, each.version, each.actor) for each in changes
        ]

    async def test_each_fire_and_resolution_is_recorded_and_no_other_check(self, house: House) -> None:
        await house.fire()
        await house.check(nebula())
        await house.check(nebula(Severity.LOW))
        await house.check(nebula(Severity.HIGH))
        for _ in range(3):
            await house.check()
        assert ["fired", "fired again", "resolved"] == house.log.did
        assert {("flatnet-bot", "alert-1")} == {(actor, operation) for actor, operation, _ in house.log.events}
        expected = {
            "alert": "fired",
            "number": 1,
            "host": "host-a",
            "subject": "nebula",
            "condition": "nebula",
            "severity": "critical",
            "why": "Nebula stopped",
        }
        assert expected == house.log.events[0][2]

    async def test_a_condition_that_was_not_judged_moves_nothing(self, house: House) -> None:
        await house.fire()
        for _ in range(5):
            await house.check(judged=(Condition.GATEWAY, Condition.SILENT))
        assert [("host-a/nebula", "firing")] == await house.read_states()

    async def test_a_check_of_some_subjects_moves_no_others(self, house: House) -> None:
        await house.check(container("db"), container("web"))
        await house.check(container("db"), container("web"))
        for _ in range(2):
            house.now += timedelta(minutes=1)
            judged = frozenset({Condition.CONTAINER})
            part = HostChecked(host="host-a", at=house.now, judged=judged, subjects=frozenset({"container/db"}))
            await house.registry.apply(part)
        assert [("host-a/container/web", "firing")] == await house.read_states()

    async def test_a_problem_counts_although_its_condition_was_not_judged_as_a_whole(self, house: House) -> None:
        for _ in range(2):
            await house.check(container("db"), judged=())
        assert [("host-a/container/db", "firing")] == await house.read_states()

    async def test_a_container_that_was_removed_is_well(self, house: House) -> None:
        for signals in ([container("db"), container("web")], [container("db"), container("web")], [container("web")]):
            await house.check(*signals)
        await house.check(container("web"))
        assert [("host-a/container/web", "firing")] == await house.read_states()

    async def test_a_check_of_one_host_moves_no_alert_of_another(self, house: House) -> None:
        await house.fire()
        for _ in range(3):
            await house.check(host="host-b")
            await house.check(host="")
        assert [("host-a/nebula", "firing")] == await house.read_states()

    async def test_a_condition_for_which_one_check_is_enough_fires_with_its_number(self, house: House) -> None:
        await house.check(nebula(condition=Condition.LIGHTHOUSE))
        assert [("host-a/nebula", "firing")] == await house.read_states()
        assert [("alert-1", 1)] == [(operation, data["number"]) for _, operation, data in house.log.events]

    async def test_the_same_check_again_counts_once(self, house: House) -> None:
        await house.check(nebula())
        again = HostChecked(host="host-a", at=house.now, judged=frozenset(Condition), signals=(nebula(),))
        for _ in range(3):
            house.now += timedelta(minutes=1)
            await house.registry.apply(again)
        assert [("host-a/nebula", "pending")] == await house.read_states()

    async def test_a_problem_that_is_back_within_an_hour_is_the_same_alert_and_later_another(self, house: House) -> None:
        for pause in (0, 30, 90):
            house.now += timedelta(minutes=pause)
            await house.fire()
            await house.check()
            await house.check()
        assert [2, 1] == [alert.number for alert in await house.registry.list_recent(house.now - timedelta(days=1))]
        assert ["fired", "resolved", "fired again", "resolved", "fired", "resolved"] == house.log.did

    async def test_254_hosts_that_go_down_at_once_all_fire(self, house: House) -> None:
        hosts = [f"host-{number}" for number in range(254)]
        for _ in range(2):
            house.now += timedelta(minutes=1)
            checks = [
                HostChecked(host=host, at=house.now, judged=frozenset(Condition), signals=(nebula(host=host),))
                for host in hosts
            ]
            await asyncio.gather(*map(house.registry.apply, checks))
        assert set(hosts) == {alert.host for alert in await house.registry.list_unshown()}
        assert {AlertState.FIRING} == {alert.state for alert in await house.registry.list_unshown()}

    async def test_the_worst_is_listed_first(self, house: House) -> None:
        for _ in range(2):
            await house.check(
                container("db"), nebula(), nebula(Severity.HIGH, subject="gateway", condition=Condition.GATEWAY)
            )
        assert ["nebula", "gateway", "container/db"] == [alert.subject for alert in await house.registry.list_open()]


class TestAcknowledgements:
    async def test_a_second_one_replaces_the_first(self, house: House) -> None:
        await house.fire()
        await house.registry.acknowledge(1, "ana", house.now + timedelta(minutes=30), "op-1")
        taken = await house.registry.acknowledge(1, "ben", house.now + timedelta(hours=2), "op-2")
        assert ("ben", house.now + timedelta(hours=2)) == (taken.acknowledged_by, taken.acknowledged_until)
        (_, first, second) = house.log.events
        assert [("ana", "op-1"), ("ben", "op-2")] == [first[:2], second[:2]]
        assert "2026-01-31T11:02:00+00:00" == second[2]["until"]

    async def test_a_move_of_an_acknowledged_alert_is_not_another_acknowledgement(self, house: House) -> None:
        await house.fire()
        await house.registry.acknowledge(1, "ana", house.now + timedelta(hours=2), "op-1")
        await house.check(nebula(Severity.LOW))
        changes = await house.registry.list_changes(1)
        assert [("firing", ""), ("acknowledged", "ana"), ("acknowledged", "")] == [
            (change.state, change.actor) for change in changes
        ]

    async def test_two_at_once_both_count_in_some_order(self, house: House) -> None:
        await house.fire()
        people = ("ana", "ben", "cai")
        taken = await asyncio.gather(*(house.registry.acknowledge(1, person, None, f"op-{person}") for person in people))
        assert [3, 4, 5] == sorted(alert.version for alert in taken)
        last = max(taken, key=lambda alert: alert.version)
        assert last == await house.registry.find(1)
        assert [""] + [alert.acknowledged_by for alert in sorted(taken, key=lambda alert: alert.version)] == [
            change.actor for change in await house.registry.list_changes(1)
        ]

    async def test_of_a_resolved_alert_says_when_it_was_resolved(self, house: House) -> None:
        await house.fire()
        await house.check()
        await house.check()
        with pytest.raises(AlertResolved, match="alert 1 was resolved at 2026-01-31 09:04:00 UTC"):
            await house.registry.acknowledge(1, "ana", None, "op-1")
        assert ["fired", "resolved"] == house.log.did

    @pytest.mark.parametrize("acknowledged_first", [True, False])
    async def test_and_a_resolution_in_one_instant_leave_it_resolved(self, house: House, acknowledged_first: bool) -> None:
        await house.fire()
        await house.check()
        both: list[Awaitable[Any]] = [house.registry.acknowledge(1, "ana", None, "op-1"), house.check()]
        done = await asyncio.gather(*(both if acknowledged_first else both[::-1]), return_exceptions=True)
        assert [AlertResolved] == [type(each) for each in done if isinstance(each, BaseException)] or acknowledged_first
        assert AlertState.RESOLVED == (await house.registry.find(1)).state
        assert "resolved" == house.log.did[-1]

    async def test_of_an_alert_that_another_process_resolves_meanwhile_is_refused(self, house: House) -> None:
        await house.fire()
        await house.check()
        registry = house.build(lambda part: Interrupted(part, "apply", house.check))
        with pytest.raises(AlertResolved):
            await registry.acknowledge(1, "ana", None, "op-1")
        assert AlertState.RESOLVED == (await house.registry.find(1)).state

    @pytest.mark.parametrize("number", [0, 1, 2, -1, 2**63, 10**30])
    async def test_of_an_alert_that_was_never_shown_is_refused(self, house: House, number: int) -> None:
        await house.check(nebula())
        with pytest.raises(NoSuchAlert, match=f"no alert {number}"):
            await house.registry.acknowledge(number, "ana", None, "op-1")
        assert [] == house.log.did


class TestTime:
    async def test_an_acknowledgement_that_is_over_fires_again(self, house: House) -> None:
        await house.fire()
        await house.registry.acknowledge(1, "ana", house.now + timedelta(hours=2), "op-1")
        house.now += timedelta(hours=1, minutes=59)
        await house.registry.tick(house.now)
        assert [("host-a/nebula", "acknowledged")] == await house.read_states()
        house.now += timedelta(minutes=1)
        for _ in range(2):
            await house.registry.tick(house.now)
        assert [("host-a/nebula", "firing")] == await house.read_states()
        assert ["fired", "acknowledged", "fired again"] == house.log.did

    async def test_alerts_of_a_host_that_left_are_resolved_and_pending_ones_forgotten(self, house: House) -> None:
        await house.fire()
        await house.check(nebula(), container("db"))
        await house.check(nebula(host="host-b"), host="host-b")
        for _ in range(2):
            await house.check(nebula(host="", subject="digest", condition=Condition.DIGEST), host="")
        house.hosts = ("host-b",)
        await house.registry.tick(house.now)
        assert [("host-b/nebula", "pending"), ("digest", "firing")] == await house.read_states()
        (resolved,) = await house.registry.list_recent(house.now)
        assert "host-a is no longer in the configuration" == str(resolved.outcome)
        assert "resolved" == house.log.did[-1]

    async def test_alerts_that_are_switched_off_resolve_those_of_the_watch_alone(self, house: House) -> None:
        certificate = nebula(subject="certificate").model_copy(update={"condition": Condition.CERTIFICATE})
        await house.fire()
        await house.check(nebula(), certificate)
        await house.registry.switch_off(house.now)
        assert ["certificate"] == [alert.subject for alert in await house.registry.list_open()]
        assert "alerts were switched off" == str((await house.registry.find(1)).outcome)

    async def test_a_clock_that_was_ahead_leaves_no_time_ahead(self, house: House) -> None:
        right = house.now
        house.now += timedelta(days=3000)
        await house.fire()
        await house.check(nebula(), nebula(subject="x"), nebula(subject="y"))
        await house.check(nebula(), nebula(subject="x"))
        await house.check(nebula())
        await house.check(nebula())
        await house.registry.acknowledge(1, "ana", house.now + timedelta(hours=2), "op-1")
        await house.registry.mark_repeated([1], house.now)
        await house.registry.mark_escalated([1], house.now)

        house.now = right + timedelta(minutes=10)
        await house.registry.tick(house.now)
        alerts = (*await house.table.list_unresolved(), *await house.registry.list_recent(right))
        changes = await house.registry.list_changes(1)
        times = [value for each in (*alerts, *changes) for name, value in each if name.endswith("_at") or name == "at"]
        assert {house.now, None} == set(times)
        assert house.now + timedelta(hours=2) == (await house.registry.find(1)).acknowledged_until
        await house.check()
        await house.check()
        ((episode, _),) = (await house.registry.list_durations(right, house.now + timedelta(days=1))).values()
        assert (house.now - timedelta(minutes=2), house.now) == (episode.fired_at, episode.ended_at)

    async def test_durations_are_those_of_each_time_an_alert_was_open(self, house: House) -> None:
        began = house.now
        await house.fire()
        await house.registry.acknowledge(1, "ana", None, "op-1")
        for _ in range(2):
            await house.check()
        for _ in range(2):
            await house.check(nebula())
        for _ in range(2):
            await house.check(nebula(host="", subject="blind", condition=Condition.BLIND), host="")

        def minutes(durations: Any) -> Any:
            return {
                host: [
                    tuple(
                        None if at is None else (at - began) // timedelta(minutes=1) for at in (each.fired_at, each.ended_at)
                    )
                    for each in episodes
                ]
                for host, episodes in durations.items()
            }

        def period(since: float, until: float) -> Any:
            return began + timedelta(minutes=since), began + timedelta(minutes=until)

        list_durations = house.registry.list_durations
        assert {"host-a": [(2, 4), (6, None)], "": [(8, None)]} == minutes(await list_durations(*period(0, 60)))
        assert {"host-a": [(2, None)]} == minutes(await list_durations(*period(0, 3)))
        assert {"host-a": [(2, 4)]} == minutes(await list_durations(*period(3, 5)))
        assert {} == minutes(await list_durations(*period(4.5, 5.5)))
        assert {"host-a": [(6, None)], "": [(8, None)]} == minutes(await list_durations(*period(20, 30)))


class TestNotifier:
    async def test_an_alert_is_unshown_until_its_newest_version_was_shown(self, house: House) -> None:
        await house.check(nebula())
        assert () == await house.registry.list_unshown()
        alert = await house.fire()
        assert (alert,) == await house.registry.list_unshown()
        await house.registry.set_message([1], "alert-1")
        await house.registry.mark_shown({1: 2})
        assert () == await house.registry.list_unshown()
        await house.registry.acknowledge(1, "ana", None, "op-1")
        await house.registry.mark_shown({1: 1})
        (unshown,) = await house.registry.list_unshown()
        assert (2, "alert-1") == (unshown.shown, unshown.message)
        assert (unshown,) == await house.registry.list_of_message("alert-1")

    async def test_a_check_does_not_overwrite_what_the_notifier_writes_meanwhile(self, house: House) -> None:
        alert = await house.fire()

        async def notify() -> None:
            await house.registry.set_message([1], "alert-1")
            await house.registry.mark_shown({1: alert.version})
            await house.registry.mark_repeated([1], house.now)

        registry = house.build(lambda part: Interrupted(part, "apply", notify))
        house.now += timedelta(minutes=1)
        await registry.apply(HostChecked(host="host-a", at=house.now, judged=frozenset(Condition)))
        stored = await house.registry.find(1)
        assert (1, "alert-1", 2, house.now) == (stored.streak, stored.message, stored.shown, stored.repeated_at)

    async def test_a_fire_while_the_notifier_shows_an_earlier_one_is_still_to_be_said(self, house: House) -> None:
        """Whether it comes before or after the notifier marks the earlier one."""
        await house.fire()
        spoken_at = house.now

        async def mark() -> None:
            await house.registry.mark_repeated([1], spoken_at)
            await house.registry.mark_escalated([1], spoken_at)

        await house.registry.acknowledge(1, "ana", None, "op-1")
        house.registry = house.build(lambda part: Interrupted(part, "apply", mark))
        await house.check(nebula(cause="host-b/nebula"))
        await mark()
        fired = await house.registry.find(1)
        assert (AlertState.FIRING, None, None) == (fired.state, fired.repeated_at, fired.escalated_at)

    async def test_a_new_fire_clears_when_it_was_repeated(self, house: House) -> None:
        await house.fire()
        await house.registry.mark_repeated([1], house.now)
        await house.registry.mark_escalated([1], house.now)
        await house.registry.acknowledge(1, "ana", None, "op-1")
        await house.check(nebula(cause="host-b/nebula"))
        fired = await house.registry.find(1)
        assert (AlertState.FIRING, None, None) == (fired.state, fired.repeated_at, fired.escalated_at)
