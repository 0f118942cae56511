"""What the scripts of a guarded change answer on which host. No guard runs here: what it does has tests of its own."""

from collections.abc import Callable, Mapping
from pathlib import PureWindowsPath
from typing import Any, Literal

from adapters.windows.commit_confirm import (
    AbortChange,
    BareNginx,
    BeginChange,
    ChangeState,
    ConfirmChange,
    ReadChange,
    ServiceMove,
)
from tests.adapters.windows.script_cases import NOW, Case, Failed, Script, missing
from tests.lab.windows.change_files import FOLDER
from tests.lab.windows.change_plan import Move, plan_steps
from tests.lab.windows.guard import GuardedChange, Swap
from tests.lab.windows.state import RECORD, Task, WindowsState

OPERATION = "op-0123456789ab"
NEW, LIVE = r"F:\flatnet\operations\op-0123456789ab", r"F:\flatnet\config\nebula"
KEY = "-----BEGIN NEBULA X25519 PRIVATE KEY-----\nnot one\n-----END NEBULA X25519 PRIVATE KEY-----\n"
NGINX = BareNginx(
    program=r"F:\flatnet\openresty\nginx.exe", folder=r"F:\flatnet\openresty", config=r"F:\flatnet\config\nginx.conf"
)


def moving(service: str, verb: str, nginx: BareNginx | None = None) -> dict[str, Any]:
    """A move as the script gets it."""
    return {"services": [{"service": service, "verb": verb, "nginx": None if nginx is None else nginx.model_dump()}]}


ABSENT = {"operation": OPERATION, "state": "absent", "why": "", "changed": False}
BEGUN = {"operation": OPERATION, "state": "applying", "why": "", "changed": True}

READ = Script(ReadChange(operation=OPERATION), ABSENT)
CONFIRM = Script(ConfirmChange(operation=OPERATION), ABSENT)
ABORT = Script(
    AbortChange(operation=OPERATION),
    {"operation": OPERATION, "state": "reverted", "why": "aborted before it began", "changed": True},
)
BEGIN = Script(BeginChange(operation=OPERATION, services=(ServiceMove(service="Nebula", verb="restart"),)), BEGUN)
SWAPS = {
    "swaps": [{"source": rf"{NEW}\{name}", "target": rf"{LIVE}\{name}", "kind": "file"} for name in ("host.crt", "host.key")]
}

FILES_ALONE = {**SWAPS, "services": []}

Change = Callable[[WindowsState], None]


def known(state: ChangeState, why: str = "", operation: str = OPERATION) -> Change:
    """A change is as far as that; nothing guards it now."""

    swaps = [Swap(rf"{NEW}\host.crt", rf"{LIVE}\host.crt")]
    steps, undo = plan_steps(swaps, [Move("Nebula", "restart")], 60)

    def change(host: WindowsState) -> None:
        host.guard_asleep = True
        host.changes[operation] = GuardedChange(
            operation=operation,
            window=120,
            looked_at=NOW,
            swaps=swaps,
            steps=steps,
            undo=undo,
            state=state,
            why=why,
            left=100.0,
            guarded=True,
            saved=True,
        )

    return change


def is_so(state: ChangeState, why: str = "") -> Mapping[str, Any]:
    return {"state": state, "why": why, "changed": False}


def files(*, keys: Literal["both", "new"] = "both") -> Change:
    """A new pair in the operation's folder, and the live one, perhaps without its key."""

    def change(host: WindowsState) -> None:
        for folder in (NEW, LIVE):
            host.files |= {PureWindowsPath(folder) / "host.crt": folder, PureWindowsPath(folder) / "host.key": KEY}
        if keys == "new":
            del host.files[PureWindowsPath(LIVE) / "host.key"]

    return change


def both(*changes: Change) -> Change:
    def change(host: WindowsState) -> None:
        for one in changes:
            one(host)

    return change


def service(name: str = "Nebula", **fields: Any) -> Change:
    def change(host: WindowsState) -> None:
        for field, value in fields.items():
            setattr(host.services[name], field, value)

    return change


def bare_nginx(host: WindowsState) -> None:
    del host.services["OpenResty"]


def no_nginx(host: WindowsState) -> None:
    bare_nginx(host)
    del host.programs[PureWindowsPath(NGINX.program)]


def old_guard(host: WindowsState) -> None:
    known("confirmed", operation="op-other")(host)
    host.tasks["flatnet-bot change op-other"] = Task("")


def never_begun(host: WindowsState) -> None:
    host.changes[OPERATION] = GuardedChange.never(OPERATION, NOW)


def unreadable(operation: str = OPERATION, text: str = "") -> Change:
    """A state that a full disk or a person has left in disorder."""

    def change(host: WindowsState) -> None:
        host.files |= {FOLDER / operation / "state-0001.json": '{"state": "applying"}'}
        host.files |= {FOLDER / operation / "state-0002.json": text}

    return change


def illegible(operation: str = OPERATION) -> Failed:
    place = FOLDER / operation / "state-0002.json"
    return Failed("ChangeUnreadable", f"{place} cannot be read; see what that change did, then remove its folder")


def strange_folder(host: WindowsState) -> None:
    host.files[RECORD / "note.txt"] = "mine"
    host.readers[RECORD] = ["S-1-5-32-545"]


def linked_folder(host: WindowsState) -> None:
    host.links.append(RECORD)


def disk_full(host: WindowsState) -> None:
    host.disk_full = True


def no_wmi(host: WindowsState) -> None:
    host.wmi = False


def bad(script: Script) -> Case:
    return Case(
        "an operation that could be no folder",
        script,
        given={"operation": r"..\op"},
        fails=Failed("BadOperation", r"..\op cannot be the name of a change"),
    )


def incomplete(script: Script) -> Case:
    return Case("an argument that is missing", script, left_out=frozenset({"operation"}), fails=missing("operation"))


DISK_FULL = Failed("DiskFull", "less than 1 MB is free on C:")
NEVER = "aborted before it began"
LINK = Failed("FolderNotSafe", f"{RECORD} is a link; look at it, then remove it")
ENTERED = Failed("FolderNotSafe", f"others than SYSTEM and Administrators can enter {RECORD}; look at it, then remove it")
SILENT = Failed("GuardSilent", f"the guard of {OPERATION} does not answer; is its scheduled task running?")
GATEWAY = moving("OpenResty", "stop", NGINX)

NOT_RUNNING = Failed("NginxNotRunning", rf"{NGINX.program} is not running, so it cannot reload its configuration")
FALLBACK = {"fallbacks": [{"source": rf"{NEW}\host.crt", "target": rf"{LIVE}\host.crt", "kind": "file"}]}
WHOLE = {"swaps": [{"source": rf"{NEW}\lua", "target": rf"{LIVE}\lua", "kind": "folder"}]}


def together(*moves: tuple[str, str]) -> dict[str, Any]:
    """Several moves as the script gets them."""
    return {"services": [each for name, verb in moves for each in moving(name, verb, NGINX)["services"]]}


def folders(*, old: bool = True) -> Change:
    """A new folder in the operation's one, and perhaps the live one."""

    def change(host: WindowsState) -> None:
        for folder in (NEW, LIVE) if old else (NEW,):
            host.files |= {PureWindowsPath(folder) / "lua" / "flatnet" / "sync.lua": folder}

    return change


def written(path: PureWindowsPath, text: str = "") -> Change:
    """A file lies there."""
    return lambda host: host.files.update({path: text})


def gateway_stopped(host: WindowsState) -> None:
    host.stop_service("OpenResty", NOW)


READING = (
    Case("a change that nobody has begun", READ),
    Case("a change that is being applied", READ, known("applying"), differs=is_so("applying")),
    Case("a change that waits for its word", READ, known("applied"), differs=is_so("applied")),
    Case(
        "why it was put back, in whatever script",
        READ,
        known("reverted", "サービス 'x'"),
        differs=is_so("reverted", "サービス 'x'"),
    ),
    Case("the change of another operation", READ, known("applied", operation="op-other")),
    Case("a change that was aborted before it began", READ, never_begun, differs=is_so("reverted", NEVER)),
    Case("a record that is empty", READ, unreadable(), fails=illegible()),
    Case("a record that is no record", READ, unreadable(text='{"why": "no state"}'), fails=illegible()),
    bad(READ),
    incomplete(READ),
)

BEGINNING = (
    Case("a service is restarted", BEGIN),
    Case("the lead of the bot that asks has a term", BEGIN, given={"term": 17}),
    Case("files are put in place of others, a private key among them", BEGIN, files(), given=SWAPS),
    Case("a file where there was none", BEGIN, files(keys="new"), given=SWAPS),
    Case(
        "a service that is stopped is started",
        BEGIN,
        service(status="Stopped", pid=0),
        given=moving("Nebula", "start"),
    ),
    Case("a bare nginx is stopped", BEGIN, bare_nginx, given=GATEWAY),
    Case("a service where there is an nginx, too, is a service", BEGIN, given=GATEWAY),
    Case(
        "a Disabled service can be stopped",
        BEGIN,
        service(start_type="Disabled"),
        given=moving("Nebula", "stop"),
    ),
    Case("after a change that has ended", BEGIN, known("stuck", "why", operation="op-other")),
    Case("files alone, a private key among them, whatever services do", BEGIN, both(files(), no_wmi), given=FILES_ALONE),
    Case("again, which begins nothing", BEGIN, known("reverted", "aborted"), differs=is_so("reverted", "aborted")),
    Case("a name that ignores case, and a service that needs nobody", BEGIN, given=moving("NEBULA", "restart")),
    Case(
        "while another change is not ended",
        BEGIN,
        known("applied", operation="op-other"),
        fails=Failed("ChangeUnderWay", "the change of op-other is still under way on this host"),
    ),
    Case("while the guard of one that has ended still runs", BEGIN, old_guard),
    Case("too late: it was aborted before it began", BEGIN, never_begun, differs=is_so("reverted", NEVER)),
    Case("while nobody knows how another change ended", BEGIN, unreadable("op-other"), fails=illegible("op-other")),
    Case(
        "no such service, and no nginx known",
        BEGIN,
        given=moving("x'; Remove-Item F:\\ #", "restart"),
        fails=Failed("ServiceAbsent", "there is no service x'; Remove-Item F:\\ #"),
    ),
    Case(
        "neither a service nor an nginx",
        BEGIN,
        no_nginx,
        given=GATEWAY,
        fails=Failed("NginxAbsent", rf"there is neither a service OpenResty nor {NGINX.program}"),
    ),
    Case(
        "a service that Windows tells nothing of",
        BEGIN,
        service(status="Unknown"),
        fails=Failed(
            "CouldNotGetServiceInfo", "Service 'Nebula' cannot be queried due to the following error: Access is denied."
        ),
    ),
    Case(
        "a service that is Disabled",
        BEGIN,
        service(start_type="Disabled"),
        fails=Failed("ServiceDisabled", "the service Nebula is Disabled, so it cannot be started"),
    ),
    Case(
        "a service that others need",
        BEGIN,
        service(needed_by=["OpenResty", "Other"]),
        fails=Failed("ServicesDepend", "OpenResty, Other would be stopped with Nebula and not started again; stop it first"),
    ),
    Case(
        "a new file that is not there",
        BEGIN,
        given=SWAPS,
        fails=Failed("SourceAbsent", rf"there is no file {NEW}\host.crt"),
    ),
    Case(
        "a private key that the service's account could not read",
        BEGIN,
        both(files(), service(account=r".\flatnet")),
        given=SWAPS,
        fails=Failed(
            "ServiceAccount",
            r"the service Nebula runs as .\flatnet, which cannot read a key that is SYSTEM's and Administrators' alone",
        ),
    ),
    Case(
        "a private key, and nobody tells which account the service has",
        BEGIN,
        both(files(), no_wmi),
        given=SWAPS,
        fails=Failed("HRESULT 0x00040004", "Timed out"),
    ),
    Case("nginx is reloaded, which runs as a service", BEGIN, given=moving("OpenResty", "reload", NGINX)),
    Case("a bare nginx is reloaded", BEGIN, bare_nginx, given=moving("OpenResty", "reload", NGINX)),
    Case(
        "nginx is to reload, and does not run",
        BEGIN,
        gateway_stopped,
        given=moving("OpenResty", "reload", NGINX),
        fails=NOT_RUNNING,
    ),
    Case(
        "a bare nginx is to reload, and does not run",
        BEGIN,
        both(gateway_stopped, bare_nginx),
        given=moving("OpenResty", "reload", NGINX),
        fails=NOT_RUNNING,
    ),
    Case("a reload has files to go back to", BEGIN, files(), given={**moving("OpenResty", "reload", NGINX), **FALLBACK}),
    Case(
        "several services, of which one needs another",
        BEGIN,
        both(files(), service(needed_by=["OpenResty"])),
        given={**SWAPS, **together(("OpenResty", "stop"), ("Nebula", "restart"), ("OpenResty", "start"))},
    ),
    Case(
        "a reload does not start again what is stopped with another service",
        BEGIN,
        service(needed_by=["OpenResty"]),
        given=together(("Nebula", "restart"), ("OpenResty", "reload")),
        fails=Failed("ServicesDepend", "OpenResty would be stopped with Nebula and not started again; stop it first"),
    ),
    Case("a folder replaces a folder", BEGIN, folders(), given={**WHOLE, **moving("OpenResty", "stop")}),
    Case("a folder where there was none", BEGIN, folders(old=False), given=WHOLE),
    Case(
        "a new folder that is not there", BEGIN, given=WHOLE, fails=Failed("SourceAbsent", rf"there is no folder {NEW}\lua")
    ),
    Case(
        "a folder in place of a file",
        BEGIN,
        both(folders(old=False), written(PureWindowsPath(LIVE) / "lua")),
        given=WHOLE,
        fails=Failed("TargetNotFolder", rf"{LIVE}\lua is a file"),
    ),
    Case(
        "a file in place of a folder",
        BEGIN,
        both(files(), written(PureWindowsPath(LIVE) / "host.new" / "x")),
        given={"swaps": [{"source": rf"{NEW}\host.crt", "target": rf"{LIVE}\host.new", "kind": "file"}]},
        fails=Failed("TargetNotFile", rf"{LIVE}\host.new is a folder"),
    ),
    Case(
        "a folder on another drive",
        BEGIN,
        folders(),
        given={"swaps": [{"source": rf"{NEW}\lua", "target": r"C:\lua", "kind": "folder"}]},
        fails=Failed("FoldersApart", rf"{NEW}\lua and C:\lua are on different drives"),
    ),
    Case(
        "a link in place of the folder that is replaced",
        BEGIN,
        both(folders(old=False), lambda host: host.links.append(PureWindowsPath(LIVE) / "lua")),
        given=WHOLE,
        fails=Failed("FolderNotSafe", rf"{LIVE}\lua is a link; look at it, then remove it"),
    ),
    Case(
        "a private key in a folder",
        BEGIN,
        both(folders(), written(PureWindowsPath(NEW) / "lua" / "tls" / "a.key", KEY)),
        given=WHOLE,
        fails=Failed("KeyInFolder", rf"there is a private key in {NEW}\lua; swap it as a file"),
    ),
    Case(
        "another private key in a folder than in the present one",
        BEGIN,
        both(
            folders(),
            both(
                written(PureWindowsPath(NEW) / "lua" / "tls" / "a.key", KEY),
                written(PureWindowsPath(LIVE) / "lua" / "tls" / "a.key", KEY + "\n"),
            ),
        ),
        given=WHOLE,
        fails=Failed("KeyInFolder", rf"there is a private key in {NEW}\lua; swap it as a file"),
    ),
    Case(
        "the private key of the present folder, laid beside the files that replace it",
        BEGIN,
        both(
            folders(),
            both(
                written(PureWindowsPath(NEW) / "lua" / "tls" / "a.key", KEY),
                written(PureWindowsPath(LIVE) / "lua" / "tls" / "a.key", KEY),
            ),
        ),
        given=WHOLE,
    ),
    Case("a full disk", BEGIN, disk_full, fails=DISK_FULL),
    Case("a folder that somebody else has laid there", BEGIN, strange_folder, fails=ENTERED),
    Case("a link that lies in place of the folder", BEGIN, linked_folder, fails=LINK),
    bad(BEGIN),
    incomplete(BEGIN),
)

CONFIRMING = (
    Case("a change that was confirmed before", CONFIRM, known("confirmed"), differs=is_so("confirmed")),
    Case(
        "a change that nobody has begun",
        CONFIRM,
        fails=Failed("ChangeAbsent", f"this host knows of no change of {OPERATION}"),
    ),
    Case(
        "a change that is not applied yet",
        CONFIRM,
        known("applying"),
        fails=Failed("ChangeNotApplied", f"the change of {OPERATION} is not applied yet"),
    ),
    Case(
        "a change that was put back",
        CONFIRM,
        known("reverted", "not confirmed within 120 s"),
        fails=Failed("ChangeReverted", f"the change of {OPERATION} is reverted: not confirmed within 120 s"),
    ),
    Case(
        "a change that could not be put back",
        CONFIRM,
        known("stuck", "why"),
        fails=Failed("ChangeReverted", f"the change of {OPERATION} is stuck: why"),
    ),
    Case("a guard that does not answer", CONFIRM, known("applied"), fails=SILENT),
    bad(CONFIRM),
    incomplete(CONFIRM),
)

ABORTING = (
    Case("a change that nobody has begun, nor can begin any more", ABORT),
    Case("the same again", ABORT, never_begun, differs=is_so("reverted", NEVER)),
    Case("before anything else was recorded on this host, and the disk is full", ABORT, disk_full, fails=DISK_FULL),
    Case("in a folder that somebody else has laid there", ABORT, strange_folder, fails=ENTERED),
    Case("through a link", ABORT, linked_folder, fails=LINK),
    Case("a change that was put back", ABORT, known("reverted", "aborted"), differs=is_so("reverted", "aborted")),
    Case("a change that is being put back", ABORT, known("reverting", "why"), differs=is_so("reverting", "why")),
    Case("a change that could not be put back", ABORT, known("stuck", "why"), differs=is_so("stuck", "why")),
    Case(
        "a change that was confirmed",
        ABORT,
        known("confirmed"),
        fails=Failed("ChangeConfirmed", f"the change of {OPERATION} was confirmed; it is not put back any more"),
    ),
    Case("a guard that does not answer", ABORT, known("applied"), fails=SILENT),
    Case("a guard that has not begun", ABORT, known("applying"), fails=SILENT),
    bad(ABORT),
    incomplete(ABORT),
)

CASES = (*READING, *BEGINNING, *CONFIRMING, *ABORTING)
