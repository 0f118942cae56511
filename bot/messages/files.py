"""The files of an answer, in the words of whoever gets them. Pure."""

from adapters.phrase import Texts
from bot.messages.data import as_csv
from bot.messages.markdown import as_markdown
from bot.request import Answer
from commands.report import Copy, File, Form, Report


def written(answer: Answer, texts: Texts) -> tuple[File, ...]:
    """What was asked for as files, in order; nothing where nothing was."""
    if not isinstance(answer.body, Report):
        return ()
    return tuple(each if isinstance(each, File) else _copied(each, answer, texts) for each in answer.body.files)


def bare(answer: Answer) -> Answer:
    """The same without its files."""
    if not isinstance(answer.body, Report):
        return answer
    return answer.model_copy(update={"body": answer.body.model_copy(update={"files": ()})})


def _copied(copy: Copy, answer: Answer, texts: Texts) -> File:
    match copy.form:
        case Form.MARKDOWN:
            return File(name=copy.name, text=as_markdown(answer, texts))
        case Form.CSV:
            return File(name=copy.name, text=as_csv(answer, texts))
