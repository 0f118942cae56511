"""When a shell is used again, renewed, given up, and when a script may be sent twice."""

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.errors import (
    ActionFailed,
    AuthenticationFailed,
    DeadlineExceeded,
    HostError,
    HostIdentityError,
    NotAsked,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
)
from adapters.phrase import Phrase
from adapters.windows.resident import Pause
from adapters.windows.session import PIECE_SIZE, SHELL_AGE_LIMIT, SHELL_COMMANDS_LIMIT, SHELL_IDLE_SECONDS, ShellSession
from adapters.windows.winrm_errors import OPERATIONS_QUOTA
from tests.adapters.windows.winrm_host import Change, ChangeOnce, Say, echo
from tests.lab.windows.powershell import Asked

NONCE = "0123456789abcdef"

LONG = base64.b85encode(random.Random(7).randbytes(3 * PIECE_SIZE)).decode()
"""Text that packing makes no shorter: it goes in several pieces."""


@dataclass
class FakeWire:
    """Keeps the contract of `ShellTransport`: carries out what it is told, notes it, and fails where a test says so.

    `failures` by message: the failure of its next uses, None for one that goes well. `started` has the kinds of processes.
    One that stays ends at a request in `ends_at`, counted from 1.
    """

    end: float = 0.0
    worked: bool = False
    messages: list[str] = field(default_factory=list)
    failures: dict[str, list[HostError | None]] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    ends_at: set[int] = field(default_factory=set)
    asked: int = 0
    stdin: bytes = b""
    answers: Callable[[Asked], bytes] = lambda asked: echo(asked).stdout.encode()

    def open_shell(self, idle_seconds: int) -> str:
        self._note("open")
        return f"shell-{self.messages.count('open')}"

    def start_command(self, shell: str) -> str:
        return self._start("alone")

    def start_resident(self, shell: str) -> str:
        return self._start("stays")

    def send_input(self, shell: str, command: str, piece: bytes, last: bool) -> None:
        self._note("send")
        self.stdin = piece if self.stdin.endswith(b"\n") else self.stdin + piece

    def receive_output(self, shell: str, command: str) -> tuple[bytes, bytes, bool]:
        self._note("receive")
        if command.startswith("alone"):
            return self.answers(Asked.read(self.stdin)), b"", True
        self.asked += 1
        if self.asked in self.ends_at:
            return b"", b"", True
        return self.answers(Asked.read(self.stdin)), b"", False

    def end_command(self, shell: str, command: str) -> None:
        self._note("end")

    def delete_shell(self, shell: str) -> None:
        self._note("delete")

    def disconnect(self) -> None:
        self.messages.append("hang up")
        self.worked = False

    def abort(self) -> None:
        self.messages.append("cut")

    def _start(self, kind: str) -> str:
        self._note("start")
        self.started.append(kind)
        self.stdin = b""
        return f"{kind}-{len(self.started)}"

    def _note(self, message: str) -> None:
        self.messages.append(message)
        failure = self.failures[message].pop(0) if self.failures.get(message) else None
        if failure is not None:
            raise failure
        self.worked = True


class Clock:
    """Monotonic time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def broken() -> Unreachable:
    return Unreachable(Phrase("broken"))


def used_up() -> ActionFailed:
    return ActionFailed(Phrase("used up"), code=OPERATIONS_QUOTA, maybe_ran=False)


@pytest.fixture
def wire() -> FakeWire:
    return FakeWire()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def session(wire: FakeWire, clock: Clock) -> ShellSession:
    return ShellSession(wire, clock, Pause(clock))


def perform(session: ShellSession, clock: Clock, action: Say) -> Any:
    return session.perform(action, NONCE, clock() + action.deadline)


def test_the_first_action_opens_a_shell(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    assert 1 == perform(session, clock, Say(what=1))
    assert ["open", "start", "send", "receive"] == wire.messages


def test_tidying_up_gives_the_command_of_a_change_back_once(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    perform(session, clock, Change())
    session.clean_up()
    session.clean_up()
    assert 1 == wire.messages.count("end")


@pytest.mark.parametrize(
    ("action", "messages"), [(Say(), ["send", "receive"]), (Change(), ["start", "send", "receive"])], ids=["read", "change"]
)
def test_the_next_action_uses_the_same_shell_and_a_read_the_same_process(
    session: ShellSession, clock: Clock, wire: FakeWire, action: Say, messages: list[str]
) -> None:
    perform(session, clock, action)
    session.clean_up()
    wire.messages.clear()
    perform(session, clock, action)
    assert messages == wire.messages


def test_closing_deletes_the_shell_and_hangs_up(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    perform(session, clock, Say())
    wire.messages.clear()
    session.close()
    assert ["delete", "hang up"] == wire.messages


def test_a_shell_is_renewed_after_an_hour(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    began = clock.now
    perform(session, clock, Say())
    while clock.now < began + SHELL_AGE_LIMIT:
        clock.now += SHELL_IDLE_SECONDS - 1
        perform(session, clock, Say())
    assert (2, 1) == (wire.messages.count("open"), wire.messages.count("delete"))


def test_a_shell_is_renewed_after_its_commands(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    for _ in range(SHELL_COMMANDS_LIMIT + 1):
        perform(session, clock, Change())
    assert (2, 1) == (wire.messages.count("open"), wire.messages.count("delete"))


def test_a_shell_that_its_host_has_ended_by_now_is_forgotten(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    perform(session, clock, Say())
    clock.now += SHELL_IDLE_SECONDS + 1
    perform(session, clock, Say())
    assert (2, 0) == (wire.messages.count("open"), wire.messages.count("delete"))


def test_a_long_request_goes_in_pieces(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    assert LONG == perform(session, clock, Say(what=LONG))
    assert (len(wire.stdin) + PIECE_SIZE - 1) // PIECE_SIZE == wire.messages.count("send") > 2


def test_more_output_than_any_answer_is_not_read_on(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    class SayLittle(Say):
        output_limit = 64_000

    wire.answers = lambda asked: b"x" * 64_001
    with pytest.raises(ProtocolError, match="larger than 64000 bytes"):
        perform(session, clock, SayLittle())
    session.clean_up()
    assert "delete" == wire.messages[-1]


@pytest.mark.parametrize("message", ["start", "send", "receive"])
@pytest.mark.parametrize("action", [Say(what=1), Change(what=1)], ids=["read", "repeatable change"])
def test_what_may_be_repeated_is_sent_again_in_a_new_shell(
    session: ShellSession, clock: Clock, wire: FakeWire, message: str, action: Say
) -> None:
    wire.failures[message] = [broken()]
    assert 1 == perform(session, clock, action)
    assert ["hang up", "delete", "open"] == [name for name in wire.messages if name in ("hang up", "delete", "open")][1:]


@pytest.mark.parametrize(("message", "kind"), [("start", None), ("send", OutcomeUnknown), ("receive", OutcomeUnknown)])
def test_what_must_not_be_done_twice_is_sent_again_only_if_it_cannot_have_begun(
    session: ShellSession, clock: Clock, wire: FakeWire, message: str, kind: type[HostError] | None
) -> None:
    wire.failures[message] = [broken()]
    if kind is None:
        assert 1 == perform(session, clock, ChangeOnce(what=1))
        return
    with pytest.raises(kind):
        perform(session, clock, ChangeOnce())
    assert 1 == wire.messages.count("start")


def test_pieces_before_the_last_have_not_begun_anything(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    wire.failures["send"] = [None, broken()]
    assert LONG == perform(session, clock, ChangeOnce(what=LONG))


def test_a_change_is_not_repeated_unless_its_first_shell_is_gone(
    session: ShellSession, clock: Clock, wire: FakeWire
) -> None:
    wire.failures = {"receive": [broken()], "delete": [broken()]}
    with pytest.raises(OutcomeUnknown):
        perform(session, clock, Change())


@pytest.mark.parametrize("message", ["open", "send"])
def test_a_repeated_change_that_could_not_be_sent_again_may_still_have_been_made(
    session: ShellSession, clock: Clock, wire: FakeWire, message: str
) -> None:
    """The first one was sent; that the second one was not, or not whole, says nothing of it."""
    perform(session, clock, Change(what=LONG))
    pieces = wire.messages.count("send")
    wire.failures = {"receive": [broken()], message: [None] * (pieces if message == "send" else 0) + [broken()]}
    with pytest.raises(OutcomeUnknown):
        perform(session, clock, Change(what=LONG))


@pytest.mark.parametrize(("action", "kind"), [(Say(), NotAsked), (Change(), OutcomeUnknown)], ids=["read", "change"])
def test_what_the_bot_lacks_after_a_change_was_sent_leaves_its_outcome_unknown(
    session: ShellSession, clock: Clock, wire: FakeWire, action: Say, kind: type[HostError]
) -> None:
    wire.failures = {"receive": [NotAsked(Phrase("no open files left"))]}
    with pytest.raises(kind):
        perform(session, clock, action)


def test_nothing_is_sent_a_third_time(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    wire.failures["receive"] = [broken(), broken()]
    with pytest.raises(Unreachable):
        perform(session, clock, Say())
    assert 2 == wire.messages.count("start")


def test_a_host_that_never_answered_is_not_asked_again(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    wire.failures["open"] = [broken()]
    with pytest.raises(Unreachable):
        perform(session, clock, Say())
    assert ["open", "hang up"] == wire.messages


def test_a_used_up_shell_is_replaced_once(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    wire.failures["start"] = [used_up()]
    assert 1 == perform(session, clock, ChangeOnce(what=1))
    wire.failures["start"] = [used_up(), used_up()]
    with pytest.raises(ActionFailed):
        perform(session, clock, Say())


@pytest.mark.parametrize(
    "failure",
    [
        DeadlineExceeded(Phrase("late")),
        ProtocolError(Phrase("odd")),
        ActionFailed(Phrase("no"), code="42", maybe_ran=False),
    ],
    ids=lambda failure: failure.kind,
)
@pytest.mark.parametrize(("action", "maybe_ran"), [(Say(), False), (Change(), True)], ids=["read", "change"])
def test_after_the_script_was_sent_a_change_may_have_been_made(
    session: ShellSession, clock: Clock, wire: FakeWire, failure: HostError, action: Say, maybe_ran: bool
) -> None:
    wire.failures["receive"] = [type(failure)(failure.phrase, maybe_ran=False)]
    with pytest.raises(type(failure)) as caught:
        perform(session, clock, action)
    assert maybe_ran == caught.value.maybe_ran


def test_a_session_that_was_given_up_does_not_try_again(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    wire.failures["receive"] = [broken()]
    session.abort()
    with pytest.raises(Unreachable):
        perform(session, clock, Say())
    assert 1 == wire.messages.count("start")


@pytest.mark.parametrize("kind", [AuthenticationFailed, HostIdentityError])
def test_at_a_door_that_is_shut_nothing_more_is_tried(
    session: ShellSession, clock: Clock, wire: FakeWire, kind: type[HostError]
) -> None:
    perform(session, clock, Change())
    wire.messages.clear()
    wire.failures["start"] = [kind(Phrase("no"))]
    with pytest.raises(kind):
        perform(session, clock, Change())
    session.clean_up()
    session.close()
    assert ["start", "hang up", "hang up"] == wire.messages


def test_a_shell_that_cannot_be_tidied_is_left_to_its_idle_time_out(
    session: ShellSession, clock: Clock, wire: FakeWire
) -> None:
    perform(session, clock, Change())
    wire.failures["end"] = [broken()]
    session.clean_up()
    assert 1 == perform(session, clock, Say(what=1))
    assert 2 == wire.messages.count("open")


def test_calls_after_the_answer_have_a_short_time_of_their_own(session: ShellSession, clock: Clock, wire: FakeWire) -> None:
    perform(session, clock, Say())
    clock.now += Say.deadline
    session.clean_up()
    assert clock.now < wire.end < clock.now + 5
