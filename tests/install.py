"""`make install`: the virtual environment with the locked versions, step by step, by a Python without any library.

    python3 -m venv ─▶ uv, as locked ─▶ everything that is locked ─▶ the project itself, editable

uv takes seconds where pip takes minutes. It does not read the settings of pip: where it does not reach the packages, pip
installs them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.steps import step

LOCK = Path("requirements.lock")

TEXTS = {
    "en": (
        "Installing into {folder}, once.",
        "1/4  Python environment",
        "2/4  installer",
        "3/4  {n} packages",
        "4/4  flatnet-bot",
    ),
    "ja": (
        "{folder} にインストールします (初回のみ)。",
        "1/4  Python 環境",
        "2/4  インストーラー",
        "3/4  パッケージ {n} 個",
        "4/4  flatnet-bot",
    ),
}

Command = list[str | Path]


def main() -> None:
    """Install, or end with what the failed command said."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.install", description="The virtual environment with the locked versions."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", choices=tuple(TEXTS), default="en")
    given = parser.parse_args()
    lock = LOCK.read_text(encoding="utf-8")
    head, *texts = (text.format(folder=given.folder, n=len(list(split_lock(lock)))) for text in TEXTS[given.language])
    print(head, flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        installer = Path(scratch) / "uv.txt"
        installer.write_text(next(each for each in split_lock(lock) if each.startswith("uv==")), encoding="utf-8")
        for text, ways in zip(texts, list_ways(given.folder, installer), strict=True):
            with step(text):
                run_first(*ways)
    link_relatively(given.folder)


def split_lock(lock: str) -> Iterator[str]:
    """Yield the locked packages, each with its hashes."""
    package = ""
    for line in lock.splitlines(keepends=True):
        if not line.startswith((" ", "#", "\n")) and package:
            yield package
            package = ""
        package += line
    yield package


def list_ways(folder: Path, installer: Path) -> list[list[Command]]:
    """List the commands of each step: the first is tried first."""
    bin_folder = folder / "bin"
    pip: Command = [bin_folder / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv: Command = [bin_folder / "uv", "pip", "install", "--quiet", "--python", bin_folder / "python"]
    return [
        [[sys.executable, "-m", "venv", folder]],
        [[*pip, "--require-hashes", "-r", installer]],
        [[*uv, "--require-hashes", "-r", LOCK], [*pip, "--require-hashes", "-r", LOCK]],
        [[*pip, "--no-deps", "--no-build-isolation", "-e", "."]],
    ]


def run_first(*commands: Command) -> None:
    """Run the first of these commands that succeeds; ends the process with the last one's words where none does."""
    for command in commands:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if ended.returncode == 0:
            return
    sys.exit(ended.stdout.decode(errors="replace").rstrip())


def link_relatively(folder: Path) -> None:
    """Name the project in the environment by the way from there.

    Python before 3.13 reads that file in the terminal's encoding, and starts in no terminal that lacks a letter of the path.
    """
    for link in folder.glob("lib/python*/site-packages/_editable_impl_*.pth"):
        link.write_text(os.path.relpath(Path.cwd(), link.parent) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
