"""The chain itself, in memory: whatever is changed is found, and everything before it is counted."""

import random
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.store.audit_chain import AuditKey, StoredEvent, verify_chain
from bot.store.audit_head_file import INITIAL_MAC, Head
from bot.store.encoding import encode_time
from tests.bot.audit_log.files import KEY, NOW, OTHER


def chain(length: int, key: AuditKey = KEY) -> list[StoredEvent]:
    """A log in memory."""
    events: list[StoredEvent] = []
    for number in range(length):
        told = StoredEvent(0, "2026", "request", "ana", f"op-{number}", "{}", "", "", "")
        events.append(key.seal(told, events[-1] if events else None))
    return events


def heads(events: Sequence[StoredEvent]) -> list[Head]:
    return [
        Head(0, INITIAL_MAC, encode_time(NOW)),
        *(Head(event.sequence, event.mac, encode_time(NOW)) for event in events),
    ]


EVENTS = chain(8)
Change = Callable[[list[StoredEvent], random.Random], None]


def change_a_field(events: list[StoredEvent], chance: random.Random) -> None:
    place, name = (
        chance.randrange(len(events)),
        chance.choice(["at", "kind", "actor", "operation", "data", "key", "previous", "mac"]),
    )
    events[place] = events[place]._replace(**{name: getattr(events[place], name) + chance.choice(["x", " ", "\0", "0"])})


def move_text_to_the_next_field(events: list[StoredEvent], chance: random.Random) -> None:
    place = chance.randrange(len(events))
    event = events[place]
    events[place] = event._replace(actor=event.actor[:-1], operation=event.actor[-1] + event.operation)


def remove_some(events: list[StoredEvent], chance: random.Random) -> None:
    start = chance.randrange(len(events))
    del events[start : chance.randint(start + 1, len(events))]


def exchange_two(events: list[StoredEvent], chance: random.Random) -> None:
    one, other = chance.sample(range(len(events)), 2)
    events[one], events[other] = events[other], events[one]


def repeat_one(events: list[StoredEvent], chance: random.Random) -> None:
    events.insert(chance.randrange(len(events)), chance.choice(events))


def renumber_after_a_removal(events: list[StoredEvent], chance: random.Random) -> None:
    del events[chance.randrange(len(events) - 1)]
    events[:] = [event._replace(sequence=number) for number, event in enumerate(events, 1)]


def sign_anew_with_another_key(events: list[StoredEvent], chance: random.Random) -> None:
    place = chance.randrange(len(events))
    events[place] = OTHER.seal(events[place], events[place - 1] if place else None)


def sign_anew_with_the_right_key(events: list[StoredEvent], chance: random.Random) -> None:
    place = chance.randrange(len(events))
    events[place] = KEY.seal(events[place]._replace(actor="eve"), events[place - 1] if place else None)


CHANGES: list[Change] = [
    change_a_field,
    move_text_to_the_next_field,
    remove_some,
    exchange_two,
    repeat_one,
    renumber_after_a_removal,
    sign_anew_with_another_key,
    sign_anew_with_the_right_key,
]


@given(st.sampled_from(CHANGES), st.randoms(use_true_random=False))
def test_whatever_is_changed_is_found_and_what_came_before_is_counted(change: Change, chance: random.Random) -> None:
    events = list(EVENTS)
    change(events, chance)
    pairs = zip(events, EVENTS, strict=False)
    untouched = next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(events), len(EVENTS)))
    found = verify_chain(events, heads(EVENTS), [KEY])
    assert not found.intact
    assert found.count == untouched


def test_two_logs_of_the_same_key_cannot_be_joined() -> None:
    """Each event is well signed and well numbered, and the head file knows only the end."""
    other = [KEY.seal(EVENTS[0]._replace(actor="eve"), None)]
    for event in EVENTS[1:]:
        other.append(KEY.seal(event, other[-1]))
    joined = EVENTS[:4] + other[4:]
    found = verify_chain(joined, [heads([])[0], heads(joined)[-1]], [KEY])
    assert (found.count, "does not follow the previous one" in str(found.phrase)) == (4, True)


@given(st.sets(st.integers(1, 8)))
def test_heads_of_some_commits_are_enough_for_an_untouched_log(told: set[int]) -> None:
    some = [head for head in heads(EVENTS) if head.sequence in told | {0}]
    assert verify_chain(EVENTS, some, [KEY]).intact
