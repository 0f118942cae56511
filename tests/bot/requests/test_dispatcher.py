"""Where every request arrives: understood, judged, recorded, then done, and never silent."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from adapters.errors import FlatnetError, Refused, RequestError, Unreachable
from adapters.phrase import Listing, Phrase
from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.audit_log.log import MAX_RECORDED_LENGTH, EventKind
from bot.config.active_config import ActiveConfig
from bot.config.schedules import ScheduleConfig
from bot.model.output import DeliveredFile
from bot.model.request import (
    Answer,
    ExitCode,
    Failure,
    FailureKind,
    Membership,
    Request,
    SlackIdentity,
    Surface,
    SystemIdentity,
    derive_operation_id,
)
from bot.requests.authorization import make_failure
from bot.requests.dispatcher import REPEATED_REQUEST, Dispatcher
from bot.requests.handler_registry import HANDLERS
from commands.about import Doctor
from commands.catalogue import CATALOGUE
from commands.language.help import JAPANESE_NOUNS
from commands.model.finding import Finding, Severity
from commands.model.operation import CertificateRules, FleetRead, FleetView, Operation, OwnOperation, Role
from commands.model.report import Report
from commands.model.thresholds import Thresholds
from commands.values.normalize import MAX_REQUEST_LENGTH, normalize_characters
from tests.bot.keeping import CANARY, Kept
from tests.commands.canned import NOW, Said, container, host, view, windows, wsl
from tests.commands.cells import cell
from tests.commands.made_up import MADE_UP

ANA = Person(name="ana", slack=("U1ANA",), system=("ana",), roles=frozenset({Role.OPERATOR}))
A, B = host("host-a", 1), host("host-b", 2)


class Log:
    """An audit log in memory; it may have something to raise instead."""

    def __init__(self, error: Exception | None = None) -> None:
        self.events: list[tuple[EventKind, str, str, Mapping[str, Any]]] = []
        self._error = error

    async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
        if self._error is not None:
            raise self._error
        self.events.append((kind, actor, operation, data))


CLOCKWORK = ScheduleConfig("Asia/Tokyo", "C0OPS", "", ())


def config(said: Said | None = None) -> ActiveConfig:
    async def examine(asked: Doctor, view: FleetView) -> Report:
        return Report(title=Phrase("Doctor"), summary=Phrase("{n} hosts", n=len(view.fleet.inventory.hosts)))

    fleet = view(A, B, said=said).fleet
    return ActiveConfig(fleet, Policy((ANA,)), Thresholds(), CertificateRules(), examine, CLOCKWORK)


def desk(log: Log, *, said: Said | None = None, catalogue: tuple[type[Operation], ...] = CATALOGUE) -> Dispatcher:
    return Dispatcher(config(said), Kept().services(log, catalogue=catalogue), reference=lambda: "7f3a")


def request(text: str, *, user: str = "U1ANA", standing: Membership = Membership.MEMBER, key: str = "t.1") -> Request:
    return Request(
        key=key, identity=SlackIdentity("T1", user, standing), text=text, surface=Surface.SLACK, at=NOW, channel="C1"
    )


async def answered(text: str, **given: Any) -> tuple[Answer, Log]:
    log = Log()
    return await desk(log, said=given.pop("said", None)).handle(request(text, **given)), log


def report(answer: Answer) -> Report:
    assert isinstance(answer.body, Report)
    return answer.body


def refused(answer: Answer) -> Failure:
    assert isinstance(answer.body, Failure)
    return answer.body


@pytest.mark.parametrize(
    "typed",
    [
        "health --reason password=hunter2",
        "health --reason [redacted]",
        "health --reason “ｐａｓｓｗｏｒｄ＝ｈｕｎｔｅｒ２”",
    ],
)
async def test_a_secret_or_the_mark_in_its_place_is_refused_and_not_recorded(typed: str) -> None:
    """The mark is what is left of a command from Slack whose secret was withheld. Quoted text keeps its wide characters."""
    answer, log = await answered(typed)
    assert str(refused(answer).phrase).endswith("so nothing was done. Others may have seen it: change the secret")
    [(kind, _, _, event)] = log.events
    assert (EventKind.REFUSAL, "holds a secret") == (kind, event["rule"])
    assert "hunter2" not in normalize_characters(str(event))


async def test_a_request_is_understood_recorded_and_answered() -> None:
    answer, log = await answered("ｈｅａｌｔｈ host-b，host-a ––here")

    assert "all 2 hosts are healthy" == str(report(answer).summary)
    assert ("health host-b,host-a --here", True, ExitCode.WELL) == (answer.understood, answer.here, answer.exit_code)
    assert [
        (
            EventKind.REQUEST,
            "ana",
            derive_operation_id("t.1"),
            {
                "text": "health host-b,host-a --here",
                "understood": "health host-b,host-a --here",
                "rule": "role operator",
                "identity": "slack:T1/U1ANA",
                "surface": "slack",
                "channel": "C1",
                "key": "t.1",
            },
        )
    ] == log.events


async def test_findings_and_unreached_hosts_are_an_answer_and_not_an_error() -> None:
    said: Said = {("host-a", "windows"): windows(nebula="Stopped"), ("host-b", "wsl"): Unreachable(Phrase("no route"))}

    answer, _ = await answered("health", said=said)

    assert ExitCode.NOT_REACHED == answer.exit_code
    assert ["host-a", "host-b"] == [finding.host for finding in report(answer).findings]


async def test_a_delivered_file_is_recorded_with_its_hash_and_one_that_cannot_be_is_delivered_all_the_same() -> None:
    log, file = Log(), DeliveredFile.of("evidence.zip", b"evidence")
    await desk(log).record_delivery("op-1", file)
    hashed = "ee8250fb76e094b34b471f13a73dbbe51d1ae142e9df59d7c0d31ec20f0a0a8e"
    expected = {"file": "evidence.zip", "bytes": 8, "sha256": hashed}
    assert [(EventKind.EXPORT, "flatnet-bot", "op-1", expected)] == log.events
    await desk(Log(FlatnetError(Phrase("the disk is full")))).record_delivery("op-1", file)


async def test_nothing_typed_is_help() -> None:
    answer, _ = await answered("   ")

    assert "help" == answer.understood
    assert str(report(answer).summary).startswith("start with health, cert, log error. Run help TOPIC")


async def test_whoami_says_name_roles_and_what_may_be_asked() -> None:
    answer, _ = await answered("whoami")

    assert "you are ana (roles: operator)" == str(report(answer).summary)
    *told, words = [str(cell(report(answer), row, "value").text) for row in report(answer).rows]
    assert ["ana", "operator", "person ana"] == told
    assert {"health", "cert renew", "approve"} <= set(words.split(", "))
    assert "audit search" not in words


async def test_slack_and_the_terminal_give_one_actor() -> None:
    log = Log()
    await desk(log).handle(request("version"))
    await desk(log).handle(replace(request("version"), identity=SystemIdentity(uid=1000, name="ana"), surface=Surface.DO))

    assert ["ana", "ana"] == [actor for _, actor, _, _ in log.events]


async def test_version_names_the_release() -> None:
    answer, _ = await answered("version")

    assert str(report(answer).summary).startswith("flatnet-bot ")


async def test_help_words_that_are_not_known_are_shown_in_the_text() -> None:
    answer, _ = await answered("help helath")

    assert ((5, 11), ("help health", "help help")) == (refused(answer).span, refused(answer).suggestions)


@pytest.mark.parametrize(
    ("text", "understood", "span", "suggestions"),
    [
        ("helth “host-a”", 'helth "host-a"', (0, 5), ('health "host-a"', "help host")),
        ("helth hsot-b", "helth hsot-b", (0, 5), ("health host-b", "help host")),
        ("host-b", "host-b", (0, 6), ("health host-b", "service host-b", "cert host-b")),
        (
            "health hots-a ––details",
            "health hots-a --details",
            (7, 13),
            ("health host-a --details", "health host-b --details"),
        ),
        ("health host-a,hots-b", "health host-a,hots-b", (14, 20), ("health host-a,host-b", "health host-a,host-a")),
        ("health --detials", "health --detials", (7, 16), ("health --details",)),
        ("health hots-a,hsot-b", "health hots-a,hsot-b", (7, 13), ("health host-a,host-b", "health host-b,host-b")),
        ("health host-a,", "health host-a,", (7, 14), ()),
        ("health all extra", "health all,extra", (11, 16), ()),
        ("whoami now", "whoami now", (7, 10), ("whoami",)),
        ("🔥🔥🔥", "🔥🔥🔥", (0, 3), ("help",)),
        ("\u202ehelth\u200f", "helth", (0, 5), ("health", "help")),
        ("he\x00lth\x00", "helth", (0, 5), ("health", "help")),
        ('health "--all"', 'health "--all"', (8, 13), ()),
    ],
)
async def test_what_cannot_be_understood_is_answered_with_its_place_and_the_nearest_words(
    text: str, understood: str, span: tuple[int, int], suggestions: tuple[str, ...]
) -> None:
    answer, log = await answered(text)

    assert (understood, ExitCode.USAGE) == (answer.understood, answer.exit_code)
    assert (span, suggestions) == (refused(answer).span, refused(answer).suggestions)
    assert [EventKind.REQUEST] == [kind for kind, *_ in log.events]


async def test_four_thousand_characters_are_answered_and_recorded_in_short() -> None:
    answer, log = await answered("é" * MAX_REQUEST_LENGTH)

    assert ExitCode.USAGE == answer.exit_code
    assert MAX_RECORDED_LENGTH == len(log.events[0][3]["text"]) == len(log.events[0][3]["understood"])
    assert len(str(refused(answer).phrase)) < MAX_RECORDED_LENGTH
    assert "é" * (REPEATED_REQUEST - 1) + "…" == answer.understood
    assert ("help",) == refused(answer).suggestions


@pytest.mark.parametrize(
    ("text", "length", "span"),
    [
        ("health hots-a," + "host-b," * 60 + "host-a", REPEATED_REQUEST, (7, 13)),
        ("health " + "host-b," * 60 + "hots-a", REPEATED_REQUEST, None),
        ("health " + "host-b," * 20 + "hots-a", 153, (147, 153)),
    ],
)
async def test_a_failure_repeats_what_is_enough_to_know_the_request_again(
    text: str, length: int, span: tuple[int, int] | None
) -> None:
    """A place that was cut off with the rest is not shown; the phrase names the word."""
    answer, _ = await answered(text)

    assert (length, span) == (len(answer.understood), refused(answer).span)
    assert "hots-a" in str(refused(answer).phrase)


async def test_more_than_the_limit_is_refused_rather_than_cut() -> None:
    answer, _ = await answered("health " + "host-a," * MAX_REQUEST_LENGTH)

    assert "a command can have up to 4000 characters" == str(refused(answer).phrase)


@pytest.mark.parametrize(
    ("user", "standing", "rule"),
    [
        ("U9", Membership.STRANGER, "stranger"),
        ("U9", Membership.GUEST, "guest"),
        ("U9", Membership.UNKNOWN, "unknown"),
        ("U1ANA", Membership.STRANGER, "stranger"),
    ],
)
@pytest.mark.parametrize("text", ["health hots-a", "helth", "help", "", "whoami"])
async def test_whoever_is_refused_learns_of_no_host_and_no_command_and_is_recorded(
    text: str, user: str, standing: Membership, rule: str
) -> None:
    answer, log = await answered(text, user=user, standing=standing, said={("host-a", "windows"): RuntimeError("asked")})

    assert (ExitCode.REFUSED, (), None) == (answer.exit_code, refused(answer).suggestions, refused(answer).span)
    assert "host-a" not in answer.model_dump_json().replace(text, "")
    assert [(EventKind.REFUSAL, f"slack:T1/{user}", rule)] == [
        (kind, who, data["rule"]) for kind, who, _, data in log.events
    ]


@pytest.mark.parametrize("text", ["log collect", "logs gather now", "log collect --tail=5", "log collect --here=yes"])
async def test_a_missing_role_is_refused_before_any_argument_is_complained_of(text: str) -> None:
    """Who may not ask for it learns which role it needs, and nothing of its arguments and options."""
    log = Log()

    answer = await desk(log, catalogue=MADE_UP).handle(request(text, user="U7"))

    assert Failure(
        kind=FailureKind.REFUSED,
        phrase=Phrase(
            "{words} requires one of these roles: {needed} (yours: {roles}). Ask {people}",
            words="log collect",
            needed=Listing(("operator",)),
            roles=Listing(("viewer",)),
            people=Phrase("{text}", text="ana"),
        ),
    ) == refused(answer)
    assert (text, ExitCode.REFUSED) == (answer.understood, answer.exit_code)
    assert [EventKind.REFUSAL] == [kind for kind, *_ in log.events]


async def test_help_for_what_is_not_permitted_shows_no_option_of_it() -> None:
    answer = await desk(Log(), catalogue=MADE_UP).handle(request("log collect --help", user="U7"))

    assert "Help for log" == str(report(answer).title)


class Full(FlatnetError):
    """An audit log without room."""


@pytest.mark.parametrize("text", ["health", "helth", "whoami"])
async def test_what_cannot_be_recorded_is_not_done(text: str) -> None:
    log = Log(Full(Phrase("no room left; make room on that disk")))
    answer = await desk(log, said={("host-a", "windows"): RuntimeError("asked")}).handle(request(text))

    assert "could not write to the audit log, so nothing was done: no room left; make room on that disk" == str(
        refused(answer).phrase
    )
    assert ExitCode.INTERNAL == answer.exit_code


async def test_a_request_that_is_handled_again_is_not_said_to_be_undone() -> None:
    """The bot was killed after it had begun; what it did before is not known to the second attempt."""
    log = Log(Full(Phrase("no room left")))
    answer = await desk(log).handle(replace(request("health"), attempt=2))

    assert (
        "could not write to the audit log, so the command was not run again: no room left. It may have been run before. "
        "Check with op before you repeat it"
    ) == str(refused(answer).phrase)


async def test_a_bug_in_the_audit_log_stops_the_request_too_and_has_a_reference() -> None:
    with capture_logs() as logs:
        answer = await desk(Log(OSError("bug"))).handle(request("health"))

    assert str(refused(answer).phrase).startswith("could not write to the audit log, so nothing was done")
    assert "7f3a" == refused(answer).reference == logs[0]["reference"]


async def test_a_bug_is_logged_with_the_reference_that_the_person_sees() -> None:
    with capture_logs() as logs:
        answer, log = await answered("health", said={("host-a", "wsl"): ZeroDivisionError("secret detail")})

    assert "unexpected error (reference 7f3a). Give this reference to your administrator" == str(refused(answer).phrase)
    assert "secret" not in answer.model_dump_json()
    assert [("error", "7f3a", answer.operation)] == [(e["log_level"], e["reference"], e["operation"]) for e in logs]
    assert [EventKind.REQUEST] == [kind for kind, *_ in log.events]


async def test_cancelling_ends_a_request_without_an_answer() -> None:
    waiting = asyncio.Event()

    class Slow(Log):
        async def record(self, kind: EventKind, actor: str, operation: str, data: Mapping[str, Any]) -> None:
            waiting.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(desk(Slow()).handle(request("health")))
    await waiting.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_hosts_answer_stays_data() -> None:
    """Rendering escapes it (`bot.rendering`); nothing here may have changed or run it."""
    evil = container("<!channel> `web`", "exited", 1)

    answer, _ = await answered("health host-a", said={("host-a", "wsl"): wsl(A, containers=(evil,))})

    assert str(report(answer).findings[0].why).startswith("<!channel> `web` exited with code 1. ")


@pytest.mark.parametrize(
    ("surface", "channel", "allowed"),
    [
        (Surface.SLACK, "", False),
        (Surface.SLACK, "D0ANA", False),
        (Surface.SLACK, "C0OTHER", False),
        (Surface.SLACK, "C0OPS", True),
        (Surface.SHELL, "", True),
        (Surface.DO, "", True),
    ],
)
async def test_what_is_for_the_terminal_is_not_open_where_slack_names_no_channel(
    surface: Surface, channel: str, allowed: bool
) -> None:
    """The home tab and forms know no channel; that is not the terminal."""
    at = desk(Log())
    grant = Grant(operations=("health",), roles=frozenset({Role.OPERATOR}), channels=("C0OPS", "shell"))
    at.config = replace(at.config, policy=Policy((ANA,), grants=(grant,)))

    answer = await at.handle(replace(request("health"), surface=surface, channel=channel))

    assert (Report if allowed else Failure) is type(answer.body)


async def test_a_reload_holds_for_the_next_request() -> None:
    log = Log()
    front = desk(log)
    front.config = replace(front.config, policy=Policy())

    answer = await front.handle(replace(request("health"), identity=SystemIdentity(uid=1000, name="ana")))

    assert ExitCode.REFUSED == answer.exit_code


def test_the_same_delivery_is_the_same_operation() -> None:
    assert derive_operation_id("t.1") == derive_operation_id("t.1") != derive_operation_id("t.2")
    assert "op-" == derive_operation_id("\ud800")[:3]
    assert 15 == len(derive_operation_id(""))


async def test_doctor_looks_at_the_fleet_that_the_request_began_with() -> None:
    answer, log = await answered("doctor")

    assert ("2 hosts", ExitCode.WELL) == (str(report(answer).summary), answer.exit_code)
    assert ["doctor"] == [data["understood"] for *_, data in log.events]


async def test_seeing_an_answer_again_needs_the_right_to_ask_and_only_a_refusal_is_recorded() -> None:
    """The role may have gone since; nothing is asked of any host either way."""
    log = Log()
    house = desk(log, catalogue=MADE_UP)

    assert None is await house.check_refusal(request("log collect"))
    assert [] == log.events
    refused = await house.check_refusal(request("log collect", user="U2BOB"))
    assert refused is not None
    assert FailureKind.REFUSED is refused.kind
    assert ["refusal"] == [kind for kind, *_ in log.events]


async def test_an_answer_about_a_host_that_is_gone_needs_the_right_on_all_hosts() -> None:
    """Nobody knows any more which labels it had; who asks anew is told that there is no such host."""
    house = desk(Log())
    only_osaka = Grant(operations=("health",), roles=frozenset({Role.OPERATOR}), labels=("osaka",))
    house.config = replace(house.config, policy=Policy((ANA,), grants=(only_osaka,)))

    again = await house.check_refusal(request("health host-gone"))
    anew = await house.handle(request("health host-gone"))

    assert again is not None
    assert (FailureKind.REFUSED, FailureKind.USAGE) == (again.kind, refused(anew).kind)


def test_every_operation_of_the_bots_own_has_a_handler() -> None:
    assert set(HANDLERS) == {operation for operation in CATALOGUE if issubclass(operation, OwnOperation)}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RequestError(Phrase("mend it")), FailureKind.USAGE),
        (Refused(Phrase("not now")), FailureKind.REFUSED),
        (Full(Phrase("no room")), FailureKind.INTERNAL),
        (Unreachable(Phrase("no route")), FailureKind.INTERNAL),
    ],
)
def test_a_foreseen_error_is_shown_in_its_own_words(error: FlatnetError, kind: FailureKind) -> None:
    assert Failure(kind=kind, phrase=error.phrase) == make_failure(error, "health")


ANSWERED = frozenset({"health", "help", "whoami", "version", "can"})
"""First words of commands that the canned hosts of these tests can answer."""

NOT_ANSWERED = frozenset(
    word.casefold()
    for operation in CATALOGUE
    for words in (operation.words, *operation.aliases)
    for word in (words[0], *(typed for typed, noun in JAPANESE_NOUNS.items() if noun == words[0]))
    if words[0] not in ANSWERED
)


def reads_more_than_health(text: str) -> bool:
    """Whether a command stands in it that they cannot answer. Hypothesis knows the words of the source code."""
    return any(word in text.casefold() for word in NOT_ANSWERED)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80).filter(lambda text: not reads_more_than_health(text)))
def test_any_text_is_answered_and_recorded_once(text: str) -> None:
    answer, log = asyncio.run(answered(text))

    assert answer == Answer.model_validate_json(answer.model_dump_json())
    assert 1 == len(log.events)
    assert ExitCode.INTERNAL != answer.exit_code


async def test_a_secret_that_somebody_types_is_refused_and_kept_nowhere() -> None:
    """Neither the audit log nor the answer repeats it; the person learns to change it."""
    answer, log = await answered(f"health {CANARY}")

    assert FailureKind.REFUSED is refused(answer).kind
    assert "change the secret" in str(refused(answer).phrase)
    assert CANARY not in answer.model_dump_json()
    assert CANARY not in str(log.events)
    assert [EventKind.REFUSAL] == [kind for kind, *_ in log.events]


@pytest.mark.parametrize("standing", [Membership.GUEST, Membership.STRANGER, Membership.UNKNOWN])
async def test_a_secret_that_somebody_unknown_types_is_kept_nowhere_either(standing: Membership) -> None:
    answer, log = await answered(f"health {CANARY}", user="U9", standing=standing)

    assert FailureKind.REFUSED is refused(answer).kind
    assert CANARY not in answer.model_dump_json()
    assert CANARY not in str(log.events)
    assert [EventKind.REFUSAL] == [kind for kind, *_ in log.events]


class Peek(FleetRead):
    """Reads a line of a log."""

    words: ClassVar = ("peek",)
    summary: ClassVar = Phrase("a line of a log")
    example: ClassVar = "peek"

    async def read(self, view: FleetView) -> Report:
        return Report(title=Phrase("Log"), summary=Phrase("{line}", line=view.redact("Aa" * 32)))


async def test_a_line_of_a_key_goes_from_a_log_even_alone() -> None:
    answer = await desk(Log(), catalogue=(*CATALOGUE, Peek)).handle(request("peek"))
    assert "[redacted]" == str(report(answer).summary)


class Advise(FleetRead):
    """Offers something that operators may do, and something that everybody may."""

    words: ClassVar = ("advise",)
    summary: ClassVar = Phrase("what to do next")
    example: ClassVar = "advise"

    async def read(self, view: FleetView) -> Report:
        why = Phrase("Nebula is stopped")
        wrong = Finding(severity=Severity.HIGH, host="host-a", subject="nebula", why=why, next="service start nebula host-a")
        offered = ("service start nebula host-a", "health host-a")
        return Report(title=Phrase("Advice"), summary=why, findings=(wrong,), next=offered)


@pytest.mark.parametrize(("user", "offered"), [("U7", 0), ("U1ANA", 1)], ids=["viewer", "operator"])
async def test_an_answer_offers_only_what_its_reader_may_use(user: str, offered: int) -> None:
    """No button that would be refused; what is wrong is said all the same."""
    answer = await desk(Log(), catalogue=(*CATALOGUE, Advise)).handle(request("advise", user=user))

    assert (1, offered) == (
        len(report(answer).findings),
        sum(finding.next is not None for finding in report(answer).findings),
    )
    assert ("service start nebula host-a", "health host-a")[1 - offered :] == report(answer).next
    asks = [str(finding.ask) for finding in report(answer).findings if finding.ask is not None]
    assert [[], ["start Nebula on host-a: ask ana"]][1 - offered] == asks
