"""The shell line and its frames, run by a real /bin/sh with stand-ins on PATH."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from adapters.wsl.action import Argv, CompletedProgram
from adapters.wsl.shell import (
    build_shell_line,
    build_stream_line,
    find_stream_begin,
    has_ended,
    parse_frames,
    parse_stream_end,
)
from tests.lab.wsl.shell import Shell
from tests.lab.wsl.state import WslState

NONCE = "5eed" * 8


def run_in_real_shell(commands: list[Argv], folder: Path, *, each: float = 5.0) -> tuple[CompletedProgram, ...]:
    """As sshd does it: until the shell itself has ended, whoever else may still hold its output open."""
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "LC_ALL": "ja_JP.UTF-8"}
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        line = build_shell_line(commands, each, NONCE)
        subprocess.run(line, shell=True, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment, timeout=30)
    written, complained = (folder / "stdout").read_bytes(), (folder / "stderr").read_bytes()
    assert has_ended(written, complained, NONCE, len(commands))
    return parse_frames(written, complained, NONCE, len(commands))


def stand_in(folder: Path, name: str, script: str) -> None:
    """A program on PATH."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("printf 'no final newline'", CompletedProgram(0, "no final newline", ""), id="no final newline"),
        pytest.param("echo one", CompletedProgram(0, "one\n", ""), id="one final newline"),
        pytest.param(r"printf 'two\n\n'", CompletedProgram(0, "two\n\n", ""), id="two final newlines"),
        pytest.param("true", CompletedProgram(0, "", ""), id="no output"),
        pytest.param("echo out; echo err >&2; exit 7", CompletedProgram(7, "out\n", "err\n"), id="both streams and a code"),
        pytest.param("exit 125", CompletedProgram(125, "", ""), id="podman's own failure"),
        pytest.param(
            r"printf '\000\377\033[31m%%s'", CompletedProgram(0, "\x00\ufffd\x1b[31m%s", ""), id="bytes that are no text"
        ),
        pytest.param("printf '%s 0' " + NONCE[:-1], CompletedProgram(0, f"{NONCE[:-1]} 0", ""), id="almost a frame"),
        pytest.param("echo $LC_ALL", CompletedProgram(0, "C\n", ""), id="English messages"),
        pytest.param("cat", CompletedProgram(0, "", ""), id="nothing to read"),
    ],
)
def test_what_a_program_leaves_behind_comes_back_byte_for_byte(
    script: str, expected: CompletedProgram, tmp_path: Path
) -> None:
    stand_in(tmp_path, "program", script)
    stand_in(tmp_path, "after", "echo after")
    assert (expected, CompletedProgram(0, "after\n", "")) == run_in_real_shell([("program",), ("after",)], tmp_path)


def test_arguments_stay_arguments(tmp_path: Path) -> None:
    """Nothing in an argument is code, whatever it looks like."""
    stand_in(tmp_path, "show", """for word; do printf '<%s>' "$word"; done""")
    hostile = ("; touch hacked", "$(id)", "`id`", "'", '"', "a\nb", "-x", "*", "\\n", "", "日本")
    (completed,) = run_in_real_shell([("show", *hostile)], tmp_path)
    assert CompletedProgram(0, "".join(f"<{word}>" for word in hostile), "") == completed


def test_a_program_that_is_not_there_has_code_127(tmp_path: Path) -> None:
    (completed,) = run_in_real_shell([("no-such-program",)], tmp_path)
    assert completed.code == 127


def test_a_program_that_kills_itself_ends_nothing_else(tmp_path: Path) -> None:
    stand_in(tmp_path, "suicide", "echo last words; kill -9 $$")
    stand_in(tmp_path, "after", "echo after")
    killed, after = run_in_real_shell([("suicide",), ("after",)], tmp_path)
    assert (137, "last words\n") == (killed.code, killed.stdout)
    assert CompletedProgram(0, "after\n", "") == after


def test_a_hanging_program_is_cut_off_and_the_next_one_runs(tmp_path: Path) -> None:
    stand_in(tmp_path, "hang", "echo begun; exec sleep 60")
    stand_in(tmp_path, "after", "echo after")
    completed = run_in_real_shell([("hang",), ("after",)], tmp_path, each=1.0)
    assert (CompletedProgram(124, "begun\n", ""), CompletedProgram(0, "after\n", "")) == completed


def test_a_program_that_ignores_term_is_killed(tmp_path: Path) -> None:
    stand_in(tmp_path, "stubborn", "trap '' TERM; while :; do sleep 0.05; done")
    (completed,) = run_in_real_shell([("stubborn",)], tmp_path, each=0.1)
    assert completed.code == 137


def test_a_child_that_holds_the_pipes_holds_nobody_up(tmp_path: Path) -> None:
    """The child lives on when all is read."""
    stand_in(tmp_path, "leaver", f"setsid sleep 60 & echo $! > {tmp_path}/child; echo left")
    assert (CompletedProgram(0, "left\n", ""),) == run_in_real_shell([("leaver",)], tmp_path)
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("stdout", "stderr"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"This account is currently not available.\n", b"", id="no shell"),
        pytest.param(f"\n{NONCE} 0\nout".encode(), f"\n{NONCE}\n".encode(), id="broken off"),
        pytest.param(f"\n{NONCE} 0\nout\n{NONCE} 0\n".encode(), f"\n{NONCE}\n".encode(), id="standard error broken off"),
        pytest.param(
            f"\n{NONCE} 0\n\n{NONCE} 0\n\n{NONCE} 0\n".encode(), f"\n{NONCE}\n\n{NONCE}\n".encode(), id="one too many"
        ),
        pytest.param(f"\n{NONCE} zero\n\n{NONCE} 0\n".encode(), f"\n{NONCE}\n\n{NONCE}\n".encode(), id="no code"),
    ],
)
def test_missing_frames_are_never_taken_for_an_answer(stdout: bytes, stderr: bytes) -> None:
    with pytest.raises(ValueError, match="frame"):
        parse_frames(stdout, stderr, NONCE, 1)


def test_what_a_login_script_prints_first_is_nobody_s_output() -> None:
    stdout, stderr = f"Welcome!\n\n{NONCE} 0\nout\n{NONCE} 3\n", f"motd\n\n{NONCE}\nerr\n{NONCE}\n"
    assert (CompletedProgram(3, "out", "err"),) == parse_frames(stdout.encode(), stderr.encode(), NONCE, 1)


def test_a_stream_comes_back_byte_for_byte_with_its_last_line(tmp_path: Path) -> None:
    stand_in(tmp_path, "save", f"""echo . >&2; printf '\\000\\n\\n{NONCE}\\n\\377'; echo . >&2; echo '{{"size":5}}' >&2""")
    ran = subprocess.run(
        f"echo motd; echo motd >&2; {build_stream_line(('save',), NONCE)}",
        shell=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        timeout=30,
    )
    begin = find_stream_begin(ran.stdout, NONCE)
    assert f"\0\n\n{NONCE}\n".encode() + b"\xff" == ran.stdout[begin:]
    assert CompletedProgram(0, '{"size":5}', '{"size":5}') == parse_stream_end(ran.stderr, NONCE)


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        pytest.param("\nN\n.\n.\n\nN 6\n", CompletedProgram(6, "", ""), id="only beats"),
        pytest.param(
            "\nN\nwarning\nflatnet-bot: full\n\nN 6\n", CompletedProgram(6, "flatnet-bot: full", ""), id="a failure"
        ),
        pytest.param("\nN\nhalf a line\nN 141\n", CompletedProgram(141, "half a line", ""), id="killed by a signal"),
    ],
)
def test_the_end_of_a_stream_has_its_code_and_its_last_line(stderr: str, expected: CompletedProgram) -> None:
    ended = parse_stream_end(stderr.replace("N", NONCE).encode(), NONCE)
    assert (expected.code, expected.stdout) == (ended.code, ended.stdout)


@pytest.mark.parametrize("stderr", ["", "\nN\n", "\nN 0\n", "\nN\n.\n\nN 0", "\nN\n\nN zero\n"])
def test_a_stream_without_an_end_has_no_result(stderr: str) -> None:
    with pytest.raises(ValueError, match="frame"):
        parse_stream_end(stderr.replace("N", NONCE).encode(), NONCE)


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param([("sysctl", "-n", "net.ipv4.ip_forward"), ("ip", "-json", "addr", "show", "br0")], id="answers"),
        pytest.param([("no-such-program",), ("id",)], id="unknown program"),
        pytest.param([("no-such-program", 'it\'s; $(x) `y` "z"\n', "")], id="quoting"),
        pytest.param([("ip", "hangs")], id="hangs"),
    ],
)
async def test_the_shell_of_the_lab_does_what_a_real_one_does(commands: list[Argv], tmp_path: Path) -> None:
    """The same line, the same programs: in /bin/sh with stand-ins, and in the lab's own interpreter."""
    each = 0.1 if "hangs" in commands[0] else 5.0
    state = WslState(address="10.87.1.1", bridge="br0", hanging={"ip"} if "hangs" in commands[0] else set())
    shell = Shell(state)
    await shell.run(build_shell_line(commands, each, NONCE))
    simulated = parse_frames("".join(shell.stdout).encode(), "".join(shell.stderr).encode(), NONCE, len(commands))

    for command, answer in zip(commands, simulated, strict=True):
        if answer.code == 0:
            (tmp_path / "output").write_text(answer.stdout)
            stand_in(tmp_path, command[0], f"cat <<'END'\n{answer.stdout}END")
        elif answer.code == 124:
            stand_in(tmp_path, command[0], "exec sleep 60")
    assert simulated == run_in_real_shell(commands, tmp_path, each=each)
