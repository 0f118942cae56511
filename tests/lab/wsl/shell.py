"""As much of a POSIX shell as the bot's line needs, in this process: 100 hosts share two cores.

It knows quotes, `$?`, assignments, `export`, `printf` with %s, `>&2`, `sh -c` and `timeout`, and
refuses everything else with a syntax error, so that it never guesses what a real shell would do.
`tests/adapters/wsl/test_shell.py` runs the same line in a real one.
"""

import asyncio
import itertools
import re
from dataclasses import dataclass, field

from tests.lab.wsl.programs import run_program
from tests.lab.wsl.programs_helper import find_verb
from tests.lab.wsl.ran import Ran
from tests.lab.wsl.state import WslState
from tests.lab.wsl.streams import Stream, StreamProgram

_LEXEME = re.compile(
    r"""(?P<end>;|\n)|(?P<stderr>>&2)|(?P<space>[ \t]+)
      |'(?P<single>[^']*)'|"(?P<double>[^"\\`]*)"|(?P<plain>[^\s;'"\\<>&|()$`*?\[]+)""",
    re.VERBOSE,
)
_VARIABLE = re.compile(r"\$(\?|[A-Z_]+)")


class ShellSyntaxError(Exception):
    """Something that this shell does not know."""


@dataclass
class Statement:
    """One simple command; words still hold their variables (`$?` changes from command to command)."""

    words: list[list[tuple[str, bool]]] = field(default_factory=list)
    to_stderr: bool = False


class Shell:
    """Runs lines against one state and collects what they print.

    A program that streams has `stream`, which gets what was printed before it; what follows it is collected again.
    """

    def __init__(self, state: WslState, given: bytes = b"", stream: Stream | None = None) -> None:
        self._state = state
        self._given = given
        self._stream = stream
        self._variables = {"?": "0", "PATH": "/usr/bin:/bin"}
        self.stdout: list[str] = []
        self.stderr: list[str] = []

    async def run(self, line: str) -> int:
        """The exit code of the last command."""
        try:
            statements = parse(line)
        except ShellSyntaxError as error:
            self.stderr.append(f"sh: 1: Syntax error: {error}\n")
            return 2
        for statement in statements:
            words = ["".join(self._expand(piece) for piece in word) for word in statement.words]
            self._variables["?"] = str(await self._command(words, to_stderr=statement.to_stderr))
        return int(self._variables["?"])

    def _expand(self, piece: tuple[str, bool]) -> str:
        text, has_variables = piece
        return _VARIABLE.sub(lambda found: self._variables.get(found[1], ""), text) if has_variables else text

    async def _command(self, words: list[str], *, to_stderr: bool) -> int:
        if all(re.match(r"[A-Z_]+=", word) for word in words):
            for name, _, value in (word.partition("=") for word in words):
                self._variables[name] = value
            return 0
        match words:
            case ["export", *_]:
                return 0
            case ["printf", template, *values]:
                (self.stderr if to_stderr else self.stdout).append(_printf(template, values))
                return 0
            case ["sh", "-c", script]:
                return await self.run(script)
            case _:
                ran = await self._run(words)
                self.stdout.append(ran.stdout)
                self.stderr.append(ran.stderr)
                return ran.code

    async def _run(self, words: list[str]) -> Ran:
        if words[0] == "timeout":
            return await self._timeout(words[1:])
        return await self._program(words) or Ran(127, stderr=f"sh: 1: {words[0]}: not found\n")

    async def _timeout(self, words: list[str]) -> Ran:
        options = dict(word.split("=", 1) for word in itertools.takewhile(lambda word: word.startswith("--"), words))
        seconds, *argv = words[len(options) :]
        try:
            async with asyncio.timeout(float(seconds)):
                if argv[0] == "timeout":
                    return await self._timeout(argv[1:])
                unknown = f"timeout: failed to run command '{argv[0]}': No such file or directory\n"
                return await self._program(argv) or Ran(127, stderr=unknown)
        except TimeoutError:
            if argv[0] == "sudo":
                await asyncio.Event().wait()  # sudo is root's: it cannot be signalled and is waited for for ever
            return Ran(137 if options.get("--signal") == "KILL" else 124)

    async def _program(self, words: list[str]) -> Ran | None:
        verb = find_verb(words)
        await self._state.holds.pass_by(verb, "before")
        self._state.given = self._given
        ran = run_program(words, self._state)
        if ran is not None and ran.hangs:
            await asyncio.Event().wait()
        if ran is not None and ran.stream is not None and self._stream is not None:
            ran = Ran(await self._run_stream(ran.stream, self._stream))
        await self._state.holds.pass_by(verb, "after")
        return ran

    async def _run_stream(self, program: StreamProgram, stream: Stream) -> int:
        printed, complained = "".join(self.stdout), "".join(self.stderr)
        self.stdout.clear()
        self.stderr.clear()
        await stream.write(printed.encode())
        await stream.complain(complained)
        return await program(stream)


def parse(line: str) -> list[Statement]:
    """The simple commands of a line."""
    statements = [Statement()]
    word: list[tuple[str, bool]] | None = None
    position = 0
    while position < len(line):
        found = _LEXEME.match(line, position)
        if found is None:
            raise ShellSyntaxError(f"unexpected {line[position]!r}")
        position = found.end()
        match found.lastgroup:
            case "single" | "plain" | "double":
                if word is None:
                    word = []
                    statements[-1].words.append(word)
                word.append((found[found.lastgroup], found.lastgroup == "double"))
                continue
            case "stderr":
                statements[-1].to_stderr = True
            case "end":
                statements.append(Statement())
        word = None
    return [statement for statement in statements if statement.words]


def _printf(template: str, values: list[str]) -> str:
    text = template.replace("\\n", "\n")
    for value in values:
        text = text.replace("%s", value, 1)
    return text
