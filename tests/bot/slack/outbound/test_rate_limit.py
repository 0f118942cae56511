"""Budgets for sending."""

from bot.slack.outbound import rate_limit as pace
from bot.slack.outbound.rate_limit import RateLimiter
from tests.bot.slack.conftest import Time


def test_a_burst_goes_at_once_and_then_one_each_interval(time: Time) -> None:
    budget = RateLimiter(3, 1.0, time.monotonic)
    waits = []
    for _ in range(5):
        wait = budget.get_wait("C1")
        waits.append(wait)
        time.move(wait)
        budget.take("C1")
    assert [0.0, 0.0, 0.0, 1.0, 1.0] == waits


def test_a_budget_fills_again_in_time_but_never_beyond_the_burst(time: Time) -> None:
    budget = RateLimiter(2, 1.0, time.monotonic)
    budget.take("C1")
    budget.take("C1")
    time.move(60)
    budget.take("C1")
    budget.take("C1")
    assert 1.0 == budget.get_wait("C1")


def test_each_key_has_a_budget_of_its_own(time: Time) -> None:
    budget = RateLimiter(1, 3.0, time.monotonic)
    budget.take("C1")
    assert (3.0, 0.0) == (budget.get_wait("C1"), budget.get_wait("C2"))


def test_what_is_full_again_is_forgotten(time: Time) -> None:
    budget = RateLimiter(1, 1.0, time.monotonic)
    for number in range(pace.MAX_KEYS):
        budget.take(f"C{number}")
    time.move(2)
    budget.take("C")
    assert 1 == len(budget._full_at)
