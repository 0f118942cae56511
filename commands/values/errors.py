"""Errors of typed input."""

from collections.abc import Iterable

from adapters.errors import RequestError
from adapters.phrase import Phrase


class GrammarError(RequestError):
    """The text is no valid request. `span` is the place in the text, `suggestions` are complete requests that are valid."""

    def __init__(self, phrase: Phrase, *, span: tuple[int, int] | None = None, suggestions: Iterable[str] = ()) -> None:
        super().__init__(phrase)
        self.span = span
        self.suggestions = tuple(suggestions)
