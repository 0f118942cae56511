"""When a read is answered by the process that stays, when that is replaced, and when a host gets none for a while."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from adapters.errors import ActionFailed, AuthenticationFailed, DeadlineExceeded, HostError, ProtocolError, Unreachable
from adapters.phrase import Phrase
from adapters.windows.powershell import HOST_IDLE_SECONDS, HOST_REQUESTS_LIMIT
from adapters.windows.resident import IDLE_LIMIT, LONGEST_PAUSE, PAUSE_SECONDS, REQUESTS_LIMIT, Pause
from adapters.windows.session import SHELL_AGE_LIMIT, SHELL_COMMANDS_LIMIT, SHELL_IDLE_SECONDS, ShellSession
from tests.adapters.windows.test_session import Clock, FakeWire, broken, perform, used_up
from tests.adapters.windows.winrm_host import Change, Say, echo
from tests.lab.windows.powershell import Asked


@dataclass
class Seat:
    """A session over a fake wire, at a clock that a test moves."""

    wire: FakeWire
    clock: Clock
    session: ShellSession

    def ask(self, action: Say) -> object:
        """Perform an action and clean up, as the executor does."""
        try:
            return perform(self.session, self.clock, action)
        finally:
            if not self.session.is_clean:
                self.session.clean_up()

    def fail(self, kind: type[HostError], action: Say) -> None:
        with pytest.raises(kind):
            self.ask(action)


def seat_at(wire: FakeWire) -> Seat:
    clock = Clock()
    return Seat(wire, clock, ShellSession(wire, clock, Pause(clock)))


@pytest.fixture
def seat() -> Seat:
    return seat_at(FakeWire())


def refused() -> ActionFailed:
    return ActionFailed(Phrase("no"), code="995", maybe_ran=False)


def test_the_host_ends_a_process_a_little_later_than_the_bot_does() -> None:
    assert IDLE_LIMIT + 60 <= HOST_IDLE_SECONDS < SHELL_IDLE_SECONDS
    assert REQUESTS_LIMIT < HOST_REQUESTS_LIMIT


def test_reads_share_one_process_and_each_change_has_its_own(seat: Seat) -> None:
    for action in (Say(), Say(), Change(), Say(), Change()):
        seat.ask(action)
    assert ["stays", "alone", "alone"] == seat.wire.started


def test_after_a_read_there_is_nothing_to_clean_up(seat: Seat) -> None:
    perform(seat.session, seat.clock, Say())
    assert seat.session.is_clean
    assert ["open", "start", "send", "receive"] == seat.wire.messages


def test_after_a_change_its_process_is_still_to_be_ended(seat: Seat) -> None:
    perform(seat.session, seat.clock, Change())
    assert not seat.session.is_clean


def test_an_answer_in_pieces_is_read_to_the_end_of_its_frame() -> None:
    class Dripping(FakeWire):
        left = b""

        def receive_output(self, shell: str, command: str) -> tuple[bytes, bytes, bool]:
            if not self.left:
                self.left, _, _ = super().receive_output(shell, command)
            piece, self.left = self.left[:3], self.left[3:]
            return piece, b"", False

    seat = seat_at(Dripping())
    assert ["a", "b"] == [seat.ask(Say(what=what)) for what in ("a", "b")]
    assert ["stays"] == seat.wire.started


def test_a_process_is_ended_after_its_last_request_and_the_next_read_starts_another(seat: Seat) -> None:
    for _ in range(REQUESTS_LIMIT):
        seat.ask(Say())
    assert (["stays"], "end") == (seat.wire.started, seat.wire.messages[-1])
    seat.ask(Say())
    assert ["stays", "stays"] == seat.wire.started


@pytest.mark.parametrize(
    ("seconds", "messages"),
    [
        (IDLE_LIMIT, ["send", "receive"]),
        (IDLE_LIMIT + 1, ["end", "start", "send", "receive"]),
        (SHELL_IDLE_SECONDS + 1, ["open", "start", "send", "receive"]),
        (SHELL_AGE_LIMIT + 1, ["open", "start", "send", "receive"]),
    ],
)
def test_a_process_that_may_have_ended_by_itself_is_not_used(seat: Seat, seconds: float, messages: list[str]) -> None:
    seat.ask(Say())
    seat.wire.messages.clear()
    seat.clock.now += seconds
    seat.ask(Say())
    assert messages == seat.wire.messages


def test_a_process_ends_with_its_shell(seat: Seat) -> None:
    began = seat.clock.now
    while seat.clock.now <= began + SHELL_AGE_LIMIT:
        seat.ask(Say())
        seat.clock.now += IDLE_LIMIT
    seat.wire.messages.clear()
    seat.ask(Say())
    assert ["delete", "open", "start", "send", "receive"] == seat.wire.messages


ENDS: dict[str, Callable[[FakeWire], None]] = {
    "is not started": lambda wire: wire.failures.update(start=[refused()]),
    "ends before the request": lambda wire: wire.failures.update(send=[refused()]),
    "ends without an answer": lambda wire: wire.ends_at.add(1),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_where_no_process_stays_a_read_has_its_own_and_none_is_tried_for_a_while(
    seat: Seat, end: Callable[[FakeWire], None]
) -> None:
    end(seat.wire)
    assert [1, 2] == [seat.ask(Say(what=what)) for what in (1, 2)]
    seat.clock.now += PAUSE_SECONDS - 1
    seat.ask(Say())
    assert ["alone"] * 3 == seat.wire.started[-3:]
    seat.clock.now += 2
    seat.ask(Say())
    assert "stays" == seat.wire.started[-1]


def test_each_pause_is_twice_as_long_as_the_one_before_up_to_a_day_and_an_answer_makes_it_short_again() -> None:
    clock = Clock()
    pause = Pause(clock)

    def measure() -> float:
        began = clock.now
        pause.begin()
        while not pause.is_over():
            clock.now += 60.0
        return clock.now - began

    assert [600.0, 1_200.0, 2_400.0] == [measure() for _ in range(3)]
    assert LONGEST_PAUSE == [measure() for _ in range(8)][-1]
    pause.reset()
    assert PAUSE_SECONDS == measure()


def test_answers_count_as_commands_of_the_shell_because_hosts_may_count_their_messages(seat: Seat) -> None:
    for _ in range(SHELL_COMMANDS_LIMIT + 2):
        seat.ask(Say())
    assert 2 == seat.wire.messages.count("open")


@pytest.mark.parametrize("known", [True, False], ids=["known", "forgotten"])
def test_a_process_that_died_between_two_reads_is_given_back(seat: Seat, known: bool) -> None:
    seat.ask(Say())
    seat.wire.messages.clear()
    seat.wire.failures = {"send": [refused()], "end": [] if known else [refused()]}
    assert 1 == seat.ask(Say(what=1))
    assert ["send", "end", "start", "send", "receive", "end"] == seat.wire.messages


def test_the_pause_of_a_host_outlives_its_session() -> None:
    clock = Clock()
    pause = Pause(clock)
    for wire in (FakeWire(ends_at={1}), FakeWire()):
        Seat(wire, clock, ShellSession(wire, clock, pause)).ask(Say())
    assert ["alone"] == wire.started


def test_a_process_that_has_never_answered_is_not_replaced_at_once(seat: Seat) -> None:
    """Else a host on which none can work would cost each read its deadline."""
    seat.wire.failures["receive"] = [DeadlineExceeded(Phrase("late"))]
    seat.fail(DeadlineExceeded, Say())
    seat.ask(Say())
    assert ["stays", "alone"] == seat.wire.started


@pytest.mark.parametrize("failure", [DeadlineExceeded, ProtocolError])
def test_a_process_that_failed_ends_with_its_shell_and_is_replaced(seat: Seat, failure: type[HostError]) -> None:
    seat.ask(Say())
    seat.wire.failures["receive"] = [failure(Phrase("no"))]
    seat.fail(failure, Say())
    assert "delete" == seat.wire.messages[-1]
    assert 1 == seat.ask(Say(what=1))
    assert ["stays", "stays"] == seat.wire.started


def test_a_lost_connection_is_no_reason_for_a_pause(seat: Seat) -> None:
    seat.wire.failures["receive"] = [broken()]
    assert 1 == seat.ask(Say(what=1))
    assert ["stays", "stays"] == seat.wire.started


def test_a_login_that_expired_between_two_reads_is_not_tried_again(seat: Seat) -> None:
    seat.ask(Say())
    seat.wire.messages.clear()
    seat.wire.failures["send"] = [AuthenticationFailed(Phrase("no"))]
    seat.fail(AuthenticationFailed, Say())
    assert ["send", "hang up"] == seat.wire.messages
    seat.ask(Say())
    assert ["stays", "stays"] == seat.wire.started


def test_the_answer_to_another_request_is_none_and_ends_the_process(seat: Seat) -> None:
    seat.ask(Say(what="old"))
    late = [Asked("f" * 16, "", {"what": "old"})]
    seat.wire.answers = lambda asked: echo(late.pop() if late else asked).stdout.encode()
    seat.fail(ProtocolError, Say(what="new"))
    assert "delete" == seat.wire.messages[-1]
    assert "new" == seat.ask(Say(what="new"))


def test_an_answer_with_output_behind_it_counts_and_ends_the_process(seat: Seat) -> None:
    seat.wire.answers = lambda asked: echo(asked).stdout.encode() + b"bye"
    assert 1 == seat.ask(Say(what=1))
    assert "end" == seat.wire.messages[-1]


def test_output_before_an_answer_is_noise(seat: Seat) -> None:
    seat.wire.answers = lambda asked: b"WARNING: no\r\n" + echo(asked).stdout.encode()
    assert [1, 2] == [seat.ask(Say(what=what)) for what in (1, 2)]
    assert ["stays"] == seat.wire.started


def test_an_answer_that_cannot_be_unpacked_ends_the_process(seat: Seat) -> None:
    seat.wire.answers = lambda asked: f"<<FLATNET:{asked.nonce}:AAAA:END>>".encode()
    seat.fail(ProtocolError, Say())
    assert "end" == seat.wire.messages[-1]


def test_a_script_that_failed_leaves_the_process_in_place(seat: Seat) -> None:
    document = {"ok": False, "error": {"message": "no", "type": "System.Exception", "id": "No"}}
    seat.wire.answers = lambda asked: asked.framed(document).encode()
    seat.fail(ActionFailed, Say())
    seat.fail(ActionFailed, Say())
    assert ["stays"] == seat.wire.started


def test_a_change_takes_the_place_of_the_process_that_stays_if_the_host_allows_one_only(seat: Seat) -> None:
    seat.ask(Say())
    seat.wire.messages.clear()
    seat.wire.failures["start"] = [refused()]
    assert 1 == seat.ask(Change(what=1))
    assert ["start", "end", "start", "send", "receive", "end"] == seat.wire.messages
    seat.ask(Say())
    assert ["stays", "alone", "alone"] == seat.wire.started


def test_a_change_is_refused_where_no_process_stands_in_its_way(seat: Seat) -> None:
    seat.wire.failures["start"] = [refused()]
    seat.fail(ActionFailed, Change())


def test_a_used_up_shell_is_replaced_for_a_read_too(seat: Seat) -> None:
    seat.wire.failures["start"] = [used_up()]
    assert 1 == seat.ask(Say(what=1))
    assert (["stays"], 2) == (seat.wire.started, seat.wire.messages.count("open"))


def test_a_change_that_hangs_takes_the_process_that_stays_with_its_shell(seat: Seat) -> None:
    seat.ask(Say())
    seat.wire.failures = {"receive": [DeadlineExceeded(Phrase("late"))]}
    seat.fail(DeadlineExceeded, Change())
    assert "delete" == seat.wire.messages[-1]
    seat.ask(Say())
    assert ["stays", "alone", "stays"] == seat.wire.started


def test_thousands_of_reads_leave_nothing_behind(seat: Seat) -> None:
    reads = 10 * REQUESTS_LIMIT
    for n in range(reads):
        assert n == seat.ask(Say(what=n))
    counts = {message: seat.wire.messages.count(message) for message in ("open", "delete", "start", "end")}
    assert {"open": 5, "delete": 4, "start": 13, "end": 8} == counts
    assert 2 * reads + sum(counts.values()) == len(seat.wire.messages)
    grown = [name for name, value in vars(seat.session).items() if isinstance(value, list | dict | set | bytes)]
    assert [] == grown


def test_a_connection_that_never_worked_is_the_failure_of_the_read(seat: Seat) -> None:
    seat.wire.failures["open"] = [broken()]
    seat.fail(Unreachable, Say())
    assert [] == seat.wire.started
