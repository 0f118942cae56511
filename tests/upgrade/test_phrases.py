"""Sentences that the version before stored: shown in Japanese, whatever became of their English since."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from adapters.phrase import ENGLISH, Phrase
from bot.locale.texts import get_texts
from tests.upgrade.past import fixture

STORED = [each["phrase"] for each in fixture("phrases.json")]
"""One phrase for each template that stood in plans, answers, digests and reasons, all with Japanese of their own."""

JAPANESE = get_texts("ja", ZoneInfo("Asia/Tokyo"))


def without_values(document: dict[str, Any]) -> Phrase:
    """Return the phrase with values that are words of no language."""
    values = {name: value if name == "n" else "…" for name, value in document.get("values", {}).items()}
    return Phrase.from_json(document | {"values": values})


def is_japanese(phrase: Phrase) -> bool:
    """Check whether a phrase is shown in Japanese, not as its English template."""
    shown = phrase.render(JAPANESE)
    return shown != phrase.render(ENGLISH) and re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", shown) is not None


def test_stored_sentences_are_shown_in_japanese() -> None:
    assert [] == [document["template"] for document in STORED if not is_japanese(without_values(document))]


def test_what_people_decided_is_among_them() -> None:
    templates = {document["template"] for document in STORED}
    assert {"restart {service}", "{who} denied it: {reason}", "{who} withdrew it"} <= templates
    assert 100 < len(templates)
