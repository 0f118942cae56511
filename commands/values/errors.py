"""Errors of typed input."""

from collections.abc import Iterable

from adapters.errors import RequestError
from adapters.phrase import Phrase


class GrammarError(RequestError):
    """The words are no operation. `span` is where in the text, `suggestions` are whole requests that would do."""

    def __init__(self, phrase: Phrase, *, span: tuple[int, int] | None = None, suggestions: Iterable[str] = ()) -> None:
        super().__init__(phrase)
        self.span = span
        self.suggestions = tuple(suggestions)
