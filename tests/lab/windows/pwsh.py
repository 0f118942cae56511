"""A real PowerShell that takes a simulated Windows host for its own.

PowerShell 7 on Linux runs the same bootstrap, the same scripts and the same guard; the module `LabWindows`
stands in for what Linux lacks. What they leave on the host goes back into its state.
"""

import base64
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PureWindowsPath
from typing import Any

from adapters.windows import powershell
from tests.lab.windows import change_files, nebula, nebula_cert, nginx_exe
from tests.lab.windows.nebula_cert_usage import OLD, find_edition
from tests.lab.windows.pwsh_server import OPTIONS, SHIMS, TIME_LIMIT, Servers, environment
from tests.lab.windows.state import Program, WindowsState

ROOT = Path(__file__).parents[3]
"""Where the stand-ins of programs are found as modules."""

WHOAMI = PureWindowsPath(r"C:\Windows\System32\whoami.exe")
"""Says as whom the guard runs; a part of Windows, so no program of the host's state."""


def find_pwsh(environment: Mapping[str, str]) -> Path | None:
    """The PowerShell 7 to use: `FLATNET_PWSH`, else `pwsh` on the `PATH`, else none."""
    found = shutil.which(environment.get("FLATNET_PWSH") or "pwsh", path=environment.get("PATH"))
    return Path(found) if found else None


class Pwsh:
    """Runs requests in PowerShell; may be used from several threads. To be closed."""

    def __init__(self, program: Path) -> None:
        self._servers = Servers(program)

    def close(self) -> None:
        """End what still runs."""
        self._servers.close()

    def run(self, request: bytes, state: WindowsState, now: datetime) -> bytes:
        """What the bootstrap writes to stdout for a request line (`powershell.pack_request`) on that host at `now`."""
        with self.machine(state, now) as machine:
            return machine.run(request)

    @contextmanager
    def resident(self, idle_seconds: int, requests_limit: int) -> Iterator[subprocess.Popen[bytes]]:
        """A PowerShell that stays, on no host: its stdin and stdout are those of the bootstrap. It is ended at last."""
        encoded = powershell.build_resident_line(idle_seconds, requests_limit).rpartition(" ")[2]
        with (
            self._servers.slots,
            subprocess.Popen(
                [self._servers.program, *OPTIONS, "-EncodedCommand", encoded],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment(),
                bufsize=0,
            ) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def machine(self, state: WindowsState, now: datetime, pace: float = 0.002) -> Iterator["Machine"]:
        """A host on which several run, one after another or at once; `state` is what they have left at the end.

        One second of `Start-Sleep` takes `pace` seconds.
        """
        with tempfile.TemporaryDirectory(prefix="flatnet-pwsh-") as folder:
            machine = Machine(self._servers, Path(folder), pace)
            machine.lay_out(state, now)
            yield machine
            machine.read_back(state, now)


class Machine:
    """A simulated host on this machine's disk, with PowerShell."""

    def __init__(self, servers: Servers, folder: Path, pace: float) -> None:
        self._servers = servers
        self._folder = folder
        self._pace = pace
        self._laid: dict[PureWindowsPath, tuple[int, int]] = {}

    def run(self, request: bytes) -> bytes:
        """What the bootstrap writes to stdout for a request line."""
        return self._ask(_sent(powershell.build_command_line()), request).encode()

    def run_alone(self, request: bytes) -> bytes:
        """The same from a PowerShell that is started for it, as on Windows."""
        encoded = base64.b64encode(_sent(powershell.build_command_line()).encode("utf-16-le")).decode()
        with self._servers.slots:
            completed = subprocess.run(
                [self._servers.program, *OPTIONS, "-EncodedCommand", encoded],
                input=request,
                stdout=subprocess.PIPE,
                env=environment() | self._environment(),
                cwd=self._folder,
                timeout=TIME_LIMIT,
                check=False,
            )
        return completed.stdout

    def guard(self, name: str) -> None:
        """Run what the scheduled task of that name runs, to its end."""
        self._ask(_sent(self._read("tasks")[name]["arguments"]), b"")

    def started_tasks(self) -> list[str]:
        """Names of the scheduled tasks that were started."""
        return [name for name, task in self._read("tasks").items() if task["started"]]

    def services(self) -> list[str]:
        """Names of the services."""
        return list(self._read("services"))

    def _read(self, name: str) -> dict[str, Any]:
        """Read a part of the state as the shims have it now."""
        part: dict[str, Any] = json.loads((self._folder / "state.json").read_text("utf-8"))[name]
        return part

    def record(self, operation: str) -> dict[str, str]:
        """Names and texts of what is recorded of a change by now."""
        folder = self.place(change_files.FOLDER / operation)
        return {file.name: file.read_text("utf-8") for file in folder.glob("*") if file.suffix in ("", ".json")}

    def mark(self, operation: str, word: str) -> None:
        """Lay a mark for the guard, as the scripts do."""
        self.place(change_files.FOLDER / operation / word).touch()

    def place(self, path: PureWindowsPath) -> Path:
        """Where a path of the host is on this machine."""
        return self._folder.joinpath("drives", path.drive.rstrip(":"), *path.parts[1:])

    def _ask(self, code: str, stdin: bytes) -> str:
        return self._servers.ask(
            {"code": code, "stdin": stdin.decode(), "environment": self._environment(), "folder": str(self._folder)}
        )

    def _environment(self) -> dict[str, str]:
        state = json.loads((self._folder / "state.json").read_text("utf-8"))
        return {
            "COMPUTERNAME": state["computer_name"],
            "FLATNET_LAB_DRIVES": str(self._folder / "drives"),
            "FLATNET_LAB_PACE": str(self._pace),
            "FLATNET_LAB_STATE": str(self._folder / "state.json"),
            "HOME": str(self._folder),
            "ProgramData": r"C:\ProgramData",
            "SystemRoot": r"C:\Windows",
            "TZ": state["zone"],
        }

    def lay_out(self, state: WindowsState, now: datetime) -> None:
        """The host's state as the shims read it, its files, and a stand-in for each of its programs."""
        (self._folder / "drives" / "C").mkdir(parents=True)
        document = state.to_json() | {"clock": state.clock(now).isoformat()}
        (self._folder / "state.json").write_text(json.dumps(document), "utf-8")
        for key in state.registry:
            self._folder.joinpath("drives", "HKLM", *PureWindowsPath(key).parts).mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(state.links):
            elsewhere = self._folder / "links" / str(number)
            elsewhere.mkdir(parents=True)
            self._link(path, elsewhere)
        for path, target in state.file_links.items():
            self._link(path, self.place(target))
        for path, program in state.programs.items():
            file = self._write(path, _stand_in(program))
            file.chmod(0o600 if program.condition == "broken" else 0o700)
        whoami = self._write(
            WHOAMI, _stand_in(Program("/user /fo csv /nh", f'"nt authority\\system","{state.task_account}"'))
        )
        whoami.chmod(0o700)
        self._laid[WHOAMI] = _identify(whoami)
        for change in state.changes.values():
            for name, text in change_files.write(change, state.clock_offset).items():
                self._write(change_files.FOLDER / change.operation / name, text)
        for path in state.files:
            file = self._write_bytes(path, state.bytes_of(path))
            if path in state.gaps:
                _widen(file, *state.gaps[path])
            os.truncate(file, state.size_of(path))
            written_at = state.written_at(path).timestamp()
            os.utime(file, (written_at, written_at))
            self._laid[path] = _identify(file)

    def read_back(self, state: WindowsState, now: datetime) -> None:
        """What is different on the host goes into its state."""
        left = WindowsState.from_json(
            {
                name: value
                for name, value in json.loads((self._folder / "state.json").read_text("utf-8")).items()
                if name != "clock"
            }
        )
        state.services, state.processes, state.tasks = left.services, left.processes, left.tasks
        state.routes = left.routes
        state.readers = {path: readers for path, readers in left.readers.items() if readers}
        found = {path: file for path, file in self._files() if path not in state.programs | state.file_links}
        changes = self._read_changes(found, state, now)
        self._read_files({path: file for path, file in found.items() if path.parent not in changes}, state, now)

    def _read_files(self, found: Mapping[PureWindowsPath, Path], state: WindowsState, now: datetime) -> None:
        written = dict(state.written)
        for path in state.files.keys() - found.keys():
            state.remove(path)
        for path, file in found.items():
            is_now = _identify(file)
            if is_now == self._laid.get(path):
                continue
            state.write_bytes(path, file.read_bytes(), now)
            before = next((laid for laid, was in self._laid.items() if was == is_now), None)
            if before is not None:  # it was moved, with the time that it had
                del state.written[path]
                state.written |= {path: written[before]} if before in written else {}

    def _read_changes(
        self, found: Mapping[PureWindowsPath, Path], state: WindowsState, now: datetime
    ) -> set[PureWindowsPath]:
        """The folders in which there are changes."""
        texts: dict[str, dict[str, str]] = {}
        for path, file in found.items():
            if path.parent.parent == change_files.FOLDER:
                texts.setdefault(path.parent.name, {})[path.name] = file.read_text("utf-8")
        read = set()
        for operation in sorted(texts, key=lambda operation: operation not in state.changes):
            change = change_files.read(operation, texts[operation], now, state.clock_offset)
            if change is None:
                continue
            if operation in state.changes:
                change.left = state.changes[operation].left
            state.changes[operation] = change
            read.add(change_files.FOLDER / operation)
        return read

    def _files(self) -> Iterator[tuple[PureWindowsPath, Path]]:
        drives = self._folder / "drives"
        for folder, _, names in sorted(os.walk(drives, followlinks=True)):
            drive, *parts = Path(folder).relative_to(drives).parts or ("",)
            for name in sorted(names):
                yield PureWindowsPath(f"{drive}:\\", *parts, name), Path(folder, name)

    def _link(self, path: PureWindowsPath, target: Path) -> None:
        link = self.place(path)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)

    def _write(self, path: PureWindowsPath, text: str) -> Path:
        return self._write_bytes(path, text.encode())

    def _write_bytes(self, path: PureWindowsPath, content: bytes) -> Path:
        file = self.place(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file


def _identify(file: Path) -> tuple[int, int]:
    """Which file it is, and when it was written."""
    return file.stat().st_ino, file.stat().st_mtime_ns


def _widen(file: Path, at: int, zeros: int) -> None:
    """Leave a hole in a file, which takes no room on the disk."""
    content = file.read_bytes()
    with file.open("r+b") as opened:
        opened.truncate(at)
        opened.seek(at + zeros)
        opened.write(content[at:])


def _sent(options: str) -> str:
    """The prelude of the lab, then exactly the code that a Windows host gets with these options."""
    code = base64.b64decode(options.rpartition(" ")[2]).decode("utf-16-le")
    return f"{(SHIMS / 'prelude.ps1').read_text('utf-8')}\n{code}"


def _acting(name: str, prints: str) -> str:
    """The real nebula-cert where this machine has that version; Nebula's own -test knows no drives, so it is always ours."""
    real = shutil.which(name) if name == "nebula-cert" and find_edition(prints) is OLD else None
    if real is not None:
        return shlex.quote(real)
    module = {"nebula": nebula.__name__, "nebula-cert": nebula_cert.__name__, "nginx": nginx_exe.__name__}[name]
    version = shlex.quote(prints.removeprefix("Version: "))
    python = shlex.quote(sys.executable)
    return f"env PYTHONPATH={shlex.quote(str(ROOT))} FLATNET_LAB_NEBULA={version} {python} -m {module}"


def _stand_in(program: Program) -> str:
    """A shell script in the program's place; it knows its one option, so a script that asks wrongly gets nothing."""
    if program.condition == "hanging":
        return "#!/bin/sh\nexec sleep 600\n"
    option, prints = shlex.quote(program.option), shlex.quote(program.prints)
    stream = 2 if program.stream == "stderr" else 1
    version = f'[ "$*" = {option} ] && printf "%s\\n" {prints} >&{stream}'
    acts = f' && exit\nexec {_acting(program.acts, program.prints)} "$@"' if program.acts else ""
    return f"#!/bin/sh\n{version}{acts}\n"
