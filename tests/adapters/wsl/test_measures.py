"""What is measured of containers and volumes before they move, and after."""

import pytest

from adapters.wsl.action import CompletedProgram
from adapters.wsl.container_reads import CountChangedFiles
from adapters.wsl.volumes import MeasureVolume

ID = "0123456789abcdef" * 4
ONE, OTHER = "a" * 64, "b" * 64


def answered(stdout: str) -> list[CompletedProgram]:
    return [CompletedProgram(code=0, stdout=stdout, stderr="")]


@pytest.mark.parametrize(
    ("expected", "answer", "same"),
    [
        ("", f'{{"present":true,"files":3,"sha256":"{ONE}"}}', True),
        (ONE, f'{{"present":true,"files":3,"sha256":"{ONE}"}}', True),
        (OTHER, f'{{"present":true,"files":3,"sha256":"{ONE}"}}', False),
        ("", '{"present":false}', False),
    ],
)
def test_a_volume_is_the_same_by_the_hash_of_all_its_files(expected: str, answer: str, same: bool) -> None:
    assert same is MeasureVolume(volume="data", sha256=expected).parse(answered(answer)).same


def test_the_changed_files_of_a_container_are_counted() -> None:
    count = CountChangedFiles(container=ID)
    assert ("containers", "diff", ID) == count.build_commands()[0][-3:]
    assert 7 == count.parse(answered('{"files":7}')).files
