"""Base class of WSL2 actions: argument lists, run one after another in one round trip."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import SecretStr

from adapters.action import Action, Answer
from adapters.error_text import clean_line
from adapters.phrase import Phrase

Argv = tuple[str, ...]
"""A program and its arguments. Quoted in one place, `adapters.wsl.shell`, with `shlex.join`."""


@dataclass(frozen=True)
class CompletedProgram:
    """Exit code and output of one program. `code` 124: ended by the timeout on the host; 126: not runnable; 127: not found.

    `output` is `stdout` as bytes, for output that is not only UTF-8.
    """

    code: int
    stdout: str
    stderr: str
    output: bytes = field(default=b"", compare=False, repr=False)

    @property
    def error_line(self) -> Phrase | str:
        """The last line on standard error, or on standard output if standard error is empty."""
        words = clean_line((self.stderr.strip() or self.stdout.strip()).rpartition("\n")[2])
        return words or Phrase("exit code {code}", code=str(self.code))


class WslAction(Action[Answer]):
    """An action made of programs that run in WSL2.

    The programs of `build_commands()` run in order in one round trip, each for at most
    `program_timeout` seconds, enforced on the host. A failure of one does not stop the next. `output_limit` applies to all
    their output together. `parse` gets one `CompletedProgram` for each. It may raise `ActionFailed`, or `ValueError` if the
    answer could not be read.
    """

    side = "wsl"

    program_timeout: ClassVar[float] = 10.0

    @property
    def input(self) -> bytes:
        """Standard input of its program. An action with an input runs one program, which reads all of it."""
        return b""

    def build_input(self, secret: Callable[[str], SecretStr]) -> bytes:
        """Builds the standard input as it is sent. `secret` returns a secret by its name: no action holds a value of one."""
        return self.input

    @abstractmethod
    def build_commands(self) -> tuple[Argv, ...]:
        """Returns the programs to run."""

    @abstractmethod
    def parse(self, completed: Sequence[CompletedProgram]) -> Answer:
        """Parses the programs' results into the answer, in the order of `build_commands`."""
