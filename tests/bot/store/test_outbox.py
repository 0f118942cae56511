"""The outbox: order within a conversation, the last state of an edit, and the truth about what may have been sent."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from bot.store.condition import find_oldest_waiting
from bot.store.database import Database
from bot.store.errors import TooLarge
from bot.store.inbox import Delivery, Inbox
from bot.store.outbox import MAX_DUE, Outbox
from bot.store.outbox_values import NO_MESSAGE_PLACE, DuePosts, MessagePlace, Post, PostState, Route
from tests.bot.store.conftest import Clock, break_table, mend_table


@pytest.fixture
def outbox(database: Database, clock: Clock) -> Outbox:
    return Outbox(database, clock)


@pytest.fixture
def post(clock: Clock) -> Callable[..., Post]:
    def make(text: str = "hello", channel: str = "C1") -> Post:
        return Post("op-1", channel, Route.POST, {"channel": channel}, {"text": text, "blocks": []}, clock())

    return make


@pytest.fixture
def edit(clock: Clock) -> Callable[..., Post]:
    def make(text: str, ts: str = "1.1") -> Post:
        return Post("op-1", "C1", Route.UPDATE, {"channel": "C1", "ts": ts}, {"text": text}, clock())

    return make


Make = Callable[..., Post]


async def due(outbox: Outbox) -> list[str]:
    return [post.message["text"] for post in (await outbox.find_due()).due]


async def test_a_message_comes_back_as_it_was_kept(outbox: Outbox, post: Make, clock: Clock) -> None:
    number = await outbox.add(post())
    assert await outbox.find_due() == DuePosts((replace(post(), id=number, next_try_at=clock()),), None)


async def test_the_oldest_message_that_is_not_confirmed_is_found(
    database: Database, outbox: Outbox, post: Make, clock: Clock
) -> None:
    assert await find_oldest_waiting(database) is None
    at, number = clock(), await outbox.add(post())
    clock.pass_by(minutes=3)
    later, _ = clock(), await outbox.add(post("again"))
    assert at == await find_oldest_waiting(database)
    await outbox.begin_sending([number])
    assert at == await find_oldest_waiting(database)
    await outbox.mark_sent(number)
    assert later == await find_oldest_waiting(database)


@pytest.mark.parametrize("broken", ["INSERT ON outbox", "UPDATE ON inbox"])
async def test_an_answer_is_kept_and_its_delivery_finished_together_or_not_at_all(
    database: Database, outbox: Outbox, post: Make, clock: Clock, broken: str
) -> None:
    inbox = Inbox(database)
    await inbox.add(Delivery("trigger-1", "command", {}, clock()))
    await database.run(lambda connection: break_table(connection, broken))
    with pytest.raises(IntegrityError):
        await outbox.add(post(), "trigger-1")
    await database.run(lambda connection: mend_table(connection, broken))
    assert await outbox.find_due() == DuePosts((), None)
    assert ["trigger-1"] == [delivery.key for delivery in await inbox.list_unfinished()]
    await outbox.add(post(), "trigger-1")
    assert await due(outbox) == ["hello"]
    assert await inbox.list_unfinished() == ()


async def test_a_conversation_is_sent_in_order_and_others_do_not_wait(outbox: Outbox, post: Make) -> None:
    first = await outbox.add(post("one"))
    await outbox.add(post("two"))
    await outbox.add(post("elsewhere", "C2"))
    assert await due(outbox) == ["one", "elsewhere"]
    await outbox.begin_sending([first])
    assert await due(outbox) == ["elsewhere"]
    assert await outbox.mark_sent(first, "1.1")
    assert await due(outbox) == ["two", "elsewhere"]


async def test_what_is_to_be_tried_again_holds_its_conversation_until_its_time(
    outbox: Outbox, post: Make, clock: Clock
) -> None:
    first = await outbox.add(post("one"))
    await outbox.add(post("two"))
    await outbox.begin_sending([first])
    await outbox.mark_failed(first, "ratelimited", clock() + timedelta(seconds=30))
    assert await outbox.find_due() == DuePosts((), clock() + timedelta(seconds=30))
    clock.pass_by(seconds=30)
    assert await due(outbox) == ["one"]


async def test_what_is_given_up_lets_the_next_one_go_and_is_remembered(outbox: Outbox, post: Make) -> None:
    first = await outbox.add(post("one"))
    await outbox.add(post("two"))
    await outbox.begin_sending([first])
    await outbox.mark_failed(first, "channel_not_found", None)
    assert await due(outbox) == ["two"]
    (lost,) = await outbox.list_undeliverable()
    assert (lost.id, lost.state, lost.why, lost.attempts) == (first, PostState.UNDELIVERABLE, "channel_not_found", 1)


async def test_a_message_may_be_kept_for_later(outbox: Outbox, post: Make, clock: Clock) -> None:
    await outbox.add(replace(post(), next_try_at=clock() + timedelta(seconds=3)))
    assert await due(outbox) == []
    clock.pass_by(seconds=3)
    assert await due(outbox) == ["hello"]


async def test_an_edit_takes_the_place_of_a_waiting_one_of_the_same_message(outbox: Outbox, edit: Make) -> None:
    first = await outbox.add(edit("10%"))
    other = await outbox.add(edit("other message", ts="2.2"))
    assert await outbox.add(edit("20%")) == first
    assert await outbox.add(edit("30%")) == first
    (begun,) = await outbox.begin_sending([first])
    assert begun.message["text"] == "30%"
    await outbox.mark_sent(first)
    assert [post.id for post in (await outbox.find_due()).due] == [other]


async def test_an_edit_that_is_on_its_way_is_followed_by_the_next_one(outbox: Outbox, edit: Make) -> None:
    """Replacing it now would lose the newer state: it is sent already."""
    first = await outbox.add(edit("10%"))
    await outbox.begin_sending([first])
    second = await outbox.add(edit("done"))
    assert second != first
    await outbox.mark_sent(first)
    assert await due(outbox) == ["done"]


async def test_an_edit_that_failed_and_its_successor_both_get_the_newest_state(
    outbox: Outbox, edit: Make, clock: Clock
) -> None:
    first = await outbox.add(edit("10%"))
    await outbox.begin_sending([first])
    second = await outbox.add(edit("20%"))
    await outbox.mark_failed(first, "ratelimited", clock())
    assert await outbox.add(edit("done")) == second
    for number in (first, second):
        assert await due(outbox) == ["done"]
        await outbox.begin_sending([number])
        await outbox.mark_sent(number)


async def test_two_new_messages_of_the_same_words_are_two(outbox: Outbox, post: Make) -> None:
    assert await outbox.add(post()) != await outbox.add(post())


async def test_a_message_begins_once(outbox: Outbox, post: Make) -> None:
    number = await outbox.add(post())
    begun = replace(post(), id=number, next_try_at=post().made_at, state=PostState.SENDING, attempts=1)
    assert [await outbox.begin_sending([number, 99]), await outbox.begin_sending([number])] == [(begun,), ()]


async def test_a_crash_while_sending_leaves_it_maybe_sent(path: Path, clock: Clock, post: Make) -> None:
    database = Database.open(path)
    sending, waiting = (
        await Outbox(database, clock).add(post("on its way")),
        await Outbox(database, clock).add(post("waits", "C2")),
    )
    await Outbox(database, clock).begin_sending([sending])
    await database.aclose()
    database = Database.open(path)
    outbox = Outbox(database, clock)
    assert await outbox.recover_interrupted() == 1
    assert {found.id: found.maybe_sent for found in (await outbox.find_due()).due} == {sending: True, waiting: False}
    await database.aclose()


async def test_a_message_may_be_kept_as_one_that_is_being_sent(outbox: Outbox, post: Make) -> None:
    number = await outbox.add(replace(post(), state=PostState.SENDING, attempts=1))
    assert await due(outbox) == []
    assert await outbox.recover_interrupted() == 1
    (found,) = (await outbox.find_due()).due
    assert (number, True, 1) == (found.id, found.maybe_sent, found.attempts)


async def test_once_maybe_sent_stays_so_until_it_is_sent(outbox: Outbox, post: Make, clock: Clock) -> None:
    number = await outbox.add(post())
    await outbox.begin_sending([number])
    await outbox.mark_failed(number, "timeout", clock(), maybe_sent=True)
    await outbox.begin_sending([number])
    await outbox.mark_failed(number, "ratelimited", clock())
    (found,) = (await outbox.find_due()).due
    assert (found.maybe_sent, found.attempts, found.why) == (True, 2, "ratelimited")


async def test_a_late_word_about_a_message_that_has_ended_changes_nothing(outbox: Outbox, post: Make, clock: Clock) -> None:
    number = await outbox.add(post())
    await outbox.begin_sending([number])
    await outbox.mark_sent(number, "1.1")
    await outbox.mark_failed(number, "timeout", clock())
    assert await outbox.find_due() == DuePosts((), None)


async def test_what_has_ended_is_forgotten_after_seven_days_and_what_waits_never(
    outbox: Outbox, post: Make, clock: Clock
) -> None:
    sent, lost = await outbox.add(post("sent", "C1")), await outbox.add(post("lost", "C2"))
    await outbox.add(post("waits", "C3"))
    for number in (sent, lost):
        await outbox.begin_sending([number])
    await outbox.mark_sent(sent)
    await outbox.mark_failed(lost, "is_archived", None)
    clock.pass_by(days=7)
    assert await outbox.prune() == 0
    clock.pass_by(seconds=1)
    assert await outbox.prune() == 2
    assert (await outbox.list_undeliverable(), await due(outbox)) == ((), ["waits"])


async def test_the_message_that_an_edit_replaces_is_found_by_its_operation(outbox: Outbox, post: Make, edit: Make) -> None:
    """After a crash, too: its first message for all, and Slack's name for it once it was sent."""
    assert 0 == await outbox.find_row("op-1")
    first = await outbox.add(post())
    await outbox.add(edit("newer"))
    await outbox.add(post("another"))
    assert first == await outbox.find_row("op-1")
    assert (None, NO_MESSAGE_PLACE) == (await outbox.find_place(first), await outbox.find_place(999))
    await outbox.begin_sending([first])
    await outbox.mark_sent(first, "1.1")
    assert MessagePlace("C1", "1.1") == await outbox.find_place(first)


async def test_an_edit_and_an_answer_wait_for_the_message_that_they_belong_to_whatever_lane_they_are_in(
    outbox: Outbox, post: Make, edit: Make
) -> None:
    """They go by themselves from then on: an edit that waits for its time holds up no answer."""
    card = await outbox.add(post("card"))
    await outbox.add(replace(edit("edit"), conversation="edits", address={"channel": "C1", "replaces": card}))
    await outbox.add(replace(post("reply"), conversation="below", address={"channel": "C1", "below": card}))
    assert ["card"] == await due(outbox)
    await outbox.begin_sending([card])
    assert [] == await due(outbox)
    assert await outbox.mark_sent(card, "1.1")
    assert ["edit", "reply"] == await due(outbox)


async def test_what_comes_after_a_message_waits_for_it_and_for_what_it_edits(outbox: Outbox, post: Make, edit: Make) -> None:
    """An end of a progress line waits for the answer, and a word about an answer waits for the edit that brings it."""
    progress = await outbox.add(post("progress"))
    gone = replace(edit("gone"), conversation="edits", address={"channel": "C1", "replaces": progress})
    answer = await outbox.add(replace(post("answer"), conversation="C1:1"), sequels=[gone])
    assert ["progress", "answer"] == await due(outbox)
    await outbox.begin_sending([progress, answer])
    await outbox.mark_sent(progress, "1.1")
    assert [] == await due(outbox)
    await outbox.mark_sent(answer, "1.2")
    assert ["gone"] == await due(outbox)


async def test_what_comes_after_a_message_is_stored_with_it_or_not_at_all(outbox: Outbox, post: Make) -> None:
    too_large = replace(post("word"), message={"text": "x" * 70_000, "blocks": []})
    with pytest.raises(TooLarge):
        await outbox.add(post("answer"), sequels=[too_large])
    assert [] == await due(outbox)


async def test_what_belongs_to_a_message_that_was_given_up_goes_all_the_same(outbox: Outbox, post: Make) -> None:
    card = await outbox.add(post("card"))
    await outbox.add(replace(post("reply"), conversation="below", address={"channel": "C1", "below": card}))
    await outbox.begin_sending([card])
    await outbox.mark_failed(card, "channel_not_found", None)
    assert ["reply"] == await due(outbox)


async def test_a_message_that_was_posted_anew_is_edited_there_from_then_on(outbox: Outbox, post: Make) -> None:
    card = await outbox.add(post("card"))
    await outbox.move_to(card, MessagePlace("C1", "9.9"))
    assert None is await outbox.find_place(card)  # it is still to be sent
    await outbox.begin_sending([card])
    await outbox.mark_sent(card, "1.1")
    await outbox.move_to(card, MessagePlace("C2", "2.2"))
    assert MessagePlace("C2", "2.2") == await outbox.find_place(card)


async def test_whether_a_message_was_added_is_known_by_its_operation(outbox: Outbox, post: Make) -> None:
    assert not await outbox.has_message("op-1")
    await outbox.add(post())
    assert await outbox.has_message("op-1")


async def test_where_a_message_is_is_known_once_it_has_ended(outbox: Outbox, post: Make) -> None:
    there, elsewhere, direct = [await outbox.add(post(channel=channel)) for channel in ("C1", "C2", "C3")]
    assert None is await outbox.find_place(there)
    await outbox.begin_sending([there, elsewhere, direct])
    await outbox.mark_sent(there, "1.1")
    await outbox.mark_sent(elsewhere, "2.2", "C9")
    await outbox.mark_sent(direct)  # to one person instead
    assert [MessagePlace("C1", "1.1"), MessagePlace("C9", "2.2"), NO_MESSAGE_PLACE] == [
        await outbox.find_place(row) for row in (there, elsewhere, direct)
    ]


@pytest.fixture
def page(clock: Clock) -> Callable[..., Post]:
    """A message of an alert, or what follows from it."""

    def make(text: str, name: str = "alert-1", route: Route = Route.POST, **address: object) -> Post:
        place = f"C1:{name}" if route is Route.POST else f"C1:edits of {address['replaces']}"
        return Post(name, place, route, {"channel": "C1", **address}, {"text": text, "blocks": []}, clock())

    return make


async def test_messages_of_alerts_are_due_before_older_ones_of_others(outbox: Outbox, post: Make, page: Make) -> None:
    for channel in range(MAX_DUE):
        await outbox.add(post(f"chatter {channel}", f"C{channel}"))
    await outbox.add(page("Nebula stopped"))
    assert ["Nebula stopped", "chatter 0"] == (await due(outbox))[:2]
    assert MAX_DUE == len(await due(outbox))


async def test_a_new_alert_is_due_before_the_edits_of_many_others(outbox: Outbox, page: Make) -> None:
    for number in range(1, MAX_DUE + 1):
        await outbox.add(page(f"edit {number}", f"alert-{number}", Route.UPDATE, replaces=1000 + number))
    await outbox.add(page("Nebula stopped", "alert-new"))
    assert ["Nebula stopped", "edit 1"] == (await due(outbox))[:2]


async def test_a_message_that_waits_gets_its_newest_content_and_its_waiting_edits_are_dropped(
    outbox: Outbox, page: Make
) -> None:
    row = await outbox.add(page("firing"))
    await outbox.begin_sending([row])
    await outbox.add(page("firing on 2 hosts", route=Route.UPDATE, replaces=row))
    await outbox.mark_failed(row, "service_unavailable", page("").made_at)
    assert row == await outbox.find_waiting("alert-1")
    assert await outbox.rewrite(row, {"text": "resolved", "blocks": []})
    [begun] = await outbox.begin_sending([row])
    await outbox.mark_sent(row, "1.1")
    assert ("resolved", []) == (begun.message["text"], await due(outbox))


@pytest.mark.parametrize("sent", [False, True])
async def test_a_message_that_is_on_its_way_or_was_sent_is_not_rewritten(outbox: Outbox, page: Make, sent: bool) -> None:
    row = await outbox.add(page("firing"))
    await outbox.begin_sending([row])
    if sent:
        await outbox.mark_sent(row, "1.1")
    assert 0 == await outbox.find_waiting("alert-1")
    assert not await outbox.rewrite(row, {"text": "resolved", "blocks": []})


async def test_what_waits_is_withdrawn_by_the_begin_of_its_name(outbox: Outbox, page: Make) -> None:
    row = await outbox.add(page("firing", "alert-1"))
    await outbox.begin_sending([row])
    await outbox.add(page("fires", "alert-1:word:1"))
    await outbox.add(page("second step", "alert-1:second:1"))
    await outbox.add(page("another", "alert-2"))
    assert 1 == await outbox.withdraw("alert-1:word")
    assert 1 == await outbox.withdraw("alert-1")
    assert ["another"] == await due(outbox)
    assert (True, False) == (await outbox.has_message("alert-1"), await outbox.has_message("alert-1:word:1"))


@pytest.mark.parametrize("message", ["alert-1", "incident-1-status-1"])
async def test_a_message_that_is_edited_for_long_is_kept_and_its_replies_are_not(
    outbox: Outbox, page: Make, clock: Clock, message: str
) -> None:
    for name in (message, f"{message}:word:1"):
        row = await outbox.add(page("firing", name))
        await outbox.begin_sending([row])
        await outbox.mark_sent(row, "1.1")
    clock.pass_by(days=8)
    assert 1 == await outbox.prune()
    assert await outbox.has_message(message)
    clock.pass_by(days=393)
    assert 1 == await outbox.prune()
