"""An approval in a terminal: the plan is printed before the answer."""

from pathlib import Path

import pytest

from bot.model.output import Form, Output, Terminal
from bot.terminal import one_request
from bot.terminal.plan_first import find_plan_words

OPERATION = "op-0123456789ab"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (f"approve {OPERATION}", f"op show {OPERATION}"),
        (f"approve {OPERATION} --name host-a", f"op show {OPERATION}"),
        (f"  APPROVE  {OPERATION.upper()} ", f"op show {OPERATION}"),
        (f"approval approve {OPERATION}", f"op show {OPERATION}"),
        (f"deny {OPERATION} no", None),
        (f"op show {OPERATION}", None),
        ("approve", None),
        ("approve op-1", None),
        (f"approve {OPERATION}0", None),
        (f"log nebula approve {OPERATION}", None),
        (f"approve {OPERATION}\u202e", None),
        ("", None),
    ],
)
def test_a_line_that_approves_shows_the_plan_first(typed: str, expected: str | None) -> None:
    assert expected == find_plan_words(typed)


@pytest.mark.parametrize(
    ("words", "form", "asked"),
    [
        (f"approve {OPERATION} --name host-a", "table", [f"op show {OPERATION}", f"approve {OPERATION} --name host-a"]),
        (f"approve {OPERATION}", "json", [f"approve {OPERATION}"]),
        ("health", "table", ["health"]),
    ],
)
def test_do_prints_the_plan_before_the_answer_and_ends_with_the_code_of_the_answer(
    words: str, form: Form, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def answer(config: Path, words: str, form: Form, terminal: Terminal) -> Output:
        seen.append(words)
        return Output(len(seen), f"{words}\n".encode())

    monkeypatch.setattr(one_request, "_answer_one", answer)
    output = one_request.answer_request(Path("flatnet.toml"), words, form, Terminal())
    assert (asked, len(asked)) == (seen, output.exit)
    assert "".join(f"{each}\n" for each in asked).encode() == output.stdout
