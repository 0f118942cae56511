"""What the bot itself refuses of requests and answers about keys and new files, before and after a host has its say."""

from typing import Any

import pytest

from adapters.action_registry import ACTIONS
from adapters.errors import ActionFailed
from adapters.inventory import WindowsPaths, WindowsSide
from adapters.phrase import Phrase
from adapters.windows.key_files import (
    FindStrayKeys,
    KeyRemains,
    ReadKeyRemains,
    WipeKeys,
    list_roots,
    locate_operations,
)
from adapters.windows.new_host import ReadNewHost, StageFile
from tests.adapters.windows.nebula_hosts import FOLDER, PATHS, SIDE, signed

KEY = {
    "file": r"F:\flatnet\nebula\x.key",
    "kind": "host",
    "written_at": "2026-03-01T12:00:00.0000000Z",
    "certificate": "",
}


def side(**paths: str) -> WindowsSide:
    return SIDE.model_copy(update={"paths": WindowsPaths.model_validate(paths)})


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        ((PATHS.ca_key,), ()),
        ((PATHS.ca_key.upper(),), ()),
        ((PATHS.ca_key.replace("\\", "/"),), ()),
        ((r"C:\Windows\x.key",), ()),
        ((r"F:\flatnet\..\x.key",), ()),
        ((r"F:\flatnetwork\x.key",), ()),
        ((r"\\server\share\x.key",), ()),
        ((), (r"F:\flatnet",)),
        ((), (r"C:\operations",)),
    ],
)
@pytest.mark.parametrize("kind", [WipeKeys, ReadKeyRemains])
def test_what_is_not_in_flatnets_folders_and_the_ca_key_are_no_request(
    kind: type[WipeKeys], files: tuple[str, ...], folders: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=r"Flatnet's folders|never wiped"):
        kind.of(SIDE, files, folders)


@pytest.mark.parametrize(
    ("paths", "roots"),
    [
        ({}, (r"F:\flatnet",)),
        ({"base": "D:/flatnet"}, (r"D:\flatnet",)),
        ({"host_key": r"C:\keys\host.key"}, (r"F:\flatnet", r"C:\keys")),
        ({"nebula_exe": r"C:\Nebula\nebula.exe", "host_key": r"c:\nebula\host.key"}, (r"F:\flatnet", r"C:\Nebula")),
    ],
)
def test_keys_may_lie_where_the_inventory_has_its_files(paths: dict[str, str], roots: tuple[str, ...]) -> None:
    assert tuple(map(str.lower, roots)) == tuple(dict.fromkeys(map(str.lower, list_roots(side(**paths)))))


def test_a_key_outside_of_the_base_can_be_wiped_where_it_is_the_hosts_own() -> None:
    here = side(host_key=r"C:\keys\host.key")

    assert (r"C:\keys\host.key",) == WipeKeys.of(here, (here.paths.host_key,), (locate_operations(here),)).files


def answer(*keys: Any, **given: Any) -> Any:
    return {"keys": list(keys), "complete": True, "clock": "2026-03-02T12:00:00.0000000Z"} | given


@pytest.mark.parametrize(
    "text", ["", "junk", "-----BEGIN NEBULA CERTIFICATE-----\nAAAA\n-----END NEBULA CERTIFICATE-----\n"]
)
def test_a_certificate_that_cannot_be_read_is_none(text: str) -> None:
    assert [None] == [each.certificate for each in FindStrayKeys.of(SIDE).parse(answer(KEY | {"certificate": text})).keys]


def test_a_certificate_beside_a_key_is_parsed() -> None:
    [key] = FindStrayKeys.of(SIDE).parse(answer(KEY | {"certificate": signed()})).keys

    assert key.certificate is not None
    assert "host-a" == key.certificate.name


@pytest.mark.parametrize(
    "said",
    [
        answer(KEY | {"kind": "secret"}),
        answer(KEY | {"certificate": None}),
        answer(KEY | {"file": "x" * 1001}),
        answer(*[KEY] * 201),
        answer(complete="perhaps"),
        {"keys": "none"},
        [],
    ],
    ids=["kind", "no text", "long path", "too many", "complete", "keys", "list"],
)
def test_an_answer_of_another_form_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        FindStrayKeys.of(SIDE).parse(said)


def test_a_content_has_its_hash_and_a_place_in_its_folder() -> None:
    staged = StageFile.of(FOLDER, r"F:\flatnet\config", r"F:\flatnet\config\a.yaml", b"x")

    with pytest.raises(ValueError, match="another hash"):
        StageFile.model_validate({**staged.model_dump(), "sha256": "0" * 64})
    with pytest.raises(ValueError, match="subpath"):
        StageFile.of(FOLDER, r"F:\flatnet\config", r"F:\flatnet\a.yaml", b"x")
    assert staged == StageFile.model_validate_json(staged.model_dump_json())


def test_failures_say_what_to_do_next() -> None:
    def failed(action: Any, code: str) -> str:
        return str(action.explain(ActionFailed(Phrase("{message}", message="that"), code=code)).phrase)

    wipe = WipeKeys.of(SIDE)
    assert "that. No key was wiped. End that change first, then try again" == failed(wipe, "ChangeNotEnded")
    assert failed(wipe, "CaKey").startswith("that. No key was wiped. The key of a CA")
    staged = StageFile.of(FOLDER, r"F:\flatnet\config", r"F:\flatnet\config\a.yaml", b"x")
    assert "that. It was not replaced. Keep it with --adopt, or remove it on the host" == failed(staged, "FileThere")
    left = ReadKeyRemains.of(SIDE)
    assert "2 private keys are left, the first is x" == str(left.explain_answer(KeyRemains(left=2, first="x")))
    assert None is left.explain_answer(KeyRemains(left=0))


def test_what_plans_need_can_be_stored() -> None:
    assert {ReadNewHost, StageFile, WipeKeys, ReadKeyRemains} <= set(ACTIONS)
