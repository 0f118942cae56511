"""Translations of the command line: help, usage errors, and the descriptions of the Slack manifest.

They have a catalogue of their own, `cli.po`, with a context for all but help: `label` for the headings of typer's help,
`error` for usage errors, `manifest` for the descriptions in `manifest.yml`. The English texts stay where they are used.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from babel.messages.pofile import read_po
from typer import rich_utils
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

if TYPE_CHECKING:
    from typer._click import Context

HELP, LABEL, ERROR, MANIFEST = "", "label", "error", "manifest"
"""Contexts of the catalogue."""

_DESCRIPTION = re.compile(r'^( *(?:- )?(?:name|description|usage_hint): )("?)(.+)\2$', re.MULTILINE)
"""A line of the manifest that may hold a text for people: its key, and its value with or without quotes."""


@dataclass(frozen=True)
class CliTranslations:
    """Translations by context and English text. What has none stays English."""

    entries: Mapping[tuple[str, str], str]

    def translate_command(self, command: TyperCommand | TyperGroup, ctx: "Context") -> None:
        """Translate what the help of a command shows: its own text, its parameters and its commands."""
        commands = command.commands.values() if isinstance(command, TyperGroup) else ()
        for shown in (command, *commands, *_options(command, ctx)):
            if shown.help:
                shown.help = self._get(HELP, " ".join(shown.help.split()))

    def translate_headings(self) -> None:
        """Translate the texts that typer keeps in its module, and reads at each use, for the rest of the process."""
        texts = {name: text for name, text in vars(rich_utils).items() if isinstance(text, str)}
        vars(rich_utils).update({name: self.translate_label(text) for name, text in texts.items()})

    def translate_label(self, label: str) -> str:
        """Translate a heading or a note of typer's help."""
        return self._get(LABEL, label)

    def translate_error(self, message: str) -> str:
        """Translate a usage error, the values in it too."""
        templates = (template for context, template in self.entries if context == ERROR)
        for template in sorted(templates, key=len, reverse=True):  # the longest matching template is the most specific
            if found := _pattern(template).fullmatch(message):
                values = {name: self.translate_error(value) for name, value in found.groupdict().items()}
                return self.entries[ERROR, template].format_map(values)
        return message

    def translate_manifest(self, manifest: str) -> str:
        """Translate the descriptions in the text of the manifest; comments and everything else stay."""

        def translate(line: re.Match[str]) -> str:
            text = self.entries.get((MANIFEST, line[3]))
            return line[0] if text is None else line[1] + json.dumps(text, ensure_ascii=False)

        return _DESCRIPTION.sub(translate, manifest)

    def _get(self, context: str, text: str) -> str:
        return self.entries.get((context, text), text)


@cache
def load_translations(language: str) -> CliTranslations:
    """Read the catalogue of a language."""
    source = resources.files("bot") / "locale" / language / "LC_MESSAGES" / "cli.po"
    with source.open("rb") as po:
        messages = read_po(po, abort_invalid=True)
    return CliTranslations(
        {(message.context or "", str(message.id)): str(message.string) for message in messages if message.id}
    )


def _options(command: TyperCommand | TyperGroup, ctx: "Context") -> Iterator[TyperArgument | TyperOption]:
    for parameter in command.get_params(ctx):
        if isinstance(parameter, TyperArgument | TyperOption):
            yield parameter


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """The messages of a template, with a group for each value."""
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(template)), re.DOTALL)
