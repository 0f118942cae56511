"""What is imported is declared in pyproject.toml: `make lint` fails where it only comes along with something else."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DECLARED = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def lint(declared: Path) -> tuple[int, set[str]]:
    """Run the lint against the declarations of another file: make's exit code, and what is complained about."""
    command = ["make", "lint-dependencies", f"DECLARED={declared}"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    ended = subprocess.run(command, cwd=ROOT, env=inherited, capture_output=True, text=True, check=False)
    return ended.returncode, set(re.findall(r"DEP\d+ .*", ended.stderr))


@pytest.mark.parametrize(
    ("package", "module"),
    [
        ("tomlkit", "tomlkit"),  # the bot imports it
        ("pyyaml", "yaml"),  # tests import it
    ],
)
def test_the_lint_names_a_package_that_is_imported_and_not_declared(tmp_path: Path, package: str, module: str) -> None:
    copy = tmp_path / "pyproject.toml"
    copy.write_text(re.sub(rf'\n    "{package}",.*', "", DECLARED), encoding="utf-8")
    assert (2, {f"DEP003 '{module}' imported but it is a transitive dependency"}) == lint(copy)


def test_the_lint_names_a_package_of_development_that_the_bot_imports(tmp_path: Path) -> None:
    copy = tmp_path / "pyproject.toml"
    moved = DECLARED.replace('    "structlog",\n', "").replace("dev = [\n", 'dev = [\n    "structlog",\n')
    copy.write_text(moved, encoding="utf-8")
    assert (2, {"DEP004 'structlog' imported but declared as a dev dependency"}) == lint(copy)


def test_the_lint_accepts_what_is_declared() -> None:
    assert (0, set()) == lint(ROOT / "pyproject.toml")
