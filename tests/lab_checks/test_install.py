"""`make install`: the lock file in parts, a second way where the first fails, and steps that say how long they took."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.install import LOCK, TEXTS, link_relatively, run_first, split_lock
from tests.steps import step

TWO = "a==1 \\\n    --hash=sha256:aa\nb==2 ; python_version < '3.12' \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"


def test_a_lock_file_is_split_into_packages_with_their_hashes() -> None:
    first, second = split_lock(TWO)
    assert TWO == first + second
    assert second.startswith("b==2 ;")


def test_the_installer_itself_is_locked() -> None:
    (installer,) = [each for each in split_lock(LOCK.read_text(encoding="utf-8")) if each.startswith("uv==")]
    assert "--hash=sha256:" in installer


def test_the_second_command_runs_where_the_first_fails(capfd: pytest.CaptureFixture[str]) -> None:
    run_first([sys.executable, "-c", "raise SystemExit('no index')"], [sys.executable, "-c", ""])
    assert ("", "") == capfd.readouterr()


def test_what_the_last_command_said_is_shown_where_all_fail() -> None:
    with pytest.raises(SystemExit, match="no disk"):
        run_first(
            [sys.executable, "-c", "raise SystemExit('no index')"], [sys.executable, "-c", "raise SystemExit('no disk')"]
        )


def test_python_finds_the_project_in_a_terminal_without_the_letters_of_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown locale has ASCII alone."""
    project = tmp_path / "a folder 日本語"
    venv.create(project / ".venv")
    (packages,) = project.glob(".venv/lib/python*/site-packages")
    (packages / "_editable_impl_flatnet_bot.pth").write_text(str(project), encoding="utf-8")
    (project / "found.py").write_text("print('found')")
    monkeypatch.chdir(project)
    link_relatively(Path(".venv"))
    python = [str(project / ".venv" / "bin" / "python"), "-m", "found"]
    environment = os.environ | {"LC_ALL": "no_NE.UTF-8"}
    ended = subprocess.run(python, cwd="/", env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (0, "found\n", "") == (ended.returncode, ended.stdout, ended.stderr)


def test_every_language_has_the_same_steps() -> None:
    assert 1 == len({tuple(re.findall(r"\d/\d|{\w+}", " ".join(texts))) for texts in TEXTS.values()})


def test_a_step_says_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    with step("one"):
        assert "one …" == capsys.readouterr().out
    assert re.fullmatch(r" \d+ s\n", capsys.readouterr().out)


def test_a_step_that_fails_ends_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="two"), step("one"):
        raise ValueError("two")
    assert "one …\n" == capsys.readouterr().out
