"""Checks the shape and prose of the source: `python -m tests.source_lint adapters commands bot`.

* a docstring begins with a verb or the name of the thing, never with a question word;
* a function is a verb phrase: its name does not begin with a participle. Properties and values may be adjectives;
* a module has at most 350 lines, a function at most 60 lines and 5 parameters.

CONTRIBUTING.md has the rule. Prints `file:line message`; the exit code is 1 where there is anything to say.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

MODULE_LINES = 350
FUNCTION_LINES = 60
PARAMETERS = 5

OPENINGS = frozenset(
    {"what", "who", "whom", "whose", "whether", "why", "where", "when", "how", "which", "whoever", "whatever"}
)
"""Words that begin a riddle: the reader does not know yet what the thing is."""

WORDS = """
begun bound brought built caught chosen done drawn driven fallen forgotten found given gone grown heard held hidden kept
known laid led left lent lost made meant met missed paid proven said seen sent shown sold sought spent spoken stood taken
taught thought thrown told torn understood woken won worn written
"""
IRREGULAR = frozenset(WORDS.split())
"""Past participles that do not end in -ed, but for those that are verbs in the present, too (read, put, cut, set)."""

REGULAR = re.compile(r"[a-z]{2,}(?<!e)ed\Z")

VERBS = frozenset({"embed", "exceed", "feed", "heed", "need", "proceed", "seed", "shed", "speed", "succeed", "weed"})
"""Verbs and nouns that only look like participles."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = Function | ast.ClassDef | ast.Module


class Complaint(NamedTuple):
    """A broken rule and its line, counted from 1."""

    line: int
    message: str


def check_source(text: str) -> list[Complaint]:
    """Return what is wrong with one module."""
    tree = ast.parse(text)
    complaints = [*_check_length(text), *_check_docstring(tree, "the module")]
    for node in ast.walk(tree):
        if isinstance(node, Function):
            complaints += [*_check_name(node), *_check_size(node), *_check_parameters(node)]
        if isinstance(node, Function | ast.ClassDef):
            complaints += _check_docstring(node, node.name)
    return sorted(complaints)


def is_participle(name: str) -> bool:
    """Tell whether a name begins with a past participle."""
    first = name.strip("_").partition("_")[0]
    return first in IRREGULAR or (first not in VERBS and REGULAR.match(first) is not None)


def _check_length(text: str) -> Iterator[Complaint]:
    lines = text.count("\n")
    if lines > MODULE_LINES:
        yield Complaint(MODULE_LINES, f"the module has {lines} lines, and may have {MODULE_LINES}: split it")


def _check_docstring(node: Documented, name: str) -> Iterator[Complaint]:
    words = re.findall(r"[\w']+", ast.get_docstring(node) or "")
    if words and words[0].lower() in OPENINGS:
        yield Complaint(
            getattr(node, "lineno", 1), f"the docstring of {name} begins with {words[0]}: begin with a verb or a name"
        )


def _check_name(node: Function) -> Iterator[Complaint]:
    if is_participle(node.name) and not _is_property(node):
        yield Complaint(node.lineno, f"{node.name} is a participle: name a function by a verb")


def _check_size(node: Function) -> Iterator[Complaint]:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if lines > FUNCTION_LINES:
        yield Complaint(node.lineno, f"{node.name} has {lines} lines, and may have {FUNCTION_LINES}: split it")


def _check_parameters(node: Function) -> Iterator[Complaint]:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    names = [argument.arg for argument in given if argument.arg not in ("self", "cls")]
    if len(names) > PARAMETERS:
        yield Complaint(node.lineno, f"{node.name} takes {len(names)} parameters, and may take {PARAMETERS}: group them")


def _is_property(node: Function) -> bool:
    names = {part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "") for part in node.decorator_list}
    return bool(names & {"property", "cached_property", "setter"})


def check_folder(folder: Path) -> Iterator[str]:
    """Yield `file:line message` for every broken rule below a folder."""
    for path in sorted(folder.rglob("*.py")):
        for complaint in check_source(path.read_text(encoding="utf-8")):
            yield f"{path}:{complaint.line} {complaint.message}"


def main(folders: Iterable[str]) -> int:
    """Print every complaint; return the exit code."""
    complaints = [line for folder in folders for line in check_folder(Path(folder))]
    print("\n".join(complaints) or "names, docstrings and sizes are as CONTRIBUTING.md says")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
