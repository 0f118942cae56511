"""The workflows on GitHub start what is there: files, options of commands, parameters of scripts."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with dbos

from tests.windows.__main__ import build_parser

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(file: Path) -> list[dict[str, Any]]:
    document = yaml.safe_load(file.read_text("utf-8"))
    return [step for job in document["jobs"].values() for step in job["steps"]]


def command(text: str) -> str:
    """The one step that runs this."""
    (found,) = (step["run"] for file in WORKFLOWS for step in steps(file) if text in step.get("run", ""))
    return str(found)


def test_there_is_one_for_linux_and_one_for_windows() -> None:
    assert ["check.yml", "windows.yml"] == [file.name for file in WORKFLOWS]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_actions_of_others_are_pinned_by_their_commit(file: Path) -> None:
    used = [step["uses"] for step in steps(file) if "uses" in step]
    assert used == [name for name in used if re.search(r"@[0-9a-f]{40}$", name)] != []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_only_read(file: Path) -> None:
    assert {"contents": "read"} == yaml.safe_load(file.read_text("utf-8"))["permissions"]


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
