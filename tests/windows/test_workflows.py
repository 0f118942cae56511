"""The workflows on GitHub start what is there: files, options of commands, parameters of scripts."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with dbos

from tests.windows.__main__ import build_parser

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text("utf-8"))["jobs"]
    return found


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(file).values() for step in job["steps"]]


def command(text: str) -> str:
    """The one step that runs this."""
    (found,) = (step["run"] for file in WORKFLOWS for step in steps(file) if text in step.get("run", ""))
    return str(found)


def test_there_is_one_for_linux_one_for_windows_and_one_for_releases() -> None:
    assert ["check.yml", "release.yml", "windows.yml"] == [file.name for file in WORKFLOWS]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_actions_of_others_are_pinned_by_their_commit_and_name_their_version(file: Path) -> None:
    used = re.findall(r"uses: (.+)", file.read_text("utf-8"))
    assert used == [name for name in used if re.fullmatch(r"[\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", name)] != []


def test_images_are_pinned_by_their_digest() -> None:
    images = [job["container"]["image"] for file in WORKFLOWS for job in jobs(file).values() if "container" in job]
    assert images == [name for name in images if re.fullmatch(r".+:.+@sha256:[0-9a-f]{64}", name)] != []


def test_a_job_may_do_only_what_it_needs() -> None:
    common = {file.name: yaml.safe_load(file.read_text("utf-8"))["permissions"] for file in WORKFLOWS}
    assert {"check.yml": {"contents": "read"}, "release.yml": {}, "windows.yml": {"contents": "read"}} == common
    signed = {"id-token": "write", "attestations": "write"}
    assert {
        "package": {"contents": "read"},
        "image": {"contents": "read", "packages": "write"} | signed,
        "github": {"contents": "write"} | signed,
        "pypi": {"id-token": "write"},
    } == {name: job["permissions"] for name, job in jobs(WORKFLOWS[1]).items()}


@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        ("v1.2.0", ""),
        ("v1.2.1", "pyproject.toml has another version than v1.2.1"),
        ("v1.3.0", "CHANGELOG.md has no heading ## [1.3.0]"),
    ],
)
def test_a_release_needs_its_tag_in_both_files(tmp_path: Path, tag: str, problem: str) -> None:
    version = "1.3.0" if tag == "v1.3.0" else "1.2.0"
    (tmp_path / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n\n## [1.2.0] - 2026-12-24\n\n- A host.\n\n## [1.1.0]\n")
    check = ["bash", "-e", "-c", command("pyproject.toml has another version")]
    ended = subprocess.run(check, cwd=tmp_path, env=os.environ | {"GITHUB_REF_NAME": tag}, capture_output=True, text=True)
    assert (f"::error::{problem}\n" if problem else "") == ended.stdout
    assert (1 if problem else 0) == ended.returncode
    if not problem:
        assert "## [1.2.0] - 2026-12-24\n\n- A host.\n\n" == (tmp_path / "notes.md").read_text()


def test_nebulas_checksum_is_not_fetched_beside_the_program() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", jobs(WORKFLOWS[2])["contract"]["env"]["NEBULA_SHA256"])
    assert "$env:NEBULA_SHA256" in command("Get-FileHash")


def test_the_kit_is_started_with_options_that_it_has() -> None:
    options = re.findall(r"'(--[a-z-]+)'", command("python -m tests.windows"))
    assert {"--host", "--user", "--ca-file", "--nebula", "--report", "--pwsh"} == set(options)
    known = build_parser().parse_args([word for option in options for word in (option, "x")])
    assert ("x", "x") == (known.host, known.pwsh)


def test_the_scripts_of_the_docs_are_started_with_parameters_that_they_have() -> None:
    run = command("prepare-windows.ps1")
    script = (ROOT / "docs" / "hosts" / "prepare-windows.ps1").read_text("utf-8")
    given = set(re.findall(r"^ +(\w+) = ", run, re.MULTILINE))
    mandatory = set(re.findall(r"Mandatory = \$true\)\] \[[\w\[\]]+\]\$(\w+)", script))
    assert mandatory == given
    assert (ROOT / "docs" / "hosts" / "winrm-certificate.sh").is_file()
    assert "docs/hosts/winrm-certificate.sh" in command("winrm-certificate.sh")


def test_all_that_a_workflow_watches_is_there() -> None:
    triggers = yaml.safe_load((ROOT / ".github" / "workflows" / "windows.yml").read_text("utf-8"))[True]  # `on` is a boolean
    watched = triggers["push"]["paths"]
    assert watched == triggers["pull_request"]["paths"]
    assert [] == [path for path in watched if not (ROOT / path.removesuffix("/**")).exists()]
