"""The same flow in a terminal: one question, a conversation, or the audit log.

Through the control socket where a bot runs; else by this process itself, on the same composition root.
"""

import asyncio
import getpass
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console

from adapters.phrase import Phrase, Texts
from bot import control
from bot.app import House, new_key, now, open_house
from bot.config import Settings
from bot.messages.terminal import print_answer
from bot.request import Answer, Request, Surface, SystemIdentity
from bot.secrets import read_secrets
from bot.store.chain import AuditKey, Verification
from commands.catalogue import CATALOGUE

Ask = Callable[[str], Awaitable[Answer]]
"""Words in, answer out."""

ENDINGS = frozenset({"exit", "quit", "bye"})


async def ask_once(settings: Settings, words: str, surface: Surface) -> Answer:
    """One answer, from the running bot or from this process."""
    async with asker(settings, surface) as ask:
        return await ask(words)


@asynccontextmanager
async def asker(settings: Settings, surface: Surface) -> AsyncIterator[Ask]:
    """Asks the running bot; from the first time that none runs, this process answers itself (and owns the database)."""
    async with AsyncExitStack() as stack:
        house: House | None = None

        async def ask(words: str) -> Answer:
            nonlocal house
            if house is None:
                answer = await control.ask(settings.control_socket, words, surface)
                if answer is not None:
                    return answer
                house = await stack.enter_async_context(open_house(settings))
            me = SystemIdentity(os.getuid(), getpass.getuser())
            return await house.desk.handle(Request(new_key(), me, words, surface, now()))

        yield ask


async def converse(settings: Settings, shown: Texts) -> None:
    """Ask line by line until the end of input; piped input is answered line by line, too."""
    console = Console()
    async with asker(settings, Surface.SHELL) as ask:
        async for words in _lines(settings, shown):
            print_answer(console, await ask(words), shown)


async def verify_audit(settings: Settings) -> Verification:
    """The audit log's state, from the running bot or from the files."""
    found = await control.verify(settings.control_socket)
    if found is not None:
        return found
    from bot.audit import verify_files

    secrets = read_secrets(settings.secret_names, settings.secrets_folder)
    key = AuditKey(secrets(settings.audit_key_secret).get_secret_value().encode())
    return await asyncio.to_thread(verify_files, settings.database_file, settings.audit_head_file, [key])


async def _lines(settings: Settings, shown: Texts) -> AsyncIterator[str]:
    if not sys.stdin.isatty():
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip():
                yield line
        return
    session: PromptSession[str] = PromptSession("flatnet> ", completer=WordsAndHosts(settings), complete_while_typing=False)
    hint = Phrase("help shows what you can ask for; exit or Ctrl-D ends")
    sys.stdout.write(f"{hint.render(shown)}\n")
    while True:
        try:
            with patch_stdout():
                line = await session.prompt_async()
        except (EOFError, KeyboardInterrupt):
            return
        if line.strip().lower() in ENDINGS:
            return
        if line.strip():
            yield line


class WordsAndHosts(Completer):
    """Completes command words, then host names and labels."""

    def __init__(self, settings: Settings) -> None:
        self._commands = [" ".join(operation.words) for operation in CATALOGUE]
        self._targets = ["all", *settings.inventory.names, *settings.inventory.labels]

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What could stand where the cursor is."""
        before = document.text_before_cursor.lstrip()
        word = document.get_word_before_cursor(WORD=True)
        choices = self._commands if before == word else self._targets
        return (Completion(choice, -len(word)) for choice in choices if choice.startswith(word.rpartition(",")[2]))
