"""Entry point of `python -m bot` and `flatnet-bot`."""

import gc
import os
import sys

from bot.terminal.plain_request import INTERNAL_ERROR, PlainRequest, detect_terminal, parse_plain_request, print_output

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended."""


def main() -> None:
    """Run the command line. An unforeseen error ends with a reference and exit code 5, never with a traceback."""
    gc.disable()  # saves short commands a tenth of a second; `warm_up` and `run_shell` enable it again
    try:
        request = parse_plain_request(sys.argv[1:], os.environ)
        if request is None:
            from bot.cli import app

            app()
        else:
            _answer(request)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        from bot.terminal import commands

        sys.stderr.write(commands.report_unexpected(error) + "\n")
        sys.exit(INTERNAL_ERROR)


def _answer(request: PlainRequest) -> None:
    """Answer a plain request, and end with its exit code."""
    from bot.terminal.one_request import answer_request

    output = answer_request(request.config, request.text, request.form, detect_terminal())
    print_output(output)
    sys.exit(output.exit)


if __name__ == "__main__":
    main()
