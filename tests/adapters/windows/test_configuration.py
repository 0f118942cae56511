"""What is made of the answers of scripts that handle configuration files, and how plans store such actions."""

import base64
import hashlib
import json
from typing import Any

import pytest

from adapters.action_registry import get_kind, parse_action
from adapters.errors import ActionFailed
from adapters.phrase import Phrase
from adapters.windows.configuration import (
    HashedFile,
    ListConfiguration,
    ReadConfiguration,
    Splice,
    StageEdit,
    hash_configuration,
    stage_path,
)
from adapters.windows.configuration_trial import ConfigurationTest, TestConfiguration
from tests.adapters.windows.configuration_cases import BIND, EDIT, SIDE

READ = ReadConfiguration.of(r"F:\flatnet\config\nginx.conf")
TEST = TestConfiguration.of_gateway(SIDE)
SJIS = "表示\r\n".encode("cp932")


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read(content: bytes, sha256: str) -> Any:
    return READ.parse({"file": READ.file, "content": base64.b64encode(content).decode(), "sha256": sha256})


def test_a_file_is_read_byte_for_byte() -> None:
    assert SJIS == read(SJIS, sha(SJIS)).content


def test_bytes_that_are_not_those_that_the_host_hashed_are_rejected() -> None:
    with pytest.raises(ValueError, match="another hash"):
        read(SJIS, sha(SJIS + b"x"))


def test_an_edit_in_a_plan_keeps_bytes_that_are_no_text() -> None:
    action = EDIT.model_copy(update={"splices": (Splice(offset=3, removed=SJIS, inserted=b"\xff\x00"),)})
    stored = json.loads(action.model_dump_json())
    assert action == parse_action(get_kind(StageEdit), stored)
    assert {"offset": 3, "removed": base64.b64encode(SJIS).decode(), "inserted": "/wA="} == stored["splices"][0]


def test_an_edited_file_is_staged_under_its_path_in_the_configuration() -> None:
    staged = stage_path(r"F:\flatnet\operations\op-1", r"F:\flatnet\config", r"f:\Flatnet\config\conf.d\x.conf")
    assert r"F:\flatnet\operations\op-1\edit\conf.d\x.conf" == staged


def test_a_file_outside_of_the_configuration_cannot_be_staged() -> None:
    with pytest.raises(ValueError, match="not in the subpath"):
        stage_path(r"F:\flatnet\operations\op-1", r"F:\flatnet\config", r"F:\flatnet\logs\x.log")


FILES = [HashedFile(file=rf"F:\c\{name}", sha256=sha(name.encode())) for name in ("nginx.conf", r"conf.d\a.conf")]


def test_the_hash_of_a_configuration_does_not_depend_on_order_and_case_of_paths() -> None:
    upper = HashedFile(file=FILES[0].file.upper(), sha256=FILES[0].sha256)
    assert hash_configuration(FILES, r"F:\c") == hash_configuration([FILES[1], upper], r"f:\c")


def test_the_hash_of_a_configuration_changes_with_each_file() -> None:
    other = HashedFile(file=FILES[1].file, sha256=sha(b"other"))
    hashes = {hash_configuration(files, r"F:\c") for files in (FILES, FILES[:1], [FILES[0], other])}
    assert 3 == len(hashes)


def test_only_files_that_are_there_count_and_can_be_kept() -> None:
    listing = ListConfiguration.of(r"F:\c\nginx.conf").parse(
        {
            "files": [
                {"file": FILES[0].file, "state": "present", "size": 9, "sha256": FILES[0].sha256},
                {"file": r"F:\elsewhere\mime.types", "state": "outside", "size": 0, "sha256": ""},
            ]
        }
    )
    assert (hash_configuration(FILES[:1], r"F:\c"), (FILES[0],)) == (listing.sha256, listing.present)


def answer(code: int, *lines: str, syntax: bool = False) -> ConfigurationTest:
    return TEST.parse({"code": code, "lines": list(lines), "syntax": syntax})


LINUX = "nginx: [emerg] bind() to 10.100.2.1:8080 failed (99: Cannot assign requested address)"
IN_LOG = '2026/11/29 16:26:02 [emerg] 26827#26828: unknown directive "foo" in F:\\flatnet\\config/conf.d/x.conf:12'


@pytest.mark.parametrize(
    ("lines", "syntax", "expected"),
    [
        ([f"nginx: [emerg] {BIND}"], True, {"state": "unbound", "address": "10.100.1.1:8080"}),
        ([LINUX], True, {"state": "unbound", "address": "10.100.2.1:8080"}),
        ([LINUX, LINUX.replace("8080", "9145")], True, {"state": "unbound", "address": "10.100.2.1:8080"}),
        ([LINUX], False, {"state": "bad", "says": "no reason given"}),
        ([LINUX, 'nginx: [emerg] open() "x" failed (5: Access is denied)'], True, {"state": "bad"}),
        ([LINUX.replace("99:", "13:")], True, {"state": "bad"}),
        ([], True, {"state": "bad", "says": "no reason given"}),
        (
            [IN_LOG],
            False,
            {"state": "bad", "says": 'unknown directive "foo"', "file": r"F:\flatnet\config\conf.d\x.conf", "line": 12},
        ),
        (["yaml: line 33: did not find expected node content"], False, {"state": "bad", "line": 0}),
        (["x" * 9000], False, {"state": "bad", "says": "x" * 500}),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(lines: list[str], syntax: bool, expected: dict[str, Any]) -> None:
    test = answer(1, *lines, syntax=syntax)
    assert expected == {name: getattr(test, name) for name in expected}


@pytest.mark.parametrize(
    "data", [None, {}, {"code": "0", "lines": [], "syntax": True}, {"code": 1, "lines": [1], "syntax": True}]
)
def test_what_is_no_result_is_rejected(data: Any) -> None:
    with pytest.raises(ValueError, match="no result"):
        TEST.parse(data)


def test_a_stopped_nebula_is_not_called_a_bad_configuration() -> None:
    words = str(TEST.explain_answer(answer(1, f"nginx: [emerg] {BIND}", syntax=True)))
    assert "Nebula has no address now, so 10.100.1.1:8080 cannot be tested. Start Nebula first" in words


def test_a_good_test_needs_no_words() -> None:
    assert TEST.explain_answer(answer(0, syntax=True)) is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("FileChanged", "F:\\x has changed between the plan and its run. Ask for the change again"),
        ("KeyInside", "F:\\x has changed. It was not read. Move the key into a file of its own on the host"),
        ("FileMissing", "F:\\x has changed. Fix its path in the configuration, or restore the file"),
        ("DiskFull", "Windows reported an error: F:\\x has changed. Fix it on the host, then try again"),
    ],
)
def test_a_failure_says_what_to_do_next(code: str, words: str) -> None:
    said = Phrase("Windows reported an error: {message}. Fix it on the host, then try again", message="F:\\x has changed")
    explained = EDIT.explain(ActionFailed(said, code=code))
    assert (words, code) == (str(explained.phrase), explained.code)
