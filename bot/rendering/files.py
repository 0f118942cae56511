"""Files of an answer, in the reader's language. Pure.

Archives are packed at the very end (`pack_bundle`). Until then their members are texts, from which secrets are redacted like
from any other text.
"""

import io
import zipfile
from collections.abc import Callable

from adapters.phrase import Texts
from bot.model.request import Answer
from bot.rendering.data import as_csv
from bot.rendering.markdown import as_markdown
from bot.rendering.slack import log_lines as excerpt
from commands.loglines.excerpt import SHOWN
from commands.model.report import Bundle, Copy, File, Form, Report

MADE = (2026, 1, 1, 0, 0, 0)
"""Time of every member of an archive, so that equal contents give equal bytes. The contents have their own times."""


def written(answer: Answer, texts: Texts) -> tuple[File | Bundle, ...]:
    """Writes the requested files, in order, including the members of bundles. Returns () if no file was requested."""
    if not isinstance(answer.body, Report):
        return ()
    return tuple(_written(each, answer, texts) for each in answer.body.files)


def for_all(answer: Answer, texts: Texts) -> tuple[File | Bundle, ...]:
    """Writes the files of an answer in a channel: the requested ones, or all its lines if the message has no room for them.

    The file of lines has a name of its own, by which an interrupted upload is recognized.
    """
    files, report = written(answer, texts), answer.body
    if files or not isinstance(report, Report) or report.excerpt is None or len(report.excerpt.lines) <= SHOWN:
        return files
    return (File(name=f"flatnet-{answer.operation}-all.txt", text=excerpt.all_of(answer, texts)),)


def bare(answer: Answer) -> Answer:
    """Returns the answer without its files."""
    if not isinstance(answer.body, Report):
        return answer
    return answer.model_copy(update={"body": answer.body.model_copy(update={"files": ()})})


def packed(bundle: Bundle, clean: Callable[[str], str]) -> bytes:
    """Packs a bundle with written members as a ZIP archive; `clean` redacts secrets in each text."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in bundle.members:
            assert isinstance(member, File)
            info = zipfile.ZipInfo(member.name, MADE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, clean(member.text))
    return content.getvalue()


def _written(each: File | Copy | Bundle, answer: Answer, texts: Texts) -> File | Bundle:
    match each:
        case File():
            return each
        case Copy():
            return _copied(each, answer, texts)
        case Bundle(name=name, members=members):
            made = tuple(member if isinstance(member, File) else _copied(member, answer, texts) for member in members)
            return Bundle(name=name, members=made)


def _copied(copy: Copy, answer: Answer, texts: Texts) -> File:
    if copy.of is not None:
        answer = answer.model_copy(update={"body": copy.of, "understood": copy.words or answer.understood})
    match copy.form:
        case Form.MARKDOWN:
            return File(name=copy.name, text=as_markdown(answer, texts))
        case Form.CSV:
            return File(name=copy.name, text=as_csv(answer, texts))
        case Form.LINES:
            return File(name=copy.name, text=excerpt.all_of(answer, texts))
