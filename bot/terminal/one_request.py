"""One request of `do`: answered by the running bot, or by this process where none runs.

words ─▶ control socket ─┬─ a bot listens ─▶ rendered there ─▶ Output      loads the standard library alone
                         └─ no bot ────────▶ bot.terminal.commands          loads the whole application
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config.control_socket import find_control_socket
from bot.control.output_client import (
    AnswerLost,
    AnswerUnreadable,
    NotConnected,
    OutputRequest,
    RequestRefused,
    request_output,
)
from bot.model.output import Form, Output, Terminal
from bot.terminal.plan_first import find_plan_words
from bot.terminal.progress_bar import show_line

if TYPE_CHECKING:
    from bot.control.client import ControlError


def answer_request(config: Path, words: str, form: Form, terminal: Terminal) -> Output:
    """Answer one request and render the answer. The answer to an approval follows the plan that it approves."""
    plan = find_plan_words(words) if form == "table" else None
    if plan is None:
        return _answer_one(config, words, form, terminal)
    shown, output = _answer_one(config, plan, form, terminal), _answer_one(config, words, form, terminal)
    return replace(output, stdout=shown.stdout + output.stdout, stderr=shown.stderr + output.stderr)


def _answer_one(config: Path, words: str, form: Form, terminal: Terminal) -> Output:
    socket = find_control_socket(config)
    try:
        output = None if socket is None else _request_output(socket, OutputRequest(words, form, terminal))
    except RequestRefused:  # nothing was done: the words are too long, or a bot of another version runs
        socket = output = None
    except (NotConnected, AnswerLost, AnswerUnreadable) as error:
        assert socket is not None
        from bot.terminal import commands

        return commands.report_error(_map_error(error, socket), config, words, form, terminal)
    if output is not None:
        return output
    from bot.terminal import commands

    answer = commands.answer_carefully if socket is None else commands.answer_alone
    return answer(config, words, form, terminal)


def _request_output(socket: Path, wanted: OutputRequest) -> Output | None:
    with show_line() as show:
        return request_output(socket, replace(wanted, show=show))


def _map_error(error: Exception, socket: Path) -> "ControlError":
    from bot.control import client

    match error:
        case NotConnected(reason=reason):
            return client.map_connect_error(socket, reason)
        case AnswerLost():
            return client.make_lost_error(socket)
        case _:
            return client.make_unreadable_error()
