"""Steps within one severity, such as days left of a certificate: each fires once. And how a problem ended."""

from datetime import timedelta

from adapters.phrase import Moment, Phrase
from bot.model.alert import Alert, AlertState
from commands.alerts.conditions import Condition, HostChecked, Resolution, Signal
from commands.model.finding import Severity
from tests.bot.alerts.living import CANARY, House, nebula


def certificate(step: int, severity: Severity = Severity.HIGH) -> Signal:
    """The certificate of host-a, some steps before its end."""
    return nebula(severity, subject="certificate", condition=Condition.CERTIFICATE, step=step, short=Phrase("7 days"))


async def seen(house: House, *signals: Signal) -> Alert:
    await house.check(*signals)
    (alert,) = await house.registry.list_open()
    await house.registry.mark_shown({alert.number: alert.version})
    return alert


async def test_a_higher_step_fires_again_and_the_same_one_does_not(house: House) -> None:
    first = await seen(house, certificate(3))
    assert first.version == (await seen(house, certificate(3))).version
    await house.check(certificate(4))
    (again,) = await house.registry.list_unshown()
    assert (4, AlertState.FIRING, house.now) == (again.step, again.state, again.fired_at)
    assert first.first_fired_at == again.first_fired_at
    assert ["fired", "fired again"] == house.log.did


def disk(severity: Severity, lingering: Severity | None = None) -> Signal:
    return nebula(severity, subject="disk/windows/F:", condition=Condition.DISK, lingering=lingering)


HIGH, BELOW, MEDIUM = disk(Severity.HIGH), disk(Severity.MEDIUM, Severity.HIGH), disk(Severity.MEDIUM)


async def test_a_disk_that_hovers_at_the_limit_of_a_severity_fires_once(house: House) -> None:
    seen_as = [(await seen(house, signal)).severity for signal in (HIGH, BELOW, HIGH, BELOW, HIGH)]
    assert ([Severity.HIGH] * 5, ["fired"]) == (seen_as, house.log.did)


async def test_a_severity_that_lingers_is_that_of_an_alert_which_had_it(house: House) -> None:
    seen_as = [(await seen(house, signal)).severity for signal in (BELOW, HIGH, BELOW, MEDIUM, BELOW)]
    assert [Severity.MEDIUM, Severity.HIGH, Severity.HIGH, Severity.MEDIUM, Severity.MEDIUM] == seen_as
    assert ["fired", "fired again"] == house.log.did


async def test_a_lower_step_is_shown_without_a_new_fire(house: House) -> None:
    """Another certificate that ends later, but soon."""
    first = await seen(house, certificate(4))
    await house.check(certificate(1, Severity.LOW))
    (better,) = await house.registry.list_unshown()
    assert (1, Severity.LOW, first.fired_at) == (better.step, better.severity, better.fired_at)
    assert ["fired"] == house.log.did


async def test_a_step_ends_an_acknowledgement_until_it_changes_but_none_until_a_time(house: House) -> None:
    alert = await seen(house, certificate(3))
    await house.registry.acknowledge(alert.number, "ana", house.now + timedelta(days=2), "op-1")
    assert AlertState.ACKNOWLEDGED is (await seen(house, certificate(4))).state
    assert AlertState.FIRING is (await seen(house, certificate(5, Severity.CRITICAL))).state
    await house.registry.acknowledge(alert.number, "ana", None, "op-2")
    assert AlertState.FIRING is (await seen(house, certificate(6, Severity.CRITICAL))).state


async def resolve(house: House, phrase: Phrase) -> Alert:
    house.now += timedelta(minutes=1)
    await house.registry.apply(
        HostChecked(
            host="host-a",
            at=house.now,
            judged=frozenset({Condition.CERTIFICATE}),
            resolutions=(Resolution(subject="certificate", phrase=phrase), Resolution(subject="other", phrase=Phrase("no"))),
        )
    )
    (ended,) = await house.registry.list_recent(house.now - timedelta(hours=1))
    return ended


async def test_a_resolved_alert_says_how_its_problem_ended_until_it_fires_again(house: House) -> None:
    await seen(house, certificate(3))
    renewed = Phrase("the certificate was renewed and now expires at {at}", at=Moment(house.now + timedelta(days=365)))
    ended = await resolve(house, renewed)
    assert (AlertState.RESOLVED, renewed) == (ended.state, ended.outcome)
    assert None is (await seen(house, certificate(3))).outcome


async def test_no_secret_gets_into_an_outcome(house: House) -> None:
    await seen(house, certificate(3))
    assert CANARY not in str((await resolve(house, Phrase("renewed by {name}", name=CANARY))).outcome)
