"""Requests from a terminal: one command, an interactive shell, or the verification of the audit log.

They go through the control socket if a bot runs, else through this process itself, on the same composition root.
"""

import asyncio
import gc
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from adapters.phrase import Phrase, Texts
from bot.answers.terminal import print_answer
from bot.config.settings import Settings
from bot.control import client as control
from bot.model.output import detect_language
from bot.model.request import Answer, Surface
from bot.security.file_trust import trust_owner_of
from bot.security.secrets import read_secrets
from bot.terminal.plan_first import find_plan_words
from bot.terminal.progress_bar import show_line
from commands.audit import AuditVerify

if TYPE_CHECKING:
    from bot.app.application import Application


AskFunction = Callable[[str], Awaitable[Answer]]
"""Answers a request, given as text."""

EXIT_WORDS = frozenset({"exit", "quit", "bye"})


async def ask_once(settings: Settings, words: str, texts: Texts) -> Answer:
    """Return one answer for `do`, from the running bot or from this process."""
    async with open_asker(settings, Surface.DO, texts) as ask:
        return await ask(words)


@asynccontextmanager
async def open_asker(settings: Settings, surface: Surface, texts: Texts) -> AsyncIterator[AskFunction]:
    """Ask the running bot. Once none runs, this process answers by itself (and owns the database).

    Both show progress on the terminal.
    """
    async with AsyncExitStack() as stack:
        application: Application | None = None

        async def ask(words: str) -> Answer:
            nonlocal application
            if application is None:
                answer = await _ask_running_bot(settings, words, surface)
                if answer is not None:
                    return answer
            from bot.app.application import open_application  # imported here, because asking a running bot needs none of it
            from bot.terminal.local_request import answer_here

            if application is None:
                application = await stack.enter_async_context(open_application(settings))
            return await answer_here(application, words, surface, texts)

        yield ask


async def _ask_running_bot(settings: Settings, words: str, surface: Surface) -> Answer | None:
    """Have the running bot answer, with its progress on this terminal."""
    with show_line() as show:
        wanted = control.ShownProgress(detect_language(os.environ), shutil.get_terminal_size().columns, show)
        return await control.ask(settings.control_socket, words, surface, wanted=wanted)


async def run_shell(settings: Settings, shown: Texts) -> None:
    """Answer line by line until the end of input, piped input too."""
    gc.enable()
    console = Console()
    async with open_asker(settings, Surface.SHELL, shown) as ask:
        async for words in _read_lines(settings, shown):
            if (plan := find_plan_words(words)) is not None:
                print_answer(console, await ask(plan), shown)
            print_answer(console, await ask(words), shown)


async def verify_audit(settings: Settings) -> Answer:
    """Verify the audit log, by the running bot if the user may read it there, else from the files."""
    words = " ".join(AuditVerify.words)
    answer = await control.ask(settings.control_socket, words, Surface.DO)
    if answer is not None:
        return answer
    from bot.audit_log.files import verify_files
    from bot.changes.reports.listing import report_verification
    from bot.config.database import find_database
    from bot.config.settings import load_audit_keys

    trust = trust_owner_of(settings.data_folder)
    secrets = read_secrets(settings.secret_names, settings.secrets_folder, trust)
    address, keys = find_database(settings, secrets), load_audit_keys(settings, secrets)
    found = await asyncio.to_thread(verify_files, address, settings.audit_head_file, keys.all)
    return Answer(operation="", understood=words, body=report_verification(found))


async def _read_lines(settings: Settings, shown: Texts) -> AsyncIterator[str]:
    """Yields the typed or piped lines until the end of input, or until one of `EXIT_WORDS`."""
    lines = _prompt(settings, shown) if sys.stdin.isatty() else _read_pipe()
    async for line in lines:
        if line.strip().lower() in EXIT_WORDS:
            return
        if line.strip():
            yield line


async def _read_pipe() -> AsyncIterator[str]:
    while line := await asyncio.to_thread(sys.stdin.readline):
        yield line


async def _prompt(settings: Settings, shown: Texts) -> AsyncIterator[str]:
    from prompt_toolkit import PromptSession  # imported here, because piped lines and `do` need none of it

    from bot.terminal.completion import CommandCompleter

    session: PromptSession[str] = PromptSession("flatnet> ", completer=CommandCompleter(settings.inventory))
    hint = Phrase("type help to list the commands, or exit (or Ctrl-D) to quit")
    sys.stdout.write(f"{hint.render_sentence(shown)}\n")
    while True:
        try:
            line = await session.prompt_async()
        except (EOFError, KeyboardInterrupt):
            return
        yield line
