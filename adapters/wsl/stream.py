"""Streams: a program in WSL2 that writes to its standard output, or reads its standard input, for as long as bytes come.

    source: sudo helper … ─ stdout: the bytes        stderr: beats (".") while it works ("-": nothing happens in it), then
                                                             one line of JSON: the count
    sink:   sudo helper … ◀ stdin: the bytes         stderr: the same

A stream has no deadline. It ends when it stalls: no byte and no beat at either end for `STALL_TIMEOUT` seconds. The bot
keeps a few pieces of it in memory and nothing on disk. What came through is counted and hashed at both ends and in between.
"""

from adapters.action import Effect
from adapters.transfer import STALL_TIMEOUT, StreamCount, TransferSize
from adapters.wsl.helper import HelperAction


class StreamAction(HelperAction[StreamCount]):
    """Base class of both ends. `parse` gets one program whose standard output is the last line of its standard error."""

    deadline = STALL_TIMEOUT
    output_limit = 64_000

    expected: TransferSize = 0
    """Bytes that are expected, for the progress that people see; 0 if that is not known."""


class StreamSource(StreamAction):
    """An end that yields bytes. It changes nothing."""


class StreamSink(StreamAction):
    """An end that takes bytes. It is never repeated blindly: after a crash, a check says whether all of it is there."""

    effect = Effect.CHANGE
    repeatable = False
