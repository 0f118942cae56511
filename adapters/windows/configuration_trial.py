"""Tests of a configuration by its own program on a Windows host: `nginx -t` and `nebula -test`, present or staged."""

import re
from pathlib import PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from adapters.errors import ActionFailed
from adapters.inventory import WindowsSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.configuration import FILE_LIMIT, FILES_LIMIT, explain_file_failure

TEST_TIMEOUT = 20.0
"""Seconds for a program's test. nginx asks the name server for each upstream that has a name."""

_UNBOUND = re.compile(r"bind\(\) to (\S+) failed \((?:99|10049):")
"""nginx on an address that the machine does not have: EADDRNOTAVAIL on Linux and on Windows."""

_PLACE = re.compile(r" in (.+):([0-9]{1,7})$")

_LEVEL = re.compile(r"^.*?\[(?:emerg|alert|crit|error)\] (?:[0-9]+#[0-9]+: )?")


class ConfigurationTest(Value):
    """The result of a program's test of its configuration.

    `good`: it accepts it. `bad`: it refuses it, and `says` has its words, with `file` and `line` if it names a place.
    `unbound`: the syntax is good, but this machine does not have the `address` that nginx is to listen on. Nebula gives it.
    """

    state: Literal["good", "bad", "unbound"]
    says: Annotated[str, StringConstraints(max_length=500)] = ""
    file: str = ""
    line: int = 0
    address: str = ""


class TestConfiguration(WindowsAction[ConfigurationTest]):
    """Has a program test its configuration: the present one, or, with a `folder`, the one with that folder's staged files.

    The staged files are tested in a copy of the configuration, in which includes lead to the copy. It is removed afterwards.
    `main` is the main file, `base` its folder, `prefix` nginx's own folder ("": Nebula). `ActionFailed.code` is that of
    `ReadConfiguration`, "ProgramMissing", "ProgramBroken" or "ProgramHangs".
    """

    __test__ = False  # for pytest, which takes every class called Test… for tests

    script = "test-configuration"
    deadline = 45.0
    output_limit = 64_000

    program: Literal["nginx", "nebula"]
    exe: str
    base: str
    main: str
    prefix: str = ""
    folder: str = ""

    @classmethod
    def of_gateway(cls, side: WindowsSide, folder: str = "") -> "TestConfiguration":
        """Makes the test of a host's gateway."""
        paths = side.paths
        base = str(PureWindowsPath(paths.gateway_config).parent)
        return cls(
            program="nginx",
            exe=paths.gateway_exe,
            base=base,
            main=paths.gateway_config,
            prefix=paths.gateway_folder,
            folder=folder,
        )

    def build_arguments(self) -> dict[str, Any]:
        limits = {"limit": FILE_LIMIT, "files_limit": FILES_LIMIT, "milliseconds": int(TEST_TIMEOUT * 1000)}
        return super().build_arguments() | limits

    def explain(self, failure: ActionFailed) -> ActionFailed:
        return explain_file_failure(failure)

    def parse(self, data: Any) -> ConfigurationTest:
        """Parses the program's words."""
        return parse_test(data)

    def explain_answer(self, answer: ConfigurationTest) -> Phrase | None:
        return explain_test(answer)


def explain_test(answer: ConfigurationTest) -> Phrase | None:
    """Explains a test that was not passed, and says what to do; None for one that was."""
    match answer.state:
        case "good":
            return None
        case "unbound":
            return Phrase(
                "the syntax is good, but Nebula has no address now, so {address} cannot be tested. Start Nebula first, "
                "then test again",
                address=answer.address,
            )
        case _ if answer.line:
            return Phrase(
                "the program refuses its configuration: {says} ({file}, line {line}). Correct that line on the host",
                says=answer.says,
                file=answer.file,
                line=answer.line,
            )
        case _:
            return Phrase(
                "the program refuses its configuration: {says}. Correct the configuration on the host", says=answer.says
            )


def parse_test(data: Any) -> ConfigurationTest:
    """Parses a program's words. A script returns its exit code, the lines that matter, and "syntax is ok"."""
    match data:
        case {"code": 0, "lines": [*_], "syntax": bool()}:
            return ConfigurationTest(state="good")
        case {"code": int(), "lines": [*lines], "syntax": bool(syntax)} if all(isinstance(line, str) for line in lines):
            return _parse_refusal(lines, syntax)
        case _:
            raise ValueError("no result of a test")


def _parse_refusal(lines: list[str], syntax: bool) -> ConfigurationTest:
    """Parses why a configuration was refused. One address that is not there says nothing about all the rest."""
    unbound = [_UNBOUND.search(line) for line in lines]
    if syntax and lines and all(unbound) and (first := unbound[0]) is not None:
        return ConfigurationTest(state="unbound", says=_LEVEL.sub("", lines[0])[:500], address=first[1])
    words = next((line for line, bind in zip(lines, unbound, strict=True) if bind is None), "no reason given")
    says = _LEVEL.sub("", words)
    if place := _PLACE.search(says):
        file = str(PureWindowsPath(place[1]))
        return ConfigurationTest(state="bad", says=says[: place.start()][:500], file=file, line=int(place[2]))
    return ConfigurationTest(state="bad", says=says[:500])
