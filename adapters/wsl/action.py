"""What every WSL2 action is: argument lists, run one after another in one round trip."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from adapters.action import Action, Answer
from adapters.error_text import one_line
from adapters.phrase import Phrase

Argv = tuple[str, ...]
"""A program and its arguments; quoted once, in `adapters.wsl.ssh`, with `shlex.join`."""


@dataclass(frozen=True)
class Completed:
    """What one program left behind. `code` 124 is the far-side deadline, 126/127 not runnable/not found.

    `output` is `stdout` as it came, for whoever expects more than UTF-8.
    """

    code: int
    stdout: str
    stderr: str
    output: bytes = field(default=b"", compare=False, repr=False)

    @property
    def complaint(self) -> Phrase | str:
        """What the program says last, on standard error if it says anything there."""
        words = one_line((self.stderr.strip() or self.stdout.strip()).rpartition("\n")[2])
        return words or Phrase("exit code {code}", code=str(self.code))


class WslAction(Action[Answer]):
    """An action made of programs that run in WSL2.

    `commands()` are run in order in one round trip, each under the far-side deadline `each`
    (seconds); one that fails does not stop the next. `output_limit` holds for all that they print
    together. `parse` gets one `Completed` for each and
    may raise `ActionFailed`, or `ValueError` where the answer cannot be understood.
    """

    side = "wsl"

    each: ClassVar[float] = 10.0

    @abstractmethod
    def commands(self) -> tuple[Argv, ...]:
        """What is run."""

    @abstractmethod
    def parse(self, completed: Sequence[Completed]) -> Answer:
        """The answer from what the programs left behind, in the order of `commands`."""
