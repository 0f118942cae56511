"""A simulated Windows host as data: what its scripts see and what tests change while the lab runs."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import Base64Bytes, Field, TypeAdapter

from adapters.inventory import LIGHTHOUSE_ID, WindowsPaths
from adapters.windows.services import StartType
from adapters.windows.system import ServiceStatus
from tests.lab.windows.guard import CutHook, GuardedChange, GuardFailed, ReloadHook, ServiceHook, StartHook
from tests.lab.windows.updates import UpdateAgent

RECORD = PureWindowsPath(r"C:\ProgramData\flatnet-bot")
"""The folder in which changes are recorded."""

TERMS = RECORD / "terms"
"""The folder of the kept terms: empty files of their names."""

EVERY = -1
"""Refusals of a service that never starts again."""


@dataclass
class Service:
    """A service as the service manager knows it, or does not tell (`Unknown`); one that is not there is not in the state.

    `pid` is its process, 0 where it has none. `refusals`: so many times it does not start, or never (`EVERY`). `needed_by`:
    running services that Windows stops before it.
    """

    status: ServiceStatus = "Running"
    start_type: StartType = "Automatic"
    pid: int = 0
    account: str = "LocalSystem"
    needed_by: list[str] = field(default_factory=list)
    refusals: int = 0
    program: str = "nebula"
    """Its processes' name."""


@dataclass
class Process:
    """A running process; `name` is without `.exe`. `parent` is the one that started it, 0 where it is not told."""

    name: str
    pid: int
    started_at: datetime | None = None
    parent: int = 0


@dataclass
class Route:
    """A route in use. A `persistent` one is stored, too."""

    destination: str
    next_hop: str
    interface: int
    metric: int = 256
    persistent: bool = False


@dataclass
class OwnAddress:
    """An IPv4 address of the host on one of its interfaces."""

    address: str
    prefix: int
    interface: int
    alias: str


WSL_INTERFACE = 42
"""Index of the interface to WSL2, on the network 172.28.0.0/20."""


@dataclass
class Task:
    """A scheduled task that runs PowerShell. `repeats` is in seconds, `started`: it has been started by hand."""

    arguments: str
    user: str = "S-1-5-18"
    run_level: str = "Highest"
    at_startup: bool = True
    repeats: int = 60
    priority: int = 4
    started: bool = True


@dataclass
class Program:
    """An executable and what it prints when it is asked for its version with `option`.

    `broken`: Windows refuses to start it (damaged, wrong architecture, blocked by policy).
    `hanging`: it starts and never ends. `acts`: what it does beside telling its version, by its stand-in's name.
    """

    option: str
    prints: str
    stream: Literal["stdout", "stderr"] = "stdout"
    condition: Literal["working", "broken", "hanging"] = "working"
    acts: Literal["", "nebula", "nebula-cert", "nginx"] = ""


@dataclass
class Drive:
    """A fixed drive; bytes, None where Windows does not tell (locked by BitLocker)."""

    size: int | None
    free: int | None


GB = 2**30


def _usual_drives() -> dict[str, Drive]:
    return {"C:": Drive(120 * GB, 70 * GB), "F:": Drive(500 * GB, 380 * GB)}


def _only_itself(address: str) -> bool:
    return address == "127.0.0.1"


@dataclass
class WindowsState:
    """One Windows host. Names of services and paths ignore case, as on Windows.

    `files` holds text by full path, `raw` what lies there where it is no text in UTF-8, `sizes` the bytes of files that
    are larger than what they hold, `programs` executables by full path. `clock_offset` is how far the host's clock is
    ahead, `zone` that of its local times. `wmi` is False where WMI does not answer.
    `changes` are the guarded ones by operation, in their order, `tasks` the scheduled tasks by name. `disk_full`:
    nothing can be written. `guard_asleep`: the scheduled task of a change was ended.
    `cut_after_apply`: a change of Nebula takes every road to this host with it until it is put back.
    `written` has when files were last written (where it says nothing: when the host was started), `readers` which
    accounts beside SYSTEM and Administrators may read a file, `sticky` the files whose readers nothing takes away, `denied`
    files that the bot's account may not open, `locked` those that another program lets nobody open. `gaps` are zeros within
    files: at which byte, and how many.
    `links` is where a link to another folder lies, `file_links` what links to files lead to. `reach`: whether an address
    answers from here. `updates` is the Windows Update Agent, `registry` the keys of HKLM that are
    there, of those that come and go. `nginx_reloads` is what a reload of nginx brings. `routes` are those to containers,
    `addresses` the host's own. `task_account`: as whom scheduled tasks run; `task_limit`: the characters of their arguments
    that are kept, 0 for all (a guard whose code was cut does not run). `culture` is that of the task.
    """

    computer_name: str
    booted_at: datetime
    services: dict[str, Service] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    programs: dict[PureWindowsPath, Program] = field(default_factory=dict)
    files: dict[PureWindowsPath, str] = field(default_factory=dict)
    sizes: dict[PureWindowsPath, int] = field(default_factory=dict)
    raw: dict[PureWindowsPath, Base64Bytes] = field(default_factory=dict)
    drives: dict[str, Drive] = field(default_factory=_usual_drives)
    powershell_version: str = "5.1.20348.2227"
    os_version: str = "10.0.20348"
    clock_offset: timedelta = timedelta()
    zone: str = "UTC"
    wmi: bool = True
    changes: dict[str, GuardedChange] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    disk_full: bool = False
    guard_asleep: bool = False
    cut_after_apply: bool = False
    written: dict[PureWindowsPath, datetime] = field(default_factory=dict)
    readers: dict[PureWindowsPath, list[str]] = field(default_factory=dict)
    sticky: list[PureWindowsPath] = field(default_factory=list)
    links: list[PureWindowsPath] = field(default_factory=list)
    file_links: dict[PureWindowsPath, PureWindowsPath] = field(default_factory=dict)
    denied: list[PureWindowsPath] = field(default_factory=list)
    locked: list[PureWindowsPath] = field(default_factory=list)
    gaps: dict[PureWindowsPath, tuple[int, int]] = field(default_factory=dict)
    task_account: str = "S-1-5-18"
    task_limit: int = 0
    culture: str = "en-US"
    ui_culture: str = "en-US"
    updates: UpdateAgent = field(default_factory=UpdateAgent)
    registry: list[str] = field(default_factory=list)
    nginx_reloads: Literal["new workers", "nothing", "end"] = "new workers"
    routes: list[Route] = field(default_factory=list)
    addresses: list[OwnAddress] = field(default_factory=list)
    reach: Annotated[Callable[[str], bool], Field(exclude=True)] = field(default=_only_itself, repr=False, compare=False)
    roads_dead: bool = False
    on_nebula_start: Annotated[list[StartHook], Field(exclude=True)] = field(default_factory=list, repr=False, compare=False)
    on_nginx_start: Annotated[list[StartHook], Field(exclude=True)] = field(default_factory=list, repr=False, compare=False)
    on_nginx_reload: Annotated[list[ReloadHook], Field(exclude=True)] = field(
        default_factory=list, repr=False, compare=False
    )
    on_handover: Annotated[list[Callable[[], None]], Field(exclude=True)] = field(
        default_factory=list, repr=False, compare=False
    )
    leaving: Annotated[list[int], Field(exclude=True)] = field(default_factory=list, repr=False, compare=False)
    on_service: Annotated[list[ServiceHook], Field(exclude=True)] = field(default_factory=list, repr=False, compare=False)
    on_cut: Annotated[list[CutHook], Field(exclude=True)] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def healthy(cls, host_id: int, name: str) -> "WindowsState":
        """A host on which all is well; the lighthouse (id 0) has no gateway."""
        paths = WindowsPaths.model_validate({})
        state = cls(computer_name=name.upper()[:15], booted_at=datetime(2025, 6, 2, 6, 30, tzinfo=UTC))
        since = state.booted_at + timedelta(seconds=40)
        state.services["Nebula"] = Service(pid=1200)
        state.processes.append(Process("nebula", 1200, since))
        state.programs[PureWindowsPath(paths.nebula_exe)] = Program("-version", "Version: 1.9.3")
        state.addresses += [
            OwnAddress("127.0.0.1", 8, 1, "Loopback Pseudo-Interface 1"),
            OwnAddress(f"192.0.2.{10 + host_id}", 24, 7, "Ethernet"),
        ]
        if host_id != LIGHTHOUSE_ID:
            state.addresses.append(OwnAddress("172.28.0.1", 20, WSL_INTERFACE, "vEthernet (WSL)"))
            state.routes.append(Route(f"10.87.{host_id}.0/24", "172.28.0.2", WSL_INTERFACE))
            state.services["OpenResty"] = Service(pid=2400, program="nginx")
            state.processes += [Process("nginx", 2400, since), Process("nginx", 2404, since, 2400)]
            state.programs[PureWindowsPath(paths.gateway_exe)] = Program(
                "-v", "nginx version: openresty/1.25.3.1", stream="stderr", acts="nginx"
            )
        return state

    def service(self, name: str) -> Service | None:
        """The service of that name."""
        return next((service for known, service in self.services.items() if known.lower() == name.lower()), None)

    def program(self, path: str) -> Program | None:
        """The executable at that path."""
        return self.programs.get(PureWindowsPath(path))

    def clock(self, now: datetime) -> datetime:
        """What the host's clock shows when it is `now`."""
        return now + self.clock_offset

    def write(self, path: PureWindowsPath, text: str, now: datetime) -> None:
        """Write a file at `now`."""
        self.raw.pop(path, None)
        self.gaps.pop(path, None)
        self.files[path] = text
        self.written[path] = self.clock(now)

    def write_raw(self, path: PureWindowsPath, content: bytes, now: datetime) -> None:
        """Write a file that is no text in UTF-8."""
        self.write(path, "", now)
        self.raw[path] = content

    def write_bytes(self, path: PureWindowsPath, content: bytes, now: datetime) -> None:
        """Write a file that may be text in UTF-8 or not."""
        try:
            self.write(path, content.decode(), now)
        except UnicodeDecodeError:
            self.write_raw(path, content, now)

    def append(self, path: PureWindowsPath, text: str, now: datetime) -> None:
        """Write at the end of a file that is there."""
        if path in self.raw:
            self.raw[path] += text.encode()
        else:
            self.files[path] += text
        self.written[path] = self.clock(now)

    def grow(self, path: PureWindowsPath, size: int, now: datetime) -> None:
        """Write so many bytes at the end of a file, which are all zeros; once for a file."""
        self.gaps[path] = (len(self.bytes_of(path)), size)
        self.written[path] = self.clock(now)

    def shorten(self, path: PureWindowsPath, size: int, now: datetime) -> None:
        """Cut a file short, so that so many bytes are left of it."""
        self.write_raw(path, self.bytes_of(path)[:size], now)

    def rename(self, path: PureWindowsPath, to: PureWindowsPath) -> None:
        """Rename a file, as rotation does."""
        for known in self._of_files:
            if path in known:
                known[to] = known.pop(path)

    def has_folder(self, path: PureWindowsPath) -> bool:
        """Whether a folder lies there, which holds a file."""
        return any(path in file.parents for file in self.files) or path in self.links

    def rename_folder(self, path: PureWindowsPath, to: PureWindowsPath) -> None:
        """Move a folder with all that it holds; Windows moves none of which a file is open."""
        inside = [file for file in self.files if path in file.parents]
        if opened := next((file for file in inside if file in self.locked), None):
            raise GuardFailed(f"Access to the path '{opened.parent}' is denied.")
        for file in inside:
            self.rename(file, to / file.relative_to(path))

    def bytes_of(self, path: PureWindowsPath) -> bytes:
        """What a file holds, without its gap."""
        return self.raw.get(path, self.files[path].encode())

    def part_of(self, path: PureWindowsPath, begin: int, end: int) -> bytes:
        """What a file holds from one place to another, with its gap."""
        content = self.bytes_of(path)
        at, zeros = self.gaps.get(path, (len(content), 0))
        gap = bytes(max(0, min(end, at + zeros) - max(begin, at)))
        return content[begin : min(at, end)] + gap + content[max(at, begin - zeros) : max(at, end - zeros)]

    def size_of(self, path: PureWindowsPath) -> int:
        """Bytes of a file."""
        return max(len(self.bytes_of(path)) + self.gaps.get(path, (0, 0))[1], self.sizes.get(path, 0))

    def remove(self, path: PureWindowsPath) -> None:
        """Remove a file that may be there."""
        for known in self._of_files:
            known.pop(path, None)

    @property
    def _of_files(self) -> tuple[dict[PureWindowsPath, Any], ...]:
        """What is known of files, by path."""
        return self.files, self.raw, self.sizes, self.gaps, self.written

    @property
    def facts(self) -> dict[str, str]:
        """What a guard finds of itself."""
        edition = "Desktop" if self.powershell_version.startswith("5.") else "Core"
        return {
            "account": self.task_account,
            "version": self.powershell_version,
            "edition": edition,
            "culture": self.culture,
            "ui_culture": self.ui_culture,
        }

    def register(self, name: str, arguments: str) -> None:
        """Register a scheduled task that runs PowerShell."""
        self.tasks[name] = Task(arguments[: self.task_limit or None])

    def read_sddl(self, path: PureWindowsPath) -> str:
        """The access list of a file."""
        others = "".join(f"(A;;FR;;;{reader})" for reader in self.readers.get(path, ()))
        return f"O:BAG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA){others}"

    def protect(self, path: PureWindowsPath) -> None:
        """Have SYSTEM and Administrators alone open a file; `GuardFailed` where others still can."""
        if path in self.sticky and self.readers.get(path):
            raise GuardFailed(f"others than SYSTEM and Administrators can open {path}: {self.read_sddl(path)}")
        self.readers.pop(path, None)

    def written_at(self, path: PureWindowsPath) -> datetime:
        """When a file was last written, by the host's clock."""
        return self.written.get(path, self.booted_at)

    @property
    def record_is_ours(self) -> bool:
        """Whether nobody beside SYSTEM and Administrators could have written what is recorded of changes."""
        return not self.readers.get(RECORD) and RECORD not in self.links

    @property
    def kept_term(self) -> int:
        """The highest term that is kept; 0 where there is none."""
        return max((int(path.name) for path in self.files if path.parent == TERMS), default=0)

    @property
    def change(self) -> GuardedChange | None:
        """The change that was begun last."""
        return next(reversed(self.changes.values()), None)

    def hand_over(self) -> None:
        """Have the workers from before a reload end, which takes them a moment."""
        if self.leaving:
            self.processes[:] = [each for each in self.processes if each.pid not in self.leaving]
            self.leaving = []
            for hook in self.on_handover:
                hook()

    def settle(self, now: datetime) -> None:
        """Have nginx and the guard do what is due at `now`."""
        self.hand_over()
        self._guard(lambda change: change.settle(self, now))

    def elapse(self, seconds: float) -> None:
        """Let time pass for the guard, without waiting."""
        self._guard(lambda change: change.elapse(self, seconds))

    def reboot(self, now: datetime) -> None:
        """As after a power cut: services start anew, and the guard finds what it had under way."""
        self.booted_at, self.guard_asleep = self.clock(now), False
        for name, service in self.services.items():
            if service.status == "Running":
                self.stop_service(name, now)
                with suppress(GuardFailed):
                    self.start_service(name, now)
        self._guard(lambda change: change.recover(self, now))

    def _guard(self, does: Callable[[GuardedChange], None]) -> None:
        """The scheduled task at work, which takes itself away when it has nothing left to do."""
        if self.guard_asleep or self.task_limit:
            return
        for change in self.changes.values():
            does(change)
            if not change.pending and self.record_is_ours:
                self.tasks.pop(f"flatnet-bot change {change.operation}", None)

    def is_nebula(self, service: str) -> bool:
        return service.lower() == "nebula"

    def cut(self, *, dead: bool) -> None:
        """Tell whoever holds the roads to this host that they are dead, or back."""
        if dead == self.roads_dead:
            return
        self.roads_dead = dead
        for hook in self.on_cut:
            hook(dead)

    def stop_service(self, name: str, now: datetime) -> None:
        """Stop a service and its processes; one that is stopped stays so."""
        service = self._service(name)
        service.status, service.pid = "Stopped", 0
        self._end_processes(service.program)
        self._tell(name, runs=False)

    def start_service(self, name: str, now: datetime) -> None:
        """Start a service that does not run; `GuardFailed` where it does not come up."""
        service = self._service(name)
        if service.status == "Running":
            return
        try:
            self._start(name, service, now)
        except GuardFailed:
            self.stop_service(name, now)
            raise

    def move_nginx(self, program: str, *, stop: bool, start: bool, now: datetime) -> None:
        """Stop, start or restart the nginx that runs without a service."""
        if stop:
            self._end_processes("nginx")
        if start and not any(process.name.lower() == "nginx" for process in self.processes):
            known = self.program(program)
            if known is None or known.condition != "working":
                raise GuardFailed(f"{program} did not start: Windows says 9")
            self._start_nginx(now)

    @property
    def nginx_processes(self) -> list[int]:
        """Process ids of nginx, the master first."""
        return [process.pid for process in self.processes if process.name.lower() == "nginx"]

    def reload_nginx(self, now: datetime) -> str:
        """Tell nginx to reload its configuration, as `nginx -s reload` does: the words of that call, "" where it returns 0.

        That proves nothing: where nginx cannot use what it has read, the workers from before go on.
        """
        processes = [process for process in self.processes if process.name.lower() == "nginx"]
        if not processes:
            return (
                'nginx: [error] OpenEvent("Global\\ngx_reload_2400") failed (2: The system cannot find the file specified)'
            )
        if self.nginx_reloads != "new workers":
            if self.nginx_reloads == "end":
                self._end_processes("nginx")
            return ""
        results = [hook(self, now) for hook in self.on_nginx_reload]
        if all(result.renewed for result in results):
            self._start_processes("nginx", now, processes[0].pid)
            self.leaving = [] if any(result.old_stay for result in results) else [each.pid for each in processes[1:]]
        return next((result.words for result in results if result.words), "")

    def _service(self, name: str) -> Service:
        service = self.service(name)
        if service is None:
            raise GuardFailed(f"Cannot find any service with service name '{name}'.")
        return service

    def _start(self, name: str, service: Service, now: datetime) -> None:
        if service.refusals:
            service.refusals -= service.refusals > 0
            raise GuardFailed(f"the service {name} is Stopped, not Running")
        pid = self._start_nginx(now) if service.program == "nginx" else self._start_processes(service.program, now)
        service.status, service.pid = "Running", pid
        self._tell(name, runs=True)
        if self.is_nebula(name):
            for hook in self.on_nebula_start:
                hook(self, now)

    def _tell(self, name: str, *, runs: bool) -> None:
        for hook in self.on_service:
            hook(name, runs)

    def _start_processes(self, program: str, now: datetime, parent: int = 0) -> int:
        """Start a program's process; its id."""
        pid = max((process.pid for process in self.processes), default=1000) + 4
        self.processes.append(Process(program, pid, self.clock(now), parent))
        return pid

    def _start_nginx(self, now: datetime) -> int:
        """Start nginx with one worker; the id of the process that started it."""
        for hook in self.on_nginx_start:
            hook(self, now)
        master = self._start_processes("nginx", now)
        self._start_processes("nginx", now, master)
        return master

    def _end_processes(self, program: str) -> None:
        self.processes[:] = [process for process in self.processes if process.name.lower() != program]

    def to_json(self) -> dict[str, Any]:
        """This state as plain JSON, as the PowerShell shims read it."""
        document: dict[str, Any] = _STATE.dump_python(self, mode="json")
        return document

    @classmethod
    def from_json(cls, document: Any) -> "WindowsState":
        """A state from `to_json`; a `ValueError` where it is none."""
        return _STATE.validate_python(document)


_STATE = TypeAdapter(WindowsState)
