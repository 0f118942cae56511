"""Output of the command line: an answer as a table, JSON, CSV or the file that was requested. Pure.

The running bot renders for `do`, so that the command line loads no library for it.
"""

import io

from rich.console import Console

from adapters.phrase import Phrase, Texts
from bot.answers.data import pack_bundle, render_csv, render_json, write_files
from bot.answers.terminal import print_answer
from bot.model.output import Form, Output, Terminal
from bot.model.request import Answer, ExitCode
from bot.security.untrusted_text import clean_lines
from commands.model.report import Bundle, Report, TextFile


def render_output(answer: Answer, form: Form, terminal: Terminal, texts: Texts) -> Output:
    """Render an answer as the command line prints it."""
    if form == "json":
        return _encode(answer, render_json(answer, texts))
    if isinstance(answer.body, Report) and answer.body.files:
        files = write_files(answer, texts)  # a file was requested: nothing else goes into a pipe
        return _render_file(
            answer, next((file for file in files if file.name.endswith(f".{form}")), files[0]), terminal, texts
        )
    if form == "csv":
        return _encode(answer, render_csv(answer, texts))
    return _encode(answer, _render_table(answer, terminal, texts))


def _render_table(answer: Answer, terminal: Terminal, texts: Texts) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        width=terminal.columns,
        force_terminal=True if terminal.is_terminal else None,  # None: FORCE_COLOR decides
        _environ=dict(terminal.environment),
    )
    print_answer(console, answer, texts)
    return file.getvalue()


def _render_file(answer: Answer, file: TextFile | Bundle, terminal: Terminal, texts: Texts) -> Output:
    """Render a file for a pipe. An archive is refused on a terminal, which would show its bytes."""
    if isinstance(file, TextFile):
        return _encode(answer, clean_lines(file.text))
    if terminal.is_terminal:
        told = Phrase("the result is an archive. Redirect it to a file: {example}", example=f"> {file.name}")
        return Output(ExitCode.USAGE, stderr=told.render_sentence(texts) + "\n")
    return Output(answer.exit_code, pack_bundle(file, lambda text: text))


def _encode(answer: Answer, text: str) -> Output:
    return Output(answer.exit_code, text.encode("utf-8", "replace"))
