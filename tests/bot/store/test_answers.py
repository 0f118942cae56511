"""Answers are kept for a week, with the files that were made of them."""

from datetime import timedelta

import pytest

from bot.store.answers import MAX_DOCUMENT_BYTES, RETENTION, AnswerFile, AnswerTable, StoredAnswer
from bot.store.database import Database
from bot.store.errors import TooLarge
from tests.bot.store.conftest import Clock


@pytest.fixture
def answers(database: Database) -> AnswerTable:
    return AnswerTable(database)


def kept(clock: Clock, operation: str = "op-1", words: str = "health", document: str = "{}") -> StoredAnswer:
    return StoredAnswer(operation, "slack:T1/U1", words, clock(), document)


async def test_an_answer_is_found_again_as_it_was(answers: AnswerTable, clock: Clock) -> None:
    asked = kept(clock, document='{"host": "\\u0000 ホスト"}')
    await answers.store(asked)
    assert asked == await answers.find("op-1", clock())
    assert None is await answers.find("op-2", clock())


async def test_the_same_operation_worked_again_takes_the_place_of_its_first_answer(
    answers: AnswerTable, clock: Clock
) -> None:
    await answers.store(kept(clock))
    await answers.store(kept(clock, document='{"again":1}'))
    found = await answers.find("op-1", clock())
    assert found is not None
    assert '{"again":1}' == found.document


async def test_after_a_week_it_is_not_shown_any_more_and_its_files_are_named(answers: AnswerTable, clock: Clock) -> None:
    await answers.store(kept(clock))
    for file in ("F1", "F2"):
        await answers.record_file("op-1", AnswerFile(file, f"{file}.csv"))
    assert () == await answers.list_expired(clock())
    clock.at += RETENTION
    assert None is await answers.find("op-1", clock())
    assert (("op-1", (AnswerFile("F1", "F1.csv"), AnswerFile("F2", "F2.csv"))),) == await answers.list_expired(clock())
    await answers.delete("op-1", (AnswerFile("F1", "F1.csv"), AnswerFile("F2", "F2.csv")))
    assert () == await answers.list_expired(clock())


async def test_the_newest_answer_to_some_words_is_found(answers: AnswerTable, clock: Clock) -> None:
    for operation in ("op-1", "op-2"):
        await answers.store(kept(clock, operation))
        clock.pass_by(seconds=1)
    newest = await answers.find_latest("health", clock())
    assert newest is not None
    assert "op-2" == newest.operation
    assert None is await answers.find_latest("host", clock())
    assert None is await answers.find_latest("health", clock() + timedelta(days=8))


async def test_the_words_of_a_person_come_once_each_and_newest_first(answers: AnswerTable, clock: Clock) -> None:
    for number, words in enumerate(["health", "host", "health", "version"]):
        await answers.store(kept(clock, f"op-{number}", words))
        clock.pass_by(seconds=1)
    assert ("version", "health") == await answers.list_recent_words("slack:T1/U1", 2)
    assert () == await answers.list_recent_words("slack:T1/U2", 2)


async def test_what_is_too_large_is_not_kept(answers: AnswerTable, clock: Clock) -> None:
    with pytest.raises(TooLarge):
        await answers.store(kept(clock, document="x" * (MAX_DOCUMENT_BYTES + 1)))
    assert None is await answers.find("op-1", clock())


async def test_a_file_is_noted_before_anybody_sees_it_and_again_when_they_do(answers: AnswerTable, clock: Clock) -> None:
    await answers.store(kept(clock))
    for made in (AnswerFile("F1", "report.md"), AnswerFile("F2", "report.csv"), AnswerFile("F1", "report.md", shown=True)):
        await answers.record_file("op-1", made)

    found = await answers.find("op-1", clock())

    assert found is not None
    assert (AnswerFile("F1", "report.md", shown=True), AnswerFile("F2", "report.csv")) == found.files


async def test_of_an_answer_that_is_forgotten_no_file_is_noted_and_that_is_said(answers: AnswerTable, clock: Clock) -> None:
    await answers.store(kept(clock))
    assert await answers.record_file("op-1", AnswerFile("F1", "report.md"))
    await answers.delete("op-1", (AnswerFile("F1", "report.md"),))
    assert not await answers.record_file("op-1", AnswerFile("F2", "report.csv"))
    assert () == await answers.list_expired(clock() + RETENTION)


async def test_a_file_that_is_noted_while_the_others_are_deleted_keeps_the_answer_for_the_next_time(
    answers: AnswerTable, clock: Clock
) -> None:
    await answers.store(kept(clock))
    for file in ("F1", "F2"):
        await answers.record_file("op-1", AnswerFile(file, "report.md"))
    await answers.delete("op-1", (AnswerFile("F1", "report.md"),))
    assert ["op-1"] == [operation for operation, _ in await answers.list_expired(clock() + RETENTION)]
