"""Files of an answer, in the reader's language. Pure.

Archives are packed at the very end (`pack_bundle`). Until then their members are texts, from which secrets are redacted like
from any other text.
"""

import io
import zipfile
from collections.abc import Callable

from adapters.phrase import Texts
from bot.model.request import Answer
from bot.rendering.data import render_csv, render_document
from bot.rendering.markdown import render_markdown
from bot.rendering.slack import log_lines
from commands.log_lines.excerpt import PAGE_LINES
from commands.model.report import Bundle, FileFormat, Report, ReportFile, TextFile

MEMBER_TIME = (2026, 1, 1, 0, 0, 0)
"""Time of every member of an archive, so that equal contents give equal bytes. The contents have their own times."""


def write_files(answer: Answer, texts: Texts) -> tuple[TextFile | Bundle, ...]:
    """Writes the requested files, in order, including the members of bundles. Returns () if no file was requested."""
    if not isinstance(answer.body, Report):
        return ()
    return tuple(_write_file(each, answer, texts) for each in answer.body.files)


def write_public_files(answer: Answer, texts: Texts) -> tuple[TextFile | Bundle, ...]:
    """Writes the files of an answer in a channel: the requested ones, or all its lines if the message has no room for them.

    The file of lines has a name of its own, by which an interrupted upload is recognized.
    """
    files, report = write_files(answer, texts), answer.body
    if files or not isinstance(report, Report) or report.excerpt is None or len(report.excerpt.lines) <= PAGE_LINES:
        return files
    return (TextFile(name=f"flatnet-{answer.operation}-all.txt", text=log_lines.render_file(answer, texts)),)


def remove_files(answer: Answer) -> Answer:
    """Returns the answer without its files, and without the document that one of them contains."""
    if not isinstance(answer.body, Report):
        return answer
    return answer.model_copy(update={"body": answer.body.model_copy(update={"files": (), "document": None})})


def pack_bundle(bundle: Bundle, clean: Callable[[str], str]) -> bytes:
    """Packs a bundle with written members as a ZIP archive; `clean` redacts secrets in each text."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in bundle.members:
            assert isinstance(member, TextFile)
            info = zipfile.ZipInfo(member.name, MEMBER_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, clean(member.text))
    return content.getvalue()


def _write_file(each: TextFile | ReportFile | Bundle, answer: Answer, texts: Texts) -> TextFile | Bundle:
    match each:
        case TextFile():
            return each
        case ReportFile():
            return _write_copy(each, answer, texts)
        case Bundle(name=name, members=members):
            made = tuple(
                member if isinstance(member, TextFile) else _write_copy(member, answer, texts) for member in members
            )
            return Bundle(name=name, members=made)


def _write_copy(copy: ReportFile, answer: Answer, texts: Texts) -> TextFile:
    if copy.of is not None:
        answer = answer.model_copy(update={"body": copy.of, "understood": copy.words or answer.understood})
    match copy.form:
        case FileFormat.MARKDOWN:
            return TextFile(name=copy.name, text=render_markdown(answer, texts))
        case FileFormat.CSV:
            return TextFile(name=copy.name, text=render_csv(answer, texts))
        case FileFormat.LINES:
            return TextFile(name=copy.name, text=log_lines.render_file(answer, texts))
        case FileFormat.JSON:
            return TextFile(name=copy.name, text=render_document(answer))
