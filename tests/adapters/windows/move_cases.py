"""Changes that reload nginx, move several services, or replace a folder, and what the guard meets."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PureWindowsPath
from typing import Literal

from adapters.windows import powershell
from adapters.windows.commit_confirm import ChangeState
from tests.adapters.windows.change_cases import NEW, NGINX, OPERATION
from tests.adapters.windows.script_cases import NOW
from tests.lab.windows.change_plan import Move, plan_steps
from tests.lab.windows.guard import GuardedChange, Nginx, Swap
from tests.lab.windows.nginx import PATHS, write_configuration
from tests.lab.windows.state import EVERY, Task, WindowsState

CONFIG = PureWindowsPath(PATHS.gateway_config)
LUA = CONFIG.parent / "lualib"
OLD_TEXT, NEW_TEXT = write_configuration(1, []), write_configuration(1, ["http://10.100.2.1:8080"])
OWN = Nginx(**NGINX.model_dump())
EDIT = Swap(rf"{NEW}\nginx.conf", str(CONFIG))
GOOD = Swap(rf"{NEW}\good.conf", str(CONFIG), fallback=True)
FOLDER = Swap(rf"{NEW}\lualib", str(LUA), kind="folder")

RELOAD = Move("OpenResty", "reload", reloads=OWN)
RELOAD_BARE = replace(RELOAD, nginx=OWN)
STOP_GATEWAY, START_GATEWAY = Move("OpenResty", "stop", reloads=OWN), Move("OpenResty", "start", reloads=OWN)
RESTART_NEBULA = Move("Nebula", "restart")

Happening = Callable[[WindowsState], None]


def settle(state: WindowsState) -> None:
    state.settle(NOW)


def start_again(state: WindowsState) -> None:
    """A guard that is started in the middle finds the change."""
    assert state.change is not None
    state.change.recover(state, NOW)
    state.settle(NOW)
    state.hand_over()


@dataclass(frozen=True)
class Moved:
    """A change on a host with a gateway, what happens, and what is there in the end.

    `runs`: the services that run. `renewed`: nginx has other workers than before, and the same master.
    """

    story: str
    ends: ChangeState
    why: str = ""
    config: str = OLD_TEXT
    lua: str = "old"
    renewed: bool = False
    runs: tuple[str, ...] = ("Nebula", "OpenResty")
    word: Literal["", "confirm", "abort"] = ""
    swaps: tuple[Swap, ...] = (EDIT,)
    moves: tuple[Move, ...] = (RELOAD,)
    host: Happening = lambda state: None
    happens: Happening = settle
    guarded: bool = False
    patience: int = 0

    def happen(self, state: WindowsState) -> None:
        """Let the lab's guard do its work."""
        self.happens(state)
        change = state.changes[OPERATION]
        if self.word and change.state == "applied":
            change.marks.add(self.word)
            state.settle(NOW)
        state.hand_over()

    def state(self) -> WindowsState:
        """The host of this case."""
        state = WindowsState.healthy(1, "host-a")
        state.files |= {CONFIG: OLD_TEXT, CONFIG.parent / "conf.d" / "proxy.conf": "proxy_http_version 1.1;\n"}
        state.files |= {PureWindowsPath(NEW) / "nginx.conf": NEW_TEXT, PureWindowsPath(NEW) / "good.conf": GOOD_TEXT}
        state.files |= {LUA / "flatnet" / "sync.lua": "old", LUA / "flatnet" / "gone.lua": "old"}
        state.files |= {PureWindowsPath(NEW) / "lualib" / "flatnet" / "sync.lua": "new"}
        swaps = [replace(swap) for swap in self.swaps]
        steps, undo = plan_steps(swaps, self.moves, self.patience)
        change = GuardedChange(OPERATION, 60, NOW, swaps, steps, undo, has_facts=not self.moves)
        state.changes[OPERATION] = replace(change, guarded=self.guarded, saved=self.guarded)
        state.tasks[f"flatnet-bot change {OPERATION}"] = Task(powershell.build_guard_options())
        self.host(state)
        return state


GOOD_TEXT = write_configuration(1, ["http://10.100.3.1:8080"])


def broken(state: WindowsState) -> None:
    state.files[PureWindowsPath(NEW) / "nginx.conf"] = NEW_TEXT.replace("worker_processes", "worker_proceses")


def reloads(what: Literal["nothing", "end"]) -> Happening:
    return lambda state: setattr(state, "nginx_reloads", what)


def bare(state: WindowsState) -> None:
    del state.services["OpenResty"]


def gateway_stopped(state: WindowsState) -> None:
    state.stop_service("OpenResty", NOW)


def nebula_refuses(state: WindowsState) -> None:
    state.services["Nebula"].refusals = EVERY


def nebula_refuses_once(state: WindowsState) -> None:
    state.services["Nebula"].refusals = 1


def kept(state: WindowsState) -> None:
    """The old configuration was put aside, the new one lies there."""
    state.files |= {PureWindowsPath(f"{EDIT.source}.old"): OLD_TEXT, CONFIG: NEW_TEXT}


def moved_away(state: WindowsState) -> None:
    """The old folder was moved away, the new one has not come yet."""
    state.rename_folder(LUA, FOLDER.kept)
    gateway_stopped(state)


def moved_in(state: WindowsState) -> None:
    """Both were moved, and the new one is used."""
    state.rename_folder(LUA, FOLDER.kept)
    state.rename_folder(PureWindowsPath(FOLDER.source), LUA)


def moved_back_half(state: WindowsState) -> None:
    """A rollback has moved the new folder away, and the old one has not come back yet."""
    state.rename_folder(LUA, FOLDER.kept)


def open_file(state: WindowsState) -> None:
    """Another program has a file of the old folder open."""
    state.locked.append(LUA / "flatnet" / "sync.lua")


def source_gone(state: WindowsState) -> None:
    """The new folder has vanished meanwhile."""
    del state.files[PureWindowsPath(NEW) / "lualib" / "flatnet" / "sync.lua"]


def readable(state: WindowsState) -> None:
    """Users may read the old folder, and so they may read the new one."""
    state.readers[LUA] = ["S-1-5-32-545"]


def no_folder_yet(state: WindowsState) -> None:
    for file in [file for file in state.files if LUA in file.parents]:
        del state.files[file]


ENDED = "the guard was ended before it was done"
REFUSED = 'nginx -t: [emerg] unknown directive "worker_proceses" in F:/flatnet/config/nginx.conf:1'
NO_WORKERS = rf"{NGINX.program} has no new workers after its reload"
DOWN = "the service Nebula is Stopped, not Running"
WHOLE = (STOP_GATEWAY, START_GATEWAY)
AROUND = (STOP_GATEWAY, RESTART_NEBULA, START_GATEWAY)

CASES = (
    Moved("nginx reloads a new file, confirmed", "confirmed", config=NEW_TEXT, renewed=True, word="confirm"),
    Moved("nginx reloads a new file, aborted, and reloads the old one", "reverted", "aborted", renewed=True, word="abort"),
    Moved(
        "a bare nginx reloads",
        "confirmed",
        config=NEW_TEXT,
        renewed=True,
        runs=("Nebula",),
        word="confirm",
        moves=(RELOAD_BARE,),
        host=bare,
    ),
    Moved(
        "a file that nginx refuses is put back, and nothing is reloaded",
        "reverted",
        REFUSED,
        host=broken,
    ),
    Moved(
        "a reload that changes nothing is a failure, also when the old file is reloaded",
        "down",
        f"{NO_WORKERS}; {NO_WORKERS}",
        host=reloads("nothing"),
    ),
    Moved(
        "nginx ends as it is reloaded, while its service says that it runs",
        "down",
        rf"{NGINX.program} ended as it was reloaded; {NGINX.program} is not running",
        host=reloads("end"),
        runs=("Nebula", "OpenResty"),
    ),
    Moved(
        "nginx does not run any more when the guard comes to it",
        "reverted",
        rf"{NGINX.program} is not running",
        host=gateway_stopped,
    ),
    Moved(
        "reloaded, and the guard is ended",
        "reverted",
        ENDED,
        renewed=True,
        guarded=True,
        host=kept,
        happens=start_again,
    ),
    Moved("a reload without files is not repeated", "reverted", "aborted", renewed=True, word="abort", swaps=()),
    Moved(
        "a reload without files goes back to the last good ones",
        "reverted",
        "aborted",
        config=GOOD_TEXT,
        renewed=True,
        word="abort",
        swaps=(GOOD,),
    ),
    Moved("a fallback stays away from what is confirmed", "confirmed", renewed=True, word="confirm", swaps=(GOOD,)),
    Moved(
        "a folder replaces a folder, confirmed",
        "confirmed",
        lua="new",
        word="confirm",
        swaps=(FOLDER,),
        moves=WHOLE,
    ),
    Moved(
        "a folder takes the access list of the old one",
        "confirmed",
        lua="new",
        word="confirm",
        swaps=(FOLDER,),
        moves=WHOLE,
        host=readable,
    ),
    Moved(
        "a folder goes back whole",
        "reverted",
        "aborted",
        word="abort",
        swaps=(FOLDER,),
        moves=WHOLE,
    ),
    Moved(
        "a folder and a file go back together",
        "reverted",
        "aborted",
        word="abort",
        swaps=(FOLDER, EDIT),
        moves=WHOLE,
    ),
    Moved(
        "a folder where there was none goes away",
        "reverted",
        "aborted",
        lua="",
        word="abort",
        swaps=(replace(FOLDER, existed=False),),
        moves=WHOLE,
        host=no_folder_yet,
    ),
    Moved(
        "ended between the two moves of a folder",
        "reverted",
        ENDED,
        guarded=True,
        host=moved_away,
        happens=start_again,
        swaps=(FOLDER,),
        moves=WHOLE,
    ),
    Moved(
        "ended with the new folder in place",
        "reverted",
        ENDED,
        guarded=True,
        host=moved_in,
        happens=start_again,
        swaps=(FOLDER,),
        moves=WHOLE,
    ),
    Moved(
        "ended between the two moves back",
        "reverted",
        ENDED,
        guarded=True,
        host=moved_back_half,
        happens=start_again,
        swaps=(FOLDER,),
        moves=WHOLE,
    ),
    Moved(
        "ended before a folder was touched",
        "reverted",
        ENDED,
        guarded=True,
        happens=start_again,
        swaps=(FOLDER,),
        moves=WHOLE,
    ),
    Moved(
        "several services in order, confirmed",
        "confirmed",
        config=NEW_TEXT,
        word="confirm",
        moves=AROUND,
    ),
    Moved(
        "several services, the other way round",
        "reverted",
        "aborted",
        word="abort",
        moves=AROUND,
    ),
    Moved(
        "one of several services does not start, and all run as before",
        "reverted",
        DOWN,
        moves=AROUND,
        host=nebula_refuses_once,
    ),
    Moved(
        "one of several services stays down, and the others do not",
        "down",
        f"{DOWN}; {DOWN}",
        runs=("OpenResty",),
        moves=(RESTART_NEBULA, Move("OpenResty", "restart", reloads=OWN)),
        host=nebula_refuses,
    ),
)
