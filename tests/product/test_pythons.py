"""The wheel with every Python that is promised and that this machine has."""

import json
from pathlib import Path

import pytest

from tests.product.conftest import Install
from tests.product.packages import ALSO_OF_THE_BOT, ROOT, VERSION, list_development
from tests.product.pythons import RUNNING, find_pythons

pytestmark = pytest.mark.slow

INSIDE = Path(__file__).with_name("inside.py")

PYTHONS = sorted(find_pythons(), key=lambda version: int(version.partition(".")[2]))


def test_the_running_python_is_among_them() -> None:
    assert RUNNING in PYTHONS


@pytest.mark.parametrize("version", PYTHONS)
def test_every_module_is_imported_and_nothing_is_of_development(installed: Install, place: Path, version: str) -> None:
    ended = installed(version).run(place, "-I", INSIDE, program="python")
    assert (0, "") == (ended.returncode, ended.stderr)
    found = json.loads(ended.stdout)
    scripts = len(list((ROOT / "adapters" / "windows" / "scripts").glob("*.ps1")))
    assert (scripts, "すべて正常", "89504e47") == (found["scripts"], found["phrase"], found["chart"])
    assert len(found["files"]) == found["modules"]
    assert ALSO_OF_THE_BOT == list_development() & set(found["installed"])
    assert [] == [path for path in (*found["files"], *found["path"]) if Path(path).is_relative_to(ROOT)]


@pytest.mark.parametrize("version", [version for version in PYTHONS if version != RUNNING])
def test_a_newcomer_s_commands_work(installed: Install, place: Path, version: str) -> None:
    """From nothing to the first answer; `tests.product.test_wheel` has the whole course with the running Python."""
    product = installed(version)
    for arguments, code, text in (
        (("--help",), 0, "Usage: flatnet-bot"),
        (("--version",), 0, VERSION),
        (("manifest",), 0, "socket_mode_enabled: true"),
        (("doctor",), 1, "flatnet.toml not found."),
        (("init", "--yes", "--host", "host-a 1 127.0.0.1", "--answer", "lighthouse=127.0.0.1"), 4, "flatnet.toml created."),
        (("doctor",), 4, "Secret winrm_password is missing."),
        (("do", "whoami"), 0, "administrator"),
    ):
        ended = product.run(place, *arguments)
        assert (code, True) == (ended.returncode, text in ended.stdout), ended
