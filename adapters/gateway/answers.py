"""Answers of the gateway API as values, with its quirks: `{}` for an empty list, HTML errors, 403 outside the overlay."""

from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from adapters.errors import ActionFailed, HostError
from adapters.gateway.action import HttpResponse
from adapters.phrase import Phrase
from adapters.value import Value


class UnusableAnswer(Value):
    """An answer of one part of the API that could not be used. `forbidden`: this address is not allowed (403).

    `bad_gateway`: a proxy on the way did not reach what it asked (502, 504).
    """

    phrase: Phrase
    forbidden: bool = False
    bad_gateway: bool = False


def accept_empty_table(value: Any) -> Any:
    """Accepts `{}` for an empty list: Lua has only one empty table, and its JSON is `{}`."""
    return [] if value == {} else value


def accept_empty_object(value: Any) -> Any:
    """Accepts `[]` for an empty object, as other JSON libraries of Lua write it."""
    return {} if value == [] else value


Body = TypeVar("Body", bound=BaseModel)


def parse_body(path: str, answer: HttpResponse | HostError, kind: type[Body]) -> Body | UnusableAnswer | HostError:
    """Parses the body of a response to `path`: the value, or why it could not be used."""
    if isinstance(answer, HostError):
        return answer
    if answer.status != 200:
        return describe_refusal(path, answer)
    try:
        return kind.model_validate_json(answer.text)
    except ValueError:
        return UnusableAnswer(
            phrase=Phrase(
                "could not parse the gateway's response to {path}. Check that this is the Flatnet gateway", path=path
            )
        )


def require_answer(path: str, answer: HttpResponse | HostError) -> HttpResponse:
    """Returns a response of status 200. Raises the failure, or an `ActionFailed` for any other status."""
    if isinstance(answer, HostError):
        raise answer
    if answer.status != 200:
        raise ActionFailed(describe_refusal(path, answer).phrase, maybe_ran=answer.status >= 500)
    return answer


def require_date(answer: HttpResponse) -> datetime:
    """Returns the time of a response by the gateway's clock. Raises `ValueError` if it has none."""
    if answer.date is None:
        raise ValueError("no Date header")
    return answer.date


def describe_refusal(path: str, answer: HttpResponse) -> UnusableAnswer:
    """Describes a response of another status than 200."""
    match answer.status:
        case 403:
            return UnusableAnswer(
                phrase=Phrase(
                    "the gateway does not allow requests from this bot's address. Connect from the overlay (10.100.0.0/16)"
                ),
                forbidden=True,
            )
        case status if status >= 500:
            return UnusableAnswer(
                phrase=Phrase(
                    "the gateway returned error {status} for {path}. Check its error.log", path=path, status=str(status)
                ),
                bad_gateway=status in (502, 504),
            )
        case status:
            return UnusableAnswer(
                phrase=Phrase(
                    "the gateway returned status {status} for {path}. Check that this is the Flatnet gateway",
                    path=path,
                    status=str(status),
                )
            )
