"""The lint of names, docstrings and sizes finds what CONTRIBUTING.md forbids, and nothing else."""

import pytest

from tests.source_lint import FUNCTION_LINES, MODULE_LINES, Complaint, check_source, is_participle


@pytest.mark.parametrize(
    ("source", "complaints"),
    [
        ('"""Reads a file."""\n', []),
        (
            '"""What reads a file."""\n',
            [Complaint(1, "the docstring of the module begins with What: begin with a verb or a name")],
        ),
        (
            '"""Reads."""\n\n\nclass A:\n    """Whether it reads."""\n',
            [Complaint(4, "the docstring of A begins with Whether: begin with a verb or a name")],
        ),
        (
            "def read() -> None:\n    '''How it reads.'''\n",
            [Complaint(1, "the docstring of read begins with How: begin with a verb or a name")],
        ),
        ("def told() -> None: ...\n", [Complaint(1, "told is a participle: name a function by a verb")]),
        ("async def _closed_at() -> None: ...\n", [Complaint(1, "_closed_at is a participle: name a function by a verb")]),
        ("class A:\n    @property\n    def closed(self) -> bool: ...\n", []),
        ("def f(a, b, c, d, e): ...\n", []),
        ("def f(a, b, c, *, d, e, g): ...\n", [Complaint(1, "f takes 6 parameters, and may take 5: group them")]),
        ("class A:\n    def f(self, a, b, c, d, e): ...\n", []),
        ("x = 1\n" * MODULE_LINES, []),
        (
            "x = 1\n" * (MODULE_LINES + 1),
            [Complaint(MODULE_LINES, f"the module has {MODULE_LINES + 1} lines, and may have {MODULE_LINES}: split it")],
        ),
        ("def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1), []),
        (
            "def f():\n" + "    x = 1\n" * FUNCTION_LINES,
            [Complaint(1, f"f has {FUNCTION_LINES + 1} lines, and may have {FUNCTION_LINES}: split it")],
        ),
    ],
)
def test_every_rule_is_held(source: str, complaints: list[Complaint]) -> None:
    assert complaints == check_source(source)


@pytest.mark.parametrize("name", ["told", "kept_here", "_shown", "opened", "refused_at"])
def test_participles_are_known(name: str) -> None:
    assert is_participle(name)


@pytest.mark.parametrize(
    "name", ["read", "need", "feed", "seed_words", "tell", "put", "is_closed", "embed", "_proceed", "find_kept"]
)
def test_verbs_are_not_taken_for_participles(name: str) -> None:
    assert not is_participle(name)
