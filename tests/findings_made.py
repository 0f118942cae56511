"""Where the code makes findings, found by reading it: for the page of checks, which must name every one of them.

Remark("ca", …)              a literal subject, as it stands
bad(key, …) ─▶ Remark(key, …)  what a function hands on as its own argument is looked for where that one is called
Remark(f"{side.key}-…", …)   computed: its subject is None, or a pattern such as `<side>.secret`
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Makers = Mapping[str, int]
"""Functions that make a finding, with the place of the subject among their arguments."""


@dataclass(frozen=True)
class Made:
    """One finding in the code, in a module by its path: `maker` is called there, `texts` are the short texts of the call."""

    module: str
    line: int
    maker: str
    subject: str | None
    severities: frozenset[str]
    texts: tuple[str, ...]

    @property
    def computed(self) -> bool:
        """Whether its subject stands nowhere as it is."""
        return self.subject is None or "<" in self.subject


def findings_made(files: Iterable[Path], makers: Makers) -> list[Made]:
    """All of these files; `makers` are those that make findings themselves."""
    functions = [
        (str(file.with_suffix("")), node)
        for file in sorted(files)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    while (more := {**makers, **_handing_on([function for _, function in functions], makers)}) != makers:
        makers = more
    return [
        Made(module, call.lineno, _called(call), subject, _severities(call), _texts(call))
        for module, function in functions
        for call in _calls(function, makers)
        for subject in _subjects(call.args[makers[_called(call)]], _parameters(function))
    ]


def _handing_on(functions: Iterable[ast.FunctionDef | ast.AsyncFunctionDef], makers: Makers) -> Makers:
    """Functions whose own argument becomes a subject."""
    return {
        function.name: _parameters(function).index(subject.id)
        for function in functions
        for call in _calls(function, makers)
        if isinstance(subject := call.args[makers[_called(call)]], ast.Name) and subject.id in _parameters(function)
    }


def _calls(function: ast.AST, makers: Makers) -> Iterator[ast.Call]:
    return (call for call in _all_calls(function) if len(call.args) > makers.get(_called(call), len(call.args)))


@cache
def _all_calls(function: ast.AST) -> tuple[ast.Call, ...]:
    """The calls of a function: walking its tree takes long, and is asked for again with each round of makers."""
    return tuple(node for node in ast.walk(function) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [argument.arg for argument in function.args.args]


def _subjects(expression: ast.expr, own: list[str]) -> tuple[str | None, ...]:
    """What an argument may be; nothing where it is the function's own, for then its callers say it."""
    match expression:
        case ast.Name(id=name) if name in own:
            return ()
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.IfExp(body=body, orelse=other):
            return (*_subjects(body, own), *_subjects(other, own))
        case ast.JoinedStr(values=parts):
            return ("".join(str(part.value) if isinstance(part, ast.Constant) else f"<{_last(part)}>" for part in parts),)
        case _:
            return (None,)


def _last(part: ast.expr) -> str:
    """The last name of what stands in braces: `kind` of {error.kind}."""
    assert isinstance(part, ast.FormattedValue)
    return part.value.attr if isinstance(part.value, ast.Attribute) else ast.unparse(part.value)


def _severities(call: ast.Call) -> frozenset[str]:
    return frozenset(
        node.attr
        for argument in call.args
        for node in ast.walk(argument)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Severity"
    )


def _texts(call: ast.Call) -> tuple[str, ...]:
    """Templates that are arguments themselves."""
    return tuple(
        template.value
        for argument in call.args
        if isinstance(argument, ast.Call) and _called(argument) == "Phrase"
        for template in argument.args[:1]
        if isinstance(template, ast.Constant) and isinstance(template.value, str)
    )
