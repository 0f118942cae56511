"""Tab offers what could stand at the cursor, and nothing that the catalogue or the inventory does not have."""

from datetime import UTC, datetime

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from adapters.inventory import Inventory, JoiningHost
from bot.terminal.completion import CommandCompleter
from commands.catalogue import CATALOGUE
from commands.language.help import OperationClasses
from tests.commands.canned import host
from tests.commands.made_up import MADE_UP

INVENTORY = Inventory(hosts=(host("host-a", 1, labels=("tokyo",)), host("host-b", 2, labels=("tokyo",)), host("other", 3)))


def lines(typed: str, catalogue: OperationClasses = CATALOGUE) -> list[str]:
    """The whole lines that Tab would make of what is typed."""
    completions = CommandCompleter(INVENTORY, catalogue).get_completions(Document(typed), CompleteEvent())
    return [typed[: len(typed) + completion.start_position] + completion.text for completion in completions]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("d", ["deny", "digest", "disk", "doctor"]),
        ("he", ["health", "help"]),
        ("  HE", ["  health", "  help"]),
        ("who", ["who", "whoami"]),
        ("who ", ["who am"]),
        ("who am ", ["who am i"]),
        ("nonsense", []),
        ("nonsense ", []),
        ("help w", ["help who", "help whoami"]),
        ("help who a", ["help who am"]),
        (
            "host ",
            [
                "host add",
                "host discover",
                "host edit",
                "host rehearse",
                "host remove",
                "host resume",
                "host show",
                "host suspend",
                "host --here",
            ],
        ),
        ("cert renew ho", ["cert renew host-a", "cert renew host-b"]),
        ("cert renew --d", ["cert renew --due", "cert renew --dry-run"]),
        ("silence add l", ["silence add label:tokyo", "silence add lighthouse"]),
        ("silence add host-a,d", ["silence add host-a,disk", "silence add host-a,digest"]),
        (
            "silence add host-a/c",
            [
                "silence add host-a/container",
                "silence add host-a/clock",
                "silence add host-a/certificate",
                "silence add host-a/ca_key",
                "silence add host-a/change",
            ],
        ),
        ("silence add au", ["silence add authority"]),
        ("silence add host-a 2h ho", []),
        ("maintenance add t", ["maintenance add tokyo"]),
    ],
)
def test_commands_are_completed_word_by_word_and_so_are_other_names_for_them(typed: str, offered: list[str]) -> None:
    assert offered == lines(typed)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (
            "health ",
            [
                "health all",
                "health host-a",
                "health host-b",
                "health other",
                "health tokyo",
                "health --details",
                "health --here",
            ],
        ),
        ("health host-", ["health host-a", "health host-b"]),
        ("health host-a,", ["health host-a,all", "health host-a,host-b", "health host-a,other", "health host-a,tokyo"]),
        ("health host-a、o", ["health host-a、other"]),
        ("health host-a, host-", ["health host-a, host-b"]),
        ("health host-a tok", ["health host-a tokyo"]),
        ("health --details ho", ["health --details host-a", "health --details host-b"]),
        ("version o", []),
    ],
)
def test_hosts_and_labels_are_completed_where_a_target_may_stand_each_once(typed: str, offered: list[str]) -> None:
    assert offered == lines(typed)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("health -", ["health --details", "health --here"]),
        ("health --details --", ["health --details --here"]),
        ("health host-a --d", ["health host-a --details"]),
        ("--d", []),
    ],
)
def test_options_are_those_of_the_command_each_once(typed: str, offered: list[str]) -> None:
    assert offered == lines(typed)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("log ", ["log collect", "log gather", "log --newest-first", "log --here"]),
        ("log nebula ho", ["log nebula host-a", "log nebula host-b"]),
        ("log nebula host-a --new", ["log nebula host-a --newest-first"]),
        ("log collect ", ["log collect --here"]),
        ("help log g", ["help log gather"]),
        ("health ", []),
    ],
)
def test_a_new_operation_is_completed_as_it_stands(typed: str, offered: list[str]) -> None:
    assert offered == lines(typed, MADE_UP)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("host add ", ["host add new"]),
        ("host rehearse n", ["host rehearse new"]),
        ("host show host-a,n", ["host show host-a,new"]),
        ("disk n", []),
    ],
)
def test_a_host_that_is_being_added_is_offered_to_commands_of_hosts_alone(typed: str, offered: list[str]) -> None:
    new = JoiningHost(name="new", id=4, since=datetime(2026, 11, 30, tzinfo=UTC), by="tanaka")
    completer = CommandCompleter(INVENTORY.model_copy(update={"joining": (new,)}))
    found = completer.get_completions(Document(typed), CompleteEvent())
    names = [typed[: len(typed) + each.start_position] + each.text for each in found if not each.text.startswith("-")]
    assert offered == names
