"""Viewers of home tabs: a change is published to them, seldom, and always the last one."""

from bot.slack.inbound.home_tab import FAILURE_PAUSE, MAX_VIEWERS, MEMORY, PUBLISH_PAUSE, HomeViewers


class Seconds:
    """Seconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def viewing(*users: str) -> tuple[HomeViewers, Seconds]:
    """Tabs that were opened and published at zero."""
    seconds = Seconds()
    viewers = HomeViewers(seconds)
    for user in users:
        viewers.record_opening("T1", user)
        viewers.record_publication(user)
    return viewers, seconds


def test_a_change_is_due_ten_seconds_after_the_last_publication() -> None:
    viewers, seconds = viewing("U1")
    viewers.record_change()
    seconds.now = PUBLISH_PAUSE - 0.1
    assert () == viewers.list_due()
    seconds.now = PUBLISH_PAUSE
    assert (("T1", "U1"),) == viewers.list_due()


def test_many_changes_are_one_publication_and_the_last_one_is_never_lost() -> None:
    viewers, seconds = viewing("U1")
    published = []
    for second in range(61):
        seconds.now = float(second)
        if second <= 45:
            viewers.record_change()
        for _, user in viewers.list_due():
            viewers.record_publication(user)
            published.append(second)
    assert [10, 20, 30, 40, 50] == published


def test_without_a_change_nothing_is_due() -> None:
    viewers, seconds = viewing("U1")
    seconds.now = MEMORY / 2
    assert () == viewers.list_due()


def test_what_the_person_does_counts_as_a_publication() -> None:
    """The tab was published at a press, with everything that had changed by then."""
    viewers, seconds = viewing("U1")
    viewers.record_change()
    seconds.now = 8.0
    viewers.record_publication("U1")
    seconds.now = PUBLISH_PAUSE
    assert () == viewers.list_due()


def test_opening_a_tab_again_keeps_the_pause() -> None:
    viewers, seconds = viewing("U1")
    seconds.now = 5.0
    viewers.record_opening("T1", "U1")
    viewers.record_change()
    assert () == viewers.list_due()


def test_a_publication_that_failed_is_tried_again_later() -> None:
    viewers, seconds = viewing("U1")
    viewers.record_failure("U1")
    seconds.now = FAILURE_PAUSE - 0.1
    assert () == viewers.list_due()
    seconds.now = FAILURE_PAUSE
    assert (("T1", "U1"),) == viewers.list_due()


def test_who_opened_their_tab_a_day_ago_is_forgotten() -> None:
    viewers, seconds = viewing("U1", "U2")
    seconds.now = MEMORY - 1
    viewers.record_opening("T1", "U2")
    assert viewers.forget_former()
    seconds.now = MEMORY
    assert viewers.forget_former()
    viewers.record_change()
    seconds.now = MEMORY + PUBLISH_PAUSE
    assert (("T1", "U2"),) == viewers.list_due()
    seconds.now = 2 * MEMORY
    assert not viewers.forget_former()


def test_only_so_many_are_remembered() -> None:
    viewers, seconds = viewing(*(f"U{number}" for number in range(MAX_VIEWERS + 5)))
    viewers.record_change()
    seconds.now = PUBLISH_PAUSE
    due = viewers.list_due()
    assert (MAX_VIEWERS, ("T1", "U5")) == (len(due), due[0])
