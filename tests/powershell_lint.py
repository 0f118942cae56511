"""Checks PowerShell files without PowerShell: `python -m tests.powershell_lint FOLDER`.

Three nets, none of which knows parameters or types of values:

* syntax, by tree-sitter-pwsh, with rules for the errors that it lets pass;
* what Windows PowerShell 5.1 cannot do or does differently from 7;
* an allow list for each file (`powershell_allowed.toml`): commands, types, methods. A command whose
  name is computed is refused unless its exact text is listed, so no text can become code.

Prints `file:line:column message`; the exit code is 1 where there is anything to say.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import tree_sitter_pwsh
from tree_sitter import Language, Node, Parser

ALLOWED = Path(__file__).with_name("powershell_allowed.toml")


class Complaint(NamedTuple):
    """What is wrong, and where: line and column count from 1."""

    line: int
    column: int
    message: str


class Use(NamedTuple):
    """Something that a file uses and that its allow list must name."""

    kind: str
    name: str
    node: Node


REFUSED = {
    "ternary_expression": "5.1 has no ternary operator",
    "null_coalesce_expression": "5.1 has no ??",
    "pipeline_chain_tail": "5.1 has no && and ||",
    "redirection": "5.1 turns redirected stderr of programs into errors and writes files as UTF-16",
    "stop_parsing": "--% hides its arguments from every check",
    "using_statement": "using loads code or hides the full names of types",
    "trap_statement": "use try and catch",
    "class_statement": "answers are hash tables; classes need no place here",
}

RESERVED = re.compile(
    "begin|break|catch|class|continue|data|do|dynamicparam|else|elseif|end|enum|exit|filter|finally|for|foreach|from|"
    "function|if|in|param|process|return|switch|throw|trap|try|until|using|while",
    re.IGNORECASE,
)

SEVEN_ONLY_PARAMETERS = re.compile(
    "-(AsArray|AsByteStream|AsHashtable|DateKind|EnumsAsStrings|EscapeHandling|Extension|LeafBase|NoHeader|Parallel|"
    "SkipCertificateCheck|SkipHttpErrorCheck|ThrottleLimit)",
    re.IGNORECASE,
)

SCOPES = frozenset({"env", "global", "local", "private", "script", "using"})


def check(source: bytes, allowed: Mapping[str, Iterable[str]]) -> list[Complaint]:
    """Everything that is wrong with one file, in order of place."""
    if foreign := re.search(rb"[^\n\x20-\x7e]", source):
        line = source.count(b"\n", 0, foreign.start()) + 1
        column = foreign.start() - source.rfind(b"\n", 0, foreign.start())
        return [Complaint(line, column, "only printable ASCII and line feeds; 5.1 reads other text by the host's code page")]
    nodes = list(_walk(Parser(Language(tree_sitter_pwsh.language())).parse(source).root_node))
    complaints = {_at(node, message) for node in nodes for message in _wrong(node)}
    return sorted(complaints | set(_not_as_allowed(nodes, allowed)))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _at(node: Node, message: str) -> Complaint:
    return Complaint(node.start_point.row + 1, node.start_point.column + 1, message)


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode("ascii")


def _child(node: Node, *types: str) -> Node | None:
    return next((child for child in node.children if child.type in types), None)


def _wrong(node: Node) -> Iterator[str]:
    """What is wrong with one node, whatever the allow list says."""
    if node.is_missing:
        yield f"syntax: {node.type} is missing"
    if node.is_error:
        yield f"syntax: cannot be parsed: {_text(node).strip()[:40]!r}"
    if node.type in REFUSED:
        yield REFUSED[node.type]
    match node.type:
        case "try_statement" if not _child(node, "catch_clauses", "finally_clause"):
            yield "syntax: try needs catch or finally"
        case "left_assignment_expression" if not any(part.type == "variable" for part in _walk(node)):
            yield f"syntax: {_text(node)} cannot be assigned to"
        case "assignment_operator" if _text(node) == "??=":
            yield "5.1 has no ??="
        case "command":
            yield from _wrong_command(node)
        case "invocation_expression" if _compares_by_culture(node):
            yield f"{_text(node)} compares by the host's culture; give [System.StringComparison]::Ordinal"
        case "command_parameter" if SEVEN_ONLY_PARAMETERS.fullmatch(_text(node)):
            yield f"5.1 has no {_text(node)}"
        case "variable":
            yield from _wrong_variable(node)
        case "member_name" if not _child(node, "simple_name"):
            yield f"a member must be named, not computed: {_text(node)}"


def _wrong_command(node: Node) -> Iterator[str]:
    name = _text(_child(node, "command_name", "command_name_expr"))
    if not name:
        yield "syntax: a command is missing"
    elif RESERVED.fullmatch(name):
        yield f"syntax: stray keyword {name}"
    elif re.match(r"[\d=]", name):
        yield f"syntax: {name} is no command"
    elif name.lower() == "foreach-object" and not all(_is_block(argument) for argument in _arguments(node)):
        yield "ForEach-Object takes one script block here; a name would call that method"


def _wrong_variable(node: Node) -> Iterator[str]:
    name = _text(node).lstrip("$@{").rstrip("}")
    scope, colon, _ = name.partition(":")
    if colon and scope.lower() not in SCOPES:
        yield f"a variable of the drive {scope}: may define code"
    if name.lower() in ("_", "psitem") and _is_switched_in_catch(node):
        yield f"${name} is what the switch looks at, not the error; take the error before the switch"
    if name.lower() == "input":
        yield "$input makes PowerShell read stdin itself; use [Console]::In"
    following = _following(node)
    if not _text(node).endswith("}") and re.match(r":(?!:)|\?", following):
        yield f'syntax: "{_text(node)}{following[0]}" needs "${{{name}}}{following[0]}"'


def _is_switched_in_catch(variable: Node) -> bool:
    """Whether a variable stands in the body of a switch that stands in a catch; a script block has a $_ of its own."""
    switched, node = False, variable.parent
    while node is not None and node.type not in ("script_block_expression", "function_statement"):
        if node.type == "catch_clause":
            return switched
        switched = switched or node.type == "switch_body"
        node = node.parent
    return False


def _following(node: Node) -> str:
    """What stands right after a variable inside a string."""
    text = node.parent
    if text is None or text.type not in ("expandable_string_literal", "expandable_here_string_literal"):
        return ""
    return _text(text)[node.end_byte - text.start_byte :][:2]


def _not_as_allowed(nodes: list[Node], allowed: Mapping[str, Iterable[str]]) -> Iterator[Complaint]:
    """What is used and not allowed, and what is allowed and not used."""
    own = {_text(node).lower() for node in nodes if node.type == "function_name"}
    unused = {(kind, name.lower()): name for kind, names in allowed.items() for name in names}
    listed = frozenset(unused)
    for use in (use for node in nodes for use in _uses(node)):
        key = (use.kind, use.name.lower())
        unused.pop(key, None)
        if key not in listed and not (use.kind == "commands" and use.name.lower() in own):
            yield _at(use.node, f"not in the allowed {use.kind}: {use.name}")
    for (kind, _), name in unused.items():
        yield Complaint(1, 1, f"allowed but not used, take it out of the allowed {kind}: {name}")


def _uses(node: Node) -> Iterator[Use]:
    match node.type:
        case "command" if _child(node, "command_invocation_operator", "command_name_expr"):
            yield Use("calls", _text(node), node)
        case "command":
            name = _text(_child(node, "command_name"))
            yield Use("commands", name, node)
            if name.lower() == "new-object":
                yield Use("types", _made_type(node), node)
        case "type_spec":
            yield Use("types", _text(node), node)
        case "invocation_expression":
            yield Use("methods", _method(node), node)


def _arguments(command: Node) -> list[Node]:
    elements = _child(command, "command_elements")
    return [] if elements is None else [part for part in elements.children if part.type != "command_argument_sep"]


def _is_block(argument: Node) -> bool:
    return _child(argument, "script_block_expression") is not None


def _made_type(command: Node) -> str:
    """The type that `New-Object TypeName` makes; whatever stands there instead is no type that could be allowed."""
    arguments = _arguments(command)
    return _text(arguments[0]) if arguments and arguments[0].type == "generic_token" else _text(command)


def _method(invocation: Node) -> str:
    """`Type::Name` of a static method, `Name` of another; the whole call where it cannot be told."""
    name = _child(invocation, "member_name")
    if name is None:
        return _text(invocation)
    if not _child(invocation, "::"):
        return _text(name)
    of = _child(invocation, "type_literal")
    return f"{_text(of)[1:-1]}::{_text(name)}" if of else _text(invocation)


def _compares_by_culture(invocation: Node) -> bool:
    """Whether it calls StartsWith or EndsWith of a text with the text alone."""
    if _method(invocation).lower() not in ("startswith", "endswith"):
        return False
    return not any(
        child.type == "," for part in invocation.children for child in _walk(part) if part.type == "argument_list"
    )


def check_folder(folder: Path, allowed: Mapping[str, Mapping[str, Iterable[str]]]) -> Iterator[tuple[Path, Complaint]]:
    """Every complaint about the PowerShell files of a folder; `allowed` by path inside it."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.ps*1"))}
    for name in sorted(allowed.keys() - files.keys()):
        yield folder / name, Complaint(1, 1, "has an allow list, but does not exist")
    for name, path in files.items():
        for complaint in check(path.read_bytes(), allowed.get(name, {})):
            yield path, complaint


def main(folder: Path) -> int:
    """Print every complaint; 1 where there is one."""
    complaints = list(check_folder(folder, tomllib.loads(ALLOWED.read_text("utf-8"))))
    for path, (line, column, message) in complaints:
        print(f"{path}:{line}:{column} {message}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
