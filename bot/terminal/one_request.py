"""One request of `do`: answered by the running bot, or by this process where none runs.

words ─▶ control socket ─┬─ a bot listens ─▶ rendered there ─▶ Output      loads the standard library alone
                         └─ no bot ────────▶ bot.terminal.commands          loads the whole application
"""

from pathlib import Path

from bot.config.control_socket import find_control_socket
from bot.control.output_client import AnswerLost, NotConnected, RequestRefused, request_output
from bot.model.output import Form, Output, Terminal


def answer_request(config: Path, words: str, form: Form, terminal: Terminal) -> Output:
    """Answer one request and render the answer."""
    socket = find_control_socket(config)
    if socket is not None:
        try:
            output = request_output(socket, words, form, terminal)
        except (NotConnected, RequestRefused, AnswerLost) as error:
            return _report(error, socket, words, form, terminal)
        if output is not None:
            return output
    from bot.terminal import commands

    commands.configure_logging("error")
    answer = commands.answer_carefully if socket is None else commands.answer_alone
    return answer(config, words, form, terminal)


def _report(
    error: NotConnected | RequestRefused | AnswerLost, socket: Path, words: str, form: Form, terminal: Terminal
) -> Output:
    from bot.control import client
    from bot.terminal import commands

    match error:
        case NotConnected(reason=reason):
            return commands.report_error(client.map_connect_error(socket, reason), words, form, terminal)
        case RequestRefused(document=document):
            return commands.report_error(client.read_refusal(document), words, form, terminal)
        case AnswerLost():
            return commands.report_error(client.make_lost_error(socket), words, form, terminal)
