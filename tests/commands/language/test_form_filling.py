"""Fields of a form become words, or are told what is wrong with them."""

import pytest

from adapters.inventory import Inventory
from commands.about import PermissionCheck, Version
from commands.catalogue import CATALOGUE
from commands.health.operation import Health
from commands.incidents.operations import IncidentResolve
from commands.language.form_filling import (
    FormInput,
    build_form,
    fill_form,
    find_confirmation,
    find_form,
    find_missing,
    must_ask_first,
)
from commands.language.grammar import parse_operation, render_operation
from commands.logs import operations as logs
from commands.model.operation import Operation
from commands.values.normalize import normalize_text
from tests.commands.canned import host
from tests.commands.made_up import MADE_UP, LogRead

HOSTS = Inventory(hosts=(host("host-a", 1), host("host-b", 2)))


def test_all_that_an_operation_takes_is_a_field() -> None:
    form = build_form(LogRead)
    assert ["source", "target", "newest_first", "here"] == [argument.field for argument in form.arguments]
    assert ["target"] == [argument.field for argument in form.arguments if form.is_target(argument)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (FormInput({}), "health"),
        (FormInput({"target": ("host-b",)}), "health host-b"),
        (FormInput({"target": ("host-b", "host-a")}, ("details", "here")), "health host-b,host-a --details --here"),
    ],
)
def test_fields_become_canonical_words(given: FormInput, words: str) -> None:
    assert words == fill_form(build_form(Health), given, CATALOGUE, HOSTS)


def test_full_width_letters_and_digits_of_an_input_method_are_understood() -> None:
    given = FormInput({"source": ("ｎｅｂｕｌａ",), "tail": ("６０",), "since": ("９：０５",)})
    assert "log nebula --tail 60 --since 09:05" == fill_form(build_form(logs.LogRead), given, CATALOGUE, HOSTS)


def test_a_typed_text_keeps_its_full_width_signs_in_a_form_and_in_quotes() -> None:
    """What is searched for is what was typed, and the words that stand for it are read as it again."""
    given = FormInput({"source": ("ｅｒｒｏｒ",), "grep": ("エラー：接続",)}, ("fixed",))
    words = 'log error --grep "エラー：接続" --fixed'
    assert words == fill_form(build_form(logs.LogRead), given, CATALOGUE, HOSTS)
    for typed in (words, "log error --grep “エラー：接続” —fixed"):
        operation = parse_operation(normalize_text(typed), CATALOGUE, CATALOGUE)
        assert isinstance(operation, logs.LogRead)
        assert ("エラー：接続", words) == (operation.grep, render_operation(operation))


def test_a_reason_keeps_its_text_and_a_command_of_several_words_is_split() -> None:
    was, asked = ("“502” の原因：証明書 `host-a`",), ("alice",)
    words = 'incident resolve "“502” の原因：証明書 `host-a`"'
    assert words == fill_form(build_form(IncidentResolve), FormInput({"was": was}), CATALOGUE, HOSTS)
    given = FormInput({"person": asked, "request": ("ｈｅａｌｔｈ　host-a",)})
    assert "can alice health host-a" == fill_form(build_form(PermissionCheck), given, CATALOGUE, HOSTS)


def test_what_is_wrong_stands_at_its_field() -> None:
    wrong = fill_form(build_form(Health), FormInput({"target": ("host-x",)}), CATALOGUE, HOSTS)
    assert isinstance(wrong, dict)
    assert ["target"] == list(wrong)
    assert "no host or label named host-x." in str(wrong["target"])


def test_a_required_field_that_is_empty_is_asked_for() -> None:
    wrong = fill_form(build_form(LogRead), FormInput({"target": ("host-a",)}), MADE_UP, HOSTS)
    assert isinstance(wrong, dict)
    assert ["source"] == list(wrong)


def test_words_that_lack_one_argument_ask_for_just_that() -> None:
    form = find_missing("logs --newest-first", MADE_UP)
    assert form is not None
    assert (LogRead, ["source"]) == (form.operation, [argument.field for argument in form.arguments])
    assert "log nebula --newest-first" == fill_form(form, FormInput({"source": ("nebula",)}), MADE_UP, HOSTS)


def test_words_that_need_one_of_several_arguments_ask_for_all_that_is_open() -> None:
    form = find_missing("cert renew --reason late", CATALOGUE)
    assert form is not None
    assert ["target", "due"] == [argument.field for argument in form.arguments]
    assert "cert renew host-a --reason late" == fill_form(form, FormInput({"target": ("host-a",)}), CATALOGUE, HOSTS)
    assert "cert renew --due 14d --reason late" == fill_form(form, FormInput({"due": ("14d",)}), CATALOGUE, HOSTS)
    assert None is find_missing("cert renew host-a", CATALOGUE)
    assert None is find_missing("cert renew --due", CATALOGUE)


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ('incident open "502" host-a --alert 4', ["severity"]),
        ('incident resolve "a cable"', ["although"]),
    ],
)
def test_the_form_that_confirms_offers_what_its_operation_offers(words: str, fields: list[str]) -> None:
    form = find_confirmation(words, CATALOGUE)
    assert form is not None
    assert fields == [argument.field for argument in form.arguments]


@pytest.mark.parametrize("text", ["log nebula", "version", "nonsense", "", "log collect"])
def test_where_nothing_is_missing_nothing_is_asked(text: str) -> None:
    assert None is find_missing(text, MADE_UP)


def test_an_operation_that_takes_nothing_has_only_what_all_take() -> None:
    assert ["here"] == [argument.field for argument in build_form(Version).arguments]
    assert "version" == fill_form(build_form(Version), FormInput({}), MADE_UP, HOSTS)


RUN_AT_A_TAP = """
alert, alert show, approval, approval show, audit export, audit search, audit show, audit verify, backup, backup show,
backup verify, ca backup, ca backup verify, ca rotation, ca show, can, cert, cert export, cert show,
container, container show, copies, digest, disk, doctor,
escalation, forwarding, gateway, gateway test, health, help, host, host discover, host show, incident,
incident report, incident show,
ipam, lock, log, log collect, maintenance, op, op show, owed, peer, report monthly, report weekly, route, schedule, service,
silence, sync, update, version, whoami
"""
"""The operations that a button runs at once. A new one belongs here only if it changes nothing, in the bot neither."""


def test_only_these_operations_run_at_a_tap() -> None:
    names = sorted(" ".join(operation.words) for operation in CATALOGUE if operation.runs_at_a_tap())
    assert " ".join(RUN_AT_A_TAP.split()).split(", ") == names


@pytest.mark.parametrize("operation", CATALOGUE, ids=lambda operation: "-".join(operation.words))
def test_whatever_else_opens_a_form_that_becomes_the_same_request(operation: type[Operation]) -> None:
    """With and without its arguments, and by each of its names."""
    for name in (operation.words, *operation.aliases):
        words = " ".join(name)
        example = words + operation.example.removeprefix(" ".join(operation.words))
        lacks = find_missing(words, CATALOGUE) is not None
        changes = not operation.runs_at_a_tap()
        assert [changes, changes or lacks] == [must_ask_first(each, CATALOGUE) for each in (example, words)]
        form = find_form(example, CATALOGUE)
        assert operation.runs_at_a_tap() is (form is None)
        if form is not None:
            assert operation.example == fill_form(form, FormInput({}), CATALOGUE, HOSTS)


def test_a_form_that_confirms_asks_for_what_was_left_open() -> None:
    form = find_confirmation("service start nebula host-a --dry-run", CATALOGUE)
    assert form is not None
    assert ["reason", "break_glass", "here"] == [argument.field for argument in form.arguments]
    words = "service start nebula host-a --dry-run --reason storm"
    assert words == fill_form(form, FormInput({"reason": ("storm",)}), CATALOGUE, HOSTS)


@pytest.mark.parametrize("text", ["", "nonsense", "lock add host-a 2h", "lock add host-a soon why", "health", "x" * 5_000])
def test_nothing_is_confirmed_that_would_not_change_anything(text: str) -> None:
    assert None is find_confirmation(text, CATALOGUE)
