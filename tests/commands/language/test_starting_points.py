"""Where a person starts: with what is urgent, then by their roles, and only with what they may do."""

import pytest

from commands.about import Help, Version
from commands.catalogue import CATALOGUE
from commands.hosts.operations import HostList
from commands.language.help import OperationClasses, choose_starts
from commands.model.operation import Role


@pytest.mark.parametrize(
    ("permitted", "roles", "urgent", "starts"),
    [
        (CATALOGUE, {Role.OPERATOR}, (), ("health", "cert", "log error")),
        (CATALOGUE, {Role.ADMINISTRATOR, Role.SECURITY}, (), ("health", "cert", "log error")),
        (CATALOGUE, {Role.VIEWER}, (), ("health", "cert", "log error")),
        (CATALOGUE, {Role.DEVELOPER}, (), ("health", "log error", "op")),
        (CATALOGUE, {Role.SECURITY}, (), ("audit search", "cert", "health")),
        (CATALOGUE, {Role.OPERATOR}, ("approval",), ("approval", "health", "cert")),
        (
            CATALOGUE,
            {Role.OPERATOR},
            ("approval", "service start nebula host-b", "health"),
            ("approval", "service start nebula host-b", "health"),
        ),
        ((HostList, Help, Version), {Role.OPERATOR}, ("approval",), ("host", "help")),
        ((), {Role.OPERATOR}, ("approval",), ()),
    ],
)
def test_a_person_starts_with_at_most_three_requests(
    permitted: OperationClasses, roles: set[Role], urgent: tuple[str, ...], starts: tuple[str, ...]
) -> None:
    assert starts == choose_starts(permitted, roles, urgent)
