"""The guard of a change: `guard.ps1` in a real PowerShell, beside what the lab plays in its place.

Each case is a change and what the guard meets; both must leave the host in the same state.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import PureWindowsPath
from typing import Any, Literal

import pytest

from adapters.action_registry import get_kind, hash_script
from adapters.errors import ActionFailed
from adapters.windows import powershell
from adapters.windows.action import WindowsAction
from adapters.windows.commit_confirm import (
    AbortChange,
    BeginChange,
    ChangeState,
    ConfirmChange,
    FileSwap,
    ReadChange,
    ServiceMove,
)
from tests.adapters.windows.change_cases import KEY, LIVE, NEW, NGINX, OPERATION, files, unreadable
from tests.adapters.windows.script_cases import NOW
from tests.lab.windows.change_plan import Move, plan_steps
from tests.lab.windows.guard import GuardedChange, Nginx, Swap
from tests.lab.windows.pwsh import Machine, Pwsh
from tests.lab.windows.state import EVERY, RECORD, TERMS, Task, WindowsState

TASK = f"flatnet-bot change {OPERATION}"
CRT, OLD_CRT = PureWindowsPath(LIVE) / "host.crt", PureWindowsPath(NEW) / "host.crt.old"
DOWN = "the service Nebula is Stopped, not Running"
ENDED = "the guard was ended before it was done"


def pair() -> list[Swap]:
    """The certificate and the private key."""
    return [
        Swap(rf"{NEW}\host.crt", rf"{LIVE}\host.crt"),
        Swap(rf"{NEW}\host.key", rf"{LIVE}\host.key", private=True),
    ]


RESTARTED = Move("Nebula", "restart")
STOPPED = replace(RESTARTED, was_running=False)
STOP = Move("Nebula", "stop")


def nothing() -> list[Swap]:
    """No files."""
    return []


def settle(state: WindowsState) -> None:
    state.settle(NOW)


def window_passes(state: WindowsState) -> None:
    state.settle(NOW)
    state.elapse(1)


def started_again(state: WindowsState) -> None:
    assert state.change is not None
    state.change.recover(state, NOW)
    state.settle(NOW)


@dataclass(frozen=True)
class Met:
    """A change (`given` over a restart of Nebula with a new pair) on a host, what happens, and what the guard says of it.

    `word` is what the bot says once the change is applied.
    """

    story: str
    ends: ChangeState
    why: str = ""
    happens: Callable[[WindowsState], None] = settle
    given: Mapping[str, Any] = field(default_factory=dict)
    host: Callable[[WindowsState], None] = lambda state: None
    live: str = LIVE
    word: Literal["", "confirm", "abort"] = ""
    moves: tuple[Move, ...] = (RESTARTED,)
    swaps: Callable[[], list[Swap]] = pair
    patience: int = 60

    def happen(self, state: WindowsState) -> None:
        """Let the lab's guard do its work."""
        self.happens(state)
        change = state.changes[OPERATION]
        if self.word and change.state == "applied":
            change.marks.add(self.word)
            state.settle(NOW)

    def state(self) -> WindowsState:
        """The host of this case: an hour ago somebody could read the key."""
        state = WindowsState.healthy(1, "host-a")
        files()(state)
        state.readers[PureWindowsPath(LIVE) / "host.key"] = ["S-1-5-32-545"]
        swaps = self.swaps()
        steps, undo = plan_steps(swaps, self.moves, self.patience)
        change = GuardedChange(OPERATION, 60, NOW, swaps, steps, undo, has_facts=not self.moves)
        state.changes[OPERATION] = replace(change, **self.given)
        state.tasks[TASK] = Task(powershell.build_guard_options())
        self.host(state)
        return state


def half_swapped(state: WindowsState) -> None:
    """The certificate is in place, the key is not yet."""
    state.files |= {OLD_CRT: LIVE, PureWindowsPath(NEW) / "host.key.old": KEY, CRT: NEW}


def half_swapped_and_refusing(state: WindowsState) -> None:
    half_swapped(state)
    refusing(3)(state)


def in_the_middle_of_replacing(state: WindowsState) -> None:
    """The target is under its third name; the new file still has its own."""
    half_swapped(state)
    key = state.files.pop(PureWindowsPath(LIVE) / "host.key")
    state.readers.clear()
    state.files |= {
        PureWindowsPath(LIVE) / "host.key.flatnet-old": key,
        PureWindowsPath(LIVE) / "host.key.flatnet-new": "x",
    }


def mended(state: WindowsState) -> None:
    started_again(state)
    for name in ("host.key.flatnet-old", "host.key.flatnet-new"):
        del state.files[PureWindowsPath(LIVE) / name]


def refusing(starts: int) -> Callable[[WindowsState], None]:
    return lambda state: setattr(state.services["Nebula"], "refusals", starts)


def stopped_for_good(state: WindowsState) -> None:
    stopped(state)
    refusing(EVERY)(state)


def stopped(state: WindowsState) -> None:
    state.stop_service("Nebula", NOW)


def no_key_yet(state: WindowsState) -> None:
    del state.files[PureWindowsPath(LIVE) / "host.key"]
    state.readers.clear()


def bare(state: WindowsState) -> None:
    del state.services["OpenResty"]


def bare_and_broken(state: WindowsState) -> None:
    bare(state)
    state.move_nginx(NGINX.program, stop=True, start=False, now=NOW)
    state.programs[PureWindowsPath(NGINX.program)].condition = "broken"


def entered(state: WindowsState) -> None:
    state.readers[RECORD] = ["S-1-5-32-545"]


def entered_meanwhile(state: WindowsState) -> None:
    half_swapped(state)
    entered(state)


def linked(state: WindowsState) -> None:
    state.links.append(RECORD)


def older_guard(state: WindowsState) -> None:
    """It did not get so far as to take its task away."""
    state.changes = {
        "op-older": replace(state.changes[OPERATION], operation="op-older", state="confirmed", marks=set(), **AGAIN)
    } | state.changes
    state.tasks["flatnet-bot change op-older"] = Task(powershell.build_guard_options())


def keeping(*terms: int) -> Callable[[WindowsState], None]:
    return lambda state: state.files.update({TERMS / str(term): "" for term in terms})


def overtaken(state: WindowsState) -> None:
    half_swapped(state)
    keeping(18)(state)


OPENED = (
    rf"others than SYSTEM and Administrators can open {LIVE}\host.key: "
    "O:BAG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;S-1-5-32-545)"
)


def new_key() -> list[Swap]:
    """The certificate, and a private key where there was none."""
    return [pair()[0], replace(pair()[1], existed=False)]


DEEP = PureWindowsPath(LIVE) / "new" / "pki"


def new_folder() -> list[Swap]:
    """A configuration, a certificate and a private key in a folder that is missing, as is the one above it."""
    names = ("config.yaml", "host.crt", "host.key")
    return [Swap(rf"{NEW}\{name}", str(DEEP / name), existed=False, private=name == "host.key") for name in names]


def open_folders(state: WindowsState) -> None:
    """Users can read in both folders."""
    state.files[PureWindowsPath(NEW) / "config.yaml"] = "pki:\n"
    state.readers |= {DEEP: ["S-1-5-32-545"], PureWindowsPath(LIVE): ["S-1-5-32-545"]}


AGAIN: Mapping[str, Any] = {"guarded": True, "saved": True}
WAITING: Mapping[str, Any] = {**AGAIN, "state": "applied", "left": 60.0}
ON_NGINX = Move("OpenResty", "restart", nginx=Nginx(**NGINX.model_dump()))
STOP_NGINX = replace(ON_NGINX, verb="stop")

CASES = (
    Met("confirmed", "confirmed", word="confirm", live=NEW),
    Met("aborted", "reverted", "aborted", word="abort"),
    Met("the window passes", "reverted", "not confirmed within 1 s", window_passes, {"window": 1}),
    Met("the service refuses at first, and is tried again", "confirmed", host=refusing(3), live=NEW, word="confirm"),
    Met("the service does not come back in time", "reverted", DOWN, patience=0, host=refusing(1)),
    Met(
        "the old one refuses at first as well, and is tried again",
        "reverted",
        "aborted",
        started_again,
        {**AGAIN, "state": "reverting", "why": "aborted"},
        half_swapped_and_refusing,
    ),
    Met("the service never comes back", "down", f"{DOWN}; {DOWN}", patience=0, host=refusing(EVERY)),
    Met(
        "a service that ran before has stopped before anything was touched, and starts",
        "reverted",
        "aborted",
        given={"marks": {"abort"}},
        host=stopped,
    ),
    Met(
        "a service that ran before has stopped before anything was touched, and does not start",
        "down",
        f"aborted; {DOWN}",
        given={"marks": {"abort"}},
        patience=0,
        host=stopped_for_good,
    ),
    Met("files alone, confirmed", "confirmed", moves=(), host=stopped, live=NEW, word="confirm"),
    Met("files alone, aborted", "reverted", "aborted", moves=(), word="abort"),
    Met("files alone, left", "reverted", "not confirmed within 1 s", window_passes, {"window": 1}, moves=()),
    Met(
        "others can open the private key, whatever is written",
        "reverted",
        OPENED,
        host=lambda state: state.sticky.append(PureWindowsPath(LIVE) / "host.key"),
    ),
    Met(
        "there was no key before, and it is confirmed",
        "confirmed",
        swaps=new_key,
        word="confirm",
        host=no_key_yet,
        live=NEW,
    ),
    Met(
        "new files in a folder that is missing, and others can read all but the key",
        "confirmed",
        swaps=new_folder,
        word="confirm",
        host=open_folders,
    ),
    Met(
        "new files in a folder that is missing go away",
        "reverted",
        "aborted",
        swaps=new_folder,
        word="abort",
        host=open_folders,
    ),
    Met(
        "there was no key before, and none is left",
        "reverted",
        "aborted",
        swaps=new_key,
        word="abort",
        host=no_key_yet,
    ),
    Met("aborted before the guard began", "reverted", "aborted", given={"marks": {"abort"}}),
    Met(
        "late, but within its window",
        "confirmed",
        given={"looked_at": NOW - timedelta(seconds=59)},
        live=NEW,
        word="confirm",
    ),
    Met("too late", "reverted", "not applied within 60 s", given={"looked_at": NOW - timedelta(seconds=61)}),
    Met(
        "a later lead came before the guard",
        "reverted",
        "term 18 is kept here, and this is of term 17",
        given={"term": 17},
        host=keeping(9, 18),
    ),
    Met(
        "the lead that asked is the latest", "confirmed", "", given={"term": 17}, host=keeping(17), live=NEW, word="confirm"
    ),
    Met(
        "a later lead came, and the guard is started again between the two files",
        "reverted",
        ENDED,
        started_again,
        {**AGAIN, "term": 17},
        overtaken,
    ),
    Met("the clock was set back", "reverted", "not applied within 60 s", given={"looked_at": NOW + timedelta(hours=1)}),
    Met("a power cut before the guard began", "confirmed", happens=started_again, live=NEW, word="confirm"),
    Met(
        "a power cut before the guard began, and a long time without power",
        "reverted",
        "not applied within 60 s",
        started_again,
        {"looked_at": NOW - timedelta(hours=1)},
    ),
    Met("others could have written what is recorded", "applying", host=entered),
    Met("others have laid a link there", "applying", host=linked),
    Met(
        "others could have written it while the guard was away",
        "applied",
        "",
        started_again,
        WAITING,
        entered_meanwhile,
        NEW,
    ),
    Met("an older change left what nobody can read", "confirmed", host=unreadable("op-0000"), live=NEW, word="confirm"),
    Met("started again before anything was touched", "reverted", ENDED, started_again, {"guarded": True}),
    Met("started again between the two files", "reverted", ENDED, started_again, AGAIN, half_swapped),
    Met("started again while a file is replaced", "reverted", ENDED, mended, AGAIN, in_the_middle_of_replacing),
    Met("started again while it waits", "reverted", ENDED, started_again, WAITING, half_swapped),
    Met(
        "started again while it puts back",
        "reverted",
        "aborted",
        started_again,
        {**AGAIN, "state": "reverting", "why": "aborted"},
        half_swapped,
    ),
    Met(
        "a confirmation that the ended guard did not see",
        "reverted",
        ENDED,
        started_again,
        {**AGAIN, "state": "applied", "marks": {"confirm"}},
        half_swapped,
    ),
    Met("started again and there is nothing to do", "confirmed", given={**AGAIN, "state": "confirmed"}),
    Met("the guard of an older change has not ended", "confirmed", host=older_guard, live=NEW, word="confirm"),
    Met("a service is stopped", "confirmed", moves=(STOP,), swaps=nothing, word="confirm"),
    Met("a stop is taken back", "reverted", "aborted", moves=(STOP,), swaps=nothing, word="abort"),
    Met(
        "a start is taken back",
        "reverted",
        "aborted",
        moves=(replace(STOPPED, verb="start"),),
        swaps=nothing,
        word="abort",
        host=stopped,
    ),
    Met("a restart is not repeated", "reverted", "aborted", swaps=nothing, word="abort"),
    Met("a bare nginx is restarted", "confirmed", moves=(ON_NGINX,), swaps=nothing, word="confirm", host=bare),
    Met(
        "a bare nginx comes back",
        "reverted",
        "aborted",
        moves=(STOP_NGINX,),
        swaps=nothing,
        word="abort",
        host=bare,
    ),
    Met(
        "a bare nginx that does not start",
        "reverted",
        f"{NGINX.program} did not start: Windows says 9",
        moves=(replace(ON_NGINX, verb="start", was_running=False),),
        swaps=nothing,
        patience=0,
        host=bare_and_broken,
    ),
)


@contextmanager
def saying(machine: Machine, word: str) -> Iterator[None]:
    """The mark is laid as soon as the change is applied."""
    ended = threading.Event()

    def watch() -> None:
        while word and not ended.wait(0.005):
            if any('"applied"' in text for text in machine.record(OPERATION).values()):
                machine.mark(OPERATION, word)
                return

    watching = threading.Thread(target=watch)
    watching.start()
    yield
    ended.set()
    watching.join()


def told(case: Met) -> str:
    return case.story


@pytest.mark.parametrize("case", CASES, ids=told)
def test_the_guard_of_the_lab_does_as_agreed(case: Met) -> None:
    state = case.state()
    case.happen(state)
    change = state.changes[OPERATION]
    assert (case.ends, case.why, case.live) == (change.state, change.why, state.files[CRT])
    assert ([TASK] if change.pending else []) == list(state.tasks)


@pytest.mark.pwsh
@pytest.mark.parametrize("case", CASES, ids=told)
def test_the_guard_in_a_real_powershell_leaves_the_host_as_the_one_of_the_lab_does(case: Met, pwsh: Pwsh) -> None:
    simulated, real = case.state(), case.state()
    case.happen(simulated)
    with pwsh.machine(real, NOW) as machine, saying(machine, case.word):
        machine.guard(TASK)
    for state in (simulated, real):
        state.changes[OPERATION].left = 0.0
    assert simulated == real


@pytest.mark.pwsh
def test_what_fails_before_anything_was_touched_leaves_the_service_alone(pwsh: Pwsh) -> None:
    """The new certificate has gone meanwhile; the old one was copied, and nothing else happened."""
    state = Met("", "reverted").state()
    before = (state.services, state.processes, state.files[CRT])
    state.changes[OPERATION].swaps[0].target = r"F:\no such folder\host.crt"
    with pwsh.machine(state, NOW) as machine:
        machine.guard(TASK)
    change = state.changes[OPERATION]
    assert ("reverted", False, True) == (change.state, change.saved, "Could not find" in change.why)
    assert before == (state.services, state.processes, state.files[CRT])


@pytest.mark.pwsh
def test_a_service_that_cannot_be_put_back_is_told_with_what_is_where(pwsh: Pwsh) -> None:
    state = Met("", "stuck", patience=0, moves=(replace(RESTARTED, service="Gone"),)).state()
    with pwsh.machine(state, NOW) as machine:
        machine.guard(TASK)
    change = state.changes[OPERATION]
    why = "Cannot find any service with service name 'Gone'."
    assert ("stuck", f"{why}; not put back: {why}") == (change.state, change.why)
    assert LIVE == state.files[CRT]


RESTART = BeginChange(
    operation=OPERATION,
    services=(ServiceMove(service="Nebula", verb="restart"),),
    swaps=tuple(FileSwap(source=swap.source, target=swap.target) for swap in pair()),
)
ABORT = AbortChange(operation=OPERATION)


def ask(machine: Machine, action: WindowsAction[Any], before: str = "", then: str = "") -> Any:
    """What the real script answers; `then` happens on the host as it comes to `before`."""
    script = powershell.load_script(action.script)
    assert before in script
    script = script.replace(before, f"{then}\n{before}", 1)
    stdout = machine.run(powershell.pack_request("n", script, action.build_arguments()))
    return action.parse(powershell.unpack_answer(stdout, "n", action.output_limit))


def ready() -> WindowsState:
    """A host with a new pair, of which nobody has begun anything."""
    state = WindowsState.healthy(1, "host-a")
    files()(state)
    return state


RECORDED = r'$null = Set-Content -LiteralPath "$folder\state-0001.json" -NoNewline -Value '


@pytest.mark.pwsh
@pytest.mark.parametrize(
    ("action", "first", "told"),
    [
        (RESTART, {"state": "reverted", "why": "aborted"}, ("reverted", False)),
        (RESTART, {"state": "applying", "why": "", "saved": False, "at": "2026-03-01T12:00:00Z"}, ("applying", False)),
        (ABORT, {"state": "reverting", "why": "x", "at": "2026-03-01T12:00:00Z"}, ("reverting", False)),
        (ABORT, {"state": "reverted", "why": "aborted"}, ("reverted", False)),
    ],
)
def test_whoever_records_the_first_state_decides_and_the_other_tells_it(
    action: WindowsAction[Any], first: Mapping[str, str], told: tuple[str, bool], pwsh: Pwsh
) -> None:
    """Beginning and aborting at once, or either twice: there is one first state."""
    then = f"{RECORDED}'{json.dumps(first)}'"
    before = '$changed = Add-Document "$folder\\state-0001.json"'
    with pwsh.machine(ready(), NOW) as machine:
        status = ask(machine, action, before, then)
        assert first == json.loads(machine.record(OPERATION)["state-0001.json"])
    assert told == (status.state, status.changed)


@pytest.mark.pwsh
def test_of_two_requests_at_once_the_first_one_has_looked(pwsh: Pwsh) -> None:
    """The second one looks while the service is being restarted, but the service is to run again in the end."""
    state = ready()
    with pwsh.machine(state, NOW) as machine:
        with pytest.raises(ActionFailed):
            ask(machine, RESTART, "Register-Guard\n$at", "throw 'ended here'")
        ask(machine, RESTART, "Open-Root\n$now", "(Get-Service -Name Nebula).Stop()")
    last = state.changes[OPERATION].undo[-1]
    assert ("Stopped", "start", 0) == (state.services["Nebula"].status, last.verb, last.of)


@pytest.mark.pwsh
def test_a_link_that_is_laid_while_the_folder_is_opened_is_found(pwsh: Pwsh) -> None:
    swap = r"""
        [System.IO.Directory]::Delete((Get-Full $root), $true)
        $null = [System.IO.Directory]::CreateSymbolicLink((Get-Full $root), (Get-Full 'F:\flatnet'))
    """
    with pwsh.machine(ready(), NOW) as machine, pytest.raises(ActionFailed) as caught:
        ask(machine, RESTART, "    Test-Link $root\n    $null = New-Item", swap)
    assert "FolderNotSafe" == caught.value.code


@pytest.mark.pwsh
@pytest.mark.slow
def test_two_guards_at_once_do_the_work_of_one(pwsh: Pwsh) -> None:
    case = Met("", "confirmed", word="confirm")
    simulated, real = case.state(), case.state()
    case.happen(simulated)
    with pwsh.machine(real, NOW) as machine, saying(machine, case.word), guarded(machine):
        machine.guard(TASK)
    simulated.changes[OPERATION].left = real.changes[OPERATION].left
    assert simulated == real


@pytest.mark.pwsh
def test_a_guard_leaves_the_task_of_a_change_that_is_about_to_begin(pwsh: Pwsh) -> None:
    state = Met("", "confirmed", given={"operation": "op-older", "guarded": True, "state": "confirmed"}).state()
    state.changes = {"op-older": state.changes[OPERATION]}
    state.tasks["flatnet-bot change op-older"] = Task(powershell.build_guard_options())
    with pwsh.machine(state, NOW) as machine:
        machine.guard("flatnet-bot change op-older")
    assert [TASK] == list(state.tasks)


@contextmanager
def guarded(machine: Machine) -> Iterator[None]:
    """The scheduled task runs meanwhile, and is waited for."""
    task = threading.Thread(target=machine.guard, args=(TASK,))
    task.start()
    yield
    task.join()


def wait_until_applied(machine: Machine) -> None:
    ends = time.monotonic() + 30
    while ask(machine, ReadChange(operation=OPERATION)).state != "applied":
        assert time.monotonic() < ends


@pytest.mark.pwsh
@pytest.mark.slow
@pytest.mark.parametrize(
    ("last", "state", "live"),
    [(ConfirmChange(operation=OPERATION), "confirmed", NEW), (AbortChange(operation=OPERATION), "reverted", LIVE)],
)
def test_scripts_and_guard_work_together(last: WindowsAction[Any], state: str, live: str, pwsh: Pwsh) -> None:
    """Begun, applied by the task that was registered, then confirmed or aborted while the guard waits for the word."""
    host = ready()
    with pwsh.machine(host, NOW, pace=0.02) as machine:
        ask(machine, RESTART)
        with guarded(machine):
            wait_until_applied(machine)
            told = ask(machine, last)
    assert (state, True) == (told.state, told.changed)
    assert (live, {}, "Running") == (host.files[CRT], host.tasks, host.services["Nebula"].status)


def test_the_guard_fits_on_a_command_line_and_its_text_is_the_same_each_time() -> None:
    assert len(powershell.build_guard_options()) < 32_300
    assert powershell.build_guard_options() in RESTART.build_arguments()["guard"]


def test_another_guard_is_another_action_in_the_eyes_of_an_approval() -> None:
    """Its text travels with begin-change alone, so the hash of that one action holds it."""
    alone, both = [powershell.build_command_line()], [powershell.build_command_line(), powershell.build_resident_line()]
    for action, lines, is_all in ((BeginChange, alone, False), (ConfirmChange, alone, True), (ReadChange, both, True)):
        code = "\n".join([*lines, powershell.load_script(action.script)])
        assert is_all == (hashlib.sha256(code.encode()).hexdigest() == hash_script(get_kind(action)))
