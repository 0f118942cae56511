"""Slack's refusals as an exception: what `{"ok": false, "error": …}` carries."""

from typing import Any


class SlackError(Exception):
    """A Web API call is refused. `error` is Slack's code; `more` goes into the answer beside it."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more


def invalid(error: str, complaints: list[str]) -> SlackError:
    """A refusal that says where: `errors` and the same as `[ERROR] …` messages, as Slack does."""
    return SlackError(error, errors=complaints, response_metadata={"messages": [f"[ERROR] {line}" for line in complaints]})
