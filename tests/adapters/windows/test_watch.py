"""The watch's read of a host: answers that no host gives, positions that are stored, and logs that clients try to spoil."""

import random
from collections.abc import Callable
from pathlib import PureWindowsPath
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.inventory import WindowsPaths, WindowsSide
from adapters.windows import powershell
from adapters.windows.log_files import FilePosition
from adapters.windows.watch import MAX_COUNT, ReadWatch, RequestCounts, WatchReading
from tests.adapters.windows.script_cases import NOW
from tests.adapters.windows.watch_cases import AT_END, OLD, PATH, READ_WATCH, counts, json_line, line, log, position
from tests.lab.windows import twins
from tests.lab.windows.pwsh import Machine, Pwsh
from tests.lab.windows.state import WindowsState

LARGEST = 2**63 - 1


def test_names_and_path_are_those_of_the_host() -> None:
    paths = WindowsPaths.model_validate({"access_log": r"D:\logs\web.log"})
    side = WindowsSide(
        url="http://h:5985/wsman", user="u", allow_http=True, nebula_service="N", gateway_service="G", paths=paths
    )
    arguments = ReadWatch.of(side, None).build_arguments()
    named = {"nebula_service": "N", "gateway_service": "G", "log": r"D:\logs\web.log", "position": None}
    assert named == {name: arguments[name] for name in named}


def test_a_position_is_stored_as_json_and_goes_to_the_host_as_it_is() -> None:
    stored = FilePosition.model_validate(AT_END | {"offset": LARGEST}).model_dump_json()
    side = WindowsSide(url="http://h:5985/wsman", user="u", allow_http=True)
    action = ReadWatch.of(side, FilePosition.model_validate_json(stored))
    assert AT_END | {"offset": LARGEST} == action.build_arguments()["position"]


@pytest.mark.parametrize(
    ("skipped", "lost", "partial"), [(0, False, False), (1, False, True), (0, True, True), (LARGEST, True, True)]
)
def test_counts_are_partial_where_bytes_were_skipped_or_a_log_was_lost(skipped: int, lost: bool, partial: bool) -> None:
    answer = {**READ_WATCH.well, "access_log": log(skipped=skipped, lost=lost)}
    assert partial == READ_WATCH.action.parse(answer).access_log.partial


WRONG: dict[str, Any] = {
    "a negative count": {"counts": counts(-1)},
    "more errors than requests": {"counts": counts(1, 2)},
    "more times than requests": {"counts": counts(1, timed=2)},
    "one time longer than all": {"counts": counts(1, timed=1, time_ms=1, slowest_ms=2)},
    "more requests than any log has": {"counts": counts(MAX_COUNT + 1)},
    "a count too few": {"counts": {"requests": 1}},
    "a position before the beginning": {"position": AT_END | {"offset": -1}},
    "a position beyond any file": {"position": AT_END | {"offset": LARGEST + 1}},
    "a head that was never asked for": {"position": AT_END | {"head": 257}},
    "no hash": {"position": AT_END | {"sha256": "x" * 64}},
    "a hash and a line": {"position": AT_END | {"sha256": "0" * 64 + "\n"}},
    "an unknown state": {"state": "fine"},
    "negative bytes": {"skipped": -1},
    "an unknown field": {"lines": ["GET /secret"]},
}
"""Fields of the access log that no script of ours answers."""


@pytest.mark.parametrize("told", WRONG.values(), ids=WRONG)
def test_an_impossible_answer_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        READ_WATCH.action.parse({**READ_WATCH.well, "access_log": log(**told)})


BY_CLIENTS = (
    *("\\x22", "\\x5C", "\\x0A", " 502 ", " 200 157", "rt=9.000", " 5.000", "request_time=", "flatnet-bot", "] ", "[", "-"),
    *("{", "語", "status"),
)
"""Pieces of what clients write, as it stands in the log."""

TIMES = ("", " 0.001", " rt=0.020", ' request_time="0.003"', " 0.004 0.005")


def spoil(chance: random.Random) -> str:
    """A line as nginx writes it for a client that tries to be somebody else, or a part of one."""
    text = "".join(chance.choices(BY_CLIENTS, k=chance.randrange(6)))
    agent = chance.choice(("flatnet-bot", "curl/8", text))
    whole = line(chance.randrange(60), chance.choice((200, 404, 502)), agent, chance.choice(TIMES), text)
    if chance.random() < 0.1:
        return whole[: chance.randrange(len(whole))]
    return whole if chance.random() < 0.9 else "".join(chance.choices((*BY_CLIENTS, ' "', '" ', "\0", "\\", "\t"), k=8))


def spoil_json(chance: random.Random) -> str:
    """The same in JSON, where nginx escapes quotes otherwise."""
    text = "".join(chance.choices((*BY_CLIENTS, '"', '": 502,', ': "flatnet-bot"', "\n"), k=chance.randrange(6)))
    agent = chance.choice(("flatnet-bot", "curl/8", text))
    fields = {"request": text, "request_time": chance.choice(("0.030", "1.002", "-"))}
    return json_line(chance.choice((200, "503", 5021, "")), agent, **fields).rstrip("\n")


def ask(machine: Machine, at: dict[str, Any]) -> WatchReading:
    arguments = READ_WATCH.action.build_arguments() | {"position": at}
    request = powershell.pack_request("n", powershell.load_script("read-watch"), arguments)
    reading: WatchReading = READ_WATCH.action.parse(powershell.unpack_answer(machine.run(request), "n", 64_000))
    return reading


@pytest.mark.pwsh
@pytest.mark.parametrize("spoil", [spoil, spoil_json])
def test_the_script_counts_spoiled_lines_as_its_twin_does(pwsh: Pwsh, spoil: Callable[[random.Random], str]) -> None:
    chance, state = random.Random(7), WindowsState.healthy(1, "host-a")
    lines = [spoil(chance) + chance.choice(("\n", "\r\n")) for _ in range(3_000)]
    begin = spoil(random.Random(1)) + "\n"
    state.write(PATH, begin + "".join(lines), NOW)
    at = position(begin)
    arguments = READ_WATCH.action.build_arguments() | {"position": at}
    expected = READ_WATCH.action.parse(twins.answer("read-watch", arguments, state, NOW)).access_log
    with pwsh.machine(state, NOW) as machine:
        assert expected == ask(machine, at).access_log
    assert expected.counts is not None
    assert min(expected.counts.requests, expected.counts.errors, expected.counts.own, expected.counts.timed) > 200


@pytest.mark.pwsh
def test_a_log_beyond_2_gib_is_counted_at_its_end(pwsh: Pwsh) -> None:
    state = WindowsState.healthy(1, "host-a")
    state.write(PATH, OLD, NOW)
    state.grow(PATH, 3 * 2**30, NOW)
    state.append(PATH, "\n" + line(3) + line(4, 502), NOW)
    before = len(OLD) + 3 * 2**30
    with pwsh.machine(state, NOW) as machine:
        told = ask(machine, position(OLD) | {"offset": before}).access_log
        machine.place(PureWindowsPath(PATH)).unlink()  # what is left is read back whole
    assert RequestCounts.model_validate(counts(2, 1)) == told.counts
