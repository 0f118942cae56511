"""Plain `do` commands without the command-line library, which would take most of their time.

do health all --json ─▶ PlainRequest ─▶ bot.terminal.one_request
anything else        ─▶ None: `bot.cli` parses it, with help and errors
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.model.output import MAX_COLUMNS, TERMINAL_VARIABLES, Form, Output, Terminal, detect_language

DEFAULT_CONFIG_FILE = Path("flatnet.toml")

CONFIG_VARIABLE = "FLATNET_CONFIG"
"""Environment variable that names the configuration file."""

INTERNAL_ERROR = 5
"""Exit code of an unexpected error, as in `bot.model.request.ExitCode`."""

FORMS: dict[str, Form] = {"--json": "json", "--csv": "csv"}


@dataclass(frozen=True)
class PlainRequest:
    """A command for `do`: its text as typed after /flatnet, the configuration file, and the form of the output."""

    text: str
    config: Path
    form: Form


def parse_plain_request(arguments: Sequence[str], environment: Mapping[str, str]) -> PlainRequest | None:
    """Parses `do WORD…`, with at most `--config FILE` and one form among them; None for anything else."""
    if arguments[:1] != ["do"]:
        return None
    config = environment.get(CONFIG_VARIABLE) or str(DEFAULT_CONFIG_FILE)
    words: list[str] = []
    forms: list[Form] = []
    rest: Iterator[str] = iter(arguments[1:])
    for argument in rest:
        if argument in ("--config", "-c"):
            config = next(rest, "-")
        elif argument in FORMS:
            forms.append(FORMS[argument])
        else:
            words.append(argument)
    if not words or len(forms) > 1 or any(text.startswith("-") for text in (*words, config)):
        return None
    return PlainRequest(join_words(words), Path(config), forms[0] if forms else "table")


def join_words(words: Sequence[str]) -> str:
    """Joins words to a command as typed after /flatnet. The first one may be several words of it in quotes, or all."""
    first, *rest = words
    return " ".join((first, *map(_quote, rest)))


def _quote(word: str) -> str:
    """Quotes a word as typed after /flatnet. One that begins with a dash is an option there, too."""
    from commands.values.normalize import quote

    return word if re.fullmatch(r"--?[a-z-]+", word) else quote(word)


def detect_terminal() -> Terminal:
    """Detects the terminal of this process, or the file or pipe in its place."""
    return Terminal(
        language=detect_language(os.environ),
        columns=min(max(1, shutil.get_terminal_size().columns), MAX_COLUMNS),
        is_terminal=sys.stdout.isatty(),
        environment={name: _escape(os.environ[name][:100]) for name in TERMINAL_VARIABLES if name in os.environ},
    )


def _escape(value: str) -> str:
    """Escapes bytes of an environment variable that are no text."""
    return value.encode("ascii", "replace").decode("ascii")


def print_output(output: Output) -> None:
    """Prints output to the streams of this process. Ends it if the reader of a pipe has closed it."""
    try:
        if output.stderr:
            sys.stderr.write(output.stderr)
            sys.stderr.flush()
        sys.stdout.buffer.write(output.stdout)
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(INTERNAL_ERROR) from error
