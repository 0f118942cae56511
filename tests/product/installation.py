"""An installed product: made with the lock as constraints, and run as a person does who has nothing else."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.install import Command, run_first
from tests.product.packages import ROOT, UV

PATIENCE = 180.0
"""Seconds that a command may take on a busy machine."""

Ended = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Installation:
    """A folder of programs, and the empty home of the person who runs them."""

    programs: Path
    home: Path

    def run(self, folder: Path, *arguments: str | Path, program: str = "flatnet-bot", language: str = "en") -> Ended:
        """Run a program of it in a folder to its end."""
        return subprocess.run(
            [self.programs / program, *arguments],
            cwd=folder,
            env=self.list_variables(language),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def list_variables(self, language: str) -> Mapping[str, str]:
        """List the environment variables: nothing of those who develop."""
        locale = {"en": "en_US.UTF-8", "ja": "ja_JP.UTF-8"}[language]
        return {"PATH": os.defpath, "HOME": str(self.home), "LC_ALL": locale, "COLUMNS": "200"}

    @contextmanager
    def serve(self, folder: Path) -> Iterator["subprocess.Popen[str]"]:
        """Run the bot in the block, from when it is connected."""
        command: Command = [self.programs / "flatnet-bot", "run"]
        with subprocess.Popen(
            command, cwd=folder, env=self.list_variables("en"), stderr=subprocess.PIPE, text=True
        ) as running:
            try:
                assert running.stderr is not None
                assert any('"connected"' in line for line in running.stderr), "ended before it was connected"
                yield running
            finally:
                running.kill()


def install(python: Path, wheel: Path, folder: Path) -> None:
    """Install a wheel into a fresh virtual environment. uv makes one without ensurepip too."""
    inside = folder / "bin" / "python"
    constrained: Command = ["--quiet", "--constraint", write_constraints(folder), wheel]
    run_first([UV, "venv", "--quiet", "--no-project", "--python", python, folder])
    run_first(
        [UV, "pip", "install", "--python", inside, *constrained],
        ["python3", "-m", "pip", "--python", inside, "install", *constrained],
    )


def install_by_pipx(wheel: Path, folder: Path) -> None:
    """Install a wheel as the documents say, into a folder instead of the person's home."""
    homes = [f"PIPX_{name}={folder / name.lower()}" for name in ("HOME", "BIN_DIR", "MAN_DIR")]
    locked = f"--pip-args=--constraint={write_constraints(folder)}"
    pipx: Command = ["env", *homes, UV.with_name("pipx"), "install", "--quiet", locked, wheel]
    run_first([*pipx, "--backend", "uv"], [*pipx, "--backend", "pip"])


def write_constraints(folder: Path) -> Path:
    """Write the lock beside a folder without its hashes: with them pip would also ask for that of the wheel."""
    lock, file = (ROOT / "requirements.lock").read_text(encoding="utf-8"), folder.with_name(f"{folder.name}.txt")
    file.write_text(re.sub(r" \\\n +--hash=\S+", "", lock), encoding="utf-8")
    return file
