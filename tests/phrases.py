"""Every phrase of the code, and what the catalogues lack: `python -m tests.phrases` prints it, `--write` writes it.

Phrases are found by reading the code, so a template must be a literal where it is made. A written catalogue has an entry for
each phrase, in the order of the templates. New ones are empty, and left-over ones are gone.
"""

import ast
import string
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from bot.locale.texts import DOMAIN

ROOT = Path(__file__).parents[1]
PACKAGES = ("adapters", "commands", "bot")
LANGUAGES = ("ja",)

Key = str | tuple[str, str]
"""As Babel names a message: its template, or singular and plural."""


@dataclass(frozen=True)
class Found:
    """A phrase and the place where it is made."""

    key: Key
    path: str
    line: int
    context: str | None = None


class NotLiteral(Exception):
    """A template that cannot be found by reading; names file and line."""


def phrases(root: Path = ROOT) -> list[Found]:
    """Every phrase of the packages; `NotLiteral` lists all templates that are none."""
    found, wrong = [], []
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            for call in _calls(path):
                name = str(path.relative_to(root))
                try:
                    found.append(Found(_key(call), name, call.lineno, _context(call)))
                except ValueError as error:
                    wrong.append(f"{name}:{call.lineno}: {error}")
    if wrong:
        raise NotLiteral("\n".join(wrong))
    return found


def path_of(language: str) -> Path:
    """Where the catalogue of a language is."""
    return ROOT / "bot" / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def catalogue(language: str) -> Catalog:
    """A language's catalogue as it stands."""
    with path_of(language).open("rb") as po:
        return read_po(po, locale=language, abort_invalid=True)


def missing(found: Iterable[Found], known: Catalog) -> list[Found]:
    """Phrases without a translation."""
    translated = {(message.context, key(message)) for message in messages(known) if all(strings(message))}
    return [phrase for phrase in found if (phrase.context, phrase.key) not in translated]


def left_over(found: Iterable[Found], known: Catalog) -> list[Message]:
    """Translations of phrases that no longer exist."""
    keys = {(phrase.context, phrase.key) for phrase in found}
    return [message for message in messages(known) if (message.context, key(message)) not in keys]


def messages(known: Catalog) -> Iterator[Message]:
    """All entries but the header."""
    return (message for message in known if message.id)


def strings(message: Message) -> tuple[str, ...]:
    """The translations of one entry: one for each plural form of the language."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def key(message: Message) -> Key:
    """The phrase that an entry translates."""
    match message.id:
        case str(template):
            return template
        case singular, plural:
            return singular, plural
        case _:
            raise ValueError(f"{message.id} is no phrase")


def placeholders(template: str) -> frozenset[str]:
    """The names in a template; a `ValueError` where one has a format of its own, which a translated value cannot have."""
    names = set()
    for _, name, form, conversion in string.Formatter().parse(template):
        if name is not None:
            if form or conversion or not name.isidentifier():
                raise ValueError(f"{{{name}}} must be a plain name without a format")
            names.add(name)
    return frozenset(names)


def _calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        match node:
            case ast.Call(func=ast.Name(id="Phrase") | ast.Attribute(attr="Phrase")):
                yield node


def _key(call: ast.Call) -> Key:
    plural = _keyword(call, "plural")
    if len(call.args) != 1:
        raise ValueError("a phrase takes one template")
    singular = _literal(call.args[0])
    return singular if plural is None else (singular, _literal(plural))


def _context(call: ast.Call) -> str | None:
    context = _keyword(call, "context")
    return None if context is None else _literal(context)


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _literal(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(template)):
            placeholders(template)
            return template
        case _:
            raise ValueError("the template is not a literal, so nobody can translate it")


def entries(lacking: Iterable[Found], over: Iterable[Message], language: str) -> str:
    """Missing entries as they go into the catalogue, ready to be filled; left-over ones as comments that begin with `#~`."""
    sheet = Catalog(locale=language)
    for phrase in lacking:
        sheet.add(phrase.key, locations=[(phrase.path, phrase.line)], context=phrase.context)
    sheet.obsolete.update({f"{message.context}\0{message.id}": message for message in over})
    text = BytesIO()
    write_po(text, sheet, omit_header=True, width=0)
    return text.getvalue().decode()


def write_catalogue(text: str, found: Iterable[Found], known: Catalog) -> str:
    """Write a catalogue anew, in the order of the templates: the header of its text, and the translations that are known."""
    translated = {(message.context, key(message)): message.string for message in messages(known)}
    sheet = Catalog(locale=known.locale)
    for phrase in sorted(found, key=_find_place):
        sheet.add(phrase.key, translated.get((phrase.context, phrase.key)), context=phrase.context)
    written = BytesIO()
    write_po(written, sheet, omit_header=True, width=0)
    header = text.partition("\n\n")[0].rstrip()
    return f"{header}\n\n{written.getvalue().decode().strip()}\n"


def _find_place(phrase: Found) -> tuple[str, str, str]:
    """Find the place of a phrase in a catalogue: by its template, so that code can move without its translation."""
    template = phrase.key if isinstance(phrase.key, str) else phrase.key[0]
    return template.lower(), template, phrase.context or ""


def main(arguments: list[str]) -> int:
    """Print what is missing and what is left over; 1 where there is something. With `--write`, write the catalogues."""
    try:
        found = phrases()
    except NotLiteral as error:
        print(error, file=sys.stderr)
        return 1
    if "--write" in arguments:
        for language in LANGUAGES:
            path = path_of(language)
            path.write_text(write_catalogue(path.read_text("utf-8"), found, catalogue(language)), "utf-8")
    wanted = ""
    for language in LANGUAGES:
        known = catalogue(language)
        wanted += entries(missing(found, known), left_over(found, known), language)
    print(wanted, end="")
    return 1 if wanted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
