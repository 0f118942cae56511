"""New handshakes of Nebula's log: what is taken of an answer, and that a forged log becomes nothing worse than claims."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.windows import powershell
from adapters.windows.handshakes import MAX_CERTIFICATES, MAX_REFUSALS, HandshakeReading, RefusedPeer, SeenCertificate
from tests.adapters.windows.handshakes_cases import (
    CA,
    OLD,
    PATH,
    READ,
    REASON,
    A,
    B,
    C,
    in_json,
    new_refusal,
    read,
    refusal,
    slog,
    text,
)
from tests.adapters.windows.script_cases import NOW
from tests.adapters.windows.watch_cases import position
from tests.lab.windows import twins
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import WindowsState

SECOND = datetime(2026, 2, 20, 9, tzinfo=UTC)


def parse(*lines: Any, **told: Any) -> Any:
    given = [line.rstrip("\n") if isinstance(line, str) else line for line in lines]
    return READ.action.parse(read() | {"lines": given} | told)


def seen(name: str, fingerprint: str, **given: Any) -> SeenCertificate:
    usual = {"name": name, "fingerprint": fingerprint, "issuer": CA, "address": "10.100.1.1", "at": SECOND}
    return SeenCertificate.model_validate(usual | given)


def test_each_certificate_is_taken_in_every_form_that_nebula_writes() -> None:
    reading = parse(text("host-a", A), slog("host-b", B), in_json("host-c", C))
    assert (seen("host-a", A), seen("host-b", B), seen("host-c", C)) == reading.certificates


def test_the_last_line_of_a_certificate_counts() -> None:
    reading = parse(text("host-a", A), text("host-a", A, second=9))
    assert (seen("host-a", A, at=SECOND.replace(second=9)),) == reading.certificates


@pytest.mark.parametrize(("told", "underlay"), [("192.0.2.9:4242", "192.0.2.9"), ("$(reboot):1", ""), ("host-a", "")])
def test_the_address_it_came_from_is_an_ip_address_or_unknown(told: str, underlay: str) -> None:
    reading = parse(text("host-a", A).rstrip("\n") + f' udpAddr="{told}"\n')
    assert (seen("host-a", A, underlay=underlay),) == reading.certificates


FORGED = {
    "a fingerprint in upper case": text("x", A.upper()),
    "one that is too long": text("x", A + "0"),
    "one that is too short": text("x", A[:-1]),
    "one with a line break": in_json("x", A + "\\n"),
    "a CA that is none": text("x", A).replace(CA, "me"),
    "an address that is none": text("x", A, address="everywhere"),
    "a name that is too long": text("x" * 301, A),
    "no name": text("x", A).replace("certName=x", ""),
    "another message": text("x", A).replace("received", "sent"),
    "a name that holds the message": text('"Handshake message received"', A).replace('msg="Handshake message', 'msg="'),
    "no text": 5,
    "half a document": in_json("x", A)[:-3],
    "deep brackets": "[" * 1_900 + "Handshake message received" + A,
}


@pytest.mark.parametrize("story", FORGED)
def test_a_line_that_nebula_does_not_write_is_only_counted(story: str) -> None:
    reading = parse(FORGED[story], text("host-b", B))
    assert ((seen("host-b", B),), 1) == (reading.certificates, reading.unparsed)


def test_a_name_cannot_pass_for_the_fields_behind_it() -> None:
    reading = parse(text(f'"host-b fingerprint={B} issuer={B} "', A), in_json(f'\\",\\"fingerprint\\":\\"{B}', C))
    assert [A, C] == [each.fingerprint for each in reading.certificates]


def refused(address: str, why: str = REASON, fingerprint: str = "", **given: Any) -> RefusedPeer:
    return RefusedPeer.model_validate({"address": address, "why": why, "fingerprint": fingerprint, "at": SECOND} | given)


def parse_refusals(*lines: str) -> tuple[RefusedPeer, ...]:
    reading: HandshakeReading = parse(refusals=[line.rstrip("\n") for line in lines])
    return reading.refusals


def test_a_refused_peer_is_taken_in_both_forms_once_for_each_certificate_and_reason() -> None:
    lines = (refusal("192.0.2.13:1"), refusal("192.0.2.13:2", second=9), new_refusal("192.0.2.13:1", A))
    expected = (refused("192.0.2.13", at=SECOND.replace(second=9)), refused("192.0.2.13", fingerprint=A))
    assert expected == parse_refusals(*lines)


def test_a_line_of_1_10_without_its_reason_still_names_the_certificate() -> None:
    line = new_refusal("192.0.2.13:1", A).replace(f'"error":"{REASON}",', '"error":null,')
    assert (refused("192.0.2.13", why="", fingerprint=A),) == parse_refusals(line)


NO_REFUSAL = {
    "an accepted peer whose name says so": text('"Invalid certificate from host"', A),
    "an address that is none": refusal("everywhere:1"),
    "a fingerprint that is none": new_refusal("192.0.2.13:1", "A" * 64),
    "a reason that is too long": refusal("192.0.2.13:1", "x" * 301),
    "half a document": new_refusal("192.0.2.13:1", A)[:-3],
}


@pytest.mark.parametrize("story", NO_REFUSAL)
def test_a_refusal_that_nebula_does_not_write_is_left_out(story: str) -> None:
    assert () == parse_refusals(NO_REFUSAL[story])


WRONG: dict[str, dict[str, Any]] = {
    "more certificates than were asked for": {"lines": [""] * (MAX_CERTIFICATES + 1)},
    "no lines": {"lines": None},
    "more refusals than were asked for": {"refusals": [""] * (MAX_REFUSALS + 1)},
    "no refusals": {"refusals": None},
    "an unknown state": {"state": "fine"},
    "an unknown field": {"certificates": ["x"], "more": 1},
    "a negative number": {"received": -1},
    "a position of another shape": {"position": {"offset": -1}},
}


@pytest.mark.parametrize("story", WRONG)
def test_an_impossible_answer_is_refused(story: str) -> None:
    with pytest.raises((ValidationError, ValueError)):
        READ.action.parse(read() | WRONG[story])


PIECES = (
    *(A, B, C, CA, "Handshake message received", "certName=", "fingerprint="),
    *('"', "\\", " ", "\n", "\r", "\0", "語", "{", "x"),
)


def spoil(chance: random.Random) -> str:
    """A line as Nebula writes it for a peer with a hostile name, or a part of one, or noise."""
    name = "".join(chance.choices(PIECES, k=chance.randrange(6))).replace("\n", "").replace("\r", "")
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    line = chance.choice((text, slog))(quoted, chance.choice((A, B, C)))
    if chance.random() < 0.2:
        return line[: chance.randrange(len(line))] + "\n"
    return line if chance.random() < 0.9 else "".join(chance.choices(PIECES, k=9)) + "\n"


@pytest.mark.pwsh
def test_the_script_reads_spoiled_lines_as_its_twin_does(pwsh: Pwsh) -> None:
    chance, state = random.Random(7), WindowsState.healthy(1, "host-a")
    state.write(PATH, OLD + "".join(spoil(chance) for _ in range(2_000)), NOW)
    arguments = READ.action.build_arguments() | {"position": position(OLD)}
    expected = READ.action.parse(twins.answer("read-handshakes", arguments, state, NOW))
    request = powershell.pack_request("n", powershell.load_script("read-handshakes"), arguments)
    answer = powershell.unpack_answer(pwsh.run(request, state, NOW), "n", READ.action.output_limit)
    assert expected == READ.action.parse(answer)
    assert {A, B, C} == {each.fingerprint for each in expected.certificates}
    assert expected.received > 1_500
