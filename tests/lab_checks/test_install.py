"""`make install`: the lock file in parts, a second way where the first fails, and steps that say how long they took."""

import re
import sys

import pytest

from tests.install import LOCK, TEXTS, run_first, split_lock
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
