"""Trials: the contract's cases that can be tried on a real machine, and what each must answer there.

A case of which the simulated host differs from a healthy one in more than its files (a broken program, WMI that does not
answer) cannot be laid out on a real machine; it is a `LeftOut`, which says why.
"""

import dataclasses
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.error_text import clean_line
from adapters.inventory import WindowsPaths
from adapters.windows.action import WindowsAction
from adapters.windows.disks import ReadDisks
from adapters.windows.services import ReadServices
from adapters.windows.system import ReadSystem
from adapters.windows.updates import ReadUpdates
from adapters.windows.watch import ReadWatch
from tests.adapters.windows import (
    authority_cases,
    blocklist_cases,
    configuration_cases,
    disks_cases,
    handshakes_cases,
    logs_cases,
    nebula_cases,
    nebula_hosts,
    new_host_cases,
    rehearsal_cases,
    system_cases,
    watch_cases,
)
from tests.adapters.windows.log_cases import LOGS
from tests.adapters.windows.script_cases import Case, Failed
from tests.lab.windows.state import WindowsState
from tests.windows.scratch import Machine, is_scratch, relocate

_FILES = {"files", "raw", "sizes", "written", "readers"}
"""Fields of a simulated host that can be laid out on a real one."""

_DETERMINED = {"read-disks": {"logs"}, "read-system": {"logs"}, "read-watch": {"access_log"}}
"""What files determine of an answer, where it is not all of it."""

_MOMENTARY = {"build", "clock", "offsets"}
"""What the real machine's version, clock and zone determine."""

_FOREIGN_CODES = ("PropertyNotFoundStrict", "HRESULT", "PatternInvalid")
"""Beginnings of codes whose messages are those of Windows or .NET, in their language."""

PROGRAMS = {"nebula.exe": "nebula_exe", "nebula-cert.exe": "nebula_cert_exe"}
"""Programs of Nebula that must be on the machine, and their paths in Flatnet."""


@dataclass(frozen=True)
class Trial:
    """A script, asked with `arguments` after the files of `state` were laid out.

    `judge` gets the script's answer or its failure, and returns what is wrong with it; "" if nothing is.
    """

    story: str
    action: WindowsAction[Any]
    arguments: Mapping[str, Any]
    judge: Callable[[Any], str]
    state: WindowsState | None = None
    copies: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The script's name and the story."""
        return f"{self.action.script}: {self.story}"

    def build_action(self) -> WindowsAction[Any]:
        """Builds an action of the same kind that sends exactly `arguments`, and answers as the script does."""
        kind = type(self.action)
        raw = {
            "__module__": __name__,
            "build_arguments": lambda _: dict(self.arguments),
            "explain": lambda _, failure: failure,
            "parse": lambda _, data: data,
        }
        asking: type[WindowsAction[Any]] = types.new_class(kind.__name__, (kind,), exec_body=lambda body: body.update(raw))
        return asking.model_construct(**dict(self.action))


@dataclass(frozen=True)
class LeftOut:
    """A case that is not tried, and why."""

    name: str
    why: str


def select_trials(machine: Machine, nebula_folder: str) -> list[Trial | LeftOut]:
    """Returns the cases of the contract that files decide, as trials for that machine.

    Those of services, updates and changes are not among them: there the machine itself decides, and would be changed.
    `nebula_folder` is where the machine has Nebula's programs; "" if it has none.
    """
    modules = (logs_cases, disks_cases, system_cases, rehearsal_cases, watch_cases, handshakes_cases)
    cases = [*(case for module in modules for case in module.CASES), *configuration_cases.BY_FILES]
    return [
        *(_plan_script_case(case, machine) for case in cases),
        *(
            _plan_nebula_case(case, nebula_folder)
            for case in (*nebula_cases.CASES, *authority_cases.CASES, *new_host_cases.CASES, *blocklist_cases.CASES)
        ),
        *_read_as_it_is(),
    ]


def _plan_script_case(case: Case, machine: Machine) -> Trial | LeftOut:
    name, state = f"{case.script.name}: {case.story}", case.state()
    if why := _explain_difference(state, WindowsState.healthy(1, "host-a")) or _explain_zone(state, machine):
        return LeftOut(name, why)
    return Trial(case.story, case.script.action, relocate(case.arguments), _expect(case), state)


def _expect(case: Case) -> Callable[[Any], str]:
    expected = relocate(case.expected) if isinstance(case.expected, Mapping) else case.expected

    def judge(answer: Any) -> str:
        if isinstance(expected, Failed):
            return _compare_failures(expected, answer)
        if isinstance(answer, Failed):
            return f"failed with {answer.code}: {answer.message}"
        names = _DETERMINED.get(case.script.name, expected.keys()) - _MOMENTARY
        wrong = {name: answer.get(name) for name in sorted(names) if answer.get(name) != expected[name]}
        wanted = {name: expected[name] for name in wrong}
        return f"expected {wanted}, found {wrong}" if wrong else ""

    return judge


def _compare_failures(expected: Failed, answer: Any) -> str:
    if not isinstance(answer, Failed):
        return f"expected the failure {expected.code}, found an answer"
    if expected.code != answer.code:
        return f"expected the failure {expected.code}, found {answer.code}: {answer.message}"
    message = clean_line(relocate(expected.message))
    if expected.code.startswith(_FOREIGN_CODES) or message == answer.message:
        return ""
    return f"expected {message!r}, found {answer.message!r}"


def _plan_nebula_case(case: nebula_cases.Case, nebula_folder: str) -> Trial | LeftOut:
    name, state = f"{case.action.script}: {case.story}", case.state()
    if why := _explain_difference(state, nebula_hosts.original(case.host)):
        return LeftOut(name, why)
    if case.fails == "KeyNotSafe":
        return LeftOut(name, "a new file of a real machine has the access list of its folder")
    if not nebula_folder:
        return LeftOut(name, "needs Nebula's programs on the machine (--nebula)")
    paths = WindowsPaths.model_validate({})
    copies = {getattr(paths, path): rf"{nebula_folder}\{program}" for program, path in PROGRAMS.items()}
    return Trial(case.story, case.action, relocate(case.arguments), _expect_nebula(case), state, copies)


def _expect_nebula(case: nebula_cases.Case) -> Callable[[Any], str]:
    told = {name: relocate_told(value) for name, value in case.told.items() if name not in _MOMENTARY}

    def judge(answer: Any) -> str:
        if case.fails and isinstance(answer, Failed) and answer.code == case.fails:
            return ""
        if case.fails:
            return f"expected the failure {case.fails}, found {answer}"
        if isinstance(answer, Failed):
            return f"failed with {answer.code}: {answer.message}"
        parsed = case.action.parse(answer)
        wrong = {
            name: getattr(parsed, name) for name, value in told.items() if getattr(parsed, name) != relocate_told(value)
        }
        return f"expected { ({name: told[name] for name in wrong}) }, found {wrong}" if wrong else ""

    return judge


def relocate_told(value: Any) -> Any:
    """Puts the scratch folder into an expected text; other values stay."""
    return relocate(value) if isinstance(value, str) else value


def _explain_difference(state: WindowsState, usual: WindowsState) -> str:
    """Returns why a host cannot be laid out on a real machine; "" if it can."""
    for each in dataclasses.fields(WindowsState):
        if each.compare and each.name not in _FILES and getattr(state, each.name) != getattr(usual, each.name):
            return f"its host has another value of {each.name}, which only a simulated one can have"
    return "" if is_scratch(state) else "its host has files outside of the scratch folder"


def _explain_zone(state: WindowsState, machine: Machine) -> str:
    local = any(path.name.startswith("error.") for path in state.files)
    return "times in the host's own zone; the case's is UTC" if local and machine.offset != 0 else ""


def _read_as_it_is() -> Iterator[Trial]:
    """Yields reads of the machine as it is. Their answers must be of the agreed form."""
    services = {"nebula_service": "WinRM", "gateway_service": "no-such-service"}
    programs = {"nebula_exe": r"C:\no\nebula.exe", "gateway_exe": r"C:\no\nginx.exe"}
    for action in (
        ReadServices(**services),
        ReadSystem(**services, **programs, **LOGS),
        ReadDisks(**LOGS),
        ReadUpdates(),
        ReadWatch(**services, log=LOGS["access_log"], position=None),
    ):
        yield Trial("this machine as it is", action, action.build_arguments(), _expect_form(action))


def _expect_form(action: WindowsAction[Any]) -> Callable[[Any], str]:
    def judge(answer: Any) -> str:
        if isinstance(answer, Failed):
            return f"failed with {answer.code}: {answer.message}"
        try:
            action.parse(answer)
        except ValueError as error:
            return f"the bot cannot read the answer {answer}: {error}"
        return ""

    return judge
